"""Small secrets at rest: readable by who has the key, for what they belong to, and nobody else."""

from __future__ import annotations

from chassis.auth import generate_key
from chassis.sealing import Seal


def test_a_secret_opens_with_its_key_for_its_owner_and_purpose_alone() -> None:
    seal = Seal(b"a key", "passwords")
    sealed = seal.close(b"secret", "trk_1")
    assert b"secret" not in sealed and seal.close(b"secret", "trk_1") != sealed
    assert seal.open(sealed, "trk_1") == b"secret"
    assert seal.open(sealed, "trk_2") is None
    assert Seal(b"a key", "other").open(sealed, "trk_1") is None
    assert Seal(b"another", "passwords").open(sealed, "trk_1") is None
    for broken in (b"", sealed[:20], sealed[:-1] + bytes([sealed[-1] ^ 1])):
        assert seal.open(broken, "trk_1") is None


def test_every_process_with_the_same_key_file_opens_what_another_sealed(tmp_path) -> None:
    path = tmp_path / "key.json"
    path.write_text(generate_key())
    sealed = Seal.load(str(path), "passwords").close(b"secret", "trk_1")
    assert Seal.load(str(path), "passwords").open(sealed, "trk_1") == b"secret"

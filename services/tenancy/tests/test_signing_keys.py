"""One signing key follows another without a restart, and whoever signed in by the old one stays signed in."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from chassis import watched
from chassis.auth import generate_key
from joserfc import jwt
from joserfc.jwk import KeySet
from tenancy.domain.people import User
from tenancy.tokens import AccessTokenSigner

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
OLGA = User("usr_1", "Olga", "olga@acme.example", "OWNER", "en", NOW)


@pytest.fixture(autouse=True)
def _look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "LOOK_SECONDS", 0.0)


def _write(path: Path, *keys: str) -> None:
    path.with_suffix(".next").write_text(json.dumps({"keys": [json.loads(each) for each in keys]}))
    path.with_suffix(".next").replace(path)


def test_a_key_is_published_before_it_signs_and_after_it_has_signed(tmp_path: Path) -> None:
    path, old, new = tmp_path / "signing.jwks", generate_key(), generate_key()
    _write(path, old)
    signer = AccessTokenSigner.load(path)
    before, _ = signer.sign(OLGA, "ten_1", "ses_1", NOW)
    _write(path, old, new)
    published = KeySet.import_key_set(json.loads(signer.public()))
    assert [key.kid for key in published.keys] == [json.loads(each)["kid"] for each in (old, new)]
    _write(path, new, old)
    after, _ = signer.sign(OLGA, "ten_1", "ses_1", NOW)
    for token, key in ((before, old), (after, new)):
        told = jwt.decode(token, published, algorithms=["Ed25519"])
        assert told.header["kid"] == json.loads(key)["kid"], "whoever knows what was published knows both"
    assert json.loads(old)["d"] not in signer.public()


def test_a_file_that_is_no_set_of_keys_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, key = tmp_path / "signing.jwks", generate_key()
    _write(path, key)
    signer = AccessTokenSigner.load(path)
    known = signer.public()
    for spoilt in ("{", '{"keys": []}', '{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}'):
        path.write_text(spoilt)
        assert signer.public() == known
    said = capsys.readouterr().err
    assert "can't be read again" in said and "c2VjcmV0" not in said

"""One internal key after the other without a restart: no caller is refused, and what was sealed opens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from chassis import watched
from chassis.auth import STRANGER, InternalTokens, TokenInvalid, acting_for, generate_key
from chassis.grpc import Peers, serve
from chassis.keyring import parse
from chassis.sealing import Seal
from chassis.settings import ProcessSettings
from kernel.errors import Unauthenticated
from merkez.routing.v1 import queue_pb2, queue_service_pb2, queue_service_pb2_grpc

GET = queue_service_pb2.GetQueueRequest


@pytest.fixture(autouse=True)
def _look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "LOOK_SECONDS", 0.0)


def _write(path: Path, *keys: str) -> str:
    """As a kubelet does: the file is another one at once."""
    path.with_suffix(".new").write_text(json.dumps({"keys": [json.loads(each) for each in keys]}))
    path.with_suffix(".new").replace(path)
    return str(path)


def _sealing_only(key: str) -> str:
    return json.dumps(json.loads(key) | {"use": "enc"})


class Queues(queue_service_pb2_grpc.QueueServiceServicer):
    """Answers."""

    async def GetQueue(self, request: queue_service_pb2.GetQueueRequest, context: object) -> queue_pb2.Queue:
        return queue_pb2.Queue(queue_id=request.queue_id)


async def test_processes_that_read_the_next_key_one_after_the_other_never_refuse_each_other(tmp_path: Path) -> None:
    old, new = generate_key(), generate_key()
    here, there = tmp_path / "caller.jwks", tmp_path / "called.jwks"
    server = serve(
        [(queue_service_pb2_grpc.add_QueueServiceServicer_to_server, Queues())],  # type: ignore[abstract]
        ProcessSettings(service="routing", internal_key=_write(there, old)),
    )
    await server.start()
    peers = Peers(
        ProcessSettings(service="flows", internal_key=_write(here, old), peers={"routing": server.address}), "flows"
    )
    stub = peers.stub(queue_service_pb2_grpc.QueueServiceStub, "routing")

    async def answered() -> bool:
        with acting_for("ten_1"):
            return (await stub.GetQueue(GET(queue_id="que_1"))).queue_id == "que_1"

    # Each step in the order that is worse: who signs is told before who verifies, and the other way round.
    for caller, called in [((old,), (old, new)), ((old, new), (old, new)), ((new, old), (old, new)), ((new,), (new,))]:
        _write(here, *caller)
        assert await answered()
        _write(there, *called)
        assert await answered()
    _write(here, old)  # whoever still has the old one alone
    with acting_for("ten_1"), pytest.raises(Unauthenticated):
        await stub.GetQueue(GET(queue_id="que_1"))
    await peers.close()
    await server.close()


def test_a_token_of_a_key_that_was_taken_out_is_refused_at_once_though_it_was_believed_before(tmp_path: Path) -> None:
    old, new = generate_key(), generate_key()
    path = tmp_path / "internal.jwks"
    called = InternalTokens.load(_write(path, old), "routing")
    stolen = InternalTokens.from_json(old, "gateway").issue(STRANGER, "routing")
    assert called.verify(stolen) == called.verify(stolen)
    _write(path, new, _sealing_only(old))
    with pytest.raises(TokenInvalid):
        called.verify(stolen)
    assert called.verify(InternalTokens.from_json(new, "gateway").issue(STRANGER, "routing"))


def test_what_was_sealed_opens_as_long_as_its_key_is_kept_for_that(tmp_path: Path) -> None:
    old, new = generate_key(), generate_key()
    path = tmp_path / "internal.jwks"
    path.write_text(old)  # a single key, as installations begin
    seal = Seal.load(str(path), "passwords")
    before = seal.close(b"trunk", "trk_1")
    _write(path, new, _sealing_only(old))
    after = seal.close(b"trunk", "trk_1")
    assert seal.open(before, "trk_1") == seal.open(after, "trk_1") == b"trunk"
    _write(path, new)
    assert seal.open(before, "trk_1") is None and seal.open(after, "trk_1") == b"trunk"


def test_a_file_that_is_half_written_or_away_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, path = generate_key(), tmp_path / "internal.jwks"
    tokens = InternalTokens.load(_write(path, key), "routing")
    for spoil in (lambda: path.write_text('{"keys": [{"kty"'), path.unlink):
        spoil()
        assert tokens.verify(InternalTokens.from_json(key, "gateway").issue(STRANGER, "routing"))
    said = capsys.readouterr().err
    assert said.count("can't be read again") == 1 and json.loads(key)["d"] not in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "isn't JSON"),
        ('{"keys": []}', "must be one that signs"),
        (json.dumps({"keys": [json.loads(_sealing_only(generate_key()))]}), "must be one that signs"),
        ('{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}', "must hold Ed25519 private keys"),
        (json.dumps({name: part for name, part in json.loads(generate_key()).items() if name != "d"}), "private part"),
        ("-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----", "must hold Ed25519 private keys"),
    ],
    ids=["no JSON", "no key", "none that signs", "another kind", "no private part", "a PEM"],
)
def test_keys_that_can_not_work_are_refused_in_words_without_them(content: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        parse(content)
    assert "c2VjcmV0" not in str(refused.value)


def test_a_process_says_which_file_of_keys_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "internal.jwks"
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"internal\.jwks: it must hold"):
        serve([], ProcessSettings(service="routing", internal_key=str(path)))

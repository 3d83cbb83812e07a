"""Neighbours and NATS take only whom our authority signed, and a renewed certificate without a restart."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import nats
import pytest
import pytest_asyncio
from chassis import mutual_tls
from chassis.auth import InternalTokens, acting_for, generate_key
from chassis.bus import Bus
from chassis.grpc import Peers, serve
from chassis.mutual_tls import CertificateUnusable, Identity
from chassis.probe import wrong_with
from chassis.settings import ProcessSettings, SettingsError, load
from cryptography import x509
from kernel.errors import Unavailable
from merkez.routing.v1 import queue_pb2, queue_service_pb2, queue_service_pb2_grpc
from merkez_local.nats import server_binary
from merkez_local.postgres import free_port
from nats.errors import Error as NatsError
from testkit import eventually
from testkit.certificates import Certificates, Own

GET = queue_service_pb2.GetQueueRequest
EXPIRED = datetime(2021, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutual_tls, "_LOOK_SECONDS", 0.0)


class Queues(queue_service_pb2_grpc.QueueServiceServicer):
    """Answers; `slow` when it is let go."""

    def __init__(self) -> None:
        self.started, self.go = asyncio.Event(), asyncio.Event()

    async def GetQueue(self, request: Any, context: Any) -> queue_pb2.Queue:
        if request.queue_id == "slow":
            self.started.set()
            await self.go.wait()
        return queue_pb2.Queue(queue_id=request.queue_id)


def _with(settings: ProcessSettings, own: Own) -> ProcessSettings:
    return replace(
        settings, tls_certificate=str(own.certificate), tls_key=str(own.key), tls_authority=str(own.authority)
    )


@dataclass
class House:
    """A server of routing, and who calls it."""

    certificates: Certificates
    tokens: str
    queues: Queues
    server: Any
    own: Own

    def caller(self, own: Own | None, service: str = "routing") -> Peers:
        settings = ProcessSettings(service="flows", peers={service: self.server.address})
        tokens = InternalTokens.from_json(self.tokens, "flows")
        return Peers(settings if own is None else _with(settings, own), tokens=tokens)


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    certificates = Certificates(tmp_path / "ours")
    own, key, queues = certificates.issue("routing"), generate_key(), Queues()  # type: ignore[abstract]
    settings = _with(ProcessSettings(service="routing", health_port=free_port()), own)
    server = serve(
        [(queue_service_pb2_grpc.add_QueueServiceServicer_to_server, queues)],
        settings,
        tokens=InternalTokens.from_json(key, "routing"),
    )
    server.health = f"grpc://127.0.0.1:{settings.health_port}"  # type: ignore[attr-defined]
    await server.start()
    yield House(certificates, key, queues, server, own)
    await server.close()


async def _asks(peers: Peers, queue_id: str = "que_1", service: str = "routing") -> str:
    with acting_for("ten_1"):
        stub: Any = peers.stub(queue_service_pb2_grpc.QueueServiceStub, service)
        return (await stub.GetQueue(GET(queue_id=queue_id), timeout=5)).queue_id


async def _refused(peers: Peers, service: str = "routing") -> bool:
    try:
        await _asks(peers, service=service)
    except Unavailable:
        return True
    finally:
        await peers.close()
    return False


async def test_neighbours_who_are_ours_are_served(house: House) -> None:
    peers = house.caller(house.certificates.issue("flows"))
    assert await _asks(peers) == "que_1"
    await peers.close()


async def test_a_stranger_without_a_certificate_is_refused(house: House) -> None:
    assert await _refused(house.caller(None)), "plain"
    authority = house.own.authority.read_bytes()
    override = [("grpc.ssl_target_name_override", "routing.merkez.internal")]
    channel = grpc.aio.secure_channel(
        house.server.address, grpc.ssl_channel_credentials(authority), options=override
    )  # TLS, but nobody's
    stub: Any = queue_service_pb2_grpc.QueueServiceStub(channel)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.GetQueue(GET(queue_id="que_1"), timeout=5)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    await channel.close()


async def test_whom_another_authority_signed_is_refused(house: House, tmp_path: Path) -> None:
    stranger = Certificates(tmp_path / "theirs").issue("flows")
    assert await _refused(house.caller(Own(stranger.certificate, stranger.key, house.own.authority)))


async def test_a_service_that_pretends_to_be_another_is_not_told_anything(house: House) -> None:
    # Routing's own certificate where tenancy is meant: its key opens no door in tenancy's name.
    assert await _refused(house.caller(house.certificates.issue("flows"), service="tenancy"), service="tenancy")


async def test_a_renewed_certificate_is_taken_up_while_calls_go_on(house: House, tmp_path: Path) -> None:
    caller = house.certificates.issue("flows")
    peers = house.caller(caller)
    slow = asyncio.get_running_loop().create_task(_asks(peers, "slow"))
    await house.queues.started.wait()
    assert _shown(house) == _serial(house.own)
    house.certificates.issue("routing", into=house.own.certificate.parent)
    house.certificates.issue("flows", into=caller.certificate.parent)
    assert await _asks(peers) == "que_1"
    assert await asyncio.to_thread(_shown, house) == _serial(house.own), "new visitors meet the renewed one"
    house.queues.go.set()
    assert await slow == "slow", "a call under way is not cut"
    await peers.close()


async def test_a_caller_whose_certificate_expired_is_refused_until_it_is_renewed(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    caller = house.certificates.issue("flows", until=EXPIRED)
    peers = house.caller(caller)
    with pytest.raises(Unavailable):
        await _asks(peers)
    told = capsys.readouterr()
    assert "this process's certificate has expired" in told.out + told.err
    assert "renew" in told.out + told.err
    house.certificates.issue("flows", into=caller.certificate.parent)
    assert await _asks(peers) == "que_1"
    await peers.close()


async def test_a_half_written_certificate_leaves_the_one_before_in_force(house: House) -> None:
    caller = house.certificates.issue("flows")
    peers = house.caller(caller)
    caller.key.write_text("-----BEGIN PRIVATE KEY-----\nhalf")
    assert await _asks(peers) == "que_1"
    await peers.close()


async def test_a_probe_with_a_certificate_of_ours_is_answered(house: House) -> None:
    own = house.certificates.issue("probe")
    identity = Identity(str(own.certificate), str(own.key), str(own.authority))
    assert await wrong_with(f"grpc://{house.server.address}", identity) == ""
    assert await wrong_with(f"grpc://{house.server.address}") != ""


async def test_a_kubelet_asks_for_health_without_a_certificate_and_gets_nothing_else(house: House) -> None:
    assert await wrong_with(house.server.health) == ""
    channel = grpc.aio.insecure_channel(house.server.health.removeprefix("grpc://"))
    stub: Any = queue_service_pb2_grpc.QueueServiceStub(channel)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.GetQueue(GET(queue_id="que_1"), timeout=5)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    await channel.close()


def test_a_key_of_another_certificate_is_said_to_be_one(tmp_path: Path) -> None:
    ours = Certificates(tmp_path / "ours")
    one, two = ours.issue("routing"), ours.issue("flows")
    with pytest.raises(CertificateUnusable, match="isn't the key of"):
        Identity(str(one.certificate), str(two.key), str(one.authority))


def test_half_of_the_settings_is_refused(tmp_path: Path) -> None:
    own = Certificates(tmp_path / "ours").issue("routing")
    with pytest.raises(SettingsError, match="MERKEZ_TLS_KEY is missing"):
        load(ProcessSettings, service="routing", environ={"MERKEZ_TLS_CERTIFICATE": str(own.certificate)})


async def test_nats_takes_ours_and_no_strangers_and_the_bus_goes_on_with_a_renewed_certificate(tmp_path: Path) -> None:
    authority = Certificates(tmp_path / "ours")
    server, client = authority.issue("nats"), authority.issue("routing")
    port, config = free_port(), tmp_path / "nats.conf"
    config.write_text(
        f'listen: "127.0.0.1:{port}"\ntls {{ cert_file: "{server.certificate}", key_file: "{server.key}", '
        f'ca_file: "{server.authority}", verify: true }}\n'
    )

    def begin() -> subprocess.Popen[bytes]:
        return subprocess.Popen([server_binary(), "-c", str(config)], stderr=subprocess.DEVNULL)

    process = begin()
    settings = _with(ProcessSettings(service="routing", nats_url=f"tls://127.0.0.1:{port}"), client)
    bus = await Bus.connect(settings)
    try:
        await eventually(lambda: bus.connected)
        stranger = Certificates(tmp_path / "theirs").issue("flows")
        context = ssl.create_default_context(cadata=server.authority.read_text())
        for own in (None, stranger):
            if own is not None:
                context.load_cert_chain(own.certificate, own.key)
            with pytest.raises((OSError, NatsError)):
                await nats.connect(settings.nats_url, tls=context, allow_reconnect=False, connect_timeout=2)
        # The old one is taken back together with its authority: only the renewed one still opens NATS.
        process.terminate()
        process.wait()
        renewed = Certificates(tmp_path / "renewed")
        renewed.issue("nats", into=server.certificate.parent)
        renewed.issue("routing", into=client.certificate.parent)
        process = begin()
        await eventually(lambda: bus.connected)
    finally:
        await bus.close()
        process.terminate()
        process.wait()


def _serial(own: Own) -> int:
    return x509.load_pem_x509_certificate(own.certificate.read_bytes()).serial_number


def _shown(house: House) -> int:
    host, port = house.server.address.rsplit(":", 1)
    pem = ssl.get_server_certificate((host, int(port)), timeout=5)
    return x509.load_pem_x509_certificate(pem.encode()).serial_number

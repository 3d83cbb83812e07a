"""What the doctor says of certificates and relays, without an installation."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from merkez_ops.checks import database
from merkez_ops.doctor import Verdict, examine
from merkez_ops.installation import Installation, addresses_of
from merkez_ops.relays import relay_answers, relays_of
from merkez_ops.settings import OpsSettings
from merkez_ops.validity import of_file
from testkit.certificates import Certificates
from testkit.databases import Databases

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [(timedelta(days=60), Verdict.FINE), (timedelta(days=3), Verdict.DOUBTFUL), (timedelta(days=-1), Verdict.WRONG)],
)
def test_a_certificate_is_told_of_before_it_expires(tmp_path: Path, ends: timedelta, verdict: Verdict) -> None:
    own = Certificates(tmp_path, now=NOW - timedelta(days=90)).issue("routing", until=NOW + ends)
    assert of_file(str(own.certificate), NOW).verdict is verdict


def test_a_file_that_is_no_certificate_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "tls.crt").write_text("soon")
    assert of_file(str(tmp_path / "tls.crt"), NOW).verdict is Verdict.WRONG


def test_an_address_of_several_processes_is_each_of_them() -> None:
    assert list(addresses_of("ipv4:10.0.0.1:7000,10.0.0.2:7000")) == ["10.0.0.1:7000", "10.0.0.2:7000"]
    assert list(addresses_of("dns:///merkez-routing:7000")) == ["merkez-routing:7000"]


def test_relays_are_asked_where_their_urls_say() -> None:
    plain, secure = relays_of("turn:turn.example.com?transport=tcp, turns:[2001:db8::1]:443")
    assert (plain.host, plain.port, plain.over) == ("turn.example.com", 3478, "tcp")
    assert (secure.host, secure.port, secure.over) == ("2001:db8::1", 443, "tls")


async def test_who_answers_something_else_at_a_relays_port_is_no_relay() -> None:
    class Stranger(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: object) -> None:
            self.transport.sendto(b"220 smtp.example.com", addr)  # type: ignore[attr-defined]

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Stranger, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    try:
        (relay,) = relays_of(f"turn:127.0.0.1:{port}")
        assert await relay_answers(relay) == "answers something that isn't STUN"
    finally:
        transport.close()


async def test_a_check_that_breaks_does_not_hide_what_the_others_found() -> None:
    async def broken(here: Installation, now: datetime):
        raise RuntimeError("no such thing")
        yield

    here = Installation(OpsSettings())
    found = await examine(here, lambda: NOW, {"first": broken, "second": broken})
    assert [(each.what, each.verdict) for each in found] == [("first", Verdict.WRONG), ("second", Verdict.WRONG)]


async def test_after_a_rollback_a_newer_schema_is_told_and_is_nothing_wrong(databases: Databases) -> None:
    url = databases.admin_url_of(await databases.settings("engagement", fresh=True))
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    said = dict[str, Verdict]()
    for version in ("engagement_9999", "engagement_0001"):
        await connection.execute("update engagement.alembic_version set version_num = $1", version)
        here = Installation(OpsSettings(admin_database_url=url))
        found = {each.what: each async for each in database(here, datetime.now(UTC))}  # noqa: TID251
        said[version] = found["migrations of engagement"].verdict
    await connection.close()
    assert said == {"engagement_9999": Verdict.DOUBTFUL, "engagement_0001": Verdict.WRONG}

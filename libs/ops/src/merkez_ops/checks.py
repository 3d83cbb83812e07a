"""What `doctor` looks at, one check for each thing that an installation stands on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

from chassis import facts
from chassis.bus import stream_config
from chassis.migrate import head_of, newer_than_known
from chassis.mutual_tls import Identity
from chassis.probe import wrong_with
from chassis.schemas import services_with_migrations
from chassis.settings import SERVICES
from chassis.sqlaccess import Access
from kernel.errors import DomainError
from nats.js.errors import NotFoundError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from merkez_ops.doctor import Check, Finding, doubtful, fine, skipped, wrong
from merkez_ops.installation import Installation, addresses_of
from merkez_ops.nodes import list_nodes
from merkez_ops.relays import relay_answers, relays_of
from merkez_ops.streams import expected_consumers, expected_streams, list_lag, list_streams
from merkez_ops.validity import certificate_findings

SKEW = timedelta(seconds=5)
"""Internal tokens bear 30 s, deadlines and leases far less."""
LAG = 1000
"""Facts that wait for one listener; in a healthy installation they are worked as they come."""


async def database(here: Installation, now: datetime) -> AsyncIterator[Finding]:
    """Reachable, and every schema at its newest migration."""
    url = here.settings.admin_database_url
    if not url:
        yield skipped("database", "set MERKEZ_ADMIN_DATABASE_URL, or run this in the image that migrates")
        return
    try:
        async with _connected(url, here.settings.database_tls_authority) as connection:
            version = str((await connection.execute(text("select version()"))).scalar_one())
            yield fine("database", f"answers: {version.split(' on ')[0].split(' (')[0]}")
            for service in services_with_migrations():
                yield await _migrations(connection, service)
            yield _clock("clock of the database", *await _database_time(connection))
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        where = urlsplit(url).netloc.rpartition("@")[2]
        said = str(getattr(error, "orig", None) or error).splitlines()[0]
        yield wrong("database", f"{where} can't be used: {said}", "start it, or correct MERKEZ_ADMIN_DATABASE_URL")


async def nats(here: Installation, now: datetime) -> AsyncIterator[Finding]:
    """Reachable, with the streams and listeners that the code wants."""
    try:
        await here.bus()
    except DomainError as error:
        yield wrong("NATS", str(error), "start it, or correct MERKEZ_NATS_URL; facts wait in the outboxes meanwhile")
        return
    yield fine("NATS", f"answers at {here.settings.nats_url}")
    async for finding in _streams(here):
        yield finding
    async for finding in _lags(here):
        yield finding
    for stream in (await list_streams(here))[:1]:
        told = await here.ask_jetstream(f"STREAM.INFO.{stream.name}")
        yield _clock("clock of NATS", datetime.now(UTC), _instant(str(told["ts"])))  # noqa: TID251


async def services(here: Installation, now: datetime) -> AsyncIterator[Finding]:
    """Each process answers its health check."""
    identity = Identity.of(here.settings)
    for name in SERVICES:
        if name == "gateway":
            continue
        if not (address := here.settings.peers.get(name, "")):
            yield skipped(name, f"set MERKEZ_{name.upper()}_ADDRESS")
            continue
        said = await asyncio.gather(*(wrong_with(f"grpc://{each}", identity) for each in addresses_of(address)))
        bad = [f"{each}: {problem}" for each, problem in zip(addresses_of(address), said, strict=True) if problem]
        if bad:
            yield wrong(name, "; ".join(bad), f"see whether its process runs, and what {name}'s log says last")
        else:
            yield fine(name, f"serves at {address}")


async def gateway(here: Installation, now: datetime) -> AsyncIterator[Finding]:
    """Ready, which it is when who it needs is."""
    url = here.settings.gateway_url or here.settings.public_url
    if not url:
        yield skipped("gateway", "set MERKEZ_GATEWAY_URL")
        return
    try:
        status, text_, date = await asyncio.to_thread(_get, f"{url.rstrip('/')}/readyz")
    except OSError as error:
        yield wrong("gateway", f"{url} can't be reached: {error}", "see whether its process runs, and the way to it")
        return
    if status == 200:
        yield fine("gateway", f"is ready at {url}")
    else:
        yield wrong(
            "gateway", f"answers {status}: {text_[:200]}", "mend what it names; it takes no visitors until then"
        )
    if date is not None:
        yield _clock("clock of the gateway", datetime.now(UTC), date, within=SKEW + timedelta(seconds=1))  # noqa: TID251


async def nodes(here: Installation, now: datetime) -> AsyncIterator[Finding]:
    """Somebody takes calls."""
    if "telephony" not in here.settings.peers:
        yield skipped("telephony's nodes", "set MERKEZ_TELEPHONY_ADDRESS and MERKEZ_INTERNAL_KEY")
        return
    try:
        found = await list_nodes(here, now)
    except DomainError as error:
        yield wrong("telephony's nodes", str(error), "mend telephony first")
        return
    taking = [node for node in found if node.state == "taking calls"]
    stranded = [node for node in found if node.state == "gone" and node.live_calls]
    if not taking:
        yield wrong("telephony's nodes", "none takes calls", "start one, or `merkez-ops undrain NODE`")
    else:
        calls = sum(node.live_calls for node in taking)
        yield fine("telephony's nodes", f"{len(taking)} take calls and hold {calls}")
    for node in stranded:
        what, said = (
            f"node {node.node_id}",
            f"is silent for {node.heard_seconds:.0f} s and holds {node.live_calls} calls",
        )
        yield wrong(what, said, "another node should have adopted them: see telephony's log for why it can't")


async def certificates(here: Installation, now: datetime) -> AsyncIterator[Finding]:
    """None has expired or is about to."""
    async for finding in certificate_findings(here.settings, now):
        yield finding


async def relays(here: Installation, now: datetime) -> AsyncIterator[Finding]:
    """TURN servers answer."""
    found = relays_of(here.settings.turn_urls)
    if not found:
        yield skipped("TURN", "set MERKEZ_TURN_URLS where browsers are told of relays; without, strict firewalls mute")
    for relay in found:
        if problem := await relay_answers(relay):
            yield wrong(
                "TURN", f"{relay.url}: {problem}", "start coturn, or open its port: browsers behind it stay mute"
            )
        else:
            yield fine("TURN", f"{relay.url} answers (its credentials weren't tried)")


CHECKS: dict[str, Check] = {
    "database": database, "NATS": nats, "services": services, "gateway": gateway, "telephony's nodes": nodes,
    "certificates": certificates, "TURN": relays,
}  # fmt: skip
"""In the order they are told."""


async def _migrations(connection: AsyncConnection, service: str) -> Finding:
    what, wanted = f"migrations of {service}", head_of(service)
    try:
        found = (await connection.execute(text(f'select version_num from "{service}".alembic_version'))).scalars().all()
    except DBAPIError:
        return wrong(what, "its schema isn't there", "run `python -m chassis.migrate`")
    if list(found) == [wanted]:
        return fine(what, f"at {wanted}, the newest here")
    said = f"at {', '.join(found) or 'nothing'}, while this version's newest is {wanted}"
    if newer_than_known(service, found):
        return doubtful(
            what, said, "a version was rolled back, and works with the newer schema: mend it and go forward"
        )
    return wrong(what, said, "run `python -m chassis.migrate` of the newest version that is installed")


async def _streams(here: Installation) -> AsyncIterator[Finding]:
    there = {stream.name: stream for stream in await list_streams(here)}
    owners = {stream: owner for owner, stream in facts.STREAMS.items()} | {facts.DEAD_STREAM: facts.DEAD_STREAM}
    listeners = expected_consumers()
    bad = 0
    for name in expected_streams():
        stream, owner = there.get(name), owners[name]
        if stream is None and not listeners.get(name):
            continue  # made with the first fact, or the first letter: nobody waits for one
        if stream is None:
            bad += 1
            yield wrong(f"stream {name}", "isn't there", f"start {owner}, or {listeners[name][0]}: either makes it")
            continue
        async for finding in _differences(here, name, owner):
            bad += 1
            yield finding
        if stream.behind:
            bad += 1
            said = f"replicas {', '.join(stream.behind)} are behind or away"
            yield doubtful(f"stream {name}", said, "see whether those NATS servers run and have disk left")
    if not bad:
        yield fine("streams", f"those that are needed by now ({len(there)}) are as the code wants them")


async def _differences(here: Installation, name: str, owner: str) -> AsyncIterator[Finding]:
    wanted = stream_config(owner, here.settings.stream_replicas)
    found = (await (await here.bus()).jetstream.stream_info(name)).config
    missing = sorted(set(wanted.subjects or ()) - set(found.subjects or ()))
    if missing:
        said = f"doesn't take {', '.join(missing)}"
        yield wrong(f"stream {name}", said, f"restart {owner}: its newest version corrects the stream")
    if (found.num_replicas or 1) < (wanted.num_replicas or 1):
        said = f"is kept {found.num_replicas} times, while {wanted.num_replicas} are wanted"
        yield doubtful(f"stream {name}", said, "give NATS that many servers; the next restart corrects the stream")


async def _lags(here: Installation) -> AsyncIterator[Finding]:
    lags = {(lag.stream, lag.consumer): lag for lag in await list_lag(here)}
    bad = 0
    for stream, consumers in expected_consumers().items():
        for consumer in consumers:
            lag = lags.get((stream, consumer))
            if lag is None:
                bad += 1
                yield wrong(f"{consumer} on {stream}", "doesn't listen", f"start {consumer}")
            elif lag.waiting > LAG:
                bad += 1
                yield doubtful(
                    f"{consumer} on {stream}",
                    f"{lag.waiting} facts wait",
                    f"see {consumer}'s log, then give it replicas",
                )
    if not bad:
        yield fine("listeners", "everybody listens and nobody is far behind")
    try:
        dead = (await (await here.bus()).jetstream.stream_info(facts.DEAD_STREAM)).state.messages
    except NotFoundError:  # nobody ever buried one
        dead = 0
    if dead:
        yield doubtful(
            "dead letters", f"{dead} lie there", "`merkez-ops dead-letters`, mend the cause, then replay them"
        )
    else:
        yield fine("dead letters", "none")


def _clock(what: str, here: datetime, there: datetime, within: timedelta = SKEW) -> Finding:
    apart = abs(here - there)
    if apart <= within:
        return fine(what, f"within {within.total_seconds():.0f} s of this machine's")
    said = f"{apart.total_seconds():.0f} s {'behind' if there < here else 'ahead of'} this machine's"
    return wrong(what, said, "let every machine follow NTP: tokens, leases and offers go by the clock")


async def _database_time(connection: AsyncConnection) -> tuple[datetime, datetime]:
    there: Any = (await connection.execute(text("select clock_timestamp()"))).scalar_one()
    return datetime.now(UTC), there  # noqa: TID251 - it is the machine's clock that is compared


def _instant(stamp: str) -> datetime:
    # Go writes nanoseconds, which Python doesn't read.
    whole, _, rest = stamp.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{(rest or '0')[:6]}+00:00")


def _get(url: str) -> tuple[int, str, datetime | None]:
    try:
        with urlopen(url, timeout=5) as answer:
            status, body, date = answer.status, answer.read(500), answer.headers.get("date")
    except HTTPError as error:
        status, body, date = error.code, error.read(500), error.headers.get("date")
    return status, body.decode(errors="replace"), parsedate_to_datetime(date) if date else None


@asynccontextmanager
async def _connected(url: str, authority: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT", connect_args={"timeout": 5})
    Access(tls_authority=authority).open_by(engine)
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()

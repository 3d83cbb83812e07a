"""Whoever tries user names learns nothing: what comes back and what is done for it are the same for every name.

Work is counted, not timed: the statements that the database is given, and the hashes that are computed.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import pytest_asyncio
import telephony.sip.digest as digest
from chassis.sql import Database, DatabaseUnavailable
from sqlalchemy import event
from telephony.domain.devices import new_user_name
from telephony.ops import devices as device_ops
from telephony.sip import Credentials, Registration
from telephony.sip.digest import DigestClient
from telephony.sip.messages import Headers, Request, Response
from testkit import eventually
from testkit.reruns import hold_at_once

from .conftest import Exchange, an_id
from .desk_phones import DeskPhone
from .sip.peers import Stranger

SAMPLES = 48
PER_ADDRESS = 12
"""Names tried from one address: fewer than it is barred for."""
ODD_NAMES = ("", "a", "1000", "admin", "anonymous", "x" * 256, "x" * 257, "o'hara; drop", "ü", "a%00b", "usr_1")


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0")


@contextmanager
def work_counted(exchange: Exchange) -> Iterator[list[str]]:
    """What is done for requests that are being identified, in order: statements and hashes."""
    done: list[str] = []

    def executed(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        task = asyncio.current_task()
        if task is not None and task.get_name() in ("REGISTER", "INVITE"):
            done.append(statement)

    hashed = digest._hash

    def counted(algorithm: str, text: str) -> str:
        done.append(algorithm)
        return hashed(algorithm, text)

    hold_at_once(exchange.house.db)
    engines = [each.sync_engine for each in (exchange.house.db.engine, exchange.house.db.system_engine) if each]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", executed)
    digest._hash = counted
    try:
        yield done
    finally:
        digest._hash = hashed
        for engine in engines:
            event.remove(engine, "before_cursor_execute", executed)


class Scanner:
    """Tries names, from one address after the other."""

    def __init__(self, exchange: Exchange) -> None:
        assert exchange.edge is not None
        self.port = exchange.edge.agent.points[0].port
        self._at: Stranger | None = None
        self._tried = 0

    async def move_on(self) -> Stranger:
        if self._at is None or self._tried % PER_ADDRESS == 0:
            self.close()
            host = f"127.0.7.{1 + self._tried // PER_ADDRESS}"
            loop = asyncio.get_running_loop()
            _, self._at = await loop.create_datagram_endpoint(Stranger, local_addr=(host, 0))
            self._at.to = self.port
        self._tried += 1
        return self._at

    def close(self) -> None:
        if self._at is not None:
            self._at.close()

    async def try_name(self, method: str, user: str, done: list[str], status: int = 401) -> tuple[object, ...]:
        """What one guess at a name and a password of its own shows, and what was done for it."""
        at, call = await self.move_on(), f"scan-{method}-{self._tried}"
        uri = f"sip:127.0.0.1:{self.port}" if method == "REGISTER" else f"sip:100@127.0.0.1:{self.port}"
        at.say(at.message(method, f"z9hG4bK{call}a", call=call, uri=uri))
        if method == "OPTIONS":
            return self._shown(await at.response(200)), ()
        challenge = await at.response(401)
        client, request = DigestClient(Credentials(user, "guess")), Request(method, uri, Headers())
        offered = [("www-authenticate", each) for each in challenge.headers.lines("www-authenticate")]
        assert client.challenged(Response(401, "", Headers(offered)), set())
        client.sign(request)
        done.clear()
        signed = f"Authorization: {request.headers.get('authorization')}"
        at.say(at.message(method, f"z9hG4bK{call}b", signed, call=call, cseq=2, uri=uri))
        answer = await at.response(status)
        return self._shown(answer), tuple(done)

    def _shown(self, answer: Response) -> tuple[object, ...]:
        own = ("via", "to", "from", "call-id", "www-authenticate")
        fields = [(name, "" if name in own else value) for name, value in answer.headers]
        lengths = tuple(len(each) for each in answer.headers.lines("www-authenticate"))
        return (answer.status, answer.reason, answer.body, lengths, *fields)


async def names(exchange: Exchange) -> list[tuple[str, str]]:
    """(kind, user name) of phones there are, of one that is switched off, and of nobody."""
    house, tenant = exchange.house, exchange.tenant_id
    found: list[tuple[str, str]] = []
    for kind in ("known", "known", "off"):
        device, _ = await house.db.run(
            tenant, lambda tx: device_ops.create_device(tx, an_id("usr"), "Desk", house.now())
        )
        if kind == "off":
            await house.db.run(
                tenant,
                lambda tx, device=device: device_ops.update_device(
                    tx, device.device_id, {"enabled": False}, device.version, house.now()
                ),
            )
        found.append((kind, device.user_name))
    return found + [("nobody", new_user_name()) for _ in range(3)]


@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "OPTIONS"])
async def test_names_there_are_and_names_there_are_not_cannot_be_told_apart(exchange: Exchange, method: str) -> None:
    known = await names(exchange)
    tries = known * (SAMPLES // len(known))
    random.Random(7).shuffle(tries)
    scanner = Scanner(exchange)
    seen: dict[str, Counter[tuple[object, ...]]] = {kind: Counter() for kind, _ in known}
    with work_counted(exchange) as done:
        for kind, user in tries:
            seen[kind][await scanner.try_name(method, user, done)] += 1
    scanner.close()
    (shape,) = {each for counts in seen.values() for each in counts}
    statements = [each for each in shape[1] if " " in str(each)]  # type: ignore[union-attr]
    assert (len(statements) > 0) == (method != "OPTIONS"), "the names are looked up"
    assert exchange.edge is not None and exchange.switchboard.calls == []


class AwayDatabase:
    """Gone for each look of a name at it from the `first` on."""

    def __init__(self, db: Database, first: int, done: list[str]) -> None:
        self.clock = db.clock
        self._db = db
        self._first = first
        self._done = done

    async def run(self, tenant_id: str, fn: Any, *, read_only: bool = False) -> Any:
        return await self._look(self._db.run(tenant_id, fn, read_only=read_only))

    async def system(self, fn: Any, *, read_only: bool = False) -> Any:
        return await self._look(self._db.system(fn, read_only=read_only))

    async def _look(self, looking: Coroutine[Any, Any, Any]) -> Any:
        task = asyncio.current_task()
        if task is None or task.get_name() not in ("REGISTER", "INVITE"):
            return await looking
        self._done.append("look at the database")
        if self._done.count("look at the database") < self._first:
            return await looking
        looking.close()
        raise DatabaseUnavailable("away")


@pytest.mark.parametrize("first", [1, 2])
@pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
async def test_while_the_database_is_away_every_name_is_to_come_again_whether_anybody_has_it_or_not(
    exchange: Exchange, method: str, first: int
) -> None:
    known = await names(exchange)
    scanner, house = Scanner(exchange), exchange.house
    real = house.db
    with work_counted(exchange) as done:
        house.db = AwayDatabase(real, first, done)  # type: ignore[assignment]
        seen = [await scanner.try_name(method, user, done, 503) for _, user in known * 2]
        house.db = real
    scanner.close()
    (shape,) = set(seen)
    assert ("retry-after", "2") in shape[0]  # type: ignore[operator]
    assert shape[1].count("look at the database") == first  # type: ignore[attr-defined]
    again = Scanner(exchange)
    assert (await again.try_name(method, known[0][1], done))[0][0] == 401  # type: ignore[index]
    again.close()


async def test_names_nobody_can_have_are_answered_as_any_other(exchange: Exchange) -> None:
    scanner = Scanner(exchange)
    with work_counted(exchange) as done:
        shown = {(await scanner.try_name("REGISTER", user, done))[0] for user in ODD_NAMES}
    scanner.close()
    assert len(shown) == 1


async def test_a_phone_that_has_proved_who_it_is_while_the_database_goes_away_is_to_sign_in_again_later(
    exchange: Exchange,
) -> None:
    phone = await DeskPhone.signed_in(exchange, an_id("usr"))
    house, states = exchange.house, list[tuple[bool, int]]()
    real = house.db
    house.db = AwayDatabase(real, 3, [])  # type: ignore[assignment]
    here = f"sip:127.0.0.1:{phone._port}"
    wish = Registration(here, f"sip:{phone.user}@127.0.0.1", phone._credentials, hop=phone._hop)
    again = phone.agent.register(wish, lambda *state: states.append(state))
    await eventually(lambda: states)
    house.db = real
    assert states == [(False, 503)], "no phone gives up at that, as it does at 403"
    await again.stop()
    await phone.close()

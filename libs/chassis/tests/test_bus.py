"""Facts take effect once at each consumer, through crashes, a stopped NATS and facts that can't be worked."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from chassis import consumer as consumer_module
from chassis import outbox as outbox_module
from chassis.bus import Bus, FactMeta, LiveMessage
from chassis.consumer import Consumer
from chassis.deadletters import dead_letters as dead_letters_of
from chassis.deadletters import replay
from chassis.facts import DEAD_DAYS, DEAD_STREAM, FACT_DAYS, INBOX_DAYS, REPLAY_DAYS, STREAMS, subject_for
from chassis.settings import ProcessSettings
from chassis.sql import Database, Tx
from kernel.clock import SystemClock
from kernel.errors import InvalidInput, Unavailable
from kernel.ids import new_id
from merkez.analytics.v1.analytics_pb2 import Wallboard
from merkez.routing.v1.routing_events_pb2 import OfferMade, OfferMissed
from merkez_local.nats import Nats, start_nats
from nats.errors import Error as NatsError
from testkit import eventually

from .conftest import QUEUES


class Inbox:
    """A consumer's handlers that note what they worked."""

    def __init__(self) -> None:
        self.worked: list[tuple[str, str]] = []
        self.metas: list[FactMeta] = []

    async def made(self, tx: Tx, fact: OfferMade, meta: FactMeta) -> None:
        tx.after_commit(lambda: (self.worked.append((meta.key, fact.offer.offer_id)), self.metas.append(meta)))

    def of(self, key: str) -> list[str]:
        return [value for found, value in self.worked if found == key]


async def emit(db: Database, tenant: str, key: str, *values: str) -> None:
    async def work(tx: Tx) -> None:
        for value in values:
            tx.emit(OfferMade(offer={"offer_id": value}), key=key)  # type: ignore[arg-type]

    await db.run(tenant, work)


async def outbox(db: Database) -> list[Any]:
    return list(await db.system(lambda tx: tx.all(sa.select(db.standard.outbox))))


@pytest.fixture
def name() -> str:
    """The consumer's name."""
    return "trial"


async def dead_letters(bus: Bus, tenant: str, name: str) -> Any:
    try:
        return await bus.jetstream.get_last_msg(DEAD_STREAM, f"dead.{tenant}.{name}")
    except NatsError:
        return None


async def test_a_fact_reaches_its_consumer_and_leaves_the_outbox(
    db: Database, bus: Bus, tenant: str, name: str
) -> None:
    inbox = Inbox()
    await bus.consume(db, name, {OfferMade: inbox.made})
    bus.relay(db)
    await emit(db, tenant, "con_1", "ofr_1")
    await eventually(lambda: inbox.of("con_1") == ["ofr_1"])
    meta = inbox.metas[0]
    assert (meta.tenant_id, meta.key, meta.fact, meta.source) == (tenant, "con_1", "OfferMade", "/merkez/routing")
    await eventually(lambda: _is_empty(db))


async def _is_empty(db: Database) -> bool:
    return not await outbox(db)


async def test_facts_of_one_key_are_worked_as_they_come_when_nothing_fails(
    db: Database, bus: Bus, tenant: str, name: str
) -> None:
    inbox, expected = Inbox(), defaultdict(list)
    await bus.consume(db, name, {OfferMade: inbox.made})
    bus.relay(db)
    for number in range(60):
        key = f"con_{number % 7}"
        expected[key] += [f"{number}a", f"{number}b"]
        await emit(db, tenant, key, f"{number}a", f"{number}b")
    await eventually(lambda: len(inbox.worked) == 120, deadline=15)
    assert {key: inbox.of(key) for key in expected} == expected


async def test_a_fact_delivered_twice_takes_effect_once(db: Database, bus: Bus, tenant: str, name: str) -> None:
    inbox = Inbox()
    await bus.consume(db, name, {OfferMade: inbox.made})
    now = SystemClock().now()
    fact: dict[str, Any] = {
        "full_name": "merkez.routing.v1.OfferMade", "tenant_id": tenant, "key": "con_1", "time": now,
        "event_id": new_id("evt", now), "payload": OfferMade(offer={"offer_id": "ofr_1"}).SerializeToString(),  # type: ignore[arg-type]
    }  # fmt: skip
    await bus.publish_fact(**fact)
    await bus.publish_fact(**fact)  # swallowed by the duplicate window
    await bus.publish_fact(**fact, suffix=":replay-1")  # a reconciler's replay passes it and meets the inbox
    await bus.publish_fact(**(fact | {"event_id": new_id("evt", now), "payload": b""}))
    await eventually(lambda: len(inbox.worked) == 2)
    assert inbox.of("con_1") == ["ofr_1", ""]


async def test_the_work_of_a_fact_and_its_inbox_row_commit_together(
    db: Database, bus: Bus, tenant: str, name: str
) -> None:
    attempts: list[str] = []

    async def work(tx: Tx, fact: OfferMade, meta: FactMeta) -> None:
        await tx.execute(sa.insert(QUEUES).values(tenant_id=tx.tenant_id, queue_id=meta.event_id, waiting=0))
        attempts.append(meta.event_id)
        if len(attempts) < 3:
            raise RuntimeError("crashed after its work and before its commit")

    await bus.consume(db, name, {OfferMade: work})
    bus.relay(db)
    await emit(db, tenant, "con_1", "ofr_1")

    async def rows() -> list[Any]:
        return list(await db.run(tenant, lambda tx: tx.all(sa.select(QUEUES.c.queue_id))))

    await eventually(rows)
    assert len(attempts) == 3 and len(await rows()) == 1


async def test_a_fact_that_fails_by_itself_is_buried_whole_and_others_go_on(
    db: Database, bus: Bus, tenant: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "_BACKOFF", (0.01,))
    inbox = Inbox()

    async def work(tx: Tx, fact: OfferMade, meta: FactMeta) -> None:
        if fact.offer.offer_id == "bad":
            raise InvalidInput("no")
        await inbox.made(tx, fact, meta)

    await bus.consume(db, name, {OfferMade: work})
    bus.relay(db)
    await emit(db, tenant, "con_1", "bad", "good")
    await eventually(lambda: inbox.of("con_1") == ["good"])
    letter = await eventually(lambda: dead_letters(bus, tenant, name))
    assert OfferMade.FromString(letter.data).offer.offer_id == "bad"
    assert letter.headers["merkez-dead-reason"] == "INVALID_INPUT"
    assert letter.headers["merkez-dead-subject"] == subject_for(OfferMade, tenant)
    assert letter.headers["merkez-dead-attempts"] == str(consumer_module.ATTEMPTS)
    assert letter.headers["ce-tenant"] == tenant


async def test_a_fact_nobody_can_read_is_buried_at_once(db: Database, bus: Bus, tenant: str, name: str) -> None:
    inbox = Inbox()
    await bus.consume(db, name, {OfferMade: inbox.made})
    await bus.jetstream.publish(subject_for(OfferMade, tenant), b"\xff\xff", headers={"ce-id": "evt_x"})
    letter = await eventually(lambda: dead_letters(bus, tenant, name))
    assert letter.data == b"\xff\xff" and inbox.worked == []


async def test_headers_of_another_tenant_are_poison(
    db: Database, bus: Bus, tenant: str, other_tenant: str, name: str
) -> None:
    inbox = Inbox()
    await bus.consume(db, name, {OfferMade: inbox.made})
    headers = {"ce-id": "evt_y", "ce-time": "2026-03-02T09:00:00Z", "ce-tenant": other_tenant}
    await bus.jetstream.publish(subject_for(OfferMade, tenant), OfferMade().SerializeToString(), headers=headers)
    await eventually(lambda: dead_letters(bus, tenant, name))
    assert inbox.worked == []


async def test_a_neighbour_that_is_away_is_waited_for_and_nothing_is_buried(
    db: Database, bus: Bus, tenant: str, name: str
) -> None:
    inbox, away = Inbox(), [None] * 6

    async def work(tx: Tx, fact: OfferMade, meta: FactMeta) -> None:
        if away:
            away.pop()
            raise Unavailable("away")
        await inbox.made(tx, fact, meta)

    await bus.consume(db, name, {OfferMade: work})
    bus.relay(db)
    await emit(db, tenant, "con_1", "ofr_1", "ofr_2")
    await emit(db, tenant, "con_2", "ofr_3")
    await eventually(lambda: len(inbox.worked) == 3, deadline=40)
    assert inbox.of("con_1") == ["ofr_1", "ofr_2"]
    assert await dead_letters(bus, tenant, name) is None


async def test_replicas_share_one_consumer(
    db: Database, settings: ProcessSettings, bus: Bus, tenant: str, name: str
) -> None:
    first, second = Inbox(), Inbox()
    twin = await Bus.connect(settings)
    await bus.consume(db, name, {OfferMade: first.made})
    await twin.consume(db, name, {OfferMade: second.made})
    bus.relay(db)
    for number in range(20):
        await emit(db, tenant, f"con_{number}", str(number))
    await eventually(lambda: len(first.worked) + len(second.worked) == 20)
    assert {value for _, value in (*first.worked, *second.worked)} == {str(number) for number in range(20)}
    await twin.close()


async def test_two_relays_of_one_outbox_neither_lose_nor_repeat(
    db: Database, settings: ProcessSettings, bus: Bus, tenant: str, name: str
) -> None:
    inbox = Inbox()
    await bus.consume(db, name, {OfferMade: inbox.made})
    twin_db, twin = await Database.connect(settings, "trial"), await Bus.connect(settings)
    bus.relay(db)
    twin.relay(twin_db)
    for number in range(40):
        await emit(db if number % 2 else twin_db, tenant, f"con_{number % 3}", str(number))
    await eventually(lambda: len(inbox.worked) >= 40)
    await bus.drain()
    assert sorted(int(value) for _, value in inbox.worked) == list(range(40))
    for key in range(3):
        assert inbox.of(f"con_{key}") == [str(number) for number in range(40) if number % 3 == key]
    await twin.close()
    await twin_db.close()


async def test_with_nats_away_facts_wait_in_the_outbox_and_then_go_in_order(
    db: Database, bus: Bus, nats_server: Nats, tenant: str, name: str
) -> None:
    inbox = Inbox()
    await bus.consume(db, name, {OfferMade: inbox.made})
    bus.relay(db)
    await emit(db, tenant, "con_1", "1")
    await eventually(lambda: inbox.of("con_1") == ["1"])
    nats_server.stop()
    await emit(db, tenant, "con_1", "2")
    await emit(db, tenant, "con_1", "3")
    assert [row["key"] for row in await outbox(db)] == ["con_1", "con_1"]
    back = start_nats(nats_server.data_dir, port=nats_server.port, durable=False)
    try:
        await eventually(lambda: inbox.of("con_1") == ["1", "2", "3"], deadline=15)
        await eventually(lambda: _is_empty(db))
    finally:
        back.stop()


async def test_a_server_that_forgot_its_streams_gets_them_again(
    db: Database, bus: Bus, nats_server: Nats, tenant: str, name: str
) -> None:
    inbox = Inbox()
    await bus.consume(db, name, {OfferMade: inbox.made})
    bus.relay(db)
    await emit(db, tenant, "con_1", "1")
    await eventually(lambda: inbox.of("con_1") == ["1"])
    nats_server.stop()
    back = start_nats(nats_server.data_dir.parent / "empty", port=nats_server.port, durable=False)
    try:
        await emit(db, tenant, "con_1", "2")
        await eventually(lambda: inbox.of("con_1") == ["1", "2"], deadline=15)
    finally:
        back.stop()


async def test_a_process_starts_without_nats_and_catches_up(
    db: Database, settings: ProcessSettings, nats_server: Nats, tenant: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.bus._CONNECT_WAIT", 0.1)
    nats_server.stop()
    early = await Bus.connect(replace(settings, nats_url=nats_server.url))
    inbox = Inbox()
    await early.consume(db, name, {OfferMade: inbox.made})
    early.relay(db)
    assert not early.connected
    early.publish_live(tenant, "wallboard", Wallboard())
    await emit(db, tenant, "con_1", "1")
    back = start_nats(nats_server.data_dir, port=nats_server.port, durable=False)
    try:
        await eventually(lambda: inbox.of("con_1") == ["1"], deadline=15)
    finally:
        await early.close()
        back.stop()


async def test_what_is_at_hand_when_a_replica_stops_reaches_the_next_at_once(
    db: Database, settings: ProcessSettings, bus: Bus, tenant: str, name: str
) -> None:
    started = asyncio.Event()

    async def hang(tx: Tx, fact: OfferMade, meta: FactMeta) -> None:
        started.set()
        await asyncio.sleep(3600)

    dying = await Bus.connect(settings)
    await dying.consume(db, name, {OfferMade: hang})
    bus.relay(db)
    await emit(db, tenant, "con_1", "1")
    await asyncio.wait_for(started.wait(), 5)
    await dying.close()
    inbox = Inbox()
    await bus.consume(db, name, {OfferMade: inbox.made})
    await eventually(lambda: inbox.of("con_1") == ["1"])


async def test_a_killed_process_delays_its_facts_by_seconds_and_later_facts_overtake_them(
    db: Database, settings: ProcessSettings, bus: Bus, tenant: str, name: str
) -> None:
    started = asyncio.Event()

    async def hang(tx: Tx, fact: OfferMade, meta: FactMeta) -> None:
        started.set()
        await asyncio.Event().wait()

    killed = await Bus.connect(settings)
    work = await killed.consume(db, name, {OfferMade: hang})
    bus.relay(db)
    await emit(db, tenant, "con_1", "1")
    await asyncio.wait_for(started.wait(), 5)
    began = time.monotonic()
    await work.tasks.close()  # no more signs of life, and nothing is given back
    await killed.nats.close()
    inbox = Inbox()
    await bus.consume(db, name, {OfferMade: inbox.made})
    await emit(db, tenant, "con_1", "2")
    await eventually(lambda: inbox.of("con_1") == ["2", "1"], deadline=consumer_module._ACK_WAIT * 2)
    assert time.monotonic() - began < 10


async def test_a_fact_that_takes_long_is_not_given_to_a_twin_as_well(
    db: Database, settings: ProcessSettings, bus: Bus, tenant: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "_ACK_WAIT", 0.6)
    go, inbox, twin_inbox = asyncio.Event(), Inbox(), Inbox()

    async def slow(tx: Tx, fact: OfferMade, meta: FactMeta) -> None:
        await go.wait()
        await inbox.made(tx, fact, meta)

    await bus.consume(db, name, {OfferMade: slow})
    bus.relay(db)
    await emit(db, tenant, "con_1", "1")
    await eventually(lambda: _is_empty(db))
    twin = await Bus.connect(settings)
    await twin.consume(db, name, {OfferMade: twin_inbox.made})
    end = time.monotonic() + 3 * consumer_module._ACK_WAIT
    await eventually(lambda: time.monotonic() > end)
    go.set()
    await eventually(lambda: inbox.of("con_1") == ["1"])
    told = await bus.jetstream.consumer_info(STREAMS["routing"], name)
    assert twin_inbox.worked == [] and told.delivered is not None and told.delivered.consumer_seq == 1
    await twin.close()


async def test_the_lag_of_an_empty_outbox_is_nothing(
    db: Database, bus: Bus, nats_server: Nats, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lags: list[float] = []

    class Gauge:
        def set(self, lag: float, labels: dict[str, str]) -> None:
            lags.append(lag)

    monkeypatch.setattr(outbox_module, "_lag", Gauge())
    await emit(db, tenant, "con_1", "1")
    bus.relay(db)
    await eventually(lambda: any(lag > 0 for lag in lags))
    await eventually(lambda: lags[-1] == 0)


async def test_inboxes_remember_a_fact_for_as_long_as_it_can_still_come(db: Database, bus: Bus, tenant: str) -> None:
    now, inbox = SystemClock().now(), db.standard.inbox
    for owner, days in ((DEAD_STREAM, DEAD_DAYS), ("routing", FACT_DAYS)):
        await bus.ensure_stream(owner)
        stream = owner if owner == DEAD_STREAM else STREAMS[owner]
        assert (await bus.jetstream.stream_info(stream)).config.max_age == timedelta(days=days).total_seconds()

    async def remember(tx: Tx) -> None:
        for name, days in (("may come", REPLAY_DAYS + FACT_DAYS - 1), ("never comes", INBOX_DAYS + 1)):
            row = {"tenant_id": tenant, "consumer": "trial", "event_id": name, "create_time": now - timedelta(days)}
            await tx.execute(sa.insert(inbox).values(**row))

    await db.run(tenant, remember)
    await bus.relay(db)._forget_old()
    left = await db.run(tenant, lambda tx: tx.all(sa.select(inbox.c.event_id).where(inbox.c.tenant_id == tenant)))
    assert [row["event_id"] for row in left] == ["may come"]


async def test_a_dead_fact_older_than_inboxes_remember_is_not_replayed(
    db: Database, bus: Bus, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "_BACKOFF", (0.01,))

    async def fail(tx: Tx, fact: OfferMade, meta: FactMeta) -> None:
        raise RuntimeError("a bug")

    await bus.consume(db, "trial", {OfferMade: fail})
    bus.relay(db)
    await emit(db, tenant, "con_1", "ofr_1")
    await eventually(lambda: dead_letters_of(bus))
    later = SystemClock().now() + timedelta(days=REPLAY_DAYS)
    assert await replay(bus, later + timedelta(minutes=1)) == 0 and len(await dead_letters_of(bus)) == 1
    assert await replay(bus, later - timedelta(minutes=1)) == 1


async def test_draining_finishes_what_is_at_hand(db: Database, bus: Bus, tenant: str, name: str) -> None:
    go, inbox = asyncio.Event(), Inbox()

    async def slow(tx: Tx, fact: OfferMade, meta: FactMeta) -> None:
        await go.wait()
        await inbox.made(tx, fact, meta)

    work: Consumer = await bus.consume(db, name, {OfferMade: slow})
    bus.relay(db)
    await emit(db, tenant, "con_1", "1")
    await eventually(lambda: _is_empty(db))
    asyncio.get_running_loop().call_later(0.05, go.set)
    await work.drain()
    assert inbox.of("con_1") == ["1"]


async def test_subscribers_see_facts_as_they_pass_and_hints_only_live(
    db: Database, bus: Bus, tenant: str, other_tenant: str
) -> None:
    seen: list[LiveMessage] = []

    async def see(message: LiveMessage) -> None:
        seen.append(message)
        if message.name == "wallboard":
            raise RuntimeError("one bad callback does not end the subscription")

    await bus.subscribe(f"merkez.{tenant}.>", see)
    await bus.nats.flush()
    bus.publish_live(tenant, "wallboard", Wallboard())
    bus.publish_live(other_tenant, "wallboard", Wallboard())
    await eventually(lambda: len(seen) == 1)
    assert (seen[0].tenant_id, seen[0].name, seen[0].fact, seen[0].event_id) == (tenant, "wallboard", None, "")
    bus.relay(db)
    await emit(db, tenant, "con_1", "ofr_1")
    await eventually(lambda: len(seen) == 2)
    made = seen[1].decode()
    assert isinstance(made, OfferMade) and made.offer.offer_id == "ofr_1" and seen[1].event_id.startswith("evt_")


async def test_a_consumer_learns_new_facts_after_an_upgrade(db: Database, bus: Bus, tenant: str, name: str) -> None:
    old = await bus.consume(db, name, {OfferMade: Inbox().made})
    await old.drain()
    missed: list[str] = []

    async def on_missed(tx: Tx, fact: OfferMissed, meta: FactMeta) -> None:
        missed.append(meta.event_id)

    await bus.consume(db, name, {OfferMade: Inbox().made, OfferMissed: on_missed})
    bus.relay(db)

    async def miss(tx: Tx) -> None:
        tx.emit(OfferMissed(), key="con_1")

    await db.run(tenant, miss)
    await eventually(lambda: len(missed) == 1)


async def test_a_buried_fact_is_worked_when_its_cause_is_gone_and_by_its_consumer_alone(
    db: Database, bus: Bus, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "_BACKOFF", (0.01,))
    broken, other, fixed = [True], Inbox(), Inbox()

    async def work(tx: Tx, fact: OfferMade, meta: FactMeta) -> None:
        if broken:
            raise RuntimeError("a bug")
        await fixed.made(tx, fact, meta)

    await bus.consume(db, "first", {OfferMade: work})
    await bus.consume(db, "second", {OfferMade: other.made})
    bus.relay(db)
    await emit(db, tenant, "con_1", "ofr_1")
    [letter] = await eventually(lambda: dead_letters_of(bus, "first"))
    assert (letter.reason, letter.subject) == ("RuntimeError", subject_for(OfferMade, tenant))
    broken.clear()
    now = SystemClock().now()
    assert await replay(bus, now, "second") == 0 and await replay(bus, now, "first") == 1
    await eventually(lambda: fixed.of("con_1") == ["ofr_1"])
    assert await dead_letters_of(bus) == [] and other.of("con_1") == ["ofr_1"]


async def test_a_fact_that_kills_its_process_each_time_is_found_among_the_dead(
    db: Database, bus: Bus, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "MAX_DELIVER", 2)
    monkeypatch.setattr(consumer_module, "_ACK_WAIT", 0.3)
    monkeypatch.setattr(consumer_module.Consumer, "work", _die)
    await bus.ensure_stream(DEAD_STREAM)
    await bus.consume(db, "trial", {OfferMade: Inbox().made})
    bus.relay(db)
    await emit(db, tenant, "con_1", "ofr_1")
    [letter] = await eventually(lambda: dead_letters_of(bus))
    assert (letter.consumer, letter.reason) == ("trial", "MAX_DELIVERIES")


async def _die(*_: object) -> None:
    raise OSError


def test_a_tenant_id_cannot_widen_a_subject() -> None:
    for tenant in ("a.b", ">", "", "a b", "**"):
        with pytest.raises(ValueError, match="token"):
            subject_for(OfferMade, tenant)

"""Facts take effect once at each consumer, through crashes, a stopped NATS and facts that can't be worked."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from chassis import consumer as consumer_module
from chassis import outbox as outbox_module
from chassis.bus import Bus, FactMeta, LiveMessage
from chassis.consumer import Consumer
from chassis.facts import STREAMS, subject_for
from chassis.settings import ProcessSettings
from chassis.sql import Database, Tx
from kernel.clock import SystemClock
from kernel.errors import Unavailable
from kernel.ids import new_id
from merkez.analytics.v1.analytics_pb2 import Wallboard
from merkez.routing.v1.routing_events_pb2 import OfferMade, OfferMissed
from merkez_local.nats import Nats, start_nats
from testkit import eventually

from .conftest import QUEUES
from .inboxes import Inbox, dead_letters, emit, outbox


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
    await eventually(lambda: len(inbox.worked) == 120)
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
        await eventually(lambda: inbox.of("con_1") == ["1", "2", "3"])
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
        await eventually(lambda: inbox.of("con_1") == ["1", "2"])
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
        await eventually(lambda: inbox.of("con_1") == ["1"])
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
    await asyncio.wait_for(started.wait(), 30)
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
    await asyncio.wait_for(started.wait(), 30)
    await work.tasks.close()  # no more signs of life, and nothing is given back
    await killed.nats.close()
    inbox = Inbox()
    await bus.consume(db, name, {OfferMade: inbox.made})
    await emit(db, tenant, "con_1", "2")
    await eventually(lambda: inbox.of("con_1") == ["2", "1"], deadline=consumer_module._ACK_WAIT * 5)
    assert consumer_module._ACK_WAIT < 10, "that long it is waited for"


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


def test_a_tenant_id_cannot_widen_a_subject() -> None:
    for tenant in ("a.b", ">", "", "a b", "**"):
        with pytest.raises(ValueError, match="token"):
            subject_for(OfferMade, tenant)

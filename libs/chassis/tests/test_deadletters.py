"""Facts that can't be worked are buried whole, and worked once their cause is gone, by nobody a second time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from chassis import consumer as consumer_module
from chassis.bus import Bus, FactMeta
from chassis.deadletters import dead_letters as dead_letters_of
from chassis.deadletters import replay
from chassis.facts import DEAD_DAYS, DEAD_STREAM, FACT_DAYS, INBOX_DAYS, REPLAY_DAYS, STREAMS, subject_for
from chassis.settings import ProcessSettings
from chassis.sql import Database, Tx
from kernel.clock import SystemClock
from kernel.errors import InvalidInput
from merkez.routing.v1.routing_events_pb2 import OfferMade
from testkit import eventually

from .inboxes import Inbox, dead_letters, emit


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


async def test_who_looks_at_dead_letters_leaves_their_stream_as_services_want_it(
    bus: Bus, settings: ProcessSettings
) -> None:
    await bus.ensure_stream(DEAD_STREAM)
    wanted = replace((await bus.jetstream.stream_info(DEAD_STREAM)).config, description="as services want it")
    await bus.jetstream.update_stream(wanted)
    console = await Bus.connect(replace(settings, service="ops"))
    await dead_letters_of(console)
    await replay(console, SystemClock().now(), "nobody")
    assert (await bus.jetstream.stream_info(DEAD_STREAM)).config.description == "as services want it"
    await console.close()

"""Whole matchers against real PostgreSQL and nats-server: alone, two at once, restarted, without the bus."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest_asyncio
from chassis.bus import Bus, LiveMessage
from chassis.lifecycle import Process
from chassis.settings import ProcessSettings
from chassis.turns import TurnTaking
from kernel.clock import SystemClock
from kernel.errors import Unavailable
from kernel.ids import new_id
from merkez_local.nats import Nats
from routing.domain.agents import AgentState
from routing.domain.contacts import ContactKind, ContactState
from routing.domain.facts import OfferMade
from routing.domain.offers import OfferState
from routing.domain.queues import SkillLevel
from routing.domain.rules import Change, ChangeKind, Rules
from routing.leases import LIFE_SECONDS
from routing.ledger import Desk
from routing.main import Routing
from routing.ops import agents as agent_ops
from routing.ops import contacts as contact_ops
from routing.ops import offers as offer_ops
from routing.ops import queues as queue_ops
from routing.settings import Settings
from routing.store import contacts as contact_store
from routing.store import offers as offer_store
from testkit.waiting import eventually

from .boards import after
from .conftest import Floor

Start = Callable[..., Awaitable[Routing]]


@pytest_asyncio.fixture
async def start(databases: Any, nats_server: Nats) -> AsyncIterator[Start]:
    """`await start("a")`: a routing process in this one, but with everything of its own."""
    async with AsyncExitStack() as stack:

        async def make(name: str, *, nats_url: str = nats_server.url, **changes: Any) -> Routing:
            plain = await databases.settings("routing")
            settings = Settings(
                database_url=plain.database_url,
                system_database_url=plain.system_database_url,
                nats_url=nats_url,
                **changes,
            )
            process = Process()
            await stack.enter_async_context(process.stack)
            db = process.closing(await TurnTaking.connect(settings, "routing", pool_size=16))
            bus = process.closing(await Bus.connect(settings)) if nats_url else None
            routing = Routing(db, bus, settings, process, name)
            await routing.start()
            return routing

        yield make


def floor_at(routing: Routing, tenant_id: str = "") -> Floor:
    """A tenant served by that process."""
    return Floor(routing.desk, tenant_id or new_id("ten", SystemClock().now()), SystemClock())  # type: ignore[arg-type]


async def pending(floor: Floor, agent_id: str) -> Any:
    return await floor.read(lambda tx: offer_store.pending_offer(tx, agent_id=agent_id))


async def test_contact_is_offered_as_soon_as_it_waits(start: Start) -> None:
    floor = floor_at(await start("a"))
    queue = await floor.queue()
    agent_id = await floor.agent()
    contact = await floor.contact(queue.queue_id)
    offer = await eventually(lambda: pending(floor, agent_id))
    assert offer.contact_id == contact.contact_id


async def test_contact_for_one_agent_is_offered_to_them_as_soon_as_they_are_available_and_to_nobody_else(
    start: Start,
) -> None:
    floor = floor_at(await start("a"))
    queue = await floor.queue()
    target, colleague = await floor.agent("Orxan"), await floor.agent("Leyla")
    await floor.run(agent_ops.set_state, target, AgentState.NOT_READY, "lunch")
    direct = await floor.contact("", kind=ContactKind.TRANSFER, target_agent_id=target)
    other = await floor.contact(queue.queue_id)
    assert (await eventually(lambda: pending(floor, colleague))).contact_id == other.contact_id
    assert (await floor.look(direct)).state is ContactState.QUEUED
    await floor.run(agent_ops.set_state, target, AgentState.AVAILABLE, "")
    assert (await eventually(lambda: pending(floor, target))).contact_id == direct.contact_id


async def test_contact_is_offered_in_the_moment_it_asks_for_less(start: Start) -> None:
    floor = floor_at(await start("a"))
    french = (await floor.run(queue_ops.create_skill, "French")).skill_id
    steps = tuple(after(seconds, Change(ChangeKind.LOWER, french, level=level)) for seconds, level in ((1, 3), (2, 1)))
    queue = await floor.queue(rules=Rules(requirement="French >= 5", steps=steps))
    agent_id = await floor.agent(skills=(SkillLevel(french, 2),))
    contact = await floor.contact(queue.queue_id)
    offer = await eventually(lambda: pending(floor, agent_id))
    assert offer.contact_id == contact.contact_id and offer.waited >= timedelta(seconds=2)


async def test_other_process_hears_of_another_priority(start: Start) -> None:
    one, two = await start("a"), await start("b")
    first = floor_at(one)
    second = floor_at(two, first.tenant_id)
    queue = await first.queue()
    older, vip = await first.contact(queue.queue_id), await first.contact(queue.queue_id)
    await second.run(contact_ops.update_contact, vip.contact_id, {"priority": 5}, 0)

    def known_to_who_matches() -> bool:
        holders = [each for each in (one, two) if each.leases.epoch(first.tenant_id)]
        boards = [each.matcher.boards.of(first.tenant_id).board for each in holders]
        return any(vip.contact_id in each.waiting and each.waiting[vip.contact_id].points >= 5 for each in boards)

    await eventually(known_to_who_matches)
    agent_id = await first.agent()
    assert (await eventually(lambda: pending(first, agent_id))).contact_id == vip.contact_id
    assert (await first.look(older)).state is ContactState.QUEUED


async def test_agent_who_becomes_available_gets_who_waits(start: Start) -> None:
    floor = floor_at(await start("a"))
    queue = await floor.queue()
    contact = await floor.contact(queue.queue_id)
    agent_id = await floor.agent()
    assert (await eventually(lambda: pending(floor, agent_id))).contact_id == contact.contact_id


async def test_matcher_that_starts_finds_what_was_there_before(start: Start, floor: Floor) -> None:
    queue = await floor.queue()
    contact = await floor.contact(queue.queue_id)
    agent_id = await floor.agent()
    await start("a")
    assert (await eventually(lambda: pending(floor, agent_id))).contact_id == contact.contact_id


async def test_unanswered_offer_is_missed_by_the_clock_and_goes_to_the_next_agent(start: Start) -> None:
    routing = await start("a")
    floor = floor_at(routing)
    queue = await floor.queue()
    first = await floor.agent("First")
    contact = await floor.contact(queue.queue_id)
    offer = await eventually(lambda: pending(floor, first))
    second = await floor.agent("Second")

    async def overdue(tx: Any) -> None:
        due = replace(offer, expire_time=routing.desk.clock.now(), version=2)
        await offer_store.change_offer(tx, due, 1, routing.desk.clock.now())

    await routing.desk.run(floor.tenant_id, overdue)
    again = await eventually(lambda: pending(floor, second))
    assert again.contact_id == contact.contact_id
    missed = await floor.see(first)
    assert (missed.state, missed.reason) == (AgentState.NOT_READY, "missed_offer")


async def test_facts_of_another_replica_reach_the_matcher(start: Start) -> None:
    one = await start("a", resync_seconds=600.0)
    two = await start("b", resync_seconds=600.0, stand_in_seconds=60.0)
    floor = floor_at(one)
    queue = await floor.queue()
    agent_id = await floor.agent()
    there = floor_at(two, floor.tenant_id)
    contact = await there.contact(queue.queue_id)
    assert (await eventually(lambda: pending(floor, agent_id))).contact_id == contact.contact_id


async def test_two_matchers_at_once_never_offer_one_contact_or_agent_twice(start: Start) -> None:
    # Without a bus there are no leases and no news: both believe they are alone, which is as bad as it gets.
    one = await start("a", nats_url="", resync_seconds=0.3, sweep_seconds=0.2)
    two = await start("b", nats_url="", resync_seconds=0.3, sweep_seconds=0.2)
    made: list[OfferMade] = []
    for routing in (one, two):
        hear = routing.desk.hear
        routing.desk.hear = lambda tenant_id, told, hear=hear: (
            made.extend(fact for fact in told if isinstance(fact, OfferMade)),
            hear(tenant_id, told),
        )[1]
    floors = [floor_at(one)]
    floors.append(floor_at(two, floors[0].tenant_id))
    queue = await floors[0].queue(wrap_up_duration=timedelta(0))
    agents = [await floors[n % 2].agent(f"Agent {n}") for n in range(6)]
    contacts = await asyncio.gather(*(floors[n % 2].contact(queue.queue_id) for n in range(24)))

    async def work(agent_id: str, floor: Floor) -> None:
        while True:
            offer = await pending(floor, agent_id)
            if offer is not None:
                _, contact = await patiently(floor, offer_ops.accept_offer, offer.offer_id, agent_id)
                await patiently(floor, contact_ops.end_call, contact.call_id, floor.clock.now())
            await asyncio.sleep(0.02)

    async def patiently(floor: Floor, operation: Any, *arguments: Any) -> Any:
        """As a client does who is told that too many change the same rows: again."""
        while True:
            try:
                return await floor.run(operation, *arguments)
            except Unavailable:
                await asyncio.sleep(0.1)

    workers = [asyncio.ensure_future(work(each, floors[n % 2])) for n, each in enumerate(agents)]  # noqa: TID251

    async def all_ended() -> bool:
        assert [each.exception() for each in workers if each.done()] == []
        found = await floors[0].read(lambda tx: contact_store.find_contacts(tx, [each.contact_id for each in contacts]))
        return all(each.state is ContactState.ENDED and each.offer_count == 1 for each in found)

    try:
        await eventually(all_ended, deadline=40)
    finally:
        for worker in workers:
            worker.cancel()
        outcomes = await asyncio.gather(*workers, return_exceptions=True)
    assert [each for each in outcomes if not isinstance(each, asyncio.CancelledError)] == []
    assert Counter(fact.contact.contact_id for fact in made) == {each.contact_id: 1 for each in contacts}


async def test_holder_that_dies_is_stood_in_for(start: Start) -> None:
    one, two = await start("a"), await start("b", stand_in_seconds=0.2)
    floor = floor_at(two)
    one.matcher.wake(floor.tenant_id)
    await eventually(lambda: one.leases.epoch(floor.tenant_id) or None)
    one.matcher._stopped = True  # it holds the lease and does nothing any more
    queue = await floor.queue()
    agent_id = await floor.agent()
    contact = await floor.contact(queue.queue_id)
    assert (await eventually(lambda: pending(floor, agent_id))).contact_id == contact.contact_id


async def test_process_that_drains_takes_no_lease_again(start: Start) -> None:
    one, two = await start("a"), await start("b")
    floor = floor_at(two)
    one.matcher.wake(floor.tenant_id)
    await eventually(lambda: one.leases.epoch(floor.tenant_id) or None)
    await one.matcher.drain()
    await one.leases._renew_all()
    two.matcher.wake(floor.tenant_id)
    await eventually(lambda: two.leases.epoch(floor.tenant_id) or None, deadline=LIFE_SECONDS / 2)


async def test_microphone_heard_of_by_another_replica_lets_its_agent_be_available(start: Start) -> None:
    one, two = await start("a"), await start("b")
    floor = floor_at(one)
    agent_id = new_id("usr", floor.clock.now())
    await floor.run(agent_ops.change_user, agent_id, "Aysel", True, 1)
    with two.desk.arrivals.of(floor.tenant_id, agent_id) as changed:
        await floor.run(agent_ops.attach_station, agent_id, new_id("stn", floor.clock.now()), floor.clock.now())
        await asyncio.wait_for(changed.wait(), 30)


async def test_facts_of_offers_leave_through_the_outbox(start: Start, nats_server: Nats) -> None:
    floor = floor_at(await start("a"))
    listener = await Bus.connect(ProcessSettings(service="gateway", nats_url=nats_server.url))
    heard: list[LiveMessage] = []

    async def hear(message: LiveMessage) -> None:
        heard.append(message)

    try:
        await listener.subscribe(f"merkez.{floor.tenant_id}.>", hear)
        await listener.nats.flush()
        queue = await floor.queue()
        agent_id = await floor.agent()
        contact = await floor.contact(queue.queue_id, caller_name="Rena", attributes={"menu": "1"})
        made = await eventually(lambda: next((each for each in heard if each.name == "offer_made"), None))
        offer = made.decode().offer  # type: ignore[attr-defined]
        assert offer.contact.contact_id == contact.contact_id and offer.contact.attributes["menu"] == "1"
        assert offer.agent_id == agent_id and offer.queue_name == "Sales"
    finally:
        await listener.close()


async def test_board_that_believes_in_the_past_loses_against_the_rows_and_learns(start: Start) -> None:
    routing = await start("a")
    floor = floor_at(routing)
    queue = await floor.queue()
    agent_id = await floor.agent()
    await eventually(lambda: routing.matcher.boards.of(floor.tenant_id).board.ready)
    silent = Desk(routing.desk.db)
    await silent.run(
        floor.tenant_id,
        lambda tx: agent_ops.set_state(tx, agent_id, AgentState.NOT_READY, "lunch", routing.desk.clock.now()),
    )
    contact = await floor.contact(queue.queue_id)
    await eventually(lambda: not routing.matcher.boards.of(floor.tenant_id).board.ready)
    assert (await floor.look(contact)).state is ContactState.QUEUED
    assert (await floor.see(agent_id)).reason == "lunch"
    back = await floor.agent("Leyla")
    offer = await eventually(lambda: pending(floor, back))
    assert offer.contact_id == contact.contact_id and offer.state is OfferState.PENDING


async def test_while_the_bus_is_away_nobody_is_offered_what_would_not_ring_and_what_did_not_is_no_agents_fault(
    start: Start, monkeypatch: Any
) -> None:
    routing = await start("a", sweep_seconds=0.1)
    bus, floor = routing.bus, floor_at(routing)
    assert bus is not None
    queue = await floor.queue(offer_timeout=timedelta(seconds=5))
    first, second = await floor.agent("Aysel"), await floor.agent("Leyla")
    contact = await floor.contact(queue.queue_id)
    unheard = await eventually(lambda: pending(floor, first))
    with monkeypatch.context() as away:
        away.setattr(Bus, "connected", property(lambda _bus: False))
        await eventually(lambda: over(floor, unheard.offer_id))
        assert await offer_state(floor, unheard.offer_id) is OfferState.RESCINDED
        await asyncio.sleep(0.5)
        assert [await pending(floor, each) for each in (first, second)] == [None, None]
        for each in (first, second):
            assert (await floor.see(each)).state is AgentState.AVAILABLE
    await bus._on_reconnect()
    offer = await eventually(lambda: pending(floor, first))
    assert offer.contact_id == contact.contact_id
    await floor.run(offer_ops.accept_offer, offer.offer_id, first)


async def test_an_offer_made_just_before_the_bus_was_found_to_be_away_and_back_counts_for_nothing(start: Start) -> None:
    routing = await start("a", sweep_seconds=0.1)
    floor = floor_at(routing)
    queue, agent_id = await floor.queue(offer_timeout=timedelta(seconds=5)), await floor.agent()
    await floor.contact(queue.queue_id)
    offer = await eventually(lambda: pending(floor, agent_id))
    assert routing.bus is not None
    await routing.bus._on_reconnect()
    await eventually(lambda: over(floor, offer.offer_id))
    assert await offer_state(floor, offer.offer_id) is OfferState.RESCINDED
    assert (await eventually(lambda: pending(floor, agent_id))).offer_id != offer.offer_id


async def offer_state(floor: Floor, offer_id: str) -> OfferState | None:
    offer = await floor.read(lambda tx: offer_store.find_offer(tx, offer_id))
    return offer.state if offer is not None else None


async def over(floor: Floor, offer_id: str) -> bool:
    return await offer_state(floor, offer_id) is not OfferState.PENDING

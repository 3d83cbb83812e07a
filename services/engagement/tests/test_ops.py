"""Verbs of engagement against real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from chassis.sql import Database
from engagement import domain, ops, store
from engagement.domain import ContactNews, Customer
from engagement.ops import Caller
from kernel.ids import new_id
from testkit import ManualClock

Run = Callable[[Callable[[Any], Awaitable[Any]]], Awaitable[Any]]


@pytest_asyncio.fixture
async def db(service_db: Callable[..., Awaitable[Database]], clock: ManualClock) -> Database:
    return await service_db("engagement", clock=clock)


@pytest.fixture
def run(db: Database, clock: ManualClock) -> Run:
    """Runs a verb for a tenant of this test's own."""
    tenant = new_id("ten", clock.now())
    return lambda work: db.run(tenant, work)


def caller(number: str = "+905551234567", name: str = "", email: str = "", brand: str = "brd_1") -> Caller:
    return Caller(brand, number, email, name)


async def identify(run: Run, clock: ManualClock, who: Caller) -> Customer:
    return await run(lambda tx: ops.identify_customer(tx, who, clock.now()))


def news(customer_id: str, clock: ManualClock, version: int, outcome: str, **more: Any) -> ContactNews:
    return replace(
        ContactNews(
            "con_1", version, customer_id, "call_1", "que_1", "", outcome, "", "", {"menu.main": "sales"}, clock.now()
        ),
        **more,
    )


async def test_same_number_is_the_same_customer(run: Run, clock: ManualClock) -> None:
    first = await identify(run, clock, caller("+90 555 123 45 67"))
    again = await identify(run, clock, caller())
    assert again == first


async def test_same_number_is_another_customer_for_another_brand(run: Run, clock: ManualClock) -> None:
    first = await identify(run, clock, caller())
    assert (await identify(run, clock, caller(brand="brd_2"))).customer_id != first.customer_id


async def test_anonymous_callers_are_never_mistaken_for_each_other(run: Run, clock: ManualClock) -> None:
    first = await identify(run, clock, caller(""))
    assert (await identify(run, clock, caller(""))).customer_id != first.customer_id


async def test_two_calls_at_once_find_one_customer(run: Run, clock: ManualClock) -> None:
    found = await asyncio.gather(*(identify(run, clock, caller()) for _ in range(5)))
    assert len({each.customer_id for each in found}) == 1


async def test_name_is_learnt_once_and_not_overwritten(run: Run, clock: ManualClock) -> None:
    await identify(run, clock, caller())
    assert (await identify(run, clock, caller(name="Carla"))).display_name == "Carla"
    assert (await identify(run, clock, caller(name="Somebody"))).display_name == "Carla"


async def test_customer_of_another_tenant_is_not_found(run: Run, db: Database, clock: ManualClock) -> None:
    mine = await identify(run, clock, caller())
    other = new_id("ten", clock.now())
    with pytest.raises(domain.CustomerNotFound):
        await db.run(other, lambda tx: ops.screen_pop(tx, mine.customer_id))


async def test_number_of_another_customer_is_not_taken_over(run: Run, clock: ManualClock) -> None:
    await identify(run, clock, caller())
    second = await identify(run, clock, caller("+905557654321"))
    wanted = replace(second, numbers=("+905551234567",))
    with pytest.raises(domain.AddressTaken):
        await run(lambda tx: ops.update_customer(tx, wanted, ["numbers"], 0, clock.now()))


async def test_history_follows_the_contact_to_its_end_whatever_the_order_of_facts(run: Run, clock: ManualClock) -> None:
    who = await identify(run, clock, caller())
    await run(lambda tx: ops.note_talk(tx, "call_1", 42))
    ended = news(who.customer_id, clock, 5, "answered", note="Refund.", agent_id="usr_1", disposition_id="dsp_1")
    await run(lambda tx: ops.note_contact(tx, ended, clock.now()))
    await run(lambda tx: ops.note_contact(tx, news(who.customer_id, clock, 1, "waiting"), clock.now()))
    await run(lambda tx: ops.note_recording(tx, "call_1", domain.CallRecording("rec_1")))
    pop = await run(lambda tx: ops.screen_pop(tx, who.customer_id))
    assert pop.contact_count == 1
    [entry] = pop.history
    assert (entry.outcome, entry.note, entry.talk_seconds, entry.recording_id) == ("answered", "Refund.", 42, "rec_1")
    assert entry.attributes == {"menu.main": "sales"}


async def test_erased_recording_is_not_listened_to_whatever_the_order_of_facts(run: Run, clock: ManualClock) -> None:
    who = await identify(run, clock, caller())
    await run(lambda tx: ops.note_contact(tx, news(who.customer_id, clock, 5, "answered"), clock.now()))

    async def heard(recording_id: str, *, erased: bool = False) -> str:
        await run(lambda tx: ops.note_recording(tx, "call_1", domain.CallRecording(recording_id, erased)))
        [entry] = (await run(lambda tx: ops.screen_pop(tx, who.customer_id))).history
        return entry.recording_id

    assert await heard("rec_1", erased=True) == ""
    assert await heard("rec_1") == ""
    assert await heard("rec_2") == "rec_2"
    assert await heard("rec_1", erased=True) == "rec_2"


async def test_note_is_the_newest_entry(run: Run, clock: ManualClock) -> None:
    who = await identify(run, clock, caller())
    await run(lambda tx: ops.note_contact(tx, news(who.customer_id, clock, 1, "waiting"), clock.now()))
    clock.advance(60)
    await run(lambda tx: ops.add_note(tx, who.customer_id, "Prefers mornings.", "usr_1", clock.now()))
    entries, more = await run(lambda tx: store.list_history(tx, who.customer_id, 0, ""))
    assert [entry.kind for entry in entries] == ["note", "contact"] and not more


async def test_customers_are_found_by_part_of_name_or_number(run: Run, clock: ManualClock) -> None:
    carla = await identify(run, clock, caller(name="Carla 100%"))
    await identify(run, clock, caller("+905557654321", name="Dieter"))
    for query in ("carla", "12345", "100%", "+90 555 123"):
        found, _ = await run(lambda tx, query=query: ops.list_customers(tx, query, 0, ""))
        assert [each.customer_id for each in found] == [carla.customer_id]
    assert await run(lambda tx: ops.list_customers(tx, "_", 0, "")) == ([], False)


async def test_second_address_of_a_customer_is_learnt_unless_it_is_somebody_elses(run: Run, clock: ManualClock) -> None:
    carla = await identify(run, clock, caller())
    learnt = await identify(run, clock, caller(email="carla@example.com"))
    assert (learnt.customer_id, learnt.emails) == (carla.customer_id, ("carla@example.com",))
    dieter = await identify(run, clock, caller("+905557654321"))
    both = await identify(run, clock, caller("+905557654321", email="carla@example.com"))
    assert (both.customer_id, both.emails) == (dieter.customer_id, ())
    assert (await identify(run, clock, caller("", email="carla@example.com"))).customer_id == carla.customer_id


async def test_screen_pop_shows_what_was_before_and_not_the_contact_at_hand(run: Run, clock: ManualClock) -> None:
    who = await identify(run, clock, caller())
    for number in range(12):
        done = news(who.customer_id, clock, 3, "answered", contact_id=f"con_{number}", call_id=f"call_{number}")
        await run(lambda tx, done=done: ops.note_contact(tx, done, clock.now()))
        clock.advance(60)
    waiting = news(who.customer_id, clock, 1, "waiting", contact_id="con_now", call_id="call_now")
    await run(lambda tx: ops.note_contact(tx, waiting, clock.now()))
    pop = await run(lambda tx: ops.screen_pop(tx, who.customer_id))
    assert pop.contact_count == 12
    assert [entry.contact_id for entry in pop.history] == [f"con_{number}" for number in range(11, 1, -1)]
    assert pop.customer.numbers == who.numbers

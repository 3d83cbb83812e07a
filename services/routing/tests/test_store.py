"""Rows and their rules: what is written comes back, deadlines are found, the database refuses what must not be."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from chassis.sql import Database
from kernel.ids import new_id
from routing.domain import requirements
from routing.domain.agents import VersionConflict
from routing.domain.contacts import Channel
from routing.domain.explaining import in_order
from routing.domain.rules import Change, ChangeKind, Rules, Step, stated_by
from routing.ops import contacts as contact_ops
from routing.ops import offers as offer_ops
from routing.ops import waits
from routing.store import contacts as contact_store
from routing.store import offers as offer_store
from routing.store import queues as queue_store
from routing.store import sweeps
from routing.store.rules import rules_from_json, rules_to_json
from sqlalchemy.exc import IntegrityError
from testkit.clock import ManualClock
from testkit.cockroach import check_statements

from .conftest import Floor


async def test_contact_comes_back_as_it_was_written(floor: Floor) -> None:
    queue = await floor.queue()
    contact = await floor.contact(
        queue.queue_id, channel=Channel.CHAT, call_id="", caller_name="Rəna", caller_number="+994125551234",
        attributes={"menu": "1", "dil": "az"}, priority=7, brand_id=new_id("brd", floor.clock.now()),
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )  # fmt: skip
    assert await floor.look(contact) == contact
    assert await floor.read(lambda tx: queue_store.find_queue(tx, queue.queue_id)) == queue


async def test_write_over_an_older_version_is_refused(floor: Floor) -> None:
    contact = await floor.contact((await floor.queue()).queue_id)
    newer = replace(contact, priority=5, version=2)

    await floor.desk.run(floor.tenant_id, lambda tx: contact_store.change_contact(tx, newer, 1, floor.clock.now()))
    with pytest.raises(VersionConflict):
        await floor.desk.run(floor.tenant_id, lambda tx: contact_store.change_contact(tx, newer, 1, floor.clock.now()))


async def test_database_refuses_a_second_pending_offer_for_an_agent_or_a_contact(floor: Floor) -> None:
    offer, _, _ = await floor.ringing()
    now = floor.clock.now()
    for other in (
        replace(offer, offer_id=new_id("ofr", now), contact_id=new_id("con", now)),
        replace(offer, offer_id=new_id("ofr", now), agent_id=new_id("usr", now)),
    ):
        with pytest.raises(IntegrityError):
            await floor.desk.run(floor.tenant_id, lambda tx, other=other: offer_store.add_offer(tx, other))


async def test_rows_of_another_tenant_are_not_there(floor: Floor, other_floor: Floor) -> None:
    theirs = await other_floor.contact((await other_floor.queue()).queue_id)
    assert await floor.read(lambda tx: contact_store.find_contact(tx, theirs.contact_id)) is None
    assert await floor.read(contact_store.queued_contacts) == []


async def test_sweep_finds_each_tenant_with_a_deadline_and_no_other(
    floor: Floor, other_floor: Floor, db: Database, clock: ManualClock
) -> None:
    await floor.ringing()
    await other_floor.talking()

    async def due() -> set[str]:
        return {floor.tenant_id, other_floor.tenant_id} & set(
            await db.system(lambda tx: sweeps.tenants_due(tx, clock.now()), read_only=True)
        )

    assert await due() == set()
    clock.advance(20)
    assert await due() == {floor.tenant_id}
    await floor.run(offer_ops.expire_offers)
    assert await due() == set()


async def test_line_is_in_order_of_priority_then_age(floor: Floor) -> None:
    queue = await floor.queue()
    made = []
    for priority in (0, 5, 0, 5):
        floor.clock.advance(1)
        made.append(await floor.contact(queue.queue_id, priority=priority))
    found = await floor.read(lambda tx: contact_store.waiting_line(tx, queue.queue_id))
    line = in_order(found, queue, floor.clock.now())
    assert [each.contact_id for each in line] == [made[index].contact_id for index in (1, 3, 0, 2)]


async def test_calls_that_ended_long_ago_are_forgotten(floor: Floor, db: Database, clock: ManualClock) -> None:
    old, new = new_id("call", clock.now()), new_id("call", clock.now())
    await floor.run(contact_ops.end_call, old, clock.now())
    clock.advance(timedelta(days=1))
    await floor.run(contact_ops.end_call, new, clock.now())
    before = clock.now() - timedelta(hours=1)
    assert floor.tenant_id in await db.system(lambda tx: sweeps.tenants_with_old_calls(tx, before))
    await floor.desk.run(floor.tenant_id, lambda tx: contact_store.forget_ended_calls(tx, before))
    assert not await floor.read(lambda tx: contact_store.call_has_ended(tx, old))
    assert await floor.read(lambda tx: contact_store.call_has_ended(tx, new))


async def test_every_statement_of_a_whole_contact_speaks_cockroachdb_too(floor: Floor, db: Database) -> None:
    check_statements(db.engine)
    assert db.system_engine is not None
    check_statements(db.system_engine)
    _, _, contact = await floor.talking()
    waiting = await floor.contact(contact.queue_id)
    await floor.run(waits.estimate_wait, waiting.contact_id)
    await floor.hang_up(contact)
    await floor.hang_up(waiting)
    floor.clock.advance(30)
    await floor.run(contact_ops.expire_wrap_ups)
    await floor.read(lambda tx: contact_ops.list_decisions(tx, contact.contact_id))
    await db.system(sweeps.tenants_at_work)


@pytest.mark.parametrize(
    ("kept", "meant"),
    [
        ("{a}and{b}", "{a} and {b}"), ("not{a}", "not {a}"), ("{a}or not{b}", "{a} or not {b}"),
        ("({a}and {b})OR{a} >= 3", "({a} and {b})OR {a} >= 3"), ("not ({a} or {b})", "not ({a} or {b})"),
        ("{a}>=2 and({b})", "{a}>=2 and({b})"),
    ],
)  # fmt: skip
def test_rules_saved_without_blanks_between_their_words_serve_callers_again(kept: str, meant: str) -> None:
    skills = {"a": f"skl_{'01and' * 5}0", "b": f"skl_{'7' * 26}"}
    step = Step((Change(ChangeKind.REQUIRE, expression=kept.format(**skills)),), after=timedelta(seconds=9))
    read = rules_from_json(rules_to_json(Rules(requirement=kept.format(**skills), steps=(step,))))
    assert read.requirement == read.changes[0].expression == meant.format(**skills)
    assert requirements.skills_named(stated_by(read.requirement)) <= set(skills.values())

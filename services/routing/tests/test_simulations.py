"""Days played over rpcs: one that was, from rows, and one that is made up, as they are and under other rules."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from kernel.errors import FailedPrecondition, Forbidden, InvalidInput, NotFound, QuotaExceeded
from kernel.hours import OpenInterval
from merkez.routing.v1 import contact_pb2 as c
from merkez.routing.v1 import queue_pb2 as q
from merkez.routing.v1 import rules_pb2 as r
from merkez.routing.v1 import simulation_service_pb2 as s
from routing.domain.agents import AgentState
from routing.domain.callback_outcomes import Outcome
from routing.domain.callback_rules import CallbackRules
from routing.domain.callbacks import Attempt
from routing.domain.contacts import Channel
from routing.domain.hours import BusinessHours
from routing.domain.keeping import kept_for
from routing.domain.overflow import Overflow, OverflowRule, Trigger
from routing.domain.simulating import simulated
from routing.ops import agents as agent_ops
from routing.ops import callbacks as callback_ops
from routing.ops import contacts as contact_ops
from routing.ops import hours as hours_ops
from routing.ops import offers as offer_ops
from routing.ops import overflow as overflow_ops
from routing.ops import queues as queue_ops
from routing.ops import simulations as simulation_ops
from routing.ops.contacts import WrapUp

from .callers import NUMBER, accept, ask, attempt, dial, end, wish
from .conftest import Edge, Floor, as_, refused


def made_up(queue_id: str, **changes: Any) -> s.SyntheticDay:
    traffic = s.Traffic(
        queue_id=queue_id,
        contacts_per_hour=[60.0] * 4,
        handle_time=Duration(seconds=180),
        patience=Duration(seconds=120),
    )
    return s.SyntheticDay(
        **{"traffic": [traffic], "crews": [s.Crew(count=3, queue_ids=[queue_id], end_hour=4)]} | changes
    )


async def a_day(floor: Floor) -> tuple[str, Timestamp]:
    """Three callers: two answered by the one agent there is, one who left."""
    queue = await floor.queue(wrap_up_duration=timedelta(seconds=10))
    begin = Timestamp()
    begin.FromDatetime(floor.clock.now())
    agent_id = await floor.agent()
    for _ in range(2):
        floor.clock.advance(60)
        contact = await floor.contact(queue.queue_id)
        floor.clock.advance(4)
        offer = await floor.match()
        assert offer is not None
        await floor.run(offer_ops.accept_offer, offer.offer_id, agent_id)
        floor.clock.advance(90)
        await floor.hang_up(contact)
        floor.clock.advance(5)
        await floor.run(contact_ops.end_wrap_up, WrapUp(contact.contact_id, "", "", agent_id))
    left = await floor.contact(queue.queue_id)
    floor.clock.advance(30)
    await floor.hang_up(left)
    await floor.contact(queue.queue_id)  # waits still: not of the day
    return queue.queue_id, begin


async def test_day_that_was_is_played_as_it_was_and_with_more_agents(edge: Edge, floor: Floor) -> None:
    queue_id, begin = await a_day(floor)
    variants = [s.Variant(name="one more", extra_agents=1), s.Variant(name="nobody", extra_agents=-1)]
    with as_("supervisor", floor):
        found = await edge.simulations.SimulateDay(s.SimulateDayRequest(recorded_from_time=begin, variants=variants))
    assert [(day.name, day.agents) for day in found.days] == [("", 1), ("one more", 2), ("nobody", 0)]
    assert found.contacts == 3 and [each.queue_id for each in found.days[0].queues] == [queue_id]
    as_it_was, more, nobody = (day.whole for day in found.days)
    assert (as_it_was.offered, as_it_was.answered + as_it_was.abandoned) == (3, 3) and as_it_was.answered >= 2
    assert more.answered >= as_it_was.answered and nobody.answered == 0 and nobody.service_level == 0


async def test_made_up_day_shows_what_other_rules_and_another_agent_would_do(edge: Edge, floor: Floor) -> None:
    queue = await floor.queue()
    await floor.run(queue_ops.create_skill, "French")
    rules = r.RoutingRules(requirement="French")
    picky = q.Queue(queue_id=queue.queue_id, display_name="Sales", open_to_all=True, rules=rules)
    request = s.SimulateDayRequest(
        synthetic=made_up(queue.queue_id),
        variants=[s.Variant(name="French only", queues=[picky]), s.Variant(name="two more", extra_agents=2)],
    )
    with as_("admin", floor):
        found = await edge.simulations.SimulateDay(request)
        again = await edge.simulations.SimulateDay(request)
    assert found == again, "a day is the same whenever it is played"
    now, french, more = found.days
    assert 200 < found.contacts < 280 and now.whole.offered == found.contacts
    assert (french.whole.answered, french.whole.abandoned, french.occupancy) == (0, found.contacts, 0)
    assert more.whole.service_level > now.whole.service_level and more.occupancy < now.occupancy
    assert now.whole.HasField("expected_wait_error") and 0 < now.whole.expected_wait_in_range <= 1


async def test_day_that_can_not_be_played_is_refused_with_the_place(
    edge: Edge, floor: Floor, other_floor: Floor
) -> None:
    queue_id, theirs = (await floor.queue()).queue_id, (await other_floor.queue()).queue_id
    now = Timestamp()
    now.FromDatetime(floor.clock.now())
    play = edge.simulations.SimulateDay
    loop = q.Queue(queue_id=queue_id, display_name="Sales", rules=r.RoutingRules(requirement="Klingon"))
    with as_("admin", floor):
        await refused(play(s.SimulateDayRequest(recorded_from_time=now)), FailedPrecondition, "DAY_EMPTY")
        await refused(play(s.SimulateDayRequest()), InvalidInput, field="recorded_from_time")
        await refused(play(s.SimulateDayRequest(synthetic=made_up(theirs))), NotFound, "QUEUE_NOT_FOUND")
        for changes, field in (
            ({"crews": []}, "synthetic.crews"), ({"crews": [s.Crew(count=0)]}, "synthetic.crews[0].count"),
            ({"crews": [s.Crew(count=1, start_hour=5, end_hour=4)]}, "synthetic.crews[0].start_hour"),
            ({"traffic": []}, "synthetic.traffic"),
        ):  # fmt: skip
            await refused(play(s.SimulateDayRequest(synthetic=made_up(queue_id, **changes))), InvalidInput, field=field)
        wrong = s.SimulateDayRequest(synthetic=made_up(queue_id), variants=[s.Variant(name="x", queues=[loop])])
        with pytest.raises(InvalidInput, match="no skill is named Klingon") as said:
            await play(wrong)
        assert [each.field for each in said.value.fields] == ["variants[0].queues[0].rules.requirement"]
        foreign = s.Variant(name="x", queues=[q.Queue(queue_id=theirs, display_name="x")])
        await refused(play(s.SimulateDayRequest(synthetic=made_up(queue_id), variants=[foreign])), NotFound)
    with as_("agent", floor):
        await refused(play(s.SimulateDayRequest(synthetic=made_up(queue_id))), Forbidden)


async def test_second_simulation_of_a_company_waits_its_turn_and_harms_no_other_company(
    edge: Edge, floor: Floor, other_floor: Floor
) -> None:
    request = s.SimulateDayRequest(synthetic=made_up((await floor.queue()).queue_id))
    theirs = s.SimulateDayRequest(synthetic=made_up((await other_floor.queue()).queue_id))

    async def play(which: Floor, asked: s.SimulateDayRequest) -> Any:
        with as_("admin", which):
            return await edge.simulations.SimulateDay(asked)

    outcomes = await asyncio.gather(
        play(floor, request), play(floor, request), play(other_floor, theirs), return_exceptions=True
    )
    assert sum(isinstance(each, QuotaExceeded) for each in outcomes) == 1 and not isinstance(outcomes[2], Exception)
    assert (await play(floor, request)).contacts


async def test_contacts_of_a_day_that_was_come_to_the_queue_they_came_to_and_are_sent_on_again(
    edge: Edge, floor: Floor
) -> None:
    care = await floor.queue("Care")
    sales = await floor.queue(
        open_to_all=False,
        overflow=Overflow((OverflowRule(Trigger.AFTER_WAIT, timedelta(seconds=30), queue_id=care.queue_id),)),
    )
    begin = Timestamp()
    begin.FromDatetime(floor.clock.now())
    agent_id = await floor.agent(queues=[care.queue_id])
    contact = await floor.contact(sales.queue_id)
    floor.clock.advance(30)
    for contact_id in await floor.run(overflow_ops.due):
        await floor.run(overflow_ops.send_on, contact_id)
    offer = await floor.match()
    assert offer is not None
    await floor.run(offer_ops.accept_offer, offer.offer_id, agent_id)
    floor.clock.advance(60)
    await floor.hang_up(contact)
    floor.clock.advance(5)
    await floor.run(contact_ops.end_wrap_up, WrapUp(contact.contact_id, "", "", agent_id))
    with as_("supervisor", floor):
        found = await edge.simulations.SimulateDay(s.SimulateDayRequest(recorded_from_time=begin))
    told = {each.queue_id: (each.offered, each.overflowed) for each in found.days[0].queues}
    assert told == {sales.queue_id: (1, 1), care.queue_id: (1, 0)}
    assert (found.contacts, found.days[0].whole.offered, found.days[0].whole.overflowed) == (1, 1, 1)


async def test_made_up_day_that_begins_when_the_queue_is_closed_turns_everybody_away(edge: Edge, floor: Floor) -> None:
    hours = await floor.run(
        hours_ops.create_hours, BusinessHours("", "Mondays", "UTC", (OpenInterval(1, 0, 1440),), (), floor.clock.now())
    )
    queue = await floor.queue(business_hours_id=hours.business_hours_id)
    monday, tuesday = Timestamp(), Timestamp()
    monday.FromJsonString("2026-03-02T09:00:00Z")
    tuesday.FromJsonString("2026-03-03T09:00:00Z")
    left: list[tuple[int, bool]] = []
    with as_("supervisor", floor):
        for begins in (None, monday, tuesday):
            day = made_up(queue.queue_id, start_time=begins)
            whole = (await edge.simulations.SimulateDay(s.SimulateDayRequest(synthetic=day))).days[0].whole
            left.append((whole.left, whole.left == whole.offered))
    assert left[:2] == [(0, False), (0, False)] and left[2][1]


async def test_callback_of_a_day_is_played_at_its_place_and_its_caller_is_no_abandon(floor: Floor) -> None:
    queue = await floor.queue(wrap_up_duration=timedelta(0))
    begin, agent_id = floor.clock.now(), await floor.agent()
    first = await floor.contact(queue.queue_id)
    offer = await floor.match()
    assert offer is not None
    await floor.run(offer_ops.accept_offer, offer.offer_id, agent_id)
    floor.clock.advance(10)
    asker = await floor.contact(queue.queue_id, caller_number=NUMBER)
    floor.clock.advance(10)
    left = await floor.contact(queue.queue_id)
    floor.clock.advance(40)
    await ask(floor, queue.queue_id, previous_contact_id=asker.contact_id)
    await floor.hang_up(left)
    await floor.hang_up(first)
    call_id = await dial(floor, await accept(floor))
    floor.clock.advance(600)
    await end(floor, call_id, answered=True)
    day = await floor.read(lambda tx: simulation_ops.recorded(tx, begin))
    callback = next(each for each in day.arrivals if each.callback)
    assert (callback.at, callback.since, callback.handle) == (10.0, 10.0, 600.0)
    assert [(each.begin, each.end) for each in day.shifts] == [(0.0, 660.0)]
    played = simulated((await floor.read(lambda tx: simulation_ops.to_play(tx, day, [])))[0])
    assert (played.whole.offered, played.whole.answered, played.whole.abandoned) == (3, 2, 1)
    assert sorted(played.whole.waits) == [0.0, 50.0] and played.busy == 660.0


async def test_second_attempt_of_a_callback_comes_later_at_the_old_place_and_one_that_nobody_made_has_left(
    floor: Floor,
) -> None:
    rules = CallbackRules(retry_after=timedelta(minutes=5))
    queue = await floor.queue(wrap_up_duration=timedelta(0), callbacks=rules)
    begin, agent_id = floor.clock.now(), await floor.agent()
    made = await ask(floor, queue.queue_id)
    await attempt(floor, "BUSY")
    floor.clock.advance(300)
    await floor.run(callback_ops.keep_times)
    await floor.run(agent_ops.set_state, agent_id, AgentState.OFFLINE, "")
    floor.clock.advance(60)
    await floor.run(callback_ops.cancel_callback, made.callback_id, "asked by mail")
    day = await floor.read(lambda tx: simulation_ops.recorded(tx, begin))
    first, second = sorted(day.arrivals, key=lambda each: each.at)
    assert (first.at, second.at, second.since, second.patience) == (0.0, 330.0, 0.0, 60.0)
    played = simulated((await floor.read(lambda tx: simulation_ops.to_play(tx, day, [])))[0])
    assert (played.whole.offered, played.whole.answered, played.whole.left, played.whole.abandoned) == (2, 1, 1, 0)


async def test_chats_are_played_beside_calls(edge: Edge, floor: Floor) -> None:
    queue_id, begin = await a_day(floor)
    for _ in range(3):
        chat = await floor.contact(queue_id, channel=Channel.CHAT)
        await floor.hang_up(chat)
    with as_("supervisor", floor):
        found = await edge.simulations.SimulateDay(s.SimulateDayRequest(recorded_from_time=begin))
    assert (found.contacts, found.days[0].whole.offered) == (6, 6)


async def test_day_that_is_made_up_has_chats_of_which_an_agent_writes_several(edge: Edge, floor: Floor) -> None:
    queue = await floor.queue()
    rushed = pb_traffic(queue.queue_id, c.CHANNEL_CHAT)
    with as_("supervisor", floor):
        chats = await edge.simulations.SimulateDay(s.SimulateDayRequest(synthetic=rushed))
        rushed.traffic[0].channel = c.CHANNEL_VOICE
        calls = await edge.simulations.SimulateDay(s.SimulateDayRequest(synthetic=rushed))
        rushed.traffic[0].channel = 99  # type: ignore[assignment]
        await refused(
            edge.simulations.SimulateDay(s.SimulateDayRequest(synthetic=rushed)), InvalidInput, "",
            "synthetic.traffic[0].channel",
        )  # fmt: skip
    assert chats.days[0].whole.offered == calls.days[0].whole.offered
    assert chats.days[0].whole.average_answer_time.ToTimedelta() < calls.days[0].whole.average_answer_time.ToTimedelta()


def pb_traffic(queue_id: str, channel: c.Channel.ValueType) -> s.SyntheticDay:
    return s.SyntheticDay(
        seed=1, crews=[s.Crew(count=2)],
        traffic=[s.Traffic(
            queue_id=queue_id, contacts_per_hour=[30, 30], handle_time=Duration(seconds=220), channel=channel)],
    )  # fmt: skip


async def test_agent_is_kept_while_a_customer_who_is_called_first_is_rung(floor: Floor) -> None:
    now = floor.clock.now()
    contact = await floor.contact((await floor.queue()).queue_id)
    tried = replace(contact, end_time=now + timedelta(seconds=40))
    met = replace(contact, contact_id="con_2", answer_time=now + timedelta(seconds=12))
    agent_first = replace(contact, contact_id="con_3", answer_time=now, end_time=now + timedelta(seconds=90))
    callback = replace(
        wish(contact.queue_id),
        attempts=(
            Attempt(now + timedelta(seconds=10), "usr_1", tried.contact_id, "call_1", Outcome.NO_ANSWER),
            Attempt(now + timedelta(seconds=2), "usr_1", "con_2", "call_2", Outcome.ANSWERED),
            Attempt(now, "usr_1", "con_3", "call_3", Outcome.BUSY),
        ),
    )
    assert kept_for([callback], [tried, met, agent_first]) == {tried.contact_id: 30.0, "con_2": 10.0}


async def test_whoever_leaves_by_their_flow_is_no_abandon_and_teaches_no_patience(floor: Floor) -> None:
    queue_id, begin = await a_day(floor)
    now = begin.ToDatetime(floor.clock.now().tzinfo)
    before = await floor.read(lambda tx: simulation_ops.recorded(tx, now))
    waits = await floor.contact(queue_id)
    floor.clock.advance(5)
    await floor.run(contact_ops.dequeue_contact, waits.contact_id, "max_wait")
    day = await floor.read(lambda tx: simulation_ops.recorded(tx, now))
    known = {each.contact_id: each for each in day.arrivals}
    assert (known[waits.contact_id].leaves, known[waits.contact_id].patience) == (True, 5.0)
    assert sum(each.leaves for each in day.arrivals) == 1 and len(before.arrivals) == 3

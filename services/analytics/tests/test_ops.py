"""Facts become counters and a wallboard, whatever their order and however often they come."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest
from analytics import ops
from analytics.domain import intervals
from analytics.domain.intervals import LENGTH, Counters
from google.protobuf.message import Message
from merkez.routing.v1 import callback_events_pb2, callback_pb2, contact_pb2, routing_events_pb2
from merkez.telephony.v1 import call_pb2, telephony_events_pb2

from .conftest import (
    Floor,
    abandoned_call,
    agent_fact,
    answered_call,
    contact,
    queue_fact,
    user_fact,
    zone_fact,
)

SECOND = 1_000_000


async def test_contact_is_counted_from_queue_to_wrap_up(floor: Floor) -> None:
    await floor.tell(queue_fact())
    for told in answered_call("con_1", floor.clock.now(), wait=12, talk=40, hold=20, acw=15):
        await floor.work(told)
    assert list((await floor.counters()).values()) == [
        Counters(1, 1, 1, 0, 0, 1, 12 * SECOND, 40 * SECOND, 20 * SECOND, 15 * SECOND, 1, 75 * SECOND)
    ]
    [tile] = (await floor.board()).board.queues
    assert (tile.service_level, tile.asa, tile.aht, tile.waiting.depth) == (1.0, 12.0, 75.0, 0)


async def test_waiting_contacts_show_depth_and_longest_wait_until_they_are_answered(floor: Floor) -> None:
    await floor.tell(queue_fact())
    began = floor.clock.now()
    for number in range(3):
        queued, *_ = answered_call(f"con_{number}", began + timedelta(seconds=number), 10, 10, 0, 10)
        await floor.work(queued)
    shown = (await floor.board()).board
    assert (shown.total.waiting.depth, shown.total.waiting.since) == (3, began)
    for told in answered_call("con_0", began, 10, 10, 0, 10)[1:]:
        await floor.work(told)
    assert (await floor.board()).board.queues[0].waiting.since == began + timedelta(seconds=1)


async def test_short_abandons_are_counted_apart_and_leave_the_service_level_alone(floor: Floor) -> None:
    await floor.tell(queue_fact())
    for told in [
        *abandoned_call("con_1", floor.clock.now(), 3, short=True),
        *abandoned_call("con_2", floor.clock.now(), 30, short=False),
        *answered_call("con_3", floor.clock.now(), 5, 60, 0, 10),
    ]:
        await floor.work(told)
    [tile] = (await floor.board()).board.queues
    assert (tile.day.offered, tile.day.abandoned, tile.day.short_abandoned, tile.service_level) == (3, 2, 1, 0.5)


@pytest.mark.parametrize("seed", range(4))
async def test_shuffled_and_repeated_facts_count_the_same_and_as_a_count_anew_would(floor: Floor, seed: int) -> None:
    chance = random.Random(seed)
    base, told = floor.clock.now(), []
    for number in range(5):
        began = base + timedelta(seconds=chance.uniform(0, 3600))
        times = [round(chance.uniform(0, 900), 3) for _ in range(4)]
        told += answered_call(f"con_a{number}", began, *times, queue_id=chance.choice(["que_1", "que_2"]))
    for number in range(3):
        began = base + timedelta(seconds=chance.uniform(0, 3600))
        told += abandoned_call(f"con_b{number}", began, chance.uniform(0, 60), short=chance.random() < 0.5)
    ordered, shuffled = floor, Floor(floor.db, floor.clock)
    for each in (ordered, shuffled):
        await each.tell(queue_fact("que_1", 20), queue_fact("que_2", 60))
    for each in sorted(told, key=lambda fact: fact[1]):
        await ordered.work(each)
    repeated = told * 2
    chance.shuffle(repeated)
    for each in repeated:
        await shuffled.work(each)
    assert await shuffled.counters() == await ordered.counters()
    floor.clock.advance(7200)
    assert (await shuffled.board()).board == (await ordered.board()).board
    day = (base - timedelta(hours=9), base + timedelta(days=1))
    assert await floor.db.run(shuffled.tenant, lambda tx: ops.recount(tx, *day)) == 0


async def test_recount_corrects_what_was_bent(floor: Floor) -> None:
    from analytics import store

    await floor.tell(queue_fact())
    for told in answered_call("con_1", floor.clock.now(), 12, 40, 20, 15):
        await floor.work(told)
    right = await floor.counters()
    [key] = right
    await floor.db.run(floor.tenant, lambda tx: store.add_counters(tx, {key: Counters(offered=5)}))
    day = (key[1] - timedelta(hours=1), key[1] + timedelta(hours=1))
    assert await floor.db.run(floor.tenant, lambda tx: ops.recount(tx, *day)) == 1
    assert await floor.counters() == right


async def test_threshold_of_the_arrival_stays_when_the_queue_changes(floor: Floor) -> None:
    await floor.tell(queue_fact(threshold=20))
    *facts, last = answered_call("con_1", floor.clock.now(), 30, 40, 0, 15)
    for told in facts:
        await floor.work(told)
    await floor.tell(queue_fact(threshold=60, version=2))
    await floor.work(last)
    [tile] = (await floor.board()).board.queues
    assert (tile.day.answered_within, tile.queue.threshold_seconds) == (0, 60)


async def test_contact_that_came_before_its_queue_is_held_to_its_threshold(floor: Floor) -> None:
    for told in answered_call("con_1", floor.clock.now(), 30, 40, 0, 15):
        await floor.work(told)
    await floor.tell(queue_fact(threshold=60))
    [tile] = (await floor.board()).board.queues
    assert tile.day.answered_within == 1


async def test_contacts_of_a_deleted_queue_stay_in_the_total(floor: Floor) -> None:
    await floor.tell(queue_fact())
    for told in answered_call("con_1", floor.clock.now(), 3, 40, 0, 15):
        await floor.work(told)
    await floor.tell(routing_events_pb2.QueueDeleted(queue_id="que_1"), queue_fact(version=9))
    shown = (await floor.board()).board
    assert list(shown.queues) == [] and shown.total.day.answered == 1


async def test_late_fact_of_an_older_version_changes_nothing(floor: Floor) -> None:
    queued, gone = abandoned_call("con_1", floor.clock.now(), 3, short=True)
    await floor.work(gone)
    await floor.work(queued)
    shown = (await floor.board()).board.total
    assert (shown.waiting.depth, shown.day.offered, shown.day.abandoned) == (0, 1, 1)


async def test_agents_are_shown_by_their_newest_state_and_name(floor: Floor) -> None:
    now = floor.clock.now()
    await floor.tell(user_fact(2, "Alexandra"), user_fact(1, "Alex"))
    await floor.tell(agent_fact(2, "NOT_READY", now, reason="lunch"), agent_fact(1, "AVAILABLE", now))
    shown = (await floor.board()).board
    [agent] = shown.agents
    assert (agent.display_name, agent.state, agent.reason, agent.state_time) == ("Alexandra", "NOT_READY", "lunch", now)
    assert shown.states["NOT_READY"] == 1 and shown.states["AVAILABLE"] == 0
    await floor.tell(user_fact(3, "Alexandra", active=False))
    assert list((await floor.board()).board.agents) == []


async def test_agent_heard_of_from_routing_first_keeps_its_name_and_place(floor: Floor) -> None:
    await floor.tell(agent_fact(1, "AVAILABLE", floor.clock.now()), user_fact(1, "Alex B."))
    [agent] = (await floor.board()).board.agents
    assert (agent.display_name, agent.state) == ("Alex B.", "AVAILABLE")


async def test_handled_contacts_are_shown_with_their_agent(floor: Floor) -> None:
    await floor.tell(queue_fact(), agent_fact(1, "AVAILABLE", floor.clock.now()))
    for number in range(2):
        for told in answered_call(f"con_{number}", floor.clock.now(), 3, 40, 0, 15):
            await floor.work(told)
    assert [agent.handled for agent in (await floor.board()).board.agents] == [2]


async def test_day_of_the_wallboard_is_the_tenants_own(floor: Floor) -> None:
    await floor.tell(zone_fact("Asia/Baku"), queue_fact())
    midnight = datetime(2026, 3, 1, 20, tzinfo=UTC)  # of Monday in Baku
    for number, began in enumerate((midnight - timedelta(minutes=1), midnight)):
        for told in answered_call(f"con_{number}", began, 1, 1, 0, 1):
            await floor.work(told)
    assert (await floor.board()).board.total.day.offered == 1


async def test_company_that_moves_has_its_new_days_whichever_fact_comes_last(floor: Floor) -> None:
    await floor.tell(queue_fact(), zone_fact("Asia/Baku", version=2), zone_fact("UTC"))
    evening = datetime(2026, 3, 1, 20, tzinfo=UTC)  # Monday in Baku, Sunday in London
    for told in answered_call("con_1", evening, 1, 1, 0, 1):
        await floor.work(told)
    assert (await floor.board()).board.total.day.offered == 1


async def test_intervals_are_listed_oldest_first_and_by_queue(floor: Floor) -> None:
    await floor.tell(queue_fact())
    base = floor.clock.now()
    for number, queue_id in enumerate(("que_1", "que_2", "que_1")):
        for told in answered_call(f"con_{number}", base + number * LENGTH, 1, 1, 0, 1, queue_id=queue_id):
            await floor.work(told)
    now = base + 4 * LENGTH

    async def listed(queue_id: str) -> list[tuple[str, datetime]]:
        found = await floor.db.run(floor.tenant, lambda tx: ops.queue_intervals(tx, queue_id, None, None, now))
        return [key for key, _ in found]

    assert await listed("") == [("que_1", base), ("que_2", base + LENGTH), ("que_1", base + 2 * LENGTH)]
    assert await listed("que_2") == [("que_2", base + LENGTH)]


async def test_contacts_of_one_queue_counted_at_once_lose_nothing(floor: Floor) -> None:
    await floor.tell(queue_fact())
    began = floor.clock.now()
    await asyncio.gather(
        *(
            floor.tell(routing_events_pb2.ContactQueued(contact=contact(1, "QUEUED", f"con_{n}", queue_time=began)))
            for n in range(60)
        )
    )
    assert (await floor.board()).board.total.day.offered == 60


async def test_other_tenants_floor_is_not_seen(floor: Floor) -> None:
    await floor.tell(queue_fact(), agent_fact(1, "AVAILABLE", floor.clock.now()))
    shown = (await Floor(floor.db, floor.clock).board()).board
    assert list(shown.queues) == list(shown.agents) == []


async def test_deleted_queue_is_gone_and_its_threshold_holds_whatever_the_order_of_facts(floor: Floor) -> None:
    now, other = floor.clock.now(), Floor(floor.db, floor.clock)
    gone = routing_events_pb2.QueueDeleted(queue_id="que_1")
    call = answered_call("con_1", now, 12, 40, 0, 15)
    await floor.tell(queue_fact(threshold=10))
    for each in call:
        await floor.work(each)
    await floor.tell(gone)
    await other.tell(gone)
    for each in call:
        await other.work(each)
    await other.tell(queue_fact(threshold=10))
    assert await other.counters() == await floor.counters()
    assert (await other.board()).board == (await floor.board()).board
    assert not (await other.board()).board.queues


async def test_consults_and_direct_transfers_wait_in_no_queue_on_the_wall(floor: Floor) -> None:
    await floor.tell(queue_fact())
    began = floor.clock.now()
    for name, kind, target in (
        ("con_1", contact_pb2.CONTACT_KIND_CONSULT, ""),
        ("con_2", contact_pb2.CONTACT_KIND_TRANSFER, "usr_2"),
        ("con_3", contact_pb2.CONTACT_KIND_TRANSFER, ""),
    ):
        waiting = contact(1, "QUEUED", name, queue_time=began)
        waiting.kind, waiting.target_agent_id = kind, target
        await floor.tell(routing_events_pb2.ContactQueued(contact=waiting))
    shown = (await floor.board()).board
    assert (shown.total.waiting.depth, shown.total.day.offered) == (1, 1)


async def test_call_out_in_no_queue_and_its_correction_are_counted_whatever_comes_first(floor: Floor) -> None:
    began = floor.clock.now()
    ended, right = (
        contact(
            version, "ENDED", queue_id="", queue_time=began, answer_time=began,
            end_time=began + timedelta(seconds=seconds),
        )
        for version, seconds in ((3, 40), (4, 30))
    )  # fmt: skip
    begun = contact(1, "ON_CONTACT", queue_id="", queue_time=began, answer_time=began)
    for each in (begun, ended, right):
        each.kind = contact_pb2.CONTACT_KIND_OUTBOUND
    await floor.tell(
        routing_events_pb2.ContactCorrected(contact=right),
        routing_events_pb2.ContactStarted(contact=begun),
        routing_events_pb2.ContactEnded(contact=ended),
    )
    assert list((await floor.counters()).values()) == [Counters(outbound=1, outbound_talk=30 * SECOND)]


@pytest.mark.parametrize(("reason", "held_seconds"), [("TRANSFERRED", 10), ("CONSULT_OVER", 30)])
async def test_agent_who_hands_on_a_held_customer_ends_the_hold_and_an_asked_colleague_does_not(
    floor: Floor, reason: str, held_seconds: int
) -> None:
    began = floor.clock.now()
    call = call_pb2.Call(call_id="call_1")
    left = telephony_events_pb2.AgentLeft(call_id="call_1", contact_id="con_1", agent_id="usr_1", reason=reason)
    left.leave_time.FromDatetime(began + timedelta(seconds=20))
    ended = contact(
        2, "ENDED", queue_time=began, answer_time=began, end_time=began + timedelta(seconds=60),
        wrap_up_end_time=began + timedelta(seconds=60),
    )  # fmt: skip
    await floor.work((telephony_events_pb2.CallHeld(call=call), began + timedelta(seconds=10)))
    await floor.work((telephony_events_pb2.CallResumed(call=call), began + timedelta(seconds=40)))
    await floor.tell(left, routing_events_pb2.ContactEnded(contact=ended))
    [counters] = (await floor.counters()).values()
    assert counters.hold == held_seconds * SECOND


def callback(version: int, state: str, asked: datetime, callback_id: str = "cbk_1") -> callback_pb2.Callback:
    made = callback_pb2.Callback(
        callback_id=callback_id, queue_id="que_1", version=version,
        state=callback_pb2.CallbackState.Value(f"CALLBACK_STATE_{state}"),
    )  # fmt: skip
    made.create_time.FromDatetime(asked)
    return made


async def test_callbacks_are_counted_where_they_were_asked_for_whatever_came_of_them_later(floor: Floor) -> None:
    asked = floor.clock.now()
    for number in range(4):
        made = callback(1, "SCHEDULED", asked, f"cbk_{number}")
        await floor.tell(callback_events_pb2.CallbackRequested(callback=made))
    floor.clock.advance(3600)
    ends: list[Message] = [
        callback_events_pb2.CallbackCompleted(callback=callback(5, "COMPLETED", asked, "cbk_0")),
        callback_events_pb2.CallbackFailed(callback=callback(9, "FAILED", asked, "cbk_1")),
        callback_events_pb2.CallbackExpired(callback=callback(3, "EXPIRED", asked, "cbk_2")),
        callback_events_pb2.CallbackCancelled(callback=callback(2, "CANCELLED", asked, "cbk_3")),
    ]
    for _ in range(2):  # what is told twice counts once, and what comes late changes nothing
        await floor.tell(*ends)
        await floor.tell(callback_events_pb2.CallbackRequested(callback=callback(1, "SCHEDULED", asked, "cbk_0")))
    wanted = Counters(callbacks_requested=4, callbacks_reached=1, callbacks_given_up=2, callbacks_cancelled=1)
    assert await floor.counters() == {("que_1", intervals.start_of(asked)): wanted}
    start = intervals.start_of(asked)
    wrong = await floor.db.run(floor.tenant, lambda tx: ops.recount(tx, start, start + timedelta(hours=1)))
    assert wrong == 0

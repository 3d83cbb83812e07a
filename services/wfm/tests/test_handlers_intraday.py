"""A day as it goes over its services: read, tried out, changed and undone; overtime and time off offered and taken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from chassis.auth import acting_as
from chassis.instants import time_out
from chassis.sql import Database
from kernel.errors import FailedPrecondition, Forbidden, InvalidInput, NotFound
from kernel.ids import new_id
from merkez.wfm.v1 import (
    adjustment_pb2,
    adjustment_service_pb2,
    intraday_pb2,
    intraday_service_pb2,
    schedule_service_pb2,
    shift_offer_events_pb2,
    shift_offer_pb2,
    shift_offer_service_pb2,
    staffing_pb2,
)
from sqlalchemy import select
from testkit import ManualClock, RpcHouse, someone
from wfm.store.tables import metadata

from .conftest import planned, served
from .planned import Shop, a_shift, at

day_ask, ask, offer_ask = intraday_service_pb2, adjustment_service_pb2, shift_offer_service_pb2
Kinds, Offers = adjustment_pb2, shift_offer_pb2
TUESDAY = at(1, 0).date().isoformat()


@pytest_asyncio.fixture
async def shop(service_db: Callable[..., Awaitable[Database]], clock: ManualClock, rpc: RpcHouse) -> Shop:
    return await opened(service_db, clock, rpc)


async def opened(service_db: Callable[..., Awaitable[Database]], clock: ManualClock, rpc: RpcHouse) -> Shop:
    """A shop at eight of the second day of a published week: three have a shift, one hasn't."""
    made = await Shop.opened(await planned(service_db, clock, fresh=True), rpc)
    with acting_as(someone("admin", made.planning.tenant)):
        await made.staffed(4, load=1.0)
        await made.published(*(a_shift(each, 1) for each in made.users[:3]))
    clock.advance(at(1, 8) - clock.now())
    return made


def supervisor(shop: Shop) -> Any:
    return acting_as(someone("supervisor", shop.planning.tenant))


def agent(shop: Shop, user_id: str) -> Any:
    return acting_as(someone("agent", shop.planning.tenant, subject=user_id))


async def shifts_of(shop: Shop, user_id: str) -> list[Any]:
    schedules = schedule_service_pb2
    with acting_as(someone("admin", shop.planning.tenant)):
        listed = await shop.schedules.ListSchedules(schedules.ListSchedulesRequest())
        (now,) = [each for each in listed.schedules if each.publish_time.seconds]
        asked = schedules.ListShiftsRequest(schedule_id=now.schedule_id, user_id=user_id)
        return list((await shop.schedules.ListShifts(asked)).shifts)


async def told(shop: Shop, kind: type[Any]) -> list[Any]:
    """Facts of a kind that left in the outbox."""
    outbox = metadata.tables["wfm.outbox"]

    async def read(tx: Any) -> list[Any]:
        rows = await tx.all(select(outbox).where(outbox.c.tenant_id == tx.tenant_id).order_by(outbox.c.position))
        name = kind.DESCRIPTOR.full_name
        return [kind.FromString(row["payload"]) for row in rows if row["fact"] == name]

    return await shop.planning.db.run(shop.planning.tenant, read)


async def came(shop: Shop, count: int, hour: float, prefix: str, talk: float = 240.0) -> None:
    for number in range(count):
        start = at(1, hour) + timedelta(seconds=number)
        await shop.planning.tell(*served(shop.queue_id, start, talk, contact_id=f"con_{prefix}{number}"))


def today(shop: Shop, **said: Any) -> Any:
    return day_ask.GetIntradayRequest(day=TUESDAY, queue_id=shop.queue_id, **said)


async def test_day_shows_what_came_and_expects_more_of_the_rest(shop: Shop, clock: ManualClock) -> None:
    clock.advance(timedelta(hours=1))
    for number in range(2):
        await came(shop, 10, 8 + number / 2, f"{number}_", talk=480.0)
    with supervisor(shop):
        found = await shop.intraday.GetIntraday(today(shop))
        assert (found.interval_minutes, found.over_count, len(found.intervals)) == (30, 18, 48)
        assert found.schedule_id and found.forecast_run_id == shop.run_id and not found.shared_with
        eight, nine = found.intervals[16], found.intervals[18]
        assert eight.came == 10 and eight.forecast == pytest.approx(7.5) and eight.aht_seconds == pytest.approx(480)
        assert not nine.HasField("came") and 7.5 < nine.expected < 10 and nine.low <= nine.expected < nine.high
        assert found.volume_factor == pytest.approx(nine.expected / 7.5) and found.aht_factor > 1
        assert nine.required_agents > nine.planned_agents > 0 and nine.staffed_agents == 3
        assert found.intervals[24].staffed_agents == 0, "all three have lunch at noon"
        assert eight.HasField("present_agents") and eight.present_agents == 0
        assert found.outcome.missing_hours > 0 and 0 < found.outcome.service_level < 1
        early = await shop.intraday.GetIntraday(today(shop, forecast_run_id=shop.run_id))
        assert early == found


async def test_time_off_and_exceptions_take_agents_out_of_those_who_are_there(shop: Shop, clock: ManualClock) -> None:
    from merkez.wfm.v1 import adherence_pb2, adherence_service_pb2, workforce_pb2, workforce_service_pb2

    with acting_as(someone("admin", shop.planning.tenant)):
        off = workforce_pb2.TimeOff(
            user_id=shop.users[0], start_time=time_out(at(1, 13)), end_time=time_out(at(1, 15))
        )  # fmt: skip
        await shop.workforce.CreateTimeOff(
            workforce_service_pb2.CreateTimeOffRequest(request_id="off", time_off=off)
        )  # fmt: skip
        sick = adherence_pb2.AdherenceException(
            user_id=shop.users[1], start_time=time_out(at(1, 9)), end_time=time_out(at(1, 14)),
            kind=adherence_pb2.ADHERENCE_EXCEPTION_KIND_SICK,
        )  # fmt: skip
        await shop.adherence.CreateAdherenceException(
            adherence_service_pb2.CreateAdherenceExceptionRequest(request_id="sick", adherence_exception=sick)
        )
        rows = (await shop.intraday.GetIntraday(today(shop))).intervals
        assert [rows[slot].staffed_agents for slot in (16, 18, 26, 28, 30)] == [3, 2, 1, 2, 3]


async def test_scenarios_stand_side_by_side_and_are_kept_once(shop: Shop, clock: ManualClock) -> None:
    strict = staffing_pb2.StaffingRule(service_level=0.95, threshold_seconds=10)
    wanted = [
        intraday_pb2.Scenario(display_name="Storm", volume_percent=50),
        intraday_pb2.Scenario(display_name="Flu", absence_percent=40),
        intraday_pb2.Scenario(display_name="Strict", staffing_rule=strict),
        intraday_pb2.Scenario(display_name="Help", extra_agents=2),
    ]
    tried = day_ask.TryScenariosRequest(day=TUESDAY, queue_id=shop.queue_id, scenarios=wanted)
    with supervisor(shop):
        usual, storm, flu, promise, more = (await shop.intraday.TryScenarios(tried)).outcomes
        assert storm.volume == pytest.approx(1.5 * usual.volume) and storm.scenario == wanted[0]
        assert storm.service_level < usual.service_level and flu.service_level < usual.service_level
        assert flu.missing_hours > usual.missing_hours and promise.missing_hours > usual.missing_hours
        assert more.service_level > usual.service_level and len(usual.required_agents) == 48 - 16
        for wrong in (
            [], [intraday_pb2.Scenario()] * 7, [intraday_pb2.Scenario(volume_percent=-101)],
            [intraday_pb2.Scenario(absence_percent=101)],
            [intraday_pb2.Scenario(staffing_rule=staffing_pb2.StaffingRule(service_level=2))],
        ):  # fmt: skip
            asked = day_ask.TryScenariosRequest(day=TUESDAY, queue_id=shop.queue_id, scenarios=wrong)
            with pytest.raises(InvalidInput):
                await shop.intraday.TryScenarios(asked)
        saved = day_ask.CreateScenarioRequest(request_id="storm", scenario=wanted[2])
        one, two = await asyncio.gather(*(shop.intraday.CreateScenario(saved) for _ in range(2)))
        assert one == two and one.staffing_rule.service_level == 0.95
        (kept,) = (await shop.intraday.ListScenarios(day_ask.ListScenariosRequest())).scenarios
        assert kept == one
        with pytest.raises(InvalidInput):
            nameless = day_ask.CreateScenarioRequest(request_id="none", scenario=intraday_pb2.Scenario())
            await shop.intraday.CreateScenario(nameless)
    gone = day_ask.DeleteScenarioRequest(scenario_id=one.scenario_id)
    with acting_as(someone("supervisor", new_id("ten", clock.now()))):
        with pytest.raises(NotFound):
            await shop.intraday.DeleteScenario(gone)
        with pytest.raises(FailedPrecondition) as refused:
            await shop.intraday.GetIntraday(today(shop))
        assert refused.value.reason == "INTRADAY_NO_FORECAST"
    with supervisor(shop):
        await shop.intraday.DeleteScenario(gone)
        with pytest.raises(NotFound):
            await shop.intraday.DeleteScenario(gone)


def move(user_id: str, start: float = 12, to: float = 12.5, request_id: str = "move") -> Any:
    return ask.MoveBreakRequest(
        request_id=request_id, user_id=user_id, day=TUESDAY, start_time=time_out(at(1, start)),
        new_start_time=time_out(at(1, to)),
    )  # fmt: skip


async def test_suggested_breaks_are_moved_with_one_call_and_put_back_exactly_with_another(
    shop: Shop, clock: ManualClock
) -> None:
    with supervisor(shop):
        found = await shop.adjustments.ListSuggestions(ask.ListSuggestionsRequest(day=TUESDAY))
        best = found.break_moves[0]
        assert best.start_time == time_out(at(1, 12)) and best.saved_hours > 0 and best.minutes == 30
        before = await shifts_of(shop, best.user_id)
        asked = ask.MoveBreakRequest(
            request_id="best", user_id=best.user_id, day=TUESDAY, start_time=best.start_time,
            new_start_time=best.new_start_time,
        )  # fmt: skip
        done, again = await asyncio.gather(*(shop.adjustments.MoveBreak(asked) for _ in range(2)))
        assert done == again and done.before == before[0]
        assert await shifts_of(shop, best.user_id) == [done.after]
        assert done.after.breaks[0].start_time == best.new_start_time
        left = (await shop.adjustments.ListSuggestions(ask.ListSuggestionsRequest(day=TUESDAY))).break_moves
        assert sum(each.saved_hours for each in left) < sum(each.saved_hours for each in found.break_moves)
        back = ask.UndoAdjustmentRequest(adjustment_id=done.adjustment_id)
        undone, twice = await asyncio.gather(*(shop.adjustments.UndoAdjustment(back) for _ in range(2)))
        assert undone == twice and undone.undone and undone.undo_user_id
        assert await shifts_of(shop, best.user_id) == before
        (listed,) = (await shop.adjustments.ListAdjustments(ask.ListAdjustmentsRequest(day=TUESDAY))).adjustments
        assert listed == undone
    facts = await told(shop, shift_offer_events_pb2.ShiftAdjusted)
    assert [each.adjustment.undone for each in facts] == [False, True]
    assert facts[0].adjustment.user_id == best.user_id


async def test_undo_of_what_somebody_changed_since_is_refused_and_leaves_it(shop: Shop) -> None:
    user = shop.users[0]
    with supervisor(shop):
        first = await shop.adjustments.MoveBreak(move(user))
        second = await shop.adjustments.MoveBreak(move(user, 12.5, 13, "again"))
        with pytest.raises(FailedPrecondition) as refused:
            await shop.adjustments.UndoAdjustment(ask.UndoAdjustmentRequest(adjustment_id=first.adjustment_id))
        assert refused.value.reason == "ADJUSTMENT_OVERTAKEN"
        assert await shifts_of(shop, user) == [second.after]
        for adjustment in (second, first):
            await shop.adjustments.UndoAdjustment(
                ask.UndoAdjustmentRequest(adjustment_id=adjustment.adjustment_id)
            )  # fmt: skip
        assert await shifts_of(shop, user) == [first.before]


async def test_break_that_cant_be_moved_so_is_refused_and_nothing_changes(shop: Shop, clock: ManualClock) -> None:
    user = shop.users[0]
    before = await shifts_of(shop, user)
    with supervisor(shop):
        for start, to, kind in (
            (12, 12, InvalidInput), (12, 16.25, InvalidInput), (12, 7.5, InvalidInput), (12, 12.1, InvalidInput),
            (11, 12, FailedPrecondition),
        ):  # fmt: skip
            with pytest.raises(kind):
                await shop.adjustments.MoveBreak(move(user, start, to))
        with pytest.raises(FailedPrecondition) as refused:
            await shop.adjustments.MoveBreak(move(user, 12, 15.5))
        assert refused.value.reason == "SHIFT_BREAKS_RULES", "six hours without a break are the most"
        with pytest.raises(NotFound):
            await shop.adjustments.MoveBreak(move(shop.users[3]))
        clock.advance(timedelta(hours=4.25))
        with pytest.raises(InvalidInput):
            await shop.adjustments.MoveBreak(move(user))
        week = ask.MoveBreakRequest(
            request_id="later", user_id=user, day="2026-03-17", start_time=time_out(at(8, 12)),
            new_start_time=time_out(at(8, 13)),
        )  # fmt: skip
        with pytest.raises(FailedPrecondition) as refused:
            await shop.adjustments.MoveBreak(week)
        assert refused.value.reason == "DAY_NOT_PUBLISHED"
        with pytest.raises(InvalidInput):
            await shop.adjustments.ListSuggestions(ask.ListSuggestionsRequest())
    assert await shifts_of(shop, user) == before
    with acting_as(someone("supervisor", new_id("ten", clock.now()))), pytest.raises(FailedPrecondition):
        await shop.adjustments.MoveBreak(move(user))
    with acting_as(someone("agent", shop.planning.tenant)), pytest.raises(Forbidden):
        await shop.adjustments.MoveBreak(move(user))


def an_offer(kind: int, start: float, end: float, places: int, *users: str, **said: Any) -> Any:
    return Offers.ShiftOffer(
        kind=kind, start_time=time_out(at(1, start)), end_time=time_out(at(1, end)), places=places,
        replies=[Offers.ShiftOfferReply(user_id=each) for each in users], **said,
    )  # fmt: skip


async def offered(shop: Shop, offer: Any, request_id: str = "offer") -> Any:
    with supervisor(shop):
        return await shop.offers.CreateShiftOffer(
            offer_ask.CreateShiftOfferRequest(request_id=request_id, shift_offer=offer)
        )


async def accepts(shop: Shop, offer: Any, user_id: str) -> Any:
    with agent(shop, user_id):
        return await shop.offers.AcceptShiftOffer(
            offer_ask.AcceptShiftOfferRequest(shift_offer_id=offer.shift_offer_id)
        )


async def test_of_two_who_accept_the_last_place_at_once_one_has_it_and_once(shop: Shop) -> None:
    one, two, three, _ = shop.users
    offer = await offered(shop, an_offer(Kinds.ADJUSTMENT_KIND_OVERTIME, 16.5, 17.5, 1, one, two, three))
    assert (offer.state, offer.taken) == (Offers.SHIFT_OFFER_STATE_OPEN, 0)
    made = await told(shop, shift_offer_events_pb2.ShiftOfferMade)
    assert {each.user_id for each in made} == {one, two, three}
    assert all([reply.user_id for reply in each.shift_offer.replies] == [each.user_id] for each in made)
    found = await asyncio.gather(
        *(accepts(shop, offer, each) for each in (one, one, two, two)), return_exceptions=True
    )  # fmt: skip
    taken = [each for each in found if not isinstance(each, BaseException)]
    refused = [each for each in found if isinstance(each, FailedPrecondition)]
    assert len(taken) == 2 and len(refused) == 2 and {each.reason for each in refused} == {"SHIFT_OFFER_FILLED"}
    (winner,) = {reply.user_id for each in taken for reply in each.replies}
    with supervisor(shop):
        (now,) = (await shop.offers.ListShiftOffers(offer_ask.ListShiftOffersRequest(day=TUESDAY))).shift_offers
        assert (now.taken, now.state) == (1, Offers.SHIFT_OFFER_STATE_FILLED)
        changes = (await shop.adjustments.ListAdjustments(ask.ListAdjustmentsRequest(day=TUESDAY))).adjustments
        assert [each.user_id for each in changes] == [winner]
    (shift,) = await shifts_of(shop, winner)
    assert shift.end_time == time_out(at(1, 17.5)) and shift == changes[0].after
    loser = two if winner == one else one
    assert (await shifts_of(shop, loser))[0].end_time == time_out(at(1, 16.5))
    heard = await told(shop, shift_offer_events_pb2.ShiftOfferChanged)
    assert {each.user_id for each in heard} == {one, two, three}
    # Undone, the place is free again for whoever hasn't answered.
    with supervisor(shop):
        await shop.adjustments.UndoAdjustment(ask.UndoAdjustmentRequest(adjustment_id=changes[0].adjustment_id))
    assert (await shifts_of(shop, winner))[0] == changes[0].before
    with pytest.raises(FailedPrecondition) as closed:
        await accepts(shop, offer, winner)
    assert closed.value.reason == "SHIFT_OFFER_CLOSED"
    assert (await accepts(shop, offer, loser)).taken == 1


async def test_time_off_is_offered_taken_by_name_declined_and_taken_back(shop: Shop) -> None:
    one, two, three, free = shop.users
    offer = await offered(shop, an_offer(Kinds.ADJUSTMENT_KIND_VOLUNTARY_TIME_OFF, 14, 16.5, 2, one, two, free))
    with agent(shop, one):
        (mine,) = (await shop.offers.ListMyShiftOffers(offer_ask.ListMyShiftOffersRequest())).shift_offers
        assert [each.user_id for each in mine.replies] == [one]
    with agent(shop, three):
        assert not (await shop.offers.ListMyShiftOffers(offer_ask.ListMyShiftOffersRequest())).shift_offers
    with pytest.raises(NotFound):
        await accepts(shop, offer, three)
    await accepts(shop, offer, one)
    assert (await shifts_of(shop, one))[0].end_time == time_out(at(1, 14))
    with pytest.raises(FailedPrecondition) as refused:
        await accepts(shop, offer, free)
    assert refused.value.reason == "SHIFT_OFFER_UNFIT"
    decline = offer_ask.DeclineShiftOfferRequest(shift_offer_id=offer.shift_offer_id)
    with agent(shop, two):
        first, again = [await shop.offers.DeclineShiftOffer(decline) for _ in range(2)]
        assert first == again and first.replies[0].state == Offers.SHIFT_OFFER_REPLY_STATE_DECLINED
    with agent(shop, one), pytest.raises(FailedPrecondition):
        await shop.offers.DeclineShiftOffer(decline)
    with supervisor(shop):
        cancel = offer_ask.CancelShiftOfferRequest(shift_offer_id=offer.shift_offer_id)
        done, again = [await shop.offers.CancelShiftOffer(cancel) for _ in range(2)]
        assert done == again and done.state == Offers.SHIFT_OFFER_STATE_CANCELLED and done.taken == 1
    with pytest.raises(FailedPrecondition) as closed:
        await accepts(shop, offer, two)
    assert closed.value.reason == "SHIFT_OFFER_CLOSED"
    assert (await shifts_of(shop, one))[0].end_time == time_out(at(1, 14)), "what was accepted stays"


async def test_offer_is_over_in_time_and_held_to_the_law(shop: Shop, clock: ManualClock) -> None:
    one = shop.users[0]
    long = await offered(shop, an_offer(Kinds.ADJUSTMENT_KIND_OVERTIME, 16.5, 19.5, 1, one), "long")
    with pytest.raises(FailedPrecondition) as refused:
        await accepts(shop, long, one)
    assert refused.value.reason == "SHIFT_BREAKS_RULES" and "DAY_HOURS" in refused.value.message
    assert (await shifts_of(shop, one))[0].end_time == time_out(at(1, 16.5))
    soon = an_offer(Kinds.ADJUSTMENT_KIND_OVERTIME, 16.5, 17.5, 1, one, expire_time=time_out(at(1, 9)))
    short = await offered(shop, soon, "short")
    clock.advance(timedelta(hours=1))
    with pytest.raises(FailedPrecondition) as closed:
        await accepts(shop, short, one)
    assert closed.value.reason == "SHIFT_OFFER_CLOSED"


async def test_suggested_overtime_is_for_those_whose_shift_may_grow(shop: Shop, clock: ManualClock) -> None:
    with supervisor(shop):
        found = await shop.adjustments.ListSuggestions(ask.ListSuggestionsRequest(day=TUESDAY))
        overtime = [each for each in found.offers if each.kind == Kinds.ADJUSTMENT_KIND_OVERTIME]
        late = next(each for each in overtime if each.start_time == time_out(at(1, 16.5)))
        assert late.end_time == time_out(at(1, 17.5)), "more than nine hours take a longer break by law"
        assert set(late.user_ids) == set(shop.users)
        assert late.user_ids[-1] == shop.users[3], "who has the day off comes last"
        assert late.places == 3 and late.hours > 0
    offer = await offered(
        shop,
        Offers.ShiftOffer(
            kind=late.kind, start_time=late.start_time, end_time=late.end_time, places=late.places,
            replies=[Offers.ShiftOfferReply(user_id=each) for each in late.user_ids],
        ),
    )  # fmt: skip
    for each in late.user_ids:
        if len(offer.replies) and offer.taken < offer.places:
            offer = await accepts(shop, offer, each)
    with supervisor(shop):
        again = await shop.adjustments.ListSuggestions(ask.ListSuggestionsRequest(day=TUESDAY))
        assert not any(each.start_time == late.start_time and each.kind == late.kind for each in again.offers)


async def test_offer_that_cant_be_is_refused_with_its_field(shop: Shop, clock: ManualClock) -> None:
    one = shop.users[0]
    kind = Kinds.ADJUSTMENT_KIND_OVERTIME
    for wrong, field in (
        (an_offer(kind, 7, 8, 1, one), "start_time"), (an_offer(kind, 16.1, 17, 1, one), "start_time"),
        (an_offer(kind, 17, 17, 1, one), "end_time"), (an_offer(kind, 16, 17, 0, one), "places"),
        (an_offer(kind, 16, 17, 1), "replies"), (an_offer(Kinds.ADJUSTMENT_KIND_BREAK_MOVE, 16, 17, 1, one), "kind"),
        (an_offer(0, 16, 17, 1, one), "kind"), (an_offer(kind, 16, 17, 1, one, note="x" * 501), "note"),
        (an_offer(kind, 16, 17, 1, one, expire_time=time_out(at(1, 16.5))), "expire_time"),
    ):  # fmt: skip
        with pytest.raises(InvalidInput) as refused:
            await offered(shop, wrong)
        assert f"shift_offer.{field}" in str(refused.value.fields), field
    with pytest.raises(NotFound):
        await offered(shop, an_offer(kind, 16, 17, 1, new_id("usr", clock.now())))
    other: datetime = at(8, 16)
    week = Offers.ShiftOffer(
        kind=kind, start_time=time_out(other), end_time=time_out(other + timedelta(hours=1)), places=1,
        replies=[Offers.ShiftOfferReply(user_id=one)],
    )  # fmt: skip
    with pytest.raises(FailedPrecondition) as unpublished:
        await offered(shop, week)
    assert unpublished.value.reason == "DAY_NOT_PUBLISHED"
    offer = await offered(shop, an_offer(kind, 16.5, 17.5, 1, one))
    with acting_as(someone("agent", new_id("ten", clock.now()), subject=one)), pytest.raises(NotFound):
        await shop.offers.AcceptShiftOffer(
            offer_ask.AcceptShiftOfferRequest(shift_offer_id=offer.shift_offer_id)
        )  # fmt: skip
    with agent(shop, one), pytest.raises(Forbidden):
        await shop.offers.CancelShiftOffer(
            offer_ask.CancelShiftOfferRequest(shift_offer_id=offer.shift_offer_id)
        )  # fmt: skip

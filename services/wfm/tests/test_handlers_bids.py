"""Bid rounds: open shifts go to who comes first in the round's order, once, and everybody sees why."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from chassis.instants import time_out
from kernel.errors import AlreadyExists, FailedPrecondition, Forbidden, InvalidInput, NotFound
from merkez.wfm.v1 import bid_service_pb2, shift_trade_pb2, workforce_service_pb2
from testkit import RpcHouse

from .conftest import Planning
from .floor import Floor
from .planned import MONDAY

ask, States, staff = bid_service_pb2, shift_trade_pb2, workforce_service_pb2
SENIORITY, ROTATION, PERFORMANCE = (
    States.BID_ORDER_SENIORITY, States.BID_ORDER_ROTATION, States.BID_ORDER_PERFORMANCE,
)  # fmt: skip


@pytest_asyncio.fixture
async def floor(planning: Planning, rpc: RpcHouse) -> Floor:
    made = await Floor.opened(planning, rpc)
    await made.hired(3)
    await made.out([made.shift(0, 0)])
    with made.manager():
        agents = await made.workforce.ListPlannedAgents(staff.ListPlannedAgentsRequest())
        for each in agents.planned_agents:
            number = made.users.index(each.user_id)
            each.hire_day, each.performance_score = f"20{20 - number}-05-01", 10.0 * (3 - number)
            await made.workforce.UpdatePlannedAgent(staff.UpdatePlannedAgentRequest(planned_agent=each))
    return made


def open_shift(floor: Floor, day: int, hour: float = 8.0, **said: Any) -> Any:
    shift = floor.shift(0, day, hour)
    lunch = shift.breaks[0]
    rest: Any = {"start_time": time_out(lunch.start), "end_time": time_out(lunch.end)}
    return shift_trade_pb2.OpenShift(
        day=shift.day.isoformat(), start_time=time_out(shift.start), end_time=time_out(shift.end), breaks=[rest], **said
    )


async def put_up(floor: Floor, *shifts: Any, order: Any = SENIORITY, key: str = "round", **said: Any) -> Any:
    floor.planning.clock.advance(1.0)
    usual = {
        "display_name": "Extra", "first_day": MONDAY.isoformat(), "order": order, "open_shifts": shifts,
        "end_time": time_out(floor.planning.clock.now() + timedelta(days=1)),
    }  # fmt: skip
    with floor.manager():
        return await floor.bids.CreateBidRound(
            ask.CreateBidRoundRequest(request_id=key, bid_round=shift_trade_pb2.BidRound(**(usual | said)))
        )


async def bid(floor: Floor, number: int, made: Any, *numbers: int, most: int = 1) -> Any:
    floor.planning.clock.advance(1.0)
    with floor.agent(number):
        wanted = shift_trade_pb2.Bid(numbers=numbers, most=most)
        return await floor.bids.PlaceBid(ask.PlaceBidRequest(bid_round_id=made.bid_round_id, bid=wanted))


async def award(floor: Floor, made: Any) -> Any:
    with floor.manager():
        return await floor.bids.AwardBidRound(ask.AwardBidRoundRequest(bid_round_id=made.bid_round_id))


async def test_who_was_hired_first_gets_what_they_want_most_and_each_sees_why(floor: Floor) -> None:
    made = await put_up(floor, open_shift(floor, 1), open_shift(floor, 0), open_shift(floor, 2, 10.0, places=2))
    assert [each.number for each in made.open_shifts] == [1, 2, 3] and await floor.told(2) == ["BIDS_OPEN"]
    await bid(floor, 0, made, 2, 1, 3)
    await bid(floor, 1, made, 1, 3, most=2)
    await bid(floor, 2, made, 1, 3)
    with pytest.raises(FailedPrecondition) as early:
        await award(floor, made)
    assert early.value.reason == "BID_ROUND_OPEN"
    floor.planning.clock.advance(timedelta(days=1))
    with pytest.raises(FailedPrecondition) as late:
        await bid(floor, 0, made, 3)
    assert late.value.reason == "BID_ROUND_OVER"
    found = await award(floor, made)
    assert [(each.user_id, each.place, each.standing) for each in found.bids] == [
        (floor.users[2], 1, "2018-05-01"), (floor.users[1], 2, "2019-05-01"), (floor.users[0], 3, "2020-05-01"),
    ]  # fmt: skip
    outcomes = [[(each.number, each.outcome, each.rule) for each in of.outcomes] for of in found.bids]
    assert outcomes == [
        [(1, "WON", ""), (3, "ENOUGH", "")], [(1, "TAKEN", ""), (3, "WON", "")],
        [(2, "RULE", "OVERLAP"), (1, "TAKEN", ""), (3, "WON", "")],
    ]  # fmt: skip
    assert [list(each.winner_ids) for each in found.bid_round.open_shifts] == [
        [floor.users[2]], [], [floor.users[1], floor.users[0]],
    ]  # fmt: skip
    assert await floor.days(0) == [0, 2] and await floor.days(1) == [2] and await floor.days(2) == [1]
    assert (await floor.told(2))[-1] == "BID_WON"
    with floor.agent(0):
        (mine,) = (await floor.bids.ListMyBids(ask.ListMyBidsRequest())).my_bids
        assert mine.bid == found.bids[2]
        (seen,) = (await floor.bids.ListBidRounds(ask.ListBidRoundsRequest())).bid_rounds
        assert seen == found.bid_round and seen.bid_count == 3
        with pytest.raises(Forbidden):
            await floor.bids.GetBidRound(ask.GetBidRoundRequest(bid_round_id=made.bid_round_id))


async def test_who_won_before_comes_later_by_rotation_and_the_best_first_by_performance(floor: Floor) -> None:
    one = await put_up(floor, open_shift(floor, 1), order=PERFORMANCE, key="one")
    for number in (2, 1, 0):
        await bid(floor, number, one, 1)
    floor.planning.clock.advance(timedelta(days=1))
    first = await award(floor, one)
    assert first.bids[0].user_id == floor.users[0] and first.bids[0].standing == "30"
    assert (await floor.told(1))[-1] == "BID_LOST"
    two = await put_up(floor, open_shift(floor, 3), order=ROTATION, key="two")
    for number in (0, 2, 1):
        await bid(floor, number, two, 1)
    floor.planning.clock.advance(timedelta(days=1))
    found = await award(floor, two)
    assert [(each.user_id, each.standing) for each in found.bids] == [
        (floor.users[2], "0"), (floor.users[1], "0"), (floor.users[0], "1"),
    ]  # fmt: skip


async def test_round_is_awarded_once_when_two_do_it_at_once(floor: Floor) -> None:
    made = await put_up(floor, open_shift(floor, 1))
    await bid(floor, 1, made, 1)
    floor.planning.clock.advance(timedelta(days=1))
    both = await asyncio.gather(award(floor, made), award(floor, made), return_exceptions=True)
    (lost,) = [each for each in both if isinstance(each, Exception)]
    assert isinstance(lost, FailedPrecondition) and lost.reason == "BID_ROUND_OVER"
    assert await floor.days(1) == [1]


async def test_bid_is_changed_and_taken_back_until_the_end(floor: Floor) -> None:
    made = await put_up(floor, open_shift(floor, 1), open_shift(floor, 2))
    await bid(floor, 0, made, 1, 2)
    await bid(floor, 0, made, 2)
    await bid(floor, 1, made, 1)
    await bid(floor, 1, made)
    with floor.manager():
        found = await floor.bids.GetBidRound(ask.GetBidRoundRequest(bid_round_id=made.bid_round_id))
    assert [(each.user_id, list(each.numbers)) for each in found.bids] == [(floor.users[0], [2])]
    for numbers, most in (((3,), 1), ((1, 1), 1), ((1,), 8)):
        with pytest.raises(InvalidInput) as refused:
            await bid(floor, 0, made, *numbers, most=most)
        assert refused.value.reason == "BID_INVALID"
    with floor.stranger(), pytest.raises(NotFound):
        await floor.bids.PlaceBid(ask.PlaceBidRequest(bid_round_id=made.bid_round_id))
    with floor.manager():
        with pytest.raises(NotFound):
            await floor.bids.PlaceBid(ask.PlaceBidRequest(bid_round_id=made.bid_round_id))
        gone = await floor.bids.CancelBidRound(ask.CancelBidRoundRequest(bid_round_id=made.bid_round_id))
        assert gone.state == States.BID_ROUND_STATE_CANCELLED
        with pytest.raises(FailedPrecondition):
            await floor.bids.CancelBidRound(ask.CancelBidRoundRequest(bid_round_id=made.bid_round_id))
    with pytest.raises(FailedPrecondition):
        await award(floor, made)


async def test_round_that_cannot_be_is_refused_by_its_field_and_made_once(floor: Floor) -> None:
    wrong: Any
    for wrong, field in (
        ({"display_name": ""}, "bid_round.display_name"), ({"first_day": "2026-03-10"}, "bid_round.first_day"),
        ({"open_shifts": []}, "bid_round.open_shifts"), ({"order": 0}, "bid_round.order"),
        ({"end_time": time_out(floor.planning.clock.now())}, "bid_round.end_time"),
        ({"end_time": time_out(floor.instant(1, 9))}, "bid_round.end_time"),
        ({"open_shifts": [open_shift(floor, 9)]}, "shift.day"),
    ):  # fmt: skip
        with pytest.raises(InvalidInput) as refused:
            await put_up(floor, open_shift(floor, 1), **wrong)
        assert refused.value.fields[0].field == field
    with pytest.raises(FailedPrecondition) as unpublished:
        await put_up(floor, open_shift(floor, 1), first_day="2026-03-16")
    assert unpublished.value.reason == "WEEK_NOT_PUBLISHED"
    made = await put_up(floor, open_shift(floor, 1), end_time=time_out(floor.instant(0, 8)))
    assert await put_up(floor, open_shift(floor, 1), end_time=time_out(floor.instant(0, 8))) == made
    with pytest.raises(AlreadyExists):
        await put_up(floor, open_shift(floor, 2), end_time=time_out(floor.instant(0, 8)))
    with floor.agent(0), pytest.raises(Forbidden):
        await floor.bids.AwardBidRound(ask.AwardBidRoundRequest(bid_round_id=made.bid_round_id))
    with floor.stranger():
        assert not (await floor.bids.ListBidRounds(ask.ListBidRoundsRequest())).bid_rounds

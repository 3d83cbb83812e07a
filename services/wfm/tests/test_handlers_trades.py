"""Trades: a shift changes hands once, when no rule forbids it, and the published week says so."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import pytest_asyncio
from kernel.errors import AlreadyExists, Conflict, FailedPrecondition, Forbidden, InvalidInput, NotFound
from kernel.ids import new_id
from merkez.wfm.v1 import (
    my_schedule_service_pb2,
    schedule_service_pb2,
    shift_trade_pb2,
    shift_trade_service_pb2,
    workforce_service_pb2,
)
from testkit import RpcHouse
from wfm.ops import trades as ops
from wfm.store import schedules as versions

from .conftest import Planning
from .floor import Floor
from .planned import MONDAY

ask, States = shift_trade_service_pb2, shift_trade_pb2
OPEN, ACCEPTED, DONE = States.SHIFT_TRADE_STATE_OPEN, States.SHIFT_TRADE_STATE_ACCEPTED, States.SHIFT_TRADE_STATE_DONE


@pytest_asyncio.fixture
async def floor(planning: Planning, rpc: RpcHouse) -> Floor:
    made = await Floor.opened(planning, rpc)
    await made.hired(4)
    await made.out([made.shift(0, 0), made.shift(0, 1), made.shift(1, 2), made.shift(2, 0)])
    return made


def day(number: int) -> str:
    return (MONDAY + timedelta(days=number)).isoformat()


async def offer(floor: Floor, number: int, of: int, *, key: str = "", **said: Any) -> Any:
    floor.planning.clock.advance(1.0)
    trade = shift_trade_pb2.ShiftTrade(day=day(of), **said)
    request_id = key or new_id("req", floor.planning.clock.now())
    with floor.agent(number):
        return await floor.trades.OfferTrade(ask.OfferTradeRequest(request_id=request_id, shift_trade=trade))


async def accept(floor: Floor, number: int, trade: Any, of: int | None = None, *, key: str = "", **said: Any) -> Any:
    request_id = key or new_id("req", floor.planning.clock.now())
    theirs = "" if of is None else day(of)
    with floor.agent(number):
        return await floor.trades.AcceptTrade(
            ask.AcceptTradeRequest(request_id=request_id, shift_trade_id=trade.shift_trade_id, day=theirs, **said)
        )


async def decide(floor: Floor, trade: Any, approve: bool, reason: str = "") -> Any:
    floor.planning.clock.advance(1.0)
    with floor.manager():
        return await floor.trades.DecideTrade(
            ask.DecideTradeRequest(
                shift_trade_id=trade.shift_trade_id, version=trade.version, approve=approve, reason=reason
            )
        )


async def settings(floor: Floor, **said: Any) -> None:
    mine = my_schedule_service_pb2
    with floor.manager():
        now = await floor.my.GetSelfServiceSettings(mine.GetSelfServiceSettingsRequest())
        for name, value in said.items():
            setattr(now, name, value)
        await floor.my.UpdateSelfServiceSettings(mine.UpdateSelfServiceSettingsRequest(settings=now))


async def board(floor: Floor, number: int) -> list[str]:
    with floor.agent(number):
        found = await floor.trades.ListMyTrades(ask.ListMyTradesRequest())
    return [each.shift_trade_id for each in found.shift_trades]


async def test_shift_that_is_given_away_is_the_colleagues_in_a_version_of_its_own(floor: Floor) -> None:
    trade = await offer(floor, 0, 0, note="Dentist")
    assert trade.state == OPEN and trade.expire_time == trade.shift.start_time
    assert await board(floor, 1) == await board(floor, 0) == [trade.shift_trade_id]
    looked = await accept(floor, 1, trade, validate_only=True)
    assert looked.shift_trade.state == DONE and not looked.violations and await floor.days(1) == [2]
    done = (await accept(floor, 1, trade)).shift_trade
    assert (done.state, done.colleague_id, done.decided_by) == (DONE, floor.users[1], "")
    assert await floor.days(0) == [1] and await floor.days(1) == [0, 2]
    assert await floor.told(0) == ["SCHEDULE_OUT", "TRADE_DONE"] and await floor.told(1) == ["SCHEDULE_OUT"]
    with floor.manager():
        listed = await floor.schedules.ListSchedules(schedule_service_pb2.ListSchedulesRequest(first_day=day(0)))
        now, before = listed.schedules
        assert (now.number, before.number, now.shift_count) == (2, 1, 4) and now.base_schedule_id == before.schedule_id
        shifts = await floor.shifts(now)
    (theirs,) = [each for each in shifts if (each.user_id, each.day) == (floor.users[1], day(0))]
    assert theirs.locked and theirs.start_time == trade.shift.start_time and theirs.work == trade.shift.work


async def test_swap_gives_each_the_others_shift_on_a_day_that_was_wanted(floor: Floor) -> None:
    trade = await offer(floor, 0, 0, swap=True, wanted_days=[day(2), day(3)])
    with pytest.raises(InvalidInput) as which:
        await accept(floor, 1, trade)
    assert which.value.fields[0].field == "day"
    with pytest.raises(NotFound):
        await accept(floor, 1, trade, 3)
    done = (await accept(floor, 1, trade, 2)).shift_trade
    assert done.state == DONE and done.colleague_shift.day == day(2)
    assert await floor.days(0) == [1, 2] and await floor.days(1) == [0]


async def test_of_two_who_accept_at_once_one_has_it(floor: Floor) -> None:
    trade = await offer(floor, 0, 1)
    both = await asyncio.gather(accept(floor, 1, trade), accept(floor, 2, trade), return_exceptions=True)
    (lost,) = [each for each in both if isinstance(each, Exception)]
    assert isinstance(lost, FailedPrecondition) and lost.reason == "TRADE_NOT_OPEN"
    assert sorted([await floor.days(1), await floor.days(2)]) in ([[0], [1, 2]], [[0, 1], [2]])


async def test_of_two_who_accept_at_once_in_two_replicas_one_has_it(floor: Floor) -> None:
    trade = await offer(floor, 0, 1)
    db, tenant, now = floor.planning.db, floor.planning.tenant, floor.planning.clock.now()

    async def take(number: int) -> Any:
        # Past the line in which one process's writers stand: only the database keeps them apart.
        return await db.ahead(tenant, lambda tx: ops.accept(tx, floor.users[number], trade.shift_trade_id, None, now))

    both = await asyncio.gather(take(1), take(2), return_exceptions=True)
    (lost,) = [each for each in both if isinstance(each, Exception)]
    assert isinstance(lost, ops.TradeNotOpen)
    held = await db.run(tenant, lambda tx: versions.published(tx, [MONDAY]))
    shifts = await db.run(tenant, lambda tx: versions.list_shifts(tx, held[0].schedule_id))
    assert len(shifts) == 4 and len([each for each in shifts if each.day == date.fromisoformat(day(1))]) == 1


async def test_rule_that_would_be_broken_refuses_the_trade_and_is_named(floor: Floor) -> None:
    late, early = floor.shift(0, 3, 15.0), floor.shift(1, 4, 5.0)
    await floor.out([late, early, floor.shift(2, 3, 8.0)])
    trade = await offer(floor, 0, 3)
    looked = await accept(floor, 1, trade, validate_only=True)
    assert "REST" in {each.rule for each in looked.violations}
    for number, rule in ((1, "REST"), (2, "OVERLAP")):
        with pytest.raises(FailedPrecondition) as refused:
            await accept(floor, number, trade)
        assert refused.value.reason == "TRADE_BREAKS_RULES" and rule in refused.value.metadata["rules"]
    assert await floor.days(0) == [3] and await board(floor, 1) == [trade.shift_trade_id]
    with floor.manager():
        agents = await floor.workforce.ListPlannedAgents(workforce_service_pb2.ListPlannedAgentsRequest())
        free = next(each for each in agents.planned_agents if each.user_id == floor.users[3])
        free.availability.add(weekday=0, start_minute=0, end_minute=1440)
        await floor.workforce.UpdatePlannedAgent(workforce_service_pb2.UpdatePlannedAgentRequest(planned_agent=free))
    with pytest.raises(FailedPrecondition) as away:
        await offer(floor, 1, 4, to_user_id=floor.users[3])
    assert away.value.metadata["rules"].startswith("AVAILABILITY")


async def test_manager_decides_where_somebody_is_left_with_less_than_their_contract_says(
    planning: Planning, rpc: RpcHouse
) -> None:
    floor = await Floor.opened(planning, rpc)
    await floor.hired(2, min_days=1)
    await floor.out([floor.shift(0, 0), floor.shift(1, 2)])
    trade = await offer(floor, 0, 0)
    waits = (await accept(floor, 1, trade)).shift_trade
    assert waits.state == ACCEPTED and list(waits.concerns) == ["TOO_FEW_DAYS"] and await floor.days(0) == [0]
    assert (await floor.told(0))[-1] == "TRADE_ACCEPTED"
    with pytest.raises(Conflict):
        await decide(floor, trade, True)
    with pytest.raises(InvalidInput):
        await decide(floor, waits, False)
    done = await decide(floor, waits, True)
    assert done.state == DONE and done.decided_by and await floor.days(1) == [0, 2]
    assert (await floor.told(1))[-1] == "TRADE_DONE"
    with pytest.raises(FailedPrecondition):
        await decide(floor, done, True)


async def test_every_trade_waits_for_a_manager_where_that_is_decided_and_may_be_refused(floor: Floor) -> None:
    await settings(floor, automatic_trades=False)
    trade = await offer(floor, 0, 0)
    waits = (await accept(floor, 1, trade)).shift_trade
    assert waits.state == ACCEPTED and list(waits.concerns) == ["MANAGER_DECIDES"]
    with pytest.raises(FailedPrecondition):
        await accept(floor, 2, trade)
    with floor.agent(1):
        again = await floor.trades.WithdrawTrade(ask.WithdrawTradeRequest(shift_trade_id=trade.shift_trade_id))
    assert again.state == OPEN and not again.colleague_id
    waits = (await accept(floor, 1, trade)).shift_trade
    with floor.manager():
        listed = await floor.trades.ListTrades(ask.ListTradesRequest(state=ACCEPTED))
        assert [each.shift_trade_id for each in listed.shift_trades] == [trade.shift_trade_id]
    refused = await decide(floor, waits, False, "You are needed")
    assert refused.decision_reason == "You are needed" and await floor.days(0) == [0, 1]
    assert (await floor.told(0))[-1] == (await floor.told(1))[-1] == "TRADE_REFUSED"


async def test_trade_of_a_shift_that_was_changed_meanwhile_is_not_done(floor: Floor) -> None:
    await settings(floor, automatic_trades=False)
    trade = await offer(floor, 0, 0)
    waits = (await accept(floor, 1, trade)).shift_trade
    other = await offer(floor, 0, 1)
    moved = replace(floor.shift(0, 0, 9.0))
    await floor.out([moved, floor.shift(0, 2), floor.shift(1, 2)])
    for call in (decide(floor, waits, True), accept(floor, 1, other)):
        with pytest.raises(FailedPrecondition) as stale:
            await call
        assert stale.value.reason == "TRADE_STALE"


async def test_offer_is_taken_back_runs_out_and_isnt_made_twice(floor: Floor) -> None:
    trade = await offer(floor, 0, 0, key="once")
    assert await offer(floor, 0, 0, key="once") == trade
    with pytest.raises(AlreadyExists):
        await offer(floor, 0, 1, key="once")
    with pytest.raises(FailedPrecondition) as twice:
        await offer(floor, 0, 0)
    assert twice.value.reason == "TRADE_OFFERED_ALREADY"
    take_back = ask.WithdrawTradeRequest(shift_trade_id=trade.shift_trade_id)
    with floor.agent(1), pytest.raises(NotFound):
        await floor.trades.WithdrawTrade(take_back)
    with floor.agent(0):
        assert (await floor.trades.WithdrawTrade(take_back)).state == States.SHIFT_TRADE_STATE_WITHDRAWN
        with pytest.raises(FailedPrecondition):
            await floor.trades.WithdrawTrade(take_back)
    with pytest.raises(FailedPrecondition):
        await accept(floor, 1, trade)
    late = await offer(floor, 0, 1)
    await settings(floor, trade_notice_hours=100)
    floor.planning.clock.advance(timedelta(days=8, hours=1))
    with pytest.raises(FailedPrecondition) as over:
        await accept(floor, 1, late)
    assert over.value.reason == "TRADE_NOT_OPEN"
    with pytest.raises(FailedPrecondition) as soon:
        await offer(floor, 1, 2)
    assert soon.value.reason == "TRADE_TOO_LATE"
    with floor.manager():
        gone = await floor.trades.ListTrades(ask.ListTradesRequest(state=States.SHIFT_TRADE_STATE_EXPIRED))
    assert [each.shift_trade_id for each in gone.shift_trades] == [late.shift_trade_id]


async def test_offer_to_one_colleague_is_theirs_alone_and_what_cannot_be_is_refused(floor: Floor) -> None:
    trade = await offer(floor, 0, 0, to_user_id=floor.users[1], note="Please")
    assert (await floor.told(1))[-1] == "TRADE_OFFERED" and await board(floor, 2) == []
    for number in (0, 2):
        with pytest.raises(NotFound):
            await accept(floor, number, trade)
    wrong: Any
    for wrong, error in (
        ({"to_user_id": floor.users[0]}, InvalidInput), ({"wanted_days": [day(1)]}, InvalidInput),
        ({"swap": True, "wanted_days": [day(8)]}, InvalidInput), ({"note": "x" * 201}, InvalidInput),
        ({"to_user_id": new_id("usr", floor.planning.clock.now())}, NotFound),
    ):  # fmt: skip
        with pytest.raises(error):
            await offer(floor, 0, 1, **wrong)
    with pytest.raises(NotFound) as none:
        await offer(floor, 0, 5)
    assert none.value.reason == "SHIFT_NOT_FOUND"
    with floor.stranger():
        with pytest.raises(NotFound):
            await floor.trades.AcceptTrade(ask.AcceptTradeRequest(request_id="x", shift_trade_id=trade.shift_trade_id))
        assert not (await floor.trades.ListMyTrades(ask.ListMyTradesRequest())).shift_trades
    with floor.agent(0), pytest.raises(Forbidden):
        await floor.trades.ListTrades(ask.ListTradesRequest())


async def test_draft_of_the_week_gets_the_trade_so_that_publishing_it_takes_nothing_back(floor: Floor) -> None:
    with floor.manager():
        draft = await floor.draft([floor.shift(0, 0), floor.shift(0, 1), floor.shift(1, 2), floor.shift(2, 0, 9.0)])
        other = await floor.draft([floor.shift(0, 0, 9.0), floor.shift(1, 0)])
    await accept(floor, 1, await offer(floor, 0, 0))
    with floor.manager():
        with pytest.raises(Conflict):
            await floor.publish(draft)
        assert (await floor.read(other)).version == other.version
        await floor.publish(await floor.read(draft))
    assert await floor.days(0) == [1] and await floor.days(1) == [0, 2]

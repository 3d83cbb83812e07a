"""Time off: asked for and approved at once where there is room, decided by managers, taken back."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import pytest
import pytest_asyncio
from chassis.instants import time_out
from kernel.errors import AlreadyExists, Conflict, FailedPrecondition, Forbidden, InvalidInput, NotFound
from merkez.wfm.v1 import schedule_service_pb2, time_off_pb2, time_off_service_pb2, workforce_pb2, workforce_service_pb2
from testkit import RpcHouse
from wfm import sweeper

from .conftest import Planning
from .floor import Floor
from .planned import at

off, staff, States = time_off_service_pb2, workforce_service_pb2, time_off_pb2
PENDING, APPROVED = States.TIME_OFF_REQUEST_STATE_PENDING, States.TIME_OFF_REQUEST_STATE_APPROVED
REFUSED, WITHDRAWN = States.TIME_OFF_REQUEST_STATE_REFUSED, States.TIME_OFF_REQUEST_STATE_WITHDRAWN


@pytest_asyncio.fixture
async def floor(planning: Planning, rpc: RpcHouse) -> Floor:
    made = await Floor.opened(planning, rpc)
    await made.hired(4)
    return made


def codes(request: Any) -> list[str]:
    return [each.code for each in request.obstacles]


async def withdraw(floor: Floor, number: int, request: Any) -> Any:
    with floor.agent(number):
        return await floor.time_off.WithdrawTimeOff(
            off.WithdrawTimeOffRequest(time_off_request_id=request.time_off_request_id)
        )


async def decide(floor: Floor, request: Any, approve: bool, reason: str = "", **more: Any) -> Any:
    with floor.manager():
        said = {"version": request.version} | more
        return await floor.time_off.DecideTimeOff(
            off.DecideTimeOffRequest(
                time_off_request_id=request.time_off_request_id, approve=approve, reason=reason, **said
            )
        )


async def away(floor: Floor) -> list[tuple[str, int]]:
    with floor.manager():
        asked = staff.ListTimeOffRequest(start_time=time_out(at(0, 0)), end_time=time_out(at(7, 0)))
        return [(each.user_id, each.credited_minutes) for each in (await floor.workforce.ListTimeOff(asked)).time_off]


async def test_request_is_approved_at_once_while_there_is_room_and_waits_when_there_is_none(floor: Floor) -> None:
    kind, allowance = await floor.kind(), await floor.allowance(max_agents=1)
    looked = await floor.ask(0, kind, 0, 1, only_look=True)
    assert looked.state == APPROVED and not looked.time_off_request_id and not await away(floor)
    one = await floor.ask(0, kind, 0, 1, note="Wedding")
    assert (one.state, one.amount, one.decided_by, one.note) == (APPROVED, 2.0, "", "Wedding")
    assert await away(floor) == [(floor.users[0], 960)]
    looked = await floor.ask(1, kind, 1, 2, only_look=True)
    other = await floor.ask(1, kind, 1, 2)
    assert looked.state == other.state == PENDING and codes(other) == ["ALLOWANCE_FULL"]
    (why,) = other.obstacles
    assert (why.day, why.allowed, why.found) == ("2026-03-10", 1, 2)
    assert why.time_off_allowance_id == allowance.time_off_allowance_id
    with pytest.raises(FailedPrecondition) as overlaps:
        await floor.ask(0, kind, 1, 3)
    assert overlaps.value.reason == "TIME_OFF_OVERLAPS"
    gone = await withdraw(floor, 0, one)
    assert gone.state == WITHDRAWN
    with floor.agent(1):
        (mine,) = (await floor.time_off.ListMyTimeOffRequests(off.ListMyTimeOffRequestsRequest())).time_off_requests
    assert mine.state == APPROVED and await away(floor) == [(floor.users[1], 960)]
    assert await floor.told(1) == ["TIME_OFF_APPROVED"] and await floor.told(0) == []
    with pytest.raises(FailedPrecondition) as again:
        await withdraw(floor, 0, gone)
    assert again.value.reason == "TIME_OFF_DECIDED"


async def test_last_place_is_given_once_when_two_ask_at_once(floor: Floor) -> None:
    kind, _ = await floor.kind(), await floor.allowance(max_agents=1)
    both = await asyncio.gather(floor.ask(0, kind, 0), floor.ask(1, kind, 0))
    assert sorted(each.state for each in both) == [PENDING, APPROVED] and len(await away(floor)) == 1


async def test_same_request_is_asked_once_and_its_key_means_nothing_to_a_colleague(floor: Floor) -> None:
    kind, _ = await floor.kind(), await floor.allowance(max_agents=4)
    one = await floor.ask(0, kind, 0, key="once")
    assert await floor.ask(0, kind, 0, key="once") == one
    with pytest.raises(AlreadyExists):
        await floor.ask(0, kind, 1, key="once")
    assert (await floor.ask(1, kind, 0, key="once")).user_id == floor.users[1]
    with floor.agent(0), pytest.raises(NotFound) as theirs:
        other = (await floor.ask(1, kind, 2)).time_off_request_id
        with floor.agent(0):
            await floor.time_off.WithdrawTimeOff(off.WithdrawTimeOffRequest(time_off_request_id=other))
    assert theirs.value.reason == "TIME_OFF_REQUEST_NOT_FOUND"


async def test_approved_time_off_frees_the_published_shifts_in_it(floor: Floor) -> None:
    kind, _ = await floor.kind(), await floor.allowance(max_agents=1)
    await floor.out([floor.shift(0, 0), floor.shift(0, 2), floor.shift(1, 0)])
    asked = await floor.ask(0, kind, 0, 1)
    assert asked.state == APPROVED and asked.amount == 1.0  # the other day isn't one they work
    assert await floor.days(0) == [2] and await floor.days(1) == [0]
    assert await floor.told(0) == ["SCHEDULE_OUT"]
    with pytest.raises(FailedPrecondition) as idle:
        await floor.ask(0, kind, 3)
    assert idle.value.reason == "TIME_OFF_NO_WORK"
    assert (await withdraw(floor, 0, asked)).state == WITHDRAWN and await floor.days(0) == [2]


async def test_day_off_frees_the_night_shift_that_begins_on_it(floor: Floor) -> None:
    kind, _ = await floor.kind(), await floor.allowance(max_agents=1)
    await floor.out([floor.shift(0, 1, 22.0), floor.shift(0, 3, 22.0), floor.shift(0, 4, 22.0)])
    asked = await floor.ask(0, kind, 3)
    # The day is taken of the balance, so nobody waits for them that night.
    assert (asked.state, asked.amount) == (APPROVED, 1.0) and await floor.days(0) == [1, 4]


async def test_night_after_a_day_off_is_looked_at_for_coverage_too(floor: Floor) -> None:
    kind, _ = await floor.kind(), await floor.allowance(covered=True)
    # Required from 8 to 18 alone: of a shift from midnight on somebody is missed in the morning after only.
    await floor.out([floor.shift(0, 1, 23.75), floor.shift(1, 3, 18.0)], need=1.0)
    assert codes(await floor.ask(0, kind, 1)) == ["COVERAGE_SHORT"]
    assert (await floor.ask(1, kind, 3)).state == APPROVED


async def test_coverage_of_the_published_week_decides_where_an_allowance_says_so(floor: Floor) -> None:
    kind, _ = await floor.kind(), await floor.allowance(covered=True)
    assert codes(await floor.ask(0, kind, 0, only_look=True)) == ["COVERAGE_UNKNOWN"]
    await floor.out([floor.shift(0, 0), floor.shift(1, 0), floor.shift(2, 1)], need=1.0)
    one = await floor.ask(0, kind, 0)
    assert one.state == APPROVED
    assert codes(await floor.ask(1, kind, 0)) == ["COVERAGE_SHORT"]
    assert codes(await floor.ask(2, kind, 1)) == ["COVERAGE_SHORT"]


async def test_request_that_waited_for_its_week_is_decided_once_it_is_out(floor: Floor) -> None:
    kind, _ = await floor.kind(), await floor.allowance(covered=True)
    one, two = await floor.ask(0, kind, 0), await floor.ask(1, kind, 1)
    assert codes(one) == codes(two) == ["COVERAGE_UNKNOWN"]
    await sweeper.look(floor.planning.db)
    assert not await away(floor), "nothing is known yet"
    await floor.out([floor.shift(0, 0), floor.shift(2, 0), floor.shift(1, 1)], need=1.0)
    floor.planning.clock.advance(1.0)
    await sweeper.look(floor.planning.db)
    assert [user_id for user_id, _ in await away(floor)] == [floor.users[0]] and await floor.days(0) == []
    assert sorted((await floor.told(0))[-2:]) == ["SCHEDULE_OUT", "TIME_OFF_APPROVED"]
    with floor.agent(1):
        (mine,) = (await floor.time_off.ListMyTimeOffRequests(off.ListMyTimeOffRequestsRequest())).time_off_requests
    assert mine.state == PENDING and codes(mine) == ["COVERAGE_SHORT"]


async def test_part_of_a_day_counts_its_hours_and_leaves_the_shift(floor: Floor) -> None:
    kind = await floor.kind(unit=time_off_pb2.TIME_OFF_UNIT_HOURS)
    await floor.allowance(max_agents=1)
    await floor.allowance(display_name="Evening", max_agents=0, start_minute=1080)
    await floor.out([floor.shift(0, 0)])
    asked = await floor.ask(0, kind, 0, start_minute=600, end_minute=690)
    assert (asked.state, asked.amount) == (APPROVED, 1.5) and await floor.days(0) == [0]
    assert await away(floor) == [(floor.users[0], 90)]
    assert codes(await floor.ask(0, kind, 0, start_minute=1050, end_minute=1110)) == ["ALLOWANCE_FULL"]
    wrong: Any
    for wrong in ({"start_minute": 600, "end_minute": 600}, {"start_minute": 601, "end_minute": 700}):
        with pytest.raises(InvalidInput):
            await floor.ask(1, kind, 0, **wrong)


async def test_place_that_a_manager_makes_free_is_given_to_who_waits(floor: Floor) -> None:
    kind, _ = await floor.kind(), await floor.allowance(max_agents=1)
    await floor.ask(0, kind, 0)
    waiting = await floor.ask(1, kind, 0)
    assert waiting.state == PENDING
    with floor.manager():
        listed = staff.ListTimeOffRequest(start_time=time_out(at(0, 0)), end_time=time_out(at(7, 0)))
        (given,) = (await floor.workforce.ListTimeOff(listed)).time_off
        await floor.workforce.DeleteTimeOff(staff.DeleteTimeOffRequest(time_off_id=given.time_off_id))
    assert [user_id for user_id, _ in await away(floor)] == [floor.users[1]]
    assert await floor.told(1) == ["TIME_OFF_APPROVED"]


async def test_balance_is_what_the_contract_gives_and_no_more_is_asked_for(floor: Floor) -> None:
    kind = await floor.kind(limited=True)
    await floor.allowance(max_agents=4)
    with pytest.raises(FailedPrecondition) as nothing:
        await floor.ask(0, kind, 0)
    assert nothing.value.reason == "TIME_OFF_BALANCE_TOO_LOW"
    with floor.manager():
        (contract,) = (await floor.workforce.ListContracts(staff.ListContractsRequest())).contracts
        contract.time_off_entitlements.add(
            time_off_kind_id=kind.time_off_kind_id, yearly_amount=12, most_carried_over=3,
            accrual=workforce_pb2.TIME_OFF_ACCRUAL_MONTHLY,
        )  # fmt: skip
        made = await floor.workforce.UpdateContract(staff.UpdateContractRequest(contract=contract))
        assert made.time_off_entitlements == contract.time_off_entitlements
        contract.time_off_entitlements[0].time_off_kind_id = "tok_00000000000000000000000001"
        contract.version = made.version
        with pytest.raises(NotFound) as unknown:
            await floor.workforce.UpdateContract(staff.UpdateContractRequest(contract=contract))
        assert unknown.value.reason == "TIME_OFF_KIND_NOT_FOUND"
    assert (await floor.ask(0, kind, 0, 1)).amount == 2.0
    with pytest.raises(FailedPrecondition) as low:
        await floor.ask(0, kind, 2, 3)
    assert low.value.metadata == {"allowed": "1", "found": "2", "year": "2026"}
    with floor.manager():
        carried = off.SetCarriedOverRequest(
            user_id=floor.users[0], time_off_kind_id=kind.time_off_kind_id, year=2026, carried_over=2.5
        )
        await floor.time_off.SetCarriedOver(carried)
        (seen,) = (
            await floor.time_off.ListTimeOffBalances(off.ListTimeOffBalancesRequest(user_id=floor.users[0]))
        ).time_off_balances
    with floor.agent(0):
        (mine,) = (await floor.time_off.ListMyTimeOffBalances(off.ListMyTimeOffBalancesRequest())).time_off_balances
    assert mine == seen and (mine.entitled, mine.accrued, mine.carried_over) == (12.0, 3.0, 2.5)
    assert (mine.approved, mine.left, mine.carried_over_set) == (2.0, 3.5, True)
    assert (await floor.ask(0, kind, 2, 3)).state == APPROVED
    with floor.manager():
        carried.ClearField("carried_over")
        assert not (await floor.time_off.SetCarriedOver(carried)).carried_over_set
        wrong: Any
        for wrong in ({"year": 1900}, {"carried_over": 5000.0}, {"user_id": "me"}):
            usual = {"user_id": floor.users[0], "time_off_kind_id": kind.time_off_kind_id, "year": 2026}
            said: dict[str, Any] = usual | wrong
            with pytest.raises(InvalidInput):
                await floor.time_off.SetCarriedOver(off.SetCarriedOverRequest(**said))
    with floor.agent(0), pytest.raises(Forbidden):
        await floor.time_off.SetCarriedOver(carried)


async def test_manager_decides_once_with_a_reason_and_the_agent_hears_it(floor: Floor) -> None:
    kind = await floor.kind(automatic=False)
    await floor.out([floor.shift(0, 0), floor.shift(1, 0)])
    one, two = await floor.ask(0, kind, 0), await floor.ask(1, kind, 0)
    assert codes(one) == ["MANAGER_DECIDES"]
    with floor.manager():
        asked = off.ListTimeOffRequestsRequest(page_size=1)
        first = await floor.time_off.ListTimeOffRequests(asked)
        asked.page_token = first.next_page_token
        second = await floor.time_off.ListTimeOffRequests(asked)
    assert [each.time_off_request_id for each in (*first.time_off_requests, *second.time_off_requests)] == [
        one.time_off_request_id, two.time_off_request_id,
    ]  # fmt: skip
    with pytest.raises(InvalidInput):
        await decide(floor, one, False)
    with pytest.raises(Conflict):
        await decide(floor, one, True, version=7)
    refused = await decide(floor, one, False, "Too many calls")
    assert (refused.state, refused.decision_reason) == (REFUSED, "Too many calls") and refused.decided_by
    both = await asyncio.gather(decide(floor, two, True), decide(floor, two, False, "No"), return_exceptions=True)
    (lost,) = [each for each in both if isinstance(each, Exception)]
    assert isinstance(lost, FailedPrecondition) and lost.reason == "TIME_OFF_DECIDED"
    assert (await floor.told(0))[-1] == "TIME_OFF_REFUSED" and len(await floor.told(1)) == 2
    with floor.stranger(), pytest.raises((NotFound, Forbidden)):
        await floor.time_off.DecideTimeOff(
            off.DecideTimeOffRequest(time_off_request_id=two.time_off_request_id, version=1, approve=True)
        )
    with floor.manager():
        waits = await floor.time_off.ListTimeOffRequests(off.ListTimeOffRequestsRequest(state=PENDING))
        done = await floor.time_off.ListTimeOffRequests(off.ListTimeOffRequestsRequest(user_id=floor.users[0]))
    assert not waits.time_off_requests and len(done.time_off_requests) == 1
    with floor.agent(0), pytest.raises(Forbidden):
        await floor.time_off.ListTimeOffRequests(off.ListTimeOffRequestsRequest())


async def test_room_that_a_manager_makes_goes_to_whoever_asked_first(floor: Floor) -> None:
    kind, allowance = await floor.kind(), await floor.allowance(max_agents=0)
    one, two = await floor.ask(0, kind, 0), await floor.ask(1, kind, 0)
    assert one.state == two.state == PENDING
    allowance.max_agents = 1
    with floor.manager():
        changed = await floor.time_off.UpdateTimeOffAllowance(
            off.UpdateTimeOffAllowanceRequest(time_off_allowance=allowance)
        )
        assert changed.version == 2
        with pytest.raises(Conflict):
            await floor.time_off.UpdateTimeOffAllowance(off.UpdateTimeOffAllowanceRequest(time_off_allowance=allowance))
        waits = await floor.time_off.ListTimeOffRequests(off.ListTimeOffRequestsRequest(state=PENDING))
    assert [each.user_id for each in waits.time_off_requests] == [floor.users[1]]
    with floor.manager():
        await floor.time_off.DeleteTimeOffAllowance(
            off.DeleteTimeOffAllowanceRequest(time_off_allowance_id=allowance.time_off_allowance_id)
        )
        with pytest.raises(NotFound):
            await floor.time_off.DeleteTimeOffAllowance(
                off.DeleteTimeOffAllowanceRequest(time_off_allowance_id=allowance.time_off_allowance_id)
            )
    assert codes(await floor.ask(2, kind, 0)) == ["NO_ALLOWANCE"]


async def test_time_off_a_manager_takes_back_counts_no_more(floor: Floor) -> None:
    kind, _ = await floor.kind(), await floor.allowance(max_agents=4)
    await floor.ask(0, kind, 0)
    with floor.manager():
        asked = staff.ListTimeOffRequest(start_time=time_out(at(0, 0)), end_time=time_out(at(7, 0)))
        (row,) = (await floor.workforce.ListTimeOff(asked)).time_off
        await floor.workforce.DeleteTimeOff(staff.DeleteTimeOffRequest(time_off_id=row.time_off_id))
    assert (await floor.ask(0, kind, 0)).state == APPROVED


async def test_kinds_are_kept_changed_archived_and_removed_only_when_nobody_needs_them(floor: Floor) -> None:
    kind = await floor.kind()
    with floor.manager():
        wrong: Any
        for wrong in ({"display_name": ""}, {"unit": 0}):
            value = time_off_pb2.TimeOffKind(**({"display_name": "x", "unit": time_off_pb2.TIME_OFF_UNIT_DAYS} | wrong))
            with pytest.raises(InvalidInput) as bad:
                await floor.time_off.CreateTimeOffKind(
                    off.CreateTimeOffKindRequest(request_id="bad", time_off_kind=value)
                )
            assert bad.value.reason == "TIME_OFF_KIND_INVALID"
        kind.unit = time_off_pb2.TIME_OFF_UNIT_HOURS
        with pytest.raises(InvalidInput):
            await floor.time_off.UpdateTimeOffKind(off.UpdateTimeOffKindRequest(time_off_kind=kind))
        kind.unit, kind.archived = time_off_pb2.TIME_OFF_UNIT_DAYS, True
        changed = await floor.time_off.UpdateTimeOffKind(off.UpdateTimeOffKindRequest(time_off_kind=kind))
        with pytest.raises(Conflict):
            await floor.time_off.UpdateTimeOffKind(off.UpdateTimeOffKindRequest(time_off_kind=kind))
    with pytest.raises(NotFound):
        await floor.ask(0, changed, 0)
    with floor.agent(0):
        (seen,) = (await floor.time_off.ListTimeOffKinds(off.ListTimeOffKindsRequest())).time_off_kinds
        assert seen == changed
    changed.archived = False
    remove = off.DeleteTimeOffKindRequest(time_off_kind_id=kind.time_off_kind_id)
    with floor.manager():
        await floor.time_off.UpdateTimeOffKind(off.UpdateTimeOffKindRequest(time_off_kind=changed))
    await floor.ask(0, kind, 0)
    with floor.manager():
        with pytest.raises(FailedPrecondition) as used:
            await floor.time_off.DeleteTimeOffKind(remove)
        assert used.value.reason == "WORKFORCE_IN_USE"
        other = await floor.kind(display_name="Unpaid")
        gone = off.DeleteTimeOffKindRequest(time_off_kind_id=other.time_off_kind_id)
    with floor.manager():
        await floor.time_off.DeleteTimeOffKind(gone)
        with pytest.raises(NotFound):
            await floor.time_off.DeleteTimeOffKind(gone)


async def test_what_cannot_be_asked_is_refused_by_its_field(floor: Floor) -> None:
    kind, _ = await floor.kind(), await floor.allowance(max_agents=1)
    yesterday = -8
    said: Any
    for first, last, said in (
        (yesterday, None, {}), (3, 1, {}), (0, 120, {}), (700, None, {}), (0, None, {"note": "x" * 201}),
        (0, None, {"start_minute": 60, "end_minute": 120}),
    ):  # fmt: skip
        with pytest.raises(InvalidInput) as refused:
            await floor.ask(0, kind, first, last, **said)
        assert refused.value.reason == "TIME_OFF_INVALID"
    with floor.stranger(), pytest.raises(NotFound):
        await floor.time_off.AskTimeOff(
            off.AskTimeOffRequest(
                request_id="x",
                time_off_request=time_off_pb2.TimeOffRequest(
                    time_off_kind_id=kind.time_off_kind_id, first_day=date(2026, 3, 9).isoformat()
                ),
            )
        )
    with floor.manager():
        queue = time_off_pb2.TimeOffAllowance(
            display_name="x", queue_ids=["que_00000000000000000000000001"], max_agents=1
        )
        with pytest.raises(NotFound):
            await floor.time_off.CreateTimeOffAllowance(
                off.CreateTimeOffAllowanceRequest(request_id="q", time_off_allowance=queue)
            )


async def test_draft_of_the_week_loses_the_shift_that_time_off_freed(floor: Floor) -> None:
    kind, _ = await floor.kind(), await floor.allowance(max_agents=1)
    await floor.out([floor.shift(0, 0), floor.shift(1, 0)])
    with floor.manager():
        draft = await floor.draft([floor.shift(0, 0), floor.shift(1, 0, 9.0)])
    await floor.ask(0, kind, 0)
    with floor.manager():
        asked = schedule_service_pb2.ListShiftsRequest(schedule_id=draft.schedule_id)
        left = (await floor.schedules.ListShifts(asked)).shifts
    assert [each.user_id for each in left] == [floor.users[1]]

"""Weeks that are made of a skill plan: each group covered by its own agents, and the day that comes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from chassis.auth import acting_as
from chassis.instants import time_out
from chassis.sql import Database
from kernel.errors import FailedPrecondition, InvalidInput, NotFound
from merkez.wfm.v1 import (
    adjustment_pb2,
    adjustment_service_pb2,
    intraday_service_pb2,
    schedule_service_pb2,
    workforce_pb2,
    workforce_service_pb2,
)
from merkez.wfm.v1.skill_plan_service_pb2_grpc import SkillPlanServiceStub, add_SkillPlanServiceServicer_to_server
from testkit import ManualClock, RpcHouse, someone
from wfm.handlers.skill_plans import SkillPlans

from .conftest import Planning, planned, served
from .halls import Hall
from .planned import MONDAY, Shop, a_shift, at

ask = schedule_service_pb2
WEEK = {"start_time": time_out(at(0, 0)), "end_time": time_out(at(7, 0))}


@pytest_asyncio.fixture
async def hall(service_db: Callable[..., Awaitable[Database]], clock: ManualClock, rpc: RpcHouse) -> Hall:
    """Two queues, busy on Monday from 9 to 11."""
    made = Hall(await planned(service_db, clock, fresh=True))
    planner = SkillPlans(made.planning.db, made.planner.wake)
    await rpc.serve("plans", [(add_SkillPlanServiceServicer_to_server, planner)])
    made.plans = rpc.stub(SkillPlanServiceStub, "plans")
    await made.forecast(3.0, 3.0, slots=range(18, 22))
    return made


@pytest_asyncio.fixture
async def shop(hall: Hall, rpc: RpcHouse) -> Shop:
    """Its agents: three serve the one queue, three the other, two both."""
    made = await Shop.opened(hall.planning, rpc)
    with acting_as(someone("admin", hall.planning.tenant)):
        await made.staffed(8)
        contract = (await made.workforce.ListContracts(workforce_service_pb2.ListContractsRequest())).contracts[0]
        one, other = hall.queues
        for user_id, queue_ids in zip(made.users, [[one]] * 3 + [[other]] * 3 + [[one, other]] * 2, strict=True):
            await _serves(made, contract.contract_id, user_id, queue_ids)
    made.run_id = hall.run_id
    return made


async def _serves(shop: Shop, contract_id: str, user_id: str, queue_ids: list[str]) -> None:
    listed = await shop.workforce.ListPlannedAgents(workforce_service_pb2.ListPlannedAgentsRequest())
    known = next(each for each in listed.planned_agents if each.user_id == user_id)
    agent = workforce_pb2.PlannedAgent(
        user_id=user_id, contract_id=contract_id, queue_ids=queue_ids, version=known.version
    )
    await shop.workforce.UpdatePlannedAgent(workforce_service_pb2.UpdatePlannedAgentRequest(planned_agent=agent))


def _admin(hall: Hall) -> Any:
    return acting_as(someone("admin", hall.planning.tenant))


async def test_each_group_of_the_plan_is_covered_by_those_who_serve_exactly_its_queues(hall: Hall, shop: Shop) -> None:
    with _admin(hall):
        plan = await hall.made(**WEEK)
        week = await shop.made(forecast_run_id="", skill_plan_id=plan.skill_plan_id)
        assert (week.skill_plan_id, week.forecast_run_id) == (plan.skill_plan_id, hall.run_id)
        groups = {frozenset(each.queue_ids): (at, each) for at, each in enumerate(week.groups)}
        one, other = hall.queues
        assert {who: each.agent_count for who, (_, each) in groups.items()} == {
            frozenset([one]): 3, frozenset([other]): 3, frozenset([one, other]): 2,
        }  # fmt: skip
        both = groups[frozenset([one, other])][1]
        assert {each.queue_id for each in both.members} == {one, other}
        mine = [groups[frozenset(each)][0] for each in [[one]] * 3 + [[other]] * 3 + [[one, other]] * 2]
        of = dict(zip(shop.users, mine, strict=True))
        shifts = await shop.shifts(week)
        assert shifts and all(work.group == of[each.user_id] for each in shifts for work in each.work)
        found = await shop.schedules.GetScheduleCoverage(ask.GetScheduleCoverageRequest(schedule_id=week.schedule_id))
        busy = next(each for each in plan.intervals if each.start_time == WEEK["start_time"] or any(each.agents))
        slot = int((busy.start_time.seconds - at(0, 0).timestamp()) // 900)
        for number, group in enumerate(plan.groups):
            at_group, _ = groups[frozenset(group.queue_ids)]
            wanted = busy.agents[number] / 0.7  # who is ill, on leave or in training: 30 %
            assert found.groups[at_group].intervals[slot].needed == pytest.approx(wanted, rel=1e-3)
        apart = await shop.made()
        assert week.figures.needed_hours < apart.figures.needed_hours and not apart.skill_plan_id


async def test_work_that_can_wait_is_a_group_of_its_own_beside_the_plans(hall: Hall, shop: Shop) -> None:
    with _admin(hall):
        await hall.rule(1, deadline_minutes=240)
        plan = await hall.made(**WEEK)
        week = await shop.made(forecast_run_id="", skill_plan_id=plan.skill_plan_id)
        one, other = hall.queues
        later = next(each for each in week.groups if not each.queue_ids)
        assert [each.queue_id for each in later.members] == [other] and later.agent_count == 5
        assert {tuple(each.queue_ids) for each in week.groups if each.queue_ids} <= {(one,), (one, other)}


async def test_week_made_anew_keeps_the_plans_requirement_and_its_locked_shifts(hall: Hall, shop: Shop) -> None:
    with _admin(hall):
        plan = await hall.made(**WEEK)
        week = await shop.made(forecast_run_id="", skill_plan_id=plan.skill_plan_id)
        asked = {"schedule_id": week.schedule_id, "version": week.version}
        shift = a_shift(shop.users[0], 0, 9.0)
        await shop.schedules.SaveShift(ask.SaveShiftRequest(shift=shift, accept_violations=True, **asked))
        again = await shop.made(base_schedule_id=week.schedule_id)
        assert (again.skill_plan_id, again.groups) == (plan.skill_plan_id, week.groups)
        kept = next(each for each in await shop.shifts(again) if each.locked)
        assert (kept.user_id, kept.start_time) == (shift.user_id, shift.start_time) and kept.work


async def test_plan_that_cant_be_taken_is_refused_with_the_reason(hall: Hall, shop: Shop, clock: ManualClock) -> None:
    with _admin(hall):
        monday = await hall.made()
        with pytest.raises(InvalidInput) as refused:
            await shop.start(forecast_run_id="", skill_plan_id=monday.skill_plan_id)
        assert refused.value.reason == "SCHEDULE_INVALID" and "the whole week" in refused.value.message
        with pytest.raises(InvalidInput, match="must be empty with skill_plan_id"):
            await shop.start(skill_plan_id=monday.skill_plan_id)
        begun = await hall.start(**WEEK)
        with pytest.raises(FailedPrecondition) as early:
            await shop.start(forecast_run_id="", skill_plan_id=begun.skill_plan_id)
        assert early.value.reason == "SKILL_PLAN_NOT_DONE"
    other = Planning(hall.planning.db, clock)
    with acting_as(someone("admin", other.tenant)), pytest.raises(NotFound) as unknown:
        await shop.start(forecast_run_id="", skill_plan_id=monday.skill_plan_id)
    assert unknown.value.reason == "SKILL_PLAN_NOT_FOUND"


async def test_day_of_a_skill_plan_counts_everybody_who_may_help_and_asks_for_more_of_each_when_more_come(
    hall: Hall, shop: Shop, clock: ManualClock
) -> None:
    with _admin(hall):
        plan = await hall.made(**WEEK)
        week = await shop.made(forecast_run_id="", skill_plan_id=plan.skill_plan_id)
        for each in await shop.shifts(week):
            asked = ask.DeleteShiftRequest(
                schedule_id=week.schedule_id, version=week.version, user_id=each.user_id, day=each.day,
                accept_violations=True,
            )  # fmt: skip
            week = (await shop.schedules.DeleteShift(asked)).schedule
        for user_id in (shop.users[0], shop.users[3], shop.users[6]):
            saved = ask.SaveShiftRequest(
                schedule_id=week.schedule_id, version=week.version, shift=a_shift(user_id, 0), accept_violations=True
            )
            week = (await shop.schedules.SaveShift(saved)).schedule
        await shop.schedules.PublishSchedule(
            ask.PublishScheduleRequest(schedule_id=week.schedule_id, version=week.version, accept_violations=True)
        )
    clock.advance(at(0, 9.75) - clock.now())
    asked_now = adjustment_service_pb2.ListSuggestionsRequest(day=MONDAY.isoformat())
    with acting_as(someone("supervisor", hall.planning.tenant)):
        one, other = [
            await shop.intraday.GetIntraday(
                intraday_service_pb2.GetIntradayRequest(day=MONDAY.isoformat(), queue_id=each)
            )
            for each in hall.queues
        ]
        for day, beside in ((one, hall.queues[1]), (other, hall.queues[0])):
            assert [each.queue_id for each in day.shared_with] == [beside]
        assert one.intervals[19].staffed_agents + other.intervals[19].staffed_agents == pytest.approx(3.0)
        usual = await shop.adjustments.ListSuggestions(asked_now)
    for number in range(60):
        start = at(0, 9) + timedelta(seconds=number)
        await hall.planning.tell(*served(hall.queues[0], start, 300.0, contact_id=f"con_more{number}"))
    with acting_as(someone("supervisor", hall.planning.tenant)):
        more = await shop.adjustments.ListSuggestions(asked_now)
    wanted = [
        sum(each.hours for each in found.offers if each.kind == adjustment_pb2.ADJUSTMENT_KIND_OVERTIME)
        for found in (usual, more)
    ]
    assert 0 < wanted[0] < wanted[1]

"""From a forecast and who serves what to how many of which group: made, tried out, cancelled; and what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
import pytest_asyncio
from chassis.auth import acting_as
from chassis.instants import time_out
from chassis.sql import Database
from chassis.workers import Worker
from google.protobuf.duration_pb2 import Duration
from kernel.errors import (
    AlreadyExists,
    FailedPrecondition,
    Forbidden,
    InvalidInput,
    NotFound,
    QuotaExceeded,
    Unavailable,
)
from kernel.ids import new_id
from merkez.routing.v1 import queue_pb2, routing_events_pb2, rules_pb2
from merkez.wfm.v1 import skill_plan_pb2, skill_plan_service_pb2
from merkez.wfm.v1.skill_plan_service_pb2_grpc import SkillPlanServiceStub, add_SkillPlanServiceServicer_to_server
from testkit import ManualClock, RpcHouse, someone
from wfm.handlers.skill_plans import SkillPlans
from wfm.ops import skill_plans as ops

from .conftest import Planning, planned
from .halls import Hall
from .planned import at

ask = skill_plan_service_pb2
States = skill_plan_pb2
RUNNING, DONE = States.SKILL_PLAN_STATE_RUNNING, States.SKILL_PLAN_STATE_DONE


@pytest_asyncio.fixture
async def hall(service_db: Callable[..., Awaitable[Database]], clock: ManualClock, rpc: RpcHouse) -> Hall:
    """A hall whose planner has nobody else's work to do, with three queues."""
    made = Hall(await planned(service_db, clock, fresh=True))
    await rpc.serve("wfm", [(add_SkillPlanServiceServicer_to_server, SkillPlans(made.planning.db, made.planner.wake))])
    made.plans = rpc.stub(SkillPlanServiceStub, "wfm")
    await made.forecast(6.0, 4.0, 3.0)
    return made


async def test_plan_of_agents_with_several_skills_keeps_every_promise_with_fewer_than_queue_by_queue(
    hall: Hall,
) -> None:
    with acting_as(someone("admin", hall.planning.tenant)):
        groups = [hall.group(0), hall.group(1), hall.group(2), hall.group(0, 1, 2, count=4)]
        asked = {"request_id": "first", "groups": groups, "display_name": "Monday"}
        begun = await hall.start(**asked)
        assert (begun.state, begun.interval_count, begun.done_count, len(begun.lines)) == (RUNNING, 48, 0, 3)
        assert await hall.start(**asked) == begun
        with pytest.raises(AlreadyExists):
            await hall.start(**(asked | {"display_name": "Tuesday"}))
        assert await hall.planner.turn() and not await hall.planner.turn()
        made = await hall.read(begun)
        assert (made.state, made.done_count, made.broken_count, len(made.intervals)) == (DONE, 48, 0, 48)
        assert made.HasField("finish_time") and made.display_name == "Monday"
        busy = made.intervals[18]
        assert busy.start_time.seconds == int(at(0, 9).timestamp())
        assert 0 < busy.agents[3] <= 4 and 13 <= sum(busy.agents) < busy.rounded_apart
        assert sum(busy.agents) == busy.scheduled
        for each in busy.outcomes:
            assert each.kept and each.service_level >= 0.795 and 0 < each.service_level_error < 0.02
        assert busy.occupancies[3] > max(busy.occupancies[:3]) > 0.4
        night = made.intervals[0]
        assert not any(night.agents) and night.scheduled == night.scheduled_apart == 0 and night.outcomes[0].kept
        assert (
            made.scheduled_hours == pytest.approx(busy.scheduled)
            and made.rounded_apart_hours > made.scheduled_apart_hours > 17
        )
        listed = await hall.plans.ListSkillPlans(ask.ListSkillPlansRequest())
        assert [each.skill_plan_id for each in listed.skill_plans] == [made.skill_plan_id]
        assert not listed.skill_plans[0].intervals and listed.skill_plans[0].scheduled_hours == made.scheduled_hours
        # What the plan says of the interval is what trying it out says.
        there = [States.SkillGroup(queue_ids=each.queue_ids, agent_count=count)
                 for each, count in zip(groups, busy.agents, strict=True)]  # fmt: skip
        tried = await hall.tried(there, *(load * 6 for load in (6.0, 4.0, 3.0)))
        for said, found in zip(hall.of(made, 18), tried.outcomes, strict=True):
            spread = 4 * (said.service_level_error + found.service_level_error)
            assert found.service_level == pytest.approx(said.service_level, abs=spread)


async def test_where_there_are_too_few_the_plan_is_the_best_there_is_and_names_the_queues_that_break(
    hall: Hall,
) -> None:
    with acting_as(someone("admin", hall.planning.tenant)):
        groups = [hall.group(0, count=4), hall.group(1, 2)]
        made = await hall.made(groups=groups)
        busy = made.intervals[18]
        assert busy.agents[0] == 4 and made.broken_count == 2
        assert [each.kept for each in hall.of(made, 18)] == [False, True, True]
        first, second, _ = hall.of(await hall.made(groups=[hall.group(1, 2)]), 18)
        assert not first.kept and first.service_level < 0.001 and first.abandon_share > 0.99 and second.kept


async def test_shrinkage_is_added_after_and_takes_from_those_who_may_come(hall: Hall) -> None:
    with acting_as(someone("admin", hall.planning.tenant)):
        for number in range(3):
            await hall.rule(number, patience_seconds=120.0, shrinkage=0.3)
        made = await hall.made(groups=[hall.group(0, 1, 2, count=14)])
        busy = made.intervals[18]
        # Of 14 not more than nine are there.
        assert busy.agents[0] == 9 and busy.scheduled == 13 and made.broken_count == 2
        enough = (await hall.made(groups=[hall.group(0, 1, 2)])).intervals[18]
        assert enough.scheduled == int(np.ceil(enough.agents[0] / 0.7 - 1e-9)) and enough.agents[0] > 12


async def test_work_that_can_wait_is_added_to_what_is_simulated(hall: Hall) -> None:
    with acting_as(someone("admin", hall.planning.tenant)):
        before = await hall.made(groups=[hall.group(0, 1, 2)])
        await hall.rule(2, deadline_minutes=1440)
        made = await hall.made(groups=[hall.group(0, 1), hall.group(2)])
        assert [each.queue_id for each in made.lines if each.can_wait] == [hall.queues[2]]
        busy, night = made.intervals[18], made.intervals[30]
        assert hall.of(made, 18)[2].kept and sum(busy.agents) < sum(before.intervals[18].agents)
        assert sum(night.agents) == 0 and night.scheduled == 1 and busy.scheduled > sum(busy.agents)
        assert made.groups[1].queue_ids == [hall.queues[2]] and not busy.agents[1]


async def test_groups_are_those_that_planned_agents_make_up_with_the_relaxation_steps_of_their_queues(
    hall: Hall, rpc: RpcHouse
) -> None:
    with acting_as(someone("admin", hall.planning.tenant)):
        with pytest.raises(FailedPrecondition) as nobody:
            await hall.start()
        assert nobody.value.reason == "SKILL_PLAN_NOBODY"
    steps = [
        rules_pb2.RelaxationStep(
            after_wait=Duration(seconds=45), changes=[rules_pb2.RequirementChange(also_queue_id=hall.queues[1])]
        ),
        rules_pb2.RelaxationStep(expected_wait_over=Duration(seconds=9),
                                 changes=[rules_pb2.RequirementChange(also_queue_id=hall.queues[2])]),
    ]  # fmt: skip
    changed = queue_pb2.Queue(
        queue_id=hall.queues[0], display_name="Queue 0", version=2, rules=rules_pb2.RoutingRules(steps=steps)
    )
    await hall.planning.tell(routing_events_pb2.QueueChanged(queue=changed))
    with acting_as(someone("admin", hall.planning.tenant)):
        known = await hall.planning.db.run(hall.planning.tenant, lambda tx: ops.history.queue_helpers(tx))
        assert known[hall.queues[0]] == [(hall.queues[1], 45)] and known[hall.queues[1]] == []
        served = [(hall.queues[0],)] * 3 + [(hall.queues[1],)] * 2 + [()] + [("que_other",)]
        found = ops.groups_of(served, hall.queues, known)
        assert [(each.queue_ids, dict(each.reaches), each.count) for each in found] == [
            ((hall.queues[0],), {}, 3), ((hall.queues[1],), {hall.queues[0]: 45}, 2), (tuple(hall.queues), {}, 1),
        ]  # fmt: skip


async def test_help_after_a_while_shows_in_what_comes_of_it(hall: Hall) -> None:
    with acting_as(someone("admin", hall.planning.tenant)):
        apart = await hall.tried([hall.group(0, count=6), hall.group(1, count=9)], 36.0, 36.0, 0.0)
        helps = await hall.tried([hall.group(0, count=6), hall.group(1, count=9, reaches={0: 30})], 36.0, 36.0, 0.0)
        assert helps.outcomes[0].asa_seconds < 0.85 * apart.outcomes[0].asa_seconds
        assert helps.outcomes[1].asa_seconds > apart.outcomes[1].asa_seconds
        assert helps.contact_count > 20_000 and helps.occupancies[1] > apart.occupancies[1]
        assert helps.outcomes[2].kept


async def test_plan_that_is_cancelled_keeps_nothing_and_one_that_is_made_stays(hall: Hall) -> None:
    key = {"skill_plan_id": ""}
    with acting_as(someone("admin", hall.planning.tenant)):
        begun = await hall.start(groups=[hall.group(0, 1, 2)])
        key["skill_plan_id"] = begun.skill_plan_id
        cancelled = await hall.plans.CancelSkillPlan(ask.CancelSkillPlanRequest(**key))
        assert cancelled.state == States.SKILL_PLAN_STATE_CANCELLED and cancelled.HasField("finish_time")
        assert not await hall.planner.turn() and await hall.read(begun) == cancelled
        assert await hall.plans.CancelSkillPlan(ask.CancelSkillPlanRequest(**key)) == cancelled
        made = await hall.made(groups=[hall.group(0, 1, 2)])
        again = await hall.plans.CancelSkillPlan(ask.CancelSkillPlanRequest(skill_plan_id=made.skill_plan_id))
        assert again.state == DONE and (await hall.read(made)) == made


async def test_plan_that_is_cancelled_while_it_is_made_ends_its_process(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers: list[Worker] = []
    whole = Worker.start

    async def watched(module: str) -> Worker:
        workers.append(await whole(module))
        return workers[-1]

    monkeypatch.setattr(Worker, "start", watched)
    with acting_as(someone("admin", hall.planning.tenant)):
        await hall.forecast(30.0, 20.0, 10.0, slots=range(48))
        begun = await hall.start(groups=[hall.group(0), hall.group(1), hall.group(2), hall.group(0, 1, 2)])
        asked = ask.CancelSkillPlanRequest(skill_plan_id=begun.skill_plan_id)
        async with asyncio.TaskGroup() as beside:
            turn = beside.create_task(hall.planner.turn())
            while not workers:
                await asyncio.sleep(0.01)
            cancelled = await hall.plans.CancelSkillPlan(asked)
        assert turn.result() and not workers[0].alive
        assert await hall.read(begun) == cancelled and not cancelled.done_count


async def test_worker_that_is_killed_costs_a_turn_and_the_third_time_the_plan(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Worker.start

    async def killed(module: str) -> Worker:
        worker = await whole(module)
        worker._process.kill()
        return worker

    with acting_as(someone("admin", hall.planning.tenant)):
        begun = await hall.start(groups=[hall.group(0, 1, 2)])
        with monkeypatch.context() as patch:
            patch.setattr(Worker, "start", killed)
            assert await hall.planner.turn() and await hall.planner.turn()
            with pytest.raises(Unavailable) as broken:
                await hall.tried([hall.group(0, 1, 2, count=9)], 9.0, 9.0, 9.0)
            assert broken.value.reason == "STAFFING_SIMULATION_FAILED"
        assert (await hall.read(begun)).state == RUNNING
        assert await hall.planner.turn() and (await hall.read(begun)).state == DONE
        lost = await hall.start(groups=[hall.group(0, 1, 2)])
        with monkeypatch.context() as patch:
            patch.setattr(Worker, "start", killed)
            for _ in range(3):
                assert await hall.planner.turn()
        ended = await hall.read(lost)
        assert ended.state == States.SKILL_PLAN_STATE_FAILED and not await hall.planner.turn()


async def test_plan_of_a_replica_that_died_is_made_by_another_once_its_lease_is_over(hall: Hall) -> None:
    db, clock, tenant = hall.planning.db, hall.planning.clock, hall.planning.tenant
    with acting_as(someone("admin", tenant)):
        begun = await hall.start(groups=[hall.group(0, 1, 2)])
        taken = await db.run(tenant, lambda tx: ops.claim(tx, clock.now()))
        assert taken is not None and not await hall.planner.turn()
        clock.advance(ops.LEASE.total_seconds() + 1)
        assert await hall.planner.turn() and (await hall.read(begun)).state == DONE
        # What the dead one would still say is not heard.
        assert await db.run(tenant, lambda tx: ops.note_progress(tx, taken, clock.now())) is None


async def test_large_plan_takes_several_turns_and_other_tenants_have_theirs_between(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ops, "_TURN_CASES", 2)
    other = Hall(Planning(hall.planning.db, hall.planning.clock))
    other.plans, other.planner = hall.plans, hall.planner
    with acting_as(someone("admin", other.planning.tenant)):
        await other.forecast(2.0)
        small = await other.start(groups=[other.group(0)])
    with acting_as(someone("admin", hall.planning.tenant)):
        await hall.forecast(3.0, 2.0, 1.0, slots=[10])
        await hall.forecast(3.0, 2.0, 1.0, slots=[10, 11])
        large = await hall.start(groups=[hall.group(0, 1, 2)])
        begun = await hall.read(large)
        assert begun.done_count == 0
    assert await hall.planner.turn() and await hall.planner.turn()
    with acting_as(someone("admin", other.planning.tenant)):
        assert (await other.read(small)).state == DONE
    with acting_as(someone("admin", hall.planning.tenant)):
        assert (await hall.read(large)).state == DONE


async def test_what_cannot_be_planned_or_tried_is_refused_in_words(hall: Hall) -> None:
    with acting_as(someone("admin", hall.planning.tenant)):
        fine = hall.group(0, 1, 2)
        for wrong, field in (
            ({"flexible_cost": 3.0}, "flexible_cost"), ({"seed": -1}, "seed"), ({"caution": 2.0}, "caution"),
            ({"display_name": "x" * 101}, "display_name"), ({"end_time": time_out(at(8, 0))}, "end_time"),
            ({"end_time": time_out(at(-1, 0))}, "end_time"), ({"groups": [fine] * 25}, "groups"),
            ({"groups": [States.SkillGroup()]}, "groups[0].queue_ids"),
            ({"groups": [hall.group(0, 0)]}, "groups[0].queue_ids"),
            ({"groups": [fine, hall.group(1, reaches={2: 0})]}, "groups[1].reaches"),
            ({"groups": [hall.group(0, count=-1)]}, "groups[0].agent_count"), ({"request_id": ""}, "request_id"),
        ):  # fmt: skip
            with pytest.raises(InvalidInput) as refused:
                await hall.start(**({"groups": [fine]} | wrong))
            assert refused.value.fields[0].field == field
        with pytest.raises(NotFound):
            await hall.start(groups=[States.SkillGroup(queue_ids=[new_id("que", hall.planning.clock.now())])])
        with pytest.raises(FailedPrecondition) as nothing:
            await hall.start(groups=[fine], start_time=time_out(at(2, 0)), end_time=time_out(at(3, 0)))
        assert nothing.value.reason == "SKILL_PLAN_NOTHING"
        for groups, volumes, rule, field in (
            ([fine], (1e6, 0.0, 0.0), {}, "lines[0].volume"), ([], (9.0, 0.0, 0.0), {}, "groups"),
            ([fine], (9.0, 0.0, 0.0), {"deadline_minutes": 600}, "lines[0].staffing_rule.deadline_minutes"),
            ([fine], (9.0, 0.0, 0.0), {"shrinkage": 2.0}, "staffing_rule.shrinkage"),
        ):  # fmt: skip
            with pytest.raises(InvalidInput) as refused:
                await hall.tried(groups, *volumes, **rule)
            assert refused.value.fields[0].field == field
        with pytest.raises(FailedPrecondition) as large:
            await hall.tried([fine], 9_000.0, 0.0, 0.0)
        assert large.value.reason == "SKILL_PLAN_TOO_LARGE"
        for _ in range(3):
            await hall.start(groups=[fine])
        with pytest.raises(QuotaExceeded) as running:
            await hall.start(groups=[fine])
        assert running.value.reason == "SKILL_PLAN_RUNNING"


async def test_tenant_who_tries_out_too_much_at_once_is_told_and_others_are_served(hall: Hall) -> None:
    with acting_as(someone("admin", hall.planning.tenant)):
        tries = (hall.tried([hall.group(0, 1, 2, count=15)], 30.0, 20.0, 20.0) for _ in range(6))
        came = await asyncio.gather(*tries, return_exceptions=True)
        refused = [each for each in came if isinstance(each, QuotaExceeded)]
        assert len(refused) == 2 and refused[0].reason == "STAFFING_SIMULATION_BUSY"
        answers = [each for each in came if not isinstance(each, BaseException)]
        assert len(answers) == 4 and all(each == answers[0] for each in answers)


async def test_plans_of_other_tenants_are_not_found_and_agents_may_not_look(hall: Hall) -> None:
    with acting_as(someone("admin", hall.planning.tenant)):
        plan = await hall.start(groups=[hall.group(0, 1, 2)])
    key = {"skill_plan_id": plan.skill_plan_id}
    with acting_as(someone("admin", Planning(hall.planning.db, hall.planning.clock).tenant)):
        for call in (
            hall.plans.GetSkillPlan(ask.GetSkillPlanRequest(**key)),
            hall.plans.CancelSkillPlan(ask.CancelSkillPlanRequest(**key)), hall.start(),
            hall.start(groups=[hall.group(0)]),
        ):  # fmt: skip
            with pytest.raises(NotFound):
                await call
        assert not (await hall.plans.ListSkillPlans(ask.ListSkillPlansRequest())).skill_plans
    with acting_as(someone("agent", hall.planning.tenant)):
        for call in (hall.read(plan), hall.start(), hall.tried([hall.group(0, count=1)], 1.0, 0.0, 0.0)):
            with pytest.raises(Forbidden):
                await call
    with acting_as(someone("supervisor", hall.planning.tenant)):
        assert await hall.read(plan) == plan
        with pytest.raises(Forbidden):
            await hall.start(groups=[hall.group(0)])


async def test_two_who_start_the_same_at_once_begin_one_plan(hall: Hall) -> None:
    with acting_as(someone("admin", hall.planning.tenant)):
        groups = [hall.group(0, 1, 2)]
        one, two = await asyncio.gather(*(hall.start(request_id="same", groups=groups) for _ in range(2)))
        assert one == two
        assert len((await hall.plans.ListSkillPlans(ask.ListSkillPlansRequest())).skill_plans) == 1

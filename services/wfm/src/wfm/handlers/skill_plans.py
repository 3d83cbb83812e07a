"""Skill plans, and numbers of agents that somebody tries out."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from chassis.auth import principal
from chassis.instants import time_in, time_out
from chassis.paging import Page
from chassis.sql import Database, Tx
from kernel.ids import require_id, require_request_id
from merkez.wfm.v1 import skill_plan_pb2, skill_plan_service_pb2, skill_plan_service_pb2_grpc

from wfm import convert
from wfm.domain.skill_plan import Staffed
from wfm.domain.skills import MOST_LINES, Group, Line, SkillPlanInvalid, checked_groups, problem_of, times_of
from wfm.domain.staffing import checked as checked_rule
from wfm.ops import skill_plans as ops
from wfm.ops.history import checked_minutes
from wfm.ops.skill_plans import Interval, Plan, Wanted
from wfm.skill_planner import TryingOut

ask = skill_plan_service_pb2
nouns = skill_plan_pb2
MOST_VOLUME = 100_000


class SkillPlans(skill_plan_service_pb2_grpc.SkillPlanServiceServicer):
    """merkez.wfm.v1.SkillPlanService. `wake` tells whoever makes plans that there is something to do."""

    def __init__(self, db: Database, wake: Callable[[], None]) -> None:
        self._db = db
        self._wake = wake
        self._trying = TryingOut()

    async def StartSkillPlan(self, request: ask.StartSkillPlanRequest, context: Any) -> nouns.SkillPlan:
        request_id, now = require_request_id(request.request_id), self._db.clock.now()
        wanted = ops.checked(_wanted(request))
        tenant_id = principal().tenant_id
        known = await self._db.run(tenant_id, lambda tx: ops.known(tx, wanted), read_only=True)
        # Beside whoever else is served: a week of many queues takes seconds.
        prepared = await asyncio.to_thread(ops.prepared, wanted, known)

        async def work(tx: Tx) -> nouns.SkillPlan:
            async def start() -> nouns.SkillPlan:
                return _plan(await ops.start(tx, wanted, prepared, now))

            tx.after_commit(self._wake)
            return await tx.once(request_id, "StartSkillPlan", request, nouns.SkillPlan, start)

        return await self._db.run(tenant_id, work)

    async def GetSkillPlan(self, request: ask.GetSkillPlanRequest, context: Any) -> nouns.SkillPlan:
        key = _key(request.skill_plan_id)
        return _plan(*await self._db.run(principal().tenant_id, lambda tx: ops.read(tx, key), read_only=True))

    async def ListSkillPlans(self, request: ask.ListSkillPlansRequest, context: Any) -> ask.ListSkillPlansResponse:
        page = Page(request.page_size, request.page_token)
        found, token = await self._db.run(
            principal().tenant_id, lambda tx: ops.list_plans(tx, page), read_only=True
        )  # fmt: skip
        return ask.ListSkillPlansResponse(skill_plans=[_plan(each) for each in found], next_page_token=token)

    async def CancelSkillPlan(self, request: ask.CancelSkillPlanRequest, context: Any) -> nouns.SkillPlan:
        key, now = _key(request.skill_plan_id), self._db.clock.now()
        return _plan(await self._db.run(principal().tenant_id, lambda tx: ops.cancel(tx, key, now)))

    async def SimulateStaffing(
        self, request: ask.SimulateStaffingRequest, context: Any
    ) -> ask.SimulateStaffingResponse:
        seconds = checked_minutes(request.interval_minutes) * 60.0
        lines, volumes, ahts = _tried(request)
        groups = [_group_in(each) for each in request.groups]
        checked_groups(groups)
        none = np.zeros(len(groups))
        problem = problem_of(groups, lines, volumes[np.newaxis] / seconds, times_of(ahts, lines)[np.newaxis], 0.0, none)
        agents = np.array([[each.count for each in groups]], np.int64)
        made = await self._trying.tried(principal().tenant_id, problem, agents)
        return ask.SimulateStaffingResponse(
            outcomes=_outcomes(made), occupancies=made.occupancy[0].tolist(), contact_count=made.contacts
        )


def _key(skill_plan_id: str) -> str:
    return require_id("skp", skill_plan_id, "skill_plan_id")


def _wanted(said: ask.StartSkillPlanRequest) -> Wanted:
    return Wanted(
        require_id("fcr", said.forecast_run_id, "forecast_run_id"), time_in(said, "start_time"),
        time_in(said, "end_time"), said.caution, said.flexible_cost, tuple(_group_in(each) for each in said.groups),
        said.display_name.strip(), said.seed,
    )  # fmt: skip


def _tried(said: ask.SimulateStaffingRequest) -> tuple[list[Line], np.ndarray, np.ndarray]:
    if not 1 <= len(said.lines) <= MOST_LINES:
        raise SkillPlanInvalid.of("lines", f"must be 1 to {MOST_LINES}")
    lines = []
    for at, each in enumerate(said.lines):
        rule, place = each.staffing_rule, f"lines[{at}]"
        value = checked_rule(convert.rule_in(rule))
        for name, fine, words in (
            ("volume", 0 <= each.volume <= MOST_VOLUME, f"must be 0 to {MOST_VOLUME:,}"),
            ("aht_seconds", 0 < each.aht_seconds <= 86_400, "must be above 0 and at most 86,400"),
            ("staffing_rule.deadline_minutes", not value.deadline_minutes, "must be 0: what can wait isn't simulated"),
        ):
            if not fine:
                raise SkillPlanInvalid.of(f"{place}.{name}", words)
        queue_id = require_id("que", rule.queue_id, f"{place}.staffing_rule.queue_id")
        lines.append(Line(queue_id, convert.channel_in(rule.channel), value))
    if len({(each.queue_id, each.channel) for each in lines}) < len(lines):
        raise SkillPlanInvalid.of("lines", "must name each queue and channel once")
    return lines, np.array([each.volume for each in said.lines]), np.array([each.aht_seconds for each in said.lines])


def _group_in(said: nouns.SkillGroup) -> Group:
    return Group(
        said.display_name.strip(), tuple(require_id("que", each, "groups.queue_ids") for each in said.queue_ids),
        tuple((require_id("que", each.queue_id, "groups.reaches"), each.after_seconds) for each in said.reaches),
        said.agent_count,
    )  # fmt: skip


def _plan(value: Plan, intervals: Sequence[Interval] = ()) -> nouns.SkillPlan:
    figures = value.figures
    return nouns.SkillPlan(
        skill_plan_id=value.skill_plan_id, state=nouns.SkillPlanState.Value(f"SKILL_PLAN_STATE_{value.state}"),
        forecast_run_id=value.run_id, display_name=value.name, start_time=time_out(value.start),
        end_time=time_out(value.end), interval_minutes=value.minutes, caution=value.caution,
        flexible_cost=value.flexible_cost, groups=[_group(each) for each in value.groups],
        lines=[_line(each) for each in value.lines], interval_count=value.interval_count,
        done_count=value.done_count, create_time=time_out(value.create_time), finish_time=time_out(value.finish_time),
        scheduled_hours=figures.get("scheduled", 0.0), scheduled_apart_hours=figures.get("apart", 0.0),
        rounded_apart_hours=figures.get("rounded_apart", 0.0),
        broken_count=int(figures.get("broken", 0)), intervals=[_interval(each, value.lines) for each in intervals],
    )  # fmt: skip


def _group(value: Group) -> nouns.SkillGroup:
    reaches = [nouns.SkillReach(queue_id=queue_id, after_seconds=after) for queue_id, after in value.reaches]
    return nouns.SkillGroup(
        display_name=value.name, queue_ids=value.queue_ids, reaches=reaches, agent_count=value.count
    )


def _line(value: Line) -> nouns.SkillLine:
    rule = convert.rule_out(value.queue_id, value.channel, value.rule, value.version)
    return nouns.SkillLine(
        queue_id=value.queue_id, channel=convert.channel_out(value.channel), rule=rule, can_wait=value.can_wait
    )


def _interval(value: Interval, lines: Sequence[Line]) -> nouns.SkillPlanInterval:
    simulated = zip(value.level, value.level_error, value.wait, value.abandoned, value.kept, strict=True)
    waits = nouns.SkillOutcome(service_level=1.0, kept=True)
    outcomes = [waits if line.can_wait else _outcome(*next(simulated)) for line in lines]
    return nouns.SkillPlanInterval(
        start_time=time_out(value.start), agents=value.agents, occupancies=value.occupancy, outcomes=outcomes,
        scheduled=value.scheduled, scheduled_apart=value.apart, rounded_apart=value.rounded_apart,
    )  # fmt: skip


def _outcomes(made: Staffed) -> list[nouns.SkillOutcome]:
    columns = (made.level, made.level_error, made.wait, made.abandoned, made.kept)
    return [_outcome(*each) for each in zip(*(column[0].tolist() for column in columns), strict=True)]


def _outcome(level: float, error: float, wait: float, abandoned: float, kept: bool) -> nouns.SkillOutcome:
    return nouns.SkillOutcome(
        service_level=level, service_level_error=error, asa_seconds=wait if math.isfinite(wait) else 0.0,
        abandon_share=abandoned, kept=kept,
    )  # fmt: skip

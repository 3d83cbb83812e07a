"""Queues whose agents serve several of them: their forecasts, and skill plans of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
from chassis.instants import time_out
from chassis.lifecycle import Tasks
from kernel.ids import new_id
from merkez.wfm.v1 import skill_plan_pb2, skill_plan_service_pb2, staffing_pb2
from wfm.domain.forecasting import Forecast
from wfm.domain.staffing import Rule
from wfm.skill_planner import SkillPlanner
from wfm.store import forecasts as store
from wfm.store import staffing as rules
from wfm.store.history import SeriesKey

from .conftest import Planning
from .planned import MONDAY, at

ask = skill_plan_service_pb2
States = skill_plan_pb2
RUNNING = States.SKILL_PLAN_STATE_RUNNING


class Hall:
    """A tenant whose agents serve several queues."""

    def __init__(self, planning: Planning) -> None:
        self.planning = planning
        self.planner = SkillPlanner(planning.db, Tasks("test"), 0)
        self.plans: Any = None
        self.queues: list[str] = []
        self.run_id = ""

    async def forecast(self, *loads: float, slots: Sequence[int] = range(18, 20), aht: float = 300.0) -> None:
        """A run that is done, of as many queues as loads (erlangs, in these half hours of Monday)."""
        now, made = self.planning.clock.now(), []
        for number, load in enumerate(loads):
            if len(self.queues) <= number:
                self.queues.append(await self.planning.queue(f"Queue {number}"))
            volume = np.zeros((7, 48))
            volume[0, list(slots)] = load * 1800 / aht
            curve = np.stack([volume, volume, volume * 1.3])
            days = np.arange(MONDAY.toordinal(), MONDAY.toordinal() + 7)
            made.append(Forecast(days, volume, curve, np.full_like(volume, aht), "MEAN", None))
        run = store.Run(new_id("fcr", now), "RUNNING", MONDAY, 7, 30, len(made), MONDAY - timedelta(days=1), now)
        keys = [SeriesKey(each, "VOICE") for each in self.queues[: len(loads)]]

        async def keep(tx: Any) -> None:
            await store.insert_run(tx, run, keys)
            for key, each in zip(keys, made, strict=True):
                await store.save(tx, run.forecast_run_id, key, each)
                await rules.save(tx, key, Rule(patience_seconds=120.0), 1)
            await store.end_run(tx, run.forecast_run_id, "DONE", now)

        await self.planning.db.run(self.planning.tenant, keep)
        self.run_id = run.forecast_run_id

    async def rule(self, number: int, **said: Any) -> None:
        """What is promised of a queue."""
        key = SeriesKey(self.queues[number], "VOICE")
        await self.planning.db.run(self.planning.tenant, lambda tx: rules.save(tx, key, Rule(**said), 2))

    def group(self, *numbers: int, count: int = 0, reaches: dict[int, int] | None = None) -> States.SkillGroup:
        """Agents who serve these queues."""
        after = [
            States.SkillReach(queue_id=self.queues[number], after_seconds=seconds)
            for number, seconds in (reaches or {}).items()
        ]
        return States.SkillGroup(queue_ids=[self.queues[each] for each in numbers], reaches=after, agent_count=count)

    async def start(self, **said: Any) -> States.SkillPlan:
        """A plan that waits for its turn, of Monday."""
        asked = {
            "request_id": new_id("req", self.planning.clock.now()), "forecast_run_id": self.run_id,
            "start_time": time_out(at(0, 0)), "end_time": time_out(at(1, 0)),
        } | said  # fmt: skip
        return await self.plans.StartSkillPlan(ask.StartSkillPlanRequest(**asked))

    async def read(self, plan: States.SkillPlan) -> States.SkillPlan:
        """As it is now."""
        return await self.plans.GetSkillPlan(ask.GetSkillPlanRequest(skill_plan_id=plan.skill_plan_id))

    async def made(self, **said: Any) -> States.SkillPlan:
        """A plan that is made."""
        begun = await self.start(**said)
        while (now := await self.read(begun)).state == RUNNING:
            assert await self.planner.turn()
        return now

    def of(self, plan: States.SkillPlan, slot: int) -> list[States.SkillOutcome]:
        """What comes of an interval, in the order of our queues."""
        place = {line.queue_id: at for at, line in enumerate(plan.lines)}
        return [plan.intervals[slot].outcomes[place[each]] for each in self.queues]

    async def tried(self, groups: Sequence[States.SkillGroup], *volumes: float, **rule: Any) -> Any:
        """What comes of groups, of queues with so many contacts of 300 s in half an hour."""
        usual: dict[str, Any] = {"patience_seconds": 120.0}
        lines = [
            ask.SimulatedLine(
                staffing_rule=staffing_pb2.StaffingRule(queue_id=queue_id, **(usual | rule)),
                volume=volume, aht_seconds=300.0,
            )
            for queue_id, volume in zip(self.queues, volumes, strict=True)
        ]  # fmt: skip
        return await self.plans.SimulateStaffing(ask.SimulateStaffingRequest(lines=lines, groups=groups))

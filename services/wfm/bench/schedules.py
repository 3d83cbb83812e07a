"""Weeks of offices of 100, 500 and 1,000 agents: cost over the bound, rules that are broken, seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from rosters import office  # pyright: ignore[reportMissingImports]
from wfm.domain.search import Progress, Search
from wfm.domain.violations import Rule, violations

SECONDS = 60.0
NEAR = 0.03
_OPEN = {Rule.TOO_FEW_HOURS, Rule.TOO_FEW_DAYS}
"""What agents who can come on too few days leave open whatever is done."""


def bench_schedules(tell: Callable[..., None]) -> None:
    """A week of quarter hours with two skills, breaks, lunches, 11 h and 35 h of rest, time off and availability."""
    for count in (100, 500, 1000):
        problem = office(count, 1)
        began = time.perf_counter()
        near: list[float] = []

        def stop(now: Progress, began: float = began, near: list[float] = near) -> bool:
            spent = time.perf_counter() - began
            if now.gap <= NEAR and not near:
                near.append(spent)
            return spent > SECONDS

        search = Search(problem, 1)
        now = search.run(stop)
        spent = time.perf_counter() - began
        broken = violations(problem.agents, search.plan.shifts(), problem.grid.first, problem.grid.zone)
        short = {each.agent_id for each in broken if each.rule in _OPEN}
        barred = {each.agent.agent_id for each in search.plan.agents if not _can(each.allowed.any(axis=(1, 2)).sum())}
        name = f"wfm.schedules.{count}_agents"
        tell(f"{name}.cost_over_bound", round(100 * now.gap, 2), "%", 100 * NEAR)
        tell(f"{name}.seconds_to_3_percent", round(near[0], 1) if near else None, "s", SECONDS)
        tell(f"{name}.seconds", round(spent, 1), "s", SECONDS + 5)
        hard = [each for each in broken if each.rule not in _OPEN]
        tell(f"{name}.rules_broken", float(len(hard) + len(short - barred)), "violations", 0.0)
        tell(f"{name}.agents_who_can_come_on_too_few_days", float(len(short & barred)), "agents")
        tell(f"{name}.understaffed", round(100 * now.figures.under / now.figures.needed, 3), "% of agent hours")


def _can(days: int) -> bool:
    return days >= 5

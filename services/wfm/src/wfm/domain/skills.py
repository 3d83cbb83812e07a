"""Groups of agents by the queues they serve, and what a plan of them is made of: whom they reach, what is promised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from kernel.errors import FailedPrecondition, InvalidInput

from wfm.domain.pooling import Floats, Network
from wfm.domain.skill_plan import Problem, Promise
from wfm.domain.staffing import Rule

MOST_GROUPS = MOST_LINES = 24
MOST_LOAD = 1000
"""Erlangs of an interval: there, pooling has given all that it gives, and simulating takes long."""
MOST_AGENTS = 20_000
LONGEST_REACH = 86_400
USUAL_FLEXIBLE_COST = 0.15
_LIKE_LOAD, _LIKE_TIME = 0.02, 0.05
_SMALL_LOAD = 0.05
"""Erlangs within which loads are alike anyway."""


class SkillPlanInvalid(InvalidInput):
    """What is to be planned or tried is wrong."""

    reason = "SKILL_PLAN_INVALID"


class SkillPlanTooLarge(FailedPrecondition):
    """More than is simulated."""

    reason = "SKILL_PLAN_TOO_LARGE"


@dataclass(frozen=True)
class Line:
    """A queue and channel with what is promised of it."""

    queue_id: str
    channel: str
    rule: Rule
    version: int = 0

    @property
    def can_wait(self) -> bool:
        """Work that can wait is not simulated."""
        return self.rule.deadline_minutes > 0


@dataclass(frozen=True)
class Group:
    """Agents who serve these queues at once, and others after so many seconds of a contact's waiting. `count`: how
    many there are; 0 for as many as it takes."""

    name: str
    queue_ids: tuple[str, ...]
    reaches: tuple[tuple[str, int], ...] = ()
    count: int = 0


def checked_groups(groups: Sequence[Group]) -> Sequence[Group]:
    """The same when they can be. Raises `SkillPlanInvalid` that names the field."""
    if not 1 <= len(groups) <= MOST_GROUPS:
        raise SkillPlanInvalid.of("groups", f"must be 1 to {MOST_GROUPS}")
    for at, each in enumerate(groups):
        named = [*each.queue_ids, *(queue_id for queue_id, _ in each.reaches)]
        for name, fine, words in (
            ("display_name", len(each.name) <= 100, "must be at most 100 characters"),
            ("queue_ids", bool(named), "must name a queue"),
            ("queue_ids", len(set(named)) == len(named), "must name each queue once"),
            ("reaches", all(1 <= after <= LONGEST_REACH for _, after in each.reaches),
             f"must be after 1 to {LONGEST_REACH} seconds"),
            ("agent_count", 0 <= each.count <= MOST_AGENTS, f"must be 0 to {MOST_AGENTS}"),
        ):  # fmt: skip
            if not fine:
                raise SkillPlanInvalid.of(f"groups[{at}].{name}", words)
    return groups


def groups_of(
    served: Sequence[Sequence[str]], queue_ids: Sequence[str], helpers: Mapping[str, Sequence[tuple[str, int]]]
) -> list[Group]:
    """Of agents by the queues each serves (none named: all) one group for each set of queues, the largest first. Where
    `helpers` lets agents of another queue serve a queue after a while, they reach it then."""
    counts: dict[tuple[str, ...], int] = {}
    for named in served:
        mine = tuple(each for each in queue_ids if not named or each in named)
        after = _reaches(mine or tuple(named), queue_ids, helpers)
        if mine or after:
            counts[mine or tuple(sorted(named))] = counts.get(mine or tuple(sorted(named)), 0) + 1
    found = [
        Group("", mine, _reaches(mine, queue_ids, helpers), count)
        for mine, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    if len(found) > MOST_GROUPS:
        raise SkillPlanTooLarge(
            f"agents serve {len(found)} different sets of queues, and {MOST_GROUPS} at most are simulated: say "
            "yourself which groups there are"
        )
    return found


def _reaches(
    mine: Sequence[str], queue_ids: Sequence[str], helpers: Mapping[str, Sequence[tuple[str, int]]]
) -> tuple[tuple[str, int], ...]:
    found: dict[str, int] = {}
    for queue_id in queue_ids:
        after = [seconds for other, seconds in helpers.get(queue_id, ()) if other in mine]
        if after and queue_id not in mine:
            found[queue_id] = min(after)
    return tuple(found.items())


def reach_of(groups: Sequence[Group], lines: Sequence[Line]) -> Floats:
    """Groups by lines: seconds of waiting after which an agent may serve it."""
    found = np.full((len(groups), len(lines)), np.inf)
    for row, group in zip(found, groups, strict=True):
        after = dict(group.reaches)
        for at, line in enumerate(lines):
            row[at] = 0.0 if line.queue_id in group.queue_ids else after.get(line.queue_id, np.inf)
    return found


def network_of(groups: Sequence[Group], lines: Sequence[Line]) -> Network:
    """What is simulated: of lines whose work can't wait."""
    rules = [each.rule for each in lines]
    return Network(
        reach_of(groups, lines), np.array([float(each.threshold_seconds) for each in rules]),
        np.array([each.patience_seconds for each in rules]), np.zeros(len(rules)),
    )  # fmt: skip


def shrinkage_of(groups: Sequence[Group], lines: Sequence[Line], loads: Floats) -> Floats:
    """Of each group, the share that isn't there: of its lines' rules by their work (`loads`, by line)."""
    mine = np.isfinite(reach_of(groups, lines)) * np.maximum(loads, 1e-9)
    shares = np.array([each.rule.shrinkage for each in lines])
    whole = mine.sum(axis=1)
    return np.divide(mine @ shares, whole, out=np.zeros(len(groups)), where=whole > 0)


def times_of(ahts: Floats, lines: Sequence[Line]) -> Floats:
    """Seconds of an agent's own time a contact takes, intervals by lines: of c at once each takes a c-th of it."""
    usual = np.array([float(each.rule.default_aht_seconds) for each in lines])
    return np.where(ahts > 0, ahts, usual) / np.array([each.rule.concurrency for each in lines])


def problem_of(
    groups: Sequence[Group], lines: Sequence[Line], rates: Floats, times: Floats, flexible_cost: float,
    shrinkage: Floats,
) -> Problem:  # fmt: skip
    """What is to be found out, of cases (intervals) by lines."""
    load = (rates * times).sum(axis=1).max(initial=0.0)
    if load > MOST_LOAD:
        raise SkillPlanTooLarge(f"an interval has {load:.0f} erlangs of work, and {MOST_LOAD} at most are simulated")
    net, rules = network_of(groups, lines), [each.rule for each in lines]
    promise = Promise(
        np.array([each.service_level for each in rules]), np.array([each.max_occupancy for each in rules]),
        np.array([float(each.minimum_agents) for each in rules]),
    )  # fmt: skip
    served = np.array([len(each.queue_ids) for each in groups])
    spread = max(1, len({each.queue_id for each in lines}) - 1)
    costs = 1.0 + flexible_cost * np.clip((served - 1) / spread, 0.0, 1.0)
    there = np.array([each.count or MOST_AGENTS for each in groups])
    most = np.where(there < MOST_AGENTS, np.floor(there * (1 - shrinkage) + 1e-9), there).astype(np.int64)
    return Problem(net, promise, costs, most, rates, times)


def alike(volumes: Floats, times: Floats, seconds: float) -> tuple[np.ndarray, Floats, Floats]:
    """Intervals whose lines have nearly the same load and handle time are one case: its number by interval, and by
    case its contacts a second and handle times, on average."""
    loads = volumes * times / seconds
    with np.errstate(divide="ignore"):
        load = np.where(loads > _SMALL_LOAD, np.round(np.log(loads) / _LIKE_LOAD), np.round(loads / _SMALL_LOAD) - 1e6)
    length = np.where(loads > _SMALL_LOAD, np.round(np.log(times) / _LIKE_TIME), 0.0)
    _, case_of = np.unique(np.hstack([load, length]), axis=0, return_inverse=True)
    case_of = case_of.reshape(-1)
    count = np.bincount(case_of)[:, np.newaxis]
    rates, mean = np.zeros((len(count), volumes.shape[1])), np.zeros((len(count), volumes.shape[1]))
    np.add.at(rates, case_of, volumes / seconds)
    np.add.at(mean, case_of, times)
    return case_of, rates / count, mean / count

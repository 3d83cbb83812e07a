"""What intervals take: rules of a queue applied to a forecast. Fractions are kept to the end, and rounded there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from kernel.errors import InvalidInput
from kernel.hours import Hours, OpenInterval, check_intervals, is_open

from wfm.domain.deferring import smoothest_worked
from wfm.domain.erlang import MOST_SERVERS, Waiting, agents_c, erlang_c
from wfm.domain.erlang_a import agents_a, outcomes_a

DEFAULT_LEVEL, DEFAULT_THRESHOLD, DEFAULT_OCCUPANCY, DEFAULT_AHT = 0.8, 20, 0.9, 300


class StaffingRuleInvalid(InvalidInput):
    """A field of a staffing rule is wrong."""

    reason = "STAFFING_RULE_INVALID"


@dataclass(frozen=True)
class Rule:
    """What is promised of a queue and channel, and how its agents work."""

    service_level: float = DEFAULT_LEVEL
    threshold_seconds: int = DEFAULT_THRESHOLD
    patience_seconds: float = 0.0
    """0: nobody gives up."""
    max_occupancy: float = DEFAULT_OCCUPANCY
    shrinkage: float = 0.0
    concurrency: int = 1
    deadline_minutes: int = 0
    """0: it can't wait."""
    default_aht_seconds: int = DEFAULT_AHT
    minimum_agents: int = 0
    work_intervals: tuple[tuple[int, int, int], ...] = ()
    """When work that can wait is done: ISO weekday, from and to in minutes of the company's day. None: at any time."""


@dataclass(frozen=True)
class Need:
    """What one interval takes: agents on contacts and agents to be scheduled, with fractions, and what comes of the
    former rounded up."""

    volume: float
    aht_seconds: float
    agents: float
    scheduled: float
    outcome: Waiting


def rule_of(said: Mapping[str, Any]) -> Rule:
    """A rule from its fields as they are kept; those it was kept without are as usual."""
    return Rule(**{**said, "work_intervals": tuple(tuple(each) for each in said.get("work_intervals") or ())})


def worked(rule: Rule, starts: Sequence[datetime], zone: str) -> list[bool]:
    """Whether work that can wait is done in intervals that begin at `starts`; `zone`: whose clocks the hours are of."""
    if not rule.deadline_minutes or not rule.work_intervals:
        return [True] * len(starts)
    hours, place = Hours(zone, tuple(OpenInterval(*each) for each in rule.work_intervals)), ZoneInfo(zone)
    # A week repeats itself by the clocks on the wall, which is what hours go by.
    known: dict[tuple[int, int], bool] = {}
    found = []
    for at in starts:
        local = at.astimezone(place)
        key = local.isoweekday(), local.hour * 60 + local.minute
        if key not in known:
            known[key] = is_open(hours, at)
        found.append(known[key])
    return found


def promised(rule: Rule, said: Mapping[str, Any]) -> Rule:
    """A queue's rule with other promises: these fields of it are others, all else stays as it is."""
    return replace(rule, **said)


def said_of(told: Rule, names: Sequence[str] = ()) -> dict[str, Any]:
    """What `promised` takes of a rule that somebody tells: the fields named, whatever is in them. Raises
    `StaffingRuleInvalid` for a name that is none of a rule's."""
    for name in names:
        if name not in Rule.__dataclass_fields__:
            raise StaffingRuleInvalid.of(
                "staffing_rule_mask",
                f"{name[:64]} is no field of it; these are: {', '.join(Rule.__dataclass_fields__)}",
            )
    return {name: getattr(told, name) for name in names}


def checked(value: Rule) -> Rule:
    """The same when it can be. Raises `StaffingRuleInvalid` that names the field."""
    for name, fine, words in (
        ("service_level", 0 < value.service_level <= 0.999, "must be above 0 and at most 0.999"),
        ("threshold_seconds", 0 <= value.threshold_seconds <= 604_800, "must be 0 to 604,800"),
        ("patience_seconds", value.patience_seconds == 0 or 1 <= value.patience_seconds <= 1e6,
         "must be 0 for customers who never give up, or 1 to 1,000,000"),
        ("max_occupancy", 0.3 <= value.max_occupancy <= 1, "must be 0.3 to 1"),
        ("shrinkage", 0 <= value.shrinkage <= 0.8, "must be 0 to 0.8"),
        ("concurrency", 1 <= value.concurrency <= 20, "must be 1 to 20"),
        ("deadline_minutes", value.deadline_minutes == 0 or 60 <= value.deadline_minutes <= 10_080,
         "must be 0 for work that can't wait, or 60 to 10,080"),
        ("default_aht_seconds", 1 <= value.default_aht_seconds <= 86_400, "must be 1 to 86,400"),
        ("minimum_agents", 0 <= value.minimum_agents <= 1000, "must be 0 to 1000"),
    ):  # fmt: skip
        if not fine:
            raise StaffingRuleInvalid.of(f"staffing_rule.{name}", words)
    intervals = [OpenInterval(*each) for each in value.work_intervals]
    check_intervals(intervals, "staffing_rule.work_intervals", weekly=True)
    return value


def needs(
    volumes: Sequence[float], ahts: Sequence[float], rule: Rule, minutes: int, open_in: Sequence[bool] = ()
) -> list[Need]:
    """Of intervals one after the other. What can wait is spread over the intervals until its deadline first, and over
    those only that are worked in, as `worked` says (`open_in`; empty: all)."""
    length = minutes * 60.0
    ahts = [aht if aht > 0 else float(rule.default_aht_seconds) for aht in ahts]
    if rule.deadline_minutes:
        return _deferred(volumes, ahts, rule, minutes, open_in or [True] * len(volumes))
    cases = list(dict.fromkeys(zip(volumes, ahts, strict=True)))
    found = dict(zip(cases, _each(cases, rule, length), strict=True))
    return [found[case] for case in zip(volumes, ahts, strict=True)]


def need(volume: float, aht: float, rule: Rule, length: float) -> Need:
    """Of one interval of `length` seconds whose work can't wait."""
    return _each([(volume, aht)], rule, length)[0]


def _each(cases: Sequence[tuple[float, float]], rule: Rule, length: float) -> list[Need]:
    loads = [max(0.0, volume) * aht / length for volume, aht in cases]
    ahts = [aht for _, aht in cases]
    level, seconds, most = rule.service_level, rule.threshold_seconds, rule.max_occupancy
    # Whoever chats with c at once is c places: each is a server.
    if rule.patience_seconds > 0:
        places = agents_a(loads, ahts, level, seconds, rule.patience_seconds, most).tolist()
    else:
        places = [agents_c(load, aht, level, seconds, most) for load, aht in zip(loads, ahts, strict=True)]
    agents = [max(there / rule.concurrency, float(rule.minimum_agents)) if there > 0 else 0.0 for there in places]
    outcomes = _outcomes(loads, ahts, [whole(there) for there in agents], rule)
    return [
        Need(max(0.0, volume), aht, there, scheduled(there, rule), outcome)
        for (volume, aht), there, outcome in zip(cases, agents, outcomes, strict=True)
    ]


def tried_out(volume: float, aht: float, agents: int, rule: Rule, minutes: int) -> Need:
    """Of one interval that somebody thinks of: what it takes, or with `agents` what comes of so many. Raises
    `StaffingRuleInvalid` that names the field."""
    checked(rule)
    length = minutes * 60.0
    if not 0 <= volume <= 10_000_000:
        raise StaffingRuleInvalid.of("volume", "must be 0 to 10,000,000")
    if not 0 < aht <= 86_400:
        raise StaffingRuleInvalid.of("aht_seconds", "must be above 0 and at most 86,400")
    if volume * aht / length > 200_000:
        raise StaffingRuleInvalid.of("volume", "and aht_seconds are more work than 200,000 agents do")
    if not 0 <= agents <= 200_000:
        raise StaffingRuleInvalid.of("agents", "must be 0 to 200,000")
    if not agents:
        return need(volume, aht, rule, length)
    there, (came,) = float(agents), _outcomes([volume * aht / length], [aht], [agents], rule)
    return Need(volume, aht, there, scheduled(there, rule), came)


def _outcomes(loads: Sequence[float], ahts: Sequence[float], agents: Sequence[int], rule: Rule) -> list[Waiting]:
    places = [min(there * rule.concurrency, MOST_SERVERS) for there in agents]
    if rule.patience_seconds > 0:
        return outcomes_a(loads, ahts, places, rule.threshold_seconds, rule.patience_seconds)
    cases = zip(loads, ahts, places, strict=True)
    return [erlang_c(load, aht, there, rule.threshold_seconds) for load, aht, there in cases]


def outcomes(
    volumes: Sequence[float], ahts: Sequence[float], agents: Sequence[float], rule: Rule, minutes: int
) -> list[Waiting]:
    """What comes of so many agents on contacts in each interval; parts of an agent are taken between whole ones."""
    loads = [max(0.0, volume) * aht / (minutes * 60.0) for volume, aht in zip(volumes, ahts, strict=True)]
    fewer = [math.floor(each + 1e-9) for each in agents]
    parts = [max(0.0, each - whole) for each, whole in zip(agents, fewer, strict=True)]
    low = _outcomes(loads, ahts, fewer, rule)
    high = _outcomes(loads, ahts, [each + 1 for each in fewer], rule)
    return [_between(*each) for each in zip(low, high, parts, strict=True)]


def _between(low: Waiting, high: Waiting, part: float) -> Waiting:
    def mixed(one: float, other: float) -> float:
        return one + part * (other - one)

    asa = None if low.asa is None or high.asa is None else mixed(low.asa, high.asa)
    # With less than it takes waits grow without end; just more than that is as good as the next whole agent says.
    asa = high.asa if low.asa is None and part > 0.5 else asa
    return Waiting(
        mixed(low.p_wait, high.p_wait), mixed(low.service_level, high.service_level), asa,
        mixed(low.occupancy, high.occupancy), mixed(low.p_abandon, high.p_abandon),
    )  # fmt: skip


def scheduled(agents: float, rule: Rule) -> float:
    """Agents to schedule so that so many are there."""
    return agents / (1.0 - rule.shrinkage)


def whole(agents: float) -> int:
    """Rounded up, once everything is added; what a float adds to a whole number is none."""
    return math.ceil(agents - 1e-9) if math.isfinite(agents) else MOST_SERVERS


def _deferred(
    volumes: Sequence[float], ahts: Sequence[float], rule: Rule, minutes: int, open_in: Sequence[bool]
) -> list[Need]:
    length = minutes * 60.0
    work = [volume * aht / length for volume, aht in zip(volumes, ahts, strict=True)]
    spread = smoothest_worked(work, max(1, rule.deadline_minutes // minutes), open_in)
    found = []
    for volume, aht, done in zip(volumes, ahts, spread, strict=True):
        agents = done / rule.max_occupancy / rule.concurrency
        agents = max(agents, float(rule.minimum_agents)) if done > 0 else 0.0
        busy = done / rule.concurrency / agents if agents > 0 else 0.0
        # All of it is done before its deadline: that is what the spread is made by.
        found.append(Need(volume, aht, agents, scheduled(agents, rule), Waiting(0.0, 1.0, None, busy)))
    return found

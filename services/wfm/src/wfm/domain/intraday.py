"""A day as it goes: what the rest of it will bring now that some of it has come, who is there, and what comes of that.

The rest of a day is the forecast times a factor. What came so far, recent intervals weighing more, is held against
what was forecast of it as a Poisson count whose rate is off by a gamma factor of mean 1 (Whitt 1999; Shen and Huang
2008 update an intraday forecast in the same spirit): little seen moves it little, much seen moves it almost all the
way. The farther an interval lies ahead, the less of it is believed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from wfm.domain.erlang import Waiting
from wfm.domain.shifts import Shift, TimeOff
from wfm.domain.staffing import Rule, outcomes, promised, scheduled

MEMORY_HOURS = 1.75
"""What came this long before counts half."""
REACH_HOURS = 8.0
"""So far ahead half of it is believed."""
OF_THE_DAY = 0.3
"""Share of an interval's uncertainty beyond chance that is the whole day's."""
LEAST_VARIANCE = 0.0025
"""Of a whole day: nobody knows one closer than to a twentieth."""
JUMP_SPREAD = 0.3
"""How far another level than the day's may lie from it, as a share: a standard deviation."""
JUMPS_AN_HOUR = 0.003
"""How often the level of a day becomes another, before anything is seen of it."""
LEVEL_STRAYS = 0.03
"""By how much the level of a day strays within it all the same, as a share: nobody knows it closer."""
NINE_IN_TEN = 1.2816
"""Standard deviations from the mean to the quantile a normal variable stays below nine times in ten."""
KNOWN_CONTACTS = 30.0
"""Contacts a forecast's handle time counts as, against those of today."""


@dataclass(frozen=True)
class Outlook:
    """By interval: mean, lower and upper quantile; of what is over, as it was forecast. `factor`: of the next one."""

    volume: np.ndarray
    low: np.ndarray
    high: np.ndarray
    aht: np.ndarray
    factor: float
    aht_factor: float


@dataclass(frozen=True)
class Scenario:
    """What if. Percent: more or less of volume and handle time; share of agents who don't come; agents more.
    `promises`: fields of a `Rule` by name that hold instead of the queue's."""

    volume_percent: float = 0.0
    aht_percent: float = 0.0
    absence_percent: float = 0.0
    extra_agents: float = 0.0
    promises: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What comes of intervals together. None: nobody came, nothing to divide by, or waits grow without end."""

    required: np.ndarray
    """Agents to schedule, by interval."""
    staffed: np.ndarray
    waiting: Sequence[Waiting]
    service_level: float | None
    asa: float | None
    occupancy: float | None
    abandon_share: float | None
    missing_hours: float
    spare_hours: float


def reforecast(
    volume: np.ndarray, low: np.ndarray, high: np.ndarray, came: np.ndarray, over: int, hours: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Mean and quantiles of a day whose first `over` intervals, each of `hours`, are over, and the next one's factor.
    `came`: what came in them."""
    excess = _excess(volume, low, high)
    prior = max(LEAST_VARIANCE, OF_THE_DAY * excess)
    age = np.arange(over)[::-1] * hours
    weight = 0.5 ** (age / MEMORY_HOURS)
    shape = 1 / prior + float((weight * came[:over]).sum())
    rate = 1 / prior + float((weight * volume[:over]).sum())
    known = [(1.0, shape, rate), *_jumps(volume[:over], came[:over], prior, excess, hours)]
    whole = sum(chance for chance, _, _ in known)
    factor = sum(chance * shape / rate for chance, shape, rate in known) / whole
    square = sum(chance * (shape + shape**2) / rate**2 for chance, shape, rate in known) / whole
    variance = square - factor**2
    believed = 0.5 ** (np.arange(len(volume) - over) * hours / REACH_HOURS)
    mean, lower, upper = volume.copy(), low.copy(), high.copy()
    rest = volume[over:]
    mean[over:] = rest * (1 + (factor - 1) * believed)
    before = np.sqrt(np.maximum(rest, 0.02) + excess * rest**2)
    left = np.maximum(0.0, excess - believed**2 * (prior - variance))
    after = np.sqrt(np.maximum(mean[over:], 0.02) + left * mean[over:] ** 2)
    # Where nobody may come, nobody may still: a mean that rises a little rules it out no more.
    below = np.maximum(0.0, mean[over:] - (rest - low[over:]) / before * after)
    lower[over:] = np.where(low[over:] > 0, below, 0.0)
    upper[over:] = mean[over:] + (high[over:] - rest) / before * after
    return mean, lower, upper, factor if over else 1.0


def _jumps(
    volume: np.ndarray, came: np.ndarray, prior: float, excess: float, hours: float
) -> list[tuple[float, float, float]]:
    """For each interval the chance, against none, that the level became another one with it and lasts, and the gamma
    (shape, rate) of that level by what came since.

    What came since is as likely as a gamma-Poisson count is: of the day's level as it was known till then, or of one
    that may lie far from it. Intervals stray from the level, and the level strays within the day, as far as the
    forecast's own quantiles have it: a wide band takes for chance what a narrow one doesn't (Fearnhead and Liu 2007
    find changes of level so).
    """
    apart, strays = (1 - OF_THE_DAY) * excess, max(LEVEL_STRAYS**2, excess)
    found: list[tuple[float, float, float]] = []
    shape, rate, fade = 1 / prior, 1 / prior, 0.5 ** (hours / MEMORY_HOURS)
    for at in range(len(volume)):
        expected, counted = float(volume[at:].sum()), float(came[at:].sum())
        if expected <= 0:
            break
        # Intervals that stray more than chance has it say less.
        less = 1 + apart * float((volume[at:] ** 2).sum()) / expected
        expected, counted = expected / less, counted / less
        wide = 1 / JUMP_SPREAD**2
        wide_rate = wide * rate / shape
        sure = min(1.0, 1 / strays / shape)
        odds = _likely(wide, wide_rate, counted, expected) - _likely(shape * sure, rate * sure, counted, expected)
        found.append((JUMPS_AN_HOUR * hours * math.exp(min(50.0, odds)), wide + counted, wide_rate + expected))
        shape = 1 / prior + fade * (shape - 1 / prior) + float(came[at])
        rate = 1 / prior + fade * (rate - 1 / prior) + float(volume[at])
    return found


def _likely(shape: float, rate: float, counted: float, expected: float) -> float:
    """Logarithm of how likely a count is, but for what is the same for every gamma."""
    return (
        math.lgamma(shape + counted) - math.lgamma(shape) + shape * math.log(rate)
        - (shape + counted) * math.log(rate + expected)
    )  # fmt: skip


def handle_factor(aht: np.ndarray, handled: np.ndarray, seconds: np.ndarray, over: int) -> float:
    """How much longer contacts take than forecast, from those of today that are over."""
    known = handled[:over] * (aht[:over] > 0)
    if known.sum() <= 0:
        return 1.0
    took = float((seconds[:over] * (aht[:over] > 0) / np.maximum(aht[:over], 1e-9)).sum())
    return (KNOWN_CONTACTS + took) / (KNOWN_CONTACTS + float(known.sum()))


def outlook(
    volume: np.ndarray, low: np.ndarray, high: np.ndarray, aht: np.ndarray, came: np.ndarray, handled: np.ndarray,
    seconds: np.ndarray, over: int, hours: float,
) -> Outlook:  # fmt: skip
    """The day from here: volumes and handle times."""
    mean, lower, upper, factor = reforecast(volume, low, high, came, over, hours)
    longer = handle_factor(aht, handled, seconds, over)
    times = aht.copy()
    times[over:] *= longer
    return Outlook(mean, lower, upper, times, factor, longer)


def _excess(volume: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    """Variance beyond chance, as a share of the mean's square, that the forecast's own quantiles say."""
    some = volume > 0.01
    if not some.any():
        return 0.0
    spread = (high - low) / (2 * NINE_IN_TEN)
    return min(1.0, max(0.0, float((spread**2 - volume)[some].sum() / (volume[some] ** 2).sum())))


def staffed(
    shifts: Iterable[Shift], gone: Callable[[str], Sequence[TimeOff]], group: int | None, starts: Sequence[datetime],
    minutes: int,
) -> np.ndarray:  # fmt: skip
    """Agents there by interval, breaks and what they are gone for taken out; of a group, or of all."""
    found, length = np.zeros(len(starts)), timedelta(minutes=minutes)
    if not starts:
        return found
    for shift in shifts:
        for low, high in _there(shift, gone(shift.agent_id), group):
            first = max(0, _place(starts, low, length))
            for at in range(first, len(starts)):
                if starts[at] >= high:
                    break
                inside = min(high, starts[at] + length) - max(low, starts[at])
                if inside > timedelta(0):
                    found[at] += inside / length
    return found


def _place(starts: Sequence[datetime], at: datetime, length: timedelta) -> int:
    # Intervals of a day follow each other without a gap, whatever its clock does.
    return math.floor((at - starts[0]) / length)


def _there(shift: Shift, gone: Sequence[TimeOff], group: int | None) -> list[tuple[datetime, datetime]]:
    ends = [*(at for at, _ in shift.work[1:]), shift.end]
    pieces = [
        (at, end)
        for (at, number), end in zip(shift.work, ends, strict=True)
        if group is None or number == group
    ]  # fmt: skip
    for rest in (*((each.start, each.end) for each in shift.breaks), *((each.start, each.end) for each in gone)):
        pieces = [
            part
            for low, high in pieces
            for part in ((low, min(high, rest[0])), (max(low, rest[1]), high))
            if part[0] < part[1]
        ]
    return pieces


def shared(there: np.ndarray, mine: np.ndarray, everything: np.ndarray) -> np.ndarray:
    """Of agents who serve several queues, those one gets: by its part of what all of them require."""
    return there * np.divide(mine, everything, out=np.zeros_like(mine), where=everything > 0)


def tried(
    scenario: Scenario, volume: np.ndarray, aht: np.ndarray, there: np.ndarray, rule: Rule, minutes: int,
    required: Callable[[Sequence[float], Sequence[float], Rule], Sequence[float]],
) -> Outcome:  # fmt: skip
    """What would come of these intervals. `required` says how many agents volumes and handle times take."""
    rule = promised(rule, scenario.promises)
    if not len(volume):
        nothing = np.zeros(0)
        return Outcome(nothing, nothing, (), None, None, None, None, 0.0, 0.0)
    volumes = volume * max(0.0, 1 + scenario.volume_percent / 100)
    ahts = np.where(aht > 0, aht, rule.default_aht_seconds) * max(0.01, 1 + scenario.aht_percent / 100)
    staffed = np.maximum(0.0, there * (1 - scenario.absence_percent / 100) + scenario.extra_agents)
    need = np.array([scheduled(each, rule) for each in required(volumes.tolist(), ahts.tolist(), rule)])
    on_contacts = staffed * (1 - rule.shrinkage)
    waiting = outcomes(volumes.tolist(), ahts.tolist(), on_contacts.tolist(), rule, minutes)
    hours = minutes / 60
    return replace(
        _together(waiting, volumes, ahts, on_contacts, rule, minutes),
        required=need, staffed=staffed, waiting=waiting,
        missing_hours=float(np.maximum(0.0, need - staffed).sum()) * hours,
        spare_hours=float(np.maximum(0.0, staffed - need).sum()) * hours,
    )  # fmt: skip


def _together(
    waiting: Sequence[Waiting], volumes: np.ndarray, ahts: np.ndarray, agents: np.ndarray, rule: Rule, minutes: int
) -> Outcome:
    total, nothing = float(volumes.sum()), np.zeros(0)
    if total <= 0:
        return Outcome(nothing, nothing, (), None, None, None, None, 0.0, 0.0)
    weight = volumes / total
    level = float(sum(each.service_level * part for each, part in zip(waiting, weight, strict=True)))
    gone = float(sum(each.p_abandon * part for each, part in zip(waiting, weight, strict=True)))
    waits = [(each.asa, part) for each, part in zip(waiting, weight, strict=True) if part > 0]
    asa = None if any(each is None for each, _ in waits) else float(sum((each or 0.0) * part for each, part in waits))
    places = float(agents.sum()) * rule.concurrency
    busy = sum(each.occupancy * there for each, there in zip(waiting, agents * rule.concurrency, strict=True))
    if rule.deadline_minutes:  # what can wait is done or isn't: nobody is answered in time
        work = float((volumes * ahts).sum()) / (minutes * 60)
        return Outcome(nothing, nothing, (), None, None, min(1.0, work / places) if places else None, None, 0.0, 0.0)
    return Outcome(
        nothing, nothing, (), level, asa, float(busy) / places if places > 0 else None,
        gone if rule.patience_seconds else None, 0.0, 0.0,
    )  # fmt: skip

"""Reminding those who owe: stages with pauses between them, for each currency a company is overdue in.

A currency is reminded of only when what is overdue in it reaches its threshold, and the next stage comes when the pause
since the last one has passed: a process that stood still for a week sends one reminder, not all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum


class Consequence(StrEnum):
    """What a stage brings with it."""

    NOTICE = "notice"
    RESTRICTED = "restricted"
    SUSPENDED = "suspended"


@dataclass(frozen=True)
class Stage:
    """One stage: days after the first one, and what follows from it."""

    day: int
    consequence: Consequence


@dataclass(frozen=True)
class Campaign:
    """The reminding of one company in one currency; `stage` counts those that were reached."""

    currency: str
    stage: int
    last_time: datetime


DEFAULT_SCHEDULE = "0:notice,3:notice,7:restricted,14:suspended"


def schedule_of(text: str) -> tuple[Stage, ...]:
    """The schedule written as `0:notice,3:notice,14:suspended`. Raises ValueError."""
    stages = tuple(
        Stage(int(day), Consequence(what)) for day, _, what in (part.strip().partition(":") for part in text.split(","))
    )
    days = [stage.day for stage in stages]
    if days != sorted(set(days)) or days[0] < 0 or days[-1] > 365:
        raise ValueError("the days of the stages must rise, from 0 to 365")
    return stages


def thresholds_of(text: str) -> dict[str, Decimal]:
    """The thresholds written as `EUR:150,USD:100`; a currency that isn't there has none. Raises ValueError."""
    found: dict[str, Decimal] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        currency, _, amount = part.partition(":")
        value = Decimal(amount) if amount.replace(".", "", 1).isdigit() else Decimal(-1)
        if len(currency) != 3 or not currency.isupper() or value < 0:
            raise ValueError("a threshold is a currency and an amount, such as EUR:150")
        found[currency] = value
    return found


def reached(
    overdue: Mapping[str, Decimal],
    campaigns: Mapping[str, Campaign],
    schedule: Sequence[Stage],
    thresholds: Mapping[str, Decimal],
    now: datetime,
) -> list[Campaign]:
    """The campaigns that reach another stage now, as they are afterwards, by currency."""
    found: list[Campaign] = []
    for currency, amount in sorted(overdue.items()):
        if amount <= 0 or amount < thresholds.get(currency, Decimal(0)):
            continue
        running = campaigns.get(currency)
        stage = running.stage if running else 0
        if stage < len(schedule) and (running is None or now > due(running, schedule)):
            found.append(Campaign(currency, stage + 1, now))
    return found


def due(running: Campaign, schedule: Sequence[Stage]) -> datetime:
    """When the pause after the last stage has passed."""
    before = schedule[running.stage - 1].day if running.stage else 0
    return running.last_time + timedelta(days=schedule[running.stage].day - before)


def due_time(running: Campaign, schedule: Sequence[Stage]) -> datetime | None:
    """When the next stage comes; None after the last one."""
    return due(running, schedule) if running.stage < len(schedule) else None

"""What callers answered to the questions of surveys, added up.

An average is the mean of the answers; a share is that of all answers to the question. A question is one of a flow: two
flows that ask by one name may ask on different scales.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kernel.errors import InvalidInput
from kernel.ids import require_id

LONGEST = timedelta(days=366)


@dataclass(frozen=True)
class SurveyFilter:
    """Which answers: given from `begin` on and before `end`. What is empty takes all."""

    begin: datetime
    end: datetime
    flow_id: str = ""
    question_id: str = ""
    brand_id: str = ""
    queue_id: str = ""
    agent_id: str = ""


@dataclass(frozen=True)
class SurveyAnswer:
    """One answer, on a scale of `lowest` to `highest`. `comment` is how long the caller spoke to a mailbox after it."""

    answer_id: str
    run_id: str
    question_id: str
    call_id: str
    flow_id: str
    brand_id: str
    value: int
    lowest: int
    highest: int
    language: str
    customer_id: str
    agent_id: str
    contact_id: str
    queue_id: str
    answer_time: datetime
    comment: timedelta = timedelta(0)


@dataclass(frozen=True)
class Tally:
    """So many answers of one value in one quarter hour, and how many of them with a comment."""

    flow_id: str
    question_id: str
    value: int
    lowest: int
    highest: int
    quarter: datetime
    count: int
    comments: int


@dataclass(frozen=True)
class SurveyDay:
    """A day's answers."""

    day: date
    count: int
    average: float


@dataclass(frozen=True)
class SurveyQuestion:
    """All answers to a question: `counts` by value, from low to high."""

    flow_id: str
    flow_name: str
    question_id: str
    lowest: int
    highest: int
    count: int
    average: float
    counts: Mapping[int, int]
    days: Sequence[SurveyDay]
    comments: int


def check_filter(wanted: SurveyFilter) -> SurveyFilter:
    """The filter when it can be asked for; InvalidInput naming the field."""
    for prefix, value, name in (
        ("flw", wanted.flow_id, "flow_id"), ("brd", wanted.brand_id, "brand_id"), ("que", wanted.queue_id, "queue_id"),
        ("usr", wanted.agent_id, "agent_id"),
    ):  # fmt: skip
        if value:
            require_id(prefix, value, f"filter.{name}")
    if len(wanted.question_id) > 40:
        raise InvalidInput.of("filter.question_id", "is longer than 40 characters")
    if wanted.end <= wanted.begin:
        raise InvalidInput.of("filter.to_time", "must be after from_time")
    if wanted.end - wanted.begin > LONGEST:
        raise InvalidInput.of("filter.to_time", f"must be up to {LONGEST.days} days after from_time")
    return wanted


def zone_of(name: str) -> ZoneInfo:
    """The zone; UTC for an empty name. InvalidInput."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput.of("time_zone", "is no time zone, such as Asia/Baku") from error


def added_up(tallies: Iterable[Tally], flow_names: Mapping[str, str], zone: ZoneInfo) -> list[SurveyQuestion]:
    """Question by question, by the flow's name; days are those of `zone`, which begin at quarter hours everywhere."""
    of: dict[tuple[str, str], list[Tally]] = defaultdict(list)
    for each in tallies:
        of[each.flow_id, each.question_id].append(each)
    found = [_question(flow_id, flow_names.get(flow_id, ""), asked, of[flow_id, asked], zone) for flow_id, asked in of]
    return sorted(found, key=lambda each: (each.flow_name, each.flow_id, each.question_id))


def _question(
    flow_id: str, flow_name: str, question_id: str, tallies: Sequence[Tally], zone: ZoneInfo
) -> SurveyQuestion:  # fmt: skip
    counts, by_day = Counter[int](), dict[date, list[Tally]]()
    for each in tallies:
        counts[each.value] += each.count
        by_day.setdefault(each.quarter.astimezone(zone).date(), []).append(each)
    days = [SurveyDay(day, sum(each.count for each in of), _average(of)) for day, of in sorted(by_day.items())]
    return SurveyQuestion(
        flow_id, flow_name, question_id, min(each.lowest for each in tallies), max(each.highest for each in tallies),
        counts.total(), _average(tallies), dict(sorted(counts.items())), days, sum(each.comments for each in tallies),
    )  # fmt: skip


def _average(tallies: Sequence[Tally]) -> float:
    return math.fsum(each.value * each.count for each in tallies) / sum(each.count for each in tallies)

"""Business hours: in which a brand serves its customers. When hours are open is for `kernel.hours` to say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from kernel import hours as rules
from kernel.errors import InvalidInput, NotFound
from kernel.hours import Holiday, Hours, Opening, OpenInterval

from routing.domain.queues import require_name


class BusinessHoursNotFound(NotFound):
    """No such business hours, or another tenant's."""

    reason = "BUSINESS_HOURS_NOT_FOUND"


@dataclass(frozen=True)
class BusinessHours:
    """When a brand serves its customers."""

    business_hours_id: str
    display_name: str
    time_zone: str
    intervals: tuple[OpenInterval, ...]
    holidays: tuple[Holiday, ...]
    create_time: datetime
    version: int = 1


def check_hours(hours: BusinessHours) -> BusinessHours:
    """The hours, name trimmed and in order of time, when they make sense; InvalidInput naming the field if not."""
    if not rules.is_zone(hours.time_zone):
        raise InvalidInput.of("business_hours.time_zone", "is not an IANA time zone such as Asia/Baku")
    if len(hours.holidays) > 400:
        raise InvalidInput.of("business_hours.holidays", "has more than 400 days")
    rules.check_intervals(hours.intervals, "business_hours.intervals", weekly=True)
    seen: set[date] = set()
    for index, holiday in enumerate(hours.holidays):
        field = f"business_hours.holidays[{index}]"
        rules.check_intervals(holiday.intervals, f"{field}.intervals", weekly=False)
        if len(holiday.display_name) > 200:
            raise InvalidInput.of(f"{field}.display_name", "is longer than 200 characters")
        if holiday.day in seen:
            raise InvalidInput.of(f"{field}.date", "is named twice")
        seen.add(holiday.day)
    return replace(
        hours,
        display_name=require_name(hours.display_name, "business_hours.display_name"),
        intervals=tuple(sorted(hours.intervals, key=lambda each: (each.weekday, each.start_minute))),
        holidays=tuple(sorted(hours.holidays, key=lambda each: each.day)),
    )


def opening(hours: BusinessHours, at: datetime) -> Opening:
    """Whether `hours` are open at the instant `at`, and when that changes next. InvalidInput at the ends of time."""
    return rules.opening(Hours(hours.time_zone, hours.intervals, hours.holidays), at)

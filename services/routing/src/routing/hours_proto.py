"""Business hours and calendars, proto <-> domain."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime

from chassis.hours import intervals_in, intervals_out
from chassis.instants import time_out
from kernel.errors import InvalidInput
from kernel.hours import Holiday
from merkez.routing.v1 import hours_pb2, queue_pb2

from routing.domain.holidays import HolidayCalendar
from routing.domain.hours import BusinessHours, ComingDay, calendar_days_with

_NEVER = datetime.min.replace(tzinfo=UTC)


def hours_to_proto(hours: BusinessHours, now: datetime, years: Iterable[int] = ()) -> queue_pb2.BusinessHours:
    """Whole, with the calendar's days around `now` and in these years."""
    calendar = hours.calendar
    return queue_pb2.BusinessHours(
        business_hours_id=hours.business_hours_id,
        display_name=hours.display_name,
        time_zone=hours.time_zone,
        intervals=intervals_out(hours.intervals),
        holidays=_holidays_out(hours.holidays),
        create_time=time_out(hours.create_time),
        version=hours.version,
        calendar=hours_pb2.HolidayCalendar(
            country=calendar.country, subdivision=calendar.subdivision, off=calendar.off
        ) if calendar.country else None,
        calendar_days=_holidays_out(calendar_days_with(hours, now, years)),
    )  # fmt: skip


def hours_from_proto(message: queue_pb2.BusinessHours) -> BusinessHours:
    """A draft. InvalidInput for a date that is none."""
    holidays: list[Holiday] = []
    for index, each in enumerate(message.holidays):
        place = f"business_hours.holidays[{index}]"
        last = _date(each.end_date, f"{place}.end_date") if each.end_date else None
        day = _date(each.date, f"{place}.date")
        # A range of one day is that day.
        holidays.append(
            Holiday(day, each.display_name.strip(), intervals_in(each.intervals), None if last == day else last)
        )
    calendar = message.calendar
    return BusinessHours(
        "", message.display_name, message.time_zone, intervals_in(message.intervals), tuple(holidays), _NEVER,
        calendar=HolidayCalendar(calendar.country, calendar.subdivision, tuple(calendar.off)),
    )  # fmt: skip


def day_to_proto(coming: ComingDay) -> hours_pb2.CalendarDay:
    """Whole."""
    named = coming.named
    return hours_pb2.CalendarDay(
        date=named.day.isoformat(), name=named.name, display_name=named.display_name, off=coming.off, own=coming.own
    )


def _holidays_out(holidays: Iterable[Holiday]) -> list[queue_pb2.Holiday]:
    return [
        queue_pb2.Holiday(
            date=each.day.isoformat(),
            display_name=each.display_name,
            intervals=intervals_out(each.intervals),
            end_date=each.last_day.isoformat() if each.last_day else "",
        )
        for each in holidays
    ]


def _date(value: str, field: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise InvalidInput.of(field, "is not a date such as 2026-03-21") from error

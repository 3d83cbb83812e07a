"""Calendars of countries, days and ranges of one's own, and nights: when something is open."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel.errors import InvalidInput
from kernel.hours import Holiday, OpenInterval
from routing.domain.holidays import HolidayCalendar, countries, days_of
from routing.domain.hours import BusinessHours, calendar_days, check_hours, coming_days, is_open, opening

BAKU = ZoneInfo("Asia/Baku")
NINE_TO_SIX = tuple(OpenInterval(day, 540, 1080) for day in range(1, 6))
NIGHTS = tuple(OpenInterval(day, 1320, 1800) for day in range(1, 6))
"""Monday to Friday, 22:00 to 06:00 of the next day."""


def hours(*intervals: OpenInterval, zone: str = "Asia/Baku", **more: Any) -> BusinessHours:
    made = BusinessHours("hrs_1", "Office", zone, intervals, (), datetime(2026, 1, 1, tzinfo=UTC))
    return check_hours(replace(made, **more))


def at(text: str, zone: ZoneInfo = BAKU) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def test_public_holidays_of_a_country_close_and_those_switched_off_do_not() -> None:
    office = hours(*NINE_TO_SIX, calendar=HolidayCalendar("AZ"))
    nowruz = opening(office, at("2026-03-20T10:00"))
    assert (nowruz.open, nowruz.holiday) == (False, "Eid al-Fitr; Spring Festival")
    assert opening(office, at("2026-03-19T10:00")).open
    assert not opening(office, at("2026-03-09T10:00")).open, "8 March is a Sunday and kept on the Monday"
    without = replace(office, calendar=HolidayCalendar("AZ", "", ("Women's Day",)))
    assert opening(without, at("2026-03-09T10:00")).open, "the day it is kept on goes with it"
    one_left = replace(office, calendar=HolidayCalendar("AZ", "", ("Spring Festival",)))
    assert opening(one_left, at("2026-03-20T10:00")).holiday == "Eid al-Fitr"


def test_part_of_a_country_has_holidays_of_its_own() -> None:
    day = at("2027-03-08T10:00", ZoneInfo("Europe/Berlin"))
    berlin, germany = (
        hours(*NINE_TO_SIX, zone="Europe/Berlin", calendar=HolidayCalendar("DE", part)) for part in ("BE", "")
    )
    assert not opening(berlin, day).open and opening(germany, day).open
    womens_day = {each.day for each in days_of("DE", "BE", 2027)} - {each.day for each in days_of("DE", "", 2027)}
    assert womens_day == {date(2027, 3, 8)}


def test_days_of_ones_own_come_before_the_calendar_and_one_day_before_a_range() -> None:
    office = hours(
        *NINE_TO_SIX, calendar=HolidayCalendar("AZ"),
        holidays=(
            Holiday(date(2026, 3, 20), "Half a day", (OpenInterval(0, 600, 720),)),
            Holiday(date(2026, 8, 1), "Summer", (), date(2026, 8, 31)),
            Holiday(date(2026, 8, 12), "Stock-taking", (OpenInterval(0, 540, 600),)),
        ),
    )  # fmt: skip
    assert opening(office, at("2026-03-20T10:30")) == replace(
        opening(office, at("2026-03-20T10:30")), open=True, holiday="Half a day"
    )
    assert opening(office, at("2026-08-12T09:30")).open and not opening(office, at("2026-08-13T09:30")).open
    first = opening(office, at("2026-07-31T20:00"))
    assert first.change_time == at("2026-08-12T09:00")
    rest = opening(office, at("2026-08-12T10:00"))
    assert (rest.open, rest.change_time) == (False, at("2026-09-01T09:00")), "further off than two weeks"


def test_night_goes_over_midnight_and_ends_there_when_the_next_day_differs() -> None:
    club = hours(*NIGHTS, holidays=(Holiday(date(2026, 3, 5), "Closed", ()),))
    assert opening(club, at("2026-03-03T05:59")).open and not opening(club, at("2026-03-03T06:00")).open
    assert opening(club, at("2026-03-03T23:00")).change_time == at("2026-03-04T06:00")
    assert not opening(club, at("2026-03-02T05:00")).open, "nobody came on Sunday night"
    assert opening(club, at("2026-03-07T05:00")).open, "Friday's night is Saturday's morning"
    assert opening(club, at("2026-03-04T23:00")).change_time == at("2026-03-05T00:00")


def test_day_that_differs_may_itself_be_open_past_midnight() -> None:
    party = Holiday(date(2026, 12, 31), "New Year's Eve", (OpenInterval(0, 1200, 1560),))
    office = hours(*NINE_TO_SIX, holidays=(party,))
    assert opening(office, at("2026-12-31T21:00")).change_time == at("2027-01-01T02:00")
    assert not opening(replace(office, calendar=HolidayCalendar("AZ")), at("2027-01-01T01:00")).open


def test_night_in_which_the_clocks_change_is_as_long_as_the_wall_clock_says() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    office = hours(OpenInterval(6, 1320, 1680), zone="Europe/Berlin")
    for evening, hours_long in (("2026-03-28T22:00", 5), ("2026-10-24T22:00", 7)):
        begin = at(evening, berlin).astimezone(UTC)
        assert opening(office, begin).change_time == begin + timedelta(hours=hours_long)


@settings(deadline=None, max_examples=30)
@given(
    zone=st.sampled_from(["Asia/Baku", "Europe/Berlin", "Australia/Lord_Howe", "America/Havana", "Africa/Casablanca"]),
    start=st.integers(0, 364 * 24).map(lambda hour: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour)),
    nights=st.lists(st.tuples(st.integers(1, 7), st.integers(0, 95), st.integers(1, 96)), max_size=3),
    closed=st.lists(st.integers(0, 3), max_size=2, unique=True),
)
def test_change_is_told_in_time_whatever_nights_and_days(
    zone: str, start: datetime, nights: list[tuple[int, int, int]], closed: list[int]
) -> None:
    day = start.astimezone(ZoneInfo(zone)).date()
    office = hours(
        *(OpenInterval(weekday, begin * 15, (begin + length) * 15) for weekday, begin, length in nights), zone=zone,
        holidays=tuple(Holiday(day + timedelta(days=each), "", ()) for each in closed),
    )  # fmt: skip
    found = opening(office, start)
    moments = (start + timedelta(minutes=minute) for minute in range(5, 36 * 60, 5))
    change = next((each for each in moments if is_open(office, each) != found.open), None)
    if change is not None:
        assert found.change_time == change
    else:
        assert found.change_time is None or found.change_time - start >= timedelta(hours=36)


def test_coming_holidays_are_named_in_the_language_asked_for_and_say_what_is_off_or_ones_own() -> None:
    office = hours(
        *NINE_TO_SIX, calendar=HolidayCalendar("AZ", "", ("Victory Day",)),
        holidays=(Holiday(date(2026, 12, 20), "Winter", (), date(2027, 1, 10)),),
    )  # fmt: skip
    coming = coming_days(office, at("2026-10-01T10:00"), "az")
    assert [each.named.day for each in coming] == sorted(each.named.day for each in coming)
    by_day = {(each.named.day, each.named.name): each for each in coming}
    victory = by_day[date(2026, 11, 8), "Victory Day"]
    assert (victory.off, victory.own, victory.named.display_name) == (True, False, "Zəfər Günü")
    assert by_day[date(2026, 11, 10), "Victory Day"].off, "and so is the day it is moved to"
    assert by_day[date(2027, 1, 1), "New Year's Day"].own
    assert all(at("2026-10-01T00:00").date() <= each.named.day <= date(2027, 10, 2) for each in coming)
    assert coming_days(replace(office, calendar=HolidayCalendar()), at("2026-10-01T10:00")) == []


def test_days_handed_to_others_are_those_on_which_the_calendar_closes() -> None:
    office = hours(*NINE_TO_SIX, calendar=HolidayCalendar("AZ", "", ("Spring Festival",)))
    days = {each.day: each.display_name for each in calendar_days(office, at("2026-03-20T10:00"))}
    assert days[date(2026, 3, 20)] == "Eid al-Fitr" and date(2026, 3, 22) not in days


def test_every_country_that_is_offered_has_a_calendar_that_can_be_read() -> None:
    assert {"AZ", "TR", "IR", "DE"} <= set(countries()) and "BE" in countries()["DE"]
    for country in ("AZ", "TR", "IR", "GB", "US", "IN", "BR"):
        assert days_of(country, "", 2027)
    assert days_of("AZ", "", 3000) == ()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"calendar": HolidayCalendar("XX")}, "calendar.country"),
        ({"calendar": HolidayCalendar("DE", "QQ")}, "calendar.subdivision"),
        ({"calendar": HolidayCalendar("", "BE")}, "calendar.country"),
        ({"calendar": HolidayCalendar("AZ", "", ("",))}, "calendar.off[0]"),
        ({"holidays": (Holiday(date(2026, 5, 2), "", (), date(2026, 5, 1)),)}, "holidays[0].end_date"),
        ({"holidays": (Holiday(date(2026, 5, 2), "", (), date(2027, 5, 9)),)}, "holidays[0].end_date"),
        ({"holidays": (Holiday(date(2026, 5, 2), "", ()), Holiday(date(2026, 5, 2), "", ()))}, "holidays[1].date"),
        (
            {"holidays": tuple(Holiday(date(2026, 5, day), "", (), date(2026, 5, day + 3)) for day in (2, 5))},
            "holidays[1].date",
        ),
        (
            {"holidays": (Holiday(date(2026, 5, 2), "", (OpenInterval(0, 60, 1501),)),)},
            "holidays[0].intervals[0].end_minute",
        ),
    ],
)  # fmt: skip
def test_days_and_calendars_that_make_no_sense_are_refused_with_their_place(
    changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as error:
        hours(*NINE_TO_SIX, **changes)
    assert error.value.fields[0].field == f"business_hours.{field}"

"""What a forecast says of histories that are fine, short, broken, shifted or empty."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from wfm.domain.calendar import SpecialDay, marks_for
from wfm.domain.cleaning import usual
from wfm.domain.forecasting import Forecast, forecast, wape
from wfm.domain.methods import all_forecasts
from wfm.domain.overrides import Curve, Override, applied
from wfm.domain.series import Interval, Mark, MarkKind, Series, instants, series_of

from .conftest import made_up

MONDAY = date(2026, 1, 5)


def after(series: Series, days: int = 14) -> Forecast:
    """The forecast of the days after a history."""
    return forecast(series, date.fromordinal(int(series.days[-1]) + 1), days)


def codes(made: Forecast) -> set[str]:
    """What the planner is told."""
    return {each.code for each in made.warnings}


def with_days(series: Series, change: dict[int, float]) -> Series:
    """The same history with some days multiplied."""
    offered = series.offered.copy()
    for row, factor in change.items():
        offered[row] *= factor
    return replace(series, offered=offered, handled=offered, seconds=offered * 240)


def test_usual_office_is_forecast_better_than_by_last_weeks_copy_and_the_range_holds() -> None:
    whole = made_up(20 * 7)
    known, came = whole.until(int(whole.days[-14])), whole.offered[-14:]
    made = after(known)
    error, copied = wape(made.volume, came), wape(known.offered[-14:][[*range(7, 14)] * 2], came)
    assert error is not None and copied is not None and error < 0.85 * copied
    busy = made.volume > 0
    inside = ((came >= made.quantiles[0]) & (came <= made.quantiles[2]))[busy].mean()
    assert 0.72 <= inside <= 0.88
    assert made.backtest is not None and made.backtest.overall["MEAN"] < made.backtest.overall["LAST_WEEK"]
    assert made.handle_seconds is not None and np.allclose(made.handle_seconds, 240)
    assert codes(made) == {"WEEKDAYS_EMPTY"}


def test_two_weeks_are_enough_to_begin_with_and_say_how_little_they_are() -> None:
    made = after(made_up(14))
    assert made.volume.sum() > 0 and "COLD_START" in codes(made) and made.backtest is None
    assert "TOO_SHORT" in codes(after(made_up(5)))
    noon = made.quantiles[:, 0, 24]
    assert noon[2] - noon[0] > 2 * 1.28 * np.sqrt(noon[1])  # wider than chance alone would make it


def test_queue_that_nobody_called_is_forecast_as_nothing_and_says_so() -> None:
    quiet = with_days(made_up(60), dict.fromkeys(range(60), 0.0))
    for series in (quiet, quiet.until(0)):
        made = forecast(series, MONDAY, 7)
        assert made.volume.sum() == 0 and "NO_HISTORY" in codes(made) and made.method == "NONE"


def test_lost_days_are_left_out_and_named() -> None:
    whole = made_up(84)
    made = after(with_days(whole, {70: 0.0, 71: 0.0, 72: 0.0}))
    [gap] = [each for each in made.warnings if each.code == "GAPS"]
    assert gap.data == {"count": "3", "first_day": "2026-03-16", "last_day": "2026-03-18"}
    assert made.volume.sum() == pytest.approx(after(whole).volume.sum(), rel=0.05)


def test_step_in_the_level_is_followed_within_two_weeks_and_named() -> None:
    whole = made_up(20 * 7)
    made = after(with_days(whole, dict.fromkeys(range(126, 140), 1.6)))
    [shift] = [each for each in made.warnings if each.code == "LEVEL_SHIFT"]
    assert abs(date.fromisoformat(shift.data["day"]).toordinal() - int(whole.days[126])) <= 2
    assert made.volume.sum() == pytest.approx(1.6 * after(whole).volume.sum(), rel=0.06)


def test_steady_growth_is_no_step() -> None:
    assert "LEVEL_SHIFT" not in codes(after(made_up(364, growth=0.5)))


def test_year_of_mondays_forecasts_mondays_and_names_the_empty_days() -> None:
    whole = made_up(364)
    made = after(with_days(whole, {row: 0.0 for row in range(364) if row % 7}))
    by_day = made.volume.sum(axis=1)
    assert by_day[0] > 500 and by_day[7] > 500 and by_day[[1, 2, 3, 4, 5, 6]].sum() == 0
    [empty] = [each for each in made.warnings if each.code == "WEEKDAYS_EMPTY"]
    assert empty.data["weekdays"] == "TUESDAY,WEDNESDAY,THURSDAY,FRIDAY,SATURDAY,SUNDAY"
    assert "GAPS" not in codes(made)


def test_queue_of_two_calls_a_day_is_forecast_without_a_miracle() -> None:
    made = after(made_up(120, level=0.1))
    assert 0.5 < made.volume.sum() / 2 / 5 < 4 and (made.quantiles[0] >= 0).all()


def test_forecast_of_64_weeks_says_that_it_has_seen_no_year() -> None:
    made = after(made_up(120), 448)
    assert made.volume.shape == (448, 48) and np.isfinite(made.volume).all() and "NO_YEAR" in codes(made)
    assert "NO_YEAR" not in codes(after(made_up(450), 448))


def test_closed_day_is_nothing_a_campaign_is_more_and_a_holiday_as_it_was() -> None:
    def marked(first: date, kind: MarkKind, name: str, percent: float | None = None) -> SpecialDay:
        return SpecialDay("", name, kind, first, first, (), percent, 1)

    whole = made_up(84)
    next_week = date.fromordinal(int(whole.days[-1]) + 1)
    days = [
        marked(MONDAY + timedelta(days=30), MarkKind.SPECIAL_DAY, "Feast"),
        marked(next_week + timedelta(days=2), MarkKind.SPECIAL_DAY, "Feast"),
        marked(next_week + timedelta(days=1), MarkKind.CLOSURE, "Inventory"),
        marked(next_week + timedelta(days=3), MarkKind.CAMPAIGN, "Letter", 50.0),
    ]
    feast = replace(with_days(whole, {30: 0.4}), marks=marks_for("que_1", days))
    usually, made = after(whole).volume.sum(axis=1), after(feast).volume.sum(axis=1)
    assert made[1] == 0
    assert made[2] == pytest.approx(0.4 * usually[2], rel=0.1)
    assert made[3] == pytest.approx(1.5 * usually[3], rel=0.03)
    assert made[4] == pytest.approx(usually[4], rel=0.03)


def test_mark_of_one_queue_says_nothing_of_another() -> None:
    day = SpecialDay("", "Closed", MarkKind.CLOSURE, MONDAY, MONDAY, ("que_1",), None, 1)
    assert marks_for("que_1", [day]) == {MONDAY: Mark(MarkKind.CLOSURE, "Closed", None)}
    assert marks_for("que_2", [day]) == {}


def test_days_of_23_and_25_hours_compare_with_usual_ones() -> None:
    zone, first, last = "Europe/Berlin", date(2026, 3, 28), date(2026, 3, 30)
    begin = datetime(2026, 3, 27, 23, tzinfo=UTC)
    every = [Interval(begin + timedelta(minutes=15 * at), 1.0) for at in range(4 * 71)]
    series = series_of(every, first, last, 60, zone)
    assert np.isnan(series.offered[1, 2]) and np.nansum(series.offered, axis=1).tolist() == [96, 92, 96]
    begin = datetime(2026, 10, 23, 22, tzinfo=UTC)
    every = [Interval(begin + timedelta(minutes=15 * at), 1.0) for at in range(4 * 73)]
    series = series_of(every, date(2026, 10, 24), date(2026, 10, 26), 60, zone)
    assert series.offered.sum(axis=1).tolist() == [96, 96, 96]
    assert [len(each) for each in instants(date(2026, 10, 25), 60, zone)][2] == 2
    assert [len(each) for each in instants(date(2026, 3, 29), 60, zone)][2] == 0


def test_method_that_copies_last_week_copies_it() -> None:
    whole = made_up(28)
    copied = all_forecasts(usual(whole), np.arange(whole.days[-1] + 1, whole.days[-1] + 8))["LAST_WEEK"]
    assert (copied == whole.offered[-7:]).all()


def test_later_word_holds_where_two_overlap_and_a_total_keeps_the_shape() -> None:
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)
    starts = [start + timedelta(minutes=30 * at) for at in range(4)]
    volume = np.array([10.0, 20.0, 30.0, 0.0])
    curve = Curve(starts, volume, volume * 0.8, volume * 1.2, np.full(4, 240.0), np.zeros(4, bool))

    def said(order: int, total: float | None, percent: float | None, until: int) -> Override:
        created = start + timedelta(seconds=order)
        return Override(
            str(order), "que_1", "VOICE", start, starts[0] + timedelta(minutes=30 * until), total, percent, 0.0, "", "",
            created,
        )  # fmt: skip

    made = applied(curve, [said(2, None, 50.0, 1), said(1, 90.0, None, 2)])
    assert made.volume.tolist() == [45.0, 60.0, 30.0, 0.0] and made.overridden.tolist() == [True, True, False, False]
    assert made.high[1] == pytest.approx(72.0)
    empty = applied(replace(curve, volume=np.zeros(4)), [said(1, 8.0, None, 4)])
    assert empty.volume.tolist() == [2.0] * 4

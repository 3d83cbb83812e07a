"""The rest of a day from what has come of it, who is there, scenarios, and what would help."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wfm.domain import adjusting, intraday
from wfm.domain.adjusting import Kind, break_moves, extended, shortened, windows
from wfm.domain.intraday import Scenario, handle_factor, reforecast, shared, staffed, tried
from wfm.domain.shifts import Break, Shift, TimeOff
from wfm.domain.staffing import Rule, needs, outcomes, tried_out

DAY = date(2026, 3, 9)
MIDNIGHT = datetime(2026, 3, 9, tzinfo=UTC)


def at(hour: float) -> datetime:
    return MIDNIGHT + timedelta(hours=hour)


def shift(start: float, end: float, *rests: tuple[float, float], user_id: str = "usr_1", group: int = 0) -> Shift:
    breaks = tuple(Break(at(low), at(high), False) for low, high in rests)
    return Shift(user_id, DAY, at(start), at(end), breaks, work=((at(start), group),))


def days(chance: np.random.Generator, count: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """A forecast day, and days that came of it: more or less as a whole, and by chance."""
    hour = (np.arange(48) + 0.5) / 2
    volume = np.where((hour > 8) & (hour < 20), 40 * (1 + 0.4 * np.sin((hour - 8) / 12 * np.pi)), 0.0)
    factors = np.exp(chance.normal(0, noise, count))
    return volume, chance.poisson(volume * factors[:, None]).astype(float)


def band(volume: np.ndarray, excess: float) -> tuple[np.ndarray, np.ndarray]:
    spread = 1.2816 * np.sqrt(np.maximum(volume, 0.02) + excess * volume**2) * (volume > 0)
    return np.maximum(0.0, volume - spread), volume + spread


@pytest.mark.parametrize(("over", "share"), [(20, 0.9), (24, 0.8), (30, 0.8)])
def test_reforecast_is_closer_than_the_forecast_and_nine_in_ten_stay_below_its_upper_quantile(
    over: int, share: float
) -> None:
    chance = np.random.default_rng(over)
    volume, came = days(chance, 300, 0.15)
    low, high = band(volume, 0.15**2)
    before = after = below = inside = count = 0.0
    for day in came:
        mean, lower, upper, _ = reforecast(volume, low, high, day, over, 0.5)
        before += np.abs(volume - day)[over:].sum()
        after += np.abs(mean - day)[over:].sum()
        open_ = (volume > 0) & (np.arange(48) >= over)
        below += (day <= upper)[open_].sum()
        inside += ((day >= lower) & (day <= upper))[open_].sum()
        count += open_.sum()
    assert after < share * before
    assert 0.85 < below / count < 0.97 and 0.7 < inside / count < 0.95


def test_with_nothing_seen_the_forecast_stays_and_little_seen_moves_it_little() -> None:
    volume, _ = days(np.random.default_rng(1), 1, 0.0)
    low, high = band(volume, 0.01)
    mean, lower, upper, factor = reforecast(volume, low, high, np.zeros(48), 0, 0.5)
    assert factor == 1.0 and np.allclose(mean, volume) and np.allclose(lower, low) and np.allclose(upper, high)
    doubled = 2 * volume
    _, _, _, little = reforecast(volume, low, high, doubled, 17, 0.5)
    _, _, _, much = reforecast(volume, low, high, doubled, 30, 0.5)
    assert 1 < little < much < 2
    near, far, _, _ = reforecast(volume, low, high, doubled, 30, 0.5)[0], volume, 0, 0
    more = (near / np.where(far > 0, far, 1))[30:39]
    assert np.all(np.diff(more) < 0) and more[0] < much + 1e-9, "the farther ahead, the less of it is believed"


def followed(level: float, more: float, intervals: int, excess: float = 0.0) -> np.ndarray:
    """Factors of the next interval of a hundred days whose forecast is sure, and from ten o'clock on `more` came."""
    chance = np.random.default_rng(int(level) + intervals)
    volume, _ = days(chance, 1, 0.0)
    volume *= level / 40
    low, high = band(volume, excess)
    there = np.where(np.arange(48) >= 20, more, 1.0) * volume
    came = chance.poisson(np.tile(there, (100, 1))).astype(float)
    return np.array([reforecast(volume, low, high, each, 20 + intervals, 0.5)[3] for each in came])


@pytest.mark.parametrize(
    ("level", "intervals", "more", "least"),
    [(40, 4, 1.3, 1.15), (40, 8, 1.3, 1.22), (150, 2, 1.3, 1.2), (150, 4, 1.3, 1.26), (40, 4, 0.7, 0.85),
     (10, 8, 2.0, 1.7)],
)  # fmt: skip
def test_jump_that_lasts_is_followed_within_a_few_intervals_of_a_forecast_that_was_sure(
    level: float, intervals: int, more: float, least: float
) -> None:
    found = followed(level, more, intervals).mean()
    assert least <= found <= more * 1.02 if more > 1 else more * 0.98 <= found <= least


@pytest.mark.parametrize("level", [10, 40, 150])
def test_what_only_strays_by_chance_moves_the_rest_hardly(level: float) -> None:
    # 0.02 to 0.03 of it is how well the level of so many contacts can be known at all.
    for intervals in (2, 8):
        found = followed(level, 1.0, intervals)
        assert np.abs(found - 1).mean() < 0.03 and (np.abs(found - 1) > 0.15).mean() <= 0.01


@given(st.lists(st.floats(0, 500), min_size=4, max_size=12), st.integers(0, 4), st.integers(0, 3))
def test_whatever_comes_the_outlook_is_finite_and_its_quantiles_in_order(
    volumes: list[float], over: int, times: int
) -> None:
    volume = np.array(volumes)
    low, high = band(volume, 0.02)
    mean, lower, upper, factor = reforecast(volume, low, high, volume * times, min(over, len(volume)), 0.25)
    assert np.isfinite([*mean, *lower, *upper, factor]).all()
    assert (lower <= mean + 1e-9).all() and (mean <= upper + 1e-9).all()


def test_contacts_that_take_longer_make_the_rest_longer_by_how_many_there_were() -> None:
    aht = np.full(4, 200.0)
    none = handle_factor(aht, np.zeros(4), np.zeros(4), 2)
    few = handle_factor(aht, np.array([10.0, 0, 0, 0]), np.array([4000.0, 0, 0, 0]), 2)
    many = handle_factor(aht, np.array([300.0, 0, 9, 9]), np.array([120_000.0, 0, 9, 9]), 2)
    assert none == 1.0 and few == pytest.approx((30 + 20) / 40) and many == pytest.approx((30 + 600) / 330)


def test_agents_are_counted_by_interval_without_breaks_time_off_and_other_groups() -> None:
    starts = [at(hour / 2) for hour in range(48)]
    mine = [shift(8, 16, (12, 12.5)), shift(8.25, 12, user_id="usr_2"), shift(8, 16, user_id="usr_3", group=1)]
    gone = {"usr_1": [TimeOff(at(14), at(18))]}
    there = staffed(mine, lambda user_id: gone.get(user_id, ()), 0, starts, 30)
    assert list(there[15:18]) == [0.0, 1.5, 2.0] and there[23] == 2.0 and there[24] == 0.0 and there[25] == 1.0
    assert there[28] == 0.0 and there.sum() / 2 == pytest.approx(5.5 + 3.75)
    everybody = staffed(mine, lambda _: (), None, starts, 30)
    assert everybody.sum() / 2 == pytest.approx(7.5 + 3.75 + 8)
    assert list(shared(np.array([4.0, 4.0]), np.array([3.0, 0.0]), np.array([4.0, 0.0]))) == [3.0, 0.0]


def scenario_of(value: Scenario, there: float = 12.0, rule: Rule | None = None) -> intraday.Outcome:
    volume, aht = np.full(4, 60.0), np.full(4, 300.0)

    def required(volumes: object, ahts: object, rule: Rule) -> list[float]:
        return [each.agents for each in needs(volumes, ahts, rule, 30)]  # type: ignore[arg-type]

    return tried(value, volume, aht, np.full(4, there), rule or Rule(patience_seconds=120), 30, required)


def test_scenarios_say_what_comes_of_more_calls_longer_calls_absence_and_other_promises() -> None:
    usual = scenario_of(Scenario())
    direct = tried_out(60, 300, 12, Rule(patience_seconds=120), 30).outcome
    assert usual.service_level == pytest.approx(direct.service_level) and usual.asa == pytest.approx(direct.asa)
    assert usual.occupancy == pytest.approx(direct.occupancy)
    assert usual.abandon_share == pytest.approx(direct.p_abandon)
    for worse in (Scenario(volume_percent=20), Scenario(aht_percent=20), Scenario(absence_percent=20)):
        found = scenario_of(worse)
        assert found.service_level is not None and usual.service_level is not None
        assert found.service_level < usual.service_level and found.missing_hours > usual.missing_hours
    more = scenario_of(Scenario(volume_percent=20, extra_agents=3))
    assert (more.service_level or 0) > (scenario_of(Scenario(volume_percent=20)).service_level or 0)
    strict = scenario_of(Scenario(promises={"service_level": 0.95, "patience_seconds": 120}))
    assert strict.required.sum() > usual.required.sum()
    assert np.array_equal(strict.staffed, usual.staffed) and strict.service_level == usual.service_level


def test_without_customers_or_agents_there_is_nothing_to_divide_by() -> None:
    none = tried(Scenario(), np.zeros(2), np.zeros(2), np.ones(2), Rule(), 30, lambda *_: [0.0, 0.0])
    assert (none.service_level, none.asa, none.occupancy) == (None, None, None) and none.spare_hours == 1.0
    empty = tried(Scenario(), np.zeros(0), np.zeros(0), np.zeros(0), Rule(), 30, lambda *_: [])
    assert empty.service_level is None and empty.missing_hours == 0
    nobody = scenario_of(Scenario(absence_percent=100), rule=Rule())
    assert nobody.service_level == 0.0 and nobody.asa is None and nobody.occupancy is None
    assert scenario_of(Scenario(), rule=Rule(deadline_minutes=240)).service_level is None


def test_parts_of_an_agent_lie_between_whole_ones() -> None:
    rule = Rule(patience_seconds=90)
    low, half, high = outcomes([60.0] * 3, [300.0] * 3, [11.0, 11.5, 12.0], rule, 30)
    assert low.service_level < half.service_level < high.service_level
    assert half.service_level == pytest.approx((low.service_level + high.service_level) / 2)


def test_overtime_lengthens_a_shift_it_touches_and_fills_a_free_day() -> None:
    mine = shift(8, 16, (12, 12.5))
    later, earlier = (extended(mine, "usr_1", DAY, at(low), at(high)) for low, high in ((16, 18), (7, 9)))
    assert later is not None and (later.start, later.end, later.breaks) == (at(8), at(18), mine.breaks)
    assert earlier is not None and (earlier.start, earlier.end) == (at(7), at(16))
    assert extended(mine, "usr_1", DAY, at(17), at(18)) is None, "a gap lies between"
    assert extended(mine, "usr_1", DAY, at(9), at(15)) is None, "it is worked already"
    assert extended(mine, "usr_1", DAY, at(16), at(24.5)) is None, "too long"
    free = extended(None, "usr_2", DAY, at(10), at(14))
    assert free is not None and (free.agent_id, free.start, free.end) == ("usr_2", at(10), at(14))


def test_time_off_is_cut_from_either_end_but_not_from_the_middle() -> None:
    mine = shift(8, 16, (12, 12.5))
    early, fine = shortened(mine, at(11), at(17))
    assert fine and early is not None and (early.end, early.breaks) == (at(11), ())
    late, fine = shortened(mine, at(7), at(10))
    assert fine and late is not None and (late.start, late.breaks) == (at(10), mine.breaks)
    assert shortened(mine, at(8), at(16)) == (None, True)
    assert not shortened(mine, at(13), at(14))[1] and not shortened(mine, at(17), at(18))[1]
    assert not shortened(None, at(8), at(9))[1] and not shortened(mine, at(12.25), at(16))[1]
    assert not shortened(mine, at(8.5), at(16))[1], "half an hour isn't worth coming for"


def test_stretches_that_lack_or_are_spare_are_found_after_now() -> None:
    starts = [at(hour / 4) for hour in range(96)]
    need, there = np.zeros(96), np.zeros(96)
    need[40:56], there[40:56] = 5.0, 3.6
    need[60:70], there[60:70] = 2.0, 4.2
    need[80], there[80] = 3.0, 0.0
    (lack,) = windows(Kind.OVERTIME, 2, starts, need, there, at(9))
    assert (lack.start, lack.end, lack.most, lack.group) == (at(10), at(14), 2, 2)
    assert lack.hours == pytest.approx(16 * 1.4 / 4)
    (spare,) = windows(Kind.VOLUNTARY_TIME_OFF, 2, starts, need, there, at(9))
    assert (spare.start, spare.end, spare.most) == (at(15), at(17.5), 2)
    assert windows(Kind.OVERTIME, 2, starts, need, there, at(13))[0].start == at(13)
    assert not windows(Kind.OVERTIME, 2, starts, need, there, at(13.75)), "a quarter of an hour is too short"


def test_overtime_is_cut_to_what_somebody_could_work_after_or_before_their_shift() -> None:
    starts = [at(hour / 4) for hour in range(96)]
    need, there = np.zeros(96), np.zeros(96)
    need[32:72] = 4.0
    there[32:64] = 3.0
    (lack,) = windows(Kind.OVERTIME, 0, starts, need, there, at(8))

    def cut(begins: list[datetime], ends: list[datetime]) -> list[adjusting.Window]:
        return adjusting.pieces(lack, starts, need, there, begins, ends, timedelta(hours=2))

    (late,) = cut([at(8)], [at(16)])
    assert (late.start, late.end, late.most, late.hours) == (at(16), at(18), 4, 8.0)
    late, early = cut([at(12)], [at(16)])
    assert (early.start, early.end, early.most, early.hours) == (at(10), at(12), 1, 2.0)
    assert cut([], [])[0].start == at(16) and len(cut([], [])) == 5


def test_breaks_move_to_where_agents_are_spare_the_best_first_and_only_where_rules_allow() -> None:
    starts = [at(hour / 4) for hour in range(96)]
    shifts = [shift(8, 16, (12, 12.5), user_id=f"usr_{each}") for each in range(3)]
    need = np.zeros((1, 96))
    need[0, 32:64] = 2.0
    there = np.vstack([staffed(shifts, lambda _: (), 0, starts, 15)])
    found = break_moves(shifts, starts, need, there, at(9), lambda before, after: True)
    assert len(found) == 2 and {each.agent_id for each in found} <= {each.agent_id for each in shifts}
    assert found[0].saved >= found[1].saved > 0
    for each in found:
        assert each.shift.breaks == (each.after,) and each.after.end - each.after.start == timedelta(minutes=30)
        there = there.copy()
        adjusting._shift_break(there, each, starts)  # pyright: ignore[reportPrivateUsage]
    moved = {each.agent_id: each.shift for each in found}
    after = [moved.get(each.agent_id, each) for each in shifts]
    assert np.array_equal(staffed(after, lambda _: (), 0, starts, 15), there[0])
    assert (there[0, 32:64] >= 2.0).all(), "nobody lacks once all three don't rest at once"
    assert not break_moves(shifts, starts, need, np.full((1, 96), 2.0), at(12.25), lambda *_: True), "they have begun"
    refused = break_moves(shifts, starts, need, np.vstack([staffed(shifts, lambda _: (), 0, starts, 15)]), at(9),
                          lambda before, after: before.agent_id == "usr_1")  # fmt: skip
    assert [each.agent_id for each in refused] == ["usr_1"]


def test_what_an_agent_may_waive_is_their_contract_never_the_law() -> None:
    from wfm.domain.violations import Rule as Broken
    from wfm.domain.violations import Violation

    found = [Violation("usr_1", DAY, rule, 1, 2) for rule in Broken]
    left = {each.rule for each in adjusting.waived(found)}
    assert left.isdisjoint({Broken.CONTRACT_HOURS, Broken.PATTERN, Broken.AVAILABILITY, Broken.TOO_FEW_HOURS})
    assert left >= {Broken.REST, Broken.DAY_HOURS, Broken.WEEK_HOURS, Broken.STRETCH, Broken.TIME_OFF, Broken.NIGHT}
    assert replace(found[0]) == found[0]

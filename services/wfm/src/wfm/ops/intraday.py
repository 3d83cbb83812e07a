"""A day held against forecast and plan, and scenarios for the rest of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from chassis.sql import Tx
from kernel.errors import FailedPrecondition, InvalidInput, NotFound, QuotaExceeded
from kernel.ids import new_id

from wfm.domain import intraday as domain
from wfm.domain.adherence import Doing, Person, actual
from wfm.domain.adherence import Rules as AdherenceRules
from wfm.domain.intraday import Outcome, Outlook, Scenario
from wfm.domain.overrides import Curve
from wfm.domain.series import binned, midnight
from wfm.domain.shifts import Shift, TimeOff
from wfm.domain.staffing import Need, Rule, checked, needs, promised, worked
from wfm.ops import adherence
from wfm.ops.forecasts import cut, get_run, known_curve
from wfm.ops.history import RangeInvalid
from wfm.store import adherence as heard
from wfm.store import adjustments as store
from wfm.store import forecasts, history, schedules, workforce
from wfm.store import staffing as rules
from wfm.store.adjustments import Saved
from wfm.store.forecasts import Run
from wfm.store.history import SeriesKey
from wfm.store.schedules import Version

MOST_TRIED = 6
_PAGE = 50


class IntradayNoForecast(FailedPrecondition):
    """Nothing was forecast of this queue and day."""

    reason = "INTRADAY_NO_FORECAST"


class ScenarioInvalid(InvalidInput):
    """A field of a scenario is wrong."""

    reason = "SCENARIO_INVALID"


class ScenarioNotFound(NotFound):
    """No such scenario."""

    reason = "SCENARIO_NOT_FOUND"


class ScenarioLimit(QuotaExceeded):
    """As many scenarios are kept as may be."""

    reason = "SCENARIO_LIMIT"


@dataclass(frozen=True)
class Going:
    """How a queue's day goes. Counts are by interval; `over` of them are."""

    key: SeriesKey
    rule: Rule
    curve: Curve
    came: np.ndarray
    handled: np.ndarray
    seconds: np.ndarray
    week: Curve
    """Of the day's week: work that can wait is spread over all of it, as it was when the week was planned."""
    zone: str


@dataclass(frozen=True)
class Gathered:
    """All that a day is worked out from. `groups`: of the published schedule, those whose agents this queue's work
    hangs on; none where it has none of this queue."""

    zone: str
    day: date
    run: Run
    version: Version | None
    groups: Sequence[int]
    going: Sequence[Going]
    """This queue first, then those the same agents serve."""
    shifts: Sequence[Shift]
    gone: Mapping[str, Sequence[TimeOff]]
    people: Sequence[Person]
    adherence: AdherenceRules
    over: int


@dataclass(frozen=True)
class Seen:
    """A day worked out: of this queue, by interval."""

    gathered: Gathered
    outlook: Outlook
    planned: np.ndarray
    required: np.ndarray
    staffed: np.ndarray
    present: np.ndarray
    day: Outcome
    rest: Outcome
    try_out: Callable[[Scenario], Outcome]


async def gather(tx: Tx, day: date | None, key: SeriesKey, run_id: str, now: datetime) -> Gathered:
    """Reads what `seen` takes."""
    if day is None:
        raise RangeInvalid.of("day", "is required")
    zone = await history.time_zone(tx)
    version = await published(tx, day)
    run = await the_run(tx, day, key, run_id or (version.run_id if version else ""), must=bool(run_id))
    groups = version.beside(key) if version is not None else ()
    members = dict.fromkeys(each for at in groups for each in version.groups[at].members) if version is not None else ()
    start, end = bounds(day, zone)
    mine = [
        found
        for each in (key, *(each for each in members if each != key))
        if (found := await going(tx, run, each, zone, start, end))
    ]
    if not mine or mine[0].key != key:
        raise IntradayNoForecast("nothing was forecast of this queue and day")
    shifts = await adherence.published_shifts(tx, start, end) if groups else []
    users = sorted({each.agent_id for each in shifts})
    people, _ = await adherence.people(tx, start, end, users, shifts=shifts)
    length = timedelta(minutes=run.minutes)
    over = sum(1 for at in mine[0].curve.starts if at + length <= now)
    gone = await away_of_day(tx, start, end)
    return Gathered(
        zone, day, run, version, groups, mine, shifts, gone, people, await heard.find_rules(tx), over
    )  # fmt: skip


def bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """When a local day begins and ends."""
    place = ZoneInfo(zone)
    return midnight(day, place), midnight(day + timedelta(days=1), place)


async def published(tx: Tx, day: date) -> Version | None:
    """The week's version that agents work by."""
    found = await schedules.published(tx, [day - timedelta(days=day.weekday())])
    return found[0] if found else None


async def the_run(tx: Tx, day: date, key: SeriesKey | None, run_id: str, *, must: bool) -> Run:
    """The run named when it is of the day, or the newest that is."""

    async def fits(run: Run) -> bool:
        if not 0 <= (day - run.first).days < run.days:
            return False
        return key is None or any(
            each.key == key for each in await forecasts.all_of(tx, run.forecast_run_id, [key.queue_id], _PAGE)
        )

    if run_id:
        run = await get_run(tx, run_id) if must else await forecasts.find_run(tx, run_id)
        if run is not None and (must or await fits(run)):
            return run
    for run in (await forecasts.list_runs(tx, "", _PAGE))[:_PAGE]:
        if run.state != "CANCELLED" and await fits(run):
            return run
    raise IntradayNoForecast("nothing was forecast of this queue and day")


async def going(tx: Tx, run: Run, key: SeriesKey, zone: str, start: datetime, end: datetime) -> Going | None:
    kept = next(
        (each for each in await forecasts.all_of(tx, run.forecast_run_id, [key.queue_id], _PAGE) if each.key == key),
        None,
    )
    if kept is None:
        return None
    week = await known_curve(tx, run, kept, zone, *_week(start, zone))
    curve = cut(week, start, end)
    if not curve.starts:
        return None
    said, _ = await rules.find(tx, key)
    counted = {each.start: each for each in binned(await history.history(tx, key, start, end), run.minutes, zone)}
    rows = [counted.get(at) for at in curve.starts]
    offered, handled, seconds = (
        np.array([getattr(row, name) if row else 0.0 for row in rows])
        for name in ("offered", "handled", "handle_seconds")
    )  # fmt: skip
    return Going(key, said, curve, offered, handled, seconds, week, zone)


def _week(at: datetime, zone: str) -> tuple[datetime, datetime]:
    """When the company's week of an instant begins and ends."""
    place = ZoneInfo(zone)
    day = at.astimezone(place).date()
    monday = day - timedelta(days=day.weekday())
    return midnight(monday, place), midnight(monday + timedelta(days=7), place)


def seen(gathered: Gathered, now: datetime) -> Seen:
    """Works the day out: takes a while where many queues are served together."""
    over, minutes = gathered.over, gathered.run.minutes
    outlooks = [_outlook(each, over, minutes) for each in gathered.going]
    planned = [required_before(each, over, minutes) for each in gathered.going]
    required = [
        _required(mine.volume, mine.aht, each, minutes) for each, mine in zip(gathered.going, outlooks, strict=True)
    ]
    first, starts = gathered.going[0], gathered.going[0].curve.starts
    everything = np.sum(required, axis=0)
    there = np.zeros(len(starts))
    for group in gathered.groups:
        there += domain.staffed(
            gathered.shifts, lambda user_id: gathered.gone.get(user_id, ()), group, starts, minutes
        )  # fmt: skip
    # Where nothing is required of any queue, all of them get the same.
    weight = np.where(everything > 0, required[0], 1.0)
    total = np.where(everything > 0, everything, float(len(gathered.going)))
    staffed = domain.shared(there, weight, total)
    present = domain.shared(_present(gathered, starts, minutes, now), weight, total)
    mine = outlooks[0]

    def try_out(scenario: Scenario, since: int = over) -> Outcome:
        took = slice(since, None)
        return domain.tried(
            scenario, mine.volume[took], mine.aht[took], staffed[took], first.rule, minutes,
            lambda volumes, ahts, rule: [each.agents for each in _needs(first, volumes, ahts, rule, minutes, since)],
        )  # fmt: skip

    day = try_out(Scenario(), 0)
    return Seen(
        gathered, mine, planned[0], required[0], staffed, present, day, try_out(Scenario()), try_out
    )  # fmt: skip


def _outlook(value: Going, over: int, minutes: int) -> Outlook:
    curve = value.curve
    aht = np.where(curve.aht > 0, curve.aht, float(value.rule.default_aht_seconds))
    return domain.outlook(
        curve.volume, curve.low, curve.high, aht, value.came, value.handled, value.seconds, over, minutes / 60
    )


def required_before(value: Going, over: int, minutes: int) -> np.ndarray:
    """Agents to schedule by interval, as it was forecast."""
    return _required(value.curve.volume, value.curve.aht, value, minutes)


def required_now(value: Going, over: int, minutes: int) -> np.ndarray:
    """Agents to schedule by interval, from how the day goes."""
    mine = _outlook(value, over, minutes)
    return _required(mine.volume, mine.aht, value, minutes)


def _required(volume: np.ndarray, aht: np.ndarray, value: Going, minutes: int) -> np.ndarray:
    found = _needs(value, volume.tolist(), aht.tolist(), value.rule, minutes)
    return np.array([each.scheduled for each in found])


def _needs(
    value: Going, volumes: Sequence[float], ahts: Sequence[float], rule: Rule, minutes: int, since: int = 0
) -> list[Need]:
    """What the day's intervals from `since` on take. Of what can wait, what other days of the week leave to this one
    and this one to them counts: Monday does the weekend's."""
    if not rule.deadline_minutes or not volumes:
        return needs(volumes, ahts, rule, minutes)
    week, begin = value.week, value.week.starts.index(value.curve.starts[0]) + since
    end = begin + len(volumes)
    everything, times = week.volume.tolist(), week.aht.tolist()
    everything[begin:end], times[begin:end] = volumes, ahts
    return needs(everything, times, rule, minutes, worked(rule, week.starts, value.zone))[begin:end]


def _present(gathered: Gathered, starts: Sequence[datetime], minutes: int, now: datetime) -> np.ndarray:
    """Agents of the groups who were at work, by interval that is over."""
    found, length = np.zeros(len(starts)), timedelta(minutes=minutes)
    if not gathered.groups:
        return found
    mine = {each.agent_id for each in gathered.shifts if any(group in gathered.groups for _, group in each.work)}
    end = min(now, starts[-1] + length)
    for person in gathered.people:
        if person.user_id not in mine or end <= starts[0]:
            continue
        for stretch in actual(person.heard, gathered.adherence, starts[0], end):
            if stretch.doing is not Doing.WORK:
                continue
            first = int((stretch.start - starts[0]) / length)
            for at in range(first, len(starts)):
                if starts[at] >= stretch.end:
                    break
                found[at] += (min(stretch.end, starts[at] + length) - max(stretch.start, starts[at])) / length
    return found


def checked_scenario(value: Scenario) -> Scenario:
    """The same when it can be. Raises `ScenarioInvalid`, `StaffingRuleInvalid` that name the field."""
    for name, fine, words in (
        ("volume_percent", -100 <= value.volume_percent <= 1000, "must be -100 to 1000"),
        ("aht_percent", -90 <= value.aht_percent <= 1000, "must be -90 to 1000"),
        ("absence_percent", 0 <= value.absence_percent <= 100, "must be 0 to 100"),
        ("extra_agents", -1000 <= value.extra_agents <= 1000, "must be -1000 to 1000"),
    ):
        if not fine:
            raise ScenarioInvalid.of(f"scenario.{name}", words)
    checked(promised(Rule(), value.promises))
    return value


def checked_scenarios(values: Sequence[Scenario]) -> list[Scenario]:
    """Those to try. Raises `ScenarioInvalid`."""
    if not 1 <= len(values) <= MOST_TRIED:
        raise ScenarioInvalid.of("scenarios", f"must be 1 to {MOST_TRIED}")
    return [checked_scenario(each) for each in values]


async def create_scenario(tx: Tx, value: Saved, now: datetime) -> Saved:
    """Keeps a scenario."""
    checked_scenario(value.scenario)
    if not 0 < len(value.name) <= 100:
        raise ScenarioInvalid.of("scenario.display_name", "must be 1 to 100 characters")
    if await store.count_scenarios(tx) >= store.MOST_SCENARIOS:
        raise ScenarioLimit(f"{store.MOST_SCENARIOS} scenarios are kept: remove one first")
    made = replace(value, scenario_id=new_id("scn", now), create_time=now)
    await store.insert_scenario(tx, made)
    return made


async def list_scenarios(tx: Tx) -> list[Saved]:
    """Those that are kept, newest first."""
    return await store.list_scenarios(tx)


async def delete_scenario(tx: Tx, scenario_id: str) -> None:
    """Removes one."""
    if not await store.delete_scenario(tx, scenario_id):
        raise ScenarioNotFound("no such scenario")


async def away_of_day(tx: Tx, start: datetime, end: datetime) -> dict[str, list[TimeOff]]:
    """When agents are gone by time off and exceptions, by agent."""
    found: dict[str, list[TimeOff]] = {}
    for each in await workforce.list_away(tx, start, end):
        found.setdefault(each.user_id, []).append(each.time)
    for each in await heard.list_exceptions(tx, start, end):
        if each.user_id:
            found.setdefault(each.user_id, []).append(TimeOff(each.start, each.end))
    return found

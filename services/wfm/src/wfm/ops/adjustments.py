"""Published shifts changed as the day goes, each change kept with what was before, so that it can be put back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from chassis.sql import Tx
from kernel.errors import FailedPrecondition, InvalidInput, NotFound
from kernel.ids import new_id

from wfm import convert
from wfm.domain import adjusting as domain
from wfm.domain.adjusting import QUARTER, Adjustment, BreakMove, Kind, Window
from wfm.domain.covering import assigned, cover_of, figures_of
from wfm.domain.intraday import staffed
from wfm.domain.shifts import Agent, Shift, TimeOff
from wfm.domain.trades import same
from wfm.domain.violations import Violation, worse
from wfm.domain.week import Grid
from wfm.ops import intraday, notices, revisions, rosters
from wfm.ops.history import RangeInvalid
from wfm.ops.intraday import Going
from wfm.ops.schedules import breaks_rules, figures_out
from wfm.ops.shifts import ShiftNotFound
from wfm.ops.workforce import PlannedAgentNotFound
from wfm.store import adjustments as store
from wfm.store import history, schedules
from wfm.store.history import SeriesKey
from wfm.store.schedules import Version

LEAD = timedelta(minutes=15)
"""Nothing is suggested that would begin sooner."""
MOST_OFFERS = 12
MOST_NAMED = 50


class DayNotPublished(FailedPrecondition):
    """No schedule of the day's week is published."""

    reason = "DAY_NOT_PUBLISHED"


class AdjustmentInvalid(InvalidInput):
    """A change can't be."""

    reason = "ADJUSTMENT_INVALID"


class AdjustmentNotFound(NotFound):
    """No such change."""

    reason = "ADJUSTMENT_NOT_FOUND"


class AdjustmentOvertaken(FailedPrecondition):
    """Somebody changed the shift since."""

    reason = "ADJUSTMENT_OVERTAKEN"


@dataclass(frozen=True)
class Suggested:
    """A stretch to offer, and to whom."""

    window: Window
    user_ids: Sequence[str]


@dataclass(frozen=True)
class Day:
    """What suggestions are worked out from."""

    day: date
    zone: str
    version: Version
    roster: rosters.Roster
    shifts: Sequence[Shift]
    """Of the version's week."""
    around: Sequence[Shift]
    """Of the day, also those that began the day before."""
    going: Mapping[SeriesKey, Going]
    need: np.ndarray
    """Of the version, groups by slots of its week."""
    gone: Mapping[str, Sequence[TimeOff]]
    minutes: int
    over: int


async def work_version(tx: Tx, day: date) -> Version:
    """The version agents work by on a day."""
    found = await intraday.published(tx, day)
    if found is None:
        raise DayNotPublished("no schedule of this day's week is published")
    return found


async def change(
    tx: Tx, kind: Kind, user_id: str, day: date, make: Callable[[Shift | None], Shift | None], by: str, now: datetime,
    offer_id: str = "",
) -> Adjustment:  # fmt: skip
    """Changes an agent's shift of a day to what `make` makes of it, when no rule stands in the way."""
    version = await work_version(tx, day)
    made = await rosters.roster(tx, version, [user_id])
    if not made.agents:
        raise PlannedAgentNotFound("the agent isn't planned for")
    shifts = await schedules.list_shifts(tx, version.schedule_id)
    before = next((each for each in shifts if (each.agent_id, each.day) == (user_id, day)), None)
    rest = [each for each in shifts if each is not before]
    after = make(before)
    need = await schedules.need_of(tx, version.schedule_id)
    grid = Grid(version.first, version.zone)
    if after is not None:
        cover = cover_of(rest, len(need), grid) + made.given
        after = worked_on(before, after, made.agents[0], need, cover, grid)
    mine = [each for each in shifts if each.agent_id == user_id]
    found = in_the_way(version, made.agents[0], mine, before, after)
    if found:
        raise breaks_rules(found)
    await _put(tx, version, made, (before, after), [*rest, *_some(after)], need)
    value = Adjustment(new_id("adj", now), kind, user_id, day, before, after, by, now, offer_id)
    await store.insert_adjustment(tx, value)
    await _tell(tx, value, by, now)
    return value


def worked_on(
    before: Shift | None, after: Shift, agent: Agent, need: np.ndarray, cover: np.ndarray, grid: Grid
) -> Shift:
    """The shift with what is covered in it: as it was, and where it is new, where most lacks."""
    if before is None:
        return assigned(after, agent.groups, need, cover, grid)
    work = list(before.work)
    if after.start < before.start:
        piece = replace(after, end=before.start, breaks=())
        work = [*assigned(piece, agent.groups, need, cover, grid).work, *work]
    if after.end > before.end:
        piece = replace(after, start=before.end, breaks=())
        work += assigned(piece, agent.groups, need, cover, grid).work
    kept = [(at, group) for at, group in work if after.start < at < after.end]
    first = next((group for at, group in reversed(work) if at <= after.start), None)
    merged = [*([(after.start, first)] if first is not None else []), *kept]
    return replace(after, work=tuple(each for at, each in enumerate(merged) if not at or merged[at - 1][1] != each[1]))


def in_the_way(
    version: Version, agent: Agent, mine: Sequence[Shift], before: Shift | None, after: Shift | None
) -> list[Violation]:
    """Rules that a change of one of an agent's shifts of the week would break, and that they can't waive."""
    changed = [*(each for each in mine if each != before), *([after] if after else [])]
    old, new = (rosters.broken(version, [agent], each) for each in (mine, changed))
    return domain.waived(worse(old, new))


def _some(shift: Shift | None) -> list[Shift]:
    return [shift] if shift is not None else []


async def _put(
    tx: Tx, version: Version, made: rosters.Roster, change: tuple[Shift | None, Shift | None], shifts: Sequence[Shift],
    need: np.ndarray,
) -> None:  # fmt: skip
    """Makes the one shift of a change the other; `shifts`: all of the version then."""
    gone, new = (_some(each) for each in change)
    for each in gone:
        await schedules.remove_shifts(tx, version.schedule_id, only=(each.agent_id, each.day))
    await schedules.put_shifts(tx, version.schedule_id, new)
    figures = figures_out(figures_of(shifts, need, Grid(version.first, version.zone), made.given), version.figures)
    figures["violations"] = int(version.figures.get("violations", 0))
    await schedules.change(tx, version.schedule_id, figures=figures)
    await revisions.carry(tx, version, gone, new)


async def move_break(
    tx: Tx, user_id: str, day: date | None, start: datetime | None, to: datetime | None, by: str, now: datetime
) -> Adjustment:
    """Moves the break that begins at `start`."""
    if day is None or start is None or to is None:
        field = "day" if day is None else "start_time" if start is None else "new_start_time"
        raise AdjustmentInvalid.of(field, "must be given")

    def moved(shift: Shift | None) -> Shift:
        if shift is None:
            raise ShiftNotFound("the agent has no shift that day")
        rest = next((each for each in shift.breaks if each.start == start), None)
        if rest is None:
            raise AdjustmentOvertaken("no break of the shift begins then any more: read it again")
        there = replace(rest, start=to, end=to + (rest.end - rest.start))
        others = [each for each in shift.breaks if each is not rest]
        for fine, words in (
            (to != start, "must be another time"),
            (min(start, to) >= now, "must not be over, and neither may the break be"),
            ((to - shift.start) % QUARTER == timedelta(0), "must be on a quarter of an hour"),
            (shift.start < there.start and there.end < shift.end, "must be within the shift"),
            (all(there.end <= each.start or each.end <= there.start for each in others),
             "must be beside the other breaks"),
        ):  # fmt: skip
            if not fine:
                raise AdjustmentInvalid.of("new_start_time", words)
        breaks = tuple(sorted((*others, there), key=lambda each: each.start))
        return replace(shift, breaks=breaks, locked=True)

    return await change(tx, Kind.BREAK_MOVE, user_id, day, moved, by, now)


async def undo(tx: Tx, adjustment_id: str, by: str, now: datetime) -> Adjustment:
    """Puts back what was before, unless it isn't any more what the change made of it, or a rule stands in the way of it
    by now."""
    value = await store.find_adjustment(tx, adjustment_id)
    if value is None:
        raise AdjustmentNotFound("no such change")
    if value.undone:
        return value
    version = await work_version(tx, value.day)
    shifts = await schedules.list_shifts(tx, version.schedule_id)
    now_is = next((each for each in shifts if (each.agent_id, each.day) == (value.user_id, value.day)), None)
    if now_is != value.after and not same(now_is, value.after):
        raise AdjustmentOvertaken("the shift was changed since: it is left as it is")
    rest = [each for each in shifts if each is not now_is]
    made = await rosters.roster(tx, version, [value.user_id])
    need, grid = await schedules.need_of(tx, version.schedule_id), Grid(version.first, version.zone)
    before = value.before
    for agent in made.agents:
        elsewhere = now_is is not None and value.after is not None and now_is.work != value.after.work
        if before is not None and (elsewhere or any(group not in agent.groups for _, group in before.work)):
            # Groups of queues have other numbers in the version that was published since, or the agent has other ones.
            before = assigned(before, agent.groups, need, cover_of(rest, len(need), grid) + made.given, grid)
        mine = [each for each in shifts if each.agent_id == value.user_id]
        if found := in_the_way(version, agent, mine, now_is, before):
            raise breaks_rules(found)
    await _put(tx, version, made, (now_is, before), [*rest, *_some(before)], need)
    done = replace(value, undone=True, undo_user_id=by, undo_time=now)
    await store.note_undone(tx, done)
    if value.offer_id and (offer := await store.find_offer(tx, value.offer_id)):
        mine = next((each for each in offer.replies if each.user_id == value.user_id), None)
        if mine is not None and mine.adjustment_id == adjustment_id:
            said = replace(mine, state="UNDONE", reply_time=now)
            replies = tuple(said if each is mine else each for each in offer.replies)
            freed = replace(offer, taken=max(0, offer.taken - 1), replies=replies)
            await store.save_offer(tx, freed)
            await store.save_reply(tx, offer.offer_id, said)
            tx.emit(convert.offer_changed(freed, now, value.user_id), key=value.user_id)
    await _tell(tx, done, by, now)
    return done


async def _tell(tx: Tx, value: Adjustment, by: str, now: datetime) -> None:
    """What somebody else did to an agent's day waits for them as a notice; what they did themselves they know."""
    tx.emit(convert.shift_adjusted(value), key=value.user_id)
    if by != value.user_id:
        first = revisions.monday_of(value.day)
        await notices.tell(
            tx, "SHIFTS_CHANGED", {value.user_id: [value.day]}, now, first=first, subject_id=value.adjustment_id
        )


async def list_adjustments(tx: Tx, day: date | None) -> list[Adjustment]:
    """Changes of a day's shifts, newest first."""
    if day is None:
        raise RangeInvalid.of("day", "is required")
    return await store.list_adjustments(tx, day)


async def gather(tx: Tx, day: date | None, now: datetime) -> Day:
    """Reads what `suggestions` takes."""
    if day is None:
        raise RangeInvalid.of("day", "is required")
    version, zone = await work_version(tx, day), await history.time_zone(tx)
    start, end = intraday.bounds(day, zone)
    run = await intraday.the_run(tx, day, None, version.run_id, must=False)
    going: dict[SeriesKey, Going] = {}
    for key in dict.fromkeys(each for group in version.groups for each in group.members):
        found = await intraday.going(tx, run, key, zone, start, end)
        if found is not None:
            going[key] = found
    length = timedelta(minutes=run.minutes)
    starts = next((each.curve.starts for each in going.values()), ())
    shifts = await schedules.list_shifts(tx, version.schedule_id)
    around = await schedules.overlapping(tx, [version.schedule_id], start, end)
    gone = await intraday.away_of_day(tx, start, end)
    return Day(
        day, zone, version, await rosters.roster(tx, version), shifts, around, going,
        await schedules.need_of(tx, version.schedule_id), gone, run.minutes,
        sum(1 for at in starts if at + length <= now),
    )  # fmt: skip


def suggestions(value: Day, now: datetime) -> tuple[list[BreakMove], list[Suggested]]:
    """What would help the rest of the day. Takes a while with many agents."""
    day = value.day
    start, end = intraday.bounds(day, value.zone)
    quarters = [start + at * QUARTER for at in range(int((end - start) / QUARTER))]
    need = np.stack([_need(value, group, quarters) for group in range(len(value.version.groups))])
    there = np.stack(
        [
            staffed(value.around, lambda user_id: value.gone.get(user_id, ()), group, quarters, 15)
            for group in range(len(value.version.groups))
        ]
    )
    agents = {each.agent_id: each for each in value.roster.agents}
    today = [each for each in value.around if start <= each.start < end and each.agent_id in agents]
    after = now + LEAD

    by_agent: dict[str, list[Shift]] = {}
    for each in value.shifts:
        by_agent.setdefault(each.agent_id, []).append(each)

    def fine(before: Shift, changed: Shift) -> bool:
        mine = by_agent.get(before.agent_id, [])
        known = next((each for each in mine if each.day == before.day), before)
        return not in_the_way(value.version, agents[before.agent_id], mine, known, changed)

    moves = domain.break_moves(today, quarters, need, there, after, fine)
    found: list[Suggested] = []
    for kind in (Kind.OVERTIME, Kind.VOLUNTARY_TIME_OFF):
        for group in range(len(value.version.groups)):
            mine = [each for each in today if any(number == group for _, number in each.work)]
            for window in domain.windows(kind, group, quarters, need[group], there[group], after):
                best: list[Suggested] = []
                for parts in _ways(window, quarters, need[group], there[group], mine):
                    able = [Suggested(each, _able(value, each, agents, by_agent)) for each in parts]
                    if _worth(able) > _worth(best) + 1e-9:
                        best = able
                found += [each for each in best if each.user_ids]
    largest = sorted(found, key=lambda each: -each.window.hours)[:MOST_OFFERS]
    return moves, sorted(largest, key=lambda each: (each.window.start, each.window.kind))


def _need(value: Day, group: int, quarters: Sequence[datetime]) -> np.ndarray:
    """Agents a group takes as the day goes. What a skill plan took of it goes up and down with what all queues take
    that its agents and those beside them serve."""
    mine = value.version.groups[group]
    if not mine.queue_ids:
        return _summed(value, mine.members, quarters, intraday.required_now)
    others = (value.version.groups[at] for at in value.version.beside(mine.members[0]))
    beside = dict.fromkeys(each for other in others for each in other.members)
    now, planned = (_summed(value, beside, quarters, how) for how in (intraday.required_now, intraday.required_before))
    grid = Grid(value.version.first, value.zone)
    slots = np.array([grid.slot(each) for each in quarters])
    row = np.where((slots >= 0) & (slots < grid.slots), value.need[group][np.clip(slots, 0, grid.slots - 1)], 0.0)
    return row * np.divide(now, planned, out=np.ones(len(quarters)), where=planned > 0)


def _summed(
    value: Day, keys: Iterable[SeriesKey], quarters: Sequence[datetime],
    how: Callable[[Going, int, int], np.ndarray],
) -> np.ndarray:  # fmt: skip
    found = np.zeros(len(quarters))
    for each in (value.going[key] for key in keys if key in value.going):
        row = how(each, value.over, value.minutes)
        by_start = dict(zip(each.curve.starts, row.tolist(), strict=True))
        known, last = 0.0, None
        for at, quarter in enumerate(quarters):
            if quarter in by_start:
                known, last = by_start[quarter], quarter
            elif last is None or quarter - last >= timedelta(minutes=value.minutes):
                known = 0.0
            found[at] += known
    return found


def _ways(
    window: Window, quarters: Sequence[datetime], need: np.ndarray, there: np.ndarray, mine: Sequence[Shift]
) -> list[list[Window]]:
    """Longer or shorter pieces of overtime: the law may allow an hour where it doesn't allow two."""
    if window.kind is not Kind.OVERTIME:
        return [[window]]
    begins, ends = [each.start for each in mine], [each.end for each in mine]
    return [domain.pieces(window, quarters, need, there, begins, ends, each) for each in domain.PIECES]


def _worth(found: Sequence[Suggested]) -> float:
    """Agent hours that those who are able would fill."""
    return sum(
        each.window.hours * min(1.0, len(each.user_ids) / max(1, each.window.most)) for each in found
    )  # fmt: skip


def _able(
    value: Day, window: Window, agents: Mapping[str, Agent], by_agent: Mapping[str, Sequence[Shift]]
) -> list[str]:
    """Agents whose shift may be changed so: who have one that day before those who don't."""
    if window.start.astimezone(ZoneInfo(value.zone)).date() != value.day:
        return []
    line: list[tuple[bool, str, date, Shift | None]] = []
    for agent_id, agent in agents.items():
        if window.group in agent.groups:
            day = window.start.astimezone(ZoneInfo(agent.zone or value.zone)).date()
            if revisions.monday_of(day) != value.version.first:
                continue  # by their site's clocks it is of another week
            shift = next((each for each in by_agent.get(agent_id, ()) if each.day == day), None)
            line.append((shift is None, agent_id, day, shift))
    found: list[str] = []
    for _, agent_id, day, shift in sorted(line, key=lambda each: each[:2]):
        changed, can = fitted(window.kind, shift, agent_id, day, window.start, window.end)
        mine = by_agent.get(agent_id, ())
        if can and not in_the_way(value.version, agents[agent_id], mine, shift, changed):
            found.append(agent_id)
            if len(found) == MOST_NAMED:
                break
    return found


def fitted(
    kind: Kind, shift: Shift | None, user_id: str, day: date, start: datetime, end: datetime
) -> tuple[Shift | None, bool]:
    """The shift as an offer would have it, and whether it can be."""
    if kind is Kind.OVERTIME:
        longer = domain.extended(shift, user_id, day, start, end)
        return longer, longer is not None
    return domain.shortened(shift, start, end)

"""Versions of weeks and their shifts."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
from chassis.paging import keyset
from chassis.sql import Tx
from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from wfm.domain.search import Kept
from wfm.domain.shifts import Break, Shift
from wfm.domain.solving import Placed, Week
from wfm.store.history import SeriesKey
from wfm.store.rows import instant, own, seconds
from wfm.store.tables import schedules as table
from wfm.store.tables import shifts as shift_rows

MOST_ATTEMPTS = 3
_CHUNK = 500


@dataclass(frozen=True)
class Group:
    """Queues that the same agents serve. `queue_ids`: of a skill plan's group what its agents serve of the plan's
    queues, exactly; without, everybody is of it who serves a member."""

    members: tuple[SeriesKey, ...]
    agents: int
    queue_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Version:
    """A version of a week. `figures`: needed, under, over, cost, bound in agent hours, and violations; of it as it
    stands, or of the best so far. `lease`: until when somebody makes it."""

    schedule_id: str
    first: date
    number: int
    state: str
    version: int
    run_id: str
    base_id: str
    name: str
    zone: str
    agent_count: int
    fairness: float
    seed: int
    seconds: int
    groups: tuple[Group, ...]
    create_time: datetime
    spent: float = 0.0
    stop: bool = False
    cut_short: bool = False
    lease: datetime | None = None
    attempts: int = 0
    figures: Mapping[str, float] = field(default_factory=dict)
    end_time: datetime | None = None
    publish_time: datetime | None = None
    shift_count: int = 0
    publisher: str = ""
    plan_id: str = ""

    def grouped_like(self, other: Version) -> bool:
        """Whether a group's number says the same of both."""
        return [(each.members, each.queue_ids) for each in self.groups] == [
            (each.members, each.queue_ids) for each in other.groups
        ]

    def beside(self, key: SeriesKey) -> tuple[int, ...]:
        """Numbers of the groups that serve a queue, and of those that share queues with these: what comes of one hangs
        on the others. A skill plan's groups share queues; else there is one at most."""
        keys, found = {key}, set[int]()
        while more := {at for at, each in enumerate(self.groups) if keys & set(each.members)} - found:
            found |= more
            keys |= {each for at in more for each in self.groups[at].members}
        return tuple(sorted(found))


async def next_number(tx: Tx, first: date) -> int:
    """Of the week's versions."""
    row = await tx.one(
        select(func.coalesce(func.max(table.c.number), 0).label("n")).where(
            own(tx, table), table.c.first_day == first.isoformat()
        )
    )
    return int(row["n"]) + 1


async def insert_version(tx: Tx, value: Version, need: np.ndarray) -> None:
    """Adds one."""
    row = {
        "tenant_id": tx.tenant_id, "schedule_id": value.schedule_id, "first_day": value.first.isoformat(),
        "number": value.number, "state": value.state, "version": value.version, "forecast_run_id": value.run_id,
        "base_schedule_id": value.base_id, "name": value.name, "time_zone": value.zone,
        "agent_count": value.agent_count, "fairness": value.fairness, "seed": value.seed, "seconds": value.seconds,
        "spent_seconds": value.spent, "stop": value.stop, "cut_short": value.cut_short, "lease_until": None,
        "attempts": 0, "figures": dict(value.figures), "groups": [_group_out(each) for each in value.groups],
        "need": _packed(need=need.astype(np.float32)), "kept": None, "create_time": value.create_time,
        "end_time": value.end_time, "publish_time": value.publish_time, "publisher": value.publisher,
        "skill_plan_id": value.plan_id,
    }  # fmt: skip
    await tx.execute(insert(table).values(**row))


async def find(tx: Tx, schedule_id: str) -> Version | None:
    """One."""
    row = await tx.one_or_none(_with_count().where(_at(tx, schedule_id)))
    return _version(row) if row else None


async def need_of(tx: Tx, schedule_id: str) -> np.ndarray:
    """Groups by slots of the week, agents."""
    row = await tx.one(select(table.c.need).where(_at(tx, schedule_id)))
    with np.load(io.BytesIO(row["need"]), allow_pickle=False) as found:
        return found["need"].astype(float)


async def list_versions(tx: Tx, first: date | None, token: str, size: int) -> list[Version]:
    """Newest first, one more than `size`."""
    statement = _with_count().where(own(tx, table))
    if first is not None:
        statement = statement.where(table.c.first_day == first.isoformat())
    rows = await tx.all(keyset(statement, table.c.create_time, table.c.schedule_id, token, size))
    return [_version(row) for row in rows]


async def published(tx: Tx, firsts: Sequence[date]) -> list[Version]:
    """Of weeks, the versions that are published."""
    days = [each.isoformat() for each in firsts]
    rows = await tx.all(_with_count().where(own(tx, table), table.c.state == "PUBLISHED", table.c.first_day.in_(days)))
    return [_version(row) for row in rows]


async def drafts(tx: Tx, first: date) -> list[Version]:
    """Of a week, the versions that are drafts or become such, 50 at most."""
    mine = (own(tx, table), table.c.state.in_(("DRAFT", "RUNNING")), table.c.first_day == first.isoformat())
    rows = await tx.all(_with_count().where(*mine).order_by(table.c.number.desc()).limit(50))
    return [_version(row) for row in rows]


async def running_count(tx: Tx) -> int:
    """Versions of the tenant that are being made."""
    row = await tx.one(select(func.count().label("n")).where(own(tx, table), table.c.state == "RUNNING"))
    return int(row["n"])


async def change(tx: Tx, schedule_id: str, **values: Any) -> None:
    """Changes columns; a change of what people see counts its version up."""
    await tx.execute(update(table).where(_at(tx, schedule_id)).values(version=table.c.version + 1, **values))


async def remove(tx: Tx, schedule_id: str) -> None:
    """Removes a version with its shifts."""
    await tx.execute(delete(shift_rows).where(_of(tx, schedule_id)))
    await tx.execute(delete(table).where(_at(tx, schedule_id)))


async def tenants_with_work(tx: Tx, now: datetime) -> list[str]:
    """Of all tenants, those with a version to make that nobody makes."""
    rows = await tx.all(select(table.c.tenant_id).where(_free(now)).group_by(table.c.tenant_id).limit(10_000))
    return sorted(row["tenant_id"] for row in rows)


async def claim(tx: Tx, now: datetime, until: datetime) -> Version | None:
    """The tenant's version to make that was asked for first, ours until then."""
    row = await tx.one_or_none(
        select(table.c.schedule_id)
        .where(own(tx, table), _free(now))
        .order_by(table.c.spent_seconds, table.c.create_time, table.c.schedule_id)
        .limit(1)
    )
    if row is None:
        return None
    await tx.execute(
        update(table).where(_at(tx, row["schedule_id"])).values(lease_until=until, attempts=table.c.attempts + 1)
    )
    return await find(tx, row["schedule_id"])


async def note(tx: Tx, value: Version, **values: Any) -> Version | None:
    """Notes how the making goes, as long as it is ours; the version as it is, None when it isn't ours any more."""
    done = await tx.execute(
        update(table)
        .where(_at(tx, value.schedule_id), table.c.state == "RUNNING", table.c.lease_until == value.lease)
        .values(**values)
    )
    return await find(tx, value.schedule_id) if done.rowcount else None


async def kept_of(tx: Tx, schedule_id: str) -> tuple[Kept, str] | None:
    """Where its making stood at the end of the last turn, and what it was made of then."""
    row = await tx.one(select(table.c.kept).where(_at(tx, schedule_id)))
    if not row["kept"]:
        return None
    with np.load(io.BytesIO(row["kept"]), allow_pickle=False) as found:
        on, rows, prices = found["on"], found["weeks"], found["prices"]
        weeks: list[Week] = [{} for _ in range(len(on))]
        for agent, day, kind, start, *breaks in rows.tolist():
            pairs = tuple((breaks[at], breaks[at + 1]) for at in range(0, len(breaks), 2) if breaks[at] >= 0)
            weeks[agent][day] = Placed(kind, start, pairs)
        made_of = str(found["made_of"])
        kept = Kept(weeks, on, prices if prices.size else None, float(found["bound"]), int(found["ticks"]))
    return kept, made_of


def packed(kept: Kept, made_of: str) -> bytes:
    """What `kept_of` reads."""
    rows = []
    for agent, week in enumerate(kept.weeks):
        for day, placed in week.items():
            pairs = [part for pair in placed.breaks for part in pair]
            rows.append([agent, day, placed.kind, placed.start, *pairs, *[-1] * (12 - len(pairs))])
    prices = kept.prices if kept.prices is not None else np.zeros(0)
    return _packed(
        on=kept.on, weeks=np.array(rows, np.int32).reshape(-1, 16), prices=prices.astype(np.float32),
        bound=np.array(kept.bound), ticks=np.array(kept.ticks), made_of=np.array(made_of),
    )  # fmt: skip


async def put_shifts(tx: Tx, schedule_id: str, shifts: Iterable[Shift]) -> None:
    """Adds shifts."""
    rows = [_row(tx, schedule_id, each) for each in shifts]
    for at in range(0, len(rows), _CHUNK):
        await tx.execute(insert(shift_rows), rows[at : at + _CHUNK])


async def remove_shifts(tx: Tx, schedule_id: str, *, only: tuple[str, date] | None = None) -> int:
    """Removes all, or one agent's of a day; how many."""
    statement = delete(shift_rows).where(_of(tx, schedule_id))
    if only:
        statement = statement.where(shift_rows.c.user_id == only[0], shift_rows.c.day == only[1].isoformat())
    return int((await tx.execute(statement)).rowcount)


async def list_shifts(
    tx: Tx, schedule_id: str, user_ids: Sequence[str] | None = None, after: tuple[str, str] = ("", ""),
    most: int = 200_000,
) -> list[Shift]:  # fmt: skip
    """By agent and day, those after (agent, day)."""
    user, day = shift_rows.c.user_id, shift_rows.c.day
    statement = select(shift_rows).where(
        _of(tx, schedule_id), or_(user > after[0], and_(user == after[0], day > after[1]))
    )
    if user_ids is not None:
        statement = statement.where(user.in_(user_ids))
    return [_shift(row) for row in await tx.all(statement.order_by(user, day).limit(most))]


async def overlapping(
    tx: Tx, schedule_ids: Sequence[str], start: datetime, end: datetime, user_ids: Sequence[str] | None = None
) -> list[Shift]:
    """Shifts of these versions that touch [start, end), of everybody or of those named, by agent and day."""
    statement = select(shift_rows).where(
        own(tx, shift_rows), shift_rows.c.schedule_id.in_(schedule_ids), shift_rows.c.end_time > start,
        shift_rows.c.start_time < end,
    )  # fmt: skip
    if user_ids is not None:
        statement = statement.where(shift_rows.c.user_id.in_(user_ids))
    rows = await tx.all(statement.order_by(shift_rows.c.user_id, shift_rows.c.day))
    return [_shift(row) for row in rows]


async def lock(tx: Tx, schedule_id: str, keys: Sequence[tuple[str, date]], locked: bool) -> int:
    """Locks or unlocks shifts, all without keys; how many there were."""
    base = update(shift_rows).where(_of(tx, schedule_id)).values(locked=locked)
    if not keys:
        return int((await tx.execute(base)).rowcount)
    count = 0
    for user_id, day in keys:
        done = await tx.execute(base.where(shift_rows.c.user_id == user_id, shift_rows.c.day == day.isoformat()))
        count += int(done.rowcount)
    return count


async def published_shifts(tx: Tx, user_id: str, first: date, last: date) -> list[tuple[Version, list[Shift]]]:
    """One agent's shifts of published weeks whose Mondays lie in [first, last], oldest week first."""
    span = (table.c.first_day >= first.isoformat(), table.c.first_day <= last.isoformat())
    rows = await tx.all(
        _with_count().where(own(tx, table), table.c.state == "PUBLISHED", *span).order_by(table.c.first_day)
    )
    versions = [_version(row) for row in rows]
    found: dict[str, list[Shift]] = {each.schedule_id: [] for each in versions}
    mine = (own(tx, shift_rows), shift_rows.c.schedule_id.in_(list(found)), shift_rows.c.user_id == user_id)
    for row in await tx.all(select(shift_rows).where(*mine).order_by(shift_rows.c.day)):
        found[row["schedule_id"]].append(_shift(row))
    return [(each, found[each.schedule_id]) for each in versions]


def shift_out(value: Shift) -> dict[str, Any]:
    """A shift as a document keeps it; `shift_in` reads it."""
    kept = _parts(value)
    return {**kept, "user_id": value.agent_id, "start": seconds(value.start), "end": seconds(value.end)}


def shift_in(kept: Mapping[str, Any]) -> Shift:
    """What `shift_out` kept."""
    return _shift({**kept, "start_time": instant(kept["start"]), "end_time": instant(kept["end"])})


def _at(tx: Tx, schedule_id: str) -> Any:
    return and_(own(tx, table), table.c.schedule_id == schedule_id)


def _of(tx: Tx, schedule_id: str) -> Any:
    return and_(own(tx, shift_rows), shift_rows.c.schedule_id == schedule_id)


def _free(now: datetime) -> Any:
    return and_(table.c.state == "RUNNING", or_(table.c.lease_until.is_(None), table.c.lease_until < now))


def _with_count() -> Any:
    mine = and_(shift_rows.c.tenant_id == table.c.tenant_id, shift_rows.c.schedule_id == table.c.schedule_id)
    count = select(func.count()).where(mine).scalar_subquery().label("shift_count")
    wanted = [each for each in table.c if each.name not in ("need", "kept")]
    return select(*wanted, count)


def _packed(**arrays: np.ndarray) -> bytes:
    kept = io.BytesIO()
    np.savez_compressed(kept, **arrays)  # pyright: ignore[reportArgumentType]
    return kept.getvalue()


def _group_out(value: Group) -> dict[str, Any]:
    members = [[each.queue_id, each.channel] for each in value.members]
    return {"members": members, "agents": value.agents, "queue_ids": list(value.queue_ids)}


def _version(row: Mapping[Any, Any]) -> Version:
    groups = tuple(
        Group(
            tuple(SeriesKey(queue, channel) for queue, channel in each["members"]), each["agents"],
            tuple(each.get("queue_ids", ())),
        )
        for each in row["groups"]
    )  # fmt: skip
    return Version(
        row["schedule_id"], date.fromisoformat(row["first_day"]), row["number"], row["state"], row["version"],
        row["forecast_run_id"], row["base_schedule_id"], row["name"], row["time_zone"], row["agent_count"],
        row["fairness"], row["seed"], row["seconds"], groups, row["create_time"], row["spent_seconds"], row["stop"],
        row["cut_short"], row["lease_until"], row["attempts"], row["figures"], row["end_time"], row["publish_time"],
        row["shift_count"], row["publisher"], row["skill_plan_id"],
    )  # fmt: skip


def _row(tx: Tx, schedule_id: str, value: Shift) -> dict[str, Any]:
    return {
        "tenant_id": tx.tenant_id, "schedule_id": schedule_id, "user_id": value.agent_id,
        "start_time": value.start, "end_time": value.end, **_parts(value),
    }  # fmt: skip


def _parts(value: Shift) -> dict[str, Any]:
    return {
        "day": value.day.isoformat(),
        "breaks": [[seconds(each.start), seconds(each.end), each.paid] for each in value.breaks],
        "work": [[seconds(at), group] for at, group in value.work], "pattern_id": value.pattern_id,
        "locked": value.locked,
    }  # fmt: skip


def _shift(row: Mapping[Any, Any]) -> Shift:
    breaks = tuple(Break(instant(start), instant(end), paid) for start, end, paid in row["breaks"])
    work = tuple((instant(at), group) for at, group in row["work"])
    return Shift(
        row["user_id"], date.fromisoformat(row["day"]), row["start_time"], row["end_time"], breaks, row["pattern_id"],
        row["locked"], work,
    )  # fmt: skip

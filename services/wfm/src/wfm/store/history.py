"""Contacts, minute counters, imported intervals, queues and zones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.sql import Tx
from sqlalchemy import Table, and_, delete, func, null, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from wfm.domain.contacts import NAMES, Contact, Counters, Minute
from wfm.domain.imports import Imported
from wfm.domain.series import Interval
from wfm.store.tables import contact_rows, imported_intervals, minute_counters, queues, series_rows, tenants

PIECE = timedelta(minutes=15)
"""What history is read in: every zone's offset is a multiple of it."""
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_CHUNK = 1000
_COUNTED = ("offered", "answered", "abandoned", "handled", "handle_seconds")


@dataclass(frozen=True)
class SeriesKey:
    """A queue and channel that anything was counted of."""

    queue_id: str
    channel: str


async def contact(tx: Tx, contact_id: str) -> list[Contact]:
    """The contact, if it was heard of."""
    rows = await tx.all(
        select(contact_rows).where(contact_rows.c.tenant_id == tx.tenant_id, contact_rows.c.contact_id == contact_id)
    )
    return [_contact(row) for row in rows]


async def save_contact(tx: Tx, value: Contact, version: int) -> None:
    """Brings a contact's row to `value` unless a newer version is there."""
    await _forward(tx, contact_rows, {"tenant_id": tx.tenant_id, "version": version, **vars(value)}, "contact_id")


async def add_counters(tx: Tx, differences: Mapping[Minute, Counters]) -> None:
    """Adds to the counters of each minute; a queue and channel heard of for the first time becomes a series."""
    for minute, difference in sorted(differences.items()):
        row = {"tenant_id": tx.tenant_id, **vars(minute), **vars(difference)}
        statement = insert(minute_counters).values(**row)
        sums = {name: minute_counters.c[name] + statement.excluded[name] for name in NAMES}
        await tx.execute(
            statement.on_conflict_do_update(
                index_elements=["tenant_id", "queue_id", "channel", "start_time", "brand_id"], set_=sums
            )
        )
        await keep_series(tx, [SeriesKey(minute.queue_id, minute.channel)])


async def keep_series(tx: Tx, keys: Iterable[SeriesKey]) -> None:
    """Makes series of them that aren't yet."""
    rows = [{"tenant_id": tx.tenant_id, **vars(key)} for key in keys]
    if rows:
        await tx.execute(insert(series_rows).on_conflict_do_nothing(), rows)


async def series(tx: Tx, queue_ids: Sequence[str] = ()) -> list[SeriesKey]:
    """Queues and channels with a history, of deleted queues too."""
    statement = select(series_rows).where(series_rows.c.tenant_id == tx.tenant_id)
    if queue_ids:
        statement = statement.where(series_rows.c.queue_id.in_(queue_ids))
    rows = await tx.all(statement.order_by(series_rows.c.queue_id, series_rows.c.channel))
    return [SeriesKey(row["queue_id"], row["channel"]) for row in rows]


async def stretch(tx: Tx, key: SeriesKey) -> tuple[datetime, datetime] | None:
    """When the first and the last thing was counted or imported."""
    times: list[datetime] = []
    for table in (minute_counters, imported_intervals):
        mine = and_(table.c.tenant_id == tx.tenant_id, table.c.queue_id == key.queue_id, table.c.channel == key.channel)
        for order in (table.c.start_time, table.c.start_time.desc()):
            row = await tx.one_or_none(select(table.c.start_time).where(mine).order_by(order).limit(1))
            times += [row["start_time"]] if row else []
    return (min(times), max(times)) if times else None


async def history(tx: Tx, key: SeriesKey, start: datetime, end: datetime, brand_id: str = "") -> list[Interval]:
    """Quarter hours with anything in them, oldest first. What was imported hides what was counted beside it."""
    found: dict[datetime, list[float]] = {}
    for row in await _imported(tx, key, start, end):
        pieces = row["minutes"] // 15
        for at in range(pieces):
            sums = found.setdefault(row["start_time"] + at * PIECE, [0.0] * 5)
            if not brand_id or row["brand_id"] == brand_id:
                for place, name in enumerate(_COUNTED):
                    sums[place] += row[name] / pieces
    for row in await _counted(tx, key, start, end, brand_id):
        if row["piece"] not in found:
            found[row["piece"]] = [
                float(row["offered"]), float(row["answered"]), float(row["abandoned"]), float(row["handled"]),
                float(row["handle"]) / 1e6,
            ]  # fmt: skip
    return [
        Interval(at, sums[0], sums[3], sums[4], sums[2], sums[1])
        for at, sums in sorted(found.items())
        if start <= at < end
    ]


async def replace_imported(tx: Tx, lines: Sequence[Imported], minutes: int) -> None:
    """Puts imported counts into the place of earlier ones that touch the same time."""
    old = await overlapped(tx, lines, minutes)
    table = imported_intervals
    for at in range(0, len(old), _CHUNK):
        key = tuple_(table.c.queue_id, table.c.channel, table.c.start_time, table.c.brand_id)
        chunk = old[at : at + _CHUNK]
        await tx.execute(delete(table).where(table.c.tenant_id == tx.tenant_id, key.in_(chunk)))
    rows = [
        {
            "tenant_id": tx.tenant_id, "queue_id": line.place.queue_id, "channel": line.place.channel,
            "start_time": line.place.start, "brand_id": line.place.brand_id, "minutes": minutes,
            "offered": line.offered, "answered": line.answered, "abandoned": line.abandoned,
            "handled": line.handled, "handle_seconds": line.handle_seconds,
        }
        for line in lines
    ]  # fmt: skip
    for at in range(0, len(rows), _CHUNK):
        await tx.execute(insert(table), rows[at : at + _CHUNK])
    await keep_series(tx, sorted({SeriesKey(line.place.queue_id, line.place.channel) for line in lines}, key=str))


async def overlapped(tx: Tx, lines: Sequence[Imported], minutes: int) -> list[tuple[str, str, datetime, str]]:
    """Keys of imported intervals that touch the same time of the same client."""
    taken: dict[tuple[str, str, str], set[datetime]] = {}
    for line in lines:
        place = line.place
        pieces = taken.setdefault((place.queue_id, place.channel, place.brand_id), set())
        pieces.update(place.start + at * PIECE for at in range(minutes // 15))
    found: list[tuple[str, str, datetime, str]] = []
    for (queue_id, channel, brand_id), pieces in sorted(taken.items()):
        rows = await _imported(tx, SeriesKey(queue_id, channel), min(pieces), max(pieces) + PIECE)
        for row in rows:
            mine = {row["start_time"] + at * PIECE for at in range(row["minutes"] // 15)}
            if row["brand_id"] == brand_id and mine & pieces:
                found.append((queue_id, channel, row["start_time"], brand_id))
    return found


async def save_queue(
    tx: Tx, queue_id: str, display_name: str, version: int, helpers: Sequence[tuple[str, int]] = ()
) -> None:
    """Brings a queue's name forward, and whose agents may help after so many seconds. What is deleted stays so."""
    row = {
        "tenant_id": tx.tenant_id, "queue_id": queue_id, "version": version, "display_name": display_name,
        "deleted": False, "helpers": [list(each) for each in helpers],
    }  # fmt: skip
    await _forward(tx, queues, row, "queue_id", keep=("deleted",))


async def delete_queue(tx: Tx, queue_id: str) -> None:
    """Nothing brings a deleted queue back; its history stays."""
    row = {"tenant_id": tx.tenant_id, "queue_id": queue_id, "version": 0, "display_name": "", "deleted": True}
    statement = insert(queues).values(**row)
    await tx.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "queue_id"], set_={"deleted": True}))


async def queue_names(tx: Tx) -> dict[str, str]:
    """Names by id, of queues that are there."""
    rows = await tx.all(select(queues).where(queues.c.tenant_id == tx.tenant_id, queues.c.deleted.is_(False)))
    return {row["queue_id"]: row["display_name"] for row in rows}


async def queue_helpers(tx: Tx) -> dict[str, list[tuple[str, int]]]:
    """By queue, the queues whose agents may serve it after so many seconds of waiting."""
    rows = await tx.all(select(queues).where(queues.c.tenant_id == tx.tenant_id, queues.c.deleted.is_(False)))
    return {row["queue_id"]: [(queue_id, seconds) for queue_id, seconds in row["helpers"] or ()] for row in rows}


async def tenants_without_helpers(tx: Tx) -> list[str]:
    """All tenants with a queue of which nothing was heard since its helpers are kept. System."""
    unknown = (queues.c.helpers.is_(null()), queues.c.deleted.is_(False))
    rows = await tx.all(select(queues.c.tenant_id).where(*unknown).distinct().order_by(queues.c.tenant_id))
    return [row["tenant_id"] for row in rows]


async def learn_helpers(tx: Tx, helpers: Mapping[str, Sequence[tuple[str, int]]]) -> None:
    """Fills in what isn't known of queues: none for those that aren't named."""
    unknown = (queues.c.tenant_id == tx.tenant_id, queues.c.helpers.is_(null()))
    for row in await tx.all(select(queues.c.queue_id).where(*unknown)):
        said = [list(each) for each in helpers.get(row["queue_id"], ())]
        await tx.execute(update(queues).where(*unknown, queues.c.queue_id == row["queue_id"]).values(helpers=said))


async def save_time_zone(tx: Tx, time_zone: str, version: int) -> None:
    """The zone a tenant's days follow, unless a newer version of the tenant was heard of."""
    row = {"tenant_id": tx.tenant_id, "time_zone": time_zone, "version": version}
    statement = insert(tenants).values(**row)
    await tx.execute(
        statement.on_conflict_do_update(index_elements=["tenant_id"], set_=row, where=tenants.c.version < version)
    )


async def time_zone(tx: Tx) -> str:
    """The zone a tenant's days follow; UTC while unknown."""
    row = await tx.one_or_none(select(tenants.c.time_zone).where(tenants.c.tenant_id == tx.tenant_id))
    return row["time_zone"] if row else "UTC"


async def _imported(tx: Tx, key: SeriesKey, start: datetime, end: datetime) -> Sequence[Mapping[Any, Any]]:
    table = imported_intervals
    return await tx.all(
        select(table).where(
            table.c.tenant_id == tx.tenant_id,
            table.c.queue_id == key.queue_id,
            table.c.channel == key.channel,
            table.c.start_time > start - timedelta(hours=1),
            table.c.start_time < end,
        )
    )


async def _counted(
    tx: Tx, key: SeriesKey, start: datetime, end: datetime, brand_id: str
) -> Sequence[Mapping[Any, Any]]:
    table = minute_counters
    piece = func.date_bin(PIECE, table.c.start_time, _EPOCH)
    statement = select(piece.label("piece"), *(func.sum(table.c[name]).label(name) for name in NAMES)).where(
        table.c.tenant_id == tx.tenant_id,
        table.c.queue_id == key.queue_id,
        table.c.channel == key.channel,
        table.c.start_time >= start,
        table.c.start_time < end,
    )
    if brand_id:
        statement = statement.where(table.c.brand_id == brand_id)
    return await tx.all(statement.group_by("piece"))


async def _forward(tx: Tx, table: Table, row: Mapping[str, Any], key: str, keep: Sequence[str] = ()) -> None:
    statement = insert(table).values(**row)
    newer = {name: statement.excluded[name] for name in row if name not in ("tenant_id", key, *keep)}
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["tenant_id", key], set_=newer, where=table.c.version < statement.excluded.version
        )
    )


def _contact(row: Mapping[Any, Any]) -> Contact:
    return Contact(**{name: row[name] for name in Contact.__dataclass_fields__})

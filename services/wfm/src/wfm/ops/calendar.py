"""The calendar of special days."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from chassis.sql import Tx
from kernel.errors import Conflict, NotFound
from kernel.ids import new_id

from wfm.domain.calendar import SpecialDay, checked
from wfm.ops.history import require_queue
from wfm.store import calendar as store


class SpecialDayNotFound(NotFound):
    """No such special day."""

    reason = "SPECIAL_DAY_NOT_FOUND"


class VersionConflict(Conflict):
    """Somebody changed it meanwhile."""

    reason = "VERSION_CONFLICT"


async def list_special_days(tx: Tx, first: date | None, last: date | None) -> list[SpecialDay]:
    """Those that touch [first, last]."""
    return await store.list_special_days(tx, first, last)


async def create(tx: Tx, value: SpecialDay, now: datetime) -> SpecialDay:
    """Adds one."""
    made = replace(checked(value), special_day_id=new_id("spd", now), version=1)
    for queue_id in made.queue_ids:
        await require_queue(tx, queue_id)
    await store.insert_day(tx, made)
    return made


async def update(tx: Tx, value: SpecialDay) -> SpecialDay:
    """Changes one, whole."""
    known = await store.find(tx, value.special_day_id)
    if known is None:
        raise SpecialDayNotFound("no such special day")
    if known.version != value.version:
        raise VersionConflict("the special day was changed meanwhile: read it again")
    for queue_id in set(value.queue_ids) - set(known.queue_ids):
        await require_queue(tx, queue_id)
    changed = replace(checked(value), version=known.version + 1)
    await store.save(tx, changed)
    return changed


async def delete(tx: Tx, special_day_id: str) -> None:
    """Removes one."""
    if not await store.remove(tx, special_day_id):
        raise SpecialDayNotFound("no such special day")

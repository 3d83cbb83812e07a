"""Looking after business hours, and asking them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from kernel.errors import InvalidInput
from kernel.hours import Opening
from kernel.ids import new_id

from routing.domain.callbacks import CallbackState
from routing.domain.hours import (
    BusinessHours,
    BusinessHoursInUse,
    BusinessHoursNotFound,
    ComingDay,
    check_hours,
    coming_days,
    opening,
)
from routing.ledger import Ledger
from routing.ops.queues import require_version
from routing.store import callbacks as callback_store
from routing.store import hours as store
from routing.store import queues as queue_store


@dataclass(frozen=True)
class Preview:
    """What hours would be at a moment, and the holidays to come."""

    opening: Opening
    days: Sequence[ComingDay]


async def create_hours(tx: Ledger, draft: BusinessHours, now: datetime) -> BusinessHours:
    """New business hours."""
    hours = check_hours(replace(draft, business_hours_id=new_id("hrs", now), create_time=now, version=1))
    await store.add_hours(tx, hours)
    return hours


async def list_hours(tx: Ledger, size: int, token: str) -> list[BusinessHours]:
    """Newest first, one more than `size` when there is a next page."""
    return await store.page_of_hours(tx, size, token)


async def update_hours(
    tx: Ledger, business_hours_id: str, changes: Mapping[str, Any], version: int, now: datetime
) -> BusinessHours:
    """Change the named fields. Queues go by them from now on, and their callbacks in line are looked at at once: those
    were told when the hours before close."""
    before = await _hours(tx, business_hours_id)
    require_version(before.version, version)
    after = check_hours(replace(before, **changes, version=before.version + 1))
    await store.change_hours(tx, after, before.version, now)
    for queue in await queue_store.every_queue(tx):
        if queue.callbacks.business_hours_id == business_hours_id:
            await callback_store.look_again(tx, queue.queue_id, [CallbackState.WAITING], now)
    return after


async def delete_hours(tx: Ledger, business_hours_id: str) -> None:
    """Take them away. BusinessHoursInUse while a queue goes by them, or calls back within them."""
    for queue in await queue_store.every_queue(tx):
        if business_hours_id in (queue.business_hours_id, queue.callbacks.business_hours_id):
            goes = "goes by" if queue.business_hours_id == business_hours_id else "calls back within"
            raise BusinessHoursInUse(
                f"{queue.display_name} {goes} these hours: change that first", metadata={"queue_id": queue.queue_id}
            )
    if not await store.delete_hours(tx, business_hours_id):
        raise BusinessHoursNotFound("no such business hours")


async def check_opening(tx: Ledger, business_hours_id: str, at: datetime) -> Opening:
    """Whether they are open at that instant."""
    return opening(await _hours(tx, business_hours_id), at)


def preview(draft: BusinessHours, at: datetime, language: str) -> Preview:
    """What they would be, unsaved and even without a name. InvalidInput naming the field that makes no sense."""
    if len(language) > 35:
        raise InvalidInput.of("language", "is not the code of a language, such as az")
    hours = check_hours(replace(draft, display_name=draft.display_name or "unnamed"))
    return Preview(opening(hours, at), coming_days(hours, at, language))


async def _hours(tx: Ledger, business_hours_id: str) -> BusinessHours:
    hours = await store.find_hours(tx, business_hours_id)
    if hours is None:
        raise BusinessHoursNotFound("no such business hours")
    return hours

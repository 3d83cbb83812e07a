"""Looking after reasons of NOT_READY, and picking one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from kernel.ids import new_id

from routing.domain.presence import (
    DEFAULTS,
    MAX_REASONS,
    NotReadyReason,
    NotReadyReasonArchived,
    NotReadyReasonExists,
    NotReadyReasonNotFound,
    TooManyNotReadyReasons,
    check_reason,
)
from routing.ledger import Ledger
from routing.ops.queues import require_version
from routing.store import presence as store


async def create_reason(tx: Ledger, draft: NotReadyReason, now: datetime) -> NotReadyReason:
    """A new reason. NotReadyReasonExists, TooManyNotReadyReasons."""
    known = await list_reasons(tx, now)
    if len(known) >= MAX_REASONS:
        raise TooManyNotReadyReasons(f"there can be {MAX_REASONS} reasons, archived ones included")
    made = check_reason(replace(draft, not_ready_reason_id=new_id("nrr", now), create_time=now, version=1))
    _require_free(known, made)
    await store.add_reason(tx, made)
    return made


async def list_reasons(tx: Ledger, now: datetime) -> list[NotReadyReason]:
    """All, the oldest first, archived ones too. Who never had any gets those a tenant starts with."""
    return await store.every_reason(tx) or await _begin(tx, now)


async def update_reason(
    tx: Ledger, reason_id: str, changes: Mapping[str, Any], version: int, now: datetime
) -> NotReadyReason:
    """Change the named fields. NotReadyReasonNotFound, NotReadyReasonExists, VersionConflict."""
    known = await store.every_reason(tx)
    before = _found(known, reason_id)
    require_version(before.version, version)
    after = check_reason(replace(before, **changes, version=before.version + 1))
    _require_free(known, after)
    await store.change_reason(tx, after, before.version, now)
    return after


async def picked(tx: Ledger, reason: str, reason_id: str, now: datetime) -> tuple[str, str]:
    """What is kept of a reason that was picked: its text and, when it is one of the tenant's, its id.
    NotReadyReasonNotFound, NotReadyReasonArchived."""
    if reason_id:
        found = _found(await list_reasons(tx, now), reason_id)
        if found.archived:
            raise NotReadyReasonArchived(f"{found.display_name} is no longer in use: pick another reason")
        return found.display_name, reason_id
    key = reason.strip().casefold()
    named = [each for each in await list_reasons(tx, now) if each.name_key == key and not each.archived] if key else []
    return reason, named[0].not_ready_reason_id if named else ""


async def _begin(tx: Ledger, now: datetime) -> list[NotReadyReason]:
    # Listed in this order, and before any made now.
    times = [now - timedelta(milliseconds=number) for number in range(len(DEFAULTS), 0, -1)]
    begun = zip(times, DEFAULTS, strict=True)
    await store.add_missing(
        tx, [NotReadyReason(new_id("nrr", at), name, at, names, paid=paid) for at, (name, paid, names) in begun]
    )
    return await store.every_reason(tx)


def _found(known: list[NotReadyReason], reason_id: str) -> NotReadyReason:
    for each in known:
        if each.not_ready_reason_id == reason_id:
            return each
    raise NotReadyReasonNotFound("no such reason")


def _require_free(known: list[NotReadyReason], reason: NotReadyReason) -> None:
    others = (each for each in known if each.not_ready_reason_id != reason.not_ready_reason_id)
    if any(each.name_key == reason.name_key for each in others):
        raise NotReadyReasonExists("another reason has this name, maybe an archived one")

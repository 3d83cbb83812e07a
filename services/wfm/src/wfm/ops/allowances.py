"""Kinds of time off, and how many agents may be off at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from chassis.sql import Tx
from kernel.errors import InvalidInput, NotFound
from kernel.ids import new_id

from wfm.domain.time_off import Allowance, Kind, wrong_allowance, wrong_kind
from wfm.ops.calendar import VersionConflict
from wfm.ops.history import require_queue
from wfm.ops.time_off import look_again
from wfm.ops.workforce import TimeOffKindNotFound, WorkforceFull, WorkforceInUse
from wfm.store import time_off as store
from wfm.store import workforce


class TimeOffKindInvalid(InvalidInput):
    """A field of a kind is wrong."""

    reason = "TIME_OFF_KIND_INVALID"


class TimeOffAllowanceInvalid(InvalidInput):
    """A field of an allowance is wrong."""

    reason = "TIME_OFF_ALLOWANCE_INVALID"


class TimeOffAllowanceNotFound(NotFound):
    """No such allowance."""

    reason = "TIME_OFF_ALLOWANCE_NOT_FOUND"


async def list_kinds(tx: Tx) -> list[Kind]:
    """By name."""
    return await store.list_kinds(tx)


async def save_kind(tx: Tx, value: Kind, now: datetime) -> Kind:
    """Adds (without an id) or changes a kind; its unit stays."""
    if wrong := wrong_kind(value):
        raise TimeOffKindInvalid.of(f"time_off_kind.{wrong[0][0]}", wrong[0][1])
    if not value.kind_id:
        if len(await store.list_kinds(tx)) >= store.MOST:
            raise WorkforceFull(f"there are {store.MOST} kinds of time off already: change one, or remove one")
        made = replace(value, kind_id=new_id("tok", now), first_year=now.year, version=1)
        await store.save_kind(tx, made)
        return made
    known = await store.find_kind(tx, value.kind_id)
    if known is None:
        raise TimeOffKindNotFound("no such kind of time off")
    if known.version != value.version:
        raise VersionConflict("the kind was changed meanwhile: read it again")
    if known.unit is not value.unit:
        raise TimeOffKindInvalid.of("time_off_kind.unit", "can't be changed: amounts are counted in it")
    made = replace(value, first_year=known.first_year, version=known.version + 1)
    await store.save_kind(tx, made)
    return made


async def remove_kind(tx: Tx, kind_id: str) -> None:
    """Removes a kind nobody ever asked for and no contract gives."""
    if await store.kind_in_use(tx, kind_id):
        raise WorkforceInUse("agents have asked for it: archive it instead")
    for contract, _ in await workforce.list_contracts(tx):
        if any(each.kind_id == kind_id for each in contract.entitlements):
            raise WorkforceInUse(f"the contract {contract.name} gives it", metadata={"contract": contract.name})
    if not await store.remove_kind(tx, kind_id):
        raise TimeOffKindNotFound("no such kind of time off")


async def list_allowances(tx: Tx) -> list[Allowance]:
    """By name."""
    return await store.list_allowances(tx)


async def save_allowance(tx: Tx, value: Allowance, now: datetime) -> Allowance:
    """Adds (without an id) or changes an allowance; requests that wait are looked at anew."""
    if wrong := wrong_allowance(value):
        raise TimeOffAllowanceInvalid.of(f"time_off_allowance.{wrong[0][0]}", wrong[0][1])
    known = await store.find_allowance(tx, value.allowance_id) if value.allowance_id else None
    if value.allowance_id and known is None:
        raise TimeOffAllowanceNotFound("no such allowance")
    if known is not None and known.version != value.version:
        raise VersionConflict("the allowance was changed meanwhile: read it again")
    for queue_id in set(value.queue_ids) - set(known.queue_ids if known else ()):
        await require_queue(tx, queue_id)
    if known is None and len(await store.list_allowances(tx)) >= store.MOST:
        raise WorkforceFull(f"there are {store.MOST} allowances already: change one, or remove one")
    key = value.allowance_id or new_id("toa", now)
    made = replace(value, allowance_id=key, version=known.version + 1 if known else 1)
    await store.save_allowance(tx, made)
    await look_again(tx, now)
    return made


async def remove_allowance(tx: Tx, allowance_id: str) -> None:
    """Removes one."""
    if not await store.remove_allowance(tx, allowance_id):
        raise TimeOffAllowanceNotFound("no such allowance")

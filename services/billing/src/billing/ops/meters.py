"""Meters that operators define. They are the platform's: the verbs that write run in system transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chassis.sql import Tx
from kernel.errors import AlreadyExists

from billing.domain import meters as domain
from billing.domain.meters import BUILT_IN, Meter, MeterConflict, MeterFixed, MeterNotFound
from billing.store import meters as store


class MeterExists(AlreadyExists):
    """Another meter has this name."""

    reason = "METER_EXISTS"


operators_meters = store.list_meters


async def list_meters(tx: Tx) -> Sequence[Meter]:
    """Built-in meters first, then by name."""
    return [*BUILT_IN.values(), *(await store.list_meters(tx)).values()]


async def create_meter(tx: Tx, value: Meter) -> Meter:
    """Defines a meter. Raises `MeterInvalid`, `MeterFixed`, `MeterExists`."""
    domain.check(value)
    made = replace(value, version=1, archived=False)
    if not await store.insert_meter(tx, made):
        raise MeterExists(f"There is a meter {value.meter!r} already.")
    return made


async def update_meter(tx: Tx, meter: str, names: Mapping[str, str], archived: bool, version: int) -> Meter:
    """Changes what may change of a meter. Raises `MeterNotFound`, `MeterFixed`, `MeterConflict`."""
    if meter in BUILT_IN:
        raise MeterFixed("This meter is built in.")
    known = (await store.list_meters(tx)).get(meter)
    if known is None:
        raise MeterNotFound("There is no such meter.")
    if known.version != version:
        raise MeterConflict("Somebody changed the meter in between: read it again.")
    changed = replace(known, names=dict(names), archived=archived, version=version + 1)
    await store.save_meter(tx, changed)
    return changed

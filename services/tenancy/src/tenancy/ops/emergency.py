"""Emergency addresses: writing them down, letting the carrier judge them, giving numbers their own."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from chassis.paging import Page
from chassis.sql import Tx
from kernel.ids import new_id

from tenancy import convert
from tenancy.domain import emergency as rules
from tenancy.domain import people
from tenancy.domain.emergency import (
    CivicAddress,
    EmergencyAddress,
    EmergencyAddressInUse,
    EmergencyAddressNotFound,
)
from tenancy.domain.numbers import Number, NumberNotFound
from tenancy.ops.organisation import get_brand
from tenancy.store import porting, rows, tables

_LEASE = timedelta(minutes=2)
_AGAIN = timedelta(minutes=5)

due = porting.due_addresses


async def create(tx: Tx, brand_id: str, address: CivicAddress, now: datetime) -> EmergencyAddress:
    """Writes an address of a brand down. Raises `BrandNotFound`."""
    await get_brand(tx, brand_id)
    made = EmergencyAddress(new_id("ead", now), brand_id, rules.row_of(address), rules.PENDING, now, next_time=now)
    await rows.add(tx, tables.emergency_addresses, **vars(made))
    return made


async def list_addresses(tx: Tx, page: Page) -> tuple[list[EmergencyAddress], str]:
    """Addresses, newest first."""
    return await rows.page(
        tx, tables.emergency_addresses, EmergencyAddress, ("create_time", "emergency_address_id"), page
    )


async def update(tx: Tx, address_id: str, address: CivicAddress, version: int, now: datetime) -> EmergencyAddress:
    """Corrects an address. Raises `EmergencyAddressNotFound`, `VersionConflict`."""
    known = await _find(tx, address_id)
    people.check_version(version, known.version, "address")
    changed = replace(
        known, address=rules.row_of(address), state=rules.PENDING, problem="", validate_time=None, next_time=now,
        version=known.version + 1,
    )  # fmt: skip
    return await _save(tx, changed)


async def delete(tx: Tx, address_id: str) -> None:
    """Forgets an address. Raises `EmergencyAddressNotFound`, `EmergencyAddressInUse`."""
    await _find(tx, address_id)
    if await rows.count(tx, tables.numbers, tables.numbers.c.emergency_address_id == address_id):
        raise EmergencyAddressInUse("A number has this address: give it another one first.")
    await rows.remove(tx, tables.emergency_addresses, emergency_address_id=address_id)


async def give(tx: Tx, number: str, address_id: str) -> Number:
    """Gives a number its own address, or takes it away. Raises `NumberNotFound`, `EmergencyAddressNotFound`,
    `EmergencyAddressElsewhere`."""
    known = await rows.find(tx, tables.numbers, Number, number=number)
    if known is None:
        raise NumberNotFound(f"{number} isn't one of your numbers.")
    if address_id:
        rules.check_fits(await _find(tx, address_id), known)
    changed = replace(known, emergency_address_id=address_id, version=known.version + 1)
    values = {"emergency_address_id": address_id, "version": changed.version}
    await rows.change(tx, tables.numbers, {"number": number}, **values)
    tx.emit(convert.number_changed(changed), key=number)
    return changed


async def claim(tx: Tx, address_id: str, now: datetime) -> EmergencyAddress | None:
    """An address to be judged, for whoever asks first; None when there is nothing to ask any more."""
    known = await rows.find(tx, tables.emergency_addresses, EmergencyAddress, emergency_address_id=address_id)
    if known is None or known.next_time is None or known.next_time > now:
        return None
    return await _save(tx, replace(known, next_time=now + _LEASE))


async def judge(tx: Tx, asked: EmergencyAddress, problem: str, now: datetime) -> None:
    """Writes down what the carrier said, unless the address has been corrected since."""
    known = await rows.find(
        tx, tables.emergency_addresses, EmergencyAddress, emergency_address_id=asked.emergency_address_id
    )
    if known is None or known.version != asked.version:
        return
    state = rules.REFUSED if problem else rules.VALID
    await _save(tx, replace(known, state=state, problem=problem, validate_time=now, next_time=None))


async def ask_again(tx: Tx, asked: EmergencyAddress, now: datetime) -> None:
    """The carrier could not be reached."""
    key = {"emergency_address_id": asked.emergency_address_id, "version": asked.version}
    await rows.change(tx, tables.emergency_addresses, key, next_time=now + _AGAIN)


async def _find(tx: Tx, address_id: str) -> EmergencyAddress:
    known = await rows.find(tx, tables.emergency_addresses, EmergencyAddress, emergency_address_id=address_id)
    if known is None:
        raise EmergencyAddressNotFound("There is no such address.")
    return known


async def _save(tx: Tx, address: EmergencyAddress) -> EmergencyAddress:
    names = ("address", "state", "problem", "validate_time", "next_time", "version")
    values = {name: getattr(address, name) for name in names}
    await rows.change(tx, tables.emergency_addresses, {"emergency_address_id": address.emergency_address_id}, **values)
    return address

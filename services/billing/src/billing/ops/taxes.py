"""Tax rates of regions, companies' tax data. Rates are the platform's: they are written in system transactions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chassis.sql import Tx
from kernel.errors import Conflict, FailedPrecondition, InvalidInput, NotFound

from billing.domain.taxes import TaxData, TaxRate, Treatment
from billing.store import taxes as store

_REGION = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_CODE = re.compile(r"[a-z][a-z0-9_]{0,31}")
_LONGEST = 64


class TaxInvalid(InvalidInput):
    """A tax rate or tax data that can't be."""

    reason = "TAX_INVALID"


class TaxRateNotFound(NotFound):
    """No such tax rate."""

    reason = "TAX_RATE_NOT_FOUND"


class TaxRatesOverlap(FailedPrecondition):
    """A rate of the same tax is in force in the region at the same time."""

    reason = "TAX_RATES_OVERLAP"


class TaxDataConflict(Conflict):
    """Somebody changed the tax data in between."""

    reason = "VERSION_CONFLICT"


async def list_rates(tx: Tx, region: str) -> list[TaxRate]:
    """Tax rates by region, code and time; of one region or all."""
    return [each for each in await store.list_rates(tx) if region in ("", each.region)]


async def create_rate(tx: Tx, value: TaxRate) -> TaxRate:
    """Adds a tax rate. Raises `TaxInvalid`, `TaxRatesOverlap`."""
    if not _CODE.fullmatch(value.tax_code):
        raise TaxInvalid.of("tax_rate.tax_code", "must be lower-case letters, digits and _, up to 32")
    if not 1 <= len(value.name) <= _LONGEST:
        raise TaxInvalid.of("tax_rate.name", f"is required, up to {_LONGEST} characters")
    if not _REGION.fullmatch(value.region):
        raise TaxInvalid.of("tax_rate.region", "must be a country or a part of one (ISO 3166)")
    if value.percent > 100:
        raise TaxInvalid.of("tax_rate.percent", "must be 0 to 100")
    if value.end_time is not None and value.end_time <= value.start_time:
        raise TaxInvalid.of("tax_rate.end_time", "must be after start_time")
    _alone(value, await store.list_rates(tx))
    await store.insert_rate(tx, value)
    return value


async def end_rate(tx: Tx, tax_rate_id: str, end_time: datetime, now: datetime) -> TaxRate:
    """Lets a rate end at a moment to come. Raises `TaxRateNotFound`, `TaxInvalid`, `TaxRatesOverlap`."""
    rates = await store.list_rates(tx)
    known = next((each for each in rates if each.tax_rate_id == tax_rate_id), None)
    if known is None:
        raise TaxRateNotFound("There is no such tax rate.")
    # Invoices of what is over stand: an end in the past would change what they say when they are made again.
    if end_time <= now or end_time <= known.start_time:
        raise TaxInvalid.of("end_time", "must be to come, after the start")
    if known.end_time is not None and known.end_time <= now:
        raise TaxInvalid.of("end_time", "is over already")
    # A later end than before may reach into the time of the rate that followed: both would be charged.
    _alone(replace(known, end_time=end_time), rates)
    await store.end_rate(tx, tax_rate_id, end_time)
    return next(each for each in await store.list_rates(tx) if each.tax_rate_id == tax_rate_id)


async def tax_data(tx: Tx) -> tuple[TaxData, int]:
    """The company's tax data and its version, 0 before the first."""
    return await store.data(tx, tx.now()), await store.version(tx)


async def set_tax_data(tx: Tx, value: TaxData, version: int) -> tuple[TaxData, int]:
    """Changes the company's tax data. Raises `TaxInvalid`, `TaxDataConflict`."""
    if value.region and not _REGION.fullmatch(value.region):
        raise TaxInvalid.of("tax_data.region", "must be a country or a part of one (ISO 3166)")
    if len(value.tax_id) > _LONGEST:
        raise TaxInvalid.of("tax_data.tax_id", f"must be up to {_LONGEST} characters")
    if value.treatment == Treatment.REVERSE_CHARGE and not value.tax_id:
        raise TaxInvalid.of("tax_data.tax_id", "is required where the company accounts for the tax itself")
    if version != await store.version(tx):
        raise TaxDataConflict("Somebody changed the tax data in between: read it again.")
    await store.save_data(tx, value, version + 1)
    return value, version + 1


def _alone(value: TaxRate, rates: Sequence[TaxRate]) -> None:
    """Raises `TaxRatesOverlap` where another rate of the same tax is in force at the same time for the same lines."""
    for each in rates:
        same = (each.region, each.tax_code) == (value.region, value.tax_code) and each.tax_rate_id != value.tax_rate_id
        lines = not each.line_codes or not value.line_codes or set(each.line_codes) & set(value.line_codes)
        if same and lines and _overlap(each, value):
            raise TaxRatesOverlap(f"{each.name} is in force in {each.region} at the same time.")


def _overlap(one: TaxRate, other: TaxRate) -> bool:
    before = one.end_time is not None and one.end_time <= other.start_time
    after = other.end_time is not None and other.end_time <= one.start_time
    return not before and not after

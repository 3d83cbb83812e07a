"""The tenant and its brands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from chassis.paging import Page
from chassis.sql import Tx
from kernel.ids import new_id

from tenancy import convert
from tenancy.domain import fields, people
from tenancy.domain.call_rules import CallRules, check_call_rules
from tenancy.domain.numbers import Number
from tenancy.domain.people import Brand, BrandInUse, BrandNotFound, Tenant
from tenancy.domain.secrets import new_secret
from tenancy.ops import limits
from tenancy.ops.held import get_tenant, plan_of, plan_version_of
from tenancy.store import lookups, rows, tables


@dataclass(frozen=True)
class Draft:
    """A brand or tenant as somebody wrote it."""

    display_name: str = ""
    language: str = ""
    time_zone: str = ""
    widget_number: str = ""
    service_level_threshold_seconds: int = 0
    caller_number: str = ""
    call_rules: CallRules = field(default_factory=CallRules)


async def update_tenant(tx: Tx, draft: Draft, paths: tuple[str, ...], version: int) -> Tenant:
    """Changes name, language or time zone."""
    tenant = await get_tenant(tx)
    people.check_version(version, tenant.version, "company")
    checks = {
        "display_name": lambda: fields.name(draft.display_name, "tenant.display_name"),
        "language": lambda: fields.language(draft.language, "en", "tenant.language"),
        "time_zone": lambda: fields.time_zone(draft.time_zone, "UTC", "tenant.time_zone"),
    }
    changed = replace(tenant, **{path: checks[path]() for path in paths}, version=tenant.version + 1)
    await rows.change(tx, tables.tenants, {}, **_but(vars(changed), "tenant_id"))
    plan = await plan_version_of(tx, tenant)
    tx.emit(convert.tenant_changed(changed, plan.currency), key=tenant.tenant_id)
    return changed


async def create_brand(tx: Tx, draft: Draft, now: datetime) -> Brand:
    """Creates a brand. Raises `PlanLimitReached`."""
    tenant, plan = await get_tenant(tx), await plan_of(tx)
    await limits.take_room(tx, plan, "max_brands", await rows.count(tx, tables.brands), now)
    brand = Brand(
        brand_id=new_id("brd", now),
        display_name=fields.name(draft.display_name, "brand.display_name"),
        language=fields.language(draft.language, tenant.language, "brand.language"),
        time_zone=fields.time_zone(draft.time_zone, tenant.time_zone, "brand.time_zone"),
        widget_key=f"wgt_{new_secret(24)}",
        create_time=now,
        update_time=now,
        service_level_threshold_seconds=_threshold(draft.service_level_threshold_seconds),
        call_rules=check_call_rules(draft.call_rules).document(),
    )
    await rows.add(tx, tables.brands, **vars(brand))
    await lookups.add(tx, lookups.WIDGET, brand.widget_key, brand.brand_id)
    tx.emit(convert.brand_changed(brand), key=brand.brand_id)
    return brand


async def get_brand(tx: Tx, brand_id: str) -> Brand:
    """One brand. Raises `BrandNotFound`."""
    brand = await rows.find(tx, tables.brands, Brand, brand_id=brand_id)
    if brand is None:
        raise BrandNotFound(f"There is no brand {brand_id}.")
    return brand


async def only_brand(tx: Tx) -> Brand | None:
    """The tenant's brand when it has one; None when it has none or several."""
    found = await rows.every(tx, tables.brands)
    return rows.value_of(Brand, found[0]) if len(found) == 1 else None


async def list_brands(tx: Tx, page: Page) -> tuple[list[Brand], str]:
    """Brands, newest first."""
    return await rows.page(tx, tables.brands, Brand, ("create_time", "brand_id"), page)


async def update_brand(
    tx: Tx, brand_id: str, draft: Draft, paths: tuple[str, ...], version: int, now: datetime
) -> Brand:
    """Changes a brand. A widget number must be one of the tenant's that leads to the brand, a caller number one of the
    tenant's."""
    brand = await get_brand(tx, brand_id)
    people.check_version(version, brand.version, "brand")
    checks = {
        "display_name": lambda: fields.name(draft.display_name, "brand.display_name"),
        "language": lambda: fields.language(draft.language, "en", "brand.language"),
        "time_zone": lambda: fields.time_zone(draft.time_zone, "UTC", "brand.time_zone"),
        "widget_number": lambda: draft.widget_number,
        "service_level_threshold_seconds": lambda: _threshold(draft.service_level_threshold_seconds),
        "caller_number": lambda: draft.caller_number,
        "call_rules": lambda: check_call_rules(draft.call_rules).document(),
    }
    changed = replace(brand, **{path: checks[path]() for path in paths}, update_time=now, version=brand.version + 1)
    if "widget_number" in paths and changed.widget_number:
        number = await rows.get(tx, tables.numbers, number=changed.widget_number)
        if number is None or number["brand_id"] != brand_id:
            raise fields.FieldInvalid.of("brand.widget_number", "must be a number that leads to this brand")
    shown = changed.caller_number if "caller_number" in paths else ""
    if shown and shown != brand.caller_number:
        number = await rows.find(tx, tables.numbers, Number, number=shown)
        if number is None or not number.shown:
            why = "must be one of your numbers that may be shown: bound to a trunk and approved if you brought it"
            raise fields.FieldInvalid.of("brand.caller_number", why)
    await save_brand(tx, changed)
    return changed


async def save_brand(tx: Tx, brand: Brand) -> None:
    """Writes a changed brand and says so."""
    await rows.change(tx, tables.brands, {"brand_id": brand.brand_id}, **_but(vars(brand), "brand_id"))
    tx.emit(convert.brand_changed(brand), key=brand.brand_id)


async def point_widget(tx: Tx, brand: Brand, number: str, now: datetime) -> None:
    """Lets the brand's widget call another number; an empty one leads nowhere."""
    await save_brand(tx, replace(brand, widget_number=number, update_time=now, version=brand.version + 1))


async def show_no_more(tx: Tx, number: str, now: datetime) -> None:
    """No brand shows the number to those it calls: it is not the tenant's any more."""
    for row in await rows.every(tx, tables.brands, tables.brands.c.caller_number == number):
        brand = rows.value_of(Brand, row)
        await save_brand(tx, replace(brand, caller_number="", update_time=now, version=brand.version + 1))


async def delete_brand(tx: Tx, brand_id: str) -> None:
    """Deletes a brand nothing points at. Raises `BrandNotFound`, `BrandInUse`."""
    brand = await get_brand(tx, brand_id)
    if await rows.count(tx, tables.numbers, tables.numbers.c.brand_id == brand_id):
        raise BrandInUse("A number leads to this brand: release it or point it elsewhere first.")
    await rows.remove(tx, tables.brands, brand_id=brand_id)
    await lookups.remove(tx, lookups.WIDGET, brand.widget_key)


def _threshold(seconds: int) -> int:
    if not 0 <= seconds <= 3600:
        raise fields.FieldInvalid.of("brand.service_level_threshold_seconds", "must be 0 to 3600")
    return seconds or 20


def _but(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}

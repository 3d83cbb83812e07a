"""Numbers: choosing, pointing, releasing, and where a call leads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from chassis.sql import Tx

from tenancy import catalogue, convert
from tenancy.domain import people, plans
from tenancy.domain.numbers import Number, NumberNotFound, NumberTaken, WidgetNotFound
from tenancy.domain.people import Brand, BrandNotFound, Tenant
from tenancy.domain.plans import Plan
from tenancy.store import lookups, rows, tables


@dataclass(frozen=True)
class Route:
    """Where a call leads."""

    tenant_id: str
    brand: Brand
    number: Number
    plan: Plan


async def assign(tx: Tx, tenant_id: str, number: str, brand_id: str, flow_id: str, now: datetime) -> Number:
    """Takes a number for a brand. Raises `NumberTaken`, `NumberNotFound`, `BrandNotFound`, `PlanLimitReached`.

    One system transaction: the inventory belongs to nobody, the number then to the tenant.
    """
    brand = await _brand(tx, tenant_id, brand_id)
    plan = await _plan(tx, tenant_id)
    held = await tx.all(tables.numbers.select().where(tables.numbers.c.tenant_id == tenant_id))
    mine = next((row for row in held if row["number"] == number), None)
    if mine is not None and (mine["brand_id"], mine["flow_id"]) == (brand_id, flow_id):
        return rows.value_of(Number, mine)
    plans.check_room("numbers", plan.limits.max_numbers, len(held))
    claimed = await lookups.claim_number(tx, number, tenant_id)
    if claimed is None:
        if not await lookups.number_exists(tx, number):
            raise NumberNotFound(f"The inventory has no number {number}.")
        raise NumberTaken(f"{number} has just been taken: choose another one.")
    made = Number(number, claimed[0], claimed[1], brand_id, flow_id, now)
    await rows.add(tx, tables.numbers, tenant_id, **vars(made))
    await lookups.add(tx, lookups.NUMBER, number, tenant_id, number)
    tx.emit(convert.number_assigned(made), key=number, tenant_id=tenant_id)
    if not brand.widget_number:
        await _set_widget_number(tx, tenant_id, replace(brand, widget_number=number, version=brand.version + 1))
    return made


async def update(tx: Tx, number: str, brand_id: str, flow_id: str, paths: tuple[str, ...], version: int) -> Number:
    """Points a number at another flow or brand. Raises `NumberNotFound`, `BrandNotFound`, `VersionConflict`."""
    row = await rows.get(tx, tables.numbers, number=number)
    if row is None:
        raise NumberNotFound(f"{number} isn't one of your numbers.")
    known = rows.value_of(Number, row)
    people.check_version(version, known.version, "number")
    if "brand_id" in paths:
        await _brand(tx, tx.tenant_id, brand_id)
    news = {"brand_id": brand_id, "flow_id": flow_id}
    changed = replace(known, **{path: news[path] for path in paths}, version=known.version + 1)
    await rows.change(
        tx, tables.numbers, {"number": number}, brand_id=changed.brand_id, flow_id=changed.flow_id,
        version=changed.version,
    )  # fmt: skip
    tx.emit(convert.number_changed(changed), key=number)
    return changed


async def release(tx: Tx, tenant_id: str, number: str, now: datetime) -> None:
    """Gives a number back to the inventory. Raises `NumberNotFound`. System transaction."""
    row = await rows.get(tx, tables.numbers, tenant_id=tenant_id, number=number)
    if row is None:
        raise NumberNotFound(f"{number} isn't one of your numbers.")
    table = tables.numbers
    await tx.execute(table.delete().where(table.c.tenant_id == tenant_id, table.c.number == number))
    await lookups.remove(tx, lookups.NUMBER, number)
    await lookups.free_number(tx, number)
    brand_row = await rows.get(tx, tables.brands, tenant_id=tenant_id, brand_id=row["brand_id"])
    if brand_row is not None and brand_row["widget_number"] == number:
        brand = rows.value_of(Brand, brand_row)
        await _set_widget_number(tx, tenant_id, replace(brand, widget_number="", version=brand.version + 1))
    tx.emit(convert.number_released(number, now), key=number, tenant_id=tenant_id)


async def look_up(tx: Tx, number: str, widget_key: str) -> Route:
    """Where a call leads. Raises `NumberNotFound`, `WidgetNotFound`. System transaction."""
    if widget_key:
        found = await lookups.find(tx, lookups.WIDGET, widget_key)
        if found is None:
            raise WidgetNotFound("This widget isn't in use.")
        brand = await _brand(tx, found[0], found[1])
        row = await rows.get(tx, tables.numbers, tenant_id=found[0], number=brand.widget_number)
        # A brand without a number still has a name to show; its calls lead nowhere yet.
        held = rows.value_of(Number, row) if row else Number("", "", True, brand.brand_id)
        return Route(found[0], brand, held, await _plan(tx, found[0]))
    found = await lookups.find(tx, lookups.NUMBER, number)
    row = await rows.get(tx, tables.numbers, tenant_id=found[0], number=number) if found else None
    if found is None or row is None:
        raise NumberNotFound(f"Nobody answers {number}.")
    return Route(
        found[0], await _brand(tx, found[0], row["brand_id"]), rows.value_of(Number, row), await _plan(tx, found[0])
    )


async def _brand(tx: Tx, tenant_id: str, brand_id: str) -> Brand:
    row = await rows.get(tx, tables.brands, tenant_id=tenant_id, brand_id=brand_id)
    if row is None:
        raise BrandNotFound(f"There is no brand {brand_id}.")
    return rows.value_of(Brand, row)


async def _plan(tx: Tx, tenant_id: str) -> Plan:
    row = await rows.get(tx, tables.tenants, tenant_id=tenant_id)
    assert row is not None
    tenant = rows.value_of(Tenant, row)
    return catalogue.find(tenant.plan_id, tenant.plan_version)


async def _set_widget_number(tx: Tx, tenant_id: str, brand: Brand) -> None:
    key = {"tenant_id": tenant_id, "brand_id": brand.brand_id}
    await rows.change(tx, tables.brands, key, widget_number=brand.widget_number, version=brand.version)
    tx.emit(convert.brand_changed(brand), key=brand.brand_id, tenant_id=tenant_id)

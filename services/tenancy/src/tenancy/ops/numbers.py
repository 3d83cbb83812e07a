"""Numbers: choosing, pointing, releasing, and where a call leads.

`exists`, `free_to_bring`, `find_widget` and `find_number` look across tenants and run in system transactions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chassis.paging import Page
from chassis.sql import Tx

from tenancy import convert
from tenancy.domain import people
from tenancy.domain.emergency import EmergencyAddress, emergency_caller
from tenancy.domain.inventory import NumberEvent, Wanted, quarantine_end, type_of
from tenancy.domain.lookups import Found
from tenancy.domain.numbers import (
    Number,
    NumberInQuarantine,
    NumberNotBrought,
    NumberNotFound,
    NumbersTaken,
    NumberTaken,
    WidgetNotFound,
    country_of,
)
from tenancy.domain.people import Brand, Tenant
from tenancy.domain.plans import Plan
from tenancy.domain.port_orders import routed
from tenancy.domain.subscriptions import check_in_force
from tenancy.ops import limits
from tenancy.ops.held import held, plan_of
from tenancy.ops.organisation import get_brand, only_brand, point_widget, show_no_more
from tenancy.store import history, inventory, lookups, porting, rows, tables

_SHOWN_TAKEN = 10


@dataclass(frozen=True)
class Route:
    """Where a call leads, and what the tenant may use."""

    tenant: Tenant
    brand: Brand
    number: Number
    plan: Plan


async def exists(tx: Tx, number: str) -> None:
    """Raises `NumberNotFound` when the inventory never had the number."""
    if not await inventory.known(tx, number):
        raise NumberNotFound(f"The inventory has no number {number}.")


async def list_available(tx: Tx, wanted: Wanted, kept: bool, after: str, limit: int) -> list[Number]:
    """Numbers nobody holds, in order, from the one after `after`; `kept`: only those kept for the tenant."""
    return await inventory.list_free(tx, wanted, kept, after, limit)


async def list_numbers(tx: Tx, page: Page) -> tuple[list[Number], str]:
    """The tenant's numbers, last assigned first."""
    return await rows.page(tx, tables.numbers, Number, ("assign_time", "number"), page)


async def assign(tx: Tx, number: str, brand_id: str, flow_id: str, now: datetime) -> Number:
    """Takes a number for a brand. Raises `NumberTaken`, `BrandNotFound`, `PlanLimitReached`."""
    brand, plan = await get_brand(tx, brand_id), await plan_of(tx)
    if await rows.get(tx, tables.numbers, number=number) is not None:
        raise NumberTaken(f"{number} is yours already: point it elsewhere instead.")
    await limits.take_room(tx, plan, "max_numbers", await rows.count(tx, tables.numbers), now)
    claimed = await inventory.claim(tx, number)
    if claimed is None:
        raise NumberTaken(f"{number} has just been taken: choose another one.")
    made = replace(claimed, brand_id=brand_id, flow_id=flow_id, assign_time=now)
    await rows.add(tx, tables.numbers, **_row(made))
    await lookups.add(tx, lookups.NUMBER, number, number)
    await history.note(tx, [number], NumberEvent.ASSIGNED, now)
    tx.emit(convert.number_assigned(made), key=number)
    if not brand.widget_number:
        await point_widget(tx, brand, number, now)
    return made


async def free_to_bring(tx: Tx, tenant_id: str, numbers: Sequence[str]) -> None:
    """Raises `NumbersTaken` when some of the numbers are the installation's own, or another tenant's."""
    taken = await inventory.known_of(tx, numbers) or await lookups.known(tx, lookups.NUMBER, numbers, but=tenant_id)
    # A number that another company is having ported here is hers as soon as its carrier lets go.
    taken = taken or await lookups.known(tx, lookups.PORT, numbers, but=tenant_id)
    if taken:
        raise _taken(taken)


async def free_to_port(tx: Tx, tenant_id: str, numbers: Sequence[str]) -> None:
    """Raises `NumbersTaken` when some of the numbers are of the inventory and not the tenant's own, or lead to another
    tenant."""
    taken = await inventory.others_of(tx, numbers, but=tenant_id)
    for kind in (lookups.NUMBER, lookups.PORT):
        taken = taken or await lookups.known(tx, kind, numbers, but=tenant_id)
    if taken:
        raise _taken(taken)


async def bring(tx: Tx, draft: Number, numbers: Sequence[str], now: datetime) -> list[Number]:
    """Takes numbers the company brings, as the draft says where they lead: all or none. Raises `NumbersTaken`,
    `BrandNotFound`, `PlanLimitReached`."""
    brand, plan = await get_brand(tx, draft.brand_id), await plan_of(tx)
    mine = await rows.every(tx, tables.numbers, tables.numbers.c.number.in_(numbers))
    if mine:
        raise _taken(sorted(row["number"] for row in mine))
    await limits.take_room(tx, plan, "max_numbers", await rows.count(tx, tables.numbers), now, len(numbers))
    made = [
        replace(
            draft, number=each, country=country_of(each), test=False, brought=True, assign_time=now,
            type=type_of(each).name,
        )
        for each in sorted(numbers)
    ]  # fmt: skip
    await rows.add_all(tx, tables.numbers, [_row(each) for each in made])
    try:
        await lookups.add_all(tx, lookups.NUMBER, numbers)
    except lookups.ValueTaken as error:
        raise NumberTaken("Somebody has just taken one of these numbers.") from error
    await history.note(tx, numbers, NumberEvent.BROUGHT, now)
    for each in made:
        tx.emit(convert.number_assigned(each), key=each.number)
    if not brand.widget_number:
        await point_widget(tx, brand, made[0].number, now)
    return made


def _taken(numbers: Sequence[str]) -> NumbersTaken:
    shown = ", ".join(numbers[:_SHOWN_TAKEN])
    return NumbersTaken(f"These numbers are somebody's already: {shown}.", metadata={"numbers": shown})


async def update(
    tx: Tx, number: str, news: Mapping[str, str], paths: tuple[str, ...], version: int, now: datetime
) -> Number:
    """Points a number at another flow or brand, or binds it to another trunk. Raises `NumberNotFound`, `BrandNotFound`,
    `NumberNotBrought`, `VersionConflict`."""
    known = await _held(tx, number)
    people.check_version(version, known.version, "number")
    if "trunk_id" in paths and news["trunk_id"] and not known.brought:
        raise NumberNotBrought(f"{number} is the platform's: calls with it go over any trunk.")
    changed = replace(known, **{path: news[path] for path in paths}, version=known.version + 1)
    if changed.brand_id != known.brand_id:
        brand = await get_brand(tx, changed.brand_id)
        await _leave_brand(tx, known, now)
        if not brand.widget_number:
            await point_widget(tx, brand, number, now)
    values = {path: getattr(changed, path) for path in ("brand_id", "flow_id", "trunk_id", "version")}
    await rows.change(tx, tables.numbers, {"number": number}, **values)
    tx.emit(convert.number_changed(changed), key=number)
    return changed


async def approve(tx: Tx, numbers: Sequence[str], approved: bool, now: datetime) -> list[Number]:
    """Lets calls out show numbers the tenant brought, or no more: all or none. Raises `NumberNotFound`,
    `NumberNotBrought`."""
    changed: list[Number] = []
    for each in sorted(set(numbers)):
        known = await _held(tx, each)
        if not known.brought:
            raise NumberNotBrought(f"{each} is the platform's: there is nothing to approve.")
        if bool(known.approve_time) != approved:
            known = replace(known, approve_time=now if approved else None, version=known.version + 1)
            values = {"approve_time": known.approve_time, "version": known.version}
            await rows.change(tx, tables.numbers, {"number": each}, **values)
            tx.emit(convert.number_changed(known), key=each)
            if not approved:
                await show_no_more(tx, each, now)
        changed.append(known)
    return changed


async def release(tx: Tx, number: str, now: datetime, quarantine_days: int = 0) -> None:
    """Gives a number back to the inventory, where it rests for so many days, or lets one that was brought go. Raises
    `NumberNotFound`."""
    known = await _held(tx, number)
    await released(tx, known, now)
    until = None if known.brought else quarantine_end(known.test, quarantine_days, now)
    await inventory.free(tx, number, until)
    note = f"{until.isoformat(timespec='minutes')}" if until else ""
    await history.note(tx, [number], NumberEvent.RELEASED, now, note=note)


async def released(tx: Tx, known: Number, now: datetime) -> None:
    """Takes a number from the tenant, wherever it goes."""
    number = known.number
    await rows.remove(tx, tables.numbers, number=number)
    await lookups.remove(tx, lookups.NUMBER, number)
    await _leave_brand(tx, known, now)
    await show_no_more(tx, number, now)
    tx.emit(convert.number_released(number, now), key=number)


async def find_widget(tx: Tx, widget_key: str) -> Found:
    """Whose widget it is, and of which brand. Raises `WidgetNotFound`."""
    found = await lookups.find(tx, lookups.WIDGET, widget_key)
    if found is None:
        raise WidgetNotFound("This widget isn't in use.")
    return found


async def find_number(tx: Tx, number: str) -> Found:
    """Who holds the number, or is having it ported here: of that one the target is the order. Raises `NumberNotFound`,
    `NumberInQuarantine`."""
    found = await lookups.find(tx, lookups.NUMBER, number) or await lookups.find(tx, lookups.PORT, number)
    if found is None:
        rests = await inventory.find(tx, number)
        if rests is not None and rests.state == "QUARANTINE":
            raise NumberInQuarantine(f"{number} was given back: nobody answers it.")
        raise NumberNotFound(f"Nobody answers {number}.")
    return found


async def route_of_widget(tx: Tx, brand_id: str) -> Route:
    """Where the calls of a brand's widget lead."""
    brand = await get_brand(tx, brand_id)
    number = await rows.find(tx, tables.numbers, Number, number=brand.widget_number)
    # A brand without a number still has a name to show; its calls lead nowhere yet.
    return await _route(tx, brand, number or Number("", "", True, brand_id))


async def route_of_number(tx: Tx, number: str) -> Route:
    """Where the calls of a dialed number lead. Raises `NumberNotFound`."""
    known = await rows.find(tx, tables.numbers, Number, number=number) or await _coming(tx, number)
    return await _route(tx, await get_brand(tx, known.brand_id), known)


@dataclass(frozen=True)
class CallerNumbers:
    """What the tenant may show when it calls out, and what it may use."""

    tenant: Tenant
    brand: Brand | None
    numbers: list[Number]
    plan: Plan
    emergency: tuple[Number, EmergencyAddress | None] | None = None
    """The number to show in an emergency call in the brand's name, and where help would be sent; None: there is none.
    """


async def caller_numbers(tx: Tx, brand_id: str) -> CallerNumbers:
    """Every number the tenant may show, and the brand in whose name it calls: its only one when none is named. Raises
    `BrandNotFound`, `SubscriptionPaused`."""
    mine = await held(tx)
    check_in_force(mine.subscription)
    brand = await (get_brand(tx, brand_id) if brand_id else only_brand(tx))
    numbers = [rows.value_of(Number, row) for row in await rows.every(tx, tables.numbers)]
    shown = sorted((each for each in numbers if each.shown), key=lambda each: each.number)
    emergency = None
    if brand is not None:
        own = [each for each in shown if each.brand_id == brand.brand_id]
        table = tables.emergency_addresses
        found = await rows.every(tx, table, table.c.brand_id == brand.brand_id)
        addresses = [rows.value_of(EmergencyAddress, row) for row in found]
        emergency = emergency_caller(own, addresses, brand.shown_number)
    return CallerNumbers(mine.tenant, brand, shown, mine.entitled, emergency)


async def _route(tx: Tx, brand: Brand, number: Number) -> Route:
    found = await held(tx)
    return Route(found.as_calls_see_it, brand, number, found.entitled)


async def _held(tx: Tx, number: str) -> Number:
    known = await rows.find(tx, tables.numbers, Number, number=number)
    if known is None:
        raise NumberNotFound(f"{number} isn't one of your numbers.")
    return known


async def _coming(tx: Tx, number: str) -> Number:
    # A call that our own carrier hands over says by itself that the number has been switched, whatever was heard yet.
    found = await lookups.find(tx, lookups.PORT, number)
    stored = await porting.find(tx, found.target) if found else None
    if stored is None or not routed(stored.order):
        raise NumberNotFound(f"Nobody answers {number}.")
    order = stored.order
    return Number(number, order.country, False, order.brand_id, order.flow_id, voice=True, ported=True)


def _row(number: Number) -> dict[str, Any]:
    return {name: value for name, value in vars(number).items() if name not in ("kept", "kept_until")}


async def _leave_brand(tx: Tx, number: Number, now: datetime) -> None:
    brand = await rows.find(tx, tables.brands, Brand, brand_id=number.brand_id)
    if brand is not None and brand.widget_number == number.number:
        await point_widget(tx, brand, "", now)

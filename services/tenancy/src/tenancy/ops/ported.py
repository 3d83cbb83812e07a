"""Numbers that come from another carrier, or go to one, at the moment they do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from chassis.sql import Tx

from tenancy import convert
from tenancy.domain.inventory import NumberEvent, Stock, type_of
from tenancy.domain.numbers import Number, country_of
from tenancy.domain.people import Brand
from tenancy.domain.port_orders import PortOrder
from tenancy.ops.numbers import released
from tenancy.ops.organisation import point_widget
from tenancy.store import history, inventory, lookups, rows, tables


async def come(tx: Tx, order: PortOrder, now: datetime) -> None:
    """Makes an order's numbers the tenant's: they are of the inventory now, whether she brought them before or not.
    Raises `lookups.ValueTaken` when one of them is somebody else's; the transaction is lost then."""
    mine = {
        row["number"]: rows.value_of(Number, row)
        for row in await rows.every(tx, tables.numbers, tables.numbers.c.number.in_(order.texts))
    }
    made = [_ported(each, order, mine.get(each), now) for each in order.texts]
    for each in made:
        values = {name: getattr(each, name) for name in _COLUMNS}
        if each.number in mine:
            await rows.change(tx, tables.numbers, {"number": each.number}, **values)
        else:
            await rows.add(tx, tables.numbers, number=each.number, **values)
            await lookups.add(tx, lookups.NUMBER, each.number, each.number)
    stock = [Stock(each.number, each.country, each.type, sms=each.sms, price_class=each.price_class) for each in made]
    await inventory.take(tx, stock)
    await history.note(tx, order.texts, NumberEvent.PORTED_IN, now)
    for each in made:
        tx.emit(convert.number_assigned(each), key=each.number)
    brand = await rows.find(tx, tables.brands, Brand, brand_id=order.brand_id)
    if brand is not None and not brand.widget_number:
        await point_widget(tx, brand, made[0].number, now)


async def carry_texts(tx: Tx, order: PortOrder) -> None:
    """Text messages to an order's numbers come here from now on, to those that are the tenant's."""
    for number in order.texts:
        known = await rows.find(tx, tables.numbers, Number, number=number)
        if known is None or known.sms:
            continue
        row = {"sms": True, "version": known.version + 1}
        await rows.change(tx, tables.numbers, {"number": number}, **row)
        await inventory.carry_texts(tx, number)
        changed = await rows.find(tx, tables.numbers, Number, number=number)
        if changed is not None:
            tx.emit(convert.number_changed(changed), key=number)


async def go(tx: Tx, numbers: Sequence[str], now: datetime) -> None:
    """Lets numbers of the tenant go to another carrier; those she doesn't hold any more are gone already."""
    for number in numbers:
        known = await rows.find(tx, tables.numbers, Number, number=number)
        if known is None:
            continue
        await released(tx, known, now)
        await inventory.let_go(tx, number)
        await history.note(tx, [number], NumberEvent.PORTED_OUT, now)


_COLUMNS = (
    "country", "test", "brand_id", "flow_id", "assign_time", "version", "brought", "trunk_id", "approve_time", "type",
    "voice", "sms", "fax", "emergency", "price_class", "ported", "emergency_address_id",
)  # fmt: skip


def _ported(number: str, order: PortOrder, known: Number | None, now: datetime) -> Number:
    kind = type_of(number)
    texts = order.lane("SMS")
    return Number(
        number,
        country_of(number),
        False,
        known.brand_id if known else order.brand_id,
        known.flow_id if known else order.flow_id,
        now,
        known.version + 1 if known else 1,
        type=kind.name,
        voice=True,
        sms=texts is not None and texts.port_time is not None,
        price_class=kind.value,
        ported=True,
        emergency_address_id=known.emergency_address_id if known else "",
    )

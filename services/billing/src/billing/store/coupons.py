"""Queries on coupons, which are the platform's, and on who redeemed them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.paging import keyset, page_size
from chassis.sql import Tx
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from billing.domain.discounts import Coupon, Frequency
from billing.store.charge_tables import coupons, redemptions


@dataclass(frozen=True)
class KeptCoupon:
    """A coupon with who may still redeem it."""

    coupon: Coupon
    redeem_until: datetime | None
    max_redemptions: int
    """0: any number."""
    redemption_count: int
    archived: bool
    create_time: datetime
    version: int


async def insert_coupon(tx: Tx, value: KeptCoupon) -> bool:
    """Adds a coupon; False when its code is taken."""
    each = value.coupon
    row = {
        "coupon_id": each.coupon_id, "code": each.code, "name": each.name, "frequency": each.frequency.value,
        "percent": each.percent, "amount": each.amount, "currency": each.currency, "periods": each.periods,
        "rates": list(each.rates), "redeem_until": value.redeem_until, "max_redemptions": value.max_redemptions,
        "redemption_count": value.redemption_count, "archived": value.archived, "create_time": value.create_time,
        "version": value.version,
    }  # fmt: skip
    return bool((await tx.execute(insert(coupons).values(**row).on_conflict_do_nothing())).rowcount)


async def find(tx: Tx, *, coupon_id: str = "", code: str = "") -> KeptCoupon | None:
    """A coupon by its id or code."""
    which = coupons.c.coupon_id == coupon_id if coupon_id else coupons.c.code == code
    row = await tx.one_or_none(select(coupons).where(which))
    return _kept(row) if row else None


async def save(tx: Tx, value: KeptCoupon) -> None:
    """How often it was redeemed and whether it still can be."""
    await tx.execute(
        update(coupons)
        .where(coupons.c.coupon_id == value.coupon.coupon_id)
        .values(redemption_count=value.redemption_count, archived=value.archived, version=value.version)
    )


async def page(tx: Tx, size: int, token: str) -> tuple[list[KeptCoupon], bool]:
    """A page of coupons, newest first, and whether there is more."""
    wanted = page_size(size)
    rows = await tx.all(keyset(select(coupons), coupons.c.create_time, coupons.c.coupon_id, token, wanted))
    return [_kept(row) for row in rows[:wanted]], len(rows) > wanted


async def redeem(tx: Tx, tenant_id: str, coupon_id: str, time: datetime) -> bool:
    """Gives a company a coupon from `time` on; False when it has it already."""
    row = {"tenant_id": tenant_id, "coupon_id": coupon_id, "redeem_time": time, "record_time": tx.now()}
    return bool((await tx.execute(insert(redemptions).values(**row).on_conflict_do_nothing())).rowcount)


async def redeemed(tx: Tx, cutoff: datetime) -> list[tuple[Coupon, datetime]]:
    """The coupons a company has, of what was heard of until `cutoff`, each with when it was redeemed."""
    rows = await tx.all(
        select(coupons, redemptions.c.redeem_time)
        .join(redemptions, redemptions.c.coupon_id == coupons.c.coupon_id)
        .where(redemptions.c.tenant_id == tx.tenant_id, redemptions.c.record_time <= cutoff)
        .order_by(redemptions.c.redeem_time, redemptions.c.coupon_id)
    )
    return [(_kept(row).coupon, row["redeem_time"]) for row in rows]


def _kept(row: Mapping[Any, Any]) -> KeptCoupon:
    coupon = Coupon(
        row["coupon_id"], row["code"], row["name"], Frequency(row["frequency"]), row["percent"], row["amount"],
        row["currency"], row["periods"], tuple(row["rates"]),
    )  # fmt: skip
    return KeptCoupon(
        coupon, row["redeem_until"], row["max_redemptions"], row["redemption_count"], row["archived"],
        row["create_time"], row["version"],
    )  # fmt: skip

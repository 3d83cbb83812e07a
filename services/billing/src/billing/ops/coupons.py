"""Making, giving and redeeming coupons. They are the platform's: the verbs that write run in system transactions."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from chassis.paging import Page, encode_token
from chassis.sql import Tx
from kernel.errors import AlreadyExists, Conflict, FailedPrecondition, InvalidInput, NotFound
from kernel.money import minor_digits

from billing.domain.discounts import Coupon, Frequency
from billing.domain.money import currency
from billing.store import coupons as store
from billing.store.coupons import KeptCoupon

_CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{2,39}")
_LONGEST_NAME, _MOST_PERIODS, _MOST_RATES = 64, 120, 50


class CouponInvalid(InvalidInput):
    """A coupon that can't be."""

    reason = "COUPON_INVALID"


class CouponExists(AlreadyExists):
    """Another coupon has this code."""

    reason = "COUPON_EXISTS"


class CouponHeld(AlreadyExists):
    """The company has this coupon already."""

    reason = "COUPON_HELD"


class CouponNotFound(NotFound):
    """No such coupon."""

    reason = "COUPON_NOT_FOUND"


class CouponSpent(FailedPrecondition):
    """Nobody can redeem the coupon any more."""

    reason = "COUPON_SPENT"


class CouponConflict(Conflict):
    """Somebody changed the coupon in between."""

    reason = "VERSION_CONFLICT"


async def create_coupon(tx: Tx, value: KeptCoupon) -> KeptCoupon:
    """Makes a coupon. Raises `CouponInvalid`, `CurrencyUnknown`, `CouponExists`."""
    _check(value)
    if not await store.insert_coupon(tx, value):
        raise CouponExists(f"There is a coupon {value.coupon.code} already.")
    return value


async def list_coupons(tx: Tx, page: Page) -> tuple[list[KeptCoupon], str]:
    """A page of coupons, newest first, and the token of the next."""
    found, more = await store.page(tx, page.size, page.token)
    return found, encode_token(found[-1].create_time, found[-1].coupon.coupon_id) if more else ""


async def archive_coupon(tx: Tx, coupon_id: str, version: int) -> KeptCoupon:
    """Lets nobody redeem it any more. Raises `CouponNotFound`, `CouponConflict`."""
    known = await store.find(tx, coupon_id=coupon_id)
    if known is None:
        raise CouponNotFound("There is no such coupon.")
    if known.version != version:
        raise CouponConflict("Somebody changed the coupon in between: read it again.")
    changed = replace(known, archived=True, version=version + 1)
    await store.save(tx, changed)
    return changed


async def redeem(tx: Tx, tenant_id: str, now: datetime, *, coupon_id: str = "", code: str = "") -> KeptCoupon:
    """Gives a company a coupon from `now` on. Raises `CouponNotFound`, `CouponSpent`, `CouponHeld`."""
    known = await store.find(tx, coupon_id=coupon_id, code=code.strip().upper())
    if known is None:
        raise CouponNotFound("There is no such coupon.")
    late = known.redeem_until is not None and now >= known.redeem_until
    if known.archived or late or 0 < known.max_redemptions <= known.redemption_count:
        raise CouponSpent("This coupon can't be redeemed any more.")
    if not await store.redeem(tx, tenant_id, known.coupon.coupon_id, now):
        raise CouponHeld("The company has this coupon already.")
    changed = replace(known, redemption_count=known.redemption_count + 1, version=known.version + 1)
    await store.save(tx, changed)
    return changed


async def list_redeemed(tx: Tx) -> list[tuple[Coupon, datetime]]:
    """The coupons the company has, oldest first."""
    return await store.redeemed(tx, tx.now())


def _check(value: KeptCoupon) -> None:
    each = value.coupon
    if not _CODE.fullmatch(each.code):
        raise CouponInvalid.of("coupon.code", "must be 3 to 40 capital letters, digits and -")
    if not 1 <= len(each.name) <= _LONGEST_NAME:
        raise CouponInvalid.of("coupon.name", f"is required, up to {_LONGEST_NAME} characters")
    if bool(each.percent) == bool(each.amount):
        raise CouponInvalid.of("coupon.percent", "or amount is required, one of both")
    if not Decimal(0) <= each.percent <= Decimal(100):
        raise CouponInvalid.of("coupon.percent", "must be above 0 and at most 100")
    if each.amount:
        digits = minor_digits(currency(each.currency, "coupon.amount.currency"))
        # What is less than the smallest coin would be taken off nothing, and said to be.
        if each.amount != round(each.amount, digits):
            raise CouponInvalid.of("coupon.amount", f"has more than {digits} digits after the point")
    if each.frequency == Frequency.REPEATING and not 1 <= each.periods <= _MOST_PERIODS:
        raise CouponInvalid.of("coupon.periods", f"must be 1 to {_MOST_PERIODS}")
    if len(each.rates) > _MOST_RATES or not all(0 < len(rate) <= _LONGEST_NAME for rate in each.rates):
        raise CouponInvalid.of("coupon.rates", f"must be at most {_MOST_RATES} rates or meters")
    if value.max_redemptions < 0:
        raise CouponInvalid.of("coupon.max_redemptions", "must not be negative")
    if value.redeem_until is not None and value.redeem_until <= value.create_time:
        raise CouponInvalid.of("coupon.redeem_until_time", "is over already")

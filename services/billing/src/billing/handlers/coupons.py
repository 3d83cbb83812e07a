"""Coupons: operators make them, companies redeem them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from chassis.auth import principal
from chassis.instants import time_in, time_out
from chassis.paging import Page
from chassis.sql import Database, Tx
from kernel.ids import new_id, require_id, require_request_id
from kernel.money import minor_digits
from merkez.billing.v1 import coupon_pb2, coupon_service_pb2, coupon_service_pb2_grpc
from merkez.type.v1 import money_pb2

from billing.domain.discounts import Coupon, Frequency
from billing.domain.money import exact
from billing.ops import coupons as ops
from billing.ops.coupons import KeptCoupon

_FREQUENCIES = {
    coupon_pb2.COUPON_FREQUENCY_ONCE: Frequency.ONCE,
    coupon_pb2.COUPON_FREQUENCY_REPEATING: Frequency.REPEATING,
    coupon_pb2.COUPON_FREQUENCY_FOREVER: Frequency.FOREVER,
}
_NUMBERS = {value: key for key, value in _FREQUENCIES.items()}


class Coupons(coupon_service_pb2_grpc.CouponServiceServicer):
    """merkez.billing.v1.CouponService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def CreateCoupon(self, request: coupon_service_pb2.CreateCouponRequest, context: Any) -> coupon_pb2.Coupon:
        request_id, value = require_request_id(request.request_id), _made(request.coupon, self._db.clock.now())

        async def work(tx: Tx) -> coupon_pb2.Coupon:
            async def create() -> coupon_pb2.Coupon:
                return _kept(await ops.create_coupon(tx, value))

            return await tx.once(request_id, "CreateCoupon", request, coupon_pb2.Coupon, create)

        return await self._db.system(work)

    async def ListCoupons(
        self, request: coupon_service_pb2.ListCouponsRequest, context: Any
    ) -> coupon_service_pb2.ListCouponsResponse:
        page = Page(request.page_size, request.page_token)
        found, token = await self._db.system(lambda tx: ops.list_coupons(tx, page), read_only=True)
        return coupon_service_pb2.ListCouponsResponse(coupons=[_kept(each) for each in found], next_page_token=token)

    async def ArchiveCoupon(self, request: coupon_service_pb2.ArchiveCouponRequest, context: Any) -> coupon_pb2.Coupon:
        coupon_id = require_id("cpn", request.coupon_id, "coupon_id")
        return _kept(await self._db.system(lambda tx: ops.archive_coupon(tx, coupon_id, request.version)))

    async def GiveCoupon(
        self, request: coupon_service_pb2.GiveCouponRequest, context: Any
    ) -> coupon_service_pb2.RedeemedCoupon:
        require_id("ten", request.tenant_id, "tenant_id")
        coupon_id = require_id("cpn", request.coupon_id, "coupon_id")
        return await self._redeem(request, request.request_id, request.tenant_id, coupon_id=coupon_id)

    async def RedeemCoupon(
        self, request: coupon_service_pb2.RedeemCouponRequest, context: Any
    ) -> coupon_service_pb2.RedeemedCoupon:
        return await self._redeem(request, request.request_id, principal().tenant_id, code=request.code)

    async def ListRedeemedCoupons(
        self, request: coupon_service_pb2.ListRedeemedCouponsRequest, context: Any
    ) -> coupon_service_pb2.ListRedeemedCouponsResponse:
        found = await self._db.run(principal().tenant_id, ops.list_redeemed, read_only=True)
        return coupon_service_pb2.ListRedeemedCouponsResponse(coupons=[_redeemed(*each) for each in found])

    async def _redeem(
        self, request: Any, request_id: str, tenant_id: str, *, coupon_id: str = "", code: str = ""
    ) -> coupon_service_pb2.RedeemedCoupon:
        now, kind = self._db.clock.now(), coupon_service_pb2.RedeemedCoupon
        # Of several companies' requests with the same id each is its own.
        known_as = f"{tenant_id}:{require_request_id(request_id)}"

        async def work(tx: Tx) -> coupon_service_pb2.RedeemedCoupon:
            async def redeem() -> coupon_service_pb2.RedeemedCoupon:
                found = await ops.redeem(tx, tenant_id, now, coupon_id=coupon_id, code=code)
                return _redeemed(found.coupon, now)

            return await tx.once(known_as, "RedeemCoupon", request, kind, redeem)

        return await self._db.system(work)


def _made(value: coupon_pb2.Coupon, now: datetime) -> KeptCoupon:
    percent = exact(value.percent or "0", "coupon.percent", digits=3, places=6)
    amount = exact(value.amount.amount or "0", "coupon.amount", digits=9, places=3)
    coupon = Coupon(
        new_id("cpn", now), value.code, value.name.strip(), _FREQUENCIES.get(value.frequency, Frequency.ONCE), percent,
        amount, value.amount.currency if amount else "", value.periods or 1, tuple(value.rates),
    )  # fmt: skip
    until = time_in(value, "redeem_until_time")
    return KeptCoupon(coupon, until, value.max_redemptions, 0, False, now, 1)


def _kept(value: KeptCoupon) -> coupon_pb2.Coupon:
    made = _coupon(value.coupon)
    if value.redeem_until is not None:
        made.redeem_until_time.CopyFrom(time_out(value.redeem_until))
    made.max_redemptions, made.redemption_count = value.max_redemptions, value.redemption_count
    made.archived, made.version = value.archived, value.version
    made.create_time.CopyFrom(time_out(value.create_time))
    return made


def _redeemed(coupon: Coupon, time: datetime) -> coupon_service_pb2.RedeemedCoupon:
    return coupon_service_pb2.RedeemedCoupon(coupon=_coupon(coupon), redeem_time=time_out(time))


def _coupon(each: Coupon) -> coupon_pb2.Coupon:
    amount = _money(each.amount, each.currency) if each.amount else None
    return coupon_pb2.Coupon(
        coupon_id=each.coupon_id,
        code=each.code,
        name=each.name,
        frequency=_NUMBERS[each.frequency],
        percent=_shown(each.percent),
        amount=amount,
        periods=each.periods if each.frequency == Frequency.REPEATING else 0,
        rates=each.rates,
    )


def _money(amount: Decimal, code: str) -> money_pb2.Money:
    """With the currency's digits, and more where an older coupon has them."""
    digits = max(minor_digits(code), -int(amount.normalize().as_tuple().exponent))
    return money_pb2.Money(currency=code, amount=f"{amount:.{digits}f}")


def _shown(value: Decimal) -> str:
    return f"{value.normalize():f}" if value else ""

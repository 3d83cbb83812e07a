"""Amounts and quantities as the contract writes them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

from merkez.billing.v1 import brand_share_pb2
from merkez.type.v1 import money_pb2

from billing.domain.statements import BrandShare

_SHOWN_DIGITS = 10


def money(amount: Decimal, currency: str) -> money_pb2.Money:
    """An amount as the contract shows it."""
    return money_pb2.Money(currency=currency, amount=f"{amount:f}")


def shown(value: Fraction) -> str:
    """An exact number as a decimal of at most ten digits after the point, without needless zeros."""
    with localcontext(prec=50):
        exact = Decimal(value.numerator) / Decimal(value.denominator)
        text = f"{exact.quantize(Decimal(1).scaleb(-_SHOWN_DIGITS), rounding=ROUND_HALF_UP):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def share_out(share: BrandShare, currency: str, names: Mapping[str, str]) -> brand_share_pb2.BrandShare:
    """What a brand has of a line, as the contract shows it; `names` of brands by id."""
    return brand_share_pb2.BrandShare(
        brand_id=share.brand_id, quantity=shown(share.quantity), included_quantity=shown(share.included),
        amount=money(share.amount, currency), brand_name=names.get(share.brand_id, ""),
    )  # fmt: skip

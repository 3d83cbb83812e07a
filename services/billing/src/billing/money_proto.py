"""Amounts and quantities as the contract writes them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

from merkez.type.v1 import money_pb2

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

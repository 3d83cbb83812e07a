"""The one rounding there is, and how a rounded amount is shared out without losing a minor unit."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from kernel.currencies import CURRENCIES
from kernel.errors import InvalidInput
from kernel.money import minor_digits


class CurrencyUnknown(InvalidInput):
    """Not a currency anybody is billed in."""

    reason = "CURRENCY_UNKNOWN"


class AmountInvalid(InvalidInput):
    """Not an amount of money or a quantity."""

    reason = "AMOUNT_INVALID"


def currency(code: str, name: str = "currency") -> str:
    """The code when it is one that can be billed in. Raises `CurrencyUnknown`, naming the field."""
    if code not in CURRENCIES:
        raise CurrencyUnknown.of(name, "is not the code of a currency (ISO 4217)")
    return code


def shared(amount: Decimal, weights: Sequence[Decimal | Fraction], code: str) -> list[Decimal]:
    """`amount` in parts as the weights, each of whole minor units, that sum to it: what is left after rounding down
    goes to the largest rests, the first of equals. Weights aren't negative and their sum isn't 0 unless the amount is.
    """
    digits = minor_digits(code)
    units, whole = int(amount.scaleb(digits)), sum((Fraction(each) for each in weights), Fraction(0))
    if not units:
        return [Decimal(0).scaleb(-digits) for _ in weights]
    exact = [Fraction(units) * Fraction(each) / whole for each in weights]
    parts = [each // 1 for each in exact]
    by_rest = sorted(range(len(exact)), key=lambda place: (parts[place] - exact[place], place))
    for place in by_rest[: units - sum(parts)]:
        parts[place] += 1
    return [Decimal(int(each)).scaleb(-digits) for each in parts]


def exact(text: str, name: str, *, digits: int = 12, places: int = 12, negative: bool = False) -> Decimal:
    """A decimal of at most `digits` before and `places` after the point. Raises `AmountInvalid`, naming the field."""
    try:
        value = Decimal(text)
    except ArithmeticError as error:
        raise AmountInvalid.of(name, "is not a decimal number") from error
    if not value.is_finite():
        raise AmountInvalid.of(name, "is not a finite number")
    if value < 0 and not negative:
        raise AmountInvalid.of(name, "must not be negative")
    exponent = value.as_tuple().exponent
    if value.adjusted() >= digits or (isinstance(exponent, int) and exponent < -places):
        raise AmountInvalid.of(name, f"has more than {digits} digits before or {places} after the point")
    return value

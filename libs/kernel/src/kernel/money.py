"""Money is Decimal with a currency, never float. Rounding happens once, at the invoice line."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

# ISO 4217 minor units that are not 2; everything else has two digits.
_DIGITS = {
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0, "UGX": 0,
    "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
}  # fmt: skip


def minor_digits(currency: str) -> int:
    """Digits after the point in this currency (ISO 4217)."""
    return _DIGITS.get(currency, 2)


def rounded(amount: Fraction, currency: str) -> Decimal:
    """To the currency's minor unit, halves away from zero, exactly. A line is rounded once, here."""
    digits = minor_digits(currency)
    whole = (abs(amount) * 10**digits * 2 + 1) // 2
    return (Decimal(int(whole)) if amount >= 0 else -Decimal(int(whole))).scaleb(-digits)


def round_half_up(amount: Decimal, currency: str) -> Decimal:
    """As `rounded`, of a decimal."""
    return rounded(Fraction(amount), currency)


@dataclass(frozen=True)
class Money:
    """An exact amount of one currency (ISO 4217, upper case)."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal):  # a float here is a wrong invoice later
            raise TypeError("money is Decimal")
        if len(self.currency) != 3 or not self.currency.isascii() or not self.currency.isupper():
            raise ValueError("a currency is three upper-case letters (ISO 4217)")

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __mul__(self, factor: Decimal | int) -> Money:
        return Money(self.amount * factor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other)

    def rounded(self) -> Money:
        """To the currency's minor unit, half up."""
        return Money(round_half_up(self.amount, self.currency), self.currency)

    @classmethod
    def zero(cls, currency: str) -> Money:
        """Nothing, of this currency."""
        return cls(Decimal(0), currency)

    def _same(self, other: Money) -> Decimal:
        if other.currency != self.currency:
            raise ValueError(f"{other.currency} is not {self.currency}")
        return other.amount

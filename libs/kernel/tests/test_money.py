"""Money never rounds by itself, and then half up."""

from __future__ import annotations

from decimal import Decimal

import pytest
from kernel.money import Money, round_half_up


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        ("0.005", "EUR", "0.01"), ("0.00499", "EUR", "0.00"), ("-0.005", "EUR", "-0.01"), ("2.5", "JPY", "3"),
        ("1.0005", "KWD", "1.001"), ("1.115", "TRY", "1.12"),
    ],
)  # fmt: skip
def test_half_a_minor_unit_goes_up(amount: str, currency: str, rounded: str) -> None:
    assert round_half_up(Decimal(amount), currency) == Decimal(rounded)
    assert str(Money(Decimal(amount), currency).rounded().amount) == rounded


def test_amounts_add_exactly() -> None:
    dime = Money(Decimal("0.1"), "EUR")
    assert dime + dime + dime - dime * 3 == Money.zero("EUR")


def test_currencies_do_not_mix() -> None:
    with pytest.raises(ValueError, match="EUR is not USD"):
        _ = Money(Decimal(1), "USD") + Money(Decimal(1), "EUR")


def test_a_float_is_not_money() -> None:
    with pytest.raises(TypeError):
        Money(0.1, "EUR")  # type: ignore[arg-type]

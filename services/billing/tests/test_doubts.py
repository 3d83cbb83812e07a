"""Small rules with answers reckoned by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from billing.domain import taxes
from billing.domain.deck_files import read_deck
from billing.domain.decks import DeckHeader
from billing.domain.plans import Model, Rate, Tier
from billing.domain.rates import Metered, charge
from billing.domain.statements import LineKind, StatementLine
from billing.domain.taxes import TaxData, TaxRate
from billing.providers.stripe_payments import in_units

MARCH, APRIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)


@pytest.mark.parametrize("gross", ["100.05", "0.03", "0.09", "19.95"])
def test_net_and_the_tax_in_a_price_are_the_price(gross: str) -> None:
    line = StatementLine("a", LineKind.USAGE, Decimal(gross), MARCH, APRIL)
    vat = TaxRate("txr_1", "vat", "VAT", "GB", Decimal(20), True, MARCH)
    [tax] = taxes.taxed([line], [vat], TaxData("GB"), APRIL, "GBP")
    assert tax.base + tax.amount == Decimal(gross)


def test_hours_that_are_nobodys_from_some_day_on_are_told() -> None:
    """From June 1 on nothing says what the nights cost: calls then fall to the 9.00 of the shorter prefix."""
    found = read_deck(
        [
            "prefix,price_per_minute,days,from,to,effective_from,effective_to",
            "99450,0.10,,,,,2026-06-01",
            "99450,0.20,mon-fri,08:00,18:00,,",
            "994,9.00,,,,,",
        ],
        DeckHeader("EUR"),
    )
    assert [each.reason for each in found.problems] == ["HOURS_NOT_COVERED"]


def test_stripe_wants_ariary_whole() -> None:
    """MGA is on Stripe's list of currencies without decimals, though ISO 4217 gives it two."""
    assert in_units(Decimal("10.00"), "MGA") == 10


def test_bounds_of_a_record_hold_for_graduated_percentages_too() -> None:
    """Tenancy lets a plan say them (`rate_rules._TAKES`): ten percent of each payment, at most 5, the first free."""
    rate = Rate(
        Decimal(0), model=Model.GRADUATED_PERCENTAGE, tiers=(Tier(None, percent=Decimal(10)),), free_records=1,
        record_maximum=Decimal(5),
    )  # fmt: skip
    records = [Metered(MARCH, f"a/{number}", Fraction(1000)) for number in range(3)]
    found = charge(rate, Fraction(3000), record_count=3, records=records)
    assert found.amount == 10

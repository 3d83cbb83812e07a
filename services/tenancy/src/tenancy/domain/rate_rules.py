"""What is wrong with one rate: which fields its model takes, tiers without gap, bounds that leave room."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from tenancy.domain import plans
from tenancy.domain.decimals import UNIT_DIGITS, decimal
from tenancy.domain.meters import METERS, Meter, may_be
from tenancy.domain.plans import Rate, Tier

MOST_TIERS, MOST_PROPERTIES = 50, 8
_LONGEST_INCREMENT, _MOST_RECORDS = 3600, 1_000_000_000
_PERCENT_DIGITS = 6
_PROPERTY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LONGEST_VALUE, _LONGEST_UNIT = 100, 32

_PRICE, _TIERS, _PACKAGE, _PERCENT, _DECK = (
    ("price",),
    ("tiers",),
    ("price", "package_size"),
    ("percent",),
    ("rate_deck_id",),
)
_NEEDS: Mapping[str, Sequence[str]] = {
    plans.STANDARD: _PRICE, plans.GRADUATED: _TIERS, plans.VOLUME: _TIERS, plans.PACKAGE: _PACKAGE,
    plans.PERCENTAGE: _PERCENT, plans.GRADUATED_PERCENTAGE: _TIERS, plans.DECK: _DECK,
}  # fmt: skip
"""What a model can't be without. It may also have what `_TAKES` says, and nothing else."""
_TAKES: Mapping[str, Sequence[str]] = {
    plans.PERCENTAGE: ("free_records", "record_minimum", "record_maximum"),
    plans.GRADUATED_PERCENTAGE: ("free_records", "record_minimum", "record_maximum", "flat_fee_at_zero"),
    plans.GRADUATED: ("flat_fee_at_zero",),
    plans.VOLUME: ("flat_fee_at_zero",),
}
_OF_A_MODEL = (
    "price", "tiers", "package_size", "percent", "rate_deck_id", "free_records", "record_minimum", "record_maximum",
    "flat_fee_at_zero",
)  # fmt: skip

Found = list[tuple[str, str]]
"""(path, key) of each fault."""


def rate_faults(rate: Rate, currency: str, at: str) -> Found:
    """All faults of a rate; `at` leads every path."""
    meter = METERS.get(rate.meter)
    found: Found = [] if may_be(rate.meter) else [(f"{at}.meter", "UNKNOWN" if rate.meter else "REQUIRED")]
    if meter is not None and rate.unit != meter.unit:
        found.append((f"{at}.unit", "UNKNOWN"))
    elif not rate.unit or len(rate.unit) > _LONGEST_UNIT:
        found.append((f"{at}.unit", "TOO_LONG" if rate.unit else "REQUIRED"))
    found += _model(rate, at)
    found += _amounts(rate, at)
    found += _increments(rate, meter, at)
    if rate.timing == plans.ADVANCE and not (meter is not None and meter.lasts):
        found.append((f"{at}.timing", "NOT_BEFORE_USE"))
    found += _properties(rate.properties, f"{at}.properties")
    return found


def same_usage(one: Rate, other: Rate) -> bool:
    """Whether some usage falls under both and neither says more of it: nobody could tell which applies."""
    if one.meter != other.meter or len(one.properties) != len(other.properties):
        return False
    return all(other.properties.get(name, value) == value for name, value in one.properties.items())


def _model(rate: Rate, at: str) -> Found:
    if rate.model not in _NEEDS:
        return [(f"{at}.model", "UNKNOWN")]
    needs, takes = _NEEDS[rate.model], _TAKES.get(rate.model, ())
    found: Found = [(f"{at}.{name}", "REQUIRED") for name in needs if not getattr(rate, name)]
    unwanted = (name for name in _OF_A_MODEL if name not in needs and name not in takes and getattr(rate, name))
    found += [(f"{at}.{name}", "NOT_OF_MODEL") for name in unwanted if rate.price != "0" or name != "price"]
    if rate.tiers and "tiers" in needs:
        found += _tiers(rate.tiers, f"{at}.tiers", percent=rate.model == plans.GRADUATED_PERCENTAGE)
    if len(rate.rate_deck_id) > _LONGEST_VALUE:
        found.append((f"{at}.rate_deck_id", "TOO_LONG"))
    return found


def _tiers(tiers: Sequence[Tier], at: str, *, percent: bool) -> Found:
    if len(tiers) > MOST_TIERS:
        return [(at, "TOO_LONG")]
    found: Found = []
    reached = Fraction(0)
    for index, tier in enumerate(tiers):
        here, last = f"{at}[{index}]", index == len(tiers) - 1
        if last and tier.up_to:
            found.append((f"{here}.up_to", "NO_OPEN_END"))
        elif not last and not tier.up_to:
            found.append((f"{here}.up_to", "GAP"))
        elif not last:
            wrong = decimal(tier.up_to, f"{here}.up_to", positive=True)
            found += wrong
            if not wrong:
                if Fraction(tier.up_to) <= reached:
                    found.append((f"{here}.up_to", "NOT_RISING"))
                reached = max(reached, Fraction(tier.up_to))
        found += _tier_prices(tier, here, percent=percent)
    return found


def _tier_prices(tier: Tier, at: str, *, percent: bool) -> Found:
    found: Found = _percent(tier.percent, f"{at}.percent") if percent else []
    if not percent and tier.percent:
        found.append((f"{at}.percent", "NOT_OF_MODEL"))
    found += [
        (f"{at}.{name}", "NOT_OF_MODEL") for name in ("unit_price", "package_size") if percent and getattr(tier, name)
    ]
    if tier.package_size and not percent:
        if not tier.unit_price:
            found.append((f"{at}.unit_price", "REQUIRED"))
        found += decimal(tier.package_size, f"{at}.package_size", positive=True)
    if not percent and not tier.unit_price and not tier.flat_fee and not tier.package_size:
        found.append((f"{at}.unit_price", "REQUIRED"))
    for name in ("unit_price", "flat_fee"):
        text = str(getattr(tier, name))
        found += decimal(text, f"{at}.{name}", UNIT_DIGITS) if text else []
    return found


def _amounts(rate: Rate, at: str) -> Found:
    found: Found = []
    for name in ("price", "record_fee", "record_minimum", "record_maximum", "minimum", "maximum"):
        text = str(getattr(rate, name))
        found += decimal(text, f"{at}.{name}") if text else []
    found += decimal(rate.included_units, f"{at}.included_units") if rate.included_units else []
    if rate.included_per_meter and not may_be(rate.included_per_meter):
        found.append((f"{at}.included_per_meter", "UNKNOWN"))
    found += decimal(rate.package_size, f"{at}.package_size", positive=True) if rate.package_size else []
    found += _percent(rate.percent, f"{at}.percent") if rate.percent else []
    if rate.free_records < 0:
        found.append((f"{at}.free_records", "NEGATIVE"))
    elif rate.free_records > _MOST_RECORDS:
        found.append((f"{at}.free_records", "TOO_LARGE"))
    for least, most in (("record_minimum", "record_maximum"), ("minimum", "maximum")):
        low, high = str(getattr(rate, least)), str(getattr(rate, most))
        if low and high and not decimal(low, "") and not decimal(high, "") and Fraction(low) > Fraction(high):
            found.append((f"{at}.{least}", "ABOVE_MAXIMUM"))
    return found


def _percent(text: str, at: str) -> Found:
    if not text:
        return [(at, "REQUIRED")]
    found = decimal(text, at, _PERCENT_DIGITS)
    return [(at, "TOO_LARGE")] if not found and Fraction(text) > 100 else found


def _increments(rate: Rate, meter: Meter | None, at: str) -> Found:
    found: Found = []
    for name in ("first_increment_seconds", "next_increment_seconds"):
        seconds = int(getattr(rate, name))
        if seconds < 0:
            found.append((f"{at}.{name}", "NEGATIVE"))
        elif seconds > _LONGEST_INCREMENT:
            found.append((f"{at}.{name}", "TOO_LARGE"))
        elif seconds and not (meter is not None and meter.call):
            found.append((f"{at}.{name}", "NOT_A_CALL"))
    return found


def _properties(said: Mapping[str, str], at: str) -> Found:
    found: Found = [(at, "TOO_LONG")] if len(said) > MOST_PROPERTIES else []
    for name, value in sorted(said.items()):
        if not _PROPERTY.fullmatch(name):
            found.append((f"{at}[{name}]", "UNKNOWN"))
        if not value:
            found.append((f"{at}[{name}]", "REQUIRED"))
        elif len(value) > _LONGEST_VALUE:
            found.append((f"{at}[{name}]", "TOO_LONG"))
    return found

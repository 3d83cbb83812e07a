"""Countries as destinations of calls: which one a number leads to, and how likely fraud is there.

The list of those above the STANDARD tier is data (`country_tiers.csv`, each line with where it is from). A country that
neither it nor the numbering plans of phonenumbers know is HIGH.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib import resources

import phonenumbers
from kernel.errors import InvalidInput

NOWHERE = "001"
"""What ITU-T E.164 gives to no country: satellites, international networks, international premium rate (phonenumbers'
name for them, from UN M.49)."""


class Tier(Enum):
    """How sure it is that calls to a country are what they seem."""

    STANDARD = "STANDARD"
    ELEVATED = "ELEVATED"
    HIGH = "HIGH"


class Choice(Enum):
    """What a tenant says of a country, apart from its tier."""

    BY_TIER = "BY_TIER"
    ALLOWED = "ALLOWED"
    BLOCKED = "BLOCKED"


@dataclass(frozen=True)
class Country:
    """A destination."""

    country: str
    calling_codes: tuple[str, ...]
    tier: Tier


@dataclass(frozen=True)
class CountryRules:
    """A tenant's choices; countries it says nothing of are as their tier says."""

    choices: Mapping[str, Choice]

    def choice(self, country: str) -> Choice:
        """What the tenant says of it."""
        return self.choices.get(country, Choice.BY_TIER)

    def allow(self, country: str, tier: Tier) -> bool:
        """Whether calls may go there. What is not known to be harmless needs the tenant's word."""
        choice = self.choice(country)
        return tier is not Tier.HIGH if choice is Choice.BY_TIER else choice is Choice.ALLOWED


@cache
def countries() -> Mapping[str, Country]:
    """Every destination by its code: ISO 3166, and NOWHERE."""
    codes: dict[str, list[str]] = {}
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        for region in regions:
            codes.setdefault(region, []).append(str(code))
    tiers = _tiers()
    return {
        country: Country(country, tuple(sorted(codes[country])), tiers.get(country, Tier.STANDARD))
        for country in sorted(codes)
    }


def tier_of(country: str) -> Tier:
    """The tier by the list; HIGH for what nobody knows."""
    known = countries().get(country)
    return known.tier if known else Tier.HIGH


def require_country(value: str, field: str) -> str:
    """`value` when it names a destination, else InvalidInput naming the proto `field`."""
    if value in countries():
        return value
    raise InvalidInput.of(field, "must be a country by ISO 3166, such as AZ, or 001")


@cache
def _tiers() -> Mapping[str, Tier]:
    text = resources.files("telephony.domain").joinpath("country_tiers.csv").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {row["country"]: Tier(row["tier"]) for row in csv.DictReader(lines)}

"""Emergency addresses: where help is sent when somebody calls emergency services with a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from kernel.errors import FailedPrecondition, NotFound

from tenancy.domain import fields
from tenancy.domain.fields import FieldInvalid
from tenancy.domain.numbers import Number

ADDRESS_NEEDED = frozenset({"US", "PR", "CA", "GB", "IE", "FR", "DE", "AU", "NZ"})
"""Countries whose rules tie emergency calls of internet telephony to a registered place: 47 CFR 9.11 (US), CRTC 2005-21
(CA), Ofcom General Condition A3 (GB), and their like. Elsewhere an address is used when there is one."""
REGION_NEEDED = frozenset({"US", "PR", "CA", "AU"})
NO_POSTAL_CODE = frozenset({"AE", "QA", "HK"})
PENDING, VALID, REFUSED = "PENDING", "VALID", "REFUSED"


class EmergencyAddressNotFound(NotFound):
    """There is no such address."""

    reason = "EMERGENCY_ADDRESS_NOT_FOUND"


class EmergencyAddressInUse(FailedPrecondition):
    """It is a number's own address."""

    reason = "EMERGENCY_ADDRESS_IN_USE"


class EmergencyAddressElsewhere(FailedPrecondition):
    """It is in another country than the number, or of another brand: help would be sent to the wrong place."""

    reason = "EMERGENCY_ADDRESS_ELSEWHERE"


@dataclass(frozen=True)
class CivicAddress:
    """A place in the world that help can find."""

    name: str = ""
    street: str = ""
    unit: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""


@dataclass(frozen=True)
class EmergencyAddress:
    """An address of a brand, as the carrier has judged it."""

    emergency_address_id: str
    brand_id: str
    address: Mapping[str, str] = field(repr=False)
    state: str
    create_time: datetime
    problem: str = ""
    validate_time: datetime | None = None
    next_time: datetime | None = None
    """When the carrier is asked (again); None: it has answered."""
    version: int = 1

    @property
    def civic(self) -> CivicAddress:
        """The address by its parts."""
        return CivicAddress(**self.address)


def checked(address: CivicAddress, at: str) -> CivicAddress:
    """The address, trimmed. FieldInvalid naming the part, `at` leading its path."""

    def part(name: str, longest: int, needed: bool) -> str:
        value = getattr(address, name).strip()
        return fields.name(value, f"{at}.{name}", longest) if value or needed else ""

    country = fields.country(address.country, f"{at}.country")
    if not country:
        raise FieldInvalid.of(f"{at}.country", "is required")
    return CivicAddress(
        name=part("name", 100, True),
        street=part("street", 200, True),
        unit=part("unit", 100, False),
        city=part("city", 100, True),
        region=part("region", 60, country in REGION_NEEDED),
        postal_code=part("postal_code", 20, country not in NO_POSTAL_CODE),
        country=country,
    )


def row_of(address: CivicAddress) -> dict[str, Any]:
    """As it is stored."""
    return asdict(address)


def check_fits(address: EmergencyAddress, number: Number) -> None:
    """Raises `EmergencyAddressElsewhere`."""
    if address.civic.country != number.country or address.brand_id != number.brand_id:
        raise EmergencyAddressElsewhere("The address is of another brand or country than the number.")


def emergency_caller(
    numbers: Sequence[Number], addresses: Sequence[EmergencyAddress], default: str
) -> tuple[Number, EmergencyAddress | None] | None:
    """The number of a brand to show in an emergency call, with where help would be sent: `default` before the others.

    A number of a country that needs an address is none without one that the carrier took: its own, or the newest of the
    brand in that country.
    """
    own = {each.emergency_address_id: each for each in addresses}
    for number in sorted(numbers, key=lambda each: (each.number != default, each.number)):
        if not number.emergency:
            continue
        chosen = own.get(number.emergency_address_id) if number.emergency_address_id else None
        candidates = [chosen] if chosen else [each for each in addresses if each.civic.country == number.country]
        valid = [each for each in candidates if each.state == VALID and each.brand_id == number.brand_id]
        address = max(valid, key=lambda each: (each.create_time, each.emergency_address_id), default=None)
        if address is not None or number.country not in ADDRESS_NEEDED:
            return number, address
    return None

"""Who sends invoices and who gets them."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from kernel.errors import AlreadyExists, Conflict, FailedPrecondition, InvalidInput, NotFound

LANGUAGES = ("en", "tr", "az", "fa")
DEFAULT_TERMS, LONGEST_TERMS = 14, 180
LARGEST_NUMBER = 10**12

_PREFIX = re.compile(r"[A-Z0-9/-]{1,16}")
_EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]{1,189}\.[^@\s,;<>\"]{2,}")
_COUNTRY = re.compile(r"[A-Z]{2}")


class ProfileInvalid(InvalidInput):
    """Something in a billing profile can't be."""

    reason = "PROFILE_INVALID"


class LegalEntityInvalid(InvalidInput):
    """Something about a legal entity can't be."""

    reason = "LEGAL_ENTITY_INVALID"


class LegalEntityNotFound(NotFound):
    """There is no such legal entity."""

    reason = "LEGAL_ENTITY_NOT_FOUND"


class NumberPrefixTaken(AlreadyExists):
    """Another legal entity's numbers begin so."""

    reason = "NUMBER_PREFIX_TAKEN"


class NumbersInUse(FailedPrecondition):
    """Numbers with the old prefix were given already."""

    reason = "NUMBERS_IN_USE"


class NoLegalEntity(FailedPrecondition):
    """Nobody is set up in whose name invoices are sent."""

    reason = "NO_LEGAL_ENTITY"


class PartyVersionConflict(Conflict):
    """Somebody changed it in between."""

    reason = "VERSION_CONFLICT"


@dataclass(frozen=True)
class Address:
    """Where somebody is; `country` is ISO 3166-1 alpha-2."""

    street: str = ""
    additional: str = ""
    city: str = ""
    postal_code: str = ""
    region: str = ""
    country: str = ""

    def lines(self) -> list[str]:
        """As it is printed, from the street to the country."""
        place = " ".join(part for part in (self.postal_code, self.city) if part)
        return [line for line in (self.street, self.additional, place, self.region, self.country) if line]


@dataclass(frozen=True)
class LegalEntity:
    """A company that sends invoices, with numbers of its own."""

    legal_entity_id: str
    name: str
    address: Address
    number_prefix: str
    credit_note_prefix: str
    tax_id: str = ""
    registration_id: str = ""
    email: str = ""
    payment_instructions: str = ""
    default: bool = False
    version: int = 1


@dataclass(frozen=True)
class BillingProfile:
    """Whom and how a company is billed."""

    legal_name: str = ""
    address: Address = field(default_factory=Address)
    tax_id: str = ""
    email: str = ""
    language: str = ""
    purchase_order: str = ""
    payment_terms_days: int = DEFAULT_TERMS
    legal_entity_id: str = ""
    version: int = 0
    notes: str = ""
    """What stands below the lines of every invoice."""


_LONGEST = {
    "street": 200, "additional": 200, "city": 100, "postal_code": 20, "region": 100, "name": 200, "legal_name": 200,
    "tax_id": 40, "registration_id": 40, "payment_instructions": 1_000, "purchase_order": 60, "email": 254,
    "notes": 1_000,
}  # fmt: skip


def check_profile(profile: BillingProfile) -> BillingProfile:
    """The profile with its texts tidied. Raises `ProfileInvalid` naming the field."""
    wrong = ProfileInvalid
    if profile.language not in ("", *LANGUAGES):
        raise wrong.of("profile.language", "must be en, tr, az or fa, or empty")
    if not 0 <= profile.payment_terms_days <= LONGEST_TERMS:
        raise wrong.of("payment_terms_days", f"must be 0 to {LONGEST_TERMS}")
    address = _address(profile.address, "profile.address", wrong)
    texts = {name: _text(getattr(profile, name), f"profile.{name}", name, wrong)
             for name in ("legal_name", "tax_id", "purchase_order", "notes")}  # fmt: skip
    texts["email"] = _email(profile.email, "profile.email", wrong)
    return BillingProfile(
        **texts, address=address, language=profile.language, payment_terms_days=profile.payment_terms_days,
        legal_entity_id=profile.legal_entity_id, version=profile.version,
    )  # fmt: skip


def check_entity(entity: LegalEntity) -> LegalEntity:
    """The entity with its texts tidied. Raises `LegalEntityInvalid` naming the field."""
    wrong = LegalEntityInvalid
    prefixes = {name: getattr(entity, name).strip() for name in ("number_prefix", "credit_note_prefix")}
    for name, prefix in prefixes.items():
        if not _PREFIX.fullmatch(prefix):
            raise wrong.of(f"legal_entity.{name}", "must be 1 to 16 of A-Z, 0-9, - and /")
        # A number is its prefix and at least six digits: one that ends in a digit could be read as another's number.
        if prefix[-1].isdigit():
            raise wrong.of(f"legal_entity.{name}", "must not end in a digit")
    if prefixes["number_prefix"] == prefixes["credit_note_prefix"]:
        raise wrong.of("legal_entity.credit_note_prefix", "must differ from the prefix of invoice numbers")
    texts = {name: _text(getattr(entity, name), f"legal_entity.{name}", name, wrong)
             for name in ("name", "tax_id", "registration_id", "payment_instructions")}  # fmt: skip
    if not texts["name"]:
        raise wrong.of("legal_entity.name", "is required")
    address = _address(entity.address, "legal_entity.address", wrong)
    if not address.country:
        raise wrong.of("legal_entity.address.country", "is required")
    return LegalEntity(
        entity.legal_entity_id, address=address, email=_email(entity.email, "legal_entity.email", wrong),
        default=entity.default, version=entity.version, **texts, **prefixes,
    )  # fmt: skip


def check_next_number(value: int, field_name: str) -> int:
    """The first number of a series; 0 means 1. Raises `LegalEntityInvalid`."""
    if not 0 <= value <= LARGEST_NUMBER:
        raise LegalEntityInvalid.of(field_name, f"must be 1 to {LARGEST_NUMBER}")
    return value or 1


def as_json(value: LegalEntity | BillingProfile) -> dict[str, Any]:
    """As a row keeps it."""
    return asdict(value)


def entity_from(value: dict[str, Any]) -> LegalEntity:
    """What `as_json` made; what it doesn't know is left out."""
    return LegalEntity(**_known(LegalEntity, value))


def profile_from(value: dict[str, Any]) -> BillingProfile:
    """What `as_json` made; what it doesn't know is left out."""
    return BillingProfile(**_known(BillingProfile, value))


def _known(kind: type[Any], value: dict[str, Any]) -> dict[str, Any]:
    names = {each.name for each in fields(kind)}
    return {name: found for name, found in value.items() if name in names} | {"address": Address(**value["address"])}


def _text(value: str, path: str, name: str, wrong: type[InvalidInput]) -> str:
    found = value.strip()
    allowed = "\n" if name in ("payment_instructions", "notes") else ""
    if len(found) > _LONGEST[name] or any(ord(each) < 32 and each not in allowed for each in found):
        raise wrong.of(path, f"must be text of at most {_LONGEST[name]} characters")
    return found


def _email(value: str, path: str, wrong: type[InvalidInput]) -> str:
    found = value.strip()
    if found and not (_EMAIL.fullmatch(found) and len(found) <= _LONGEST["email"]):
        raise wrong.of(path, "is not an e-mail address")
    return found


def _address(value: Address, path: str, wrong: type[InvalidInput]) -> Address:
    parts = {name: _text(getattr(value, name), f"{path}.{name}", name, wrong)
             for name in ("street", "additional", "city", "postal_code", "region")}  # fmt: skip
    country = value.country.strip().upper()
    if country and not _COUNTRY.fullmatch(country):
        raise wrong.of(f"{path}.country", "must be two letters (ISO 3166-1), such as AZ")
    return Address(**parts, country=country)

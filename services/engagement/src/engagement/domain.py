"""Customers and their history as values, and the rules about them. No database, no wire."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import phonenumbers
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.phone import is_e164

NAME_LENGTH = 200
NOTE_LENGTH = 4000
ADDRESSES = 20
ATTRIBUTES = 50
HISTORY_IN_POP = 10
FOUND = 2
"""Customers that are looked for: with two it is known that there are several."""
QUERY_LENGTH = 200
WAITING = "waiting"
UPDATABLE = ("display_name", "numbers", "emails", "attributes")
# Letters that are one to a reader and two to a computer: Turkic dotted and dotless i, Arabic and Persian yeh and kaf.
_ALIKE = str.maketrans({"ı": "i", "\u0307": None, "ي": "ی", "ى": "ی", "ك": "ک", "\u200c": " ", "\u0640": None})
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")


class CustomerNotFound(NotFound):
    """No customer of this tenant has the id."""

    reason = "CUSTOMER_NOT_FOUND"


class CustomerInvalid(InvalidInput):
    """A field of a customer or note can't be taken; the violations say which and why."""

    reason = "CUSTOMER_INVALID"


class AddressTaken(Conflict):
    """The number or e-mail belongs to another customer of the brand."""

    reason = "ADDRESS_TAKEN"


class VersionConflict(Conflict):
    """Somebody changed it since it was read."""

    reason = "VERSION_CONFLICT"


@dataclass(frozen=True)
class Customer:
    """A person who calls one of the tenant's brands."""

    customer_id: str
    brand_id: str
    display_name: str
    numbers: tuple[str, ...]
    emails: tuple[str, ...]
    attributes: Mapping[str, str]
    create_time: datetime
    update_time: datetime
    version: int = 1


@dataclass(frozen=True)
class HistoryEntry:
    """One thing in a customer's history: a contact, or a note somebody added."""

    history_entry_id: str
    customer_id: str
    kind: str
    create_time: datetime
    contact_id: str = ""
    call_id: str = ""
    recording_id: str = ""
    agent_id: str = ""
    queue_id: str = ""
    outcome: str = ""
    disposition_id: str = ""
    note: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    talk_seconds: int = 0


@dataclass(frozen=True)
class CallRecording:
    """A call's newest recording; ids sort by time."""

    recording_id: str
    erased: bool = False

    def after(self, news: CallRecording) -> CallRecording:
        """What is known once `news` is heard of: the newest recording, and what is erased stays so."""
        if news.recording_id == self.recording_id:
            return CallRecording(self.recording_id, self.erased or news.erased)
        return max(self, news, key=lambda each: each.recording_id)


@dataclass(frozen=True)
class ContactNews:
    """What a fact of routing says about a contact, at one version of it."""

    contact_id: str
    version: int
    customer_id: str
    call_id: str
    queue_id: str
    agent_id: str
    outcome: str
    disposition_id: str
    note: str
    attributes: Mapping[str, str]
    time: datetime
    brand_id: str = ""
    caller_number: str = ""
    caller_name: str = ""


@dataclass(frozen=True)
class ScreenPop:
    """What an agent sees with an offer."""

    customer: Customer | None
    history: Sequence[HistoryEntry] = ()
    contact_count: int = 0


def normal_number(value: str, where: str = "number") -> str:
    """E.164 of a number with its country code; "" stays "". Raises `CustomerInvalid`."""
    if not value.strip():
        return ""
    try:
        parsed = phonenumbers.parse(value, None)
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is None or not phonenumbers.is_possible_number(parsed):
        # A network delivers numbers its plan doesn't know: test ranges, plans newer than our tables.
        if is_e164(value.strip()):
            return value.strip()
        raise CustomerInvalid.of(where, "must be a phone number in E.164, such as +905551234567")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def normal_email(value: str, where: str = "email") -> str:
    """The address in lower case without blanks around it; "" stays "". Raises `CustomerInvalid`."""
    address = value.strip().lower()
    if address and (len(address) > 254 or not _EMAIL.fullmatch(address)):
        raise CustomerInvalid.of(where, "must be an e-mail address")
    return address


def sought_attribute(name: str, value: str) -> tuple[str, str]:
    """An attribute to look for customers by. `CustomerInvalid` without a name or a value: everybody lacks something."""
    for field_name, text in (("attribute", name), ("value", value)):
        if not text.strip():
            raise CustomerInvalid.of(field_name, "is required")
        if len(text) > QUERY_LENGTH:
            raise CustomerInvalid.of(field_name, f"is longer than {QUERY_LENGTH} characters")
    return name, value


def folded(text: str) -> str:
    """Text as it is searched: case, dots on an i, ways to write a Persian letter or digit don't matter.

    Done here and not in SQL: what `lower()` knows depends on the locale a database was made with.
    """
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_ALIKE)
    digits = "".join(str(unicodedata.digit(each)) if each.isdigit() and not each.isascii() else each for each in plain)
    return " ".join(digits.split())


def search_text(customer: Customer) -> str:
    """What a customer is found by."""
    return folded(" ".join((customer.display_name, *customer.numbers, *customer.emails)))


def search_terms(query: str) -> list[str]:
    """What to look for, any of which finds a customer: the query, and a number without what people put into it."""
    if len(query) > QUERY_LENGTH:
        raise CustomerInvalid.of("query", f"must have at most {QUERY_LENGTH} characters")
    text = folded(query)
    terms = [text] if text else []
    number = re.sub(r"[\s()./-]", "", text)
    if re.fullmatch(r"\+?[0-9]{3,}", number) and number != text:
        terms.append(number)
    return terms


def with_address(customer: Customer, number: str, email: str, name: str, now: datetime) -> Customer:
    """The customer with what a new call tells that was not known; itself when there is nothing new."""
    numbers = customer.numbers if not number or number in customer.numbers else (*customer.numbers, number)
    emails = customer.emails if not email or email in customer.emails else (*customer.emails, email)
    learnt = replace(customer, display_name=customer.display_name or name, numbers=numbers, emails=emails)
    if learnt == customer or len(numbers) > ADDRESSES or len(emails) > ADDRESSES:
        return customer
    return replace(learnt, update_time=now, version=customer.version + 1)


def checked_name(value: str) -> str:
    """A display name without blanks around it. Raises `CustomerInvalid` when it is too long."""
    name = value.strip()
    if len(name) > NAME_LENGTH:
        raise CustomerInvalid.of("display_name", f"must have at most {NAME_LENGTH} characters")
    return name


def checked_note(value: str) -> str:
    """A note with something in it. Raises `CustomerInvalid`."""
    note = value.strip()
    if not note or len(note) > NOTE_LENGTH:
        raise CustomerInvalid.of("note", f"must have 1 to {NOTE_LENGTH} characters")
    return note


def changed(customer: Customer, news: Customer, fields: Sequence[str], version: int, now: datetime) -> Customer:
    """`customer` with `fields` taken from `news`. Raises `CustomerInvalid` or `VersionConflict`."""
    unknown = [name for name in fields if name not in UPDATABLE]
    if unknown or not fields:
        raise CustomerInvalid.of("update_mask", f"must name some of {', '.join(UPDATABLE)}")
    if version and version != customer.version:
        raise VersionConflict("The customer was changed by somebody else: read it again and repeat the change.")
    take = {name: getattr(news, name) for name in fields}
    return Customer(
        customer_id=customer.customer_id,
        brand_id=customer.brand_id,
        display_name=checked_name(take.get("display_name", customer.display_name)),
        numbers=_addresses(take.get("numbers", customer.numbers), "numbers"),
        emails=_addresses(take.get("emails", customer.emails), "emails"),
        attributes=_attributes(take.get("attributes", customer.attributes)),
        create_time=customer.create_time,
        update_time=now,
        version=customer.version + 1,
    )


def _addresses(values: Sequence[str], where: str) -> tuple[str, ...]:
    if len(values) > ADDRESSES:
        raise CustomerInvalid.of(where, f"must have at most {ADDRESSES} entries")
    normal = normal_number if where == "numbers" else normal_email
    return tuple(dict.fromkeys(address for value in values if (address := normal(value, where))))


def _attributes(values: Mapping[str, str]) -> Mapping[str, str]:
    if len(values) > ATTRIBUTES or any(len(key) > 100 or len(value) > 1000 for key, value in values.items()):
        raise CustomerInvalid.of(
            "attributes", f"must be at most {ATTRIBUTES}, keys up to 100 and values up to 1000 characters"
        )
    return dict(values)

"""Port orders: which numbers come, what is missing before they can be sent off, which day they may come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from kernel.errors import FailedPrecondition, NotFound
from phonenumbers import PhoneNumberFormat, format_number, parse, timezone

from tenancy.domain import fields
from tenancy.domain.emergency import CivicAddress, checked
from tenancy.domain.fields import FieldInvalid
from tenancy.domain.porting import (
    BEFORE,
    OVER,
    Lane,
    PortPastNoReturn,
    PortState,
    PortStateWrong,
    Trigger,
    move,
)
from tenancy.domain.workdays import add_workdays, is_workday, workday_before

MAX_NUMBERS = 100
MAX_DOCUMENTS = 10
MAX_DOCUMENT_BYTES = 3_000_000
"""An rpc carries 4 MiB, and a scan of two pages is far less."""
LEAD_WORKDAYS = 5
"""Working days a losing carrier has at least; a shorter wish is refused anyway."""
LATEST_DAYS = 90
LONGEST_COMMENT = 2000
LOA, BILL, OTHER = "LETTER_OF_AUTHORIZATION", "BILL", "OTHER"
DOCUMENT_KINDS = (LOA, BILL, OTHER)
_PATIENCE = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30))
_MAGIC = {b"%PDF-": "application/pdf", b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


class PortOrderIncomplete(FailedPrecondition):
    """Something is missing; `metadata["missing"]` names it."""

    reason = "PORT_ORDER_INCOMPLETE"


class PortDocumentNotFound(NotFound):
    """The order has no such document."""

    reason = "PORT_DOCUMENT_NOT_FOUND"


class PortDocumentUnreadable(FailedPrecondition):
    """It was sealed with another key than the platform has now."""

    reason = "PORT_DOCUMENT_UNREADABLE"


@dataclass(frozen=True)
class PortNumber:
    """A number of an order: whether it can come (FULL, VOICE_ONLY, NONE; empty: not checked yet)."""

    number: str
    portability: str = ""
    problem: str = ""
    losing_carrier: str = ""


@dataclass(frozen=True)
class Details:
    """What the losing carrier has to know. The PIN is kept sealed, apart."""

    losing_carrier: str = ""
    account_number: str = ""
    authorized_person: str = ""
    address: CivicAddress = field(default_factory=CivicAddress)
    account_pin: str = ""


@dataclass(frozen=True)
class Document:
    """A file of an order; its content is kept sealed, apart."""

    port_document_id: str
    kind: str
    file_name: str
    media_type: str
    size: int
    create_time: datetime


@dataclass(frozen=True)
class PortOrder:
    """An order to move numbers here."""

    port_order_id: str
    brand_id: str
    flow_id: str
    country: str
    numbers: tuple[PortNumber, ...]
    lanes: tuple[Lane, ...]
    create_time: datetime
    update_time: datetime
    details: Details = field(default_factory=Details)
    pin_set: bool = False
    wanted_date: date | None = None
    documents: tuple[Document, ...] = ()
    version: int = 1

    @property
    def missing(self) -> list[str]:
        """What is needed before it can be sent off."""
        kinds = {each.kind for each in self.documents}
        lacking = [] if self.details.losing_carrier else ["details"]
        lacking += [kind for kind in (LOA, BILL) if kind not in kinds]
        return lacking + ([] if self.wanted_date else ["wanted_date"])

    @property
    def texts(self) -> tuple[str, ...]:
        """The numbers, E.164."""
        return tuple(each.number for each in self.numbers)

    def lane(self, channel: str) -> Lane | None:
        """One channel's."""
        return next((each for each in self.lanes if each.channel == channel), None)

    @property
    def over(self) -> bool:
        """Whether nothing moves any more."""
        return all(each.state in OVER for each in self.lanes)

    @property
    def open_to_change(self) -> bool:
        """Whether the company may change it: before it is sent off, or after it stopped."""
        return any(each.state in BEFORE or each.state is PortState.EXCEPTION for each in self.lanes)


def progressed(order: PortOrder, now: datetime) -> PortOrder:
    """The order with its channels as far as what is there carries them, before it is sent off."""
    kinds = {each.kind for each in order.documents}
    documented = {LOA, BILL} <= kinds

    def further(lane: Lane) -> Lane:
        if lane.state is PortState.DRAFT and order.details.losing_carrier:
            lane = move(lane, Trigger.DETAILS_COMPLETE, now)
        if lane.state is PortState.DOCUMENTS and documented:
            lane = move(lane, Trigger.DOCUMENTS_COMPLETE, now)
        if lane.state is PortState.FOC_DATE and not documented:
            lane = move(lane, Trigger.DOCUMENTS_LACKING, now)
        return lane

    return replace(order, lanes=tuple(further(each) for each in order.lanes))


def judged(order: PortOrder, verdicts: Sequence[PortNumber], now: datetime) -> PortOrder:
    """The order after its check. Calls need every number to be portable, text messages every one to be so in full."""
    found = {each.number: each for each in verdicts}
    numbers = tuple(found.get(each.number, each) for each in order.numbers)

    def moved(lane: Lane) -> Lane:
        if lane.state is not PortState.PORTABILITY_CHECK:
            return lane
        needed = ("FULL",) if lane.channel == "SMS" else ("FULL", "VOICE_ONLY")
        stuck = [each for each in numbers if each.portability not in needed]
        lane = replace(lane, next_time=None, failures=0)
        if not stuck:
            return move(lane, Trigger.PORTABLE, now)
        note = next((each.problem for each in stuck if each.problem), "")
        return replace(move(lane, Trigger.NOT_PORTABLE, now), exception="NOT_PORTABLE", exception_note=note)

    return progressed(replace(order, numbers=numbers, lanes=tuple(moved(each) for each in order.lanes)), now)


def without(order: PortOrder, removed: Sequence[str], now: datetime) -> PortOrder:
    """The order without some of its numbers, to be checked again. Raises `PortStateWrong`, `FieldInvalid`."""
    if any(each.submission for each in order.lanes):
        raise PortStateWrong("The numbers can't be changed once the order was sent off.")
    strange = sorted(set(removed) - set(order.texts))
    if strange:
        raise FieldInvalid.of("removed_numbers", f"{strange[0]} isn't a number of the order")
    left = tuple(each for each in order.numbers if each.number not in removed)
    if not left:
        raise FieldInvalid.of("removed_numbers", "must leave one number at least: cancel the order instead")
    lanes = tuple(
        replace(move(each, Trigger.CHECK_AGAIN, now), next_time=now) if each.may(Trigger.CHECK_AGAIN) else each
        for each in order.lanes
    )
    return replace(order, numbers=left, lanes=lanes)


def sent_off(order: PortOrder, now: datetime) -> PortOrder:
    """The order after it was sent off, or again. Raises `PortStateWrong`, `PortOrderIncomplete`, `FieldInvalid`."""
    ready = [each for each in order.lanes if each.may(Trigger.SUBMIT) and _submittable(each)]
    if not ready:
        if any(each.state in (PortState.DRAFT, PortState.DOCUMENTS) for each in order.lanes):
            check_complete(order)
        states = ", ".join(each.state.value for each in order.lanes)
        raise PortStateWrong(f"The order can't be sent off: {states}.", metadata={"state": states})
    check_complete(order)
    if order.wanted_date is not None:
        check_date(order, order.wanted_date, now)

    def sent(lane: Lane) -> Lane:
        if lane not in ready:
            return lane
        begun = replace(
            lane, submission=lane.submission + 1, replaces=lane.carrier_ref, carrier_ref="", foc_time=None,
            next_time=now, failures=0,
        )  # fmt: skip
        return move(begun, Trigger.SUBMIT, now)

    return replace(order, lanes=tuple(sent(each) for each in order.lanes))


def _submittable(lane: Lane) -> bool:
    # What can't be ported at all isn't cured by asking once more.
    return lane.state is not PortState.EXCEPTION or lane.submission > 0


def check_changeable(order: PortOrder) -> None:
    """Raises `PortStateWrong`."""
    if not order.open_to_change:
        states = ", ".join(each.state.value for each in order.lanes)
        raise PortStateWrong(f"The order can't be changed any more: {states}.", metadata={"state": states})


def check_complete(order: PortOrder) -> None:
    """Raises `PortOrderIncomplete`."""
    if order.missing:
        said = ", ".join(order.missing)
        raise PortOrderIncomplete(f"Something is missing: {said}.", metadata={"missing": said})


def check_numbers(numbers: Sequence[str], countries: set[str]) -> None:
    """One order, one country: carriers take no other. Raises `FieldInvalid`."""
    if len(numbers) > MAX_NUMBERS:
        raise FieldInvalid.of("entries", f"must be 1 to {MAX_NUMBERS} numbers, ranges counted out")
    if len(countries) > 1:
        raise FieldInvalid.of("entries", f"must be numbers of one country, not of {', '.join(sorted(countries))}")


def checked_details(details: Details, country: str) -> Details:
    """Trimmed. FieldInvalid naming the field."""
    address = checked(details.address, "details.address")
    if address.country != country:
        raise FieldInvalid.of("details.address.country", f"must be the country of the numbers, {country}")
    pin = details.account_pin.strip()
    if len(pin) > 30:
        raise FieldInvalid.of("details.account_pin", "must have at most 30 characters")
    return Details(
        losing_carrier=fields.name(details.losing_carrier, "details.losing_carrier", 100),
        account_number=fields.name(details.account_number, "details.account_number", 60),
        authorized_person=fields.name(details.authorized_person, "details.authorized_person", 100),
        address=address,
        account_pin=pin,
    )


def zone_of(number: str) -> str:
    """Time zone of a number, where its day begins; UTC when nobody knows."""
    zones = timezone.time_zones_for_number(parse(number))
    return zones[0] if zones and zones[0] != "Etc/Unknown" else "UTC"


def first_date(order: PortOrder, now: datetime) -> date:
    """The first day that can be chosen."""
    today = now.astimezone(ZoneInfo(zone_of(order.numbers[0].number))).date()
    return add_workdays(today, LEAD_WORKDAYS, order.country)


def read_date(text: str, field: str = "wanted_date") -> date:
    """A day as ISO 8601 writes it. Raises `FieldInvalid`."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise FieldInvalid.of(field, "must be a day such as 2026-03-31") from error


def check_date(order: PortOrder, wanted: date, now: datetime) -> None:
    """FieldInvalid for a day that is no working day, too near, or too far away."""
    first = first_date(order, now)
    if wanted < first:
        raise FieldInvalid.of("wanted_date", f"must be {first.isoformat()} or later: the losing carrier has its days")
    if wanted > now.date() + timedelta(days=LATEST_DAYS):
        raise FieldInvalid.of("wanted_date", f"must be within {LATEST_DAYS} days")
    if not is_workday(wanted, order.country):
        raise FieldInvalid.of("wanted_date", "must be a working day, no weekend and no public holiday")


def no_return_time(order: PortOrder, lane: Lane) -> datetime | None:
    """From when on the losing carrier switches: one working day before the firm moment; None while none is firm."""
    if lane.foc_time is None:
        return None
    return workday_before(lane.foc_time, zone_of(order.numbers[0].number), order.country)


def cancellable(order: PortOrder, lane: Lane, now: datetime) -> bool:
    """Whether this channel may still be given up."""
    if lane.state in OVER:
        return False
    end = no_return_time(order, lane)
    return not (lane.state is PortState.IN_PROCESS and end is not None and now >= end)


def check_cancellable(order: PortOrder, channel: str, now: datetime) -> list[Lane]:
    """The channels to give up: one, or all. Raises `PortPastNoReturn`, `PortStateWrong`."""
    going = [each for each in order.lanes if each.state not in OVER and channel in ("", each.channel)]
    if not going:
        raise PortStateWrong("The order is over.", metadata={"state": order.lanes[0].state.value})
    found = [each for each in going if cancellable(order, each, now)]
    if not found:
        raise PortPastNoReturn("The losing carrier is switching already: it can't be stopped any more.")
    return found


def check_room_for_document(order: PortOrder) -> None:
    """FieldInvalid when there are as many as an order may have."""
    if len(order.documents) >= MAX_DOCUMENTS:
        raise FieldInvalid.of("content", f"is one too many: an order has at most {MAX_DOCUMENTS} documents")


def media_type_of(content: bytes) -> str:
    """By the first bytes, whatever its name says. Raises `FieldInvalid`."""
    if not 0 < len(content) <= MAX_DOCUMENT_BYTES:
        raise FieldInvalid.of("content", f"must have 1 to {MAX_DOCUMENT_BYTES} bytes")
    found = next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), None)
    if found is None:
        raise FieldInvalid.of("content", "must be a PDF, a PNG or a JPEG")
    return found


def next_try(failures: int) -> timedelta:
    """How long to wait after a carrier could not be reached so often in a row."""
    return _PATIENCE[min(failures, len(_PATIENCE)) - 1]


def next_look(lane: Lane, now: datetime) -> timedelta:
    """How long until the carrier is asked how a lane stands: often around its moment, seldom otherwise."""
    if lane.state is PortState.IN_PROCESS and lane.foc_time is not None:
        left = lane.foc_time - now
        if timedelta(hours=-12) < left < timedelta(hours=1):
            return timedelta(seconds=30)
        return max(timedelta(seconds=30), min(timedelta(minutes=30), left - timedelta(hours=1)))
    return timedelta(minutes=10)


def routed(order: PortOrder) -> bool:
    """Whether calls to its numbers lead to the company already: the losing carrier agreed, so that a call that comes in
    over our own carrier says by itself that the number has been switched."""
    voice = order.lane("VOICE")
    return voice is not None and voice.state is PortState.IN_PROCESS


def shown(numbers: Sequence[str]) -> str:
    """As much of the numbers as one sentence holds, as people write them; isolated (UAX 9), for sentences that are
    written from right to left."""
    first = [format_number(parse(each), PhoneNumberFormat.INTERNATIONAL).replace(" ", "\u00a0") for each in numbers[:3]]
    more = f" (+{len(numbers) - 3})" if len(numbers) > 3 else ""
    return "\u2066" + ", ".join(first) + more + "\u2069"


Verdicts = Mapping[str, PortNumber]
"""Number -> what a check found."""

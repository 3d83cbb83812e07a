"""The verbs of engagement, each within one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.sql import Tx
from chassis.sqlerrors import TryAgain
from kernel.errors import FieldViolation
from kernel.ids import new_id
from kernel.phone import is_e164
from sqlalchemy.exc import IntegrityError

from engagement import convert, domain, store
from engagement.domain import CallRecording, ContactNews, Customer, HistoryEntry, ScreenPop


@dataclass(frozen=True)
class Caller:
    """Who calls, as far as it is known."""

    brand_id: str
    number: str
    email: str
    display_name: str


async def identify_customer(tx: Tx, caller: Caller, now: datetime) -> Customer:
    """The customer behind a caller, or a new one; a name is learnt when there was none."""
    number, email = domain.normal_number(caller.number), domain.normal_email(caller.email)
    name = domain.checked_name(caller.display_name)
    owners: dict[str, str | None] = {}
    for kind, address in (("number", number), ("email", email)):
        owners[kind] = await store.customer_of_address(tx, caller.brand_id, kind, address) if address else None
    # The number is what the caller can't make up as easily: it decides when both are known.
    known_id = owners["number"] or owners["email"]
    known = await store.customer(tx, known_id) if known_id else None
    if known is not None:
        free = {kind for kind, owner in owners.items() if owner is None}
        named = domain.with_address(
            known, number if "number" in free else "", email if "email" in free else "", name, now
        )
        if named is known:
            return known
    else:
        named = Customer(
            customer_id=new_id("cus", now),
            brand_id=caller.brand_id,
            display_name=name,
            numbers=(number,) if number else (),
            emails=(email,) if email else (),
            attributes={},
            create_time=now,
            update_time=now,
        )
    try:
        await store.save_customer(tx, named)
    except IntegrityError as error:  # its twin of another call was faster: run again and find that one
        raise TryAgain from error
    tx.emit(convert.customer_changed(named), key=named.customer_id)
    return named


@dataclass(frozen=True)
class Sought:
    """What customers are looked for by: `kind` is number, email or attribute, and then `name` is its name."""

    brand_id: str
    kind: str
    name: str
    value: str


async def find_customers(tx: Tx, sought: Sought) -> list[tuple[Customer, str]]:
    """Who has it, each with the agent they talked with last, at most two; nobody is created. `CustomerInvalid` when it
    can't be had."""
    found: list[Customer] = []
    if sought.kind == "attribute":
        name, value = domain.sought_attribute(sought.name, sought.value)
        found = await store.customers_with(tx, sought.brand_id, name, value, domain.FOUND)
    else:
        normal = domain.normal_number if sought.kind == "number" else domain.normal_email
        address = normal(sought.value)
        owner = await store.customer_of_address(tx, sought.brand_id, sought.kind, address) if address else None
        known = await store.customer(tx, owner) if owner else None
        found = [known] if known else []
    return [(each, await store.last_agent(tx, each.customer_id)) for each in found]


async def get_customer(tx: Tx, customer_id: str) -> Customer:
    """One customer. Raises `CustomerNotFound`."""
    found = await store.customer(tx, customer_id)
    if found is None:
        raise domain.CustomerNotFound(f"There is no customer {customer_id}.")
    return found


async def update_customer(tx: Tx, news: Customer, fields: Sequence[str], version: int, now: datetime) -> Customer:
    """Changes the named fields. Raises `CustomerNotFound`, `CustomerInvalid`, `VersionConflict`, `AddressTaken`."""
    value = domain.changed(await get_customer(tx, news.customer_id), news, fields, version, now)
    for kind, addresses in (("number", value.numbers), ("email", value.emails)):
        for address in addresses:
            owner = await store.customer_of_address(tx, value.brand_id, kind, address)
            if owner not in (None, value.customer_id):
                what = FieldViolation(f"{kind}s", "belongs to another customer of the brand")
                raise domain.AddressTaken(f"That {kind} belongs to customer {owner}.", fields=(what,))
    try:
        await store.save_customer(tx, value)
    except IntegrityError as error:
        raise domain.AddressTaken("A number or e-mail has just been given to another customer.") from error
    tx.emit(convert.customer_changed(value), key=value.customer_id)
    return value


async def list_customers(tx: Tx, query: str, size: int, token: str) -> tuple[list[Customer], bool]:
    """A page of customers, newest first, and whether there is more."""
    return await store.list_customers(tx, domain.search_terms(query), size, token)


async def list_history(tx: Tx, customer_id: str, size: int, token: str) -> tuple[list[HistoryEntry], bool]:
    """A page of a customer's history, newest first, and whether there is more. Raises `CustomerNotFound`."""
    await get_customer(tx, customer_id)
    return await store.list_history(tx, customer_id, size, token)


async def screen_pop(tx: Tx, customer_id: str) -> ScreenPop:
    """The customer with what was before: a contact that still waits is the one at hand. `CustomerNotFound`."""
    found = await get_customer(tx, customer_id)
    entries, contacts = await store.past(tx, customer_id, domain.HISTORY_IN_POP)
    return ScreenPop(found, entries, contacts)


async def add_note(tx: Tx, customer_id: str, note: str, author: str, now: datetime) -> HistoryEntry:
    """Adds a note to the customer's history. Raises `CustomerNotFound`, `CustomerInvalid`."""
    await get_customer(tx, customer_id)
    entry = HistoryEntry(
        history_entry_id=new_id("his", now),
        customer_id=customer_id,
        kind="note",
        create_time=now,
        agent_id=author,
        note=domain.checked_note(note),
    )
    await store.insert_note(tx, entry)
    tx.emit(convert.history_added(entry), key=customer_id)
    return entry


async def note_contact(tx: Tx, news: ContactNews, now: datetime) -> None:
    """Takes what routing says about a contact into its customer's history.

    A contact whose caller nobody could identify in time (engagement was away) finds its customer here.
    """
    if not news.customer_id:
        news = replace(news, customer_id=await _customer_of(tx, news, now))
    entry_id = new_id("his", now)
    if await store.upsert_contact(tx, news, entry_id):
        entry = HistoryEntry(
            history_entry_id=entry_id,
            customer_id=news.customer_id,
            kind="contact",
            create_time=news.time,
            contact_id=news.contact_id,
            call_id=news.call_id,
            queue_id=news.queue_id,
            outcome=news.outcome,
        )
        tx.emit(convert.history_added(entry), key=news.customer_id)


async def _customer_of(tx: Tx, news: ContactNews, now: datetime) -> str:
    known = await store.customer_of_contact(tx, news.contact_id)
    if known:
        return known
    number = news.caller_number if is_e164(news.caller_number) else ""
    caller = Caller(news.brand_id, number, "", news.caller_name[: domain.NAME_LENGTH])
    return (await identify_customer(tx, caller, now)).customer_id


async def note_talk(tx: Tx, call_id: str, seconds: int) -> None:
    """Keeps how long a call's talk was."""
    await store.note_call(tx, call_id, talk_seconds=seconds)


async def note_recording(tx: Tx, call_id: str, news: CallRecording) -> None:
    """Keeps what is known of a call's recording."""
    known = await store.recording_of_call(tx, call_id)
    value = known.after(news) if known is not None else news
    await store.note_call(tx, call_id, recording_id=value.recording_id, recording_erased=value.erased)

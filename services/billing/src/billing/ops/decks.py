"""Keeping rate decks: drafts, activation, markups. What is read of a file is read outside of a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chassis.sql import Tx
from kernel.currencies import CURRENCIES
from kernel.errors import Conflict, FailedPrecondition, InvalidInput, NotFound
from kernel.ids import new_id

from billing.domain.deck_files import DeckFile
from billing.domain.decks import DeckHeader, Markup
from billing.store import decks as store
from billing.store.decks import DeckRow, VersionRow

LONGEST_NAME = 100
PART_BYTES = 750_000
MOST_PARTS = 200
_MOST_PERCENT = Decimal(1000)


class RateDeckNotFound(NotFound):
    """No such deck."""

    reason = "RATE_DECK_NOT_FOUND"


class RateDeckVersionNotFound(NotFound):
    """The deck has no such version."""

    reason = "RATE_DECK_VERSION_NOT_FOUND"


class RateDeckInvalid(InvalidInput):
    """A field of the deck is wrong."""

    reason = "RATE_DECK_INVALID"


class RateDeckParentDerived(FailedPrecondition):
    """A derived deck can't be the parent of another."""

    reason = "RATE_DECK_PARENT_DERIVED"


class RateDeckDerived(FailedPrecondition):
    """A derived deck has no lines of its own."""

    reason = "RATE_DECK_DERIVED"


class RateDeckNotDerived(FailedPrecondition):
    """Only a derived deck has a markup."""

    reason = "RATE_DECK_NOT_DERIVED"


class RateDeckVersionActive(FailedPrecondition):
    """A version that was activated never changes."""

    reason = "RATE_DECK_VERSION_ACTIVE"


class ImportPartMissing(FailedPrecondition):
    """An earlier part of the file isn't there."""

    reason = "IMPORT_PART_MISSING"


class ImportPartDiffers(Conflict):
    """The part is there already, with another text."""

    reason = "IMPORT_PART_DIFFERS"


class RateDeckHasErrors(FailedPrecondition):
    """Lines of the draft are wrong."""

    reason = "RATE_DECK_HAS_ERRORS"


class RateDeckHasWarnings(FailedPrecondition):
    """Lines of the draft are unlikely, and nobody has accepted them."""

    reason = "RATE_DECK_HAS_WARNINGS"


class RateDeckDraftChanged(Conflict):
    """The draft isn't what was looked at."""

    reason = "RATE_DECK_DRAFT_CHANGED"


class ActivateTimePast(InvalidInput):
    """Calls that began are rated already."""

    reason = "ACTIVATE_TIME_PAST"


def checked_header(currency: str, time_zone: str, header: DeckHeader) -> DeckHeader:
    """The header, when its currency and zone can be. Raises `RateDeckInvalid`."""
    if currency not in CURRENCIES:
        raise RateDeckInvalid.of("rate_deck.currency", "is not the code of a currency (ISO 4217)")
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise RateDeckInvalid.of("rate_deck.time_zone", "is not the name of a time zone") from error
    if not 0 <= header.digits <= 8:
        raise RateDeckInvalid.of("rate_deck.rounding_digits", "must be 0 to 8")
    return replace(header, currency=currency, time_zone=time_zone)


def checked_markup(markup: Markup) -> Markup:
    """The markup, when a price can have it. Raises `RateDeckInvalid`."""
    if not -100 < markup.percent <= _MOST_PERCENT:
        raise RateDeckInvalid.of("markup_percent", "must be above -100 and at most 1000")
    if abs(markup.amount) > 1_000_000:
        raise RateDeckInvalid.of("markup_amount", "is not a price")
    return markup


async def create(tx: Tx, name: str, header: DeckHeader, parent_id: str, markup: Markup, now: datetime) -> DeckRow:
    """A new deck; a derived one is in force at once."""
    if parent_id:
        parent = await get(tx, parent_id)
        if parent.parent_id:
            raise RateDeckParentDerived("A derived deck can't be derived from: take its parent.")
        if parent.header.currency != header.currency:
            raise RateDeckInvalid.of("rate_deck.currency", "must be that of the parent")
        header = replace(header, time_zone=parent.header.time_zone)
    deck = DeckRow(new_id("rdk", now), name, header, parent_id, 0, now)
    await store.insert_deck(tx, deck)
    if parent_id:
        await store.insert_version(tx, VersionRow(deck.rate_deck_id, 1, now, 0, markup, now))
        deck = replace(deck, newest_version=1)
    return deck


async def get(tx: Tx, rate_deck_id: str) -> DeckRow:
    """Raises `RateDeckNotFound`."""
    found = await store.find_deck(tx, rate_deck_id)
    if found is None:
        raise RateDeckNotFound("There is no such rate deck.")
    return found


find = store.find_deck


async def get_version(tx: Tx, rate_deck_id: str, version: int) -> VersionRow:
    """Raises `RateDeckVersionNotFound`."""
    found = await store.find_version(tx, rate_deck_id, version)
    if found is None:
        raise RateDeckVersionNotFound("The deck has no such version.")
    return found


async def parent_version_at(tx: Tx, rate_deck_id: str, time: datetime) -> int:
    """Which version of its parent a derived deck follows at `time`; 0 for a deck of its own."""
    deck = await get(tx, rate_deck_id)
    parent = await store.version_at(tx, deck.parent_id, time) if deck.parent_id else None
    return parent.version if parent else 0


async def begin_import(tx: Tx, rate_deck_id: str, now: datetime) -> VersionRow:
    """A new draft in place of any other."""
    deck = await get(tx, rate_deck_id)
    if deck.parent_id:
        raise RateDeckDerived("A derived deck has its parent's lines: change its markup, or import into the parent.")
    await store.drop_drafts(tx, rate_deck_id)
    made = VersionRow(rate_deck_id, deck.newest_version + 1, None, 0, Markup(), now)
    await store.insert_version(tx, made)
    return made


async def draft(tx: Tx, rate_deck_id: str, version: int) -> VersionRow:
    """A version that can still change. Raises `RateDeckVersionNotFound`, `RateDeckVersionActive`."""
    found = await get_version(tx, rate_deck_id, version)
    if found.activate_time is not None:
        raise RateDeckVersionActive("This version was activated: it never changes. Import a new one.")
    return found


async def upload_part(tx: Tx, rate_deck_id: str, version: int, part: int, text: str) -> None:
    """Keeps the next part of a draft's file, once."""
    await draft(tx, rate_deck_id, version)
    known = await store.part_digests(tx, rate_deck_id, version)
    if not 0 <= part < MOST_PARTS:
        raise InvalidInput.of("part", f"must be 0 to {MOST_PARTS - 1}")
    if part < len(known):
        if known[part] != store.digest_of(text):
            raise ImportPartDiffers("This part was uploaded with another text: begin the import anew.")
        return
    if part > len(known):
        raise ImportPartMissing(f"Part {len(known)} comes first.")
    await store.insert_part(tx, rate_deck_id, version, part, text)


async def activate(
    tx: Tx,
    rate_deck_id: str,
    version: int,
    file: DeckFile,
    digests: Sequence[str],
    time: datetime | None,
    accept_warnings: bool,
    now: datetime,
) -> DeckRow:
    """A draft whose `file`, of parts with these digests, was read is in force from `time` on, now when None."""
    await draft(tx, rate_deck_id, version)
    if await store.part_digests(tx, rate_deck_id, version) != list(digests):
        raise RateDeckDraftChanged("The draft has changed while it was read: check it again.")
    if file.error_count:
        raise RateDeckHasErrors(f"{file.error_count} lines of the draft are wrong: check the import.")
    if file.warning_count and not accept_warnings:
        raise RateDeckHasWarnings(f"{file.warning_count} lines of the draft are unlikely: look, and accept them.")
    await store.activate(tx, rate_deck_id, version, _activation(time, now), len(file.lines))
    return await get(tx, rate_deck_id)


async def change_markup(tx: Tx, rate_deck_id: str, markup: Markup, time: datetime | None, now: datetime) -> DeckRow:
    """A derived deck has another markup from `time` on, now when None."""
    deck = await get(tx, rate_deck_id)
    if not deck.parent_id:
        raise RateDeckNotDerived("Only a derived deck has a markup.")
    made = VersionRow(rate_deck_id, deck.newest_version + 1, _activation(time, now), 0, markup, now)
    await store.insert_version(tx, made)
    return await get(tx, rate_deck_id)


def _activation(time: datetime | None, now: datetime) -> datetime:
    if time is not None and time < now:
        raise ActivateTimePast.of("activate_time", "lies in the past: calls since then are rated already")
    return time or now


async def list_versions(tx: Tx, rate_deck_id: str) -> list[VersionRow]:
    """Its newest versions, newest first."""
    return await store.list_versions(tx, rate_deck_id)


async def list_decks(tx: Tx, size: int, token: str) -> tuple[list[tuple[DeckRow, list[VersionRow]]], bool]:
    """A page of decks with their versions, newest first, and whether there is more."""
    found, more = await store.list_decks(tx, size, token)
    return [(each, await store.list_versions(tx, each.rate_deck_id)) for each in found], more

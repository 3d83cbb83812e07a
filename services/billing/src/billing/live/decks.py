"""Decks in memory: each version is read once, since it never changes, and which one is in force is asked anew every few
seconds, so that a change reaches every process within them."""

from __future__ import annotations

import asyncio
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic_ns

from chassis.sql import Database, Tx

from billing.domain.deck_files import DeckFile, read_deck
from billing.domain.decks import Deck, DeckHeader
from billing.ops import decks as ops
from billing.store import decks as store

FRESH_SECONDS = 4
KEPT = 16
"""Decks of 200,000 prefixes that are kept read, a few megabytes each."""


@dataclass(frozen=True)
class _Known:
    header: DeckHeader
    parent_id: str
    version: store.VersionRow | None
    parent_version: store.VersionRow | None
    until: int


class DeckShelf:
    """Reads decks for whoever rates by them."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._decks: OrderedDict[tuple[str, str, int], Deck] = OrderedDict()
        self._known: dict[tuple[str, str], _Known] = {}
        self._reading: dict[tuple[str, str, int], asyncio.Lock] = {}

    async def deck_at(self, owner: str, rate_deck_id: str, time: datetime, version: int = 0) -> Deck | None:
        """The deck of the tenant `owner` in the version that is in force at `time`, or in a given one; None when none
        was. Raises `RateDeckNotFound`, `RateDeckVersionNotFound`."""

        async def look(tx: Tx) -> tuple[store.DeckRow, store.VersionRow | None, store.VersionRow | None]:
            deck = await ops.get(tx, rate_deck_id)
            found = (
                await ops.get_version(tx, rate_deck_id, version)
                if version
                else await store.version_at(tx, rate_deck_id, time)
            )
            parent = await store.version_at(tx, deck.parent_id, time) if deck.parent_id else None
            return deck, found, parent

        deck, found, parent = await self._db.run(owner, look, read_only=True)
        return await self._read(owner, deck, found, parent)

    async def current(self, owner: str, rate_deck_id: str, time: datetime) -> Deck | None:
        """As `deck_at` for a moment that is now: which version that is may be known from some seconds ago."""
        key = owner, rate_deck_id
        known = self._known.get(key)
        if known is None or known.until < monotonic_ns() or _changed(known, time):

            async def look(tx: Tx) -> tuple[store.DeckRow, store.VersionRow | None, store.VersionRow | None]:
                deck = await ops.get(tx, rate_deck_id)
                parent = await store.version_at(tx, deck.parent_id, time) if deck.parent_id else None
                return deck, await store.version_at(tx, rate_deck_id, time), parent

            deck, found, parent = await self._db.run(owner, look, read_only=True)
            known = _Known(deck.header, deck.parent_id, found, parent, monotonic_ns() + FRESH_SECONDS * 10**9)
            self._known[key] = known
            return await self._read(owner, deck, found, parent)
        row = store.DeckRow(rate_deck_id, "", known.header, known.parent_id, 0, time)
        return await self._read(owner, row, known.version, known.parent_version)

    async def read_draft(
        self, owner: str, rate_deck_id: str, version: int
    ) -> tuple[store.DeckRow, DeckFile, Sequence[str]]:
        """A draft's file with what is wrong in it, and the digests of the parts it was read from."""

        async def look(tx: Tx) -> tuple[store.DeckRow, Sequence[bytes], Sequence[str]]:
            await ops.draft(tx, rate_deck_id, version)
            deck = await ops.get(tx, rate_deck_id)
            parts = await store.read_parts(tx, rate_deck_id, version)
            return deck, parts, await store.part_digests(tx, rate_deck_id, version)

        deck, parts, digests = await self._db.run(owner, look, read_only=True)
        return deck, await asyncio.to_thread(read_parts, parts, deck.header), digests

    async def _read(
        self, owner: str, deck: store.DeckRow, found: store.VersionRow | None, parent: store.VersionRow | None
    ) -> Deck | None:
        if found is None:
            return None
        if deck.parent_id:
            if parent is None:
                return None
            lines = await self._lines(owner, deck.parent_id, parent.version, deck.header)
            return lines.derived(found.markup, deck_id=deck.rate_deck_id, version=found.version, header=deck.header)
        return await self._lines(owner, deck.rate_deck_id, found.version, deck.header)

    async def _lines(self, owner: str, rate_deck_id: str, version: int, header: DeckHeader) -> Deck:
        key = owner, rate_deck_id, version
        async with self._reading.setdefault(key, asyncio.Lock()):
            made = self._decks.get(key)
            if made is None:
                parts = await self._db.run(
                    owner, lambda tx: store.read_parts(tx, rate_deck_id, version), read_only=True
                )
                made = await asyncio.to_thread(_build, parts, header, rate_deck_id, version)
                self._decks[key] = made
                while len(self._decks) > KEPT:
                    forgotten, _ = self._decks.popitem(last=False)
                    self._reading.pop(forgotten, None)
            self._decks.move_to_end(key)
            return made


def read_parts(parts: Iterable[bytes], header: DeckHeader) -> DeckFile:
    """A file's parts, read line by line."""
    return read_deck(_lines_of(parts), header)


def _build(parts: Sequence[bytes], header: DeckHeader, rate_deck_id: str, version: int) -> Deck:
    return Deck(header, read_parts(parts, header).lines, deck_id=rate_deck_id, version=version)


def _lines_of(parts: Iterable[bytes]) -> Iterator[str]:
    """Lines of parts that may end anywhere."""
    rest = ""
    for part in parts:
        *whole, rest = (rest + zlib.decompress(part).decode()).split("\n")
        yield from (f"{line}\n" for line in whole)
    if rest:
        yield rest


def _changed(known: _Known, time: datetime) -> bool:
    """Whether a moment isn't after the begin of the version that is known."""
    begin = known.version.activate_time if known.version is not None else None
    return begin is not None and time < begin

"""By which deck a call's reservation is charged, kept in memory for as long as the call is likely to ask."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime

from chassis.sql import Database
from kernel.errors import NotFound
from kernel.tenant import PLATFORM

from billing.domain.decks import Deck, Direction
from billing.domain.plans import Rate
from billing.live.decks import DeckShelf
from billing.ops import reservations as ops
from billing.store.reservations import ReservationRow

_KEPT = 5000


class Charges:
    """Finds decks for reservations."""

    def __init__(self, db: Database, shelf: DeckShelf) -> None:
        self._db = db
        self._shelf = shelf
        self._decks: OrderedDict[tuple[str, str], Deck] = OrderedDict()

    async def begin(
        self, tenant_id: str, number: str, direction: Direction, time: datetime
    ) -> tuple[bool, Deck | None, Rate | None]:
        """Whether the tenant's calls reserve, by which deck one to `number` that begins at `time` does, and the plan's
        price when that is what the deck is of."""
        found = await self._db.run(tenant_id, lambda tx: ops.charging(tx, number, direction, time), read_only=True)
        if not found.prepaid:
            return False, None, None
        if found.rate_deck_id:
            try:
                return True, await self._shelf.current(PLATFORM, found.rate_deck_id, time), None
            except NotFound:
                return True, None, None
        if found.flat is None:
            return True, None, None
        return True, ops.flat_deck(found.flat, found.currency), found.flat

    async def deck_of(self, tenant_id: str, row: ReservationRow) -> Deck:
        """The deck a reservation was begun by. Raises `RateDeckNotFound`."""
        made = row.reservation
        key = tenant_id, made.call_id
        known = self._decks.get(key)
        if known is None:
            known = self._decks[key] = await self._read(row)
            while len(self._decks) > _KEPT:
                self._decks.popitem(last=False)
        self._decks.move_to_end(key)
        return known

    def forget(self, tenant_id: str, call_id: str) -> None:
        """The call is settled."""
        self._decks.pop((tenant_id, call_id), None)

    async def _read(self, row: ReservationRow) -> Deck:
        made = row.reservation
        if row.flat is not None:
            return ops.flat_deck(row.flat, row.flat_currency)
        deck = await self._shelf.deck_at(PLATFORM, made.deck_id, made.start_time, made.deck_version)
        if deck is None:
            raise ops.ReservationNotFound("The deck the call was reserved by is gone.")
        return deck

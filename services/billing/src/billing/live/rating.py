"""Work that rates by decks: they are read for it while no transaction of it is open, and it begins again with them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from chassis.sql import Database, Tx
from kernel.errors import NotFound
from kernel.tenant import PLATFORM

from billing.domain.deck_prices import DeckNotAtHand, DeckPrices, Priced
from billing.domain.rates import DeckPrice
from billing.live.decks import DeckShelf
from billing.ops import decks as ops
from billing.store import decks as store

T = TypeVar("T")


class Rating:
    """Runs transactions of tenants whose plans may name the platform's decks."""

    def __init__(self, db: Database, shelf: DeckShelf) -> None:
        self.db = db
        self._shelf = shelf

    async def run(self, tenant_id: str, work: Callable[[Tx, DeckPrice], Awaitable[T]], *, read_only: bool = False) -> T:
        """One transaction of the tenant. It runs again for each version of a deck that it turns out to need."""
        prices = DeckPrices()
        while True:
            try:
                return await self.db.run(tenant_id, lambda tx: work(tx, prices), read_only=read_only)
            except DeckNotAtHand as missing:
                await self._bring(prices, missing.rate_deck_id, missing.time)

    async def _bring(self, prices: DeckPrices, rate_deck_id: str, time: datetime) -> None:
        if rate_deck_id not in prices.currencies:

            async def look(tx: Tx) -> tuple[str, list[datetime]]:
                deck = await ops.get(tx, rate_deck_id)
                each_of = (rate_deck_id, deck.parent_id) if deck.parent_id else (rate_deck_id,)
                return deck.header.currency, await store.activation_times(tx, each_of)

            try:
                currency, moments = await self.db.run(PLATFORM, look, read_only=True)
            except NotFound:
                currency, moments = "", []
            prices.currencies[rate_deck_id], prices.moments[rate_deck_id] = currency, moments
        place = prices.place(rate_deck_id, time)
        if place < 0:
            return
        at = prices.moments[rate_deck_id][place]
        deck = await self._shelf.deck_at(PLATFORM, rate_deck_id, at)
        parent = await self.db.run(PLATFORM, lambda tx: ops.parent_version_at(tx, rate_deck_id, at), read_only=True)
        prices.decks[rate_deck_id, place] = None if deck is None else Priced(deck, parent)

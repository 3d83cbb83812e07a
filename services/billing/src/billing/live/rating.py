"""Work that rates by decks or bills what companies are resold: decks and companies are read for it while no transaction
of it is open, and it begins again with them. So no transaction sees two companies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from chassis.sql import Database, Tx
from chassis.telemetry import counter, log
from kernel.errors import NotFound
from kernel.tenant import PLATFORM

from billing.domain import resales
from billing.domain.charges import CurrenciesMixed
from billing.domain.deck_prices import DeckNotAtHand, DeckPrices, Priced
from billing.domain.rates import DeckPrice
from billing.domain.resales import Resold
from billing.domain.wholesale import Asked, AtHand, CompaniesNotAtHand
from billing.live.decks import DeckShelf
from billing.ops import client_bills
from billing.ops import decks as ops
from billing.ops import resales as resale_ops
from billing.store import decks as store

T = TypeVar("T")
_unpriced = counter(
    "merkez.billing.unpriced_resales", "Periods of resold companies that no wholesale list has prices for"
)


class Rating:
    """Runs transactions of tenants whose plans may name the platform's decks."""

    def __init__(self, db: Database, shelf: DeckShelf) -> None:
        self.db = db
        self._shelf = shelf

    async def run(self, tenant_id: str, work: Callable[[Tx, DeckPrice], Awaitable[T]], *, read_only: bool = False) -> T:
        """One transaction of the tenant. It runs again for each version of a deck, and for the companies, that it turns
        out to need."""
        prices = AtHand()
        while True:
            try:
                return await self.db.run(tenant_id, lambda tx: work(tx, prices), read_only=read_only)
            except DeckNotAtHand as missing:
                await self._bring(prices, missing.rate_deck_id, missing.time)
            except CompaniesNotAtHand as missing:
                await self._bring_companies(prices, missing)

    async def resold(self, asked: Asked) -> Resold | None:
        """What a company's period comes to by the wholesale list in force when it ends; None when nothing was heard of
        it since, or the list has another currency."""
        own = await self.run(
            asked.period.tenant_id, lambda tx, decks: resale_ops.of_period(tx, asked, decks), read_only=True
        )
        if own is None:
            return None
        wanted, at = asked.period.wholesale_list_id, asked.period.end_time
        prices = await self.db.run(PLATFORM, lambda tx: client_bills.price_list_at(tx, wanted, at), read_only=True)
        try:
            return resales.at(own, prices)
        except CurrenciesMixed as error:
            # It is no reason not to bill the others; somebody must look, and what is mended is billed as late.
            _unpriced.add(1)
            log.error("a resold company has no prices", tenant_id=own.tenant_id, message=error.message)
            return None

    async def _bring_companies(self, prices: AtHand, missing: CompaniesNotAtHand) -> None:
        if missing.reseller_id:
            of, cutoff = missing.reseller_id, missing.cutoff
            prices.periods[of, cutoff] = await self.db.system(
                lambda tx: resale_ops.periods_of(tx, of, cutoff), read_only=True
            )
        for each in missing.asked:
            prices.resold[each] = await self.resold(each)

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

"""What a bill is made of, by whom it is for: the client whose brand a company serves, or a company that it resells. The
bills themselves are the same (`ops.client_bills`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from chassis.sql import Tx

from billing.domain import client_bills as domain
from billing.domain import resales
from billing.domain.charges import CurrenciesMixed
from billing.domain.client_bills import BrandLine, ClientAccount, ClientPeriodNotOver
from billing.domain.rates import DeckPrice
from billing.domain.statements import BilledPeriod
from billing.domain.wholesale import Asked, ResoldPeriod
from billing.ops.statements import NothingSubscribed, changed_since, current_period, statement_of
from billing.ops.wholesale import hand_of
from billing.store import client_bills as store
from billing.store import invoicing, names, usage
from billing.store import resales as resale_store

Period = tuple[datetime, datetime]


class Source(Protocol):
    """Where the lines of a client's bill come from. Each runs as the company that sends the bill."""

    client_id: str

    async def account(self, tx: Tx) -> ClientAccount | None:
        """How the client is billed; None while it isn't said."""
        ...

    async def period(self, tx: Tx, time: datetime, cutoff: datetime, decks: DeckPrice | None) -> Period:
        """The client's period `time` lies in. Raises `ClientPeriodNotOver`, `NothingSubscribed`, `RangeInvalid`."""
        ...

    async def zone(self, tx: Tx, period: Period, cutoff: datetime, decks: DeckPrice | None) -> str:
        """The zone its days are those of."""
        ...

    async def name(self, tx: Tx, period: Period, cutoff: datetime, decks: DeckPrice | None) -> str:
        """What the client is called; empty while nothing was heard."""
        ...

    async def lines(
        self, tx: Tx, period: Period, cutoff: datetime, decks: DeckPrice | None
    ) -> tuple[Sequence[BrandLine], str]:
        """A period's lines with what they cost the sender, unpriced, and their currency."""
        ...

    async def changed(self, tx: Tx, billed: BilledPeriod, cutoff: datetime, decks: DeckPrice | None) -> bool:
        """Whether anything was heard of since that a billed period depends on."""
        ...


def source_of(client_id: str) -> Source:
    """By the id: a company's (`ten_`) or a brand's."""
    return OfCompany(client_id) if client_id.startswith("ten_") else OfBrand(client_id)


async def check_held(tx: Tx, period: Period) -> None:
    """Raises `NothingSubscribed` for a period that was over before the company held a plan."""
    first = await invoicing.first_plan_time(tx)
    if first is not None and period[1] <= first:
        raise NothingSubscribed("The company held no plan in that period yet.")


class OfBrand:
    """A brand's share of the sender's own usage."""

    def __init__(self, brand_id: str) -> None:
        self.client_id = brand_id

    async def account(self, tx: Tx) -> ClientAccount | None:
        """See `Source`."""
        return await store.account(tx, self.client_id)

    async def period(self, tx: Tx, time: datetime, cutoff: datetime, decks: DeckPrice | None) -> Period:
        """See `Source`."""
        found = await current_period(tx, time)
        await check_held(tx, found)
        if found[1] > cutoff:
            raise ClientPeriodNotOver("The period isn't over yet.")
        return found

    async def zone(self, tx: Tx, period: Period, cutoff: datetime, decks: DeckPrice | None) -> str:
        """See `Source`."""
        return await usage.zone(tx) or "UTC"

    async def name(self, tx: Tx, period: Period, cutoff: datetime, decks: DeckPrice | None) -> str:
        """See `Source`."""
        return await names.name_of(tx, self.client_id)

    async def lines(
        self, tx: Tx, period: Period, cutoff: datetime, decks: DeckPrice | None
    ) -> tuple[Sequence[BrandLine], str]:
        """See `Source`."""
        statement = await statement_of(tx, *period, cutoff, deck=decks)
        return domain.shares_of(statement).get(self.client_id, []), statement.currency

    async def changed(self, tx: Tx, billed: BilledPeriod, cutoff: datetime, decks: DeckPrice | None) -> bool:
        """See `Source`."""
        return await changed_since(tx, billed, cutoff)


class OfCompany:
    """A company the sender resells, at what the platform bills the sender for it."""

    def __init__(self, tenant_id: str) -> None:
        self.client_id = tenant_id

    async def account(self, tx: Tx) -> ClientAccount | None:
        """See `Source`. The list is that of its resale price."""
        known, price = await store.account(tx, self.client_id), await resale_store.price(tx, self.client_id)
        return replace(known, price_list_id=price.price_list_id) if known and price else None

    async def period(self, tx: Tx, time: datetime, cutoff: datetime, decks: DeckPrice | None) -> Period:
        """See `Source`. Those that ended while it was resold by the sender, no others."""
        of = hand_of(decks).periods_of(tx.tenant_id, cutoff)
        found = next((each for each in of if self._is(each) and each.start_time <= time < each.end_time), None)
        if found is None or found.end_time > cutoff:
            raise ClientPeriodNotOver("No period of the company that you resold is over at that time.")
        return found.start_time, found.end_time

    async def zone(self, tx: Tx, period: Period, cutoff: datetime, decks: DeckPrice | None) -> str:
        """See `Source`."""
        return self._period(tx, period, cutoff, decks).time_zone

    async def name(self, tx: Tx, period: Period, cutoff: datetime, decks: DeckPrice | None) -> str:
        """See `Source`."""
        [found] = hand_of(decks).resold_of([Asked(self._period(tx, period, cutoff, decks), cutoff)])
        return found.name if found else ""

    async def lines(
        self, tx: Tx, period: Period, cutoff: datetime, decks: DeckPrice | None
    ) -> tuple[Sequence[BrandLine], str]:
        """See `Source`. Raises `CurrenciesMixed` when the platform has no prices for it."""
        [found] = hand_of(decks).resold_of([Asked(self._period(tx, period, cutoff, decks), cutoff)])
        if found is None:
            raise CurrenciesMixed("The wholesale price list has another currency than the company's plan.")
        return resales.one_level_down(found.lines), found.currency

    async def changed(self, tx: Tx, billed: BilledPeriod, cutoff: datetime, decks: DeckPrice | None) -> bool:
        """See `Source`."""
        of = self._period(tx, (billed.start_time, billed.end_time), cutoff, decks)
        [found] = hand_of(decks).resold_of([Asked(of, cutoff, billed.cutoff_time)])
        return found is not None

    def _is(self, period: ResoldPeriod) -> bool:
        return period.tenant_id == self.client_id

    def _period(self, tx: Tx, period: Period, cutoff: datetime, decks: DeckPrice | None) -> ResoldPeriod:
        of = hand_of(decks).periods_of(tx.tenant_id, cutoff)
        return next(each for each in of if self._is(each) and each.start_time == period[0])

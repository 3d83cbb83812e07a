"""What prepaid calls reserve: the verbs. How a call is charged is read before, outside of their transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.sql import Tx
from kernel.errors import NotFound

from billing.domain import plans
from billing.domain import reservations as rules
from billing.domain.deck_rating import rate_call
from billing.domain.decks import Deck, DeckHeader, DeckLine, Direction, Terms
from billing.domain.plans import VOICE, VOICE_OUT, Model, Rate
from billing.domain.reservations import Reservation, ReservationState, Tariff
from billing.domain.wallets import Entry, Wallet
from billing.ops import wallets
from billing.store import plans as plan_store
from billing.store import reservations as store
from billing.store import usage as usage_store
from billing.store import wallets as wallet_store
from billing.store.reservations import ReservationRow
from billing.store.wallets import WalletRow

BALANCE_USED_UP = "BALANCE_USED_UP"


class ReservationNotFound(NotFound):
    """The call has reserved nothing."""

    reason = "RESERVATION_NOT_FOUND"


@dataclass(frozen=True)
class AnsweredCall:
    """What is known of a call that was answered."""

    call_id: str
    number: str
    direction: Direction
    start_time: datetime
    brand_id: str = ""


@dataclass(frozen=True)
class Charging:
    """How a tenant's calls are charged: not at all here, by a deck, or by a plan's price of a minute."""

    prepaid: bool
    rate_deck_id: str = ""
    flat: Rate | None = None
    currency: str = ""


@dataclass(frozen=True)
class Answer:
    """What a call has now; `reservation` None when it got nothing at all."""

    prepaid: bool
    reservation: Reservation | None = None
    refusal: str = ""


async def charging(tx: Tx, number: str, direction: Direction, time: datetime) -> Charging:
    """How a call to `number` (ours, of a call in) that begins at `time` would be charged; by a plan, by the rate its
    invoice would price the call by. A price that depends on what else a period has, such as one by tiers, can't be told
    while the call is up: there is none then."""
    row = await wallet_store.find(tx)
    if row is None or not row.policy.prepaid:
        return Charging(False)
    if row.settings.rate_deck_id:
        return Charging(True, row.settings.rate_deck_id)
    plan = plans.plan_at(await plan_store.list_plans(tx), time)
    meter = VOICE_OUT if direction is Direction.OUTBOUND else VOICE
    if plan is None or not plan.rates_of(meter):
        return Charging(True)
    _, rate = plan.rate_for(meter, await usage_store.priced_by(tx, meter, number, time))
    if rate.model is Model.DECK:
        return Charging(True, rate.rate_deck_id)
    return Charging(True, "", rate, plan.currency) if rate.model is Model.STANDARD else Charging(True)


def flat_deck(rate: Rate, currency: str) -> Deck:
    """A plan's price of a minute and fee of a record as a deck: the same for every number."""
    first, following = max(rate.first_increment, 1), max(rate.next_increment, 1)
    terms = Terms(rate.price, first, following, connect_fee=rate.record_fee)
    return Deck(DeckHeader(currency), [DeckLine("", terms, direction) for direction in Direction])


async def get(tx: Tx, call_id: str) -> ReservationRow:
    """Raises `ReservationNotFound`."""
    row = await store.find(tx, call_id)
    if row is None:
        raise ReservationNotFound("The call has reserved nothing.")
    return row


async def find(tx: Tx, call_id: str) -> ReservationRow | None:
    """The call's reservation, if it has one."""
    return await store.find(tx, call_id)


async def reserve(tx: Tx, call: AnsweredCall, deck: Deck | None, flat: Rate | None, now: datetime) -> Answer:
    """Pays the first slice of a call that was answered. The same call again gets what it has."""
    row = await wallet_store.find(tx)
    if row is None or not row.policy.prepaid:
        return Answer(False)
    if deck is None or deck.header.currency != row.policy.currency:
        return Answer(True, None, "NO_RATE")
    made = Reservation(
        call.call_id, call.number, call.direction, call.start_time, now + rules.LIFE, brand_id=call.brand_id,
        deck_id="" if flat else deck.deck_id, deck_version=0 if flat else deck.version,
    )  # fmt: skip
    tariff = Tariff(deck)
    refusal = tariff.refusal(made)
    if refusal:
        return Answer(True, None, refusal)
    wallet = await wallet_store.load(tx, row)
    made, entries = rules.extend(wallet, made, tariff, 0, now)
    if not await store.begin(tx, ReservationRow(made, flat, deck.header.currency if flat else "")):
        return _answer((await get(tx, call.call_id)).reservation)
    await wallets.book(tx, row, wallet, entries, now, call_id=call.call_id)
    return _answer(made)


async def check(tx: Tx, number: str, direction: Direction, deck: Deck | None, now: datetime) -> Answer:
    """Whether a call to `number` could be begun now: a price there is, and money for its first increment."""
    row = await wallet_store.find(tx)
    if row is None or not row.policy.prepaid:
        return Answer(False)
    if deck is None or deck.header.currency != row.policy.currency:
        return Answer(True, None, "NO_RATE")
    first = rate_call(deck, number, now, 1, direction)
    if first.reason:
        return Answer(True, None, first.reason)
    left = (await wallet_store.load(tx, row)).spendable(now)
    return Answer(True, None, "BALANCE_USED_UP" if left is not None and left < first.amount else "")


async def extend(tx: Tx, call_id: str, deck: Deck, talked: int, now: datetime) -> Answer:
    """Charges what was talked and pays the next slice."""
    known = await get(tx, call_id)
    row = await wallets.found(tx)
    if known.reservation.state is ReservationState.SETTLED:
        return _answer(known.reservation)
    return await _extend(tx, row, known, Tariff(deck), talked, now)


async def settle(tx: Tx, call_id: str, deck: Deck, talked: int, now: datetime) -> Answer:
    """The call ended after `talked` seconds: charges them, and gives the rest back."""
    known = await get(tx, call_id)
    row = await wallets.found(tx)
    wallet = await _wallet(tx, row, known.reservation)
    done, entries = rules.settle(wallet, known.reservation, Tariff(deck), talked, now)
    await _save(tx, row, wallet, replace(known, reservation=done), entries, now)
    return _answer(done)


async def tidy(tx: Tx, call_id: str, deck: Deck, now: datetime) -> None:
    """Settles a reservation whose call has a detail record, else returns it when nobody has renewed it."""
    known = await get(tx, call_id)
    if known.end_seconds is not None:
        await settle(tx, call_id, deck, known.end_seconds, now)
        return
    if known.reservation.state is not ReservationState.OPEN or known.reservation.deadline > now:
        return
    row = await wallets.found(tx)
    wallet = await _wallet(tx, row, known.reservation)
    back, entries = rules.give_back(wallet, known.reservation, Tariff(deck), now)
    await _save(tx, row, wallet, replace(known, reservation=back), entries, now)


async def note_end(tx: Tx, call_id: str, talked: int) -> None:
    """A call's detail record came: what it has reserved is settled by it."""
    known = await store.find(tx, call_id)
    if known is None or known.end_seconds is not None or known.reservation.state is ReservationState.SETTLED:
        return
    paid = talked if known.reservation.granted_seconds else 0  # nobody pays for a refusal
    await store.note_end(tx, replace(known, end_seconds=paid))


async def due(tx: Tx, now: datetime) -> list[tuple[str, str]]:
    """(tenant id, call id) of what `tidy` has work for; in a system transaction."""
    return await store.due(tx, now)


async def _extend(tx: Tx, row: WalletRow, known: ReservationRow, tariff: Tariff, talked: int, now: datetime) -> Answer:
    wallet = await _wallet(tx, row, known.reservation)
    made, entries = rules.extend(wallet, known.reservation, tariff, talked, now)
    await _save(tx, row, wallet, replace(known, reservation=made), entries, now)
    return _answer(made)


async def _wallet(tx: Tx, row: WalletRow, reservation: Reservation) -> Wallet:
    """The wallet, with the grants that the call holds money of: those may have nothing left of their own."""
    wallet = await wallet_store.load(tx, row)
    known = {each.account for each in wallet.grants}
    missing = [each.account for each in reservation.held if each.account not in known]
    if not missing:
        return wallet
    return replace(wallet, grants=[*wallet.grants, *await wallet_store.grants_of(tx, missing)])


async def _save(
    tx: Tx, row: WalletRow, wallet: Wallet, known: ReservationRow, entries: Sequence[Entry], now: datetime
) -> None:
    await wallets.book(tx, row, wallet, entries, now, call_id=known.reservation.call_id)
    await store.save(tx, known)


def _answer(made: Reservation) -> Answer:
    used_up = made.state is ReservationState.OPEN and made.granted_seconds <= made.talked_seconds
    return Answer(True, made, BALANCE_USED_UP if used_up else "")


def is_last(made: Reservation) -> bool:
    """Whether the balance had less than a whole slice."""
    return made.granted_seconds < made.talked_seconds + rules.SLICE_SECONDS


def answer_of(row: ReservationRow) -> Answer:
    """What a call has already."""
    return _answer(row.reservation)

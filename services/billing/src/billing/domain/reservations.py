"""What a prepaid call reserves: slices of talk, paid for before they are talked.

A call holds money for at most `SLICE_SECONDS` beyond the talk that was told of, so that calls of one wallet can't
overspend it: what isn't there isn't granted. A reservation that nobody renews returns what it holds at its deadline;
if the call was up all the same, its settlement may then owe at most what those seconds cost.

Every verb takes the state and gives the next one with journal entries; the same wish again gives none. Talk never goes
back: an older report than the last one changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from billing.domain.deck_rating import rate_call, within_maximum
from billing.domain.decks import Deck, Direction
from billing.domain.wallets import (
    REVENUE,
    ZERO,
    BalanceTooLow,
    Entry,
    EntryKind,
    Posting,
    Wallet,
    ledger_amount,
    repaid,
    take,
)

SLICE_SECONDS = 6
"""Talk that is paid for ahead, at most."""
LIFE = timedelta(seconds=45)
"""A reservation nobody has renewed for this long is returned; with the sweep that looks, within 60 s."""


class ReservationState(StrEnum):
    """Where a reservation stands."""

    OPEN = "open"
    SETTLED = "settled"
    RETURNED = "returned"
    """Nobody renewed it: what it held went back, and a settlement may still come."""


@dataclass(frozen=True)
class Held:
    """Money a call holds, and the grant it came from; `debt` where it came from none."""

    account: str
    amount: Decimal


@dataclass(frozen=True)
class Reservation:
    """One call's reservation. `charged` is what its talk came to so far, `held` what is paid for ahead."""

    call_id: str
    number: str
    direction: Direction
    start_time: datetime
    deadline: datetime
    state: ReservationState = ReservationState.OPEN
    talked_seconds: int = 0
    granted_seconds: int = 0
    charged: Decimal = ZERO
    held: Sequence[Held] = ()
    deck_id: str = ""
    deck_version: int = 0
    brand_id: str = ""

    @property
    def account(self) -> str:
        """Its account in the ledger."""
        return f"held:{self.call_id}"

    @property
    def held_amount(self) -> Decimal:
        """What it holds."""
        return sum((each.amount for each in self.held), ZERO)


@dataclass(frozen=True)
class Tariff:
    """How the call is charged: a deck, at the call's number."""

    deck: Deck

    def cost(self, reservation: Reservation, seconds: int) -> Decimal:
        """What `seconds` of its talk come to, as the ledger keeps it."""
        rated = rate_call(self.deck, reservation.number, reservation.start_time, seconds, reservation.direction)
        return ledger_amount(rated.amount)

    def refusal(self, reservation: Reservation) -> str:
        """Why the number can't be called at all; empty when it can."""
        return rate_call(self.deck, reservation.number, reservation.start_time, 1, reservation.direction).reason


Outcome = tuple[Reservation, list[Entry]]


def extend(
    wallet: Wallet, reservation: Reservation, tariff: Tariff, talked: int, now: datetime, ahead: int = SLICE_SECONDS
) -> Outcome:
    """Charges the talk so far and pays `ahead` seconds of it in advance, at most `SLICE_SECONDS`.

    Grants as many of them as the balance has, none when it has nothing: the call ends when what was granted is talked.
    A settled reservation stays as it is. One that was returned is open again: its call was up all the same.
    """
    if reservation.state is ReservationState.SETTLED:
        return reservation, []
    talked = max(talked, reservation.talked_seconds)
    now_held, entries = _charge(wallet, reservation, tariff, talked, now)
    wallet = wallet.after(entries)
    wanted = talked + max(0, min(ahead, SLICE_SECONDS))
    granted = max(talked, now_held.granted_seconds)
    if wanted > granted:
        now_held, granted, more = _hold(wallet, now_held, tariff, granted, wanted, now)
        entries += more
    state = ReservationState.OPEN
    return replace(now_held, granted_seconds=granted, deadline=now + LIFE, state=state), entries


def settle(wallet: Wallet, reservation: Reservation, tariff: Tariff, talked: int, now: datetime) -> Outcome:
    """The call has ended after `talked` seconds: charges them and gives the rest back. A repeat changes nothing."""
    if reservation.state is ReservationState.SETTLED:
        return reservation, []
    return _close(wallet, reservation, tariff, max(talked, 0), now, ReservationState.SETTLED)


def give_back(wallet: Wallet, reservation: Reservation, tariff: Tariff, now: datetime) -> Outcome:
    """Nobody has renewed it: charges the talk that was told of and gives the rest back."""
    if reservation.state is not ReservationState.OPEN:
        return reservation, []
    return _close(wallet, reservation, tariff, reservation.talked_seconds, now, ReservationState.RETURNED)


def _close(
    wallet: Wallet, reservation: Reservation, tariff: Tariff, talked: int, now: datetime, state: ReservationState
) -> Outcome:
    talked = max(talked, reservation.talked_seconds)
    charged, entries = _charge(wallet, reservation, tariff, talked, now)
    entries += _return(charged)
    entries += repaid(wallet.after(entries), now)
    return replace(charged, held=(), state=state, granted_seconds=max(talked, charged.granted_seconds)), entries


def _charge(
    wallet: Wallet, reservation: Reservation, tariff: Tariff, talked: int, now: datetime
) -> tuple[Reservation, list[Entry]]:
    """Charges what `talked` seconds come to beyond what is charged already: of what is held, then of the wallet."""
    owed = tariff.cost(reservation, talked) - reservation.charged
    if owed <= 0:
        return replace(reservation, talked_seconds=talked), []
    held, from_held = list(reservation.held), min(owed, reservation.held_amount)
    left: list[Held] = []
    rest = from_held
    for each in held:
        part = min(rest, each.amount)
        rest -= part
        if each.amount > part:
            left.append(Held(each.account, each.amount - part))
    postings = [Posting(reservation.account, -from_held)] if from_held else []
    if owed > from_held:  # talked before it was granted: it was used, so it is owed
        postings += take(wallet, owed - from_held, now, owed=True)
    entry = Entry(EntryKind.CHARGE, (*postings, Posting(REVENUE, owed)))
    return replace(reservation, talked_seconds=talked, charged=reservation.charged + owed, held=tuple(left)), [entry]


def _hold(
    wallet: Wallet, reservation: Reservation, tariff: Tariff, granted: int, wanted: int, now: datetime
) -> tuple[Reservation, int, list[Entry]]:
    """Holds what `wanted` seconds of talk come to, or as many of them as can be paid."""
    have = reservation.charged + reservation.held_amount
    spendable = wallet.spendable(now)
    for seconds in range(wanted, granted, -1):
        missing = tariff.cost(reservation, seconds) - have
        if not _allowed(tariff, reservation, seconds) or (spendable is not None and missing > spendable):
            continue
        if missing <= 0:
            return reservation, seconds, []
        try:
            postings = take(wallet, missing, now)
        except BalanceTooLow:
            continue
        held = (*reservation.held, *(Held(each.account, -each.amount) for each in postings))
        entry = Entry(EntryKind.RESERVE, (*postings, Posting(reservation.account, missing)))
        return replace(reservation, held=held), seconds, [entry]
    return reservation, granted, []


def _allowed(tariff: Tariff, reservation: Reservation, seconds: int) -> bool:
    """Whether a maximum that disconnects has not been reached."""
    return within_maximum(tariff.deck, reservation.number, reservation.start_time, seconds, reservation.direction)


def _return(reservation: Reservation) -> list[Entry]:
    """What is still held goes back where it came from."""
    if not reservation.held:
        return []
    back = [Posting(each.account, each.amount) for each in reservation.held]
    return [Entry(EntryKind.REFUND, (Posting(reservation.account, -reservation.held_amount), *back))]

"""Prices of rate decks for statements: each call by the version that was in force when it began, whenever it is asked.

A version that was activated never changes, and none is activated for a time that is over. So a call's price is the same
for ever, and a statement that is made again says what it said.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from billing.domain.deck_rating import NO_RATE, rate_call
from billing.domain.decks import Deck, Direction
from billing.domain.plans import VOICE, Rate
from billing.domain.rates import DeckCharge, Destination, Metered, RateInvalid


class DeckNotAtHand(Exception):
    """A deck has to be read before this can be priced: no rule waits for a database."""

    def __init__(self, rate_deck_id: str, time: datetime) -> None:
        super().__init__(rate_deck_id)
        self.rate_deck_id, self.time = rate_deck_id, time


@dataclass(frozen=True)
class Priced:
    """A deck as it was in force from some moment on; of a derived one also which version of its parent that was."""

    deck: Deck
    parent_version: int = 0


@dataclass
class DeckPrices:
    """What is at hand of decks. Calling it prices a record."""

    currencies: dict[str, str] = field(default_factory=dict[str, str])
    """By deck; empty for one that isn't there."""
    moments: dict[str, Sequence[datetime]] = field(default_factory=dict[str, Sequence[datetime]])
    """By deck: when a version of it or its parent came into force, rising."""
    decks: dict[tuple[str, int], Priced | None] = field(default_factory=dict[tuple[str, int], Priced | None])
    """By deck and place in its moments."""

    def place(self, rate_deck_id: str, time: datetime) -> int:
        """Which of the deck's moments counts at `time`; -1 before the first."""
        return bisect_right(self.moments[rate_deck_id], time) - 1

    def __call__(self, rate: Rate, record: Metered) -> DeckCharge:
        """See `rates.DeckPrice`. Raises `DeckNotAtHand`, `RateInvalid`."""
        name = rate.rate_deck_id
        if name not in self.currencies:
            raise DeckNotAtHand(name, record.time)
        if not self.currencies[name]:
            raise RateInvalid.of("rate_deck_id", "is no rate deck")
        place = self.place(name, record.time)
        if place >= 0 and (name, place) not in self.decks:
            raise DeckNotAtHand(name, record.time)
        priced = self.decks[name, place] if place >= 0 else None
        if priced is None:
            return DeckCharge(Fraction(0), record.quantity, Destination("", name, reason=NO_RATE))
        deck = priced.deck
        direction = Direction.INBOUND if record.meter == VOICE else Direction.OUTBOUND
        rated = rate_call(deck, record.number, record.time, record.used_seconds, direction)
        where = "" if not rated.segments else rated.segments[0].terms.name or rated.segments[0].prefix or "*"
        found = Destination(where, name, deck.version, priced.parent_version, rated.reason)
        quantity = record.quantity if rated.reason else Fraction(rated.billed_seconds, 60)
        return DeckCharge(rated.amount, quantity, found)

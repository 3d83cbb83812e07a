"""How often a password may be guessed.

Two counters within a window of a quarter of an hour:

- one for (e-mail, network address): 10 failures. It stops a guesser at one place and, counted alone, would let a
  botnet guess 10 times from each of its thousands of places;
- one for the e-mail from everywhere: 100 failures. Counted alone it would let that botnet lock the owner out for ever,
  so it does not hold at an address the user has signed in from within the last 90 days.

What is left to an attacker is 9,600 guesses a day at one account and none of them at the owner's own place; whoever
shares the owner's network can keep them out there for as long as they go on, but not elsewhere. How many accounts
one address may try is the gateway's limit (`sign_ins_per_minute`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kernel.errors import QuotaExceeded

WINDOW = timedelta(minutes=15)
AT_ONE_ADDRESS = 10
FROM_EVERYWHERE = 100
ADDRESS_KNOWN = timedelta(days=90)


class TooManyAttempts(QuotaExceeded):
    """Too many failed sign-ins for this address."""

    reason = "TOO_MANY_ATTEMPTS"


@dataclass(frozen=True)
class Attempts:
    """Failed sign-ins within a window, and until when the place they came from is the user's own."""

    failures: int
    window_start: datetime
    known_until: datetime | None = None


def check(here: Attempts | None, everywhere: Attempts | None, now: datetime) -> None:
    """Raises `TooManyAttempts` with the time to wait."""
    known = here is not None and here.known_until is not None and now < here.known_until
    limits = [(here, AT_ONE_ADDRESS)] if known else [(here, AT_ONE_ADDRESS), (everywhere, FROM_EVERYWHERE)]
    waits = [
        counted.window_start + WINDOW - now
        for counted, limit in limits
        if counted is not None and counted.failures >= limit and now < counted.window_start + WINDOW
    ]
    if waits:
        raise TooManyAttempts("Too many failed sign-ins: wait a quarter of an hour.", retry_after=max(waits))


def one_more(counted: Attempts | None, now: datetime) -> Attempts:
    """One attempt more; a new window begins when the old one is over."""
    if counted is None or now >= counted.window_start + WINDOW:
        return Attempts(1, now, counted.known_until if counted else None)
    return replace(counted, failures=counted.failures + 1)


def succeeded_here(now: datetime) -> Attempts:
    """A sign-in that worked clears what failed before it at this address, and makes the address known."""
    return Attempts(0, now, now + ADDRESS_KNOWN)


def one_less(counted: Attempts) -> Attempts:
    """A sign-in that worked was no failure. The others still count: they may be somebody else's."""
    return replace(counted, failures=max(0, counted.failures - 1))

"""Counting password guesses, before it is known whether anybody has the e-mail: in system transactions."""

from __future__ import annotations

from datetime import datetime

from chassis.sql import Tx

from tenancy.domain import attempts
from tenancy.store import attempts as store


async def begin(tx: Tx, email: str, address: str, now: datetime) -> None:
    """Counts an attempt before the password is looked at, so that a thousand at once are a thousand attempts.

    Raises `TooManyAttempts`; what is refused isn't counted, so that no wait gets longer by knocking.
    """
    here_key, everywhere_key = store.key_of(email, address), store.key_of(email)
    here, everywhere = await store.read(tx, here_key), await store.read(tx, everywhere_key)
    attempts.check(here, everywhere, now)
    await store.write(tx, here_key, attempts.one_more(here, now))
    await store.write(tx, everywhere_key, attempts.one_more(everywhere, now))


async def succeeded(tx: Tx, email: str, address: str, now: datetime) -> None:
    """The password was right: takes the attempt back and knows the address from now on."""
    await store.write(tx, store.key_of(email, address), attempts.succeeded_here(now))
    everywhere = await store.read(tx, store.key_of(email))
    if everywhere is not None:
        await store.write(tx, store.key_of(email), attempts.one_less(everywhere))

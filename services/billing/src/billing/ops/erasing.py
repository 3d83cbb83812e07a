"""Erases of dialled numbers what nobody needs any more, a batch in each transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chassis.sql import Tx

from billing.domain import erasing, plans
from billing.domain.plans import VOICE, Model, PlanHeld
from billing.domain.rates import DeckPrice, RateInvalid
from billing.domain.usage import UsageRecord
from billing.ops.statements import metered
from billing.store import erasures as store
from billing.store import plans as plan_store
from billing.store.erasures import Place

BATCH = 500
due = store.due


async def shorten_next(tx: Tx, horizon: datetime, decks: DeckPrice | None = None) -> bool:
    """Shortens the numbers of the next calls that began before `horizon`; whether there are more. What a call costs,
    its identity, and every statement, also one that is made again, stay as they were."""
    at = await store.place(tx)
    batch = await store.calls(tx, at, horizon, BATCH)
    held = await plan_store.list_plans(tx)
    for record in batch:
        if record.meter == VOICE:
            continue  # the number that was called is the company's own
        number = record.properties.get("number", "")
        short = erasing.shortened(number, lambda text, r=record: _same(r, text, held, decks))
        if short != number:
            await store.save_properties(tx, _with(record, short))
    more = len(batch) == BATCH
    last = batch[-1] if batch else None
    then = Place(last.usage_time, last.usage_record_id) if more and last else Place(horizon)
    await store.shorten_reservations(tx, at.time, then.time)
    await store.save_place(tx, then)
    return more


def _same(record: UsageRecord, number: str, held: Sequence[PlanHeld], decks: DeckPrice | None) -> bool:
    plan = plans.plan_at(held, record.usage_time)
    if plan is None:
        return True
    _, rate = plan.rate_for(record.meter, record.properties)
    if rate.model is not Model.DECK:
        return True
    if decks is None:
        raise RateInvalid.of("rate_deck_id", "has no prices at hand")
    return decks(rate, metered(record)) == decks(rate, metered(_with(record, number)))


def _with(record: UsageRecord, number: str) -> UsageRecord:
    return replace(record, properties={**record.properties, "number": number})

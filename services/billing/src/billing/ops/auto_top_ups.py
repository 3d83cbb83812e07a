"""A wallet that is topped up by itself: asked of the payment provider once for each time its balance fell below the
mark, however often a process dies. The id of the row is the provider's idempotency key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from chassis.sql import Tx

from billing import convert
from billing.domain.payments import Method, NoPaymentMethod, NoPaymentProvider, Outcome, Payment, PaymentState
from billing.domain.wallets import Source
from billing.ops import wallets
from billing.store import auto_top_ups as store
from billing.store import payments

AGAIN = timedelta(minutes=5)
"""How long after it was asked, and gave no answer, a provider is asked again."""
PREFIX = "atu_"


@dataclass(frozen=True)
class Attempt:
    """What is asked of the provider, and what is charged."""

    payment: Payment
    method: Method


async def claim(
    tx: Tx, auto_top_up_id: str, provider: str, now: datetime, least: Callable[[Decimal, str], Decimal] | None = None
) -> Attempt | None:
    """Takes one to ask for; None when it was answered, another process asks, or nobody can be asked. `least` is what
    the provider can take of what was wished: where its steps are coarser, more is charged, and comes in."""
    row = await store.find(tx, auto_top_up_id)
    if row is None or row.next_time is None or row.next_time > now:
        return None
    method = await payments.method(tx, provider) if provider else None
    if method is None or not method.method_id:
        missing = NoPaymentMethod if provider else NoPaymentProvider
        await end(tx, auto_top_up_id, Outcome(PaymentState.FAILED, "", missing.reason), now)
        return None
    # Put off before it is asked for: whoever dies in between has scheduled the next attempt already.
    row = replace(row, next_time=now + AGAIN, amount=least(row.amount, row.currency) if least else row.amount)
    await store.save(tx, row)
    payment = Payment(
        auto_top_up_id, tx.tenant_id, "", provider, row.reference, row.amount, row.currency, row.state,
        row.create_time,
    )  # fmt: skip
    return Attempt(payment, method)


async def end(tx: Tx, auto_top_up_id: str, outcome: Outcome, now: datetime) -> bool:
    """What the provider answered; told twice it counts once, and a failure takes no success back. Whether it changed
    anything."""
    row = await store.find(tx, auto_top_up_id)
    if row is None or row.state is PaymentState.SUCCEEDED or row.state is outcome.state:
        if row is not None and outcome.reference and not row.reference:
            await store.save(tx, replace(row, reference=outcome.reference))
        return False
    changed = replace(
        row, state=outcome.state, reference=outcome.reference or row.reference, failure=outcome.failure, next_time=None
    )
    await store.save(tx, changed)
    if outcome.state is PaymentState.SUCCEEDED:
        note = f"{auto_top_up_id} {changed.reference}"
        amount = row.amount if outcome.amount is None else outcome.amount
        await wallets.top_up(tx, amount, Source.PAID, now, actor="auto_top_up", note=note)
    elif outcome.state is PaymentState.FAILED:
        tx.emit(convert.wallet_top_up_failed(row.amount, row.currency, outcome.failure), key=tx.tenant_id)
    return True

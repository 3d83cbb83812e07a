"""Prepaid money: the verbs on a tenant's wallet. Whatever moves money is one entry of its ledger or more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from chassis.sql import Tx
from kernel.currencies import CURRENCIES
from kernel.errors import Conflict, FailedPrecondition, InvalidInput, NotFound
from kernel.ids import new_id

from billing import convert
from billing.domain import plans
from billing.domain import wallets as rules
from billing.domain.payments import PaymentState
from billing.domain.plans import CHARGED_AHEAD, VOICE, VOICE_OUT
from billing.domain.wallets import Entry, Grant, Policy, Source, Wallet
from billing.store import auto_top_ups
from billing.store import plans as plan_store
from billing.store import reservations as reservation_store
from billing.store import wallets as store
from billing.store.auto_top_ups import AutoTopUp
from billing.store.wallets import Stored, WalletRow, WalletSettings

MOST_LOW_BALANCES = 5


class WalletNotFound(NotFound):
    """The company has no wallet."""

    reason = "WALLET_NOT_FOUND"


class WalletInvalid(InvalidInput):
    """A field of the wallet is wrong."""

    reason = "WALLET_INVALID"


class WalletCurrencyFixed(FailedPrecondition):
    """There was money in it: its currency stays."""

    reason = "WALLET_CURRENCY_FIXED"


class WalletVersionConflict(Conflict):
    """Somebody else changed the wallet's settings."""

    reason = "VERSION_CONFLICT"


class GrantInvalid(InvalidInput):
    """A field of the grant is wrong."""

    reason = "GRANT_INVALID"


class GrantNotFound(NotFound):
    """The wallet has no such grant."""

    reason = "GRANT_NOT_FOUND"


class GrantUsedUp(FailedPrecondition):
    """There is nothing left of the grant to take back."""

    reason = "GRANT_USED_UP"


@dataclass(frozen=True)
class Shown:
    """A wallet as it is shown."""

    row: WalletRow
    wallet: Wallet
    held: Decimal
    now: datetime


async def get(tx: Tx, now: datetime) -> Shown:
    """The tenant's wallet. Raises `WalletNotFound`."""
    row = await found(tx)
    return Shown(row, await store.load(tx, row), await reservation_store.held(tx), now)


async def found(tx: Tx) -> WalletRow:
    """The stored wallet. Raises `WalletNotFound`."""
    row = await store.find(tx)
    if row is None:
        raise WalletNotFound("The company has no wallet.")
    return row


async def configure(tx: Tx, policy: Policy, settings: WalletSettings, version: int, now: datetime) -> Shown:
    """Makes the wallet, or changes what it allows. Raises `WalletInvalid`, also for calls that are to be paid ahead by
    a plan whose price of a minute depends on how many there are."""
    _check(policy, settings)
    if policy.prepaid and not settings.rate_deck_id:
        held = plans.plan_at(await plan_store.list_plans(tx), now)
        rates = [rate for meter in (VOICE, VOICE_OUT) for _, rate in held.rates_of(meter)] if held is not None else []
        if any(rate.model not in CHARGED_AHEAD for rate in rates):
            raise WalletInvalid.of(
                "wallet.rate_deck_id", "is required: the plan's price of a minute depends on how many"
            )
    row = await store.find(tx)
    if row is None:
        if version:
            raise WalletVersionConflict("The wallet was changed meanwhile: read it again.")
        await store.insert_wallet(tx, WalletRow(policy, settings, rules.ZERO, 1, 0))
        return await get(tx, now)
    _check_version(row, version)
    if policy.currency != row.policy.currency and await store.has_entries(tx):
        raise WalletCurrencyFixed(f"There was money in the wallet: it stays in {row.policy.currency}.")
    await store.save_settings(tx, replace(row, policy=policy, settings=settings, version=row.version + 1))
    return await get(tx, now)


async def set_low_balances(tx: Tx, low_balances: Sequence[Decimal], version: int, now: datetime) -> Shown:
    """Sets the balances below which a notice is given."""
    row = await found(tx)
    _check_version(row, version)
    settings = replace(row.settings, low_balances=sorted(low_balances, reverse=True))
    _check(row.policy, settings)
    await store.save_settings(tx, replace(row, settings=settings, version=row.version + 1))
    return await get(tx, now)


async def top_up(
    tx: Tx,
    amount: Decimal,
    source: Source,
    now: datetime,
    *,
    priority: int = 0,
    expire_time: datetime | None = None,
    actor: str = "",
    note: str = "",
) -> Shown:
    """Adds a grant; what is owed is paid of it first. The caller makes a repeat the same (`tx.once`)."""
    row = await found(tx)
    if not 0 < amount < rules.MOST:
        raise GrantInvalid.of("amount", "must be more than nothing, and less than 10^12")
    if rules.ledger_amount(Fraction(amount)) != amount:
        raise GrantInvalid.of("amount", f"has more than {rules.LEDGER_DIGITS} digits after the point")
    if not 0 <= priority <= 1000:
        raise GrantInvalid.of("priority", "must be 0 to 1000")
    if expire_time is not None and expire_time <= now:
        raise GrantInvalid.of("expire_time", "lies in the past")
    grant = Grant(new_id("grt", now), amount, amount, source, now, priority, expire_time)
    wallet = await store.load(tx, row)
    await store.insert_grant(tx, grant)
    await store.book(tx, row, rules.topped_up(wallet, grant), now, actor=actor, note=note)
    shown = await get(tx, now)
    fact = convert.wallet_topped_up(grant, row.policy.currency, shown.wallet.balance(now))
    tx.emit(fact, key=tx.tenant_id)
    return shown


async def take_back(tx: Tx, grant_id: str, now: datetime, *, actor: str, note: str) -> Shown:
    """Takes back what is left of a grant."""
    row = await found(tx)
    grant = await store.find_grant(tx, grant_id)
    if grant is None:
        raise GrantNotFound("The wallet has no such grant.")
    entries = rules.taken_back(grant)
    if not entries:
        raise GrantUsedUp("There is nothing left of this grant.")
    await book(tx, row, await store.load(tx, row), entries, now, actor=actor, note=note)
    return await get(tx, now)


async def debit(
    tx: Tx, amount: Decimal, now: datetime, *, call_id: str = "", note: str = "", owed: bool = False
) -> Shown:
    """Charges something that was used at once. Raises `BalanceTooLow` unless the policy lets it go negative, or it is
    `owed` already. The caller makes a repeat the same."""
    row = await found(tx)
    wallet = await store.load(tx, row)
    entries = rules.debited(wallet, amount, now, owed=owed)
    await book(tx, row, wallet, entries, now, call_id=call_id, note=note)
    return await get(tx, now)


async def expire(tx: Tx, now: datetime) -> int:
    """Ends the grants whose time is over; how many there were."""
    row = await found(tx)
    wallet = await store.load(tx, row)
    entries = rules.expired(wallet, now)
    await book(tx, row, wallet, entries, now)
    return len(entries)


async def list_entries(tx: Tx, call_id: str, size: int, token: str) -> tuple[list[Stored], bool]:
    """A page of the ledger, newest first."""
    await found(tx)
    return await store.list_entries(tx, call_id, size, token)


async def tenants_with_expired(tx: Tx, now: datetime) -> list[str]:
    """Tenants that `expire` has work for; in a system transaction."""
    return await store.tenants_with_expired(tx, now)


async def book(
    tx: Tx, row: WalletRow, wallet: Wallet, entries: Sequence[Entry], now: datetime, *,
    call_id: str = "", actor: str = "", note: str = "",
) -> None:  # fmt: skip
    """Adds entries, and tells of a balance that fell below where somebody wishes to know it."""
    if not entries:
        return
    await store.book(tx, row, entries, now, call_id=call_id, actor=actor, note=note)
    before, after = wallet.balance(now), wallet.after(entries).balance(now)
    crossed = rules.lowest_crossed(before, after, row.settings.low_balances)
    if crossed is not None:
        tx.emit(convert.wallet_balance_low(crossed, after, row.policy.currency), key=tx.tenant_id)
    wished, below = row.settings.auto_top_up_amount, row.settings.auto_top_up_below
    if wished is not None and below is not None and after < below <= before:
        tx.emit(convert.wallet_top_up_due(wished, after, row.policy.currency), key=tx.tenant_id)
        at = new_id("atu", now)
        await auto_top_ups.add(tx, AutoTopUp(at, wished, row.policy.currency, PaymentState.PENDING, now, now))


def _check(policy: Policy, settings: WalletSettings) -> None:
    currency = policy.currency
    if currency not in CURRENCIES:
        raise WalletInvalid.of("wallet.currency", "is not the code of a currency (ISO 4217)")
    if policy.credit_limit is not None and not 0 <= policy.credit_limit < rules.MOST:
        raise WalletInvalid.of("wallet.credit_limit", "must not be negative, and less than 10^12")
    if len(settings.low_balances) > MOST_LOW_BALANCES:
        raise WalletInvalid.of("wallet.low_balances", f"are at most {MOST_LOW_BALANCES}")
    if any(abs(each) >= rules.MOST for each in settings.low_balances):
        raise WalletInvalid.of("wallet.low_balances", "must be less than 10^12")
    if (settings.auto_top_up_amount is None) != (settings.auto_top_up_below is None):
        raise WalletInvalid.of("wallet.auto_top_up_below", "is needed with auto_top_up_amount, and only with it")
    if settings.auto_top_up_amount is not None and not 0 < settings.auto_top_up_amount < rules.MOST:
        raise WalletInvalid.of("wallet.auto_top_up_amount", "must be more than nothing")


def _check_version(row: WalletRow, version: int) -> None:
    if version and version != row.version:
        raise WalletVersionConflict("The wallet was changed meanwhile: read it again.")

"""Queries on wallets and their ledger; rows to domain values and back. The ledger is only ever added to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from chassis.paging import keyset, page_size
from chassis.sql import Tx
from chassis.sqlerrors import TryAgain
from chassis.statements import inserting
from kernel.ids import new_id
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from billing.domain.wallets import DEBT, ZERO, Entry, EntryKind, Grant, Policy, Posting, Source, Wallet
from billing.store.wallet_tables import ledger_entries, ledger_postings, wallet_grants, wallets

_MICROSECOND = timedelta(microseconds=1)
"""Between entries of one booking, so that a list has them in their order."""


@dataclass(frozen=True)
class WalletSettings:
    """How a wallet is kept, beside its policy."""

    rate_deck_id: str = ""
    low_balances: Sequence[Decimal] = ()
    auto_top_up_amount: Decimal | None = None
    auto_top_up_below: Decimal | None = None


@dataclass(frozen=True)
class WalletRow:
    """A wallet as it is stored."""

    policy: Policy
    settings: WalletSettings
    debt: Decimal
    version: int
    movements: int


@dataclass(frozen=True)
class Stored:
    """A ledger entry with what it is for."""

    entry_id: str
    kind: EntryKind
    time: datetime
    change: Decimal
    call_id: str
    actor: str
    note: str
    postings: Sequence[Posting]
    currency: str


async def find(tx: Tx) -> WalletRow | None:
    """The tenant's wallet."""
    row = await tx.one_or_none(select(wallets).where(wallets.c.tenant_id == tx.tenant_id))
    return _wallet(row) if row else None


async def load(tx: Tx, row: WalletRow) -> Wallet:
    """What is in it: grants that have something left, and what is owed."""
    rows = await tx.all(
        select(wallet_grants)
        .where(wallet_grants.c.tenant_id == tx.tenant_id, wallet_grants.c.amount_left > 0)
        .order_by(wallet_grants.c.create_time)
    )
    return Wallet(row.policy, [_grant(each) for each in rows], row.debt)


async def find_grant(tx: Tx, grant_id: str) -> Grant | None:
    """One grant, used up or not."""
    row = await tx.one_or_none(
        select(wallet_grants).where(wallet_grants.c.tenant_id == tx.tenant_id, wallet_grants.c.grant_id == grant_id)
    )
    return _grant(row) if row else None


async def grants_of(tx: Tx, accounts: Sequence[str]) -> list[Grant]:
    """The grants of these accounts, used up or not: what a call holds may go back to any of them."""
    ids = [each.removeprefix("grant:") for each in accounts if each.startswith("grant:")]
    rows = await tx.all(
        select(wallet_grants).where(wallet_grants.c.tenant_id == tx.tenant_id, wallet_grants.c.grant_id.in_(ids))
    )
    return [_grant(each) for each in rows]


async def insert_wallet(tx: Tx, row: WalletRow) -> None:
    """A new wallet."""
    statement = insert(wallets).values(tenant_id=tx.tenant_id, debt=ZERO, movements=0, **_settings(row))
    if not (await tx.execute(statement.on_conflict_do_nothing())).rowcount:
        raise TryAgain


async def save_settings(tx: Tx, row: WalletRow) -> None:
    """How it is kept from now on."""
    await tx.execute(update(wallets).where(wallets.c.tenant_id == tx.tenant_id).values(**_settings(row)))


async def insert_grant(tx: Tx, grant: Grant) -> None:
    """A new grant, with nothing left yet: its entry brings it."""
    row = {
        "tenant_id": tx.tenant_id, "grant_id": grant.grant_id, "amount": grant.amount, "amount_left": ZERO,
        "source": grant.source.value, "priority": grant.priority, "expire_time": grant.expire_time,
        "create_time": grant.create_time,
    }  # fmt: skip
    await tx.execute(insert(wallet_grants).values(**row))


async def book(
    tx: Tx,
    row: WalletRow,
    entries: Sequence[Entry],
    now: datetime,
    *,
    call_id: str = "",
    actor: str = "",
    note: str = "",
) -> None:
    """Adds entries to the ledger, and follows them in what grants have left and in what is owed.

    Every booking writes the wallet's row, so that two at once can't both rely on the same balance.
    """
    if not entries:
        return
    moved: dict[str, Decimal] = {}
    heads: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    for place, entry in enumerate(entries):
        sums: dict[str, Decimal] = {}
        for posting in entry.postings:
            sums[posting.account] = sums.get(posting.account, ZERO) + posting.amount
            moved[posting.account] = moved.get(posting.account, ZERO) + posting.amount
        change = sum((amount for account, amount in sums.items() if in_balance(account)), ZERO)
        entry_id = new_id("jrn", now)
        heads.append(
            {
                "tenant_id": tx.tenant_id, "entry_id": entry_id, "kind": entry.kind.value,
                "entry_time": now + place * _MICROSECOND, "change": change, "call_id": call_id, "actor": actor,
                "note": note,
            }
        )  # fmt: skip
        lines += [
            {
                "tenant_id": tx.tenant_id, "entry_id": entry_id, "account": account, "amount": amount,
                "currency": row.policy.currency,
            }
            for account, amount in sums.items() if amount
        ]  # fmt: skip
    await tx.execute(inserting(ledger_entries), heads)
    await tx.execute(inserting(ledger_postings), lines)
    for account, amount in moved.items():
        if account.startswith("grant:") and amount:
            grant = wallet_grants.c.grant_id == account.removeprefix("grant:")
            await tx.execute(
                update(wallet_grants)
                .where(wallet_grants.c.tenant_id == tx.tenant_id, grant)
                .values(amount_left=wallet_grants.c.amount_left + amount)
            )
    await tx.execute(
        update(wallets)
        .where(wallets.c.tenant_id == tx.tenant_id)
        .values(debt=wallets.c.debt + moved.get(DEBT, ZERO), movements=wallets.c.movements + 1)
    )


async def list_entries(tx: Tx, call_id: str, size: int, token: str) -> tuple[list[Stored], bool]:
    """A page of the ledger, newest first, and whether there is more."""
    wanted = page_size(size)
    statement = select(ledger_entries).where(ledger_entries.c.tenant_id == tx.tenant_id)
    if call_id:
        statement = statement.where(ledger_entries.c.call_id == call_id)
    heads = await tx.all(keyset(statement, ledger_entries.c.entry_time, ledger_entries.c.entry_id, token, wanted))
    ids = [each["entry_id"] for each in heads]
    lines = await tx.all(
        select(ledger_postings)
        .where(ledger_postings.c.tenant_id == tx.tenant_id, ledger_postings.c.entry_id.in_(ids))
        .order_by(ledger_postings.c.entry_id, ledger_postings.c.amount)
    )
    of: dict[str, list[Posting]] = {}
    currencies: dict[str, str] = {}
    for line in lines:
        of.setdefault(line["entry_id"], []).append(Posting(line["account"], Decimal(line["amount"])))
        currencies[line["entry_id"]] = line["currency"]
    found = [
        Stored(
            each["entry_id"], EntryKind(each["kind"]), each["entry_time"], Decimal(each["change"]), each["call_id"],
            each["actor"], each["note"], of.get(each["entry_id"], []), currencies.get(each["entry_id"], ""),
        )
        for each in heads
    ]  # fmt: skip
    return found[:wanted], len(found) > wanted


async def account_sums(tx: Tx) -> dict[str, Decimal]:
    """What each account holds, by the ledger alone."""
    rows = await tx.all(
        select(ledger_postings.c.account, func.sum(ledger_postings.c.amount).label("held"))
        .where(ledger_postings.c.tenant_id == tx.tenant_id)
        .group_by(ledger_postings.c.account)
    )
    return {row["account"]: Decimal(row["held"]) for row in rows}


async def has_entries(tx: Tx) -> bool:
    """Whether money ever moved."""
    statement = select(ledger_entries.c.entry_id).where(ledger_entries.c.tenant_id == tx.tenant_id).limit(1)
    return bool(await tx.all(statement))


async def tenants_with_expired(tx: Tx, now: datetime) -> list[str]:
    """Tenants with a grant whose time is over and that has something left; in a system transaction."""
    rows = await tx.all(
        select(wallet_grants.c.tenant_id)
        .distinct()
        .where(wallet_grants.c.expire_time <= now, wallet_grants.c.amount_left > 0)
    )
    return [row["tenant_id"] for row in rows]


def in_balance(account: str) -> bool:
    """Whether an account is part of the balance."""
    return account.startswith("grant:") or account == DEBT


def _settings(row: WalletRow) -> dict[str, Any]:
    return {
        "currency": row.policy.currency, "prepaid": row.policy.prepaid,
        "negative_allowed": row.policy.negative_allowed, "credit_limit": row.policy.credit_limit,
        "rate_deck_id": row.settings.rate_deck_id, "low_balances": [str(each) for each in row.settings.low_balances],
        "auto_top_up_amount": row.settings.auto_top_up_amount, "auto_top_up_below": row.settings.auto_top_up_below,
        "version": row.version,
    }  # fmt: skip


def _wallet(row: Mapping[Any, Any]) -> WalletRow:
    policy = Policy(row["currency"], row["prepaid"], row["negative_allowed"], _optional(row["credit_limit"]))
    settings = WalletSettings(
        row["rate_deck_id"], [Decimal(each) for each in row["low_balances"]], _optional(row["auto_top_up_amount"]),
        _optional(row["auto_top_up_below"]),
    )  # fmt: skip
    return WalletRow(policy, settings, Decimal(row["debt"]), row["version"], row["movements"])


def _optional(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)


def _grant(row: Mapping[Any, Any]) -> Grant:
    return Grant(
        row["grant_id"], Decimal(row["amount"]), Decimal(row["amount_left"]), Source(row["source"]),
        row["create_time"], row["priority"], row["expire_time"],
    )  # fmt: skip

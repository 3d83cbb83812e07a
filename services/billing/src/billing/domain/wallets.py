"""Prepaid money: grants, the order they are consumed in, and journal entries that balance.

A wallet is what its ledger says. Every movement is one journal entry whose postings sum to zero; nothing is ever
changed or removed. A posting is positive where the account gains. Accounts:

| account | holds |
| --- | --- |
| `grant:<id>` | what is left of a grant and free to use |
| `held:<call>` | what a call that is up has reserved |
| `debt` | what was used beyond the balance: zero or less, but for what a call gives back that was repaid meanwhile |
| `paid`, `free`, `promo` | where grants came from: zero or less |
| `revenue`, `expired`, `taken_back` | where money went |

The balance is the grants plus the debt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from kernel.errors import FailedPrecondition

LEDGER_DIGITS = 8
"""After the point of every amount in a ledger: what a call comes to is rounded there once, half up."""
ZERO = Decimal(0)
DEBT, REVENUE, EXPIRED, TAKEN_BACK = "debt", "revenue", "expired", "taken_back"
MOST = Decimal(10) ** 12


class BalanceTooLow(FailedPrecondition):
    """The wallet doesn't have what is asked of it."""

    reason = "BALANCE_TOO_LOW"


class Source(StrEnum):
    """Where a grant's money comes from."""

    PAID = "paid"
    FREE = "free"
    PROMO = "promo"


class EntryKind(StrEnum):
    """Why money moved."""

    TOP_UP = "top_up"
    RESERVE = "reserve"
    CHARGE = "charge"
    REFUND = "refund"
    EXPIRE = "expire"
    TAKE_BACK = "take_back"
    REPAY = "repay"


@dataclass(frozen=True)
class Grant:
    """Money given at once. `left` is what the ledger says is left and free to use."""

    grant_id: str
    amount: Decimal
    left: Decimal
    source: Source
    create_time: datetime
    priority: int = 0
    """Lower is used first."""
    expire_time: datetime | None = None

    @property
    def account(self) -> str:
        """Its account in the ledger."""
        return f"grant:{self.grant_id}"

    def usable(self, now: datetime) -> bool:
        """Whether it has something left that hasn't expired."""
        return self.left > 0 and (self.expire_time is None or now < self.expire_time)


@dataclass(frozen=True)
class Policy:
    """What a wallet allows."""

    currency: str
    prepaid: bool = True
    """Calls reserve from it; otherwise they are billed by invoice and it is only looked at."""
    negative_allowed: bool = False
    credit_limit: Decimal | None = None
    """How far below zero it may go where it may; None: without bound."""


@dataclass(frozen=True)
class Posting:
    """What one account gains, or loses."""

    account: str
    amount: Decimal


@dataclass(frozen=True)
class Entry:
    """A journal entry, not numbered yet. Its postings sum to zero."""

    kind: EntryKind
    postings: Sequence[Posting]

    def __post_init__(self) -> None:
        if sum((each.amount for each in self.postings), ZERO) != 0:
            raise ValueError("a journal entry sums to zero")


@dataclass(frozen=True)
class Wallet:
    """A wallet at one moment: its policy and what its ledger says."""

    policy: Policy
    grants: Sequence[Grant] = ()
    debt: Decimal = ZERO
    """Zero or less."""

    def balance(self, now: datetime) -> Decimal:
        """What is free to use, less what is owed."""
        return sum((each.left for each in self.grants if each.usable(now)), ZERO) + self.debt

    def spendable(self, now: datetime) -> Decimal | None:
        """How much may be used now; None: without bound."""
        if not self.policy.negative_allowed:
            return max(ZERO, self.balance(now))
        if self.policy.credit_limit is None:
            return None
        return max(ZERO, self.balance(now) + self.policy.credit_limit)

    def after(self, entries: Iterable[Entry]) -> Wallet:
        """The wallet after these entries of grants it has."""
        moved: dict[str, Decimal] = {}
        for entry in entries:
            for posting in entry.postings:
                moved[posting.account] = moved.get(posting.account, ZERO) + posting.amount
        grants = [replace(each, left=each.left + moved.get(each.account, ZERO)) for each in self.grants]
        return replace(self, grants=grants, debt=self.debt + moved.get(DEBT, ZERO))


def in_order(grants: Iterable[Grant], now: datetime) -> list[Grant]:
    """What is used first: lowest priority number, then what expires first, then the oldest."""
    usable = [each for each in grants if each.usable(now)]
    return sorted(
        usable,
        key=lambda each: (
            each.priority,
            each.expire_time is None,
            each.expire_time or each.create_time,
            each.create_time,
            each.grant_id,
        ),
    )


def take(wallet: Wallet, amount: Decimal, now: datetime, *, owed: bool = False) -> list[Posting]:
    """Postings that take `amount` (at least 0) out of the wallet, without where it goes.

    `owed`: it was used already, so that what the grants don't have becomes a debt whatever the policy says. Raises
    `BalanceTooLow`.
    """
    spendable = wallet.spendable(now)
    if not owed and spendable is not None and amount > spendable:
        raise BalanceTooLow("The wallet's balance doesn't cover this.")
    postings: list[Posting] = []
    rest = amount
    for grant in in_order(wallet.grants, now):
        part = min(rest, grant.left)
        if part > 0:
            postings.append(Posting(grant.account, -part))
            rest -= part
    if rest > 0:
        postings.append(Posting(DEBT, -rest))
    return postings


def topped_up(wallet: Wallet, grant: Grant) -> list[Entry]:
    """The entries of a new grant: it comes in, and pays what is owed first."""
    came = (Posting(grant.source.value, -grant.amount), Posting(grant.account, grant.amount))
    entries = [Entry(EntryKind.TOP_UP, came)]
    return entries + repaid(replace(wallet, grants=(*wallet.grants, grant)), grant.create_time)


def repaid(wallet: Wallet, now: datetime) -> list[Entry]:
    """The entry by which grants pay what is owed: before their time is over, and before anything else is used."""
    rest, postings = -wallet.debt, list[Posting]()
    for grant in in_order(wallet.grants, now):
        part = min(rest, grant.left)
        if part > 0:
            postings.append(Posting(grant.account, -part))
            rest -= part
    paid = -sum((each.amount for each in postings), ZERO)
    return [Entry(EntryKind.REPAY, (*postings, Posting(DEBT, paid)))] if paid else []


def taken_back(grant: Grant) -> list[Entry]:
    """The entry by which an operator takes back what is left of a grant."""
    if grant.left <= 0:
        return []
    postings = (Posting(grant.account, -grant.left), Posting(TAKEN_BACK, grant.left))
    return [Entry(EntryKind.TAKE_BACK, postings)]


def debited(wallet: Wallet, amount: Decimal, now: datetime, *, owed: bool = False) -> list[Entry]:
    """The entry of something that was used at once. Raises `BalanceTooLow`."""
    if amount <= 0:
        return []
    postings = take(wallet, amount, now, owed=owed)
    return [Entry(EntryKind.CHARGE, (*postings, Posting(REVENUE, amount)))]


def expired(wallet: Wallet, now: datetime) -> list[Entry]:
    """The entries of grants whose time is over."""
    over = [
        each for each in wallet.grants if each.left > 0 and each.expire_time is not None and each.expire_time <= now
    ]
    return [Entry(EntryKind.EXPIRE, (Posting(each.account, -each.left), Posting(EXPIRED, each.left))) for each in over]


def ledger_amount(amount: Fraction) -> Decimal:
    """A non-negative amount as a ledger keeps it: half up at its last digit."""
    whole = (amount * 10**LEDGER_DIGITS * 2 + 1) // 2
    return Decimal(int(whole)).scaleb(-LEDGER_DIGITS)


def lowest_crossed(before: Decimal, after: Decimal, thresholds: Sequence[Decimal]) -> Decimal | None:
    """The lowest threshold a fall of the balance came below; None when it crossed none."""
    crossed = [each for each in thresholds if after < each <= before]
    return min(crossed, default=None)


def balances(entries: Iterable[Entry]) -> Mapping[str, Decimal]:
    """What each account holds after these entries."""
    held: dict[str, Decimal] = {}
    for entry in entries:
        for posting in entry.postings:
            held[posting.account] = held.get(posting.account, ZERO) + posting.amount
    return held

"""Wallets: a company's own, and all of them as operators keep them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from chassis.auth import principal
from chassis.instants import time_in, time_out
from chassis.paging import encode_token
from chassis.sql import Database, Tx
from kernel.errors import NotFound
from kernel.ids import require_id, require_request_id
from kernel.tenant import PLATFORM
from merkez.billing.v1 import wallet_pb2, wallet_service_pb2, wallet_service_pb2_grpc
from merkez.type.v1 import money_pb2

from billing.domain.wallets import Grant, Policy, Source, in_order
from billing.live.decks import DeckShelf
from billing.ops import decks as deck_ops
from billing.ops import wallets as ops

ask = wallet_service_pb2
LONGEST_NOTE = 200


class Wallets(wallet_service_pb2_grpc.WalletServiceServicer):
    """merkez.billing.v1.WalletService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def GetWallet(self, request: ask.GetWalletRequest, context: Any) -> wallet_pb2.Wallet:
        return await _read(self._db, principal().tenant_id)

    async def ListLedgerEntries(
        self, request: ask.ListLedgerEntriesRequest, context: Any
    ) -> ask.ListLedgerEntriesResponse:
        return await _entries(self._db, principal().tenant_id, request)

    async def SetLowBalances(self, request: ask.SetLowBalancesRequest, context: Any) -> wallet_pb2.Wallet:
        tenant_id, now = principal().tenant_id, self._db.clock.now()
        wanted = [_amount(each, "low_balances") for each in request.low_balances]
        shown = await self._db.run(tenant_id, lambda tx: ops.set_low_balances(tx, wanted, request.version, now))
        return _wallet(tenant_id, shown)


class WalletOperators(wallet_service_pb2_grpc.WalletOperatorServiceServicer):
    """merkez.billing.v1.WalletOperatorService. The tenant is named in the request."""

    def __init__(self, db: Database, shelf: DeckShelf) -> None:
        self._db = db
        self._shelf = shelf

    async def GetTenantWallet(self, request: ask.GetTenantWalletRequest, context: Any) -> wallet_pb2.Wallet:
        return await _read(self._db, _tenant(request))

    async def ListTenantLedgerEntries(
        self, request: ask.ListTenantLedgerEntriesRequest, context: Any
    ) -> ask.ListLedgerEntriesResponse:
        return await _entries(self._db, _tenant(request), request)

    async def ConfigureWallet(self, request: ask.ConfigureWalletRequest, context: Any) -> wallet_pb2.Wallet:
        tenant_id, now, wanted = _tenant(request), self._db.clock.now(), request.wallet
        policy = Policy(
            wanted.currency, wanted.prepaid, wanted.negative_allowed, _optional(wanted.credit_limit, "credit_limit")
        )
        settings = ops.WalletSettings(
            wanted.rate_deck_id,
            sorted((_amount(each, "wallet.low_balances") for each in wanted.low_balances), reverse=True),
            _optional(wanted.auto_top_up_amount, "auto_top_up_amount"),
            _optional(wanted.auto_top_up_below, "auto_top_up_below"),
        )
        if wanted.rate_deck_id:
            await self._check_deck(wanted.rate_deck_id, wanted.currency, now)
        shown = await self._db.run(tenant_id, lambda tx: ops.configure(tx, policy, settings, wanted.version, now))
        return _wallet(tenant_id, shown)

    async def TopUpWallet(self, request: ask.TopUpWalletRequest, context: Any) -> wallet_pb2.Wallet:
        request_id, tenant_id, now = require_request_id(request.request_id), _tenant(request), self._db.clock.now()
        try:
            amount = _amount(request.amount, "amount")
        except ops.WalletInvalid as error:
            raise ops.GrantInvalid(error.message, fields=error.fields) from error
        source = Source(
            wallet_pb2.GrantSource.Name(request.source or wallet_pb2.GRANT_SOURCE_PAID)
            .removeprefix("GRANT_SOURCE_")
            .lower()
        )
        expire_time, actor, note = time_in(request, "expire_time"), principal().subject, _note(request.note)

        async def work(tx: Tx) -> wallet_pb2.Wallet:
            async def add() -> wallet_pb2.Wallet:
                shown = await ops.top_up(
                    tx, amount, source, now, priority=request.priority, expire_time=expire_time, actor=actor, note=note
                )
                return _wallet(tenant_id, shown)

            return await tx.once(request_id, "TopUpWallet", request, wallet_pb2.Wallet, add)

        return await self._db.run(tenant_id, work)

    async def TakeBackGrant(self, request: ask.TakeBackGrantRequest, context: Any) -> wallet_pb2.Wallet:
        request_id, tenant_id, now = require_request_id(request.request_id), _tenant(request), self._db.clock.now()
        grant_id, actor, note = (
            require_id("grt", request.grant_id, "grant_id"),
            principal().subject,
            _note(request.note),
        )
        if not note:
            raise ops.GrantInvalid.of("note", "is required: say why")

        async def work(tx: Tx) -> wallet_pb2.Wallet:
            async def take() -> wallet_pb2.Wallet:
                return _wallet(tenant_id, await ops.take_back(tx, grant_id, now, actor=actor, note=note))

            return await tx.once(request_id, "TakeBackGrant", request, wallet_pb2.Wallet, take)

        return await self._db.run(tenant_id, work)

    async def _check_deck(self, rate_deck_id: str, currency: str, now: datetime) -> None:
        """Raises `RateDeckNotFound`, `WalletInvalid`."""
        try:
            deck = await self._db.run(PLATFORM, lambda tx: deck_ops.get(tx, rate_deck_id), read_only=True)
        except NotFound as error:
            raise deck_ops.RateDeckNotFound("There is no such rate deck.") from error
        if deck.header.currency != currency:
            raise ops.WalletInvalid.of("wallet.rate_deck_id", "is a deck of another currency")


async def _read(db: Database, tenant_id: str) -> wallet_pb2.Wallet:
    now = db.clock.now()
    return _wallet(tenant_id, await db.run(tenant_id, lambda tx: ops.get(tx, now), read_only=True))


async def _entries(db: Database, tenant_id: str, request: Any) -> ask.ListLedgerEntriesResponse:
    found, more = await db.run(
        tenant_id,
        lambda tx: ops.list_entries(tx, request.call_id, request.page_size, request.page_token),
        read_only=True,
    )
    last = found[-1] if more else None
    return ask.ListLedgerEntriesResponse(
        entries=[_entry(each) for each in found],
        next_page_token=encode_token(last.time, last.entry_id) if last else "",
    )


def _wallet(tenant_id: str, shown: ops.Shown) -> wallet_pb2.Wallet:
    row, wallet = shown.row, shown.wallet
    currency, settings = row.policy.currency, row.settings
    return wallet_pb2.Wallet(
        tenant_id=tenant_id,
        currency=currency,
        prepaid=row.policy.prepaid,
        negative_allowed=row.policy.negative_allowed,
        credit_limit=_shown(row.policy.credit_limit),
        rate_deck_id=settings.rate_deck_id,
        low_balances=[_plain(each) for each in settings.low_balances],
        auto_top_up_amount=_shown(settings.auto_top_up_amount),
        auto_top_up_below=_shown(settings.auto_top_up_below),
        balance=_money(currency, wallet.balance(shown.now)),
        reserved=_money(currency, shown.held),
        grants=[_grant(currency, each) for each in in_order(wallet.grants, shown.now)],
        version=row.version,
    )


def _grant(currency: str, grant: Grant) -> wallet_pb2.Grant:
    return wallet_pb2.Grant(
        grant_id=grant.grant_id,
        amount=_money(currency, grant.amount),
        left=_money(currency, grant.left),
        source=wallet_pb2.GrantSource.Value(f"GRANT_SOURCE_{grant.source.name}"),
        priority=grant.priority,
        expire_time=time_out(grant.expire_time),
        create_time=time_out(grant.create_time),
    )


def _entry(entry: ops.Stored) -> wallet_pb2.LedgerEntry:
    return wallet_pb2.LedgerEntry(
        entry_id=entry.entry_id,
        kind=wallet_pb2.LedgerEntryKind.Value(f"LEDGER_ENTRY_KIND_{entry.kind.name}"),
        entry_time=time_out(entry.time),
        postings=[
            wallet_pb2.LedgerPosting(account=each.account, amount=_plain(each.amount)) for each in entry.postings
        ],
        change=_money(entry.currency, entry.change),
        call_id=entry.call_id,
        actor=entry.actor,
        note=entry.note,
    )


def _tenant(request: Any) -> str:
    return require_id("ten", request.tenant_id, "tenant_id")


def _note(text: str) -> str:
    note = text.strip()
    if len(note) > LONGEST_NOTE:
        raise ops.GrantInvalid.of("note", f"is up to {LONGEST_NOTE} characters")
    return note


def _amount(text: str, field: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation as error:
        raise ops.WalletInvalid.of(field, "is not a decimal") from error
    if not found.is_finite() or len(text) > 30:
        raise ops.WalletInvalid.of(field, "is not a decimal")
    return found


def _optional(text: str, field: str) -> Decimal | None:
    return _amount(text, f"wallet.{field}") if text else None


def _money(currency: str, amount: Decimal) -> money_pb2.Money:
    return money_pb2.Money(currency=currency, amount=_plain(amount))


def _shown(amount: Decimal | None) -> str:
    return "" if amount is None else _plain(amount)


def _plain(amount: Decimal) -> str:
    """Without an exponent, or needless zeros."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

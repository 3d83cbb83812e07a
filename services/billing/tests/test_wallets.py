"""Wallets over the wire and on a real database."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import billing
import pytest
from billing.ops import wallets as ops
from chassis.auth import acting_as
from chassis.instants import time_out
from kernel.errors import AlreadyExists, Conflict, FailedPrecondition, Forbidden, InvalidInput, NotFound
from kernel.ids import new_id
from kernel.tenant import PLATFORM
from merkez.billing.v1 import (
    wallet_pb2,
    wallet_service_pb2,
)
from sqlalchemy import text
from testkit import someone

from .till import Till, refused, till

__all__ = ["till"]
ask = wallet_service_pb2


# -- wallets -----------------------------------------------------------------------------------------------------


async def test_company_without_a_wallet_is_told_so_and_its_calls_reserve_nothing(till: Till) -> None:
    with refused(NotFound, "WALLET_NOT_FOUND"):
        await till.wallet()
    assert not (await till.reserve("call_1")).prepaid
    with refused(NotFound, "RESERVATION_NOT_FOUND"):
        await till.extend("call_1", 3)


async def test_top_up_counts_once_however_often_it_is_asked(till: Till) -> None:
    await till.configure()
    for _ in range(2):
        await till.top_up("10.50", request_id="once")
    assert await till.balance() == (Decimal("10.5"), 0)
    with refused(AlreadyExists, "REQUEST_ID_REUSED"):
        await till.top_up("99", request_id="once")
    [entry] = await till.entries()
    assert (entry.kind, entry.change.amount, entry.actor) == (
        wallet_pb2.LEDGER_ENTRY_KIND_TOP_UP,
        "10.5",
        "usr_operator",
    )
    assert {each.account.split(":")[0]: each.amount for each in entry.postings} == {"paid": "-10.5", "grant": "10.5"}


async def test_wallet_in_a_currency_that_there_is_none_of_is_refused(till: Till) -> None:
    for code in ("ZZZ", "XXX", "euro", ""):
        with refused(InvalidInput, "WALLET_INVALID"):
            await till.configure(currency=code)


async def test_two_top_ups_at_once_both_count_and_the_same_one_counts_once(till: Till) -> None:
    await till.configure()
    await asyncio.gather(*(till.top_up("1", request_id=each) for each in ("a", "b", "a", "c", "b")))
    assert await till.balance() == (3, 0)
    await till.balances_by_ledger()


async def test_grants_are_used_by_priority_and_expiry_and_expire(till: Till) -> None:
    await till.configure()
    soon = till.ledger.clock.now() + timedelta(days=1)
    await till.top_up("5", note="bought")
    await till.top_up("5", source=wallet_pb2.GRANT_SOURCE_PROMO, expire_time=time_out(soon))
    await till.top_up("5", priority=3)
    await till.ledger.db.run(till.tenant, lambda tx: ops.debit(tx, Decimal(2), till.ledger.clock.now()))
    found = (await till.wallet()).grants
    assert [(each.source, each.left.amount) for each in found] == [
        (wallet_pb2.GRANT_SOURCE_PROMO, "3"), (wallet_pb2.GRANT_SOURCE_PAID, "5"), (wallet_pb2.GRANT_SOURCE_PAID, "5"),
    ]  # fmt: skip
    till.ledger.clock.advance(timedelta(days=1))
    assert await till.balance() == (10, 0)  # at once, also before the sweep
    await till.sweeps.grants()
    await till.sweeps.grants()
    sums = await till.balances_by_ledger()
    assert sums["expired"] == 3


async def test_operator_takes_back_what_is_left_of_a_grant(till: Till) -> None:
    await till.configure()
    [grant] = (await till.top_up("5")).grants
    request = ask.TakeBackGrantRequest(request_id="t", tenant_id=till.tenant, grant_id=grant.grant_id, note="wrong one")
    with acting_as(someone("operator", PLATFORM)):
        for _ in range(2):
            assert (await till.operators.TakeBackGrant(request)).balance.amount == "0"
        request.request_id = "u"
        with refused(FailedPrecondition, "GRANT_USED_UP"):
            await till.operators.TakeBackGrant(request)
    assert (await till.balances_by_ledger())["taken_back"] == 5


async def test_absurd_amounts_and_settings_are_refused(till: Till) -> None:
    with refused(NotFound, "WALLET_NOT_FOUND"):
        await till.top_up("5")
    for wrong in (
        {"currency": "euro"}, {"credit_limit": "-1"}, {"low_balances": ["1"] * 6}, {"auto_top_up_amount": "5"},
        {"low_balances": ["NaN"]}, {"auto_top_up_amount": "0", "auto_top_up_below": "1"},
    ):  # fmt: skip
        with refused(InvalidInput, "WALLET_INVALID"):
            await till.configure(**wrong)
    await till.configure()
    for amount in ("0", "-5", "1e15", "NaN", "abc", "", "0.123456789"):
        with refused(InvalidInput, "GRANT_INVALID"):
            await till.top_up(amount)
    with refused(InvalidInput, "GRANT_INVALID"):
        await till.top_up("5", priority=-1)
    with refused(InvalidInput, "GRANT_INVALID"):
        await till.top_up("5", expire_time=time_out(till.ledger.clock.now()))
    with refused(NotFound, "RATE_DECK_NOT_FOUND"):
        await till.configure(rate_deck_id=new_id("rdk", till.ledger.clock.now()))


async def test_settings_follow_versions_and_the_currency_stays_with_the_money(till: Till) -> None:
    made = await till.configure()
    changed = await till.configure(version=made.version, low_balances=["5", "10"])
    assert list(changed.low_balances) == ["10", "5"]
    with refused(Conflict, "VERSION_CONFLICT"):
        await till.configure(version=made.version)
    await till.configure(currency="USD")
    await till.top_up("5")
    with refused(FailedPrecondition, "WALLET_CURRENCY_FIXED"):
        await till.configure(currency="EUR")


async def test_owner_reads_and_sets_notices_but_adds_no_money_and_others_see_nothing(till: Till) -> None:
    await till.configure()
    await till.top_up("5")
    with acting_as(someone("owner", till.tenant)):
        low = await till.own.SetLowBalances(ask.SetLowBalancesRequest(low_balances=["2"]))
        assert list(low.low_balances) == ["2"]
        with pytest.raises(Forbidden):
            await till.operators.TopUpWallet(ask.TopUpWalletRequest(request_id="x", tenant_id=till.tenant, amount="5"))
    with acting_as(someone("agent", till.tenant)), pytest.raises(Forbidden):
        await till.own.GetWallet(ask.GetWalletRequest())
    with acting_as(someone("owner", till.ledger.twin().tenant)), refused(NotFound, "WALLET_NOT_FOUND"):
        await till.own.GetWallet(ask.GetWalletRequest())


async def test_fall_below_a_threshold_is_told_once_and_money_is_asked_for(till: Till) -> None:
    await till.configure(low_balances=["10", "5"], auto_top_up_amount="50", auto_top_up_below="5")
    await till.top_up("12")
    told: list[str] = []

    async def spend(tx: Any) -> None:
        await ops.debit(tx, Decimal(4), till.ledger.clock.now())
        told.extend(type(each.message).__name__ + _threshold(each.message) for each in tx._emitted)

    for _ in range(3):
        await till.ledger.db.run(till.tenant, spend)
    assert told == ["WalletBalanceLow 10", "WalletBalanceLow 5", "WalletTopUpDue"]


def _threshold(message: Any) -> str:
    return f" {message.threshold.amount}" if hasattr(message, "threshold") else ""


async def test_no_code_and_no_role_changes_the_ledger(till: Till) -> None:
    folder = Path(billing.__file__).parent
    for path in folder.rglob("*.py"):
        assert not re.search(r"(update|delete)\(ledger_", path.read_text()), path
    await till.configure()
    await till.top_up("5")
    for statement in ("update billing.ledger_postings set amount = 0", "delete from billing.ledger_entries"):
        for engine in (till.ledger.db.engine, till.ledger.db.system_engine):
            assert engine is not None
            async with engine.connect() as connection:
                with pytest.raises(Exception, match="permission denied"):
                    await connection.execute(text(statement))

"""Wallets and what calls reserve of them, over the wire and on a real database."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import billing
import pytest
import pytest_asyncio
from billing.handlers.reservations import Reservations
from billing.handlers.wallets import WalletOperators, Wallets
from billing.live.charging import Charges
from billing.live.decks import DeckShelf
from billing.live.sweeps import Sweeps
from billing.ops import reservations as reservation_ops
from billing.ops import wallets as ops
from billing.store import wallets as store
from chassis.auth import acting_as, acting_for
from chassis.instants import duration_out, time_out
from chassis.turns import TurnTaking
from kernel.errors import AlreadyExists, Conflict, DomainError, FailedPrecondition, Forbidden, InvalidInput, NotFound
from kernel.ids import new_id
from kernel.tenant import PLATFORM
from merkez.billing.v1 import (
    rate_deck_pb2,
    reservation_service_pb2,
    reservation_service_pb2_grpc,
    wallet_pb2,
    wallet_service_pb2,
    wallet_service_pb2_grpc,
)
from merkez.telephony.v1 import call_pb2, telephony_events_pb2
from sqlalchemy import text
from testkit import RpcHouse, someone

from .conftest import Ledger, plan_fact

ask = wallet_service_pb2
SECOND = timedelta(seconds=1)


@dataclass
class Till:
    """One tenant's wallet, and everybody who has to do with it."""

    ledger: Ledger
    own: Any
    operators: Any
    calls: Any
    sweeps: Sweeps

    @property
    def tenant(self) -> str:
        """Whose wallet it is."""
        return self.ledger.tenant

    async def configure(self, **fields: Any) -> wallet_pb2.Wallet:
        """What the wallet allows."""
        tenant = fields.pop("tenant", self.tenant)
        wallet = wallet_pb2.Wallet(**({"currency": "EUR", "prepaid": True} | fields))
        with acting_as(someone("operator", PLATFORM)):
            return await self.operators.ConfigureWallet(ask.ConfigureWalletRequest(tenant_id=tenant, wallet=wallet))

    async def top_up(self, amount: str, **fields: Any) -> wallet_pb2.Wallet:
        """Money comes in."""
        request = {"request_id": new_id("req", self.ledger.clock.now()), "tenant_id": self.tenant} | fields
        with acting_as(someone("operator", PLATFORM)):
            return await self.operators.TopUpWallet(ask.TopUpWalletRequest(amount=amount, **request))

    async def wallet(self) -> wallet_pb2.Wallet:
        """As its owner reads it."""
        with acting_as(someone("owner", self.tenant)):
            return await self.own.GetWallet(ask.GetWalletRequest())

    async def balance(self) -> tuple[Decimal, Decimal]:
        """Free to use, and held by calls."""
        found = await self.wallet()
        return Decimal(found.balance.amount), Decimal(found.reserved.amount)

    async def entries(self, call_id: str = "") -> list[wallet_pb2.LedgerEntry]:
        """The ledger, newest first."""
        with acting_as(someone("owner", self.tenant)):
            return list((await self.own.ListLedgerEntries(ask.ListLedgerEntriesRequest(call_id=call_id))).entries)

    async def reserve(self, call_id: str, **fields: Any) -> reservation_service_pb2.CallReservation:
        """A call is answered."""
        request = {"number": "+49301234567", "start_time": time_out(self.ledger.clock.now())} | fields
        request.setdefault("direction", rate_deck_pb2.RATE_DIRECTION_INBOUND)
        with acting_for(self.tenant):
            return await self.calls.ReserveCall(reservation_service_pb2.ReserveCallRequest(call_id=call_id, **request))

    async def extend(self, call_id: str, talked: float) -> reservation_service_pb2.CallReservation:
        """A call has talked so long."""
        with acting_for(self.tenant):
            return await self.calls.ExtendReservation(
                reservation_service_pb2.ExtendReservationRequest(
                    call_id=call_id, talked=duration_out(timedelta(seconds=talked))
                )
            )

    async def settle(self, call_id: str, talked: float) -> reservation_service_pb2.CallReservation:
        """A call has ended after so long."""
        with acting_for(self.tenant):
            return await self.calls.SettleReservation(
                reservation_service_pb2.SettleReservationRequest(
                    call_id=call_id, talked=duration_out(timedelta(seconds=talked))
                )
            )

    async def balances_by_ledger(self) -> dict[str, Decimal]:
        """What the postings alone say; they sum to zero, and to the stored balance."""
        sums = await self.ledger.db.run(self.tenant, store.account_sums)
        assert sum(sums.values(), Decimal(0)) == 0
        shown = await self.ledger.db.run(self.tenant, lambda tx: ops.get(tx, self.ledger.clock.now()))
        free = sum((amount for account, amount in sums.items() if store.in_balance(account)), Decimal(0))
        held = sum((amount for account, amount in sums.items() if account.startswith("held:")), Decimal(0))
        assert free == sum((each.left for each in shown.wallet.grants), Decimal(0)) + shown.wallet.debt
        assert held == shown.held
        return sums


@pytest_asyncio.fixture
async def till(ledger: Ledger, rpc: RpcHouse) -> Till:
    """A tenant on a plan of 0.06 a minute, billed by 6/6, whose wallet is made by each test."""
    db = ledger.db
    shelf = DeckShelf(db)
    charges = Charges(db, shelf)
    await rpc.serve(
        "billing",
        [
            (wallet_service_pb2_grpc.add_WalletServiceServicer_to_server, Wallets(db)),
            (wallet_service_pb2_grpc.add_WalletOperatorServiceServicer_to_server, WalletOperators(db, shelf)),
            (reservation_service_pb2_grpc.add_ReservationServiceServicer_to_server, Reservations(db, charges)),
        ],
    )
    await ledger.tell(plan_fact(minute="60"))  # a unit a second, billed 30/6
    return Till(
        ledger,
        rpc.stub(wallet_service_pb2_grpc.WalletServiceStub, "billing"),
        rpc.stub(wallet_service_pb2_grpc.WalletOperatorServiceStub, "billing"),
        rpc.stub(reservation_service_pb2_grpc.ReservationServiceStub, "billing"),
        Sweeps(db, charges),
    )


@contextmanager
def refused(kind: type[DomainError], reason: str) -> Iterator[None]:
    """What is asked within is refused for this reason."""
    with pytest.raises(kind) as error:
        yield
    assert error.value.reason == reason


def ended(call_id: str, till: Till, seconds: int) -> telephony_events_pb2.CallEnded:
    """An inbound call that ended now."""
    now = till.ledger.clock.now()
    cdr = call_pb2.Cdr(
        call_id=call_id, direction=call_pb2.DIRECTION_INBOUND, start_time=time_out(now - seconds * SECOND),
        end_time=time_out(now), duration=duration_out(seconds * SECOND), end_cause="NORMAL",
    )  # fmt: skip
    return telephony_events_pb2.CallEnded(cdr=cdr)


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


# -- calls -------------------------------------------------------------------------------------------------------


async def test_call_reserves_slices_debits_as_it_goes_and_gets_the_rest_back(till: Till) -> None:
    await till.configure()
    await till.top_up("100")
    first = await till.reserve("call_1")
    assert (first.prepaid, first.granted.seconds, first.last, first.refusal) == (True, 6, False, "")
    assert await till.balance() == (70, 30)  # the first 30 s are one increment
    again = await till.reserve("call_1")
    assert again == first
    till.ledger.clock.advance(SECOND)
    assert (await till.extend("call_1", 4.2)).granted.seconds == 11
    assert await till.balance() == (70, 0)
    till.ledger.clock.advance(SECOND)
    assert (await till.extend("call_1", 27)).granted.seconds == 33
    till.ledger.clock.advance(SECOND)
    assert await till.balance() == (64, 6)
    await till.extend("call_1", 20)  # late news changes nothing
    await till.settle("call_1", 27.5)
    for _ in range(2):
        await till.settle("call_1", 90)
    assert await till.balance() == (70, 0)
    assert [each.kind for each in await till.entries("call_1")] == [
        wallet_pb2.LEDGER_ENTRY_KIND_REFUND, wallet_pb2.LEDGER_ENTRY_KIND_RESERVE,
        wallet_pb2.LEDGER_ENTRY_KIND_CHARGE, wallet_pb2.LEDGER_ENTRY_KIND_RESERVE,
    ]  # fmt: skip
    await till.balances_by_ledger()


async def test_call_without_money_is_told_so_and_goes_on_once_there_is_some(till: Till) -> None:
    await till.configure()
    await till.top_up("29")
    answer = await till.reserve("call_1")
    assert (answer.granted.seconds, answer.refusal) == (0, "BALANCE_USED_UP")
    await till.top_up("1")
    assert (await till.extend("call_1", 0)).granted.seconds == 6
    last = await till.extend("call_1", 26)
    assert (last.granted.seconds, last.last, last.refusal) == (30, True, "")
    over = await till.extend("call_1", 30)
    assert (over.granted.seconds, over.refusal) == (30, "BALANCE_USED_UP")


async def test_crashed_call_gives_back_within_a_minute_what_it_did_not_talk(till: Till) -> None:
    await till.configure()
    await till.top_up("100")
    await till.reserve("call_1")
    await till.extend("call_1", 31)
    assert await till.balance() == (58, 6)
    till.ledger.clock.advance(timedelta(seconds=40))
    await till.sweeps.reservations()
    assert await till.balance() == (58, 6)
    till.ledger.clock.advance(timedelta(seconds=10))
    await till.sweeps.reservations()
    await till.sweeps.reservations()
    assert await till.balance() == (64, 0)
    # Another node has adopted it: it goes on, and its end settles it.
    assert (await till.extend("call_1", 36)).granted.seconds == 42
    await till.ledger.tell(ended("call_1", till, 40))
    await till.sweeps.reservations()
    assert await till.balance() == (100 - 42, 0)
    await till.balances_by_ledger()


async def test_detail_record_settles_a_call_whoever_forgot_to(till: Till) -> None:
    await till.configure()
    await till.top_up("100")
    await till.reserve("call_1")
    for _ in range(2):
        await till.ledger.tell(ended("call_1", till, 10))
        await till.sweeps.reservations()
    assert await till.balance() == (70, 0)
    await till.ledger.tell(ended("call_2", till, 10))  # that reserved nothing
    await till.sweeps.reservations()
    assert await till.balance() == (70, 0)


async def test_calls_of_two_processes_share_one_wallet_without_overspending(till: Till, rpc: RpcHouse) -> None:
    await till.configure()
    await till.top_up("95")
    db = till.ledger.db
    twin = TurnTaking(db.engine, db.system_engine, "billing", till.ledger.clock)  # which takes no turns with the other
    servicer = Reservations(twin, Charges(twin, DeckShelf(twin)))
    add = reservation_service_pb2_grpc.add_ReservationServiceServicer_to_server
    await rpc.serve("billing-1", [(add, servicer)])
    other = replace(till, calls=rpc.stub(reservation_service_pb2_grpc.ReservationServiceStub, "billing-1"))
    answers = await asyncio.gather(*((other if n % 2 else till).reserve(f"call_{n}") for n in range(6)))
    assert sorted(each.granted.seconds for each in answers) == [0, 0, 0, 6, 6, 6]
    assert await till.balance() == (5, 90)
    await till.balances_by_ledger()


async def test_number_without_a_price_is_refused_with_its_reason(till: Till) -> None:
    twin = till.ledger.twin()  # has no plan, so no price of a minute
    till.ledger.tenant = twin.tenant
    await till.configure()
    await till.top_up("5")
    answer = await till.reserve("call_1")
    assert (answer.prepaid, answer.granted.seconds, answer.refusal) == (True, 0, "NO_RATE")


async def test_postpaid_wallet_that_may_go_negative_grants_to_its_limit(till: Till) -> None:
    await till.configure(negative_allowed=True, credit_limit="31")
    assert (await till.reserve("call_1")).granted.seconds == 6
    assert (await till.reserve("call_2")).granted.seconds == 0
    await till.settle("call_1", 3)
    assert await till.balance() == (-30, 0)
    await till.top_up("40")
    assert await till.balance() == (10, 0)
    await till.balances_by_ledger()


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_at_once_no_money_is_made_lost_or_overspent(till: Till, seed: int) -> None:
    chance = random.Random(seed)
    await till.configure()
    await till.top_up("200")
    talked: dict[str, int] = {f"call_{n}": 0 for n in range(6)}
    granted: dict[str, int] = {}

    async def one(call_id: str) -> None:
        for _ in range(5):
            match chance.randrange(6):
                case 0:
                    answer = await till.reserve(call_id)
                case 1 | 2 | 3 if call_id in granted:
                    talked[call_id] = min(talked[call_id] + chance.randrange(7), granted[call_id])
                    answer = await till.extend(call_id, talked[call_id])
                case 4 if call_id in granted:
                    await till.settle(call_id, talked[call_id])
                    continue
                case _:
                    if chance.random() < 0.3:
                        till.ledger.clock.advance(chance.choice([1, 20, 50]) * SECOND)
                    await till.sweeps.reservations()
                    continue
            granted[call_id] = max(granted.get(call_id, 0), answer.granted.seconds)

    await asyncio.gather(*(one(call_id) for call_id in talked))
    sums = await till.balances_by_ledger()
    assert -sums["paid"] == 200
    assert sums.get("debt", Decimal(0)) >= -30 * len(talked)
    rows = [
        await till.ledger.db.run(till.tenant, lambda tx, c=call_id: reservation_ops.find(tx, c)) for call_id in talked
    ]
    charged = sum((row.reservation.charged for row in rows if row is not None), Decimal(0))
    assert sums.get("revenue", Decimal(0)) == charged

"""One tenant's wallet, and everybody who has to do with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from billing.handlers.reservations import Reservations
from billing.handlers.wallets import WalletOperators, Wallets
from billing.live.charging import Charges
from billing.live.decks import DeckShelf
from billing.live.sweeps import Sweeps
from billing.ops import wallets as ops
from billing.store import wallets as store
from chassis.auth import acting_as, acting_for
from chassis.instants import duration_out, time_out
from kernel.errors import DomainError
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
        request: dict[str, Any] = {"request_id": new_id("req", self.ledger.clock.now()), "tenant_id": self.tenant}
        request |= fields
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

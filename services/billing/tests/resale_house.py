"""A platform, two resellers and a company that one of them resells."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from billing.handlers.client_bills import ClientBills
from billing.handlers.resales import Resales
from chassis.auth import acting_as
from chassis.instants import time_out
from kernel.errors import DomainError
from kernel.ids import new_id
from kernel.tenant import PLATFORM
from merkez.billing.v1 import (
    client_bill_pb2,
    client_bill_service_pb2,
    client_bill_service_pb2_grpc,
    resale_service_pb2_grpc,
)
from merkez.billing.v1 import resale_service_pb2 as ask
from testkit import RpcHouse, someone

from .conftest import MARCH, Ledger, call_fact, plan_fact
from .invoice_house import DAY, RULES, House


class Market:
    """A platform, two resellers and a company."""

    def __init__(self, rpc: RpcHouse, house: House) -> None:
        self.house, self.company = house, house.ledger
        self.reseller, self.other = self.company.twin(), self.company.twin()
        self.stub: Any = rpc.stub(resale_service_pb2_grpc.ResaleServiceStub, "billing")
        self.lists: Any = rpc.stub(client_bill_service_pb2_grpc.ClientBillServiceStub, "billing")

    def as_(self, ledger: Ledger | None) -> Any:
        return acting_as(someone("owner", ledger.tenant) if ledger else someone("operator", PLATFORM))

    async def ask(self, who: Ledger | None, verb: str, **said: Any) -> Any:
        with self.as_(who):
            return await getattr(self.stub, verb)(getattr(ask, f"{verb}Request")(**said))

    async def reason(self, who: Ledger | None, verb: str, **said: Any) -> str:
        with pytest.raises(DomainError) as refused:
            await self.ask(who, verb, **said)
        return refused.value.reason

    async def bills(self, who: Ledger, verb: str, **said: Any) -> Any:
        with self.as_(who):
            return await getattr(self.lists, verb)(getattr(client_bill_service_pb2, f"{verb}Request")(**said))

    async def list(self, who: Ledger | None, markup: str, price_list_id: str = "") -> str:
        wanted = client_bill_pb2.PriceList(
            price_list_id=price_list_id, name="Prices", currency="EUR",
            rules=[client_bill_pb2.PriceRule(markup_percent=markup)],
        )  # fmt: skip
        request = client_bill_service_pb2.SavePriceListRequest(
            request_id=new_id("req", self.company.clock.now()), price_list=wanted
        )
        with self.as_(who):
            return (await self.lists.SavePriceList(request)).price_list_id

    async def set_up(self) -> ask.Resale:
        """The company used March and is resold from now on: 20 % off wholesale, 50 % on top of that."""
        for each in (self.company, self.reseller, self.other):
            await each.tell(plan_fact())
        await self.company.tell(call_fact("call_1", 6000, MARCH + DAY))  # 100 minutes at 0.06: 6.00
        return await self.resold(self.reseller)

    async def resold(self, by: Ledger) -> ask.Resale:
        wanted = ask.Resale(
            tenant_id=self.company.tenant, reseller_id=by.tenant,
            wholesale_price_list_id=await self.list(None, "-20"), start_time=time_out(MARCH),
        )  # fmt: skip
        return await self.ask(None, "SetReseller", resale=wanted)


@pytest_asyncio.fixture
async def market(rpc: RpcHouse, house: House) -> AsyncIterator[Market]:
    house.go_to(MARCH)
    served: Any = Resales(house.ledger.rating, RULES.settle), ClientBills(house.ledger.rating, RULES.settle)
    await rpc.serve(
        "billing",
        [
            (resale_service_pb2_grpc.add_ResaleServiceServicer_to_server, served[0]),
            (client_bill_service_pb2_grpc.add_ClientBillServiceServicer_to_server, served[1]),
        ],
    )
    yield Market(rpc, house)

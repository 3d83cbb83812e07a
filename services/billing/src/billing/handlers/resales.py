"""Companies that are resold: who by, and what is owed at each level."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from chassis.auth import principal
from chassis.instants import time_in, time_out
from chassis.sql import Tx
from kernel.ids import require_id, require_request_id
from kernel.tenant import PLATFORM
from merkez.billing.v1 import client_bill_pb2, resale_service_pb2, resale_service_pb2_grpc

from billing import client_bills_proto as proto
from billing.client_bills_proto import line_out
from billing.domain import resales as domain
from billing.domain.rates import DeckPrice
from billing.domain.resales import NotResold, Resale, ResalePrice, Resold, ResoldTenantNotFound
from billing.live.rating import Rating
from billing.money_proto import money
from billing.ops import client_bills
from billing.ops import resales as ops
from billing.ops.client_bills import price_list, price_list_at
from billing.ops.statements import NothingSubscribed, RangeInvalid

service = resale_service_pb2


class Resales(resale_service_pb2_grpc.ResaleServiceServicer):
    """merkez.billing.v1.ResaleService."""

    def __init__(self, rating: Rating, settle: timedelta) -> None:
        self._db, self._rating = rating.db, rating
        self._settle = settle

    async def SetReseller(self, request: service.SetResellerRequest, context: Any) -> service.Resale:
        asked, now = request.resale, self._db.clock.now()
        tenant_id = require_id("ten", asked.tenant_id, "resale.tenant_id")
        start = time_in(asked, "start_time") or now
        wanted = Resale(tenant_id, asked.reseller_id, asked.wholesale_price_list_id, start)
        sold_on = is_resold = False
        if wanted.reseller_id:
            require_id("ten", wanted.reseller_id, "resale.reseller_id")
            sold_on = bool(await self._db.system(lambda tx: ops.of_reseller(tx, tenant_id), read_only=True))
            of = await self._db.run(wanted.reseller_id, ops.mine, read_only=True)
            is_resold = any(each.reseller_id for each in of)
        domain.check(wanted, sold_on, is_resold, now)
        if wanted.reseller_id:
            if not await self._db.run(wanted.reseller_id, ops.holds_a_plan, read_only=True):
                raise ResoldTenantNotFound("There is no such reseller.")
            prices = await self._db.run(PLATFORM, lambda tx: price_list(tx, wanted.wholesale_list_id), read_only=True)
            domain.check_currency(prices, await self._db.run(tenant_id, ops.plan_currency, read_only=True))
        saved = await self._db.run(tenant_id, lambda tx: ops.set_reseller(tx, wanted, request.version))
        return _resale(saved)

    async def ListResales(self, request: service.ListResalesRequest, context: Any) -> service.ListResalesResponse:
        found = await self._db.system(ops.every, read_only=True)
        newest = {each.tenant_id: each for each in found}
        return service.ListResalesResponse(resales=[_resale(each) for each in newest.values() if each.reseller_id])

    async def GetWholesaleStatement(
        self, request: service.GetWholesaleStatementRequest, context: Any
    ) -> service.GetWholesaleStatementResponse:
        reseller_id = require_id("ten", request.reseller_id, "reseller_id")
        found = await self._companies(reseller_id, self._time(request))
        return service.GetWholesaleStatementResponse(statements=[_statement(each, costs=False) for each in found])

    async def ListResaleStatements(
        self, request: service.ListResaleStatementsRequest, context: Any
    ) -> service.ListResaleStatementsResponse:
        me = principal().tenant_id
        levels = [await self._retail(me, each) for each in await self._companies(me, self._time(request))]
        billed = await self._db.run(me, lambda tx: ops.billed_periods(tx, levels), read_only=True)
        return service.ListResaleStatementsResponse(statements=[_statement(each, costs=True) for each in billed])

    async def SetResalePrice(self, request: service.SetResalePriceRequest, context: Any) -> service.ResalePrice:
        me, asked = principal().tenant_id, request.price
        customer_id = require_id("ten", asked.tenant_id, "price.tenant_id")
        await self._check_mine(me, customer_id)
        wanted = ResalePrice(customer_id, asked.price_list_id)
        saved = await self._db.run(me, lambda tx: ops.set_price(tx, wanted, request.version))
        return service.ResalePrice(
            tenant_id=saved.customer_id, price_list_id=saved.price_list_id, version=saved.version
        )

    async def ListResaleAccounts(
        self, request: service.ListResaleAccountsRequest, context: Any
    ) -> service.ListResaleAccountsResponse:
        found = await self._db.run(principal().tenant_id, ops.list_accounts, read_only=True)
        return service.ListResaleAccountsResponse(accounts=[proto.resale_account_out(each) for each in found])

    async def UpdateResaleAccount(
        self, request: service.UpdateResaleAccountRequest, context: Any
    ) -> service.ResaleAccount:
        me = principal().tenant_id
        await self._check_mine(me, require_id("ten", request.account.tenant_id, "account.tenant_id"))
        wanted = proto.resale_account_in(request.account)
        saved = await self._db.run(me, lambda tx: client_bills.update_account(tx, wanted, request.version))
        return proto.resale_account_out(saved)

    async def IssueResaleBill(
        self, request: service.IssueResaleBillRequest, context: Any
    ) -> client_bill_pb2.ClientBill:  # fmt: skip
        request_id, now, me = require_request_id(request.request_id), self._db.clock.now(), principal().tenant_id
        tenant_id, time = require_id("ten", request.tenant_id, "tenant_id"), time_in(request, "time")
        if time is None:
            raise RangeInvalid.of("time", "is required")
        await self._check_mine(me, tenant_id)

        async def work(tx: Tx, decks: DeckPrice) -> client_bill_pb2.ClientBill:
            async def issue() -> client_bill_pb2.ClientBill:
                return proto.bill_out(await client_bills.issue(tx, tenant_id, time, now, self._settle, decks))

            return await tx.once(request_id, "IssueResaleBill", request, client_bill_pb2.ClientBill, issue)

        return await self._rating.run(me, work)

    async def GetResoldStatement(
        self, request: service.GetResoldStatementRequest, context: Any
    ) -> service.ResoldStatement:
        found = await self._wholesale(principal().tenant_id, self._time(request))
        if found is None:
            raise NotResold("The company is billed by the platform itself.")
        resale, level = found
        return _statement(await self._retail(resale.reseller_id, level), costs=False)

    async def _check_mine(self, reseller_id: str, tenant_id: str) -> None:
        if tenant_id not in await self._db.system(lambda tx: ops.of_reseller(tx, reseller_id), read_only=True):
            raise ResoldTenantNotFound("There is no such company.")

    async def _companies(self, reseller_id: str, time: datetime) -> list[Resold]:
        ever = await self._db.system(lambda tx: ops.of_reseller(tx, reseller_id), read_only=True)
        found = [await self._found(tenant_id, time) for tenant_id in ever]
        # Who was a reseller's earlier, or will be, isn't in this period.
        return [each[1] for each in found if each is not None and each[0].reseller_id == reseller_id]

    async def _found(self, tenant_id: str, time: datetime) -> tuple[Resale, Resold] | None:
        try:
            return await self._wholesale(tenant_id, time)
        except NothingSubscribed:
            return None  # a company that wasn't there yet is none of that period

    async def _wholesale(self, tenant_id: str, time: datetime) -> tuple[Resale, Resold] | None:
        now = self._db.clock.now()
        found = await self._rating.run(tenant_id, lambda tx, decks: ops.own_lines(tx, time, now, decks), read_only=True)
        if found is None:
            return None
        resale, own = found
        prices = await self._db.run(
            PLATFORM, lambda tx: price_list_at(tx, resale.wholesale_list_id, own.period[1]), read_only=True
        )
        return resale, domain.at(own, prices)

    async def _retail(self, reseller_id: str, wholesale: Resold) -> Resold:
        prices, version = await self._db.run(
            reseller_id, lambda tx: ops.retail(tx, wholesale.tenant_id, wholesale.period[0]), read_only=True
        )
        return domain.retail(wholesale, prices, version)

    def _time(self, request: Any) -> datetime:
        return time_in(request, "time") or self._db.clock.now()


def _resale(value: Resale) -> service.Resale:
    return service.Resale(
        tenant_id=value.tenant_id, reseller_id=value.reseller_id, wholesale_price_list_id=value.wholesale_list_id,
        start_time=time_out(value.start_time), version=value.version,
    )  # fmt: skip


def _statement(value: Resold, *, costs: bool) -> service.ResoldStatement:
    """`costs`: whether who reads it bills it on, and so may know what it costs."""
    shown = value.lines if costs or value.priced else ()
    found = service.ResoldStatement(
        tenant_id=value.tenant_id, period_start_time=time_out(value.period[0]),
        period_end_time=time_out(value.period[1]),
        lines=[line_out(each, value.currency, value.priced) for each in shown], price_version=value.price_version,
        tenant_name=value.name, client_bill_id=value.bill.client_bill_id if costs and value.bill else "",
    )  # fmt: skip
    if costs:
        found.cost.CopyFrom(money(sum((each.cost for each in value.lines), Decimal(0)), value.currency))
    else:
        for line in found.lines:
            line.ClearField("cost")
    if value.priced:
        found.price.CopyFrom(money(sum((each.own.amount for each in value.lines), Decimal(0)), value.currency))
    return found

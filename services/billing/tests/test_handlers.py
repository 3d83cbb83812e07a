"""Usage and invoices as an owner reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from billing.handlers.usage import Billing
from chassis.auth import acting_as
from chassis.instants import time_out
from kernel.errors import FailedPrecondition, Forbidden, InvalidInput
from merkez.billing.v1 import billing_service_pb2
from merkez.billing.v1.billing_service_pb2_grpc import BillingServiceStub, add_BillingServiceServicer_to_server
from testkit import RpcHouse, someone

from .conftest import MARCH, Ledger, call_fact, plan_fact, user_fact, zone_fact

ask = billing_service_pb2


@pytest_asyncio.fixture
async def stub(ledger: Ledger, rpc: RpcHouse) -> Any:
    await rpc.serve("billing", [(add_BillingServiceServicer_to_server, Billing(ledger.rating))])
    return rpc.stub(BillingServiceStub, "billing")


async def test_owner_reads_the_preview_of_the_month(stub: Any, ledger: Ledger) -> None:
    await ledger.tell(plan_fact())
    await ledger.tell(user_fact("usr_1", 1), MARCH)
    await ledger.tell(call_fact("call_1", 61, MARCH))
    with acting_as(someone("owner", ledger.tenant)):
        preview = await stub.PreviewInvoice(ask.PreviewInvoiceRequest())
    lines = {line.meter: (line.quantity, line.unit_price.amount, line.amount.amount) for line in preview.lines}
    assert lines == {"seat_month": ("1", "20", "20.00"), "voice_inbound_minute": ("1.1", "0.06", "0.07")}
    assert (preview.total.amount, preview.total.currency) == ("20.07", "EUR")
    assert preview.period_start_time.ToDatetime().day == 1


async def test_preview_of_a_tenant_whose_plan_has_not_come_yet_says_so(stub: Any, ledger: Ledger) -> None:
    with acting_as(someone("owner", ledger.tenant)), pytest.raises(FailedPrecondition) as refused:
        await stub.PreviewInvoice(ask.PreviewInvoiceRequest())
    assert refused.value.reason == "NOTHING_SUBSCRIBED"


@pytest.mark.parametrize("year", [1, 9999])
async def test_preview_at_the_end_of_time_is_refused(stub: Any, ledger: Ledger, year: int) -> None:
    await ledger.tell(plan_fact())
    await ledger.tell(zone_fact("America/New_York" if year == 1 else "Asia/Baku", 2))
    time = time_out(datetime(year, 1 if year == 1 else 12, 1 if year == 1 else 31, tzinfo=UTC))
    with acting_as(someone("owner", ledger.tenant)), pytest.raises(InvalidInput) as refused:
        await stub.PreviewInvoice(ask.PreviewInvoiceRequest(time=time))
    assert refused.value.fields[0].field == "time"


async def test_usage_of_another_tenant_is_not_seen(stub: Any, ledger: Ledger) -> None:
    await ledger.tell(plan_fact())
    await ledger.tell(call_fact("call_1", 61, MARCH))
    with acting_as(someone("owner", ledger.twin().tenant)):
        assert not (await stub.ListUsageRecords(ask.ListUsageRecordsRequest())).usage_records
        assert not (await stub.SummarizeUsage(ask.SummarizeUsageRequest())).summaries


async def test_list_pages_newest_first_and_by_call(stub: Any, ledger: Ledger) -> None:
    await ledger.tell(plan_fact())
    for number in range(3):
        await ledger.tell(call_fact(f"call_{number}", 60, ledger.clock.advance(60)))
    with acting_as(someone("owner", ledger.tenant)):
        first = await stub.ListUsageRecords(ask.ListUsageRecordsRequest(page_size=2))
        rest = await stub.ListUsageRecords(ask.ListUsageRecordsRequest(page_size=2, page_token=first.next_page_token))
        one = await stub.ListUsageRecords(ask.ListUsageRecordsRequest(source_id="call_1"))
    listed = [record.source_id for record in (*first.usage_records, *rest.usage_records)]
    assert listed == ["call_2", "call_1", "call_0"] and not rest.next_page_token
    [record] = one.usage_records
    assert (record.charge.amount, record.quantity, record.billed_seconds) == ("0.06", "1", 60)


async def test_summary_sums_by_meter(stub: Any, ledger: Ledger) -> None:
    await ledger.tell(plan_fact())
    for number in range(3):
        await ledger.tell(call_fact(f"call_{number}", 31, ledger.clock.now()))
    with acting_as(someone("owner", ledger.tenant)):
        [total] = (await stub.SummarizeUsage(ask.SummarizeUsageRequest())).summaries
    assert (total.record_count, total.used_seconds, total.billed_seconds, total.quantity) == (3, 93, 108, "1.8")


async def test_empty_stretch_of_time_and_foreign_token_are_refused(stub: Any, ledger: Ledger) -> None:
    now = time_out(ledger.clock.now())
    with acting_as(someone("owner", ledger.tenant)):
        for call in (
            stub.SummarizeUsage(ask.SummarizeUsageRequest(start_time=now, end_time=now)),
            stub.ListUsageRecords(ask.ListUsageRecordsRequest(page_token="x")),
            stub.ListUsageRecords(ask.ListUsageRecordsRequest(page_size=-1)),
        ):
            with pytest.raises(InvalidInput):
                await call


@pytest.mark.parametrize("role", ["supervisor", "agent", "admin"])
async def test_only_those_who_may_read_bills_do(stub: Any, ledger: Ledger, role: str) -> None:
    with acting_as(someone(role, ledger.tenant)), pytest.raises(Forbidden):
        await stub.PreviewInvoice(ask.PreviewInvoiceRequest())

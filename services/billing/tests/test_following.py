"""A void invoice is issued anew, what can't stand on a later invoice is listed, and the preview is what comes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from billing.domain import canonical
from billing.domain.invoicing import InvoiceFollowed, InvoiceStateWrong, InvoiceTooYoung, State
from billing.handlers.invoice_operators import InvoiceOperators
from billing.ops import following, invoicing
from billing.ops.issuing import preview_invoice
from billing.store import left_out
from chassis.auth import acting_as
from kernel.errors import DomainError, Forbidden
from kernel.ids import new_id
from kernel.tenant import PLATFORM
from merkez.billing.v1 import invoice_operator_service_pb2 as pb
from merkez.billing.v1 import invoice_operator_service_pb2_grpc
from testkit import someone
from testkit.rpc import RpcHouse

from .conftest import MARCH, call_fact, plan_fact, user_fact
from .invoice_house import APRIL, DAY, MAY, RULES, House, euros


async def reissued(house: House, invoice_id: str) -> Any:
    now = house.ledger.clock.now()
    return await house.do(lambda tx: following.reissue(tx, invoice_id, now))


async def void(house: House, invoice_id: str) -> None:
    now = house.ledger.clock.now()
    await house.do(lambda tx: invoicing.declare_void(tx, invoice_id, "wrong address", 0, now))


async def test_void_invoice_is_issued_anew_with_the_next_number_and_both_name_each_other(house: House) -> None:
    await house.set_up()
    await house.used_march(60)
    first = await house.issued()
    await void(house, first.invoice_id)
    house.go_to(APRIL + 3 * DAY)
    draft = await reissued(house, first.invoice_id)
    assert (draft.state, draft.total) == (State.DRAFT, euros("20.06"))
    await house.run()
    original, second = sorted(await house.invoices(), key=lambda each: each.number)
    assert [original.number, second.number] == ["MRK-000001", "MRK-000002"]
    assert (original.state, original.followed_by_invoice_id) == (State.VOID, second.invoice_id)
    assert (second.follows_number, second.total) == ("MRK-000001", euros("20.06"))
    for each in (original, second):
        again, data = await house.do(lambda tx, each=each: invoicing.rebuild(tx, each.invoice_id))
        assert canonical.differences(again.statement, data) == []
    await house.run(MAY + 2 * DAY)
    assert [each.total for each in await house.invoices()][-1] == euros("20.00")


async def test_what_a_later_invoice_has_billed_late_isnt_billed_again(house: House) -> None:
    await house.set_up()
    await house.used_march(60)
    first = await house.issued()
    await house.ledger.tell(call_fact("late", 600, MARCH + 3 * DAY))
    await house.run(MAY + 2 * DAY)
    april = (await house.invoices())[1]
    assert april.total == euros("20.60")
    await void(house, first.invoice_id)
    house.go_to(MAY + 3 * DAY)
    draft = await reissued(house, first.invoice_id)
    assert draft.total == euros("20.06")
    await house.run()
    again, data = await house.do(lambda tx: invoicing.rebuild(tx, april.invoice_id))
    assert data == again.statement


async def test_only_a_void_invoice_is_issued_anew_and_only_once(house: House) -> None:
    await house.set_up()
    await house.used_march(60)
    first = await house.issued()
    with pytest.raises(InvoiceStateWrong):
        await reissued(house, first.invoice_id)
    await void(house, first.invoice_id)
    draft = await reissued(house, first.invoice_id)
    now = house.ledger.clock.now()
    with pytest.raises(InvoiceTooYoung):
        await house.do(lambda tx: invoicing.finalize(tx, draft.invoice_id, now, RULES.settle))
    with pytest.raises(InvoiceFollowed):
        await reissued(house, first.invoice_id)


async def test_preview_is_what_the_invoice_would_say_now(house: House) -> None:
    await house.set_up()
    await house.used_march(60)
    await house.issued()
    await house.ledger.tell(call_fact("late", 600, MARCH + 3 * DAY))
    await house.ledger.tell(call_fact("own", 60, APRIL + 3 * DAY))
    house.go_to(APRIL + 20 * DAY)
    preview = await house.do(lambda tx: preview_invoice(tx, house.ledger.clock.now()))
    assert preview.total == euros("20.66")
    await house.run(MAY + 2 * DAY)
    april = await house.whole((await house.invoices())[1].invoice_id)
    assert [(line.line_id, line.amount) for line in preview.lines] == [
        (line.line_id, line.amount) for line in april.statement.lines
    ]


async def test_late_usage_of_another_currency_is_listed_and_billed_beside_its_invoice(house: House) -> None:
    await house.set_up()
    await house.used_march(60)
    first = await house.issued()
    dollars = plan_fact(APRIL, version=2)
    dollars.plan.currency = "USD"
    await house.ledger.tell(dollars)
    await house.ledger.tell(call_fact("late", 600, MARCH + 3 * DAY))
    await house.run(MAY + 2 * DAY)
    second = (await house.invoices())[1]
    assert (second.currency, second.total) == ("USD", euros("20.00"))

    async def listed() -> list[tuple[str, str, Any, str]]:
        found, _ = await house.ledger.db.system(lambda tx: left_out.list_open(tx, 0, ""))
        return [(each.number, each.currency, each.amount, each.left_out_of) for each in found]

    assert await listed() == [(first.number, "EUR", euros("0.60"), second.invoice_id)]
    now = house.ledger.clock.now()
    draft = await house.do(lambda tx: following.bill_left_out(tx, first.invoice_id, now))
    assert (draft.currency, draft.total, draft.start_time) == ("EUR", euros("0.60"), MARCH)
    assert await listed() == []
    await house.run()
    third = next(each for each in await house.invoices() if each.invoice_id == draft.invoice_id)
    assert (third.number, third.total) == ("MRK-000003", euros("0.60"))
    again, data = await house.do(lambda tx: invoicing.rebuild(tx, third.invoice_id))
    assert data == again.statement
    await house.run(MAY + 35 * DAY)
    assert await listed() == []


async def test_seat_taken_in_the_month_is_in_the_preview_whole(house: House) -> None:
    await house.set_up()
    await house.used_march()
    await house.ledger.tell(user_fact("usr_9", 1), MARCH)
    preview = await house.do(lambda tx: preview_invoice(tx, MARCH + DAY))
    assert preview.total == euros("40.00")


async def test_asked_twice_at_once_one_draft_follows(house: House) -> None:
    await house.set_up()
    await house.used_march(60)
    first = await house.issued()
    await void(house, first.invoice_id)
    house.go_to(APRIL + 3 * DAY)
    outcomes = await asyncio.gather(*(reissued(house, first.invoice_id) for _ in range(3)), return_exceptions=True)
    assert sum(isinstance(each, InvoiceFollowed) for each in outcomes) == 2
    assert len(await house.invoices()) == 2


async def test_by_rpc_the_same_request_makes_one_draft_and_of_another_company_it_is_not_found(
    house: House, rpc: RpcHouse
) -> None:
    stubs = invoice_operator_service_pb2_grpc
    await rpc.serve(
        "billing",
        [(stubs.add_InvoiceOperatorServiceServicer_to_server, InvoiceOperators(house.ledger.rating, RULES.settle))],
    )
    stub = rpc.stub(stubs.InvoiceOperatorServiceStub, "billing")
    await house.set_up()
    await house.used_march(60)
    first = await house.issued()
    await void(house, first.invoice_id)
    house.go_to(APRIL + 3 * DAY)

    def asked(request_id: str, tenant_id: str = house.ledger.tenant) -> pb.ReissueInvoiceRequest:
        return pb.ReissueInvoiceRequest(request_id=request_id, tenant_id=tenant_id, invoice_id=first.invoice_id)

    with acting_as(someone("operator", PLATFORM)):
        made = await stub.ReissueInvoice(asked("one"))
        assert await stub.ReissueInvoice(asked("one")) == made
        assert (made.follows_number, made.supplements) == ("MRK-000001", False)
        for request, reason in (
            (asked("two"), "INVOICE_FOLLOWED"), (asked("three", new_id("ten", APRIL)), "INVOICE_NOT_FOUND"),
        ):  # fmt: skip
            with pytest.raises(DomainError) as refused:
                await stub.ReissueInvoice(request)
            assert refused.value.reason == reason
        bill = pb.BillLeftOutUsageRequest(request_id="x", tenant_id=house.ledger.tenant, invoice_id=first.invoice_id)
        with pytest.raises(DomainError) as refused:
            await stub.BillLeftOutUsage(bill)
        assert refused.value.reason == "INVOICE_STATE_WRONG"
        assert not (await stub.ListLeftOutUsage(pb.ListLeftOutUsageRequest())).usage
    with acting_as(someone("owner", house.ledger.tenant)), pytest.raises(Forbidden):
        await stub.ReissueInvoice(asked("four"))

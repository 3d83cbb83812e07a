"""Numbers move here from another carrier: one order from its check to the first call."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from kernel.errors import DomainError, InvalidInput
from merkez.tenancy.v1 import emergency_pb2, number_service_pb2, porting_pb2, porting_service_pb2
from sqlalchemy import select
from tenancy.carriers.hooks import sign
from tenancy.store import tables
from testkit.told import told

from .conftest import WEBHOOK_KEY
from .test_handlers_numbers import caller_numbers, look_up

NUMBERS = ["+442079460101", "+442079460102"]
PDF = b"%PDF-1.7 signed"
VOICE, SMS = porting_pb2.PORT_CHANNEL_VOICE, porting_pb2.PORT_CHANNEL_SMS
LOA, BILL = porting_pb2.PORT_DOCUMENT_KIND_LETTER_OF_AUTHORIZATION, porting_pb2.PORT_DOCUMENT_KIND_BILL


async def reason_of(call: Any) -> str:
    with pytest.raises(DomainError) as refused:
        await call
    return refused.value.reason


def details(**more: Any) -> porting_pb2.PortDetails:
    said = {
        "losing_carrier": "Old Telecom", "account_number": "AC-778", "authorized_person": "Olga Ivanova",
        "address": emergency_pb2.CivicAddress(
            name="Acme", street="1 High Street", city="London", postal_code="EC1A 1AA", country="GB"
        ),
    }  # fmt: skip
    return porting_pb2.PortDetails(**(said | more))


class Mover:
    """A company's admin who has numbers moved, and the carrier who answers."""

    def __init__(self, firm: Any) -> None:
        self.firm = firm
        self.town = firm.town
        self.stub = firm.town.stubs.porting
        self.order_id = ""

    async def call(self, rpc: str, role: str = "admin", **said: Any) -> Any:
        request = getattr(porting_service_pb2, f"{rpc}Request")(**said)
        with self.firm.as_(role):
            return await getattr(self.stub, rpc)(request)

    async def begin(self, entries: list[str] | None = None, request_id: str = "begin", **more: Any) -> Any:
        brand = more.pop("brand_id", "") or (await self.firm.brand()).brand_id
        order = await self.call(
            "CreatePortOrder", request_id=request_id, entries=entries or NUMBERS, brand_id=brand, **more
        )
        self.order_id = order.port_order_id
        return order

    async def order(self) -> Any:
        return await self.call("GetPortOrder", role="supervisor", port_order_id=self.order_id)

    async def work(self, after: float | timedelta = 0) -> Any:
        self.town.clock.advance(after)
        await self.town.porter.work_due()
        return await self.order()

    async def states(self) -> list[str]:
        return [
            porting_pb2.PortState.Name(each.state).removeprefix("PORT_STATE_") for each in (await self.order()).lanes
        ]

    async def update(self, **said: Any) -> Any:
        return await self.call("UpdatePortOrder", port_order_id=self.order_id, **said)

    async def upload(self, kind: Any, content: bytes = PDF, request_id: str = "", name: str = "paper.pdf") -> Any:
        return await self.call(
            "UploadPortDocument", request_id=request_id or f"upload {kind} {self.order_id}",
            port_order_id=self.order_id, kind=kind,
            file_name=name, content=content,
        )  # fmt: skip

    async def submit(self, request_id: str = "submit", **more: Any) -> Any:
        return await self.call("SubmitPortOrder", request_id=request_id, port_order_id=self.order_id, **more)

    async def ready(self, entries: list[str] | None = None, **more: Any) -> Any:
        """An order that only has to be sent off."""
        await self.begin(entries, **more)
        await self.work()
        await self.update(details=details())
        await self.upload(LOA)
        await self.upload(BILL)
        return await self.update(wanted_date="2026-03-12")

    async def events(self) -> list[str]:
        found = await self.call("ListPortEvents", port_order_id=self.order_id)
        return [each.kind for each in found.events]


@pytest_asyncio.fixture
async def mover(open_town: Any) -> Mover:
    # The porter works for every company of a database: here there is only this one.
    return Mover(await (await open_town(fresh=True)).sign_up())


async def test_numbers_are_checked_described_documented_dated_sent_off_and_come_over(mover: Mover) -> None:
    order = await mover.begin(sms=True)
    assert await mover.states() == ["PORTABILITY_CHECK"] * 2
    order = await mover.work()
    assert await mover.states() == ["DRAFT"] * 2
    assert {each.portability for each in order.numbers} == {porting_pb2.PORTABILITY_FULL}
    assert list(order.missing) == ["details", "LETTER_OF_AUTHORIZATION", "BILL", "wanted_date"]
    await mover.update(details=details())
    assert await mover.states() == ["DOCUMENTS"] * 2
    await mover.upload(LOA)
    await mover.upload(BILL)
    assert await mover.states() == ["FOC_DATE"] * 2
    order = await mover.update(wanted_date="2026-03-12")
    assert list(order.missing) == []
    await mover.submit()
    assert await mover.states() == ["SUBMITTED"] * 2
    await mover.work()
    order = await mover.work(60)
    assert await mover.states() == ["IN_PROCESS"] * 2
    assert order.lanes[0].foc_time.ToDatetime(UTC) == datetime(2026, 3, 12, 10, tzinfo=UTC)
    mover.town.clock.advance(datetime(2026, 3, 12, 10, 1, tzinfo=UTC) - mover.town.clock.now())
    order = await mover.work()
    assert await mover.states() == ["PORTED"] * 2
    with mover.firm.as_("admin"):
        mine = (await mover.town.stubs.numbers.ListNumbers(number_service_pb2.ListNumbersRequest())).numbers
    assert [(each.number, each.ported, each.brought) for each in mine] == [
        (each, True, False) for each in NUMBERS[::-1]
    ]
    assert all(2 in each.capabilities for each in mine)
    assert (await look_up(mover.town, NUMBERS[0])).tenant_id == mover.firm.tenant_id
    assert list((await caller_numbers(mover.firm, order.brand_id)).numbers) == NUMBERS
    names = [fact.DESCRIPTOR.name for fact in await told(mover.town.db, mover.firm.tenant_id)]
    assert names.count("NumberAssigned") == 2 and names.count("NumberPortingChanged") >= 7


async def test_call_reaches_the_company_before_anybody_has_heard_that_the_number_came_over(mover: Mover) -> None:
    flow_id = mover.firm.flow()
    order = await mover.ready(flow_id=flow_id)
    assert await reason_of(look_up(mover.town, NUMBERS[0])) == "NUMBER_NOT_FOUND"
    await mover.submit()
    await mover.work()
    assert await reason_of(look_up(mover.town, NUMBERS[0])) == "NUMBER_NOT_FOUND"
    await mover.work(60)
    route = await look_up(mover.town, NUMBERS[0])
    assert (route.tenant_id, route.brand.brand_id, route.number.flow_id) == (
        mover.firm.tenant_id, order.brand_id, flow_id,
    )  # fmt: skip


async def test_numbers_that_cannot_come_are_left_out_and_the_rest_is_checked_again(mover: Mover) -> None:
    await mover.begin(["+442079460000", "+442079460101"])
    order = await mover.work()
    assert (order.lanes[0].exception, await mover.states()) == ("NOT_PORTABLE", ["EXCEPTION"])
    assert order.numbers[0].problem
    assert await reason_of(mover.submit()) == "PORT_STATE_WRONG"
    await mover.update(removed_numbers=["+442079460000"])
    assert await mover.states() == ["PORTABILITY_CHECK"]
    await mover.work()
    assert await mover.states() == ["DRAFT"]
    with pytest.raises(InvalidInput):
        await mover.update(removed_numbers=["+442079460101"])


async def test_text_messages_that_cannot_come_leave_calls_alone(mover: Mover) -> None:
    await mover.begin(["+442079461111"], sms=True)
    await mover.work()
    assert await mover.states() == ["DRAFT", "EXCEPTION"]
    await mover.call("CancelPortOrder", port_order_id=mover.order_id, channel=SMS)
    assert await mover.states() == ["DRAFT", "CANCELLED"]


async def test_losing_carriers_objection_is_told_and_a_corrected_order_goes_off_again(mover: Mover) -> None:
    await mover.ready()
    await mover.update(details=details(account_number="wrong one"))
    await mover.submit()
    await mover.work()
    order = await mover.work(60)
    assert (order.lanes[0].exception, await mover.states()) == ("ACCOUNT_NUMBER_WRONG", ["EXCEPTION"])
    notices = [
        each for each in await told(mover.town.db, mover.firm.tenant_id) if each.DESCRIPTOR.name == "NoticeRaised"
    ]
    assert [each.notice.kind for each in notices] == ["PORT_EXCEPTION"]
    await mover.update(details=details())
    await mover.submit("again")
    await mover.work()
    await mover.work(60)
    assert await mover.states() == ["IN_PROCESS"]
    [first, second] = mover.town.carrier.submissions.values()
    assert second.replaces == mover.town.carrier.names[first.key] and first.key != second.key


async def test_carrier_that_is_away_is_asked_again_later_and_the_company_sees_it(mover: Mover) -> None:
    mover.town.carrier.away = True
    await mover.begin()
    order = await mover.work()
    assert order.carrier_away and await mover.states() == ["PORTABILITY_CHECK"]
    asked = mover.town.carrier.asked
    await mover.work(5)
    assert mover.town.carrier.asked == asked, "asked again too soon"
    await mover.work(6)
    assert mover.town.carrier.asked == asked + 1
    mover.town.carrier.away = False
    order = await mover.work(61)
    assert not order.carrier_away and await mover.states() == ["DRAFT"]
    assert (await mover.events()).count("CARRIER_AWAY") == (await mover.events()).count("CARRIER_BACK") == 1


async def test_order_whose_answer_was_lost_in_a_crash_is_sent_once(mover: Mover, monkeypatch: Any) -> None:
    await mover.ready()
    await mover.submit()

    async def crash(*_: Any) -> None:
        raise RuntimeError("the process ends here")

    with monkeypatch.context() as broken:
        broken.setattr("tenancy.ops.port_work.Worker.taken", crash)
        await mover.work()
    assert await mover.states() == ["SUBMITTED"]
    await mover.work(121)
    await mover.work(60)
    assert await mover.states() == ["IN_PROCESS"] and len(mover.town.carrier.names) == 1


async def test_two_workers_at_once_do_the_work_of_one(mover: Mover) -> None:
    await mover.ready()
    await mover.submit()
    for after in (0, 60, timedelta(days=11)):
        mover.town.clock.advance(after)
        await asyncio.gather(mover.town.porter.work_due(), mover.town.porter.work_due())
    assert await mover.states() == ["PORTED"]
    assigned = [each for each in await told(mover.town.db, mover.firm.tenant_id, "NumberAssigned")]
    assert len(assigned) == len(NUMBERS)


async def test_order_is_given_up_until_the_losing_carrier_switches(mover: Mover) -> None:
    await mover.ready()
    await mover.submit()
    await mover.work()
    await mover.work(60)
    order = await mover.call("CancelPortOrder", port_order_id=mover.order_id, reason="changed our mind")
    assert order.cancelling and await mover.states() == ["IN_PROCESS"]
    await mover.work()
    assert await mover.states() == ["CANCELLED"]
    assert await reason_of(look_up(mover.town, NUMBERS[0])) == "NUMBER_NOT_FOUND"
    assert await reason_of(mover.call("CancelPortOrder", port_order_id=mover.order_id)) == "PORT_STATE_WRONG"
    second = Mover(mover.firm)
    await second.ready(request_id="second")


async def test_order_cannot_be_given_up_a_working_day_before_its_moment(mover: Mover) -> None:
    await mover.ready()
    await mover.submit()
    await mover.work()
    order = await mover.work(60)
    end = order.no_return_time.ToDatetime(UTC)
    assert end == datetime(2026, 3, 11, 10, tzinfo=UTC)
    mover.town.clock.advance(end - mover.town.clock.now())
    assert await reason_of(mover.call("CancelPortOrder", port_order_id=mover.order_id)) == "PORT_PAST_NO_RETURN"
    assert not (await mover.order()).lanes[0].cancellable


# Too near, a Saturday, Good Friday, too far.
@pytest.mark.parametrize("wanted", ["2026-03-04", "2026-03-14", "2026-04-03", "2027-03-01", "tomorrow"])
async def test_day_that_no_carrier_works_on_or_that_is_too_near_or_far_is_refused(mover: Mover, wanted: str) -> None:
    await mover.begin()
    with pytest.raises(InvalidInput) as refused:
        await mover.update(wanted_date=wanted)
    assert [each.field for each in refused.value.fields] == ["wanted_date"]


async def test_order_that_lacks_something_is_not_sent_off_and_says_what(mover: Mover) -> None:
    await mover.begin()
    await mover.work()
    await mover.update(details=details())
    with pytest.raises(DomainError) as refused:
        await mover.submit()
    assert refused.value.reason == "PORT_ORDER_INCOMPLETE"
    assert refused.value.metadata["missing"] == "LETTER_OF_AUTHORIZATION, BILL, wanted_date"


@pytest.mark.parametrize("content", [b"", b"MZ program", b"%PDF-" + bytes(3_000_000)], ids=["empty", "program", "big"])
async def test_other_files_than_small_papers_are_refused(mover: Mover, content: bytes) -> None:
    await mover.begin()
    with pytest.raises(InvalidInput):
        await mover.upload(LOA, content)


async def test_papers_and_details_are_unreadable_in_the_database_and_read_back_by_the_company(mover: Mover) -> None:
    order = await mover.ready()
    for table in tables.metadata.sorted_tables:
        for row in await mover.town.db.system(lambda tx, table=table: tx.all(select(table)), read_only=True):
            said = str({name: value for name, value in row.items() if name != "payload"})
            assert "signed" not in said and "AC-778" not in said and "Olga Ivanova" not in said, table.name
    paper = order.documents[0]
    got = await mover.call("GetPortDocument", port_order_id=mover.order_id, port_document_id=paper.port_document_id)
    assert got.content == PDF and (await mover.order()).details.account_number == "AC-778"


async def test_paper_that_is_taken_away_is_missing_again(mover: Mover) -> None:
    order = await mover.ready()
    paper = order.documents[0].port_document_id
    await mover.call("DeletePortDocument", port_order_id=mover.order_id, port_document_id=paper)
    assert await mover.states() == ["DOCUMENTS"]
    gone = mover.call("DeletePortDocument", port_order_id=mover.order_id, port_document_id=paper)
    assert await reason_of(gone) == "PORT_DOCUMENT_NOT_FOUND"


async def test_repeated_requests_are_done_once_and_others_with_their_id_are_refused(mover: Mover) -> None:
    brand_id = (await mover.firm.brand()).brand_id
    first = await mover.begin(brand_id=brand_id)
    assert (await mover.begin(brand_id=brand_id)).port_order_id == first.port_order_id
    assert await reason_of(mover.begin(["+442079460109"], brand_id=brand_id)) == "REQUEST_ID_REUSED"
    await mover.work()
    await mover.upload(LOA)
    assert len((await mover.upload(LOA)).documents) == 1


async def test_change_on_an_old_version_is_refused(mover: Mover) -> None:
    order = await mover.begin()
    await mover.work()
    assert await reason_of(mover.update(details=details(), version=order.version)) == "VERSION_CONFLICT"


async def test_order_of_another_company_is_not_found_and_two_cannot_bring_the_same_number(mover: Mover) -> None:
    await mover.ready()
    await mover.submit()
    rival = Mover(await mover.town.sign_up())
    rival.order_id = mover.order_id
    for refused in (
        rival.order(), rival.update(wanted_date="2026-03-12"), rival.upload(LOA), rival.submit(), rival.events(),
        rival.call("CancelPortOrder", port_order_id=mover.order_id),
    ):  # fmt: skip
        assert await reason_of(refused) == "PORT_ORDER_NOT_FOUND"
    assert await reason_of(rival.begin()) == "NUMBERS_TAKEN"


async def test_of_two_orders_for_a_number_that_go_off_at_once_one_does(mover: Mover) -> None:
    rival = Mover(await mover.town.sign_up())
    await mover.ready()
    await rival.ready()
    came = await asyncio.gather(mover.submit(), rival.submit(), return_exceptions=True)
    refused = [each for each in came if isinstance(each, DomainError)]
    assert len(refused) == 1 and refused[0].reason in ("NUMBER_TAKEN", "NUMBERS_TAKEN")


async def test_number_the_company_brought_becomes_the_platforms_when_it_comes_over(mover: Mover) -> None:
    brand = await mover.firm.brand()
    bring = number_service_pb2.BringNumbersRequest(
        request_id="bring", entries=NUMBERS[:1], trunk_id=mover.firm.trunk(), brand_id=brand.brand_id
    )
    with mover.firm.as_("admin"):
        await mover.town.stubs.numbers.BringNumbers(bring)
    await mover.ready(NUMBERS[:1], brand_id=brand.brand_id)
    await mover.submit()
    await mover.work()
    await mover.work(timedelta(days=11))
    route = await look_up(mover.town, NUMBERS[0])
    assert (route.number.brought, route.number.ported, route.number.trunk_id) == (False, True, "")


async def test_webhook_lets_an_order_be_asked_about_at_once_and_a_forged_one_is_refused(mover: Mover) -> None:
    await mover.ready()
    await mover.submit()
    await mover.work()
    await mover.work(11)
    mover.town.clock.advance(60)
    [carrier_ref] = mover.town.carrier.names.values()
    body = json.dumps({"type": "port_order.updated", "data": {"id": carrier_ref}}).encode()
    stamp = str(int(mover.town.clock.now().timestamp()))

    async def tell(signature: str, at: str = stamp) -> None:
        request = porting_service_pb2.ReceiveCarrierEventRequest(
            webhook_id="msg_1", webhook_timestamp=at, webhook_signature=signature, body=body
        )
        with mover.firm.as_("agent"):
            await mover.town.stubs.carriers.ReceiveCarrierEvent(request)

    assert await reason_of(tell("v1,AAAA")) == "WEBHOOK_SIGNATURE_WRONG"
    old = str(int(stamp) - 301)
    assert await reason_of(tell(sign(WEBHOOK_KEY, "msg_1", old, body), old)) == "WEBHOOK_SIGNATURE_WRONG"
    assert await mover.states() == ["SUBMITTED"]
    await tell("v1,AAAA " + sign(WEBHOOK_KEY, "msg_1", stamp, body))
    await mover.work()
    assert await mover.states() == ["IN_PROCESS"]

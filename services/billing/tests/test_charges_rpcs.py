"""Usage events, meters, coupons and taxes as partners, companies and operators ask for them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from billing.handlers.coupons import Coupons
from billing.handlers.metering import Meters, Usage, UsageOperators
from billing.handlers.taxes import Taxes
from billing.handlers.usage import Billing
from chassis.auth import acting_as
from chassis.instants import time_out
from kernel.errors import AlreadyExists, Conflict, DomainError, FailedPrecondition, Forbidden, InvalidInput, NotFound
from kernel.ids import new_id
from merkez.billing.v1 import (
    billing_service_pb2,
    coupon_pb2,
    coupon_service_pb2,
    meter_pb2,
    meter_service_pb2,
    tax_pb2,
    tax_service_pb2,
    usage_service_pb2,
)
from merkez.billing.v1.billing_service_pb2_grpc import BillingServiceStub, add_BillingServiceServicer_to_server
from merkez.billing.v1.coupon_service_pb2_grpc import CouponServiceStub, add_CouponServiceServicer_to_server
from merkez.billing.v1.meter_service_pb2_grpc import MeterServiceStub, add_MeterServiceServicer_to_server
from merkez.billing.v1.tax_service_pb2_grpc import TaxServiceStub, add_TaxServiceServicer_to_server
from merkez.billing.v1.usage_service_pb2_grpc import (
    UsageOperatorServiceStub,
    UsageServiceStub,
    add_UsageOperatorServiceServicer_to_server,
    add_UsageServiceServicer_to_server,
)
from merkez.tenancy.v1 import plan_pb2
from merkez.type.v1 import money_pb2
from testkit import RpcHouse, someone

from .conftest import MARCH, Ledger, call_fact, user_fact
from .test_statements import eur, plan

RECORDED, REPEATED, REFUSED = (
    usage_service_pb2.USAGE_OUTCOME_RECORDED,
    usage_service_pb2.USAGE_OUTCOME_REPEATED,
    usage_service_pb2.USAGE_OUTCOME_REFUSED,
)


class House:
    """Billing's rpcs, as somebody of a company or an operator calls them."""

    def __init__(self, rpc: RpcHouse, ledger: Ledger) -> None:
        self.ledger = ledger
        self.usage: Any = rpc.stub(UsageServiceStub, "billing")
        self.operators_usage: Any = rpc.stub(UsageOperatorServiceStub, "billing")
        self.meters: Any = rpc.stub(MeterServiceStub, "billing")
        self.coupons: Any = rpc.stub(CouponServiceStub, "billing")
        self.taxes: Any = rpc.stub(TaxServiceStub, "billing")
        self.billing: Any = rpc.stub(BillingServiceStub, "billing")

    def owner(self) -> Any:
        return acting_as(someone("owner", self.ledger.tenant))

    def operator(self) -> Any:
        return acting_as(someone("operator", "ten_platform"))

    async def meter(self, **more: Any) -> str:
        """A new meter's name."""
        name = f"m_{secrets.token_hex(6)}"
        made = meter_pb2.Meter(meter=name, unit="unit", **more)
        with self.operator():
            await self.meters.CreateMeter(meter_service_pb2.CreateMeterRequest(request_id=name, meter=made))
        return name

    def event(self, meter: str, source_id: str = "e1", **more: Any) -> usage_service_pb2.UsageEvent:
        more.setdefault("usage_time", time_out(self.ledger.clock.now()))
        return usage_service_pb2.UsageEvent(source="crm", source_id=source_id, meter=meter, **more)

    async def record(self, *events: usage_service_pb2.UsageEvent) -> usage_service_pb2.RecordUsageResponse:
        with self.owner():
            return await self.usage.RecordUsage(usage_service_pb2.RecordUsageRequest(events=events))


@pytest_asyncio.fixture
async def house(ledger: Ledger, rpc: RpcHouse) -> House:
    await rpc.serve(
        "billing",
        [
            (add_BillingServiceServicer_to_server, Billing(ledger.rating)),
            (add_UsageServiceServicer_to_server, Usage(ledger.rating)),
            (add_UsageOperatorServiceServicer_to_server, UsageOperators(ledger.db)),
            (add_MeterServiceServicer_to_server, Meters(ledger.db)),
            (add_CouponServiceServicer_to_server, Coupons(ledger.db)),
            (add_TaxServiceServicer_to_server, Taxes(ledger.db)),
        ],
    )
    return House(rpc, ledger)


async def refused(kind: type[DomainError], call: Awaitable[Any]) -> DomainError:
    with pytest.raises(kind) as error:
        await call
    return error.value


async def test_batch_says_of_each_event_what_became_of_it_and_loses_none_of_the_rest(house: House) -> None:
    meter = await house.meter()
    now = house.ledger.clock.now()
    first = await house.record(house.event(meter, "a", quantity="2"), house.event(meter, "b", quantity="3.25"))
    assert [each.outcome for each in first.results] == [RECORDED, RECORDED] and first.recorded_count == 2
    answer = await house.record(
        house.event(meter, "a", quantity="2.0"),
        house.event(meter, "b", quantity="4"),
        house.event(meter, "c", quantity="1"),
        house.event(meter, "c", quantity="1"),
        house.event(meter, "c", quantity="2"),
        house.event(meter, "d", quantity="-1"),
        house.event(meter, "e", quantity="1e99"),
        house.event(meter, "f", quantity="much"),
        house.event(meter, "g", quantity="NaN"),
        house.event(meter, "h", usage_time=time_out(now + timedelta(hours=1))),
        house.event(meter, "i", usage_time=time_out(now - timedelta(days=401))),
        house.event("nobody_defined_it", "j"),
        house.event("voice_inbound_minute", "k"),
        house.event(meter, ""),
        house.event(meter, "l", properties={str(n): "x" for n in range(21)}),
        usage_service_pb2.UsageEvent(source="crm", source_id="m", meter=meter),
        house.event(meter, "n"),
    )
    assert [(each.outcome, each.reason, each.field) for each in answer.results] == [
        (REPEATED, "", ""), (REFUSED, "USAGE_CONFLICT", ""), (RECORDED, "", ""), (REPEATED, "", ""),
        (REFUSED, "USAGE_CONFLICT", ""), (REFUSED, "AMOUNT_INVALID", "quantity"),
        (REFUSED, "AMOUNT_INVALID", "quantity"), (REFUSED, "AMOUNT_INVALID", "quantity"),
        (REFUSED, "AMOUNT_INVALID", "quantity"), (REFUSED, "USAGE_INVALID", "usage_time"),
        (REFUSED, "USAGE_INVALID", "usage_time"), (REFUSED, "METER_NOT_FOUND", ""),
        (REFUSED, "USAGE_INVALID", "meter"), (REFUSED, "USAGE_INVALID", "source_id"),
        (REFUSED, "USAGE_INVALID", "properties"), (REFUSED, "USAGE_INVALID", "usage_time"), (RECORDED, "", ""),
    ]  # fmt: skip
    assert answer.recorded_count == 2
    assert sorted((each.source_id, str(each.amount)) for each in await house.ledger.usage()) == [
        ("a", "2"), ("b", "3.25"), ("c", "1"), ("n", "1"),
    ]  # fmt: skip


async def test_company_takes_no_calls_identity_before_the_call_is_billed(house: House) -> None:
    """It knows its calls' ids while they are up: an event of nothing under one of them kept the call from its bill."""
    meter = await house.meter()
    events = [
        usage_service_pb2.UsageEvent(
            source=source, source_id="call_1", meter=meter, quantity="0",
            usage_time=time_out(house.ledger.clock.now()),
        )
        for source in ("telephony", "call_over_limit", "api_request_over_limit", " telephony ")
    ]  # fmt: skip
    answer = await house.record(*events)
    assert [(each.reason, each.field) for each in answer.results[:3]] == [("USAGE_INVALID", "source")] * 3
    await house.ledger.tell(plan(plan_pb2.Rate(meter="voice_inbound_minute", price=eur("1"))))
    await house.ledger.tell(call_fact("call_1", 600, MARCH))
    assert [each.meter for each in await house.ledger.usage() if each.source == "telephony"] == ["voice_inbound_minute"]


async def test_operators_record_what_a_carrier_charged_and_nobody_takes_its_identity_before(house: House) -> None:
    meter, request = await house.meter(), usage_service_pb2.RecordTenantUsageRequest(tenant_id=house.ledger.tenant)
    taken = house.event(meter, "a")
    taken.source = "operator/crm"
    mine = await house.record(taken, house.event("carrier_cost", "a"), house.event(meter, "a"))
    assert [(each.reason, each.field) for each in mine.results] == [
        ("USAGE_INVALID", "source"), ("USAGE_INVALID", "meter"), ("", ""),
    ]  # fmt: skip
    request.events.extend([house.event("carrier_cost", "a", quantity="70"), house.event("message", "b", quantity="3")])
    request.events.extend(
        [house.event(name, "c") for name in ("call_over_limit", "seat_month", "voice_inbound_minute")]
    )
    with house.owner():
        await refused(Forbidden, house.operators_usage.RecordTenantUsage(request))
    with house.operator():
        answer = await house.operators_usage.RecordTenantUsage(request)
        again = await house.operators_usage.RecordTenantUsage(request)
        nobody = usage_service_pb2.RecordTenantUsageRequest(events=request.events)
        await refused(InvalidInput, house.operators_usage.RecordTenantUsage(nobody))
    assert [each.outcome for each in answer.results] == [RECORDED, RECORDED, REFUSED, REFUSED, REFUSED]
    assert again.recorded_count == 0
    rate = plan_pb2.Rate(meter="carrier_cost", model=plan_pb2.RATE_MODEL_PERCENTAGE, percent="10")
    await house.ledger.tell(plan(rate, since=MARCH - timedelta(days=60)))
    assert str((await house.ledger.amounts())["carrier_cost"]) == "7.00"


async def test_id_of_a_source_counts_for_one_meter_only(house: House) -> None:
    one, other = await house.meter(), await house.meter()
    answer = await house.record(house.event(one, "a"), house.event(other, "a"))
    assert [each.outcome for each in answer.results] == [RECORDED, REFUSED]
    again = await house.record(house.event(other, "a"))
    assert again.results[0].reason == "USAGE_CONFLICT"


async def test_empty_and_too_large_batches_are_refused(house: House) -> None:
    meter = await house.meter()
    assert (await refused(InvalidInput, house.record())).reason == "USAGE_INVALID"
    many = [house.event(meter, f"e{n}") for n in range(1001)]
    assert (await refused(InvalidInput, house.record(*many))).reason == "TOO_MANY_EVENTS"
    assert (await house.record(*many[:1000])).recorded_count == 1000


async def test_two_programs_that_send_the_same_events_at_once_record_each_once(house: House) -> None:
    meter = await house.meter()
    events = [house.event(meter, f"e{n}") for n in range(50)]
    answers = await asyncio.gather(*(house.record(*events) for _ in range(4)))
    assert sum(answer.recorded_count for answer in answers) == 50
    assert len(await house.ledger.usage()) == 50


async def test_usage_of_one_company_is_not_anothers_though_their_ids_are_the_same(house: House) -> None:
    meter = await house.meter()
    await house.record(house.event(meter, "a", quantity="1"))
    other = house.ledger.twin()
    with acting_as(someone("owner", other.tenant)):
        answer = await house.usage.RecordUsage(
            usage_service_pb2.RecordUsageRequest(events=[house.event(meter, "a", quantity="2")])
        )
    assert answer.recorded_count == 1
    assert [str(each.amount) for each in await house.ledger.usage()] == ["1"]


@pytest.mark.parametrize("role", ["admin", "supervisor", "agent", "operator"])
async def test_only_who_may_write_bills_records_usage(house: House, role: str) -> None:
    request = usage_service_pb2.RecordUsageRequest(events=[house.event("message")])
    with acting_as(someone(role, house.ledger.tenant)):
        await refused(Forbidden, house.usage.RecordUsage(request))


async def test_meter_is_defined_once_and_what_it_counts_stays(house: House) -> None:
    ask, name = meter_service_pb2, f"m_{secrets.token_hex(6)}"
    value = meter_pb2.Meter(
        meter=name, unit="user", aggregation=meter_pb2.AGGREGATION_UNIQUE_COUNT, unique_property="user",
        group_by=["site"], names={"en": "Users"},
    )  # fmt: skip
    request = ask.CreateMeterRequest(request_id=name, meter=value)
    with house.operator():
        made = await house.meters.CreateMeter(request)
        assert await house.meters.CreateMeter(request) == made and made.version == 1
        other = ask.CreateMeterRequest(request_id=name, meter=meter_pb2.Meter(meter=name, unit="x"))
        assert (await refused(AlreadyExists, house.meters.CreateMeter(other))).reason == "REQUEST_ID_REUSED"
        other.request_id = name + "2"
        assert (await refused(AlreadyExists, house.meters.CreateMeter(other))).reason == "METER_EXISTS"
        changed = await house.meters.UpdateMeter(ask.UpdateMeterRequest(meter=name, archived=True, version=1))
        assert changed.archived and changed.aggregation == meter_pb2.AGGREGATION_UNIQUE_COUNT
        stale = ask.UpdateMeterRequest(meter=name, version=1)
        assert (await refused(Conflict, house.meters.UpdateMeter(stale))).reason == "VERSION_CONFLICT"
        built_in = ask.UpdateMeterRequest(meter="seat_month", version=0)
        assert (await refused(FailedPrecondition, house.meters.UpdateMeter(built_in))).reason == "METER_FIXED"
        await refused(NotFound, house.meters.UpdateMeter(ask.UpdateMeterRequest(meter="none", version=1)))
    with house.owner():
        found = (await house.meters.ListMeters(ask.ListMetersRequest())).meters
        await refused(Forbidden, house.meters.CreateMeter(request))
    assert changed in found and found[0].built_in
    answer = await house.record(house.event(name, properties={"user": "u1"}))
    assert answer.results[0].reason == "USAGE_INVALID"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (meter_pb2.Meter(meter="Bad Name", unit="x"), "meter.meter"),
        (meter_pb2.Meter(meter="no_unit"), "meter.unit"),
        (meter_pb2.Meter(meter="u", unit="x", aggregation=meter_pb2.AGGREGATION_UNIQUE_COUNT), "meter.unique_property"),
        (meter_pb2.Meter(meter="g", unit="x", group_by=["a", "a"]), "meter.group_by"),
    ],
)
async def test_meter_that_cannot_be_is_refused_by_its_field(house: House, wrong: Any, field: str) -> None:
    request = meter_service_pb2.CreateMeterRequest(request_id=secrets.token_hex(8), meter=wrong)
    with house.operator():
        error = await refused(InvalidInput, house.meters.CreateMeter(request))
    assert error.fields[0].field == field


async def test_current_usage_shows_allowance_days_and_where_it_is_going(house: House) -> None:
    ledger = house.ledger
    ledger.clock.advance(MARCH + timedelta(days=3) + timedelta(hours=2, minutes=24) - ledger.clock.now())
    minute = plan_pb2.Rate(meter="voice_inbound_minute", price=eur("0.10"), included_units="3")
    await ledger.tell(plan(plan_pb2.Rate(meter="seat_month", price=eur("10")), minute))
    await ledger.tell(user_fact("usr_1", 1), MARCH)
    for name, at, seconds in (("call_1", 0, 120), ("call_2", 2, 186)):
        await ledger.tell(call_fact(name, seconds, MARCH + timedelta(days=at)))
    with house.owner():
        found = await house.usage.GetCurrentUsage(usage_service_pb2.GetCurrentUsageRequest())
    assert found.period_end_time.ToDatetime(UTC) == datetime(2026, 4, 1, tzinfo=UTC)
    seats, voice = found.meters
    assert (seats.meter, [day.quantity for day in seats.days]) == ("seat_month", ["1", "1", "1", "1"])
    assert (voice.quantity, voice.allowance, voice.amount.amount) == ("5.1", "3", "0.21")
    assert (voice.projected_quantity, [day.quantity for day in voice.days]) == ("51", ["2", "0", "3.1", "0"])
    with acting_as(someone("owner", ledger.twin().tenant)):
        await refused(FailedPrecondition, house.usage.GetCurrentUsage(usage_service_pb2.GetCurrentUsageRequest()))


def coupon(**more: Any) -> coupon_pb2.Coupon:
    more.setdefault("percent", "10")
    return coupon_pb2.Coupon(
        code=f"C-{secrets.token_hex(6).upper()}", name="Welcome", frequency=coupon_pb2.COUPON_FREQUENCY_FOREVER, **more
    )


async def make_coupon(house: House, **more: Any) -> coupon_pb2.Coupon:
    ask = coupon_service_pb2.CreateCouponRequest(request_id=secrets.token_hex(8), coupon=coupon(**more))
    with house.operator():
        return await house.coupons.CreateCoupon(ask)


async def test_coupon_is_made_redeemed_once_and_taken_off_the_preview(house: House) -> None:
    ask = coupon_service_pb2
    await house.ledger.tell(plan(price=eur("50")))
    made = await make_coupon(house)
    redeem = ask.RedeemCouponRequest(request_id="r1", code=made.code.lower())
    with house.owner():
        first = await house.coupons.RedeemCoupon(redeem)
        assert await house.coupons.RedeemCoupon(redeem) == first
        again = ask.RedeemCouponRequest(request_id="r2", code=made.code)
        assert (await refused(AlreadyExists, house.coupons.RedeemCoupon(again))).reason == "COUPON_HELD"
        unknown = ask.RedeemCouponRequest(request_id="r3", code="NONE-SUCH")
        assert (await refused(NotFound, house.coupons.RedeemCoupon(unknown))).reason == "COUPON_NOT_FOUND"
        [held] = (await house.coupons.ListRedeemedCoupons(ask.ListRedeemedCouponsRequest())).coupons
        preview = await house.billing.PreviewInvoice(billing_service_pb2.PreviewInvoiceRequest())
    assert held.coupon.code == made.code and not held.coupon.redemption_count
    assert (preview.subtotal.amount, preview.discounts[0].amount.amount) == ("50.00", "5.00")
    assert preview.total.amount == "45.00" and preview.lines[0].discount.amount == "5.00"
    with acting_as(someone("owner", house.ledger.twin().tenant)):
        assert not (await house.coupons.ListRedeemedCoupons(ask.ListRedeemedCouponsRequest())).coupons


async def test_coupon_of_so_many_is_redeemed_by_no_more_also_when_two_come_at_once(house: House) -> None:
    made = await make_coupon(house, max_redemptions=1)

    async def redeem(tenant: str) -> str:
        with acting_as(someone("owner", tenant)):
            try:
                await house.coupons.RedeemCoupon(coupon_service_pb2.RedeemCouponRequest(request_id="x", code=made.code))
            except FailedPrecondition as error:
                return error.reason
        return "redeemed"

    found = await asyncio.gather(*(redeem(house.ledger.twin().tenant) for _ in range(4)))
    assert sorted(found) == [*["COUPON_SPENT"] * 3, "redeemed"]


async def test_archived_and_expired_coupons_are_not_redeemed_and_operators_give_others(house: House) -> None:
    ask, now = coupon_service_pb2, house.ledger.clock.now()
    archived, soon = await make_coupon(house), await make_coupon(
        house, redeem_until_time=time_out(now + timedelta(hours=1))
    )  # fmt: skip
    tenant = house.ledger.tenant
    with house.operator():
        await house.coupons.ArchiveCoupon(ask.ArchiveCouponRequest(coupon_id=archived.coupon_id, version=1))
        stale = ask.ArchiveCouponRequest(coupon_id=archived.coupon_id, version=1)
        assert (await refused(Conflict, house.coupons.ArchiveCoupon(stale))).reason == "VERSION_CONFLICT"
        house.ledger.clock.advance(timedelta(hours=2))
        for each in (archived, soon):
            give = ask.GiveCouponRequest(request_id=each.code, tenant_id=tenant, coupon_id=each.coupon_id)
            assert (await refused(FailedPrecondition, house.coupons.GiveCoupon(give))).reason == "COUPON_SPENT"
    fine = await make_coupon(house)
    give = ask.GiveCouponRequest(request_id="g", tenant_id=tenant, coupon_id=fine.coupon_id)
    with house.operator():
        given = await house.coupons.GiveCoupon(give)
        page = await house.coupons.ListCoupons(ask.ListCouponsRequest(page_size=1))
    assert given.coupon.code == fine.code and page.coupons[0].redemption_count in (0, 1) and page.next_page_token
    with house.owner():
        await refused(Forbidden, house.coupons.GiveCoupon(give))


@pytest.mark.parametrize(
    ("more", "reason", "field"),
    [
        ({"percent": "101"}, "COUPON_INVALID", "coupon.percent"),
        ({"percent": "-1"}, "AMOUNT_INVALID", "coupon.percent"),
        ({"percent": ""}, "COUPON_INVALID", "coupon.percent"),
        ({"percent": "", "amount": money_pb2.Money(currency="XXX", amount="5")}, "CURRENCY_UNKNOWN",
         "coupon.amount.currency"),
        ({"percent": "", "amount": money_pb2.Money(currency="JPY", amount="0.5")}, "COUPON_INVALID", "coupon.amount"),
        ({"max_redemptions": -1}, "COUPON_INVALID", "coupon.max_redemptions"),
    ],
)  # fmt: skip
async def test_coupon_that_cannot_be_is_refused_by_its_field(
    house: House, more: dict[str, Any], reason: str, field: str
) -> None:
    error = await refused(InvalidInput, make_coupon(house, **more))
    assert (error.reason, error.fields[0].field) == (reason, field)


def region() -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return f"{secrets.choice(letters)}{secrets.choice(letters)}-{secrets.randbelow(900) + 100}"


async def test_tax_rates_of_a_region_do_not_overlap_and_end_only_in_the_future(house: House) -> None:
    ask, now, where = tax_service_pb2, house.ledger.clock.now(), region()

    def request(start: datetime, code: str = "vat", percent: str = "18") -> tax_service_pb2.CreateTaxRateRequest:
        rate = tax_pb2.TaxRate(tax_code=code, name="VAT", region=where, percent=percent, start_time=time_out(start))
        return ask.CreateTaxRateRequest(request_id=secrets.token_hex(8), tax_rate=rate)

    with house.operator():
        first = request(MARCH)
        made = await house.taxes.CreateTaxRate(first)
        assert await house.taxes.CreateTaxRate(first) == made
        later = request(MARCH + timedelta(days=90), percent="20")
        assert (await refused(FailedPrecondition, house.taxes.CreateTaxRate(later))).reason == "TAX_RATES_OVERLAP"
        past = ask.EndTaxRateRequest(tax_rate_id=made.tax_rate_id, end_time=time_out(now - timedelta(days=1)))
        assert (await refused(InvalidInput, house.taxes.EndTaxRate(past))).fields[0].field == "end_time"
        ended = await house.taxes.EndTaxRate(
            ask.EndTaxRateRequest(tax_rate_id=made.tax_rate_id, end_time=later.tax_rate.start_time)
        )
        await house.taxes.CreateTaxRate(later)
        longer = ask.EndTaxRateRequest(tax_rate_id=made.tax_rate_id, end_time=time_out(MARCH + timedelta(days=91)))
        assert (await refused(FailedPrecondition, house.taxes.EndTaxRate(longer))).reason == "TAX_RATES_OVERLAP"
        await house.taxes.CreateTaxRate(request(MARCH, "city", "1"))
        found = (await house.taxes.ListTaxRates(ask.ListTaxRatesRequest(region=where))).tax_rates
        assert [each.percent for each in found] == ["1", "18", "20"] and ended.end_time == later.tax_rate.start_time
        unknown = ask.EndTaxRateRequest(tax_rate_id=new_id("txr", now), end_time=time_out(now + timedelta(days=1)))
        await refused(NotFound, house.taxes.EndTaxRate(unknown))
        for wrong in (request(MARCH, "VAT!"), request(MARCH, "other", "101"), request(MARCH, "more", "x")):
            await refused(InvalidInput, house.taxes.CreateTaxRate(wrong))
    with house.owner():
        await refused(Forbidden, house.taxes.CreateTaxRate(later))


async def test_operator_keeps_a_companys_tax_data_and_the_company_reads_its_own(house: House) -> None:
    ask, tenant, where = tax_service_pb2, house.ledger.tenant, region()

    def request(version: int, **more: Any) -> tax_service_pb2.SetTenantTaxDataRequest:
        return ask.SetTenantTaxDataRequest(tenant_id=tenant, tax_data=tax_pb2.TaxData(version=version, **more))

    reverse = tax_pb2.TAX_TREATMENT_REVERSE_CHARGE
    with house.operator():
        made = await house.taxes.SetTenantTaxData(request(0, region=where))
        assert (made.version, made.treatment) == (1, tax_pb2.TAX_TREATMENT_STANDARD)
        stale = await refused(Conflict, house.taxes.SetTenantTaxData(request(0, region=where)))
        assert stale.reason == "VERSION_CONFLICT"
        nobody = await refused(InvalidInput, house.taxes.SetTenantTaxData(request(1, treatment=reverse)))
        assert nobody.fields[0].field == "tax_data.tax_id"
        await house.taxes.SetTenantTaxData(request(1, region=where, treatment=reverse, tax_id="AZ 1"))
        seen = await house.taxes.GetTenantTaxData(ask.GetTenantTaxDataRequest(tenant_id=tenant))
    with house.owner():
        assert await house.taxes.GetTaxData(ask.GetTaxDataRequest()) == seen
        await refused(Forbidden, house.taxes.SetTenantTaxData(request(2)))
    with acting_as(someone("owner", house.ledger.twin().tenant)):
        assert (await house.taxes.GetTaxData(ask.GetTaxDataRequest())).version == 0

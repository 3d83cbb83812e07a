"""Facts of telephony becoming notices, and facts of tenancy leaving, over a real bus."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from chassis.bus import LiveMessage
from chassis.facts import STREAMS
from chassis.paging import Page
from kernel.ids import new_id
from merkez.billing.v1 import billing_events_pb2, invoice_pb2
from merkez.gateway.v1 import gateway_events_pb2
from merkez.telephony.v1 import telephony_events_pb2
from merkez.tenancy.v1 import session_pb2, session_service_pb2, tenancy_events_pb2, tenant_service_pb2
from merkez.type.v1 import money_pb2
from tenancy.consumers import HANDLERS
from tenancy.consumers.money import Money
from tenancy.ops import held, operators, overdue
from tenancy.ops import notices as notices_of
from testkit import eventually

LIMIT = "CONCURRENT_CALL_LIMIT_REACHED"


async def test_calls_refused_at_the_limit_are_one_notice_a_brand_and_repeats_count_once(
    town: Any, firm: Any, make_bus: Any
) -> None:
    bus = await make_bus("tenancy")
    await bus.consume(town.db, "tenancy", HANDLERS)
    brand, other = (new_id("brd", town.clock.now()) for _ in range(2))

    async def refuse(brand_id: str, event_id: str = "", suffix: str = "", reason: str = LIMIT) -> None:
        fact = telephony_events_pb2.CallRefused(reason=reason, limit=30, brand_id=brand_id)
        await bus.publish_fact(
            full_name=fact.DESCRIPTOR.full_name, tenant_id=firm.tenant_id, key=brand_id, time=town.clock.now(),
            event_id=event_id or new_id("evt", town.clock.now()), payload=fact.SerializeToString(), suffix=suffix,
        )  # fmt: skip

    await refuse(brand, reason="TENANT_SUSPENDED")
    await refuse(brand, "evt_one")
    await refuse(brand, "evt_one", ".again")
    await refuse(brand)
    await refuse(other)

    async def settled() -> Any:
        with firm.as_():
            listed = await town.stubs.tenants.ListNotices(tenant_service_pb2.ListNoticesRequest())
        found = {notice.parameters["brand_id"]: notice for notice in listed.notices}
        return found if set(found) == {brand, other} and found[brand].count == 2 else None

    found = await eventually(settled)
    assert found[brand].kind == LIMIT and found[brand].parameters["limit"] == "30"
    assert found[other].count == 1


async def test_notice_shows_the_limit_of_the_latest_refusal_whatever_is_heard_of_first(
    town: Any, firm: Any, make_bus: Any
) -> None:
    bus = await make_bus("tenancy")
    await bus.consume(town.db, "tenancy", HANDLERS)
    brand, now = new_id("brd", town.clock.now()), town.clock.now()
    for limit, time in ((50, now), (30, now - timedelta(minutes=1))):
        fact = telephony_events_pb2.CallRefused(reason="CONCURRENT_CALL_LIMIT_REACHED", limit=limit, brand_id=brand)
        await bus.publish_fact(
            full_name=fact.DESCRIPTOR.full_name, tenant_id=firm.tenant_id, key=brand, time=time,
            event_id=new_id("evt", now), payload=fact.SerializeToString(),
        )  # fmt: skip

    async def both() -> Any:
        with firm.as_():
            listed = await town.stubs.tenants.ListNotices(tenant_service_pb2.ListNoticesRequest())
        return next((each for each in listed.notices if each.count == 2), None)

    notice = await eventually(both)
    assert (notice.parameters["limit"], notice.update_time.ToDatetime(now.tzinfo)) == ("50", now)


async def test_minutes_in_which_programs_used_their_plan_up_are_one_notice_that_counts_each_minute_once(
    town: Any, firm: Any, make_bus: Any
) -> None:
    bus = await make_bus("tenancy")
    await bus.consume(town.db, "tenancy", HANDLERS)
    for gateway in ("a", "b"):  # both notice the same two minutes
        for minute in (1, 2):
            fact = gateway_events_pb2.ApiRequestLimitReached(limit=600)
            await bus.publish_fact(
                full_name=fact.DESCRIPTOR.full_name, tenant_id=firm.tenant_id, key=firm.tenant_id,
                time=town.clock.now(), event_id=f"evt_requests_{firm.tenant_id}_{minute}",
                payload=fact.SerializeToString(), suffix=f".{gateway}",
            )  # fmt: skip

    async def settled() -> Any:
        with firm.as_():
            listed = await town.stubs.tenants.ListNotices(tenant_service_pb2.ListNoticesRequest())
        return next((each for each in listed.notices if each.count == 2), None)

    notice = await eventually(settled)
    assert (notice.kind, notice.parameters["limit"]) == ("API_REQUEST_LIMIT_REACHED", "600")


async def test_what_was_done_while_tenancy_was_away_is_in_the_audit_log_once_with_its_time(
    town: Any, make_bus: Any
) -> None:
    firm = await town.sign_up(plan_id="scale")
    bus, done = await make_bus("gateway"), town.clock.now()
    entry = session_pb2.AuditEntry(
        audit_entry_id=new_id("aud", done), subject="usr_1", action="routing.v1.QueueService/CreateQueue",
        target="que_1", outcome="OK",
    )  # fmt: skip
    entry.create_time.FromDatetime(done)

    async def tell(event_id: str, suffix: str = "") -> None:
        await bus.publish_fact(
            full_name="merkez.gateway.v1.RequestAudited", tenant_id=firm.tenant_id, key=entry.audit_entry_id, time=done,
            payload=gateway_events_pb2.RequestAudited(entry=entry).SerializeToString(), event_id=event_id,
            suffix=suffix,
        )  # fmt: skip

    await tell("evt_done")
    await tell("evt_done", ".again")
    await tell("evt_sent_anew")  # past any inbox the entry's own id decides
    entry.audit_entry_id = new_id("aud", done)
    await tell("evt_last")
    town.clock.advance(timedelta(days=3).total_seconds())
    await bus.consume(town.db, "tenancy", HANDLERS)

    async def listed() -> Any:
        with firm.as_():
            found = await town.stubs.audit.ListAuditEntries(session_service_pb2.ListAuditEntriesRequest())
        return found.entries if len({each.audit_entry_id for each in found.entries}) == 2 else None

    entries = await eventually(listed)
    await eventually(lambda: _nothing_waits(bus))
    assert len(entries) == 2 and {each.create_time.ToDatetime(done.tzinfo) for each in entries} == {done}


async def _nothing_waits(bus: Any) -> bool:
    told = await bus.jetstream.consumer_info(STREAMS["gateway"], "tenancy")
    return not told.num_pending and not told.num_ack_pending


async def test_what_happens_in_a_company_is_told_once_committed(town: Any, make_bus: Any) -> None:
    bus = await make_bus("tenancy")
    told: list[LiveMessage] = []

    async def hear(message: LiveMessage) -> None:
        told.append(message)

    await bus.subscribe("merkez.*.*.v1.>", hear)
    bus.relay(town.db)
    firm = await town.sign_up()
    await firm.brand()

    def facts() -> dict[str, bytes]:
        # Other tests of this module left facts in the outbox.
        return {each.subject.rpartition(".")[2]: each.data for each in told if each.tenant_id == firm.tenant_id}

    await eventually(lambda: len(facts()) >= 5)
    assert set(facts()) == {
        "brand_changed", "plan_subscribed", "subscription_changed", "tenant_signed_up", "user_joined",
    }  # fmt: skip
    fact = tenancy_events_pb2.TenantSignedUp.FromString(facts()["tenant_signed_up"])
    assert (fact.tenant.currency, fact.owner_user_id) == ("EUR", firm.session.user.user_id)


async def test_overdue_invoice_is_a_notice_and_suspends_only_after_the_last_stage_until_it_is_paid(
    town: Any, firm: Any, make_bus: Any
) -> None:
    bus = await make_bus("tenancy")
    await bus.consume(town.db, "tenancy", {**HANDLERS, **Money("https://m.example", mailed=True).handlers})
    owed = money_pb2.Money(currency="EUR", amount="20.06")
    invoice = invoice_pb2.Invoice(invoice_id="ivc_1", number="MRK-000001", owed=owed)

    async def tell(fact: Any) -> None:
        await bus.publish_fact(
            full_name=fact.DESCRIPTOR.full_name, tenant_id=firm.tenant_id, key="ivc_1", time=town.clock.now(),
            event_id=new_id("evt", town.clock.now()), payload=fact.SerializeToString(),
        )  # fmt: skip

    def reached(consequence: Any, stage: int) -> Any:
        return billing_events_pb2.InvoiceOverdue(invoice=invoice, stage=stage, consequence=consequence)

    async def state() -> str:
        found = await town.db.run(firm.tenant_id, held.get_tenant, read_only=True)
        return found.state

    async def notices() -> Any:
        found, _ = await town.db.run(firm.tenant_id, lambda tx: notices_of.list_notices(tx, False, Page(0, "")))
        return [each.parameters["number"] for each in found if each.kind == "INVOICE_OVERDUE"]

    await tell(reached(billing_events_pb2.OVERDUE_CONSEQUENCE_NOTICE, 1))

    async def told() -> Any:
        return await notices() == ["MRK-000001"]

    await eventually(told)
    assert await state() == "ACTIVE"
    await tell(reached(billing_events_pb2.OVERDUE_CONSEQUENCE_SUSPENDED, 4))

    async def suspended() -> Any:
        return await state() == "SUSPENDED"

    await eventually(suspended)
    await tell(billing_events_pb2.InvoicePaid(invoice=invoice, others_overdue=False))

    async def back() -> Any:
        return await state() == "ACTIVE" and await notices() == []

    await eventually(back)


async def test_company_suspended_by_an_operator_stays_so_when_it_pays(town: Any, firm: Any) -> None:
    now = town.clock.now()
    await town.db.run(firm.tenant_id, lambda tx: operators.suspend(tx, "fraud", 0, now))
    await town.db.run(firm.tenant_id, lambda tx: overdue.settled(tx, "ivc_1", False, now))
    tenant = await town.db.run(firm.tenant_id, held.get_tenant, read_only=True)
    assert (tenant.state, tenant.suspend_reason) == ("SUSPENDED", "fraud")

"""A company's subscription, as it and the other services see it: moves, trials, pauses, ends, add-ons."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from chassis.auth import acting_as, acting_for
from google.protobuf.timestamp_pb2 import Timestamp
from kernel.errors import DomainError, InvalidInput, NotFound
from merkez.tenancy.v1 import number_service_pb2, plan_pb2, session_pb2, session_service_pb2, tenant_pb2
from merkez.tenancy.v1 import subscription_pb2 as sub
from merkez.tenancy.v1 import subscription_service_pb2 as s
from merkez.tenancy.v1 import tenant_service_pb2 as t
from merkez.type.v1 import money_pb2
from sqlalchemy import delete
from tenancy.store.plan_tables import subscriptions
from tenancy.sweeper import settle_due
from testkit import someone
from testkit.told import told

from .conftest import Firm, fresh
from .test_handlers_plans import Office, money, reason_of

TRIAL, ACTIVE = sub.SUBSCRIPTION_STATE_TRIAL, sub.SUBSCRIPTION_STATE_ACTIVE
PAUSED, CANCELLED = sub.SUBSCRIPTION_STATE_PAUSED, sub.SUBSCRIPTION_STATE_CANCELLED


@pytest.fixture
def office(town: Any) -> Office:
    return Office(town)


async def ask(firm: Firm, verb: str, **said: Any) -> Any:
    """An rpc of the subscription by the owner."""
    kind = getattr(s, f"{verb}Request")
    if "request_id" in kind.DESCRIPTOR.fields_by_name:
        said.setdefault("request_id", fresh(verb))
    with firm.as_():
        return await getattr(firm.town.stubs.subscriptions, verb)(kind(**said))


async def now_held(firm: Firm) -> s.GetSubscriptionResponse:
    return await ask(firm, "GetSubscription")


async def limits(firm: Firm) -> plan_pb2.Limits:
    with firm.as_():
        return (await firm.town.stubs.tenants.GetEntitlements(t.GetEntitlementsRequest())).limits


def time_of(stamp: Timestamp, like: datetime) -> datetime:
    return stamp.ToDatetime(tzinfo=like.tzinfo)


async def sold(office: Office, **small: Any) -> tuple[str, str]:
    """A small plan and a big one on sale: their ids."""
    little = await office.on_sale(tier=1, price=money("30.00"), **small)
    big = await office.on_sale(tier=2, price=money("90.00"))
    return little.plan_id, big.plan_id


async def test_sign_up_begins_the_subscription_and_its_first_month(town: Any, office: Office) -> None:
    small, _ = await sold(office)
    firm = await town.sign_up(plan_id=small)
    found = await now_held(firm)
    assert (found.subscription.state, found.plan.plan_id, found.subscription.version) == (ACTIVE, small, 1)
    now = town.clock.now()
    assert time_of(found.subscription.start_time, now) == time_of(found.subscription.anchor_time, now) == now
    assert timedelta(days=27) < time_of(found.subscription.period_end_time, now) - now < timedelta(days=32)


async def test_upgrade_is_held_now_as_it_was_previewed_and_told_to_everybody(town: Any, office: Office) -> None:
    small, big = await sold(office)
    firm = await town.sign_up(plan_id=small)
    town.clock.advance(timedelta(days=10))
    seen = await ask(firm, "PreviewPlanChange", plan_id=big)
    assert not seen.at_period_end and float(seen.charge.amount) > float(seen.credit.amount) > 0
    assert seen.amount.currency == "EUR" and len(seen.amount.amount.partition(".")[2]) == 2
    moved = await ask(firm, "MovePlan", plan_id=big, version=1)
    assert (moved.plan_id, moved.plan_version, moved.version) == (big, 1, 2)
    plan, changed = (await told(town.db, firm.tenant_id))[-2:]
    assert (plan.DESCRIPTOR.name, plan.plan.plan_id) == ("PlanSubscribed", big)
    now = town.clock.now()
    assert time_of(plan.effective_time, now) == time_of(changed.change_time, now) == now
    assert (changed.subscription, changed.plan.plan_id) == (moved, big)
    assert time_of(seen.next_fee_time, town.clock.now()) == time_of(moved.period_end_time, town.clock.now())


async def test_downgrade_waits_can_be_undone_and_happens_by_itself_at_its_time(town: Any, office: Office) -> None:
    small, big = await sold(office)
    firm = await town.sign_up(plan_id=big)
    waiting = await ask(firm, "MovePlan", plan_id=small)
    assert (waiting.plan_id, waiting.pending_change.plan_id) == (big, small)
    assert (await now_held(firm)).pending_plan.plan_id == small
    assert not (await ask(firm, "UndoPendingChange")).HasField("pending_change")
    assert await reason_of(ask(firm, "UndoPendingChange")) == "NOTHING_PENDING"
    due = time_of((await ask(firm, "MovePlan", plan_id=small)).period_end_time, town.clock.now())
    town.clock.advance(due - town.clock.now() - timedelta(seconds=1))
    await settle_due(town.db)
    assert (await now_held(firm)).plan.plan_id == big
    town.clock.advance(timedelta(days=3))  # nobody was there when it was due
    await settle_due(town.db)
    await settle_due(town.db)
    found = await now_held(firm)
    assert (found.plan.plan_id, found.subscription.pending_change.plan_id) == (small, "")
    assert time_of(found.subscription.period_start_time, due) == due
    facts = await told(town.db, firm.tenant_id, "PlanSubscribed")
    assert [each.plan.plan_id for each in facts] == [big, small] and time_of(facts[-1].effective_time, due) == due
    changes = await told(town.db, firm.tenant_id, "SubscriptionChanged")
    assert [each.subscription.version for each in changes] == list(range(1, len(changes) + 1)), "none twice, none lost"


async def test_change_plan_goes_by_the_same_rules(town: Any, office: Office) -> None:
    small, big = await sold(office)
    firm = await town.sign_up(plan_id=big)
    with firm.as_():
        tenant = await town.stubs.tenants.ChangePlan(t.ChangePlanRequest(request_id="x", plan_id=small))
    assert tenant.plan_id == big and (await now_held(firm)).subscription.pending_change.plan_id == small
    with firm.as_():
        await town.stubs.tenants.ChangePlan(t.ChangePlanRequest(request_id="y", plan_id=big))
    assert not (await now_held(firm)).subscription.HasField("pending_change"), "staying takes it back"


async def test_downgrade_that_does_not_fit_when_its_time_comes_is_dropped_and_said(town: Any, office: Office) -> None:
    small, big = await sold(office, limits=plan_pb2.Limits(max_users=10, max_brands=1))
    firm = await town.sign_up(plan_id=big)
    await firm.brand()
    due = time_of((await ask(firm, "MovePlan", plan_id=small)).period_end_time, town.clock.now())
    await firm.brand("Second")
    assert await reason_of(ask(firm, "MovePlan", plan_id=small)) == "PLAN_LIMITS_EXCEEDED"
    preview = await ask(firm, "PreviewPlanChange", plan_id=small)
    assert [(each.limit, each.used, each.allowed) for each in preview.misfits] == [("max_brands", 2, 1)]
    town.clock.advance(due - town.clock.now())
    await settle_due(town.db)
    found = await now_held(firm)
    assert found.plan.plan_id == big and not found.subscription.HasField("pending_change")
    with firm.as_():
        notices = (await town.stubs.tenants.ListNotices(t.ListNoticesRequest())).notices
    assert [(each.kind, each.parameters["limits"]) for each in notices] == [("PLAN_CHANGE_DROPPED", "brands")]


async def test_trial_ends_by_itself_and_is_given_once(town: Any, office: Office) -> None:
    small, big = await sold(office, trial_days=14)
    firm = await town.sign_up(plan_id=small)
    begun = (await now_held(firm)).subscription
    ends = town.clock.now() + timedelta(days=14)
    assert (begun.state, time_of(begun.trial_end_time, ends)) == (TRIAL, ends)
    town.clock.advance(timedelta(days=14))
    await settle_due(town.db)
    after = (await now_held(firm)).subscription
    assert (after.state, time_of(after.anchor_time, ends)) == (ACTIVE, ends)
    await ask(firm, "CancelSubscription", now=True)
    again = await ask(firm, "ReactivateSubscription")
    assert (again.state, again.HasField("trial_end_time")) == (ACTIVE, False)
    await ask(firm, "MovePlan", plan_id=big)
    assert (await now_held(firm)).subscription.state == ACTIVE


async def test_holders_stay_where_they_are_and_may_move_to_the_new_version(town: Any, office: Office) -> None:
    small, _ = await sold(office)
    firm = await town.sign_up(plan_id=small)
    draft = (await office.next_version(small)).plan
    draft.price.amount = "35.00"
    await office.update(draft)
    await office.publish(draft)
    found = await now_held(firm)
    assert (found.plan.version, found.newer_plan.version) == (1, 2)
    moved = await ask(firm, "MovePlan", plan_id=small)
    assert moved.plan_version == 2 and not (await now_held(firm)).HasField("newer_plan")


async def test_paused_company_takes_no_calls_and_signs_in(town: Any, office: Office) -> None:
    firm = await town.sign_up(plan_id="growth")
    brand = await firm.brand()
    request = session_service_pb2.CreateApiKeyRequest(
        request_id=fresh("key"), api_key=session_pb2.ApiKey(display_name="CRM", scopes=["queues.read"])
    )
    with firm.as_():
        secret = (await town.stubs.api_keys.CreateApiKey(request)).secret

    async def routed() -> int:
        with acting_for(""):
            asked = number_service_pb2.LookupRouteRequest(widget_key=brand.widget_key)
            return (await town.stubs.numbers.LookupRoute(asked)).tenant_state

    async def dials() -> Any:
        with acting_for(firm.tenant_id):
            return await town.stubs.numbers.GetCallerNumbers(number_service_pb2.GetCallerNumbersRequest())

    async def key() -> Any:
        with acting_for(""):
            return await town.stubs.api_keys.VerifyApiKey(session_service_pb2.VerifyApiKeyRequest(secret=secret))

    assert await routed() == tenant_pb2.TENANT_STATE_ACTIVE
    paused = await ask(firm, "PauseSubscription")
    assert paused.state == PAUSED and paused.HasField("pause_time")
    assert await routed() == tenant_pb2.TENANT_STATE_SUSPENDED
    assert await reason_of(dials()) == "SUBSCRIPTION_PAUSED"
    assert await reason_of(key()) == "SUBSCRIPTION_PAUSED"
    assert (await town.sign_in(firm.email)).access_token
    assert await reason_of(ask(firm, "MovePlan", plan_id="scale")) == "SUBSCRIPTION_STATE"
    assert await reason_of(ask(firm, "PauseSubscription")) == "SUBSCRIPTION_STATE"
    assert (await ask(firm, "ResumeSubscription")).state == ACTIVE
    assert (await routed(), (await key()).tenant_id) == (tenant_pb2.TENANT_STATE_ACTIVE, firm.tenant_id)
    await dials()


async def test_cancelled_at_the_period_end_is_used_until_then(town: Any, office: Office) -> None:
    firm = await town.sign_up(plan_id="growth")
    ending = await ask(firm, "CancelSubscription")
    assert (ending.state, ending.HasField("pending_change"), ending.pending_change.plan_id) == (ACTIVE, True, "")
    town.clock.advance(timedelta(days=32))
    await settle_due(town.db)
    over = (await now_held(firm)).subscription
    assert over.state == CANCELLED and over.cancel_time == ending.period_end_time
    assert await reason_of(ask(firm, "CancelSubscription", now=True)) == "SUBSCRIPTION_STATE"
    town.clock.advance(timedelta(days=100))
    await settle_due(town.db)
    assert (await now_held(firm)).subscription == over, "nothing falls due of what has ended"
    again = await ask(firm, "ReactivateSubscription", plan_id="scale")
    assert (again.state, again.plan_id) == (ACTIVE, "scale")


async def test_add_on_is_held_by_number_and_gives_its_limits(town: Any, office: Office) -> None:
    add_on = (await office.add_on()).add_on_id
    firm = await town.sign_up(plan_id="starter")
    assert (await limits(firm)).max_brands == 1
    offered = [each.add_on_id for each in (await ask(firm, "ListOffers")).add_ons]
    assert add_on in offered
    held = await ask(firm, "SetAddOn", add_on_id=add_on, quantity=2)
    assert [(each.add_on_id, each.quantity, each.HasField("end_time")) for each in held.add_ons] == [(add_on, 2, False)]
    assert (await limits(firm)).max_brands == 5
    heard = (await told(town.db, firm.tenant_id, "PlanSubscribed"))[-1]
    assert heard.plan.limits.max_brands == 5
    assert time_of(heard.effective_time, town.clock.now()) == town.clock.now()
    for name in ("A", "B", "C"):
        await firm.brand(name)
    town.clock.advance(60)
    assert await reason_of(ask(firm, "SetAddOn", add_on_id=add_on, quantity=0)) == "PLAN_LIMITS_EXCEEDED"
    fewer = await ask(firm, "SetAddOn", add_on_id=add_on, quantity=1)
    assert [(each.quantity, each.HasField("end_time")) for each in fewer.add_ons] == [(2, True), (1, False)]
    changed = (await told(town.db, firm.tenant_id, "SubscriptionChanged"))[-1]
    assert [each.add_on_id for each in changed.add_ons] == [add_on] and changed.plan.limits.max_brands == 1
    with pytest.raises(InvalidInput):
        await ask(firm, "SetAddOn", add_on_id=add_on, quantity=1001)
    with pytest.raises(NotFound):
        await ask(firm, "SetAddOn", add_on_id="nothing", quantity=1)


async def test_add_on_of_other_plans_is_refused_and_stands_in_the_way_of_a_move(town: Any, office: Office) -> None:
    small, big = await sold(office)
    add_on = (await office.add_on(plan_ids=[small])).add_on_id
    firm = await town.sign_up(plan_id=big)
    assert await reason_of(ask(firm, "SetAddOn", add_on_id=add_on, quantity=1)) == "ADD_ON_NOT_FOR_PLAN"
    firm = await town.sign_up(plan_id=small)
    await ask(firm, "SetAddOn", add_on_id=add_on, quantity=1)
    assert (await ask(firm, "PreviewPlanChange", plan_id=big)).add_ons_lost == [add_on]
    assert await reason_of(ask(firm, "MovePlan", plan_id=big)) == "ADD_ON_NOT_FOR_PLAN"


async def test_who_has_ended_gives_add_ons_up_to_begin_anew_with_a_plan_they_do_not_go_with(
    town: Any, office: Office
) -> None:
    small, big = await sold(office)
    dollars = money_pb2.Money(currency="USD", amount="50.00")
    rate = plan_pb2.Rate(meter="seat_month", unit="month", price=money_pb2.Money(currency="USD", amount="9.00"))
    abroad = (await office.on_sale(tier=2, currency="USD", price=dollars, rates=[rate])).plan_id
    add_on = (await office.add_on(plan_ids=[small])).add_on_id
    firm = await town.sign_up(plan_id=small)
    await ask(firm, "SetAddOn", add_on_id=add_on, quantity=2)
    await ask(firm, "CancelSubscription", now=True)
    town.clock.advance(60)
    for other in (big, abroad):
        assert await reason_of(ask(firm, "ReactivateSubscription", plan_id=other)) == "ADD_ON_NOT_FOR_PLAN"
    assert await reason_of(ask(firm, "SetAddOn", add_on_id=add_on, quantity=3)) == "SUBSCRIPTION_STATE", "none more"
    given_up = await ask(firm, "SetAddOn", add_on_id=add_on, quantity=0)
    assert given_up.state == CANCELLED and given_up.add_ons[0].HasField("end_time")
    assert (await ask(firm, "ReactivateSubscription", plan_id=abroad)).plan_id == abroad
    assert not (await now_held(firm)).add_ons


async def test_who_pauses_may_give_add_ons_up(town: Any, office: Office) -> None:
    small, _ = await sold(office)
    add_on = (await office.add_on()).add_on_id
    firm = await town.sign_up(plan_id=small)
    await ask(firm, "SetAddOn", add_on_id=add_on, quantity=2)
    await ask(firm, "PauseSubscription")
    assert (await ask(firm, "SetAddOn", add_on_id=add_on, quantity=1)).state == PAUSED
    assert await reason_of(ask(firm, "SetAddOn", add_on_id=add_on, quantity=2)) == "SUBSCRIPTION_STATE"


async def test_plan_in_another_currency_is_refused(town: Any, office: Office) -> None:
    lira = await office.on_sale(
        currency="TRY", price=None, rates=[], names={"en": "Lira"}, tier=5,
    )  # fmt: skip
    firm = await town.sign_up(plan_id="starter")
    assert await reason_of(ask(firm, "MovePlan", plan_id=lira.plan_id)) == "PLAN_CURRENCY_DIFFERS"


async def test_repeat_is_done_once_and_a_change_on_an_old_version_is_refused(town: Any) -> None:
    firm = await town.sign_up(plan_id="starter")
    first = await ask(firm, "MovePlan", plan_id="growth", request_id="once", version=1)
    assert await ask(firm, "MovePlan", plan_id="growth", request_id="once", version=1) == first
    again = ask(firm, "MovePlan", plan_id="scale", request_id="once", version=1)
    assert await reason_of(again) == "REQUEST_ID_REUSED"
    for verb in ("MovePlan", "PauseSubscription", "CancelSubscription", "UndoPendingChange"):
        said = {"plan_id": "scale"} if verb == "MovePlan" else {}
        assert await reason_of(ask(firm, verb, version=1, **said)) == "VERSION_CONFLICT"
    with firm.as_():
        assert await reason_of(town.stubs.subscriptions.MovePlan(s.MovePlanRequest(plan_id="scale"))) == "INVALID_INPUT"


async def test_of_two_changes_at_once_on_one_version_one_is_made(town: Any) -> None:
    firm = await town.sign_up(plan_id="starter")

    async def outcome(verb: str, **said: Any) -> str:
        try:
            await ask(firm, verb, version=1, **said)
        except DomainError as refused:
            return refused.reason
        return "done"

    assert sorted(await asyncio.gather(outcome("MovePlan", plan_id="growth"), outcome("PauseSubscription"))) == [
        "VERSION_CONFLICT", "done",
    ]  # fmt: skip


async def test_subscription_of_another_company_is_not_there(town: Any, firm: Firm) -> None:
    with acting_as(someone("owner", town.other_tenant())):
        for call in (
            town.stubs.subscriptions.GetSubscription(s.GetSubscriptionRequest()),
            town.stubs.subscriptions.PauseSubscription(s.PauseSubscriptionRequest(request_id="x")),
        ):
            with pytest.raises(NotFound):
                await call
    assert (await now_held(firm)).subscription.state == ACTIVE


async def test_company_of_before_subscriptions_holds_its_plan_and_changes_it(town: Any, firm: Firm) -> None:
    await firm.run(lambda tx: tx.execute(delete(subscriptions).where(subscriptions.c.tenant_id == firm.tenant_id)))
    town.clock.advance(timedelta(days=100))
    await settle_due(town.db)
    found = await now_held(firm)
    assert (found.subscription.state, found.plan.plan_id, found.subscription.version) == (ACTIVE, "growth", 0)
    assert time_of(found.subscription.period_end_time, town.clock.now()) > town.clock.now()
    moved = await ask(firm, "MovePlan", plan_id="scale")
    assert (moved.plan_id, moved.version) == ("scale", 1)


async def test_clock_that_goes_back_repeats_and_undoes_nothing(town: Any, office: Office) -> None:
    small, big = await sold(office)
    firm = await town.sign_up(plan_id=small)
    town.clock.advance(timedelta(days=5))
    moved = await ask(firm, "MovePlan", plan_id=big)
    town.clock.advance(-timedelta(days=1))
    await settle_due(town.db)
    paused = await ask(firm, "PauseSubscription")
    assert paused.pause_time.ToDatetime() >= moved.period_start_time.ToDatetime()
    facts = await told(town.db, firm.tenant_id, "SubscriptionChanged")
    assert facts[-1].change_time.ToDatetime() >= facts[-2].change_time.ToDatetime()


async def test_many_periods_that_nobody_watched_follow_one_another(town: Any, office: Office) -> None:
    small, _ = await sold(office)
    firm = await town.sign_up(plan_id=small)
    town.clock.advance(timedelta(days=200))
    await settle_due(town.db)
    facts = await told(town.db, firm.tenant_id, "SubscriptionChanged")
    spans = [(f.subscription.period_start_time.seconds, f.subscription.period_end_time.seconds) for f in facts]
    assert len(spans) == 7 and all(before[1] == after[0] for before, after in pairwise(spans))
    assert spans[-1][0] <= town.clock.now().timestamp() < spans[-1][1]

"""Hard limits refuse; soft ones let it happen, and whoever should know hears of it once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from chassis.bus import FactMeta
from hypothesis import given
from hypothesis import strategies as st
from merkez.gateway.v1 import gateway_events_pb2
from merkez.gateway.v1 import limit_events_pb2 as gateway_limit_events_pb2
from merkez.telephony.v1 import limit_events_pb2
from merkez.tenancy.v1 import limit_service_pb2, plan_pb2, tenant_service_pb2
from tenancy import catalogue
from tenancy.consumers import API_REQUESTS, HANDLERS
from tenancy.domain import limits
from tenancy.domain.limits import Passing, check_room, passed_by_a_move
from tenancy.domain.plans import Limits, Plan, PlanLimitReached
from testkit.told import told

from .conftest import Firm, fresh
from .test_handlers_plans import Office, reason_of

TIGHT = {"limits": plan_pb2.Limits(max_users=1, max_concurrent_calls=2, max_numbers=1, max_brands=1)}
SOFT = {**TIGHT, "soft_limits": ["max_users", "max_brands", "max_numbers", "max_concurrent_calls"]}


def plan_of(allowed: int, *soft: str) -> Plan:
    return Plan("p", 1, 1, {}, {}, "EUR", Limits(max_brands=allowed), (), (), soft_limits=soft)


@pytest.fixture
def office(town: Any) -> Office:
    return Office(town)


async def holding(office: Office, **said: Any) -> Firm:
    firm: Firm = await office.town.sign_up()
    await firm.begin_anew((await office.on_sale(**said)).plan_id)
    return firm


async def notices(firm: Firm) -> dict[str, Any]:
    with firm.as_():
        found = await firm.town.stubs.tenants.ListNotices(tenant_service_pb2.ListNoticesRequest())
    return {each.parameters["limit"]: each for each in found.notices if each.kind == "PLAN_LIMIT_PASSED"}


async def standing(firm: Firm) -> limit_service_pb2.GetStandingResponse:
    with firm.as_("admin"):
        return await firm.town.stubs.limits.GetStanding(limit_service_pb2.GetStandingRequest())


# -- the rules, without a database ---------------------------------------------------------------------------------


def test_one_more_than_the_plan_allows_is_refused_with_the_limit() -> None:
    assert check_room(plan_of(2), "max_brands", 1) is None
    with pytest.raises(PlanLimitReached) as refused:
        check_room(plan_of(2), "max_brands", 2)
    assert refused.value.metadata == {"limit": "brands", "allowed": "2"}


@given(st.integers(0, 9), st.lists(st.integers(1, 4), max_size=12))
def test_a_soft_limit_refuses_nothing_and_is_passed_once_on_the_way_up(allowed: int, steps: list[int]) -> None:
    used, told_of = 0, list[Passing]()
    for more in steps:
        passing = check_room(plan_of(allowed, "max_brands"), "max_brands", used, more)
        used += more
        told_of += [passing] if passing else []
    assert len(told_of) == (used > allowed)
    assert all(each.used > each.allowed == allowed for each in told_of)


@given(st.integers(0, 9), st.lists(st.integers(1, 4), max_size=12))
def test_a_hard_limit_is_never_overshot(allowed: int, steps: list[int]) -> None:
    used = 0
    for more in steps:
        try:
            assert check_room(plan_of(allowed), "max_brands", used, more) is None
        except PlanLimitReached:
            assert used + more > allowed
        else:
            used += more
    assert used <= allowed


def test_moving_to_a_smaller_soft_plan_passes_what_is_in_use_already() -> None:
    before, then = plan_of(9), plan_of(2, "max_brands")
    assert passed_by_a_move(before, then, {"brands": 3}) == [Passing("max_brands", 2, 3)]
    assert not passed_by_a_move(then, then, {"brands": 3}), "what was over before is no news"
    assert not passed_by_a_move(before, plan_of(2), {"brands": 3}), "a hard one refuses the move instead"


def test_every_limit_says_which_plan_has_more_and_every_feature_which_has_it() -> None:
    shop = catalogue.seed()
    starter, scale = shop.find("starter"), shop.find("scale")
    found = {each.limit: each for each in limits.limit_standings(shop, "ten_1", starter, {"users": 4})}
    assert found["max_users"].next_plan_id == "growth" and found["max_users"].used == 4
    assert found["max_concurrent_calls"].used is None, "calls are counted where they are"
    assert found["max_api_requests_per_minute"].next_plan_id == "", "there is no bound to lift"
    assert not limits.limit_standings(shop, "ten_1", scale, {})[0].next_plan_id
    lacks = {each.feature: each.lowest_plan_id for each in limits.feature_standings(shop, starter) if not each.held}
    assert lacks == {"skills": "growth", "oidc": "growth", "audit": "scale"}


# -- as companies and operators see it -------------------------------------------------------------------------------


async def test_brands_people_and_numbers_over_soft_limits_are_let_in_and_the_owner_hears_once(office: Office) -> None:
    firm = await holding(office, **SOFT)
    brand = await firm.brand()
    assert not await notices(firm)
    await firm.brand()
    await firm.brand()
    made = await firm.invite()
    await firm.town.accept(made.link_path.rpartition("/")[2])
    found = await notices(firm)
    assert {name: (each.count, each.parameters["used"]) for name, each in found.items()} == {
        "max_brands": (1, "2"), "max_users": (1, "2"),
    }  # fmt: skip
    facts = [each for each in await told(firm.town.db, firm.tenant_id) if each.DESCRIPTOR.name == "PlanLimitPassed"]
    assert [(each.passing.limit, each.passing.allowed, each.passing.used) for each in facts] == [
        ("max_brands", 1, 2), ("max_users", 1, 2),
    ]  # fmt: skip
    assert brand.brand_id


async def test_the_same_limits_refuse_where_they_are_hard(office: Office) -> None:
    firm = await holding(office, **TIGHT)
    await firm.brand()
    assert await reason_of(firm.brand()) == await reason_of(firm.invite()) == "PLAN_LIMIT_REACHED"
    assert not await notices(firm)


async def test_two_at_once_past_a_soft_limit_are_one_passing(office: Office) -> None:
    firm = await holding(office, **SOFT)
    await asyncio.gather(*(firm.brand() for _ in range(5)))
    assert (await notices(firm))["max_brands"].count == 1
    assert next(each for each in (await standing(firm)).limits if each.limit == "max_brands").used == 5


async def test_calls_past_the_limit_are_one_notice_however_often_they_come_and_go(office: Office) -> None:
    firm, clock = await holding(office, **SOFT), office.town.clock

    async def hear(passed: bool) -> None:
        fact = limit_events_pb2.CallOverLimit(limit=2, live_calls=3, passed=passed)
        meta = FactMeta(fresh("evt"), firm.tenant_id, "", clock.now(), "", "CallOverLimit", "")
        await firm.run(lambda tx: HANDLERS[limit_events_pb2.CallOverLimit](tx, fact, meta))

    await hear(False)
    assert not await notices(firm)
    for _ in range(3):
        await hear(True)
    assert (await notices(firm))["max_concurrent_calls"].count == 1
    for _ in range(3):
        clock.advance(limits.QUIET / timedelta(seconds=1) - 1)
        await hear(True)
    assert (await notices(firm))["max_concurrent_calls"].count == 1, "never ten quiet minutes: the same passing"
    clock.advance(limits.QUIET / timedelta(seconds=1))
    await hear(True)
    assert (await notices(firm))["max_concurrent_calls"].count == 2


async def test_programs_over_a_soft_limit_are_one_passing_however_many_minutes_they_go_on(office: Office) -> None:
    limits_of = plan_pb2.Limits(max_users=5, max_concurrent_calls=2, max_numbers=1, max_brands=1,
                                max_api_requests_per_minute=60)  # fmt: skip
    firm, clock = await holding(office, limits=limits_of, soft_limits=[API_REQUESTS]), office.town.clock

    async def hear(fact: Any) -> None:
        meta = FactMeta(fresh("evt"), firm.tenant_id, "", clock.now(), "", type(fact).__name__, "")
        await firm.run(lambda tx: HANDLERS[type(fact)](tx, fact, meta))

    for _ in range(12):
        await hear(gateway_events_pb2.ApiRequestLimitReached(limit=60))
        await hear(gateway_limit_events_pb2.ApiRequestsOverLimit(gateway_id="gw", count=3, limit=60))
        clock.advance(60)
    assert (await notices(firm))[API_REQUESTS].count == 1
    assert (await notices(firm))[API_REQUESTS].parameters["used"] == "63"
    facts = [each for each in await told(firm.town.db, firm.tenant_id) if each.DESCRIPTOR.name == "PlanLimitPassed"]
    assert [each.passing.limit for each in facts] == [API_REQUESTS], "so is the e-mail: one"


async def test_operators_see_who_went_past_what_and_nobody_else_does(office: Office) -> None:
    firm = await holding(office, **SOFT)
    await firm.brand()
    await firm.brand()
    ask = limit_service_pb2.ListLimitPassingsRequest(page_size=200)
    with office.town.as_operator():
        found = (await office.town.stubs.limits.ListLimitPassings(ask)).passings
    mine = [each for each in found if each.tenant_id == firm.tenant_id]
    assert [(each.limit, each.allowed, each.used, each.count) for each in mine] == [("max_brands", 1, 2, 1)]
    assert mine[0].tenant_name == firm.tenant.display_name
    with firm.as_():
        assert await reason_of(office.town.stubs.limits.ListLimitPassings(ask)) == "PERMISSION_DENIED"


async def test_another_company_hears_nothing_of_it(office: Office) -> None:
    firm, other = await holding(office, **SOFT), await office.town.sign_up()
    await firm.brand()
    await firm.brand()
    assert not await notices(other)


async def test_standing_says_what_is_used_what_is_soft_and_where_more_is_to_be_had(office: Office) -> None:
    firm = await holding(office, **SOFT)
    more = await office.add_on(plan_ids=[(await standing(firm)).plan_id])
    await firm.brand()
    answer = await standing(firm)
    brands = next(each for each in answer.limits if each.limit == "max_brands")
    assert (brands.allowed, brands.used, brands.counted, brands.soft) == (1, 1, True, True)
    assert more.add_on_id in brands.add_on_ids
    assert next(each for each in answer.features if each.feature == "api").held
    assert not next(each for each in answer.features if each.feature == "audit").held


async def test_a_route_says_to_telephony_that_calls_are_soft_at_once(office: Office) -> None:
    firm = await holding(office, **SOFT)
    with firm.as_():
        found = await firm.town.stubs.tenants.GetEntitlements(tenant_service_pb2.GetEntitlementsRequest())
    assert "max_concurrent_calls" in found.soft_limits


async def test_retention_and_campaigns_cant_be_soft(office: Office) -> None:
    from .test_handlers_plans import a_plan

    for name in limits.NEVER_SOFT:
        assert await reason_of(office.draft(plan=a_plan(soft_limits=[name]))) == "PLAN_INVALID"

"""Plans, the tenant, brands and notices, as a caller sees them."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from chassis.auth import STRANGER, acting_as
from kernel.errors import DomainError, InvalidInput
from merkez.tenancy.v1 import plan_service_pb2, tenant_pb2, tenant_service_pb2
from tenancy.ops.notices import raise_notice


async def reason_of(call: Any) -> str:
    with pytest.raises(DomainError) as refused:
        await call
    return refused.value.reason


async def update_brand(firm: Any, brand_id: str, version: int = 0, **news: Any) -> tenant_pb2.Brand:
    request = tenant_service_pb2.UpdateBrandRequest(brand=tenant_pb2.Brand(brand_id=brand_id, **news), version=version)
    request.update_mask.paths.extend(news)
    with firm.as_("admin"):
        return await firm.town.stubs.brands.UpdateBrand(request)


async def change_plan(firm: Any, plan_id: str, request_id: str = "") -> tenant_pb2.Tenant:
    request = tenant_service_pb2.ChangePlanRequest(request_id=request_id or plan_id, plan_id=plan_id)
    with firm.as_():
        return await firm.town.stubs.tenants.ChangePlan(request)


async def entitlements(firm: Any, role: str = "agent") -> tenant_pb2.Entitlements:
    with firm.as_(role):
        return await firm.town.stubs.tenants.GetEntitlements(tenant_service_pb2.GetEntitlementsRequest())


async def test_stranger_reads_the_catalogue_cheapest_first(town: Any) -> None:
    with acting_as(STRANGER):
        plans = (await town.stubs.plans.ListPlans(plan_service_pb2.ListPlansRequest())).plans
        first = await town.stubs.plans.GetPlan(plan_service_pb2.GetPlanRequest(plan_id=plans[0].plan_id))
        missing = plan_service_pb2.GetPlanRequest(plan_id="starter", version=9)
        assert await reason_of(town.stubs.plans.GetPlan(missing)) == "PLAN_NOT_FOUND"
    assert first == plans[0] and [plan.tier for plan in plans] == [1, 2, 3]
    assert all(rate.price.currency == plan.currency for plan in plans for rate in plan.rates)


async def test_company_changes_its_name_language_and_zone(town: Any, firm: Any) -> None:
    request = tenant_service_pb2.UpdateTenantRequest(
        tenant=tenant_pb2.Tenant(display_name="Acme BPO", language="az", time_zone="Asia/Baku"), version=1
    )
    request.update_mask.paths.extend(["display_name", "language", "time_zone"])
    with firm.as_():
        changed = await town.stubs.tenants.UpdateTenant(request)
        assert await reason_of(town.stubs.tenants.UpdateTenant(request)) == "VERSION_CONFLICT"
        assert await town.stubs.tenants.GetTenant(tenant_service_pb2.GetTenantRequest()) == changed
    assert (changed.display_name, changed.language, changed.time_zone) == ("Acme BPO", "az", "Asia/Baku")
    assert changed.plan_id == firm.tenant.plan_id


@pytest.mark.parametrize(
    ("path", "news"),
    [
        ("tenant.display_name", {"display_name": " "}),
        ("tenant.language", {"language": "de"}),
        ("tenant.time_zone", {"time_zone": "Nowhere"}),
        ("update_mask", {"plan_id": "scale"}),
    ],
)
async def test_wrong_change_of_the_company_is_named(town: Any, firm: Any, path: str, news: dict[str, Any]) -> None:
    request = tenant_service_pb2.UpdateTenantRequest(tenant=tenant_pb2.Tenant(**news))
    request.update_mask.paths.extend(news)
    with firm.as_(), pytest.raises(InvalidInput) as refused:
        await town.stubs.tenants.UpdateTenant(request)
    assert refused.value.fields[0].field == path


async def test_plan_change_gives_its_limits_at_once(firm: Any) -> None:
    before = await entitlements(firm)
    changed = await change_plan(firm, "scale")
    assert (changed.plan_id, changed.version) == ("scale", firm.tenant.version + 1)
    after = await entitlements(firm)
    assert (before.limits.max_concurrent_calls, after.limits.max_concurrent_calls) == (30, 500)
    assert "audit" in after.features and after.plan_version == changed.plan_version


async def test_plan_too_small_for_what_is_in_use_is_refused(firm: Any) -> None:
    for name in ("Umbrella", "Stark"):
        await firm.brand(name)
    with pytest.raises(DomainError) as refused:
        await change_plan(firm, "starter")
    assert refused.value.reason == "PLAN_LIMITS_EXCEEDED" and refused.value.metadata["limits"] == "brands"
    assert (await entitlements(firm)).plan_id == "growth"


async def test_plan_held_already_changes_nothing_and_an_unknown_one_is_not_found(firm: Any) -> None:
    assert await change_plan(firm, "growth") == firm.tenant
    assert await reason_of(change_plan(firm, "platinum")) == "PLAN_NOT_FOUND"


async def test_repeated_plan_change_is_made_once(firm: Any) -> None:
    first = await change_plan(firm, "scale", "once")
    await firm.begin_anew("growth")
    assert await change_plan(firm, "scale", "once") == first
    assert (await entitlements(firm)).plan_id == "growth"


async def test_brand_takes_language_and_zone_of_its_company(firm: Any) -> None:
    made = await firm.brand(" Umbrella ")
    assert (made.display_name, made.language, made.time_zone) == ("Umbrella", "tr", "Europe/Istanbul")
    assert made.widget_key.startswith("wgt_") and made.service_level_threshold_seconds == 20
    assert (await firm.brand("Stark", language="fa")).language == "fa"


async def test_brands_beyond_the_plan_are_refused_also_when_made_at_once(town: Any) -> None:
    firm = await town.sign_up(plan_id="starter")
    found = await asyncio.gather(firm.brand("One"), firm.brand("Two"), return_exceptions=True)
    assert sorted(getattr(each, "reason", "made") for each in found) == ["PLAN_LIMIT_REACHED", "made"]


async def test_repeated_creation_is_one_brand_with_one_widget(town: Any, firm: Any) -> None:
    request = tenant_service_pb2.CreateBrandRequest(request_id="one", brand=tenant_pb2.Brand(display_name="Umbrella"))
    with firm.as_():
        first = await town.stubs.brands.CreateBrand(request)
        assert await town.stubs.brands.CreateBrand(request) == first
        listed = await town.stubs.brands.ListBrands(tenant_service_pb2.ListBrandsRequest())
        assert list(listed.brands) == [first]
        request.brand.display_name = "Stark"
        assert await reason_of(town.stubs.brands.CreateBrand(request)) == "REQUEST_ID_REUSED"


async def test_brand_change_on_an_old_version_is_refused(town: Any, firm: Any) -> None:
    made = await firm.brand()
    town.clock.advance(5)
    changed = await update_brand(firm, made.brand_id, made.version, display_name="Stark")
    assert (changed.display_name, changed.language, changed.version) == ("Stark", made.language, made.version + 1)
    assert changed.update_time.ToDatetime() > made.update_time.ToDatetime()
    assert await reason_of(update_brand(firm, made.brand_id, made.version, display_name="X")) == "VERSION_CONFLICT"


@pytest.mark.parametrize(
    ("news", "field"),
    [
        ({"display_name": ""}, "brand.display_name"),
        ({"language": "de"}, "brand.language"),
        ({"time_zone": "Nowhere"}, "brand.time_zone"),
        ({"service_level_threshold_seconds": -1}, "brand.service_level_threshold_seconds"),
        ({"service_level_threshold_seconds": 4000}, "brand.service_level_threshold_seconds"),
        ({"call_rules": tenant_pb2.CallRules(park_seconds=14)}, "brand.call_rules.park_seconds"),
        ({"call_rules": tenant_pb2.CallRules(park_seconds=-1)}, "brand.call_rules.park_seconds"),
        ({"call_rules": tenant_pb2.CallRules(recording_tone_seconds=121)}, "brand.call_rules.recording_tone_seconds"),
        ({"call_rules": tenant_pb2.CallRules(recording_tone=cast("Any", 9))}, "brand.call_rules.recording_tone"),
        ({"widget_number": "+12025550100"}, "brand.widget_number"),
        ({"widget_key": "wgt_mine"}, "update_mask"),
    ],
)
async def test_wrong_change_of_a_brand_is_named(firm: Any, news: dict[str, Any], field: str) -> None:
    made = await firm.brand()
    with pytest.raises(InvalidInput) as refused:
        await update_brand(firm, made.brand_id, **news)
    assert refused.value.fields[0].field == field


async def test_a_brand_says_how_its_calls_are_handled_and_changes_it(firm: Any) -> None:
    rules = tenant_pb2.CallRules(
        recording_tone=tenant_pb2.RECORDING_TONE_ONCE, park_seconds=60, callers_hidden=True
    )  # fmt: skip
    made = await firm.brand(call_rules=rules)
    assert made.call_rules == rules
    rules = tenant_pb2.CallRules(
        recording_tone=tenant_pb2.RECORDING_TONE_REPEATED, recording_tone_seconds=12, recording_tone_for_agents=True,
        park_end=tenant_pb2.PARK_END_QUEUE,
    )  # fmt: skip
    changed = await update_brand(firm, made.brand_id, call_rules=rules)
    assert (changed.call_rules, changed.display_name) == (rules, made.display_name)
    assert (await firm.brand()).call_rules == tenant_pb2.CallRules()


async def test_deleted_brand_is_gone_with_its_widget(town: Any, firm: Any) -> None:
    made = await firm.brand()
    with firm.as_():
        await town.stubs.brands.DeleteBrand(tenant_service_pb2.DeleteBrandRequest(brand_id=made.brand_id))
        again = tenant_service_pb2.GetBrandRequest(brand_id=made.brand_id)
        assert await reason_of(town.stubs.brands.GetBrand(again)) == "BRAND_NOT_FOUND"
    await firm.brand()


async def notices(firm: Any, include_dismissed: bool = False) -> list[tenant_pb2.Notice]:
    request = tenant_service_pb2.ListNoticesRequest(include_dismissed=include_dismissed)
    with firm.as_():
        return list((await firm.town.stubs.tenants.ListNotices(request)).notices)


async def test_notice_counts_until_it_is_put_away_and_then_begins_anew(town: Any, firm: Any) -> None:
    async def happens() -> None:
        town.clock.advance(1)
        now, said = town.clock.now(), {"limit": "30"}
        await firm.run(lambda tx: raise_notice(tx, "LIMIT", "brd_1", said, now))

    await happens()
    await happens()
    [notice] = await notices(firm)
    assert (notice.count, dict(notice.parameters)) == (2, {"limit": "30"})
    assert notice.update_time.ToDatetime() > notice.create_time.ToDatetime()
    dismiss = tenant_service_pb2.DismissNoticeRequest(notice_id=notice.notice_id)
    with firm.as_():
        for _ in range(2):
            assert (await town.stubs.tenants.DismissNotice(dismiss)).dismissed
    assert await notices(firm) == []
    await happens()
    assert [(each.count, each.dismissed) for each in await notices(firm, True)] == [(1, False), (2, True)]

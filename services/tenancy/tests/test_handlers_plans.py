"""The catalogue as operators keep it and companies see it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from chassis.auth import STRANGER, acting_as
from kernel.errors import DomainError, InvalidInput, NotFound
from merkez.tenancy.v1 import operator_plan_service_pb2 as o
from merkez.tenancy.v1 import plan_pb2, plan_service_pb2, tenant_service_pb2
from merkez.type.v1 import money_pb2
from sqlalchemy import select, update
from tenancy.main import sow_catalogue
from tenancy.store import catalogue as store
from tenancy.store import shelf
from tenancy.store.plan_tables import PLAN, catalogue_versions

from .conftest import fresh


async def reason_of(call: Any) -> str:
    with pytest.raises(DomainError) as refused:
        await call
    return refused.value.reason


def money(amount: str) -> money_pb2.Money:
    return money_pb2.Money(currency="EUR", amount=amount)


def a_plan(**more: Any) -> plan_pb2.Plan:
    said: dict[str, Any] = {
        "names": {"en": "Trader", "tr": "Tüccar"}, "currency": "EUR", "tier": 2, "price": money("49.00"),
        "limits": plan_pb2.Limits(max_users=10, max_concurrent_calls=5, max_numbers=5, max_brands=5),
        "rates": [plan_pb2.Rate(meter="seat_month", unit="month", price=money("9.00"))], "features": ["api"],
    }  # fmt: skip
    return plan_pb2.Plan(**(said | more))


def an_add_on(**more: Any) -> plan_pb2.AddOn:
    said: dict[str, Any] = {
        "names": {"en": "More brands"}, "currency": "EUR", "price": money("5.00"), "limits": {"max_brands": 2},
    }  # fmt: skip
    return plan_pb2.AddOn(**(said | more))


class Office:
    """The operators' side."""

    def __init__(self, town: Any) -> None:
        self.town = town

    async def ask(self, verb: str, request: Any) -> Any:
        with self.town.as_operator():
            return await getattr(self.town.stubs.catalogue, verb)(request)

    async def draft(self, plan_id: str = "", plan: plan_pb2.Plan | None = None, **more: Any) -> o.PlanOverview:
        request = {"request_id": fresh("plan"), "plan_id": plan_id or fresh("trader"), "plan": plan or a_plan()}
        return await self.ask("CreatePlan", o.CreatePlanRequest(**(request | more)))

    async def publish(self, plan: plan_pb2.Plan, revision: int = 0) -> o.PlanOverview:
        request = o.PublishPlanRequest(plan_id=plan.plan_id, version=plan.version, revision=revision)
        return await self.ask("PublishPlan", request)

    async def on_sale(self, plan_id: str = "", **more: Any) -> plan_pb2.Plan:
        return (await self.publish((await self.draft(plan_id, a_plan(**more))).plan)).plan

    async def next_version(self, plan_id: str, **more: Any) -> o.PlanOverview:
        return await self.ask(
            "CreatePlanVersion", o.CreatePlanVersionRequest(request_id=fresh("next"), plan_id=plan_id, **more)
        )

    async def update(self, plan: plan_pb2.Plan, revision: int = 0) -> o.PlanOverview:
        return await self.ask("UpdatePlanDraft", o.UpdatePlanDraftRequest(plan=plan, revision=revision))

    async def retire(self, plan: plan_pb2.Plan) -> o.PlanOverview:
        return await self.ask("RetirePlan", o.RetirePlanRequest(plan_id=plan.plan_id, version=plan.version))

    async def all(self, plan_id: str) -> list[o.PlanOverview]:
        found = await self.ask("ListAllPlans", o.ListAllPlansRequest())
        return [each for each in found.plans if each.plan.plan_id == plan_id]

    async def add_on(self, add_on_id: str = "", **more: Any) -> plan_pb2.AddOn:
        request = o.CreateAddOnRequest(
            request_id=fresh("add-on"), add_on_id=add_on_id or fresh("more"), add_on=an_add_on(**more)
        )
        made = (await self.ask("CreateAddOn", request)).add_on
        return (
            await self.ask("PublishAddOn", o.PublishAddOnRequest(add_on_id=made.add_on_id, version=made.version))
        ).add_on


@pytest.fixture
def office(town: Any) -> Office:
    return Office(town)


async def shown(town: Any) -> list[str]:
    with acting_as(STRANGER):
        return [each.plan_id for each in (await town.stubs.plans.ListPlans(plan_service_pb2.ListPlansRequest())).plans]


async def read(town: Any, plan_id: str, version: int = 0) -> plan_pb2.Plan:
    with acting_as(STRANGER):
        return await town.stubs.plans.GetPlan(plan_service_pb2.GetPlanRequest(plan_id=plan_id, version=version))


async def test_draft_is_seen_by_operators_alone_until_it_is_published(town: Any, office: Office) -> None:
    made = await office.draft()
    plan = made.plan
    assert (plan.version, plan.state, made.revision, made.holder_count) == (1, plan_pb2.PLAN_STATE_DRAFT, 1, 0)
    assert plan.plan_id not in await shown(town)
    assert await reason_of(read(town, plan.plan_id, 1)) == "PLAN_NOT_FOUND"
    assert await reason_of(town.sign_up(plan_id=plan.plan_id)) == "PLAN_NOT_FOUND"
    published = (await office.publish(plan, made.revision)).plan
    assert published.state == plan_pb2.PLAN_STATE_ON_SALE and published.HasField("effective_time")
    assert plan.plan_id in await shown(town)
    seen = await read(town, plan.plan_id)
    assert dict(seen.names) == {"en": "Trader", "tr": "Tüccar", "az": "Trader", "fa": "Trader"}
    assert seen.price.amount == "49.00" and seen.rates[0].rate_id == "seat_month"


async def test_published_version_never_changes_neither_by_rpc_nor_by_sql(town: Any, office: Office) -> None:
    plan = await office.on_sale()
    plan.price.amount = "1.00"
    assert await reason_of(office.update(plan)) == "PLAN_PUBLISHED"
    assert await reason_of(office.publish(plan)) == "PLAN_PUBLISHED"
    kept = await town.db.system(lambda tx: store.find(tx, PLAN, plan.plan_id, 1))
    assert not await town.db.system(lambda tx: store.rewrite(tx, kept, {"price": "1.00"}))
    assert (await read(town, plan.plan_id, 1)).price.amount == "49.00"
    table = catalogue_versions
    sneaky = update(table).where(table.c.item_id == plan.plan_id).values(document={})
    with pytest.raises(Exception, match="permission denied"):
        await town.db.run(town.other_tenant(), lambda tx: tx.execute(sneaky))


async def test_next_version_takes_the_old_one_off_sale_and_leaves_its_holders_there(town: Any, office: Office) -> None:
    plan = await office.on_sale()
    firm = await town.sign_up(plan_id=plan.plan_id)
    draft = await office.next_version(plan.plan_id)
    assert (draft.plan.version, draft.plan.price.amount) == (2, "49.00")
    assert await reason_of(office.next_version(plan.plan_id)) == "PLAN_HAS_DRAFT"
    draft.plan.price.amount = "59.00"
    changed = await office.update(draft.plan, draft.revision)
    assert changed.revision == 2
    assert await reason_of(office.update(draft.plan, draft.revision)) == "VERSION_CONFLICT"
    assert await reason_of(office.publish(draft.plan, draft.revision)) == "VERSION_CONFLICT"
    await office.publish(draft.plan, changed.revision)
    new, old = await office.all(plan.plan_id)
    assert (new.plan.state, old.plan.state) == (plan_pb2.PLAN_STATE_ON_SALE, plan_pb2.PLAN_STATE_RETIRED)
    assert (new.holder_count, old.holder_count) == (0, 1)
    assert (await read(town, plan.plan_id)).version == 2
    with firm.as_():
        tenant = await town.stubs.tenants.GetTenant(tenant_service_pb2.GetTenantRequest())
    assert (tenant.plan_id, tenant.plan_version) == (plan.plan_id, 1)


async def test_retired_plan_is_sold_no_more_and_its_holders_go_on(town: Any, office: Office) -> None:
    plan = await office.on_sale()
    firm = await town.sign_up(plan_id=plan.plan_id)
    await office.retire(plan)
    assert await reason_of(office.retire(plan)) == "PLAN_NOT_ON_SALE"
    assert plan.plan_id not in await shown(town)
    assert await reason_of(town.sign_up(plan_id=plan.plan_id)) == "PLAN_NOT_FOUND"
    assert (await firm.brand()).brand_id
    assert (await read(town, plan.plan_id, 1)).state == plan_pb2.PLAN_STATE_RETIRED


async def test_plan_made_for_one_company_is_seen_and_held_by_it_alone(town: Any, office: Office, firm: Any) -> None:
    made = await office.on_sale(tenant_id=firm.tenant_id, tier=9, price=money("500.00"))
    assert made.plan_id not in await shown(town)
    assert await reason_of(read(town, made.plan_id, 1)) == "PLAN_NOT_FOUND"
    assert await reason_of(town.sign_up(plan_id=made.plan_id)) == "PLAN_NOT_FOUND"
    move = tenant_service_pb2.ChangePlanRequest(request_id="mine", plan_id=made.plan_id)
    other = await town.sign_up()
    with other.as_():
        assert await reason_of(town.stubs.tenants.ChangePlan(move)) == "PLAN_NOT_FOUND"
    with firm.as_():
        assert (await town.stubs.tenants.ChangePlan(move)).plan_id == made.plan_id
    assert await reason_of(office.draft(plan=a_plan(tenant_id=town.other_tenant()))) == "TENANT_NOT_FOUND"


async def test_every_fault_of_a_draft_is_named_by_its_path_and_nothing_is_kept(office: Office) -> None:
    plan_id = fresh("wrong")
    wrong = a_plan(currency="EUX", price=money_pb2.Money(currency="EUX", amount="-1"), features=["teleport"])
    wrong.rates.add(meter="voice_inbound_minute", unit="minute", model=plan_pb2.RATE_MODEL_GRADUATED)
    wrong.rates[1].tiers.add(up_to="10", unit_price=money_pb2.Money(amount="1"))
    wrong.rates[1].tiers.add(up_to="5", unit_price=money_pb2.Money(amount="1"))
    with pytest.raises(InvalidInput) as refused:
        await office.draft(plan_id, wrong)
    said = {each.field for each in refused.value.fields}
    assert said == {
        "plan.currency", "plan.price", "plan.features[0]", "plan.rates[0].price", "plan.rates[1].tiers[1].up_to",
    }  # fmt: skip
    found = await office.ask("CheckPlan", o.CheckPlanRequest(plan=wrong))
    assert {each.field for each in found.faults} == said and all(each.fault for each in found.faults)
    assert await office.all(plan_id) == []
    assert not (await office.ask("CheckPlan", o.CheckPlanRequest(plan=a_plan()))).faults
    with pytest.raises(InvalidInput) as bad_id:
        await office.draft("Bad Id")
    assert bad_id.value.fields[0].field == "plan_id"


async def test_repeat_creates_nothing_twice_and_another_body_is_refused(office: Office) -> None:
    plan_id, request_id = fresh("once"), fresh("request")
    first = await office.draft(plan_id, request_id=request_id)
    assert await office.draft(plan_id, request_id=request_id) == first
    again = office.draft(plan_id, a_plan(tier=3), request_id=request_id)
    assert await reason_of(again) == "REQUEST_ID_REUSED"
    assert await reason_of(office.draft(plan_id)) == "PLAN_EXISTS"


async def test_of_two_operators_at_once_one_begins_and_one_publishes(office: Office) -> None:
    plan = await office.on_sale()

    async def outcome(call: Any) -> str:
        try:
            await call
        except DomainError as refused:
            return refused.reason
        return "done"

    begun = await asyncio.gather(*(outcome(office.next_version(plan.plan_id)) for _ in range(2)))
    assert sorted(begun) == ["PLAN_HAS_DRAFT", "done"]
    draft = (await office.all(plan.plan_id))[0].plan
    assert sorted(await asyncio.gather(*(outcome(office.publish(draft)) for _ in range(2)))) == [
        "PLAN_PUBLISHED", "done",
    ]  # fmt: skip


async def test_unknown_plan_and_add_on_are_not_found(office: Office) -> None:
    nothing = plan_pb2.Plan(plan_id="nothing", version=1)
    for call in (office.publish(nothing), office.retire(nothing), office.next_version("nothing")):
        assert await reason_of(call) == "PLAN_NOT_FOUND"
    assert await reason_of(office.next_version("starter", version=9)) == "PLAN_NOT_FOUND"
    missing = o.RetireAddOnRequest(add_on_id="nothing", version=1)
    with pytest.raises(NotFound):
        await office.ask("RetireAddOn", missing)


async def test_add_on_is_drafted_sold_renewed_and_retired_as_a_plan_is(office: Office) -> None:
    made = await office.add_on()
    assert made.state == plan_pb2.PLAN_STATE_ON_SALE
    request = o.CreateAddOnVersionRequest(request_id=fresh("v"), add_on_id=made.add_on_id)
    draft = await office.ask("CreateAddOnVersion", request)
    draft.add_on.price.amount = "6.00"
    draft = await office.ask("UpdateAddOnDraft", o.UpdateAddOnDraftRequest(add_on=draft.add_on, revision=1))
    await office.ask("PublishAddOn", o.PublishAddOnRequest(add_on_id=made.add_on_id, version=2, revision=2))
    await office.ask("RetireAddOn", o.RetireAddOnRequest(add_on_id=made.add_on_id, version=2))
    found = (await office.ask("ListAllAddOns", o.ListAllAddOnsRequest())).add_ons
    mine = [each.add_on for each in found if each.add_on.add_on_id == made.add_on_id]
    assert [(each.version, each.price.amount, each.state) for each in mine] == [
        (2, "6.00", plan_pb2.PLAN_STATE_RETIRED), (1, "5.00", plan_pb2.PLAN_STATE_RETIRED),
    ]  # fmt: skip
    with pytest.raises(InvalidInput):
        await office.add_on(plan_ids=["no_such_plan"])


async def test_seed_is_sown_once_and_what_operators_did_stays(town: Any, office: Office) -> None:
    await sow_catalogue(town.db)
    growth = (await office.all("growth"))[-1].plan
    draft = await office.next_version("growth")
    await sow_catalogue(town.db)
    assert [each.plan.version for each in await office.all("growth")] == [draft.plan.version, 1]
    assert growth.version == 1
    rows = await town.db.system(lambda tx: tx.all(select(catalogue_versions.c.item_id)))
    assert len([row for row in rows if row["item_id"] == "starter"]) == 1


async def test_what_another_process_published_is_seen_within_five_seconds(
    town: Any, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = (await office.draft()).plan
    await shown(town)  # read now
    kept = await town.db.system(lambda tx: store.find(tx, PLAN, draft.plan_id, 1))
    assert await town.db.system(lambda tx: store.publish(tx, kept, town.clock.now()))
    later = time.monotonic() + 5
    monkeypatch.setattr(shelf.time, "monotonic", lambda: later)
    assert draft.plan_id in await shown(town)

"""Operators draft, price and publish a plan; a company sees what a change costs, makes it, takes it back, ends."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from merkez_local.system import System
from playwright.async_api import Browser, Page, expect
from testkit.browser import chromium, person, signed_in
from testkit.company import Api, Company, request_id

from tests.browser.looking import onlookers, violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def customer(system: System) -> AsyncIterator[Company]:
    """A company on the middle plan."""
    company = await Company.sign_up(system.url, plan="growth")
    yield company
    await company.close()


async def operators_page(browser: Browser, company: Company, email: str) -> Page:
    page = await signed_in(await person(browser, tone=440), company.url, email)
    await page.get_by_test_id("tab-plans").click()
    await page.get_by_test_id("plan-add").wait_for()
    return page


async def test_operator_drafts_a_plan_is_told_its_faults_while_writing_and_publishes_it(
    browser: Browser, customer: Company, operators_email: str
) -> None:
    plan_id = f"team-{secrets.token_hex(3)}"
    page = await operators_page(browser, customer, operators_email)
    await page.get_by_test_id("plan-add").click()
    await page.get_by_test_id("plan-id").fill(plan_id)
    await page.get_by_test_id("plan-names-en").fill("Team")
    await page.get_by_test_id("plan-names-fa").fill("گروه")
    await page.get_by_test_id("plan-price").fill("-5")
    form = page.get_by_test_id("plan-form")
    await expect(form).to_contain_text("Must not be negative.")
    await expect(page.get_by_test_id("plan-form-save")).to_be_disabled()
    await page.get_by_test_id("plan-price").fill("49,50")
    await page.get_by_test_id("rate-add").click()
    await page.get_by_test_id("rate-0-model").click()
    await page.get_by_role("option", name="Graduated: each unit by its tier").click()
    await page.get_by_test_id("rate-0-tier-add").click()
    await page.get_by_test_id("rate-0-tier-add").click()
    for tier, (up_to, price) in enumerate((("100", "9"), ("50", "8"), ("", "7"))):
        await page.get_by_test_id(f"rate-0-tier-{tier}-up-to").fill(up_to)
        await page.get_by_test_id(f"rate-0-tier-{tier}-price").fill(price)
    await expect(page.get_by_test_id("rate-0-tier-1")).to_contain_text("Must be more than the tier before.")
    assert await violations(page, "a draft with faults") == []
    await page.get_by_test_id("rate-0-tier-1-up-to").fill("500")
    await expect(page.get_by_test_id("plan-faults")).to_have_count(0)
    await page.get_by_test_id("plan-form-save").click()
    draft = page.get_by_test_id(f"version-{plan_id}-1")
    await expect(draft).to_contain_text("Draft")
    await page.get_by_test_id(f"version-{plan_id}-1-publish").focus()
    await page.keyboard.press("Enter")
    await page.get_by_test_id("confirm").click()
    await expect(draft).to_contain_text("On sale")
    await expect(draft).to_contain_text("EUR 49.50 per month")

    owner = await signed_in(await person(browser, tone=440), customer.url, customer.email, "/admin/billing")
    await expect(owner.get_by_role("region", name="Team")).to_contain_text("Seat: from EUR 7.00 / month")

    await page.get_by_test_id(f"version-{plan_id}-1-next").click()
    await expect(page.get_by_test_id("plan-price")).to_have_value("49.50")
    await page.get_by_test_id("plan-form-save").click()
    await expect(page.get_by_test_id(f"version-{plan_id}-2")).to_contain_text("Draft")
    await page.get_by_test_id(f"version-{plan_id}-1-retire").click()
    await page.get_by_test_id("confirm").click()
    await expect(draft).to_contain_text("Retired")
    for each in (page, owner):
        await each.context.close()


async def test_operator_prices_a_meter_of_their_own_by_packages_of_tiers_pooled_by_seats(
    browser: Browser, customer: Company, operator: Api, operators_email: str
) -> None:
    plan_id, meter = f"parcels-{secrets.token_hex(3)}", f"parcel_{secrets.token_hex(3)}"
    wanted = {"meter": meter, "unit": "parcel", "aggregation": "AGGREGATION_SUM", "names": {"en": f"Parcels {meter}"}}
    await operator.post("/v1/operator/meters", {"requestId": request_id(), "meter": wanted})
    page = await operators_page(browser, customer, operators_email)
    await page.get_by_test_id("plan-add").click()
    await page.get_by_test_id("plan-id").fill(plan_id)
    await page.get_by_test_id("plan-names-en").fill("Parcels")
    await page.get_by_test_id("rate-add").click()
    await page.get_by_test_id("rate-0-meter").fill(meter)
    await page.get_by_role("option", name=f"Parcels {meter}").click()
    await page.get_by_test_id("rate-0-model").click()
    await page.get_by_role("option", name="Graduated: each unit by its tier").click()
    await page.get_by_test_id("rate-0-tier-0-price").fill("2")
    await page.get_by_test_id("rate-0-tier-0-package").fill("100")
    await page.get_by_test_id("rate-0-included").fill("50")
    await page.get_by_role("group", name="Price 1").get_by_text("Bounds and fees").click()
    await page.get_by_test_id("rate-0-included-per").fill("Seat")
    await page.get_by_role("option", name="Seat", exact=True).click()
    await page.get_by_test_id("rate-0-flat-at-zero").check()
    await expect(page.get_by_test_id("plan-faults")).to_have_count(0)
    assert await violations(page, "a meter of one's own") == []
    await page.get_by_test_id("plan-form-save").click()
    await expect(page.get_by_test_id(f"version-{plan_id}-1")).to_contain_text("Draft")
    plans = (await operator.get("/v1/operator/plans"))["plans"]
    [rate] = next(each["plan"]["rates"] for each in plans if each["plan"]["planId"] == plan_id)
    assert (rate["meter"], rate["unit"], rate["includedUnits"], rate["includedPerMeter"]) == (
        meter, "parcel", "50", "seat_month"
    )  # fmt: skip
    assert rate["flatFeeAtZero"] and rate["tiers"][0]["packageSize"] == "100"
    await page.context.close()


async def test_what_an_operator_writes_is_accessible_and_fits_every_screen(
    browser: Browser, customer: Company, operators_email: str
) -> None:
    async with onlookers(browser, customer, "/operator", operators_email) as group:
        await group.each(lambda _, page: page.get_by_test_id("tab-plans").click())
        await group.each(lambda _, page: page.get_by_test_id("version-growth-1").wait_for())
        await group.look("the plans")

        async def begin(_: str, page: Page) -> None:
            await page.get_by_test_id("plan-add").click()
            await page.get_by_test_id("rate-add").click()
            await page.get_by_test_id("plan-faults").wait_for()

        await group.each(begin)
        await group.look("a plan that begins")
        await group.each(lambda _, page: page.keyboard.press("Escape"))
        await group.open(
            "an add-on that begins",
            lambda page: page.get_by_test_id("add-on-add"),
            lambda page: page.get_by_test_id("add-on-id"),
        )
        assert group.found == []


async def test_company_sees_what_a_change_costs_makes_it_and_takes_a_smaller_one_back(
    browser: Browser, customer: Company, operator: Api
) -> None:
    plan_id, add_on_id = f"team-{secrets.token_hex(3)}", f"brands-{secrets.token_hex(3)}"
    plan = {
        "names": {"en": "Team"}, "currency": "EUR", "tier": 5, "price": {"amount": "90"}, "trialDays": 0,
        "interval": "BILLING_INTERVAL_YEAR", "limits": {"maxUsers": 60, "maxNumbers": 20, "maxBrands": 10},
    }  # fmt: skip
    await operator.post("/v1/operator/plans", {"requestId": request_id(), "planId": plan_id, "plan": plan})
    await operator.post(f"/v1/operator/plans/{plan_id}:publish", {"planId": plan_id, "version": 1})
    add_on = {
        "names": {"en": "Two more brands"}, "currency": "EUR", "price": {"amount": "5"}, "limits": {"maxBrands": 2},
    }  # fmt: skip
    await operator.post("/v1/operator/addOns", {"requestId": request_id(), "addOnId": add_on_id, "addOn": add_on})
    await operator.post(f"/v1/operator/addOns/{add_on_id}:publish", {"addOnId": add_on_id, "version": 1})
    page = await signed_in(await person(browser, tone=440), customer.url, customer.email, "/admin/billing")
    await page.get_by_test_id("plan-interval").get_by_text("Yearly").click()
    await page.get_by_test_id(f"plan-{plan_id}").click()
    await expect(page.get_by_test_id("move-amount")).to_have_text("EUR 90.00")
    await expect(page.get_by_test_id("move")).to_contain_text("It takes effect now.")
    await page.get_by_test_id("move-save").click()
    await expect(page.get_by_test_id(f"plan-{plan_id}")).to_be_disabled()

    await page.get_by_test_id("plan-interval").get_by_text("Monthly").click()
    await page.get_by_test_id("plan-growth").click()
    await expect(page.get_by_test_id("move")).to_contain_text("when the period you have paid for ends")
    await page.get_by_test_id("move-save").click()
    await expect(page.get_by_test_id("pending-change")).to_contain_text("you move to Growth")
    await page.get_by_test_id("undo-pending").click()
    await expect(page.get_by_test_id("pending-change")).to_have_count(0)

    await page.get_by_test_id(f"add-on-{add_on_id}-quantity").fill("3")
    async with page.expect_response(lambda answer: answer.url.endswith(":set")):
        await page.get_by_test_id(f"add-on-{add_on_id}-save").click()
    assert (await customer.owner.get("/v1/entitlements"))["limits"]["maxBrands"] == 16

    await page.get_by_test_id("pause-subscription").click()
    await page.get_by_test_id("confirm").click()
    await expect(page.get_by_test_id("subscription-state")).to_have_text("Paused")
    await page.get_by_test_id("resume-subscription").click()
    await expect(page.get_by_test_id("subscription-state")).to_have_text("Active")
    await page.get_by_test_id("cancel-subscription").click()
    await page.get_by_test_id("cancel-save").click()
    await expect(page.get_by_test_id("pending-change")).to_contain_text("your subscription ends")
    await page.get_by_test_id("cancel-subscription").click()
    await page.get_by_test_id("cancel-when").get_by_text("Now: calls are refused at once").click()
    await page.get_by_test_id("cancel-save").click()
    await expect(page.get_by_test_id("ended-note")).to_be_visible()
    await page.get_by_test_id("plan-growth").click()
    await page.get_by_test_id("begin-save").click()
    await expect(page.get_by_test_id("subscription-state")).to_have_text("Active")
    await page.context.close()


async def test_subscription_is_accessible_and_fits_every_screen(browser: Browser, customer: Company) -> None:
    async with onlookers(browser, customer, "/admin/billing#plans") as group:
        await group.each(lambda _, page: page.get_by_test_id("plan-scale").wait_for())
        await group.look("the subscription")
        await group.open(
            "a change of plan",
            lambda page: page.get_by_test_id("plan-scale"),
            lambda page: page.get_by_test_id("move-amount"),
        )
        await group.open(
            "cancelling",
            lambda page: page.get_by_test_id("cancel-subscription"),
            lambda page: page.get_by_test_id("cancel-save"),
        )
        assert group.found == []

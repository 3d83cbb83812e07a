"""Operators make coupons, give them to companies and end them; how often each was taken stands beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect
from testkit.browser import chromium, person, signed_in
from testkit.company import Company, request_id

from .looking import onlookers


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.mark.browser
async def test_operator_makes_a_coupon_gives_it_to_a_company_and_ends_it(
    browser: Browser, company: Company, operators_email: str
) -> None:
    name = (await company.owner.get("/v1/tenant"))["displayName"]
    page = await signed_in(await person(browser, tone=440), company.url, operators_email)
    await page.get_by_test_id("tab-coupons").click()
    await page.get_by_test_id("coupon-add").focus()
    await page.keyboard.press("Enter")
    form = page.get_by_test_id("coupon-code")
    await expect(form).to_be_focused()
    await page.keyboard.type("sorry yen")
    await page.get_by_test_id("coupon-name").fill("For the outage")
    await page.get_by_test_id("coupon-kind").click()
    await page.get_by_role("option", name="Amount each period").click()
    await page.get_by_test_id("coupon-amount").fill("0,5")
    await page.get_by_test_id("coupon-currency").fill("jpy")
    await page.get_by_test_id("coupon-frequency").click()
    await page.get_by_role("option", name="Several billing periods").click()
    await page.get_by_test_id("coupon-periods").fill("three")
    await page.get_by_test_id("coupon-most").fill("5")
    await page.get_by_test_id("coupon-rates").fill("fee")
    await page.get_by_test_id("coupon-rates").press("Enter")
    await page.get_by_test_id("coupon-rates").press("Tab")
    await page.get_by_test_id("coupon-save").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("A whole number from 1 to 120")
    await page.get_by_test_id("coupon-periods").fill("۳")
    await page.get_by_test_id("coupon-save").click()
    await expect(dialog).to_contain_text("3 to 40 capital letters A to Z")
    await page.get_by_test_id("coupon-code").fill("SORRY-YEN")
    await page.get_by_test_id("coupon-save").click()
    await expect(dialog).to_contain_text("no more digits after the point than the currency has")
    await page.get_by_test_id("coupon-until").fill("2020-01-01T00:00")
    await page.get_by_test_id("coupon-amount").fill("1500")
    await page.get_by_test_id("coupon-save").click()
    await expect(dialog).to_contain_text("This moment is over already")
    await page.get_by_test_id("coupon-until").fill("")
    await page.get_by_test_id("coupon-amount").press("Enter")
    row = page.get_by_test_id("coupon-SORRY-YEN")
    await expect(row).to_contain_text("JPY 1,500")
    await expect(row).not_to_contain_text("1,500.")
    for said in ("For the outage", "Fees of plan and add-ons", "3 billing periods", "0 of 5"):
        await expect(row).to_contain_text(said)

    await page.get_by_test_id("coupon-SORRY-YEN-give").click()
    await page.get_by_test_id("coupon-company").fill(name)
    await page.get_by_role("option", name=name).click()
    await page.get_by_test_id("coupon-give-save").click()
    await expect(row).to_contain_text("1 of 5")
    [held] = (await company.owner.get("/v1/coupons"))["coupons"]
    assert held["coupon"]["code"] == "SORRY-YEN" and held["coupon"]["periods"] == 3

    await page.get_by_test_id("coupon-SORRY-YEN-give").click()
    await page.get_by_test_id("coupon-company").fill(name)
    await page.get_by_role("option", name=name).click()
    await page.get_by_test_id("coupon-give-save").click()
    await expect(page.get_by_role("dialog")).to_contain_text("The company has this coupon already")
    await page.keyboard.press("Escape")
    await page.get_by_test_id("coupon-SORRY-YEN-end").click()
    await page.get_by_test_id("confirm").click()
    await expect(row).to_contain_text("Ended")
    await expect(page.get_by_test_id("coupon-SORRY-YEN-give")).to_have_count(0)
    assert len((await company.owner.get("/v1/coupons"))["coupons"]) == 1, "who has it keeps it"
    await page.context.close()


@pytest.mark.browser
async def test_operator_who_ends_a_coupon_while_it_is_redeemed_is_told_and_sees_it_taken(
    browser: Browser, company: Company, operators_email: str
) -> None:
    page = await signed_in(await person(browser, tone=440), company.url, operators_email)
    await page.get_by_test_id("tab-coupons").click()
    await page.get_by_test_id("coupon-add").click()
    await page.get_by_test_id("coupon-code").fill("WELCOME-10")
    await page.get_by_test_id("coupon-name").fill("Welcome")
    await page.get_by_test_id("coupon-percent").fill("۱۲٫۵")
    await page.keyboard.press("Enter")
    row = page.get_by_test_id("coupon-WELCOME-10")
    await expect(row).to_contain_text("12.5%")
    await page.get_by_test_id("coupon-WELCOME-10-end").click()
    await company.owner.post("/v1/coupons:redeem", {"requestId": request_id(), "code": "welcome-10"})
    await page.get_by_test_id("confirm").click()
    await expect(page.get_by_test_id("problem")).to_be_visible()
    await expect(row).to_contain_text("Everything")
    await expect(row.locator("td").nth(3)).to_have_text("1")
    await page.context.close()

    async with onlookers(browser, company, "/operator", operators_email) as looks:
        await looks.each(lambda _, each: each.get_by_test_id("tab-coupons").click())
        await looks.each(lambda _, each: each.get_by_test_id("coupon-WELCOME-10").wait_for())
        await looks.look("coupons")
        await looks.open(
            "a coupon given",
            lambda each: each.get_by_test_id("coupon-WELCOME-10-give"),
            lambda each: each.get_by_test_id("coupon-company"),
        )
        await looks.each(lambda _, each: each.get_by_test_id("coupon-add").click())
        await looks.each(lambda _, each: each.get_by_test_id("coupon-code").wait_for())
        await looks.look("a coupon")
        assert looks.found == []

"""Operators keep tax rates: one for a country, another percentage from a moment on, an end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect
from testkit.browser import chromium, person, signed_in
from testkit.company import Company

from .looking import onlookers


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.mark.browser
async def test_operator_adds_a_tax_rate_changes_it_from_a_day_on_and_lets_the_new_one_end(
    browser: Browser, company: Company, operators_email: str
) -> None:
    page = await signed_in(await person(browser, tone=440), company.url, operators_email)
    await page.get_by_test_id("tab-taxes").click()
    await page.get_by_test_id("taxrate-add").click()
    await page.get_by_test_id("taxrate-country").fill("azerb")
    await page.get_by_role("option", name="Azerbaijan").click()
    await page.get_by_test_id("taxrate-name").fill("ƏDV")
    await page.get_by_test_id("taxrate-percent").fill("180")
    await page.get_by_test_id("taxrate-from").fill("2020-01-01T00:00")
    await page.get_by_test_id("taxrate-save").click()
    await expect(page.get_by_role("dialog")).to_contain_text("A number from 0 to 100")
    await page.get_by_test_id("taxrate-percent").fill("۱۸")
    await page.get_by_test_id("taxrate-percent").press("Enter")
    rows = page.locator('tr[data-testid^="taxrate-"]')
    await expect(rows).to_have_count(1)
    for said in ("Azerbaijan", "ƏDV", "18%", "On top of prices", "Everything"):
        await expect(rows).to_contain_text(said)

    next_year = datetime.fromisoformat(await page.evaluate("new Date().toISOString().slice(0, 10)")).year + 1
    await page.get_by_test_id("taxrate-AZ-vat-change").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("change-percent")).to_be_focused()
    await page.keyboard.type("20,5")
    await page.get_by_test_id("change-from").fill("2021-01-01T00:00")
    await page.get_by_test_id("taxrate-change-save").click()
    await expect(page.get_by_role("dialog")).to_contain_text("It has to be to come")
    await expect(rows).to_have_count(1)
    await page.get_by_test_id("change-from").fill(f"{next_year}-01-01T00:00")
    await page.get_by_test_id("taxrate-change-save").click()
    await expect(rows).to_have_count(2)
    before, after = rows.nth(0), rows.nth(1)
    await expect(before).to_contain_text("Ends")
    await expect(before).to_contain_text(f"{next_year}")
    await expect(after).to_contain_text("20.5%")
    await expect(after).to_contain_text("To come")

    await before.get_by_test_id("taxrate-AZ-vat-end").click()
    await page.get_by_test_id("end-until").fill(f"{next_year}-03-01T00:00")
    await page.get_by_test_id("taxrate-end-save").click()
    await expect(page.get_by_role("dialog")).to_contain_text("at the same time")
    await page.keyboard.press("Escape")
    await after.get_by_test_id("taxrate-AZ-vat-end").click()
    await page.get_by_test_id("end-until").fill(f"{next_year}-03-01T00:00")
    await page.get_by_test_id("taxrate-end-save").click()
    await expect(after).to_contain_text("Ends")
    await page.get_by_test_id("taxrates-search").fill("germany")
    await expect(page.get_by_role("main")).to_contain_text("No such tax rate")
    await page.context.close()

    async with onlookers(browser, company, "/operator", operators_email) as looks:
        await looks.each(lambda _, each: each.get_by_test_id("tab-taxes").click())
        await looks.each(lambda _, each: each.get_by_test_id("taxrate-AZ-vat-end").first.wait_for())
        await looks.look("tax rates")
        await looks.open(
            "a tax rate changed",
            lambda each: each.get_by_test_id("taxrate-AZ-vat-change").first,
            lambda each: each.get_by_test_id("change-percent"),
        )
        await looks.each(lambda _, each: each.get_by_test_id("taxrate-add").click())
        await looks.each(lambda _, each: each.get_by_test_id("taxrate-country").wait_for())
        await looks.look("a tax rate")
        assert looks.found == []

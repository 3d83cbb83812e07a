"""A company that serves its own clients: what they pay, in whose name they are billed, and by which prices."""

from __future__ import annotations

from collections.abc import AsyncIterator

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
async def test_company_says_what_a_client_pays_and_in_whose_name(browser: Browser, company: Company) -> None:
    page = await signed_in(await person(browser, tone=440), company.url, company.email, "/admin/client-bills")
    await page.get_by_test_id("price-list-add").click()
    await page.get_by_test_id("price-list-name").fill("Travel agencies")
    await page.get_by_test_id("price-list-markup").fill("35")
    await page.get_by_test_id("price-list-save").click()
    await expect(page.get_by_test_id("price-lists")).to_contain_text("Travel agencies")
    await expect(page.get_by_test_id("price-lists")).to_contain_text("35%")
    brand = company.brand["brandId"]
    await page.get_by_test_id(f"brand-{brand}-set-up").click()
    await expect(page.get_by_test_id("account")).to_contain_text("Acme Travel")
    await page.get_by_test_id("account-save").click()
    await page.get_by_test_id("account").wait_for(state="hidden")
    await page.get_by_test_id("sender-name").fill("Voices Ltd")
    await page.get_by_test_id("sender-prefix").fill("VO")
    await page.get_by_test_id("bill-sender").get_by_test_id("address-country").click()
    await page.get_by_role("option", name="Türkiye").click()
    await page.get_by_test_id("sender-save").click()
    await expect(page.get_by_test_id("bill-sender")).to_contain_text("VO000001")
    await page.context.close()
    async with onlookers(browser, company, "/admin/client-bills") as looks:
        await looks.each(lambda _, page: page.get_by_test_id(f"brand-{brand}").wait_for())
        await looks.each(lambda _, page: page.get_by_test_id("bill-sender").wait_for())
        await looks.look("client bills")
        await looks.open(
            "client price list", lambda page: page.get_by_test_id("price-list-add"),
            lambda page: page.get_by_test_id("price-list-name"),
        )  # fmt: skip
        await looks.open(
            "client account", lambda page: page.get_by_test_id(f"brand-{brand}-set-up"),
            lambda page: page.get_by_test_id("account-list"),
        )  # fmt: skip
        assert looks.found == []

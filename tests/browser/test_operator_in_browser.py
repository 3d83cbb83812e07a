"""A platform operator at work: opens the link, finds a company, suspends it with a reason and takes it back."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect
from testkit.browser import chromium, person, sign_in, signed_in
from testkit.company import Company, request_id


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.mark.browser
async def test_operator_suspends_a_company_by_keyboard_and_resumes_it(
    browser: Browser, company: Company, operators_email: str
) -> None:
    name = (await company.owner.get("/v1/tenant"))["displayName"]
    page = await signed_in(await person(browser, tone=440), company.url, operators_email)
    await page.wait_for_url("**/operator")
    await expect(page.get_by_test_id("navigation")).to_have_count(0)
    await page.get_by_test_id("tenants-search").fill(name)
    row = page.get_by_test_id(f"tenant-{company.tenant_id}")
    await expect(row).to_contain_text(company.email)
    await expect(page.locator('tr[data-testid^="tenant-"]')).to_have_count(1)

    await page.get_by_test_id(f"tenant-{company.tenant_id}-suspend").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("suspend-reason")).to_be_focused()
    await page.keyboard.type("Invoice 7 is unpaid.")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(row).to_contain_text("Invoice 7 is unpaid.")

    owner = await sign_in(await person(browser, tone=440), company.url, company.email)
    await expect(owner.get_by_test_id("problem")).to_contain_text("suspended")

    await page.get_by_test_id(f"tenant-{company.tenant_id}-resume").click()
    await page.get_by_test_id("confirm").click()
    await expect(page.get_by_test_id(f"tenant-{company.tenant_id}-suspend")).to_be_visible()
    await owner.get_by_test_id("signin-submit").click()
    await expect(owner.get_by_test_id("notice-TENANT_SUSPENDED")).to_contain_text("Invoice 7 is unpaid.")

    await page.get_by_test_id("tab-audit").click()
    await expect(page.get_by_role("main")).to_contain_text("SuspendTenant")
    await page.goto(f"{company.url}/desktop")
    await page.wait_for_url("**/operator")
    for each in (page, owner):
        await each.context.close()


@pytest.mark.browser
async def test_operator_approves_a_number_that_a_company_brought_also_in_persian_on_a_telephone(
    browser: Browser, company: Company, operators_email: str
) -> None:
    wish = {"displayName": "Delta Telecom", "gateways": [{"host": "sip.delta.example"}], "enabled": True}
    trunk = await company.owner.post("/v1/trunks", {"requestId": request_id(), "trunk": wish})
    number = "+902129001099"
    brought = {"entries": [number], "trunkId": trunk["trunkId"], "brandId": company.brand["brandId"]}
    await company.owner.post("/v1/numbers:bring", {"requestId": request_id(), **brought})
    owner = await signed_in(await person(browser, tone=440), company.url, company.email, "/admin/numbers")
    await expect(owner.get_by_test_id(f"number-{number}")).to_contain_text("Not shown until approved")

    page = await signed_in(await person(browser, tone=440, width=390, height=844), company.url, operators_email)
    await page.evaluate("localStorage.setItem('merkez.language', 'fa')")
    await page.goto(f"{company.url}/operator")
    await page.get_by_test_id("tab-numbers").click()
    await page.get_by_test_id(f"brought-{number}-approve").click()
    await expect(page.get_by_test_id(f"brought-{number}")).to_have_count(0)
    await page.get_by_test_id("numbers-all").check()
    await expect(page.get_by_test_id(f"brought-{number}")).to_contain_text("تأییدشده")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390, "nothing stands out at the side"

    await owner.reload()
    row = owner.get_by_test_id(f"number-{number}")
    await expect(row).to_contain_text("Delta Telecom")
    await expect(row).not_to_contain_text("Not shown")
    for each in (page, owner):
        await each.context.close()

"""An owner says how a brand's calls are handled: what tells that they are recorded, how long they stay parked."""

from __future__ import annotations

import pytest
from merkez_local.system import System
from playwright.async_api import Page, expect
from testkit.browser import chromium, person, signed_in
from testkit.company import Company

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


async def choose(page: Page, field: str, index: int) -> None:
    """Pick an option by its place: its words are in the page's language."""
    await page.get_by_test_id(field).click()
    await page.get_by_role("option").nth(index).click()


async def test_owner_lets_customers_hear_that_they_are_recorded_and_parked_calls_come_back(
    system: System, company: Company
) -> None:
    async with chromium() as browser:
        page = await signed_in(await person(browser, tone=440), company.url, company.email, "/admin/brands")
        [brand] = (await company.owner.get("/v1/brands"))["brands"]
        edit = page.get_by_test_id(f"brand-{brand['brandId']}-edit")
        await edit.click()
        await expect(page.get_by_test_id("brand-tone-seconds")).to_have_count(0)
        await choose(page, "brand-tone", 2)
        await page.get_by_test_id("brand-tone-seconds").fill("12")
        await page.get_by_test_id("brand-tone-agents").check()
        await page.get_by_test_id("brand-park-seconds").fill("60")
        await choose(page, "brand-park-end", 1)
        await page.get_by_test_id("brand-callers-hidden").check()
        await page.get_by_test_id("brand-save").click()
        await expect(page.get_by_role("dialog")).to_have_count(0)
        [brand] = (await company.owner.get("/v1/brands"))["brands"]
        assert brand["callRules"] == {
            "recordingTone": "RECORDING_TONE_REPEATED", "recordingToneSeconds": 12, "recordingToneForAgents": True,
            "parkSeconds": 60, "parkEnd": "PARK_END_QUEUE", "callersHidden": True,
        }  # fmt: skip
        await edit.click()
        await expect(page.get_by_test_id("brand-park-seconds")).to_have_value("60")
        await expect(page.get_by_test_id("brand-tone-agents")).to_be_checked()

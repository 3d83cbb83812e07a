"""What a plan lacks, as owner and invited agent see it: said beforehand, with the way to the plan that has it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from merkez_local.system import System
from playwright.async_api import expect
from testkit.browser import chromium, person, signed_in
from testkit.company import Company
from testkit.openid_provider import OpenIdProvider

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest_asyncio.fixture(loop_scope="session")
async def small(system: System) -> AsyncIterator[Company]:
    """A company on the smallest plan."""
    company = await Company.sign_up(system.url, plan="starter")
    yield company
    await company.close()


async def test_owner_of_a_small_plan_is_led_from_a_locked_page_to_the_plan_that_opens_it(
    system: System, small: Company
) -> None:
    async with chromium() as browser:
        page = await signed_in(await person(browser, tone=440), small.url, small.email)
        await page.get_by_test_id("nav-queues").click()
        await page.get_by_test_id("tab-skills").click()
        await expect(page.get_by_test_id("locked-skills")).to_contain_text("Growth")
        await expect(page.get_by_test_id("skill-add")).to_have_count(0)
        await page.get_by_test_id("nav-audit").click()
        await expect(page.get_by_test_id("locked-audit")).to_contain_text("Scale")
        await page.get_by_test_id("to-plans").click()
        await page.get_by_test_id("plan-scale").click()
        await page.get_by_test_id("move-save").click()
        await expect(page.get_by_test_id("plan-scale")).to_be_disabled()
        await page.get_by_test_id("nav-audit").click()
        await expect(page.get_by_text("MovePlan")).to_be_visible()
        await page.get_by_test_id("nav-queues").click()
        await page.get_by_test_id("tab-skills").click()
        await page.get_by_test_id("skill-add").wait_for()
        await expect(page.get_by_test_id("locked-skills")).to_have_count(0)


async def test_single_sign_on_that_the_plan_lacks_is_refused_in_words_and_not_offered_to_the_invited(
    system: System, small: Company, provider: OpenIdProvider
) -> None:
    provider.person = {"email": small.email, "email_verified": True, "name": "Olivia Owner"}
    async with chromium() as browser:
        page = await (await person(browser, tone=440)).new_page()
        await page.goto(f"{system.url}/sign-in")
        await page.get_by_test_id("signin-oidc").click()
        await expect(page.get_by_test_id("problem")).to_contain_text("Growth")
        await page.goto(system.url + await small.invite("new@example.com"))
        await page.get_by_test_id("invitation-accept").wait_for()
        await expect(page.get_by_test_id("signin-oidc")).to_have_count(0)


async def test_limit_that_is_reached_is_named_with_its_number(system: System, small: Company) -> None:
    await small.set_up()
    async with chromium() as browser:
        page = await signed_in(await person(browser, tone=440), small.url, small.email)
        await page.get_by_test_id("nav-brands").click()
        await page.get_by_test_id("brand-add").click()
        await page.get_by_test_id("brand-name").fill("Second client")
        await page.get_by_test_id("brand-save").click()
        await expect(page.get_by_test_id("problem")).to_contain_text("client brands: 1")

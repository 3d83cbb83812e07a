"""Sign-in by an OpenID provider as people see it: joining by a link, coming back, and somebody else's answer."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from merkez_local.system import System
from playwright.async_api import Route, expect
from testkit.browser import chromium, person
from testkit.company import Company
from testkit.openid_provider import OpenIdProvider
from testkit.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest_asyncio.fixture(loop_scope="session")
async def company(system: System) -> AsyncIterator[Company]:
    """A company on a plan with single sign-on."""
    made = await Company.sign_up(system.url, plan="growth")
    yield made
    await made.close()


async def test_invited_agent_joins_and_comes_back_through_the_provider(
    system: System, company: Company, provider: OpenIdProvider
) -> None:
    email = f"nadia-{secrets.token_hex(4)}@example.com"
    provider.person = {"email": email, "email_verified": True, "name": "Nadia New"}
    async with chromium() as browser:
        context = await person(browser, tone=440)
        page = await context.new_page()
        await page.goto(system.url + await company.invite(email))
        await page.get_by_test_id("signin-oidc").click()
        await page.wait_for_url(f"{system.url}/desktop")
        await context.clear_cookies()
        await page.goto(f"{system.url}/sign-in?next=/contacts")
        await page.get_by_test_id("signin-oidc").click()
        await page.wait_for_url(f"{system.url}/contacts")
        await page.get_by_test_id("user-menu").wait_for()


async def test_answer_to_a_sign_in_that_another_browser_began_is_refused(
    system: System, company: Company, provider: OpenIdProvider
) -> None:
    email = f"mallory-{secrets.token_hex(4)}@example.com"
    provider.person = {"email": email, "email_verified": True, "name": "Mallory"}
    answers: list[str] = []

    async def keep(route: Route) -> None:
        answer = await route.fetch(max_redirects=0)
        answers.append(answer.headers["location"])
        await route.abort()

    async with chromium() as browser:
        mallory = await (await person(browser, tone=440)).new_page()
        await mallory.route(f"{provider.issuer}/authorize?*", keep)
        await mallory.goto(system.url + await company.invite(email))
        await mallory.get_by_test_id("signin-oidc").click()
        (answer,) = await eventually(lambda: answers)
        victim = await (await person(browser, tone=440)).new_page()
        await victim.goto(answer)
        await victim.get_by_test_id("problem").wait_for()
        await expect(victim.get_by_test_id("user-menu")).to_have_count(0)

"""axe finds nothing on any page, in English, Turkish, Azerbaijani and Persian (right to left), light and dark."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from merkez_local.system import System
from playwright.async_api import Browser, BrowserContext, Page
from testkit.browser import chromium, person
from testkit.company import PASSWORD, Company

AXE = (Path(__file__).resolve().parents[2] / "services/web/node_modules/axe-core/axe.min.js").read_text()
LANGUAGES = ("en", "tr", "az", "fa")
STRANGER_PAGES = ("/sign-up", "/sign-in")
OPERATOR_PAGES = ("/operator",)
OWNER_PAGES = (
    "/home", "/set-up", "/desktop", "/wallboard", "/calls", "/contacts", "/recordings", "/customers",
    "/admin/brands", "/admin/numbers", "/admin/queues", "/admin/flows", "/admin/flows/{flow}", "/admin/prompts",
    "/admin/hours", "/admin/people", "/admin/dispositions", "/admin/api-keys", "/admin/audit", "/admin/billing",
    "/admin/organisation",
)  # fmt: skip
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def agency(system: System) -> AsyncIterator[Company]:
    """A company after its set-up."""
    company = await (await Company.sign_up(system.url)).set_up(language="fa")
    yield company
    await company.close()


async def in_language(browser: Browser, language: str, scheme: str) -> BrowserContext:
    """A browser set to a language and a colour scheme."""
    context = await person(browser, tone=440)
    await context.add_init_script(
        f"localStorage.setItem('merkez.language', {language!r});"
        f"localStorage.setItem('mantine-color-scheme-value', {scheme!r});"
    )
    return context


async def sign_in(context: BrowserContext, url: str, email: str) -> None:
    """Signs somebody in as a person does."""
    page = await context.new_page()
    await page.goto(f"{url}/sign-in")
    await page.get_by_test_id("signin-email").fill(email)
    await page.get_by_test_id("signin-password").fill(PASSWORD)
    await page.get_by_test_id("signin-submit").click()
    await page.locator('[data-testid="user-menu"], [data-testid="sign-out"]').first.wait_for()
    await page.close()


async def findings(page: Page, address: str) -> list[str]:
    """What axe has against a page once it has settled, one line each."""
    await page.goto(address)
    await page.wait_for_selector("h1")
    await page.wait_for_load_state("networkidle")
    assert page.url == address, f"{address} led to {page.url}"
    await page.evaluate(AXE)
    result: dict[str, Any] = await page.evaluate("rules => axe.run(document, rules)", RULES)
    return [
        f"{address}: {violation['id']}: {node['html'][:120]}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]


@pytest.mark.browser
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("language", "scheme"), [*((each, "light") for each in LANGUAGES), ("en", "dark"), ("fa", "dark")]
)
async def test_axe_finds_nothing_on_any_page(
    browser: Browser, agency: Company, operators_email: str, language: str, scheme: str
) -> None:
    found: list[str] = []
    stranger = await in_language(browser, language, scheme)
    owner = await in_language(browser, language, scheme)
    operator = await in_language(browser, language, scheme)
    await sign_in(owner, agency.url, agency.email)
    await sign_in(operator, agency.url, operators_email)

    async def look(context: BrowserContext, paths: tuple[str, ...]) -> None:
        page = await context.new_page()
        for path in paths:
            found.extend(await findings(page, agency.url + path.format(flow=agency.flow["flowId"])))
            spoken = agency.brand["language"] if path.startswith("/brand/") else language
            direction = await page.evaluate("document.documentElement.dir")
            assert direction == ("rtl" if spoken == "fa" else "ltr"), path

    await asyncio.gather(
        look(stranger, (*STRANGER_PAGES, f"/brand/{agency.brand['widgetKey']}")),
        look(owner, OWNER_PAGES),
        look(operator, OPERATOR_PAGES),
    )
    for context in (stranger, owner, operator):
        await context.close()
    assert found == []


@pytest.mark.browser
@pytest.mark.parametrize("width", [1366, 390])
async def test_no_page_scrolls_sideways(browser: Browser, agency: Company, operators_email: str, width: int) -> None:
    wide: list[str] = []
    for email, paths in ((agency.email, OWNER_PAGES), (operators_email, OPERATOR_PAGES)):
        context = await person(browser, tone=440, width=width, height=768 if width > 400 else 844)
        await sign_in(context, agency.url, email)
        page = await context.new_page()
        for path in paths:
            await page.goto(agency.url + path.format(flow=agency.flow["flowId"]))
            await page.wait_for_selector("h1")
            if await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                wide.append(path)
        await context.close()
    assert wide == []

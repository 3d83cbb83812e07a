"""Agents say where they are reached, and their supervisors for them, in a real browser."""

from __future__ import annotations

import re

import pytest
from merkez_local.system import System
from playwright.async_api import Page, expect
from testkit.browser import chromium, open_session, person, signed_in
from testkit.company import Company
from testkit.journey import until

from tests.browser.looking import SIDEWAYS, in_language, violations
from tests.browser.test_accessibility import agent_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


async def choose(page: Page, test_id: str, option: str) -> None:
    await page.get_by_test_id(test_id).click()
    await page.get_by_role("option", name=option, exact=True).click()


async def test_an_agent_says_where_calls_ring_and_finds_it_so_after_a_reload(system: System, company: Company) -> None:
    agent, email = await agent_of(company)
    async with chromium() as browser:
        page = await signed_in(await person(browser, tone=440), company.url, email)
        await page.get_by_test_id("nav-reach").click()
        await expect(page.get_by_test_id("find-me-whose")).to_have_count(0)
        await expect(page.get_by_test_id("find-me-add-step")).to_have_count(0)
        await choose(page, "find-me-when", "Also when the desk does not answer")
        await page.get_by_test_id("find-me-add-step").click()
        await page.get_by_test_id("find-me-number-0-0").fill("hello")
        await page.get_by_test_id("find-me-save").click()
        await expect(page.get_by_test_id("problem")).to_be_visible()
        await expect(page.get_by_test_id("find-me-number-0-0")).to_have_attribute("aria-invalid", "true")
        await page.get_by_test_id("find-me-number-0-0").fill("+994 50 123 45 67")
        await page.get_by_test_id("find-me-ring-0").fill("25")
        await page.get_by_test_id("find-me-add-step").click()
        await page.get_by_test_id("find-me-desk-phones-1").check()
        await page.get_by_test_id("find-me-earlier-1").click()
        await choose(page, "find-me-resort", "A message can be left")
        # With the keyboard alone: hours for the mobile, from half past eight on Mondays.
        limited = page.get_by_test_id("find-me-limited-1")
        await limited.focus()
        await page.keyboard.press("Space")
        rings = page.get_by_text(re.compile("^Rings Monday"))
        await expect(rings).to_have_text(re.compile(r"Monday–Friday 08:00\W+18:00\. At any other time"))
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await page.keyboard.type("0830AM")
        await expect(rings).to_have_text(re.compile(r"Monday 08:30\W+18:00, Tuesday–Friday 08:00\W+18:00\."))
        await choose(page, "find-me-zone", "Asia/Baku")
        await page.get_by_test_id("find-me-save").click()
        await expect(page.get_by_test_id("problem")).to_have_count(0)
        await expect(page.get_by_test_id("find-me-number-1-0")).to_have_value("+994501234567")
        stored = await agent.get("/v1/find-me")
        assert [each.get("deskPhones", False) for each in stored["steps"]] == [True, False]
        assert (stored["steps"][1]["ringDuration"], stored["deskDuration"]) == ("25s", "15s")
        assert stored["voicemail"] is True and (stored["timeZone"], stored["language"]) == ("Asia/Baku", "en")
        assert stored["steps"][1]["hours"][0] == {"weekday": 1, "startMinute": 510, "endMinute": 1080}
        assert len(stored["steps"][1]["hours"]) == 5 and not stored["steps"][0].get("hours")
        await page.reload()
        await expect(page.get_by_test_id("find-me-number-1-0")).to_have_value("+994501234567")
        await expect(page.get_by_test_id("find-me-ring-1")).to_have_value("25")


async def test_a_supervisor_sets_an_agents_and_both_see_who_was_faster(system: System, company: Company) -> None:
    agent, _ = await agent_of(company)
    mine = (await agent.get("/v1/me"))["userId"]
    await agent.patch("/v1/find-me", {"findMe": {"when": "FIND_ME_WHEN_NEVER"}})
    async with chromium() as browser:
        page = await signed_in(await person(browser, tone=440), company.url, company.email)
        await page.get_by_test_id("nav-reach").click()
        await page.get_by_test_id("find-me-whose").click()
        await page.get_by_role("option", name="Alex Agent", exact=True).first.click()
        await choose(page, "find-me-when", "While signed out or not ready")
        await choose(page, "find-me-resort", "Into a queue")
        await page.get_by_test_id("find-me-save").click()
        await expect(page.get_by_test_id("find-me-queue")).to_be_focused()
        await page.get_by_test_id("find-me-queue").click()
        await page.get_by_role("option").first.click()
        await agent.patch("/v1/find-me", {"findMe": {"when": "FIND_ME_WHEN_NEVER"}})
        await page.get_by_test_id("find-me-save").click()
        await expect(page.get_by_test_id("problem")).to_be_visible()
        assert (await agent.get("/v1/find-me"))["when"] == "FIND_ME_WHEN_NEVER"
    assert (await company.owner.get(f"/v1/agents/{mine}/find-me"))["agentId"] == mine


@pytest.mark.parametrize("language", ["en", "fa"])
@pytest.mark.parametrize("width", [1366, 390])
async def test_the_page_fits_the_screen_and_everybody_can_use_it(
    system: System, company: Company, language: str, width: int
) -> None:
    async with chromium() as browser:
        context = await in_language(browser, language, "light")
        await open_session(context, company.url, company.email)
        page = await context.new_page()
        await page.set_viewport_size({"width": width, "height": 768 if width > 1000 else 844})
        await page.goto(company.url + "/reach")
        await page.get_by_test_id("find-me-when").click()
        await page.get_by_role("option").nth(2).click()
        for _ in range(2):
            await page.get_by_test_id("find-me-add-step").click()
        await page.get_by_test_id("find-me-add-number-0").click()
        await page.get_by_test_id("find-me-number-0-0").fill("+994501234567")
        await page.get_by_test_id("find-me-limited-0").focus()
        await page.keyboard.press("Space")
        await expect(page.get_by_test_id("find-me-zone")).to_be_visible()
        await until(page, "document.getAnimations().every((each) => each.playState !== 'running')")
        assert await page.evaluate(SIDEWAYS) == []
        assert await violations(page, "/reach") == []

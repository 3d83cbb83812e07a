"""A supervisor's day is played with more agents and under other rules, in a real browser."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from merkez_local.system import System
from playwright.async_api import Page, expect
from testkit.browser import chromium, open_session, person, signed_in
from testkit.company import Company, request_id

from tests.browser.looking import SIDEWAYS, in_language, violations, wide

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


async def busy_day_with_two_more(page: Page) -> None:
    """Three agents for more contacts than they can answer, and a variant with two more of them."""
    await page.get_by_test_id("simulator-kind").select_option("synthetic")
    await page.get_by_test_id("simulator-closes").fill("13")
    await page.get_by_test_id("simulator-per-hour-0").fill("60")
    await page.get_by_test_id("simulator-handle-0").fill("180")
    await page.get_by_test_id("simulator-count-0").fill("3")
    await page.get_by_test_id("simulator-variant-add").click()
    await page.get_by_test_id("variant-0-name").fill("Two more")
    await page.get_by_test_id("variant-0-agents").fill("2")


@pytest_asyncio.fixture(loop_scope="session")
async def skilled(system: System) -> AsyncIterator[Company]:
    """A BPO whose plan has skills, with one."""
    made = await (await Company.sign_up(system.url, plan="growth")).set_up()
    await made.owner.post("/v1/skills", {"requestId": request_id(), "skill": {"displayName": "French"}})
    yield made
    await made.close()


async def level(page: Page, day: int) -> float:
    """The service level shown for a day, 0 to 1."""
    cell = page.get_by_test_id("figure-serviceLevel").get_by_test_id(f"day-{day}")
    return float(await cell.get_attribute("data-value") or "nan")


async def test_two_more_agents_raise_the_service_level_of_a_made_up_day(system: System, company: Company) -> None:
    async with chromium() as browser:
        page = await signed_in(await person(browser, tone=440), company.url, company.email)
        await page.get_by_test_id("nav-simulator").click()
        await expect(page.get_by_test_id("empty-state")).to_contain_text("Nothing was played yet")
        await page.get_by_test_id("simulator-run").click()
        await expect(page.get_by_test_id("problem")).to_contain_text("No contact came on that day")
        await busy_day_with_two_more(page)
        await page.get_by_test_id("simulator-run").click()
        outcome = page.get_by_test_id("simulator-outcome")
        await expect(outcome).to_contain_text("Two more", timeout=30_000)
        assert await level(page, 1) > await level(page, 0)
        better = page.get_by_test_id("figure-serviceLevel").get_by_test_id("day-1")
        await expect(better).to_contain_text("points more · better")
        await expect(page.get_by_test_id("figure-agents").get_by_test_id("day-1")).to_contain_text("5")
        # By queue: what is of all queues together goes.
        await page.get_by_test_id("simulator-of").select_option(index=1)
        await expect(page.get_by_test_id("figure-occupancy")).to_have_count(0)
        await expect(page.get_by_test_id("figure-abandoned").get_by_test_id("day-1")).to_contain_text("better")
        # Another page and back: what was entered and what came of it are there still.
        await page.get_by_test_id("nav-contacts").click()
        await expect(page.get_by_test_id("simulator-run")).to_have_count(0)
        await page.get_by_test_id("nav-simulator").click()
        await expect(page.get_by_test_id("variant-0-name")).to_have_value("Two more")
        await expect(outcome).to_be_visible()


async def test_rules_of_a_variant_begin_as_they_are_and_what_is_wrong_with_them_stands_at_their_field(
    system: System, skilled: Company
) -> None:
    company = skilled
    queue = (await company.owner.get("/v1/queues"))["queues"][0]
    rules = {"strategy": "STRATEGY_ROUND_ROBIN"}
    change = {"queue": {**queue, "rules": rules}, "updateMask": "rules", "version": queue["version"]}
    await company.owner.patch(f"/v1/queues/{queue['queueId']}", change)
    async with chromium() as browser:
        page = await signed_in(await person(browser, tone=440), company.url, company.email)
        await page.get_by_test_id("nav-simulator").click()
        await busy_day_with_two_more(page)
        await page.get_by_test_id("variant-0-agents").fill("0")
        await page.get_by_test_id("variant-0-queue").click()
        await page.get_by_role("option", name=queue["displayName"], exact=True).click()
        await expect(page.get_by_test_id("variant-0-queue-0-strategy")).to_have_value("In turns")
        requirement = page.get_by_test_id("variant-0-queue-0-requirement")
        await requirement.fill("Klingon")
        await page.get_by_test_id("simulator-run").click()
        await expect(page.get_by_test_id("problem")).to_be_visible()
        await expect(requirement).to_have_attribute("aria-invalid", "true")
        # Only French will do, which nobody speaks.
        await requirement.fill("French")
        await page.get_by_test_id("simulator-run").click()
        answered = page.get_by_test_id("figure-serviceLevel").get_by_test_id("day-1")
        await expect(answered).to_have_attribute("data-value", "0", timeout=30_000)
        await expect(answered).to_have_attribute("data-verdict", "worse")


async def test_steps_and_overflow_of_a_variant_are_edited_as_in_the_queue_and_played(
    system: System, skilled: Company
) -> None:
    company = skilled
    queue = (await company.owner.get("/v1/queues"))["queues"][0]
    async with chromium() as browser:
        page = await signed_in(await person(browser, tone=440), company.url, company.email)
        await page.get_by_test_id("nav-simulator").click()
        await busy_day_with_two_more(page)
        await page.get_by_test_id("variant-0-queue").click()
        await page.get_by_role("option", name=queue["displayName"], exact=True).click()
        await page.get_by_test_id("variant-0-queue-0-all").click()
        form = page.get_by_test_id("variant-queue")
        await expect(form.get_by_test_id("queue-part-general")).to_have_count(0)
        await form.get_by_test_id("queue-part-overflow").click()
        await form.get_by_test_id("overflow-max-wait").fill("1")
        assert await violations(page, "simulator-rules") == []
        assert await wide(page, "simulator-rules") == []
        await form.get_by_test_id("variant-queue-save").click()
        await expect(form).to_have_count(0)
        await page.get_by_test_id("simulator-run").click()
        left = page.get_by_test_id("figure-left").get_by_test_id("day-1")
        await expect(left).to_be_visible(timeout=20_000)
        assert float(await left.get_attribute("data-value") or 0) > 0
    assert (await company.owner.get("/v1/queues"))["queues"][0] == queue, "the queue itself is as it was"


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("fa", "dark")])
async def test_simulator_with_an_outcome_fits_both_screens_and_axe_finds_nothing(
    system: System, skilled: Company, language: str, scheme: str
) -> None:
    company = skilled
    async with chromium() as browser:
        context = await in_language(browser, language, scheme)
        await open_session(context, company.url, company.email)
        page = await context.new_page()
        await page.emulate_media(reduced_motion="reduce")
        await page.goto(f"{company.url}/simulator")
        await busy_day_with_two_more(page)
        await page.get_by_test_id("simulator-same-0").uncheck()
        await page.get_by_test_id("variant-0-queue").click()
        await page.get_by_role("listbox").get_by_role("option").click()
        await page.get_by_test_id("simulator-run").click()
        await page.get_by_test_id("simulator-outcome").wait_for(timeout=30_000)
        assert await violations(page, "simulator") == []
        assert await wide(page, "simulator") == []
        assert await page.evaluate(SIDEWAYS) == []

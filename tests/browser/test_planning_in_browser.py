"""A planner brings history in, sees what will come and how many it takes, and knows some of it better."""

from __future__ import annotations

import math
import random
from collections.abc import AsyncIterator, Awaitable
from datetime import date, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from kernel.clock import SystemClock
from playwright.async_api import Browser, Locator, Page, expect
from testkit.browser import chromium, person, signed_in
from testkit.company import Company

from .looking import onlookers


def half_hours(today: date, weeks: int = 8) -> str:
    """A file of weeks of an office open from 8 to 18, up to yesterday."""
    chance = random.Random(5)
    lines = ["start,queue,offered,handled,aht_seconds"]
    for back in range(7 * weeks, 0, -1):
        day = today - timedelta(days=back)
        busy = (1.3, 1.1, 1.0, 0.95, 1.05, 0.3, 0.0)[day.weekday()]
        for slot in range(16, 36):
            rate = 40 * busy * (1 + 0.5 * math.sin((slot - 16) / 20 * math.pi))
            volume = max(0, round(chance.gauss(rate, math.sqrt(rate))))
            if volume:
                lines.append(f"{day} {slot // 2:02d}:{slot % 2 * 30:02d},Front desk,{volume},{volume},240")
    return "\n".join(lines)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


def choose(page: Page, path: Path, text: str) -> Awaitable[None]:
    """The import's file field gets a file of this text."""
    path.write_text(text, encoding="utf-8")
    return page.get_by_test_id("import-panel").locator("input[type=file]").set_input_files(path)


@pytest.mark.browser
async def test_planner_goes_from_a_file_to_a_forecast_and_a_requirement(
    browser: Browser, company: Company, tmp_path: Path
) -> None:
    today = SystemClock().now().date()
    page = await signed_in(await person(browser, tone=440), company.url, company.email)
    await page.get_by_test_id("nav-planning").click()
    await expect(page.get_by_test_id("empty-state")).to_be_visible()
    await page.get_by_test_id("planning-import").click()
    await choose(page, tmp_path / "bad.csv", f"start,queue,offered\nsoon,Front desk,3\n{today},Back room,x\n")
    report = page.get_by_test_id("import-report")
    await expect(report).to_contain_text("2 lines are wrong")
    await expect(report).to_contain_text("Not a time like")
    await expect(report).to_contain_text("No queue has this name")
    await expect(page.get_by_test_id("import-take")).to_have_count(0)
    await choose(page, tmp_path / "good.csv", half_hours(today))
    await page.get_by_test_id("import-take").click()
    await expect(report).to_contain_text("lines were taken")
    await page.get_by_test_id("planning-forecast").click()
    await page.get_by_test_id("planning-new").click()
    day = today - timedelta(days=14)
    await page.get_by_test_id("new-forecast-day").fill(day.isoformat())
    await page.keyboard.press("Enter")
    await page.get_by_test_id("forecast-chart").wait_for(timeout=60_000)
    await expect(page.get_by_test_id("forecast-sum")).to_contain_text("last week's copy would be off by")
    await expect(page.get_by_test_id("backtest-MEAN")).to_contain_text("%")
    before = await page.get_by_test_id("forecast-sum").inner_text()
    await page.get_by_test_id("override-add").click()
    await page.get_by_test_id("override-value").fill("50")
    await page.get_by_test_id("override-save").click()
    await expect(page.get_by_test_id("overrides")).to_contain_text("+50 %")
    await expect(page.get_by_test_id("forecast-sum")).not_to_have_text(before)
    await page.get_by_test_id("planning-staffing").click()
    await expect(page.get_by_test_id("rule-says")).to_contain_text("80% within 20 s")
    await page.get_by_test_id("rule-edit").click()
    await page.get_by_test_id("rule-serviceLevel").fill("90")
    await page.get_by_test_id("rule-shrinkage").fill("30")
    await page.get_by_test_id("rule-save").click()
    await expect(page.get_by_test_id("rule-says")).to_contain_text("90% within 20 s")
    await expect(page.get_by_test_id("round-once")).to_contain_text("agent hours this week")
    await page.get_by_test_id("skill-plan-new").click()
    await page.get_by_test_id("new-skill-plan-save").click()
    await expect(page.get_by_role("dialog")).to_contain_text("No agents are planned for these queues")
    await page.get_by_test_id("skill-plan-who").click()
    await page.get_by_role("option", name="Groups I make up").click()
    await expect(page.get_by_test_id("skill-plan-group")).to_have_count(1)
    await page.get_by_test_id("skill-plan-count-0").fill("8")
    await page.get_by_test_id("new-skill-plan-save").click()
    await page.get_by_test_id("skill-plan-made").wait_for(timeout=240_000)
    await expect(page.get_by_test_id("skill-plan-sum")).to_contain_text("agent hours")
    # Of eight not more than five are there, and that is too few at noon.
    await expect(page.get_by_test_id("skill-plan-staffed")).to_contain_text("5")
    await expect(page.get_by_test_id("skill-plan")).to_contain_text("a promise breaks in")
    await page.get_by_test_id("planning-schedules").click()
    await page.get_by_test_id("schedule-new").click()
    await (await _plan_of_a_week(page)).click()
    await page.get_by_test_id("new-schedule-save").click()
    await expect(page.get_by_role("dialog")).to_contain_text("Nobody is planned for")
    await page.keyboard.press("Escape")
    await page.get_by_test_id("planning-calendar").click()
    await page.get_by_test_id("special-day-add").click()
    await page.get_by_test_id("special-day-name").fill("New Year")
    await page.get_by_test_id("special-day-first").fill("2027-01-01")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("table")).to_contain_text("New Year")
    await page.context.close()
    await _look(browser, company)


async def _plan_of_a_week(page: Page) -> Locator:
    """The choice to make a schedule of the skill plan, in the week that the plan is of."""
    made = page.get_by_role("option", name="By skill plan")
    for week in range(5):
        await page.get_by_test_id("new-schedule-week").click()
        await page.get_by_role("option").nth(week).click()
        await page.get_by_test_id("new-schedule-plan").click()
        if await made.count():
            return made
        await page.keyboard.press("Escape")
    raise AssertionError("no week of the run has a skill plan")


async def _look(browser: Browser, company: Company) -> None:
    async with onlookers(browser, company, "/planning") as looks:
        await looks.each(lambda _, page: page.get_by_test_id("backtest").wait_for())
        await looks.look("planning forecast")
        await looks.open(
            "planning override", lambda page: page.get_by_test_id("override-add"),
            lambda page: page.get_by_test_id("override-value"),
        )  # fmt: skip
        await looks.open(
            "planning new", lambda page: page.get_by_test_id("planning-new"),
            lambda page: page.get_by_test_id("new-forecast-day"),
        )  # fmt: skip
        await looks.each(lambda _, page: page.get_by_test_id("planning-staffing").click())
        await looks.each(lambda _, page: page.get_by_test_id("round-once").wait_for())
        await looks.each(lambda _, page: page.get_by_test_id("skill-plan-chart").wait_for())
        await looks.look("planning staffing")
        await looks.each(lambda _, page: page.get_by_test_id("skill-plan-staffed").scroll_into_view_if_needed())
        await looks.look("planning skills made")
        await looks.open(
            "planning skills", lambda page: page.get_by_test_id("skill-plan-new"),
            lambda page: page.get_by_test_id("skill-plan-name"),
        )  # fmt: skip
        await looks.open(
            "planning rule", lambda page: page.get_by_test_id("rule-edit"),
            lambda page: page.get_by_test_id("rule-serviceLevel"),
        )  # fmt: skip
        for tab in ("import", "calendar"):
            await looks.each(lambda _, page, tab=tab: page.get_by_test_id(f"planning-{tab}").click())
            await looks.look(f"planning {tab}")
        assert looks.found == []

"""A planner says who may work how, has a week made, changes it by keys alone, and publishes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from kernel.clock import SystemClock
from kernel.ids import new_id
from playwright.async_api import Browser, Page, expect
from testkit.browser import chromium, person, signed_in
from testkit.company import Company, Problem, request_id

from .looking import Onlookers, onlookers
from .test_planning_in_browser import half_hours

NAMES = ("Nadia Nouri", "Orhan Okay")
OTHERS = 9
"""Agents nobody hired: as many as are needed, so that a week of them isn't the best possible at once. It takes ten
seconds to find that nothing is left to win; many more or fewer cover it in one."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


async def forecast(company: Company) -> None:
    """History and a forecast of three weeks, over the API."""
    today = SystemClock().now().date()
    body = {"csv": half_hours(today), "intervalMinutes": 30}
    while True:  # until the queue is known where its history goes
        report = await company.owner.post("/v1/wfm/history:import", {"requestId": request_id(), **body})
        if report.get("imported"):
            break
        await asyncio.sleep(0.2)
    first = monday(today).isoformat()
    asked = {"requestId": request_id(), "days": 21, "intervalMinutes": 30, "firstDay": first}
    run = await company.owner.post("/v1/wfm/forecastRuns", asked)
    while run["state"] != "FORECAST_RUN_STATE_DONE":
        await asyncio.sleep(0.2)
        run = await company.owner.get(f"/v1/wfm/forecastRuns/{run['forecastRunId']}")


def monday(today: date) -> date:
    """Of this week."""
    return today - timedelta(days=today.weekday())


async def part(page: Page, number: int) -> None:
    """Turns to one of the parts of schedules, on a wide page or a narrow one."""
    chooser = page.get_by_test_id("schedules-part")
    if await chooser.evaluate("element => element.tagName") == "INPUT":
        await chooser.click()
        await page.get_by_role("option").nth(number).click()
    else:
        await chooser.locator("label").nth(number).click()


async def says_who_may_work_how(page: Page) -> None:
    """Rules of a country, a pattern, a contract and an agent; what contradicts itself is refused in words."""
    await part(page, 5)
    await page.get_by_test_id("labour-rules-add").click()
    await page.get_by_test_id("labour-country").click()
    await page.get_by_role("option", name="Germany").click()
    await page.get_by_test_id("adult-maxDayMinutes").fill("14")
    await page.get_by_test_id("labour-rules-form-save").click()
    await expect(page.get_by_test_id("problem")).to_contain_text("contradicts “Rest between shifts”")
    await page.get_by_test_id("adult-maxDayMinutes").fill("10")
    await page.get_by_test_id("labour-rules-form-save").click()
    await expect(page.get_by_role("table")).to_contain_text("30 min after 6 h")
    await part(page, 4)
    await page.get_by_test_id("pattern-add").click()
    await page.get_by_test_id("pattern-name").fill("Day")
    await page.get_by_test_id("pattern-form-save").click()
    await expect(page.get_by_role("table")).to_contain_text("08:00–10:00")
    await part(page, 2)
    await page.get_by_test_id("contract-add").click()
    await page.get_by_test_id("contract-name").fill("Full time")
    await page.get_by_test_id("contract-patterns").press("ArrowDown")
    await page.get_by_role("option", name="Day").click()
    await page.get_by_test_id("contract-name").click()
    await page.get_by_test_id("contract-form-save").click()
    await expect(page.get_by_role("table")).to_contain_text("40 h")
    await part(page, 3)
    await page.get_by_test_id("site-add").click()
    await page.get_by_test_id("site-name").fill("Tehran office")
    await page.get_by_test_id("site-zone").fill("Tehran")
    await page.get_by_role("option", name="Asia/Tehran").click()
    await page.get_by_test_id("site-form-save").click()
    await expect(page.get_by_role("table")).to_contain_text("Asia/Tehran")
    await part(page, 1)
    await page.get_by_test_id("planned-add").click()
    await page.get_by_test_id("planned-user").click()
    await page.get_by_role("option", name=NAMES[0]).click()
    await page.get_by_test_id("planned-form-save").click()
    await expect(page.get_by_role("table")).to_contain_text(NAMES[0])


async def plan_the_others(company: Company) -> None:
    """More agents under the same contract, over the API; who was hired second works at the site."""
    owner = company.owner
    site = (await owner.get("/v1/wfm/sites"))["sites"][0]["siteId"]
    contract = (await owner.get("/v1/wfm/contracts"))["contracts"][0]["contractId"]
    users = (await owner.get("/v1/users", pageSize=200))["users"]
    ids = [each["userId"] for each in users if each["displayName"] == NAMES[1]]
    ids += [new_id("usr", SystemClock().now()) for _ in range(OTHERS)]
    for number, user_id in enumerate(ids):
        agent = {"userId": user_id, "contractId": contract, "siteId": "" if number else site}
        while True:
            try:
                await owner.patch(f"/v1/wfm/plannedAgents/{user_id}", {"plannedAgent": agent})
            except Problem as problem:
                if problem.reason != "RATE_LIMITED":
                    raise
                await asyncio.sleep(0.5)
            else:
                break


async def shifts_of(company: Company, page: Page, name: str) -> dict[str, Any]:
    """What the server has of one agent, by day."""
    users = (await company.owner.get("/v1/users", pageSize=200))["users"]
    user_id = next(each["userId"] for each in users if each["displayName"] == name)
    schedule_id = page.url.rsplit("/", 1)[1]
    found = await company.owner.get(f"/v1/wfm/schedules/{schedule_id}/shifts", userId=user_id, pageSize=50)
    return {each["day"]: each for each in found["shifts"]}


async def sees_a_site_by_its_clocks(company: Company, page: Page) -> None:
    """A row of another place shows the times people there have on the wall, and says whose they are."""
    await page.get_by_test_id("editor-find").fill("orhan")
    row = page.get_by_test_id("gantt")
    await expect(row).to_contain_text("Tehran office")
    await page.get_by_test_id("gantt").focus()
    says = page.get_by_test_id("shift-says")
    for _ in range(7):
        if "Free day" not in await says.inner_text():
            break
        await page.keyboard.press("ArrowRight")
    day = await page.get_by_test_id("active-cell").get_attribute("data-day") or ""
    start = datetime.fromisoformat((await shifts_of(company, page, NAMES[1]))[day]["startTime"])
    there = start.astimezone(ZoneInfo("Asia/Tehran"))
    assert there.date().isoformat() == day and 8 <= there.hour <= 10, "the pattern begins between eight and ten"
    await expect(says).to_contain_text(f"{there:%H:%M}")


async def changes_a_shift_by_keys(company: Company, page: Page) -> None:
    """Moved, taken back, done again, refused when it breaks a rule, locked: without a mouse."""
    await page.get_by_test_id("editor-find").fill("nadia")
    await expect(page.get_by_test_id("editor-shown")).to_have_text(f"1 of {OTHERS + 2}")
    says, keys = page.get_by_test_id("shift-says"), page.keyboard
    await page.get_by_test_id("gantt").focus()
    for _ in range(7):
        if "Free day" not in await says.inner_text():
            break
        await keys.press("ArrowRight")
    before = await says.inner_text()
    day = await page.get_by_test_id("active-cell").get_attribute("data-day") or ""
    was = (await shifts_of(company, page, NAMES[0]))[day]
    covers = await page.get_by_test_id("coverage-chart").get_attribute("aria-label")
    await keys.press("Enter")
    for _ in range(3):
        await keys.press("Shift+ArrowRight")
    await expect(page.get_by_test_id("shift-wrong")).to_contain_text("the contract allows 40 h")
    assert await page.get_by_test_id("coverage-chart").get_attribute("aria-label") != covers
    await keys.press("Enter")
    await expect(page.get_by_test_id("shift-refused")).to_contain_text("the contract allows 40 h")
    await expect(says).to_have_text(before)
    await page.get_by_role("button", name="Leave it as it is").click()
    await page.get_by_test_id("gantt").focus()
    await keys.press("Enter")
    await keys.press("ArrowRight")
    moved = await says.inner_text()
    assert moved != before
    await keys.press("Enter")
    await expect(says).to_contain_text("locked")
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)
    now = (await shifts_of(company, page, NAMES[0]))[day]
    assert minutes(now) - minutes(was) == 15 and now["locked"] is True
    await keys.press("Control+z")
    await expect(says).to_have_text(before)
    await keys.press("l")
    await expect(says).to_contain_text("locked")
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)
    now = (await shifts_of(company, page, NAMES[0]))[day]
    assert minutes(now) == minutes(was) and now["locked"] is True
    await expect(page.get_by_test_id("figure-violations")).to_have_text("0")


def minutes(shift: dict[str, Any]) -> int:
    """Of the day a shift starts, in UTC."""
    return int(shift["startTime"][11:13]) * 60 + int(shift["startTime"][14:16])


@pytest.mark.browser
async def test_planner_makes_a_week_changes_it_by_keys_and_publishes_it(browser: Browser, company: Company) -> None:
    await asyncio.gather(forecast(company), *(company.hire(name=each) for each in NAMES))
    page = await signed_in(await person(browser, tone=440), company.url, company.email, "/planning?tab=schedules")
    await says_who_may_work_how(page)
    await plan_the_others(company)
    await part(page, 0)
    await page.get_by_test_id("schedule-new").click()
    await page.get_by_test_id("new-schedule-seconds").click()
    await page.get_by_role("option", name="600 seconds").click()
    await page.get_by_test_id("new-schedule-save").click()
    await expect(page.get_by_test_id("making-near")).to_contain_text("best possible", timeout=60_000)
    await expect(page.get_by_test_id("making-bound")).not_to_have_text("–")
    await page.get_by_test_id("making-stop").click()
    await expect(page.get_by_test_id("figure-near")).to_contain_text("best possible", timeout=60_000)
    await sees_a_site_by_its_clocks(company, page)
    await changes_a_shift_by_keys(company, page)
    await page.get_by_test_id("schedule-publish").click()
    await page.get_by_test_id("publish-save").click()
    await expect(page.get_by_test_id("schedule-published")).to_contain_text("Olivia Owner")
    await expect(page.get_by_test_id("shift-lock")).to_have_count(0)
    await page.get_by_test_id("schedule-copy").click()
    await page.get_by_test_id("copy-save").click()
    await page.get_by_test_id("shift-lock").wait_for()
    await page.get_by_test_id("schedule-compare").click()
    await expect(page.get_by_test_id("compare")).to_contain_text("Both have the same shifts")
    await page.keyboard.press("Escape")
    copy = page.url
    await page.context.close()
    async with onlookers(browser, company, "/planning?tab=schedules") as looks:
        await _look(looks, company, copy)
        assert looks.found == []


async def _look(looks: Onlookers, company: Company, copy: str) -> None:
    await looks.each(lambda _, page: page.get_by_test_id("schedule-new").wait_for())
    await looks.look("schedules versions")
    await looks.open(
        "schedules new", lambda page: page.get_by_test_id("schedule-new"),
        lambda page: page.get_by_test_id("new-schedule-name"),
    )  # fmt: skip
    parts = (
        ("agents", "planned-add", "planned-availability"), ("contracts", "contract-add", "contract-name"),
        ("sites", "site-add", "site-name"), ("patterns", "pattern-add", "pattern-name"),
        ("rules", "labour-rules-add", "labour-name"), ("time off", "time-off-add", "time-off-user"),
    )  # fmt: skip
    for number, (name, opener, shown) in enumerate(parts, 1):
        await looks.each(lambda _, page, number=number: part(page, number))
        await looks.each(lambda _, page, opener=opener: page.get_by_test_id(opener).wait_for())
        await looks.open(
            f"schedules {name}", lambda page, opener=opener: page.get_by_test_id(opener),
            lambda page, shown=shown: page.get_by_test_id(shown),
        )  # fmt: skip

    async def go(_: str, page: Page) -> None:
        await page.goto(copy)
        await page.get_by_test_id("gantt").wait_for()

    await looks.each(go)
    await looks.look("schedule week")
    await looks.open(
        "schedule compared", lambda page: page.get_by_test_id("schedule-compare"),
        lambda page: page.get_by_test_id("compare-counts"),
    )  # fmt: skip
    await looks.open(
        "schedule times", lambda page: page.get_by_test_id("shift-edit"),
        lambda page: page.get_by_test_id("shift-from"),
    )  # fmt: skip

    async def one_day(_: str, page: Page) -> None:
        await page.get_by_test_id("editor-day").click()
        await page.get_by_role("option").nth(2).click()

    await looks.each(one_day)
    await looks.look("schedule day")

"""A supervisor's day: what comes, what would help, who keeps to the plan; and an agent who is offered overtime."""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from kernel.clock import SystemClock
from merkez_local.system import System
from playwright.async_api import Browser, expect
from testkit.browser import chromium, person, signed_in
from testkit.company import PASSWORD, Api, Company, Json, request_id

from .looking import onlookers

QUARTER = timedelta(minutes=15)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def company(system: System) -> AsyncIterator[Company]:
    made = await (await Company.sign_up(system.url)).set_up()
    yield made
    await made.close()


@dataclass
class Shop:
    """A company with a forecast and a published week, in which three have a shift now."""

    company: Company
    now: datetime
    agents: list[Json] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    keys: list[Api] = field(default_factory=list)

    @property
    def today(self) -> date:
        return self.now.date()

    async def hire(self, name: str) -> None:
        email = f"agent-{secrets.token_hex(6)}@example.com"
        link = await self.company.invite(email, "AGENT", name)
        async with Api(self.company.url) as stranger:
            said = {"secret": link.rsplit("/", 1)[1], "displayName": name, "password": PASSWORD}
            session = await stranger.post("/v1/invitations:accept", said)
        key = Api(self.company.url, session["accessToken"])
        self.company.people.append(key)
        self.agents.append(await key.get("/v1/me"))
        self.emails.append(email)
        self.keys.append(key)

    async def forecast(self) -> str:
        """Half hours of eight weeks, round the clock, and of today a third more."""
        owner, lines = self.company.owner, ["start,queue,offered,handled,aht_seconds"]
        midnight = datetime(self.today.year, self.today.month, self.today.day, tzinfo=UTC)
        for back in range(56, -1, -1):
            for slot in range(48):
                at = midnight - timedelta(days=back) + timedelta(minutes=30 * slot)
                if at + timedelta(minutes=30) > self.now:
                    continue
                rate = (20 + 6 * math.sin(slot / 24 * math.pi) + (at.toordinal() * 7 + slot * 5) % 5) * (
                    1 if back else 1.3
                )
                lines.append(f"{at:%Y-%m-%d %H:%M},Front desk,{rate:.0f},{rate:.0f},240")
        await owner.post("/v1/wfm/history:import", {"requestId": request_id(), "csv": "\n".join(lines)})
        monday = self.today - timedelta(days=self.today.weekday())
        run = await owner.post(
            "/v1/wfm/forecastRuns",
            {"requestId": request_id(), "firstDay": monday.isoformat(), "days": 7, "intervalMinutes": 30},
        )
        path = f"/v1/wfm/forecastRuns/{run['forecastRunId']}"
        while (await owner.get(path))["state"] == "FORECAST_RUN_STATE_RUNNING":
            await asyncio.sleep(0.1)
        return run["forecastRunId"]

    async def publish(self, run_id: str) -> None:
        """A week in which everybody has a shift around now, with a break ahead."""
        owner = self.company.owner
        countries = (await owner.get("/v1/wfm/labourCountries"))["labourRules"]
        rules = next(each for each in countries if each["countryCode"] == "DE") | {"displayName": "Ours"}
        rules = await owner.post("/v1/wfm/labourRules", {"requestId": request_id(), "labourRules": rules})
        rest = {"displayName": "Lunch", "earliestMinute": 180, "latestMinute": 300, "lengthMinutes": 30}
        pattern = {"displayName": "Day", "firstStartMinute": 420, "lastStartMinute": 720, "minLengthMinutes": 510,
                   "breaks": [rest]}  # fmt: skip
        pattern = await owner.post("/v1/wfm/shiftPatterns", {"requestId": request_id(), "shiftPattern": pattern})
        contract = {
            "displayName": "Full time", "labourRulesId": rules["labourRulesId"],
            "shiftPatternIds": [pattern["shiftPatternId"]], "minWeekMinutes": 0, "maxWeekMinutes": 2400, "maxDays": 5,
        }  # fmt: skip
        contract = await owner.post("/v1/wfm/contracts", {"requestId": request_id(), "contract": contract})
        for agent in self.agents:
            planned = {"userId": agent["userId"], "contractId": contract["contractId"]}
            await owner.patch(f"/v1/wfm/plannedAgents/{agent['userId']}", {"plannedAgent": planned})
        monday = self.today - timedelta(days=self.today.weekday())
        made = await owner.post(
            "/v1/wfm/schedules",
            {"requestId": request_id(), "firstDay": monday.isoformat(), "forecastRunId": run_id, "seconds": 5},
        )
        path = f"/v1/wfm/schedules/{made['scheduleId']}"
        await owner.post(f"{path}:stop")
        while (made := await owner.get(path))["state"] == "SCHEDULE_STATE_RUNNING":
            await asyncio.sleep(0.1)
        start, rest = self.shift()
        for agent in self.agents:
            shift = {
                "userId": agent["userId"], "day": self.today.isoformat(), "startTime": text(start),
                "endTime": text(start + timedelta(hours=6)),
                "breaks": [{"startTime": text(rest), "endTime": text(rest + 2 * QUARTER)}],
            }  # fmt: skip
            saved = await owner.http.put(
                f"{path}/shifts/{agent['userId']}/{self.today}",
                json={"version": made["version"], "shift": shift, "acceptViolations": True},
            )
            assert saved.status_code == 200, saved.text
            made = saved.json()["schedule"]
        await owner.post(f"{path}:publish", {"version": made["version"], "acceptViolations": True})

    def shift(self) -> tuple[datetime, datetime]:
        """When shifts begin, and their break: both on quarters, the break ahead."""
        midnight = datetime(self.today.year, self.today.month, self.today.day, tzinfo=UTC)
        begun = max(timedelta(0), self.now - midnight - timedelta(hours=1)) // QUARTER * QUARTER
        rest = (self.now - midnight + timedelta(minutes=90)) // QUARTER * QUARTER
        return midnight + begun, midnight + rest


def text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(company: Company) -> Shop:
    made = Shop(company, SystemClock().now())
    for name in ("Ayla Demir", "Reza Karimi", "Leyla Aliyeva"):
        await made.hire(name)
    await made.publish(await made.forecast())
    # Nobody has a microphone here: who writes letters works, too.
    letters = {"reasons": [{"displayName": "Letters", "activity": "ACTIVITY_WORK"}]}
    await company.owner.patch("/v1/wfm/adherenceRules", {"adherenceRules": letters})
    for key, reason in ((made.keys[1], "Letters"), (made.keys[2], "training")):
        await key.post("/v1/agents/me:setState", {"state": "AGENT_STATE_NOT_READY", "reason": reason})
    return made


@pytest.mark.browser
async def test_supervisor_sees_the_day_changes_it_and_takes_it_back(browser: Browser, shop: Shop) -> None:
    page = await signed_in(await person(browser, tone=440), shop.company.url, shop.company.email)
    await page.get_by_test_id("nav-intraday").click()
    await expect(page.get_by_test_id("today-whole")).to_contain_text("+")
    await page.get_by_test_id("today-volume-chart").locator("canvas").wait_for()
    await page.get_by_test_id("today-agents-chart").locator("canvas").wait_for()
    await page.get_by_test_id("scenario-add").click()
    await page.get_by_test_id("scenario-name").fill("Storm")
    await page.get_by_test_id("scenario-volumePercent").fill("60")
    await page.get_by_test_id("scenario-save").click()
    await expect(page.get_by_test_id("scenario-1")).to_contain_text("+60% contacts")
    offer = page.locator("[data-testid^=offer-OVERTIME]").first
    await offer.click()
    await expect(page.get_by_test_id("offers")).to_contain_text("Open")
    moves = page.locator("[data-testid^=move-]")
    await moves.first.click()
    undo = page.locator("[data-testid^=undo-]")
    await expect(undo).to_have_count(1)
    await expect(page.get_by_test_id("adjustments")).to_contain_text("Break moved")
    await undo.click()
    await expect(page.get_by_test_id("adjustments")).to_contain_text("Undone")
    await expect(undo).to_have_count(0)
    await page.context.close()


@pytest.mark.browser
async def test_agent_is_asked_and_says_yes_and_the_supervisor_sees_it(browser: Browser, shop: Shop) -> None:
    agent = await signed_in(await person(browser, tone=440), shop.company.url, shop.emails[1])
    watching = await signed_in(await person(browser, tone=440), shop.company.url, shop.company.email)
    await watching.get_by_test_id("nav-intraday").click()
    await watching.get_by_test_id("today-figures").wait_for()
    start, _ = shop.shift()
    end = start + timedelta(hours=6)
    made: Any = await shop.company.owner.post(
        "/v1/wfm/shiftOffers",
        {
            "requestId": request_id(),
            "shiftOffer": {
                "kind": "ADJUSTMENT_KIND_OVERTIME", "startTime": text(end), "endTime": text(end + 2 * QUARTER),
                "places": 1, "note": "Thank you!", "replies": [{"userId": shop.agents[1]["userId"]}],
            },
        },
    )  # fmt: skip
    asked = agent.get_by_test_id(f"my-offer-{made['shiftOfferId']}")
    await expect(asked).to_contain_text("Thank you!")
    await asked.get_by_test_id("my-offer-accept").click()
    await expect(asked).to_have_count(0)
    await expect(watching.get_by_test_id("offers")).to_contain_text("Filled")
    await expect(watching.get_by_test_id("adjustments")).to_contain_text("Reza Karimi: Overtime")
    await agent.context.close()
    await watching.context.close()


@pytest.mark.browser
async def test_supervisor_sees_who_is_out_and_excuses_it(browser: Browser, shop: Shop) -> None:
    page = await signed_in(await person(browser, tone=440), shop.company.url, shop.company.email)
    await page.get_by_test_id("nav-intraday").click()
    await page.get_by_test_id("intraday-board").click()
    late, good, trained = (page.get_by_test_id(f"adherence-{each['userId']}") for each in shop.agents)
    await expect(late.get_by_test_id("standing")).to_contain_text("Out")
    await expect(trained).to_contain_text("Training")
    await expect(good.get_by_test_id("standing")).to_contain_text("In")
    await shop.keys[1].post("/v1/agents/me:setState", {"state": "AGENT_STATE_NOT_READY", "reason": "meeting"})
    await expect(good.get_by_test_id("standing")).to_contain_text("Just now")
    await page.get_by_test_id(f"excuse-{shop.agents[0]['userId']}").click()
    await page.get_by_test_id("exception-note").fill("The line was down")
    await page.get_by_test_id("exception-save").click()
    await expect(late.get_by_test_id("standing")).to_contain_text("Excused")
    await expect(page.get_by_test_id("exceptions")).to_contain_text("The line was down")
    await page.get_by_test_id(f"day-{shop.agents[2]['userId']}").click()
    await expect(page.get_by_test_id("agent-day")).to_contain_text("Leyla Aliyeva")
    await expect(page.get_by_test_id("day-deviations")).to_contain_text("instead of Work")
    await page.keyboard.press("Escape")
    await page.get_by_test_id("intraday-report").click()
    await expect(page.get_by_test_id(f"report-{shop.agents[2]['userId']}")).to_contain_text("%")
    await page.context.close()


@pytest.mark.browser
async def test_the_day_can_be_read_by_everybody(browser: Browser, shop: Shop) -> None:
    async with onlookers(browser, shop.company, "/intraday") as looks:
        await looks.each(lambda _, page: page.get_by_test_id("today-figures").wait_for())
        await looks.each(lambda _, page: page.get_by_test_id("suggestions").wait_for())
        await looks.look("intraday today")
        await looks.open(
            "intraday scenario", lambda page: page.get_by_test_id("scenario-add"),
            lambda page: page.get_by_test_id("scenario-name"),
        )  # fmt: skip
        await looks.each(lambda _, page: page.get_by_test_id("intraday-board").click())
        await looks.each(lambda _, page: page.get_by_test_id("adherence-board").wait_for())
        await looks.look("intraday board")
        for what, opener, shown in (
            ("excuse", "exception-add", "exception-note"), ("rules", "adherence-rules", "adherence-tolerance"),
            ("day", f"day-{shop.agents[2]['userId']}", "day-figures"),
        ):  # fmt: skip
            await looks.open(
                f"intraday {what}", lambda page, opener=opener: page.get_by_test_id(opener),
                lambda page, shown=shown: page.get_by_test_id(shown),
            )  # fmt: skip
        await looks.each(lambda _, page: page.get_by_test_id("intraday-report").click())
        await looks.each(lambda _, page: page.locator("[data-testid^=report-usr]").first.wait_for())
        await looks.look("intraday report")
        assert looks.found == []

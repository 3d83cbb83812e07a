"""Agents see when they work, ask for time off, trade shifts and bid for open ones; a manager decides what is left."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from icalendar import Calendar
from kernel.clock import SystemClock
from playwright.async_api import Browser, Page, expect
from testkit.browser import chromium, person, signed_in
from testkit.company import PASSWORD, Api, Company, request_id
from testkit.waiting import eventually

from .looking import onlookers
from .test_planning_in_browser import half_hours


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@dataclass
class Worker:
    """An agent who is planned for."""

    api: Api
    email: str
    user_id: str


async def hired(company: Company, name: str) -> Worker:
    email = f"agent-{secrets.token_hex(6)}@example.com"
    link = await company.invite(email, "AGENT", name)
    async with Api(company.url) as stranger:
        said = {"secret": link.rsplit("/", 1)[1], "displayName": name, "password": PASSWORD}
        session = await stranger.post("/v1/invitations:accept", said)
    api = Api(company.url, session["accessToken"])
    company.people.append(api)
    return Worker(api, email, (await api.get("/v1/me"))["userId"])


async def contracted(company: Company, workers: list[Worker]) -> None:
    """A contract of up to five days of eight hours, for each of them."""
    owner = company.owner
    table = (await owner.get("/v1/wfm/labourCountries"))["labourRules"]
    law = next(each for each in table if each["countryCode"] == "DE") | {"displayName": "Law"}
    rules = await owner.post("/v1/wfm/labourRules", {"requestId": request_id(), "labourRules": law})
    lunch = {"displayName": "Lunch", "earliestMinute": 180, "latestMinute": 300, "lengthMinutes": 30}
    day = {"displayName": "Day", "firstStartMinute": 420, "lastStartMinute": 720, "minLengthMinutes": 510}
    pattern = await owner.post(
        "/v1/wfm/shiftPatterns", {"requestId": request_id(), "shiftPattern": day | {"breaks": [lunch]}}
    )
    kind = await owner.post(
        "/v1/wfm/timeOffKinds",
        {"requestId": request_id(), "timeOffKind": {"displayName": "Holiday", "unit": "TIME_OFF_UNIT_DAYS",
                                                    "paid": True, "limited": True, "automatic": True}},
    )  # fmt: skip
    contract = {
        "displayName": "Full time", "labourRulesId": rules["labourRulesId"], "maxWeekMinutes": 2400, "maxDays": 5,
        "shiftPatternIds": [pattern["shiftPatternId"]],
        "timeOffEntitlements": [{"timeOffKindId": kind["timeOffKindId"], "yearlyAmount": 24, "mostCarriedOver": 5}],
    }  # fmt: skip
    made = await owner.post("/v1/wfm/contracts", {"requestId": request_id(), "contract": contract})
    for worker in workers:
        agent = {"userId": worker.user_id, "contractId": made["contractId"], "hireDay": "2024-01-01"}
        await owner.patch(f"/v1/wfm/plannedAgents/{worker.user_id}", {"plannedAgent": agent})
    allowance = {"displayName": "One at a time", "maxAgents": 1}
    await owner.post("/v1/wfm/timeOffAllowances", {"requestId": request_id(), "timeOffAllowance": allowance})


async def published(company: Company, monday: date, run_id: str, shifts: list[tuple[Worker, int]]) -> None:
    """The week's schedule is these shifts, from 8:00 to 16:30 with a lunch."""
    owner = company.owner
    begun = await owner.post(
        "/v1/wfm/schedules",
        {"requestId": request_id(), "firstDay": monday.isoformat(), "forecastRunId": run_id, "seconds": 5},
    )
    path = f"/v1/wfm/schedules/{begun['scheduleId']}"
    await owner.post(f"{path}:stop")

    async def made() -> bool:
        return (await owner.get(path))["state"] != "SCHEDULE_STATE_RUNNING"

    await eventually(made)
    for shift in (await owner.get(f"{path}/shifts", pageSize=500)).get("shifts", []):
        version = (await owner.get(path))["version"]
        await owner.delete(f"{path}/shifts/{shift['userId']}/{shift['day']}?version={version}&acceptViolations=true")
    for worker, weekday in shifts:
        day = monday + timedelta(days=weekday)
        at = datetime.fromisoformat(f"{day}T08:00:00+00:00")
        said = {
            "userId": worker.user_id, "day": day.isoformat(), "startTime": at.isoformat(),
            "endTime": (at + timedelta(hours=8.5)).isoformat(),
            "breaks": [{"startTime": (at + timedelta(hours=4)).isoformat(),
                        "endTime": (at + timedelta(hours=4.5)).isoformat()}],
        }  # fmt: skip
        version = (await owner.get(path))["version"]
        body = {"version": version, "shift": said, "acceptViolations": True}
        answer = await owner.http.put(f"{path}/shifts/{worker.user_id}/{day}", json=body)
        assert answer.status_code == 200, answer.text
    version = (await owner.get(path))["version"]
    await owner.post(f"{path}:publish", {"version": version, "acceptViolations": True})


async def forecast(company: Company, monday: date) -> str:
    """A forecast of this week and the next."""
    owner, today = company.owner, SystemClock().now().date()
    history = {"requestId": request_id(), "csv": half_hours(today, 5), "intervalMinutes": 30}
    await owner.post("/v1/wfm/history:import", history)
    run = await owner.post(
        "/v1/wfm/forecastRuns", {"requestId": request_id(), "days": 14, "firstDay": monday.isoformat()}
    )

    async def done() -> bool:
        path = f"/v1/wfm/forecastRuns/{run['forecastRunId']}"
        return (await owner.get(path))["state"] == "FORECAST_RUN_STATE_DONE"

    await eventually(done)
    return run["forecastRunId"]


async def at_their_schedule(browser: Browser, company: Company, worker: Worker, **size: Any) -> Page:
    page = await signed_in(await person(browser, tone=440, **size), company.url, worker.email, "/my-schedule")
    await page.get_by_test_id("mine-zone").wait_for()
    return page


@pytest.mark.browser
async def test_agents_look_after_their_schedule_themselves(browser: Browser, company: Company) -> None:
    today = SystemClock().now().date()
    monday = today - timedelta(days=today.weekday())
    after = monday + timedelta(days=7)
    ada, ben = await hired(company, "Ada Agent"), await hired(company, "Ben Agent")
    await contracted(company, [ada, ben])
    run_id = await forecast(company, monday)
    await published(company, monday, run_id, [(ada, day) for day in range(5)])
    await published(company, after, run_id, [(ada, 0), (ada, 1), (ada, 3), (ben, 2)])
    phone = await at_their_schedule(browser, company, ada, width=390, height=844)
    await expect(phone.get_by_test_id("my-notice-SCHEDULE_OUT")).to_have_count(2)
    await phone.get_by_test_id("my-notice-SCHEDULE_OUT").first.get_by_role("button", name="Close").click()
    await expect(phone.get_by_test_id("my-notice-SCHEDULE_OUT")).to_have_count(1)
    await phone.get_by_role("button", name="Week after").click()
    await expect(phone.get_by_test_id(f"day-{after}")).to_contain_text("08:00–16:30")
    await expect(phone.get_by_test_id(f"day-{after + timedelta(days=2)}")).to_contain_text("Free")
    await expect(phone.get_by_test_id("mine-sum")).to_contain_text("24 h")
    await _feed(phone)
    await phone.get_by_test_id("mine-timeOff").click()
    await expect(phone.get_by_test_id("balance-Holiday")).to_contain_text("24 days left")
    await phone.get_by_test_id("ask").click()
    await phone.get_by_test_id("ask-first").fill(after.isoformat())
    await expect(phone.get_by_test_id("verdict-APPROVED")).to_contain_text("1 day")
    await phone.get_by_test_id("ask-form-save").click()
    await expect(phone.get_by_test_id(f"request-{after}")).to_contain_text("Approved at once")
    await expect(phone.get_by_test_id("balance-Holiday")).to_contain_text("23 days left")
    await phone.get_by_test_id("mine-week").click()
    await phone.get_by_role("button", name="Week after").click()
    await expect(phone.get_by_test_id(f"day-{after}")).to_contain_text("Time off")
    await phone.get_by_test_id(f"offer-{after + timedelta(days=1)}").click()
    await phone.get_by_test_id("offer-form-save").click()
    bens = await at_their_schedule(browser, company, ben)
    await bens.get_by_test_id("mine-trades").click()
    await bens.get_by_test_id("board").get_by_test_id("trade-accept").click()
    await expect(bens.get_by_test_id("accept-verdict")).to_contain_text("yours at once")
    await bens.get_by_test_id("accept-form-save").click()
    await expect(bens.get_by_test_id("own-trades")).to_contain_text("Done")
    await expect(phone.get_by_test_id("my-notice-TRADE_DONE")).to_be_visible()
    await expect(phone.get_by_test_id(f"day-{after + timedelta(days=1)}")).to_contain_text("Free")
    await _bid(company, bens, after)
    await _refused(browser, company, bens, after)
    await phone.context.close()
    await bens.context.close()
    await ben.api.post(
        "/v1/mySchedule/trades",
        {"requestId": request_id(), "shiftTrade": {"day": (after + timedelta(days=2)).isoformat(), "swap": True,
                                                   "note": "A wedding"}},
    )  # fmt: skip
    await _look(browser, company, ada)


async def _feed(page: Page) -> None:
    await page.get_by_test_id("feed-make").click()
    address = await page.get_by_test_id("feed-address").inner_text()
    async with httpx.AsyncClient(timeout=20) as program:
        found = await program.get(address)
        assert found.headers["content-type"] == "text/calendar; charset=utf-8"
        events: Any = Calendar.from_ical(found.content).walk("VEVENT")
        assert len(events) == 8 and all(str(each["summary"]) == "Shift" for each in events)
        again = await program.get(address, headers={"if-none-match": found.headers["etag"]})
        assert again.status_code == 304 and not again.content
        await page.get_by_test_id("feed-revoke").click()
        await page.get_by_test_id("confirm").click()
        await expect(page.get_by_test_id("feed-address")).to_have_count(0)
        gone = await program.get(address)
        assert (gone.status_code, gone.json()["reason"]) == (404, "CALENDAR_FEED_NOT_FOUND")
        assert "my-schedule" not in urlsplit(address).path


async def _bid(company: Company, page: Page, monday: date) -> None:
    at = datetime.fromisoformat(f"{monday + timedelta(days=4)}T09:00:00+00:00")
    shifts = [
        {"day": at.date().isoformat(), "startTime": at.isoformat(), "endTime": (at + timedelta(hours=8)).isoformat(),
         "breaks": [{"startTime": (at + timedelta(hours=4)).isoformat(),
                     "endTime": (at + timedelta(hours=4.5)).isoformat()}]},
    ]  # fmt: skip
    end = (SystemClock().now() + timedelta(minutes=30)).isoformat()
    said = {"displayName": "Friday", "firstDay": monday.isoformat(), "endTime": end, "order": "BID_ORDER_SENIORITY",
            "openShifts": shifts}  # fmt: skip
    await company.owner.post("/v1/wfm/bidRounds", {"requestId": request_id(), "bidRound": said})
    await expect(page.get_by_test_id("my-notice-BIDS_OPEN")).to_be_visible()
    await page.get_by_test_id("mine-bids").click()
    await page.get_by_test_id("want-1").click()
    await page.get_by_test_id("bid-save").click()
    await expect(page.get_by_test_id("bid-save")).to_be_disabled()
    await expect(page.get_by_test_id("wishes").get_by_role("listitem")).to_have_count(1)


async def _refused(browser: Browser, company: Company, page: Page, monday: date) -> None:
    day = monday + timedelta(days=8)
    await page.get_by_test_id("mine-timeOff").click()
    await page.get_by_test_id("ask").click()
    await page.get_by_test_id("ask-first").fill((monday - timedelta(days=30)).isoformat())
    await expect(page.get_by_test_id("ask-verdict").get_by_test_id("problem")).to_be_visible()
    await page.get_by_test_id("ask-first").fill((day - timedelta(days=8)).isoformat())
    await expect(page.get_by_test_id("ask-verdict").get_by_test_id("problem")).to_contain_text("don't work")
    await company.owner.post(
        "/v1/wfm/timeOffAllowances",
        {"requestId": request_id(), "timeOffAllowance": {"displayName": "Closing", "firstDay": day.isoformat(),
                                                         "lastDay": day.isoformat(), "maxAgents": 0}},
    )  # fmt: skip
    await page.get_by_test_id("ask-first").fill(day.isoformat())
    await expect(page.get_by_test_id("verdict-PENDING").get_by_test_id("obstacle-ALLOWANCE_FULL")).to_be_visible()
    await page.get_by_test_id("ask-form-save").click()
    await expect(page.get_by_test_id(f"request-{day}")).to_contain_text("Waits")
    desk = await signed_in(await person(browser, tone=440), company.url, company.email)
    await desk.get_by_test_id("nav-requests").click()
    await desk.get_by_test_id(f"inbox-{day}-refuse").click()
    await desk.get_by_test_id("decide-reason").fill("We close the books")
    await desk.get_by_test_id("decide-save").click()
    await expect(desk.get_by_test_id(f"inbox-{day}")).to_have_count(0)
    await expect(page.get_by_test_id("my-notice-TIME_OFF_REFUSED")).to_contain_text("We close the books")
    await expect(page.get_by_test_id(f"request-{day}")).to_contain_text("Refused")
    await desk.context.close()


async def _look(browser: Browser, company: Company, ada: Worker) -> None:
    async with onlookers(browser, company, "/my-schedule", ada.email) as looks:
        await looks.each(lambda _, page: page.get_by_test_id("mine-zone").wait_for())
        await looks.look("mine week")
        await looks.each(lambda _, page: page.get_by_test_id("mine-list").click())
        await looks.look("mine list")
        for tab in ("timeOff", "trades", "bids", "availability"):
            await looks.each(lambda _, page, tab=tab: page.get_by_test_id(f"mine-{tab}").click())
            await looks.look(f"mine {tab}")
        await looks.open(
            "mine say", lambda page: page.get_by_test_id("say"), lambda page: page.get_by_test_id("say-from")
        )
        assert looks.found == []
    async with onlookers(browser, company, "/requests") as looks:
        for tab in ("timeOff", "trades", "bids", "allowances", "kinds", "rules"):
            await looks.each(lambda _, page, tab=tab: page.get_by_test_id(f"requests-{tab}").click())
            await looks.look(f"requests {tab}")
        await looks.each(lambda _, page: page.get_by_test_id("requests-allowances").click())
        await looks.open(
            "requests allowance", lambda page: page.get_by_test_id("allowance-add"),
            lambda page: page.get_by_test_id("allowance-name"),
        )  # fmt: skip
        await looks.each(lambda _, page: page.get_by_test_id("requests-bids").click())
        await looks.open(
            "requests round", lambda page: page.get_by_test_id("round-add"),
            lambda page: page.get_by_test_id("round-name"),
        )  # fmt: skip
        assert looks.found == []

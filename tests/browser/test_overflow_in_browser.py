"""An admin gives hours a country's holidays and a queue its overflow, in real browsers; and a call overflows."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from merkez_local.system import System
from playwright.async_api import Browser, Page, expect
from testkit.browser import chromium, person, signed_in
from testkit.company import Company, request_id
from testkit.people import CallerOnWidget
from testkit.voice_peers import Baresip, VoicePeers

from tests.browser.looking import onlookers
from tests.browser.test_rules_in_browser import choose, queue_form

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

OUTSIDE = "+994125550177"


@pytest_asyncio.fixture(loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def company(system: System) -> AsyncIterator[Company]:
    """Has two queues and hours."""
    made = await Company.sign_up(system.url, plan="growth")
    await made.set_up(template="simple_queue")
    other = {"displayName": "Second line", "openToAll": True}
    await made.owner.post("/v1/queues", {"requestId": request_id(), "queue": other})
    hours = {
        "displayName": "Office",
        "timeZone": "Asia/Baku",
        "intervals": [{"weekday": day, "startMinute": 540, "endMinute": 1080} for day in range(1, 6)],
    }
    await made.owner.post("/v1/businessHours", {"requestId": request_id(), "businessHours": hours})
    yield made
    await made.close()


async def hours_form(page: Page, company: Company) -> None:
    [hours] = (await company.owner.get("/v1/businessHours"))["businessHours"]
    await page.goto(f"{company.url}/admin/hours")
    await page.get_by_test_id(f"hours-{hours['businessHoursId']}-edit").click()
    await page.get_by_test_id("hours-name").wait_for()


async def test_admin_gives_hours_holidays_and_days_of_their_own(company: Company, browser: Browser) -> None:
    page = await signed_in(await person(browser, tone=440), company.url, company.email)
    await hours_form(page, company)
    await page.get_by_test_id("hours-country").click()
    await page.get_by_role("option", name="Azerbaijan").wait_for()
    await page.keyboard.type("Azerb")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    victory = page.get_by_role("checkbox", name="Closed on ⁨Victory Day")
    await expect(victory).to_be_checked()
    await victory.focus()
    await page.keyboard.press("Space")
    await expect(victory).not_to_be_checked()
    await page.get_by_test_id("hours-add-day").click()
    await page.get_by_test_id("hours-day-0-first").fill("2027-08-15")
    await page.get_by_test_id("hours-day-0-last").fill("2027-08-01")
    await page.get_by_test_id("hours-day-0-name").fill("Summer")
    await page.get_by_test_id("hours-save").click()
    await expect(page.get_by_test_id("hours-days")).to_contain_text("must be after date")
    await page.get_by_test_id("hours-day-0-last").fill("2027-08-31")
    await page.get_by_test_id("hours-day-0-add").click()
    await expect(page.get_by_test_id("hours-preview")).to_contain_text("until")
    await page.get_by_test_id("hours-save").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    [hours] = (await company.owner.get("/v1/businessHours"))["businessHours"]
    assert (hours["calendar"]["country"], hours["calendar"]["off"]) == ("AZ", ["Victory Day"])
    [day] = hours["holidays"]
    assert (day["date"], day["endDate"], day["displayName"]) == ("2027-08-15", "2027-08-31", "Summer")
    assert [(each["startMinute"], each["endMinute"]) for each in day["intervals"]] == [(600, 840)]


async def test_admin_says_where_callers_go_and_sees_what_can_not_be(company: Company, browser: Browser) -> None:
    page = await signed_in(await person(browser, tone=440), company.url, company.email)
    await queue_form(page, company)
    await page.get_by_test_id("queue-part-overflow").click()
    await choose(page.get_by_test_id("queue-hours"), "Office")
    await page.get_by_test_id("overflow-add").click()
    await choose(page.get_by_test_id("overflow-rule-0-queue"), "Second line")
    await page.get_by_test_id("overflow-add").click()
    await choose(page.get_by_test_id("overflow-rule-1-when"), "Nobody is signed in")
    await choose(page.get_by_test_id("overflow-rule-1-to"), "An outside number")
    await page.get_by_test_id("overflow-rule-1-number").fill("12")
    await page.get_by_test_id("overflow-max-wait").fill("30")
    await page.get_by_test_id("queue-part-general").click()
    await page.get_by_test_id("queue-save").click()
    await expect(page.get_by_test_id("overflow-rules")).to_contain_text("Never comes")
    await page.get_by_test_id("overflow-max-wait").fill("120")
    await page.get_by_test_id("queue-save").click()
    await expect(page.get_by_test_id("overflow-rules")).to_contain_text("the country's code")
    await page.get_by_test_id("overflow-rule-1-number").fill(OUTSIDE)
    line = page.get_by_test_id("overflow-line")
    await expect(line).to_contain_text("Goes to ⁨Second line")
    await expect(page.get_by_test_id("overflow-stage-1")).to_contain_text("after 2 minutes")
    await page.get_by_test_id("overflow-rule-1-up").focus()
    await page.keyboard.press("Enter")
    await page.get_by_test_id("queue-save").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    queue = await company.owner.get(f"/v1/queues/{company.queue['queueId']}")
    second = next(
        each["queueId"]
        for each in (await company.owner.get("/v1/queues"))["queues"]
        if each["displayName"] == "Second line"
    )
    assert queue["overflow"]["rules"] == [
        {"nobodyStaffed": True, "number": OUTSIDE}, {"afterWait": "60s", "queueId": second},
    ]  # fmt: skip
    assert queue["overflow"]["maxWait"] == "120s"
    assert queue["businessHoursId"]


async def test_axe_has_nothing_against_hours_and_overflow(company: Company, browser: Browser) -> None:
    async with onlookers(browser, company, "/admin/queues") as queues:

        async def send_on(_: str, page: Page) -> None:
            await page.get_by_test_id(f"queue-{company.queue['queueId']}-edit").click()
            await page.get_by_test_id("queue-part-overflow").click()
            await page.get_by_test_id("overflow-add").click()
            await page.get_by_test_id("overflow-add").click()
            await page.get_by_test_id("overflow-rule-1-to").click()
            await page.get_by_role("option").nth(1).click()
            await page.get_by_test_id("overflow-max-wait").fill("300")

        await queues.each(send_on)
        await queues.look("overflow")
    async with onlookers(browser, company, "/admin/hours") as hours:

        async def holidays(_: str, page: Page) -> None:
            await hours_form(page, company)
            await page.get_by_test_id("hours-country").click()
            await page.get_by_role("option").nth(14).click()
            await page.get_by_test_id("hours-coming").wait_for()
            await page.get_by_test_id("hours-add-day").click()
            await page.get_by_test_id("hours-day-0-add").click()

        await hours.each(holidays)
        await hours.look("holidays")
    assert queues.found + hours.found == []


async def test_call_that_nobody_could_take_is_put_through_to_the_outside_number(
    system: System, browser: Browser, voice_peers: VoicePeers
) -> None:
    company = await (await Company.sign_up(system.url, plan="scale")).set_up(template="simple_queue")
    outside = await voice_peers.start(Baresip, "oscar", user=OUTSIDE, tone=1240, answers="manual")
    gateway = {"host": outside.host, "port": outside.port, "transport": "SIP_TRANSPORT_UDP"}
    trunk = {"displayName": "Delta", "gateways": [gateway], "enabled": True}
    await company.owner.post("/v1/trunks", {"requestId": request_id(), "trunk": trunk})
    queue_id = company.queue["queueId"]
    overflow = {"rules": [{"afterWait": "3s", "number": OUTSIDE}]}
    change = {"queue": {"queueId": queue_id, "overflow": overflow}, "updateMask": "overflow"}
    await company.owner.patch(f"/v1/queues/{queue_id}", change)
    caller = await CallerOnWidget(company, tone=620).dial()
    await outside.rings(timeout=40)  # after the greeting, and what is said of the wait
    await outside.answer()
    await outside.hears(620)
    await caller.peer.hears(1240)
    [contact] = (await company.owner.get("/v1/contacts"))["contacts"]
    assert contact["leaveReason"] == "LEAVE_REASON_NUMBER" and contact["overflows"][0]["number"] == OUTSIDE
    await outside.hang_up()
    await caller.state("ended")
    await company.close()

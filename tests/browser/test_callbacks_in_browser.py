"""A supervisor looks after callbacks, an admin says how a queue calls back and what a flow offers, in real browsers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from kernel.clock import SystemClock
from merkez_local.system import System
from playwright.async_api import Browser, Locator, Page, expect
from telephony.sip import Invitation
from testkit.browser import chromium, person, signed_in
from testkit.company import Company, request_id
from testkit.rtp_peer import RtpPeer
from testkit.screens import Desk, hears
from testkit.waiting import eventually

from tests.browser.looking import SCREENS, onlookers, violations
from tests.flows.test_find_me import Carrier

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

NUMBER = "+994501234567"
CUSTOMER_HERTZ = 1700
CONNECT = "CALLBACK_MACHINE_ACTION_CONNECT"


@pytest_asyncio.fixture(loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def company(system: System) -> AsyncIterator[Company]:
    made = await (await Company.sign_up(system.url)).set_up()
    yield made
    await made.close()


async def choose(field: Locator, option: str) -> None:
    await field.click()
    await field.page.get_by_role("option", name=option, exact=True).click()


async def ask(company: Company, number: str = NUMBER, **more: Any) -> dict[str, Any]:
    callback = {"queueId": company.queue["queueId"], "number": number, "callerName": "Leyla Əliyeva", **more}
    made = await company.owner.post("/v1/callbacks", {"requestId": request_id(), "callback": callback})
    return made["callback"]


async def picture(page: Page, name: str) -> None:
    """Kept where somebody asked for pictures."""
    if folder := os.environ.get("MERKEZ_PICTURES"):
        await page.screenshot(path=f"{folder}/{name}.png")


async def test_supervisor_adds_moves_and_cancels_a_callback(company: Company, browser: Browser) -> None:
    page = await Desk(company, browser, name="Sue Supervisor", role="SUPERVISOR").join()
    await page.get_by_test_id("nav-callbacks").click()
    await expect(page.get_by_text("No callbacks")).to_be_visible()
    await page.get_by_test_id("callback-add").click()
    await page.get_by_test_id("callback-number").fill("0501234567")
    await page.get_by_test_id("callback-save").click()
    await expect(page.get_by_role("dialog")).to_contain_text("+994501234567")
    await page.get_by_test_id("callback-number").fill("+994 50 123 45 67")
    await page.get_by_test_id("callback-name").fill("Leyla")
    await page.get_by_text("At a time").click()
    later = SystemClock().now() + timedelta(days=40)
    await page.get_by_test_id("callback-time").fill(later.strftime("%Y-%m-%dT10:00"))
    await page.get_by_test_id("callback-save").click()
    await expect(page.get_by_role("dialog")).to_contain_text("30 days")
    soon = SystemClock().now() + timedelta(days=3)
    await page.get_by_test_id("callback-time").fill(soon.strftime("%Y-%m-%dT10:00"))
    await page.get_by_test_id("callback-save").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    (made,) = (await company.owner.get("/v1/callbacks"))["callbacks"]
    row = page.get_by_test_id(f"callback-{made['callbackId']}")
    await expect(row).to_contain_text("Scheduled")
    await expect(row).to_contain_text(NUMBER)

    await page.get_by_test_id("callback-add").click()
    await page.get_by_test_id("callback-number").fill(NUMBER)
    await page.get_by_test_id("callback-save").click()
    await expect(page.get_by_text("has the earlier place and time of both")).to_be_visible()

    await page.get_by_test_id(f"reschedule-{made['callbackId']}").click()
    await page.get_by_text("As soon as somebody is free").click()
    await page.get_by_test_id("reschedule-save").click()
    await expect(row).to_contain_text("In line")
    await choose(page.get_by_test_id("callbacks-state"), "Not reached")
    await expect(page.get_by_text("None of this kind")).to_be_visible()
    await choose(page.get_by_test_id("callbacks-state"), "In line")
    await page.get_by_test_id(f"cancel-{made['callbackId']}").click()
    await page.get_by_test_id("confirm").click()
    await expect(row).to_have_count(0)
    found = await company.owner.get(f"/v1/callbacks/{made['callbackId']}")
    assert found["state"] == "CALLBACK_STATE_CANCELLED"


async def test_agent_is_offered_a_callback_and_sees_whom_to_call(company: Company, browser: Browser) -> None:
    desk = Desk(company, browser, name="Alex Agent")
    page = await desk.available()
    made = await ask(company)
    await expect(page.get_by_test_id("dock-caller")).to_have_text("Leyla Əliyeva")
    await expect(page.get_by_test_id("call-dock")).to_contain_text("Callback")
    await picture(page, "offer")
    await page.keyboard.press("F2")

    # There is no trunk here, so the customer can't be called: the agent is free at once, and it is tried again.
    async def tried() -> bool:
        return bool((await company.owner.get(f"/v1/callbacks/{made['callbackId']}")).get("attempts"))

    await eventually(tried)
    await expect(page.get_by_test_id("dock-caller")).to_have_count(0)


async def test_admin_says_how_a_queue_calls_back_and_sees_what_is_wrong(company: Company, browser: Browser) -> None:
    page = await signed_in(await person(browser, tone=440), company.url, company.email, "/admin/queues")
    await page.get_by_test_id(f"queue-{company.queue['queueId']}-edit").click()
    await page.get_by_test_id("queue-part-callbacks").click()
    await page.get_by_test_id("callback-attempts").fill("5")
    await choose(page.get_by_test_id("callback-offer-over-unit"), "seconds")
    await page.get_by_test_id("callback-offer-over").fill("0")
    await choose(page.get_by_test_id("callback-on-machine"), "The last attempt leaves a message")
    await page.get_by_test_id("queue-part-general").click()
    await page.get_by_test_id("queue-save").click()
    await expect(page.get_by_test_id("callback-prompt")).to_be_visible()
    await expect(page.get_by_role("dialog")).to_contain_text("Choose the prompt that is left as a message.")
    await choose(page.get_by_test_id("callback-on-machine"), "The agent hears it")
    await expect(page.get_by_test_id("callback-prompt")).to_have_count(0)
    await page.get_by_test_id("queue-save").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    rules = (await company.owner.get(f"/v1/queues/{company.queue['queueId']}"))["callbacks"]
    assert (rules["attempts"], rules["offerOver"]) == (5, "0s")
    assert rules["onMachine"] == "CALLBACK_MACHINE_ACTION_CONNECT"


async def test_admin_has_customers_rung_first_and_says_for_how_long(company: Company, browser: Browser) -> None:
    page = await signed_in(await person(browser, tone=440), company.url, company.email, "/admin/queues")
    await page.get_by_test_id(f"queue-{company.queue['queueId']}-edit").click()
    await page.get_by_test_id("queue-part-callbacks").click()
    await expect(page.get_by_test_id("callback-ring-timeout")).to_have_count(0)
    await choose(page.get_by_test_id("callback-order"), "The customer, then the agent")
    await expect(page.get_by_role("dialog")).to_contain_text("the customer waits first in line")
    await page.get_by_test_id("callback-ring-timeout").fill("90")
    await page.get_by_test_id("queue-save").click()
    await expect(page.get_by_role("dialog")).to_contain_text("Must be 10 seconds to 1 minute.")
    await page.get_by_test_id("callback-ring-timeout").fill("20")
    await page.get_by_test_id("queue-save").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    rules = (await company.owner.get(f"/v1/queues/{company.queue['queueId']}"))["callbacks"]
    assert (rules["order"], rules["ringTimeout"]) == ("CALLBACK_ORDER_CUSTOMER_FIRST", "20s")
    # Without a trunk nobody is rung: the agent is told nothing, and is as available as before.
    desk = Desk(company, browser, name="Cem Agent")
    agent = await desk.available()
    made = await ask(company, "+994552223344")

    async def tried() -> bool:
        return bool((await company.owner.get(f"/v1/callbacks/{made['callbackId']}")).get("attempts"))

    await eventually(tried)
    await expect(agent.get_by_test_id("agent-state")).to_contain_text("Available")
    await expect(agent.get_by_test_id("dock-caller")).to_have_count(0)


class PatientCarrier(Carrier):
    """It rings at the customer until they pick up."""

    def __init__(self, voice: RtpPeer) -> None:
        super().__init__(voice)
        self.picks_up = asyncio.Event()

    async def _answer(self, invitation: Invitation) -> None:
        await invitation.ring()
        await self.picks_up.wait()
        await super()._answer(invitation)


@pytest_asyncio.fixture(loop_scope="session")
async def carrier() -> AsyncIterator[PatientCarrier]:
    made = PatientCarrier(await RtpPeer.start(CUSTOMER_HERTZ))
    await made.agent.start()
    yield made
    await made.agent.close()
    await made.voice.close()


async def test_agent_sees_that_a_customer_is_rung_for_them_and_talks_once_they_answer(
    company: Company, browser: Browser, carrier: PatientCarrier
) -> None:
    gateway = {"host": "127.0.0.1", "port": carrier.port, "transport": "SIP_TRANSPORT_UDP", "weight": 1}
    trunk = {"displayName": "Carrier", "gateways": [gateway], "enabled": True}
    await company.owner.post("/v1/trunks", {"requestId": request_id(), "trunk": trunk})
    rules = {"order": "CALLBACK_ORDER_CUSTOMER_FIRST", "ringTimeout": "60s", "onMachine": CONNECT}
    queue = {"displayName": "Call backs", "openToAll": True, "callbacks": rules}
    made = await company.owner.post("/v1/queues", {"requestId": request_id(), "queue": queue})
    desk = Desk(company, browser, name="Derya Agent")
    page = await desk.available()
    watch = await Desk(company, browser, name="Sevda Supervisor", role="SUPERVISOR").join()
    asked = await ask(company, queueId=made["queueId"])
    await expect(page.get_by_test_id("call-dock")).to_contain_text("Calling a customer for you")
    await expect(page.get_by_test_id("dock-caller")).to_have_count(0)
    await watch.get_by_test_id("nav-callbacks").click()
    row = watch.get_by_test_id(f"callback-{asked['callbackId']}")
    await expect(row).to_contain_text("Is being rung for Derya Agent")
    for width, height in SCREENS:
        for name, shown in (("desk", page), ("watch", watch)):
            await shown.set_viewport_size({"width": width, "height": height})
            await picture(shown, f"rung {name} {width}")
    assert await violations(page, "a desk whose customer is rung") == []
    carrier.picks_up.set()
    await expect(page.get_by_test_id("dock-caller")).to_have_text("Leyla Əliyeva")
    await expect(row).to_contain_text("On the line")
    await page.keyboard.press("F2")
    await hears(page, CUSTOMER_HERTZ)
    await carrier.dialogs[0].bye()
    await expect(row).to_contain_text("Answered")


async def test_pages_of_callbacks_read_right_in_every_look(company: Company, browser: Browser) -> None:
    await ask(company, "+905321234567")
    due = (SystemClock().now() + timedelta(days=2)).strftime("%Y-%m-%dT10:00:00Z")
    await ask(company, "+989121234567", dueTime=due, timeZone="Asia/Tehran")
    offer = {"queueId": company.queue["queueId"], "declined": "bye"}
    steps = [{"stepId": "offer", "callbackOffer": offer}, {"stepId": "bye", "hangUp": {}}]
    draft = {"start": "offer", "language": "en", "steps": steps}
    await company.publish(draft)
    async with onlookers(browser, company, "/callbacks") as group:
        await group.look("callbacks")
        for name, page in group.pages.items():
            await picture(page, f"list {name}")
        await group.open(
            "a new callback", lambda page: page.get_by_test_id("callback-add"), lambda page: page.get_by_role("dialog")
        )
        for name, page in group.pages.items():
            await page.goto(f"{company.url}/admin/queues")
            await page.get_by_test_id(f"queue-{company.queue['queueId']}-edit").click()
            await page.get_by_test_id("queue-part-callbacks").click()
            await page.get_by_test_id("callback-attempts").wait_for()
            await page.get_by_test_id("callback-order").click()
            await page.get_by_role("option").nth(1).click()
            await page.get_by_test_id("callback-ring-timeout").wait_for()
            await picture(page, f"queue {name}")
        await group.look("how a queue calls back")
        assert group.found == []

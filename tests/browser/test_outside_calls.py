"""Telephones of the outside world from real browsers: an owner links carriers by hand, an agent dials a customer and
asks somebody at another number, a supervisor takes the call over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from merkez_local.system import System
from playwright.async_api import Browser, Page, expect
from testkit.browser import chromium, person, signed_in
from testkit.company import Company
from testkit.journey import until
from testkit.screens import Desk, hears
from testkit.voice_peers import Baresip, VoicePeers

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

ANNA, SUE, CUSTOMER, EXPERT = 440, 350, 880, 1240
"""What each sounds like, in hertz."""
CUSTOMERS_NUMBER, EXPERTS_NUMBER = "+994125550100", "+902125550101"


@pytest_asyncio.fixture(loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


async def a_telephone(peers: VoicePeers, name: str, number: str, tone: int) -> Baresip:
    """Somebody's telephone, which a carrier of its own leads to."""
    return await peers.start(Baresip, name, user=number, tone=tone, answers="manual")


async def link(page: Page, name: str, phone: Baresip) -> None:
    """Adds a trunk whose one gateway is this telephone."""
    await page.get_by_test_id("trunk-add").click()
    await page.get_by_test_id("trunk-name").fill(name)
    await page.get_by_test_id("trunk-host-0").fill(phone.host)
    await page.get_by_label("Port", exact=True).fill(str(phone.port))
    await page.get_by_test_id("trunk-save").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.get_by_text(name)).to_be_visible()


async def ask_at(page: Page, number: str) -> None:
    """Consults a number, without a mouse."""
    await page.keyboard.press("F10")
    await expect(page.get_by_test_id("transfer-search")).to_be_focused()
    await page.keyboard.type(number)
    await page.keyboard.press("Enter")


async def test_agent_dials_out_asks_at_a_number_and_a_supervisor_takes_over(
    system: System, company: Company, browser: Browser, voice_peers: VoicePeers
) -> None:
    await company.subscribe("scale")
    customer = await a_telephone(voice_peers, "carla", CUSTOMERS_NUMBER, CUSTOMER)
    expert = await a_telephone(voice_peers, "erik", EXPERTS_NUMBER, EXPERT)
    owner = await signed_in(await person(browser, tone=440), company.url, company.email)
    await owner.get_by_test_id("nav-trunks").click()
    await link(owner, "Delta Telecom", customer)

    anna = await Desk(company, browser, name="Anna Able").join(tone=ANNA)
    await anna.get_by_test_id("agent-state").click()
    await anna.get_by_test_id("state-NOT_READY-break").click()
    await until(anna, "window.__merkez.state.station.status === 'attached'")
    await anna.get_by_test_id("nav-dial").click()
    await anna.get_by_test_id("dial-number").fill(CUSTOMERS_NUMBER)
    await anna.get_by_test_id("dial-call").click()
    await customer.rings()
    await customer.answer()
    await hears(anna, CUSTOMER)
    await customer.hears(ANNA)
    await expect(anna.get_by_test_id("dock-caller")).to_have_text(CUSTOMERS_NUMBER)

    await ask_at(anna, EXPERTS_NUMBER)
    await expect(anna.get_by_test_id("call-dock")).to_contain_text("can't be reached")
    await anna.keyboard.press("F9")
    await hears(anna, CUSTOMER)
    [trunk] = (await company.owner.get("/v1/trunks"))["trunks"]
    await owner.get_by_test_id(f"trunk-{trunk['trunkId']}-edit").click()
    await owner.get_by_label("Calls may use it").uncheck()
    await owner.get_by_test_id("trunk-save").click()
    await link(owner, "Epsilon Telecom", expert)
    await ask_at(anna, EXPERTS_NUMBER)
    await expert.rings()
    await expert.answer()
    await hears(anna, EXPERT)
    await expert.hears(ANNA)
    await anna.get_by_test_id("consult-swap").click()
    await hears(anna, CUSTOMER)
    await anna.get_by_test_id("consult-join").click()
    await customer.hears(EXPERT)
    await expect(anna.get_by_test_id("parties-talking").get_by_role("listitem")).to_have_count(3)

    sue = await Desk(company, browser, name="Sue Super", role="SUPERVISOR").join(tone=SUE)
    anna_id = await anna.evaluate("() => window.__merkez.state.userId")
    await sue.goto(f"{company.url}/calls")
    await sue.get_by_test_id(f"supervise-{anna_id}").click()
    await sue.get_by_test_id(f"supervise-{anna_id}-SUPERVISION_MODE_LISTEN").click()
    await sue.get_by_test_id("supervision-connect").click()
    await sue.get_by_test_id("supervision-take-over").click()
    await expect(anna.get_by_test_id("call-dock")).to_have_attribute("data-phase", "wrapUp")
    await expert.hang_up()
    await asyncio.gather(hears(sue, CUSTOMER), customer.hears(SUE))
    await customer.hang_up()
    await expect(sue.get_by_test_id("call-dock")).to_have_attribute("data-phase", "wrapUp")

"""What agents and supervisors do with a call beyond answering it, in real browsers, and who hears whom meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from merkez_local.system import System
from playwright.async_api import Browser, Page, WebSocket, expect
from testkit.browser import chromium, person, signed_in
from testkit.company import Company
from testkit.journey import until
from testkit.screens import Desk, hears, hears_music, hears_nothing, talk, widget

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

ANNA, BEN, SUE, CARLA = 440, 530, 350, 620
"""What each sounds like, in hertz."""


@pytest_asyncio.fixture(loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def company(system: System) -> AsyncIterator[Company]:
    """Calls go straight into a queue that offers for long enough to look at it."""
    made = await (await Company.sign_up(system.url)).set_up(template="simple_queue", queue={"offerTimeout": "60s"})
    yield made
    await made.close()


async def phase(page: Page, wanted: str) -> None:
    """Waits until a desktop's dock is in a phase."""
    await expect(page.get_by_test_id("call-dock")).to_have_attribute("data-phase", wanted)


async def take_a_break(page: Page) -> None:
    """On duty, with sound, and offered nothing."""
    await page.get_by_test_id("agent-state").click()
    await page.get_by_test_id("state-NOT_READY-break").click()
    await until(page, "window.__merkez.state.agentState === 'AGENT_STATE_NOT_READY'")
    await until(page, "window.__merkez.state.station.status === 'attached'")


async def test_agent_asks_a_colleague_swaps_joins_all_and_leaves_without_a_mouse(
    company: Company, browser: Browser
) -> None:
    anna = await Desk(company, browser, name="Anna Able").available(tone=ANNA)
    customer = await widget(company, browser, tone=CARLA)
    await talk(customer, anna)
    ben = await Desk(company, browser, name="Ben Bright").available(tone=BEN)

    await anna.keyboard.press("F10")
    await expect(anna.get_by_test_id("transfer-search")).to_be_focused()
    await anna.keyboard.type("front")
    await expect(anna.get_by_role("option")).to_have_count(1)
    await anna.get_by_test_id("transfer-search").fill("")
    await anna.keyboard.type("ben")
    await expect(anna.get_by_role("option", selected=True)).to_contain_text("Ben Bright")
    await anna.keyboard.press("Enter")
    await expect(anna.get_by_test_id("parties-ringing")).to_contain_text("Ben Bright")
    await hears_music(customer, ANNA, BEN)
    await expect(ben.get_by_test_id("call-dock")).to_contain_text("Anna Able asks you (consult)")
    await ben.keyboard.press("F2")

    await hears(ben, ANNA)
    await hears(anna, BEN)
    await hears_music(customer, ANNA, BEN)
    await expect(anna.get_by_test_id("parties-waiting")).to_contain_text("Carla Caller")
    await until(customer, "window.__merkezWidget.state.phase === 'held'")

    await anna.keyboard.press("F9")
    await hears(anna, CARLA)
    await hears(customer, ANNA)
    await hears_music(ben, ANNA, CARLA)
    await phase(ben, "held")

    await anna.keyboard.press("F10")
    await expect(anna.get_by_test_id("parties-talking").get_by_role("listitem")).to_have_count(3)
    await anna.keyboard.press("F8")
    await hears(customer, BEN)
    await hears(ben, CARLA)

    await anna.keyboard.press("F4")
    await phase(anna, "wrapUp")
    await hears(customer, BEN)
    await hears(ben, CARLA)
    await phase(ben, "talking")
    await expect(ben.get_by_test_id("parties")).to_have_count(0)
    await customer.get_by_test_id("widget-hangup").click()
    await phase(ben, "wrapUp")


async def test_supervisor_listens_and_whispers_and_neither_customer_nor_agent_is_told(
    company: Company, browser: Browser
) -> None:
    anna = await Desk(company, browser, name="Anna Able").available(tone=ANNA)
    told = [*heard_of(anna)]
    customer = await widget(company, browser, tone=CARLA)
    told += heard_of(customer)
    await talk(customer, anna)
    anna_id = await anna.evaluate("() => window.__merkez.state.userId")

    sue = await Desk(company, browser, name="Sue Super", role="SUPERVISOR").join(tone=SUE)
    await sue.goto(f"{company.url}/calls")
    await sue.get_by_test_id(f"supervise-{anna_id}").click()
    await sue.get_by_test_id(f"supervise-{anna_id}-SUPERVISION_MODE_LISTEN").click()
    await sue.get_by_test_id("supervision-sound").wait_for()
    await sue.get_by_test_id("supervision-connect").click()
    bar = sue.get_by_test_id("supervision")
    await expect(bar).to_have_attribute("data-mode", "SUPERVISION_MODE_LISTEN")
    await expect(bar).to_contain_text("You listen to Anna Able")

    await anna.keyboard.press("F8")
    await hears(sue, CARLA)
    await hears(anna, CARLA)
    await hears_nothing(customer)

    await sue.keyboard.press("F9")
    await expect(bar).to_have_attribute("data-mode", "SUPERVISION_MODE_WHISPER")
    await customer.get_by_test_id("widget-mute").click()
    await hears(anna, SUE)
    await hears_nothing(customer)

    await sue.reload()
    await expect(bar).to_have_attribute("data-mode", "SUPERVISION_MODE_WHISPER")
    await hears(anna, SUE)
    await hears_nothing(customer)
    sue_id = await sue.evaluate("() => window.__merkez.state.userId")
    assert [frame for frame in told if sue_id in frame or "supervis" in frame.lower()] == []
    await expect(anna.get_by_test_id("parties")).to_have_count(0)

    await sue.keyboard.press("F10")
    await hears(customer, SUE)
    await sue.keyboard.press("F4")
    await expect(bar).to_have_count(0)
    await hears_nothing(customer)
    await hears_nothing(anna)


def heard_of(page: Page) -> list[str]:
    """Everything that a page is sent over its sockets from now on; those that are open already are not heard."""
    frames: list[str] = []

    def opened(socket: WebSocket) -> None:
        socket.on("framereceived", lambda payload: frames.append(str(payload)))

    page.on("websocket", opened)
    return frames


async def test_parked_call_is_retrieved_by_a_colleague_and_a_ringing_one_picked_up(
    company: Company, browser: Browser
) -> None:
    anna = await Desk(company, browser, name="Anna Able").available(tone=ANNA)
    customer = await widget(company, browser, tone=CARLA)
    await talk(customer, anna)
    await anna.get_by_test_id("call-more").click()
    await anna.get_by_test_id("call-park").click()
    code = await anna.get_by_test_id("park-code").inner_text()
    await hears_music(customer, ANNA)
    await phase(anna, "wrapUp")

    ben = await Desk(company, browser, name="Ben Bright").join(tone=BEN)
    await ben.get_by_test_id("nav-dial").click()
    await ben.get_by_test_id("dial-off-duty").wait_for()
    await take_a_break(ben)
    await expect(ben.get_by_test_id(f"parked-{code}")).to_contain_text("Carla Caller")
    await ben.get_by_test_id("retrieve-code").fill(code)
    await ben.keyboard.press("Enter")
    await hears(ben, CARLA)
    await hears(customer, BEN)
    await customer.get_by_test_id("widget-hangup").click()
    await phase(ben, "wrapUp")
    await ben.get_by_test_id("nav-desktop").click()
    await ben.get_by_test_id("wrapup-save").click()
    await anna.keyboard.press("Escape")
    await anna.get_by_test_id("wrapup-save").click()
    await phase(anna, "idle")

    await customer.get_by_test_id("widget-again").click()
    await customer.get_by_test_id("widget-call").click()
    await phase(anna, "offered")
    await ben.get_by_test_id("nav-dial").click()
    waiting = ben.get_by_test_id("waiting-contacts")
    await expect(waiting).to_contain_text("Rings at Anna Able")
    await waiting.get_by_role("button", name="Pick up").click()
    await hears(ben, CARLA)
    await phase(anna, "idle")


async def test_number_that_cannot_be_rung_is_refused_in_words(company: Company, browser: Browser) -> None:
    page = await Desk(company, browser).join()
    await page.get_by_test_id("nav-dial").click()
    await expect(page.get_by_test_id("dial-call")).to_be_disabled()
    await take_a_break(page)
    number = page.get_by_test_id("dial-number")
    await number.fill("call me")
    await page.keyboard.press("Enter")
    await expect(number).to_have_attribute("aria-invalid", "true")
    await number.fill("")
    for key in ("+", "1", "5", "5"):
        await number.press(key)
    for key in ("keypad-5", "keypad-0", "keypad-1", "keypad-9", "keypad-9"):
        await page.get_by_test_id(key).click()
    await expect(number).to_have_value("+15550199")
    await page.get_by_test_id("dial-call").click()
    await expect(page.get_by_test_id("dial-problem")).to_contain_text("No telephone line")
    await expect(number).to_have_value("+15550199")


async def test_operator_empties_a_node_and_lets_it_take_calls_again(
    company: Company, browser: Browser, operators_email: str
) -> None:
    page = await signed_in(await person(browser, tone=440), company.url, operators_email)
    await page.get_by_test_id("tab-nodes").click()
    row = page.locator('tr[data-testid^="node-"]')
    await expect(row).to_have_count(1)
    await expect(row).to_contain_text("Takes calls")
    await row.get_by_role("button").click()
    await page.get_by_test_id("confirm").click()
    try:
        await expect(row.get_by_role("button")).to_contain_text("Take calls again")
    finally:
        await row.get_by_role("button").click()
    await expect(row).to_contain_text("Takes calls")

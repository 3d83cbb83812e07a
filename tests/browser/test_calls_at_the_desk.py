"""What agents and customers see when something about a call isn't as usual, in real browsers."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from merkez_local.system import System
from playwright.async_api import Browser, Route, expect
from testkit.browser import chromium
from testkit.company import Company
from testkit.journey import until
from testkit.screens import Desk, hears, talk, widget
from testkit.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

_MICROPHONE = """
(() => {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  window.microphone = "refused";
  navigator.mediaDevices.getUserMedia = async () => {
    if (window.microphone === "refused") throw new DOMException("no", "NotAllowedError");
    await new Promise((resolve) => setTimeout(resolve, 2000));
    return real({ audio: true });
  };
})();
"""
"""Refused at first; then allowed by somebody who takes two seconds to find the button."""


@pytest_asyncio.fixture(loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def company(system: System) -> AsyncIterator[Company]:
    """Calls go straight into a queue that offers for five seconds."""
    made = await (await Company.sign_up(system.url)).set_up(template="simple_queue", queue={"offerTimeout": "5s"})
    yield made
    await made.close()


async def test_agent_becomes_available_as_soon_as_the_microphone_is_allowed(company: Company, browser: Browser) -> None:
    page = await Desk(company, browser).join(script=_MICROPHONE)
    await page.get_by_test_id("go-available").click()
    await page.get_by_test_id("mic-refused").wait_for()
    await expect(page.get_by_role("alert")).to_have_count(1)
    await page.evaluate("() => { window.microphone = 'allowed'; }")
    await page.get_by_test_id("mic-retry").click()
    await page.get_by_test_id("sound-waiting").wait_for()
    await until(page, "window.__merkez.state.agentState === 'AGENT_STATE_AVAILABLE'")
    await expect(page.get_by_test_id("sound-waiting")).to_have_count(0)
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_every_tab_and_browser_of_an_agent_shows_the_same_call(company: Company, browser: Browser) -> None:
    desk = Desk(company, browser)
    first = await desk.available()
    second = await first.context.new_page()
    await second.route("**/v1/calls/call_*", _as_it_was_before_the_answer)
    await second.goto(f"{company.url}/desktop")
    await until(second, "window.__merkez?.state.socket === 'open'")
    customer = await widget(company, browser)
    await talk(customer, first)
    await until(second, "window.__merkez.state.phase === 'talking'")

    await second.get_by_test_id("call-mute").click()
    await until(customer, "window.__merkezWidget.level() < 0.002")
    for page in (first, second):
        await expect(page.get_by_test_id("call-mute")).to_have_attribute("aria-pressed", "true")
    await first.keyboard.press("F8")
    await hears(customer, 440)
    await expect(second.get_by_test_id("call-mute")).to_have_attribute("aria-pressed", "false")
    await first.keyboard.press("F8")
    await expect(first.get_by_test_id("live-polite")).to_contain_text("muted")
    await first.keyboard.press("F8")
    await first.get_by_test_id("call-keypad").click()
    await first.get_by_test_id("keypad").wait_for()
    await first.keyboard.type("42#")
    await expect(first.get_by_test_id("keypad-pressed")).to_have_text("42#")
    await first.keyboard.press("Escape")

    other = await desk.sign_in(tone=520)
    await other.get_by_test_id("station-elsewhere").wait_for()
    await other.get_by_test_id("station-take").click()
    await hears(customer, 520)
    await hears(other, 620)
    await first.get_by_test_id("station-elsewhere").wait_for()
    await expect(other.get_by_test_id("station-elsewhere")).to_have_count(0)
    await customer.get_by_test_id("widget-hangup").click()
    await until(other, "window.__merkez.state.phase === 'wrapUp'")


async def _as_it_was_before_the_answer(route: Route) -> None:
    """The answer of a slow server: asked for before the agent was joined, arriving after everybody heard of it."""
    answer = await route.fetch()
    call = await answer.json()
    await asyncio.sleep(1)
    await route.fulfill(response=answer, json=call | {"state": "CALL_STATE_QUEUED", "version": "2"})


async def test_hold_pressed_in_a_dead_network_says_so_and_never_happens_later(
    system: System, company: Company, browser: Browser
) -> None:
    agent = await Desk(company, browser).available()
    await talk(await widget(company, browser), agent)
    call_id = await agent.evaluate("() => window.__merkez.state.callId")
    gateway = system.children["gateway"].pid
    os.kill(gateway, signal.SIGSTOP)
    try:
        await agent.get_by_test_id("call-hold").click()
        await expect(agent.get_by_test_id("command-unconfirmed")).to_be_visible(timeout=30_000)
        await asyncio.sleep(0.5)  # what comes after the two seconds is too late
    finally:
        os.kill(gateway, signal.SIGCONT)
    await agent.get_by_test_id("command-problem").wait_for()
    assert (await company.owner.get(f"/v1/calls/{call_id}"))["state"] == "CALL_STATE_TALKING"
    await agent.get_by_test_id("call-hold").click()
    await until(agent, "window.__merkez.state.phase === 'held'")
    await expect(agent.get_by_test_id("command-problem")).to_have_count(0)


async def test_customer_sees_number_place_and_time_and_the_agent_whom_they_missed(
    company: Company, browser: Browser
) -> None:
    customer = await widget(company, browser)
    await customer.get_by_test_id("widget-number").fill("call me")
    await customer.get_by_test_id("widget-call").click()
    await customer.get_by_test_id("widget-number-refused").wait_for()
    await customer.get_by_test_id("widget-number").fill("+90 532 123 45 67")
    await customer.get_by_test_id("widget-call").click()
    await expect(customer.get_by_test_id("widget-understood")).to_contain_text("+905321234567")
    await expect(customer.get_by_test_id("widget-state")).to_contain_text("number 1")

    agent = await Desk(company, browser).available()
    await agent.get_by_test_id("offer-answer").wait_for()
    await expect(agent.locator("main")).to_contain_text("You missed an offer", timeout=30_000)
    await expect(agent.locator("main")).to_contain_text("+905321234567 rang")
    await agent.get_by_test_id("go-available").click()
    await agent.get_by_test_id("offer-answer").click()
    await hears(customer, 440)
    begun = await eventually(lambda: customer.evaluate("() => window.__merkezWidget.state.answeredAt"))
    await customer.reload()
    await hears(customer, 440)
    again = await eventually(lambda: customer.evaluate("() => window.__merkezWidget.state.answeredAt"))
    assert abs(again - begun) < 500, "the clock goes on where it was"
    async with customer.expect_popup() as opened:
        await customer.evaluate("() => window.open(location.href) && undefined")
    copy = await opened.value
    await copy.wait_for_function("() => window.__merkezWidget")
    await copy.wait_for_timeout(2500)
    assert await copy.evaluate("() => window.__merkezWidget.state.phase") == "idle", "the call is the first tab's"
    await copy.close()
    await hears(customer, 440)
    await customer.get_by_test_id("widget-hangup").click()

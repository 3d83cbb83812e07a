"""Calls whose sound has to go over a relay, and what happens when the way it goes dies: real browsers, real coturn."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from merkez_local.system import System
from playwright.async_api import Browser, Page, expect
from testkit.browser import chromium
from testkit.company import Company
from testkit.journey import until
from testkit.screens import Desk, connections_made, hears, hears_anew, talk, widget
from testkit.voice_peers import Turnserver
from testkit.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

_STRICT_FIREWALL = """
(() => {
  const Real = RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class extends Real {
    constructor(configuration) {
      super({ ...configuration, iceTransportPolicy: "relay" });
      connections.push(this);
      window.lastMade = performance.now();
    }
  };
})();
"""
"""Nothing but a relay gets through."""

_LISTEN = """
() => {
  const heard = window.__merkezWidget ?? window.__merkez;
  let silentSince;
  window.longestSilence = 0;
  window.listening = setInterval(() => {
    const now = performance.now();
    if (heard.level() > 0.02) silentSince = undefined;
    else {
      silentSince ??= now;
      window.longestSilence = Math.max(window.longestSilence, now - silentSince);
    }
  }, 10);
}
"""
"""`window.longestSilence`: milliseconds for which nothing was heard, at worst, since then."""

_STOP_LISTENING = "() => { clearInterval(window.listening); return window.longestSilence; }"
_LOUD = "(window.__merkezWidget ?? window.__merkez).level()"

_RELAY_IN_USE = """
async () => {
  const stats = await connections.at(-1).getStats();
  for (const transport of stats.values())
    if (transport.type === "transport" && transport.selectedCandidatePairId)
      return stats.get(stats.get(transport.selectedCandidatePairId).localCandidateId).url;
}
"""


@pytest_asyncio.fixture(loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def company(system: System) -> AsyncIterator[Company]:
    made = await (await Company.sign_up(system.url)).set_up(template="simple_queue")
    yield made
    await made.close()


async def relay_in_use(page: Page, relays: list[Turnserver]) -> Turnserver:
    """The one that carries this page's sound."""

    async def found() -> Turnserver | None:
        url = await page.evaluate(_RELAY_IN_USE)
        return next((relay for relay in relays if relay.url == url), None)

    return await eventually(found)


async def test_agent_and_customer_behind_strict_firewalls_talk(company: Company, browser: Browser) -> None:
    agent = await Desk(company, browser).available(script=_STRICT_FIREWALL)
    customer = await widget(company, browser, script=_STRICT_FIREWALL)
    await talk(customer, agent)

    await until(agent, "window.__merkez.state.station.media.relayed === true")
    await agent.get_by_test_id("call-mute").click()
    await until(customer, "window.__merkezWidget.level() < 0.002")
    await customer.get_by_test_id("widget-hangup").click()
    await until(agent, "window.__merkez.state.phase === 'wrapUp'")


async def test_agent_chooses_the_relay_in_the_sound_check_and_sees_which_way_sound_goes(
    company: Company, browser: Browser
) -> None:
    agent = await Desk(company, browser).available()
    await until(agent, "window.__merkez.state.station.media?.relayed === false")
    await agent.get_by_test_id("user-menu").click()
    await agent.get_by_test_id("sound-check-open").click()
    await expect(agent.get_by_test_id("sound-way")).to_contain_text("straight")
    await agent.get_by_test_id("sound-relay").check(force=True)
    await until(agent, "window.__merkez.state.station.media.relayed === true")
    await expect(agent.get_by_test_id("sound-way")).to_contain_text("relay")


async def test_sound_is_back_within_a_second_when_the_way_it_goes_dies(
    company: Company, browser: Browser, relays: list[Turnserver]
) -> None:
    agent = await Desk(company, browser).available(script=_STRICT_FIREWALL)
    customer = await widget(company, browser, script=_STRICT_FIREWALL)
    await talk(customer, agent)

    silences: list[float] = []
    for _ in range(2):
        for page in (agent, customer):
            # One that has just come back isn't made anew at once.
            await until(page, "performance.now() - lastMade > 2000")
            await page.evaluate(_LISTEN)
        dead = await relay_in_use(agent, relays)
        both = await relay_in_use(customer, relays) is dead
        dead.send(signal.SIGSTOP)
        try:
            for page, hertz in ((agent, 620), (customer, 440)):
                if page is agent or both:
                    await until(page, "longestSilence > 250")
                await until(page, f"{_LOUD} > 0.02")
                await hears(page, hertz)
                assert await relay_in_use(page, relays) is not dead
        finally:
            dead.send(signal.SIGCONT)
        silences.append(max([await page.evaluate(_STOP_LISTENING) for page in (agent, customer)]))
    # A busy machine is slow now and then, but nothing waits for a timer longer than that.
    assert min(silences) <= 1000, silences


async def test_another_network_gets_another_connection_before_anything_is_missed(
    company: Company, browser: Browser
) -> None:
    agent = await Desk(company, browser).available()
    customer = await widget(company, browser)
    await talk(customer, agent)
    for page, hertz in ((agent, 620), (customer, 440)):
        made = await connections_made(page)
        await page.evaluate(_LISTEN)
        await page.evaluate("() => { dispatchEvent(new Event('online')); }")
        await hears_anew(page, made, hertz)
        assert await page.evaluate(_STOP_LISTENING) < 1000


async def test_each_side_sees_when_the_other_drops_out(company: Company, browser: Browser) -> None:
    agent = await Desk(company, browser).available()
    customer = await widget(company, browser)
    await talk(customer, agent)
    await customer.goto("about:blank")
    await expect(agent.get_by_test_id("customer-stalled")).to_be_visible()
    await customer.go_back()
    await expect(agent.get_by_test_id("customer-stalled")).to_have_count(0)
    await hears(customer, 440)

    await agent.close()
    await expect(customer.get_by_test_id("widget-other-side")).to_be_visible()

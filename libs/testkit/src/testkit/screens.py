"""Desktop and widget in real browsers for a company that exists already: what people see while calls go on."""

from __future__ import annotations

import secrets

from playwright.async_api import Browser, BrowserContext, Page

from testkit.browser import person, signed_in
from testkit.company import PASSWORD, Company
from testkit.journey import TOLERANCE, until
from testkit.waiting import eventually

_PATIENCE = 15_000
"""Milliseconds."""
_COUNT_CONNECTIONS = """
(() => {
  const Real = RTCPeerConnection;
  window.connectionsMade = 0;
  window.RTCPeerConnection = new Proxy(Real, {
    construct(target, parameters) {
      window.connectionsMade += 1;
      window.newestConnection = new target(...parameters);
      return window.newestConnection;
    },
  });
})();
"""
_PACKETS = """async () => {
  let packets = 0;
  for (const each of (await window.newestConnection.getStats()).values())
    if (each.type === "inbound-rtp") packets += each.packetsReceived;
  return packets;
}"""


class Desk:
    """One agent, or somebody of another role: their sign-in, and as many browsers as they like."""

    def __init__(self, company: Company, browser: Browser, *, name: str = "Alex Agent", role: str = "AGENT") -> None:
        self.company = company
        self.email = f"agent-{secrets.token_hex(6)}@example.com"
        self._browser = browser
        self._name, self._role = name, role

    async def join(self, *, tone: int = 440, script: str = "") -> Page:
        """Accepts the invitation in a browser of their own; `script` runs before each page, as to replace the
        microphone.
        """
        context = await self._context(tone)
        if script:
            await context.add_init_script(script)
        page = await _page(context)
        await page.goto(self.company.url + await self.company.invite(self.email, self._role, self._name))
        await page.get_by_test_id("invitation-password").fill(PASSWORD)
        await page.get_by_test_id("invitation-accept").click()
        await page.get_by_test_id("user-menu").wait_for()
        if not page.url.endswith("/desktop"):
            await page.goto(f"{self.company.url}/desktop")
        await page.get_by_test_id("go-available").wait_for()
        return page

    async def sign_in(self, *, tone: int) -> Page:
        """The same agent in one more browser."""
        page = await signed_in(await self._context(tone), self.company.url, self.email)
        page.set_default_timeout(_PATIENCE)
        await page.get_by_test_id("call-dock").wait_for()
        return page

    async def available(self, *, tone: int = 440, script: str = "") -> Page:
        """Joins and becomes AVAILABLE, which who waits already makes OFFERED before anybody could look."""
        page = await self.join(tone=tone, script=script)
        await page.get_by_test_id("go-available").click()
        await until(page, "/_(AVAILABLE|OFFERED)$/.test(window.__merkez.state.agentState)")
        return page

    async def _context(self, tone: int) -> BrowserContext:
        context = await person(self._browser, tone=tone)
        await context.add_init_script(_COUNT_CONNECTIONS)
        return context


async def widget(company: Company, browser: Browser, *, tone: int = 620, script: str = "") -> Page:
    """A customer who looks at the brand's page; `script` runs before it."""
    context = await person(browser, tone=tone)
    await context.add_init_script(_COUNT_CONNECTIONS)
    if script:
        await context.add_init_script(script)
    page = await _page(context)
    await page.goto(f"{company.url}/brand/{company.brand['widgetKey']}")
    await page.get_by_test_id("widget-call").wait_for()
    return page


async def talk(customer: Page, agent: Page, *, key: str = "") -> None:
    """The customer calls, presses the key in the menu where there is one, the agent answers, and both hear each
    other."""
    await customer.get_by_test_id("widget-name").fill("Carla Caller")
    await customer.get_by_test_id("widget-call").click()
    if key:
        await until(customer, "window.__merkezWidget.state.phase === 'menu'")
        await customer.get_by_test_id(f"widget-key-{key}").click()
    await agent.get_by_test_id("offer-answer").click()
    await hears(agent, 620)
    await hears(customer, 440)


async def hears_nothing(page: Page) -> None:
    """Waits until a desktop or a widget hears silence."""
    await until(page, "(window.__merkezWidget ?? window.__merkez).level() < 0.002")


async def hears_music(page: Page, *tones: int) -> None:
    """Waits until something is heard that is none of the people's tones."""
    heard = "(window.__merkezWidget ?? window.__merkez)"
    others = " && ".join(f"Math.abs({heard}.dominantFrequency() - {tone}) > {TOLERANCE}" for tone in tones)
    await until(page, f"{heard}.level() > 0.002 && {others}")


async def connections_made(page: Page) -> int:
    """How many connections for media a page has made: whether one that works was left alone."""
    return await page.evaluate("() => window.connectionsMade")


async def hears_anew(page: Page, made: int, hertz: int, deadline: float = 15.0) -> None:
    """Waits until `hertz` came by another connection than the `made` ones the page had: a fifth of a second of it, so
    that nothing is left to be heard of what came before."""

    async def came() -> bool:
        return await connections_made(page) > made and await page.evaluate(_PACKETS) >= 10

    await eventually(came, deadline=deadline)
    await hears(page, hertz, deadline)


async def hears(page: Page, hertz: int, deadline: float = 15.0) -> None:
    """Waits until `hertz` is the loudest that a desktop or a widget hears."""
    heard = "(window.__merkezWidget ?? window.__merkez)?.dominantFrequency()"
    await until(page, f"Math.abs({heard} - {hertz}) < {TOLERANCE}", deadline)


async def _page(context: BrowserContext) -> Page:
    page = await context.new_page()
    page.set_default_timeout(_PATIENCE)
    return page

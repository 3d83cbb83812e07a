"""Pages as axe and a ruler look at them: contrast, order and names, and whether all of it fits."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Locator, Page
from testkit.browser import open_session, person
from testkit.company import Company
from testkit.journey import until

AXE = (Path(__file__).resolve().parents[2] / "services/web/node_modules/axe-core/axe.min.js").read_text()
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
LOOKS = (("en", "light"), ("fa", "dark"))
"""Contrast hangs on the scheme and order on the direction, neither on the other."""
SCREENS = ((1366, 768), (390, 844))
PICTURES = os.environ.get("MERKEZ_PICTURES", "")
"""A folder where people who change a page find it as every look saw it."""
SIDEWAYS = """() => [document.documentElement, ...document.querySelectorAll("section[tabindex]")]
    .filter((each) => each.scrollWidth > each.clientWidth + 1)
    .map((each) => each.getAttribute("aria-label") ?? "the page")"""
SETTLED = """() => Promise.allSettled(document.getAnimations()
    .filter((each) => each.effect.getComputedTiming().endTime !== Infinity)
    .map((each) => each.finished))"""
"""Colours on their way to another are nobody's choice."""
ASKING = """(() => {
    const ask = window.fetch.bind(window);
    window.asked = 0;
    window.fetch = (...what) => { window.asked += 1; return ask(...what).finally(() => { window.asked -= 1; }); };
})();"""
SAVED = "[data-testid=flow-save]:disabled:not([data-loading])"
"""The button that saves a flow when there is nothing to save; it is also disabled while that goes on."""
CALM = """() => new Promise((resolve) => {
    let calm = 0;
    const look = () => {
        calm = window.asked ? 0 : calm + 1;
        if (calm > 5) resolve(); else setTimeout(look, 20);
    };
    look();
})"""
"""For a tenth of a second nothing was asked for: what came is shown."""


async def in_language(browser: Browser, language: str, scheme: str) -> BrowserContext:
    """A browser set to a language and a colour scheme."""
    context = await person(browser, tone=440)
    await context.add_init_script(
        f"localStorage.setItem('merkez.language', {language!r});"
        f"localStorage.setItem('mantine-color-scheme-value', {scheme or 'light'!r});"
    )
    await context.add_init_script(ASKING)
    return context


async def settled(page: Page, address: str, loaded: bool) -> None:
    """Go to a page, which is loaded or led to by the one before, and wait until it has what it shows."""
    before = await page.title()
    if loaded or page.url == "about:blank":
        await page.goto(address)
    else:
        await page.evaluate("address => history.pushState(null, '', address)", address)
        await page.wait_for_function("before => document.title !== before", arg=before)
    await page.wait_for_selector("h1")
    await page.evaluate(CALM)
    assert page.url == address, f"{address} led to {page.url}"
    assert await page.title() != "Merkez", f"{address} has no title of its own"


async def violations(page: Page, where: str) -> list[str]:
    """What axe has against a page as it stands, one line each."""
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(AXE)
    await page.evaluate(SETTLED)
    result: dict[str, Any] = await page.evaluate("rules => axe.run(document, rules)", RULES)
    return [
        f"{where}: {violation['id']}: {node['html'][:120]}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]


async def wide(page: Page, where: str) -> list[str]:
    """What of a page as it stands has to be scrolled sideways, one line each."""
    found: list[str] = []
    for width, height in SCREENS:
        await page.set_viewport_size({"width": width, "height": height})
        end = time.monotonic() + 5
        while (names := await page.evaluate(SIDEWAYS)) and time.monotonic() < end:
            await asyncio.sleep(0.05)  # a page takes a moment to follow its window
        found += [f"{where} at {width}: {name} scrolls sideways" for name in names]
        if PICTURES:
            name = re.sub(r"\W+", "-", f"{where}-{width}")
            await page.screenshot(path=Path(PICTURES) / f"{name}.png")
    return found


class Onlookers:
    """Pages of one person in both directions of writing and both colour schemes, looked at in two sizes.

    axe looks at one page in one size and at the other in the other, in turns: what a size changes, the arrangement,
    hangs on no colour scheme.
    """

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.found: list[str] = []
        self._looks = 0

    async def look(self, what: str) -> None:
        """Has axe look at every page as it stands."""
        await self.each(lambda name, page: self._look(name, what, page))
        self._looks += 1

    async def open(self, what: str, opener: Callable[[Page], Locator], shown: Callable[[Page], Locator]) -> None:
        """Opens what `opener` opens, has axe look at it, and closes it again."""

        async def open_and_look(name: str, page: Page) -> None:
            await opener(page).click()
            await shown(page).wait_for()
            await self._look(name, what, page)
            await page.keyboard.press("Escape")
            await shown(page).wait_for(state="hidden")

        await self.each(open_and_look)
        self._looks += 1

    async def each(self, work: Callable[[str, Page], Awaitable[Any]]) -> None:
        """Does the same on every page at once."""
        await asyncio.gather(*(work(name, page) for name, page in self.pages.items()))

    async def _look(self, name: str, what: str, page: Page) -> None:
        where = f"{name}, {what}"
        width, height = SCREENS[(sorted(self.pages).index(name) + self._looks) % len(SCREENS)]
        await page.set_viewport_size({"width": width, "height": height})
        await until(page, "document.getAnimations().every((each) => each.playState !== 'running')")
        self.found += await violations(page, f"{where} at {width}")
        self.found += await wide(page, where)


@asynccontextmanager
async def onlookers(browser: Browser, company: Company, path: str, email: str = "") -> AsyncIterator[Onlookers]:
    """Somebody's pages at a path, in all looks."""
    group = Onlookers()
    contexts = {f"{language} {scheme}": await in_language(browser, language, scheme) for language, scheme in LOOKS}

    async def enter(name: str, context: BrowserContext) -> None:
        await open_session(context, company.url, email or company.email)
        page = group.pages[name] = await context.new_page()
        await page.emulate_media(reduced_motion="reduce")  # half faded in, every text lacks contrast
        await page.goto(company.url + path)
        await page.wait_for_selector("h1")

    try:
        await asyncio.gather(*(enter(*each) for each in contexts.items()))
        yield group
    finally:
        for context in contexts.values():
            await context.close()

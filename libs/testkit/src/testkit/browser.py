"""Real headless Chromium for tests and the demo: one browser, a context per person, a tone for each microphone.

The microphone is an oscillator of the page's own audio engine, so that two people in one browser sound different.
Echo cancellation and noise suppression never see it, and the tone arrives as it was made.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from testkit.company import PASSWORD

expect.set_options(timeout=30_000)
# As long as anything else is waited for: with every core busy a page takes more than the five seconds of its default.

ARGUMENTS = (
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
    "--disable-quic",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

_OSCILLATOR_MICROPHONE = """
(() => {
  if (!navigator.mediaDevices) return;
  navigator.mediaDevices.getUserMedia = async () => {
    const engine = new AudioContext({ sampleRate: 48000 });
    await engine.resume();
    const tone = engine.createOscillator();
    const volume = engine.createGain();
    const out = engine.createMediaStreamDestination();
    tone.frequency.value = %(hertz)d;
    volume.gain.value = 0.4;
    tone.connect(volume).connect(out);
    tone.start();
    return out.stream;
  };
})();
"""


def chromium_path() -> str:
    """The machine's Chromium, best without its windows: they take more of the processor than most pages. Raises
    `RuntimeError` that says how to get one."""
    wished = os.environ.get("MERKEZ_CHROMIUM", "")
    for name in (wished, "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"):
        if name and (found := shutil.which(name)):
            return found
    package = "chromium-headless-shell"
    raise RuntimeError(f"Chromium is missing: install it (Debian: apt-get install {package}) or set MERKEZ_CHROMIUM")


class _Kept:
    """The Chromium that is shared for now, once somebody has asked for it."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.loop = asyncio.get_running_loop()
        self._stack = stack
        self._browser: Browser | None = None

    async def running(self) -> Browser:
        if self._browser is None or not self._browser.is_connected():
            self._browser = await self._stack.enter_async_context(_launched(None))
        return self._browser


_kept: _Kept | None = None


@asynccontextmanager
async def one_chromium() -> AsyncIterator[None]:
    """Within, `chromium()` gives the same one to all who ask in this event loop: what makes people strangers to each
    other is their contexts, and one that starts takes as long as many a test."""
    global _kept
    async with AsyncExitStack() as stack:
        _kept = _Kept(stack)
        try:
            yield
        finally:
            _kept = None


@asynccontextmanager
async def chromium(profile: Path | None = None) -> AsyncIterator[Browser]:
    """A headless Chromium; at the end it is closed, or what was opened in it where it is shared."""
    if profile is not None or _kept is None or _kept.loop is not asyncio.get_running_loop():
        async with _launched(profile) as browser:
            yield browser
        return
    browser = await _kept.running()
    others = set(browser.contexts)
    try:
        yield browser
    finally:
        for context in browser.contexts:
            if context not in others:
                await context.close()


@asynccontextmanager
async def _launched(profile: Path | None) -> AsyncIterator[Browser]:
    environment = dict(os.environ)
    if profile is not None:
        environment["HOME"] = str(profile)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium_path(), args=list(ARGUMENTS), env={k: str(v) for k, v in environment.items()}
        )
        try:
            yield browser
        finally:
            await browser.close()


async def person(
    browser: Browser, *, tone: int, width: int = 1366, height: int = 768, locale: str = "en-GB"
) -> BrowserContext:
    """A context of their own for one person, whose microphone is a tone of `tone` hertz."""
    context = await browser.new_context(
        viewport={"width": width, "height": height}, locale=locale, permissions=["microphone", "clipboard-write"]
    )
    await context.add_init_script(_OSCILLATOR_MICROPHONE % {"hertz": tone})
    return context


async def open_session(context: BrowserContext, url: str, email: str) -> None:
    """Somebody has signed in in this browser before; none of its pages is open. Spares the page that does it where
    signing in is not what a test is about."""
    answer = await context.request.post(
        f"{url}/v1/sessions:signIn", data={"email": email, "password": PASSWORD}, headers={"x-merkez-browser": "1"}
    )
    assert answer.ok, await answer.text()


async def signed_in(context: BrowserContext, url: str, email: str, path: str = "/") -> Page:
    """A page at a path, of somebody who has signed in."""
    await open_session(context, url, email)
    page = await context.new_page()
    await page.goto(url + path)
    await page.locator('[data-testid="user-menu"], [data-testid="sign-out"]').first.wait_for()
    return page


async def sign_in(context: BrowserContext, url: str, email: str) -> Page:
    """A page whose sign-in form has just been sent, whatever comes of it."""
    page = await context.new_page()
    await page.goto(f"{url}/sign-in")
    await page.get_by_test_id("signin-email").fill(email)
    await page.get_by_test_id("signin-password").fill(PASSWORD)
    await page.get_by_test_id("signin-submit").click()
    return page

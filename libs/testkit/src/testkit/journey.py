"""One company's first call, in real browsers: sign-up, guided set-up, the widget, the desktop, the wallboard.

The owner's and the agent's pages and the customer's page are contexts of one Chromium; each microphone is a tone. The
steps are what people do, in the order they do them; each proves what it did before the next one begins.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, expect

from testkit.browser import person
from testkit.company import PASSWORD, Api, Json
from testkit.waiting import PATIENCE, eventually

AGENT_HERTZ, CUSTOMER_HERTZ = 440, 620
TOLERANCE = 12
ONE = re.compile("[1۱]")
"""The digit, also in Persian."""
_MUSIC = (
    "window.__merkezWidget.level() > 0.002 && "
    f"Math.abs(window.__merkezWidget.dominantFrequency() - {AGENT_HERTZ}) > {TOLERANCE}"
)
"""The customer hears something that isn't the agent."""


@dataclass
class Journey:
    """The way through one call. `say` prints the timeline; `figures` collects what was measured."""

    url: str
    browser: Browser
    say: Callable[[str], None] = lambda text: None
    pictures: Path | None = None
    language: str = "en"
    figures: dict[str, Any] = field(default_factory=dict)
    email: str = field(default_factory=lambda: f"owner-{secrets.token_hex(5)}@example.com")
    contexts: list[BrowserContext] = field(default_factory=list)

    async def run(self) -> None:
        """All of it, sign-up to invoice."""
        began = time.monotonic()
        await self.sign_up()
        link = await self.set_up()
        await self.agent_joins(link)
        await self.customer_calls()
        await self.agent_answers()
        self.figures["signup_to_answer_s"] = round(time.monotonic() - began, 2)
        await self.talk()
        await self.reload()
        await self.end()

    async def close(self) -> None:
        """Closes every context."""
        for context in self.contexts:
            await context.close()

    async def _person(self, tone: int) -> Page:
        context = await person(
            self.browser, tone=tone, locale={"fa": "fa-IR", "tr": "tr-TR"}.get(self.language, "en-GB")
        )
        await context.add_init_script(
            f"localStorage.getItem('merkez.language') ?? localStorage.setItem('merkez.language', '{self.language}')"
        )
        self.contexts.append(context)
        page = await context.new_page()
        page.set_default_timeout(15_000)
        return page

    async def sign_up(self) -> None:
        """A stranger chooses a plan and becomes an owner."""
        page = self.owner = await self._person(AGENT_HERTZ)
        await page.goto(f"{self.url}/sign-up")
        await page.get_by_test_id("signup-plan-growth").click()
        for name, value in (
            ("companyName", "Harbour BPO"),
            ("ownerName", "Olivia Owner"),
            ("email", self.email),
            ("password", PASSWORD),
        ):
            await page.get_by_test_id(f"signup-{name}").fill(value)
        await page.get_by_test_id("signup-submit-guided").click()
        await page.get_by_test_id("setup-brand-name").wait_for()
        self.say("signed up on the growth plan")

    async def set_up(self) -> str:
        """The guided set-up, step by step; returns the agent's invitation link."""
        page = self.owner
        await page.get_by_test_id("setup-brand-name").fill("Acme Travel")
        for step, following in (("brand", "number"), ("number", "queue"), ("queue", "flow"), ("flow", "invite")):
            await page.get_by_test_id(f"setup-step-{step}").get_by_test_id("setup-next").click()
            await page.get_by_test_id(f"setup-step-{following}").wait_for()
            self.say(f"set-up: {step} is done")
        await page.get_by_test_id("setup-invite-name").fill("Alex Agent")
        await page.get_by_test_id("setup-invite-email").fill(f"agent-{secrets.token_hex(5)}@example.com")
        await page.get_by_test_id("setup-next").click()
        link = (await page.get_by_test_id("invitation-link").inner_text()).strip()
        await page.get_by_test_id("setup-finish").click()
        await page.get_by_test_id("setup-done").wait_for()
        self.test_page = await page.get_by_test_id("done-test-page").get_attribute("href") or ""
        async with Api(self.url) as stranger:
            session = await stranger.post("/v1/sessions:signIn", {"email": self.email, "password": PASSWORD})
        self.api = Api(self.url, session["accessToken"])
        self.say("set-up: an agent is invited")
        return link

    async def agent_joins(self, link: str) -> None:
        """The invited agent chooses a password, opens the desktop and becomes AVAILABLE."""
        page = self.agent = await self._person(AGENT_HERTZ)
        await page.goto(link)
        await page.get_by_test_id("invitation-password").fill(PASSWORD)
        await page.get_by_test_id("invitation-accept").click()
        await page.get_by_test_id("go-available").click()
        await until(page, "window.__merkez?.state.agentState === 'AGENT_STATE_AVAILABLE'")
        await until(page, "window.__merkez.state.station.status === 'attached'")
        await self.owner.goto(f"{self.url}/wallboard")
        await expect(self.owner.get_by_test_id("agents-AVAILABLE")).to_contain_text(ONE, timeout=30_000)
        self.say("the agent is AVAILABLE with a warm leg; the wallboard shows it")

    async def customer_calls(self) -> None:
        """The customer calls from the brand's page, hears the greeting, presses 1 and hears music."""
        page = self.customer = await self._person(CUSTOMER_HERTZ)
        await page.goto(f"{self.url}{self.test_page}" if self.test_page.startswith("/") else self.test_page)
        await page.get_by_test_id("widget-name").fill("Carla Caller")
        await page.get_by_test_id("widget-number").fill("+15550142")
        await page.get_by_test_id("widget-call").click()
        await self._phase("menu")
        await until(page, "window.__merkezWidget.level() > 0.01")
        self.say("the customer hears the greeting and the menu")
        await page.get_by_test_id("widget-key-1").click()
        await self._phase("queued")
        self.say("the customer pressed 1 and waits")

    async def agent_answers(self) -> None:
        """The offer comes with the screen pop and rings; answered, both hear each other."""
        page = self.agent
        await page.get_by_test_id("offer-answer").wait_for()
        await expect(page.get_by_test_id("dock-caller")).to_contain_text("Carla Caller")
        await until(page, "window.__merkez.state.ringing")
        await until(page, "window.__merkezWidget === undefined")
        await until(self.customer, "window.__merkezWidget.level() > 0.002")
        self.say("the agent sees who calls and hears the ring; the customer hears music and their position")
        answered = time.time()
        await page.get_by_test_id("offer-answer").click()
        await self._phase("answered")
        await self.heard(self.agent, CUSTOMER_HERTZ)
        await self.heard(self.customer, AGENT_HERTZ)
        await expect(self.owner.get_by_test_id("total-answered")).to_contain_text(ONE)
        self.figures["wallboard_s"] = round(time.time() - answered, 2)
        state = await page.evaluate("() => window.__merkez.state")
        times = state["latencies"]
        self.call_id, self.contact_id = state["callId"], state["contactId"]
        contact = await self.api.get(f"/v1/contacts/{self.contact_id}")
        self.customer_id = contact["customerId"]
        self.figures["offer_latency_ms"] = round(times["offerReceivedTime"] - _milliseconds(contact["queueTime"]), 1)
        self.figures["answer_to_audio_ms"] = round(times.get("answerToAudioMs") or 0, 1)
        self.say(f"answered: the agent hears {CUSTOMER_HERTZ} Hz, the customer {AGENT_HERTZ} Hz")
        await self._picture("desktop", page)

    async def talk(self) -> None:
        """Mute, hold with music, resume, keypad."""
        page = self.agent
        await page.get_by_test_id("call-mute").click()
        await until(self.customer, "window.__merkezWidget.level() < 0.002")
        await page.get_by_test_id("call-mute").click()
        await self.heard(self.customer, AGENT_HERTZ)
        await page.get_by_test_id("call-hold").click()
        await self._phase("held")
        await until(self.customer, _MUSIC)
        await page.get_by_test_id("call-resume").click()
        await self.heard(self.customer, AGENT_HERTZ)
        await self.heard(self.agent, CUSTOMER_HERTZ)
        await page.get_by_test_id("call-keypad").click()
        await page.get_by_test_id("keypad-5").click()
        await page.keyboard.press("Escape")
        self.say("muted, unmuted, held with music, resumed, pressed a key")

    async def reload(self) -> None:
        """The agent's tab reloads in mid-call and goes on; a second tab neither rings nor steals."""
        page = self.agent
        await page.reload()
        await self.heard(page, CUSTOMER_HERTZ)
        await self.heard(self.customer, AGENT_HERTZ)
        gap = await eventually(lambda: page.evaluate("() => window.__merkez.state.latencies.reloadGapMs"))
        self.figures["reload_gap_ms"] = round(gap)
        second = await page.context.new_page()
        await second.goto(f"{self.url}/desktop")
        await until(second, "window.__merkez?.state.socket !== undefined")
        assert not await second.evaluate("() => window.__merkez.state.ringing")
        await self.heard(page, CUSTOMER_HERTZ)
        await second.close()
        self.say(f"reloaded: audio was back after {self.figures['reload_gap_ms']} ms; a second tab took nothing")

    async def end(self) -> None:
        """The agent hangs up, writes a note and finishes; CDR, recording, usage and preview are whole."""
        page = self.agent
        await page.get_by_test_id("call-hangup").click()
        await self._phase("ended")
        await page.get_by_test_id("wrapup-note").fill("Wants to change the flight.")
        await page.get_by_test_id("wrapup-save").click()
        await until(page, "window.__merkez.state.agentState === 'AGENT_STATE_AVAILABLE'")
        self.say("hung up, noted, wrapped up")
        cdr = (await eventually(lambda: self._first("/v1/cdrs", "cdrs", callId=self.call_id)))[0]
        usage = (await eventually(lambda: self._first("/v1/usageRecords", "usageRecords", sourceId=self.call_id)))[0]
        preview = await self.api.get("/v1/invoices:preview")
        self.figures["cdr_seconds"] = round(float(cdr["duration"].removesuffix("s")), 1)
        self.figures["billed_seconds"] = int(usage["billedSeconds"])
        self.figures["invoice_preview"] = f"{preview['total']['amount']} {preview['total']['currency']}"
        history = await eventually(lambda: self._history())
        assert history["note"] == "Wants to change the flight."
        await self._picture("wallboard", self.owner)

    async def recording(self) -> bytes:
        """Plays the recording in the owner's browser and returns its file."""
        found = await eventually(lambda: self._stored())
        recording_id = found["recordingId"]
        await self.owner.goto(f"{self.url}/recordings")
        await self.owner.get_by_test_id(f"recording-play-{recording_id}").click()
        await until(
            self.owner, f"document.querySelector('[data-testid=recording-audio-{recording_id}]')?.currentTime > 0.3"
        )
        self.say("the recording plays in the browser")
        return (await self.api.http.get(f"/v1/recordings/{recording_id}/audio")).content

    async def heard(self, page: Page, hertz: int) -> None:
        """Waits until `hertz` is what the page hears."""
        name = "__merkezWidget" if page is self.customer else "__merkez"
        await until(page, f"window.{name} && Math.abs(window.{name}.dominantFrequency() - {hertz}) < {TOLERANCE}")

    async def _phase(self, phase: str) -> None:
        await until(self.customer, f"window.__merkezWidget?.state.phase === '{phase}'")

    async def _first(self, path: str, name: str, **query: str) -> list[Json] | None:
        return (await self.api.get(path, **query)).get(name) or None

    async def _stored(self) -> Json | None:
        found = await self._first("/v1/recordings", "recordings", callId=self.call_id)
        return found[0] if found and found[0]["state"] == "RECORDING_STATE_STORED" else None

    async def _history(self) -> Json | None:
        entries = (await self.api.get(f"/v1/customers/{self.customer_id}/history"))["entries"]
        return next((entry for entry in entries if entry["note"]), None)

    async def _picture(self, name: str, page: Page) -> None:
        if self.pictures is not None:
            await page.screenshot(path=self.pictures / f"{name}.png")


async def until(page: Page, expression: str, deadline: float = PATIENCE) -> None:
    """Waits until a JavaScript expression holds in the page. Asked from outside: the page's CSP forbids eval within."""
    await eventually(lambda: page.evaluate(f"() => Boolean({expression})"), deadline=deadline, every=0.05)


def _milliseconds(stamp: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp() * 1000

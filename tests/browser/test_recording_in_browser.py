"""A conference's recording on its call's page: who spoke when, all of them or one alone."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from merkez_local.system import System
from playwright.async_api import Browser, BrowserContext, Page, Route, expect
from testkit.browser import chromium, person, signed_in
from testkit.company import Company, Json
from testkit.people import AgentAtDesk, CallerOnWidget
from testkit.sound import loudest_by_channel
from testkit.waiting import eventually

from .looking import SIDEWAYS, violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
LOOKS = (("en", "light", 1366), ("tr", "light", 390), ("az", "dark", 390), ("fa", "dark", 390))
_PATIENCE = 20_000
PICTURES = os.environ.get("MERKEZ_PICTURES", "")
"""A folder that the pages' pictures go to, for whoever wants to look at them."""


@dataclass
class Conference:
    """A stored recording of a customer (620 Hz), Ann (440 Hz) and, from the middle on, Ben (880 Hz)."""

    company: Company
    recording: Json

    @property
    def address(self) -> str:
        return f"{self.company.url}/calls/{self.recording['callId']}"

    async def audio(self, track: str = "") -> bytes:
        path = f"/v1/recordings/{self.recording['recordingId']}/audio"
        answer = await self.company.owner.http.get(path, params={"track": track} if track else {})
        assert answer.status_code == 200
        return answer.content


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def conference(system: System) -> AsyncIterator[Conference]:
    company = await (await Company.sign_up(system.url)).set_up(template="simple_queue")
    ann = await AgentAtDesk(await company.hire(name="Ann Arden")).sit_down()
    caller = await CallerOnWidget(company).dial()
    offer = await ann.offered()
    await ann.answer(offer)
    await caller.peer.hears(440)
    call_id = offer["data"]["offer"]["contact"]["callId"]
    ben = await AgentAtDesk(await company.hire(name="Ben Birch"), tone=880).sit_down()
    me = await ben.desktop()
    await ann.api.post(f"/v1/calls/{call_id}:consult", {"agentId": me["agent"]["agentId"]})
    await ben.answer(await ben.offered())
    await ann.peer.hears(880)
    await ann.api.post(f"/v1/calls/{call_id}:join", {})
    await caller.peer.hears_all(440, 880)
    before = len(caller.peer.arrivals)
    await eventually(lambda: len(caller.peer.arrivals) > before + 150)
    await caller.hang_up()
    found: list[Json] = []

    async def stored() -> bool:
        found[:] = (await company.owner.get("/v1/recordings", callId=call_id)).get("recordings", [])
        return bool(found) and found[0]["state"] == "RECORDING_STATE_STORED"

    await eventually(stored)
    yield Conference(company, found[0])
    for one in (ann, ben, caller):
        await one.leave()
    await company.close()


async def looking(browser: Browser, conference: Conference, language: str, scheme: str, width: int) -> BrowserContext:
    """The owner's browser, signed in."""
    context = await person(browser, tone=440)
    await context.add_init_script(
        f"localStorage.setItem('merkez.language', {language!r});"
        f"localStorage.setItem('mantine-color-scheme-value', {scheme!r});"
    )
    page = await signed_in(context, conference.company.url, conference.company.email)
    await page.set_viewport_size({"width": width, "height": 844})
    return context


async def picture(page: Page, name: str) -> None:
    if PICTURES:
        await page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


async def test_everybody_has_a_track_and_each_can_be_heard_alone(conference: Conference) -> None:
    tracks = conference.recording["tracks"]
    assert [track["party"] for track in tracks] == ["customer", "agent", "agent"]
    left, right = loudest_by_channel(await conference.audio())
    assert abs(left - 620) < 12 and min(abs(right - 440), abs(right - 880)) < 12
    for track, hertz in zip(tracks, (620, 440, 880), strict=True):
        [alone] = loudest_by_channel(await conference.audio(track["track"]), layout="mono")
        assert abs(alone - hertz) < 12


@pytest.mark.parametrize(("language", "scheme", "width"), LOOKS)
async def test_lanes_name_everybody_and_play_one_alone(
    conference: Conference, browser: Browser, language: str, scheme: str, width: int
) -> None:
    context = await looking(browser, conference, language, scheme, width)
    page = context.pages[0]
    await page.goto(conference.address)
    lanes = page.get_by_test_id("lane")
    await expect(lanes).to_have_count(3, timeout=_PATIENCE)
    await expect(lanes.nth(1)).to_contain_text("Ann Arden")
    await expect(lanes.nth(2)).to_contain_text("Ben Birch")
    assert await violations(page, "call page") == []
    assert await page.evaluate(SIDEWAYS) == []
    await page.get_by_test_id(f"recording-play-{conference.recording['recordingId']}").click()
    player = page.get_by_test_id(f"recording-audio-{conference.recording['recordingId']}")
    await player.evaluate("(audio) => audio.readyState >= 1 || new Promise((ok) => audio.onloadeddata = ok)")
    whole = await player.evaluate("(audio) => audio.duration")
    ben = conference.recording["tracks"][2]["track"]
    async with page.expect_response(lambda answer: answer.url.endswith(f"/audio?track={ben}")) as asked:
        await lanes.nth(2).get_by_role("radio").check()
    assert (await asked.value).status == 200
    await expect(lanes.nth(2).get_by_role("radio")).to_be_checked()
    await page.wait_for_function(
        '([id, whole]) => Math.abs(document.querySelector(`[data-testid="${id}"]`).duration - whole) < 0.2',
        arg=[f"recording-audio-{conference.recording['recordingId']}", whole],
    )
    await picture(page, f"recording-{language}-{scheme}-{width}")
    await context.close()


@pytest.mark.parametrize(("language", "scheme", "width"), LOOKS[::3])
async def test_parts_of_a_call_are_shown_in_order_with_what_is_missing_between_them(
    conference: Conference, browser: Browser, language: str, scheme: str, width: int
) -> None:
    first = conference.recording
    seconds = float(first["duration"].removesuffix("s"))
    begun = datetime.fromisoformat(first["startTime"]) + timedelta(seconds=seconds + 4)
    second: dict[str, Any] = {**first, "recordingId": f"{first['recordingId'][:-1]}z", "startTime": begun.isoformat()}

    async def in_parts(route: Route) -> None:
        await route.fulfill(json={"recordings": [second, first]})

    context = await looking(browser, conference, language, scheme, width)
    page = context.pages[0]
    await page.route("**/v1/recordings?callId=*", in_parts)
    await page.goto(conference.address)
    await expect(page.get_by_test_id("lane")).to_have_count(6, timeout=_PATIENCE)
    between = page.get_by_test_id("recording-between")
    await expect(between).to_have_count(1)
    await expect(between).to_contain_text("0:04" if language == "en" else "۰:۰۴")
    identities = await page.locator("[data-testid^=lanes-]").evaluate_all(
        "(all) => all.map((one) => one.dataset.testid)"
    )
    assert identities == [f"lanes-{first['recordingId']}", f"lanes-{second['recordingId']}"]
    assert await violations(page, "call page") == [] and await page.evaluate(SIDEWAYS) == []
    await picture(page, f"parts-{language}-{scheme}-{width}")
    await context.close()

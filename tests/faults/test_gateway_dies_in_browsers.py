"""SIGKILL the gateway under a call between a real widget and a real desktop, for longer than a lost customer is waited
for: the talk goes on over the media it had, both say what is going on, and afterwards everything works again."""

from __future__ import annotations

import asyncio

import pytest
from merkez_local import children
from merkez_local.system import System
from playwright.async_api import expect
from testkit.browser import chromium
from testkit.company import Company
from testkit.journey import until
from testkit.screens import Desk, connections_made, hears, hears_anew, talk, widget
from testkit.waiting import eventually

AWAY_SECONDS = 14.0
"""Longer than telephony's patience with a silent customer, 3 s and 10 s."""


@pytest.mark.browser
@pytest.mark.timeout(300)
async def test_call_outlives_its_gateway_and_then_its_telephony(
    system: System, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "RESTART_PAUSES", (AWAY_SECONDS,))
    async with chromium() as browser:
        agent = await Desk(company, browser).available()
        customer = await widget(company, browser)
        await talk(customer, agent, key="1")
        made = [await connections_made(page) for page in (agent, customer)]

        restarts = system.children["gateway"].restarts
        system.children["gateway"].kill()
        await agent.get_by_test_id("call-away").wait_for()
        await customer.locator("[data-lost=socket]").wait_for()
        await expect(agent.get_by_test_id("call-hold")).to_be_disabled()
        await eventually(lambda: system.children["gateway"].restarts > restarts, deadline=AWAY_SECONDS + 5)
        await system.wait_ready("gateway")
        await expect(agent.get_by_test_id("call-away")).to_have_count(0, timeout=8000)
        await expect(customer.get_by_test_id("widget-lost")).to_have_count(0, timeout=8000)
        await hears(agent, 620)
        await hears(customer, 440)
        assert [await connections_made(page) for page in (agent, customer)] == made, "no media was renewed"

        await agent.get_by_test_id("call-hold").click()
        await until(customer, "window.__merkezWidget.state.phase === 'held'")
        await agent.get_by_test_id("call-resume").click()
        await until(customer, "window.__merkezWidget.state.phase === 'answered'")
        await hears(customer, 440)

        monkeypatch.undo()
        system.children["telephony"].kill()
        await system.wait_ready("telephony")
        # Its next process adopts the call, and both pages attach anew by themselves.
        await asyncio.gather(hears_anew(agent, made[0], 620), hears_anew(customer, made[1], 440))
        assert await customer.evaluate("() => window.__merkezWidget.state.phase") == "answered"

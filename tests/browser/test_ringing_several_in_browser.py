"""An admin lets a queue ring several; an agent whose call a colleague takes sees so, in real browsers."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from merkez_local.system import System
from playwright.async_api import Browser, Page, expect
from testkit.browser import chromium, person, signed_in
from testkit.company import Company
from testkit.people import AgentAtDesk
from testkit.screens import Desk, widget

from tests.browser.looking import onlookers

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest_asyncio.fixture(loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def company(system: System) -> AsyncIterator[Company]:
    made = await Company.sign_up(system.url, plan="growth")
    await made.set_up(template="simple_queue")
    yield made
    await made.close()


async def shot(page: Page, name: str) -> None:
    folder = os.environ.get("SHOTS")
    if folder:
        await page.wait_for_timeout(300)
        await page.screenshot(path=Path(folder) / f"{name}.png")


async def strategy_part(page: Page, company: Company) -> None:
    await page.goto(f"{company.url}/admin/queues")
    await page.get_by_test_id(f"queue-{company.queue['queueId']}-edit").click()
    await page.get_by_test_id("queue-part-choice").click()
    await page.get_by_test_id("ring-several").wait_for()


async def test_admin_lets_a_queue_ring_several_and_an_agent_sees_that_a_colleague_took_it(
    company: Company, browser: Browser
) -> None:
    admin = await signed_in(await person(browser, tone=440), company.url, company.email)
    await strategy_part(admin, company)
    count = admin.get_by_test_id("ring-agents")
    await expect(count).to_have_count(0)
    await admin.get_by_test_id("ring-several").focus()
    await admin.keyboard.press("Space")
    await expect(count).to_have_value("3")
    await count.fill("2")
    await admin.get_by_test_id("queue-save").click()
    await expect(admin.get_by_role("dialog")).to_have_count(0)
    queue = await company.owner.get(f"/v1/queues/{company.queue['queueId']}")
    assert queue["rules"]["ringAgents"] == 2

    agent = await Desk(company, browser).available()
    colleague = await AgentAtDesk(await company.hire(name="Quick Quliyev"), tone=500).sit_down()
    customer = await widget(company, browser)
    await customer.get_by_test_id("widget-name").fill("Carla Caller")
    await customer.get_by_test_id("widget-call").click()
    await agent.get_by_test_id("offer-answer").wait_for()
    await shot(agent, "rings")
    await colleague.answer(await colleague.offered())
    await expect(agent.get_by_test_id("dock-notice")).to_contain_text("A colleague took it.")
    await expect(agent.get_by_test_id("agent-state")).to_have_attribute("data-state", "AVAILABLE")
    await shot(agent, "taken")
    await agent.set_viewport_size({"width": 390, "height": 844})
    await shot(agent, "taken small")
    await colleague.leave()


async def test_form_can_be_read_and_used_by_everybody(company: Company, browser: Browser) -> None:
    async with onlookers(browser, company, "/admin/queues") as group:
        await group.each(lambda _, page: strategy_part(page, company))
        await group.each(lambda _, page: page.get_by_test_id("ring-several").check(force=True))
        await group.look("ringing several")
        await group.each(lambda _, page: page.get_by_test_id("ring-agents").scroll_into_view_if_needed())
        await group.each(lambda name, page: shot(page, f"form {name}"))
    assert group.found == []

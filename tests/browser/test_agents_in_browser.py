"""An admin says how agents wrap up, come back and may be away; agents and supervisors see it, in real browsers."""

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
from testkit.journey import until
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


async def add_reason(page: Page, company: Company, name: str, persian: str) -> None:
    await page.goto(f"{company.url}/admin/people")
    await page.get_by_test_id("tab-reasons").click()
    await page.get_by_test_id("reason-add").click()
    await page.get_by_test_id("reason-name").fill(name)
    await page.get_by_test_id("reason-name-fa").fill(persian)
    await page.get_by_test_id("reason-save").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def shot(page: Page, name: str) -> None:
    folder = os.environ.get("SHOTS")
    if folder:
        await page.wait_for_timeout(300)
        await page.screenshot(path=Path(folder) / f"{name}.png")


async def test_agent_is_away_by_the_companys_reason_and_comes_back_after_the_contact(
    company: Company, browser: Browser
) -> None:
    admin = await signed_in(await person(browser, tone=440), company.url, company.email)
    await add_reason(admin, company, "Prayer", "نماز")
    await shot(admin, "reasons")
    await admin.goto(f"{company.url}/admin/queues")
    await admin.get_by_test_id(f"queue-{company.queue['queueId']}-edit").click()
    await admin.get_by_test_id("queue-wrapup-mode").click()
    await admin.get_by_role("option", name="When the agent asks for it").click()
    await admin.get_by_test_id("queue-wrapup-extension").fill("20")
    await admin.get_by_test_id("queue-missed-return").fill("60")
    await shot(admin, "queue")
    await admin.get_by_test_id("queue-save").click()
    await expect(admin.get_by_role("dialog")).to_have_count(0)
    queue = await company.owner.get(f"/v1/queues/{company.queue['queueId']}")
    assert (queue["wrapUpMode"], queue["wrapUpExtension"], queue["missedOfferReturn"]) == (
        "WRAP_UP_MODE_OPTIONAL", "20s", "60s",
    )  # fmt: skip

    agent = await Desk(company, browser).available()
    customer = await widget(company, browser)
    await customer.get_by_test_id("widget-call").click()
    await agent.get_by_test_id("offer-answer").click()
    await until(agent, "window.__merkez.state.phase === 'talking'")
    await agent.get_by_test_id("wrapup-want").check()
    await agent.get_by_test_id("agent-state").click()
    await agent.get_by_test_id("state-NOT_READY-prayer").click()
    state = agent.get_by_test_id("agent-state")
    await expect(state).to_contain_text("Prayer")
    await expect(state).to_have_attribute("data-pending", "NOT_READY")
    await agent.get_by_test_id("agent-state").click()
    await shot(agent, "menu")
    await agent.get_by_test_id("state-take-back").click()
    await expect(state).not_to_contain_text("Prayer")
    await agent.get_by_test_id("agent-state").click()
    await agent.get_by_test_id("state-NOT_READY-prayer").click()
    await expect(state).to_contain_text("Prayer")
    await customer.get_by_test_id("widget-hangup").click()
    await agent.get_by_test_id("wrapup-extend").click()
    await expect(agent.get_by_test_id("wrapup-extend")).to_have_count(0)
    await shot(agent, "wrapup")
    await agent.get_by_test_id("wrapup-save").click()
    await expect(state).to_have_attribute("data-state", "NOT_READY")
    await expect(state).to_contain_text("Prayer")
    await agent.reload()
    await expect(state).to_contain_text("Prayer")

    await admin.goto(f"{company.url}/wallboard")
    await expect(admin.get_by_text("Not ready · Prayer")).to_be_visible()


async def test_supervisor_sees_how_often_an_agent_missed_an_offer_and_the_agent_when_they_are_back(
    company: Company, browser: Browser
) -> None:
    queue = await company.owner.get(f"/v1/queues/{company.queue['queueId']}")
    body = {"queue": {"queueId": queue["queueId"], "offerTimeout": "5s", "missedOfferReturn": "600s"}}
    await company.owner.patch(f"/v1/queues/{queue['queueId']}", body | {"updateMask": "offerTimeout,missedOfferReturn"})
    agent = await Desk(company, browser, name="Missing Mina").available()
    customer = await widget(company, browser)
    await customer.get_by_test_id("widget-call").click()
    await expect(agent.get_by_test_id("missed-return")).to_be_visible(timeout=30_000)
    await customer.get_by_test_id("widget-hangup").click()
    await shot(agent, "missed")
    admin = await signed_in(await person(browser, tone=440), company.url, company.email, "/wallboard")
    await expect(admin.get_by_text("1 missed", exact=True)).to_be_visible()
    await shot(admin, "wallboard")


async def test_reasons_and_capacities_can_be_read_by_everybody(company: Company, browser: Browser) -> None:
    async with onlookers(browser, company, "/admin/people") as group:
        await group.each(lambda _, page: page.get_by_test_id("tab-reasons").click())
        await group.each(lambda _, page: page.get_by_test_id("reason-add").wait_for())
        await group.look("reasons")
        await group.each(lambda name, page: shot(page, f"reasons {name}"))
        await group.open(
            "a new reason",
            lambda page: page.get_by_test_id("reason-add"),
            lambda page: page.get_by_test_id("reason-name"),
        )
        await group.each(lambda _, page: page.get_by_test_id("tab-capacity").click())
        await group.each(lambda _, page: page.get_by_test_id("capacity-save").wait_for())
        await group.look("capacities")
        await group.each(lambda name, page: shot(page, f"capacities {name}"))
        await group.each(lambda _, page: page.get_by_role("tab").first.click())
        await group.open(
            "a person", lambda page: page.locator("[data-testid$='-edit']").first,
            lambda page: page.get_by_test_id("capacity-CHANNEL_CHAT"),
        )  # fmt: skip
    assert group.found == []

"""The exit after the agent is drawn, listed and tried out; and what agent and customer see once the agent hung up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from merkez_local.system import System
from playwright.async_api import Browser, expect
from testkit.browser import chromium, person, signed_in
from testkit.company import Company
from testkit.journey import until
from testkit.screens import Desk, talk, widget
from testkit.waiting import eventually

from tests.browser.looking import SCREENS, in_language, violations, wide
from tests.browser.test_flow_canvas import Designer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def said(text: str) -> dict[str, Any]:
    return {"text": {"en": text, "fa": text}}


def asked(queue_id: str, **more: str) -> list[dict[str, Any]]:
    """Wait, and a question that is to be asked after the agent."""
    return [
        {"stepId": "wait", "queue": {"queueId": queue_id, "announceInterval": "0s", **more}},
        {
            "stepId": "rate",
            "survey": {
                "utterance": said("How was it? One to five."), "questionId": "helped", "lowest": 1, "highest": 5,
                "timeout": "30s", "next": "bye",
            },
        },
        {"stepId": "bye", "hangUp": {"utterance": said("Goodbye.")}},
    ]  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def company(system: System) -> AsyncIterator[Company]:
    made = await (await Company.sign_up(system.url)).set_up()
    yield made
    await made.close()


async def test_the_exit_is_drawn_by_mouse_chosen_by_keyboard_and_tried_out(company: Company, browser: Browser) -> None:
    page = await signed_in(await person(browser, tone=440), company.url, company.email)
    designer = Designer(company, page)
    flow_id = await designer.draw(asked(company.queue["queueId"]), start="wait")
    await expect(designer.step("rate")).to_contain_text("No call gets here")
    await designer.step("wait").click(trial=True)
    await designer.connect("wait-afterAgent", "rate")
    await expect(designer.step("rate")).not_to_contain_text("No call gets here")
    await designer.save()
    assert (await designer.draft(flow_id))["steps"][0]["queue"]["afterAgent"] == "rate"
    # The same in the list, by keyboard alone.
    await page.get_by_test_id("flow-view").get_by_text("List").click()
    step = page.get_by_test_id("step-wait")
    await step.locator("button[aria-expanded]").first.press("Enter")
    field = step.get_by_role("combobox", name="After the agent").or_(step.get_by_label("After the agent", exact=True))
    await expect(field.first).to_have_value("rate")
    await field.first.press("ArrowDown")
    await page.get_by_role("option", name="bye").first.wait_for()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(field.first).to_have_value("bye")
    await page.keyboard.press("Control+z")
    await page.get_by_test_id("simulator-open").click()
    await page.get_by_test_id("simulator-queue.agent_hung_up").click()
    await expect(page.get_by_test_id("simulator-transcript")).to_contain_text("How was it?")
    await page.get_by_test_id("simulator-digits").fill("4")
    await page.get_by_test_id("simulator-press").click()
    await expect(page.get_by_test_id("simulator-transcript")).to_contain_text("Goodbye")


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("fa", "dark")])
async def test_the_exit_reads_right_in_every_look(
    company: Company, browser: Browser, language: str, scheme: str
) -> None:
    context = await in_language(browser, language, scheme)
    page = await signed_in(context, company.url, company.email)
    designer = Designer(company, page)
    body = {"displayName": "Asked", "draft": {
        "start": "wait", "steps": asked(company.queue["queueId"], afterAgent="rate"), "language": "en"}}  # fmt: skip
    flow_id = (await company.owner.post("/v1/flows", {"requestId": f"r-{language}", "flow": body}))["flowId"]
    await page.goto(f"{designer.company.url}/admin/flows/{flow_id}")
    await page.get_by_test_id("flow-publish").wait_for()
    await page.locator("[data-testid=flow-view] input[value=canvas]").evaluate("each => each.click()")
    await page.locator(".react-flow__viewport").wait_for()
    found = await wide(page, f"{language} canvas after agent")
    await page.locator("[data-testid=flow-view] input[value=list]").evaluate("each => each.click()")
    await page.get_by_test_id("step-wait").locator("button[aria-expanded]").first.click()
    await page.get_by_test_id("simulator-open").click()
    await page.get_by_test_id("simulator-queue.agent_hung_up").wait_for()
    found += await wide(page, f"{language} list after agent")
    await page.set_viewport_size({"width": SCREENS[0][0], "height": SCREENS[0][1]})
    found += await violations(page, f"{language} after agent")
    assert not found, "\n".join(found)


async def test_the_agent_wraps_up_at_once_while_the_customer_is_asked_on_their_page(
    company: Company, browser: Browser
) -> None:
    await company.publish(
        {"start": "wait", "language": "en", "steps": asked(company.queue["queueId"], afterAgent="rate")}
    )
    agent = await Desk(company, browser).available()
    customer = await widget(company, browser)
    await talk(customer, agent)
    await agent.get_by_test_id("call-hangup").click()
    await until(agent, "window.__merkez.state.phase === 'wrapUp'")
    await until(customer, "window.__merkezWidget.state.phase === 'menu'")
    await expect(customer.get_by_test_id("widget-state")).to_contain_text("keypad")
    await expect(agent.get_by_text("You left; the others talk on.")).to_have_count(0)
    await until(customer, "window.__merkezWidget.level() > 0.002")
    await customer.get_by_test_id("widget-key-5").click()
    await until(customer, "window.__merkezWidget.state.phase === 'ended'")
    await until(agent, "window.__merkez.state.phase === 'wrapUp'")

    async def told() -> Any:
        calls = (await company.owner.get("/v1/cdrs")).get("cdrs", [])
        return calls and calls[0]

    cdr = await eventually(told)
    assert cdr["endCause"] == "FLOW_ENDED" and float(cdr["afterAgentDuration"][:-1]) > 0
    owner = await signed_in(await person(browser, tone=440), company.url, company.email, f"/calls/{cdr['callId']}")
    await expect(owner.get_by_text("hung up, and the flow went on with the caller")).to_be_visible()
    await expect(owner.get_by_text("After the agent", exact=True)).to_be_visible()
    found = [*await wide(owner, "call after agent"), *await violations(owner, "call after agent")]
    assert not found, "\n".join(found)
    await owner.set_viewport_size({"width": 1366, "height": 768})
    await owner.goto(f"{company.url}/contacts")
    await owner.get_by_test_id("tab-surveys").click()
    question = owner.get_by_test_id("question-helped")
    await expect(question.get_by_test_id("survey-count")).to_have_text("1")
    await expect(question.get_by_test_id("survey-average")).to_have_text("5.00")
    await expect(question.get_by_test_id("survey-share-5")).to_contain_text("100%")
    await expect(question.get_by_test_id("survey-share-1")).to_contain_text("0%")
    await expect(owner.get_by_test_id(f"survey-{cdr['callId']}-helped")).to_contain_text("Front desk")
    async with owner.expect_download() as saved:
        await owner.get_by_test_id("surveys-download").click()
    lines = (await (await saved.value).path()).read_text("utf-8-sig").splitlines()
    assert len(lines) == 2 and lines[1].split(",")[2:4] == ["helped", "5"] and lines[1].endswith(cdr["callId"])
    await owner.get_by_test_id("surveys-brand").click()
    await owner.get_by_role("option").first.click()
    await expect(question).to_be_visible()
    found = [*await wide(owner, "surveys en"), *await violations(owner, "surveys en")]
    persian = await signed_in(
        await in_language(browser, "fa", "dark"), company.url, company.email, "/contacts?tab=surveys"
    )
    await expect(persian.get_by_test_id("survey-average")).to_have_text("۵٫۰۰")
    found += [*await wide(persian, "surveys fa"), *await violations(persian, "surveys fa")]
    assert not found, "\n".join(found)


async def test_a_company_without_answers_is_told_how_to_get_some(company: Company, browser: Browser) -> None:
    owner = await signed_in(await person(browser, tone=440), company.url, company.email, "/contacts?tab=surveys")
    await expect(owner.get_by_test_id("empty-state")).to_contain_text("No answers in this period")
    await expect(owner.get_by_test_id("surveys-download")).to_be_disabled()
    templates = (await company.owner.get("/v1/flowTemplates"))["templates"]
    assert "queue_survey" in {each["templateId"] for each in templates}
    assert [*await wide(owner, "no surveys"), *await violations(owner, "no surveys")] == []

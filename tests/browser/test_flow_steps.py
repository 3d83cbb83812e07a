"""Steps that choose by themselves are written in forms, slips are told by column, and a flow of them is tried out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from merkez_local.system import System
from playwright.async_api import Locator, Page, expect
from testkit.browser import chromium, person, signed_in
from testkit.company import Company, request_id

from tests.browser.looking import SCREENS, violations, wide

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def said(text: str) -> dict[str, Any]:
    return {"text": {"en": text, "fa": text}}


def everything(queue_id: str, flow_id: str) -> dict[str, Any]:
    """A flow with every such step."""
    steps: list[dict[str, Any]] = [
        {
            "stepId": "language",
            "chooseLanguage": {
                "utterance": said("English 1, Farsi 2."), "next": "find",
                "choices": [{"digit": "1", "language": "en"}, {"digit": "2", "language": "fa"}],
            },
        },
        {
            "stepId": "find",
            "findCustomer": {
                "by": "attribute", "attribute": "card", "value": "{caller_number}", "extract": {"tier": "tier"},
                "next": "double", "notFound": "double", "several": "double", "failed": "double",
            },
        },
        {"stepId": "double", "setAttribute": {"attribute": "twice", "expression": "number('21') * 2", "next": "test"}},
        {
            "stepId": "test",
            "test": {
                "branches": [{"name": "Gold", "condition": "tier == 'gold' and twice == '42'", "next": "split"}],
                "otherwise": "rate",
            },
        },
        {
            "stepId": "split",
            "split": {
                "shares": [
                    {"name": "As before", "percent": 80, "next": "look"},
                    {"name": "New", "percent": 20, "next": "rate"},
                ]
            },
        },
        {
            "stepId": "look",
            "checkQueue": {
                "queueId": queue_id, "otherwise": "rules", "failed": "rules",
                "branches": [{"name": "Long wait", "condition": "queue.expected_wait > 120", "next": "rate"}],
            },
        },
        {
            "stepId": "rules",
            "entryRules": {
                "rules": [{"name": "VIP", "condition": "tier == 'gold'", "queueId": queue_id, "priority": 9}],
                "next": "wait", "otherwise": "rate",
            },
        },
        {
            "stepId": "wait",
            "queue": {
                "byRules": True, "preferred": "last_agent", "noMatch": "rate", "noAnswer": "rate", "mostOffers": 2,
            },
        },
        {
            "stepId": "rate",
            "survey": {
                "utterance": said("From 1 to 5?"), "questionId": "csat", "lowest": 1, "highest": 5, "next": "in",
            },
        },
        {"stepId": "in", "callFlow": {"flowId": flow_id, "inputs": {"total": "1 + 1"}, "outputs": {"kept": "answer"}}},
    ]  # fmt: skip
    return {"start": "language", "steps": steps, "language": "en"}


INNER = {
    "start": "thanks",
    "steps": [{"stepId": "thanks", "say": {"utterance": said("{total} thanks.")}}],
    "language": "en",
    "inputs": [{"name": "total", "type": "number", "required": True}],
    "outputs": [{"name": "answer", "type": "text"}],
}


@dataclass
class Desk:
    """A company, its owner's page, and a flow with every step that chooses."""

    company: Company
    page: Page
    inner_id: str = ""

    async def flow(self, draft: dict[str, Any], *, view: str = "list") -> str:
        """Opens a new flow."""
        body = {"requestId": request_id(), "flow": {"displayName": "Chooses", "draft": draft}}
        flow_id = (await self.company.owner.post("/v1/flows", body))["flowId"]
        await self.page.goto(f"{self.company.url}/admin/flows/{flow_id}")
        await self.page.get_by_test_id("flow-publish").wait_for()
        await self.page.locator(f"[data-testid=flow-view] input[value={view}]").evaluate("each => each.click()")
        return flow_id

    async def unfold(self, step_id: str) -> Locator:
        """Shows what is asked of a step in the list."""
        step = self.page.get_by_test_id(f"step-{step_id}")
        await step.locator("button[aria-expanded]").first.click()
        return step


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=["en", "fa"])
async def desk(system: System, request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    language = request.param
    company = await (await Company.sign_up(system.url, plan="growth", language=language)).set_up(language=language)
    body = {"requestId": request_id(), "flow": {"displayName": "Inner", "draft": INNER}, "publish": True}
    inner = await company.owner.post("/v1/flows", body)
    async with chromium() as browser:
        context = await person(browser, tone=440)
        await context.add_init_script(f"localStorage.setItem('merkez.language', {language!r})")
        yield Desk(company, await signed_in(context, company.url, company.email), inner["flowId"])
    await company.close()


async def test_every_step_shows_its_fields_fits_and_axe_finds_nothing(desk: Desk) -> None:
    page, found = desk.page, list[str]()
    draft = everything(desk.company.queue["queueId"], desk.inner_id)
    await page.set_viewport_size({"width": 1366, "height": 900})
    await desk.flow(draft)
    for place, each in enumerate(draft["steps"]):
        name = each["stepId"]
        await desk.unfold(name)
        width, height = SCREENS[place % len(SCREENS)]
        await page.set_viewport_size({"width": width, "height": height})
        found += await violations(page, name)
        found += await wide(page, name)
    await page.set_viewport_size({"width": 1366, "height": 900})
    await desk.flow(draft, view="canvas")
    await page.get_by_test_id("canvas-fit").click()
    for each in draft["steps"]:
        await expect(page.get_by_test_id(f"node-{each['stepId']}")).to_be_attached()
    assert [*found, *await violations(page, "canvas"), *await wide(page, "canvas")] == []


async def test_a_flow_of_such_steps_is_changed_published_and_tried_out(desk: Desk) -> None:
    page = desk.page
    await page.set_viewport_size({"width": 1366, "height": 900})
    flow_id = await desk.flow(everything(desk.company.queue["queueId"], desk.inner_id))
    test = await desk.unfold("test")
    condition = test.locator("textarea").first
    await condition.fill("tier == 'gold' and")
    await page.get_by_test_id("flow-validate").click()
    await expect(test).to_contain_text("19")
    await condition.fill("tier == 'gold'")
    split = await desk.unfold("split")
    await split.get_by_test_id("split-percent-0").fill("70")
    await split.get_by_test_id("split-percent-1").fill("30")
    await expect(split.get_by_test_id("split-total")).to_contain_text("100" if await _english(page) else "۱۰۰")
    await page.get_by_test_id("flow-publish").click()
    await page.get_by_test_id("publish-save").click()
    await page.get_by_test_id("release-1").wait_for()
    steps = {each["stepId"]: each for each in (await desk.company.owner.get(f"/v1/flows/{flow_id}"))["draft"]["steps"]}
    assert steps["test"]["test"]["branches"][0]["condition"] == "tier == 'gold'"
    assert [share["percent"] for share in steps["split"]["split"]["shares"]] == [70, 30]
    await page.get_by_test_id("simulator-open").click()
    await page.get_by_test_id("simulator-key-2").click()
    await page.get_by_test_id("simulator-customer").fill('{"tier": "gold"}')
    await page.get_by_test_id("simulator-customer-found").click()
    await page.get_by_test_id("simulator-split-As before").click()
    await page.get_by_test_id("simulator-standing-free").fill("1")
    await page.get_by_test_id("simulator-standing-expected_wait").fill("5")
    await page.get_by_test_id("simulator-standing").click()
    await page.get_by_test_id("simulator-queue.no_answer").click()
    await page.get_by_test_id("simulator-key-5").click()
    transcript = page.get_by_test_id("simulator-transcript")
    await expect(transcript).to_contain_text("2 thanks.")
    await expect(page.get_by_test_id("visit-double")).to_contain_text("42")


async def test_a_rule_asks_for_skills_by_an_expression_that_is_written_with_names_and_kept_with_ids(desk: Desk) -> None:
    page, skills = desk.page, dict[str, str]()
    for name in ("French", "Card disputes"):
        skill = {"displayName": f"{name} {await page.locator('html').get_attribute('lang')}"}
        made = await desk.company.owner.post("/v1/skills", {"requestId": request_id(), "skill": skill})
        skills[name] = made["skillId"]
    await page.set_viewport_size({"width": 1366, "height": 900})
    flow_id = await desk.flow(everything(desk.company.queue["queueId"], desk.inner_id))
    rules = await desk.unfold("rules")
    field = rules.get_by_test_id("rule-0-requirement")
    names = {name: f'"{name} {await page.locator("html").get_attribute("lang")}"' for name in skills}
    await field.fill(f"({names['French']} >= 4 or {names['Card disputes']}) and {names['French']} <= 2")
    await expect(rules.get_by_test_id("rule-0-requirement-wrong").locator("mark")).to_have_text('"')
    await page.get_by_test_id("flow-validate").click()
    await page.get_by_test_id("flow-problem-REQUIREMENT_INVALID").wait_for()
    for width, height in SCREENS:
        await page.set_viewport_size({"width": width, "height": height})
        await field.scroll_into_view_if_needed()
        assert await wide(page, "rule expression wrong") == []
    await page.set_viewport_size({"width": 1366, "height": 900})
    await field.fill(f"{names['French']} >= 4 or {names['Card disputes']}")
    await expect(rules.get_by_test_id("rule-0-requirement-words")).to_be_visible()
    await expect(field).to_have_value(f"{names['French']} >= 4 or {names['Card disputes']}")
    assert await violations(page, "rule expression") == []
    await page.get_by_test_id("flow-publish").click()
    await page.get_by_test_id("publish-save").click()
    await page.get_by_test_id("release-1").wait_for()
    steps = {each["stepId"]: each for each in (await desk.company.owner.get(f"/v1/flows/{flow_id}"))["draft"]["steps"]}
    kept = steps["rules"]["entryRules"]["rules"][0]["requirement"]
    assert kept == f"{skills['French']} >= 4 or {skills['Card disputes']}"


async def _english(page: Page) -> bool:
    return await page.locator("html").get_attribute("lang") == "en"

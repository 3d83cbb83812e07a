"""A flow is tried out without a call, its runs are kept as tests that publishing minds, and it is compared and carried
as a file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from merkez_local.system import System
from playwright.async_api import Page, expect
from testkit.browser import chromium, person, signed_in
from testkit.company import Company, request_id

from tests.browser.looking import SAVED, violations, wide

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def night_line(queue_id: str) -> dict[str, Any]:
    """A menu with a queue behind 1 and a question for a number behind 2."""
    text = {"text": {"en": "Press 1 for sales, 2 for your order"}}
    choices = [{"digit": "1", "value": "sales", "next": "wait"}, {"digit": "2", "value": "order", "next": "ask"}]
    steps = [
        {"stepId": "hello", "displayName": "Hello", "say": {"utterance": {"text": {"en": "Welcome"}}, "next": "menu"}},
        {
            "stepId": "menu",
            "displayName": "Main menu",
            "menu": {"utterance": text, "choices": choices, "timeout": "5s", "attempts": 2, "noMatch": "wait"},
        },
        {
            "stepId": "ask",
            "displayName": "Order number",
            "collect": {
                "utterance": {"text": {"en": "Your order number"}}, "attribute": "order", "minDigits": 3,
                "maxDigits": 4, "next": "bye", "noMatch": "bye",
            },
        },
        {
            "stepId": "wait",
            "displayName": "Sales queue",
            "queue": {"queueId": queue_id, "announceInterval": "30s", "maxWait": "300s", "timedOut": "bye"},
        },
        {"stepId": "bye", "displayName": "Goodbye", "hangUp": {"utterance": {"text": {"en": "Goodbye"}}}},
    ]  # fmt: skip
    return {"start": "hello", "steps": steps, "language": "en"}


@dataclass
class Desk:
    """A company and its owner's page."""

    company: Company
    page: Page

    async def flow(self, name: str) -> str:
        """Opens a new flow that was published once."""
        owner = self.company.owner
        draft = night_line(self.company.queue["queueId"])
        body = {"requestId": request_id(), "flow": {"displayName": name, "draft": draft}}
        flow_id = (await owner.post("/v1/flows", body))["flowId"]
        await owner.post(f"/v1/flows/{flow_id}:publish", {"requestId": request_id()})
        await self.open(flow_id)
        return flow_id

    async def open(self, flow_id: str) -> None:
        """Opens a flow as a list."""
        await self.page.goto(f"{self.company.url}/admin/flows/{flow_id}")
        await self.page.get_by_test_id("flow-publish").wait_for()
        await self.page.get_by_test_id("flow-view").get_by_text("List").click()

    async def keep(self, name: str) -> None:
        """Keeps what was tried as a test."""
        await self.page.get_by_test_id("simulator-keep").click()
        await self.page.get_by_test_id("keep-test-name").fill(name)
        await self.page.get_by_test_id("keep-test-save").click()
        await self.page.get_by_test_id(f"test-{name}").wait_for()

    async def greet_with(self, text: str) -> None:
        """Changes what the first step says, and does not save it."""
        hello = self.page.get_by_test_id("step-hello")
        await hello.get_by_role("button", expanded=False).first.click()
        await hello.get_by_label("English").fill(text)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(system: System) -> AsyncIterator[Desk]:
    company = await (await Company.sign_up(system.url, language="en")).set_up(language="en")
    async with chromium() as browser:
        context = await person(browser, tone=440)
        await context.add_init_script("localStorage.setItem('merkez.language', 'en')")
        yield Desk(company, await signed_in(context, company.url, company.email))
    await company.close()


async def test_a_flow_is_gone_through_by_pressing_and_step_by_step_back(desk: Desk) -> None:
    page = desk.page
    await desk.flow("Tried out")
    await page.get_by_test_id("simulator-open").click()
    transcript = page.get_by_test_id("simulator-transcript")
    await expect(transcript).to_contain_text("Welcome")
    await expect(page.get_by_test_id("step-menu")).to_have_attribute("aria-current", "step")
    await page.get_by_test_id("simulator-key-2").click()
    await expect(transcript).to_contain_text("Your order number")
    await page.get_by_test_id("simulator-digits").fill("۱۲۳۴")
    await page.get_by_test_id("simulator-press").click()
    await expect(page.get_by_test_id("simulator-end")).to_contain_text("ended the call")
    await expect(page.get_by_test_id("visit-ask")).to_contain_text("1234")
    await page.get_by_test_id("simulator-back").click()
    await expect(page.get_by_test_id("simulator-waiting")).to_contain_text("Order number")
    await page.get_by_test_id("simulator-restart").click()
    await page.get_by_test_id("simulator-key-1").click()
    await expect(page.get_by_test_id("step-wait")).to_have_attribute("aria-current", "step")
    await page.get_by_test_id("simulator-queue.max_wait").click()
    await expect(page.get_by_test_id("visit-bye")).to_contain_text("Goodbye")


async def test_unsaved_words_are_heard_at_once(desk: Desk) -> None:
    await desk.flow("Typed")
    await desk.page.get_by_test_id("simulator-open").click()
    await desk.greet_with("Good evening")
    await expect(desk.page.get_by_test_id("simulator-transcript")).to_contain_text("Good evening")


async def test_publishing_minds_kept_runs_until_what_comes_now_is_expected(desk: Desk) -> None:
    page = desk.page
    flow_id = await desk.flow("Tested")
    await page.get_by_test_id("simulator-open").click()
    await page.get_by_test_id("simulator-key-1").click()
    await desk.keep("Sales")
    # Somebody leads 1 elsewhere.
    menu = page.get_by_test_id("step-menu")
    await menu.get_by_role("button", expanded=False).first.click()
    await menu.get_by_label("Goes on to").first.click()
    await page.get_by_role("option", name="Goodbye").click()
    await page.get_by_test_id("flow-publish").click()
    await page.get_by_test_id("diff-menu").wait_for()
    await page.get_by_test_id("publish-save").click()
    await page.get_by_test_id("problem").wait_for()
    await expect(page.get_by_test_id("problem")).to_contain_text("not published")
    await expect(page.get_by_test_id("test-Sales")).to_contain_text("Expected: Sales queue")
    await expect(page.get_by_test_id("test-Sales")).to_contain_text("Came: Goodbye")
    await page.get_by_test_id("test-Sales-accept").click()
    await expect(page.get_by_test_id("test-Sales")).to_contain_text("Passed")
    await page.get_by_test_id("flow-publish").click()
    await page.get_by_test_id("publish-save").click()
    await page.get_by_test_id("release-2").wait_for()
    releases = (await desk.company.owner.get(f"/v1/flows/{flow_id}/releases"))["releases"]
    assert [release["number"] for release in releases] == [2, 1]


async def test_what_a_caller_says_is_tried_out_and_stays_in_a_kept_run(desk: Desk) -> None:
    page = desk.page
    flow_id = await desk.flow("Spoken to")
    flow = await desk.company.owner.get(f"/v1/flows/{flow_id}")
    menu = next(each for each in flow["draft"]["steps"] if each["stepId"] == "menu")
    menu["menu"]["choices"][1]["phrases"] = ["my order", "where is my parcel"]
    body = {"flow": {"draft": flow["draft"]}, "updateMask": "draft", "version": flow["version"]}
    await desk.company.owner.patch(f"/v1/flows/{flow_id}", body)
    await desk.open(flow_id)
    await page.get_by_test_id("simulator-open").click()
    await page.get_by_test_id("simulator-words").fill("something else")
    await page.get_by_test_id("simulator-say").click()
    transcript = page.get_by_test_id("simulator-transcript")
    await expect(transcript).to_contain_text("Says: something else")
    await page.mouse.move(0, 0)
    assert [*await violations(page, "spoken"), *await wide(page, "spoken")] == []
    await page.set_viewport_size({"width": 1366, "height": 900})
    await page.get_by_test_id("simulator-phrase-my order").click()
    await expect(transcript).to_contain_text("Says: my order")
    await expect(transcript).to_contain_text("Your order number")
    await expect(page.get_by_text("No words are understood here")).to_be_visible()
    await page.get_by_test_id("simulator-digits").fill("1234")
    await page.get_by_test_id("simulator-press").click()
    await desk.keep("says it")
    kept = (await desk.company.owner.get(f"/v1/flows/{flow_id}/tests"))["tests"][0]
    assert [each.get("text") for each in kept["inputs"]][:2] == ["something else", "my order"]
    await page.get_by_test_id("tests-run").click()
    await expect(page.get_by_test_id("test-says it")).to_contain_text("Passed")


async def test_two_releases_are_compared_by_names(desk: Desk) -> None:
    page = desk.page
    flow_id = await desk.flow("Compared")
    await desk.greet_with("Good evening")
    await page.get_by_test_id("flow-save").click()
    await page.locator(SAVED).wait_for()
    await desk.company.owner.post(f"/v1/flows/{flow_id}:publish", {"requestId": request_id()})
    await desk.open(flow_id)
    await page.get_by_test_id("release-1-compare").click()
    await expect(page.get_by_test_id("diff-hello")).to_contain_text("Welcome")
    await expect(page.get_by_test_id("diff-hello")).to_contain_text("Good evening")
    await page.get_by_test_id("diff-before").click()
    await page.get_by_role("option", name="Release 2").click()
    await page.get_by_test_id("diff-same").wait_for()
    await page.keyboard.press("Escape")


async def test_a_file_is_checked_before_it_becomes_the_draft(desk: Desk) -> None:
    page = desk.page
    flow_id = await desk.flow("Carried")
    await page.get_by_test_id("flow-file").click()
    await page.get_by_test_id("flow-export").click()
    yaml = await page.get_by_test_id("flow-yaml").inner_text()
    queue = desk.company.queue["displayName"]
    assert f"queue: {queue}" in yaml
    await page.keyboard.press("Escape")
    await page.get_by_test_id("flow-file").click()
    await page.get_by_test_id("flow-import").click()
    await page.get_by_test_id("import-text").fill(yaml.replace(f"queue: {queue}", "queue: Nowhere"))
    await page.get_by_test_id("import-check").click()
    await expect(page.get_by_test_id("file-problem-NAME_MISSING")).to_contain_text("Nowhere")
    await expect(page.get_by_test_id("file-problem-NAME_MISSING")).to_contain_text("Line ")
    await expect(page.get_by_test_id("import-take")).to_be_disabled()
    await page.get_by_test_id("import-text").fill(yaml.replace("Welcome", "Good morning"))
    await page.get_by_test_id("import-check").click()
    await expect(page.get_by_test_id("diff-hello")).to_contain_text("Good morning")
    await page.get_by_test_id("import-take").click()
    await expect(page.get_by_test_id("import-dialog")).to_have_count(0)
    flow = await desk.company.owner.get(f"/v1/flows/{flow_id}")
    assert flow["draft"]["steps"][0]["say"]["utterance"]["text"]["en"] == "Good morning"
    assert flow["releaseNumber"] == 1


async def test_a_file_makes_a_new_flow(desk: Desk) -> None:
    page = desk.page
    flow_id = await desk.flow("Copied")
    yaml = (await desk.company.owner.get(f"/v1/flows/{flow_id}/yaml"))["yaml"]
    await page.get_by_test_id("nav-flows").click()
    await page.get_by_test_id("flow-import-new").click()
    file = {"name": "copy.yaml", "mimeType": "text/yaml", "buffer": yaml.replace("Copied", "Copy").encode()}
    async with page.expect_file_chooser() as chosen:
        await page.get_by_test_id("import-file").click()
    await (await chosen.value).set_files([file])  # pyright: ignore[reportArgumentType]
    await page.get_by_test_id("import-check").click()
    await page.get_by_test_id("import-take").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Copy")
    assert flow_id not in page.url


async def test_axe_finds_nothing_on_the_tools_and_all_of_it_fits(desk: Desk) -> None:
    page = desk.page
    await desk.flow("Looked at")
    found: list[str] = []
    await page.get_by_test_id("simulator-open").click()
    await page.get_by_test_id("simulator-key-2").click()
    await page.get_by_test_id("visit-ask").wait_for()
    await page.get_by_test_id("simulator-call").locator("summary").click()
    found += [*await violations(page, "keys"), *await wide(page, "keys")]
    await page.get_by_test_id("release-1-compare").click()
    await page.get_by_test_id("diff-same").wait_for()
    found += [*await violations(page, "diff"), *await wide(page, "diff")]
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("diff-dialog")).to_have_count(0)
    await page.get_by_test_id("flow-file").click()
    await page.get_by_test_id("flow-export").click()
    await page.get_by_test_id("flow-yaml").wait_for()
    found += [*await violations(page, "file"), *await wide(page, "file")]
    await page.keyboard.press("Escape")
    assert found == []

"""The canvas and the list edit one draft: what is drawn by mouse is in the list, and both undo it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from merkez_local.system import System
from playwright.async_api import Locator, Page, expect
from testkit.browser import chromium, person, signed_in
from testkit.company import Company, request_id

from tests.browser.looking import SAVED, SIDEWAYS, onlookers

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

STEPS = 300
FRAMES = """() => {
    window.frames_ = [];
    let before = performance.now();
    const next = (now) => {
        window.frames_.push(now - before);
        before = now;
        window.frame_ = requestAnimationFrame(next);
    };
    window.frame_ = requestAnimationFrame(next);
}"""
"""Writes down how long every frame took, ms."""
OPENED = """() => new Promise((resolve) => {
    const began = performance.now();
    const look = () => document.querySelector('.react-flow__node-step')?.checkVisibility({ visibilityProperty: true })
        ? requestAnimationFrame(() => resolve(performance.now() - began)) : requestAnimationFrame(look);
    document.querySelector('[data-testid=flow-view] input[value=canvas]').click();
    look();
})"""
"""Turns to the canvas; how long it took until steps were on the screen, ms."""


@dataclass
class Designer:
    """A company and its owner's page."""

    company: Company
    page: Page

    async def draw(self, steps: list[dict[str, Any]], *, name: str = "Drawn", start: str = "") -> str:
        """Opens a new flow on the canvas; its id."""
        draft = {"start": start, "steps": steps, "language": "en"}
        body = {"requestId": request_id(), "flow": {"displayName": name, "draft": draft}}
        flow_id = (await self.company.owner.post("/v1/flows", body))["flowId"]
        await self.open(flow_id)
        return flow_id

    async def open(self, flow_id: str) -> None:
        """Opens a flow on the canvas, as a wide screen does by itself."""
        await self.page.set_viewport_size({"width": 1366, "height": 900})
        await self.page.goto(f"{self.company.url}/admin/flows/{flow_id}")
        await self.page.get_by_test_id("flow-view").get_by_text("Canvas").click()
        await self.page.locator(".react-flow__viewport").wait_for()

    async def draft(self, flow_id: str) -> dict[str, Any]:
        """What the server keeps."""
        return (await self.company.owner.get(f"/v1/flows/{flow_id}"))["draft"]

    async def save(self) -> None:
        """Saves the draft."""
        await self.page.get_by_test_id("flow-save").click()
        await self.page.locator(SAVED).wait_for()

    def step(self, step_id: str) -> Locator:
        """A step on the canvas."""
        return self.page.get_by_test_id(f"node-{step_id}")

    async def connect(self, exit_: str, step_id: str) -> None:
        """Draws a line from an exit and lets it go somewhere on a step."""
        await self.drag(self.page.get_by_test_id(f"exit-{exit_}"), self.step(step_id))

    async def drag(self, what: Locator, onto: Locator, *, x: float = 0.5, y: float = 0.3) -> None:
        """Drags one thing onto a place of another, by mouse."""
        box, aim = await what.bounding_box(), await onto.bounding_box()
        assert box and aim
        await self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        await self.page.mouse.down()
        await self.page.mouse.move(aim["x"] + aim["width"] * x - 20, aim["y"] + aim["height"] * y - 20, steps=5)
        await self.page.mouse.move(aim["x"] + aim["width"] * x, aim["y"] + aim["height"] * y, steps=3)
        await self.page.mouse.up()

    async def say(self, text: str) -> None:
        """Writes the selected step's English text."""
        await self.page.get_by_test_id("canvas-panel").get_by_label("English").first.fill(text)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def designer(system: System) -> AsyncIterator[Designer]:
    company = await (await Company.sign_up(system.url)).set_up()
    async with chromium() as browser:
        context = await person(browser, tone=440)
        yield Designer(company, await signed_in(context, company.url, company.email))
    await company.close()


async def test_menu_built_by_mouse_is_published_and_stands_in_the_list(designer: Designer) -> None:
    page, stage = designer.page, designer.page.locator(".react-flow")
    flow_id = await designer.draw([])
    await page.get_by_test_id("palette-menu").drag_to(stage, target_position={"x": 260, "y": 130})
    await designer.say("For sales, press 1.")
    await page.get_by_label("Meaning").fill("Sales")
    await page.get_by_test_id("palette-queue").click()
    panel = page.get_by_test_id("canvas-panel")
    await expect(panel).to_have_attribute("aria-label", "queue")
    await panel.get_by_label("Name", exact=True).fill("Sales queue")
    await panel.get_by_label("Queue", exact=True).last.click()
    await page.get_by_role("option", name="Front desk").click()
    await expect(designer.step("queue")).to_contain_text("No call gets here")
    await page.get_by_test_id("canvas-panel-close").click()
    await page.get_by_test_id("canvas-fit").click()
    await designer.step("menu").click(trial=True)  # waits until nothing moves
    await designer.connect("menu-choice.0", "queue")
    await expect(designer.step("queue")).not_to_contain_text("No call gets here")
    # Let go beside every step, a line asks which step shall be there.
    await designer.drag(page.get_by_test_id("exit-menu-noMatch"), stage, x=0.4, y=0.9)
    await page.get_by_test_id("canvas-ask-hangUp").click()
    await expect(page.locator(".react-flow__edge")).to_have_count(3)
    await page.get_by_test_id("flow-publish").click()
    await page.get_by_test_id("publish-save").click()
    await page.get_by_test_id("release-1").wait_for()
    draft = await designer.draft(flow_id)
    menu, queue, bye = draft["steps"]
    assert draft["start"] == "menu" and (queue["stepId"], bye["stepId"]) == ("queue", "hangup")
    assert menu["menu"]["choices"] == [{"digit": "1", "value": "Sales", "next": "queue", "phrases": []}]
    assert menu["menu"]["noMatch"] == "hangup"
    await page.get_by_test_id("flow-view").get_by_text("List").click()
    await expect(page.get_by_test_id("step-menu")).to_contain_text("Sales queue, hangup")
    await expect(page.get_by_test_id("step-queue")).to_contain_text("Sales queue")


async def test_everybody_sees_steps_where_they_were_put(designer: Designer) -> None:
    page = designer.page
    flow_id = await designer.draw(GREETING, start="hello")
    await designer.step("bye").click(trial=True)
    x, y = await corner(designer.step("bye"))
    await page.mouse.move(x + 60, y + 20)
    await page.mouse.down()
    await page.mouse.move(x + 90, y + 140, steps=6)
    await page.mouse.up()
    await designer.save()
    layout = (await designer.company.owner.get(f"/v1/flows/{flow_id}"))["layout"]
    assert set(layout) == {"hello", "bye"}
    assert layout["bye"]["y"] - layout["hello"].get("y", 0) >= 100
    await designer.open(flow_id)
    hello, bye = await corner(designer.step("hello")), await corner(designer.step("bye"))
    assert bye[1] > hello[1] + 60


async def test_undo_goes_through_changes_of_list_and_canvas_alike(designer: Designer) -> None:
    page, view = designer.page, designer.page.get_by_test_id("flow-view")
    await designer.draw(GREETING, start="hello")
    await expect(page.get_by_test_id("flow-undo")).to_be_disabled()
    await designer.step("bye").click(trial=True)  # waits until nothing moves
    await page.locator(".react-flow__node[data-id=bye]").focus()
    await page.keyboard.press("Delete")
    await expect(designer.step("bye")).to_have_count(0)
    await view.get_by_text("List").click()
    await page.get_by_test_id("step-hello").get_by_role("button", expanded=False).first.click()
    await page.get_by_test_id("step-hello").get_by_label("Name", exact=True).fill("Welcome")
    await expect(page.get_by_test_id("step-hello")).to_contain_text("Welcome")
    await page.keyboard.press("Control+z")
    await expect(page.get_by_test_id("step-hello")).to_contain_text("Hello")
    await expect(page.get_by_test_id("step-bye")).to_have_count(0)
    await page.keyboard.press("Control+z")
    await expect(page.get_by_test_id("step-bye")).to_have_count(1)
    await expect(page.get_by_test_id("flow-save")).to_be_disabled()
    await view.get_by_text("Canvas").click()
    await expect(page.locator(".react-flow__edge")).to_have_count(2)
    await page.keyboard.press("Control+Shift+z")
    await expect(designer.step("bye")).to_have_count(0)


async def test_line_is_taken_elsewhere_and_taken_away(designer: Designer) -> None:
    page = designer.page
    flow_id = await designer.draw([*GREETING, {"stepId": "end", "displayName": "End", "hangUp": {}}], start="hello")
    end = page.locator('.react-flow__edge[data-id="hello/next"] .react-flow__edgeupdater-target')
    await designer.drag(end, page.get_by_test_id("node-end").locator(".react-flow__handle"), x=0.5, y=0.5)
    await expect(designer.step("bye")).to_contain_text("No call gets here")
    await page.locator('.react-flow__edge[data-id="hello/next"]').click()
    await page.keyboard.press("Delete")
    await expect(designer.step("end")).to_contain_text("No call gets here")
    await designer.save()
    assert (await designer.draft(flow_id))["steps"][0]["say"].get("next", "") == ""


async def test_step_is_found_doubled_and_edited_by_keyboard(designer: Designer) -> None:
    page = designer.page
    await designer.draw(GREETING, start="hello")
    await page.get_by_test_id("canvas-find").fill("Good")
    await page.get_by_role("option", name="Goodbye").click()
    panel = page.get_by_test_id("canvas-panel")
    await expect(panel).to_have_attribute("aria-label", "Goodbye")
    node = page.locator(".react-flow__node[data-id=bye]")
    await node.focus()
    await page.keyboard.press("Control+d")
    await expect(designer.step("bye_2")).to_be_visible()
    await page.locator(".react-flow__node[data-id=hello]").focus()
    await page.keyboard.press("Control+ArrowRight")
    await expect(node).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(panel.get_by_label("Name", exact=True)).to_be_focused()
    await page.keyboard.type(" to you")
    await expect(designer.step("bye")).to_contain_text("Goodbye to you")
    await page.keyboard.press("Escape")
    await expect(node).to_be_focused()


async def test_problems_stand_on_their_steps_and_lead_to_them(designer: Designer) -> None:
    page = designer.page
    await designer.draw([{"stepId": "ask", "displayName": "Ask", "menu": {"choices": []}}], start="ask")
    await page.get_by_test_id("flow-validate").click()
    await expect(designer.step("ask")).to_contain_text("A menu needs at least one choice.")
    await page.get_by_test_id("flow-problem-MENU_WITHOUT_CHOICES").get_by_role("link").click()
    await expect(page.get_by_test_id("canvas-panel")).to_contain_text("A menu needs at least one choice.")


async def test_phone_shows_the_list_first_and_its_canvas_fits(designer: Designer) -> None:
    page = designer.page
    await page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('merkez.flows.view'))"
                        ".forEach((key) => localStorage.removeItem(key))")  # fmt: skip
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.goto(f"{designer.company.url}/admin/flows/{designer.company.flow['flowId']}")
    await page.get_by_test_id("step-menu").wait_for()
    await page.get_by_test_id("flow-view").get_by_text("Canvas").click()
    await page.locator(".react-flow__node-step").first.wait_for()
    assert await page.evaluate(SIDEWAYS) == []
    await page.get_by_test_id("canvas-add").click()
    await page.get_by_test_id("canvas-add-say").click()
    await expect(designer.step("say")).to_be_visible()
    assert await page.evaluate(SIDEWAYS) == []


async def test_axe_finds_nothing_on_the_canvas(designer: Designer) -> None:
    steps = [*GREETING, {"stepId": "lost", "displayName": "Lost", "queue": {}}]
    draft = {"start": "hello", "steps": steps, "language": "en"}
    body = {"requestId": request_id(), "flow": {"displayName": "Looked at", "draft": draft}}
    flow = await designer.company.owner.post("/v1/flows", body)
    browser = designer.page.context.browser
    assert browser
    async with onlookers(browser, designer.company, f"/admin/flows/{flow['flowId']}") as owner:

        async def turn(_: str, page: Page) -> None:
            await page.locator("[data-testid=flow-view] input[value=canvas]").check(force=True)
            await page.get_by_test_id("node-lost").wait_for()

        await owner.each(turn)
        await owner.look("the canvas")
        await owner.each(lambda _, page: page.get_by_test_id("flow-validate").click())
        await owner.each(lambda _, page: page.get_by_test_id("flow-problems").wait_for())
        await owner.each(lambda _, page: page.locator(".react-flow__node[data-id=lost]").press("Enter"))
        await owner.each(lambda _, page: page.get_by_test_id("canvas-panel").wait_for())
        # The focus scrolled the page: what is half beneath its header is too small to be pressed there.
        await owner.each(lambda _, page: page.evaluate("scrollTo(0, 0)"))
        await owner.look("the canvas with problems and a step's fields")
        assert owner.found == []


async def test_three_hundred_steps_are_drawn_and_dragged_at_once(designer: Designer) -> None:
    """Bounds that only a canvas that has become unusable breaks; the figures are printed for docs/performance.md."""
    page = designer.page
    await designer.draw([large_step(number) for number in range(STEPS)], start="m0", name="Large")
    await page.get_by_test_id("flow-view").get_by_text("List").click()
    await page.get_by_test_id("step-m0").wait_for()
    opened: float = await page.evaluate(OPENED)
    node = designer.step("m0")
    await node.click(trial=True)
    x, y = await corner(node)
    await page.mouse.move(x + 60, y + 15)
    await page.mouse.down()
    await page.mouse.move(x + 70, y + 25)
    await page.evaluate(FRAMES)
    for move in range(60):
        await page.mouse.move(x + 70 + 3 * move, y + 25 + 2 * move)
    await page.mouse.up()
    frames: list[float] = sorted(await page.evaluate("(cancelAnimationFrame(window.frame_), window.frames_)"))
    middle, slow = frames[len(frames) // 2], frames[int(len(frames) * 0.95)]
    for metric, value in (("first steps", opened), ("frame, p50", middle), ("frame, p95", slow)):
        print(json.dumps({"metric": f"canvas of {STEPS} steps: {metric}", "value": round(value, 1), "unit": "ms"}))
    assert opened < 8000 and middle < 250


async def corner(what: Locator) -> tuple[float, float]:
    """Where something's upper left corner is on the screen."""
    box = await what.bounding_box()
    assert box
    return box["x"], box["y"]


def large_step(number: int) -> dict[str, Any]:
    """One menu of a tree, whose callers who press nothing right go to one of three ends."""
    ways = [{"digit": str(way), "value": f"Way {way}", "next": f"m{number * 2 + way}"} for way in (1, 2)]
    choices = [way for way in ways if int(way["next"][1:]) < STEPS - 3]
    text = {"text": {"en": f"This is menu {number}. Press a key."}}
    menu = {"utterance": text, "choices": choices, "noMatch": f"m{STEPS - 3 + number % 3}"}
    return {"stepId": f"m{number}", "displayName": f"Menu {number}", "menu": menu}


GREETING: list[dict[str, Any]] = [
    {"stepId": "hello", "displayName": "Hello", "say": {"utterance": {"text": {"en": "Hello."}}, "next": "bye"}},
    {"stepId": "bye", "displayName": "Goodbye", "hangUp": {"utterance": {"text": {"en": "Goodbye."}}}},
]

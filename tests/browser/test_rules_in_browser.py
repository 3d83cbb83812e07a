"""An admin says how a queue chooses, and a supervisor sees why a call waits and helps it, in real browsers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from merkez_local.system import System
from playwright.async_api import Browser, Locator, Page, expect
from testkit.browser import chromium, person, signed_in
from testkit.company import Company, request_id
from testkit.screens import Desk, widget
from testkit.waiting import eventually

from tests.browser.looking import PICTURES, SCREENS, in_language, onlookers

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

HELPFUL = 'French >= 4 and not "New here"'


@pytest_asyncio.fixture(loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def company(system: System) -> AsyncIterator[Company]:
    """Has skills and two agents; calls go straight into its queue."""
    made = await Company.sign_up(system.url, plan="growth")
    for name in ("French", "New here"):
        await made.owner.post("/v1/skills", {"requestId": request_id(), "skill": {"displayName": name}})
    await made.set_up(template="simple_queue")
    for name in ("Aylin Kaya", "Elnur Aliyev"):
        await made.hire(name=name)
    yield made
    await made.close()


async def choose(field: Locator, option: str) -> None:
    await field.click()
    await field.page.get_by_role("option", name=option, exact=True).click()


async def queue_form(page: Page, company: Company) -> None:
    await page.goto(f"{company.url}/admin/queues")
    await page.get_by_test_id(f"queue-{company.queue['queueId']}-edit").click()
    await page.get_by_test_id("queue-name").wait_for()


async def rules_of(company: Company) -> dict[str, Any]:
    return (await company.owner.get(f"/v1/queues/{company.queue['queueId']}"))["rules"]


async def agents_by_name(company: Company) -> dict[str, str]:
    return {each["displayName"]: each["agentId"] for each in (await company.owner.get("/v1/agents"))["agents"]}


async def test_admin_gives_a_queue_a_list_and_a_step_and_sees_what_is_wrong_at_its_place(
    company: Company, browser: Browser
) -> None:
    agents = await agents_by_name(company)
    page = await signed_in(await person(browser, tone=440), company.url, company.email)
    await queue_form(page, company)
    await page.get_by_test_id("queue-part-choice").click()
    await page.get_by_test_id("strategy-LIST").check()
    await choose(page.get_by_test_id("level-0-add"), "Aylin Kaya")
    await choose(page.get_by_test_id("level-0-add"), "Elnur Aliyev")
    await page.get_by_test_id("level-add").click()
    # With the keyboard alone: down within the level, over its edge, and back to where the other one is.
    await page.get_by_test_id(f"listed-{agents['Aylin Kaya']}-down").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id(f"listed-{agents['Aylin Kaya']}-down")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("level-1")).to_contain_text("Aylin Kaya")
    await page.get_by_test_id("level-0-wait").fill("45")

    await page.get_by_test_id("queue-part-skills").click()
    requirement = page.get_by_test_id("queue-requirement")
    await requirement.press_sequentially("Fre")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(requirement).to_have_value("French")
    await requirement.fill("French >= 4 Trainee")
    wrong = page.get_by_test_id("queue-requirement-wrong")
    await expect(wrong).to_contain_text("At character 13: `and` or `or` is missing before this")
    await expect(wrong.locator("mark")).to_have_text("T")
    await requirement.fill(HELPFUL)
    await expect(wrong).to_have_count(0)
    words = page.get_by_test_id("queue-requirement-words")
    await expect(words).to_contain_text("French⁩ at level 4 or better and without ⁨New here")

    await page.get_by_test_id("rule-step-add").click()
    await page.get_by_test_id("change-0-0-level").fill("2")
    await page.get_by_test_id("rule-step-add").click()
    await choose(page.get_by_test_id("change-1-0-kind"), "Others will do as well")
    await page.get_by_test_id("change-1-0-expression").fill("French >= 2 and French <= 1")
    await page.get_by_test_id("queue-part-general").click()
    await page.get_by_test_id("queue-save").click()
    await expect(page.get_by_test_id("change-1-0-expression-wrong")).to_contain_text("contradicts itself")
    await expect(page.get_by_test_id("problem")).to_be_visible()
    await page.get_by_test_id("change-1-0-expression").fill(HELPFUL)
    await page.get_by_test_id("queue-save").click()
    # Only the server says this: nobody is added who was not there already.
    await expect(page.get_by_test_id("change-1-0-expression-wrong")).to_contain_text("Changes nothing")
    await page.get_by_test_id("change-1-0-expression").fill('"New here" = 5')
    await expect(page.get_by_test_id("stage-2")).to_contain_text("after 1 minute")
    await expect(page.get_by_test_id("stage-2")).to_contain_text("at level 2 or better")
    await page.get_by_test_id("queue-save").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)

    rules = await rules_of(company)
    assert rules["strategy"] == "STRATEGY_LIST" and rules["requirement"] == HELPFUL
    assert [each["agentIds"] for each in rules["levels"]] == [[agents["Elnur Aliyev"]], [agents["Aylin Kaya"]]]
    assert rules["levels"][0]["wait"] == "45s"
    assert [each["afterWait"] for each in rules["steps"]] == ["60s", "120s"]
    assert rules["steps"][0]["changes"][0]["lower"]["proficiency"] == 2
    assert rules["steps"][1]["changes"] == [{"also": '"New here" = 5'}]
    row = page.get_by_test_id(f"queue-{company.queue['queueId']}")
    await expect(row.get_by_test_id("strategy")).to_have_text("A list in order")

    await queue_form(page, company)
    await page.get_by_test_id("queue-name").fill("First line")
    await page.get_by_test_id("queue-save").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert await rules_of(company) == rules, "a new name leaves the rules as they were"


async def test_admin_sees_what_weights_and_priority_come_to_before_saving(company: Company, browser: Browser) -> None:
    page = await signed_in(await person(browser, tone=440), company.url, company.email)
    await queue_form(page, company)
    await page.get_by_test_id("queue-part-choice").click()
    await page.get_by_test_id("strategy-WEIGHTED").check()
    await expect(page.get_by_test_id("weights-example")).to_contain_text("idle for 2 minutes counts 5.2")
    await page.get_by_test_id("weight-cost").fill("0.5")
    await expect(page.get_by_test_id("weights-example")).to_contain_text("at a cost of 10 they count 0.2")
    await page.get_by_test_id("queue-part-priority").click()
    await choose(page.get_by_test_id("point-wait-unit"), "minutes")
    await page.get_by_test_id("point-wait").fill("5")
    await expect(page.get_by_test_id("priority-words")).to_contain_text(
        "A caller with priority 2 counts as having waited 10 minutes longer."
    )
    await page.get_by_test_id("queue-save").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    rules = await rules_of(company)
    assert rules["weights"] == {"proficiency": 1, "idleMinute": 0.1, "preferred": 5, "cost": 0.5}
    assert rules["pointWait"] == "300s" and not rules.get("levels")


async def test_supervisor_opens_why_a_call_waits_raises_it_and_takes_that_back(
    company: Company, browser: Browser
) -> None:
    rules = {
        "requirement": "French >= 4", "pointWait": "60s",
        "steps": [{"afterWait": "86400s", "changes": [{"replace": ""}]}],
    }  # fmt: skip
    path = f"/v1/queues/{company.queue['queueId']}"
    await company.owner.patch(path, {"queue": {"rules": rules}, "updateMask": "rules"})
    desk = Desk(company, browser, name="Sue Supervisor", role="SUPERVISOR")
    page = await desk.join()
    customer = await widget(company, browser)
    await customer.get_by_test_id("widget-name").fill("Carla Caller")
    await customer.get_by_test_id("widget-call").click()
    await page.get_by_test_id("nav-wallboard").click()
    contact = await eventually(lambda: waiting(company))
    row = page.get_by_test_id(f"waits-{contact['contactId']}")
    await expect(row.get_by_test_id("position")).to_have_text("1")
    await page.get_by_test_id(f"why-{contact['contactId']}").click()
    await expect(page.get_by_test_id("why-asked")).to_contain_text("at level 4 or better")
    await expect(page.get_by_test_id("why-ahead")).to_have_text("nobody: it is next")
    await expect(page.get_by_test_id("why-next").locator("time")).to_be_visible()
    agents = await agents_by_name(company)
    await expect(page.get_by_test_id(f"keeper-{agents['Aylin Kaya']}")).to_contain_text("does not have ⁨French")
    await page.get_by_test_id("why-priority").fill("3")
    await page.get_by_test_id("why-apply").click()
    await expect(page.get_by_test_id("why-outcome")).to_contain_text("It holds from the next assignment on")
    await expect(page.get_by_test_id("why-counted")).to_contain_text("3 points")
    assert (await waiting(company) or {})["priority"] == 3

    await page.get_by_test_id("why-undo").click()
    await expect(page.get_by_test_id("why-outcome")).to_contain_text("Undone")
    assert not (await waiting(company) or {}).get("priority")

    await page.get_by_test_id("why-priority").fill("5")
    mine = {"contactId": contact["contactId"], "priority": 7}
    await company.owner.patch(f"/v1/contacts/{contact['contactId']}", {"contact": mine, "updateMask": "priority"})
    await page.get_by_test_id("why-apply").click()
    await expect(page.get_by_test_id("why-outcome")).to_contain_text("Somebody changed it meanwhile")
    await expect(page.get_by_test_id("why-priority")).to_have_value("7")

    await customer.get_by_test_id("widget-hangup").click()
    await expect(page.get_by_test_id("why-left")).to_be_visible()
    await expect(page.get_by_test_id("why-apply")).to_have_count(0)
    await page.keyboard.press("Escape")
    await expect(row).to_have_count(0)
    await company.owner.patch(path, {"queue": {"rules": {}}, "updateMask": "rules"})

    await page.goto(f"{company.url}/contacts")
    await page.get_by_test_id(f"why-{contact['contactId']}").click()
    await expect(page.get_by_test_id("why-asked")).to_contain_text("at level 4 or better")
    await expect(page.get_by_test_id("why-ahead")).to_have_text("nobody: it was next")
    await expect(page.get_by_test_id(f"keeper-{agents['Aylin Kaya']}")).to_contain_text("does not have ⁨French")
    await page.goto(f"{company.url}/calls/{contact['callId']}")
    await expect(page.get_by_test_id("why-left").get_by_test_id("why-asked")).to_contain_text("at level 4 or better")


async def waiting(company: Company) -> dict[str, Any] | None:
    listed = await company.owner.get("/v1/contacts", states="CONTACT_STATE_QUEUED")
    return next(iter(listed.get("contacts") or []), None)


async def left(company: Company, contact_id: str) -> bool:
    return (await company.owner.get(f"/v1/contacts/{contact_id}"))["state"] == "CONTACT_STATE_ABANDONED"


async def test_both_dialogs_fit_the_screen_and_everybody_can_use_them(company: Company, browser: Browser) -> None:
    customer = await widget(company, browser)
    await customer.get_by_test_id("widget-call").click()
    contact = await eventually(lambda: waiting(company))
    async with onlookers(browser, company, "/admin/queues") as admin:

        async def write(_: str, page: Page) -> None:
            await page.get_by_test_id(f"queue-{company.queue['queueId']}-edit").click()
            await page.get_by_test_id("queue-part-choice").click()
            await page.get_by_test_id("strategy-LIST").check()
            await page.get_by_test_id("level-0-add").click()
            await page.get_by_role("option").first.click()
            await page.get_by_test_id("level-add").click()

        async def relax(_: str, page: Page) -> None:
            await page.get_by_test_id("queue-part-skills").click()
            await page.get_by_test_id("queue-requirement").fill("French >= 4")
            await page.get_by_test_id("rule-step-add").click()
            await page.get_by_test_id("change-0-0-kind").click()
            await page.get_by_role("option").nth(3).click()
            await page.get_by_test_id("change-0-0-expression").fill("Klingon")

        async def weigh(_: str, page: Page) -> None:
            await page.get_by_test_id("queue-part-priority").click()

        for what, work in (("a list", write), ("steps", relax), ("priority", weigh)):
            await admin.each(work)
            await admin.look(what)
    async with onlookers(browser, company, "/wallboard") as watch:
        await watch.open(
            "why",
            lambda page: page.get_by_test_id(f"why-{contact['contactId']}"),
            lambda page: page.get_by_test_id("why-asked"),
        )
    await customer.get_by_test_id("widget-hangup").click()
    await eventually(lambda: left(company, contact["contactId"]))
    async with onlookers(browser, company, "/contacts") as after:
        await after.open(
            "why it left",
            lambda page: page.get_by_test_id(f"why-{contact['contactId']}"),
            lambda page: page.get_by_test_id("why-left"),
        )
    async with onlookers(browser, company, f"/calls/{contact['callId']}") as call:

        async def told(_: str, page: Page) -> None:
            await page.get_by_test_id("why-left").get_by_test_id("why-ahead").wait_for()

        await call.each(told)
        await call.look("a call that left")
    assert admin.found + watch.found + after.found + call.found == []


async def test_fault_of_a_rule_is_said_once_at_its_field_in_the_readers_own_language(
    company: Company, browser: Browser
) -> None:
    context = await in_language(browser, "fa", "light")
    page = await signed_in(context, company.url, company.email)
    await queue_form(page, company)
    await page.get_by_test_id("queue-part-skills").click()
    await page.get_by_test_id("queue-requirement").fill("French >= 4")
    await page.get_by_test_id("rule-step-add").click()
    await page.get_by_test_id("change-0-0-level").fill("4")
    await page.get_by_test_id("queue-save").click()
    await expect(page.get_by_test_id("change-0-0-said")).to_contain_text("چیزی را تغییر نمی‌دهد")
    note = page.get_by_test_id("problem")
    await expect(note).to_contain_text("گام ۱ › تغییر ۱")
    for raw in ("queue.", "steps[", "changes nothing"):
        await expect(note).not_to_contain_text(raw)
    for width, height in SCREENS if PICTURES else ():
        await page.set_viewport_size({"width": width, "height": height})
        await note.scroll_into_view_if_needed()
        await page.screenshot(path=f"{PICTURES}/rule-fault-fa-{width}.png")
    await context.close()


async def test_faults_of_general_fields_and_of_callbacks_are_said_at_their_fields_in_the_readers_own_language(
    company: Company, browser: Browser
) -> None:
    context = await in_language(browser, "fa", "light")
    page = await signed_in(context, company.url, company.email)
    await queue_form(page, company)
    await choose(page.get_by_test_id("queue-wrapup-mode"), "وقتی کارشناس بخواهد")
    await page.get_by_label("مدت جمع‌بندی، ثانیه").fill("0")
    await page.get_by_test_id("queue-missed-return").fill("2")
    await page.get_by_test_id("queue-save").click()
    dialog, note = page.get_by_role("dialog"), page.get_by_test_id("problem")
    await expect(note).to_contain_text("کلی")
    await expect(dialog.get_by_text("باید", exact=False)).to_have_count(2)
    for width, height in SCREENS if PICTURES else ():
        await page.set_viewport_size({"width": width, "height": height})
        await page.get_by_test_id("queue-missed-return").scroll_into_view_if_needed()
        await page.screenshot(path=f"{PICTURES}/general-fault-fa-{width}.png")
    await page.get_by_test_id("queue-missed-return").fill("0")
    await page.get_by_label("مدت جمع‌بندی، ثانیه").fill("30")
    await page.get_by_test_id("queue-part-callbacks").click()
    await page.get_by_test_id("callback-attempts").fill("10")
    await page.get_by_test_id("callback-retry-after").fill("600")
    await page.get_by_test_id("queue-save").click()
    await expect(dialog).to_contain_text("تلاش ۱۰")
    for raw in ("queue.", "must be", "seconds"):
        await expect(dialog).not_to_contain_text(raw)
    for width, height in SCREENS if PICTURES else ():
        await page.set_viewport_size({"width": width, "height": height})
        await note.scroll_into_view_if_needed()
        await page.screenshot(path=f"{PICTURES}/callback-fault-fa-{width}.png")
    await context.close()

"""An admin makes a list of numbers, fills it from pasted lines, asks for it in a flow, and sees who names it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from merkez_local.system import System
from playwright.async_api import Browser, Page, expect
from testkit.browser import chromium, person, signed_in
from testkit.company import Company, request_id

from tests.browser.looking import onlookers

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

VIP, OTHER = "+994501234567", "+994551234567"


@pytest_asyncio.fixture(loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def company(system: System) -> AsyncIterator[Company]:
    made = await (await Company.sign_up(system.url, plan="scale")).set_up()
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(company: Company, browser: Browser) -> Page:
    """The owner's."""
    return await signed_in(await person(browser, tone=440), company.url, company.email)


async def picture(page: Page, name: str) -> None:
    """Kept where somebody asked for pictures."""
    if folder := os.environ.get("MERKEZ_PICTURES"):
        await page.screenshot(path=f"{folder}/{name}.png", full_page=True)


async def vip(company: Company) -> str:
    made = await company.owner.post(
        "/v1/numberLists", {"requestId": request_id(), "numberList": {"key": "vip", "displayName": "Best customers"}}
    )
    list_id = made["numberListId"]
    text = f"number,label,notes\n{VIP},Leyla Əliyeva,golden card\n+99455*,All of an operator\n"
    await company.owner.post(
        f"/v1/numberLists/{list_id}/entries:import", {"requestId": request_id(), "numberListId": list_id, "text": text}
    )
    return list_id


async def ruled(company: Company) -> str:
    queue_id = company.queue["queueId"]
    draft: dict[str, Any] = {
        "start": "rules",
        "language": "en",
        "steps": [
            {
                "stepId": "rules",
                "entryRules": {
                    "rules": [{"name": "VIP", "condition": "", "queueId": queue_id, "priority": 9}],
                    "next": "wait", "otherwise": "wait",
                },
            },
            {"stepId": "wait", "queue": {"queueId": queue_id}},
            {"stepId": "mark", "setAttribute": {"attribute": "outcome", "value": "left"}},
        ],
    }  # fmt: skip
    flow = {"displayName": "Main line", "draft": draft}
    return (await company.owner.post("/v1/flows", {"requestId": request_id(), "flow": flow}))["flowId"]


async def test_an_admin_fills_a_list_from_lines_of_which_one_is_bad(company: Company, page: Page) -> None:
    await page.get_by_test_id("nav-number-lists").click()
    await expect(page.get_by_text("No number list yet")).to_be_visible()
    await page.get_by_test_id("number-list-add").click()
    await page.get_by_test_id("number-list-name").fill("Ən yaxşı müştərilər")
    await expect(page.get_by_test_id("number-list-key")).to_have_value("en_yaxsi_musteriler")
    await page.get_by_test_id("number-list-key").fill("vip")
    await page.get_by_test_id("number-list-save").click()
    await page.get_by_role("link", name="Ən yaxşı müştərilər").click()
    await expect(page.get_by_text("No number in this list")).to_be_visible()

    await page.get_by_test_id("entries-import").click()
    await page.get_by_test_id("import-numbers-text").fill(f"{VIP}, Leyla\n050 765 43 21, Omid\nhello 5\n+99455*, All\n")
    await page.get_by_test_id("import-numbers-check").click()
    bad = page.get_by_test_id("import-numbers-bad")
    await expect(bad).to_contain_text("can't be taken: 2")
    await expect(bad).to_contain_text("Line 2")
    await expect(bad).to_contain_text("choose the country above")
    await picture(page, "import-bad")
    await page.get_by_role("combobox", name="Country of numbers without a country code").fill("Azerb")
    await page.get_by_role("option", name="Azerbaijan").click()
    await page.get_by_test_id("import-numbers-check").click()
    await expect(bad).to_contain_text("can't be taken: 1")
    await expect(page.get_by_test_id("import-numbers-outcome")).to_contain_text("New: 3")
    await page.get_by_test_id("import-numbers-take").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.get_by_test_id("entry-count")).to_contain_text("3")
    await expect(page.get_by_test_id("entry-+994507654321")).to_contain_text("Omid")
    await expect(page.get_by_test_id("entry-+99455*")).to_contain_text("all that begin so")

    await page.get_by_test_id("entries-search").fill("omid")
    await expect(page.get_by_test_id("entry-+99455*")).to_have_count(0)
    await page.get_by_test_id("entry-+994507654321-edit").click()
    await page.get_by_test_id("entry-label").fill("Omid R.")
    await page.get_by_test_id("entry-save").click()
    await expect(page.get_by_test_id("entry-+994507654321")).to_contain_text("Omid R.")
    await page.get_by_test_id("entry-+994507654321-delete").click()
    await page.get_by_test_id("confirm").click()
    await expect(page.get_by_text("Nothing found")).to_be_visible()
    await page.get_by_test_id("entries-search").fill("")
    async with page.expect_download() as started:
        await page.get_by_test_id("entries-export").click()
    kept = await asyncio.to_thread(Path(await (await started.value).path()).read_text, encoding="utf-8-sig")
    assert kept.splitlines()[0] == "number,label,notes"
    assert set(kept.splitlines()[1:]) == {f"{VIP},Leyla,", "+99455*,All,"}

    await page.get_by_test_id("nav-number-lists").click()
    await page.get_by_test_id("look-up-number").fill(OTHER)
    await page.get_by_test_id("look-up-go").click()
    await expect(page.get_by_test_id("look-up-found")).to_contain_text("by \u2066+99455*\u2069")


async def test_a_rule_asks_for_a_list_and_for_skills_and_the_list_says_who_names_it(
    company: Company, page: Page
) -> None:
    list_id, flow_id = await vip(company), await ruled(company)
    for name in ("Turkish", "Sales"):
        await company.owner.post("/v1/skills", {"requestId": request_id(), "skill": {"displayName": name}})
    await page.goto(f"{company.url}/admin/flows/{flow_id}")
    await page.get_by_test_id("flow-publish").wait_for()
    await page.locator("[data-testid=flow-view] input[value=list]").evaluate("each => each.click()")
    rules = page.get_by_test_id("step-rules")
    await rules.locator("button[aria-expanded]").first.click()
    await rules.get_by_test_id("condition-list").click()
    await page.get_by_test_id("in-vip").click()
    await expect(rules.get_by_label("Condition")).to_have_value("in_list(caller_number, 'vip')")
    await rules.get_by_test_id("add-skill").click()
    await rules.get_by_label("At least (1 to 5)").fill("4")
    await picture(page, "rules")
    wait = page.get_by_test_id("step-wait")
    await wait.locator("button[aria-expanded]").first.click()
    await wait.get_by_role("combobox", name="When the caller hangs up while waiting").click()
    await page.get_by_role("option", name="mark").click()
    await picture(page, "abandoned")
    async with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        await page.get_by_test_id("flow-save").click()
    saved = (await company.owner.get(f"/v1/flows/{flow_id}"))["draft"]
    (rule,) = saved["steps"][0]["entryRules"]["rules"]
    assert rule["condition"] == "in_list(caller_number, 'vip')" and list(rule["skills"].values()) == [4]
    assert saved["steps"][1]["queue"]["abandoned"] == "mark"

    await page.goto(f"{company.url}/admin/number-lists/{list_id}")
    await expect(page.get_by_test_id("list-uses")).to_contain_text("Main line")
    await page.goto(f"{company.url}/admin/number-lists")
    await page.get_by_test_id(f"number-list-{list_id}-delete").click()
    await page.get_by_test_id("confirm").click()
    await expect(page.get_by_test_id("problem")).to_contain_text("Main line")


async def test_lists_and_their_entries_fit_every_screen_in_both_directions(company: Company, browser: Browser) -> None:
    list_id = await vip(company)
    found: list[str] = []
    async with onlookers(browser, company, "/admin/number-lists") as lists:

        async def look_up(name: str, page: Page) -> None:
            await page.get_by_test_id("look-up-number").fill(VIP)
            await page.get_by_test_id("look-up-go").click()
            await page.get_by_test_id("look-up-found").get_by_role("link").wait_for()
            await picture(page, f"lists-{name.replace(' ', '-')}")

        await lists.each(look_up)
        await lists.look("lists")
        await lists.open(
            "a new list", lambda page: page.get_by_test_id("number-list-add"), lambda page: page.get_by_role("dialog")
        )
        found += lists.found
    async with onlookers(browser, company, f"/admin/number-lists/{list_id}") as entries:
        await entries.each(lambda _, page: page.get_by_test_id(f"entry-{VIP}").wait_for())
        await entries.look("entries")

        async def check(name: str, page: Page) -> None:
            await page.get_by_test_id("entries-import").click()
            await page.get_by_test_id("import-numbers-text").fill("0501234567\nhello 5\n+99470*")
            await page.get_by_test_id("import-numbers-check").click()
            await page.get_by_test_id("import-numbers-bad").wait_for()
            await picture(page, f"import-{name.replace(' ', '-')}")

        await entries.each(check)
        await entries.look("an import")
        found += entries.found
    assert found == []

"""The flow editor keeps what is typed, shows what stands in the way of publishing, and words a roll-back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from merkez_local.system import System
from playwright.async_api import Page, expect
from testkit.browser import chromium, person, signed_in
from testkit.company import Company, request_id

from tests.browser.looking import SAVED

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@dataclass
class Editor:
    """A company and its owner's page."""

    company: Company
    page: Page

    async def open(self, flow_id: str) -> None:
        """Opens a flow as a list."""
        await self.page.goto(f"{self.company.url}/admin/flows/{flow_id}")
        await self.page.get_by_test_id("flow-view").get_by_text("فهرست").click()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def editor(system: System) -> AsyncIterator[Editor]:
    company = await (await Company.sign_up(system.url, language="fa")).set_up(language="fa")
    async with chromium() as browser:
        context = await person(browser, tone=440)
        await context.add_init_script("localStorage.setItem('merkez.language', 'fa')")
        yield Editor(company, await signed_in(context, company.url, company.email))
    await company.close()


async def test_unsaved_changes_are_left_only_after_asking(editor: Editor) -> None:
    page = editor.page
    await editor.open(editor.company.flow["flowId"])
    name = page.get_by_label("نام", exact=True).first
    await name.fill("خط شب")
    await page.get_by_test_id("nav-queues").click()
    await expect(page.get_by_role("dialog")).to_contain_text("ذخیره")
    await page.keyboard.press("Escape")
    await page.get_by_role("dialog").wait_for(state="hidden")
    await expect(name).to_have_value("خط شب")
    assert "/admin/flows/" in page.url
    await page.get_by_test_id("nav-queues").click()
    await page.get_by_test_id("confirm").click()
    await page.wait_for_url("**/admin/queues")


async def test_saved_changes_are_left_without_asking(editor: Editor) -> None:
    page = editor.page
    await editor.open(editor.company.flow["flowId"])
    await page.get_by_label("نام", exact=True).first.fill("خط روز")
    await page.get_by_test_id("flow-save").click()
    await page.locator(SAVED).wait_for()
    await page.get_by_test_id("nav-queues").click()
    await page.wait_for_url("**/admin/queues")


async def test_draft_with_problems_shows_them_instead_of_asking_to_publish(editor: Editor) -> None:
    empty = {"displayName": "Empty", "draft": {"start": "", "steps": [], "language": "fa"}}
    flow = await editor.company.owner.post("/v1/flows", {"requestId": request_id(), "flow": empty})
    await editor.open(flow["flowId"])
    await editor.page.get_by_test_id("flow-publish").click()
    await editor.page.get_by_test_id("flow-problems").wait_for()
    await expect(editor.page.get_by_test_id("publish-save")).to_have_count(0)


async def test_roll_back_is_worded_in_the_readers_language(editor: Editor) -> None:
    owner, flow_id = editor.company.owner, editor.company.flow["flowId"]
    first = (await owner.get(f"/v1/flows/{flow_id}/releases"))["releases"][-1]
    await owner.post(f"/v1/flows/{flow_id}:publish", {"requestId": request_id()})
    body = {"requestId": request_id(), "releaseId": first["releaseId"]}
    await owner.post(f"/v1/flows/{flow_id}:rollBack", body)
    await editor.open(flow_id)
    await expect(editor.page.get_by_test_id("release-3")).to_contain_text("اجرای دوبارهٔ نسخهٔ ۱")


async def test_transfer_leads_where_it_was_sent_last_and_a_message_to_its_mailbox(editor: Editor) -> None:
    page, queue_id = editor.page, editor.company.queue["queueId"]
    steps = [
        {"stepId": "go", "displayName": "Go", "transfer": {"queueId": queue_id, "failed": "note"}},
        {"stepId": "note", "displayName": "Note", "voicemail": {"utterance": {"text": {"fa": "پیام"}}}},
    ]
    draft = {"start": "go", "steps": steps, "language": "fa"}
    body = {"requestId": request_id(), "flow": {"displayName": "Hand on", "draft": draft}}
    flow = await editor.company.owner.post("/v1/flows", body)
    await editor.open(flow["flowId"])
    go, note = page.get_by_test_id("step-go"), page.get_by_test_id("step-note")
    await go.get_by_role("button", expanded=False).first.click()
    await go.get_by_label("تماس‌گیرنده را می‌سپارد به").click()
    await page.get_by_role("option", name="شمارهٔ تلفن").click()
    await go.get_by_label("شمارهٔ تلفن").fill("+994 50 123 45 67")
    await note.get_by_role("button", expanded=False).first.click()
    await page.get_by_test_id("flow-validate").click()
    await page.get_by_test_id("flow-problem-MAILBOX_MISSING").wait_for()
    await note.get_by_label("پیام برای").click()
    await page.get_by_role("option", name="صف", exact=True).click()
    await note.get_by_label("صف", exact=True).last.click()
    await page.get_by_role("option", name="Front desk").click()
    await page.get_by_test_id("flow-save").click()
    await page.locator(SAVED).wait_for()
    await page.get_by_test_id("flow-valid").wait_for()
    saved = (await editor.company.owner.get(f"/v1/flows/{flow['flowId']}"))["draft"]["steps"]
    transfer = {name: value for name, value in saved[0]["transfer"].items() if value}
    assert transfer == {"number": "+994501234567", "failed": "note"}
    assert saved[1]["voicemail"]["queueId"] == queue_id

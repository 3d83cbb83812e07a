"""Numbers on their pages: put into the inventory, found and taken, given back, and moved here from another carrier."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from merkez_local.system import System
from playwright.async_api import Browser, expect
from testkit.browser import chromium, person, signed_in
from testkit.company import Api, Company, request_id

from tests.browser.looking import onlookers

LONDON = "+44207946{:04d}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.mark.browser
async def test_operator_adds_numbers_after_a_rehearsal_and_sees_who_had_them(
    browser: Browser, company: Company, operators_email: str
) -> None:
    page = await signed_in(await person(browser, tone=440), company.url, operators_email)
    await page.get_by_test_id("tab-inventory").click()
    await page.get_by_test_id("stock-add").click()
    lines = page.get_by_test_id("stock-import-text")
    await lines.fill("number,type,capabilities\n+442079460501,,voice sms\nabc,,\n+448081570501,toll-free,\n")
    await page.get_by_test_id("stock-import-check").click()
    await expect(page.get_by_test_id("stock-import-bad")).to_contain_text("3")
    await expect(page.get_by_test_id("stock-import-take")).to_have_count(0)
    await lines.fill("number,type,capabilities\n+442079460501,,voice sms\n+448081570501,toll-free,\n")
    await page.get_by_test_id("stock-import-check").click()
    await page.get_by_test_id("stock-import-take").click()
    await expect(page.get_by_test_id("stock-import")).to_have_count(0)

    owner = await signed_in(await person(browser, tone=440), company.url, company.email, "/admin/numbers")
    await owner.get_by_test_id("number-add").click()
    await owner.get_by_test_id("number-search-prefix").fill("+44 20")
    await owner.get_by_test_id("number-found-+442079460501").check()
    await expect(owner.get_by_test_id("number-held")).to_be_visible()
    await owner.get_by_test_id("number-save").click()
    row = owner.get_by_test_id("number-+442079460501")
    await expect(row).to_be_visible()
    await owner.get_by_test_id("number-+442079460501-delete").click()
    await owner.get_by_test_id("confirm").click()
    await expect(owner.get_by_test_id("resting-numbers")).to_contain_text("+442079460501")

    await page.get_by_test_id("stock-search-prefix").fill("+44207946")
    await page.get_by_test_id("stock-+442079460501-history").click()
    for each in ("Added", "Taken", "Given back"):
        await expect(page.get_by_test_id("stock-history")).to_contain_text(each)
    await page.keyboard.press("Escape")
    await page.get_by_test_id("stock-+442079460501-quarantine").click()
    await page.get_by_test_id("quarantine-day").fill("2020-01-01")
    await page.get_by_test_id("quarantine-reason").fill("nobody ever called it")
    await page.get_by_test_id("quarantine-save").click()
    await expect(page.get_by_test_id("stock-+442079460501")).to_contain_text("Free")
    for each in (page, owner):
        await each.context.close()


@pytest.mark.browser
@pytest.mark.timeout(240)
async def test_company_orders_a_port_step_by_step(browser: Browser, company: Company) -> None:
    await company.subscribe("growth")  # the cheapest plan has no room for two more numbers
    page = await signed_in(await person(browser, tone=440), company.url, company.email, "/admin/numbers/porting/new")
    await page.get_by_test_id("port-entries").fill(LONDON.format(601) + "\n" + LONDON.format(602))
    await page.get_by_test_id("port-check").click()
    await page.get_by_test_id("port-step-details").wait_for(timeout=30_000)
    for field, text in (
        ("losing-carrier", "Old Telecom"), ("account-number", "AC-778"), ("person", "Olga Ivanova"),
        ("name", "Acme"), ("street", "1 High Street"), ("city", "London"), ("postalCode", "EC1A 1AA"),
    ):  # fmt: skip
        await page.get_by_test_id(f"port-{field}").fill(text)
    await page.get_by_role("combobox", name="Country").fill("United Kingdom")
    await page.get_by_role("option", name="United Kingdom").click()
    await page.get_by_test_id("port-details-save").click()
    await page.get_by_test_id("port-step-documents").wait_for()
    papers = page.get_by_role("list", name="Documents").get_by_text("letter.pdf", exact=True)
    for name, seen in (("letter.pdf", papers), ("bill.pdf", page.get_by_test_id("port-step-date"))):
        paper = {"name": name, "mimeType": "application/pdf", "buffer": b"%PDF-1.7 paper"}
        await page.locator("input[type=file]").set_input_files(paper)  # type: ignore[arg-type]
        await page.get_by_test_id("port-upload").click()
        await seen.wait_for()
    await page.get_by_test_id("port-date-save").click()
    await page.get_by_test_id("port-step-review").wait_for()
    await page.get_by_test_id("port-submit").click()
    await expect(page.get_by_test_id("port-lane-PORT_CHANNEL_VOICE")).to_contain_text("Sent off", timeout=15_000)
    await expect(page.get_by_test_id("port-time-line")).to_contain_text("Document uploaded: \u2068bill.pdf\u2069")
    await page.context.close()


@pytest.mark.browser
@pytest.mark.timeout(300)
async def test_pages_of_numbers_fit_both_screens_and_axe_finds_nothing(
    browser: Browser, system: System, company: Company, operator: Api, operators_email: str
) -> None:
    stock = "\n".join(LONDON.format(each) for each in range(700, 712))
    await operator.post("/v1/operator/inventory:import", {"requestId": request_id(), "text": stock})
    taken = {"requestId": request_id(), "number": LONDON.format(700), "brandId": company.brand["brandId"]}
    await company.owner.post("/v1/numbers", taken)
    await company.owner.delete(f"/v1/numbers/{LONDON.format(700)}")
    draft = {"entries": [LONDON.format(801), "+442079460000"], "brandId": company.brand["brandId"], "sms": True}
    order = await company.owner.post("/v1/portOrders", {"requestId": request_id(), **draft})
    path = f"/admin/numbers/porting/{order['portOrderId']}"
    async with onlookers(browser, company, "/admin/numbers") as pages:
        await pages.look("numbers")
        await pages.open(
            "taking a number",
            lambda page: page.get_by_test_id("number-add"),
            lambda page: page.get_by_test_id("number-save"),
        )
        for name, where in (
            ("orders", "/admin/numbers/porting"),
            ("a new order", "/admin/numbers/porting/new"),
            ("an order", path),
        ):
            await pages.each(lambda _, page, where=where: page.goto(company.url + where))
            await pages.each(lambda _, page: page.wait_for_selector("h1"))
            if where == path:
                await pages.each(lambda _, page: page.get_by_test_id("port-exception-NOT_PORTABLE").first.wait_for())
            await pages.look(name)
        found = pages.found
    async with onlookers(browser, company, "/operator", operators_email) as pages:
        await pages.each(lambda _, page: page.get_by_test_id("tab-inventory").click())
        await pages.each(lambda _, page: page.get_by_test_id("stock-add").wait_for())
        await pages.look("inventory")
        await pages.open(
            "adding numbers", lambda page: page.get_by_test_id("stock-add"),
            lambda page: page.get_by_test_id("stock-import-text"),
        )  # fmt: skip
        found += pages.found
    assert found == []

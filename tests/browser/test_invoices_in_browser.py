"""Invoices at the screen: an operator sets up who sends them, a company opens one down to its records, downloads and
pays."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from merkez_local.system import System
from playwright.async_api import Browser, Page, expect
from testkit import eventually
from testkit.browser import chromium, person, signed_in
from testkit.company import Company

from tests.browser.looking import onlookers

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

BACK = tuple(
    f"update billing.{table} set {column} = {column} - interval '62 days', record_time = 'epoch' where tenant_id = $1"
    for table, column in (("plans_held", "effective_time"), ("level_changes", "change_time"))
)
"""A company that signed up two months ago, without anybody waiting for that long."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


async def months_ago(system: System, tenant_id: str) -> None:
    """Lets the company have signed up two months ago."""
    connection = await asyncpg.connect(system.admin_database_url.replace("postgresql+asyncpg", "postgresql"))
    try:
        for statement in (*BACK, "delete from billing.billing_accounts where tenant_id = $1"):
            await connection.execute(statement, tenant_id)
    finally:
        await connection.close()


async def add_entity(page: Page) -> None:
    """An operator says in whose name invoices are sent, unless somebody did."""
    await page.get_by_test_id("tab-entities").click()
    await page.get_by_test_id("entity-add").wait_for()
    if await page.locator('tr[data-testid^="entity-"]').count():
        return
    await page.get_by_test_id("entity-add").click()
    await page.get_by_test_id("entity-name").fill("Merkez MMC")
    await page.get_by_test_id("entity-numberPrefix").fill("mrk-")
    await page.get_by_test_id("entity-creditNotePrefix").fill("mrc-")
    await page.get_by_test_id("entity-instructions").fill("IBAN AZ21 NABZ 0000 0000 1370 1000 1944")
    await page.get_by_role("combobox", name="Country").fill("Azerb")
    await page.get_by_role("option").first.click()
    await page.get_by_test_id("entity-save").click()
    await expect(page.locator('tr[data-testid^="entity-"]')).to_have_count(1)


async def test_company_reads_an_invoice_down_to_its_records_and_operator_notes_its_payment(
    browser: Browser, system: System, company: Company, operators_email: str
) -> None:
    operator = await signed_in(await person(browser, tone=440), company.url, operators_email)
    await add_entity(operator)

    async def metered() -> object:
        return (await company.owner.get("/v1/invoices:preview")).get("lines")

    await eventually(metered, deadline=30)
    await months_ago(system, company.tenant_id)

    async def issued() -> object:
        found = (await company.owner.get("/v1/invoices")).get("invoices", [])
        return [each for each in found if each.get("number")] or None

    invoice = (await eventually(issued, deadline=90))[0]  # pyright: ignore
    page = await signed_in(await person(browser, tone=440), company.url, company.email, "/admin/billing")
    await expect(page.get_by_test_id("payment-instructions")).to_contain_text("IBAN AZ21")
    await page.get_by_test_id("profile-legalName").fill("Acme Support")
    await page.get_by_test_id("profile-save").click()
    await page.get_by_role("link", name=invoice["number"], exact=True).click()
    await expect(page.get_by_test_id("invoice-sum")).to_contain_text(invoice["total"]["amount"])
    await page.get_by_role("button", name="Show records: Seat").first.click()
    await expect(page.get_by_test_id("line-records").get_by_role("row")).to_have_count(2)
    await page.keyboard.press("Escape")
    await page.get_by_test_id(f"download-{invoice['number']}").click()
    async with page.expect_download() as saved:
        await page.get_by_test_id("download-pdf").click()
    assert (await saved.value).suggested_filename == f"{invoice['number']}.pdf"

    async with onlookers(browser, company, f"/admin/billing/{invoice['invoiceId']}") as group:
        await group.look("invoice")
    async with onlookers(browser, company, "/admin/billing") as billing:
        await billing.look("billing with invoices")
    async with onlookers(browser, company, "/operator", operators_email) as desk:
        await desk.each(lambda _, each: each.get_by_test_id("tab-invoices").click())
        await desk.each(lambda _, each: each.get_by_test_id(f"invoice-{invoice['invoiceId']}").wait_for())
        await desk.look("operator's invoices")
        await desk.each(lambda _, each: each.get_by_test_id(f"invoice-{invoice['invoiceId']}-open").click())
        await desk.each(lambda _, each: each.get_by_test_id("invoice-payment").wait_for())
        await desk.look("operator's invoice")
    assert group.found + billing.found + desk.found == []

    await operator.get_by_test_id("tab-invoices").click()
    await operator.get_by_test_id(f"invoice-{invoice['invoiceId']}-open").click()
    await operator.get_by_test_id("invoice-verify").click()
    await expect(operator.get_by_test_id("invoice-identical")).to_be_visible()
    await operator.get_by_test_id("invoice-payment").click()
    await operator.get_by_test_id("payment-amount").fill("100000")
    await operator.get_by_test_id("payment-reference").fill("bank 7")
    await operator.get_by_test_id("payment-save").click()
    await expect(operator.get_by_test_id("operator-invoice")).to_contain_text("bank 7")
    await operator.get_by_test_id("credit-pay-back").click()
    await operator.get_by_test_id("pay-back-reference").fill("bank 8")
    await operator.get_by_test_id("pay-back-save").click()
    await expect(operator.get_by_test_id("tenant-credit")).to_have_count(0)
    await page.reload()
    await expect(page.get_by_role("main")).to_contain_text("Paid")
    for each in (page, operator):
        await each.context.close()

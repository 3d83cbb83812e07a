"""Operators import what carriers charge, try a number, fill a company's wallet; its owner sees the money."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from testkit.browser import chromium, person, signed_in
from testkit.company import Company

from .looking import Onlookers, onlookers

BAD = "prefix,destination,price_per_minute\n49,Germany,0.012\n49,Germany again,0.013\n4x,Nowhere,1\n"
GOOD = (
    "prefix,destination,price_per_minute,increments,days,from,to\n"
    "49,Germany,0.012,60/60,,,\n4930,Berlin,0.006,1/1,mon-fri,08:00,18:00\n4930,Berlin,0.004,1/1,,,\n"
    "90,Türkiye,0.018,60/1,,,\n98,ایران,0.11,60/60,,,\n"
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


def chosen(page: Page, path: Path, text: str) -> Awaitable[None]:
    """The import's file field gets a file of this text."""
    path.write_text(text, encoding="utf-8")
    return page.get_by_test_id("deck-import-panel").locator("input[type=file]").set_input_files(path)


@pytest.mark.browser
async def test_operator_imports_a_deck_after_a_dry_run_and_tries_a_number(
    browser: Browser, company: Company, operators_email: str, tmp_path: Path
) -> None:
    page = await signed_in(await person(browser, tone=440), company.url, operators_email)
    await page.get_by_test_id("tab-rates").click()
    await page.get_by_test_id("deck-add").click()
    await page.get_by_test_id("deck-name").fill("Carrier A")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Open: Carrier A").first.click()
    await page.get_by_test_id("deck-import").click()
    await chosen(page, tmp_path / "bad.csv", BAD)
    report = page.get_by_test_id("deck-report")
    await expect(report).to_contain_text("Lines read: 3. Wrong: 2.")
    await expect(report).to_contain_text("The same prefix is there twice")
    await expect(report).to_contain_text("3 ↔ 2")
    await expect(page.get_by_test_id("deck-activate")).to_be_disabled()
    await chosen(page, tmp_path / "good.csv", GOOD)
    await expect(report).to_contain_text("Lines read: 5. Wrong: 0.")
    await expect(report).to_contain_text("New: 4")
    await page.get_by_test_id("deck-activate").click()
    await expect(page.get_by_test_id("deck-import-panel")).to_have_count(0)
    await page.get_by_test_id("tester-number").fill("+49 89 1234567")
    await page.get_by_test_id("tester-seconds").fill("61")
    await page.get_by_test_id("tester-look").click()
    await expect(page.get_by_test_id("tester-amount")).to_contain_text("EUR 0.024")
    await page.get_by_test_id("tester-number").fill("+33123456789")
    await page.get_by_test_id("tester-look").click()
    await expect(page.get_by_test_id("tester-reason")).to_contain_text("No prefix")
    async with page.expect_download() as saved:
        await page.get_by_test_id("deck-export").click()
    text = (await (await saved.value).path()).read_text(encoding="utf-8")
    assert "49,outbound,Germany,0.012,EUR,60/60" in text
    await page.context.close()


@pytest.mark.browser
async def test_operator_fills_a_wallet_and_its_owner_sees_the_money(
    browser: Browser, company: Company, operators_email: str
) -> None:
    page = await signed_in(await person(browser, tone=440), company.url, operators_email)
    name = (await company.owner.get("/v1/tenant"))["displayName"]
    await page.get_by_test_id("tenants-search").fill(name)
    await page.get_by_test_id(f"tenant-{company.tenant_id}-wallet").click()
    await page.get_by_test_id("wallet-make").click()
    await page.get_by_test_id("wallet-form-save").click()
    await page.get_by_test_id("wallet-top-up").click()
    await page.get_by_test_id("top-up-amount").fill("25.50")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("wallet-balance")).to_contain_text("EUR 25.50")
    owner = await signed_in(await person(browser, tone=440), company.url, company.email, "/admin/billing")
    await expect(owner.get_by_test_id("own-wallet")).to_contain_text("EUR 25.50")
    await owner.get_by_test_id("wallet-notices").click()
    await owner.get_by_test_id("notices-text").fill("10 5")
    await owner.keyboard.press("Enter")
    await expect(owner.get_by_test_id("own-wallet")).to_contain_text("Notice below EUR 10")
    for each in (page, owner):
        await each.context.close()


@pytest.mark.browser
async def test_pages_of_rates_wallets_and_differences_fit_and_are_clean_for_axe(
    browser: Browser, company: Company, operators_email: str, tmp_path: Path
) -> None:
    async with onlookers(browser, company, "/operator", operators_email) as looks:
        await _make_deck(next(iter(looks.pages.values())), tmp_path)
        await _decks(looks, tmp_path)
        await _wallets(looks, company)
        await looks.each(lambda _, page: page.get_by_test_id("tab-differences").click())
        await looks.each(lambda _, page: page.get_by_test_id("differences-state").wait_for())
        await looks.look("differences")
        assert looks.found == []
    async with onlookers(browser, company, "/admin/billing") as looks:
        await looks.each(lambda _, page: page.get_by_test_id("own-wallet").wait_for())
        await looks.look("own wallet")
        assert looks.found == []


async def _make_deck(page: Page, tmp_path: Path) -> None:
    await page.get_by_test_id("tab-rates").click()
    await page.get_by_test_id("deck-add").click()
    await page.get_by_test_id("deck-name").fill("Carrier B")
    await page.keyboard.press("Enter")
    await page.get_by_test_id("deck-save").wait_for(state="hidden")
    await page.locator("[data-testid^=deck-rdk_][data-testid$=-open]").first.click()
    await page.get_by_test_id("deck-import").click()
    await chosen(page, tmp_path / "first.csv", GOOD)
    await page.get_by_test_id("deck-activate").click()
    await page.get_by_test_id("deck-import-panel").wait_for(state="hidden")
    await page.get_by_test_id("deck-back").click()


async def _decks(looks: Onlookers, tmp_path: Path) -> None:
    await looks.each(lambda _, page: page.get_by_test_id("tab-rates").click())
    await looks.each(lambda _, page: page.get_by_test_id("deck-add").wait_for())
    await looks.look("decks")
    await looks.open(
        "new deck", lambda page: page.get_by_test_id("deck-add"), lambda page: page.get_by_test_id("deck-name")
    )
    await looks.each(lambda _, page: page.locator("[data-testid^=deck-rdk_][data-testid$=-open]").first.click())
    await looks.each(lambda _, page: page.get_by_test_id("tester-number").fill("+4930123456"))
    await looks.each(lambda _, page: page.get_by_test_id("tester-look").click())
    await looks.each(lambda _, page: page.get_by_test_id("tester-amount").wait_for())
    await looks.look("one deck")

    async def choose(name: str, page: Page) -> None:
        await page.get_by_test_id("deck-import").click()
        await chosen(page, tmp_path / f"{name}.csv", GOOD.replace("0.018", "0.02") + "4x,?,1,,,,\n")
        await page.get_by_test_id("deck-report").wait_for()

    for name, page in looks.pages.items():  # one after the other: a draft takes the place of another
        await choose(name, page)
    await looks.look("import")


async def _wallets(looks: Onlookers, company: Company) -> None:
    await looks.each(lambda _, page: page.get_by_role("tab").first.click())
    await looks.each(lambda _, page: page.get_by_test_id(f"tenant-{company.tenant_id}-wallet").click())
    await looks.each(lambda _, page: page.locator("[data-testid=wallet-make], [data-testid=wallet-top-up]").wait_for())
    await looks.look("no wallet")
    first, *others = looks.pages.values()
    await first.get_by_test_id("wallet-make").click()
    await first.get_by_test_id("wallet-form-save").click()
    await first.get_by_test_id("wallet-top-up").click()
    await first.get_by_test_id("top-up-amount").fill("1234.5")
    await first.keyboard.press("Enter")
    await first.get_by_test_id("top-up-save").wait_for(state="hidden")
    for page in others:
        await page.get_by_test_id("wallet-back").click()
        await page.get_by_test_id(f"tenant-{company.tenant_id}-wallet").click()
    await looks.each(lambda _, page: page.get_by_test_id("wallet-balance").wait_for())
    await looks.look("wallet")
    for what in ("top-up", "settings"):
        await looks.open(
            what,
            lambda page, what=what: page.get_by_test_id(f"wallet-{what}"),
            lambda page, what=what: page.get_by_test_id("top-up-save" if what == "top-up" else "wallet-form-save"),
        )


@pytest.mark.browser
async def test_operator_defines_what_is_counted_and_lets_it_take_no_more(
    browser: Browser, company: Company, operators_email: str
) -> None:
    page = await signed_in(await person(browser, tone=440), company.url, operators_email)
    await page.get_by_test_id("tab-meters").click()
    await expect(page.get_by_test_id("meter-seat_month")).to_contain_text("Built in")
    await page.get_by_test_id("meter-add").click()
    await page.get_by_test_id("meter-id").fill("Cats fed")
    await page.get_by_test_id("meter-unit").fill("cat")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("meter")).to_contain_text("This meter can't be")
    await page.get_by_test_id("meter-id").fill("cats_fed")
    await page.get_by_test_id("meter-aggregation").click()
    await page.get_by_role("option", name="Different values of a property").click()
    await page.get_by_test_id("meter-unique").fill("cat")
    await page.get_by_test_id("meter-groups").fill("city, breed")
    await page.get_by_test_id("meter-name-en").fill("Cats that were fed")
    await page.keyboard.press("Enter")
    row = page.get_by_test_id("meter-cats_fed")
    await expect(row).to_contain_text("Cats that were fed")
    await expect(row).to_contain_text("city, breed")
    await page.get_by_test_id("meter-cats_fed-edit").click()
    await page.get_by_test_id("meter-archive").check()
    await page.keyboard.press("Enter")
    await expect(row).to_contain_text("Takes no more usage")
    await page.context.close()
    async with onlookers(browser, company, "/operator", operators_email) as looks:
        await looks.each(lambda _, each: each.get_by_test_id("tab-meters").click())
        await looks.each(lambda _, each: each.get_by_test_id("meter-seat_month").wait_for())
        await looks.look("meters")
        await looks.each(lambda _, each: each.get_by_test_id("meter-add").click())
        await looks.each(lambda _, each: each.get_by_test_id("meter-id").wait_for())
        await looks.look("a meter")
        assert looks.found == []

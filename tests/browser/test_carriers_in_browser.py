"""An owner tests a trunk against a carrier that is there and brings the carrier's numbers, in a real browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from merkez_local.system import System
from playwright.async_api import Page, expect
from testkit.browser import chromium, person, signed_in
from testkit.company import Company, request_id
from testkit.voice_peers import Baresip, VoicePeers

pytestmark = [pytest.mark.browser, pytest.mark.media, pytest.mark.timeout(300)]

NUMBER = "+905321234567"


@pytest_asyncio.fixture(loop_scope="session")
async def owners(system: System) -> AsyncIterator[Company]:
    made = await (await Company.sign_up(system.url, plan="growth")).set_up()
    yield made
    await made.close()


async def a_trunk(owners: Company, host: str, port: int, name: str = "Delta Telecom") -> str:
    body = {
        "requestId": request_id(),
        "trunk": {"displayName": name, "gateways": [{"host": host, "port": port, "ping": True}], "enabled": True},
    }
    return str((await owners.owner.post("/v1/trunks", body))["trunkId"])


async def opened(page: Page, trunk_id: str) -> None:
    await page.get_by_test_id("nav-trunks").click()
    await page.get_by_test_id(f"trunk-{trunk_id}-test").click()


async def test_owner_is_told_step_by_step_that_a_carrier_answers_and_that_its_number_rings(
    owners: Company, voice_peers: VoicePeers
) -> None:
    carrier = await voice_peers.start(Baresip, "carrier", user=NUMBER, answers="manual")
    trunk_id = await a_trunk(owners, carrier.host, carrier.port)
    async with chromium() as browser:
        page = await signed_in(await person(browser, tone=440), owners.url, owners.email)
        await opened(page, trunk_id)
        await page.get_by_test_id("trunk-test-save").click()
        await expect(page.get_by_test_id("trunk-step-ANSWERED")).to_contain_text("The gateway answers")
        await expect(page.get_by_test_id("trunk-step-ANSWERED")).to_contain_text(re.compile(r"\d+ ms"))
        await expect(page.get_by_test_id("trunk-step-CALL_RINGS")).to_have_count(0)

        await page.get_by_test_id("trunk-test-number").fill(NUMBER)
        await page.get_by_test_id("trunk-test-save").click()
        await expect(page.get_by_test_id("trunk-step-CALL_RINGS")).to_be_visible(timeout=30_000)
    await carrier.sees("CALL_CLOSED")


async def test_owner_is_told_what_to_do_about_a_carrier_that_is_not_there_also_in_persian_on_a_telephone(
    owners: Company,
) -> None:
    trunk_id = await a_trunk(owners, "sip.carrier.invalid", 5060)
    async with chromium() as browser:
        page = await signed_in(
            await person(browser, tone=440, width=390, height=844), owners.url, owners.email, "/admin/trunks"
        )
        await page.get_by_test_id(f"trunk-{trunk_id}-test").click()
        await page.get_by_test_id("trunk-test-number").fill("112")
        await page.get_by_test_id("trunk-test-save").click()
        await expect(page.get_by_test_id("trunk-step-NAME_UNKNOWN")).to_contain_text("Check its spelling")
        await expect(page.get_by_test_id("trunk-step-EMERGENCY_NUMBER")).to_be_visible()
        await page.keyboard.press("Escape")

        await page.evaluate("localStorage.setItem('merkez.language', 'fa')")
        await page.reload()
        await page.get_by_test_id(f"trunk-{trunk_id}-test").click()
        await page.get_by_test_id("trunk-test-save").click()
        await expect(page.get_by_test_id("trunk-step-NAME_UNKNOWN")).to_contain_text("املایش")
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, "nothing stands out at the side"


async def test_owner_pastes_the_carriers_numbers_is_told_which_are_none_and_unbinds_one(owners: Company) -> None:
    async with chromium() as browser:
        page = await signed_in(await person(browser, tone=440), owners.url, owners.email)
        await page.get_by_test_id("nav-numbers").click()
        await page.get_by_test_id("number-bring").click()
        await expect(page.get_by_test_id("bring-no-trunk")).to_be_visible()
        await page.keyboard.press("Escape")
        await a_trunk(owners, "127.0.0.9", 5060)
        await page.reload()
        await page.get_by_test_id("number-bring").click()
        await page.get_by_test_id("bring-entries").fill("Number;Name\n+902129001000;Sales\n+902129001002-03\n12")
        await page.get_by_test_id("bring-save").click()
        await expect(page.get_by_test_id("bring-entries")).to_have_accessible_description(re.compile(": 12"))
        assert not [each for each in (await owners.owner.get("/v1/numbers"))["numbers"] if each.get("brought")]

        await page.get_by_test_id("bring-entries").fill("Number;Name\n+902129001000;Sales\n+902129001002-03")
        await page.get_by_test_id("bring-save").click()
        await expect(page.get_by_role("dialog")).to_have_count(0)
        for number in ("+902129001000", "+902129001002", "+902129001003"):
            await expect(page.get_by_test_id(f"number-{number}")).to_contain_text("Delta Telecom")

        await page.get_by_test_id("number-+902129001000-edit").click()
        await page.get_by_test_id("number-trunk").click()
        await page.get_by_role("option", name="No trunk").click()
        await page.get_by_test_id("number-save").click()
        await expect(page.get_by_test_id("number-+902129001000")).to_contain_text("No trunk")
        held = {each["number"]: each for each in (await owners.owner.get("/v1/numbers"))["numbers"]}
        assert not held["+902129001000"].get("trunkId") and held["+902129001002"]["trunkId"]


async def test_a_number_of_another_company_is_named_and_nothing_is_taken(system: System, owners: Company) -> None:
    trunk_id = await a_trunk(owners, "127.0.0.9", 5060)
    other = await (await Company.sign_up(system.url)).set_up()
    theirs = {
        "requestId": request_id(),
        "entries": ["+902129002001"],
        "trunkId": await a_trunk(other, "127.0.0.8", 5060),
    }
    await other.owner.post("/v1/numbers:bring", theirs | {"brandId": other.brand["brandId"]})
    await other.close()
    async with chromium() as browser:
        page = await signed_in(await person(browser, tone=440), owners.url, owners.email)
        await page.get_by_test_id("nav-numbers").click()
        await page.get_by_test_id("number-bring").click()
        await page.get_by_test_id("bring-entries").fill("+902129002000-02")
        await page.get_by_test_id("bring-save").click()
        await expect(page.get_by_test_id("problem")).to_contain_text("+902129002001")
    assert trunk_id
    assert not [each for each in (await owners.owner.get("/v1/numbers"))["numbers"] if each.get("brought")]

"""An owner links a carrier, gives an agent a desk phone and says where calls may go, in a real browser."""

from __future__ import annotations

import re

import pytest
from merkez_local.system import System
from playwright.async_api import expect
from testkit.browser import chromium, person, signed_in
from testkit.company import Company

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


async def test_owner_adds_a_trunk_is_told_what_is_wrong_with_it_and_deletes_it(
    system: System, company: Company
) -> None:
    async with chromium() as browser:
        page = await signed_in(await person(browser, tone=440), company.url, company.email)
        await page.get_by_test_id("nav-trunks").click()
        await expect(page.get_by_text("No trunk yet")).to_be_visible()
        await page.get_by_test_id("trunk-add").click()
        await page.get_by_test_id("trunk-save").click()
        await expect(page.get_by_test_id("trunk-name")).to_be_focused()
        await page.get_by_test_id("trunk-name").fill("Delta Telecom")
        await page.get_by_test_id("trunk-host-0").fill("not a host")
        await page.get_by_test_id("trunk-user").fill("merkez")
        await page.get_by_test_id("trunk-password").fill("correct horse")
        await page.get_by_test_id("trunk-rates").fill("AZ 0.02\nTurkey")
        await page.get_by_test_id("trunk-save").click()
        await expect(page.get_by_test_id("problem")).to_contain_text("Line 2")
        await page.get_by_test_id("trunk-rates").fill("AZ 0.02\n* 0.20")
        await page.get_by_test_id("trunk-save").click()
        await expect(page.get_by_test_id("trunk-host-0")).to_have_accessible_description(re.compile("host name"))
        await page.get_by_test_id("trunk-host-0").fill("sip.delta.example")
        await page.get_by_test_id("trunk-save").click()
        await expect(page.get_by_role("dialog")).to_have_count(0)
        [trunk] = (await company.owner.get("/v1/trunks"))["trunks"]
        assert trunk["hasPassword"] and trunk["gateways"][0]["port"] == 5060 and "password" not in trunk
        row = page.get_by_test_id(f"trunk-{trunk['trunkId']}")
        await expect(row).to_contain_text("sip.delta.example:5060")
        await expect(page.get_by_test_id(f"trunk-{trunk['trunkId']}-health")).to_have_attribute(
            "data-state", "HEALTH_STATE_UNKNOWN"
        )
        await page.get_by_test_id(f"trunk-{trunk['trunkId']}-edit").click()
        await expect(page.get_by_test_id("trunk-rates")).to_have_value("* 0.20\nAZ 0.02")
        await page.keyboard.press("Escape")
        await page.get_by_test_id(f"trunk-{trunk['trunkId']}-delete").click()
        await page.get_by_test_id("confirm").click()
        await expect(page.get_by_text("No trunk yet")).to_be_visible()


async def test_a_desk_phones_secret_is_shown_once_and_in_no_list(system: System, company: Company) -> None:
    async with chromium() as browser:
        page = await signed_in(await person(browser, tone=440), company.url, company.email)
        await page.get_by_test_id("nav-devices").click()
        await page.get_by_test_id("device-add").click()
        await page.get_by_test_id("device-name").fill("Desk 7")
        await page.get_by_test_id("device-agent").click()
        await page.get_by_role("option").first.click()
        await page.get_by_test_id("device-save").click()
        secret = (await page.get_by_test_id("device-secret").inner_text()).strip()
        user = (await page.get_by_test_id("device-user").inner_text()).strip()
        assert len(secret) == 20
        await page.get_by_test_id("device-done").click()
        await expect(page.get_by_text(user)).to_be_visible()
        listed = await company.owner.get("/v1/devices")
        assert [each["userName"] for each in listed["devices"]] == [user] and secret not in str(listed)
        await page.reload()
        await expect(page.get_by_text(user)).to_be_visible()
        await expect(page.get_by_test_id("device-secret")).to_have_count(0)


async def test_in_a_company_of_several_brands_the_page_says_which_phone_cant_dial_out_and_an_owner_mends_it(
    system: System, company: Company
) -> None:
    agent_id = (await company.owner.get("/v1/me"))["userId"]
    device = {"agentId": agent_id, "displayName": "Old desk"}
    made = (await company.owner.post("/v1/devices", {"requestId": "old-desk", "device": device}))["device"]
    await company.subscribe((await company.owner.get("/v1/plans"))["plans"][-1]["planId"])
    brand = {"displayName": "Luna", "language": "en", "timeZone": "Asia/Baku"}
    luna = await company.owner.post("/v1/brands", {"requestId": "luna", "brand": brand})
    async with chromium() as browser:
        page = await signed_in(await person(browser, tone=440), company.url, company.email, "/admin/devices")
        row = page.get_by_test_id(f"device-{made['deviceId']}")
        await expect(row).to_contain_text("Can't dial out")
        await page.get_by_test_id(f"device-{made['deviceId']}-edit").click()
        await expect(page.get_by_test_id("device-brand")).to_have_accessible_description(re.compile("several brands"))
        await page.get_by_test_id("device-brand").click()
        await page.get_by_role("option", name="Luna", exact=True).click()
        await page.get_by_test_id("device-save").click()
        await expect(row).to_contain_text("Luna")
        [stored] = [
            each for each in (await company.owner.get("/v1/devices"))["devices"] if each["deviceId"] == made["deviceId"]
        ]
        assert stored["brandId"] == luna["brandId"]
    await company.owner.delete(f"/v1/devices/{made['deviceId']}")
    await company.owner.delete(f"/v1/brands/{luna['brandId']}")


async def test_a_country_is_found_by_its_code_and_blocked_and_limits_are_kept(system: System, company: Company) -> None:
    async with chromium() as browser:
        page = await signed_in(await person(browser, tone=440), company.url, company.email)
        await page.get_by_test_id("nav-outbound").click()
        await page.get_by_test_id("countries-search").fill("+53")
        await expect(page.get_by_test_id("country-CU")).to_contain_text("Blocked")
        await page.get_by_test_id("countries-search").fill("turkiye")
        await expect(page.get_by_test_id("country-TR")).to_contain_text("Allowed")
        await page.get_by_test_id("country-TR-choice").select_option("COUNTRY_CHOICE_BLOCKED")
        await expect(page.get_by_test_id("country-TR")).to_contain_text("Blocked")
        await page.get_by_test_id("outbound-spend").fill("much")
        await page.get_by_test_id("outbound-save").click()
        await expect(page.get_by_test_id("outbound-spend")).to_have_attribute("aria-invalid", "true")
        await page.get_by_test_id("outbound-spend").fill("25,5")
        await page.get_by_test_id("outbound-save").click()
        await expect(page.get_by_test_id("outbound-spend")).to_have_value("25.50")
        rules = (await company.owner.get("/v1/outbound/countries"))["rules"]
        assert [each["country"] for each in rules if each["choice"] != "COUNTRY_CHOICE_BY_TIER"] == ["TR"]

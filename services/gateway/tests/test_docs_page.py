"""The page to browse the API, in a real browser: found, read, tried, and open to everybody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from testkit.browser import chromium

AXE = Path(__file__).resolve().parents[3] / "services/web/node_modules/axe-core/axe.min.js"


@pytest.mark.browser
async def test_partner_finds_reads_and_tries_an_operation(house: Any, tmp_path: Path) -> None:
    house.world.add_key("mrk_docs", "queues.read")
    async with chromium(tmp_path) as browser:
        page = await browser.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(f"{house.url}/docs")
        await page.get_by_role("status").get_by_text("operations").wait_for()
        await page.get_by_label("Find", exact=True).fill("get /v1/queues queues.read")
        view = page.locator("details:visible").filter(has_text="Lists queues").first
        await view.locator("summary").click()
        await view.get_by_text("Answer: routing.v1.ListQueuesResponse").wait_for()
        await page.get_by_label("Access token or API key").fill("mrk_docs")
        await view.get_by_role("button", name="Send").click()
        await view.get_by_text("que_1").wait_for()
        assert complaints == [], "its own policy lets it do what it does"


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_the_api_page(house: Any, tmp_path: Path, scheme: Any) -> None:
    if not AXE.exists():
        pytest.skip("the web app's modules are not installed")
    async with chromium(tmp_path) as browser:
        page = await browser.new_page(color_scheme=scheme)
        await page.goto(f"{house.url}/docs")
        await page.get_by_role("status").get_by_text("operations").wait_for()
        await page.locator("details").first.locator("summary").click()
        result = await page.evaluate(f"{AXE.read_text()}; axe.run(document)")
        found = [f"{each['id']}: {each['nodes'][0]['target']}" for each in result["violations"]]
        assert found == []
        too_wide = await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not too_wide

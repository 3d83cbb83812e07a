"""The whole main job in real browsers: sign-up, guided set-up, widget, desktop, wallboard, recording, invoice."""

from __future__ import annotations

import pytest
from merkez_local.system import System
from testkit.browser import chromium
from testkit.journey import AGENT_HERTZ, CUSTOMER_HERTZ, Journey
from testkit.sound import loudest_by_channel


@pytest.mark.browser
@pytest.mark.timeout(300)
@pytest.mark.parametrize("language", ["en", "fa"])
async def test_company_signs_up_and_its_agent_answers_a_customer(system: System, language: str) -> None:
    async with chromium() as browser:
        journey = Journey(system.url, browser, language=language)
        try:
            await journey.run()
            left, right = loudest_by_channel(await journey.recording())
        finally:
            await journey.close()
    await journey.api.close()
    assert abs(left - CUSTOMER_HERTZ) < 12 and abs(right - AGENT_HERTZ) < 12
    assert 0 <= journey.figures["billed_seconds"] - journey.figures["cdr_seconds"] < 36
    assert journey.figures["signup_to_answer_s"] < 60

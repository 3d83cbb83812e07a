"""Who presses Enter twice has fetched the parked customer all the same, and has them as a contact until the end."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Browser
from testkit.company import Company
from testkit.screens import Desk, hears, hears_music, talk, widget

from .test_call_control import ANNA, BEN, CARLA, browser, company, phase, take_a_break

__all__ = ["browser", "company"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.mark.parametrize("times", [1, 2])
async def test_parked_call_is_the_agents_however_often_they_pressed_enter(
    company: Company, browser: Browser, times: int
) -> None:
    anna = await Desk(company, browser, name="Anna Able").available(tone=ANNA)
    customer = await widget(company, browser, tone=CARLA)
    await talk(customer, anna)
    await anna.get_by_test_id("call-more").click()
    await anna.get_by_test_id("call-park").click()
    code = await anna.get_by_test_id("park-code").inner_text()
    await hears_music(customer, ANNA)

    ben = await Desk(company, browser, name="Ben Bright").join(tone=BEN)
    await ben.get_by_test_id("nav-dial").click()
    await take_a_break(ben)
    await ben.get_by_test_id("retrieve-code").fill(code)
    # As fast as a key that bounces: what comes a tenth of a second later only hurts a busy server.
    submit = "(field, times) => { for (let at = 0; at < times; at++) field.form.requestSubmit(); }"
    await ben.get_by_test_id("retrieve-code").evaluate(submit, times)
    await hears(ben, CARLA)
    await asyncio.sleep(3)
    await hears(customer, BEN)
    await phase(ben, "talking")

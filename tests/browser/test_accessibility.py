"""axe finds nothing on any page or on a call, light and dark, left to right and right to left; and all of it fits."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio
from merkez_local.system import System
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect
from testkit import eventually
from testkit.browser import chromium, open_session, person
from testkit.company import PASSWORD, Api, Company, request_id
from testkit.journey import until
from testkit.people import AgentAtDesk, CallerOnWidget

from tests.browser.looking import SCREENS, SIDEWAYS, Onlookers, in_language, onlookers, settled, violations, wide

STRANGER_PAGES = ("/sign-up", "/sign-in")
OPERATOR_PAGES = ("/operator",)
OWNER_PAGES = (
    "/home", "/set-up", "/desktop", "/dial", "/voicemail", "/reach", "/wallboard", "/calls", "/contacts", "/callbacks",
    "/recordings", "/simulator", "/planning", "/intraday",
    "/customers", "/admin/brands", "/admin/numbers", "/admin/numbers/porting",
    "/admin/numbers/porting/new", "/admin/trunks",
    "/admin/devices", "/admin/outbound",
    "/admin/queues", "/admin/flows", "/admin/flows/{flow}", "/admin/prompts", "/admin/number-lists",
    "/admin/hours", "/admin/people", "/admin/dispositions", "/admin/api-keys", "/admin/audit", "/admin/billing",
    "/admin/organisation",
)  # fmt: skip
_TABS = 3
ENLARGED = ((320, 256), (341, 192))
"""A screen of 1280 x 1024 and one of 1366 x 768 at 400 %."""
HIT = """(element) => {
    const box = element.getBoundingClientRect();
    const top = document.elementFromPoint(box.left + box.width / 2, box.top + Math.min(box.height / 2, 20));
    return top !== null && (element.contains(top) || top.contains(element));
}"""
"""Whether an element is on the screen with nothing above it."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def agency(system: System) -> AsyncIterator[Company]:
    """A company after its set-up, whose offers and wrap-ups last as long as it takes to look at them."""
    slowly = {"offerTimeout": "120s", "wrapUpDuration": "600s"}
    company = await (await Company.sign_up(system.url)).set_up(language="fa", queue=slowly)
    for name in ("Solved", "Call back"):
        disposition = {"displayName": name}
        await company.owner.post("/v1/dispositions", {"requestId": request_id(), "disposition": disposition})
    yield company
    await company.close()


@pytest.mark.browser
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("tr", ""), ("az", ""), ("fa", "dark")])
async def test_every_page_fits_both_screens_and_axe_finds_nothing(
    browser: Browser, agency: Company, operators_email: str, language: str, scheme: str
) -> None:
    """axe looks at one language of each direction, in one colour scheme each: it reads structure, not words."""
    found: list[str] = []
    stranger = await in_language(browser, language, scheme)
    owner = await in_language(browser, language, scheme)
    operator = await in_language(browser, language, scheme)
    await open_session(owner, agency.url, agency.email)
    await open_session(operator, agency.url, operators_email)

    async def look(context: BrowserContext, paths: Sequence[str]) -> None:
        page = await context.new_page()
        for path in paths:
            await page.set_viewport_size({"width": 1366, "height": 768})
            of_brand = path.startswith("/brand/")
            loaded = of_brand or language == "en"
            await settled(page, agency.url + path.format(flow=agency.flow["flowId"]), loaded)
            spoken = agency.brand["language"] if of_brand else language
            direction = await page.evaluate("document.documentElement.dir")
            assert direction == ("rtl" if spoken == "fa" else "ltr"), path
            found.extend(await violations(page, path) if scheme else ())
            found.extend(await wide(page, path))

    await asyncio.gather(
        look(stranger, (*STRANGER_PAGES, f"/brand/{agency.brand['widgetKey']}")),
        # In several tabs, because most of a visit is waiting.
        *(look(owner, OWNER_PAGES[first::_TABS]) for first in range(_TABS)),
        look(operator, OPERATOR_PAGES),
    )
    for context in (stranger, owner, operator):
        await context.close()
    assert found == []


async def agent_of(company: Company) -> tuple[Api, str]:
    """A new agent, and the e-mail they sign in with."""
    email = f"agent-{secrets.token_hex(6)}@example.com"
    link = await company.invite(email)
    async with Api(company.url) as stranger:
        accepted = {"secret": link.rsplit("/", 1)[1], "displayName": "Alex Agent", "password": PASSWORD}
        session = await stranger.post("/v1/invitations:accept", accepted)
    agent = Api(company.url, session["accessToken"])
    company.people.append(agent)
    return agent, email


async def at_hand(element: Locator, what: str) -> None:
    """Waits until an element is on the screen with nothing above it: a page takes a moment to follow its window."""

    async def hit() -> bool:
        return await element.evaluate(HIT)

    hit.__name__ = f"{what}, on the screen with nothing above it,"
    await eventually(hit)


async def fits_enlarged(page: Page, phase: str) -> None:
    """At 400 % the page scrolls one way only, Answer is at hand at once, and what is typed in lies under nothing."""
    for width, height in ENLARGED:
        await page.set_viewport_size({"width": width, "height": height})
        assert await page.evaluate(SIDEWAYS) == [], (phase, width)
        if phase == "offered":
            await at_hand(page.get_by_test_id("offer-answer"), f"Answer at {width}")
            continue
        aims = ["wrapup-note", *(("call-hangup", "call-hold") if phase == "talking" else ())]
        for aim in aims:
            await page.get_by_test_id(aim).focus()
            await at_hand(page.get_by_test_id(aim), f"{aim} at {width}, {phase}")


@pytest.mark.browser
@pytest.mark.timeout(400)
async def test_axe_finds_nothing_while_an_agent_is_on_a_call(browser: Browser, agency: Company) -> None:
    api, email = await agent_of(agency)
    customer = await (await person(browser, tone=620)).new_page()
    desk = AgentAtDesk(api)
    async with onlookers(browser, agency, "/desktop", email) as agent:
        await desk.sit_down()

        async def reached(phase: str, on_widget: str) -> None:
            async def look(name: str, page: Page) -> None:
                await page.reload()
                await expect(page.get_by_test_id("call-dock")).to_have_attribute("data-phase", phase, timeout=30_000)
                await fits_enlarged(page, phase)

            await until(customer, f"window.__merkezWidget?.state.phase === '{on_widget}'")
            for scheme, (width, height) in zip(("light", "dark"), SCREENS, strict=True):
                await customer.emulate_media(color_scheme=scheme)
                await customer.set_viewport_size({"width": width, "height": height})
                agent.found += await violations(customer, f"the widget, {on_widget}, {scheme} at {width}")
            await agent.each(look)
            await agent.look(phase)

        await customer.goto(f"{agency.url}/brand/{agency.brand['widgetKey']}")
        await customer.get_by_test_id("widget-name").fill("Carla Caller")
        await customer.get_by_test_id("widget-number").fill("+905321112233")
        await customer.get_by_test_id("widget-call").click()
        await until(customer, "window.__merkezWidget?.state.phase === 'menu'")
        agent.found += await violations(customer, "the widget, menu")
        await customer.get_by_test_id("widget-key-1").click()
        offer = await desk.offered()
        await reached("offered", "queued")
        for page in agent.pages.values():
            await expect(page).to_have_title(
                f"☎ {agency.brand['displayName']} · Carla Caller · {await heading(page)} · Merkez"
            )
        await desk.answer(offer)
        await reached("talking", "answered")
        call = f"/v1/calls/{(await desk.desktop())['contact']['callId']}"
        await agent.open(
            "keypad", lambda page: page.get_by_test_id("call-keypad"), lambda page: page.get_by_test_id("keypad")
        )
        await agent.open(
            "handing on", lambda page: page.get_by_test_id("call-transfer"), lambda page: page.get_by_role("dialog")
        )
        await agent.open("more", lambda page: page.get_by_test_id("call-more"), lambda page: page.get_by_role("menu"))
        await asked_and_joined(agency, desk, agent)
        await api.post(f"{call}:hold")
        await reached("held", "held")
        await agent.open(
            "state menu", lambda page: page.get_by_test_id("agent-state"), lambda page: page.get_by_role("menu")
        )
        await agent.open(
            "user menu", lambda page: page.get_by_test_id("user-menu"), lambda page: page.get_by_role("menu")
        )
        await api.post(f"{call}:resume")
        await customer.get_by_test_id("widget-hangup").click()
        await reached("wrapUp", "ended")
        await agent.open(
            "dispositions",
            lambda page: page.get_by_test_id("wrapup-disposition"),
            lambda page: page.get_by_role("listbox"),
        )
        assert agent.found == []
    await customer.context.close()
    await desk.leave()


async def asked_and_joined(company: Company, desk: AgentAtDesk, agent: Onlookers) -> None:
    """The agent asks a colleague, joins everybody and lets them go again."""
    colleague = AgentAtDesk(await company.hire(name="Ben Bright"), tone=530)
    await colleague.sit_down()
    call = f"/v1/calls/{(await desk.desktop())['contact']['callId']}"
    ben = (await colleague.desktop())["agent"]["agentId"]
    await desk.api.post(f"{call}:consult", {"agentId": ben})
    await agent.each(lambda _, page: page.get_by_test_id("parties-ringing").wait_for())
    await agent.look("somebody is being rung")
    await colleague.answer(await colleague.offered())
    await agent.each(lambda _, page: page.get_by_test_id("parties-waiting").wait_for())
    await agent.look("somebody is being asked")
    joined = await desk.api.post(f"{call}:join")
    await agent.each(lambda _, page: page.get_by_test_id("parties-waiting").wait_for(state="detached"))
    await agent.look("a conference")
    leg = next(leg for leg in joined["legs"] if leg.get("agentId") == ben)
    await desk.api.post(f"{call}/legs/{leg['legId']}:drop")
    await agent.each(lambda _, page: page.get_by_test_id("parties").wait_for(state="detached"))
    await colleague.leave()


@pytest.mark.browser
@pytest.mark.timeout(300)
async def test_axe_finds_nothing_while_a_supervisor_listens(browser: Browser, agency: Company) -> None:
    desk, customer = AgentAtDesk(await agency.hire()), CallerOnWidget(agency)
    email = f"supervisor-{secrets.token_hex(6)}@example.com"
    link = await agency.invite(email, "SUPERVISOR", "Sue Super")
    async with Api(agency.url) as stranger:
        accepted = {"secret": link.rsplit("/", 1)[1], "displayName": "Sue Super", "password": PASSWORD}
        session = await stranger.post("/v1/invitations:accept", accepted)
    supervisor = AgentAtDesk(Api(agency.url, session["accessToken"]), tone=350)
    agency.people.append(supervisor.api)
    await desk.sit_down()
    await supervisor.sit_down(state="")
    await customer.dial()
    await customer.press("1")
    await desk.answer(await desk.offered())
    await customer.state("answered")
    await supervisor.api.post(f"/v1/calls/{customer.call['callId']}:supervise", {"mode": "SUPERVISION_MODE_WHISPER"})
    async with onlookers(browser, agency, "/wallboard", email) as watching:
        await watching.each(lambda _, page: page.get_by_test_id("supervision").wait_for())
        await watching.look("whispering, the wallboard")

        async def turn_to(path: str) -> None:
            async def turn(_: str, page: Page) -> None:
                await page.goto(agency.url + path)
                await page.get_by_test_id("supervision").wait_for()
                await page.wait_for_load_state("networkidle")

            await watching.each(turn)
            await watching.look(f"whispering, {path}")

        await turn_to("/calls")
        await turn_to(f"/calls/{customer.call['callId']}")
        assert watching.found == []
    await customer.hang_up()
    for each in (customer, desk, supervisor):
        await each.leave()


async def heading(page: Page) -> str:
    """The page's own name."""
    return await page.locator("h1").inner_text()


@pytest.mark.browser
@pytest.mark.timeout(300)
async def test_axe_finds_nothing_in_an_open_dialog(browser: Browser, agency: Company) -> None:
    async with onlookers(browser, agency, "/admin/dispositions") as owner:

        async def refuse(name: str, page: Page) -> None:
            """An empty form is not sent: it says what is missing, there and in the page's language."""
            await page.get_by_test_id("disposition-add").click()
            await page.get_by_test_id("disposition-save").click()
            field = page.get_by_test_id("disposition-name")
            await expect(field).to_have_attribute("aria-invalid", "true")
            await expect(field).to_be_focused()
            complaint = "این بخش را پر کنید." if name.startswith("fa") else "Please fill this in."
            await expect(page.get_by_role("dialog")).to_contain_text(complaint)

        await owner.each(refuse)
        await owner.look("a form with a complaint")
        await owner.each(lambda _, page: page.keyboard.press("Escape"))
        await owner.each(lambda _, page: page.get_by_role("dialog").wait_for(state="hidden"))
        await owner.open(
            "confirmation",
            lambda page: page.locator("[data-testid^=disposition-dsp_][data-testid$=-delete]").first,
            lambda page: page.get_by_test_id("confirm"),
        )
        await owner.each(lambda _, page: page.goto(f"{agency.url}/admin/trunks"))
        await owner.open(
            "a long form",
            lambda page: page.get_by_test_id("trunk-add"),
            lambda page: page.get_by_test_id("trunk-rates"),
        )
        assert owner.found == []


@pytest.mark.browser
@pytest.mark.parametrize("language", ["en", "fa"])
async def test_sign_up_and_set_up_fit_a_phone(browser: Browser, system: System, language: str) -> None:
    company = await (await Company.sign_up(system.url, language=language)).set_up(language=language)
    context = await in_language(browser, language, "light")
    page = await context.new_page()
    await page.set_viewport_size({"width": 390, "height": 844})

    async def fits() -> None:
        tops = [
            (await page.get_by_test_id(name).bounding_box() or {"y": -1.0})["y"]
            for name in ("language-menu", "theme-menu")
        ]
        assert abs(tops[0] - tops[1]) < 8, "the header takes one line"
        assert await page.evaluate(SIDEWAYS) == []

    await page.goto(f"{company.url}/sign-up")
    await page.wait_for_selector("h1")
    await fits()
    await open_session(context, company.url, company.email)
    await page.goto(f"{company.url}/set-up")
    await page.get_by_test_id("setup-invite-email").fill("alex.with.a.rather.long.address@customer-service.example.com")
    await page.get_by_test_id("setup-next").click()
    await page.get_by_test_id("invitation-link").wait_for()
    await fits()
    await context.close()
    await company.close()

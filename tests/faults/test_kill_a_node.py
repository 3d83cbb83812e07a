"""Two telephony nodes: SIGKILL for the one that has the calls, SIGSTOP, a drain. Calls go on, books are whole after.

Held to seconds on two cores, so nothing else runs beside it (`make test`)."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from merkez_local.console import Console
from merkez_local.system import Options, System
from playwright.async_api import Page
from testkit import screens
from testkit.browser import chromium
from testkit.company import PASSWORD, Api, Company, Json
from testkit.journey import until
from testkit.offices import Office
from testkit.people import AgentAtDesk, CallerOnWidget
from testkit.waiting import eventually

from tests.faults.telephones import Telephone
from tests.faults.two_nodes import (
    FIRST,
    SECOND,
    a_new_call,
    adopted_at,
    drain,
    draining,
    elsewhere,
    instant,
    live_calls,
    media_sockets,
    node_of,
    report,
    seconds_of,
    undrain,
)
from tests.flows.test_inbound_call import AGENT_HERTZ, CUSTOMER_HERTZ, cdrs_of, talk, usage_of

BACK_SECONDS = 5.0
"""Audio is back within this time of a node's death (goal of docs/mechanisms/nodes.md)."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """A running system of its own, with two telephony nodes."""
    options = Options(
        data_dir=tmp_path_factory.mktemp("nodes", numbered=True), http_port=0, grpc_port=0, durable=False,
        telephony_nodes=2, environment={"MERKEZ_SIP_LISTEN": "udp:127.0.0.1:0"},
    )  # fmt: skip
    running = System(options, Console(quiet=True))
    await running.start()
    yield running
    await running.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def company(system: System) -> AsyncIterator[Company]:
    made = await (await Company.sign_up(system.url)).set_up()
    yield made
    await made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def operator(system: System) -> AsyncIterator[Api]:
    """A platform operator of this system, signed in."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "merkez_local", "operator", "operator@platform.example",
        env=os.environ | {"MERKEZ_LOCAL_DIR": str(system.data_dir)}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    async with Api(system.url) as stranger:
        body = {"secret": out.decode().strip().rpartition("/")[2], "displayName": "Opal", "password": PASSWORD}
        session = await stranger.post("/v1/invitations:accept", body)
    async with Api(system.url, session["accessToken"]) as signed_in:
        yield signed_in


@pytest_asyncio.fixture(loop_scope="session")
async def office(company: Company) -> AsyncIterator[Office]:
    """A company with room for calls of every kind."""
    await company.subscribe("scale")
    made = Office(company)
    yield made
    await made.leave()


async def test_a_call_goes_on_at_another_node_when_its_own_is_killed(
    system: System, company: Company, agent: AgentAtDesk, caller: CallerOnWidget
) -> None:
    await talk(agent, caller)
    call_id = caller.call["callId"]
    await eventually(lambda: agent.peer.packets_heard > 150)
    victim = await node_of(system, call_id)
    old = agent.peer, caller.peer
    killed = time.monotonic()
    system.children[victim].kill()
    await asyncio.gather(agent.come_back(AGENT_HERTZ), caller.come_back(CUSTOMER_HERTZ))
    await asyncio.gather(agent.peer.hears(CUSTOMER_HERTZ), caller.peer.hears(AGENT_HERTZ))
    outage = (max(peer.arrivals[-1] for peer in old), min(peer.arrivals[0] for peer in (agent.peer, caller.peer)))
    assert time.monotonic() - killed < BACK_SECONDS
    assert await node_of(system, call_id) != victim or system.children[victim].restarts
    assert "CallMoved" in [frame.get("fact") for frame in agent.socket.pushed]

    await agent.api.post(f"/v1/calls/{call_id}:hangUp")
    await agent.event("WrapUpStarted")
    cdrs = await eventually(lambda: cdrs_of(company.owner, call_id))
    assert [cdr["endCause"] for cdr in cdrs] == ["NORMAL"]
    talked = float(cdrs[0]["talkDuration"].removesuffix("s"))
    assert abs(float(cdrs[0]["duration"].removesuffix("s")) - talked) < 30
    usage = await eventually(lambda: usage_of(company.owner, call_id))
    assert len(usage) == 1
    recordings = await eventually(lambda: two_parts(company, call_id), deadline=60)
    assert len(recordings) == 2
    gap_is_the_outage(recordings, *outage)


MISSED_SECONDS = 0.1
"""What a recording may lack beyond the time for which nobody heard anybody."""


def gap_is_the_outage(parts: list[Json], last: float, first: float) -> None:
    """What is missing between two parts of a call isn't longer than its parties heard nothing: from the `last` packet
    before to the `first` one after, by the monotonic clock. It is told by their times, and the second one's gap map.
    """
    one, two = sorted(parts, key=lambda each: instant(each["startTime"]))
    end, began = instant(one["startTime"]) + seconds_of(one["duration"]), instant(two["startTime"])
    clock = time.time() - time.monotonic()
    missing, outage = began - end, first - last
    met = missing <= outage + MISSED_SECONDS
    report("recording_gap_after_sigkill", round(missing, 3), "s", round(outage + MISSED_SECONDS, 3), "lower", met,
           outage=round(outage, 3), end_after_last_packet=round(end - clock - last, 3))  # fmt: skip
    assert met and end - clock >= last - MISSED_SECONDS
    noted = [gap for gap in two.get("gaps", ()) if seconds_of(gap["startOffset"]) < MISSED_SECONDS]
    silent = max((seconds_of(gap["duration"]) for gap in noted), default=0.0)
    late = min(seconds_of(track.get("startOffset", "0s")) for track in two["tracks"])
    assert missing + max(silent, late) >= outage - 2 * MISSED_SECONDS, (missing, two["gaps"], two["tracks"])


async def two_parts(company: Company, call_id: str) -> list[Json] | None:
    """The call's recordings, once both are stored."""
    found = (await company.owner.get("/v1/recordings", callId=call_id)).get("recordings", [])
    stored = [each for each in found if each["state"] == "RECORDING_STATE_STORED"]
    return stored if len(stored) >= 2 else None


@pytest.mark.browser
async def test_pages_hear_each_other_again_within_seconds_when_their_calls_node_is_killed(
    system: System, company: Company
) -> None:
    for process in (FIRST, SECOND):
        await system.wait_ready(process)
    async with chromium() as browser:
        agent = await screens.Desk(company, browser).available()
        customer = await screens.widget(company, browser)
        await screens.talk(customer, agent, key="1")
        victim = await node_of(system, (await company.owner.get("/v1/calls"))["calls"][0]["callId"])

        async def back(page: Page, hertz: int) -> float:
            """Seconds from the kill until a page hears again what it should."""
            await screens.hears_anew(page, made[page], hertz)
            return time.monotonic() - killed

        made = {page: await screens.connections_made(page) for page in (agent, customer)}
        killed = time.monotonic()
        system.children[victim].kill()
        seconds = max(await asyncio.gather(back(agent, 620), back(customer, 440)))
        report("pages_back_after_sigkill", round(seconds, 2), "s", BACK_SECONDS, "lower", seconds <= BACK_SECONDS)
        assert seconds <= BACK_SECONDS
        await agent.get_by_test_id("call-hangup").click()
        await until(customer, "window.__merkezWidget.state.phase === 'ended'")


TELEPHONE_NUMBER, TELEPHONE_HERTZ = "+905321234567", 2900.0
CALLER_HERTZ, PHONE_HERTZ = 2750.0, 2600.0


@pytest.mark.timeout(300)
async def test_calls_of_every_kind_go_on_when_their_node_is_killed_and_each_is_billed_once_for_what_it_was(
    system: System, operator: Api, office: Office
) -> None:
    await system.wait_ready(FIRST)
    await system.wait_ready(SECOND)
    await drain(system, operator, SECOND)
    assert await draining(operator, SECOND)
    phones = await on_telephones(office)
    await office.fill()
    assert (await live_calls(operator))[FIRST] >= len(office.calls)
    await undrain(system, operator, SECOND)
    assert not await draining(operator, SECOND)

    killed, killed_at = time.monotonic(), time.time()
    system.children[FIRST].kill()
    newcomer = asyncio.create_task(a_new_call(office.company, killed))  # noqa: TID251 - awaited below
    moved = asyncio.create_task(adopted_at(system, list(office.calls.values())))  # noqa: TID251 - awaited below
    back = await office.back(killed)
    in_time = sum(seconds <= BACK_SECONDS for seconds in back.values()) / len(back)
    report("webrtc_legs_back_after_sigkill", in_time, "share", 0.99, "higher", in_time >= 0.99, legs=back)
    new_call, adoption = await newcomer, await asyncio.wait_for(moved, 30)
    report("new_call_after_sigkill", round(new_call, 2), "s", BACK_SECONDS, "lower", new_call <= BACK_SECONDS)
    assert in_time >= 0.99 and new_call <= BACK_SECONDS

    assert [(phone.moves, phone.ended) for phone in phones] == [(1, [])] * len(phones)
    await end_all(office)
    for kind, call_id in office.calls.items():
        cdrs = await eventually(lambda call_id=call_id: cdrs_of(office.company.owner, call_id))
        assert len(cdrs) == 1, kind
        proved = killed_at - instant(cdrs[0]["startTime"]) + instant(cdrs[0]["endTime"]) - adoption[call_id]
        billed = seconds_of(cdrs[0]["duration"])
        assert abs(billed - proved) < 1.0, f"{kind}: {billed} s of {proved} s"
        usage = await eventually(lambda call_id=call_id: usage_of(office.company.owner, call_id))
        rang = instant(cdrs[0]["connectTime"]) - instant(cdrs[0]["startTime"]) if "connectTime" in cdrs[0] else 0.0
        charged = math.ceil(round(billed - rang, 6))  # a call out is charged from when the number answered
        assert [int(each["usedSeconds"]) for each in usage] == [charged], kind


async def on_telephones(office: Office) -> list[Telephone]:
    """An agent has rung a number, another has been rung by one, a third talks on a desk phone; their telephones."""
    company = office.company
    rung = await Telephone.of(company, TELEPHONE_HERTZ)
    await office.dial("trunk", TELEPHONE_NUMBER, rung, TELEPHONE_HERTZ)
    desk = AgentAtDesk(await company.hire())
    me = await desk.api.get("/v1/me")
    phone = await Telephone.on_the_desk_of(company, me["userId"], PHONE_HERTZ, rung.rung_from)
    await office.talk_on_phone("desk phone", desk, phone, PHONE_HERTZ)
    calling = await Telephone.at(CALLER_HERTZ)
    # A node reads every five seconds what trunks there are.
    await eventually(lambda: calling.call(company.number["number"], rung.rung_from), every=0.5)
    await calling.peer.hears_sound()
    await calling.peer.press("1")
    await office.take("trunk in", calling, CALLER_HERTZ)
    return [rung, calling, phone]


async def end_all(office: Office) -> None:
    """Agents hang up, and the customers who have none."""
    for kind, call_id in office.calls.items():
        desk = office.agents.get(kind)
        if desk is not None:
            await desk.api.post(f"/v1/calls/{call_id}:hangUp")
    for party in office.parties:
        if isinstance(party.who, CallerOnWidget) and party.name.partition(":")[0] not in office.agents:
            await party.who.hang_up()


ASLEEP_SECONDS = 6.0
"""How long a node stands still: longer than until its calls are adopted."""


@pytest.mark.timeout(300)
async def test_a_node_that_stood_still_wakes_to_find_its_calls_gone_and_nobody_hears_it_any_more(
    system: System, operator: Api, office: Office
) -> None:
    for process in (FIRST, SECOND):
        await system.wait_ready(process)
    await drain(system, operator, SECOND)
    phone = await Telephone.of(office.company, TELEPHONE_HERTZ)
    await office.talk("talking")
    await office.dial("trunk", TELEPHONE_NUMBER, phone, TELEPHONE_HERTZ)
    await undrain(system, operator, SECOND)
    assert {await node_of(system, call_id) for call_id in office.calls.values()} == {FIRST}
    stopped = time.monotonic()
    os.kill(system.children[FIRST].pid, signal.SIGSTOP)
    try:
        back = await office.back(stopped)
        assert max(back.values()) < 60, back
        streams = set(phone.peer.sources)
        await eventually(lambda: time.monotonic() - stopped > ASLEEP_SECONDS, deadline=ASLEEP_SECONDS + 5)
    finally:
        heard = len(phone.peer.headers)
        os.kill(system.children[FIRST].pid, signal.SIGCONT)
    report(
        "back_after_sigstop",
        max(back.values()),
        "s",
        BACK_SECONDS,
        "lower",
        max(back.values()) <= BACK_SECONDS,
        legs=back,
    )
    await eventually(lambda: len(phone.peer.headers) > heard + 150)
    own = Counter(ssrc for *_, ssrc in phone.peer.headers[heard:])
    assert len(own) == 1, f"two voices, with so many packets each: {own} of {streams}"
    for party in office.parties:
        assert party.hears and abs(party.peer.frequencies(seconds=0.4)[0] - party.hears[0]) < 15, party.name
    assert phone.moves == 1 and not phone.ended
    assert not (await live_calls(operator))[FIRST]
    assert {await node_of(system, call_id) for call_id in office.calls.values()} == {SECOND}
    await eventually(lambda: not media_sockets(system, FIRST))

    await end_all(office)
    for kind, call_id in office.calls.items():
        await eventually(lambda call_id=call_id: cdrs_of(office.company.owner, call_id))
        recordings = await eventually(lambda call_id=call_id: two_parts(office.company, call_id), deadline=60)
        assert len(recordings) == 2, kind
        cdrs = await cdrs_of(office.company.owner, call_id)
        assert cdrs is not None and [cdr["endCause"] for cdr in cdrs] == ["NORMAL"], kind


async def test_a_node_that_an_operator_drains_gives_its_calls_away_and_nobody_is_cut_off(
    system: System, operator: Api, company: Company, agent: AgentAtDesk, caller: CallerOnWidget
) -> None:
    for process in (FIRST, SECOND):
        await system.wait_ready(process)
    await talk(agent, caller)
    call_id = caller.call["callId"]
    home = await node_of(system, call_id)
    began = time.monotonic()
    await drain(system, operator, home)
    await eventually(lambda: elsewhere(system, call_id, home))
    silent = await asyncio.gather(follow(agent, began), follow(caller, began))
    await asyncio.gather(agent.hears(CUSTOMER_HERTZ), caller.peer.hears(AGENT_HERTZ))
    report("interruption_by_drain", round(max(silent), 3), "s", 1.0, "lower", max(silent) < 1.0)
    assert max(silent) < 1.0
    another = await a_new_call(company, time.monotonic())
    assert another < BACK_SECONDS
    assert not (await live_calls(operator))[home]
    await undrain(system, operator, home)
    await agent.api.post(f"/v1/calls/{call_id}:hangUp")
    assert len(await eventually(lambda: cdrs_of(company.owner, call_id))) == 1


async def follow(party: AgentAtDesk | CallerOnWidget, since: float) -> float:
    """Do at once what the pages do on CallMoved; seconds without a packet until the new connection had one."""
    old = party.peer
    if isinstance(party, AgentAtDesk):
        await eventually(lambda: party.peer is not old)
    else:
        await party.move()
    await eventually(lambda: party.peer.arrivals)
    return party.peer.arrivals[0] - max(since, old.arrivals[-1])

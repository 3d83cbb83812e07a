"""NATS hears nothing for a minute: live calls don't notice, new ones are told, and the books are whole after."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import time

import pytest
from merkez_local.system import System
from testkit.company import Company, Problem
from testkit.people import AgentAtDesk, CallerOnWidget
from testkit.waiting import eventually
from testkit.webrtc import Peer

from tests.faults.two_nodes import a_new_call, report
from tests.flows.test_inbound_call import AGENT_HERTZ, CUSTOMER_HERTZ, cdrs_of, talk, usage_of

OUTAGE_SECONDS = 60.0


@pytest.mark.timeout(300)
async def test_calls_go_on_while_nats_stands_still_for_a_minute_and_everything_is_whole_after(
    system: System, company: Company, agent: AgentAtDesk, caller: CallerOnWidget
) -> None:
    other, other_caller = AgentAtDesk(await company.hire(), tone=1020), CallerOnWidget(company, tone=1300)
    offer = await talk(agent, caller)
    await other.sit_down()
    ended_in_it = await talk(other, other_caller, tones=(1020, 1300))
    server = system.servers["NATS"]
    restarts = server.restarts
    os.kill(server.pid, signal.SIGSTOP)
    began = time.monotonic()
    try:
        told = await try_to_call(company)
        await other.api.post(f"/v1/calls/{other_caller.call['callId']}:hangUp")

        async def over() -> bool:
            # Packets alone prove nothing: who hears nobody gets them too, of silence.
            await asyncio.gather(agent.peer.hears(CUSTOMER_HERTZ, timeout=5), caller.peer.hears(AGENT_HERTZ, timeout=5))
            return time.monotonic() - began > OUTAGE_SECONDS

        await eventually(over, deadline=OUTAGE_SECONDS + 30, every=0.5)
        silent = max(longest_silence(agent.peer, began), longest_silence(caller.peer, began))
    finally:
        os.kill(server.pid, signal.SIGCONT)
    report("silence_while_nats_is_away", round(silent, 3), "s", 1.0, "lower", silent < 1.0, new_call=told)
    assert silent < 3.0, "no timer of anybody who waits for NATS is in the way of voice"
    assert server.restarts == restarts
    assert told in ("answered", "503")
    await agent.hears(CUSTOMER_HERTZ)
    await agent.api.post(f"/v1/calls/{caller.call['callId']}:hangUp")
    for desk, call, contact in ((agent, caller, offer), (other, other_caller, ended_in_it)):
        await whole(company, desk, call.call["callId"], contact["contact"]["contactId"])
    await other.leave()
    await other_caller.leave()
    assert await a_new_call(company, time.monotonic()) < 30


async def try_to_call(company: Company) -> str:
    """What becomes of a new call: "answered", or the status and reason it is refused with."""
    customer = CallerOnWidget(company)
    try:
        async with asyncio.timeout(20):
            await customer.dial()
            await customer.peer.hears_sound()
        return "answered"
    except Problem as problem:
        return str(problem.status)
    finally:
        await customer.leave()


def longest_silence(peer: Peer, since: float) -> float:
    """Seconds between two packets, the longest."""
    arrivals = [since, *(each for each in peer.arrivals if each > since), time.monotonic()]
    return max(later - earlier for earlier, later in itertools.pairwise(arrivals))


async def whole(company: Company, desk: AgentAtDesk, call_id: str, contact_id: str) -> None:
    """One CDR, billed once, its contact over, its agent free."""
    assert len(await eventually(lambda: cdrs_of(company.owner, call_id), deadline=40)) == 1
    assert len(await eventually(lambda: usage_of(company.owner, call_id), deadline=40)) == 1

    async def over() -> bool:
        with contextlib.suppress(Problem):
            await desk.api.post(f"/v1/contacts/{contact_id}:endWrapUp", {"note": "done"})
        contact = await company.owner.get(f"/v1/contacts/{contact_id}")
        mine = (await desk.desktop()).get("agent", {})
        return contact["state"] == "CONTACT_STATE_ENDED" and mine.get("state") == "AGENT_STATE_AVAILABLE"

    await eventually(over, deadline=40)

"""SIGKILL any one service in mid-call: the talk goes on, and afterwards state, CDR, recording and bill are whole."""

from __future__ import annotations

import pytest
from merkez_local.system import System
from merkez_local.traces import Span, read_spans
from testkit.company import Company, Json
from testkit.people import AgentAtDesk, CallerOnWidget
from testkit.waiting import eventually

from tests.flows.test_inbound_call import (
    AGENT_HERTZ,
    CUSTOMER_HERTZ,
    cdrs_of,
    missing_seconds,
    talk,
    the_recording,
    usage_of,
)

AUDIO_SURVIVES = ("tenancy", "flows", "routing", "recording", "engagement", "billing", "analytics", "wfm", "gateway")


@pytest.mark.parametrize("victim", AUDIO_SURVIVES)
async def test_call_goes_on_while_a_service_dies_and_the_books_are_whole_after(
    system: System, company: Company, agent: AgentAtDesk, caller: CallerOnWidget, victim: str
) -> None:
    offer = await talk(agent, caller)
    call_id, contact_id = caller.call["callId"], offer["contact"]["contactId"]
    system.children[victim].kill()
    agent.peer.forget()
    caller.peer.forget()
    await agent.peer.hears(CUSTOMER_HERTZ, timeout=10)
    await caller.peer.hears(AGENT_HERTZ, timeout=10)
    await eventually(lambda: system.children[victim].restarts > 0 and system.children[victim].pid)
    await system.wait_ready(victim)

    await eventually(lambda: hung_up(agent, call_id))
    await eventually(lambda: wrapped_up(agent, contact_id))
    cdrs = await eventually(lambda: cdrs_of(company.owner, call_id))
    assert len(cdrs) == 1
    usage = await eventually(lambda: usage_of(company.owner, call_id))
    assert len(usage) == 1
    recording = await the_recording(company.owner, call_id)
    assert missing_seconds(recording, agent, caller) < 0.3


async def hung_up(agent: AgentAtDesk, call_id: str) -> bool:
    """Ends the call; True once the edge took it."""
    try:
        await agent.api.post(f"/v1/calls/{call_id}:hangUp")
    except Exception:
        return False
    return True


async def wrapped_up(agent: AgentAtDesk, contact_id: str) -> Json | None:
    """Ends wrap-up; the contact once it is over."""
    try:
        return await agent.api.post(f"/v1/contacts/{contact_id}:endWrapUp", {"note": "done"})
    except Exception:
        return None


async def test_telephony_that_dies_closes_its_calls_with_one_cdr_each(
    system: System, company: Company, agent: AgentAtDesk, caller: CallerOnWidget
) -> None:
    await talk(agent, caller)
    call_id = caller.call["callId"]
    # Up to a second of sound may die with the process: let there be more.
    await eventually(lambda: agent.peer.packets_heard > 100)
    system.children["telephony"].kill()
    await eventually(lambda: system.children["telephony"].restarts > 0 and system.children["telephony"].pid)
    await system.wait_ready("telephony")
    cdrs = await eventually(lambda: cdrs_of(company.owner, call_id))
    assert len(cdrs) == 1 and cdrs[0]["endCause"] == "NODE_LOST"
    usage = await eventually(lambda: usage_of(company.owner, call_id))
    assert len(usage) == 1
    recording = await the_recording(company.owner, call_id)
    assert recording["duration"] != "0s"
    call = await company.owner.get(f"/v1/calls/{call_id}")
    billed = await eventually(lambda: spans_of(system, "billing works CallEnded", call_id))
    assert {span["trace_id"] for span in billed} == {call["traceId"]}


def spans_of(system: System, name: str, key: str) -> list[Span]:
    """Spans of this name about this entity, of all services."""
    spans = read_spans(system.data_dir / "traces")
    return [span for span in spans if span["name"] == name and span["attributes"].get("merkez.key") == key]


async def test_audit_log_has_what_was_answered_right_before_the_edge_died(system: System, company: Company) -> None:
    await company.subscribe("scale")
    queue = await company.owner.post("/v1/queues", {"requestId": "last words", "queue": {"displayName": "Last words"}})
    system.children["gateway"].kill()
    await eventually(lambda: system.children["gateway"].restarts > 0 and system.children["gateway"].pid)
    await system.wait_ready("gateway")

    async def noted() -> list[Json]:
        listed = await company.owner.get("/v1/auditEntries", target=queue["queueId"])
        return listed.get("entries", [])

    entries = await eventually(noted)
    assert [entry["action"] for entry in entries] == ["routing.v1.QueueService/CreateQueue"]

"""Two telephony nodes and SIGKILL for the one that has the call: the other adopts it, and the books are whole after."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from merkez_local.console import Console
from merkez_local.system import Options, System
from testkit.company import Company, Json
from testkit.people import AgentAtDesk, CallerOnWidget
from testkit.waiting import eventually

from tests.flows.test_inbound_call import AGENT_HERTZ, CUSTOMER_HERTZ, cdrs_of, talk, usage_of

BACK_SECONDS = 5.0
"""Audio is back within this time of a node's death (goal of docs/mechanisms/nodes.md)."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """A running system of its own, with two telephony nodes."""
    options = Options(
        data_dir=tmp_path_factory.mktemp("nodes", numbered=True), http_port=0, grpc_port=0, durable=False, web=False,
        telephony_nodes=2,
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


async def node_of(system: System, call_id: str) -> str:
    """The process whose node owns the call."""
    connection = await asyncpg.connect(system.admin_database_url.replace("+asyncpg", ""))
    try:
        node = await connection.fetchval("SELECT node_id FROM telephony.live_calls WHERE call_id = $1", call_id)
    finally:
        await connection.close()
    return node.removesuffix("-0")


async def test_a_call_goes_on_at_another_node_when_its_own_is_killed(
    system: System, company: Company, agent: AgentAtDesk, caller: CallerOnWidget
) -> None:
    await talk(agent, caller)
    call_id = caller.call["callId"]
    await eventually(lambda: agent.peer.packets_heard > 150)
    victim = await node_of(system, call_id)
    killed = time.monotonic()
    system.children[victim].kill()
    await asyncio.gather(agent.come_back(AGENT_HERTZ), caller.come_back(CUSTOMER_HERTZ))
    await asyncio.gather(agent.peer.hears(CUSTOMER_HERTZ), caller.peer.hears(AGENT_HERTZ))
    assert time.monotonic() - killed < BACK_SECONDS
    assert await node_of(system, call_id) != victim or system.children[victim].restarts
    assert "CallMoved" in [frame.get("fact") for frame in agent.socket.pushed]

    await agent.api.post(f"/v1/calls/{call_id}:hangUp")
    await agent.event("WrapUpStarted")
    cdrs = await eventually(lambda: cdrs_of(company.owner, call_id), deadline=20)
    assert [cdr["endCause"] for cdr in cdrs] == ["NORMAL"]
    talked = float(cdrs[0]["talkDuration"].removesuffix("s"))
    assert abs(float(cdrs[0]["duration"].removesuffix("s")) - talked) < 30
    usage = await eventually(lambda: usage_of(company.owner, call_id), deadline=20)
    assert len(usage) == 1
    recordings = await eventually(lambda: two_parts(company, call_id), deadline=60)
    assert len(recordings) == 2


async def two_parts(company: Company, call_id: str) -> list[Json] | None:
    """The call's recordings, once both are stored."""
    found = (await company.owner.get("/v1/recordings", callId=call_id)).get("recordings", [])
    stored = [each for each in found if each["state"] == "RECORDING_STATE_STORED"]
    return stored if len(stored) >= 2 else None

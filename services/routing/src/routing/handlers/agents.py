"""AgentService."""

from __future__ import annotations

import asyncio
from typing import Any

from chassis.auth import principal
from chassis.instants import time_out
from chassis.paging import decode_name_token, encode_token, page_size
from kernel.ids import is_id, require_id
from merkez.routing.v1 import contact_pb2, contact_service_pb2
from merkez.routing.v1.contact_service_pb2_grpc import AgentServiceServicer

from routing import convert
from routing.capacity_proto import capacities_from_proto
from routing.domain.agents import Agent, AgentNotFound, AgentState, StationMissing
from routing.handlers.asking import Asked, page
from routing.ledger import Ledger
from routing.ops import agents as ops

_CHANGEABLE = ("skills", "queue_ids", "cost", "capacities", "auto_accept")
_STATION_WAIT = 1.0
"""The news that a microphone was just connected may be this late, in seconds."""


class AgentServicer(Asked, AgentServiceServicer):
    """Agents. `My` is the caller."""

    async def GetMyDesktop(
        self, request: contact_service_pb2.GetMyDesktopRequest, context: Any
    ) -> contact_service_pb2.GetMyDesktopResponse:
        agent_id, now = await self._myself(), self._desk.clock.now()
        found = await self._run(lambda tx: ops.desktop(tx, agent_id), read_only=True)
        offer = found.offer and found.contact and convert.offer_to_proto(found.offer, found.contact)
        return contact_service_pb2.GetMyDesktopResponse(
            agent=convert.agent_to_proto(found.agent),
            offer=offer,
            contact=found.contact and convert.contact_to_proto(found.contact),
            dispositions=map(convert.disposition_to_proto, found.dispositions),
            server_time=time_out(now),
        )

    async def SetMyState(self, request: contact_service_pb2.SetMyStateRequest, context: Any) -> contact_pb2.Agent:
        agent_id = await self._myself()
        state = convert.agent_state(request.state)
        loop = asyncio.get_running_loop()
        end = loop.time() + _STATION_WAIT
        with self._desk.arrivals.of(principal().tenant_id, agent_id) as changed:
            while True:
                changed.clear()
                try:
                    return convert.agent_to_proto(await self._set(agent_id, state, request))
                except StationMissing as missing:
                    try:
                        await asyncio.wait_for(changed.wait(), end - loop.time())
                    except TimeoutError:
                        raise missing from None

    async def GetAgent(self, request: contact_service_pb2.GetAgentRequest, context: Any) -> contact_pb2.Agent:
        agent_id = require_id("usr", request.agent_id, "agent_id")
        return convert.agent_to_proto(await self._run(lambda tx: ops.get_agent(tx, agent_id), read_only=True))

    async def ListAgents(
        self, request: contact_service_pb2.ListAgentsRequest, context: Any
    ) -> contact_service_pb2.ListAgentsResponse:
        size, after = page_size(request.page_size), decode_name_token(request.page_token)
        rows = await self._run(lambda tx: ops.list_agents(tx, size, after), read_only=True)
        listed, token = page(rows, size, lambda each: encode_token(each.display_name, each.agent_id))
        return contact_service_pb2.ListAgentsResponse(agents=map(convert.agent_to_proto, listed), next_page_token=token)

    async def ListColleagues(
        self, request: contact_service_pb2.ListColleaguesRequest, context: Any
    ) -> contact_service_pb2.ListColleaguesResponse:
        size, after, me = page_size(request.page_size), decode_name_token(request.page_token), principal().subject
        rows = await self._run(lambda tx: ops.list_agents(tx, size, after, without=me), read_only=True)
        listed, token = page(rows, size, lambda each: encode_token(each.display_name, each.agent_id))
        return contact_service_pb2.ListColleaguesResponse(
            colleagues=map(convert.colleague_to_proto, listed), next_page_token=token
        )

    async def UpdateAgent(self, request: contact_service_pb2.UpdateAgentRequest, context: Any) -> contact_pb2.Agent:
        agent = request.agent
        agent_id = require_id("usr", agent.agent_id, "agent.agent_id")
        fields = convert.masked(request.update_mask, agent, _CHANGEABLE)
        every = {
            "skills": convert.skills_from_proto(agent.skills),
            "queue_ids": tuple(agent.queue_ids),
            "cost": agent.cost,
            "auto_accept": agent.auto_accept,
            "capacities": capacities_from_proto(agent.capacities),
        }
        changes = {name: every[name] for name in fields}
        now = self._desk.clock.now()
        return convert.agent_to_proto(
            await self._run(lambda tx: ops.update_agent(tx, agent_id, changes, request.version, now))
        )

    async def SetAgentState(self, request: contact_service_pb2.SetAgentStateRequest, context: Any) -> contact_pb2.Agent:
        agent_id = require_id("usr", request.agent_id, "agent_id")
        state = convert.agent_state(request.state)
        return convert.agent_to_proto(await self._set(agent_id, state, request))

    async def _set(
        self, agent_id: str, state: AgentState,
        asked: contact_service_pb2.SetMyStateRequest | contact_service_pb2.SetAgentStateRequest,
    ) -> Agent:  # fmt: skip
        now = self._desk.clock.now()
        reason_id = require_id("nrr", asked.reason_id, "reason_id") if asked.reason_id else ""
        return await self._run(lambda tx: ops.set_state(tx, agent_id, state, asked.reason, now, reason_id=reason_id))

    async def _myself(self) -> str:
        """The caller's agent, made now when the news that they joined is still under way."""
        who, now = principal(), self._desk.clock.now()
        if not is_id("usr", who.subject):
            raise AgentNotFound("only people are agents")

        async def known(tx: Ledger) -> bool:
            return await ops.is_agent(tx, who.subject)

        if not await self._run(known, read_only=True):
            await self._run(lambda tx: ops.ensure_agent(tx, who.subject, who.name, now))
        return who.subject

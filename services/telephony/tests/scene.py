"""A customer who talks with an agent, over real media: where most of what happens to a call begins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from chassis.auth import acting_as
from kernel.errors import DomainError
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.domain.calls import Contact
from testkit.rpc import someone
from testkit.webrtc import Peer

from .conftest import Exchange, an_id

CUSTOMER_HZ, ANN_HZ, BEN_HZ, EVE_HZ, ZOE_HZ = 440.0, 880.0, 660.0, 1540.0, 1980.0


@dataclass
class Scene:
    """A customer who talks with Ann."""

    exchange: Exchange
    call_id: str
    customer: Peer
    ann: Peer
    ann_id: str

    async def do(self, verb: str, as_whom: str = "", *, role: str = "agent", **fields: Any) -> call_pb2.Call:
        request = getattr(call_service_pb2, f"{verb}Request")(call_id=self.call_id, **fields)
        with acting_as(someone(role, self.exchange.tenant_id, as_whom or self.ann_id)):
            return await getattr(self.exchange.calls, verb)(request)

    async def agent(self, tone: float) -> tuple[Peer, str]:
        """One more agent with a softphone."""
        peer, agent_id = self.exchange.peer(tone), an_id("usr")
        await self.exchange.attach(peer, agent_id)
        return peer, agent_id

    async def consult(self, agent_id: str) -> None:
        """Ann asks a colleague, who accepts."""
        await self.do("ConsultCall", agent_id=agent_id)
        await self.exchange.accept(self.call_id, agent_id, self.consult_contact())

    def consult_contact(self) -> Contact:
        call = self.exchange.switchboard.find(self.call_id)
        assert call is not None
        return Contact(next(leg.contact_id for leg in call.legs if leg.consulted), consult=True)

    async def refused(self, act: Callable[[], Awaitable[Any]]) -> str:
        with pytest.raises(DomainError) as caught:
            await act()
        return caught.value.reason


@pytest.fixture
async def scene(exchange: Exchange) -> Scene:
    customer, ann, ann_id = exchange.peer(CUSTOMER_HZ), exchange.peer(ANN_HZ), an_id("usr")
    await exchange.attach(ann, ann_id)
    response = await exchange.call(customer)
    await exchange.accept(response.call_id, ann_id)
    await customer.hears(ANN_HZ)
    await ann.hears(CUSTOMER_HZ)
    return Scene(exchange, response.call_id, customer, ann, ann_id)

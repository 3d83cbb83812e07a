"""An offer to an agent who is sought, and mobiles of a carrier, as tests of find-me want them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest_asyncio
from telephony.domain.calls import CallState, Contact
from telephony.domain.find_me import FindMe, Step, When
from telephony.domain.legs import Q850, Leg, Party
from telephony.ops import find_me as ops
from telephony.ops.find_me import Offered, Untaken
from telephony.sip import Invitation
from testkit import eventually
from testkit.rtp_peer import RtpPeer

from .carriers import Carrier
from .conftest import MUSIC_HZ, Exchange, an_id
from .test_sip_calls import NUMBER

CUSTOMER_HZ, MOBILE_HZ, DESK_HZ = 440.0, 880.0, 1320.0
HOME = "+905327654321"
SECONDS = timedelta(seconds=1)


@pytest_asyncio.fixture
async def mobiles() -> AsyncIterator[Callable[[float], Awaitable[Carrier]]]:
    """`await mobiles(tone)`: a carrier whose subscriber speaks with this tone."""
    made: list[Carrier] = []

    async def make(tone: float = MOBILE_HZ) -> Carrier:
        carrier = Carrier(await RtpPeer.start(tone))
        await carrier.start()
        made.append(carrier)
        return carrier

    yield make
    for carrier in made:
        await carrier.close()


@dataclass
class Search:
    """An offer that was made to an agent, and what routing says of it."""

    exchange: Exchange
    call_id: str
    customer: Any
    agent_id: str
    contact_id: str
    offer_id: str = field(default_factory=lambda: an_id("ofr"))

    def offered(self, *, away: bool = True, direct: bool = True, queue_id: str = "") -> Offered:
        return Offered(self.offer_id, self.call_id, self.contact_id, self.agent_id, direct, away, queue_id)

    async def begin(self, *, away: bool = True, direct: bool = True, queue_id: str = "") -> None:
        offered = self.offered(away=away, direct=direct, queue_id=queue_id)
        await self._run(lambda tx: ops.search(tx, offered, self.exchange.house.now()))
        self.exchange.switchboard.seek()

    async def accepted(self, _: object = None, *, direct: bool = True, queue_id: str = "") -> None:
        """What follows from OfferAccepted."""
        contact = Contact(self.contact_id, queue_id)
        now = self.exchange.house.now()
        found = await self._run(lambda tx: ops.accepted(tx, self.call_id, self.agent_id, contact, now, direct=direct))
        if found is not None:
            self.exchange.switchboard.settle(self.exchange.tenant_id, *found)
        self.exchange.switchboard.seek()

    async def over(self, q850: int = Q850.NO_ANSWER) -> None:
        """What follows from the offer's end without an answer."""
        found = await self._run(lambda tx: ops.end_search(tx, self.offered(), q850, self.exchange.house.now()))
        if found is not None:
            self.exchange.switchboard.settle(self.exchange.tenant_id, *found)
        self.exchange.switchboard.seek()

    async def untaken(self, reason: str = "offer_missed") -> Any:
        """What follows when routing has nobody else."""
        untaken = Untaken(self.call_id, self.contact_id, self.agent_id, reason)
        found = await self._run(lambda tx: ops.forward(tx, untaken, self.exchange.house.now()))
        if found is not None:
            self.exchange.switchboard.settle(self.exchange.tenant_id, *found)
        return found

    @property
    def legs(self) -> list[Leg]:
        live = self.exchange.switchboard.find(self.call_id)
        assert live is not None
        return list(live.legs)

    def sought(self) -> list[tuple[str, int]]:
        """(number, cause) of the agent's telephones, in the order they rang."""
        return [(leg.address, leg.q850_cause) for leg in self.legs if leg.party == Party.SOUGHT]

    async def _run(self, work: Any) -> Any:
        return await self.exchange.house.db.run(self.exchange.tenant_id, work)


async def setting(exchange: Exchange, agent_id: str, *steps: Step, **fields: Any) -> None:
    """Stored as it is, so that a test needn't wait for the shortest time an agent may set."""
    wanted = FindMe(agent_id, steps=steps, **{"when": When.ALWAYS, **fields})
    house = exchange.house
    await house.db.run(exchange.tenant_id, lambda tx: ops.replace(tx, wanted, 0, house.now()))


async def waiting(exchange: Exchange, *steps: Step, widget: str = "", caller_number: str = "", **fields: Any) -> Search:
    """A customer who waits for an agent with this find-me."""
    customer, agent_id = exchange.peer(CUSTOMER_HZ), an_id("usr")
    await setting(exchange, agent_id, *steps, **fields)
    call = await exchange.call(customer, widget=widget, caller_number=caller_number)
    await customer.hears(MUSIC_HZ)
    live = exchange.switchboard.find(call.call_id)
    assert live is not None
    await eventually(lambda: live.call.state is CallState.QUEUED)
    return Search(exchange, call.call_id, customer, agent_id, live.call.contact_id)


def mailbox(step_seconds: float = 5, *numbers: str) -> Step:
    return Step(step_seconds * SECONDS, numbers=numbers or (NUMBER,))


async def rings_from_now_on(carrier: Carrier) -> None:
    """The carrier's subscribers are rung and don't answer."""

    async def ring(invitation: Invitation) -> None:
        await invitation.ring()

    carrier.behave = ring

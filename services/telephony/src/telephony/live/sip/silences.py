"""Desk phones that say nothing when they are rung: no station until they are heard of again.

A phone whose registration still counts may be gone: unplugged, or behind a router that forgot it. After several silent
INVITEs in a row, over a while, it is nobody's station, so that no more customers wait for it; its next REGISTER makes
it one again, and so does any answer to the OPTIONS that it is asked from then on. The while, and those questions, are
for outages of the network: they take no station for longer than they last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from chassis.sql import Tx
from chassis.telemetry import log
from kernel.errors import Unavailable

from telephony.domain.devices import Binding, Device, Patience
from telephony.live.house import House
from telephony.live.sip.edges import Edges
from telephony.ops import devices as ops
from telephony.ops import stations as station_ops
from telephony.sip import Destination, Failure, SipAgent, SipParseError

ASK_SECONDS = 5.0
_ASK_WAIT = 2.0
_GIVEN_UP_SECONDS = 5.0
"""Who is no longer rung after so long without a word has been silent too: its INVITE was sent four times by then."""
_UNHEARD = frozenset({408, 477, 478, 503, 504})
"""What an edge, or this node, says of a phone that says nothing."""


class Silences:
    """Counts silent INVITEs, and asks those that count as unreachable. `ask` is a loop of main."""

    def __init__(self, house: House, edges: Edges, living: Callable[[], Sequence[str]]) -> None:
        settings = house.settings
        self._house = house
        self._edges = edges
        self._living = living
        self._patience = Patience(settings.phone_silent_invites, timedelta(seconds=settings.phone_silent_seconds))

    def failed(self, tenant_id: str, device: Device, binding: Binding, failure: Failure, seconds: float) -> None:
        """A phone of which nothing was heard before was rung in vain, for so long."""
        given_up = failure.local and failure.status == 487 and seconds >= _GIVEN_UP_SECONDS
        if given_up or failure.status in _UNHEARD:
            self._house.tasks.spawn(self._silent(tenant_id, device, binding), "a silent phone")
        elif not failure.local:
            self.heard(tenant_id, device, binding)

    def heard(self, tenant_id: str, device: Device, binding: Binding) -> None:
        """A phone said something."""
        if binding.silent_invites:
            self._house.tasks.spawn(self._heard(tenant_id, device, binding), "a phone is heard of")

    async def ask(self, agent: SipAgent) -> None:
        """Ask the phones that count as unreachable whether they are there; each by the node it signed in at, or by any
        when that one is dead."""
        try:
            found = await self._house.db.system(lambda tx: ops.unreachable(tx, self._house.now()), read_only=True)
        except Unavailable as error:
            log.warning("silent phones can't be looked up", exc_info=error)
            return
        me, living = self._house.settings.node_id, self._living()
        mine = [each for each in found if each[2].node_id == me or each[2].node_id not in living]
        await asyncio.gather(*(self._ask(agent, *each) for each in mine))

    async def _ask(self, agent: SipAgent, tenant_id: str, device: Device, binding: Binding) -> None:
        host, _, port = binding.source.rpartition(":")
        try:
            hop = self._edges.hop_of(binding.path[0]) if binding.path else None
            answer = await agent.options(
                binding.contact, hop or Destination(binding.transport.value, host, int(port)), seconds=_ASK_WAIT,
                routes=binding.path,
            )  # fmt: skip
        except (SipParseError, ValueError):
            return
        if not answer.local and answer.status not in _UNHEARD:
            await self._heard(tenant_id, device, binding)

    async def _silent(self, tenant_id: str, device: Device, binding: Binding) -> None:
        async def note(tx: Tx) -> bool:
            now = self._house.now()
            gone = await ops.note_silence(tx, device.device_id, binding, self._patience, now)
            if gone:
                await station_ops.follow_phones(tx, device.agent_id, self._house.settings.node_id, now)
            return gone

        if await self._noted(tenant_id, note):
            log.warning("a desk phone says nothing any more", device_id=device.device_id, agent_id=device.agent_id)

    async def _heard(self, tenant_id: str, device: Device, binding: Binding) -> None:
        async def note(tx: Tx) -> bool:
            back = await ops.note_heard(tx, device.device_id, binding)
            if back:
                await station_ops.follow_phones(tx, device.agent_id, self._house.settings.node_id, self._house.now())
            return back

        if await self._noted(tenant_id, note):
            log.info("a desk phone is heard of again", device_id=device.device_id, agent_id=device.agent_id)

    async def _noted(self, tenant_id: str, note: Callable[[Tx], Awaitable[bool]]) -> bool:
        try:
            return await self._house.db.run(tenant_id, note)
        except Unavailable as error:
            log.warning("what a phone said, or didn't, can't be written", exc_info=error)
            return False

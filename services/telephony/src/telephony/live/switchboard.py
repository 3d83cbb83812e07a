"""The live calls of this node and everything that is done to them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from chassis.sql import Tx
from chassis.telemetry import context_of_trace, log, tracer
from kernel.errors import Unavailable
from opentelemetry import context as otel
from opentelemetry import trace

from telephony.domain.calls import TALK_STATES, Actor, Call, CallEnded, EndCause, EndParty
from telephony.domain.cdrs import Ending
from telephony.domain.flow_dials import led_by_flow
from telephony.domain.legs import Q850, Leg, LegTrigger, Party
from telephony.domain.pick_ups import ahead
from telephony.live.call import LiveCall
from telephony.live.flow import FlowDriver, learn
from telephony.live.house import House, unbroken
from telephony.live.instructions import DialInFlow, Dialled, DialOrder
from telephony.live.ledger import LeaseLost
from telephony.live.outcomes import ended
from telephony.live.outside import NoTrunk, OutsideLeg
from telephony.live.recording import end_part, finish, record
from telephony.live.screens import leave_message, leaves_message
from telephony.live.seating import Seating
from telephony.live.stations import Stations
from telephony.media.media_leg import MediaLeg
from telephony.ops import calls as ops
from telephony.ops import parties as party_ops
from telephony.ops.parties import Found

LINGER_SECONDS = 3.0
"""A call that was handed over is heard here for at most this long, while its parties connect to the other node."""
_AHEAD_SECONDS = 0.3
"""How long who has picked up waits for it to be written, before the media go by it all the same."""
_PHRASE_OF = {EndCause.LIMIT: "busy", EndCause.SUSPENDED: "closed"}


class NodeDraining(Unavailable):
    """This node takes no new calls: it is about to stop."""

    reason = "NODE_DRAINING"


class CallElsewhere(Unavailable):
    """The call's media is on another node, by the rows on `node_id`, or this one is still coming up."""

    reason = "CALL_ON_OTHER_NODE"

    def __init__(self, tenant_id: str, call_id: str, node_id: str) -> None:
        super().__init__("the call's media is not on this node", retry_after=timedelta(seconds=1))
        self.tenant_id = tenant_id
        self.call_id = call_id
        self.node_id = node_id


class Switchboard:
    """Verbs on live calls. `stations` are the agents' side."""

    def __init__(self, house: House) -> None:
        self.stations = Stations(house, self._station_moved)
        self.draining = False
        self.elsewhere: Callable[[str, str], object] = lambda _tenant_id, _call_id: None
        """Told (tenant id, call id) of a call whose rows changed here and whose media is on another node."""
        self.station_wanted: Callable[[str, str, str], object] = lambda _tenant_id, _agent_id, _node_id: None
        """Told (tenant id, agent id, node id) of somebody whose media is needed on a node that doesn't have it."""
        self.call_back: Callable[[str, str, str], object] = lambda _tenant_id, _contact_id, _agent_id: None
        """Told (tenant id, contact id, agent id) of an agent who accepted a callback, or is kept for one."""
        self.ring_agent: Callable[[LiveCall, Leg], Coroutine[Any, Any, None]] = _nobody
        """Rings the desk phone of an agent who is in a call without media."""
        self.take_along: Callable[[LiveCall, Leg, OutsideLeg], object] = lambda _live, _leg, _telephone: None
        """Lets somebody's telephone go on as another leg of theirs, in this call or another."""
        self.resume_outside: Callable[[LiveCall], Coroutine[Any, Any, None]] = _nobody
        """Brings parties outside of an adopted call to this node."""
        self.seek: Callable[[], object] = lambda: None  # told that an agent is sought, or no more
        self.dial_in_flow: DialInFlow = _nowhere
        """Rings numbers for flows; who dials sets it."""
        self._house = house
        self._seating = Seating(house, self)
        self._live: dict[str, LiveCall] = {}
        self._parting: dict[str, LiveCall] = {}
        """Calls that were handed over and whose parties still hear each other here, until they are there."""

    @property
    def calls(self) -> Sequence[LiveCall]:
        return list(self._live.values())

    def find(self, call_id: str) -> LiveCall | None:
        return self._live.get(call_id)

    # -- media follow rows -------------------------------------------------------------------------------------

    def settle(self, tenant_id: str, call: Call, legs: Sequence[Leg]) -> None:
        """Bring a call's media to what its rows say: who is in it, who hears whom, ended. Rows older than those it
        follows already change nothing; another node's call is left to that one, which is told."""
        live = self._live.get(call.call_id)
        if live is None:
            self.elsewhere(tenant_id, call.call_id)
            return
        if live.ending or call.version <= live.version:
            return
        if not call.live:
            self._house.tasks.spawn(self._end_as_stored(live, legs), "end call that ended elsewhere")
            return
        if call.node_id != self._house.settings.node_id:
            self.abandon(live)
            return
        self._go_by(live, *ahead(call, legs, live.answers_ahead))

    @contextmanager
    def answered_ahead(self, live: LiveCall, leg_id: str, at: datetime) -> Iterator[None]:
        """Meanwhile it is written that a party outside has answered: where that takes longer than anybody would notice,
        the media go ahead of the rows."""

        def go_ahead() -> None:
            if not live.ending and not live.parted:
                live.answers_ahead[leg_id] = at
                self._go_by(live, *ahead(live.call, live.legs, live.answers_ahead))
                log.info("an answer is heard before it can be written", call_id=live.call_id, leg_id=leg_id)

        timer = asyncio.get_running_loop().call_later(_AHEAD_SECONDS, go_ahead)
        try:
            yield
        finally:
            timer.cancel()
            live.answers_ahead.pop(leg_id, None)

    def _go_by(self, live: LiveCall, call: Call, legs: Sequence[Leg]) -> None:
        before = live.call
        led = led_by_flow(call, legs)
        if not led:
            self._end_lead(live, call)
            self._record(live, call)
        self._seating.seat(live, legs)
        live.follow(call, legs)
        back = call.served != before.served
        if back:
            end_part(self._house, live)
        # Without a driver: an agent was there meanwhile and has left the customer with the party that flows rang.
        if call.turn > before.turn or back or (led and live.driver is None):
            self._lead_again(live)

    def _end_lead(self, live: LiveCall, call: Call) -> None:
        """Flows doesn't lead the customer any more."""
        if live.driver is not None:
            live.driver.cancel()
            live.driver = None
            learn(self._house, live, call, self.dial_in_flow)

    def _record(self, live: LiveCall, call: Call) -> None:
        """A conversation is recorded from the first word."""
        if call.state in TALK_STATES and call.recorded and live.recording is None:
            record(self._house, live, call)

    def _lead_again(self, live: LiveCall) -> None:
        """A blind transfer: flows leads the customer from here."""
        if live.driver is not None:
            live.driver.cancel()
        live.driver = self._house.tasks.spawn(self.lead(live), "drive call")

    # -- end ---------------------------------------------------------------------------------------------------

    async def hang_up(self, tenant_id: str, call_id: str, actor: Actor) -> Found:
        """End a call, which the actor may, for everybody; an ended one stays as it is. CallNotFound."""
        db = self._house.db
        live = self._live.get(call_id)
        if live is not None:
            await self.end(live, actor.party, EndCause.NORMAL)
            found = await db.run(tenant_id, lambda tx: ops.get_call(tx, call_id), read_only=True)
            if not found[0].live:
                return found
            # Another node owns it by now, which this one did not know.
        ending = Ending(actor.party, EndCause.NORMAL, self._house.now())
        await db.run(tenant_id, lambda tx: ops.end_call(tx, call_id, ending, self._house.now()))
        found = await db.run(tenant_id, lambda tx: ops.get_call(tx, call_id), read_only=True)
        self.settle(tenant_id, *found)
        return found

    async def end(
        self,
        live: LiveCall,
        party: EndParty,
        cause: str,
        *,
        last_heard: float | None = None,
        q850: int = 0,
        sip_status: int = 0,
    ) -> None:
        """Silence at once, then the rows, however long the database takes; who comes second waits for the same rows.
        `last_heard` is when media was lost."""
        if live.ending is None:
            ending = self._release(live, party, cause, last_heard, q850, sip_status)
            live.ending = self._house.tasks.spawn(self._write_end(live, ending), "end call")
        # Whoever asked may be gone by then: rows and media must not part.
        await asyncio.shield(live.ending)

    async def _end_as_stored(self, live: LiveCall, legs: Sequence[Leg]) -> None:
        """Another node, or a party's own end, wrote the end already: part the media, for the reason the rows give."""
        stored = next((leg.q850_cause for leg in legs if leg.party == Party.CUSTOMER), 0)
        await self.end(live, EndParty.SYSTEM, EndCause.NORMAL, q850=stored)

    def _release(
        self, live: LiveCall, party: EndParty, cause: str, last_heard: float | None, q850: int, sip_status: int
    ) -> Ending:
        """Part the media; how the call ended."""
        ended(cause, live.call_id)
        talk, hold = live.measured(last_heard)
        mos = live.opinions()
        answer = live.unanswered_question()
        self._let_go(live)
        self._silence(live)
        end_time = self._house.now() - timedelta(seconds=monotonic() - last_heard if last_heard is not None else 0.0)
        ending = Ending(party, cause, end_time, talk, hold, *mos, q850, sip_status, *answer)
        for outside in live.outside.values():
            self._house.tasks.spawn(outside.hang_up(ending.q850), "hang up outside")
        live.outside.clear()
        return ending

    async def _write_end(self, live: LiveCall, ending: Ending) -> None:
        try:
            with tracer.start_as_current_span("end call", context=live.trace):
                end = ops.CallEnd(live.call_id, ending, by_node=self._house.settings.node_id)
                await live.journal.write_with(ops.end_calls, end)
        except LeaseLost:
            log.warning("a call's end is another node's to write", call_id=live.call_id)
        finally:
            self._forget(live)

    def _let_go(self, live: LiveCall) -> None:
        """Nobody leads it here any more, and the stations are free."""
        if live.driver is not None and live.driver is not asyncio.current_task():
            live.driver.cancel()
        for station in self.stations.of_call(live.tenant_id, live.call_id):
            station.call_id = ""

    def _silence(self, live: LiveCall) -> None:
        """Part the media: nobody hears anybody, and the customer's connection is closed."""
        media = live.release()
        finish(self._house, live)
        if media is not None:
            self._house.tasks.spawn(self._house.plane.close_leg(media), "close customer leg")

    def _forget(self, live: LiveCall) -> None:
        if self._live.get(live.call_id) is live:
            del self._live[live.call_id]

    # -- from and to other nodes -------------------------------------------------------------------------------

    def adopt(self, tenant_id: str, call: Call, legs: Sequence[Leg], silent_seconds: float) -> LiveCall:
        """A call of another node lives here from now on: its rows are this node's, its media comes when its parties
        attach anew. `silent_seconds` ago it was last heard of."""
        with tracer.start_as_current_span("adopt call", context=context_of_trace(call.trace_id)):
            live = self.begin(tenant_id, call, [leg for leg in legs if leg.party == Party.CUSTOMER])
            live.adopted(call)
            led = led_by_flow(call, legs)
            if not led:
                self._record(live, call)
            # A desk phone that is in the call already is told where it goes on; ringing it would be a second call.
            self._seating.seat(live, legs, ring=False)
            live.follow(call, legs)
            for leg in live.live_legs(Party.CUSTOMER, Party.AGENT, Party.SUPERVISOR):
                if leg.answered and live.room.member(leg.leg_id).leg is None:
                    live.lost_since[leg.leg_id] = monotonic() - silent_seconds
                elif leg.answered:
                    self.leg_media(live, leg.leg_id, LegTrigger.CONNECT)
            self._house.tasks.spawn(self.resume_outside(live), "resume outside")
            if led:
                live.driver = self._house.tasks.spawn(self.lead(live), "drive call")
        return live

    def abandon(self, live: LiveCall, *, linger: bool = False) -> None:
        """Another node owns the call: part the media here and write nothing more of it. `linger` lets the parties hear
        each other here until they are there."""
        self._forget(live)
        self._let_go(live)
        for outside in live.outside.values():
            self._house.tasks.spawn(outside.leave(), "leave outside")
        live.outside.clear()
        if linger:
            self._parting[live.call_id] = live
            self._house.tasks.spawn(self._linger(live), "linger")
            return
        if live.recording is not None:
            live.recording.stop_clock_at_last_packet()
        self._silence(live)

    async def _linger(self, live: LiveCall) -> None:
        until = monotonic() + LINGER_SECONDS
        while self._parting.get(live.call_id) is live and monotonic() < until:
            if all(member.leg is None or member.leg.closed for member in live.room.members.values()):
                break
            await asyncio.sleep(0.05)
        self._part(live)

    def _part(self, live: LiveCall) -> None:
        if self._parting.get(live.call_id) is live:
            del self._parting[live.call_id]
            self._silence(live)

    def part_with(self, tenant_id: str, agent_id: str) -> None:
        """A station is needed by another call than one it lingers in."""
        for live in list(self._parting.values()):
            if live.tenant_id == tenant_id and any(leg.agent_id == agent_id for leg in live.legs):
                self._part(live)

    async def drain(self) -> None:
        """Take no new calls and wait for the live ones."""
        self.draining = True
        while self._live or self._parting:
            await asyncio.sleep(0.1)

    async def close(self) -> None:
        """End what still lives: the node goes away."""
        self.draining = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.gather(
                    *(self.end(live, EndParty.SYSTEM, EndCause.NODE_LOST) for live in self.calls),
                    return_exceptions=True,
                )
        await self.stations.close()

    async def party_gone(
        self, live: LiveCall, leg_id: str, q850: int = Q850.NORMAL, sip_status: int = 0, *, cut: bool = False
    ) -> None:
        """A party that isn't the customer is gone, whatever the database does: written as soon as it can be, with the
        time at which it went."""
        at = self._house.now()
        try:
            found = await live.journal.write(
                lambda tx: party_ops.party_gone(tx, live.call_id, leg_id, at, q850, sip_status, cut=cut)
            )
        except LeaseLost:
            return
        if found is not None:
            self.settle(live.tenant_id, *found)

    # -- inside ------------------------------------------------------------------------------------------------

    async def carry_out(self, tenant_id: str, verb: Callable[[Tx], Awaitable[Found]]) -> Found:
        """Commit, then move the media, also when whoever asked is gone by then."""

        async def carried_out() -> Found:
            result = await self._house.db.run(tenant_id, verb)
            self.settle(tenant_id, *result)
            return result

        return await unbroken(carried_out())

    async def here(self, tenant_id: str, call_id: str, actor: Actor) -> LiveCall:
        """The live call. What the rows say is wrong with the wish comes first; then CallElsewhere."""
        live = self._live.get(call_id)
        if live is not None and live.tenant_id == tenant_id and not live.ending:
            return live
        talk = await self._house.db.run(tenant_id, lambda tx: party_ops.controlled(tx, call_id, actor), read_only=True)
        if not talk.call.live or live is not None:
            raise CallEnded("the call has ended")
        raise CallElsewhere(tenant_id, call_id, talk.call.node_id)

    def begin(self, tenant_id: str, call: Call, legs: Sequence[Leg]) -> LiveCall:
        """A call lives here from now on."""
        live = LiveCall(self._house, tenant_id, call, legs, otel.get_current())
        self._live[call.call_id] = live
        return live

    @staticmethod
    def trace_id() -> str:
        """Of the request at hand, which a new call's trace goes on from."""
        span = trace.get_current_span().get_span_context()
        return f"{span.trace_id:032x}" if span.is_valid else ""

    async def lead(self, live: LiveCall, refusal: str = "") -> None:
        """From the first connection to the end of the flow. Whatever breaks on the way: the call ends and isn't left
        silent."""
        try:
            party, cause = await (self._refuse(live, refusal) if refusal else self._lead(live))
        except Exception as error:
            log.error("a call could not be led", call_id=live.call_id, exc_info=error)
            party, cause = EndParty.SYSTEM, EndCause.FLOW_FAILED
        await self.end(live, party, cause)

    async def _refuse(self, live: LiveCall, refusal: str) -> tuple[EndParty, str]:
        """Say why nobody answers."""
        if live.customer is not None:
            await asyncio.shield(live.customer.connected)
        await live.say(await self._house.phrase(_PHRASE_OF[refusal], live.call.language))
        return EndParty.SYSTEM, refusal

    async def _lead(self, live: LiveCall) -> tuple[EndParty, str]:
        """Carry out the flow; who ended the call, and why."""
        if leaves_message(live.call):
            return await leave_message(self._house, live)
        driving = self._house.tasks.spawn(FlowDriver(self._house, live, self.dial_in_flow).drive(), "flow")
        try:
            if not await live.customer_connected():
                return EndParty.SYSTEM, EndCause.MEDIA_FAILED
            self.leg_media(live, live.customer_id, LegTrigger.CONNECT)
            return EndParty.FLOW, await driving
        finally:
            driving.cancel()

    def _station_moved(self, tenant_id: str, agent_id: str, media: MediaLeg) -> None:
        """A user's new connection stands: a joined call goes on with it after a short gap at most. Who talks by
        telephone goes on there."""
        for live in self.calls:
            leg = live.leg_of(agent_id) if live.tenant_id == tenant_id and not live.ending else None
            if leg is not None and leg.leg_id not in live.outside:
                self.regain(live, leg, media)

    def regain(self, live: LiveCall, leg: Leg, media: MediaLeg) -> None:
        """A seated leg has (new) media."""
        was_lost = leg.leg_id in live.lost_since
        live.attach(leg.leg_id, media)
        if was_lost:
            self.leg_media(live, leg.leg_id, LegTrigger.CONNECT)

    def lose(self, live: LiveCall, leg: Leg) -> None:
        """A seated leg's media is gone: a customer who heard only it hears that it will be a moment."""
        live.lose(leg.leg_id)
        self.leg_media(live, leg.leg_id, LegTrigger.LOSE)
        if leg.party == Party.AGENT:
            self._house.tasks.spawn(self.comfort(live), "comfort")

    def leg_media(self, live: LiveCall, leg_id: str, trigger: LegTrigger) -> None:
        """Store that a leg's media went or came back."""
        live.journal.note(ops.change_legs, ops.LegChange(live.call_id, leg_id, trigger), "leg media changed")

    async def comfort(self, live: LiveCall) -> None:
        """Say "one moment" over the music that plays already."""
        spoken = await self._house.phrase("moment", live.call.language)
        if spoken and live.lost_since and not live.ending:
            live.comfort(spoken)


async def _nowhere(live: LiveCall, order: DialOrder) -> Dialled:
    raise NoTrunk("nobody rings numbers here")


async def _nobody(*_: object) -> None:
    return None

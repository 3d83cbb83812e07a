"""What agents and supervisors do with live calls. Each verb commits its transaction; media follow the rows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.sql import Tx
from kernel.errors import DomainError
from kernel.ids import new_id

from telephony.domain import after_agent, consults, parties, transfers
from telephony.domain.calls import Actor, Call, CallNotTalking, CallState, DigitsNotTaken, EndParty, Trigger
from telephony.domain.conversation import (
    Conversation,
    OnCallAlready,
    Outcome,
    askers_alone,
    in_conversation,
    may_control,
)
from telephony.domain.legs import Leg, LegState, Party, SupervisionMode
from telephony.live.dialing import Dialing
from telephony.live.house import House, unbroken
from telephony.live.switchboard import Switchboard
from telephony.ops import parking
from telephony.ops import parties as party_ops
from telephony.ops import supervision as supervision_ops
from telephony.ops.parties import Found

Transaction = Callable[[Tx], Awaitable[Found]]


@dataclass(frozen=True)
class Target:
    """Where a call is sent or who is consulted: one of queue, agent, flow, number, and its id or number."""

    kind: str
    value: str


class Conversations:
    """The verbs. See each rpc's comment for what it refuses."""

    def __init__(self, house: House, switchboard: Switchboard, dialing: Dialing) -> None:
        self._house = house
        self._switchboard = switchboard
        self._dialing = dialing

    # -- hold, mute, digits ------------------------------------------------------------------------------------

    async def hold(self, tenant_id: str, call_id: str, actor: Actor, leg_id: str) -> Found:
        def held(talk: Conversation) -> Outcome:
            return parties.hold(askers_alone(talk, leg_id, actor), leg_id, self._now())

        return await self._change(tenant_id, call_id, actor, held)

    async def resume(self, tenant_id: str, call_id: str, actor: Actor, leg_id: str) -> Found:
        def resumed(talk: Conversation) -> Outcome:
            return parties.resume(askers_alone(talk, leg_id, actor), leg_id, self._now())

        return await self._change(tenant_id, call_id, actor, resumed)

    async def set_mute(self, tenant_id: str, call_id: str, actor: Actor, leg_id: str, muted: bool) -> Found:
        """A leg's microphone: silent at once, whatever the database does next."""
        live = self._switchboard.find(call_id)
        if live is not None and live.tenant_id == tenant_id:
            talk = Conversation(live.call, live.legs)
            with suppress(DomainError):  # the rows say what is wrong, and may know a party that isn't known here yet
                may_control(talk, actor, own_part=True)
                live.wish_mute(parties.to_mute(talk, leg_id, actor).leg_id, muted)
        return await self._change(
            tenant_id, call_id, actor, lambda talk: parties.mute(talk, leg_id, actor, muted), own_part=True
        )

    async def send_digits(self, tenant_id: str, call_id: str, actor: Actor, digits: str) -> None:
        """An agent's digits are tones to whoever outside they talk with. Those the customer's own edge sends are what
        the customer pressed."""
        live = await self._switchboard.here(tenant_id, call_id, actor)
        if actor.party is EndParty.CUSTOMER:
            for digit in digits:
                live.press(digit)
            return
        early = live.call.state is CallState.DIALING and live.pressed_at()
        may = party_ops.controlled if early else party_ops.in_conversation
        await self._house.db.run(tenant_id, lambda tx: may(tx, call_id, actor), read_only=True)
        hearers = live.take_keys()
        if not hearers and live.pressed_at():
            raise DigitsNotTaken(
                "the line of who is talked with takes no keypad digits: set its trunk's digits to SIP INFO, if the "
                "carrier takes that, or ask the carrier for telephone events"
            )
        if not hearers:
            raise CallNotTalking("digits can be sent in conversation, and to what is heard before an answer, only")
        for media in hearers:
            media.send_digits(digits)

    # -- parties -----------------------------------------------------------------------------------------------

    async def drop(self, tenant_id: str, call_id: str, actor: Actor, leg_id: str) -> Found:
        def dropped(talk: Conversation) -> Outcome:
            return parties.drop(askers_alone(talk, leg_id, actor), leg_id, self._now())

        found = await self._change(tenant_id, call_id, actor, dropped)
        await self._forget_consult(tenant_id, found, leg_id)
        return found

    async def leave(self, tenant_id: str, call_id: str, actor: Actor) -> Found:
        return await self._change(
            tenant_id, call_id, actor, lambda talk: parties.leave(talk, actor, self._now()), own_part=True
        )

    async def hang_up(self, tenant_id: str, call_id: str, actor: Actor) -> Found:
        """End the call for everybody; who is only asked ends their own part. Flows goes on with a customer for whom it
        has something after the agent, and to say it again changes nothing."""
        talk = await self._house.db.run(tenant_id, lambda tx: party_ops.conversation(tx, call_id), read_only=True)
        if after_agent.handed_back_just_now(talk, actor, self._now()):
            return talk.call, talk.legs
        may_control(talk, actor, own_part=True)
        own = talk.of_agent(actor.user_id)
        if own is not None and own.consulted and own.answered:
            return await self.leave(tenant_id, call_id, actor)
        if after_agent.hands_back(talk, actor):
            found = await unbroken(self._hand_back(tenant_id, call_id, actor))
            if found is not None:
                if talk.consulted is not None:
                    await self._forget_consult(tenant_id, found, talk.consulted.leg_id)
                return found
        return await self._switchboard.hang_up(tenant_id, call_id, actor)

    async def _hand_back(self, tenant_id: str, call_id: str, actor: Actor) -> Found | None:
        found = await self._house.db.run(tenant_id, lambda tx: party_ops.hang_up(tx, call_id, actor, self._now()))
        if found is not None:
            self._switchboard.settle(tenant_id, *found)
        return found

    async def swap(self, tenant_id: str, call_id: str, actor: Actor) -> Found:
        return await self._change(tenant_id, call_id, actor, lambda talk: consults.swap(talk, actor, self._now()))

    async def talk_to(self, tenant_id: str, call_id: str, actor: Actor, *, customer: bool, asked: bool) -> Found:
        return await self._change(
            tenant_id,
            call_id,
            actor,
            lambda talk: consults.talk_to(talk, actor, customer=customer, asked=asked, now=self._now()),
        )

    async def join(self, tenant_id: str, call_id: str, actor: Actor) -> Found:
        return await self._change(tenant_id, call_id, actor, lambda talk: consults.join(talk, actor, self._now()))

    async def complete_transfer(self, tenant_id: str, call_id: str, actor: Actor) -> Found:
        return await self._carry_out(tenant_id, lambda tx: party_ops.complete_transfer(tx, call_id, actor, self._now()))

    async def cancel_consult(self, tenant_id: str, call_id: str, actor: Actor) -> Found:
        asked = (await self._talk(tenant_id, call_id, actor)).consulted
        found = await self._change(
            tenant_id, call_id, actor, lambda talk: consults.cancel_consult(talk, actor, self._now())
        )
        if asked is not None:
            await self._forget_consult(tenant_id, found, asked.leg_id)
        return found

    # -- sent on -----------------------------------------------------------------------------------------------

    async def consult(self, tenant_id: str, call_id: str, actor: Actor, target: Target) -> Found:
        """Ring somebody while the customer waits with music."""
        talk = await self._talk(tenant_id, call_id, actor)
        leg = Leg(new_id("leg", self._now()), call_id, Party.PARTICIPANT, LegState.RINGING)
        consults.begin_consult(talk, actor, leg, self._now())
        if target.kind == "number":
            live = await self._switchboard.here(tenant_id, call_id, actor)
            planned = await self._dialing.plan(tenant_id, talk.call, target.value)
            leg = replace(leg, address=planned.number)
            return await self._dialing.ring(
                live, leg, planned, lambda tx: party_ops.begin_consult(tx, call_id, actor, leg, self._now())
            )
        leg = replace(leg, party=Party.AGENT, agent_id=target.value if target.kind == "agent" else "")
        consults.begin_consult(talk, actor, leg, self._now())
        queue_id = target.value if target.kind == "queue" else ""
        contact_id = await self._house.routing.enqueue_consult(tenant_id, talk.call, leg, actor.user_id, queue_id)
        leg = replace(leg, contact_id=contact_id)
        try:
            return await self._carry_out(
                tenant_id, lambda tx: party_ops.begin_consult(tx, call_id, actor, leg, self._now())
            )
        except DomainError:
            await self._house.routing.cancel(tenant_id, contact_id)
            raise

    async def transfer(self, tenant_id: str, call_id: str, actor: Actor, target: Target) -> Found:
        """Send the customer on without a word before. Once the agent's part is over nobody is there to try anew, so the
        target is looked for first."""
        talk = await self._talk(tenant_id, call_id, actor)
        if target.kind == "queue":
            transfers.sent_on(talk, actor, Trigger.SEND_ON, self._now())
            await self._house.routing.has_queue(tenant_id, target.value)
        elif target.kind == "flow":
            transfers.sent_on(talk, actor, Trigger.SEND_ON, self._now())
            await self._house.flows.may_lead(tenant_id, target.value)
        elif target.kind == "agent":
            transfers.sent_on(talk, actor, Trigger.SEND_ON, self._now())
            await self._house.routing.check_agent(tenant_id, target.value)
        elif target.kind == "number":
            transfers.sent_on(talk, actor, Trigger.DIAL_ON, self._now())
            live = await self._switchboard.here(tenant_id, call_id, actor)
            planned = await self._dialing.plan(tenant_id, talk.call, target.value)
            leg = Leg(new_id("leg", self._now()), call_id, Party.PARTICIPANT, LegState.RINGING, address=planned.number)
            return await self._dialing.ring(
                live, leg, planned, lambda tx: party_ops.dial_on(tx, call_id, actor, leg, self._now())
            )
        return await self._carry_out(
            tenant_id, lambda tx: party_ops.send_on(tx, call_id, actor, target.kind, target.value, self._now())
        )

    async def park(self, tenant_id: str, call_id: str, actor: Actor) -> Found:
        return await self._carry_out(tenant_id, lambda tx: parking.park(tx, call_id, actor, self._now()))

    async def retrieve(self, tenant_id: str, actor: Actor, code: str) -> Found:
        db = self._house.db

        async def look(tx: Tx) -> Call:
            call = await parking.find_parked(tx, code)
            await party_ops.free_station(tx, actor.user_id, self._now())
            return call

        call = await db.run(tenant_id, look, read_only=True)
        contact_id = await self._house.routing.start_contact(tenant_id, call, actor.user_id, "TRANSFER")
        return await self._with_contact(
            tenant_id,
            call.call_id,
            contact_id,
            lambda tx: parking.retrieve(tx, code, actor.user_id, contact_id, self._now()),
            actor,
        )

    # -- supervision -------------------------------------------------------------------------------------------

    async def supervise(
        self, tenant_id: str, call_id: str, actor: Actor, mode: SupervisionMode, agent_id: str
    ) -> Found:
        """Listen, whisper or barge. Who may which was checked by the caller's permission."""
        now = self._now()
        leg = Leg(
            new_id("leg", now), call_id, Party.SUPERVISOR, LegState.CONNECTED, agent_id=actor.user_id, mode=mode,
            supervised_agent_id=agent_id, join_time=now,
        )  # fmt: skip
        return await self._carry_out(tenant_id, lambda tx: supervision_ops.supervise(tx, call_id, leg, self._now()))

    async def stop_supervising(self, tenant_id: str, call_id: str, actor: Actor) -> Found:
        return await self._carry_out(
            tenant_id, lambda tx: party_ops.stop_supervising(tx, call_id, actor.user_id, self._now())
        )

    async def take_over(self, tenant_id: str, call_id: str, actor: Actor, agent_id: str = "") -> Found:
        async def look(tx: Tx) -> Conversation:
            talk = await party_ops.conversation(tx, call_id)
            in_conversation(talk)
            if talk.of_agent(actor.user_id) is not None:
                raise OnCallAlready("you talk in this call already")
            transfers.to_take_over(talk, actor.user_id, agent_id)
            await party_ops.free_station(tx, actor.user_id, self._now(), call_id)
            return talk

        talk = await self._house.db.run(tenant_id, look, read_only=True)
        contact_id = await self._house.routing.start_contact(tenant_id, talk.call, actor.user_id, "TRANSFER")
        return await self._with_contact(
            tenant_id,
            call_id,
            contact_id,
            lambda tx: supervision_ops.take_over(tx, call_id, actor.user_id, contact_id, self._now(), agent_id),
            actor,
        )

    # -- inside ------------------------------------------------------------------------------------------------

    def _now(self) -> datetime:
        return self._house.now()

    async def _talk(self, tenant_id: str, call_id: str, actor: Actor, *, own_part: bool = False) -> Conversation:
        return await self._house.db.run(
            tenant_id, lambda tx: party_ops.controlled(tx, call_id, actor, own_part=own_part), read_only=True
        )

    async def _change(
        self,
        tenant_id: str,
        call_id: str,
        actor: Actor,
        verb: Callable[[Conversation], Outcome],
        *,
        own_part: bool = False,
    ) -> Found:
        return await self._carry_out(
            tenant_id, lambda tx: party_ops.change(tx, call_id, actor, verb, self._now(), own_part=own_part)
        )

    async def _carry_out(self, tenant_id: str, verb: Transaction) -> Found:
        return await self._switchboard.carry_out(tenant_id, verb)

    async def _with_contact(
        self, tenant_id: str, call_id: str, contact_id: str, verb: Transaction, actor: Actor
    ) -> Found:
        """Carry out what an agent has a contact for already; that contact is over when it can't be."""

        async def carried_out() -> Found:
            try:
                return await self._carry_out(tenant_id, verb)
            except BaseException:
                await self._house.db.run(
                    tenant_id, lambda tx: party_ops.give_up(tx, call_id, actor.user_id, contact_id, self._now())
                )
                raise

        return await unbroken(carried_out())

    async def _forget_consult(self, tenant_id: str, found: Found, leg_id: str) -> None:
        """Take back the offer of a consult that nobody waits for any more."""
        for leg in found[1]:
            if leg.leg_id == leg_id and leg.contact_id and leg.join_time is None:
                await self._house.routing.cancel(tenant_id, leg.contact_id)

"""A desk phone's second call: its agent asks somebody while the customer waits on the first.

To the rows it is a consult like the desk's. The phone has two dialogs for the one leg of its agent: the leg hears and
is heard by the line that isn't on hold, and whom the agent talks to follows from which that is. The second dialog is
this node's alone: when the node dies, who was asked stays, and the next node ends it, so that the phone shows its first
line alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from chassis.telemetry import log
from kernel.errors import DomainError, InvalidInput

from telephony.domain.calls import Actor
from telephony.domain.conversation import NoConsult, NotOnCall
from telephony.domain.legs import Q850, Leg
from telephony.domain.phone_keys import read_target
from telephony.live.call import LiveCall
from telephony.live.conversations import Conversations, Target
from telephony.live.house import House
from telephony.live.phone_holds import PhoneHold
from telephony.live.sip.calling_phone import CallingPhone
from telephony.live.sip.legs import SipLeg
from telephony.sip import DialogEnded, Invitation, ReferWish


class SecondLine(CallingPhone):
    """The second dialog of `first`, which is the agent's `leg` in `live`. It is over when who was asked has gone."""

    def __init__(
        self,
        house: House,
        conversations: Conversations,
        live: LiveCall,
        leg: Leg,
        first: SipLeg,
        hold: PhoneHold,
        invitation: Invitation,
    ) -> None:
        super().__init__(house, invitation)
        self._conversations = conversations
        self._live = live
        self._leg = leg
        self._first = first
        self._asked = ""
        self._talks_on: SipLeg | None = self
        self._hold = hold
        self._watching: asyncio.Task[None] | None = None
        self._held_before = first.on_hold

    async def ask(self, dialed: str) -> None:
        """Ring who is dialled. What `Conversations.consult` refuses, InvalidInput for what nobody can be asked by."""
        kind, value = read_target(dialed)
        if kind not in ("number", "agent", "queue"):
            raise InvalidInput("a second call goes to a number, an agent or a queue")
        first, live = self._first, self._live
        _, legs = await self._conversations.consult(live.tenant_id, live.call_id, self._actor, Target(kind, value))
        self._asked = next(each.leg_id for each in legs if each.consulted and each.live)
        if self.over:
            await self._given_up()
            raise DialogEnded("the phone gave up while its second call was begun")
        if first.over:  # who was asked has the customer, and this phone no call that a second one could be beside
            raise NotOnCall("the first call was hung up while the second was begun")
        first.second = self
        first.on_hold = lambda held: self._line_held(first, held)
        self.on_hold = lambda held: self._line_held(self, held)
        self.on_transfer = lambda wish: first.on_transfer(wish)
        self.on_gone = lambda _q850, _status: self._spawn(self._given_up(), "second line given up")
        self.on_digit_info = lambda digit: first.on_digit_info(digit)
        self.on_codec = lambda: first.on_codec()
        self.on_changed = lambda: first.on_changed()
        self._listen_on(self)
        self._hold.silent(False)
        await self.ring(live, self._party)
        self._watching = self._tasks.spawn(self._watch(), "second line")

    async def end(self) -> None:
        if self.over:
            return
        if self._watching is not None:
            self._watching.cancel()
        first = self._first
        if first.second is self:
            first.second = None
            first.on_hold = self._held_before
            if not first.over:
                self._listen_on(first)
                first.on_changed()
                self._hold.silent(first.rtp is not None and first.rtp.remote_hold)
            first.talks_on = None
        await super().end()

    @property
    def _actor(self) -> Actor:
        return Actor("agent", self._leg.agent_id)

    def _own_lines(self) -> Sequence[SipLeg]:
        return [self, self._first]

    def _wrong_with(self, wish: ReferWish) -> DomainError | None:
        if wish.replaces is None:
            return NoConsult("the customer is on the other line: transfer that one, or join the two")
        if wish.replaced is not self._first.dialog:
            return NoConsult("the call to be joined is no other call of this phone")
        return None

    def _listen_on(self, line: SipLeg) -> None:
        self._first.talks_on = line
        if line.rtp is not None:
            self._live.attach(self._leg.leg_id, line.rtp)

    def _line_held(self, line: SipLeg, held: bool) -> None:
        """The phone holds one of its lines or takes it back: the one taken back last is talked on."""
        other = self._first if line is self else self
        if not held:
            self._talks_on = line
        elif self._talks_on is line:
            self._talks_on = other if other.rtp is not None and not other.rtp.remote_hold else None
        if self._talks_on is not None:
            self._listen_on(self._talks_on)
        self._follow()

    def _follow(self) -> None:
        if not self.over:
            self._hold.lines(customer=self._talks_on is self._first, asked=self._talks_on is self)

    async def _watch(self) -> None:
        """Hang up when who was asked has gone: refused, unanswered, hung up."""
        await self._live.until(lambda: (leg := self._party()) is None or leg.answered)
        if self._party() is not None and self._talks_on is not self:
            self._follow()
        await self._live.until(lambda: self._party() is None)
        asked = next((leg for leg in self._live.legs if leg.leg_id == self._asked), None)
        self._spawn(self.hang_up(asked.q850_cause if asked else Q850.NORMAL), "nobody on the second line")

    def _party(self) -> Leg | None:
        """Who was asked, None when they have gone. Who was found at a telephone is there by its leg."""
        live = [leg for leg in self._live.legs if leg.live]
        known = next((leg for leg in live if leg.leg_id == self._asked), None)
        found = (leg for leg in live if leg.consulted and leg.invited_by == self._leg.leg_id)
        party = known or next(found, None)
        if party is not None:
            self._asked = party.leg_id
        return party

    async def _given_up(self) -> None:
        """The phone hung this line up: who was asked is let go. The customer waits on the first until it is taken back,
        unless the phone never held it."""
        live, first = self._live, self._first
        which = (live.tenant_id, live.call_id, self._actor)
        try:
            party = self._party()
            if party is not None and party.consulted:
                await self._conversations.drop(*which, party.leg_id)
        except DomainError as error:
            log.info("a second line's end changes nothing", call_id=live.call_id, reason=error.reason)
        if first.rtp is not None and not first.over and not first.rtp.remote_hold:
            self._hold.key(False)

"""The hold keys of an agent's desk phone, brought into the rows.

Keys are pressed faster than a database writes. What counts is what the phone says last: wishes of one phone are written
one after the other, each as the phone stands when its turn comes, and however long the database is away. Whom the phone
holds doesn't hear its agent meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable

from chassis.sql import Tx
from chassis.telemetry import log
from kernel.errors import DomainError, Unavailable

from telephony.domain import consults, parties
from telephony.domain.calls import Actor, CallState
from telephony.domain.conversation import Conversation, Outcome
from telephony.domain.legs import Leg, Party
from telephony.live.call import LiveCall
from telephony.live.house import House
from telephony.live.ledger import LeaseLost
from telephony.live.switchboard import Switchboard
from telephony.ops import parties as party_ops
from telephony.ops.parties import Found

_Wish = Callable[[Conversation, Leg], Outcome]


class PhoneHold:
    """Of one agent's leg, whichever of their phones it is on and however many lines that has."""

    def __init__(self, house: House, switchboard: Switchboard, live: LiveCall, leg_id: str) -> None:
        self._house = house
        self._switchboard = switchboard
        self._live = live
        self._leg_id = leg_id
        self._wish: _Wish | None = None
        self._wished = self._done = 0
        self._at_work = self._watched = False

    def key(self, held: bool) -> None:
        """The only line is held, or taken back: as the button at the desk does it."""
        self._wants(lambda talk, own: parties.phone_hold(talk, own, held, self._house.now()), silent=held)

    def lines(self, *, customer: bool, asked: bool) -> None:
        """Of two lines that with the customer is talked on, that with who is asked, or neither."""
        self._wants(
            lambda talk, own: consults.phone_lines(talk, own, customer=customer, asked=asked, now=self._house.now()),
            silent=not customer and not asked,
        )

    def silent(self, silent: bool) -> None:
        """The phone has one line more or less; what the rows say follows from that."""
        self._live.hush(self._leg_id, silent)

    def _own(self) -> Leg | None:
        mine = (leg for leg in self._live.legs if leg.leg_id == self._leg_id)
        return next((leg for leg in mine if leg.party == Party.AGENT and leg.live), None)

    def _wants(self, wish: _Wish, *, silent: bool) -> None:
        if self._own() is None:
            if any(leg.leg_id == self._leg_id and leg.party == Party.SUPERVISOR for leg in self._live.legs):
                self._live.hush(self._leg_id, silent)  # whoever barges in isn't heard, nor is their phone's music
            return
        self._live.hush(self._leg_id, silent)
        self._wish = wish
        self._again()

    def _again(self) -> None:
        self._wished += 1
        if not self._at_work:
            self._at_work = True
            self._house.tasks.spawn(self._carry_out(), "held by a phone")

    async def _carry_out(self) -> None:
        live = self._live
        try:
            while self._done != self._wished:
                self._done, found = await live.journal.write(self._newest)
                if found is not None:
                    self._switchboard.settle(live.tenant_id, *found)
        except LeaseLost:
            return
        finally:
            self._at_work = False
        own = self._own()
        if own is None or self._watched:
            return
        if live.call.state is CallState.DIALING and live.hushed(self._leg_id):
            self._until(lambda: live.call.state is not CallState.DIALING, "a phone holds a number that rings")
        elif own.held:
            self._until(lambda: (own := self._own()) is None or not own.held, "a phone holds a conference")

    async def _newest(self, tx: Tx) -> tuple[int, Found | None]:
        """What the phone wishes now, which may be another thing than when the write was asked for."""
        number, wish, live, own = self._wished, self._wish, self._live, self._own()
        if wish is None or own is None:
            return number, None
        now, actor = self._house.now(), Actor("agent", own.agent_id)
        try:
            return number, await party_ops.change(
                tx, live.call_id, actor, lambda talk: wish(talk, talk.leg(self._leg_id)), now
            )
        except Unavailable:
            raise
        except DomainError as error:
            log.info("a phone's hold changes nothing", call_id=live.call_id, reason=error.reason)
            return number, None

    def _until(self, changed: Callable[[], bool], name: str) -> None:
        self._watched = True
        self._house.tasks.spawn(self._once(changed), name)

    async def _once(self, changed: Callable[[], bool]) -> None:
        """The others of a conference may leave meanwhile, and the customer come to this agent, who isn't there; or a
        number that rang is answered: then they wait with music."""
        live = self._live
        try:
            await live.until(lambda: live.parted or changed())
        finally:
            self._watched = False
        if self._own() is not None and live.hushed(self._leg_id) and not live.parted:
            self._again()

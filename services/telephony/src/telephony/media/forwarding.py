"""Two legs that hear each other: join, hold, mute, unjoin, and giving one of them new media.

Joining sets each leg's `forward_to`; from then on packets pass from one browser to the other inside the
socket's callback. A bridge holds parties, not connections: when a browser re-attaches, its new leg takes
the old one's place and the other side notices nothing but a short gap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from telephony.media.clips import Clip
from telephony.media.leg import Tap, WebRtcLeg


@dataclass
class Party:
    """One side of a bridge. `leg` is None while its media is lost."""

    leg: WebRtcLeg | None = None
    muted: bool = False
    tap: Tap | None = None
    on_digit: Callable[[str], None] | None = None


@dataclass
class Bridge:
    """Customer and agent. `music` is what the customer hears on hold, `comfort` while the agent's media is
    lost.
    """

    music: Sequence[Clip]
    comfort: Sequence[Clip]
    customer: Party = field(default_factory=Party)
    agent: Party = field(default_factory=Party)
    joined: bool = False
    held: bool = False
    _waiting_sound: tuple[WebRtcLeg, bool] | None = None

    def join(self) -> None:
        """Both hear each other from now on. Stops whatever was played to them."""
        self.joined, self.held = True, False
        self._connect()

    def unjoin(self) -> None:
        """Neither hears anything any more; nothing is played."""
        self.joined = self.held = False
        for party in (self.customer, self.agent):
            if party.leg is not None:
                party.leg.stop_playing()
        self._connect()

    def hold(self) -> None:
        """The customer hears music, the agent silence."""
        self.held = True
        self._connect()

    def resume(self) -> None:
        self.held = False
        self._connect()

    def mute(self, party: Party, muted: bool) -> None:
        """The other side hears silence in place of this party's microphone."""
        party.muted = muted
        if party.leg is not None:
            party.leg.muted = muted

    def attach(self, party: Party, leg: WebRtcLeg) -> None:
        """Give a party (new) media. The old leg keeps playing nothing and passes nothing on; closing it is
        the caller's.
        """
        old, party.leg = party.leg, leg
        if old is not None and old is not leg:
            _silence(old)
        self._connect()

    def lose(self, party: Party) -> None:
        """A party's media is gone for now."""
        old, party.leg = party.leg, None
        if old is not None:
            _silence(old)
        self._connect()

    def soothe(self, comfort: Sequence[Clip]) -> None:
        """Play this to a customer who waits for the agent's media; nothing when that is back already."""
        self.comfort = comfort
        waiting = self.joined and not self.held and self.agent.leg is None
        if waiting and self.customer.leg is not None:
            self.customer.leg.play(comfort, loop=True)

    def _connect(self) -> None:
        """Make the legs' attributes true to this bridge's state."""
        customer, agent = self.customer.leg, self.agent.leg
        talking = self.joined and not self.held and customer is not None and agent is not None
        for party, other in ((self.customer, self.agent), (self.agent, self.customer)):
            leg = party.leg
            if leg is None:
                continue
            leg.muted = party.muted
            leg.on_digit = party.on_digit
            # Also while the other side's media is lost: what is said meanwhile belongs to the conversation.
            leg.tap = party.tap if self.joined and not self.held else None
            target = other.leg.outbound if talking and other.leg is not None else None
            if leg.forward_to is not target:
                leg.forward_to = target
                if target is not None:
                    # What the source sent while nobody listened must not look like loss.
                    target.restart()
        if talking and customer is not None and agent is not None:
            self._waiting_sound = None
            customer.stop_playing()
            agent.stop_playing()
        elif self.joined and customer is not None:
            # Music that plays already goes on: the agent's reload must not start it over.
            if self._waiting_sound != (customer, self.held):
                self._waiting_sound = (customer, self.held)
                customer.play(self.music if self.held else self.comfort, loop=True)
        else:
            self._waiting_sound = None


def _silence(leg: WebRtcLeg) -> None:
    leg.stop_playing()
    leg.forward_to = leg.tap = leg.on_digit = None

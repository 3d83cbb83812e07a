"""One call as it lives here: its two parties, what they hear, how long they talk."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from time import monotonic
from typing import Any

from opentelemetry.context import Context

from telephony.domain.calls import Call
from telephony.live.house import House, Journal
from telephony.media.clips import Clip
from telephony.media.earpiece import Earpiece
from telephony.media.forwarding import Bridge
from telephony.media.leg import WebRtcLeg
from telephony.media.recorder import Recording


class LiveCall:
    """Media and clocks of one call. Only moves media; what is stored is the switchboard's business."""

    def __init__(self, house: House, tenant_id: str, call: Call, leg_id: str, trace: Context) -> None:
        self.tenant_id = tenant_id
        self.call = call
        """As it was stored when it began; later states are in the rows."""
        self.version = call.version
        """Of the call's row that the media follows."""
        self.call_id = call.call_id
        self.leg_id = leg_id
        self.trace = trace
        self.journal = Journal(house.db, tenant_id, house.tasks)
        self.bridge = Bridge(music=[house.music], comfort=[house.music])
        self.earpiece = Earpiece()
        self.pressed: asyncio.Queue[str] = asyncio.Queue(maxsize=64)
        self.driver: asyncio.Task[Any] | None = None
        self.recording: Recording | None = None
        self.recording_task: asyncio.Task[Any] | None = None
        self.agent_id = ""
        self.contact_id = ""
        self.ending: asyncio.Task[Any] | None = None
        """Writes how the call ended; its media are parted already."""
        self.lost_since: float | None = None
        self.agent_lost_since: float | None = None
        self._agent_legs: list[WebRtcLeg] = []
        self._answered_at: float | None = None
        self._held_at: float | None = None
        self._held = 0.0
        self._mute_wished = False
        self.bridge.customer.on_digit = self.press

    @property
    def customer(self) -> WebRtcLeg | None:
        return self.bridge.customer.leg

    @property
    def talking(self) -> bool:
        """Whether an agent is joined, held or not."""
        return self.bridge.joined

    def attach_customer(self, leg: WebRtcLeg) -> WebRtcLeg | None:
        """Give the customer (new) media; the leg it replaces, for the caller to close."""
        old = self.customer
        self.lost_since = None
        # The earpiece first: it carries what plays over to the new leg before the old one is silenced.
        self.earpiece.move(leg)
        self.bridge.attach(self.bridge.customer, leg)
        return old if old is not leg else None

    def attach_agent(self, leg: WebRtcLeg) -> None:
        """Give the agent's side (new) media."""
        self.agent_lost_since = None
        if leg not in self._agent_legs:
            self._agent_legs.append(leg)
        self.bridge.attach(self.bridge.agent, leg)

    def lose_agent(self) -> None:
        """The agent's media is gone: the customer hears that it will be a moment."""
        self.agent_lost_since = monotonic()
        self.bridge.lose(self.bridge.agent)

    def join(self, agent_id: str, contact_id: str, leg: WebRtcLeg | None) -> None:
        """Customer and agent hear each other from this instant; recorded from it too."""
        self.agent_id, self.contact_id = agent_id, contact_id or self.contact_id
        self._answered_at = monotonic()
        self.earpiece.stop()
        if self.recording is not None:
            self.bridge.customer.tap = self.recording.tap("customer")
            self.bridge.agent.tap = self.recording.tap("agent")
        self.bridge.agent.on_digit = self._pass_digit
        if leg is not None:
            self._agent_legs.append(leg)
            self.bridge.agent.leg = leg
        else:
            self.agent_lost_since = monotonic()
        self.bridge.join()

    def wish_mute(self, muted: bool) -> None:
        """The agent pressed mute, or again. Whatever the database does next: after pressing mute nobody is heard."""
        self._mute_wished = muted
        if muted:
            self.bridge.mute(self.bridge.agent, True)

    def follow(self, *, held: bool, muted: bool) -> None:
        """Customer on hold or not, the agent's microphone muted or not."""
        if held and self._held_at is None:
            self._held_at = monotonic()
            self.bridge.hold()
        elif not held and self._held_at is not None:
            self._held += monotonic() - self._held_at
            self._held_at = None
            self.bridge.resume()
        self.bridge.mute(self.bridge.agent, muted or self._mute_wished)

    def say(self, clips: Sequence[Clip]) -> asyncio.Future[bool]:
        return self.earpiece.play(clips)

    def measured(self, until: float | None = None) -> tuple[timedelta | None, timedelta | None]:
        """Talk and hold so far by the monotonic clock, up to `until`; None and None when nobody answered."""
        if self._answered_at is None:
            return None, None
        end = monotonic() if until is None else until
        held = self._held + (max(0.0, end - self._held_at) if self._held_at is not None else 0.0)
        return timedelta(seconds=max(0.0, end - self._answered_at)), timedelta(seconds=held)

    def opinions(self) -> tuple[float, float]:
        """MOS of the customer's and the agent's media, 0 when unknown."""
        customer = self.customer.statistics().mos if self.customer is not None else 0.0
        agent = self._agent_legs[-1].statistics().mos if self._agent_legs else 0.0
        return customer, agent

    def release(self) -> WebRtcLeg | None:
        """Let the parties go: the agent's leg stays warm, the customer's is for the caller to close."""
        customer = self.customer
        self.earpiece.stop()
        for party in (self.bridge.customer, self.bridge.agent):
            party.tap = party.on_digit = None
            self.bridge.mute(party, False)
        self.bridge.unjoin()
        self.bridge.agent.leg = None
        return customer

    def press(self, digit: str) -> None:
        """The customer pressed a key; nobody listens to it once they talk."""
        if not self.talking and not self.pressed.full():
            self.pressed.put_nowait(digit)

    def _pass_digit(self, digit: str) -> None:
        """A digit the agent's browser sends as a telephone event goes to the customer's side as one."""
        if self.customer is not None and self.talking and not self.bridge.held:
            self.customer.send_digits(digit)

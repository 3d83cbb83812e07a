"""Parties outside, reached by number or at a desk phone, whatever carries them.

An outside leg begins with the wish to reach somebody and goes on, once they answered, as their leg. What comes from the
other end it tells by its callbacks; who holds it is the call's leg of the same id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from kernel.errors import DomainError

from telephony.clients import CallerNumbers
from telephony.domain.calls import Call
from telephony.domain.dialing import NoTrunk
from telephony.domain.legs import Q850
from telephony.media.media_leg import MediaLeg

RING_SECONDS = 30.0
"""How long the desk phone of an agent rings who is in a call already."""


@dataclass(frozen=True)
class Planned:
    """A number that may be rung: whom, and as whom (E.164). `plan` is for who made it."""

    number: str
    caller_number: str
    plan: object = None


class TransferWish(Protocol):
    """A party asks by its own signalling that the customer goes elsewhere. It is told `begun`, then one of `done` and
    `refuse`; its end of the call is let go only when it has heard that."""

    @property
    def dialed(self) -> str:
        """Whom it names, as it is dialled."""
        ...

    @property
    def attended(self) -> bool:
        """Whether it wants to join the two calls it has: the customer's, and that with who was asked."""
        ...

    def begun(self) -> None:
        """It is being done."""
        ...

    def done(self) -> None:
        """The customer has gone there."""
        ...

    def refuse(self, error: DomainError) -> None:
        """Nothing has changed, and why."""
        ...


class OutsideLeg(Protocol):
    """One party outside. Callbacks are set as soon as it is given out."""

    on_media: Callable[[MediaLeg | None], object]
    """(New) media is there; None: what was heard before the answer is over, and it rings on."""
    on_codec: Callable[[], object]
    """Its media speaks another codec now."""
    on_answered: Callable[[], object]
    on_gone: Callable[[int, int], object]
    """(Q.850 cause, SIP status): refused, unanswered, hung up. Told once, last."""
    on_cut: Callable[[], object]
    """In place of `on_gone`: we hang up, because what may be spent is spent."""
    on_changed: Callable[[], object]
    """`kept` is worth storing again."""
    on_digit_info: Callable[[str], object]
    """A digit that came by signalling instead of media."""
    on_hold: Callable[[bool], object]
    """It holds us (True) or takes us back, by its own signalling."""
    on_transfer: Callable[[TransferWish], object]

    @property
    def media(self) -> MediaLeg | None:
        """Its media, from early media on; None before."""
        ...

    def kept(self) -> Mapping[str, Any] | None:
        """What another node needs to go on with it (`Outside.resume`), JSON-ready; None before the answer."""
        ...

    @property
    def stays(self) -> bool:
        """Whether only this node reaches the other end as it is: it is better waited for than taken over."""
        ...

    async def hang_up(self, q850: int = Q850.NORMAL) -> None:
        """End it, ringing or answered. Safe to repeat."""
        ...

    async def leave(self) -> None:
        """Let its media go and tell the other end nothing: another node has it by now."""
        ...


class Outside(Protocol):
    """Where outside legs come from."""

    async def plan(self, tenant_id: str, number: str, caller_number: str, numbers: CallerNumbers) -> Planned:
        """Whether and how a number, as somebody typed it, may be rung for the tenant: what `dialing.decide` refuses.
        `caller_number` is the one to show, empty for the default."""
        ...

    async def dial(
        self, call: Call, leg_id: str, tenant_id: str, planned: Planned, on_behalf: OutsideLeg | None = None
    ) -> OutsideLeg:
        """Begin to ring, for the party `on_behalf` where the call came with one. Limits may be met by now; everything
        later is told by the leg."""
        ...

    async def ring_agent(
        self, tenant_id: str, call: Call, agent_id: str, seconds: float = RING_SECONDS
    ) -> OutsideLeg | None:
        """Ring an agent's desk phones, for so long at most; None when they have none that can be reached."""
        ...

    async def resume(self, kept: Mapping[str, Any]) -> OutsideLeg | None:
        """Go on with a leg of another node, by media of this one; None when the other end has gone meanwhile."""
        ...


class NobodyOutside:
    """A node that reaches nobody outside: SIP is switched off."""

    async def plan(self, tenant_id: str, number: str, caller_number: str, numbers: CallerNumbers) -> Planned:
        raise NoTrunk("this installation has no SIP: set MERKEZ_SIP_LISTEN to reach numbers")

    async def dial(
        self, call: Call, leg_id: str, tenant_id: str, planned: Planned, on_behalf: OutsideLeg | None = None
    ) -> OutsideLeg:
        raise NoTrunk("this installation has no SIP: set MERKEZ_SIP_LISTEN to reach numbers")

    async def ring_agent(
        self, tenant_id: str, call: Call, agent_id: str, seconds: float = RING_SECONDS
    ) -> OutsideLeg | None:
        return None

    async def resume(self, kept: Mapping[str, Any]) -> OutsideLeg | None:
        return None

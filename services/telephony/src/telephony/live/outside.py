"""Parties outside, reached by number or at a desk phone, whatever carries them.

An outside leg begins with the wish to reach somebody and goes on, once they answered, as their leg. What comes from the
other end it tells by its callbacks; who holds it is the call's leg of the same id.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from kernel.errors import FailedPrecondition

from telephony.domain.legs import Q850
from telephony.media.media_leg import MediaLeg


class NoTrunk(FailedPrecondition):
    """No trunk can take this call: none is set up, none is enabled, or none of their gateways answers."""

    reason = "NO_TRUNK"


@dataclass(frozen=True)
class DialWish:
    """Whom to ring and as whom. Numbers are E.164."""

    tenant_id: str
    call_id: str
    leg_id: str
    number: str
    caller_number: str
    brand_id: str = ""
    ring_seconds: float = 60.0


class OutsideLeg(Protocol):
    """One party outside. Callbacks are set as soon as it is given out."""

    media: MediaLeg | None
    """Its media, from early media on; None before."""
    on_media: Callable[[MediaLeg], object]
    """(New) media is there."""
    on_answered: Callable[[], object]
    on_gone: Callable[[int, int], object]
    """(Q.850 cause, SIP status): refused, unanswered, hung up. Told once, last."""
    on_digit_info: Callable[[str], object]
    """A digit that came by signalling instead of media."""

    @property
    def trunk_id(self) -> str: ...

    async def hang_up(self, q850: int = Q850.NORMAL) -> None:
        """End it, ringing or answered. Safe to repeat."""
        ...


class Outside(Protocol):
    """Where outside legs come from."""

    async def dial(self, wish: DialWish) -> OutsideLeg:
        """Begin to ring. NoTrunk and what the rules of dialing refuse; everything later is told by the leg."""
        ...


class NobodyOutside:
    """A node that reaches nobody outside: SIP is switched off."""

    async def dial(self, wish: DialWish) -> OutsideLeg:
        raise NoTrunk("this installation has no SIP: set up a trunk to reach numbers")

"""Who hears whom in a call, and what is played to who hears nobody. Pure: rows in, ears out.

The one rule behind hold, consult, conference, whisper and park. Media follow it (`live/`), whatever verb changed the
rows and on whichever node.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from enum import Enum

from telephony.domain.calls import TALK_STATES, Call, CallState
from telephony.domain.legs import Leg, LegState, Party, SupervisionMode


class Sound(Enum):
    """What is played to a party that hears nobody."""

    SILENCE = "SILENCE"
    MUSIC = "MUSIC"
    COMFORT = "COMFORT"
    """The other side's media is lost for a moment."""
    RINGBACK = "RINGBACK"


@dataclass(frozen=True)
class Ear:
    """What one leg is given to hear."""

    hears: frozenset[str] = frozenset()
    """Leg ids."""
    sound: Sound = Sound.SILENCE
    """Played while it hears nobody."""


def hearing(call: Call, legs: Sequence[Leg]) -> Mapping[str, Ear]:
    """Leg id -> ear, of every live leg whose ears are the conversation's.

    While flows leads the call (SETUP, IN_FLOW, QUEUED) the customer's are not: what flows says is played to it.
    A leg on hold hears music and is heard by nobody. What is said in a consult stays between the two: others of a
    conference go on without them. A supervisor hears the conversation; by whom one is heard is its
    mode's: nobody, the agent alone, everybody. The customer never hears a whisper.
    """
    live = [leg for leg in legs if leg.live and leg.party != Party.SOUGHT]
    if call.state in TALK_STATES or call.state is CallState.DIALING:
        return _conversation(live)
    if call.state is CallState.PARKED:
        return {leg.leg_id: Ear(sound=Sound.MUSIC) for leg in live if leg.party == Party.CUSTOMER}
    return {}


def recorded(call: Call, legs: Sequence[Leg]) -> frozenset[str]:
    """Leg ids whose voices belong into the recording: the customer's, and of everybody the customer hears.

    So neither what a customer on hold says or is played, nor what is said without them, nor a whisper, nor how somebody
    is rung.
    """
    if call.state is not CallState.TALKING:
        return frozenset()
    ears = hearing(call, legs)
    customers = [leg for leg in legs if leg.party == Party.CUSTOMER and leg.live and leg.answered and not leg.held]
    heard = {leg_id for leg in customers for leg_id in ears[leg.leg_id].hears}
    return frozenset(leg.leg_id for leg in legs if leg in customers or (leg.leg_id in heard and leg.answered))


def _conversation(live: Sequence[Leg]) -> Mapping[str, Ear]:
    talking = [leg for leg in live if leg.answered and not leg.held and leg.party != Party.SUPERVISOR]
    ringing = [leg for leg in live if leg.state is LegState.RINGING]
    ears: dict[str, Ear] = {leg.leg_id: Ear(sound=Sound.MUSIC) for leg in live if leg.held}
    barging = {leg.leg_id for leg in live if leg.mode is SupervisionMode.BARGE and leg.answered}
    pair = _consulting(talking, live)
    for leg in talking:
        together = [other for other in talking if (other.leg_id in pair) == (leg.leg_id in pair)]
        hears = {other.leg_id for other in together if other is not leg} | barging
        hears |= {watcher.leg_id for watcher in live if _whispers_to(watcher, leg)}
        # Early media: the carrier's own tones and announcements, to whoever rang it up.
        rung = [other for other in ringing if _rang(leg, other, live)]
        if not hears and rung:
            ears[leg.leg_id] = Ear(frozenset(other.leg_id for other in rung), Sound.RINGBACK)
        else:
            ears[leg.leg_id] = Ear(frozenset(hears), Sound.MUSIC if pair and leg.leg_id not in pair else _alone(leg))
    heard = frozenset(leg.leg_id for leg in talking)
    for watcher in live:
        if watcher.party == Party.SUPERVISOR and watcher.answered:
            ears[watcher.leg_id] = Ear(heard | (barging - {watcher.leg_id}))
    return ears


def _consulting(talking: Sequence[Leg], live: Sequence[Leg]) -> Set[str]:
    """Leg ids of who is consulted and who consults them, while they talk: what the two say is nobody else's."""
    asked = next((leg for leg in talking if leg.consulted), None)
    if asked is None or not any(leg.leg_id == asked.invited_by for leg in live):
        return frozenset()
    return {asked.leg_id, asked.invited_by}


def _whispers_to(watcher: Leg, leg: Leg) -> bool:
    return (
        watcher.mode is SupervisionMode.WHISPER
        and watcher.answered
        and leg.party == Party.AGENT
        and leg.agent_id == watcher.supervised_agent_id
    )


def _rang(leg: Leg, ringing: Leg, live: Sequence[Leg]) -> bool:
    """Whether `leg` hears how `ringing` is being rung: who invited it, or anyone when nobody did."""
    inviter = next((other for other in live if other.leg_id == ringing.invited_by), None)
    return inviter is None or inviter is leg


def _alone(leg: Leg) -> Sound:
    return Sound.COMFORT if leg.party == Party.CUSTOMER else Sound.SILENCE

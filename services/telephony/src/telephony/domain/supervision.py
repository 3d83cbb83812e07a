"""Supervisors in a call: listen, whisper, barge. Pure."""

from __future__ import annotations

import dataclasses
from datetime import datetime

from kernel.errors import Forbidden

from telephony.domain.conversation import (
    Conversation,
    NotOnCall,
    Outcome,
    in_conversation,
    raised,
)
from telephony.domain.legs import Leg, SupervisionMode
from telephony.domain.parties import add


class SupervisionNotAllowed(Forbidden):
    """The role lacks the permission of this mode."""

    reason = "SUPERVISION_NOT_ALLOWED"


def supervise(talk: Conversation, leg: Leg, now: datetime) -> Outcome:
    """A supervisor takes part as `leg` says, or changes how. NotOnCall when the agent they name doesn't talk,
    OnCallAlready when they talk in it themselves, CallNotTalking, CallEnded, PartyLimitReached."""
    in_conversation(talk)
    with_agent = talk.of_agent(leg.supervised_agent_id)
    if with_agent is None or not with_agent.answered:
        raise NotOnCall("this agent doesn't talk in the call")
    known = talk.of_supervisor(leg.agent_id)
    if known is None:
        return add(talk, leg)
    changed = dataclasses.replace(known, mode=leg.mode, supervised_agent_id=leg.supervised_agent_id)
    return Outcome(raised(talk.with_legs(changed)))


PERMISSION_OF: dict[SupervisionMode, str] = {
    SupervisionMode.LISTEN: "calls.listen",
    SupervisionMode.WHISPER: "calls.whisper",
    SupervisionMode.BARGE: "calls.barge",
}
"""Each mode has a permission of its own; taking over has `calls.take_over`."""

"""Who answers a number that was rung, and what follows from it. Pure; how it is told is `media/answering_machine.py`'s.

A person is never made to wait for it: an agent who dialled and who answered hear each other meanwhile. Where flows
dials for a customer, a person is joined once it is known to be one.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from kernel.errors import InvalidInput

from telephony.domain.calls import TALK_STATES, Actor, EndCause, Trigger
from telephony.domain.conversation import Conversation, Outcome, raised
from telephony.domain.legs import Answer, Leg
from telephony.domain.transfers import sent_on

MESSAGE = "message"
"""Where a call leads that only leaves a message: `Call.sent_to` is this and the prompt's id."""


class OnMachine(Enum):
    """What is wished for when no person answers."""

    CONNECT = "CONNECT"
    HANG_UP = "HANG_UP"
    LEAVE_MESSAGE = "LEAVE_MESSAGE"


class MessageUnplayable(InvalidInput):
    """The prompt to leave on a machine is unknown, or no sound."""

    reason = "MESSAGE_UNPLAYABLE"


@dataclass(frozen=True)
class Detection:
    """The wish to know who answers."""

    on_machine: OnMachine
    message_prompt_id: str = ""
    patient: bool = False
    before_joining: bool = False
    """Who answered is joined to nobody until it is told, and not at all when it is no person."""

    @property
    def waits_for_beep(self) -> bool:
        return self.on_machine is not OnMachine.HANG_UP


class Follow(Enum):
    """What is to be done about an answer."""

    NOTHING = "NOTHING"
    HANG_UP = "HANG_UP"
    LEAVE_MESSAGE = "LEAVE_MESSAGE"


END_CAUSES = {
    Answer.MACHINE: EndCause.ANSWERING_MACHINE,
    Answer.MACHINE_BEEP: EndCause.ANSWERING_MACHINE,
    Answer.FAX: EndCause.FAX,
    Answer.DISCONNECTED: EndCause.UNREACHABLE,
}
"""The end cause of a call that is hung up because of who answered: everybody but people."""


def check_detection(detection: Detection) -> Detection:
    """The same; InvalidInput when a message is to be left and there is none, or the other way round."""
    leaves = detection.on_machine is OnMachine.LEAVE_MESSAGE
    if leaves and not detection.message_prompt_id:
        raise _wrong("is required to leave a message: name a prompt")
    if detection.message_prompt_id and not leaves:
        raise _wrong("goes with on_machine LEAVE_MESSAGE only")
    return detection


def _wrong(text: str) -> InvalidInput:
    return InvalidInput.of("detection.message_prompt_id", text)


def what_follows(detection: Detection, answer: Answer, talk: Conversation, dialler: str) -> Follow:
    """What is to be done now. Nothing for a person, and nothing once the agent who dialled (`dialler`) isn't with the
    customer any more: then somebody has decided otherwise."""
    own = talk.of_agent(dialler)
    if answer not in END_CAUSES or talk.call.state not in TALK_STATES or own is None or not own.answered:
        return Follow.NOTHING
    if detection.on_machine is OnMachine.CONNECT:
        return Follow.NOTHING
    machine = answer in (Answer.MACHINE, Answer.MACHINE_BEEP)
    if detection.on_machine is OnMachine.LEAVE_MESSAGE and machine:
        return Follow.LEAVE_MESSAGE
    return Follow.HANG_UP


def told(talk: Conversation, leg_id: str, answer: Answer, after: timedelta) -> Outcome:
    """The leg says who answered, `after` the answer. LegNotFound when it is over."""
    leg = dataclasses.replace(talk.leg(leg_id), answered_by=answer, detection=after)
    return Outcome(raised(talk.with_legs(leg)))


def leave_message(talk: Conversation, prompt_id: str, now: datetime) -> Outcome:
    """The agent's part is over, and a machine is told the prompt. CallNotTalking, CallEnded, ConsultUnderWay."""
    outcome = sent_on(talk, Actor("system"), Trigger.SEND_ON, now)
    before = talk.call
    call = dataclasses.replace(
        outcome.after.call, turn=before.turn + 1, run_id="", sent_to=f"{MESSAGE}:{prompt_id}", sent_by=before.agent_id,
        agent_id=before.agent_id,
    )  # fmt: skip
    return dataclasses.replace(outcome, after=dataclasses.replace(outcome.after, call=call))


def rung_for_nobody(leg: Leg) -> str:
    """What answered the leg when it is no person, as flows is told: MACHINE, FAX, DISCONNECTED; else empty."""
    if leg.answered_by is None or leg.answered_by not in END_CAUSES:
        return ""
    return Answer.MACHINE.value if leg.answered_by is Answer.MACHINE_BEEP else leg.answered_by.value

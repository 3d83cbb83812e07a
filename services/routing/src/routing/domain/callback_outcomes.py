"""What comes of an attempt to call somebody back."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What came of an attempt."""

    ANSWERED = "ANSWERED"
    MESSAGE_LEFT = "MESSAGE_LEFT"
    BUSY = "BUSY"
    NO_ANSWER = "NO_ANSWER"
    MACHINE = "MACHINE"
    REJECTED = "REJECTED"
    UNREACHABLE = "UNREACHABLE"
    NOT_DIALLED = "NOT_DIALLED"
    HUNG_UP = "HUNG_UP"
    """They answered before an agent, and hung up before one came."""


REACHED = frozenset({Outcome.ANSWERED, Outcome.MESSAGE_LEFT})
_BY_CAUSE = {
    "MESSAGE_LEFT": Outcome.MESSAGE_LEFT, "ANSWERING_MACHINE": Outcome.MACHINE, "FAX": Outcome.MACHINE,
    "BUSY": Outcome.BUSY, "REJECTED": Outcome.REJECTED, "UNREACHABLE": Outcome.UNREACHABLE,
}  # fmt: skip
_RANG = frozenset({"NORMAL", "NO_ANSWER", "CANCELLED", "CALLER_LEFT", "MEDIA_LOST", "MEDIA_FAILED", "NODE_LOST"})
"""Of a call that nobody answered; any other cause is why it never rang."""


def outcome_of(end_cause: str, *, answered: bool, waited: bool = False) -> Outcome:
    """What a call that ended for this cause came to: `answered` when an agent talked with the customer, `waited` when
    the customer was on the line for one. Whoever gave up ringing has not been answered."""
    if waited and not answered:
        return Outcome.HUNG_UP
    if end_cause in _BY_CAUSE or answered:
        return _BY_CAUSE.get(end_cause, Outcome.ANSWERED)
    return Outcome.NO_ANSWER if end_cause in _RANG else Outcome.NOT_DIALLED

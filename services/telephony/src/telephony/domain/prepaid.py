"""What is known of a prepaid call's credit, and when the call has to end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from kernel.errors import FailedPrecondition

_LEAST = 0.2
"""Seconds between two questions, at least."""


class BalanceTooLowToCall(FailedPrecondition):
    """The wallet doesn't pay for the first seconds of the call."""

    reason = "BALANCE_TOO_LOW_TO_CALL"


class NumberHasNoRate(FailedPrecondition):
    """The wallet's calls have no price to this number, or it is blocked."""

    reason = "NUMBER_HAS_NO_RATE"


@dataclass(frozen=True)
class Credit:
    """What billing said last. `granted` is talk that is paid for, since the call began to count."""

    grace: timedelta = timedelta(0)
    """Talk beyond what was granted while billing can't be asked."""
    known: bool = False
    prepaid: bool = False
    granted: timedelta = timedelta(0)
    last: bool = False
    """There is less than another slice."""
    refusal: str = ""
    away: bool = False
    """Billing didn't answer the last question."""

    def told(self, answer: Credit) -> Credit:
        """Billing has answered."""
        return replace(answer, grace=self.grace, known=True, away=False)

    def unanswered(self) -> Credit:
        """Billing can't be asked: what it said last still counts, for a while."""
        return replace(self, away=True)

    def over(self, talked: timedelta) -> bool:
        """Whether the call ends now. One of which nobody knows whether it is prepaid goes on: the others outnumber
        them, and its detail record is charged all the same."""
        if not self.known or not self.prepaid:
            return False
        if self.refusal and self.granted <= talked:
            return True
        return talked >= self.granted + (self.grace if self.away else timedelta(0))

    def pause(self, talked: timedelta, beat: float) -> float:
        """Seconds until the next question: before what was granted is used up."""
        if self.away or not self.granted:
            return beat
        return max(_LEAST, min(beat, (self.granted - talked).total_seconds()))

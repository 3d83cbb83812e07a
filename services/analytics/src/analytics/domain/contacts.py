"""A contact as analytics counts it: its marks in time, and the stretches of work they enclose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WAITING = frozenset({"QUEUED", "OFFERED"})
DEFAULT_THRESHOLD = timedelta(seconds=20)

Span = tuple[datetime, datetime]
Mark = tuple[datetime, bool]
"""A moment at which the customer was put on hold (True) or taken back (False)."""


@dataclass(frozen=True)
class Contact:
    """Marks of one contact. A mark that has not come is None."""

    contact_id: str
    queue_id: str
    state: str
    queue_time: datetime
    answer_time: datetime | None = None
    end_time: datetime | None = None
    wrap_up_end_time: datetime | None = None
    agent_id: str = ""
    abandoned: bool = False
    short_abandon: bool = False
    threshold: timedelta = DEFAULT_THRESHOLD
    holds: Sequence[Span] = ()
    kind: str = "INBOUND"
    """INBOUND, OUTBOUND, TRANSFER or CONSULT."""
    targeted: bool = False
    """It waited for one agent, not for whoever serves the queue."""

    @property
    def arrived(self) -> bool:
        """Whether a customer waited for whoever serves the queue: what a service level is about."""
        return self.kind in ("INBOUND", "TRANSFER") and not self.targeted

    @property
    def answered(self) -> bool:
        """Whether an agent took it."""
        return self.answer_time is not None

    @property
    def within_threshold(self) -> bool:
        """Whether it was answered within the threshold of its service level; exactly at it counts."""
        return self.answered and self.wait <= self.threshold

    @property
    def handled(self) -> bool:
        """Whether its wrap-up is over, so that its handle time is known."""
        return self.answered and self.wrap_up_end_time is not None

    @property
    def wait(self) -> timedelta:
        """From the queue to the answer; zero while unanswered."""
        return self.answer_time - self.queue_time if self.answer_time else timedelta()

    @property
    def handle_time(self) -> timedelta:
        """Talk, hold and ACW together; zero until handled."""
        if self.answer_time is None or self.wrap_up_end_time is None:
            return timedelta()
        return self.wrap_up_end_time - self.answer_time

    def acw_spans(self) -> list[Span]:
        """After-contact work, once it is over."""
        return [(self.end_time, self.wrap_up_end_time)] if self.end_time and self.wrap_up_end_time else []

    def hold_spans(self) -> list[Span]:
        """Holds within the talk, cut to it, once it is over."""
        if self.answer_time is None or self.end_time is None:
            return []
        cut = [(max(start, self.answer_time), min(end, self.end_time)) for start, end in self.holds]
        return [(start, end) for start, end in cut if start < end]

    def talk_spans(self) -> list[Span]:
        """The talk without its holds, once it is over."""
        if self.answer_time is None or self.end_time is None:
            return []
        spans, at = [], self.answer_time
        for start, end in sorted(self.hold_spans()):
            if at < start:
                spans.append((at, start))
            at = max(at, end)
        return [*spans, (at, self.end_time)] if at < self.end_time else spans


def holds_of(marks: Iterable[Mark]) -> list[Span]:
    """The holds of a call from its marks, in whatever order they were heard of; one still going on is left out."""
    spans: list[Span] = []
    since: datetime | None = None
    for time, held in sorted(marks, key=lambda mark: (mark[0], mark[1])):
        if held:
            since = since or time
        elif since is not None:
            spans.append((since, time))
            since = None
    return spans

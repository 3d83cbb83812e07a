"""Callbacks as analytics counts them: asked for, and what came of it, in the interval they were asked for in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from analytics.domain.intervals import Counters, Key, start_of

_ENDS = {
    "COMPLETED": "callbacks_reached", "FAILED": "callbacks_given_up", "EXPIRED": "callbacks_given_up",
    "CANCELLED": "callbacks_cancelled",
}  # fmt: skip


@dataclass(frozen=True)
class Callback:
    """One callback; `state` as routing's, without its prefix."""

    callback_id: str
    queue_id: str
    state: str
    request_time: datetime


def count(callbacks: Iterable[Callback]) -> dict[Key, Counters]:
    """Counters by (queue, interval)."""
    found: dict[Key, Counters] = {}
    for callback in callbacks:
        counters = found.setdefault((callback.queue_id, start_of(callback.request_time)), Counters())
        counters.callbacks_requested += 1
        if name := _ENDS.get(callback.state):
            setattr(counters, name, getattr(counters, name) + 1)
    return found

"""A place in a line: since when somebody who asks for a callback counts as waiting."""

from __future__ import annotations

from datetime import datetime, timedelta

from routing.domain.contacts import WAITING, Contact

KEPT_FOR = timedelta(minutes=10)
"""For how long who has left a line can still have their place in it: their flow, or an agent, asks right away."""


def place_of(caller: Contact | None, queue_id: str, now: datetime) -> datetime:
    """Since when one who gets in line of the queue now counts as waiting: of a `caller` who waits in it, or left it
    minutes ago, also by its overflow, since they came; else since now. A place is of the lines they stood in, and
    nobody's for ever."""
    if caller is None or queue_id not in caller.been_in:
        return now
    left = caller.state not in WAITING and (caller.end_time is None or caller.end_time < now - KEPT_FOR)
    return now if left else min(caller.queue_time, now)

"""For how long a callback is kept that has no hours of its own to be made within, where its queue has hours."""

from __future__ import annotations

from datetime import datetime, timedelta

from routing.domain.hours import BusinessHours, opening


def expires_at(due: datetime, lasts: timedelta, hours: BusinessHours | None) -> datetime:
    """When a callback that is due then expires: after as long as it `lasts`, from the queue's opening on when that is
    closed. What is left of it when the queue closes for longer than that follows after it opens again: nobody is there
    to call meanwhile, and a weekend would take every callback of a Friday evening."""
    if hours is None:
        return due + lasts
    found = opening(hours, due)
    begins = due if found.open else found.change_time or due
    over = begins + lasts
    closes = opening(hours, begins).change_time
    opens = opening(hours, closes).change_time if closes is not None and closes < over else None
    return over if closes is None or opens is None or opens <= over else opens + (over - closes)

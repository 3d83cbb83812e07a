"""Time that a test owns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class ManualClock:
    """A `kernel.clock.Clock` that stands still; `advance` moves wall time and monotonic time together."""

    def __init__(self, now: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)):
        self._now = now
        self._monotonic = 1000.0

    def now(self) -> datetime:
        """The time the test set."""
        return self._now

    def monotonic(self) -> float:
        """Seconds, moved only by `advance`."""
        return self._monotonic

    def advance(self, by: timedelta | float) -> datetime:
        """Move on by a timedelta or seconds; gives the new time."""
        step = by if isinstance(by, timedelta) else timedelta(seconds=by)
        self._now += step
        self._monotonic += step.total_seconds()
        return self._now


FixedClock = ManualClock
"""The same clock under the name of a test that never moves it."""

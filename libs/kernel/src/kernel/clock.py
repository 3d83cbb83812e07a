"""The only place that reads the machine's clock. Everything else takes `now` or a `Clock`."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time labels things; monotonic time measures them."""

    def now(self) -> datetime:
        """The wall clock: timezone-aware, UTC, microseconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump; only differences mean something."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """The wall clock: timezone-aware, UTC, microseconds."""
        return datetime.now(UTC)  # noqa: TID251 - this is the place the rule points to

    def monotonic(self) -> float:
        """Seconds that never jump; only differences mean something."""
        return time.monotonic()

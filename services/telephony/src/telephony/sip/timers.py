"""Time for the state machines: one source of delays, so that a test can own it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

T1 = 0.5
"""Estimate of a round trip, seconds (17.1.1.1)."""
T2 = 4.0
"""The longest pause between retransmissions outside INVITE."""
T4 = 5.0
"""How long a message may stay in the network."""


class Timer(Protocol):
    """A delay that runs."""

    def cancel(self) -> None: ...


class Timers(Protocol):
    """Calls back later, and says what time it is (monotonic seconds)."""

    def now(self) -> float: ...

    def after(self, seconds: float, callback: Callable[..., object], *arguments: Any) -> Timer: ...


class LoopTimers:
    """The running event loop's."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def now(self) -> float:
        """The loop's monotonic time."""
        return self._loop.time()

    def after(self, seconds: float, callback: Callable[..., object], *arguments: Any) -> Timer:
        """Call `callback` once, unless cancelled before."""
        return self._loop.call_later(seconds, callback, *arguments)

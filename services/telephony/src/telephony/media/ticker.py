"""The pace of everything we send ourselves: one timer for all legs.

A 20 ms period is cut into four slots so that a hundred listeners to music don't all get their packet in one
burst that would hold up forwarded packets. In each slot what has come is read first (`gathering`), then what is due is
made, and sent together when the slot ends (`departures`). The timer runs only while somebody wants it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from telephony.media.departures import Departures
from telephony.media.standstill import STANDSTILL

_SLOTS = 4
_PERIOD = 0.02
_STEP = _PERIOD / _SLOTS
_MAX_CATCH_UP = 12 * _SLOTS
"""After a stall of the loop at most 240 ms are sent late in one go; more is skipped."""

Tick = Callable[[], None]


class Ticker:
    """Calls each added function every 20 ms, on average exactly."""

    def __init__(self, departures: Departures | None = None) -> None:
        self.departures = departures or Departures()
        """Where ticks put what they send."""
        self._slots: list[dict[Tick, None]] = [{} for _ in range(_SLOTS)]
        self._readers: dict[Tick, None] = {}
        self._slot = 0
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, tick: Tick) -> None:
        """Begin calling `tick`; it runs for the first time within 20 ms."""
        min(self._slots, key=len)[tick] = None
        self._begin()

    def remove(self, tick: Tick) -> None:
        for slot in self._slots:
            slot.pop(tick, None)

    def read_first(self, read: Tick) -> None:
        """Begin calling `read` every 5 ms, before whatever is due then: it brings what the ticks work on."""
        self._readers[read] = None
        self._begin()

    def read_no_more(self, read: Tick) -> None:
        self._readers.pop(read, None)

    def __len__(self) -> int:
        return sum(map(len, self._slots))

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._readers.clear()
        for slot in self._slots:
            slot.clear()

    def _begin(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._due = loop.time() + _STEP
            self._timer = loop.call_at(self._due, self._run)

    def _run(self) -> None:
        STANDSTILL.runs()
        loop = asyncio.get_running_loop()
        now = loop.time()
        behind = int((now - self._due) / _STEP)
        if behind > _MAX_CATCH_UP:
            self._due += (behind - _MAX_CATCH_UP) * _STEP
        # After a stall at most one period at a time: what came meanwhile is read in between, and heard.
        for _ in range(_SLOTS):
            if self._due > now:
                break
            for read in list(self._readers):
                self._guard(read, loop)
            self.departures.begin()
            for tick in list(self._slots[self._slot]):
                if tick in self._slots[self._slot]:
                    self._guard(tick, loop)
            self.departures.end()
            self._slot = (self._slot + 1) % _SLOTS
            self._due += _STEP
        self._timer = loop.call_at(self._due, self._run) if len(self) or self._readers else None

    def _guard(self, tick: Tick, loop: asyncio.AbstractEventLoop) -> None:
        try:
            tick()
        except Exception as error:
            # One leg's trouble must not silence the others. A reader is everybody's, and stays.
            self.remove(tick)
            loop.call_exception_handler({"message": "a media tick failed and was removed", "exception": error})

"""Plays clips to one leg, 20 ms at a time, on the shared ticker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from telephony.media.clips import Clip
from telephony.media.rtp import Outbound
from telephony.media.ticker import Ticker


class Playback:
    """One run of clips to one leg. `finished` resolves True at the end and False when it was stopped."""

    def __init__(
        self, outbound: Outbound, ticker: Ticker, clips: Sequence[Clip], *, loop: bool, start: int = 0
    ) -> None:
        self._outbound = outbound
        self._ticker = ticker
        self._packets = [packet for clip in clips for packet in clip.packets]
        self._loop = loop and bool(self._packets)
        self._next = start % len(self._packets) if self._packets else 0
        self.finished: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if self._packets:
            ticker.add(self._tick)
        else:
            self.finished.set_result(True)

    @property
    def position(self) -> int:
        """The packet to be played next: lets music go on where it was left."""
        return self._next

    def stop(self) -> None:
        """Stop at once (barge-in, hang-up); harmless when it is over."""
        self._ticker.remove(self._tick)
        if not self.finished.done():
            self.finished.set_result(False)

    def _tick(self) -> None:
        if self._next >= len(self._packets):
            if not self._loop:
                self._ticker.remove(self._tick)
                if not self.finished.done():
                    self.finished.set_result(True)
                return
            self._next = 0
        self._outbound.send(self, self._packets[self._next])
        self._next += 1

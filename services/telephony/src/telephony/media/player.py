"""Plays clips to one leg, 20 ms at a time, on the shared ticker."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

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
        self._clips = [clip for clip in clips if clip.packets]
        self._starts = [0, *accumulate(len(clip.packets) for clip in self._clips)]
        self._count = self._starts[-1]
        self._loop = loop and bool(self._count)
        self._next = start % self._count if self._count else 0
        self.finished: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if self._count:
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
        if self._next >= self._count:
            if not self._loop:
                self._ticker.remove(self._tick)
                if not self.finished.done():
                    self.finished.set_result(True)
                return
            self._next = 0
        clip = bisect_right(self._starts, self._next) - 1
        # Asked anew each time: a leg may be negotiated to another codec while it plays.
        packets = self._clips[clip].packets_for(self._outbound.codec)
        self._outbound.send(self, packets[self._next - self._starts[clip]])
        self._next += 1

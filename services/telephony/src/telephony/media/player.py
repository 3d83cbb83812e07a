"""Plays clips to one leg, 20 ms at a time, on the shared ticker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from telephony.media.clip_reader import ClipReader
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
        self._reader = ClipReader(clips, loop=loop, start=start)
        self.finished: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if self._reader.done:
            self.finished.set_result(True)
        else:
            ticker.add(self._tick)

    @property
    def position(self) -> int:
        """The packet to be played next: lets music go on where it was left."""
        return self._reader.position

    def stop(self) -> None:
        """Stop at once (barge-in, hang-up); harmless when it is over."""
        self._ticker.remove(self._tick)
        if not self.finished.done():
            self.finished.set_result(False)

    def _tick(self) -> None:
        if self._reader.done:
            self._ticker.remove(self._tick)
            if not self.finished.done():
                self.finished.set_result(True)
            return
        # The codec is asked for anew each time: a leg may be negotiated to another one while it plays.
        self._outbound.send(self, self._reader.payload(self._outbound.codec))

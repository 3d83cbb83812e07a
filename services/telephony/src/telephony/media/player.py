"""Plays clips to one leg, 20 ms at a time, on the shared ticker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from telephony.media.clip_reader import ClipReader
from telephony.media.clips import Clip
from telephony.media.rtp import Outbound
from telephony.media.sounding import Sounding
from telephony.media.ticker import Ticker


@dataclass(frozen=True)
class Announcement:
    """What is said over what loops. `finished` is as a playback's."""

    reader: ClipReader
    finished: asyncio.Future[bool]


class Playback:
    """One run of clips to one leg. `finished` resolves True at the end and False when it was stopped. What loops fades
    in where it begins in its middle, and is turned down under its `announcement`."""

    def __init__(
        self, outbound: Outbound, ticker: Ticker, clips: Sequence[Clip], *, loop: bool, start: int = 0
    ) -> None:
        self._outbound = outbound
        self._ticker = ticker
        self._reader = ClipReader(clips, loop=loop, start=start)
        self._sounding = Sounding(outbound, self._reader) if loop else None
        self.announcement: Announcement | None = None
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
        if self._sounding is not None:
            self._sounding.tick(self._announced())
            return
        # The codec is asked for anew each time: a leg may be negotiated to another one while it plays.
        self._outbound.send(self, self._reader.payload(self._outbound.codec))

    def _announced(self) -> ClipReader | None:
        announcement = self.announcement
        if announcement is None or not announcement.reader.done:
            return None if announcement is None else announcement.reader
        self.announcement = None
        if not announcement.finished.done():
            announcement.finished.set_result(True)
        return None

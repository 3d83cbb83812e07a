"""Where a row of clips is being played: the next 20 ms of it as a payload or as samples."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from telephony.media.clips import PREROLL, Clip
from telephony.media.codecs import Codec, OpusDecoder, Samples


class ClipReader:
    """One run through clips, from packet `start` on; for ever with `loop`."""

    def __init__(self, clips: Sequence[Clip], *, loop: bool = False, start: int = 0) -> None:
        self._clips = [clip for clip in clips if clip.packets]
        self._starts = [0, *accumulate(len(clip.packets) for clip in self._clips)]
        self._count = self._starts[-1]
        self._loop = loop
        self._next = start % self._count if self._count else 0
        self._decoder: OpusDecoder | None = None
        self._rate = self._decoded = 0

    @property
    def position(self) -> int:
        """The packet to be played next."""
        return self._next

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return not self._count or (not self._loop and self._next >= self._count)

    def payload(self, codec: Codec) -> bytes:
        """The next 20 ms as a payload of `codec`, which may be another each time. IndexError when done."""
        clip, index = self._take()
        return clip.packets_for(codec)[index]

    def frame(self, rate: int) -> Samples:
        """The next 20 ms as samples, which hold until the next call. IndexError when done."""
        clip, index = self._take()
        decoder = self._decoder
        if decoder is None or self._rate != rate or self._decoded + 1 != self._next:
            decoder = self._decoder = OpusDecoder(rate)
            self._rate = rate
            for packet in clip.packets[max(0, index - PREROLL) : index]:
                decoder.decode(packet)
        self._decoded = self._next
        return decoder.decode(clip.packets[index])

    def _take(self) -> tuple[Clip, int]:
        if self.done:
            raise IndexError("nothing is left to play")
        if self._next >= self._count:
            self._next = 0
        which = bisect_right(self._starts, self._next) - 1
        self._next += 1
        return self._clips[which], self._next - 1 - self._starts[which]

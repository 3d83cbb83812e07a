"""Packets that the ticks of a slot make leave together when the slot ends (departures.c).

Between two packets sent one by one an encoder and a jitter buffer push the kernel's way out of the caches near the
processor, and each wakes whoever waits at the other end. So a leg doesn't protect and send what a tick makes, but puts
it down here (`add`), and one call of C protects and sends all of a slot.

Nothing but ticks runs until then. Whoever changes sockets or keys has them sent first (`leave`): `VoiceLeg.leave_lanes`
does, which is called before any such change. Where the C part wasn't compiled nothing waits.
"""

from __future__ import annotations

import struct

from telephony.media.lanes import ffi, lib, protect_address
from telephony.media.rtp import VIEW
from telephony.media.standstill import STANDSTILL

_HEAD = struct.Struct("@QiHH")
"""departures.h: departure."""
_SIZE = _HEAD.size
_TRAILER = 160
"""More than what protecting adds (SRTP_MAX_TRAILER_LEN)."""
_ROOM = 1 << 16
"""Bytes: some 250 packets of Opus or 190 of G.711. What is more begins anew."""

_pack = _HEAD.pack_into


class Departures:
    """One per ticker. `wanted` is False where everything is to be done in Python."""

    __slots__ = ("_able", "_at", "_bytes", "_count", "_into", "_protect", "waits")

    def __init__(self, *, wanted: bool = True) -> None:
        self.waits = False
        """Whether packets are to be put down here in place of being sent."""
        self._able = wanted and lib is not None
        self._at = self._count = 0
        if self._able:
            self._bytes = bytearray(_ROOM)
            self._into = ffi.from_buffer("uint8_t[]", self._bytes)
            self._protect = protect_address()

    def begin(self) -> None:
        """A slot's ticks begin."""
        self.waits = self._able

    def add(self, fd: int, context: int, length: int) -> None:
        """Send the packet in PACKET, `length` bytes, through a connected socket when the slot ends. `context` is the
        address of libsrtp's, 0 for plain RTP.
        """
        at = self._at
        begin = at + _SIZE
        # Records lie at multiples of 8.
        after = (begin + length + _TRAILER + 7) & ~7
        if after > _ROOM:
            self.leave()
            at, begin, after = 0, _SIZE, after - at
        _pack(self._bytes, at, context, fd, length, after - at)
        self._bytes[begin : begin + length] = VIEW[:length]
        self._at = after
        self._count += 1

    def leave(self) -> None:
        """Send what waits now."""
        count, self._count, self._at = self._count, 0, 0
        if count and not STANDSTILL.hushed():
            lib.depart(self._protect, self._into, count)

    def end(self) -> None:
        """The slot's ticks are over."""
        self.waits = False
        self.leave()

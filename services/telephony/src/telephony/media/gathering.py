"""Packets of legs that are decoded, read all together when the ticker's slot begins (gathering.c).

A jitter buffer gives its sound every 20 ms, so waking up for each packet of a bridge or a conference tells nobody
anything earlier. Such a leg's packets wait in its socket, are received, decrypted and counted in one call of C for all
legs, and come out of it as sound for the leg's sink. When each came is told by the kernel. As with a lane, whoever
changes something takes the leg back first (`Gathered.close`), and so does a packet that isn't the stream's next one.

Where the C part wasn't compiled, each packet is read when it comes, as everywhere else.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import Any

from chassis.telemetry import log

from telephony.media.lanes import Wire, ffi, lib, unprotect_address
from telephony.media.rtp import HEADER_SIZE, PACKET, Inbound
from telephony.media.ticker import Ticker
from telephony.media.voice_socket import SocketPoll

Heard = Callable[[Inbound, int, int, int], None]
"""Takes (source, sequence, timestamp, length) of the packet in PACKET; its header isn't there."""

_ROOM = 64
"""Packets read in one call: their memory stays in a near cache."""
_MAX_CALLS = 8
_FOUND = struct.Struct("@QIHHI4x")
"""gathering.h: gathered_packet."""


class Gathered:
    """One leg whose packets are gathered. Closing it is harmless when it is closed."""

    __slots__ = ("_at", "_gathering", "_on_closed", "_open", "_wire", "heard", "inbound")

    def __init__(
        self, gathering: Gathering, inbound: Inbound, wire: Wire, heard: Heard, on_closed: Callable[[Gathered], None]
    ) -> None:
        self.inbound = inbound
        self.heard = heard
        self._gathering = gathering
        self._wire = wire
        self._on_closed = on_closed
        self._at = ffi.new("gathered *")
        self._open = False

    def open(self, voice_type: int) -> bool:
        """Begin; whether that went well."""
        now = self._at.at
        now.in_fd, now.rx, now.in_type = self._wire.fd, self._wire.context or ffi.NULL, voice_type
        self.inbound.write_to(now)
        self._open = self._gathering.opened(self, self._at, self._wire)
        return self._open

    def sync(self) -> None:
        """Bring `Inbound` to what has come so far."""
        if self._open:
            self.inbound.read_from(self._at.at)

    def close(self) -> None:
        """Read each packet in Python when it comes, from now on."""
        if self._open:
            self.sync()
            self._open = False
            self._on_closed(self)
            self._gathering.closed(self._at, self._wire)

    @property
    def forged(self) -> int:
        """Packets that failed authentication since it was opened."""
        return self._at.at.forged

    def datagram(self, length: int, *, rtp: bool) -> None:
        """The datagram in PACKET is for Python; RTP ends this, since what follows may depend on it."""
        if rtp:
            self.close()
        self._wire.datagram(length)


class Gathering:
    """The legs whose packets are gathered, and what comes of it. Made by `start_gathering`."""

    def __init__(self, poll: SocketPoll, ticker: Ticker) -> None:
        self._poll = poll
        self._ticker = ticker
        self._set = lib.gathering_open()
        if self._set < 0:
            raise OSError(ffi.errno, os.strerror(ffi.errno))
        self._by_address: dict[int, Gathered] = {}
        self._gone: list[int] = []
        """Closed, but packets of theirs may have been read already."""
        self._unprotect = unprotect_address()
        self._found = ffi.new("gathered_packet[]", _ROOM)
        self._numbers = memoryview(ffi.buffer(self._found))
        self._stride = lib.GATHERED_STRIDE
        self._packets = bytearray(_ROOM * self._stride)
        self._view = memoryview(self._packets)
        self._into = ffi.from_buffer("uint8_t[]", self._packets)
        self._reading = False

    def opened(self, gathered: Gathered, at: Any, wire: Wire) -> bool:
        """Begin with a leg; whether that went well."""
        if lib.gathered_open(self._set, at):
            return False
        self._poll.remove(wire.fd)
        if not self._by_address:
            self._ticker.read_first(self.gather)
        self._by_address[_address(at)] = gathered
        return True

    def closed(self, at: Any, wire: Wire) -> None:
        """A leg is closed: its socket is read when something comes."""
        lib.gathered_close(self._set, at)
        address = _address(at)
        if self._reading:
            self._gone.append(address)
        else:
            self._forget([address])
        self._poll.add(wire.fd, wire.readable)

    def gather(self) -> None:
        """Give everybody what has come. The ticker calls this before the ticks of each slot."""
        self._reading = True
        try:
            for _ in range(_MAX_CALLS):
                count = lib.gather(self._set, self._unprotect, self._found, self._into, _ROOM)
                if count:
                    self._give(count)
                if count < _ROOM:
                    break
        finally:
            self._reading = False
            gone, self._gone = self._gone, []
            self._forget(gone)

    def close(self) -> None:
        """Take all legs back and end."""
        for gathered in list(self._by_address.values()):
            gathered.close()
        lib.gathering_close(self._set)

    def _give(self, count: int) -> None:
        view, stride, by_address, sound = self._view, self._stride, self._by_address, lib.GATHERED_SOUND
        start = 0
        for address, timestamp, sequence, length, kind in _FOUND.iter_unpack(self._numbers[: count * _FOUND.size]):
            gathered = by_address[address]
            try:
                if kind == sound:
                    PACKET[HEADER_SIZE:length] = view[start + HEADER_SIZE : start + length]
                    heard = gathered.heard
                    heard(gathered.inbound, sequence, timestamp, length)
                else:
                    PACKET[:length] = view[start : start + length]
                    gathered.datagram(length, rtp=kind == lib.GATHERED_RTP)
            except Exception as error:
                self._poll.report(error)
            start += stride

    def _forget(self, gone: list[int]) -> None:
        for address in gone:
            del self._by_address[address]
        if gone and not self._by_address:
            self._ticker.read_no_more(self.gather)


def start_gathering(poll: SocketPoll, ticker: Ticker) -> Gathering | None:
    """Where the C part was compiled and the system has room for it; else packets are read as they come."""
    if lib is None:
        return None
    try:
        return Gathering(poll, ticker)
    except OSError as error:
        log.warning("packets that are decoded are read one by one: they can't be gathered", error=str(error))
        return None


def _address(at: Any) -> int:
    return int(ffi.cast("uintptr_t", at))

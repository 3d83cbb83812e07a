"""Packets of joined legs walked by a thread of C (lanes.c) while nothing happens to them but being passed on.

A lane is one direction between two legs in its steady state: one source, one listener, one codec. Python has spliced
it already and hands over socket, keys and numbers (`VoiceLeg.enter_lane`); it takes them back (`Lane.close`) before it
changes anything, and whenever a packet comes that isn't the next one of the stream. So every rule stays written in
Python, and whoever touches a leg or its outbound stream finds them as if they had never been away.

Where `telephony.media._lanes` wasn't compiled, everything is forwarded in Python.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from chassis.telemetry import log
from pylibsrtp._binding import ffi as srtp_ffi
from pylibsrtp._binding import lib as srtp

from telephony.media.compiled import ffi, lib
from telephony.media.rtp import PACKET, Inbound, Outbound
from telephony.media.tape import Tape
from telephony.media.tracks import Track
from telephony.media.voice_socket import SocketPoll

Tap = Callable[[object, int, bytes], None]

_ODD_BYTES = 1 << 22
_TAPPED_BYTES = 1 << 24
"""Some 4 s of 400 calls that are listened to: what a stall of the event loop may last before something isn't heard."""
_TAPS_EVERY = 0.02
_RECORD = struct.Struct("@IIQdII")
"""lanes.h: lane_record."""
_SKIP = 0xFFFFFFFF
_IDLE_ROOM = 4096
_TELL_EVERY = 1.0
_ODD, _TAPPED = 0, 1
_PRIORITIES = ("like others'", "raised", "real-time")
"""lanes.h: lanes_priority."""
_UNTAPPED, _BY_PACKET, _ON_TAPE = 0, 1, 2
"""lanes.h: lane.tapped."""


@dataclass(frozen=True, slots=True)
class Wire:
    """What one direction of a leg goes through: a connected socket and its keys."""

    fd: int
    context: Any
    """libsrtp's for this direction, None for plain RTP."""
    keys: object
    """What owns the context: kept as long as the thread may use it."""
    readable: Callable[[], None]
    """Reads one datagram from the socket; called again once the lane is closed."""
    datagram: Callable[[int], None]
    """Takes a datagram of the socket from PACKET."""


def _guarded(name: str) -> Callable[[Any, Any, Any], int]:
    """A libsrtp function that may be called while the thread uses the same context."""
    plain = getattr(srtp, name)
    if lib is None:
        return plain
    call, address = lib.lanes_guarded, _address(name)
    return lambda context, packet, length: call(address, context, packet, length)


def _address(name: str) -> Any:
    """Where pylibsrtp's binding has that function of libsrtp."""
    return ffi.cast("lanes_srtp", int(srtp_ffi.cast("uintptr_t", srtp_ffi.addressof(srtp, name))))


def unprotect_address() -> Any:
    """libsrtp's function for what comes, as C takes it."""
    return _address("srtp_unprotect")


def protect_address() -> Any:
    """The same for what is sent."""
    return _address("srtp_protect")


def context_address(context: Any) -> int:
    """Where a context of libsrtp's is."""
    return int(srtp_ffi.cast("uintptr_t", context))


protect_rtcp = _guarded("srtp_protect_rtcp")
unprotect_rtcp = _guarded("srtp_unprotect_rtcp")


class Lane:
    """One lane that is open. Closing it is harmless when it is closed."""

    __slots__ = ("_lanes", "_now", "_on_closed", "_tape", "_wires", "id", "inbound", "outbound", "tap")

    def __init__(
        self, lanes: Lanes, inbound: Inbound, outbound: Outbound, wires: tuple[Wire, Wire], tap: Tap | None,
        on_closed: Callable[[Lane], None],
    ) -> None:  # fmt: skip
        self.id = 0
        self.inbound = inbound
        self.tap = tap
        self._lanes = lanes
        self.outbound = outbound
        self._wires = wires
        self._on_closed = on_closed
        self._now = ffi.new("lane *")
        self._tape = tap.tape if isinstance(tap, Track) and isinstance(tap.tape, Tape) else None

    def open(self, voice_type: int, silence: bytes, *, repeated: bool) -> bool:
        """Hand over; whether that went well. `silence` replaces each payload when it isn't empty: it, or its first byte
        as often as the payload is long.
        """
        now, (source, listener) = self._now, self._wires
        now.in_fd, now.out_fd = source.fd, listener.fd
        now.rx, now.tx = source.context or ffi.NULL, listener.context or ffi.NULL
        now.in_type, now.tapped = voice_type, self._way
        now.muted = (2 if repeated else 1) if silence else 0
        now.silence[0 : len(silence)] = silence
        now.silence_length = len(silence)
        if self._tape is not None:
            now.tape, now.stream = self._tape.at, self._tape.stream(self.inbound)
        self.inbound.write_to(now)
        self.outbound.write_to(now)
        self.id = self._lanes.opened(self, source, now)
        return bool(self.id)

    @property
    def in_ring(self) -> bool:
        """Whether its tap is given packet by packet what lies in the ring."""
        return self._way == _BY_PACKET

    @property
    def _way(self) -> int:
        return _UNTAPPED if self.tap is None else _BY_PACKET if self._tape is None else _ON_TAPE

    def sync(self) -> None:
        """Bring `Inbound` and `Outbound` to what has passed so far."""
        if not lib.lane_read(self._lanes.all, self.id, self._now):
            self._take()

    def close(self) -> None:
        """Take everything back: the thread touches neither sockets nor keys any more."""
        if not self.id or lib.lane_close(self._lanes.all, self.id, self._now):
            return
        self._take()
        self.outbound.lane = None
        self.outbound.on_unfed()
        self._on_closed(self)
        self._lanes.closed(self, self._wires[0])
        self.id = 0

    @property
    def forged(self) -> int:
        """Packets that failed authentication since it was opened, by the last `sync`."""
        return self._now.forged

    def datagram(self, length: int, *, rtp: bool) -> None:
        """The datagram in PACKET is for Python; RTP ends the lane, since what follows may depend on it."""
        if rtp:
            self.close()
        self._wires[0].datagram(length)

    def _take(self) -> None:
        self.inbound.read_from(self._now)
        self.outbound.read_from(self._now)


class Lanes:
    """The thread, and what comes back from it."""

    def __init__(self, poll: SocketPoll) -> None:
        self._poll = poll
        # Mapped, so that only what is written takes memory.
        self._rings = (mmap.mmap(-1, _ODD_BYTES), mmap.mmap(-1, _TAPPED_BYTES))
        self._views = tuple(memoryview(ring) for ring in self._rings)
        self._kept = [ffi.from_buffer("uint8_t[]", ring) for ring in self._rings]
        self._read = [0, 0]
        self.all = lib.lanes_start(
            self._kept[_ODD], _ODD_BYTES, self._kept[_TAPPED], _TAPPED_BYTES,
            unprotect_address(), protect_address(),
        )  # fmt: skip
        if self.all == ffi.NULL:
            raise OSError(ffi.errno, os.strerror(ffi.errno))
        self._by_id: dict[int, Lane] = {}
        self._gone: list[int] = []
        """Closed, but their packets may still lie in the rings."""
        self._taps = 0
        self._taking = False
        self._timer: asyncio.TimerHandle | None = None
        self._lost = (0, 0)
        self._tell_after = 0.0
        self._ids = ffi.new("uint64_t[]", _IDLE_ROOM)
        self._event = lib.lanes_event(self.all)
        poll.add(self._event, self._told)
        poll.first = self.drain

    def opened(self, lane: Lane, source: Wire, now: Any) -> int:
        """Begin with a lane whose numbers are in `now`; its id, 0 when it can't be."""
        self._poll.remove(source.fd)
        lane_id = lib.lane_open(self.all, now)
        if not lane_id:
            self._poll.add(source.fd, source.readable)
            return 0
        self._by_id[lane_id] = lane
        if lane.in_ring:
            self._taps += 1
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(_TAPS_EVERY, self._beat)
        return lane_id

    def closed(self, lane: Lane, source: Wire) -> None:
        """A lane is closed: what it has left for its tap is given now, and its socket is read in Python."""
        self._gone.append(lane.id)
        if lane.in_ring:
            self._taps -= 1
            self.drain_taps()
        self._poll.add(source.fd, source.readable)

    def idle(self, seconds: float) -> set[int]:
        """Ids of open lanes through which nothing went for so long; those whom they feed are told."""
        found = set(ffi.unpack(self._ids, lib.lanes_idle(self.all, monotonic() - seconds, self._ids, _IDLE_ROOM)))
        for lane_id in found:
            self._by_id[lane_id].outbound.on_unfed()
        return found

    def drain(self) -> None:
        """Take everything that the thread has put down. The poll calls this before it reads any socket: what lies here
        is older.
        """
        gone, self._gone = self._gone, []
        self.drain_taps()
        written = lib.lanes_written(self.all, _ODD)
        at = self._read[_ODD]
        if at != written:
            ring = self._views[_ODD]
            while at != written:
                at, record = self._next(ring, at)
                if record is not None:
                    start, length, lane_id, _, rtp = record
                    lane = self._by_id.get(lane_id)
                    if lane is not None:
                        PACKET[:length] = ring[start : start + length]
                        self._guard(lane, length, bool(rtp))
            self._read[_ODD] = at
            lib.lanes_taken(self.all, _ODD, at)
        for lane_id in gone:
            self._by_id.pop(lane_id, None)

    def settle(self) -> None:
        """Take what lies there of lanes that are closed: a leg's next lane would pass on what came later before it, and
        it would be counted by nobody.
        """
        while self._gone:  # what is taken may close others
            self.drain()

    def drain_taps(self) -> None:
        """Give the taps what came since the last time."""
        if self._taking:
            return  # a tap that changes who hears whom
        written = lib.lanes_written(self.all, _TAPPED)
        at = self._read[_TAPPED]
        if at == written:
            return
        self._taking = True
        ring = self._views[_TAPPED]
        try:
            while at != written:
                at, record = self._next(ring, at)
                if record is not None:
                    start, length, lane_id, timestamp, _ = record
                    lane = self._by_id.get(lane_id)
                    if lane is not None and lane.tap is not None:
                        self._tap(lane, lane.tap, timestamp, bytes(ring[start : start + length]))
        finally:
            self._taking = False
            self._read[_TAPPED] = at
            lib.lanes_taken(self.all, _TAPPED, at)

    def close(self) -> None:
        """Close all lanes and end the thread."""
        for lane in list(self._by_id.values()):
            lane.close()
        self.drain_taps()
        if self._timer is not None:
            self._timer.cancel()
        self._poll.first = None
        self._poll.remove(self._event)
        lib.lanes_stop(self.all)
        self._by_id.clear()

    @staticmethod
    def _next(ring: memoryview, at: int) -> tuple[int, tuple[int, int, int, int, int] | None]:
        """Where the next record begins, and this one: start and length of its bytes, lane, timestamp, is it RTP."""
        here = at & (len(ring) - 1)
        if len(ring) - here < _RECORD.size:
            return at + len(ring) - here, None
        size, length, lane_id, _, timestamp, rtp = _RECORD.unpack_from(ring, here)
        if length == _SKIP:
            return at + size, None
        return at + size, (here + _RECORD.size, length, lane_id, timestamp, rtp)

    def _told(self) -> None:
        lib.lanes_heard(self.all)
        self.drain()
        self._tell_losses()

    def _tell_losses(self) -> None:
        """Say it when something found its ring full, once a second at most."""
        lost, now = lib.lanes_lost(self.all), monotonic()
        if (lost.odd_lost, lost.tapped_lost) == self._lost or now < self._tell_after:
            return
        before, self._lost, self._tell_after = self._lost, (lost.odd_lost, lost.tapped_lost), now + _TELL_EVERY
        log.error(
            "media packets were lost: the event loop stood still for seconds, or a peer flooded it",
            for_python=self._lost[0] - before[0], for_recordings=self._lost[1] - before[1],
        )  # fmt: skip

    def _beat(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_TAPS_EVERY, self._beat) if self._taps else None
        self.drain_taps()

    def _guard(self, lane: Lane, length: int, rtp: bool) -> None:
        try:
            lane.datagram(length, rtp=rtp)
        except Exception as error:
            self._poll.report(error)

    def _tap(self, lane: Lane, tap: Tap, timestamp: int, payload: bytes) -> None:
        try:
            tap(lane.inbound, timestamp, payload)
        except Exception as error:
            self._poll.report(error)


def start_lanes(poll: SocketPoll) -> Lanes | None:
    """The thread, when it was compiled and can be started; one line in the log says which way packets go."""
    if lib is None:
        log.warning("media is forwarded in Python: without a C compiler telephony was installed without lanes")
        return None
    try:
        lanes = Lanes(poll)
    except OSError as error:
        log.warning("media is forwarded in Python: the lanes' thread could not be started", error=str(error))
        return None
    log.info(
        "media of joined legs is forwarded by a thread of its own", priority=_PRIORITIES[lib.lanes_priority(lanes.all)]
    )
    return lanes

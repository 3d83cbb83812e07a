"""The jitter buffer: packets come as the network likes, and leave every 20 ms.

It works in samples of the stream's RTP clock and reads no other: `put` when a packet comes, `take` when the next 20 ms
are to be heard. How long a packet then waits for its turn is its margin; a packet that comes after its turn has a
negative one. The margins of the last seconds say how much delay is needed: all but a few should be above zero, and not
by a frame or more. A clock that runs faster or slower than ours is seen the same way.

The buffer only tells how the delay should change (`excess`); whoever decodes makes the sound shorter or longer and
reports it (`adjusted`). It grows by itself only when nothing was left to play: what comes late then is played late
rather than thrown away. aiortc's buffer is not used: one lost packet makes it silent for 280 ms and late by 200 ms for
the rest of the call.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto

MAX_FRAMES = 10
"""At most 200 ms wait in the buffer; what is older when more come is not played."""
_MOST_PACKETS = 8 * MAX_FRAMES
"""As many as there are of the shortest kind (2.5 ms)."""
_WINDOW = 128
_ENOUGH = 64
_LOOK_EVERY = 16
_TOO_LATE = 0.04
"""The share of packets that may come too late before the delay grows."""
_IDLE_FRAMES = 50
_MAX_STEP = 3000
_LOSS_MEMORY = 0.98


class Find(Enum):
    """What is to be heard for the next 20 ms."""

    PACKET = auto()
    """This packet; it may last longer or shorter than 20 ms."""
    RECOVER = auto()
    """A lost packet, and this is the one after it, which may hold it too."""
    LOST = auto()
    """A lost packet."""
    LATE = auto()
    """Nothing is there though something should."""
    PAUSE = auto()
    """Nothing was sent: silence that the sender left out (DTX), or the time before its first packet."""
    IDLE = auto()
    """Nothing has come for a second, or never."""


class JitterBuffer:
    """One stream's packets. `frame` is 20 ms of its RTP clock."""

    def __init__(self, frame: int) -> None:
        self.held = 0
        """Samples of the clock that were taken and not heard yet; whoever takes keeps it true."""
        self.excess = 0
        """Samples of the clock by which the delay may shrink, or must grow when negative; 0 when it is right."""
        self.spare = False
        self.loss = 0.0
        """The share of packets lost lately."""
        self.late = 0
        """Packets that came too late to be played."""
        self._frame = frame
        self._packets: dict[int, tuple[int, bytes]] = {}
        self._skipped: set[int] = set()
        self._played: deque[int] = deque(maxlen=2 * MAX_FRAMES)
        self._margins: deque[int] = deque(maxlen=_WINDOW)
        self._shift = 0
        self._low = self._median = self._until_look = 0
        self._start_margin = frame
        self.restart()

    def restart(self) -> None:
        """The next packet begins a new stream. What was learnt about the network stays."""
        self._packets.clear()
        self._skipped.clear()
        self._played.clear()
        self._begun = False
        self._waited = 0
        self._next = self._floor = self._highest = 0
        self._sequence = self._taken_sequence = 0
        self.held = 0

    def __len__(self) -> int:
        return len(self._packets)

    def keep_spare(self, keep: bool) -> None:
        """Keep a frame more than is needed, so that a lost packet's successor is there when it is missed."""
        if keep is not self.spare:
            self.spare = keep
            self._judge()

    def adjusted(self, change: int) -> None:
        """The sound was made longer by `change` samples of the clock, or shorter when negative."""
        self._shift += change
        self._low += change
        self._median += change
        self._judge()

    def put(self, sequence: int, timestamp: int, payload: bytes) -> None:
        """Take a packet; any order, any time, repeats and strays too."""
        step = leap = 0
        if self._begun:
            step = (sequence - self._sequence + 0x8000 & 0xFFFF) - 0x8000
            leap = (timestamp - self._highest + 0x80000000 & 0xFFFFFFFF) - 0x80000000
            if abs(step) > _MAX_STEP or leap < -50 * self._frame or (leap > 0 and step < 0):
                self.restart()
        if not self._begun:
            self._begin(sequence, timestamp)
            step = leap = 0
        sequence, timestamp = self._sequence + step, self._highest + leap
        self._sequence, self._highest = max(self._sequence, sequence), max(self._highest, timestamp)
        # What is ahead of all that came can't be a repeat.
        if leap <= 0 and (timestamp in self._packets or timestamp in self._played):
            return
        if len(self._packets) >= _MOST_PACKETS:
            return
        if timestamp - self._next > MAX_FRAMES * self._frame and not self._packets:
            # The sender's clock leapt: that time needn't be waited for.
            self._next = timestamp - self._start_margin
        margin = timestamp - self._next + self.held
        if timestamp >= self._next:
            self._packets[timestamp] = (sequence, payload)
        elif timestamp >= self._floor and self._waited and not self._packets:
            # Nothing else was played meanwhile: everybody hears it now, later than before.
            self._grow(self._next - timestamp)
            margin = self.held
            self._packets[timestamp] = (sequence, payload)
        else:
            self.late += 1
            if timestamp < self._floor - 2 * MAX_FRAMES * self._frame:
                return
        self._learn(margin)
        if self._highest - self._next + self.held > MAX_FRAMES * self._frame:
            self._catch_up()

    def skip(self, sequence: int) -> None:
        """This packet is not for the ear, and not lost."""
        if self._begun:
            step = (sequence - self._sequence + 0x8000 & 0xFFFF) - 0x8000
            if 0 < step < _MAX_STEP:
                self._sequence += step
                if len(self._skipped) >= _MAX_STEP:
                    self._skipped.clear()
                self._skipped.add(self._sequence)

    def take(self) -> tuple[Find, bytes]:
        """What to hear next, and the packet that goes with it. After PACKET tell how long it was with `took`."""
        if not self._begun:
            return Find.IDLE, b""
        found = self._packets.pop(self._next, None)
        if found is not None:
            return self._take(self._next, found)
        if not self._packets:
            return self._wait()
        timestamp = min(self._packets)
        while timestamp < self._next - self._frame // 2:
            # Packets that overlap: the later ones of them are not for the ear.
            del self._packets[timestamp]
            self.late += 1
            if not self._packets:
                return self._wait()
            timestamp = min(self._packets)
        gap = timestamp - self._next
        if gap <= self._frame // 2:
            return self._take(timestamp, self._packets.pop(timestamp))
        sequence, payload = self._packets[timestamp]
        missing = self._missing(sequence)
        near = gap < 3 * self._frame // 2
        self._next = timestamp if near else self._next + self._frame
        if not missing:
            return Find.PAUSE, b""
        return (Find.RECOVER, payload) if near else (Find.LOST, b"")

    def took(self, samples: int) -> None:
        """The packet taken last lasts so many samples of the clock."""
        self._next += samples
        self._floor = self._next

    # -- inside ------------------------------------------------------------------------------------------------

    def _begin(self, sequence: int, timestamp: int) -> None:
        self._begun = True
        self._sequence, self._highest = sequence, timestamp
        self._taken_sequence = sequence - 1
        self._floor = timestamp
        self._next = timestamp - self._start_margin

    def _take(self, timestamp: int, found: tuple[int, bytes]) -> tuple[Find, bytes]:
        sequence, payload = found
        missing = self._missing(sequence)
        for _ in range(min(missing, MAX_FRAMES)):
            self.loss = self.loss * _LOSS_MEMORY + 1 - _LOSS_MEMORY
        self.loss *= _LOSS_MEMORY
        if self._skipped:
            self._skipped = {skipped for skipped in self._skipped if skipped > sequence}
        self._taken_sequence = max(self._taken_sequence, sequence)
        self._played.append(timestamp)
        self._next, self._waited = timestamp, 0
        return Find.PACKET, payload

    def _wait(self) -> tuple[Find, bytes]:
        self._waited += 1
        if self._waited > _IDLE_FRAMES:
            self.restart()
            return Find.IDLE, b""
        self._next += self._frame
        return Find.LATE, b""

    def _missing(self, sequence: int) -> int:
        """How many packets between the last one taken and this one did not come."""
        between = sequence - self._taken_sequence - 1
        if between > 0 and self._skipped:
            between -= sum(self._taken_sequence < skipped < sequence for skipped in self._skipped)
        return max(0, between)

    def _grow(self, samples: int) -> None:
        self._next -= samples
        self._waited = 0
        # Whether so much is needed is for those to tell that come from now on.
        self._margins.clear()
        self.adjusted(samples)

    def _catch_up(self) -> None:
        """More waits than may: leave out the oldest."""
        wanted = self._highest + self.held - (MAX_FRAMES - 1) * self._frame
        for timestamp in [timestamp for timestamp in self._packets if timestamp < wanted]:
            del self._packets[timestamp]
            self.late += 1
        self._margins.clear()
        self.adjusted(self._next - wanted)
        self._next = self._floor = wanted
        # Those left out are lost to the ear only.
        self._taken_sequence = min((sequence for sequence, _ in self._packets.values()), default=self._sequence) - 1

    def _judge(self) -> None:
        low = self._low - self.spare * self._frame
        if len(self._margins) < _ENOUGH:
            self.excess = 0
        elif low >= self._frame:
            self.excess = low
        else:
            self.excess = low if low < 0 and self._median < (MAX_FRAMES - 1) * self._frame else 0

    def _learn(self, margin: int) -> None:
        self._margins.append(margin - self._shift)
        self._until_look -= 1
        if self._until_look <= 0:
            self._until_look = _LOOK_EVERY
            ordered = sorted(self._margins)
            self._low = ordered[int(len(ordered) * _TOO_LATE)] + self._shift
            self._median = ordered[len(ordered) // 2] + self._shift
            self._judge()
            self._start_margin = min(max(self._median, self._frame), (MAX_FRAMES - 1) * self._frame)

"""One speaker's packets to several sinks."""

from __future__ import annotations

from collections.abc import Sequence

from telephony.media.media_leg import Sink
from telephony.media.rtp import HEADER_SIZE, PACKET, VIEW, Outbound
from telephony.media.transcoder import LawChange


class FanOut:
    """Gives each packet to every sink, first to those that only copy it, then to those that write over it."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self.sinks = tuple(sinks)
        self.patient = all(sink.patient for sink in sinks)
        self._copying = [sink for sink in sinks if not isinstance(sink, Outbound | LawChange)]
        self._writing = [sink for sink in sinks if isinstance(sink, Outbound | LawChange)]

    def forward(self, source: object, sequence: int, timestamp: int, length: int) -> None:
        for sink in self._copying:
            sink.forward(source, sequence, timestamp, length)
        if len(self._writing) == 1:
            self._writing[0].forward(source, sequence, timestamp, length)
        elif self._writing:
            payload = bytes(VIEW[HEADER_SIZE:length])
            for sink in self._writing:
                PACKET[HEADER_SIZE:length] = payload
                sink.forward(source, sequence, timestamp, length)

    def skip(self, source: object, sequence: int) -> None:
        for sink in self.sinks:
            sink.skip(source, sequence)

    def restart(self) -> None:
        for sink in self.sinks:
            sink.restart()


def joined(current: Sink | None, wanted: Sequence[Sink]) -> Sink | None:
    """What a leg forwards to so that `wanted` get its packets: `current` when that does already. Sinks it did not serve
    so far begin anew, because what it sent while they did not listen must not look like loss.
    """
    served = current.sinks if isinstance(current, FanOut) else () if current is None else (current,)
    for sink in wanted:
        if not any(sink is known for known in served):
            sink.restart()
    if len(wanted) == len(served) and all(any(sink is known for known in served) for sink in wanted):
        return current
    if len(wanted) > 1:
        return FanOut(wanted)
    return wanted[0] if wanted else None

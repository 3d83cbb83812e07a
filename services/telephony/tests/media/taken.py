"""A tap that wants runs and remembers packets: for tests of who keeps them."""

from __future__ import annotations

import time

from telephony.media.runs import Run, RunTap


class Taken(RunTap):
    """All that it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[tuple[int, bytes]] = []
        """(RTP timestamp, payload)"""
        self.arrivals: list[float] = []

    def __call__(self, source: object, timestamp: int, payload: bytes) -> None:
        self.collect()
        self.taken.append((timestamp, payload))
        self.arrivals.append(time.monotonic())

    def take_run(self, source: object, run: Run) -> None:
        for timestamp, arrival, payload in run:
            self.taken.append((timestamp, payload))
            self.arrivals.append(arrival)

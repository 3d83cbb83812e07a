"""A process that stood still says nothing until it knows that its calls are still its own.

Frozen for two seconds it is taken for dead, and its calls are another node's. On waking it finds what was sent to it
meanwhile, and clips that go on where they were: all of that would be a second voice in somebody's ear.
"""

from __future__ import annotations

from time import monotonic

STOOD_SECONDS = 1.5
"""Less than after what others take this node for dead."""
_AT_MOST_SECONDS = 3.0
"""With the database away nobody can say whose the calls are: then they are ours."""


class Standstill:
    """One per process, like the buffer of its packets: `hushed` is asked before each packet is sent."""

    def __init__(self) -> None:
        self.silent = False
        self._ran = monotonic()
        self._woke = 0.0

    def begin(self) -> None:
        """There is something to do from now on: before, nobody said that the event loop runs."""
        self.silent, self._ran = False, monotonic()

    def runs(self) -> None:
        """The event loop runs: called by whatever is about to handle packets, and ten times a second."""
        now = monotonic()
        if now - self._ran > STOOD_SECONDS:
            self.silent, self._woke = True, now
        elif self.silent and now - self._woke > _AT_MOST_SECONDS:
            self.silent = False
        self._ran = now

    def hushed(self) -> bool:
        """Whether nothing may be sent now. Asked with the packet in hand: the process may have stood still since it
        began to make it.
        """
        self.runs()
        return self.silent

    def over(self) -> None:
        """The calls that are still here are ours."""
        self.silent = False


STANDSTILL = Standstill()

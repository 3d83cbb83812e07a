"""The tone that tells the parties of a call that they are recorded (47 CFR 64.501 and laws like it).

It is mixed into what each of them hears only while it sounds: before and after, packets are forwarded as they come. No
tap hears it, so no recording holds it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Set as AbstractSet

from telephony.media.clips import Clip
from telephony.media.room import Room


class RecordingNotice:
    """Sounds to members of a room: to each when they begin to be recorded, then every `every_seconds` unless that is
    None. `follow` says who is recorded now and to know it."""

    def __init__(self, room: Room, tone: Clip, every_seconds: float | None) -> None:
        self._room = room
        self._tone = tone
        self._every = every_seconds
        self._told: set[str] = set()
        self._hearers: frozenset[str] = frozenset()
        self._timer: asyncio.TimerHandle | None = None

    def follow(self, hearers: AbstractSet[str]) -> None:
        """From now on these."""
        self._hearers = frozenset(hearers)
        for name in sorted(self._hearers - self._told):
            self._tell(name)
        if self._timer is None and self._every is not None and self._hearers:
            self._timer = asyncio.get_running_loop().call_later(self._every, self._again)

    def close(self) -> None:
        """No more of it. Safe to repeat."""
        self._every, self._hearers = None, frozenset()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _again(self) -> None:
        self._timer = None
        for name in sorted(self._hearers):
            member = self._room.members.get(name)
            # Whose media is lost hears the next one, not all of them at once.
            if member is not None and not member.announcements:
                self._room.announce(name, [self._tone])
        self.follow(self._hearers)

    def _tell(self, name: str) -> None:
        """For the first time, which may be the only one: behind whatever is said to them now, and again where that is
        cut off with all that waits behind it."""
        if name in self._room.members:
            self._told.add(name)
            self._room.announce(name, [self._tone]).add_done_callback(lambda told: self._told_all(name, told.result()))

    def _told_all(self, name: str, to_the_end: bool) -> None:
        if not to_the_end:
            self._told.discard(name)
            self.follow(self._hearers)

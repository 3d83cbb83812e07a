"""Every channel's turn comes, however many contacts of another one come in.

Urgency orders contacts across channels, so an older one comes first anyway, unless priority or growth says otherwise,
or contacts of light channels fill each gap in agents whom a heavier one needs whole. Against both there is one count:
of decisions for other channels while one waits. At `MOST_PASSED` its first contact is next, when anybody can take it;
when nobody has room, agents who could take it are held back from other work until they have.
"""

from __future__ import annotations

from collections.abc import Collection

from routing.domain.contacts import Channel

MOST_PASSED = 25
"""Decisions for other channels before a channel that waits has its turn."""


class Turns:
    """How often each channel that waits was passed over."""

    def __init__(self) -> None:
        self._waiting: dict[Channel, int] = {}
        self._passed: dict[Channel, int] = {}

    @property
    def mixed(self) -> bool:
        """Whether contacts of more than one channel wait: else nobody's turn needs watching."""
        return len(self._waiting) > 1

    @property
    def overdue(self) -> list[Channel]:
        """Channels whose turn it is, the one passed over most often first."""
        due = [channel for channel, passed in self._passed.items() if passed >= MOST_PASSED]
        return sorted(due, key=lambda channel: -self._passed[channel])

    def is_overdue(self, channel: Channel) -> bool:
        """Whether it is this channel's turn."""
        return self._passed.get(channel, 0) >= MOST_PASSED

    def came(self, channel: Channel) -> None:
        """A contact waits."""
        self._waiting[channel] = self._waiting.get(channel, 0) + 1

    def went(self, channel: Channel) -> None:
        """A contact waits no more."""
        left = self._waiting[channel] - 1
        if left:
            self._waiting[channel] = left
        else:
            del self._waiting[channel]
            self._passed.pop(channel, None)

    def chosen(self, channel: Channel) -> bool:
        """A contact of this channel has just been taken; whether another channel's turn has come now, or comes again
        without anybody having been found."""
        self._passed.pop(channel, None)
        comes = False
        for other in self._waiting:
            if other is not channel:
                passed = self._passed[other] = self._passed.get(other, 0) + 1
                comes |= passed % MOST_PASSED == 0
        return comes

    def next_of(self, live: Collection[Channel]) -> Channel | None:
        """Of these channels with a match, the one whose turn it is; None when urgency decides."""
        return next((channel for channel in self.overdue if channel in live), None)

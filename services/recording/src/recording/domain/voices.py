"""Whose voices a recording holds: one track per leg, who it is of, and when the leg was there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from kernel.errors import InvalidInput, NotFound
from kernel.ids import is_id

CUSTOMER, AGENT = "customer", "agent"
TRACKS = (CUSTOMER, AGENT)
"""Left and right, of recordings made before every leg had a track of its own. A voicemail has the first of them."""
PARTIES = (CUSTOMER, AGENT, "supervisor", "participant")
PICTURE_COLUMNS = 240
"""Parts that a picture of who spoke when has: what a phone can show, and constant however long the call was."""
_ADDRESS = re.compile(r"[\x21-\x7e]{0,256}")


class TrackNotFound(NotFound):
    """The recording has no such track."""

    reason = "TRACK_NOT_FOUND"


@dataclass(frozen=True)
class Voice:
    """One track: whose it is and when it was there, in microseconds from the beginning of the recording."""

    track: str
    party: str
    agent_id: str = ""
    address: str = ""
    start: int = 0
    end: int | None = None
    """None while it isn't known."""
    activity: bytes = b""
    """Share of each of `PICTURE_COLUMNS` parts of the recording in which it spoke, 0..255; empty while not known."""
    size_bytes: int = 0
    """Of its own file; 0 when it has none, since it lies undecoded in the stereo file."""

    @property
    def left(self) -> bool:
        """Whether it is heard on the left."""
        return self.party == CUSTOMER


def require_track(value: str) -> str:
    """A leg's id, `customer` or `agent`."""
    if value not in TRACKS and not is_id("leg", value):
        raise InvalidInput.of("track", "must be a leg's id, customer or agent")
    return value


def require_voice(value: Voice) -> Voice:
    """A voice as another service may tell of it."""
    require_track(value.track)
    if value.party not in PARTIES:
        raise InvalidInput.of("tracks", f"party must be one of {', '.join(PARTIES)}")
    if len(value.agent_id) > 64 or not _ADDRESS.fullmatch(value.address):
        raise InvalidInput.of("tracks", "agent_id or address is no such thing")
    if value.start < 0 or (value.end is not None and value.end < value.start):
        raise InvalidInput.of("tracks", "a leg leaves after it joined")
    return value


def joined(known: Sequence[Voice], told: Iterable[Voice]) -> tuple[Voice, ...]:
    """What is known with what is told now, in order of joining. Nothing that was known is forgotten."""
    voices = {voice.track: voice for voice in known}
    for voice in told:
        before = voices.get(voice.track)
        voices[voice.track] = (
            voice
            if before is None
            else replace(
                before, address=before.address or voice.address, end=before.end if voice.end is None else voice.end
            )
        )
    return tuple(sorted(voices.values(), key=lambda voice: (voice.start, not voice.left, voice.track)))


def heard_in(known: Sequence[Voice], tracks: Iterable[str], agent_id: str, *, alone: bool) -> tuple[Voice, ...]:
    """The voices of a recording: those known, and one for each track nobody told of.

    With none known it is of the time before: the customer and, unless it was left `alone`, the agent. Whichever said
    nothing is missing for the whole length.
    """
    named = {voice.track for voice in known}
    names = [track for track in tracks if track not in named]
    if not known:
        names = [*TRACKS[: 1 if alone else 2], *(track for track in names if track not in TRACKS)]
    made = [
        Voice(track, CUSTOMER if track == CUSTOMER else AGENT, agent_id if track == AGENT else "") for track in names
    ]
    return joined(known, made)

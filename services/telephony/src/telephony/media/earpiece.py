"""What a party hears before it is joined to anybody: prompts and music that survive a change of its leg."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from telephony.media.clip_reader import ClipReader
from telephony.media.clips import Clip
from telephony.media.media_leg import MediaLeg
from telephony.media.player import Announcement, Playback


class Earpiece:
    """Plays to whatever leg the party has. A new leg goes on where the old one was."""

    def __init__(self) -> None:
        self._leg: MediaLeg | None = None
        self._playback: Playback | None = None
        self._playing: tuple[tuple[Clip, ...], bool] = ((), False)
        self._finished: asyncio.Future[bool] | None = None
        self._left_at: dict[Clip, int] = {}
        self._announcement: Announcement | None = None

    def move(self, leg: MediaLeg) -> None:
        """Play to this leg from now on."""
        old, self._leg = self._playback, leg
        if self._finished is not None and not self._finished.done():
            clips, loop = self._playing
            self._begin(clips, loop, old.position if old is not None else 0)

    def play(self, clips: Sequence[Clip], *, loop: bool = False) -> asyncio.Future[bool]:
        """Play in place of what plays now. The future gives True at the end, False when stopped."""
        self.stop()
        self._playing = (tuple(clips), loop)
        self._finished = asyncio.get_running_loop().create_future()
        self._begin(self._playing[0], loop, 0)
        return self._finished

    def keep_playing(self, clip: Clip) -> None:
        """Loop this clip: go on when it plays already, or from where it was left."""
        if self._playing == ((clip,), True) and self._finished is not None and not self._finished.done():
            return
        start = self._left_at.get(clip, 0)
        self.stop()
        self._playing = ((clip,), True)
        self._finished = asyncio.get_running_loop().create_future()
        self._begin((clip,), True, start)

    def announce(self, clips: Sequence[Clip], music: Clip) -> asyncio.Future[bool]:
        """Say this over the music, which loops and is turned down meanwhile. The future is as that of `play`."""
        self.keep_playing(music)
        self._say_no_more()
        made = self._announcement = Announcement(ClipReader(clips), asyncio.get_running_loop().create_future())
        if made.reader.done:
            made.finished.set_result(True)
        if self._playback is not None:
            self._playback.announcement = made
        return made.finished

    def stop(self) -> None:
        """Be silent."""
        self._say_no_more()
        playback, self._playback = self._playback, None
        if playback is not None:
            clips, loop = self._playing
            if loop and len(clips) == 1:
                self._left_at[clips[0]] = playback.position
            playback.stop()
        if self._finished is not None and not self._finished.done():
            self._finished.set_result(False)

    def _begin(self, clips: Sequence[Clip], loop: bool, start: int) -> None:
        if self._leg is None:
            return
        playback = self._playback = self._leg.play(clips, loop=loop, start=start)
        playback.announcement = self._announcement
        playback.finished.add_done_callback(lambda done: self._ended(playback, done))

    def _say_no_more(self) -> None:
        announcement, self._announcement = self._announcement, None
        if announcement is not None and not announcement.finished.done():
            announcement.finished.set_result(False)

    def _ended(self, playback: Playback, done: asyncio.Future[bool]) -> None:
        # A playback that was replaced on a new leg ends too, but what the party hears goes on; so does what a closed
        # leg broke off, once there is another one.
        whole = not done.cancelled() and done.result()
        if playback is not self._playback or (not whole and self._leg is not None and self._leg.closed):
            return
        if self._finished is not None and not self._finished.done():
            self._finished.set_result(whole)

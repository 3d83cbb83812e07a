"""The legs of one call that hear each other, or music: who hears whom is said, and made true.

A room holds members, not connections: when somebody's media is made anew, the new leg takes the old one's place and the
others notice nothing but a short gap. `arrange` says what everybody shall hear; the room then gives each leg's packets
the shortest way there:

- one speaker with the listener's codec: forwarded inside the socket's callback, no queue, no task, no codec;
- one with another codec: a transcoder;
- several, or something played into it: the mixer;
- nobody: the member's sound.

Whatever needs a beat shares one place in the ticker. All is called in the event loop's thread and returns at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from telephony.media.clip_reader import ClipReader
from telephony.media.clips import Clip
from telephony.media.codecs import OPUS
from telephony.media.fan_out import joined
from telephony.media.media_leg import MediaLeg, Sink, Tap
from telephony.media.mixer import Mixer, rate_for
from telephony.media.rtp import Outbound
from telephony.media.sounding import Sounding
from telephony.media.ticker import Ticker
from telephony.media.transcoder import OpusTap, Transcoder, converted

_REPORTS_EVERY = 5 * 50


@dataclass(frozen=True)
class Ear:
    """What one member shall hear. `sound` loops while it hears nobody, which is also while their media is lost."""

    hears: frozenset[str] = frozenset()
    sound: tuple[Clip, ...] = ()


@dataclass
class _Announcement:
    reader: ClipReader
    finished: asyncio.Future[bool]


@dataclass
class _Feed:
    """How one listener is served now. `key` says all that depends on: with another key it is another feed."""

    key: tuple[object, ...]
    speaker: str = ""
    sink: Sink | None = None
    tick: Callable[[], None] | None = None


class Member:
    """One party of a room. `leg` and `muted` are changed by the room's functions; `tap` and `on_digit` as you like."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.leg: MediaLeg | None = None
        """None while its media is lost."""
        self.muted = False
        self.announcements: list[_Announcement] = []
        self.music: tuple[tuple[Clip, ...], ClipReader] | None = None
        self.opus_tap: OpusTap | None = None
        self._changed = changed
        self._tap: Tap | None = None
        self._keep_tap = False
        self._on_digit: Callable[[str], None] | None = None

    @property
    def tap(self) -> Tap | None:
        """Takes what it is heard with while somebody shall hear it: Opus whatever the leg speaks, 48 kHz timestamps."""
        return self._tap

    @tap.setter
    def tap(self, tap: Tap | None) -> None:
        self._tap = tap
        self._changed()

    @property
    def keep_tap(self) -> bool:
        """Whether the tap takes what it says also while nobody shall hear it."""
        return self._keep_tap

    @keep_tap.setter
    def keep_tap(self, keep: bool) -> None:
        self._keep_tap = keep
        self._changed()

    @property
    def on_digit(self) -> Callable[[str], None] | None:
        """Takes the digits that it presses."""
        return self._on_digit

    @on_digit.setter
    def on_digit(self, on_digit: Callable[[str], None] | None) -> None:
        self._on_digit = on_digit
        self._changed()


class Room:
    """Members by name, and what each of them hears. `quiet` loops for those arranged to hear nobody and no sound."""

    def __init__(self, ticker: Ticker, quiet: Sequence[Clip] = ()) -> None:
        self.members: dict[str, Member] = {}
        self._ticker = ticker
        self._quiet = tuple(quiet)
        self._ears: Mapping[str, Ear] = {}
        self._feeds: dict[str, _Feed] = {}
        self._mixer: Mixer | None = None
        self._until_reports = _REPORTS_EVERY
        self._ticking = False

    # -- who is here -------------------------------------------------------------------------------------------

    def member(self, name: str) -> Member:
        """The member of that name, made when it is new."""
        member = self.members.get(name)
        if member is None:
            member = self.members[name] = Member(self.settle)
        return member

    def attach(self, name: str, leg: MediaLeg) -> None:
        """Give a member (new) media. The old leg is silenced; closing it is the caller's."""
        member = self.member(name)
        old, member.leg = member.leg, leg
        if old is not None and old is not leg:
            _silence(old)
        self.settle()

    def lose(self, name: str) -> None:
        """A member's media is gone for now: it is not heard, and what it heard waits for it."""
        member = self.member(name)
        old, member.leg = member.leg, None
        if old is not None:
            _silence(old)
        self.settle()

    def remove(self, name: str) -> None:
        """A member leaves for good; its leg is silenced, not closed."""
        self.stop_announcing(name)
        member = self.members.pop(name, None)
        if member is not None and member.leg is not None:
            _silence(member.leg)
        self.settle()

    def close(self) -> None:
        """Everybody leaves."""
        for name in list(self.members):
            self.remove(name)

    # -- what they hear ----------------------------------------------------------------------------------------

    def arrange(self, ears: Mapping[str, Ear]) -> None:
        """Who hears what from now on; who isn't named hears nobody and nothing. Whatever was so already goes on
        undisturbed.
        """
        self._ears = dict(ears)
        self.settle()

    def mute(self, name: str, muted: bool) -> None:
        """Everybody hears silence in place of this member's microphone, and so does its tap."""
        self.member(name).muted = muted
        self.settle()

    def announce(self, name: str, clips: Sequence[Clip]) -> asyncio.Future[bool]:
        """Play to a member over whatever it hears; music is turned down meanwhile. Behind what is being announced
        already. True at the end; False when it was stopped. While the member's media is lost it waits.
        """
        reader = ClipReader(clips)
        finished: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if reader.done:
            finished.set_result(True)
            return finished
        self.member(name).announcements.append(_Announcement(reader, finished))
        self.settle()
        return finished

    def stop_announcing(self, name: str) -> None:
        """Stop at once whatever is announced to this member."""
        member = self.members.get(name)
        if member is None or not member.announcements:
            return
        stopped, member.announcements = member.announcements, []
        for announcement in stopped:
            if not announcement.finished.done():
                announcement.finished.set_result(False)
        self.settle()

    def settle(self) -> None:
        """Make every leg's attributes true to what is arranged. Call it when a leg was negotiated to another codec; all
        else calls it by itself.
        """
        plans = {name: self._plan(name, member) for name, member in self.members.items() if member.leg is not None}
        self._mix({name: speakers for name, (how, speakers) in plans.items() if how == "mix"})
        self._feeds = {name: self._feed(name, how, speakers) for name, (how, speakers) in plans.items()}
        heard = {name for ear in self._ears.values() for name in ear.hears}
        for name, member in self.members.items():
            if member.leg is not None:
                self._point(name, member, member.leg, heard=name in heard)
        ticks = self._mixer is not None or any(feed.tick for feed in self._feeds.values())
        if ticks != self._ticking:
            self._ticking = ticks
            if ticks:
                self._ticker.add(self._tick)
            else:
                self._ticker.remove(self._tick)

    # -- how that is done --------------------------------------------------------------------------------------

    def _plan(self, name: str, member: Member) -> tuple[str, tuple[str, ...]]:
        """How a member is served, and the speakers it hears now."""
        ear = self._ears.get(name)
        hears = sorted(ear.hears) if ear is not None else ()
        speakers = tuple(
            other for other in hears if other != name and other in self.members and self.members[other].leg is not None
        )
        if len(speakers) > 1 or (speakers and member.announcements):
            return "mix", speakers
        if speakers:
            return "one", speakers
        return ("sound" if member.announcements or self._sound(name) else "nothing"), ()

    def _sound(self, name: str) -> tuple[Clip, ...]:
        ear = self._ears.get(name)
        return () if ear is None else ear.sound or self._quiet

    def _leg(self, name: str) -> MediaLeg:
        leg = self.members[name].leg
        assert leg is not None
        return leg

    def _mix(self, listeners: Mapping[str, tuple[str, ...]]) -> None:
        if not listeners:
            self._mixer = None
            return
        speakers = {name: self._leg(name).codec for heard in listeners.values() for name in heard}
        rate = rate_for({**speakers, **{name: self._leg(name).codec for name in listeners}}.values())
        if self._mixer is None or self._mixer.rate != rate:
            self._mixer = Mixer(rate)
        self._mixer.arrange(
            speakers, {name: (self._leg(name).outbound, frozenset(heard)) for name, heard in listeners.items()}
        )

    def _feed(self, name: str, how: str, speakers: tuple[str, ...]) -> _Feed:
        """The listener's feed: the one there is when it serves still."""
        leg = self._leg(name)
        key: tuple[object, ...] = (how, leg.outbound)
        if how == "one":
            key = (*key, speakers, self._leg(speakers[0]).codec, leg.outbound.codec)
        elif how == "sound":
            key = (*key, self._sound(name))
        known = self._feeds.get(name)
        if known is not None and known.key == key:
            return known
        if how == "nothing":
            return _Feed(key)
        leg.stop_playing()
        if how == "one":
            return self._one(key, speakers[0], leg.outbound)
        return self._sounding(key, name, leg.outbound) if how == "sound" else _Feed(key)

    def _one(self, key: tuple[object, ...], speaker: str, outbound: Outbound) -> _Feed:
        codec = self._leg(speaker).codec
        if codec is outbound.codec:
            return _Feed(key, speaker, outbound)
        sink, tick = converted(codec, outbound)
        return _Feed(key, speaker, sink, tick)

    def _sounding(self, key: tuple[object, ...], name: str, outbound: Outbound) -> _Feed:
        member, sound = self.members[name], self._sound(name)
        music = None
        if sound:
            known = self._feeds.get(name)
            # Also where it was left: music goes on, words begin anew.
            goes_on = len(sound) == 1 or (known is not None and known.key[0] == "sound")
            if member.music is None or member.music[0] != sound or not goes_on:
                member.music = (sound, ClipReader(sound, loop=True))
            music = member.music[1]
        sounding = Sounding(outbound, music)
        return _Feed(key, tick=lambda: sounding.tick(member.announcements[0].reader if member.announcements else None))

    def _point(self, name: str, member: Member, leg: MediaLeg, *, heard: bool) -> None:
        """Send a member's packets where they are wanted."""
        leg.muted = member.muted
        leg.on_digit = member.on_digit
        sinks = [feed.sink for feed in self._feeds.values() if feed.sink is not None and feed.speaker == name]
        tap = member.tap if heard or member.keep_tap else None
        encodings = [sink for sink in sinks if isinstance(sink, Transcoder) and leg.codec is not OPUS]
        for encoding in encodings:
            encoding.tap = None
        if tap is None or leg.codec is OPUS:
            member.opus_tap, leg.tap = None, tap
        elif encodings:
            # What is encoded for a listener needn't be encoded again.
            member.opus_tap = leg.tap = None
            encodings[0].tap = tap
        else:
            if member.opus_tap is None or member.opus_tap.wanted != tap or member.opus_tap.codec is not leg.codec:
                member.opus_tap = OpusTap(leg.codec, tap)
            leg.tap = member.opus_tap.tap
        if self._mixer is not None and name in self._mixer.inputs:
            sinks.append(self._mixer.inputs[name])
        leg.forward_to = joined(leg.forward_to, sinks)

    def _tick(self) -> None:
        try:
            self._beat()
        except Exception:
            # The ticker reports it and forgets this room; whatever changes here next begins it again.
            self._ticking = False
            raise

    def _beat(self) -> None:
        """The next 20 ms of everything that isn't merely forwarded."""
        if self._mixer is not None:
            self._mixer.tick(self._overlays(self._mixer))
        for feed in self._feeds.values():
            if feed.tick is not None:
                feed.tick()
        over = [member for member in self.members.values() if member.announcements]
        ended = False
        for member in over:
            if member.announcements[0].reader.done:
                finished = member.announcements.pop(0).finished
                if not finished.done():
                    finished.set_result(True)
                ended = ended or not member.announcements
        if ended:
            self.settle()
        self._until_reports -= 1
        if not self._until_reports:
            self._until_reports = _REPORTS_EVERY
            self._heed_reports()

    def _heed_reports(self) -> None:
        """Encode for each listener as its losses call for."""
        for name, feed in self._feeds.items():
            if isinstance(feed.sink, Transcoder):
                feed.sink.encoding.expect_loss(self._leg(name).statistics().remote_fraction_lost)
        for name, output in (self._mixer.outputs if self._mixer is not None else {}).items():
            output.encoding.expect_loss(self._leg(name).statistics().remote_fraction_lost)

    def _overlays(self, mixer: Mixer) -> dict[str, list[ClipReader]]:
        """What is played into each listener's mix now."""
        return {
            name: [self.members[name].announcements[0].reader]
            for name in mixer.outputs
            if self.members[name].announcements
        }


def _silence(leg: MediaLeg) -> None:
    leg.stop_playing()
    leg.forward_to = leg.tap = leg.on_digit = None
    leg.muted = False

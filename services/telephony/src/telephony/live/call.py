"""One call as it lives here: its parties' media, what they hear, how long they talk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context

from telephony.domain import hearing as hearing_rules
from telephony.domain.answers import Detection
from telephony.domain.calls import TALK_STATES, Call, CallState
from telephony.domain.hearing import Sound, hearing, recorded
from telephony.domain.legs import Answer, Leg, LegState, Party, SupervisionMode
from telephony.live.house import House
from telephony.live.outside import OutsideLeg
from telephony.live.screens import Screen, told_after
from telephony.media.answering_speech import Vad
from telephony.media.clips import Clip
from telephony.media.earpiece import Earpiece
from telephony.media.media_leg import Both, MediaLeg, Tap
from telephony.media.recorder import Recording
from telephony.media.recording_notice import RecordingNotice
from telephony.media.room import Ear, Room
from telephony.media.ticker import Ticker
from telephony.media.tracks import Source

if TYPE_CHECKING:
    from telephony.live.phone_holds import PhoneHold

_FOR_NOBODY = (CallState.HELD, CallState.PARKED)
"""While a customer waits with music, no menu listens to what they press."""


class LiveCall:
    """Media and clocks of one call. Only moves media; what is stored is the switchboard's business."""

    def __init__(self, house: House, tenant_id: str, call: Call, legs: Sequence[Leg], trace: Context) -> None:
        self.tenant_id = tenant_id
        self.call = call
        self.legs = tuple(legs)
        """As they were stored when the media last followed them."""
        self.call_id = call.call_id
        self.trace = trace
        self.journal = house.ledger.journal(tenant_id, call.call_id, fenced=True)
        self.begun = monotonic()
        """When it began to live here: on a call that was adopted, nobody could come back before."""
        self.room = Room(house.plane.ticker, (house.quiet,))
        self.earpiece = Earpiece()
        """What flows lets the customer hear."""
        self.pressed: asyncio.Queue[str] = asyncio.Queue(maxsize=64)
        self.driver: asyncio.Task[Any] | None = None
        self.waits_as = ""
        """Contact that flows' newest instruction lets it wait as; empty when it says something else."""
        self.recording: Recording | None = None
        self.notice: RecordingNotice | None = None
        """Tells the parties that they are recorded, where their brand wants that."""
        self.recording_task: asyncio.Task[Any] | None = None
        self.part = ""
        """Tells what is recorded here from what was on the nodes the call was adopted from."""
        self.outside: dict[str, OutsideLeg] = {}
        """By leg id: parties outside."""
        self.phone_holds: dict[str, PhoneHold] = {}
        """By leg id: the hold keys of agents' desk phones."""
        self.wishes: dict[str, Detection] = {}
        """Leg id -> what is to be known of whoever answers there."""
        self.screens: dict[str, Screen] = {}
        """Leg id -> who listens whether a person answered there."""
        self.answers_ahead: dict[str, datetime] = {}
        """Leg id -> when they picked up, of parties outside of whom it can't be written yet."""
        self.lost_since: dict[str, float] = {}
        """Leg id -> when its media was last heard of, of legs that have lost it."""
        self.returning: asyncio.Task[Any] | None = None
        """Waits for the customer's new media."""
        self.ending: asyncio.Task[Any] | None = None
        """Writes how the call ended; its media are parted already."""
        self.parted = False
        """Nothing of it lives here any more: it has ended, or another node goes on with it."""
        self._heard: dict[str, MediaLeg] = {}
        """Leg id -> the last media it had, for its statistics."""
        self._clips = {
            Sound.SILENCE: (),
            Sound.MUSIC: (house.music,),
            Sound.COMFORT: (house.music,),
            Sound.RINGBACK: (house.ringback,),
        }
        self.instead_of_ringing: tuple[Clip, ...] = ()
        """What the customer hears, again and again, in place of a number's ringing tone and its early media."""
        self._now = house.now
        self._talk = self._held = 0.0
        self._talk_since: float | None = None
        self._held_since: float | None = None
        self._mute_wished: set[str] = set()
        self._hushed: set[str] = set()
        self._customer_came = asyncio.Event()
        self._changes = asyncio.Event()
        self._listening_tap: Tap | None = None
        self.room.member(self.customer_id).on_digit = self.press

    # -- who is in it --------------------------------------------------------------------------------------

    @property
    def version(self) -> int:
        """Of the call's row that the media follows."""
        return self.call.version

    @property
    def customer_id(self) -> str:
        """Leg id of the customer."""
        return next(leg.leg_id for leg in self.legs if leg.party == Party.CUSTOMER)

    @property
    def customer(self) -> MediaLeg | None:
        return self.room.member(self.customer_id).leg

    @property
    def talking(self) -> bool:
        """Whether somebody talks with the customer, held or not."""
        return self.call.state in TALK_STATES

    @property
    def listens(self) -> bool:
        """Whether it hears what another node could hear from its beginning only: a message, or who answers."""
        return self._listening_tap is not None or any(not screen.over.done() for screen in self.screens.values())

    def live_legs(self, *parties: str) -> Sequence[Leg]:
        return [leg for leg in self.legs if leg.live and leg.party in parties]

    def leg_of(self, agent_id: str) -> Leg | None:
        """The leg, agent's or supervisor's, that this user's station is joined by; None when it isn't."""
        mine = (leg for leg in self.live_legs(Party.AGENT, Party.SUPERVISOR) if leg.agent_id == agent_id)
        return next((leg for leg in mine if leg.answered), None)

    # -- media ---------------------------------------------------------------------------------------------

    def outside_media(self, leg_id: str, media: MediaLeg | None) -> None:
        """A party outside has (new) media, or for now none: a number that rings by another gateway."""
        if media is not None:
            self.attach(leg_id, media)
        else:
            self.room.lose(leg_id)
            self._changed()

    def attach(self, leg_id: str, media: MediaLeg) -> MediaLeg | None:
        """Give a leg (new) media; the media it replaces, for the caller to close."""
        old = self.room.member(leg_id).leg
        was_lost = self.lost_since.pop(leg_id, None) is not None
        self._heard[leg_id] = media
        if was_lost and leg_id != self.customer_id:
            self.room.stop_announcing(self.customer_id)
        if leg_id == self.customer_id:
            # The earpiece first: it carries what plays over to the new media before the old one is silenced.
            self.earpiece.move(media)
            self._customer_came.set()
        self.room.attach(leg_id, media)
        self._changed()
        return old if old is not media else None

    async def customer_connected(self) -> bool:
        """Wait for the customer's media, on an adopted call until they attach anew; whether its connection stands, or
        one in its place: of a page that was loaded again before the first one stood."""
        await self._customer_came.wait()
        while (media := self.customer) is not None:
            if await asyncio.shield(media.connected):
                return True
            if self.returning is not None and not self.returning.done():
                await asyncio.wait({self.returning})
            elif self.customer is media:
                return False
        return False

    def lose(self, leg_id: str) -> None:
        """A leg's media is gone for now; who heard only it hears comfort."""
        self.lost_since.setdefault(leg_id, monotonic())
        self.room.lose(leg_id)

    def adopted(self, call: Call) -> None:
        """Go on with what another node counted: talk and hold by the rows."""
        self.part = f":{call.version}"
        self._talk, self._held = call.talk.total_seconds(), call.hold.total_seconds()
        now = monotonic()
        if call.state in TALK_STATES:
            self._talk_since = now - self._passed(call)
        if call.state is CallState.HELD:
            self._held_since = now - self._passed(call)

    def follow(self, call: Call, legs: Sequence[Leg]) -> None:
        """Bring what everybody hears to what the rows say."""
        self.call, self.legs = call, tuple(legs)
        self._clock(call.state)
        if call.answer_time is None:
            self._talk = self._held = 0.0  # also of who accepted and never came
        if call.state in TALK_STATES or call.state in (CallState.PARKED, CallState.DIALING):
            self.earpiece.stop()
        if call.state in _FOR_NOBODY or call.state in TALK_STATES:
            self._forget_pressed()
        self._retap()
        # Once the rows have it, they tell when it ends: whoever unmutes may do so at another node.
        self._mute_wished -= {leg.leg_id for leg in self.legs if leg.muted}
        if call.state not in TALK_STATES and call.state is not CallState.DIALING:
            self._mute_wished.discard(self.customer_id)  # whoever wished it has left
        for leg in self.legs:
            if leg.live:
                self._mute(leg)
            elif leg.leg_id in self.room.members and leg.leg_id != self.customer_id:
                self.room.remove(leg.leg_id)
        self._arrange()
        self.tell_recorded()
        self._changed()

    def _changed(self) -> None:
        self._changes.set()
        self._changes = asyncio.Event()

    def _arrange(self) -> None:
        ears = {leg_id: self._ear(leg_id, ear) for leg_id, ear in hearing(self.call, self.legs).items()}
        # Who has answered and is joined to nobody yet hears a line that is alive.
        screened = {leg.leg_id: Ear() for leg in self.legs if leg.leg_id in self.screens and leg.leg_id not in ears}
        self.room.arrange(ears | {leg_id: ear for leg_id, ear in screened.items() if leg_id != self.customer_id})

    def _ear(self, leg_id: str, ear: hearing_rules.Ear) -> Ear:
        if ear.sound is Sound.RINGBACK and leg_id == self.customer_id and self.instead_of_ringing:
            return Ear(sound=self.instead_of_ringing)
        return Ear(ear.hears, self._clips[ear.sound])

    def tell_recorded(self) -> None:
        """Those who are recorded hear so."""
        if self.notice is not None:
            talking, rules = recorded(self.call, self.legs), self.call.rules
            outside = (Party.CUSTOMER, Party.PARTICIPANT)
            hearers = {leg.leg_id for leg in self.legs if rules.tone_for_agents or leg.party in outside}
            self.notice.follow(talking & hearers)

    async def until(self, said: Callable[[], bool]) -> None:
        """Wait until the rows that the media follow, or which media there are, say so."""
        while not said():
            await self._changes.wait()

    def comfort(self, clips: Sequence[Clip]) -> None:
        """Say this, over the music, to a customer who hears nobody because media are lost."""
        ear = hearing(self.call, self.legs).get(self.customer_id)
        here = {name for name, member in self.room.members.items() if member.leg is not None}
        if ear is not None and ear.sound is Sound.COMFORT and not ear.hears & here:
            self.room.announce(self.customer_id, clips)

    def wish_mute(self, leg_id: str, muted: bool) -> None:
        """Somebody pressed mute, or again. Whatever the database does next: after pressing mute nobody is heard."""
        if muted:
            self._mute_wished.add(leg_id)
            self.room.mute(leg_id, True)
        else:
            self._mute_wished.discard(leg_id)

    def hush(self, leg_id: str, silent: bool) -> None:
        """A desk phone holds whoever it talks with, or takes them back: until then nobody hears it, whatever the rows
        say or are about to."""
        (self._hushed.add if silent else self._hushed.discard)(leg_id)
        for leg in self.legs:
            if leg.leg_id == leg_id and leg.live:
                self._mute(leg)

    def hushed(self, leg_id: str) -> bool:
        return leg_id in self._hushed

    def _mute(self, leg: Leg) -> None:
        self.room.mute(leg.leg_id, leg.muted or leg.leg_id in self._mute_wished | self._hushed)

    def say(self, clips: Sequence[Clip]) -> asyncio.Future[bool]:
        return self.earpiece.play(clips)

    def listen(self, tap: Tap | None) -> None:
        """The customer talks to nobody but this tap, such as a message's; None ends it."""
        self._listening_tap = tap
        member = self.room.member(self.customer_id)
        member.tap, member.keep_tap = tap, tap is not None

    def screen(self, leg_id: str, ticker: Ticker, wish: Detection, vad: Vad | None) -> Screen:
        """Listen to a party that answers now, whoever else hears it."""
        screen = self.screens[leg_id] = Screen(ticker, wish, vad)
        self._retap()
        self._arrange()
        screen.over.add_done_callback(lambda _: self._retap() if leg_id in self.screens else None)
        return screen

    def press(self, digit: str) -> None:
        """The customer pressed a key: for flows, or once they talk for the numbers they talk with, which may have a
        menu of their own, before they answer too."""
        dialing = self.call.state is CallState.DIALING
        if self.call.state is CallState.TALKING or (dialing and self.take_keys(self.customer_id)):
            self.pass_digit(self.customer_id, digit)
        elif self.call.state not in _FOR_NOBODY and not self.pressed.full():
            self.pressed.put_nowait(digit)

    def take_keys(self, presser: str = "") -> Sequence[MediaLeg]:
        """Who is told what an agent presses: those who are `pressed_at` and take digits."""
        return [media for media in self.pressed_at(presser) if media.sends_digits]

    def pressed_at(self, presser: str = "") -> Sequence[MediaLeg]:
        """Whom an agent's digits are for: the parties outside who are talked with, such as the menu of a number that is
        consulted, and nobody on hold; what is heard of a number before it answers (early media) may be a menu too. Of a
        `presser` (leg id) only those who hear them, or whom they hear before the answer."""
        dialing = self.call.state is CallState.DIALING
        legs = self.live_legs(Party.CUSTOMER, Party.PARTICIPANT) if self.talking or dialing else ()
        ears = {leg_id: self._ear(leg_id, ear) for leg_id, ear in hearing(self.call, self.legs).items()}
        talking = [leg for leg in legs if leg.answered and not leg.held and not dialing]
        hearers = [leg for leg in talking if not presser or presser in ears[leg.leg_id].hears]
        heard = {leg_id for whose, ear in ears.items() if presser in ("", whose) for leg_id in ear.hears}
        early = [leg for leg in legs if leg.state is LegState.RINGING and leg.leg_id in heard]
        found = [self.room.member(leg.leg_id).leg for leg in (*hearers, *early)]
        return [media for media in found if media is not None]

    def _forget_pressed(self) -> None:
        """Nobody types ahead of a menu that they can't know of: what was pressed before a talk is for none after it."""
        while not self.pressed.empty():
            self.pressed.get_nowait()

    def pass_digit(self, presser: str, digit: str) -> None:
        """A digit that comes with somebody's media (leg id) goes to the other side as one."""
        for media in self.take_keys(presser):
            media.send_digits(digit)

    def release(self) -> MediaLeg | None:
        """Let the parties go: stations stay warm; the customer's media is for the caller to close."""
        customer = self.customer
        self.earpiece.stop()
        if self.notice is not None:
            self.notice.close()
        screens, self.screens = self.screens, {}
        for screen in screens.values():
            screen.close()
        self.room.close()
        self.parted = True
        self._changed()
        return customer

    # -- figures -------------------------------------------------------------------------------------------

    def measured(self, until: float | None = None) -> tuple[timedelta | None, timedelta | None]:
        """Talk and hold so far by the monotonic clock, up to `until`; None and None when nobody answered."""
        if self.call.answer_time is None:
            return None, None
        end = monotonic() if until is None else until
        talk = self._talk + (max(0.0, end - self._talk_since) if self._talk_since is not None else 0.0)
        held = self._held + (max(0.0, end - self._held_since) if self._held_since is not None else 0.0)
        return timedelta(seconds=talk), timedelta(seconds=held)

    def unanswered_question(self) -> tuple[Answer | None, timedelta]:
        """What is to be said of who answered the call when it ends while somebody listens for it, and after how long;
        None when that was told, or nobody asked."""
        screen = self.screens.pop(self.customer_id, None)
        verdict = screen.close() if screen is not None else None
        return (verdict.answer, told_after(verdict)) if verdict is not None else (None, timedelta(0))

    def opinions(self) -> tuple[float, float]:
        """MOS of the customer's and the last agent's media, 0 when unknown."""
        of = {leg.party: self._heard[leg.leg_id] for leg in self.legs if leg.leg_id in self._heard}
        known = (of.get(Party.CUSTOMER), of.get(Party.AGENT))
        customer, agent = (media.statistics().mos if media is not None else 0.0 for media in known)
        return customer, agent

    def _passed(self, call: Call) -> float:
        return max(0.0, (self._now() - call.state_time).total_seconds())

    # -- inside --------------------------------------------------------------------------------------------

    def _clock(self, state: CallState) -> None:
        now = monotonic()
        if state in TALK_STATES and self._talk_since is None:
            self._talk_since = now
        elif state not in TALK_STATES and self._talk_since is not None:
            self._talk += now - self._talk_since
            self._talk_since = None
        if state is CallState.HELD and self._held_since is None:
            self._held_since = now
        elif state is not CallState.HELD and self._held_since is not None:
            self._held += now - self._held_since
            self._held_since = None

    def _retap(self) -> None:
        talking = recorded(self.call, self.legs)
        for leg in self.legs:
            self._taps(leg, leg.leg_id in talking)

    def _taps(self, leg: Leg, talks: bool) -> None:
        """Each leg that `talks` in the conversation is recorded on a track of its own."""
        screen = self.screens.get(leg.leg_id)
        if screen is not None and not leg.live:
            screen.close()
        watches = leg.mode in (SupervisionMode.LISTEN, SupervisionMode.WHISPER)
        if self.recording is not None and (watches or not leg.live):
            self.recording.leave(leg.leg_id)
        if not leg.live:
            return
        member = self.room.member(leg.leg_id)
        if leg.party == Party.AGENT:
            member.on_digit = partial(self.pass_digit, leg.leg_id)
        if self._listening_tap is not None and leg.party == Party.CUSTOMER:
            return
        # An agent's number may be their private one: who they are is enough.
        source = Source(leg.party, leg.agent_id, "" if leg.agent_id else leg.address)
        recording = self.recording.tap(leg.leg_id, source) if talks and self.recording is not None else None
        listens = screen is not None and not screen.over.done()
        member.keep_tap = listens
        if screen is not None and listens:
            member.tap = screen.tap if recording is None else Both(recording, screen.tap)
        else:
            member.tap = recording

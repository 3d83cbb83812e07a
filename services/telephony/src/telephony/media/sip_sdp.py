"""Offers and answers of a SIP leg's audio (RFC 3264): what we say, what we make of what the peer says.

A `Negotiation` is one session's memory: its origin line with a version, the sections there ever were, the payload
types that have a meaning, which may not change again (8.3.2), and what is agreed now. It knows no socket: `rtp_leg`
does as `agreed` says. What goes to another process (`state`) holds no key: who takes a leg over offers anew.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from telephony.media.codecs import OPUS, PCMA, PCMU, Codec
from telephony.media.sdes import KEY_BYTES, Crypto, new_crypto
from telephony.media.sdp import OPUS_FMTP, SdpInvalid
from telephony.media.sdp_sections import Description, Direction, Format, Section, parse

CODECS = {codec.name.lower(): codec for codec in (OPUS, PCMU, PCMA)}
EVENT = "telephone-event"
_PROFILES = ("RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF")
_OURS = {("opus", 48_000): 96, ("pcmu", 8_000): 0, ("pcma", 8_000): 8, (EVENT, 8_000): 101, (EVENT, 48_000): 100}
"""The payload types we offer, by (name, clock rate), while the peer has given none of its own."""
_SPELLED = {"opus": "opus", "pcmu": "PCMU", "pcma": "PCMA", EVENT: EVENT}
_CHANNELS = {"opus": "/2"}
_FMTP = {"opus": OPUS_FMTP, EVENT: "0-15"}
_FRAME_MS = 20
_CONSISTENT = 5
"""Packets in a row by which a peer that left several codecs open has chosen one of them: 100 ms."""
_REVERSED: dict[Direction, Direction] = {"sendonly": "recvonly", "recvonly": "sendonly"}

Meaning = tuple[str, int]


class MediaNotAcceptable(SdpInvalid):
    """The description is well formed, but has no audio that both sides can speak under the policy: SIP's 488."""

    reason = "MEDIA_NOT_ACCEPTABLE"


@dataclass(frozen=True)
class SdpPolicy:
    """What may be spoken with a peer; a trunk's or a device's setting."""

    codecs: tuple[Codec, ...] = (OPUS, PCMA, PCMU)
    """In order of preference, ours over the peer's."""
    srtp: Literal["never", "prefer", "require"] = "never"
    """`prefer` offers both in one section (RFC 8643) and takes a secure section before a plain one."""
    suites: tuple[str, ...] = tuple(KEY_BYTES)
    rtcp_mux: bool = True
    events: bool = True
    """Whether digits are negotiated as telephone events (RFC 4733)."""


@dataclass(frozen=True)
class Place:
    """Where we are reached: what a description says of us."""

    address: str
    port: int
    rtcp_port: int

    @property
    def connection(self) -> str:
        return f"IN {'IP6' if ':' in self.address else 'IP4'} {self.address}"


@dataclass(frozen=True)
class Agreed:
    """The outcome of an offer and its answer. Payload types differ by direction (RFC 3264 5.1)."""

    codec: Codec
    send_type: int
    """Payload type of the codec in what we send."""
    receive_types: dict[int, Codec]
    """The peer may send any of these; anything but `codec` only while it is free to choose."""
    send_event: tuple[int, int] | None
    """(payload type, clock rate) of the digits we send; None when the peer takes none."""
    receive_events: dict[int, int]
    """Clock rate of digits by payload type."""
    address: str | None
    """Where the peer wants audio; None while it can't be sent any."""
    port: int
    rtcp: tuple[str, int] | None
    """Where it wants RTCP; None when that is multiplexed with the audio."""
    direction: Direction
    """Ours: whether we may send, and whether the peer does."""
    held: bool
    """The peer doesn't want to hear us for now."""
    keys: tuple[Crypto, Crypto] | None = None
    """(ours, the peer's) for SRTP."""
    send_types: Mapping[Codec, int] = field(default_factory=dict[Codec, int])
    """The peer's payload type of each codec that its answer left open."""

    @property
    def sends(self) -> bool:
        return self.address is not None and self.direction in ("sendrecv", "sendonly")

    @property
    def receives(self) -> bool:
        return self.direction in ("sendrecv", "recvonly")

    @property
    def settled(self) -> bool:
        """Whether one codec is left. If not, an offer (RFC 3264 10.2) holds only `codec`."""
        return len(set(self.receive_types.values())) == 1


class Negotiation:
    """One side of one session. Every method that reads what the peer wrote raises SdpInvalid and changes nothing."""

    def __init__(self, policy: SdpPolicy, place: Place) -> None:
        self.policy = policy
        self.place = place
        self.agreed: Agreed | None = None
        self.direction: Direction = "sendrecv"
        """What we would like: `sendonly` while we hold the peer."""
        self._wish: Direction = "sendrecv"
        self._session_id = secrets.randbits(62)
        self._version = 0
        self._body = ""
        self._others: tuple[Section, ...] = ()
        self._index = 0
        self._numbers: dict[Meaning, int] = {}
        self._offered: tuple[Crypto, ...] = ()
        self._profile = ""
        self._events: dict[int, int] = {}
        """Of the peer's answer: clock rate of the digits it takes, by payload type."""
        self._choosing = (-1, 0, 0)
        """Payload type of the last packet that was of another codec than agreed, its number, how many in a row."""
        self._chosen: Codec | None = None

    # -- we offer ------------------------------------------------------------------------------------------

    def offer(self, direction: Direction | None = None) -> str:
        """An offer from the present state, or the first one. `direction` is what we would like from now on."""
        self._wish = direction or self.direction
        codecs = self._codecs_to_offer()
        self._offered = self._keys_to_offer()
        if not self._profile:
            self._profile = "RTP/SAVP" if self.policy.srtp == "require" else "RTP/AVP"
        rates = {codec.clock_rate for codec in codecs} if self.policy.events else set[int]()
        meanings = [(codec.name.lower(), codec.clock_rate) for codec in codecs]
        meanings += [(EVENT, rate) for rate in (48_000, 8_000) if rate in rates]
        formats = [Format(self._number(meaning), *meaning) for meaning in meanings]
        mux = self.policy.rtcp_mux and (self.agreed is None or self.agreed.rtcp is None)
        more = [*(["a=rtcp-mux"] if mux else []), f"a=rtcp:{self.place.rtcp_port}"]
        return self._write(self._audio(formats, self._profile, self._wish, more))

    def withdraw(self) -> None:
        """Our offer was refused: what was agreed before stays (RFC 3261 14.1)."""
        self._wish = self.direction
        self._offered = (self.agreed.keys[0],) if self.agreed is not None and self.agreed.keys else ()

    def apply(self, answer: str) -> Agreed:
        """Take the peer's answer to our last offer; again for a final answer behind a provisional one."""
        if not self._body:
            raise SdpInvalid("there was no offer to answer")
        description = parse(answer)
        if len(description.sections) <= self._index:
            raise SdpInvalid("the answer has fewer sections than the offer")
        section = description.sections[self._index]
        if section.kind != "audio" or not section.port or section.profile not in _PROFILES:
            raise MediaNotAcceptable("the peer refuses our audio")
        keys = self._answered_keys(section)
        spoken = [
            (found, codec) for found in section.formats if (codec := _codec(found)) in self.policy.codecs and codec
        ]
        if not spoken or not self._usable(section):
            raise MediaNotAcceptable("the answer can't be met")
        # One that it has chosen by sending it stays, as long as it is there.
        first, codec = next((each for each in spoken if each[1] is self._chosen), spoken[0])
        receive = {self._number((found.name, found.clock_rate)): other for found, other in spoken}
        # Some send by their own numbers in place of those we gave; where nothing else is meant, that is understood.
        receive = {found.payload_type: other for found, other in spoken} | receive
        events = {self._numbers[EVENT, rate]: rate for rate in (48_000, 8_000) if (EVENT, rate) in self._numbers}
        agreed = self._agree(section, codec, first.payload_type, receive, self._wish, keys, events)
        sends = {other: found.payload_type for found, other in reversed(spoken)}
        self.agreed, self._events = replace(agreed, send_types=sends), self._events_of(section)
        self.direction = self._wish
        return self.agreed

    def heard(self, payload_type: int, sequence: int) -> Agreed | None:
        """A packet that isn't of the agreed codec came. What is agreed from now on, when the peer sends by another one
        of those that its answer left open, which it may at any time (RFC 3264 6.1): nobody would hear it else."""
        agreed = self.agreed
        codec = agreed.receive_types.get(payload_type) if agreed is not None else None
        if agreed is None or codec is None or codec is agreed.codec or codec not in agreed.send_types:
            return None
        before, number, packets = self._choosing
        follows = payload_type == before and sequence == (number + 1) & 0xFFFF
        self._choosing = payload_type, sequence, packets + 1 if follows else 1
        if self._choosing[2] < _CONSISTENT:
            return None
        self._choosing, self._chosen = (-1, 0, 0), codec
        event = _event_for(codec, self._events)
        self.agreed = replace(agreed, codec=codec, send_type=agreed.send_types[codec], send_event=event)
        return self.agreed

    # -- the peer offers -----------------------------------------------------------------------------------

    def answer(self, offer: str) -> str:
        """The answer to a peer's offer; MediaNotAcceptable when it holds nothing for us."""
        description = parse(offer)
        index, section = self._choose(description)
        chosen = self._choose_codec(section)
        assert chosen is not None
        found, codec = chosen
        crypto = self._choose_crypto(section)
        keys = (self._own_key(section, crypto), crypto) if crypto is not None else None
        numbers = {(each.name, each.clock_rate): each.payload_type for each in reversed(section.formats)}
        agreed = self._agree(section, codec, found.payload_type, {found.payload_type: codec}, self.direction, keys, {})
        self.agreed, self._index, self._others, self._chosen = agreed, index, description.sections, None
        taken = set(numbers.values())
        self._numbers = {meaning: number for meaning, number in self._numbers.items() if number not in taken} | numbers
        self._profile, self._offered, self._wish = section.profile, (keys[0],) if keys else (), self.direction
        events = [Format(number, EVENT, rate) for number, rate in agreed.receive_events.items()]
        mux = section.rtcp_mux and self.policy.rtcp_mux
        more = ["a=rtcp-mux"] if mux else [f"a=rtcp:{self.place.rtcp_port}"]
        lines = self._audio([found, *events], section.profile, agreed.direction, more)
        return self._write(lines, description.timing)

    # -- for another process -------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What another process needs to go on with an offer of its own. JSON, without keys."""
        return {
            "session_id": self._session_id,
            "version": self._version,
            "direction": self.direction,
            "codec": self.agreed.codec.name.lower() if self.agreed is not None else None,
            "sections": [[each.kind, each.profile, *each.tokens] for each in self._others],
            "index": self._index,
            "profile": self._profile,
            "numbers": [[name, rate, number] for (name, rate), number in self._numbers.items()],
        }

    @classmethod
    def resumed(cls, policy: SdpPolicy, place: Place, state: Mapping[str, Any]) -> Self:
        """Go on with `state` from another place. Nothing is agreed until the peer answered an offer."""
        self = cls(policy, place)
        self._session_id, self._version = state["session_id"], state["version"]
        self.direction = self._wish = state["direction"]
        self._index, self._profile = state["index"], state["profile"]
        self._others = tuple(Section(kind, 0, profile, tuple(more)) for kind, profile, *more in state["sections"])
        self._numbers = {(name, rate): number for name, rate, number in state["numbers"]}
        codec = CODECS.get(state["codec"] or "")
        if codec in policy.codecs and codec is not None:
            others = tuple(other for other in policy.codecs if other is not codec)
            self.policy = replace(policy, codecs=(codec, *others))
        return self

    # -- choosing ------------------------------------------------------------------------------------------

    def _codecs_to_offer(self) -> tuple[Codec, ...]:
        """The present codec first; alone when the peer left several open."""
        if self.agreed is None:
            return self.policy.codecs
        if not self.agreed.settled:
            return (self.agreed.codec,)
        return self.agreed.codec, *(codec for codec in self.policy.codecs if codec is not self.agreed.codec)

    def _keys_to_offer(self) -> tuple[Crypto, ...]:
        if self.agreed is not None and self.agreed.keys is not None:
            return (self.agreed.keys[0],)
        if self.policy.srtp == "never" or (self.agreed is not None and self.policy.srtp == "prefer"):
            return ()
        return tuple(new_crypto(tag, suite) for tag, suite in enumerate(self.policy.suites, 1))

    def _choose(self, description: Description) -> tuple[int, Section]:
        fit = [
            (index, section)
            for index, section in enumerate(description.sections)
            if section.kind == "audio" and section.port and self._acceptable(section)
        ]
        if not fit:
            raise MediaNotAcceptable("the offer has no audio that is acceptable here")
        if self.policy.srtp == "prefer":
            fit.sort(key=lambda found: self._choose_crypto(found[1]) is None)
        return fit[0]

    def _acceptable(self, section: Section) -> bool:
        crypto = self._choose_crypto(section)
        if crypto is None and (section.secure or self.policy.srtp == "require"):
            return False
        return section.profile in _PROFILES and self._usable(section) and self._choose_codec(section) is not None

    def _usable(self, section: Section) -> bool:
        """Whether our packets can reach the peer and aren't longer than it takes."""
        same_family = section.address is not None and (":" in section.address) == (":" in self.place.address)
        return (same_family or section.unreachable) and (section.max_ptime or _FRAME_MS) >= _FRAME_MS

    def _choose_codec(self, section: Section) -> tuple[Format, Codec] | None:
        spoken: dict[Codec, Format] = {}
        for found in section.formats:
            if (codec := _codec(found)) is not None:
                spoken.setdefault(codec, found)
        present = (self.agreed.codec,) if self.agreed is not None else ()
        return next(((spoken[codec], codec) for codec in (*present, *self.policy.codecs) if codec in spoken), None)

    def _choose_crypto(self, section: Section) -> Crypto | None:
        if self.policy.srtp == "never":
            return None
        by_suite = {crypto.suite: crypto for crypto in reversed(section.cryptos)}
        return next((by_suite[suite] for suite in self.policy.suites if suite in by_suite), None)

    def _own_key(self, section: Section, theirs: Crypto) -> Crypto:
        """Our key for the answer: the one in use while the peer stays where it is with its own (RFC 4568 7.1.4).

        Another end would take up our key with a packet counter of zero, and we may be past that.
        """
        agreed = self.agreed
        if agreed is not None and agreed.keys is not None:
            ours, before = agreed.keys
            same_end = section.unreachable or (agreed.address, agreed.port) == (section.address, section.port)
            if same_end and (before.suite, before.key) == (theirs.suite, theirs.key):
                return replace(ours, tag=theirs.tag)
        return new_crypto(theirs.tag, theirs.suite)

    def _answered_keys(self, section: Section) -> tuple[Crypto, Crypto] | None:
        """The keys an answer agrees on; exactly one of ours may be taken up (RFC 4568 5.1.3)."""
        if not section.cryptos and not section.secure and self.policy.srtp != "require":
            return None
        ours = {crypto.tag: crypto for crypto in self._offered}
        theirs = section.cryptos[0] if len(section.cryptos) == 1 else None
        if theirs is None or theirs.tag not in ours or ours[theirs.tag].suite != theirs.suite:
            raise MediaNotAcceptable("the answer takes up no key of our offer")
        return ours[theirs.tag], theirs

    def _agree(
        self,
        section: Section,
        codec: Codec,
        send_type: int,
        receive_types: dict[int, Codec],
        wish: Direction,
        keys: tuple[Crypto, Crypto] | None,
        own_events: dict[int, int],
    ) -> Agreed:
        events = self._events_of(section)
        receive_events = {n: rate for n, rate in (events | own_events).items() if n not in receive_types}
        address = None if section.unreachable else section.address
        mux = section.rtcp_mux and self.policy.rtcp_mux
        place, port = section.rtcp or (None, section.port + 1)
        return Agreed(
            codec, send_type, receive_types, _event_for(codec, events), receive_events, address, section.port,
            rtcp=None if mux or address is None else (place or address, port),
            direction=_meet(wish, section),
            held=section.unreachable or section.direction in ("sendonly", "inactive"),
            keys=keys,
        )  # fmt: skip

    def _events_of(self, section: Section) -> dict[int, int]:
        events = {found.payload_type: found.clock_rate for found in section.formats if found.name == EVENT}
        return {number: rate for number, rate in events.items() if rate in (8_000, 48_000) and self.policy.events}

    # -- writing -------------------------------------------------------------------------------------------

    def _number(self, meaning: Meaning) -> int:
        """The payload type of a meaning: as it was, or else ours, or the first one free."""
        number = self._numbers.get(meaning)
        if number is None:
            taken = set(self._numbers.values())
            number = _OURS[meaning]
            if number in taken:
                number = next(free for free in range(96, 128) if free not in taken)
            self._numbers[meaning] = number
        return number

    def _audio(self, formats: list[Format], profile: str, direction: Direction, more: list[str]) -> Iterator[str]:
        yield f"m=audio {self.place.port} {profile} {' '.join(str(each.payload_type) for each in formats)}"
        for each in formats:
            yield f"a=rtpmap:{each.payload_type} {_SPELLED[each.name]}/{each.clock_rate}{_CHANNELS.get(each.name, '')}"
            if each.name in _FMTP:
                yield f"a=fmtp:{each.payload_type} {_FMTP[each.name]}"
        yield f"a=ptime:{_FRAME_MS}"
        yield f"a={direction}"
        yield from more
        yield from (f"a={crypto.line()}" for crypto in self._offered)

    def _write(self, audio: Iterable[str], timing: str = "0 0") -> str:
        """The whole description. Its version goes up when anything in it changed (RFC 3264 8)."""
        lines: list[str] = []
        for index, section in enumerate(self._others or (None,)):
            if index == self._index or section is None:
                lines += audio
            else:
                lines.append(f"m={section.kind} 0 {section.profile} {' '.join(section.tokens)}")
        connection = self.place.connection
        body = "\r\n".join(("s=-", f"c={connection}", f"t={timing}", *lines)) + "\r\n"
        if body != self._body:
            self._version += 1
            self._body = body
        return f"v=0\r\no=- {self._session_id} {self._version} {connection}\r\n{body}"


def _codec(found: Format) -> Codec | None:
    codec = CODECS.get(found.name)
    return codec if codec is not None and codec.clock_rate == found.clock_rate else None


def _event_for(codec: Codec, events: Mapping[int, int]) -> tuple[int, int] | None:
    """The digits to send beside a codec: at its own clock if there are such (RFC 4733 2.1)."""
    return min(events.items(), key=lambda event: event[1] != codec.clock_rate, default=None)


def _meet(wish: Direction, section: Section) -> Direction:
    """Our direction for a peer that says this: what we wish, as far as the peer takes part (RFC 3264 6.1)."""
    theirs = _REVERSED.get(section.direction, section.direction)
    sends = wish in ("sendrecv", "sendonly") and theirs in ("sendrecv", "sendonly") and not section.unreachable
    receives = wish in ("sendrecv", "recvonly") and theirs in ("sendrecv", "recvonly")
    return ("sendrecv" if receives else "sendonly") if sends else "recvonly" if receives else "inactive"

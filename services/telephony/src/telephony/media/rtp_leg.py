"""One SIP peer's media: plain RTP or SRTP with keys from the SDP, over a port pair of its own.

What is spoken is `sip_sdp`'s to negotiate and the SIP agent's to carry; this does as `Agreed` says. A new agreement
changes codec, keys and addresses under a running call: the outbound stream goes on in its sequence, and whoever was
heard is heard until the peer's new source is (`source_filter`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Set
from dataclasses import dataclass
from time import monotonic
from typing import Any

from telephony.media.codecs import OPUS, law_table
from telephony.media.dtmf import DigitSender
from telephony.media.inband import ToneReader
from telephony.media.lanes import Wire
from telephony.media.media_leg import LegStatistics
from telephony.media.presses import Presses
from telephony.media.rtp import HEADER, HEADER_SIZE, PACKET, VIEW, Inbound, Outbound, payload_bounds
from telephony.media.rtp_socket import RtpSockets
from telephony.media.sdp_sections import Direction
from telephony.media.sip_sdp import Agreed, Negotiation, Place
from telephony.media.source_filter import Address, SourceFilter
from telephony.media.srtp import InboundKey, SrtpContext
from telephony.media.standstill import STANDSTILL
from telephony.media.ticker import Ticker
from telephony.media.voice_leg import VoiceLeg

_RTCP_LEAST = 8


@dataclass(frozen=True)
class PeerSettings:
    """What a trunk or a device is known to need."""

    nat: bool = False
    """It may send from elsewhere than it says, and is sent to there."""
    tones: bool = False
    """Digits are listened for in the sound itself while the peer has no telephone events."""
    window_seconds: float = 5.0
    """How long after a negotiation the peer's source may be found."""


class RtpLeg(VoiceLeg):
    """Media of one SIP peer. Made by `plane.MediaPlane.rtp`."""

    __slots__ = (
        "_filter", "_held", "_kept_digits", "_laws", "_negotiation", "_receive", "_rtcp_source", "_rx", "_send",
        "_settings", "_sockets", "_tones", "_tx", "_window", "on_codec", "on_hold", "presses",
        "send_by_signalling", "silent_by_right",
    )  # fmt: skip

    def __init__(
        self, sockets: RtpSockets, negotiation: Negotiation, ticker: Ticker, settings: PeerSettings, home: str = ""
    ) -> None:
        """`home` is the host the peer's signalling comes from."""
        super().__init__(Outbound(0, self._transmit, negotiation.policy.codecs[0]), ticker)
        self.on_hold: Callable[[bool], None] | None = None
        """The peer has held us, or taken us back."""
        self.on_codec: Callable[[], None] | None = None
        """`codec` is another one now: whoever forwards to this leg must look again."""
        self.send_by_signalling: Callable[[str], None] | None = None
        """Takes digits for a peer without telephone events (SIP INFO)."""
        self.silent_by_right = False  # whether the peer need not send yet: its call isn't answered
        self.presses = Presses()
        self._sockets = sockets
        self._negotiation = negotiation
        self._settings = settings
        self._filter = SourceFilter(nat=settings.nat, window_seconds=settings.window_seconds, home=home)
        self._window: asyncio.TimerHandle | None = None
        self._laws: dict[int, bytes] = {}
        """How other payload types become `codec`: a table for the other law, nothing for another number of the same."""
        self._tones: ToneReader | None = None
        self._kept_digits = ""
        self._held = False
        self._rx: InboundKey | None = None
        self._tx: SrtpContext | None = None
        self._rtcp_source: Address | None = None
        self.outbound.wire = self._sink
        self._receive = sockets.receive_into
        self._send: Callable[[memoryview], Any] = self._send_to_target
        # Nothing is sent before it is agreed where to.
        self.outbound.exclusive = self
        sockets.read(self._readable_by_anyone)
        sockets.read_rtcp(self._readable_rtcp)

    # -- negotiation ---------------------------------------------------------------------------------------

    def offer(self, direction: Direction | None = None) -> str:
        """An offer from the present state; `direction` is our wish, `sendonly` to hold the peer."""
        return self._negotiation.offer(direction)

    def answer(self, offer: str) -> str:
        """Take the peer's offer and answer it. SdpInvalid or MediaNotAcceptable leave everything as it was."""
        answer = self._negotiation.answer(offer)
        self._agreed(self._negotiation.agreed)
        return answer

    def apply(self, answer: str) -> None:
        """Take the peer's answer to our last offer, a provisional one too. Errors as in `answer`."""
        self._agreed(self._negotiation.apply(answer))

    def told(self) -> None:
        """The peer hears only now what was answered, and sends nothing before: it is looked for from now on, unless it
        was found."""
        if not self.closed and self._filter.look_again(monotonic()):
            self._look_for_source()

    def withdraw(self) -> None:
        """The peer refused our last offer; everything stays."""
        self._negotiation.withdraw()

    def state(self) -> dict[str, Any]:
        """What `MediaPlane.rtp` in another process needs to make an offer that takes this leg over."""
        return self._negotiation.state()

    @property
    def place(self) -> Place:
        """Where this leg is reached, as its descriptions say."""
        return self._negotiation.place

    @property
    def remote_hold(self) -> bool:
        """Whether the peer doesn't want to hear us for now."""
        return self._held

    @property
    def expects_media(self) -> bool:
        """Whether the peer's silence means something: it doesn't hold us and has said that it sends. Who holds us may
        send music (a=sendonly), and need not (RFC 3264 8.4); c=0.0.0.0 leaves the direction as it was."""
        agreed = self._negotiation.agreed
        return agreed is not None and agreed.receives and not agreed.held and not self.silent_by_right

    @property
    def settled(self) -> bool:
        """False when the peer left several codecs open: it is heard by any, and `offer` again holds only one."""
        agreed = self._negotiation.agreed
        return agreed is None or agreed.settled

    # -- what others do with a leg -------------------------------------------------------------------------

    @property
    def sends_digits(self) -> bool:
        """Whether the peer takes digits, as telephone events or by signalling."""
        return self._digits is not None or self.send_by_signalling is not None

    def send_digits(self, digits: str) -> None:
        """Send digits; those for a peer that holds us go out when it is back."""
        if self._digits is None:
            if self.send_by_signalling is not None:
                self.send_by_signalling(digits)
        elif self.outbound.exclusive is self:
            self._kept_digits += digits
        else:
            self._digits.send(digits)

    def statistics(self) -> LegStatistics:
        if not self.expects_media:
            self.last_heard = monotonic()
        return super().statistics()

    def report(self) -> None:
        if not self.expects_media:
            self.last_heard = monotonic()
        super().report()

    def fill(self, idle: Set[int]) -> None:
        """Send a frame of silence when nothing has gone out since the last time. The plane calls this once a second:
        whatever is quiet here, a flow that waits for digits or a browser that saves packets, the peer and the firewalls
        on the way don't take the call for dead. A peer that holds us hears nothing. `idle` are the ids of lanes that
        stand still."""
        self._fill(self.outbound.exclusive is None, idle)

    # -- what is agreed ------------------------------------------------------------------------------------

    def _agreed(self, agreed: Agreed | None) -> None:
        """Do as agreed from now on. A leg that is closed meanwhile has nothing to do any more."""
        if agreed is None or self.closed:
            return
        self.leave_lanes()
        before, now = self.codec, monotonic()
        if (self.outbound.payload_type, self.outbound.codec) != (agreed.send_type, agreed.codec):
            self.outbound.retune(agreed.send_type, agreed.codec)
        self.codec, self.reports.clock_rate = agreed.codec, agreed.codec.clock_rate
        self._take_types(agreed)
        self._take_keys(agreed)
        self._take_digits(agreed)
        address = (agreed.address, agreed.port) if agreed.address is not None else None
        if self._filter.expect(address, now, silent_seconds=now - self.last_voice):
            self._look_for_source()
        self.last_heard = now
        if not self.connected.done():
            self.connected.set_result(True)
        elif agreed.codec is not before:
            self._inbound_ends()
            if self.on_codec is not None:
                self.on_codec()
        held, self._held = self._held, agreed.held
        if agreed.held != held and self.on_hold is not None:
            self.on_hold(agreed.held)

    def _take_types(self, agreed: Agreed) -> None:
        same = [number for number, codec in agreed.receive_types.items() if codec is agreed.codec]
        self._voice_type = same[-1]
        self._laws = {
            number: law_table(codec, agreed.codec) if codec is not agreed.codec else b""
            for number, codec in agreed.receive_types.items()
            if codec is agreed.codec or OPUS not in (codec, agreed.codec)
        }
        self._event_types = agreed.receive_events
        listens = self._settings.tones and agreed.send_event is None and agreed.codec is not OPUS
        if not listens:
            self._tones = None
        elif self._tones is None or self._tones.codec is not agreed.codec:
            self._tones = ToneReader(agreed.codec, self._digit)

    def _take_keys(self, agreed: Agreed) -> None:
        """A key that stays keeps its packet counter; a new one of ours begins with a stream of its own."""
        if agreed.keys is None:
            self._rx = self._tx = None
            return
        ours, theirs = agreed.keys
        if self._tx is None or (self._tx.crypto.suite, self._tx.crypto.key) != (ours.suite, ours.key):
            self._tx = SrtpContext(ours, inbound=False)
            if self.outbound.packets:
                self.outbound.renew()
        if self._rx is None or (self._rx.crypto.suite, self._rx.crypto.key) != (theirs.suite, theirs.key):
            self._rx = InboundKey(theirs, self._rx)

    def _take_digits(self, agreed: Agreed) -> None:
        """Let digits, and everything else, out only while the peer wants to hear us."""
        sender, event = self._digits, agreed.send_event
        changed = sender is None or event is None or not sender.sends(*event)
        if sender is not None and (changed or not agreed.sends):
            self._kept_digits = sender.stop() + self._kept_digits
        if changed:
            self._digits = (
                DigitSender(self.outbound, self._ticker, event[0], event[1] // 50) if event is not None else None
            )
        if not agreed.sends:
            self.outbound.exclusive = self
            return
        if self.outbound.exclusive is self:
            self.outbound.exclusive = None
        kept, self._kept_digits = self._kept_digits, ""
        if kept:
            self.send_digits(kept)

    def _digit(self, digit: str) -> None:
        if self.presses.first_told(digit, monotonic(), by_media=True):
            super()._digit(digit)

    def _inbound_ends(self) -> None:
        """The peer's stream has another clock from now on: count it anew."""
        if self._inbound is not None:
            self._packets_before += self._inbound.packets
            self._lost_before += self._inbound.lost
            self._inbound = None

    # -- whose packets -------------------------------------------------------------------------------------

    def _look_for_source(self) -> None:
        """Hear everybody until the peer's source is found, and let the filter decide."""
        loop = asyncio.get_running_loop()
        self.leave_lanes()
        self._sockets.disconnect()
        self._send = self._send_to_target
        self._sockets.read(self._readable_by_anyone)
        if self._window is not None:
            self._window.cancel()
        self._window = loop.call_later(self._settings.window_seconds, self._found_source)

    def _found_source(self) -> None:
        """The window is over, or nothing better can come: connect to the peer when it sends from where it hears."""
        if self._window is not None:
            self._window.cancel()
            self._window = None
        self._filter.close()
        source = self._filter.source
        if source is None or source != self._filter.target or self._filter.guessed or not self._sockets.connect(source):
            return
        # What strangers sent before the connection still waits, and the plain reader doesn't look at addresses.
        while self._receive_from_anyone():
            pass
        self._sockets.read(self._readable)
        self._send = self._sockets.send

    def _strangers(self) -> int:
        return self._filter.strangers

    # -- packets -------------------------------------------------------------------------------------------

    def _readable(self) -> None:
        """One datagram of the peer, handled to its end."""
        try:
            length = self._receive(PACKET)
        except OSError:
            return
        self._datagram(length)

    def _datagram(self, length: int) -> None:
        """The datagram in PACKET, of the peer."""
        if length < HEADER_SIZE or not 127 < PACKET[0] < 192 or 191 < PACKET[1] < 224:
            self._odd(length)
            return
        if self._rx is not None:
            length = self._rx.unprotect(length)
            if length < HEADER_SIZE:
                self._forged += 1
                return
        if self._tones is not None:
            self._listen(length)
        self._voice(length)

    def _readable_by_anyone(self) -> None:
        self._receive_from_anyone()
        if self._filter.settled and self._sockets.connected is None:
            self._found_source()

    def _receive_from_anyone(self) -> bool:
        """One datagram of whoever sent it; whether there was one."""
        try:
            length, sender = self._sockets.receive_from(PACKET)
        except ConnectionError:
            return True  # an ICMP error of an earlier packet of ours
        except OSError:
            return False
        address = (sender[0], sender[1])
        if length < HEADER_SIZE or not 127 < PACKET[0] < 192 or 191 < PACKET[1] < 224:
            if address in (self._filter.source, self._filter.expected):
                self._odd(length)
            else:
                self._filter.strangers += 1
            return True
        proven = False
        if self._rx is not None:
            length = self._rx.unprotect(length, known=self._filter.knows(address))
            proven = self._rx.settled
        if length < HEADER_SIZE:
            if self._filter.knows(address):
                self._forged += 1
            else:
                self._filter.strangers += 1
            return True
        _, _, sequence, _, ssrc = HEADER.unpack_from(PACKET)
        if self._filter.admit(address, ssrc, sequence, monotonic(), proven=proven):
            if self._tones is not None:
                self._listen(length)
            self._voice(length)
        return True

    def _odd(self, length: int) -> None:
        """RTCP on the audio's port; anything else there (keep-alives, STUN) is nothing to us."""
        if length >= _RTCP_LEAST and 127 < PACKET[0] < 192 and 191 < PACKET[1] < 224:
            self._genuine_rtcp(length if self._rx is None else self._rx.unprotect_rtcp(length))

    def _readable_rtcp(self) -> None:
        received = self._sockets.receive_rtcp()
        if received is None:
            return
        length, address = received
        agreed = self._negotiation.agreed
        if not self._filter.knows(address) and (agreed is None or address != agreed.rtcp):
            self._filter.strangers += 1
            return
        self._rtcp_source = address
        self._odd(length)

    def _other(self, inbound: Inbound, payload_type: int, sequence: int, timestamp: int, length: int) -> bool:
        """Sound in the other law of G.711 is made ours by a table; comfort noise (RFC 3389) is dropped."""
        table = self._laws.get(payload_type)
        if table is None:
            passed = super()._other(inbound, payload_type, sequence, timestamp, length)
            if (chosen := self._negotiation.heard(payload_type, sequence)) is not None:
                self._agreed(chosen)
            return passed
        if table:
            PACKET[HEADER_SIZE:length] = bytes(VIEW[HEADER_SIZE:length]).translate(table)
        return True

    def _listen(self, length: int) -> None:
        bounds = payload_bounds(length)
        if self._tones is not None and bounds is not None and PACKET[1] & 0x7F == self._voice_type:
            self._tones.packet(int.from_bytes(PACKET[4:8], "big"), bytes(VIEW[bounds[0] : bounds[1]]))

    def _transmit(self, length: int) -> None:
        if STANDSTILL.hushed():
            return
        departures = self._departures
        if departures.waits and self._sockets.connected is not None:
            departures.add(self._sockets.fd, self._tx.address if self._tx is not None else 0, length)
            return
        if self._tx is not None:
            length = self._tx.protect(length)
            if not length:
                return
        # A full send buffer or an ICMP error from an earlier packet is a lost packet, as on any network.
        # (try, not suppress: this runs for every packet.)
        try:  # noqa: SIM105
            self._send(VIEW[:length])
        except OSError:
            pass

    def _send_to_target(self, packet: memoryview) -> None:
        target = self._filter.target
        if target is not None:
            self._sockets.send_to(packet, target)

    def _transmit_rtcp(self, data: bytes) -> None:
        agreed = self._negotiation.agreed
        if agreed is None or agreed.address is None:
            return
        PACKET[: len(data)] = data
        length = len(data) if self._tx is None else self._tx.protect_rtcp(len(data))
        if not length:
            return
        if agreed.rtcp is None:
            with contextlib.suppress(OSError):
                self._send(VIEW[:length])
        elif not self._filter.leads_inside((there := self._filter.reports(agreed.rtcp, self._rtcp_source))[0]):
            self._sockets.send_rtcp(VIEW[:length], there)

    def _source(self) -> Wire | None:
        settled = self._rx is None or self._rx.settled
        return self._wire(self._rx) if settled and self._tones is None else None

    def _sink(self) -> Wire | None:
        return self._wire(self._tx)

    def _wire(self, keys: SrtpContext | InboundKey | None) -> Wire | None:
        if self._sockets.connected is None:
            return None
        context = None if keys is None else keys.context
        return Wire(self._sockets.fd, context, keys, self._readable, self._datagram)

    def _forget_source(self, ssrc: int) -> None:
        if self._rx is not None:
            self._rx.forget(ssrc)

    async def _close_carrier(self) -> None:
        if self._window is not None:
            self._window.cancel()
            self._window = None
        self._sockets.close()

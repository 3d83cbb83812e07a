"""The media plane of one process: makes legs, paces them, reports for them, closes them."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import secrets
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

from kernel.errors import Unavailable

from telephony.media.aioice_private import HostAddress
from telephony.media.aiortc_private import VoiceTransport, generate_certificate
from telephony.media.departures import Departures
from telephony.media.gathering import Gathering, start_gathering
from telephony.media.lanes import Lanes, start_lanes
from telephony.media.leg import WebRtcLeg
from telephony.media.media_leg import MediaLeg
from telephony.media.rtp_leg import PeerSettings, RtpLeg
from telephony.media.rtp_socket import RtpSockets
from telephony.media.sdp import Offer, build_answer, parse_offer
from telephony.media.sip_sdp import Negotiation, Place, SdpPolicy
from telephony.media.standstill import STANDSTILL
from telephony.media.ticker import Ticker
from telephony.media.voice_leg import VoiceLeg
from telephony.media.voice_socket import SocketPoll

Spawn = Callable[[Coroutine[Any, Any, None]], Any]
_REPORT_EVERY, _REPORT_STEP = 2.5, 0.02
"""Seconds between two reports of a leg, and between two looks at whose turn it is."""
_TEND_EVERY = 0.1
_SIP_FILLS = 10
"""A SIP peer's silence is filled so much more rarely than a browser's: its timers count seconds."""
_SIP_SPREAD = 5
"""Those that come together are filled in so many turns, none in its first half second."""


class TooManySetups(Unavailable):
    """More connections are being set up than this process may do without disturbing live calls."""

    reason = "MEDIA_SETUP_BUSY"


@dataclass(frozen=True)
class MediaSettings:
    """How the plane meets the network."""

    addresses: tuple[HostAddress, ...]
    ports: tuple[int, int] | None = None
    setup_seconds: float = 15.0
    """A connection that isn't up by then is given up."""
    setup_spacing: float = 0.01
    """DTLS costs a few milliseconds of CPU in the loop that forwards packets: at least this long between two
    handshakes, so that live calls never wait for more than one."""
    return_spacing: float = 0.002
    """As much where somebody comes back to a live call, who hears nothing meanwhile: all parties of a dead node do,
    and hundreds of them are to hear again within 5 s."""
    waiting_setups: int = 128
    tenant_setups: int = 32
    """Of these, one tenant's at most: whoever floods it, the others' calls are set up. Who comes back isn't counted."""
    lanes: bool = True
    """Joined legs' packets are passed on by a thread of C where it was compiled, else, and without this, in Python."""


@dataclass
class _Setup:
    """A connection that isn't up yet, and the time it may take."""

    tenant_id: str
    limit: asyncio.Timeout
    returns: bool = False
    given_up: bool = False

    def give_up(self) -> None:
        """Whoever was to connect has made a new offer."""
        self.given_up = True
        with contextlib.suppress(RuntimeError):  # not begun, or over
            self.limit.reschedule(asyncio.get_running_loop().time())


def host_addresses(text: str) -> tuple[HostAddress, ...]:
    """Read the setting: `10.0.0.5=203.0.113.7,127.0.0.1` binds two and advertises the first as another.

    Empty means loopback and the address of the default route.
    """
    if not text.strip():
        found = ["127.0.0.1", *([address] if (address := _default_address()) else [])]
        return tuple(HostAddress(address, address) for address in reversed(found))
    pairs = (item.strip().partition("=") for item in text.split(","))
    return tuple(HostAddress(bind, advertise or bind) for bind, _, advertise in pairs if bind)


def _default_address() -> str | None:
    """The IPv4 address packets to the outside leave from; sends nothing."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        address: str = probe.getsockname()[0]
        return None if address.startswith("127.") else address
    return None


def _host_toward(hosts: Sequence[HostAddress], peer: str) -> HostAddress:
    """Which of our addresses a peer can reach: of its family, and loopback only for loopback."""
    address = ipaddress.ip_address(peer or "192.0.2.1")

    def misses(host: HostAddress) -> tuple[bool, bool]:
        ours = ipaddress.ip_address(host.bind)
        return ours.version != address.version, ours.is_loopback != address.is_loopback

    return min(hosts, key=misses)


class MediaPlane:
    """Makes legs: WebRTC ones from offers, RTP ones for SIP peers. `spawn` must keep a reference to each coroutine it
    runs.
    """

    def __init__(self, settings: MediaSettings, spawn: Spawn) -> None:
        self.ticker = Ticker(Departures(wanted=settings.lanes))
        self.poll = SocketPoll()
        self.legs: set[MediaLeg] = set()
        self.settings = settings
        self._spawn = spawn
        self._certificate = generate_certificate()
        self._next_handshake = 0.0
        self._setups: dict[str, _Setup] = {}
        self._reporter: asyncio.TimerHandle | None = None
        self._to_report: dict[MediaLeg, None] = {}
        """In the order of their turns."""
        self._reports_owed = 0.0
        self._tender: asyncio.TimerHandle | None = None
        self._loose: dict[VoiceLeg, None] = {}
        """Those to tend: not all that comes from there or goes there is walked by lanes, or nothing comes."""
        self._turns: dict[VoiceLeg, int] = {}
        self._tends = 0
        self._lanes: Lanes | None = None
        self._gathering: Gathering | None = None
        self._lanes_tried = not settings.lanes

    async def answer(
        self, offer_sdp: str, tenant_id: str, owner: str, *, returns: bool = False
    ) -> tuple[WebRtcLeg, str]:
        """A leg for this offer and the SDP answer. The leg connects by itself; see `leg.connected`.

        `owner` is who connects (a call's customer, a station): a new offer of theirs gives up the one that is still
        being set up. `returns` of who is known to be in a live call, and is never one too many. SdpInvalid for an
        unusable offer, TooManySetups when too many wait already.
        """
        offer = parse_offer(offer_sdp)
        earlier = self._setups.pop(owner, None)
        if earlier is not None:
            earlier.give_up()
        waiting = [setup.tenant_id for setup in self._setups.values() if not setup.returns]
        full = len(waiting) >= self.settings.waiting_setups or waiting.count(tenant_id) >= self.settings.tenant_setups
        if full and not returns:
            raise TooManySetups("too many connections are being set up", retry_after=timedelta(seconds=1))
        setup = self._setups[owner] = _Setup(tenant_id, asyncio.timeout(self.settings.setup_seconds), returns)
        try:
            leg, transport, answer = await self._make(offer)
        except BaseException:
            self._forget(owner, setup)
            raise
        self._add(leg)
        self._spawn(self._connect(leg, transport, offer, owner, setup))
        return leg, answer

    def rtp(
        self,
        policy: SdpPolicy,
        settings: PeerSettings | None = None,
        *,
        toward: str = "",
        state: Mapping[str, Any] | None = None,
    ) -> RtpLeg:
        """A leg for a SIP peer, at a port pair of its own; `offer` or `answer` come next, then `close_leg`.

        `toward` is an address of the peer (its signalling's), by which ours is chosen and its packets are known.
        `state` is another leg's, to go on with its session. TooManySetups when no port is free.
        """
        host = _host_toward(self.settings.addresses, toward)
        try:
            sockets = RtpSockets(self.poll, host.bind, self.settings.ports)
        except OSError as error:
            raise TooManySetups("no media port is free", retry_after=timedelta(seconds=5)) from error
        place = Place(host.advertise, sockets.port, sockets.rtcp_port)
        negotiation = Negotiation(policy, place) if state is None else Negotiation.resumed(policy, place, state)
        leg = RtpLeg(sockets, negotiation, self.ticker, settings or PeerSettings(), toward)
        self._add(leg)
        return leg

    async def _make(self, offer: Offer) -> tuple[WebRtcLeg, VoiceTransport, str]:
        transport = VoiceTransport(
            self._certificate, self.settings.addresses, self.settings.ports, self.poll, self.ticker.departures
        )
        try:
            await transport.gather()
        except OSError as error:
            raise TooManySetups("no media port is free", retry_after=timedelta(seconds=5)) from error
        leg = WebRtcLeg(transport, offer, self.ticker)
        answer = build_answer(
            offer,
            username=transport.username,
            password=transport.password,
            fingerprints=transport.dtls.fingerprints,
            candidates=self._advertised(transport.candidates()),
            ssrc=leg.outbound.ssrc,
            session_id=secrets.randbits(62),
        )
        return leg, transport, answer

    async def close(self) -> None:
        """Close every leg and stop all timers."""
        for timer in (self._reporter, self._tender):
            if timer is not None:
                timer.cancel()
        self._reporter = self._tender = None
        await asyncio.gather(*(leg.close() for leg in list(self.legs)), return_exceptions=True)
        self.legs.clear()
        self._to_report.clear()
        self._loose.clear()
        self._turns.clear()
        self.ticker.close()
        if self._lanes is not None:
            self._lanes.close()
            self._lanes = None
        if self._gathering is not None:
            self._gathering.close()
            self._gathering = None
        self.poll.close()

    def _advertised(self, bound: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
        names = {host.bind: host.advertise for host in self.settings.addresses}
        return [(names[address], port) for address, port in bound]

    async def _connect(
        self, leg: WebRtcLeg, transport: VoiceTransport, offer: Offer, owner: str, setup: _Setup
    ) -> None:
        """Bring the leg up. One that fails is closed here, a good one by its owner or by the browser."""
        connected = False
        try:
            async with setup.limit:
                if not setup.given_up and await transport.connect_ice(offer.ice):
                    await self._turn(self.settings.return_spacing if setup.returns else self.settings.setup_spacing)
                    connected = await transport.connect_dtls(offer.dtls, server=offer.dtls_server)
        except (TimeoutError, ConnectionError):
            connected = False
        finally:
            self._forget(owner, setup)
        if not connected or leg.closed:
            await self._end(leg)
            return
        transport.on_closed(lambda: self._spawn(self._end(leg)))
        leg.established()

    def _forget(self, owner: str, setup: _Setup) -> None:
        if self._setups.get(owner) is setup:
            del self._setups[owner]

    async def _turn(self, spacing: float) -> None:
        """Wait until this handshake may take the loop, and keep it from the next one for so long."""
        now = asyncio.get_running_loop().time()
        at = max(now, self._next_handshake)
        self._next_handshake = at + spacing
        if at > now:
            await asyncio.sleep(at - now)

    async def _end(self, leg: MediaLeg) -> None:
        self.legs.discard(leg)
        self._to_report.pop(leg, None)
        if isinstance(leg, VoiceLeg):
            self._turns.pop(leg, None)
            self._loose.pop(leg, None)
        await leg.close()

    async def close_leg(self, leg: MediaLeg) -> None:
        """Close one leg for good."""
        await self._end(leg)

    def _add(self, leg: VoiceLeg) -> None:
        self.legs.add(leg)
        self._to_report[leg] = self._loose[leg] = None
        self._turns[leg] = (self._tends - len(self._turns) % _SIP_SPREAD) % _SIP_FILLS
        leg.on_loose = self._loosened
        if self._reporter is None:
            self._arm()
        if not self._lanes_tried:
            self._lanes_tried = True
            self._lanes = start_lanes(self.poll)
            self._gathering = start_gathering(self.poll, self.ticker)
        if self._tender is None:
            STANDSTILL.begin()
            self._tender = asyncio.get_running_loop().call_later(_TEND_EVERY, self._tend)

    def _arm(self) -> None:
        """Wait until the next leg's turn to report, or a moment when many are due."""
        wait = max(_REPORT_STEP, _REPORT_EVERY / len(self._to_report))
        self._reports_owed += wait * len(self._to_report) / _REPORT_EVERY
        self._reporter = asyncio.get_running_loop().call_later(wait, self._report)

    def _tend(self) -> None:
        """Let nobody wait for a packet, and pass on in lanes what can be passed on there."""
        STANDSTILL.runs()
        self._tender = asyncio.get_running_loop().call_later(_TEND_EVERY, self._tend) if self.legs else None
        idle = self._lanes.idle(_TEND_EVERY) if self._lanes is not None else frozenset[int]()
        self._tends += 1
        turn = self._tends % _SIP_FILLS
        for leg in list(self._loose):
            # Not all SIP legs at once: that would hold up forwarded packets.
            if isinstance(leg, WebRtcLeg) or (isinstance(leg, RtpLeg) and self._turns[leg] == turn):
                leg.fill(idle)
        self.enter_lanes()
        for leg in [each for each in self._loose if each.in_lanes]:
            del self._loose[leg]

    def _loosened(self, leg: VoiceLeg) -> None:
        if leg in self._turns:
            self._loose[leg] = None

    def enter_lanes(self) -> None:
        """Let lanes and gathering take over what is in its steady state by now. Called ten times a second."""
        if self._lanes is not None and not STANDSTILL.silent:
            self._lanes.settle()
            for leg in list(self._loose):
                leg.enter_lane(self._lanes, self._gathering)

    def _report(self) -> None:
        """Let those report whose turn it is: all legs at once would hold up forwarded packets."""
        due, self._reports_owed = divmod(self._reports_owed, 1)
        legs = list(islice(self._to_report, int(due)))
        for leg in legs:
            del self._to_report[leg]
            self._to_report[leg] = None
        self._reporter = None
        if self._to_report:
            self._arm()
        for leg in legs:
            leg.report()

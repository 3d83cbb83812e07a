"""ICE of one leg by aioice, over our own sockets: candidates, checks, consent, and the source filter.

The one module that touches private names of aioice. aioice hands any datagram that isn't STUN to DTLS whoever sent it,
so a stranger could break a call being set up. Here a datagram other than STUN passes only from an address that has
proved, by an authenticated Binding request, that it knows this leg's ICE password (RFC 8445 12.2, RFC 7983). Who can't
authenticate gets no answer, in place of the errors of RFC 8489 9.1.3: those tell a scanner where a call is, and are
larger than what they answer.

Pinned to aioice 0.13; `tests/media/test_aiortc_private.py` fails loudly when a name moves.
"""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from aioice import stun
from aioice.candidate import Candidate, candidate_foundation, candidate_priority
from aioice.ice import CONSENT_FAILURES, CONSENT_INTERVAL, CandidatePair, Connection, StunProtocol

from telephony.media.consent import Asking, Repeats
from telephony.media.rtp import HEADER_SIZE, PACKET, VIEW
from telephony.media.stun_checks import StunChecks
from telephony.media.voice_socket import Address, SocketPoll, VoiceSocket

_MAX_ADDRESSES = 16
"""Addresses of one browser at a time; the oldest one that isn't in use gives way to a new one."""
_MAX_DTLS_BACKLOG = 64


@dataclass(frozen=True)
class HostAddress:
    """One local address to bind, and the address to tell the browser when the two differ (1:1 NAT)."""

    bind: str
    advertise: str


class VoiceProtocol(StunProtocol):
    """Sorts the datagrams of one socket by their first byte (RFC 7983) and drops strangers."""

    def __init__(self, receiver: VoiceConnection) -> None:
        super().__init__(receiver)
        self.validated: OrderedDict[Address, None] = OrderedDict()
        self.strangers = 0
        self._connection = receiver
        self._receive_into: Callable[..., tuple[int, Any]]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._receive_into = cast(VoiceSocket, transport).receive_into

    def validate(self, address: Address) -> None:
        """An authenticated Binding request came from here."""
        self.validated[address] = None
        self.validated.move_to_end(address)
        if len(self.validated) > _MAX_ADDRESSES:
            self.validated.popitem(last=False)

    def readable(self) -> None:
        """One datagram, handled to its end. Never raises."""
        try:
            length, address = self._receive_into(PACKET)
        except OSError:
            return
        if length:
            self.datagram(length, (address[0], address[1]))

    def datagram(self, length: int, address: Address) -> None:
        """The datagram in PACKET, which came from `address`."""
        first = PACKET[0]
        if 127 < first < 192:
            on_media = self._connection.on_media
            if address not in self.validated:
                self.strangers += 1
            elif on_media is not None and length >= HEADER_SIZE:
                on_media(length)
        elif first < 4:
            self._stun(bytes(VIEW[:length]), address)
        elif 19 < first < 64 and address in self.validated:
            self._connection.data_received(bytes(VIEW[:length]), 1)
        else:
            self.strangers += 1

    def _stun(self, data: bytes, address: Address) -> None:
        if not self._connection.checks.admits(data, self.transactions):
            self.strangers += 1
            return
        if self._connection.consented(data, address, self):
            return
        try:
            super().datagram_received(data, address)
        except Exception:
            # Malformed attributes raise anything from struct.error to KeyError in the parser.
            self.strangers += 1


class VoiceConnection(Connection):
    """An aioice connection over our own sockets, for a server that is reached and never reaches out.

    Candidates of the browser are not used: its checks come to us, and our checks go only to addresses that
    proved they know the password. So an offer can't make us probe hosts inside our own network.
    """

    def __init__(self, addresses: Sequence[HostAddress], ports: tuple[int, int] | None, poll: SocketPoll) -> None:
        super().__init__(ice_controlling=False)
        self.on_media: Callable[[int], None] | None = None
        """Takes the length of the SRTP or SRTCP datagram in PACKET."""
        self.on_check: Callable[[], None] | None = None
        """Called at each authenticated Binding request: the browser is alive."""
        self.on_selected: Callable[[], None] | None = None
        """Called when `selected` has changed."""
        self.selected: tuple[VoiceProtocol, Address] | None = None
        """Our end and the browser's address of the nominated pair."""
        self._addresses = addresses
        self._ports = ports
        self._poll = poll
        self.checks = StunChecks(self.local_username)
        self._repeats = Repeats(self.local_password.encode())
        self._asking: Asking | None = None

    async def gather_candidates(self) -> None:
        """Bind one socket per configured address. Nothing is asked of anyone, so it doesn't wait."""
        if self._local_candidates_start:
            return
        self._local_candidates_start = True
        for host in self._addresses:
            try:
                transport = VoiceSocket(self._poll, host.bind, self._ports)
            except OSError:
                continue
            protocol = VoiceProtocol(self)
            protocol.connection_made(transport)
            protocol.local_candidate = Candidate(
                foundation=candidate_foundation("host", "udp", host.bind),
                component=1,
                transport="udp",
                priority=candidate_priority(1, "host"),
                host=host.bind,
                port=transport.name[1],
                type="host",
            )
            transport.start(protocol)
            self._protocols.append(protocol)
            self._local_candidates.append(protocol.local_candidate)
        self._local_candidates_end = True
        if not self._local_candidates:
            raise OSError("no media address could be bound")

    def check_incoming(self, message: stun.Message, addr: Address, protocol: StunProtocol) -> None:
        if "PRIORITY" not in message.attributes:
            return  # not a check (RFC 8445 7.1.1)
        cast(VoiceProtocol, protocol).validate(addr)
        if self.on_check is not None:
            self.on_check()
        if all((known.host, known.port) != addr for known in self._remote_candidates):
            self._make_room()
        super().check_incoming(message, addr, protocol)
        if self.selected == (protocol, addr) and message._integrity_data is not None:
            self._repeats.taken(message._integrity_data, addr)

    def consented(self, data: bytes, addr: Address, protocol: VoiceProtocol) -> bool:
        """Whether this STUN message was no more than the consent that goes on, which is settled then."""
        asking = protocol.transactions.get(data[8:20])
        if asking is not None:
            return isinstance(asking, Asking) and asking.heard(data)
        if self._closing or self.selected != (protocol, addr):
            return False
        answer = self._repeats.answer(data, addr)
        if answer is None:
            return False
        protocol.transport.sendto(answer, addr)
        if self.on_check is not None:
            self.on_check()
        return True

    async def query_consent(self) -> None:
        """Ask for consent as long as the connection lasts, and close it when none is given (RFC 7675)."""
        while True:
            await asyncio.sleep(CONSENT_INTERVAL * random.uniform(0.8, 1.2))
            if self._asking is not None and self._asking.unanswered >= CONSENT_FAILURES:
                self._query_consent_task = None
                return await self.close()
            self._ask()

    def _ask(self) -> None:
        """Send the next consent check over the nominated pair."""
        assert self.selected is not None and self.remote_password is not None
        protocol, address = self.selected
        if self._asking is None:
            first, key = self.build_request(self._nominated[1], nominate=False), self.remote_password.encode()
            first.add_message_integrity(key)
            self._asking = Asking(bytes(first), key)
        for each in self._protocols:
            each.transactions.pop(self._asking.transaction, None)
        message = self._asking.ask()
        protocol.transactions[self._asking.transaction] = cast(stun.Transaction, self._asking)
        protocol.transport.sendto(message, address)

    def respond_error(
        self, request: stun.Message, addr: Address, protocol: StunProtocol, error_code: tuple[int, str]
    ) -> None:
        if error_code[0] == 487:  # a role conflict, told to who has authenticated
            super().respond_error(request, addr, protocol, error_code)

    def _make_room(self) -> None:
        """Forget the oldest address that isn't in use, and what is being asked of it."""
        if len(self._remote_candidates) < _MAX_ADDRESSES:
            return
        used = [pair.remote_candidate for pair in self._nominated.values()]
        oldest = next(each for each in self._remote_candidates if each not in used)
        self._remote_candidates.remove(oldest)
        for pair in [pair for pair in self._check_list if pair.remote_candidate is oldest]:
            self._check_list.remove(pair)
            if pair.task is not None:
                pair.task.cancel()

    def data_received(self, data: bytes, component: int) -> None:
        if 19 < data[0] < 64 and self._queue.qsize() < _MAX_DTLS_BACKLOG:
            super().data_received(data, component)

    def check_complete(self, pair: CandidatePair) -> None:
        """A check ended; the nominated pair may be another one now."""
        super().check_complete(pair)
        nominated = self._nominated.get(1)
        if nominated is None:
            return
        selected = (cast(VoiceProtocol, nominated.protocol), nominated.remote_addr)
        if selected != self.selected:
            self.selected = selected
            self._repeats.forget()
            if self.on_selected is not None:
                self.on_selected()

    @property
    def strangers(self) -> int:
        """Datagrams dropped by the source filter so far."""
        return sum(cast(VoiceProtocol, protocol).strangers for protocol in self._protocols)

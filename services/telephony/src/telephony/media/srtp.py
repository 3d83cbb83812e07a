"""One direction of SRTP with a key from the SDP: libsrtp called in place on rtp.PACKET.

Like `aiortc_private` it reaches behind pylibsrtp's public face, which copies every packet twice;
`tests/media/test_aiortc_private.py` fails loudly when a name moves.
"""

from __future__ import annotations

import contextlib

from pylibsrtp import Error, Policy, Session
from pylibsrtp._binding import ffi, lib

from telephony.media.lanes import context_address, protect_rtcp, unprotect_rtcp
from telephony.media.rtp import HEADER, PACKET, VIEW
from telephony.media.sdes import Crypto

_CDATA = ffi.from_buffer(PACKET)
_LENGTH = ffi.new("int *")
_PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    "AEAD_AES_128_GCM": Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "AEAD_AES_256_GCM": Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}
_ROUNDS = 33
"""Rounds of sequence numbers looked through: twelve hours of 20 ms packets."""
_SEARCHES = 4


class SrtpContext:
    """The key of one direction, for any SSRC. Each method returns the packet's new length, 0 when it failed."""

    def __init__(self, crypto: Crypto, *, inbound: bool) -> None:
        kind = Policy.SSRC_ANY_INBOUND if inbound else Policy.SSRC_ANY_OUTBOUND
        self.crypto = crypto
        self._session = Session(Policy(key=crypto.key, ssrc_type=kind, srtp_profile=_PROFILES[crypto.suite]))
        self.context = self._session._srtp[0]
        self.address = context_address(self.context)

    def forget(self, ssrc: int) -> None:
        """Keep nothing of this source any more; no lane may use the context."""
        with contextlib.suppress(Error):  # it never was heard with this key
            self._session.remove_stream(ssrc)

    def take_up(self, packet: bytes) -> bytes | None:
        """The packet decrypted, when it is of this key in a later round of its sequence numbers: whoever has sent for
        22 minutes is in the second one, and nobody tells us. None when it is not of this key.

        The binding can't set the counter, so it is walked there with packets of our own making, each less than half
        a round ahead of the last.
        """
        _, _, sequence, _, ssrc = HEADER.unpack_from(packet)
        walker = Session(
            Policy(key=self.crypto.key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=_PROFILES[self.crypto.suite])
        )
        for step in range(0x2000, _ROUNDS << 16, 0x4000):
            at = step & 0xFFFF
            if at == sequence:
                continue
            try:
                self._session.unprotect(walker.protect(HEADER.pack(0x80, 0, at, 0, ssrc)))
            except Error:
                break  # it was heard already
            if (sequence - at) & 0xFFFF < 0x8000:
                with contextlib.suppress(Error):
                    return self._session.unprotect(packet)
        self.forget(ssrc)
        return None

    def protect(self, length: int) -> int:
        _LENGTH[0] = length
        return 0 if lib.srtp_protect(self.context, _CDATA, _LENGTH) else _LENGTH[0]

    def unprotect(self, length: int) -> int:
        _LENGTH[0] = length
        return 0 if lib.srtp_unprotect(self.context, _CDATA, _LENGTH) else _LENGTH[0]

    def protect_rtcp(self, length: int) -> int:
        _LENGTH[0] = length
        return 0 if protect_rtcp(self.context, _CDATA, _LENGTH) else _LENGTH[0]

    def unprotect_rtcp(self, length: int) -> int:
        _LENGTH[0] = length
        return 0 if unprotect_rtcp(self.context, _CDATA, _LENGTH) else _LENGTH[0]


class InboundKey:
    """The peer's key. Until its first packet comes the key before it is good too: what the peer sent before it had our
    answer is on its way still (RFC 4568 7.1.4).

    Whether the counter of rounds begins anew with a key, or with another end of ours, is done in both ways (RFC 3711
    3.3.1 goes on, RFC 4568 7.1.4 and Microsoft Teams begin anew): the first packet tells.
    """

    def __init__(self, crypto: Crypto, before: InboundKey | None = None) -> None:
        self.crypto = crypto
        self.settled = False
        """A packet with this key has come: no other one is good any more."""
        self._now = SrtpContext(crypto, inbound=True)
        self._before = before._now if before is not None else None
        self._searches = _SEARCHES

    @property
    def context(self) -> object:
        """libsrtp's, for a lane; only once settled."""
        return self._now.context

    def unprotect(self, length: int, *, known: bool = True) -> int:
        """As `SrtpContext.unprotect`. `known`: it came from the peer's host, and may be looked for in later rounds."""
        if self.settled:
            return self._now.unprotect(length)
        packet = bytes(VIEW[:length])
        found = self._now.unprotect(length) or (self._of_later_round(packet) if known else 0)
        if found:
            self.settled, self._before = True, None
        elif self._before is not None:
            PACKET[:length] = packet
            return self._before.unprotect(length)
        return found

    def unprotect_rtcp(self, length: int) -> int:
        if self._before is None:
            return self._now.unprotect_rtcp(length)
        packet = bytes(VIEW[:length])
        found = self._now.unprotect_rtcp(length)
        if not found:
            PACKET[:length] = packet
            found = self._before.unprotect_rtcp(length)
        return found

    def forget(self, ssrc: int) -> None:
        """As `SrtpContext.forget`."""
        self._now.forget(ssrc)

    def _of_later_round(self, packet: bytes) -> int:
        if not self._searches:
            return 0
        self._searches -= 1
        plain = self._now.take_up(packet)
        if plain is None:
            return 0
        PACKET[: len(plain)] = plain
        return len(plain)

"""One direction of SRTP with a key from the SDP: libsrtp called in place on rtp.PACKET.

Like `aiortc_private` it reaches behind pylibsrtp's public face, which copies every packet twice;
`tests/media/test_aiortc_private.py` fails loudly when a name moves.
"""

from __future__ import annotations

from pylibsrtp import Policy, Session
from pylibsrtp._binding import ffi, lib

from telephony.media.lanes import protect_rtcp, unprotect_rtcp
from telephony.media.rtp import PACKET
from telephony.media.sdes import Crypto

_CDATA = ffi.from_buffer(PACKET)
_LENGTH = ffi.new("int *")
_PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    "AEAD_AES_128_GCM": Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "AEAD_AES_256_GCM": Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}


class SrtpContext:
    """The key of one direction, for any SSRC. Each method returns the packet's new length, 0 when it failed."""

    def __init__(self, crypto: Crypto, *, inbound: bool) -> None:
        kind = Policy.SSRC_ANY_INBOUND if inbound else Policy.SSRC_ANY_OUTBOUND
        self.crypto = crypto
        self._session = Session(Policy(key=crypto.key, ssrc_type=kind, srtp_profile=_PROFILES[crypto.suite]))
        self.context = self._session._srtp[0]

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

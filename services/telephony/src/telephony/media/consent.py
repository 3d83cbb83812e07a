"""Consent to send and to be sent to (RFC 7675), as it goes on for the whole of a call: cheaply.

Every few seconds each end of a pair asks the other with a STUN check, which differs from the one before in its
transaction alone. Once aioice has read and taken a browser's check over the nominated pair, those that are the same
but for that are known by their integrity and answered without being read again, and ours are made from the first one.
Whatever looks different is aioice's.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import zlib

from aioice import stun

_HEADER, _TAIL = 20, 32
_COOKIE = b"\x21\x12\xa4\x42"
_ANSWER = b"\x01\x01\x00\x00" + _COOKIE
_INTEGRITY, _FINGERPRINT = b"\x00\x08\x00\x14", b"\x80\x28\x00\x04"
_MAPPED_V4 = b"\x00\x20\x00\x08\x00\x01"
_FINGERPRINT_XOR = 0x5354554E

Address = tuple[str, int]


def sealed(message: bytes, key: bytes) -> bytes:
    """A STUN message with MESSAGE-INTEGRITY and FINGERPRINT behind it (RFC 8489 14.5, 14.7): header and attributes, the
    length whatever it is."""
    kind, rest, length = message[:2], message[4:], len(message) - _HEADER
    digest = hmac.digest(key, kind + (length + 24).to_bytes(2, "big") + rest, "sha1")
    whole = kind + (length + _TAIL).to_bytes(2, "big") + rest + _INTEGRITY + digest
    return whole + _FINGERPRINT + (zlib.crc32(whole) ^ _FINGERPRINT_XOR).to_bytes(4, "big")


def genuine(message: bytes, key: bytes) -> bool:
    """Whether the message ends as `sealed` would end it."""
    return hmac.compare_digest(sealed(message[:-_TAIL], key), message)


class Repeats:
    """Checks of one browser that are the same as one that was taken, but for their transaction."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        """Our password, with which the browser seals."""
        self._attributes = b""
        self._address: Address | None = None
        self._mapped = b""

    def taken(self, check: bytes, address: Address) -> None:
        """A check that came from the nominated pair's address was taken: its bytes before MESSAGE-INTEGRITY."""
        if check[_HEADER:] == self._attributes and address == self._address:
            return
        self.forget()
        host = ipaddress.ip_address(address[0])
        if host.version == 4:  # another version's depends on the transaction
            mapped = address[1].to_bytes(2, "big") + host.packed
            mask = _COOKIE[:2] + _COOKIE
            self._mapped = _MAPPED_V4 + bytes(each ^ other for each, other in zip(mapped, mask, strict=True))
            self._attributes, self._address = check[_HEADER:], address

    def forget(self) -> None:
        """Another pair is nominated."""
        self._attributes, self._address = b"", None

    def answer(self, check: bytes, address: Address) -> bytes | None:
        """The answer to a Binding request, when it is genuine and the same as the one that was taken."""
        if address != self._address or check[_HEADER:-_TAIL] != self._attributes or not genuine(check, self._key):
            return None
        return sealed(_ANSWER + check[8:_HEADER] + self._mapped, self._key)


class Asking:
    """Our checks of one browser, each like the first but for its transaction. A `stun.Transaction` to aioice."""

    def __init__(self, first: bytes, key: bytes) -> None:
        self._head, self._attributes = first[:8], first[_HEADER:-_TAIL]
        self._key = key
        """The browser's password."""
        self.transaction = b""
        """Of the last one."""
        self.unanswered = 0
        """How many have gone out since an answer came."""

    def ask(self) -> bytes:
        """The next one."""
        self.unanswered += 1
        self.transaction = secrets.token_bytes(12)
        return sealed(self._head + self.transaction + self._attributes, self._key)

    def heard(self, answer: bytes) -> bool:
        """Whether this is a genuine answer to the last one that ends as usual."""
        given = answer[:2] == _ANSWER[:2] and answer[8:_HEADER] == self.transaction and genuine(answer, self._key)
        if given:
            self.unanswered = 0
        return given

    def response_received(self, message: stun.Message, _addr: Address) -> None:
        """Any other answer to it, read by aioice."""
        if message.message_class == stun.Class.RESPONSE and message.check_message_integrity(self._key):
            self.unanswered = 0

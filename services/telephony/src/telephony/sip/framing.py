"""Messages out of a stream (RFC 3261 18.3): by Content-Length, with keep-alives between them (RFC 5626 3.5.1)."""

from __future__ import annotations

import re

from telephony.sip.errors import SipParseError
from telephony.sip.parsing import MAX_HEAD, MAX_MESSAGE

PING = b"\r\n\r\n"
PONG = b"\r\n"
_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*(?:\r\n[ \t]+)?([0-9]{1,6})[ \t]*(?=\r\n)", re.IGNORECASE)

_NAMED = re.compile(rb"\r\n(?:content-length|l)[ \t]*:", re.IGNORECASE)


class Frames:
    """Bytes in, whole messages out. After SipParseError the stream has lost its place and must be closed."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._whole = 0
        """Length of the message that has begun, once its header fields are there; 0 before."""
        self._breaks = 0
        self.pings = 0
        """Double line breaks seen since the last look: each is answered by one line break (RFC 5626 4.4.1)."""

    @property
    def waiting(self) -> int:
        """Bytes of a message that isn't whole yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are whole now. A message without Content-Length ends with its header fields (as `0`)."""
        self._buffer += data
        messages: list[bytes] = []
        while (message := self._next()) is not None:
            messages.append(message)
        return messages

    def _next(self) -> bytes | None:
        if not self._whole:
            self._whole = self._length()
        if not self._whole or len(self._buffer) < self._whole:
            return None
        message = bytes(self._buffer[: self._whole])
        del self._buffer[: self._whole]
        self._searched = self._whole = 0
        return message

    def _length(self) -> int:
        """How long the message is that the buffer begins with; 0 while its header fields aren't whole."""
        self._skip_breaks()
        if not self._buffer:
            return 0
        end = self._buffer.find(b"\r\n\r\n", self._searched)
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                raise SipParseError("the header fields don't end")
            self._searched = max(0, len(self._buffer) - 3)
            return 0
        head = bytes(self._buffer[: end + 2])
        lengths = _LENGTH.findall(head)
        if len(lengths) > 1 or len(lengths) != len(_NAMED.findall(head)):
            raise SipParseError("the message's length can't be told")
        whole = end + 4 + (int(lengths[0]) if lengths else 0)
        if whole > MAX_MESSAGE or end > MAX_HEAD:
            raise SipParseError("message too large", 513)
        return whole

    def _skip_breaks(self) -> None:
        count = 0
        while count < len(self._buffer) and self._buffer[count] in b"\r\n":
            count += 1
        if count:
            del self._buffer[:count]
            self._searched = 0
            self._breaks += count
        self.pings += self._breaks // len(PING)
        self._breaks = 0 if self._buffer else self._breaks % len(PING)

"""A SIP peer's media without a voice: a socket that sends exactly the datagrams a test wants, and keeps what comes."""

from __future__ import annotations

import base64
import re
import secrets
import socket
import struct
from typing import Self

from pylibsrtp import Policy, Session
from telephony.media.rtp_leg import RtpLeg

_HEADER = struct.Struct("!BBHII")
SUITE = "AES_CM_128_HMAC_SHA1_80"


class RawTrunk:
    """PCMU as type 0, telephone events as 101; SRTP when `encrypted`."""

    def __init__(self, *, encrypted: bool = False) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.setblocking(False)
        self.ssrc = 0x1234
        self._key = secrets.token_bytes(30) if encrypted else b""
        self._tx = self._rx = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def call(self, leg: RtpLeg) -> Self:
        """Be the peer of this leg, which answers."""
        answer = leg.answer(self._describe())
        found = re.search(r"m=audio (\d+)", answer)
        assert found is not None
        self.socket.connect(("127.0.0.1", int(found[1])))
        if self._key:
            theirs = re.search(r"inline:(\S+)", answer)
            assert theirs is not None
            self._tx = Session(Policy(key=self._key, ssrc_type=Policy.SSRC_ANY_OUTBOUND))
            self._rx = Session(Policy(key=base64.b64decode(theirs[1]), ssrc_type=Policy.SSRC_ANY_INBOUND))
        return self

    def packet(self, sequence: int, payload: bytes, *, payload_type: int = 0, first: int = 0x80, **more: int) -> bytes:
        """An RTP packet; its timestamp is where its sequence number says unless another is given."""
        timestamp = more.get("timestamp", sequence * 160)
        head = _HEADER.pack(first, payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, more.get("ssrc", self.ssrc))
        packet = head + payload
        return packet if self._tx is None else self._tx.protect(packet)

    def send(self, datagram: bytes) -> None:
        self.socket.send(datagram)

    def heard(self) -> list[tuple[int, int, int, int, bytes]]:
        """(second byte, sequence, timestamp, SSRC, payload) of all RTP that has come since it was asked last."""
        found: list[tuple[int, int, int, int, bytes]] = []
        while True:
            try:
                datagram = self.socket.recv(2048)
            except BlockingIOError:
                return found
            if 191 < datagram[1] < 224:
                continue
            if self._rx is not None:
                datagram = self._rx.unprotect(datagram)
            _, second, sequence, timestamp, ssrc = _HEADER.unpack_from(datagram)
            found.append((second, sequence, timestamp, ssrc, datagram[_HEADER.size :]))

    def _describe(self) -> str:
        crypto = f"a=crypto:1 {SUITE} inline:{base64.b64encode(self._key).decode()}\r\n" if self._key else ""
        return (
            "v=0\r\no=peer 1 1 IN IP4 127.0.0.1\r\ns=call\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {self.socket.getsockname()[1]} RTP/{'S' if self._key else ''}AVP 0 101\r\n"
            f"a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n{crypto}a=sendrecv\r\n"
        )

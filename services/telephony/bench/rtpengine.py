"""The peer to measure beside: Debian's rtpengine in userspace, started here on loopback and told what to do by its ng
protocol (bencoded dictionaries over UDP, each behind a cookie).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import resource
import secrets
import shutil
import socket
import tempfile
from typing import Any

from load import End
from pylibsrtp import Policy, Session

_SUITE = "AEAD_AES_256_GCM"
"""What aiortc's DTLS negotiates too, so both do the same cipher's work."""
_PROFILE, _KEY_SIZE = Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44
_OPUS, _PCMU = 96, 0


def bencode(value: Any) -> bytes:
    """Strings, integers, lists and dictionaries as ng writes them."""
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%b" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(bencode, value)) + b"e"
    return b"d" + b"".join(bencode(k) + bencode(v) for k, v in sorted(value.items())) + b"e"


def bdecode(data: bytes, at: int = 0) -> tuple[Any, int]:
    """The value that begins at `at`, and where it ends."""
    kind = data[at : at + 1]
    if kind == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1 : end]), end + 1
    if kind in (b"l", b"d"):
        items: list[Any] = []
        at += 1
        while data[at : at + 1] != b"e":
            item, at = bdecode(data, at)
            items.append(item)
        return (items if kind == b"l" else dict(zip(items[::2], items[1::2], strict=True))), at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    return data[colon + 1 : end].decode(), end


def _no_core() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Side:
    """One end of a call by SDP: a socket, and a key of its own when it is to be encrypted.

    Encrypted ones speak Opus as browsers do, plain ones G.711 as trunks do.
    """

    def __init__(self, *, encrypted: bool) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.encrypted = encrypted
        self.key = secrets.token_bytes(_KEY_SIZE)

    @property
    def protocol(self) -> str:
        return "RTP/SAVP" if self.encrypted else "RTP/AVP"

    def sdp(self) -> str:
        port = self.socket.getsockname()[1]
        lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"]
        if self.encrypted:
            lines += [f"m=audio {port} RTP/SAVP {_OPUS}", f"a=rtpmap:{_OPUS} opus/48000/2"]
            lines.append(f"a=crypto:1 {_SUITE} inline:{base64.b64encode(self.key).decode()}")
        else:
            lines += [f"m=audio {port} RTP/AVP {_PCMU}", f"a=rtpmap:{_PCMU} PCMU/8000"]
        return "\r\n".join([*lines, "a=sendrecv", "a=rtcp-mux", ""])

    def end(self, sdp: str) -> End:
        """This side past its set-up, for the load."""
        port = re.search(r"m=audio (\d+)", sdp)
        assert port is not None, sdp
        to = ("127.0.0.1", int(port[1]))
        if not self.encrypted:
            return End(self.socket, to, payload_type=_PCMU, samples=160, payload_size=160)
        crypto = re.search(rf"a=crypto:\d+ {_SUITE} inline:([A-Za-z0-9+/=]+)", sdp)
        assert crypto is not None, sdp
        tx, theirs = _session(self.key, Policy.SSRC_ANY_OUTBOUND), base64.b64decode(crypto[1] + "==")
        return End(self.socket, to, tx, _session(theirs, Policy.SSRC_ANY_INBOUND), _OPUS)


def _session(key: bytes, direction: int) -> Session:
    return Session(Policy(key=key, ssrc_type=direction, srtp_profile=_PROFILE))


class Rtpengine:
    """The running process."""

    def __init__(self, process: asyncio.subprocess.Process, control: tuple[str, int], folder: str) -> None:
        self.process = process
        self._folder = folder
        self._calls: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.connect(control)

    @classmethod
    async def start(cls) -> Rtpengine | None:
        """None where it isn't installed."""
        if shutil.which("rtpengine") is None:
            return None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            control = ("127.0.0.1", free.getsockname()[1])
        folder = tempfile.mkdtemp(prefix="merkez-bench-")
        arguments = [
            "--config-file=none", "--foreground", "--log-stderr", "--log-level=2", "--table=-1",
            "--interface=127.0.0.1", f"--listen-ng={control[0]}:{control[1]}", f"--pidfile={folder}/pid",
            "--port-min=20000", "--port-max=32000", "--timeout=3600", "--silent-timeout=3600",
            f"--recording-dir={folder}", "--recording-method=pcap",
        ]  # fmt: skip
        nowhere = asyncio.subprocess.DEVNULL
        # One that crashes leaves a hundred megabytes of memory where it was started.
        process = await asyncio.create_subprocess_exec(
            "rtpengine", *arguments, stdout=nowhere, stderr=nowhere, cwd=folder, preexec_fn=_no_core
        )
        made = cls(process, control, folder)
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(OSError, TimeoutError):
                    async with asyncio.timeout(0.5):
                        await made.ask(command="ping")
                        return made
                await asyncio.sleep(0.05)

    async def ask(self, **wish: Any) -> dict[str, Any]:
        cookie = secrets.token_hex(8).encode()
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(
            self._socket, cookie + b" " + bencode({k.replace("_", "-"): v for k, v in wish.items()})
        )
        while True:
            found, _, body = (await loop.sock_recv(self._socket, 65_535)).partition(b" ")
            if found == cookie:
                answer: dict[str, Any] = bdecode(body)[0]
                if answer.get("result") not in ("ok", "pong"):
                    raise OSError(f"rtpengine: {answer}")
                return answer

    async def call(self, a: Side, b: Side) -> list[End]:
        """Both ends of one more call. Between Opus and G.711 it transcodes, with its own defaults."""
        name = secrets.token_hex(8)
        more: dict[str, Any] = {"call_id": name, "ICE": "remove", "DTLS": "off", "replace": ["origin"]}
        if a.encrypted or b.encrypted:
            more["SDES"] = [f"only-{_SUITE}"]
        if a.encrypted and not b.encrypted:
            more["codec"] = {"mask": ["all"], "transcode": ["PCMU"]}
        to_b = await self.ask(command="offer", from_tag="a", sdp=a.sdp(), transport_protocol=b.protocol, **more)
        more.pop("codec", None)
        answer = {"from_tag": "a", "to_tag": "b", "transport_protocol": a.protocol}
        to_a = await self.ask(command="answer", sdp=b.sdp(), **answer, **more)
        self._calls.append(name)
        return [a.end(to_a["sdp"]), b.end(to_b["sdp"])]

    async def record(self, on: bool) -> None:
        """Write every call's packets into files, or stop it."""
        for name in self._calls:
            await self.ask(command="start recording" if on else "stop recording", call_id=name)

    async def hang_up(self, kept: int) -> None:
        """End all but the first calls."""
        for name in self._calls[kept:]:
            await self.ask(command="delete", call_id=name, delete_delay=0)
        del self._calls[kept:]

    async def stop(self) -> None:
        self._socket.close()
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

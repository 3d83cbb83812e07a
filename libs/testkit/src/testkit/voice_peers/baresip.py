"""baresip: a softphone standing for an agent's desk phone or a far subscriber. It plays a tone and keeps what it hears.

It is driven by its module ctrl_tcp: commands and events as JSON in netstrings. What it hears is what its decoder gave,
which the module sndfile writes to a file as it comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from testkit.voice_peers.ports import Ports
from testkit.voice_peers.process import PeerFailed, PeerProcess
from testkit.waiting import PATIENCE, eventually
from testkit.webrtc import dominant

_WAV_HEADER = 44
_REGISTERED, _REFUSED = "\x1b[32mOK", "\x1b[31mERR"  # what `reginfo` says, coloured for a terminal
_LONGEST_TEST = 200  # seconds
_CONFIG = """\
poll_method epoll
sip_listen {host}:{port}
{certificate}
{trusts}
net_interface {host}
audio_player aubridge,nobody
audio_source ausine,{tone}
audio_alert aubridge,nobody
ausrc_srate 48000
auplay_srate 48000
ausrc_channels 2
auplay_channels 2
audio_txmode poll
rtp_ports {rtp_low}-{rtp_high}
rtcp_mux no
jitter_buffer_delay 1-5
statmode_default off
call_local_timeout 120
call_max_calls {calls}
module_path {modules}
module g711.so
module opus.so
module ausine.so
module aubridge.so
module sndfile.so
snd_path {folder}/
module srtp.so
module uuid.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {host}:{control}
"""
_LONGEST_PATH = 127
"""Of a recording: baresip 1.0 cuts the rest, silently."""
_MODULES = ("/usr/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules", "/usr/local/lib/baresip/modules")


@dataclass(frozen=True)
class Event:
    """Something baresip told: `type` as in "CALL_ESTABLISHED", `param` what goes with it (a reason, a digit)."""

    type: str
    call_id: str
    peer: str
    param: str


class Baresip(PeerProcess):
    """One phone with one account. `tone` is what its microphone hears, in hertz.

    `registrar` is `host:port` it registers at with `user` and `password`; without one it only takes and makes direct
    calls. `transport` is udp, tcp or tls: then it takes certificates signed by `trusts`, and `certificate` (PEM with
    its key) is needed to be called directly.
    `media` is "" for plain RTP, "srtp" to offer SDES where it may be plain, "srtp-mand" to insist. `answers` is "auto"
    or "manual".
    """

    program = "baresip"

    def __init__(
        self,
        name: str,
        folder: Path,
        ports: Ports,
        *,
        tone: int = 880,
        user: str = "",
        password: str = "",
        registrar: str = "",
        transport: str = "udp",
        codecs: Sequence[str] = ("PCMU", "PCMA"),
        media: str = "",
        answers: str = "auto",
        certificate: Path | None = None,
        trusts: Path | None = None,
        calls: int = 4,
        more: str = "",
    ) -> None:
        super().__init__(name, folder)
        self.user = user or name
        self.host = ports.host
        rtp = ports.take(4 * calls)
        self.port, self.tls_port = ports.take(2)
        self._control = ports.one()
        self.events: list[Event] = []
        self.digits = ""
        self._answers: dict[str, asyncio.Future[str]] = {}
        self._asked = 0
        self._reading: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._forgotten: tuple[Path | None, int] = (None, 0)
        (folder / "config").write_text(
            _CONFIG.format(
                host=self.host, port=self.port, tone=tone, rtp_low=rtp[0], rtp_high=rtp[-1], calls=calls, folder=folder,
                control=self._control, modules=_module_folder(),
                certificate=f"sip_certificate {certificate}" if certificate else "",
                trusts=f"sip_cafile {trusts}" if trusts else "",
            ) + more
        )  # fmt: skip
        account = {"answermode": answers, "mediaenc": media, "audio_codecs": ",".join(codecs)}
        account |= {"regint": "60" if registrar else "0"}
        account |= {"auth_pass": password} if password else {}
        fields = "".join(f";{key}={value}" for key, value in account.items() if value)
        domain = registrar or f"{self.host}:{self.port}"
        (folder / "accounts").write_text(f"<sip:{self.user}@{domain};transport={transport}>{fields}\n")
        (folder / "contacts").write_text("")
        self._record_only_what_it_hears()

    @property
    def address(self) -> str:
        """`host:port` of its signalling over UDP and TCP."""
        return f"{self.host}:{self.port}"

    @property
    def uri(self) -> str:
        """A SIP URI that reaches it directly over UDP."""
        return f"sip:{self.user}@{self.address}"

    async def start(self) -> None:
        """Start it and take its controls. With a registrar, `registered` waits for the registration."""
        self.spawn(["-f", str(self.folder), "-v", "-s"])
        await self.ready(lambda: self.listens(self._control, tcp=True))
        reader, self._writer = await asyncio.open_connection(self.host, self._control)
        self._reading = asyncio.get_running_loop().create_task(self._read(reader))

    async def close(self) -> None:
        """End it; calls are hung up."""
        if self.running and self._writer is not None:
            with contextlib.suppress(PeerFailed, ConnectionError, TimeoutError, AssertionError):
                await self.command("quit", timeout=2.0)
                await self.ended(5.0)
        if self._reading is not None:
            self._reading.cancel()
        if self._writer is not None:
            self._writer.close()
        self.stop()
        for place in self.folder.glob("dump-*-enc.wav"):
            if place.is_dir():
                place.rmdir()
            else:  # of a call later than the longest test
                place.unlink()

    # -- what a person does --------------------------------------------------------------------------------

    async def command(self, name: str, parameters: str = "", *, timeout: float = PATIENCE) -> str:
        """Give a command of baresip's menu ("reginfo", "hold", ...); its answer. Raises `PeerFailed` if refused."""
        assert self._writer is not None, f"{self.name} was not started"
        self._asked += 1
        token = str(self._asked)
        self._answers[token] = asyncio.get_running_loop().create_future()
        line = json.dumps({"command": name, "params": parameters, "token": token}).encode()
        self._writer.write(b"%d:%s," % (len(line), line))
        return await asyncio.wait_for(self._answers[token], timeout)

    async def registered(self, timeout: float = PATIENCE) -> None:
        """Wait until the registrar took it. Raises `PeerFailed` with the messages when it refused or was silent."""

        async def answered() -> str | None:
            status = await self.command("reginfo")
            return next((mark for mark in (_REGISTERED, _REFUSED) if mark in status), None)

        try:
            taken = await eventually(answered, deadline=timeout) == _REGISTERED
        except AssertionError:
            taken = False
        if not taken:
            raise PeerFailed(f"{self.name} could not register\n{self.tail()}")

    async def dial(self, uri: str, *, timeout: float = PATIENCE) -> Event:
        """Call somebody and wait until it's answered. Raises `PeerFailed` with the far side's reason."""
        before = len(self.events)
        await self.command("dial", uri)
        event = await self.sees("CALL_ESTABLISHED", "CALL_CLOSED", since=before, timeout=timeout)
        if event.type != "CALL_ESTABLISHED":
            raise PeerFailed(f"{self.name}'s call to {uri} failed: {event.param}")
        return event

    async def rings(self, timeout: float = PATIENCE) -> Event:
        """Wait until somebody calls."""
        return await self.sees("CALL_INCOMING", timeout=timeout)

    async def answer(self) -> None:
        """Answer the call that rings and wait until it stands."""
        before = len(self.events)
        await self.command("accept")
        await self.sees("CALL_ESTABLISHED", since=before)

    async def hang_up(self) -> None:
        """End the current call, or refuse the one that rings."""
        await self.command("hangup")

    async def press(self, digits: str) -> None:
        """Send digits in the call by telephone events (RFC 4733), one after the other."""
        for digit in digits:
            await self.command("sndcode", digit)

    async def hold(self) -> None:
        """Put the current call on hold by re-INVITE."""
        await self.command("hold")

    async def resume(self) -> None:
        """Take it back."""
        await self.command("resume")

    async def transfer(self, uri: str) -> None:
        """Transfer the current call blindly (REFER)."""
        await self.command("transfer", uri)

    # -- what it saw and heard -----------------------------------------------------------------------------

    async def sees(self, *types: str, since: int = 0, timeout: float = PATIENCE) -> Event:
        """The first event of one of these types after the `since`-th, waited for if need be."""

        def found() -> Event | None:
            return next((event for event in self.events[since:] if event.type in types), None)

        return await eventually(found, deadline=timeout)

    async def hears(self, frequency: float, *, timeout: float = PATIENCE, tolerance: float = 15.0) -> float:
        """Wait until `frequency` is the loudest thing in the last 200 ms it heard; seconds that took."""
        started = time.monotonic()
        found: list[float] = []
        while time.monotonic() - started < timeout:
            found = self.frequencies(seconds=0.2)
            if found and abs(found[0] - frequency) <= tolerance:
                return time.monotonic() - started
            await asyncio.sleep(0.02)
        raise TimeoutError(f"{self.name} heard {found} Hz in place of {frequency} Hz")

    async def hears_nothing(self, *, seconds: float = 0.4, timeout: float = PATIENCE) -> None:
        """Wait until what comes is silent, or nothing comes, for `seconds`."""
        quiet_since, size = time.monotonic(), -1
        end = quiet_since + timeout
        while (now := time.monotonic()) < end:
            path = self._recording()
            grown = path.stat().st_size if path else 0
            if grown != size and self.frequencies(seconds=0.2):
                quiet_since = now
            size = grown
            if now - quiet_since >= seconds:
                return
            await asyncio.sleep(0.02)
        raise TimeoutError(f"{self.name} still heard {self.frequencies(seconds=0.2)} Hz")

    def frequencies(self, *, seconds: float = 1.0, count: int = 1) -> list[float]:
        """The loudest frequencies of the last `seconds` it heard; [] while there is less, or silence."""
        samples, rate = self.samples()
        wanted = int(seconds * rate)
        return dominant(samples[-wanted:], count, rate=rate) if rate and len(samples) >= wanted else []

    def samples(self) -> tuple[NDArray[np.float32], int]:
        """All it heard in its newest call or since the last hold, after `forget`: one channel, and the samples per
        second (0: nothing yet).
        """
        path = self._recording()
        if path is None or path.stat().st_size <= _WAV_HEADER:
            return np.zeros(0, np.float32), 0
        data = path.read_bytes()
        channels, rate = int.from_bytes(data[22:24], "little"), int.from_bytes(data[24:28], "little")
        forgotten = self._forgotten[1] if self._forgotten[0] == path else 0
        start = forgotten if _WAV_HEADER < forgotten <= len(data) else _WAV_HEADER
        pcm = np.frombuffer(data[start : start + (len(data) - start) // (2 * channels) * 2 * channels], np.int16)
        return (pcm[::channels] / np.float32(32768)).astype(np.float32), rate

    def forget(self) -> None:
        """Start listening anew."""
        path = self._recording()
        self._forgotten = (path, path.stat().st_size if path else 0)

    def _record_only_what_it_hears(self) -> None:
        # baresip 1.0 drops its receiving filters at a hold, and puts filters back only where there are none at all. So
        # sndfile must not have a sending one: its file for that, named by the second, can't be opened.
        now = int(time.time())
        for second in range(now, now + _LONGEST_TEST):
            (self.folder / time.strftime("dump-%Y-%m-%d-%H-%M-%S-enc.wav", time.gmtime(second))).mkdir()

    def _recording(self) -> Path | None:
        if len(f"{self.folder}//dump-2026-01-31-09-30-00-dec.wav") > _LONGEST_PATH:
            raise PeerFailed(f"baresip would cut the name of what it records in {self.folder}: give shorter names")
        # A new one at each call and each time a hold ends.
        return max(self.folder.glob("dump-*-dec.wav"), default=None, key=lambda path: path.stat().st_mtime_ns)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int((await reader.readuntil(b":"))[:-1])
                self._take(json.loads((await reader.readexactly(length + 1))[:-1]))

    def _take(self, said: dict[str, Any]) -> None:
        if said.get("event"):
            event = Event(said.get("type", ""), said.get("id", ""), said.get("peeruri", ""), said.get("param", ""))
            self.events.append(event)
            if event.type == "CALL_DTMF_START":
                self.digits += event.param
            return
        waiting = self._answers.pop(said.get("token", ""), None)
        if waiting is None or waiting.done():
            return
        if said.get("ok"):
            waiting.set_result(said.get("data", ""))
        else:
            waiting.set_exception(PeerFailed(f"{self.name} refused: {said.get('data', '').strip()}"))


def _module_folder() -> str:
    # Where Debian puts them, and where a build from source does.
    for folder in _MODULES:
        if Path(folder).is_dir():
            return folder
    raise PeerFailed("baresip's modules are missing: run `bash infra/local/peers.sh` as root")

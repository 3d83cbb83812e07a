"""What a joined call costs, and how much later a packet arrives because of us.

`python services/telephony/bench/bench_media.py [calls] [seconds]` prints one JSON object a line. The measured process
does nothing but media; this one makes the load: real ICE and DTLS, then SRTP packets paced at 50 a second and
direction, each carrying its time of sending, every one received again, decrypted and compared.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import struct
import sys
import time
from typing import Any

import numpy as np
from pylibsrtp import Error
from testkit.webrtc import Peer

_HEADER = struct.Struct("!BBHII")
_STAMP = struct.Struct("!dI")
_FILL = b"\x55" * 60
_GOAL_CPU_MS = 2.2
_GOAL_DELAY_MS = 0.5
_GOAL_SETUP_MS = 5.0


def line(metric: str, value: float | None, unit: str, goal: float | None, better: str = "lower", **more: Any) -> None:
    """One line in the house's format."""
    meets = None if goal is None or value is None else (value <= goal if better == "lower" else value >= goal)
    shown = None if value is None else round(value, 3)
    print(
        json.dumps(
            {"metric": metric, "value": shown, "unit": unit, "goal": goal, "better": better, "meets": meets, **more}
        )
    )


class Server:
    """The measured process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls) -> Server:
        script = __file__.replace("bench_media.py", "media_server.py")
        process = await asyncio.create_subprocess_exec(
            sys.executable, script, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20
        )
        return cls(process)

    async def ask(self, **wish: Any) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(wish).encode() + b"\n")
        return json.loads(await self._process.stdout.readline())

    async def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await asyncio.wait_for(self._process.wait(), 10)


class Load:
    """One browser's stand-in, past its set-up: no codec, no aiortc, just packets."""

    def __init__(self, peer: Peer, delays: list[float]) -> None:
        transport: Any = peer._sender.transport
        self._tx, self._rx = transport._tx_srtp, transport._rx_srtp
        pair = transport.transport._connection._nominated[1]
        self._send = pair.protocol.transport.sendto
        self._address = pair.remote_addr
        self._ssrc = peer._sender._ssrc
        self._sequence = 40_000
        self._delays = delays
        self._protocol = pair.protocol
        self._stock = pair.protocol.datagram_received
        pair.protocol.datagram_received = self._arrived
        self.sent = self.received = self.wrong = 0

    def send(self) -> None:
        self._sequence = (self._sequence + 1) & 0xFFFF
        head = _HEADER.pack(0x80, 96, self._sequence, self._sequence * 960 & 0xFFFFFFFF, self._ssrc)
        payload = _STAMP.pack(time.perf_counter(), self._sequence) + _FILL
        self._send(self._tx.protect(head + payload), self._address)
        self.sent += 1

    def _arrived(self, data: bytes, address: Any) -> None:
        if not 127 < data[0] < 192 or 191 < data[1] < 224:
            self._stock(data, address)
            return
        now = time.perf_counter()
        try:
            plain = self._rx.unprotect(data)
        except Error:
            self.wrong += 1
            return
        sent, _ = _STAMP.unpack_from(plain, 12)
        if plain[12 + _STAMP.size :] != _FILL:
            self.wrong += 1
        self.received += 1
        self._delays.append(now - sent)


async def connect(server: Server, count: int) -> list[Peer]:
    """Set up `count` legs, one after the other, with microphones that say nothing."""
    peers = []
    for _ in range(count):
        peer = Peer(None)

        async def silent(codec: Any, sender: Any = peer._sender) -> None:
            sender._RTCRtpSender__rtp_started.set()
            try:
                await asyncio.Event().wait()
            finally:
                sender._RTCRtpSender__rtp_exited.set()

        peer._sender._run_rtp = silent
        answer = await server.ask(do="answer", sdp=await peer.offer())
        await peer.accept(answer["sdp"])
        peers.append(peer)
    return peers


async def pace(loads: list[Load], seconds: float) -> None:
    """Every load sends every 20 ms, spread evenly over the 20 ms."""
    loop = asyncio.get_running_loop()
    began, slots = loop.time(), 20
    for tick in range(int(seconds * 50 * slots)):
        for load in loads[tick % slots :: slots]:
            load.send()
        due = began + (tick + 1) * 0.02 / slots
        # Also when late: what has arrived must be read, or it waits here and counts as delay.
        await asyncio.sleep(max(0.0, due - loop.time()))


async def measure(server: Server, loads: list[Load], delays: list[float], calls: int, seconds: float) -> float:
    """CPU milliseconds per call-second."""
    await pace(loads, 1.0)
    delays.clear()
    before, began = (await server.ask(do="cpu"))["cpu"], time.monotonic()
    await pace(loads, seconds)
    used, passed = (await server.ask(do="cpu"))["cpu"] - before, time.monotonic() - began
    return used / passed / calls * 1000


async def main(calls: int, seconds: float) -> None:
    server = await Server.start()
    idle = (await server.ask(do="cpu"))["cpu"]
    began = time.monotonic()
    peers = await connect(server, calls * 2)
    setup_cpu = (await server.ask(do="cpu"))["cpu"] - idle
    line("media_setup_cpu_per_leg", setup_cpu / len(peers) * 1000, "ms", _GOAL_SETUP_MS)
    line("media_setup_wall_per_leg", (time.monotonic() - began) / len(peers) * 1000, "ms", None)
    connected = (await server.ask(do="join"))["connected"]
    delays: list[float] = []
    loads = [Load(peer, delays) for peer in peers]
    cpu = await measure(server, loads, delays, calls, seconds)
    await asyncio.sleep(0.2)
    sent, received = sum(load.sent for load in loads), sum(load.received for load in loads)
    line("joined_call_cpu_per_call_second", cpu, "ms", _GOAL_CPU_MS, calls=calls, legs_connected=connected)
    line("joined_calls_per_core_at_80_percent", 800 / cpu, "calls", 600, "higher", calls=calls)
    milliseconds = np.array(delays) * 1000
    note = "loopback, load generator's own turn included"
    line("forwarding_delay_p50", float(np.percentile(milliseconds, 50)), "ms", None, note=note)
    line("forwarding_delay_p99", float(np.percentile(milliseconds, 99)), "ms", _GOAL_DELAY_MS, note=note)
    line("forwarding_lost", float(sent - received), "packets", 0, sent=sent)
    line("forwarding_wrong", float(sum(load.wrong for load in loads)), "packets", 0)
    await server.ask(do="tap")
    tapped = await measure(server, loads, delays, calls, max(2.0, seconds / 2))
    line("recording_tap_cpu_share", (tapped / cpu - 1) * 100, "%", 5)
    if shutil.which("rtpengine") is None:
        line("rtpengine_call_cpu_per_call_second", None, "ms", None, note="rtpengine is not installed")
    await asyncio.gather(*(peer.close() for peer in peers))
    await server.stop()


if __name__ == "__main__":
    arguments = sys.argv[1:]
    asyncio.run(main(int(arguments[0]) if arguments else 60, float(arguments[1]) if len(arguments) > 1 else 8.0))

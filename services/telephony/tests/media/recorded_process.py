"""A process that records one call of two, and is killed: run by test_tails.

`python recorded_process.py <folder> <way> <keyset>` prints a line for each packet that has gone on to the listener:
"heard <n>", from 0, one each 20 ms. `way` is lane, or python where each packet is put down from Python.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from pathlib import Path

from chassis.lifecycle import Tasks
from raw_trunk import RawTrunk
from telephony.media.codecs import PCMU
from telephony.media.plane import MediaPlane, MediaSettings, host_addresses
from telephony.media.recorder import Recording
from telephony.media.rtp_leg import RtpLeg
from telephony.media.sealing import RecordingKey
from telephony.media.sip_sdp import SdpPolicy
from telephony.media.spool import Spool
from telephony.media.tracks import Source
from test_tails import CUSTOMER, RECORDING, TENANT, payload_of


async def never(*_: object) -> None:
    """Recording is away."""
    await asyncio.Event().wait()


def talk(speaker: RawTrunk, listener: RawTrunk) -> None:
    """Say one packet after the other, and what was heard of them, whatever the event loop does."""
    listener.socket.settimeout(0)
    for number in range(10_000):
        speaker.send(speaker.packet(number, payload_of(number)))
        time.sleep(0.02)
        for *_, payload in listener.heard():
            print("heard", int.from_bytes(payload[:4], "big"), flush=True)


async def main(folder: Path, way: str, keyset: bytes) -> None:
    async with Tasks("a life") as tasks:
        settings = MediaSettings(host_addresses("127.0.0.1"), lanes=way == "lane")
        plane = MediaPlane(settings, lambda work: tasks.spawn(work, "media"))
        spool = Spool(folder, never, never, tasks.spawn, print)  # type: ignore[arg-type]
        recording = Recording(TENANT, asyncio.get_running_loop())
        spool.begin(TENANT, RECORDING)
        recording.open(
            RecordingKey(RECORDING, keyset), lambda entries: spool.keep(TENANT, RECORDING, entries), spool.tails
        )
        legs: list[RtpLeg] = []
        with RawTrunk() as speaker, RawTrunk() as listener:
            for trunk in (speaker, listener):
                legs.append(plane.rtp(SdpPolicy(codecs=(PCMU,), srtp="never"), toward="127.0.0.1"))
                trunk.call(legs[-1])
            listener.send(listener.packet(60_000, bytes(160), ssrc=0x9999))
            legs[0].forward_to = legs[1].outbound
            legs[0].tap = recording.tap(CUSTOMER, Source("customer"))
            threading.Thread(target=talk, args=(speaker, listener), daemon=True).start()
            while True:
                await asyncio.sleep(0.1)
                plane.enter_lanes()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], bytes.fromhex(sys.argv[3])))

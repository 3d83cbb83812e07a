"""Lanes and gathered legs come and go while datagrams of every kind pour in: run under a sanitizer by test_lanes.

`python lanes_storm.py <folder with _lanes compiled> <seed> <seconds>`; prints how many lanes and packets there were.
"""

from __future__ import annotations

import asyncio
import importlib.util
import random
import sys
import tempfile
import threading
import time
from pathlib import Path


def _use(folder: Path) -> None:
    """Take the C part from there, before telephony takes its own."""
    (path,) = folder.glob("_lanes*.so")
    spec = importlib.util.spec_from_file_location("telephony.media._lanes", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[spec.name] = module
    import telephony.media

    telephony.media._lanes = module  # type: ignore[attr-defined]


async def storm(seed: int, seconds: float) -> tuple[int, int]:
    from chassis.lifecycle import Tasks
    from raw_trunk import RawTrunk
    from telephony.media import voice_leg
    from telephony.media.codecs import PCMU
    from telephony.media.decoding import Decoding
    from telephony.media.plane import MediaPlane, MediaSettings, host_addresses
    from telephony.media.sealing import plain_key
    from telephony.media.sip_sdp import SdpPolicy
    from telephony.media.tails import Tails
    from telephony.media.tracks import Key, Track
    from tink import aead, new_keyset_handle, proto_keyset_format, secret_key_access

    keyset = proto_keyset_format.serialize(
        new_keyset_handle(aead.aead_key_templates.AES256_GCM), secret_key_access.TOKEN
    )
    tails = Tails(Path(tempfile.mkdtemp()), "storm", print)
    key = Key("ten_a", "rec_a", keyset, plain_key(keyset), tails)
    voice_leg._LANE_PAUSE = 0.0
    rng, tasks = random.Random(seed), Tasks("media")
    plane = MediaPlane(MediaSettings(host_addresses("127.0.0.1")), lambda work: tasks.spawn(work, "media"))
    stop, lanes, packets = threading.Event(), 0, 0
    pairs: list[tuple[RawTrunk, RawTrunk]] = []

    def pour(kind: random.Random) -> None:
        """What peers and strangers send, from a thread of its own."""
        sequence = 0
        while not stop.is_set():
            sequence += 1
            for trunk in [one for pair in list(pairs) for one in pair]:
                try:
                    if kind.random() < 0.1:
                        trunk.send(
                            trunk.packet(sequence, kind.randbytes(60), first=kind.choice([0x90, 0xA0, 0xBF, 0x8F]))
                        )
                    elif kind.random() < 0.9:
                        trunk.send(trunk.packet(sequence, b"v" * kind.choice([1, 20, 160, 1300])))
                    else:
                        head = bytes(
                            [kind.choice([0x80, 0x90, 0xBF, 0xB0, 0xA0, 0, 22, 255]), kind.choice([0, 200, 101])]
                        )
                        trunk.send(head + kind.randbytes(kind.choice([0, 1, 10, 12, 40, 1500, 1900])))
                except Exception:  # the trunk is closed by now, or libsrtp won't encrypt this
                    continue
            time.sleep(0.0005)

    def make(*, encrypted: bool):
        trunk = RawTrunk(encrypted=encrypted)
        leg = plane.rtp(SdpPolicy(codecs=(PCMU,), srtp="require" if encrypted else "never"), toward="127.0.0.1")
        trunk.call(leg)
        return trunk, leg

    talking = threading.Thread(target=pour, args=(random.Random(seed + 1),))
    talking.start()
    taken: list[int] = []
    wanted: object = None
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        (a, leg), (b, other) = (make(encrypted=rng.random() < 0.5) for _ in range(2))
        pairs.append((a, b))
        leg.forward_to, other.forward_to = other.outbound, leg.outbound
        for _ in range(rng.randint(5, 60)):
            await asyncio.sleep(0.001)
            plane.enter_lanes()
            lanes += leg._lane is not None
            match rng.randint(0, 9):
                case 0:
                    leg.muted = not leg.muted
                case 1:
                    leg.tap = None if leg.tap else rng.choice([lambda *_: taken.append(1), Track("customer", 0.0)])
                    wanted = leg.tap
                    if isinstance(wanted, Track) and rng.random() < 0.8:
                        list(wanted.open(key))
                case 2:
                    other.report()
                case 3:
                    leg.forward_to = rng.choice([None, other.outbound, Decoding(PCMU, 8_000)])
                case 4:
                    other.send_digits("1")
                case 5 if isinstance(wanted, Track):
                    list(wanted.segments())
                    if rng.random() < 0.2:
                        wanted.end()
                case 6:
                    time.sleep(0.003)  # noqa: ASYNC251  the event loop stands still
        packets += other.statistics().packets_sent
        if rng.random() < 0.3:
            a.socket.close()
        await plane.close_leg(leg)
        await plane.close_leg(other)
        pairs.remove((a, b))
        a.socket.close()
        b.socket.close()
    stop.set()
    talking.join()
    await plane.close()
    await tasks.close()
    return lanes, packets


if __name__ == "__main__":
    _use(Path(sys.argv[1]))
    sys.path.insert(0, str(Path(__file__).parent))
    print(*asyncio.run(storm(int(sys.argv[2]), float(sys.argv[3]))))

"""What sound costs where packets can't be passed on as they are: decoding, encoding, transcoding, mixing.

`python services/telephony/bench/bench_sound.py [seconds] [runs]` prints one JSON object a line. Times are CPU time of
this process (time.process_time), so other processes beside it matter little; each figure is the best of three runs.
Real codecs, real rooms; packets are handed over in memory, so what sockets and SRTP cost comes on top.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from time import process_time

import numpy as np
from server import line
from telephony.media.clips import Clip
from telephony.media.codecs import OPUS, PCMA, PCMU, Codec, OpusDecoder, OpusEncoder, g711_decode, g711_encode
from telephony.media.encoding import COMPLEXITIES
from telephony.media.media_leg import LegStatistics
from telephony.media.resampling import Doubler, Halver
from telephony.media.room import Ear, Room
from telephony.media.rtp import HEADER_SIZE, PACKET, Outbound
from telephony.media.stretching import lengthened, shortened
from telephony.media.ticker import Tick, Ticker
from telephony.media.voice_leg import VoiceLeg

_SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 10
_RUNS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
_FRAMES = 500


def voice(rate: int, frames: int, seed: int = 1) -> np.ndarray:
    """Something as busy as a voice: a gliding harmonic sound with noise and pauses."""
    time = np.arange(frames * rate // 50) / rate
    pitch = 2 * np.pi * np.cumsum(130 + 40 * np.sin(2 * np.pi * 0.7 * time + seed)) / rate
    sound = sum(np.sin(k * pitch) / k for k in range(1, 12))
    noise = np.random.default_rng(seed).normal(0, 0.2, len(time))
    loud = np.clip(np.sin(2 * np.pi * 1.5 * time + seed) + 0.6, 0, 1)
    return (5000 * loud * (sound + noise)).astype(np.int16)


def microseconds(work: Callable[[int], object]) -> float:
    """CPU time of one of `work(0..)`, the best of some runs."""
    best = float("inf")
    for _ in range(_RUNS):
        begun = process_time()
        for number in range(_FRAMES):
            work(number)
        best = min(best, process_time() - begun)
    return best / _FRAMES * 1e6


def frames_cost() -> None:
    """Each step alone, for one frame of 20 ms."""
    for rate, decode_goal, encode_goal in ((8_000, 22, 40), (16_000, 30, 75), (48_000, 33, None)):
        sound = np.split(voice(rate, _FRAMES), _FRAMES)
        browser = OpusEncoder(48_000, 9, 32_000)
        packets = [browser.encode(frame) for frame in np.split(voice(48_000, _FRAMES), _FRAMES)]
        decoder = OpusDecoder(rate)
        line(f"opus_decode_{rate}", microseconds(lambda n, d=decoder, p=packets: d.decode(p[n])), "us", decode_goal)
        for complexity in (0, 1, 5):
            encoder = OpusEncoder(rate, complexity)
            cost = microseconds(lambda n, e=encoder, s=sound: e.encode(s[n]))
            goal = encode_goal if complexity == COMPLEXITIES.get(rate) else None
            line(f"opus_encode_{rate}", cost, "us", goal, complexity=complexity)
        line(f"opus_conceal_{rate}", microseconds(lambda n, d=decoder: d.conceal()), "us", None)
    sound = np.split(voice(8_000, _FRAMES), _FRAMES)
    octets = [g711_encode(PCMU, frame) for frame in sound]
    line("g711_decode", microseconds(lambda n: g711_decode(PCMU, octets[n])), "us", 3)
    line("g711_encode", microseconds(lambda n: g711_encode(PCMU, sound[n])), "us", 3)
    doubler, halver = Doubler(), Halver()
    wide = np.split(voice(16_000, _FRAMES), _FRAMES)
    line("double_rate", microseconds(lambda n: doubler.doubled(sound[n])), "us", None)
    line("halve_rate", microseconds(lambda n: halver.halved(wide[n])), "us", None)
    pairs = np.split(voice(8_000, _FRAMES * 2, 2), _FRAMES)
    line("shorten", microseconds(lambda n: shortened(pairs[n], 8_000, least_likeness=-1.0)), "us", None)
    line("lengthen", microseconds(lambda n: lengthened(pairs[n], 8_000)), "us", None)


class Beat(Ticker):
    """The ticker, turned by the bench as fast as it can."""

    def __init__(self) -> None:
        super().__init__()
        self.ticks: list[Tick] = []

    def add(self, tick: Tick) -> None:
        self.ticks.append(tick)

    def remove(self, tick: Tick) -> None:
        self.ticks.remove(tick)


class Talker(VoiceLeg):
    """A leg without a network: its packets were made beforehand, what it hears is counted."""

    def __init__(self, beat: Ticker, codec: Codec, seed: int) -> None:
        super().__init__(Outbound(111, self._take, codec), beat)
        self.octets = 0
        self._sequence = 0
        sound = np.split(voice(codec.clock_rate, _FRAMES, seed), _FRAMES)
        browser = OpusEncoder(48_000, 9, 32_000)
        self._packets = [browser.encode(frame) if codec is OPUS else g711_encode(codec, frame) for frame in sound]

    def _take(self, length: int) -> None:
        self.octets += length

    def statistics(self) -> LegStatistics:
        return LegStatistics(0, 0, 0.0, 0, 0.0, None, 0, 0, 0.0)

    def speak(self) -> None:
        payload = self._packets[self._sequence % _FRAMES]
        self._sequence += 1
        length = HEADER_SIZE + len(payload)
        PACKET[HEADER_SIZE:length] = payload
        timestamp = self._sequence * self.codec.frame_samples & 0xFFFFFFFF
        if self.tap is not None:
            self.tap(self, timestamp, payload)
        if self.forward_to is not None:
            self.forward_to.forward(self, self._sequence & 0xFFFF, timestamp, length)


def room_cost(codecs: Sequence[Codec], seconds: int, *, recorded: bool = False, lost: int = 0) -> float:
    """CPU milliseconds a second of one room in which all hear all; one packet in `lost` is missing."""
    beat = Beat()
    room = Room(beat)
    talkers = [Talker(beat, codec, seed) for seed, codec in enumerate(codecs)]
    names = frozenset(str(number) for number in range(len(talkers)))
    for number, talker in enumerate(talkers):
        room.attach(str(number), talker)
        if recorded:
            room.member(str(number)).tap = lambda _source, _timestamp, _payload: None
    room.arrange({name: Ear(names - {name}) for name in names})
    best = float("inf")
    for _ in range(_RUNS):
        begun = process_time()
        for frame in range(seconds * 50):
            for talker in talkers:
                if lost and (frame + talker._sequence) % lost == 0:
                    talker._sequence += 1
                    continue
                talker.speak()
            for tick in beat.ticks:
                tick()
        best = min(best, process_time() - begun)
    assert all(talker.octets for talker in talkers), "somebody heard nothing"
    room.close()
    return best / seconds * 1000


def rooms_cost(seconds: int) -> None:
    unit = "ms CPU a call-second"
    line("room_forwarded", room_cost([OPUS, OPUS], seconds), unit, None)
    line("room_mu_law_a_law", room_cost([PCMU, PCMA], seconds), unit, None)
    line("room_transcoded", room_cost([OPUS, PCMU], seconds), unit, 5)
    line("room_transcoded_lossy", room_cost([OPUS, PCMU], seconds, lost=20), unit, None, loss=0.05)
    line("room_transcoded_recorded", room_cost([OPUS, PCMU], seconds, recorded=True), unit, None)
    line("room_three_parties_8k", room_cost([OPUS, PCMU, PCMU], seconds), unit, 11)
    line("room_three_parties_16k", room_cost([OPUS, OPUS, OPUS], seconds), unit, 11)
    line("room_three_parties_g711", room_cost([PCMU, PCMU, PCMU], seconds), unit, None)
    line("room_eight_parties_16k", room_cost([OPUS] * 6 + [PCMU] * 2, seconds), unit, None)


def announcement_cost(seconds: int) -> None:
    """Words over music to one listener."""
    beat = Beat()
    room = Room(beat)
    talker = Talker(beat, OPUS, 1)
    room.attach("caller", talker)
    encoder = OpusEncoder(48_000, 9, 32_000)
    clip = Clip(tuple(encoder.encode(frame) for frame in np.split(voice(48_000, _FRAMES), _FRAMES)))
    room.arrange({"caller": Ear(sound=(clip,))})
    room.announce("caller", [clip] * (seconds * 50 * _RUNS // _FRAMES + 2))
    best = float("inf")
    for _ in range(_RUNS):
        begun = process_time()
        for _ in range(seconds * 50):
            for tick in beat.ticks:
                tick()
        best = min(best, process_time() - begun)
    line("announcement_over_music", best / seconds * 1000, "ms CPU a second", None)


async def main() -> None:
    frames_cost()
    rooms_cost(_SECONDS)
    announcement_cost(_SECONDS)


if __name__ == "__main__":
    asyncio.run(main())

"""Sound through bad networks: what is lost is concealed, nothing is kept waiting for longer than it must.

A network is a list of arrivals; time is the test's. Delay is measured at the ear: how long ago what is heard was said.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from telephony.media.codecs import OPUS, PCMU, Codec, OpusEncoder, g711_encode, opus_carries_recovery
from telephony.media.decoding import Decoding
from telephony.media.jitter import MAX_FRAMES, Find, JitterBuffer
from telephony.media.rtp import HEADER_SIZE, PACKET

from .parties import tones, voice

FRAME = 0.02


@dataclass(frozen=True)
class Arrival:
    at: float
    number: int
    source: int = 0


def network(
    seconds: float, delay: Callable[[int], float | None], *, drift: float = 0.0, start: float = 0.0
) -> list[Arrival]:
    """Packets sent every 20 ms of a clock that is fast by `drift`; `delay` in seconds of each, None when it is lost."""
    sent = ((number, start + number * FRAME / (1 + drift)) for number in range(int(seconds / FRAME)))
    return [Arrival(at + late, number) for number, at in sent if (late := delay(number)) is not None]


class Ear:
    """Hears through a `Decoding`; its beat is 7 ms off the packets'."""

    def __init__(self, codec: Codec = PCMU, payloads: Callable[[int], bytes] | None = None) -> None:
        self.codec = codec
        self.decoding = Decoding(codec, 8_000)
        self.frames: list[np.ndarray] = []
        self.delays: list[float] = []
        self._payloads = payloads or (lambda number: codec.silence)
        self._sources = [object(), object()]

    def listen(self, arrivals: Iterable[Arrival], seconds: float, *, drift: float = 0.0) -> Ear:
        waiting = sorted(arrivals, key=lambda arrival: arrival.at)
        begun = len(self.frames)
        for tick in range(begun, begun + int(seconds / FRAME)):
            now = tick * FRAME + 0.007
            while waiting and waiting[0].at <= now:
                self._deliver(waiting.pop(0))
            frame = self.decoding.frame()
            self.frames.append(np.zeros(160, np.int16) if frame is None else frame.copy())
            buffer = self.decoding.buffer
            position = (buffer._next - buffer.held) / self.codec.clock_rate - FRAME
            self.delays.append(now - (position - 65_000 * FRAME) / (1 + drift))
        return self

    def _deliver(self, arrival: Arrival) -> None:
        payload = self._payloads(arrival.number)
        PACKET[HEADER_SIZE : HEADER_SIZE + len(payload)] = payload
        sequence = 65_000 + arrival.number
        timestamp = sequence * self.codec.frame_samples & 0xFFFFFFFF
        self.decoding.forward(self._sources[arrival.source], sequence & 0xFFFF, timestamp, HEADER_SIZE + len(payload))

    @property
    def made_up(self) -> int:
        return self.decoding.concealed


def noise(number: int) -> bytes:
    """A packet that sounds like no other."""
    return g711_encode(PCMU, np.random.default_rng(number).normal(0, 4000, 160).astype(np.int16))


def test_on_a_good_network_nothing_is_made_up_and_little_waits() -> None:
    ear = Ear().listen(network(20, lambda _: 0.03), 20)
    assert ear.made_up == 0
    assert max(ear.delays[10:]) <= 0.03 + 2 * FRAME


def test_what_is_heard_is_what_was_said() -> None:
    ear = Ear(payloads=noise).listen(network(4, lambda _: 0.0), 4)
    whole = np.concatenate(ear.frames).tobytes()
    for number in range(10, 150):
        said = Ear(payloads=noise)
        said._deliver(Arrival(0, number))
        said.decoding.frame()
        frame = said.decoding.frame()
        assert frame is not None and frame.tobytes() in whole


def test_after_one_lost_packet_there_is_no_more_delay_than_before() -> None:
    ear = Ear().listen(network(6, lambda number: None if number == 100 else 0.0), 6)
    assert ear.made_up == 1
    assert ear.delays[95] == pytest.approx(ear.delays[110], abs=1e-9) == ear.delays[-1]


def test_a_packet_that_comes_late_is_heard_late_and_the_delay_is_soon_gone() -> None:
    ear = Ear().listen(network(10, lambda number: 0.1 if number == 100 else 0.0), 10)
    assert max(ear.delays) <= 0.16
    assert ear.delays[-1] <= 2 * FRAME


def test_after_a_stall_everything_is_heard_and_the_delay_is_gone_in_four_seconds() -> None:
    def stalled(number: int) -> float:
        return max(0.0, (108 - number) * FRAME) if 100 <= number < 108 else 0.0

    ear = Ear().listen(network(8, stalled), 8)
    assert ear.decoding.buffer.late == 0
    assert max(ear.delays) <= 0.2 + 2 * FRAME
    assert max(ear.delays[-100:]) <= 2 * FRAME


def test_the_delay_of_a_stall_goes_away_in_speech_too() -> None:
    packets = [g711_encode(PCMU, frame) for frame in np.split(voice(8_000, 600), 600)]
    ear = Ear(payloads=lambda number: packets[number])
    ear.listen(network(12, lambda number: (140 - number) * FRAME if 132 <= number < 140 else 0.0), 12)
    assert max(ear.delays[140:]) > 0.15
    assert max(ear.delays[350:]) <= 3 * FRAME
    assert np.abs(np.diff(np.concatenate(ear.frames).astype(int))).max() < 12_000


def test_after_a_long_stall_no_more_than_a_fifth_of_a_second_waits() -> None:
    def stalled(number: int) -> float:
        return max(0.0, (140 - number) * FRAME) if 100 <= number < 140 else 0.0

    ear = Ear().listen(network(10, stalled), 10)
    assert max(ear.delays[145:]) <= MAX_FRAMES * FRAME + 2 * FRAME
    assert max(ear.delays[-100:]) <= 2 * FRAME


@pytest.mark.parametrize("spread", [0.02, 0.04, 0.08])
def test_steady_jitter_is_waited_for_and_no_longer(spread: float) -> None:
    dice = random.Random(5)
    arrivals = network(30, lambda _: dice.uniform(0, spread))
    ear = Ear().listen(arrivals, 30)
    heard_late = ear.made_up / 1500
    assert heard_late < 0.03
    assert np.median(ear.delays[250:]) <= spread + 2.5 * FRAME


@pytest.mark.parametrize("drift", [-1000e-6, -200e-6, 200e-6, 1000e-6])
def test_a_sender_with_another_clock_is_followed(drift: float) -> None:
    dice = random.Random(3)
    arrivals = network(120, lambda _: dice.uniform(0, 0.005), drift=drift)
    ear = Ear().listen(arrivals, 118, drift=drift)
    assert max(ear.delays[50:]) <= 3 * FRAME
    # A whole frame is made up each time a slow clock is a frame behind: 20 ms every 20 s at 1,000 ppm.
    assert ear.made_up <= 2 + max(0, -drift) * 118 / FRAME * 1.5


def test_silence_that_the_sender_leaves_out_is_no_loss() -> None:
    """Opus with DTX sends a packet every 400 ms, numbered without a gap."""
    ear = Ear(OPUS)
    buffer = ear.decoding.buffer
    sequence = 0
    for tick in range(500):
        if tick % 100 < 50 or tick % 20 == 0:
            buffer.put(sequence, tick * 960, OPUS.silence)
            sequence += 1
        ear.decoding.frame()
    assert buffer.loss == 0 and buffer.late == 0 and ear.decoding.recovered == 0


def test_digits_between_are_no_loss() -> None:
    buffer = JitterBuffer(960)
    for number in range(200):
        if 50 <= number < 60:
            buffer.skip(number)
        else:
            buffer.put(number, number * 960, b"x")
        if buffer.take()[0] is Find.PACKET:
            buffer.took(960)
    assert buffer.loss == 0


@pytest.mark.parametrize(("sequence", "timestamp"), [(20_000, 5), (10, 3_000_000_000), (40_000, 2_000_000_000)])
def test_a_sender_that_starts_over_is_heard_at_once(sequence: int, timestamp: int) -> None:
    buffer = JitterBuffer(160)
    for number in range(100):
        buffer.put(number, number * 160, b"old")
        if buffer.take()[0] is Find.PACKET:
            buffer.took(160)
    heard = []
    for number in range(10):
        buffer.put((sequence + number) & 0xFFFF, timestamp + number * 160, b"new")
        find, packet = buffer.take()
        heard.append(packet)
        if find is Find.PACKET:
            buffer.took(160)
    assert heard.count(b"new") >= 7
    assert len(buffer) <= 2


def test_another_stream_takes_the_place_of_the_old_one_at_once() -> None:
    ear = Ear(payloads=noise)
    arrivals = network(2, lambda _: 0.0)
    ear.listen([Arrival(a.at, a.number + 31_000, 1) if a.at > 1 else a for a in arrivals], 2)
    assert ear.made_up <= 2
    assert min(int(np.abs(frame).max()) for frame in ear.frames[60:95]) > 0


def test_packets_of_any_length_are_cut_into_frames() -> None:
    for milliseconds in (10, 30, 40, 60):
        size = milliseconds * 8
        decoding = Decoding(PCMU, 8_000)
        said = (8000 * np.sin(2 * np.pi * 500 * np.arange(16_000) / 8000)).astype(np.int16)
        source, heard, sent = object(), [], 0
        for tick in range(100):
            while sent < (tick + 1) * 160 and sent + size <= len(said):
                payload = g711_encode(PCMU, said[sent : sent + size])
                PACKET[HEADER_SIZE : HEADER_SIZE + size] = payload
                decoding.forward(source, sent // size, sent, HEADER_SIZE + size)
                sent += size
            frame = decoding.frame()
            assert frame is not None and len(frame) == 160
            heard.append(frame.copy())
        assert tones(np.concatenate(heard[30:90]) / 32768, 8000) == [500], milliseconds
        assert decoding.concealed <= 2


def test_most_lost_packets_are_recovered_from_their_successors() -> None:
    encoder = OpusEncoder(16_000, 5, 32_000, expected_loss=20)
    packets = [encoder.encode(frame) for frame in np.split(voice(16_000, 1500), 1500)]
    dice = random.Random(11)
    lost = {number for number in range(100, 1500) if dice.random() < 0.1}
    ear = Ear(OPUS, lambda number: packets[number])
    ear.listen(network(30, lambda number: None if number in lost else 0.0), 30)
    recoverable = {number for number in lost if number + 1 not in lost and opus_carries_recovery(packets[number + 1])}
    assert ear.decoding.recovered > 0.7 * len(recoverable) > 50
    assert max(ear.delays[50:]) <= 4 * FRAME


@pytest.mark.parametrize("codec", [OPUS, PCMU])
def test_a_tone_stays_that_tone_through_loss_jitter_and_another_clock(codec: Codec) -> None:
    encoder = OpusEncoder(48_000, 8, 32_000) if codec is OPUS else None
    said = (8000 * np.sin(2 * np.pi * 500 * np.arange(20 * codec.clock_rate) / codec.clock_rate)).astype(np.int16)
    frames = np.split(said, 1000)
    packets = [encoder.encode(frame) if encoder else g711_encode(codec, frame) for frame in frames]
    dice = random.Random(2)
    ear = Ear(codec, lambda number: packets[number])
    ear.listen(network(20, lambda _: None if dice.random() < 0.03 else dice.uniform(0, 0.04), drift=3e-4), 19.5)
    whole = np.concatenate(ear.frames[50:]) / 32768
    for second in range(0, len(whole) - 8000, 8000):
        assert tones(whole[second : second + 8000], 8000, 1) == [500]
    steps = np.abs(np.diff(whole))
    assert steps.max() < 0.35, "joints must not click"


_trouble = st.fixed_dictionaries(
    {
        "loss": st.floats(0, 0.3),
        "jitter": st.floats(0, 0.15),
        "spikes": st.floats(0, 0.02),
        "twice": st.floats(0, 0.1),
        "drift": st.floats(-1e-3, 1e-3),
        "codec": st.sampled_from([PCMU, OPUS]),
        "seed": st.integers(0, 1 << 16),
    }
)


@settings(max_examples=60, deadline=None, derandomize=True)
@example(
    {"loss": 0.3, "jitter": 0.15, "spikes": 0.02, "twice": 0.1, "drift": 1e-3, "codec": OPUS, "seed": 1},
)
@given(_trouble)
def test_however_bad_the_network_was_delay_is_bounded_and_goes_away(trouble) -> None:
    dice = random.Random(trouble["seed"])
    bad_until, seconds = 300, 14.0
    arrivals: list[Arrival] = []

    def delay(number: int) -> float | None:
        if number > bad_until:
            return 0.0
        if dice.random() < trouble["loss"]:
            return None
        return dice.uniform(0, trouble["jitter"]) + (0.5 if dice.random() < trouble["spikes"] else 0.0)

    for arrival in network(seconds, delay, drift=trouble["drift"]):
        arrivals.append(arrival)
        if dice.random() < trouble["twice"]:
            arrivals.append(Arrival(arrival.at + dice.uniform(0, 0.1), arrival.number))
    ear = Ear(trouble["codec"])
    ear.listen(arrivals, seconds - 0.5, drift=trouble["drift"])
    assert all(len(frame) == 160 for frame in ear.frames)
    assert max(ear.delays[50:]) <= trouble["jitter"] + MAX_FRAMES * FRAME + 3 * FRAME + 0.5
    # Six seconds after the network became good.
    assert max(ear.delays[-50:]) <= 3 * FRAME


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 65_535), st.integers(0, (1 << 32) - 1), st.integers(0, 3)), max_size=60))
def test_strays_of_any_kind_neither_raise_nor_pile_up(packets) -> None:
    decoding = Decoding(PCMU, 8_000)
    for sequence, timestamp, ticks in packets:
        decoding.buffer.put(sequence, timestamp, b"\xff" * 160)
        decoding.buffer.skip((sequence + 1) & 0xFFFF)
        for _ in range(ticks):
            decoding.frame()
    assert len(decoding.buffer) <= 2 * MAX_FRAMES
    for _ in range(100):
        decoding.frame()
    assert decoding.frame() is None and len(decoding.buffer) == 0


def test_a_flood_of_overlapping_packets_takes_no_room_and_is_over_when_it_ends() -> None:
    ear = Ear()
    buffer = ear.decoding.buffer
    for number in range(20_000):
        buffer.put(number & 0xFFFF, number, b"\xff" * 160)
        buffer.skip((number + 1) & 0xFFFF)
        if number % 200 == 0:
            ear.decoding.frame()
    assert len(buffer) <= 8 * MAX_FRAMES
    frame = None
    for number in range(200):
        buffer.put((20_000 + number) & 0xFFFF, 20_000 + number * 160, noise(number))
        frame = ear.decoding.frame()
    assert frame is not None and np.abs(frame).max() > 1000
    assert len(buffer) <= MAX_FRAMES

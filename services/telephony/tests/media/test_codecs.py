"""Codecs are measured against ones we didn't write, and by what can be heard."""

from __future__ import annotations

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from telephony.media.clips import Clip
from telephony.media.codecs import (
    OPUS,
    PCMA,
    PCMU,
    OpusDecoder,
    OpusEncoder,
    g711_decode,
    g711_encode,
    law_table,
    opus_carries_recovery,
)
from testkit.webrtc import dominant, tone_packets

_EVERY_SAMPLE = np.arange(-32_768, 32_768, dtype=np.int64).astype(np.int16)


def _tone(rate: int, frames: int, frequency: float = 440.0) -> list[np.ndarray]:
    time = np.arange(frames * rate // 50) / rate
    wave = (0.4 * 32767 * np.sin(2 * np.pi * frequency * time)).astype(np.int16)
    return np.split(wave, frames)


def _loudest(samples: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * rate / len(samples)


@pytest.mark.parametrize(("codec", "name"), [(PCMU, "pcm_mulaw"), (PCMA, "pcm_alaw")])
def test_g711_levels_are_those_of_ffmpeg(codec, name) -> None:
    decoder = av.CodecContext.create(name, "r")
    decoder.sample_rate, decoder.layout = 8000, "mono"
    (frame,) = decoder.decode(av.Packet(bytes(range(256))))
    assert np.array_equal(g711_decode(codec, bytes(range(256))), frame.to_ndarray().reshape(-1))


@pytest.mark.parametrize("codec", [PCMU, PCMA])
def test_every_sample_becomes_a_g711_level_beside_it(codec) -> None:
    levels = np.sort(g711_decode(codec, bytes(range(256))).astype(np.int64))
    heard = g711_decode(codec, g711_encode(codec, _EVERY_SAMPLE)).astype(np.int64)
    wanted = _EVERY_SAMPLE.astype(np.int64)
    below = levels[np.maximum(np.searchsorted(levels, wanted, "right") - 1, 0)]
    above = levels[np.minimum(np.searchsorted(levels, wanted, "left"), 255)]
    assert np.all((heard == below) | (heard == above))
    assert np.all(np.diff(heard) >= 0)


@pytest.mark.parametrize("codec", [PCMU, PCMA])
def test_g711_that_is_decoded_and_encoded_again_is_the_same(codec) -> None:
    octets = bytes(range(256))
    levels = g711_decode(codec, octets)
    assert np.array_equal(g711_decode(codec, g711_encode(codec, levels)), levels)


@pytest.mark.parametrize(("source", "target"), [(PCMU, PCMA), (PCMA, PCMU)])
def test_one_law_becomes_the_other_without_decoding(source, target) -> None:
    octets = bytes(range(256))
    there = g711_decode(target, octets.translate(law_table(source, target))).astype(int)
    here = g711_decode(source, octets).astype(int)
    assert np.all(np.abs(there - here) <= np.maximum(16, np.abs(here) * 0.035))


@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
def test_what_opus_encodes_it_decodes(rate) -> None:
    encoder, decoder = OpusEncoder(rate), OpusDecoder(rate)
    heard = [decoder.decode(encoder.encode(frame)).copy() for frame in _tone(rate, 40)]
    assert all(len(frame) == rate // 50 for frame in heard)
    assert _loudest(np.concatenate(heard[10:]), rate) == pytest.approx(440, abs=5)


def test_a_browsers_opus_is_decoded_at_eight_kilohertz() -> None:
    decoder = OpusDecoder(8000)
    heard = np.concatenate([decoder.decode(packet).copy() for packet in tone_packets(1000)])
    assert _loudest(heard[1600:], 8000) == pytest.approx(1000, abs=5)


def test_a_missing_packet_is_concealed_by_what_was_heard_before() -> None:
    encoder, decoder = OpusEncoder(16_000), OpusDecoder(16_000)
    for frame in _tone(16_000, 20):
        decoder.decode(encoder.encode(frame))
    concealed = decoder.conceal().copy()
    assert len(concealed) == 320
    assert _loudest(concealed, 16_000) == pytest.approx(440, abs=60)
    for _ in range(20):
        concealed = decoder.conceal().copy()
    assert np.abs(concealed).max() < 1000, "what is gone for long fades"


def test_a_missing_packet_is_recovered_out_of_the_next_one() -> None:
    encoder = OpusEncoder(16_000, bit_rate=32_000, expected_loss=25)
    # The tone rises at the frame that is lost: concealment can't know that, recovery does.
    frames = [*_tone(16_000, 20, 400), *_tone(16_000, 5, 900)]
    packets = [encoder.encode(frame) for frame in frames]
    lost = 20
    assert opus_carries_recovery(packets[lost + 1])
    heard = {}
    for way in ("conceal", "recover"):
        decoder = OpusDecoder(16_000)
        for packet in packets[:lost]:
            decoder.decode(packet)
        heard[way] = (decoder.recover(packets[lost + 1]) if way == "recover" else decoder.conceal()).copy()
    assert _loudest(heard["conceal"], 16_000) == pytest.approx(400, abs=100)
    assert _loudest(heard["recover"], 16_000) == pytest.approx(900, abs=100)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_sound_of_some_length(packet: bytes) -> None:
    decoder = OpusDecoder(8000)
    assert 0 < len(decoder.decode(packet)) <= 960
    assert len(decoder.recover(packet)) == 160


def test_a_clip_is_played_in_g711_as_it_sounds_in_opus() -> None:
    clip = Clip(tuple(tone_packets(600)))
    assert clip.packets_for(OPUS) is clip.packets
    for codec in (PCMU, PCMA):
        packets = clip.packets_for(codec)
        assert len(packets) == len(clip.packets) and {len(packet) for packet in packets} == {160}
        samples = np.concatenate([g711_decode(codec, packet) for packet in packets])
        wide = np.repeat(samples / np.float32(32768), 6).astype(np.float32)
        assert dominant(wide[9600:])[0] == pytest.approx(600, abs=5)
        assert clip.packets_for(codec)[7] is packets[7]


def test_a_clip_begun_in_the_middle_sounds_as_if_played_from_the_start() -> None:
    clip, again = Clip(tuple(tone_packets(600))), Clip(tuple(tone_packets(600)))
    whole = [g711_decode(PCMU, packet) for packet in clip.packets_for(PCMU)]
    middle = g711_decode(PCMU, again.packets_for(PCMU)[30])
    error = middle.astype(float) - whole[30]
    assert np.sqrt(np.mean(error**2)) < 0.15 * np.sqrt(np.mean(whole[30].astype(float) ** 2))

"""One loudness for all that is said: measured as the EBU does, bounded in its peaks."""

from __future__ import annotations

import math
from fractions import Fraction

import av
import numpy as np
import pytest
from av.filter import Graph
from telephony.media.loudness import HIGHEST_PEAK, RATE, TARGET, Samples, evened, loudness, prepared, true_peak


def sine(level_db: float, seconds: float = 3.0, pitch: float = 1_000.0) -> Samples:
    time = np.arange(int(seconds * RATE)) / RATE
    return (10 ** (level_db / 20) * np.sin(2 * np.pi * pitch * time)).astype(np.float32)


def bursts(seed: int = 3) -> Samples:
    """Noise that comes and goes like speech, with pauses and a few loud clicks."""
    chance = np.random.default_rng(seed)
    envelope = np.repeat(chance.choice([0.0, 0.01, 0.05, 0.1], 60), RATE // 5)
    made = envelope * chance.standard_normal(len(envelope))
    made[:: RATE * 2] += 0.4
    return made.astype(np.float32)


def as_ffmpeg_measures(samples: Samples) -> tuple[float, float]:
    """Integrated loudness and true peak of FFmpeg's own ebur128 filter."""
    graph = Graph()
    source = graph.add_abuffer(sample_rate=RATE, format="flt", layout="mono", time_base=Fraction(1, RATE))
    measure = graph.add("ebur128", "metadata=1:peak=true:dualmono=false")
    sink = graph.add("abuffersink")
    source.link_to(measure)
    measure.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="mono")
    frame.sample_rate, frame.pts = RATE, 0
    graph.push(frame)
    graph.push(None)
    told: dict[str, str] = {}
    while True:
        try:
            told = graph.pull().metadata or told
        except (EOFError, BlockingIOError):
            break
    return float(told["lavfi.r128.I"]), 20 * math.log10(float(told["lavfi.r128.true_peak"]))


def test_a_full_scale_sine_has_the_loudness_the_standard_says() -> None:
    assert loudness(sine(0.0, pitch=997.0)) == pytest.approx(-3.01, abs=0.05)
    assert loudness(sine(-20.0, pitch=997.0)) == pytest.approx(-23.01, abs=0.05)


@pytest.mark.parametrize("samples", [sine(-14, 25), bursts(), np.concatenate([sine(-20), sine(-70, 9), sine(-30, 4)])])
def test_it_measures_what_ffmpeg_measures(samples: Samples) -> None:
    told, peak = as_ffmpeg_measures(samples)
    assert loudness(samples) == pytest.approx(told, abs=0.15)
    assert true_peak(samples) == pytest.approx(peak, abs=0.3)


@pytest.mark.parametrize("level_db", [-45.0, -30.0, -12.0, -1.0])
def test_loud_and_soft_prompts_end_up_as_loud_as_each_other(level_db: float) -> None:
    assert loudness(evened(sine(level_db))) == pytest.approx(TARGET, abs=0.1)


def test_no_peak_passes_the_bound_however_soft_the_rest() -> None:
    spiky = sine(-50)
    spiky[RATE // 2 :: RATE] = 0.8
    assert true_peak(evened(spiky)) <= HIGHEST_PEAK + 0.1


def test_a_peak_between_two_samples_is_seen() -> None:
    time = np.arange(RATE) / RATE
    between = np.sin(2 * np.pi * RATE / 4 * time + np.pi / 4).astype(np.float32)
    assert 20 * math.log10(float(np.abs(between).max())) == pytest.approx(-3.01, abs=0.01)
    assert true_peak(between) == pytest.approx(0.0, abs=0.2)


def test_an_uploaded_prompt_loses_its_direct_current_and_the_silence_at_its_ends_but_a_breath() -> None:
    silence = np.zeros(2 * RATE, np.float32)
    out = prepared(np.concatenate([silence, sine(-30, 1.5), silence]) + np.float32(0.1))
    assert abs(float(np.mean(out))) < 1e-3
    assert len(out) / RATE == pytest.approx(1.5 + 0.1 + 0.25, abs=0.05)


def test_a_pause_between_words_stays() -> None:
    pause = np.zeros(RATE, np.float32)
    assert len(prepared(np.concatenate([sine(-20, 1), pause, sine(-20, 1)]))) / RATE == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize(
    "samples", [np.zeros(RATE, np.float32), np.zeros(0, np.float32), np.full(RATE, 0.5, np.float32)]
)
def test_a_prompt_in_which_nothing_is_heard_is_refused(samples: Samples) -> None:
    with pytest.raises(ValueError, match="nothing can be heard"):
        prepared(samples)

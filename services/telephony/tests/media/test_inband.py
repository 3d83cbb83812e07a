"""Digits in the sound: heard under noise and within tolerance, and never in voices."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from telephony.media.codecs import PCMA, PCMU, Codec, g711_encode
from telephony.media.dtmf import DIGITS
from telephony.media.espeak import Espeak
from telephony.media.inband import ToneReader
from telephony.media.sound import resample

RATE = 8_000
ROWS, COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
KEYS = ("123A", "456B", "789C", "*0#D")
FULL = 32_124 / 10 ** (3.17 / 20)
"""Amplitude of 0 dBm0."""
Wave = NDArray[np.float64]


def _tone(
    digit: str, ms: float = 60, *, level: float = -10.0, twist: float = 0.0, off: tuple[float, float] = (0, 0)
) -> Wave:
    """`twist` in dB of the upper tone over the lower, `off` in share of the frequencies."""
    row = next(index for index, keys in enumerate(KEYS) if digit in keys)
    column = KEYS[row].index(digit)
    times = np.arange(int(ms * RATE / 1000)) / RATE
    low = np.sin(2 * np.pi * ROWS[row] * (1 + off[0]) * times)
    high = np.sin(2 * np.pi * COLUMNS[column] * (1 + off[1]) * times + 1)
    return FULL * (10 ** (level / 20) * low + 10 ** ((level + twist) / 20) * high)


def _pause(ms: float) -> Wave:
    return np.zeros(int(ms * RATE / 1000))


def _heard(*parts: Wave, codec: Codec = PCMA, lost: set[int] = frozenset(), shift: int = 0) -> str:  # type: ignore[assignment]
    """What is heard in the parts one after the other, in packets of 20 ms of which some are lost."""
    sound = np.concatenate((np.zeros(800 + shift), *parts, np.zeros(1600)))
    samples = np.clip(sound, -32_768, 32_767).astype(np.int16)
    heard: list[str] = []
    reader = ToneReader(codec, heard.append)
    for index, start in enumerate(range(0, len(samples) - 159, 160)):
        if index not in lost:
            reader.packet((4294967000 + start) & 0xFFFFFFFF, g711_encode(codec, samples[start : start + 160]))
    return "".join(heard)


@pytest.mark.parametrize("codec", [PCMA, PCMU])
def test_every_key_is_heard_once(codec: Codec) -> None:
    parts = [part for digit in DIGITS for part in (_tone(digit, 60), _pause(60))]
    assert _heard(*parts, codec=codec) == DIGITS


@pytest.mark.parametrize("shift", range(0, 160, 16))
def test_forty_milliseconds_are_a_digit_and_twenty_three_are_none(shift: int) -> None:
    fast = [part for digit in DIGITS for part in (_tone(digit, 40), _pause(40))]
    assert _heard(*fast, shift=shift) == DIGITS
    assert _heard(*(part for digit in DIGITS for part in (_tone(digit, 23), _pause(60))), shift=shift) == ""


def test_a_dropout_of_ten_milliseconds_does_not_make_two_digits() -> None:
    assert _heard(_tone("5", 60), _pause(10), _tone("5", 60)) == "5"
    assert _heard(_tone("5", 60), _pause(40), _tone("5", 60)) == "55"
    assert _heard(_tone("5", 60), _tone("6", 60)) == "56"


@pytest.mark.parametrize("digit", DIGITS)
def test_frequencies_may_be_one_and_a_half_percent_off_and_not_three_and_a_half(digit: str) -> None:
    for low in (-0.015, 0.015):
        for high in (-0.015, 0.015):
            assert _heard(_tone(digit, 50, off=(low, high))) == digit
    for off in ((0.035, 0), (-0.035, 0), (0, 0.035), (0, -0.035)):
        assert _heard(_tone(digit, 50, off=off)) == ""


def test_levels_and_twist_within_the_limits_are_heard_and_beyond_them_are_not() -> None:
    for level in (0, -10, -20, -25):
        assert _heard(_tone("8", 50, level=min(level, -4))) == "8"
    for twist in (4, -8):
        assert _heard(_tone("8", 50, level=-12, twist=twist)) == "8"
    assert _heard(_tone("8", 50, level=-40)) == ""
    for twist in (9, -13):
        assert _heard(_tone("8", 50, level=-14, twist=twist)) == ""


def test_noise_fifteen_decibels_below_is_no_hindrance() -> None:
    rng = np.random.default_rng(5)
    parts = [part for digit in DIGITS * 6 for part in (_tone(digit, 50), _pause(50))]
    sound = np.concatenate(parts)
    power = float(np.mean(_tone("1", 50) ** 2))
    noise = rng.normal(0, np.sqrt(power / 10**1.5), len(sound))
    assert _heard(sound + noise) == DIGITS * 6


def test_noise_alone_holds_no_digits() -> None:
    rng = np.random.default_rng(6)
    assert _heard(rng.normal(0, 4000, RATE * 30)) == ""


def test_a_lost_packet_neither_adds_nor_ends_a_digit() -> None:
    for index in range(5, 12):
        assert _heard(_tone("7", 140), lost={index}) == "7"


def test_one_tone_of_a_pair_is_none_and_neither_are_dial_and_ring_tones() -> None:
    times = np.arange(RATE) / RATE
    for pair in ((697,), (1209,), (350, 440), (440, 480), (480, 620), (425,), (1100,), (2100,)):
        assert _heard(np.sum([6000 * np.sin(2 * np.pi * hertz * times) for hertz in pair], axis=0)) == ""


def _sung(rng: np.random.Generator, seconds: float) -> Wave:
    """Harmonics of a gliding voice under two narrow formants, with a voice's jitter and breath: more like keys than
    speech ever is.
    """
    times = np.arange(int(seconds * RATE)) / RATE
    pitch = rng.uniform(90, 350) * np.exp(0.25 * np.sin(2 * np.pi * rng.uniform(0.3, 3) * times + rng.uniform(0, 6)))
    pitch = pitch * (1 + 0.01 * np.repeat(rng.normal(size=len(times) // 40 + 1), 40)[: len(times)])
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    formants = rng.uniform((300, 900), (900, 1700))
    sound = np.zeros(len(times))
    for harmonic in range(1, 30):
        hertz = harmonic * pitch
        shape = sum(1 / (1 + ((hertz - formant) / 80) ** 2) for formant in formants)
        sound += np.where(hertz < 3600, shape, 0) * np.sin(harmonic * phase)
    return sound / np.abs(sound).max() * 16_000 + rng.normal(0, 300, len(times))


def test_two_minutes_of_voices_that_glide_through_the_keys_hold_one_false_digit_at_most() -> None:
    # Without looking at how steady the tones are, 70 digits are heard in twice as much.
    rng = np.random.default_rng(7)
    assert len(_heard(*(_sung(rng, 3.0) for _ in range(50)))) <= 1


def test_speech_holds_no_digits() -> None:
    voice = Espeak()
    texts = {
        "en": "Please press one for sales, two for support, or hold the line. The number is 5 5 5, 0 1 2 3, 9 8 7 6.",
        "tr": "Satış için biri, destek için ikiyi tuşlayın. Numaramız sıfır beş yüz otuz iki, dokuz yüz seksen yedi.",
        "az": "Zəhmət olmasa gözləyin, operator sizə tezliklə cavab verəcək. Nömrə sıfır on iki, dörd yüz doxsan.",
        "fa": "لطفاً منتظر بمانید، همکاران ما به زودی پاسخ می‌دهند. شماره صفر، بیست و یک، هشتاد و هشت.",
    }
    for language, text in texts.items():
        spoken = resample(voice.speak(text * 3, language), voice.rate)
        narrow = spoken[::6].astype(np.float64) if len(spoken) else np.zeros(0)
        assert len(narrow) > 5 * RATE
        assert _heard(narrow / np.abs(narrow).max() * 20_000) == ""


def test_a_digit_over_speech_that_is_much_quieter_is_heard() -> None:
    rng = np.random.default_rng(8)
    voice = _sung(rng, 1.0)
    voice *= float(np.sqrt(np.mean(_tone("3", 50) ** 2) / np.mean(voice**2))) / 10
    sound = voice.copy()
    sound[2000 : 2000 + 480] += _tone("3", 60)
    assert _heard(sound) == "3"

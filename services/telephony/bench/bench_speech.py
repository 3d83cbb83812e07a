"""`make bench-speech`: how well speech menus understand, as JSON lines.

Phrases of five menus, each said by voices that the threshold was not chosen by (`--tuned`: by those it was), alone and
within words of courtesy, over a telephone's band, mu-law and noise; and what is on no menu. All is eSpeak NG's: real
people speak otherwise, so the figures compare versions and say nothing of people.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from telephony.media.codecs import PCMU, Samples, g711_decode, g711_encode
from telephony.media.espeak import Espeak
from telephony.media.recognition_worker import Ear

_RATE, _LOUD = 8_000, 0.08
_MENUS = (
    ("sales", "technical support", "billing", "opening hours", "speak to an agent"),
    ("yes", "no", "repeat"),
    ("check my balance", "report a lost card", "make a payment", "something else"),
    ("order status", "returns", "delivery", "cancel my order", "complaints", "store locations"),
    ("Merkez Plus", "Merkez Business", "mobile internet", "home internet"),
)
_AROUND = ("{}, please", "um, {}", "I would like {}", "the {} please")
_NEVER = (
    "what is the weather like", "hello, can you hear me", "pizza", "good morning", "where am I", "thank you very much",
    "seven", "hmm, let me think", "my name is John", "wait a second", "who is this", "are you a robot",
)  # fmt: skip
_TUNED = (("f1", "m3", "f3"), ((150, 45),))
_HELD_OUT = (("f2", "f4", "m2"), ((160, 50),))
_NOISES = (30.0, 20.0, 12.0)
"""Signal to noise in dB."""


@dataclass(frozen=True)
class Said:
    """What is on a line: which phrase of a menu, empty for none of them."""

    menu: Sequence[str]
    phrase: str
    sound: Samples
    noise: float
    alone: bool


class _Studio:
    def __init__(self) -> None:
        self._espeak, self._noise = Espeak(), np.random.default_rng(1)

    def calls(self, voices: Sequence[str], ways: Sequence[tuple[int, int]]) -> Iterator[Said]:
        """Every phrase in every voice, each with the next noise."""
        noises = itertools.cycle(_NOISES)
        for menu in _MENUS:
            for voice, way in itertools.product(voices, ways):
                for number, phrase in enumerate(menu):
                    noise = next(noises)
                    yield Said(menu, phrase, self._on_the_line(phrase, voice, way, noise), noise, True)
                    around = _AROUND[(number + len(voice)) % len(_AROUND)].format(phrase)
                    yield Said(menu, phrase, self._on_the_line(around, voice, way, noise), noise, False)
                for text in _NEVER[:: 1 + len(menu) % 2]:
                    noise = next(noises)
                    yield Said(menu, "", self._on_the_line(text, voice, way, noise), noise, True)

    def _on_the_line(self, text: str, voice: str, way: tuple[int, int], noise: float) -> Samples:
        pcm = self._espeak.speak(text, "en", variant=voice, words_per_minute=way[0], pitch=way[1])
        sound = _narrowed(pcm.astype(np.float64) / 32768, self._espeak.rate)
        pitch = np.fft.rfftfreq(len(sound), 1 / _RATE)
        spectrum = np.fft.rfft(sound) / (1 + (300 / np.maximum(pitch, 1)) ** 8) / (1 + (pitch / 3500) ** 24)
        sound = np.fft.irfft(spectrum, len(sound))
        sound *= _LOUD / np.sqrt(np.mean(sound**2))
        sound = np.concatenate([np.zeros(_RATE * 3 // 10), sound, np.zeros(_RATE // 2)])
        sound += self._noise.normal(0, _LOUD * 10 ** (-noise / 20), len(sound))
        return g711_decode(PCMU, g711_encode(PCMU, (np.clip(sound, -1, 1) * 32767).astype(np.int16)))


def _narrowed(sound: np.ndarray, rate: int) -> np.ndarray:
    length = int(len(sound) * _RATE / rate)
    return np.fft.irfft(np.fft.rfft(sound)[: length // 2 + 1], length) * _RATE / rate


def _share(metric: str, found: Sequence[bool], goal: float | None, better: str, **more: object) -> None:
    value = sum(found) / len(found)
    meets = None if goal is None else (value >= goal if better == "higher" else value <= goal)
    line = {
        "metric": metric,
        "value": round(value, 3),
        "goal": goal,
        "better": better,
        "meets": meets,
        "of": len(found),
    }
    print(json.dumps(line | more), flush=True)


def _measure(voices: Sequence[str], ways: Sequence[tuple[int, int]]) -> None:
    # All sounds first: the synthesizer's state is one for the process, and the ear may ask it for words.
    said = list(_Studio().calls(voices, ways))
    ear, took = Ear(), list[float]()
    heard: list[tuple[Said, str]] = []
    margins: list[tuple[bool, float]] = []
    for each in said:
        began = time.perf_counter()
        phrase, confidence = ear.hear(each.sound, each.menu)
        took.append(time.perf_counter() - began)
        heard.append((each, phrase))
        margins.append((bool(each.phrase), confidence))
    on_menu = [(each, phrase) for each, phrase in heard if each.phrase]
    _share("said_alone_understood", [each.phrase == got for each, got in on_menu if each.alone], 0.9, "higher")
    _share("said_politely_understood", [each.phrase == got for each, got in on_menu if not each.alone], None, "higher")
    for noise in _NOISES:
        at = [each.phrase == got for each, got in on_menu if each.noise == noise]
        _share("understood", at, None, "higher", noise_db=noise)
    _share("taken_for_another", [bool(got) and each.phrase != got for each, got in on_menu], 0.02, "lower")
    _share("on_no_menu_but_taken", [bool(got) for each, got in heard if not each.phrase], 0.2, "lower")
    print(json.dumps({"metric": "seconds_each", "p50": round(float(np.median(took)), 3), "max": round(max(took), 3)}))
    if "--margins" in sys.argv:
        for true in (True, False):
            at = [margin for is_true, margin in margins if is_true is true]
            print(true, np.round(np.percentile(at, [1, 3, 5, 10, 25, 50, 75, 90, 97]), 4))


if __name__ == "__main__":
    _measure(*(_TUNED if "--tuned" in sys.argv else _HELD_OUT))

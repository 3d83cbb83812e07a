"""What callers say, cut out of what is heard and understood."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from telephony.media.codecs import OPUS, OpusEncoder
from telephony.media.pronouncing import arpabet
from telephony.media.recognizing import PocketSphinx
from telephony.media.utterances import Utterances

from .voices import line, quiet, tone


class Clock:
    """A ticker that ticks when it is told to."""

    def __init__(self) -> None:
        self.callbacks: list = []

    def add(self, callback) -> None:
        self.callbacks.append(callback)

    def remove(self, callback) -> None:
        if callback in self.callbacks:
            self.callbacks.remove(callback)


def heard(pcm: np.ndarray) -> list[int]:
    """Lengths, in frames, of the utterances in a sound."""
    found: list[int] = []
    utterances = Utterances(Clock(), lambda said: found.append(len(said) // 160))  # type: ignore[arg-type]
    encoder = OpusEncoder(8_000, 5, 24_000)
    for number in range(len(pcm) // 160):
        packet = encoder.encode(np.ascontiguousarray(pcm[160 * number : 160 * (number + 1)]))
        utterances.tap("leg", number * OPUS.frame_samples, packet)
    return found


def test_what_is_said_is_cut_out_with_its_beginning_and_told_after_a_pause() -> None:
    lengths = heard(line(quiet(1.0), tone(300, seconds=0.8), quiet(1.0), tone(300, seconds=0.4), quiet(1.0)))
    assert len(lengths) == 2
    assert 70 <= lengths[0] <= 100 and lengths[0] - lengths[1] == pytest.approx(20, abs=4)


def test_a_click_is_no_word_and_who_never_ends_is_cut_off() -> None:
    assert heard(line(quiet(1.0), tone(300, seconds=0.04), quiet(1.5))) == []
    assert max(heard(line(quiet(1.0), tone(300, seconds=8.0), quiet(1.0)))) <= 250


async def test_a_language_without_a_model_is_never_understood_and_no_process_started() -> None:
    recognizer = PocketSphinx()
    found = await recognizer.recognize(np.zeros(8_000, np.int16), ["satış"], "tr")
    assert not found.phrase and found.confidence < 0
    await asyncio.wait_for(recognizer.close(), 30)


def test_sounds_of_words_no_dictionary_has_are_written_as_the_models() -> None:
    assert arpabet("mˈɜːkɛz") == "M ER K EH Z"
    assert arpabet("tʃˈɪəɹz") == "CH IH R R Z"

"""Who answered: a person, a machine that talks or beeps, a fax, a dead number."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from telephony.media.answering_machine import (
    FRAME_SECONDS,
    PATIENT,
    QUICK,
    Answer,
    AnsweringMachineDetector,
    Parameters,
    Verdict,
)
from telephony.media.answering_speech import Hearing, Vad
from telephony.media.answering_tap import AnsweringMachineTap
from telephony.media.answering_vad import SileroVad
from telephony.media.clips import Clip, ClipStore
from telephony.media.codecs import OPUS, OpusDecoder, OpusEncoder

from .parties import Beat
from .voices import Sound, gusts, knocks, line, quiet, talk, tone


def listen(
    pcm: NDArray[np.int16],
    parameters: Parameters | None = None,
    *,
    wait_for_beep: bool = False,
    vad: Vad | None = None,
) -> list[Verdict]:
    detector = AnsweringMachineDetector(parameters, wait_for_beep=wait_for_beep, vad=vad)
    heard = [detector.feed(frame, i * FRAME_SECONDS) for i, frame in enumerate(pcm.reshape(-1, 160))]
    return [verdict for verdict in heard if verdict is not None]


def samples_of(clip: Clip) -> NDArray[np.int16]:
    decoder = OpusDecoder(8_000)
    return np.concatenate([decoder.decode(packet).copy() for packet in clip.packets])


@pytest_asyncio.fixture
async def clips(tmp_path: Path) -> AsyncIterator[ClipStore]:
    store = ClipStore(tmp_path)
    yield store
    await store.close()


def test_who_says_a_word_and_waits_is_a_person() -> None:
    (verdict,) = listen(line(quiet(0.5), talk(0.4), quiet(3)))
    assert verdict.answer is Answer.HUMAN and verdict.final
    assert 1.0 < verdict.seconds < 1.2
    assert "waited" in verdict.reason


def test_who_says_a_word_in_a_room_that_talks_on_is_a_person_though_it_never_gets_quiet() -> None:
    said = np.concatenate([quiet(0.5), talk(0.6), quiet(4.9)])
    pcm = line(said + talk(6.0, seed=3, pitch=110, rms=0.05), noise_db=-40)
    hears_the_room = replace(PATIENT, hearing=Hearing(share=0.3))
    (verdict,) = listen(pcm, hears_the_room)
    assert verdict.answer is Answer.HUMAN and verdict.seconds < 3 and "nothing as loud again" in verdict.reason
    (without,) = listen(pcm, replace(hears_the_room, pace=replace(PATIENT.pace, enough_faded=np.inf)))
    assert without.answer is Answer.MACHINE


def test_who_goes_on_talking_is_a_machine_and_its_beep_is_waited_for_when_wanted() -> None:
    pcm = line(quiet(0.3), talk(5.0), quiet(0.5), tone(1_000, seconds=0.4), quiet(2))
    (at_once,) = listen(pcm)
    assert at_once.answer is Answer.MACHINE and at_once.final and 2.9 < at_once.seconds < 3.3
    first, last = listen(pcm, wait_for_beep=True)
    assert first.answer is Answer.MACHINE and not first.final
    assert last.answer is Answer.MACHINE_BEEP and last.final
    assert 6.2 < last.seconds < 6.6
    assert "1000 Hz" in last.reason


@pytest.mark.parametrize(
    "beep",
    [
        tone(440, seconds=0.3),
        tone(1_850, seconds=0.2),
        tone(850, seconds=1.0),
        tone(950, 1_140, seconds=0.4),
        np.concatenate([tone(1_400, seconds=0.14), quiet(0.12), tone(1_400, seconds=0.14)]),
    ],
    ids=["low", "short", "long", "two pitches", "two in a row"],
)
def test_beeps_of_every_kind_are_heard_soon_after_they_end(beep: NDArray[np.float64]) -> None:
    before = (quiet(0.3), talk(3.0), quiet(0.6))
    end = sum(map(len, before)) / 8_000 + len(beep) / 8_000
    last = listen(line(*before, beep, quiet(2), noise_db=-45), wait_for_beep=True)[-1]
    assert last.answer is Answer.MACHINE_BEEP
    assert 0 < last.seconds - end < 0.4


def test_a_beep_without_a_greeting_is_a_machine() -> None:
    (verdict,) = listen(line(quiet(0.8), tone(1_000, seconds=0.3), quiet(2)))
    assert verdict.answer is Answer.MACHINE_BEEP


def test_what_is_left_of_the_ringing_is_no_beep_and_no_word() -> None:
    (verdict,) = listen(line(tone(400, 450, seconds=0.5), quiet(0.6), talk(0.4), quiet(3)))
    assert verdict.answer is Answer.HUMAN and verdict.seconds > 1.5


def test_a_word_and_a_beep_is_a_machine_not_a_person() -> None:
    verdict = listen(line(quiet(0.3), talk(0.9), quiet(0.1), tone(1_000, seconds=0.4), quiet(2)))[0]
    assert verdict.answer is Answer.MACHINE_BEEP


@pytest.mark.parametrize(
    "sound",
    [
        (quiet(0.8), tone(1_105, seconds=0.5), quiet(3), tone(1_105, seconds=0.5), quiet(1)),
        (quiet(0.5), tone(2_100, seconds=2.8), quiet(1)),
    ],
    ids=["calling tone", "answer tone"],
)
def test_a_fax_machine_is_known_by_its_tone(sound: tuple[NDArray[np.float64], ...]) -> None:
    (verdict,) = listen(line(*sound))
    assert verdict.answer is Answer.FAX and verdict.seconds < 1.8


def test_a_dead_number_is_known_by_its_three_tones_or_by_the_busy_tone() -> None:
    rising = [tone(pitch, seconds=0.33) for pitch in (950, 1_400, 1_800)]
    (dead,) = listen(line(quiet(0.3), *rising, quiet(0.5), talk(4)))
    busy = [part for _ in range(5) for part in (tone(425, seconds=0.5), quiet(0.5))]
    (engaged,) = listen(line(quiet(0.3), *busy))
    assert dead.answer is engaged.answer is Answer.DISCONNECTED
    assert "information" in dead.reason and "busy" in engaged.reason


def test_a_line_that_stays_silent_or_only_hums_is_unknown() -> None:
    for noise_db in (-90.0, -60.0, -35.0):
        (verdict,) = listen(line(quiet(8), noise_db=noise_db))
        assert verdict.answer is Answer.UNKNOWN and verdict.final


def test_a_noisy_line_does_not_make_a_machine_of_a_person() -> None:
    (verdict,) = listen(line(quiet(0.6), talk(0.5, rms=0.1), quiet(3), noise_db=-32))
    assert verdict.answer is Answer.HUMAN


def test_a_patient_detector_waits_for_the_machine_that_pauses() -> None:
    pcm = line(quiet(0.3), talk(0.5), quiet(0.4), talk(4), quiet(1))
    assert listen(pcm)[0].answer is Answer.HUMAN
    assert listen(pcm, PATIENT)[0].answer is Answer.MACHINE


def test_the_wait_for_a_beep_ends_when_the_greeting_is_over() -> None:
    first, last = listen(line(quiet(0.3), talk(4), quiet(6)), wait_for_beep=True)
    assert (first.answer, first.final) == (Answer.MACHINE, False)
    assert (last.answer, last.final) == (Answer.MACHINE, True)
    assert 8 < last.seconds < 8.8


@pytest.mark.parametrize(
    ("language", "hello", "greeting"),
    [
        ("en", "Hello?", "The person you are calling can't come to the phone right now. Please leave a message."),
        ("tr", "Efendim?", "Aradığınız kişiye ulaşılamıyor. Lütfen mesaj bırakın."),
        ("az", "Bəli?", "Zəng etdiyiniz abunəçi cavab verə bilmir. Mesajınızı qoyun."),
        ("fa", "الو؟", "مشترک مورد نظر در دسترس نمی‌باشد. لطفا پیام خود را بگذارید."),
    ],
)
async def test_a_spoken_hello_and_a_spoken_greeting_are_told_apart(
    clips: ClipStore, language: str, hello: str, greeting: str
) -> None:
    answers = []
    for text in (hello, greeting):
        spoken = samples_of(await clips.speech(text, language)).astype(np.float64) / 32_768
        pcm = line(quiet(0.4), spoken, quiet(2.5))
        answers.append([listen(pcm, PATIENT, vad=ear)[0].answer for ear in (None, SileroVad())])
    assert answers == [[Answer.HUMAN] * 2, [Answer.MACHINE] * 2]


NOISES = pytest.mark.parametrize("noise", [gusts, knocks])


@NOISES
@pytest.mark.parametrize("pace", [QUICK, PATIENT], ids=["quick", "patient"])
def test_a_noise_with_the_cadence_of_speech_is_a_machine_only_to_who_cannot_tell_voices(
    noise: Callable[[float], Sound], pace: Parameters
) -> None:
    pcm = line(quiet(0.3), noise(7))
    assert listen(pcm, pace)[0].answer is Answer.MACHINE
    assert listen(pcm, pace, vad=SileroVad())[0].answer is Answer.UNKNOWN


@NOISES
async def test_who_says_hello_beside_such_a_noise_is_a_person_to_who_can_tell_voices(
    clips: ClipStore, noise: Callable[[float], Sound]
) -> None:
    hello = samples_of(await clips.speech("Hello?", "en")).astype(np.float64) / 32_768
    pcm = line(quiet(0.4), hello, noise(6))
    assert listen(pcm, PATIENT)[0].answer is Answer.MACHINE
    assert listen(pcm, PATIENT, vad=SileroVad())[0].answer is Answer.HUMAN


def test_music_on_hold_is_not_a_person_who_waits_though_it_is_no_voice_either() -> None:
    chords = [tone(root, 1.25 * root, 1.5 * root, seconds=0.4) for root in (220, 294, 196, 262) * 4]
    pcm = line(quiet(0.3), talk(0.5), *chords)
    assert listen(pcm, vad=lambda _: False)[0].answer is not Answer.HUMAN


@pytest.mark.parametrize("heard", [True, False], ids=["a voice", "no voice"])
async def test_a_legs_tap_asks_the_ear_it_was_given(heard: bool) -> None:
    beat, verdicts, asked = Beat(), list[Verdict](), list[int]()

    def ear(frame: NDArray[np.int16]) -> bool:
        asked.append(len(frame))
        return heard

    tap = AnsweringMachineTap(beat, verdicts.append, vad=ear)
    for index, packet in enumerate(packets(line(quiet(0.3), gusts(6)))):
        tap.tap(beat, index * OPUS.frame_samples, packet)
        for tick in list(beat.ticks):
            tick()
    assert [verdict.answer for verdict in verdicts] == [Answer.MACHINE if heard else Answer.UNKNOWN]
    assert set(asked) == {160}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(arrays(np.int16, 160), max_size=6),
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 60)), min_size=1, max_size=40),
    st.booleans(),
)
def test_whatever_comes_there_is_at_most_one_final_verdict_and_nothing_after_it(
    frames: list[NDArray[np.int16]], order: list[tuple[int, int]], wait_for_beep: bool
) -> None:
    detector = AnsweringMachineDetector(wait_for_beep=wait_for_beep)
    verdicts: list[Verdict] = []
    at = 0.0
    for which, times in order:
        frame = frames[which % len(frames)] if frames else np.zeros(160, np.int16)
        for _ in range(times):
            verdict = detector.feed(frame, at)
            at += FRAME_SECONDS
            if verdict is not None:
                assert not any(earlier.final for earlier in verdicts)
                verdicts.append(verdict)
    assert [verdict.final for verdict in verdicts] in ([], [True], [False], [False, True])
    assert all(verdict.answer is Answer.MACHINE for verdict in verdicts if not verdict.final)
    assert detector.done == any(verdict.final for verdict in verdicts)


def test_a_frame_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="160"):
        AnsweringMachineDetector().feed(np.zeros(80, np.int16), 0.0)


def packets(pcm: NDArray[np.int16]) -> list[bytes]:
    encoder = OpusEncoder(8_000)
    return [encoder.encode(np.ascontiguousarray(frame)) for frame in pcm.reshape(-1, 160)]


async def test_a_legs_tap_hears_the_person_through_lost_and_late_packets() -> None:
    beat, verdicts = Beat(), list[Verdict]()
    tap = AnsweringMachineTap(beat, verdicts.append)
    sent = packets(line(quiet(0.5), talk(0.4), quiet(2)))
    first = 4_294_960_000
    for index, packet in enumerate(sent):
        for tick in list(beat.ticks):
            tick()
        if index % 11 != 5:
            tap.tap(sent, (first + index * OPUS.frame_samples) & 0xFFFF_FFFF, packet)
        if index % 17 == 3:
            tap.tap(sent, (first + (index - 2) * OPUS.frame_samples) & 0xFFFF_FFFF, sent[0])
    (verdict,) = verdicts
    assert verdict.answer is Answer.HUMAN and 1.0 < verdict.seconds < 1.5
    assert not beat.ticks


async def test_a_leg_that_sends_nothing_while_silent_is_silent() -> None:
    beat, verdicts = Beat(), list[Verdict]()
    tap = AnsweringMachineTap(beat, verdicts.append)
    for index, packet in enumerate(packets(line(quiet(0.3), talk(0.4), quiet(0.1)))):
        tap.tap(beat, index * OPUS.frame_samples, packet)
    assert not verdicts
    for _ in range(30):
        for tick in list(beat.ticks):
            tick()
    assert [verdict.answer for verdict in verdicts] == [Answer.HUMAN]


async def test_giving_up_says_unknown_and_nothing_comes_after_it() -> None:
    beat, verdicts = Beat(), list[Verdict]()
    tap = AnsweringMachineTap(beat, verdicts.append)
    sent = packets(line(quiet(0.5), talk(0.4), quiet(2)))
    tap.tap(beat, 0, sent[0])
    given = tap.give_up()
    assert given is not None and given.answer is Answer.UNKNOWN
    for index, packet in enumerate(sent):
        tap.tap(beat, index * OPUS.frame_samples, packet)
    assert not verdicts and not beat.ticks

"""A message: begins and ends with what was said, ended by silence, a key, its length or the caller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from merkez.recording.v1 import segment_pb2
from numpy.typing import NDArray
from telephony.domain.messages import LONGEST_SECONDS, EndedBy, MessageJudge, MessageRules
from telephony.media import voicemail
from telephony.media.answering_machine import FRAME_SECONDS, Answer, AnsweringMachineDetector
from telephony.media.clips import Clip, ClipStore
from telephony.media.codecs import OPUS, OpusDecoder, OpusEncoder
from telephony.media.recorder import Recording
from telephony.media.sealing import RecordingKey, open_keyset
from telephony.media.segment_files import Segment
from telephony.media.voicemail import MessageRecorder
from testkit.segments import opened, packets_of
from tink import aead, new_keyset_handle, proto_keyset_format, secret_key_access

from .parties import Beat
from .voices import Sound, line, quiet, talk

RULES = MessageRules(longest=20, silence=2.0, end_digit="#")


def judged(*stretches: tuple[float, bool], rules: MessageRules = RULES) -> MessageJudge:
    """A judge that has heard these (seconds, speech)."""
    judge, at = MessageJudge(rules), 0.0
    for seconds, speech in stretches:
        for _ in range(round(seconds / FRAME_SECONDS)):
            if judge.ended_by is None:
                judge.hear(at, FRAME_SECONDS, speech)
                at += FRAME_SECONDS
    return judge


def test_silence_after_the_last_word_ends_a_message_and_pauses_do_not() -> None:
    assert judged((1.0, True), (1.9, False), (1.0, True), (1.9, False)).ended_by is None
    over = judged((1.0, True), (1.9, False), (1.0, True), (5.0, False))
    assert over.ended_by is EndedBy.SILENCE and over.last_word == pytest.approx(3.9)


def test_who_says_nothing_or_only_clicks_leaves_no_message() -> None:
    for heard in ([(9.0, False)], [(0.5, False), (0.04, True), (9.0, False)]):
        judge = judged(*heard)
        assert judge.ended_by is EndedBy.SILENCE and not judge.begun


def test_length_end_digit_and_hang_up_end_a_message_and_the_first_of_them_counts() -> None:
    assert judged((30.0, True)).ended_by is EndedBy.LENGTH
    judge = judged((1.0, True))
    judge.press("1")
    assert judge.ended_by is None
    judge.press("#")
    judge.hang_up()
    assert judge.ended_by is EndedBy.DIGIT
    free = judged((1.0, True), rules=MessageRules(end_digit=""))
    free.press("#")
    assert free.ended_by is None


def test_what_a_flow_leaves_open_is_the_usual_and_no_message_is_endless() -> None:
    assert MessageRules.of(0, 0, "") == MessageRules(end_digit="")
    assert MessageRules.of(1e9, 3, "*").longest == LONGEST_SECONDS


@given(st.lists(st.tuples(st.floats(0.0, 3.0), st.booleans()), max_size=20))
def test_whatever_is_heard_a_message_ends_in_its_time_and_its_last_word_lies_in_it(
    heard: list[tuple[float, bool]],
) -> None:
    judge = judged(*heard, (21.0, False))
    assert judge.ended_by in (EndedBy.SILENCE, EndedBy.LENGTH)
    assert 0 <= judge.last_word <= RULES.longest + FRAME_SECONDS


class Answerphone:
    """A recorder on a party whose time is turned by hand, and what it handed over."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, rules: MessageRules = RULES) -> None:
        self.now = 1_000.0
        monkeypatch.setattr(voicemail, "monotonic", lambda: self.now)
        self.beat = Beat()
        self.begun: list[Recording] = []
        self.sealed: list[Segment] = []
        handle = new_keyset_handle(aead.aead_key_templates.AES256_GCM)
        self._keyset = proto_keyset_format.serialize(handle, secret_key_access.TOKEN)
        self.recorder = MessageRecorder("ten_1", self.beat, rules, self.begun.append)
        self._encoder = OpusEncoder(48_000)
        self._sent = 0

    def hear(self, *parts: Sound, dtx: bool = False) -> None:
        """The caller says this; with `dtx` nothing is sent where it is silent."""
        for frame in line(*parts).reshape(-1, 160):
            self.now += FRAME_SECONDS
            for tick in list(self.beat.ticks):
                tick()
            if not dtx or np.abs(frame).max() > 300:
                fine = np.repeat(frame, 6)
                packet = self._encoder.encode(fine)
                self.recorder.tap(self, self._sent * OPUS.frame_samples, packet)
            self._sent += 1

    def message(self) -> tuple[float, list[segment_pb2.OpusPacket]]:
        """Its length, and its packets as they would reach recording."""
        (recording,) = self.begun
        key = RecordingKey("rec_1", self._keyset)
        recording.open(key, lambda entries: self.sealed.extend(Segment.of("ten_1", each) for each in entries))
        seconds, counts = recording.finish()
        assert counts == {"customer": len(self.sealed)}
        cipher, packets = open_keyset(self._keyset), list[segment_pb2.OpusPacket]()
        for each in self.sealed:
            packets += packets_of(opened(cipher, f"ten_1/rec_1/customer/{each.sequence}", each.sealed))
        return seconds, packets


async def test_a_message_holds_what_was_said_without_the_silence_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    phone = Answerphone(monkeypatch)
    phone.hear(quiet(1.5), talk(3.0), quiet(1.0), talk(1.0), quiet(4.0))
    assert phone.recorder.ended.result() is EndedBy.SILENCE
    assert phone.recorder.stop() == pytest.approx(5.9, abs=0.2)
    seconds, packets = phone.message()
    assert seconds == pytest.approx(5.9, abs=0.2)
    assert len(packets) == pytest.approx(5.9 * 50, abs=12)
    assert packets[0].timestamp == 0 and packets[0].arrival_micros < 50_000
    assert (packets[-1].timestamp - packets[0].timestamp) / 48_000 == pytest.approx(5.9, abs=0.2)


async def test_who_says_nothing_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    phone = Answerphone(monkeypatch)
    phone.hear(quiet(4.0))
    assert phone.recorder.ended.result() is EndedBy.SILENCE
    assert phone.recorder.stop() == 0.0 and phone.begun == []


async def test_a_caller_who_sends_nothing_while_silent_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    phone = Answerphone(monkeypatch)
    phone.hear(talk(2.0), quiet(4.0), dtx=True)
    assert phone.recorder.ended.result() is EndedBy.SILENCE
    assert phone.recorder.stop() == pytest.approx(2.6, abs=0.2)


async def test_a_message_that_is_too_long_is_cut_at_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    phone = Answerphone(monkeypatch, MessageRules(longest=3.0))
    phone.hear(talk(5.0))
    assert phone.recorder.ended.result() is EndedBy.LENGTH
    assert phone.recorder.stop() == pytest.approx(3.0, abs=0.1)


async def test_the_end_digit_ends_it_and_a_hang_up_keeps_what_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    pressed, gone = Answerphone(monkeypatch), Answerphone(monkeypatch)
    for phone in (pressed, gone):
        phone.hear(talk(2.0))
    pressed.recorder.press("#")
    assert pressed.recorder.ended.result() is EndedBy.DIGIT
    assert gone.recorder.stop() == pytest.approx(2.0, abs=0.15)
    assert gone.recorder.ended.result() is EndedBy.HANG_UP
    assert not gone.beat.ticks


async def test_after_the_end_nothing_more_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    phone = Answerphone(monkeypatch)
    phone.hear(talk(1.0), quiet(3.0))
    first = phone.recorder.stop()
    phone.hear(talk(2.0))
    assert phone.recorder.stop() == first
    assert len(phone.message()[1]) < 90


@pytest_asyncio.fixture
async def clips(tmp_path: Path) -> AsyncIterator[ClipStore]:
    store = ClipStore(tmp_path)
    yield store
    await store.close()


def sound_of(clip: Clip, rate: int) -> NDArray[np.int16]:
    decoder = OpusDecoder(rate)
    return np.concatenate([decoder.decode(packet).copy() for packet in clip.packets])


async def test_the_beep_is_one_tone_of_1000_hz_for_less_than_half_a_second(clips: ClipStore) -> None:
    clip = await clips.message_beep()
    assert 0.38 < clip.seconds < 0.5
    sound = sound_of(clip, 48_000)[4_800:14_400].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    peak = int(np.argmax(spectrum))
    assert peak * 48_000 / len(sound) == pytest.approx(1_000, abs=6)
    assert spectrum[peak - 4 : peak + 5].sum() / spectrum.sum() > 0.98


async def test_another_dialer_would_know_our_beep_for_one(clips: ClipStore) -> None:
    beep = sound_of(await asyncio.wait_for(clips.message_beep(), 30), 8_000).astype(np.float64) / 32_768
    detector = AnsweringMachineDetector(wait_for_beep=True)
    frames = line(quiet(0.3), talk(3.0), quiet(0.2), beep, quiet(1.5)).reshape(-1, 160)
    heard = [detector.feed(frame, index * FRAME_SECONDS) for index, frame in enumerate(frames)]
    assert [verdict.answer for verdict in heard if verdict] == [Answer.MACHINE, Answer.MACHINE_BEEP]

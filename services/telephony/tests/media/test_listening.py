"""What a leg is listened to with lasts as long as it lasted, whatever its packets say of the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from telephony.domain.legs import Answer
from telephony.media.answering_tap import AnsweringMachineTap
from telephony.media.listening import FRAME, RATE, Listening
from testkit.webrtc import tone_packets

SECOND = 50
TONE, SILENCE = tone_packets(440.0, 1.0), tone_packets(None, 1.0)


class Ticks:
    """A ticker that is turned by hand."""

    def __init__(self) -> None:
        self.each: list[Callable[[], None]] = []
        self.add, self.remove = self.each.append, self._remove

    def _remove(self, tick: Callable[[], None]) -> None:
        if tick in self.each:
            self.each.remove(tick)

    def turn(self) -> None:
        for tick in list(self.each):
            tick()


class Line:
    """Packets of one source, 20 ms each, with a clock that leaps."""

    def __init__(self, ticks: Any, tap: Callable[[object, int, bytes], None]) -> None:
        self.timestamp = 4_294_000_000
        self._ticks, self._tap = ticks, tap

    def talk(self, frames: int, packets: list[bytes]) -> None:
        for at in range(frames):
            self._ticks.turn()
            self._tap(self, self.timestamp, packets[at % len(packets)])
            self.rest(0, 1)

    def rest(self, ticks: int, by_clock: int) -> None:
        for _ in range(ticks):
            self._ticks.turn()
        self.timestamp = (self.timestamp + by_clock * 960) & 0xFFFF_FFFF


@pytest.mark.parametrize("leap", [-30, -5, -2, 0, 2, 5, 30])
def test_a_clock_that_leaps_adds_no_silence_to_what_is_heard_and_takes_no_word_from_it(leap: int) -> None:
    ticks, heard = Ticks(), []
    line = Line(ticks, Listening(ticks, lambda frame, _at: heard.append(frame)).tap)  # type: ignore[arg-type]
    line.talk(2 * SECOND, TONE)
    line.rest(0, leap * SECOND)
    line.talk(2 * SECOND, TONE)
    assert len(heard) * FRAME / RATE == pytest.approx(4.0, abs=0.1)
    assert sum(abs(frame.astype(float)).max() > 100 for frame in heard) > 4 * SECOND - 6


def test_what_a_sender_leaves_out_while_it_is_silent_is_silence_as_long_as_it_was() -> None:
    ticks, heard = Ticks(), []
    line = Line(ticks, Listening(ticks, lambda frame, _at: heard.append(frame)).tap)  # type: ignore[arg-type]
    line.talk(SECOND, TONE)
    line.rest(3 * SECOND, 3 * SECOND)
    line.talk(SECOND, TONE)
    assert len(heard) * FRAME / RATE == pytest.approx(5.0, abs=0.1)


@pytest.mark.parametrize("leap", [-5, 2, 5])
def test_who_answered_is_told_as_late_as_without_a_leap(leap: int) -> None:
    def told_after(leap: int) -> tuple[int, Answer]:
        ticks, verdicts = Ticks(), []
        tap = AnsweringMachineTap(ticks, verdicts.append)  # type: ignore[arg-type]
        line, frames = Line(ticks, tap.tap), 0
        while not verdicts:
            line.rest(0, leap * SECOND if frames == SECOND // 2 else 0)
            line.talk(1, SILENCE)
            frames += 1
        return frames, verdicts[0].answer

    (frames, answer), (as_usual, wanted) = told_after(leap), told_after(0)
    assert answer is wanted and abs(frames - as_usual) <= 5

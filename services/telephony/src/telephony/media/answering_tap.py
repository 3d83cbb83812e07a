"""Answering-machine detection on a leg: its packets in, verdicts out."""

from __future__ import annotations

from collections.abc import Callable

from telephony.domain.legs import Answer
from telephony.media.answering_machine import AnsweringMachineDetector, Parameters, Verdict
from telephony.media.answering_speech import Vad
from telephony.media.codecs import Samples
from telephony.media.listening import Listening
from telephony.media.ticker import Ticker


class AnsweringMachineTap:
    """Make one when the other end answers, and set `tap` as its member's tap (with `keep_tap`: nobody hears it yet).

    `on_verdict` is called once, or twice when a machine's beep is waited for: first with MACHINE, then with the end.
    """

    def __init__(
        self,
        ticker: Ticker,
        on_verdict: Callable[[Verdict], None],
        parameters: Parameters | None = None,
        *,
        wait_for_beep: bool = False,
        vad: Vad | None = None,
    ) -> None:
        self._on_verdict = on_verdict
        self._detector = AnsweringMachineDetector(parameters, wait_for_beep=wait_for_beep, vad=vad)
        self._listening = Listening(ticker, self._frame)
        self._seconds = 0.0
        self.tap = self._listening.tap

    def give_up(self) -> Verdict | None:
        """The call ends or somebody decides otherwise: UNKNOWN when nothing is final yet. No more is called."""
        self._listening.close()
        if self._detector.done:
            return None
        return Verdict(Answer.UNKNOWN, self._seconds, "given up before it was clear", True)

    def _frame(self, frame: Samples, at: float) -> None:
        self._seconds = at
        verdict = self._detector.feed(frame, at)
        if self._detector.done:
            self._listening.close()
        if verdict is not None:
            self._on_verdict(verdict)

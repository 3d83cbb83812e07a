"""Labelled calls as the detector hears them, frame by frame, before anything is weighed or decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from amd_families import Family
from amd_set import samples
from amd_sounds import FRAME
from numpy.typing import NDArray
from telephony.media.answering_evidence import Evidence, Pace, evidence_of
from telephony.media.answering_machine import AnsweringMachineDetector, Parameters
from telephony.media.answering_speech import FRAME_SECONDS

Table = NDArray[np.float64]
Mask = NDArray[np.bool_]
FRAMES = 320
NOW = np.arange(1, FRAMES + 1) * FRAME_SECONDS
"""Seconds from the answer to each frame's end."""
NEVER = 99.0
_DEAF = Parameters(
    pace=Pace(0.0, 0.0, -inf, -inf, -inf, inf, inf, enough_quiet=inf, enough_faded=inf), nobody=NEVER, patience=NEVER
)  # fmt: skip
"""Tells tones only."""


@dataclass(frozen=True)
class Heard:
    """What could be weighed when, and what tones said."""

    evidence: Table
    """calls x frames x kinds of evidence; NaN where nothing was said yet, or no more is heard."""
    contrast: Table
    seconds: Table
    faded: Table
    free: Mask
    """Where no tone is still to be made out."""
    silent: Mask
    """Where nothing was said so far, and no tone sounds."""
    tone_at: NDArray[np.float64]
    tone: NDArray[np.str_]
    label: NDArray[np.str_]
    family: NDArray[np.int64]
    """Which of the families a call is of."""

    @property
    def quiet(self) -> Table:
        return self.evidence[..., Evidence._fields.index("quiet")]

    @property
    def human(self) -> Mask:
        return self.label == "human"

    @property
    def machine(self) -> Mask:
        return self.label == "machine"

    def of(self, calls: Mask) -> Heard:
        """Some of the calls alone."""
        return Heard(**{name: getattr(self, name)[calls] for name in self.__dataclass_fields__})


def hear(families: Sequence[Family]) -> Heard:
    calls = [(index, call) for index, family in enumerate(families) for call in samples(family)]
    shape = (len(calls), FRAMES)
    evidence = np.full((*shape, len(Evidence._fields)), np.nan)
    contrast, seconds, faded = (np.full(shape, np.nan) for _ in range(3))
    free, silent = np.zeros(shape, bool), np.zeros(shape, bool)
    tone_at, tone = np.full(len(calls), NEVER), np.full(len(calls), "", "U16")
    for row, (_, call) in enumerate(calls):
        detector = AnsweringMachineDetector(_DEAF)
        for column, frame in enumerate(call.pcm.reshape(-1, FRAME)[:FRAMES]):
            verdict = detector.feed(frame, column * FRAME_SECONDS)
            if verdict is not None:
                tone_at[row], tone[row] = verdict.seconds, str(verdict.answer)
                break
            speech = detector.speech
            free[row, column] = not detector.tone_pending(NOW[column])
            silent[row, column] = speech is None and free[row, column]
            if speech is not None:
                evidence[row, column], contrast[row, column] = evidence_of(speech), speech.contrast
                seconds[row, column], faded[row, column] = speech.seconds, speech.faded
    label, family = np.array([call.plan.label for _, call in calls]), np.array([index for index, _ in calls])
    return Heard(evidence, contrast, seconds, faded, free, silent, tone_at, tone, label, family)

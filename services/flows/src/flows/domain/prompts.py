"""Prompts: audio that a tenant uploaded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from kernel.errors import FailedPrecondition, InvalidInput, NotFound

MAX_BYTES = 4_000_000
MAX_DURATION = timedelta(minutes=5)
MIN_DURATION = timedelta(milliseconds=200)
FAINTEST_DB = -50.0
"""Decibels of full scale of the loudest 100 ms. Telephony raises a prompt by 30 dB at most."""


class PromptNotFound(NotFound):
    """No such prompt."""

    reason = "PROMPT_NOT_FOUND"


class PromptInUse(FailedPrecondition):
    """A draft or a release plays it."""

    reason = "PROMPT_IN_USE"


class PromptUnreadable(InvalidInput):
    """The upload is not audio that can be played: wrong format, broken, too long or too big."""

    reason = "PROMPT_UNREADABLE"


class PromptTooShort(InvalidInput):
    """Nothing can be said in so short a time."""

    reason = "PROMPT_TOO_SHORT"


class PromptSilent(InvalidInput):
    """Silence, or so faint that raising it to the loudness of other prompts would raise its noise."""

    reason = "PROMPT_SILENT"


@dataclass(frozen=True)
class Sound:
    """An upload that was decoded to its end."""

    audio: bytes
    content_type: str
    digest: str
    """SHA-256, hex."""
    duration: timedelta


@dataclass(frozen=True)
class Prompt:
    """A prompt without its audio."""

    prompt_id: str
    display_name: str
    language: str
    duration: timedelta
    size_bytes: int
    create_time: datetime


def require_heard(duration: timedelta, loudest_db: float) -> None:
    """Raises PromptTooShort, PromptSilent."""
    if duration < MIN_DURATION:
        raise PromptTooShort("the sound is shorter than 0.2 seconds: record it again and wait a moment before you stop")
    if loudest_db == -math.inf:
        raise PromptSilent("the file is silent: check that the right microphone was on and record it again")
    if loudest_db < FAINTEST_DB:
        raise PromptSilent("the sound is too faint: record it again, louder or closer to the microphone")

"""Prompts: audio that a tenant uploaded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from kernel.errors import FailedPrecondition, InvalidInput, NotFound

MAX_BYTES = 4_000_000
MAX_DURATION = timedelta(minutes=5)


class PromptNotFound(NotFound):
    """No such prompt."""

    reason = "PROMPT_NOT_FOUND"


class PromptInUse(FailedPrecondition):
    """A draft or a release plays it."""

    reason = "PROMPT_IN_USE"


class PromptUnreadable(InvalidInput):
    """The upload is not audio that can be played: wrong format, broken, too long or too big."""

    reason = "PROMPT_UNREADABLE"


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

"""Steps that ask a caller for more than a choice: which language to speak, and what they think."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

MOST = 9999
"""The highest answer a question may ask for: four keys are as many as anybody presses for an opinion."""


@dataclass(frozen=True)
class Utterance:
    """Text by language code, or an uploaded prompt that is played instead."""

    text: Mapping[str, str] = field(default_factory=dict)
    prompt_id: str = ""

    @property
    def empty(self) -> bool:
        """Whether nothing would be heard."""
        return not self.prompt_id and not any(text.strip() for text in self.text.values())


SILENCE = Utterance()
"""Nothing to be heard."""


@dataclass(frozen=True)
class LanguageChoice:
    """A digit and the language it stands for."""

    digit: str = ""
    language: str = ""


@dataclass(frozen=True)
class ChooseLanguage:
    """Asks in which language to go on, in every language there is to choose, and speaks that from then on."""

    utterance: Utterance = SILENCE
    choices: tuple[LanguageChoice, ...] = ()
    timeout: timedelta | None = None
    attempts: int = 0
    next: str = ""
    no_match: str = ""


@dataclass(frozen=True)
class Survey:
    """Asks for a number from `lowest` to `highest`, and tells it as the answer to `question_id`. Up to 9 it is one
    key."""

    utterance: Utterance = SILENCE
    question_id: str = ""
    lowest: int = 0
    highest: int = 0
    timeout: timedelta | None = None
    attempts: int = 0
    invalid: Utterance = SILENCE
    next: str = ""
    no_match: str = ""

    @property
    def digits(self) -> int:
        """How many keys an answer takes at most."""
        return len(str(max(self.highest, 0)))

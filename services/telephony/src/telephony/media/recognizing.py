"""What a caller may say instead of pressing a key: one of a few phrases, in a process of its own.

A better engine plugs in as another `Recognizer`. The one here is PocketSphinx, whose model of English ships inside its
package; what it is good for is measured in docs/mechanisms/speech-menus.md.
"""

from __future__ import annotations

import json
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Protocol

from telephony.media.codecs import Samples
from telephony.media.speech_process import SpeechProcess

_SECONDS = 5.0


@dataclass(frozen=True)
class Heard:
    """The phrase that was said, empty for none of them; `confidence` is above 0 for what is believed."""

    phrase: str
    confidence: float


class Recognizer(Protocol):
    """Understands short sounds."""

    @property
    def languages(self) -> Set[str]:
        """Those it has a model of."""
        ...

    async def recognize(self, sound: Samples, phrases: Sequence[str], language: str) -> Heard:
        """Which of the phrases the sound (16 bit, 8 kHz) is. ClipFailed when the engine fails."""
        ...

    async def close(self) -> None: ...


class PocketSphinx:
    """Starts its worker when it is asked first."""

    languages: Set[str] = frozenset({"en"})

    def __init__(self) -> None:
        self._process = SpeechProcess(_SECONDS, "telephony.media.recognition_worker")

    async def recognize(self, sound: Samples, phrases: Sequence[str], language: str) -> Heard:
        if language not in self.languages:
            return Heard("", -1.0)
        head = {"phrases": json.dumps(list(phrases))}
        (answer,) = await self._process.make(head, sound.astype("<i2").tobytes())
        found = json.loads(answer)
        return Heard(found["phrase"], found["confidence"])

    async def close(self) -> None:
        await self._process.close()

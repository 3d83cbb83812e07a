"""How a brand wants its calls to be handled, as telephony carries it out. A call keeps those it began with. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any


class RecordingTone(Enum):
    """Whether a tone tells that a call is recorded."""

    NONE = "NONE"
    ONCE = "ONCE"
    """When the recording begins, and for each party that joins later."""
    REPEATED = "REPEATED"


class ParkEnd(Enum):
    """Where a parked call goes that nobody takes, neither by its code nor back."""

    VOICEMAIL = "VOICEMAIL"
    QUEUE = "QUEUE"
    HANG_UP = "HANG_UP"


@dataclass(frozen=True)
class CallRules:
    """Seconds are whole ones."""

    tone: RecordingTone = RecordingTone.NONE
    tone_seconds: int = 15
    """From one tone to the next. 47 CFR 64.501 wants about fifteen."""
    tone_for_agents: bool = False
    park_seconds: int = 120
    park_end: ParkEnd = ParkEnd.VOICEMAIL
    callers_hidden: bool = False
    """Who answers an agent's number isn't told who calls."""

    @property
    def park_time(self) -> timedelta:
        """How long a parked call waits for somebody to retrieve it."""
        return timedelta(seconds=self.park_seconds)

    def document(self) -> dict[str, Any]:
        """As it is stored with a call."""
        said = {
            "tone": self.tone.value, "tone_seconds": self.tone_seconds, "tone_for_agents": self.tone_for_agents,
            "park_seconds": self.park_seconds, "park_end": self.park_end.value,
        }  # fmt: skip
        # Left out while it says nothing: a node of the version before reads no name it doesn't know.
        return said | ({"callers_hidden": True} if self.callers_hidden else {})

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> CallRules:
        """What is stored; a call from before there were rules has the defaults."""
        if not document:
            return cls()
        return cls(**{**document, "tone": RecordingTone(document["tone"]), "park_end": ParkEnd(document["park_end"])})

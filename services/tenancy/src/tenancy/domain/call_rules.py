"""How a brand's calls are handled: what others carry out and a brand chooses. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tenancy.domain.fields import FieldInvalid

TONES = ("", "ONCE", "REPEATED")
PARK_ENDS = ("", "QUEUE", "HANG_UP")
_LEAST_TONE, _MOST_TONE = 5, 120
_LEAST_PARK, _MOST_PARK = 15, 3600


@dataclass(frozen=True)
class CallRules:
    """Each as the contract's field of that name; 0 and empty stand for what it says they mean."""

    recording_tone: str = ""
    recording_tone_seconds: int = 0
    recording_tone_for_agents: bool = False
    park_seconds: int = 0
    park_end: str = ""
    callers_hidden: bool = False

    def document(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)


def call_rules_of(document: Mapping[str, Any]) -> CallRules:
    """What is stored; nothing means the defaults."""
    return CallRules(**{name: document[name] for name in CallRules.__dataclass_fields__ if name in document})


def check_call_rules(rules: CallRules) -> CallRules:
    """The same; FieldInvalid for a number out of its range."""
    for name, value, least, most in (
        ("recording_tone_seconds", rules.recording_tone_seconds, _LEAST_TONE, _MOST_TONE),
        ("park_seconds", rules.park_seconds, _LEAST_PARK, _MOST_PARK),
    ):
        if value and not least <= value <= most:
            raise FieldInvalid.of(
                f"brand.call_rules.{name}", f"must be {least} to {most} seconds, or 0 for the default"
            )
    return rules

"""How strongly what was said speaks for a machine: weights of evidence, added up. Pure.

A sequential test (Wald 1945) on log odds: below one line it is a person, above another a machine, between them more is
heard. The odds are a sum anybody can check: so much for each syllable, for each second of quiet. The numbers are
`answering_weights`, made by `make fit-amd`; they know nothing of voices, languages or words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from telephony.media.answering_speech import Speech

_MOST_SYLLABLES, _MOST_SECONDS, _MOST_QUIET = 12, 2.6, 0.8
_MOST_PAUSED, _MOST_PAUSES, _LONGEST_PAUSE, _LONGEST_SYLLABLE, _MOST_UNREST = 1.0, 2, 0.6, 0.5, 2.0
_MOST_FADED = 1.6


class Evidence(NamedTuple):
    """What is weighed. What is beyond a bound tells no more."""

    syllables: float
    seconds: float
    """From the first word to the end of the last."""
    paused: float
    """Seconds of that without speech."""
    pauses: float
    longest_pause: float
    quiet: float
    """Seconds since the last word."""
    unrest: float
    """Ten decibels that this quiet isn't quite quiet by."""
    last_syllable: float
    """Seconds that it dies away in: who is finished draws it out."""
    faded: float
    """Seconds since a syllable was about as loud as the loudest: what goes on may be the room."""


@dataclass(frozen=True)
class Weights:
    """Log odds (natural) of a machine against a person: what one of each kind of evidence adds."""

    evidence: Evidence
    bias: float

    def odds(self, evidence: Evidence) -> float:
        """The sum; above 0 a machine is likelier, where both answer equally often."""
        return self.bias + sum(weight * one for weight, one in zip(self.evidence, evidence, strict=True))


@dataclass(frozen=True)
class Pace:
    """When the odds are good enough. Seconds since the answer, and log odds."""

    soon: float
    """Until then `person_soon` counts."""
    late: float
    """From then on `person_late` counts."""
    person_soon: float
    person: float
    person_late: float
    """Below these it is a person."""
    machine: float
    """Above it is a machine, once it has talked for `talked`."""
    too_long: float
    """Who talks for so many seconds, pauses included, is a machine whatever the odds."""
    talked: float = 1.0
    least_quiet: float = 0.16
    """A shorter pause is none: who makes it is still talking."""
    enough_quiet: float = 0.8
    """Who waits so long is a person whatever the odds."""
    enough_faded: float = 1.6
    """Who has said nothing as loud again for so long is a person whatever goes on behind."""

    def person_at(self, now: float) -> float:
        """The odds below which it is a person, `now` seconds after the answer."""
        if now < self.soon:
            return self.person_soon
        return self.person if now < self.late else self.person_late


def evidence_of(speech: Speech) -> Evidence:
    return Evidence(
        syllables=min(speech.syllables, _MOST_SYLLABLES),
        seconds=min(speech.seconds, _MOST_SECONDS),
        paused=min(speech.seconds - speech.talked, _MOST_PAUSED),
        pauses=min(speech.pauses, _MOST_PAUSES),
        longest_pause=min(speech.longest_pause, _LONGEST_PAUSE),
        quiet=min(speech.quiet, _MOST_QUIET),
        unrest=min(speech.unrest / 10, _MOST_UNREST),
        last_syllable=min(speech.last_syllable, _LONGEST_SYLLABLE),
        faded=min(speech.faded, _MOST_FADED),
    )

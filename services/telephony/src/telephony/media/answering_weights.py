"""Made by `make fit-amd` from the calls of the tuned families of bench/families. Never edited.

first: 1040 calls of the recipe 4ba9462cb327fe61.
second: 1040 calls of the recipe 05dcf28d3968476f.
"""

from __future__ import annotations

from telephony.media.answering_evidence import Evidence, Pace, Weights

TALKING = Weights(
    evidence=Evidence(
        syllables=0.27,
        seconds=0.24,
        paused=0.44,
        pauses=-0.39,
        longest_pause=-0.91,
        quiet=0.0,
        unrest=0.0,
        last_syllable=0.0,
    ),
    bias=-1.75,
)
"""While they talk."""
QUIET = Weights(
    evidence=Evidence(
        syllables=0.28,
        seconds=0.49,
        paused=0.0,
        pauses=0.0,
        longest_pause=-1.48,
        quiet=-3.85,
        unrest=1.0,
        last_syllable=-2.32,
    ),
    bias=-0.21,
)
"""While they are quiet."""
QUICK_PACE = Pace(
    soon=1.4,
    late=1.44,
    person_soon=1.1,
    person=1.4,
    person_late=-2.8,
    machine=2.9,
    too_long=2.8,
    talked=1.0,
    least_quiet=0.16,
    enough_quiet=0.8,
)
PATIENT_PACE = Pace(
    soon=1.3,
    late=2.2,
    person_soon=-3.1,
    person=-2.5,
    person_late=-2.2,
    machine=3.5,
    too_long=3.2,
    talked=1.0,
    least_quiet=0.16,
    enough_quiet=0.8,
)

"""Made by `make fit-amd` from the calls of bench/amd_tuned.py. Never edited.

1040 calls of the recipe 04172ef8610119a2.
"""

from __future__ import annotations

from telephony.media.answering_evidence import Evidence, Pace, Weights

TALKING = Weights(
    evidence=Evidence(
        syllables=0.48,
        seconds=-0.31,
        paused=0.66,
        pauses=-0.69,
        longest_pause=-0.33,
        quiet=0.0,
        unrest=0.0,
        last_syllable=0.0,
    ),
    bias=-2.25,
)
"""While they talk."""
QUIET = Weights(
    evidence=Evidence(
        syllables=0.39,
        seconds=0.01,
        paused=0.0,
        pauses=0.0,
        longest_pause=-0.74,
        quiet=-4.69,
        unrest=1.18,
        last_syllable=-2.19,
    ),
    bias=0.06,
)
"""While they are quiet."""
QUICK_PACE = Pace(
    soon=1.1,
    late=1.8,
    person_soon=1.2,
    person=1.4,
    person_late=-2.4,
    machine=1.4,
    too_long=3.0,
    talked=1.0,
    least_quiet=0.2,
    enough_quiet=0.8,
)
PATIENT_PACE = Pace(
    soon=1.3,
    late=1.6,
    person_soon=-2.4,
    person=-2.4,
    person_late=-0.2,
    machine=2.8,
    too_long=2.6,
    talked=1.0,
    least_quiet=0.2,
    enough_quiet=0.8,
)

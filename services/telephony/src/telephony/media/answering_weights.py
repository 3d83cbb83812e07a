"""Made by `make fit-amd` from the calls of the tuned families of bench/families. Never edited.

first: 1040 calls of the recipe fb41276128dac28d.
second: 1040 calls of the recipe 1f848a6758340d57.
third: 1040 calls of the recipe d8f6e1ecdc0bdf14.
"""

from __future__ import annotations

from telephony.media.answering_evidence import Evidence, Pace, Weights

TALKING = Weights(
    evidence=Evidence(
        syllables=0.29,
        seconds=0.25,
        paused=0.37,
        pauses=-0.5,
        longest_pause=-0.54,
        quiet=0.0,
        unrest=0.0,
        last_syllable=0.0,
        faded=-0.85,
    ),
    bias=-1.59,
)
"""While they talk."""
QUIET = Weights(
    evidence=Evidence(
        syllables=0.32,
        seconds=0.25,
        paused=0.0,
        pauses=0.0,
        longest_pause=-0.83,
        quiet=-1.08,
        unrest=1.05,
        last_syllable=-0.96,
        faded=-1.81,
    ),
    bias=-0.44,
)
"""While they are quiet."""
QUICK_PACE = Pace(
    soon=1.0,
    late=1.44,
    person_soon=-0.7,
    person=2.0,
    person_late=-2.2,
    machine=2.6,
    too_long=3.8,
    talked=1.0,
    least_quiet=0.16,
    enough_quiet=1.2,
    enough_faded=1.8,
)
PATIENT_PACE = Pace(
    soon=0.9,
    late=2.2,
    person_soon=-0.4,
    person=-3.4,
    person_late=-2.2,
    machine=3.8,
    too_long=4.6,
    talked=1.0,
    least_quiet=0.16,
    enough_quiet=1.2,
    enough_faded=1.6,
)

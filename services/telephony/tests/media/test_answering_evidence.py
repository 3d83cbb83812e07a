"""What speaks for a machine and for a person, and where the numbers come from."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from telephony.media import answering_weights
from telephony.media.answering_evidence import Evidence, Pace
from telephony.media.answering_weights import PATIENT_PACE, QUICK_PACE, QUIET, TALKING

BENCH = Path(__file__).parents[2] / "bench"
WORD = Evidence(
    syllables=2, seconds=0.4, paused=0, pauses=0, longest_pause=0, quiet=0.3, unrest=0, last_syllable=0.15
)  # fmt: skip


def in_bench(program: str) -> str:
    """What the program prints that has the bench's modules."""
    done = subprocess.run([sys.executable, "-c", program], cwd=BENCH, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_longer_they_wait_the_likelier_they_are_a_person() -> None:
    assert QUIET.odds(WORD) > QUIET.odds(WORD._replace(quiet=0.6))


def test_the_more_was_said_the_likelier_it_is_a_machine() -> None:
    assert QUIET.odds(WORD) < QUIET.odds(WORD._replace(syllables=8, seconds=1.5))
    assert TALKING.odds(WORD) < TALKING.odds(WORD._replace(syllables=8, seconds=1.5))


def test_a_pause_that_hisses_is_less_of_a_wait() -> None:
    assert QUIET.odds(WORD) < QUIET.odds(WORD._replace(unrest=1.5))


@pytest.mark.parametrize("pace", [QUICK_PACE, PATIENT_PACE], ids=["quick", "patient"])
def test_nobody_who_has_finished_waits_longer_than_the_law_allows(pace: Pace) -> None:
    assert pace.enough_quiet < 2.0


def test_no_two_families_of_calls_share_a_sentence_or_a_voice_so_nothing_is_judged_by_what_it_was_chosen_by() -> None:
    told = in_bench(
        "import dataclasses, re, itertools, amd_tuned, amd_held_out\n"
        "def said(family): return {re.sub(r'[\\W_]+', ' ', text).strip().casefold()"
        " for one in dataclasses.asdict(family).values() if isinstance(one, dict)"
        " for texts in one.values() for text in texts}\n"
        "for one, other in itertools.combinations([*amd_tuned.FAMILIES, amd_held_out.FAMILY], 2):\n"
        "    print(said(one) & said(other), set(one.voices) & set(other.voices), one.seed == other.seed)"
    )
    assert told.splitlines() == ["set() set() False"] * 3


def test_choosing_the_numbers_never_loads_the_calls_reported_on() -> None:
    assert in_bench("import sys, fit_amd\nprint('amd_held_out' in sys.modules)") == "False"


def test_the_numbers_are_those_of_the_calls_as_they_are_made_today() -> None:
    said = ast.get_docstring(ast.parse(Path(str(answering_weights.__file__)).read_text()))
    assert said is not None
    recipes = in_bench(
        "from amd_set import recipe\nfrom amd_tuned import FAMILIES\nfor family in FAMILIES: print(recipe(family))"
    )
    assert len(recipes.split()) == 2 and all(recipe in said for recipe in recipes.split())

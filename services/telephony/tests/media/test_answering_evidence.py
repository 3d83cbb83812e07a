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
    syllables=2, seconds=0.4, paused=0, pauses=0, longest_pause=0, quiet=0.3, unrest=0, last_syllable=0.15, faded=0.4
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


def test_what_goes_on_much_softer_than_it_began_is_less_of_a_machine() -> None:
    assert TALKING.odds(WORD._replace(faded=1.4)) < TALKING.odds(WORD._replace(faded=0.1))


def test_a_pause_that_hisses_is_less_of_a_wait() -> None:
    assert QUIET.odds(WORD) < QUIET.odds(WORD._replace(unrest=1.5))


@pytest.mark.parametrize("pace", [QUICK_PACE, PATIENT_PACE], ids=["quick", "patient"])
def test_nobody_who_has_finished_waits_longer_than_the_law_allows(pace: Pace) -> None:
    assert pace.enough_quiet < 2.0 and pace.enough_faded < 2.0


def test_no_two_families_of_calls_share_a_sentence_or_a_voice_so_nothing_is_judged_by_what_it_was_chosen_by() -> None:
    told = in_bench(
        "import dataclasses, re, itertools, amd_families\n"
        "def said(one): return {re.sub(r'[\\W_]+', ' ', text).strip().casefold()"
        " for texts in dataclasses.asdict(one).values() if isinstance(texts, dict)"
        " for group in texts.values() for text in group}\n"
        "every = [amd_families.family(name) for name in (*amd_families.TUNED, amd_families.HELD_OUT)]\n"
        "for one, other in itertools.combinations(every, 2):\n"
        "    print(said(one) & said(other), set(one.voices) & set(other.voices), one.seed == other.seed)"
    )
    assert told.splitlines() == ["set() set() False"] * 6


def test_numbers_are_never_chosen_where_the_calls_reported_on_were_read() -> None:
    told = in_bench(
        "import amd_families, fit_amd\n"
        "print(amd_families.HELD_OUT in amd_families.TUNED)\n"
        "amd_families.refuse_where_held_out_was_read()\n"
        "amd_families.family(amd_families.HELD_OUT)\n"
        "try: fit_amd.main()\n"
        "except RuntimeError as error: print(error)"
    )
    assert told.splitlines()[0] == "False" and "was read here" in told.splitlines()[1]


def test_the_numbers_are_those_of_the_calls_as_they_are_made_today() -> None:
    said = ast.get_docstring(ast.parse(Path(str(answering_weights.__file__)).read_text()))
    assert said is not None
    recipes = in_bench(
        "from amd_set import recipe\nfrom amd_families import tuned\nfor family in tuned(): print(recipe(family))"
    )
    assert len(recipes.split()) == 3 and all(recipe in said for recipe in recipes.split())

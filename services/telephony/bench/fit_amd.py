"""Chooses the numbers by which people are told from machines: `python services/telephony/bench/fit_amd.py`.

Reads the calls of the tuned families alone and writes `telephony/media/answering_weights.py`. Weights are those of a
logistic regression of each moment's evidence. The lines that odds are held against are chosen with each family told by
the weights of the others, and have to do for all. Before that it prints what everything chosen without one family is
worth to that family, in turns, which is what a stranger may expect, and what more time would give.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from amd_families import Family, refuse_where_held_out_was_read, tuned
from amd_heard import NOW, Heard, Mask, Table, hear
from amd_lines import line, share
from amd_pace import Aim, Search, Trial
from amd_set import plans, recipe
from numpy.typing import NDArray
from telephony.media.answering_evidence import Evidence, Pace, Weights

_TARGET = Path(__file__).parents[1] / "src/telephony/media/answering_weights.py"
_GOAL = 0.95
_LEARNED_UNTIL = 3.2
"""Seconds from the answer: what comes later is hardly ever decided by."""
_AIMS = {"QUICK": Aim(0.98, 1.4), "PATIENT": Aim(0.98)}
"""In the worst family. The goals are 0.95 and 1.5, PATIENT has none of time. The margin is for strangers, who came out
up to two points below the worst of those chosen by, and for chance, which moves a share of a thousand by one."""
_CURVE = (Aim(0.96, 1.4), Aim(0.97, 1.4), _AIMS["QUICK"], Aim(0.98, 1.6), Aim(0.98, 2.0))
_QUIET_USES = ("syllables", "seconds", "longest_pause", "quiet", "unrest", "last_syllable", "faded")
_TALKING_USES = ("syllables", "seconds", "paused", "pauses", "longest_pause", "faded")


def learned(heard: Heard) -> tuple[Weights, Weights]:
    """Weights while they talk, and while they are quiet."""
    known = ~np.isnan(heard.contrast) & (NOW < _LEARNED_UNTIL) & (heard.human | heard.machine)[:, None]
    answer = np.broadcast_to(heard.machine[:, None], known.shape)
    quiet = known & (heard.quiet >= Pace.least_quiet)
    talking = known & (heard.quiet < Pace.least_quiet) & (heard.seconds > 0.5)
    return (
        _regressed(heard.evidence[talking], answer[talking], _TALKING_USES),
        _regressed(heard.evidence[quiet], answer[quiet], _QUIET_USES),
    )


def _regressed(evidence: Table, machine: Mask, uses: Sequence[str]) -> Weights:
    """Logistic regression by Newton's method, people and machines weighing the same altogether."""
    chosen = [Evidence._fields.index(name) for name in uses]
    given = np.c_[evidence[:, chosen], np.ones(len(evidence))]
    weigh = np.where(machine, 0.5 / machine.mean(), 0.5 / (1 - machine.mean()))
    found = np.zeros(given.shape[1])
    for _ in range(15):
        sure = 1 / (1 + np.exp(-given @ found))
        slope = given.T @ (weigh * (sure - machine)) / len(given) + 1e-4 * found
        bend = (given * (weigh * sure * (1 - sure))[:, None]).T @ given / len(given) + 1e-4 * np.eye(len(found))
        found -= np.linalg.solve(bend, slope)
    each = dict.fromkeys(Evidence._fields, 0.0) | dict(zip(uses, map(float, found[:-1].round(2)), strict=True))
    return Weights(Evidence(**each), float(found[-1].round(2)))


def odds(weights: Weights, heard: Heard) -> Table:
    return heard.evidence @ np.array(weights.evidence) + weights.bias


def told_by_others(heard: Heard, folds: NDArray[np.int64]) -> Trial:
    """Each call with odds by weights that its own fold had no part in."""
    talking, quiet = np.full(heard.contrast.shape, np.nan), np.full(heard.contrast.shape, np.nan)
    for fold in np.unique(folds):
        mine = folds == fold
        by_talk, by_quiet = learned(heard.of(~mine))
        talking[mine], quiet[mine] = odds(by_talk, heard)[mine], odds(by_quiet, heard)[mine]
    return Trial(heard, talking, quiet, folds)


def show_what_a_stranger_may_expect(heard: Heard, families: Sequence[Family]) -> None:
    """Weights and paces chosen without one family, then its calls by them; each in turn."""
    for index, family in enumerate(families):
        stranger, others = heard.of(heard.family == index), heard.of(heard.family != index)
        search = Search(told_by_others(others, others.family))
        by_talk, by_quiet = learned(others)
        trial = Trial(stranger, odds(by_talk, stranger), odds(by_quiet, stranger), stranger.family)
        for name, aim in _AIMS.items():
            found = search.best(aim)
            (judged,) = trial.outcome(found.pace).folds
            people = int(stranger.human.sum())
            share("amd_stranger_people_kept", round(judged.kept * people), people, _GOAL, pace=name,
                  stranger=family.name, elsewhere=judged.shown(),
                  there=[one.shown() for one in found.folds])  # fmt: skip


def written(talking: Weights, quiet: Weights, paces: dict[str, Pace], families: Sequence[Family]) -> str:
    made_of = [f"{family.name}: {len(plans(family))} calls of the recipe {recipe(family)}." for family in families]
    lines = [
        '"""Made by `make fit-amd` from the calls of the tuned families of bench/families. Never edited.',
        "",
        *made_of,
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from telephony.media.answering_evidence import Evidence, Pace, Weights",
        "",
        f"TALKING = {talking}",
        '"""While they talk."""',
        f"QUIET = {quiet}",
        '"""While they are quiet."""',
    ]
    for name, pace in paces.items():
        lines.append(f"{name}_PACE = {pace}")
    return "\n".join(lines) + "\n"


def main() -> None:
    refuse_where_held_out_was_read()
    families = tuned()
    heard = hear(families)
    show_what_a_stranger_may_expect(heard, families)
    search = Search(told_by_others(heard, heard.family))
    for aim in _CURVE:
        folds = search.best(aim).folds
        caught = sum(one.caught for one in folds) / len(folds)
        line("amd_curve_machines_caught", caught, "share", None, "higher", kept_at_least=aim.kept,
             median_at_most=aim.median, families=[one.shown() for one in folds])  # fmt: skip
    paces: dict[str, Pace] = {}
    for name, aim in _AIMS.items():
        found = search.best(aim)
        paces[name] = found.pace
        line("amd_chosen_people_kept", min(one.kept for one in found.folds), "share", aim.kept, "higher", pace=name,
             families=[one.shown() for one in found.folds])  # fmt: skip
    refuse_where_held_out_was_read()
    _TARGET.write_text(written(*learned(heard), paces, families))
    subprocess.run([sys.executable, "-m", "ruff", "format", "-q", str(_TARGET)], check=True)


if __name__ == "__main__":
    main()

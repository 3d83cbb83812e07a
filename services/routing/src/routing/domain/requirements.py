"""Which skills an agent needs, and what steps make of it.

How well somebody's skills meet a requirement, and requirements with less, or other things, asked for. How people write
them is `kernel.skills`, whose words are these, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kernel.skills import (
    ANYBODY,
    MAX_ALTERNATIVES,
    MAX_LENGTH,
    MAX_PROFICIENCY,
    Alternative,
    Contradiction,
    Requirement,
    Term,
    both,
    either,
    joined,
    parsed,
    renamed,
    simplified,
    skills_named,
    text_of,
)

__all__ = [
    "ANYBODY", "MAX_ALTERNATIVES", "MAX_LENGTH", "MAX_PROFICIENCY", "Alternative", "Requirement", "Term", "both",
    "either", "lowered", "of_levels", "parsed", "renamed", "score", "shortfall", "skills_named", "skills_wanted",
    "swapped", "text_of", "without",
]  # fmt: skip


def skills_wanted(requirement: Requirement) -> set[str]:
    """Every skill that somebody must have by it."""
    return {term.skill_id for alternative in requirement for term in alternative if term.least}


def of_levels(levels: Iterable[tuple[str, int]]) -> Requirement:
    """Everything of a list of (skill, least level)."""
    return (tuple(sorted(Term(skill_id, least) for skill_id, least in levels)),)


def without(requirement: Requirement, skill_id: str) -> Requirement:
    """The same, this skill not asked for."""
    return simplified([tuple(term for term in each if term.skill_id != skill_id) for each in requirement])


def lowered(requirement: Requirement, skill_id: str, least: int) -> Requirement:
    """The same, this level of the skill enough wherever more was asked for."""

    def lower(term: Term) -> Term:
        return term._replace(least=min(term.least, least)) if term.skill_id == skill_id else term

    return simplified([tuple(map(lower, each)) for each in requirement])


def swapped(requirement: Requirement, skill_id: str, other_id: str, least: int) -> Requirement:
    """The same, another skill in place of this one wherever it was asked for. Whoever must not have it, or not so much
    of it, still must not."""
    changed: list[Alternative] = []
    for each in requirement:
        kept = tuple(term for term in each if term.skill_id != skill_id or not term.least)
        asked = len(kept) < len(each)
        try:
            changed.append(joined(kept, (Term(other_id, least),)) if asked else each)
        except Contradiction:
            continue
    return simplified(changed)


def score(held: Mapping[str, int], requirement: Requirement) -> int | None:
    """How well skills meet it: the sum of levels over the skills asked for, of the best alternative that is met; None
    when none is."""
    best: int | None = None
    for alternative in requirement:
        total = 0
        for skill_id, least, most in alternative:
            level = held.get(skill_id, 0)
            if not least <= level <= most:
                break
            if least:
                total += level
        else:
            if best is None or total > best:
                best = total
    return best


def shortfall(held: Mapping[str, int], requirement: Requirement) -> str:
    """Why skills don't meet it: the first term of the nearest alternative that isn't met, as `skill_missing:<skill>`,
    `proficiency_too_low:<skill>` or `proficiency_too_high:<skill>`; empty when they do."""
    found: list[tuple[int, str]] = []
    for alternative in requirement:
        unmet = [term for term in alternative if not term.met(held.get(term.skill_id, 0))]
        if not unmet:
            return ""
        term, level = unmet[0], held.get(unmet[0].skill_id, 0)
        why = "proficiency_too_high" if level > term.most else "proficiency_too_low" if level else "skill_missing"
        found.append((len(unmet), f"{why}:{term.skill_id}"))
    return min(found, key=lambda each: each[0])[1] if found else "nobody"

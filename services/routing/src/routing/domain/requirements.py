"""Which skills an agent needs: written as an expression, worked with as alternatives.

An expression is made of skills with levels, `and`, `or`, `not` and brackets:

    French >= 3 and (Sales or "Card disputes" >= 2) and not Trainee

A name of several words, or of the language's own, stands in quotation marks; one within it is written twice. A skill by
itself means any level (>= 1); `=` and `<=` bound it from above, and `not French >= 3` is French <= 2, nobody included
who has none of it. A `Requirement` is the same as a choice of alternatives (disjunctive normal form): an agent
fits who meets every term of one of them. Everything here is pure; skills are known by whatever the caller calls them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, NoReturn

from kernel.errors import InvalidInput

MAX_PROFICIENCY = 5
MAX_LENGTH = 2000
"""Characters of an expression."""
MAX_ALTERNATIVES = 32
_MAX_DEPTH = 20


class Term(NamedTuple):
    """A level of one skill, `least` to `most`; `least` 0 is met by who hasn't the skill."""

    skill_id: str
    least: int
    most: int = MAX_PROFICIENCY

    def met(self, level: int) -> bool:
        """Whether this level, 0 for none, will do."""
        return self.least <= level <= self.most


Alternative = tuple[Term, ...]
"""Terms that must all be met, each skill once, in order of skill."""
Requirement = tuple[Alternative, ...]
"""One of these must be met."""
ANYBODY: Requirement = ((),)


class _Contradiction(Exception):
    """No level meets both terms."""


def parsed(text: str, skill_of: Callable[[str], str | None], field: str, *, stored: bool = False) -> Requirement:
    """The requirement that an expression states; `ANYBODY` for an empty one.

    `skill_of` gives the id of a skill by the name in the expression, None when there is none. InvalidInput names
    `field` and the character at fault. What is `stored` may be longer than what may be written, and may have a part
    that nobody could meet.
    """
    if not stored and len(text) > MAX_LENGTH:
        raise InvalidInput.of(field, f"is longer than {MAX_LENGTH} characters")
    if not text.strip():
        return ANYBODY
    return _Parser(text, skill_of, field, strict=not stored).whole()


def renamed(text: str, name_of: Callable[[str], str | None]) -> str:
    """The expression with its skills under other names, quoted where that is needed; those `name_of` doesn't know keep
    the one they have. It means the same, and reads the same but for the names."""
    made, at = "", 0
    for kind, value, begin, end in _tokens(text):
        name = name_of(value) if kind == "name" else None
        word, gap = text[begin:end] if name is None else _quoted(name), text[at:begin]
        # What a quotation mark kept apart from its neighbour would else become one word with it.
        made += (gap or (" " if _run_together(made, word) else "")) + word
        at = end
    return (made + text[at:]).strip()


def text_of(requirement: Requirement) -> str:
    """An expression that states the requirement, with skills as they are; empty for `ANYBODY`."""
    alternatives = [" and ".join(map(_term_text, each)) for each in requirement if each]
    bracketed = len(alternatives) > 1
    return " or ".join(f"({each})" if bracketed and " and " in each else each for each in alternatives)


def skills_named(requirement: Requirement) -> set[str]:
    """Every skill that counts in it."""
    return {term.skill_id for alternative in requirement for term in alternative}


def skills_wanted(requirement: Requirement) -> set[str]:
    """Every skill that somebody must have by it."""
    return {term.skill_id for alternative in requirement for term in alternative if term.least}


def of_levels(levels: Iterable[tuple[str, int]]) -> Requirement:
    """Everything of a list of (skill, least level)."""
    return (tuple(sorted(Term(skill_id, least) for skill_id, least in levels)),)


def both(first: Requirement, second: Requirement) -> Requirement:
    """What meets both; empty when nobody can."""
    if first == ANYBODY or second == ANYBODY:
        return second if first == ANYBODY else first
    joined: list[Alternative] = []
    for one in first:
        for other in second:
            try:
                joined.append(_joined(one, other))
            except _Contradiction:
                continue
    return _simplified(joined)


def either(first: Requirement, second: Requirement) -> Requirement:
    """What meets one of them."""
    return _simplified([*first, *second])


def without(requirement: Requirement, skill_id: str) -> Requirement:
    """The same, this skill not asked for."""
    return _simplified([tuple(term for term in each if term.skill_id != skill_id) for each in requirement])


def lowered(requirement: Requirement, skill_id: str, least: int) -> Requirement:
    """The same, this level of the skill enough wherever more was asked for."""

    def lower(term: Term) -> Term:
        return term._replace(least=min(term.least, least)) if term.skill_id == skill_id else term

    return _simplified([tuple(map(lower, each)) for each in requirement])


def swapped(requirement: Requirement, skill_id: str, other_id: str, least: int) -> Requirement:
    """The same, another skill in place of this one wherever it was asked for. Whoever must not have it, or not so much
    of it, still must not."""
    changed: list[Alternative] = []
    for each in requirement:
        kept = tuple(term for term in each if term.skill_id != skill_id or not term.least)
        asked = len(kept) < len(each)
        try:
            changed.append(_joined(kept, (Term(other_id, least),)) if asked else each)
        except _Contradiction:
            continue
    return _simplified(changed)


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


def _term_text(term: Term) -> str:
    name = _quoted(term.skill_id)
    if (term.least, term.most) == (1, MAX_PROFICIENCY):
        return name
    if term.least == 0:
        return f"not {name}" if term.most == 0 else f"{name} <= {term.most}"
    if term.least == term.most:
        return f"{name} = {term.least}"
    text = f"{name} >= {term.least}"
    return text if term.most == MAX_PROFICIENCY else f"{text} and {name} <= {term.most}"


def _joined(one: Alternative, other: Alternative) -> Alternative:
    terms = {term.skill_id: term for term in one}
    for term in other:
        known = terms.get(term.skill_id)
        if known is not None:
            term = Term(term.skill_id, max(known.least, term.least), min(known.most, term.most))
        if term.least > term.most:
            raise _Contradiction
        terms[term.skill_id] = term
    return tuple(sorted(terms.values()))


def _simplified(alternatives: Iterable[Alternative]) -> Requirement:
    """Without terms that everybody meets, and without alternatives that others include."""
    plain = {tuple(term for term in each if (term.least, term.most) != (0, MAX_PROFICIENCY)) for each in alternatives}
    kept = [each for each in plain if not any(other != each and _includes(other, each) for other in plain)]
    return tuple(sorted(kept))


def _includes(wider: Alternative, narrower: Alternative) -> bool:
    """Whether who meets the narrower one also meets the wider."""
    asked = {term.skill_id: term for term in narrower}
    return all(
        (term := asked.get(each.skill_id)) is not None and each.least <= term.least and term.most <= each.most
        for each in wider
    )


# -- reading ---------------------------------------------------------------------------------------------------

_TOKEN = re.compile(r'\s*(?:(?P<mark>>=|<=|=|\(|\))|"(?P<quoted>(?:[^"]|"")*)"|(?P<word>[^\s()<>="]+))')
_WORDS = ("and", "or", "not")
_MARKS = '()<>="'


def _tokens(text: str) -> list[tuple[str, str, int, int]]:
    """(kind, value, begin, end): kind is a mark or word of the language, `number`, `name`, or `wrong`."""
    found: list[tuple[str, str, int, int]] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            begin = at + len(text[at:]) - len(text[at:].lstrip())
            found.append(("wrong", text[begin], begin, begin + 1))
            return found
        at = match.end()
        if (mark := match["mark"]) is not None:
            found.append((mark, mark, match.start("mark"), at))
        elif (quoted := match["quoted"]) is not None:
            found.append(("name", quoted.replace('""', '"'), match.start("quoted") - 1, at))
        else:
            word = match["word"]
            after_mark = bool(found) and found[-1][0] in (">=", "<=", "=")
            lower = word.lower()
            kind = (
                lower if lower in _WORDS else "number" if after_mark and word.isascii() and word.isdigit() else "name"
            )
            found.append((kind, word, match.start("word"), at))
    return found


def _quoted(name: str) -> str:
    plain = re.fullmatch(r'[^\s()<>="]+', name) is not None and name.lower() not in _WORDS
    return name if plain else '"' + name.replace('"', '""') + '"'


def _run_together(before: str, after: str) -> bool:
    return bool(before) and not before[-1].isspace() and before[-1] not in _MARKS and after[0] not in _MARKS


class _Parser:
    """or: and ("or" and)*; and: item ("and" item)*; item: "not" item | "(" or ")" | skill [mark level]."""

    def __init__(
        self, text: str, skill_of: Callable[[str], str | None], field: str, *, strict: bool
    ) -> None:  # fmt: skip
        self._strict = strict
        self._tokens = _tokens(text)
        self._at = self._depth = 0
        self._text, self._skill_of, self._field = text, skill_of, field

    def whole(self) -> Requirement:
        found = self._any_of()
        if self._at < len(self._tokens):
            self._refuse("`and` or `or` is missing before this")
        if not found:
            raise InvalidInput.of(self._field, "contradicts itself: nobody could ever meet it")
        return found

    def _any_of(self) -> Requirement:
        found = self._all_of()
        while self._take("or"):
            found = self._bounded(either(found, self._all_of()))
        return found

    def _all_of(self) -> Requirement:
        begin = self._at
        found = self._item()
        while self._take("and"):
            found = self._bounded(both(found, self._item()))
        if not found and self._strict:
            self._at = begin
            self._refuse("contradicts itself: nobody could ever meet it")
        return found

    def _item(self) -> Requirement:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            self._refuse("is nested too deeply here")
        try:
            if self._take("not"):
                return self._opposite(self._item())
            if self._take("("):
                inner = self._any_of()
                if not self._take(")"):
                    self._refuse("`)` is missing here")
                return inner
            return ((self._term(),),)
        finally:
            self._depth -= 1

    def _term(self) -> Term:
        kind, name = self._peek()
        if kind != "name":
            self._refuse("a skill is missing here")
        skill_id = self._skill_of(name)
        if skill_id is None:
            self._refuse(f"no skill is named {name[:64]}")
        self._at += 1
        mark, _ = self._peek()
        if mark not in (">=", "<=", "="):
            return Term(skill_id, 1)
        self._at += 1
        kind, digits = self._peek()
        if kind != "number" or not 1 <= int(digits[:4]) <= MAX_PROFICIENCY:
            self._refuse(f"a level of 1 to {MAX_PROFICIENCY} is missing here")
        self._at += 1
        level = int(digits)
        return Term(skill_id, 0 if mark == "<=" else level, MAX_PROFICIENCY if mark == ">=" else level)

    def _opposite(self, requirement: Requirement) -> Requirement:
        found = ANYBODY
        for alternative in requirement:
            fails: list[Alternative] = []
            for term in alternative:
                if term.least > 0:
                    fails.append((Term(term.skill_id, 0, term.least - 1),))
                if term.most < MAX_PROFICIENCY:
                    fails.append((Term(term.skill_id, term.most + 1),))
            found = self._bounded(both(found, _simplified(fails)))
        return found

    def _bounded(self, requirement: Requirement) -> Requirement:
        if len(requirement) > MAX_ALTERNATIVES:
            raise InvalidInput.of(self._field, f"stands for more than {MAX_ALTERNATIVES} alternatives: say it simpler")
        return requirement

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at][:2] if self._at < len(self._tokens) else ("end", "")

    def _take(self, kind: str) -> bool:
        found = self._peek()[0] == kind
        self._at += found
        return found

    def _refuse(self, why: str) -> NoReturn:
        place = self._tokens[self._at][2] if self._at < len(self._tokens) else len(self._text)
        raise InvalidInput.of(self._field, f"at character {place + 1}: {why}")

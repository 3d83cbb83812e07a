"""Which skills an agent needs, as people write it: an expression, and the alternatives that it stands for.

An expression is made of skills with levels, `and`, `or`, `not` and brackets:

    French >= 3 and (Sales or "Card disputes" >= 2) and not Trainee

A name of several words, or of the language's own, stands in quotation marks; one within it is written twice. A skill by
itself means any level (>= 1); `=` and `<=` bound it from above, and `not French >= 3` is French <= 2, nobody included
who has none of it. A `Requirement` is the same as a choice of alternatives (disjunctive normal form): an agent
fits who meets every term of one of them. Everything here is pure; skills are known by whatever the caller calls them.

What can never be met is refused, and so is a part that can never hold beside the rest. It is decided, not guessed: a
term is a range of the levels 0 to 5 of one skill, skills are independent of each other, and so ranges that meet can be
met together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, NoReturn

from kernel.errors import FieldViolation, InvalidInput

MAX_PROFICIENCY = 5
MAX_LENGTH = 2000
"""Characters of an expression."""
MAX_ALTERNATIVES = 32
_MAX_DEPTH = 20
_NOBODY = "contradicts itself: nobody could ever meet it"
_NEVER = "can never hold beside the rest"
_ALWAYS = "always holds beside the rest, so that it is denied rules nobody in"
_MAX_TRIED = 4096
"""Alternatives that are looked through for a part that can never hold."""


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


class Contradiction(Exception):
    """No level meets both terms."""


def parsed(text: str, skill_of: Callable[[str], str | None], field: str, *, stored: bool = False) -> Requirement:
    """The requirement that an expression states; `ANYBODY` for an empty one.

    `skill_of` gives the id of a skill by the name in the expression, None when there is none. InvalidInput names
    `field` and the character at fault; its metadata say which kind it is (`expression`) and where (`character`).
    What is `stored` may be longer than what may be written, and may have a part that nobody could meet.
    """
    if not stored and len(text) > MAX_LENGTH:
        raise _fault(field, "tooLong", f"is longer than {MAX_LENGTH} characters")
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


def named(text: str) -> list[str]:
    """The skills an expression names, as it names them, each once; of one that can't be read as far as it can be."""
    return list(dict.fromkeys(value for kind, value, _, _ in _tokens(text) if kind == "name"))


def skill_finder(names: Mapping[str, str]) -> Callable[[str], str | None]:
    """The id of a skill by its name, whatever its case, or by the id itself; `names` of all skills by id."""
    ids = {name.casefold(): skill_id for skill_id, name in names.items()}
    return lambda name: name if name in names else ids.get(name.casefold())


def text_of(requirement: Requirement) -> str:
    """An expression that states the requirement, with skills as they are; empty for `ANYBODY`."""
    alternatives = [" and ".join(map(_term_text, each)) for each in requirement if each]
    bracketed = len(alternatives) > 1
    return " or ".join(f"({each})" if bracketed and " and " in each else each for each in alternatives)


def skills_named(requirement: Requirement) -> set[str]:
    """Every skill that counts in it."""
    return {term.skill_id for alternative in requirement for term in alternative}


def both(first: Requirement, second: Requirement) -> Requirement:
    """What meets both; empty when nobody can."""
    if first == ANYBODY or second == ANYBODY:
        return second if first == ANYBODY else first
    found: list[Alternative] = []
    for one in first:
        for other in second:
            try:
                found.append(joined(one, other))
            except Contradiction:
                continue
    return simplified(found)


def either(first: Requirement, second: Requirement) -> Requirement:
    """What meets one of them."""
    return simplified([*first, *second])


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


def joined(one: Alternative, other: Alternative) -> Alternative:
    terms = {term.skill_id: term for term in one}
    for term in other:
        known = terms.get(term.skill_id)
        if known is not None:
            term = Term(term.skill_id, max(known.least, term.least), min(known.most, term.most))
        if term.least > term.most:
            raise Contradiction
        terms[term.skill_id] = term
    return tuple(sorted(terms.values()))


def simplified(alternatives: Iterable[Alternative]) -> Requirement:
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


class _Kind(StrEnum):
    """What a part of an expression is."""

    TERM = "TERM"
    AND = "AND"
    OR = "OR"
    NOT = "NOT"


@dataclass(frozen=True)
class _Part:
    """A part of an expression. `place` is the token it begins with."""

    kind: _Kind
    place: int
    parts: tuple[_Part, ...] = ()
    term: Term | None = None


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
        whole = self._any_of()
        if self._at < len(self._tokens):
            self._refuse("join", "`and` or `or` is missing before this")
        found = self._met(whole, holds=True)
        if not found:
            raise _fault(self._field, "contradiction", _NOBODY)
        if self._strict:
            self._require_parts(whole, ANYBODY, holds=True)
        return found

    def _any_of(self) -> _Part:
        place, parts = self._at, [self._all_of()]
        while self._take("or"):
            parts.append(self._all_of())
        return _Part(_Kind.OR, place, tuple(parts)) if len(parts) > 1 else parts[0]

    def _all_of(self) -> _Part:
        place, parts = self._at, [self._item()]
        while self._take("and"):
            parts.append(self._item())
        return _Part(_Kind.AND, place, tuple(parts)) if len(parts) > 1 else parts[0]

    def _item(self) -> _Part:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            self._refuse("depth", "is nested too deeply here")
        place = self._at
        try:
            if self._take("not"):
                return _Part(_Kind.NOT, place, (self._item(),))
            if self._take("("):
                inner = self._any_of()
                if not self._take(")"):
                    self._refuse("bracket", "`)` is missing here")
                return inner
            return _Part(_Kind.TERM, place, term=self._term())
        finally:
            self._depth -= 1

    def _term(self) -> Term:
        kind, name = self._peek()
        if kind != "name":
            self._refuse("skill", "a skill is missing here")
        skill_id = self._skill_of(name)
        if skill_id is None:
            self._refuse("unknown", f"no skill is named {name[:64]}")
        self._at += 1
        mark, _ = self._peek()
        if mark not in (">=", "<=", "="):
            return Term(skill_id, 1)
        self._at += 1
        kind, digits = self._peek()
        if kind != "number" or not 1 <= int(digits[:4]) <= MAX_PROFICIENCY:
            self._refuse("level", f"a level of 1 to {MAX_PROFICIENCY} is missing here")
        self._at += 1
        level = int(digits)
        return Term(skill_id, 0 if mark == "<=" else level, MAX_PROFICIENCY if mark == ">=" else level)

    def _met(self, part: _Part, *, holds: bool) -> Requirement:
        """What it comes to that a part holds, or doesn't."""
        match part.kind:
            case _Kind.TERM:
                assert part.term is not None
                return _of_term(part.term, holds=holds)
            case _Kind.NOT:
                return self._met(part.parts[0], holds=not holds)
            case _Kind.AND | _Kind.OR:
                together = both if _all_needed(part, holds=holds) else either
                found = self._met(part.parts[0], holds=holds)
                for each in part.parts[1:]:
                    found = together(found, self._met(each, holds=holds))
                    if len(found) > MAX_ALTERNATIVES:
                        self._say_simpler()
        if not found and self._strict:
            self._refuse("contradiction", _NOBODY, part.place)
        return found

    def _require_parts(self, part: _Part, beside: Requirement, *, holds: bool) -> None:
        """InvalidInput when a part that is one of several to choose from can't hold with what stands `beside` it."""
        if part.kind is _Kind.NOT:
            self._require_parts(part.parts[0], beside, holds=not holds)
        if part.kind not in (_Kind.AND, _Kind.OR):
            return
        found = [self._met(each, holds=holds) for each in part.parts]
        for index, each in enumerate(part.parts):
            around = beside
            if _all_needed(part, holds=holds):
                for other in (*found[:index], *found[index + 1 :]):
                    around = both(around, other)
                    if len(around) > _MAX_TRIED:
                        self._say_simpler()
            elif not both(found[index], beside):
                kind, why = ("never", _NEVER) if holds else ("always", _ALWAYS)
                self._refuse(kind, f"{why}: change it or leave it out", each.place)
            self._require_parts(each, around, holds=holds)

    def _say_simpler(self) -> NoReturn:
        wrong = f"stands for more than {MAX_ALTERNATIVES} alternatives: say it simpler"
        raise _fault(self._field, "tooMany", wrong)

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at][:2] if self._at < len(self._tokens) else ("end", "")

    def _take(self, kind: str) -> bool:
        found = self._peek()[0] == kind
        self._at += found
        return found

    def _refuse(self, kind: str, why: str, token: int | None = None) -> NoReturn:
        at = self._at if token is None else token
        place = self._tokens[at][2] if at < len(self._tokens) else len(self._text)
        raise _fault(self._field, kind, f"at character {place + 1}: {why}", character=place + 1)


def _fault(field: str, kind: str, wrong: str, **values: int) -> InvalidInput:
    told = {name: str(value) for name, value in values.items()}
    return InvalidInput(
        f"{field} {wrong}", fields=[FieldViolation(field, wrong)],
        metadata={"fault": "EXPRESSION", "expression": kind, **told},
    )  # fmt: skip


def _all_needed(part: _Part, *, holds: bool) -> bool:
    """Whether all of its parts are needed; that `a and b` doesn't hold takes one of them."""
    return (part.kind is _Kind.AND) == holds


def _of_term(term: Term, *, holds: bool) -> Requirement:
    if holds:
        return ((term,),)
    fails: list[Alternative] = []
    if term.least > 0:
        fails.append((Term(term.skill_id, 0, term.least - 1),))
    if term.most < MAX_PROFICIENCY:
        fails.append((Term(term.skill_id, term.most + 1),))
    return simplified(fails)

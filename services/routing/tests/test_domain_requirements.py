"""What an expression over skills means, and what relaxing does to it, against a reading of every possible agent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel.errors import InvalidInput
from routing.domain import requirements, rules
from routing.domain.requirements import ANYBODY, Requirement, Term

SKILLS: tuple[str, ...] = ("a", "b", "c")
EVERYBODY: list[dict[str, int]] = [
    dict(zip(SKILLS, levels, strict=True)) for levels in product(range(6), repeat=len(SKILLS))
]

Held = dict[str, int]
Fits = Callable[[Held], bool]


def parsed(text: str) -> Requirement:
    return requirements.parsed(text, lambda name: name, "expression", stored=True)


def fits(held: Held, requirement: Requirement) -> bool:
    return requirements.score({skill: level for skill, level in held.items() if level}, requirement) is not None


def term(skill: str, mark: str, level: int) -> tuple[str, Fits]:
    compare: dict[str, Fits] = {
        ">=": lambda held: held[skill] >= level, "<=": lambda held: held[skill] <= level,
        "=": lambda held: held[skill] == level,
    }  # fmt: skip
    return f"{skill} {mark} {level}", compare[mark]


def joined(word: str, left: tuple[str, Fits], right: tuple[str, Fits]) -> tuple[str, Fits]:
    both: Fits = lambda held: left[1](held) and right[1](held)  # noqa: E731
    either: Fits = lambda held: left[1](held) or right[1](held)  # noqa: E731
    return f"({left[0]}) {word} ({right[0]})", both if word == "and" else either


terms = st.builds(term, st.sampled_from(SKILLS), st.sampled_from([">=", "<=", "="]), st.integers(1, 5))
expressions = st.recursive(
    terms,
    lambda inner: st.one_of(
        st.builds(joined, st.sampled_from(["and", "or"]), inner, inner),
        st.builds(lambda each: (f"not ({each[0]})", lambda held: not each[1](held)), inner),
    ),
    max_leaves=6,
)


@given(expressions)
@settings(max_examples=200, deadline=None)
def test_expression_takes_exactly_the_agents_it_says(written: tuple[str, Fits]) -> None:
    text, wanted = written
    takes = [held for held in EVERYBODY if wanted(held)]
    try:
        requirement = parsed(text)
    except InvalidInput as error:
        assert not takes and "contradicts itself" in str(error)
        return
    assert [held for held in EVERYBODY if fits(held, requirement)] == takes
    assert parsed(requirements.text_of(requirement)) == requirement


@given(expressions, st.sampled_from(SKILLS), st.integers(1, 5))
@settings(max_examples=100, deadline=None)
def test_removing_and_lowering_never_turn_anybody_away(written: tuple[str, Fits], skill: str, level: int) -> None:
    try:
        before = parsed(written[0])
    except InvalidInput:
        return
    for after in (requirements.without(before, skill), requirements.lowered(before, skill, level)):
        assert all(fits(held, after) for held in EVERYBODY if fits(held, before))
    assert skill not in requirements.skills_named(requirements.without(before, skill))


def test_words_of_an_expression_are_read_as_people_write_them() -> None:
    assert parsed("") == parsed("  ") == ANYBODY
    assert parsed("French >= 3 AND Sales") == ((Term("French", 3), Term("Sales", 1)),)
    assert parsed('"Card disputes">=2 or x') == ((Term("Card disputes", 2),), (Term("x", 1),))
    assert parsed("a or b and c") == parsed("a or (b and c)")
    assert parsed("not Trainee") == ((Term("Trainee", 0, 0),),)
    assert parsed("a and a >= 3") == parsed("a >= 3") and parsed("a or a >= 3") == parsed("a")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Frensh >= 3", "at character 1: no skill is named Frensh"),
        ("a >= 6", "at character 6: a level of 1 to 5 is missing here"),
        ("a >=", "at character 5: a level of 1 to 5 is missing here"),
        ("a and", "at character 6: a skill is missing here"),
        ("a b", "at character 3: `and` or `or` is missing before this"),
        ("(a or b", "at character 8: `)` is missing here"),
        ('a and "b', "at character 7: a skill is missing here"),
        ("a >= 3 and a <= 2", "at character 1: contradicts itself"),
        ("b or a and not a", "at character 6: contradicts itself"),
        ("(a >= 4 and a <= 2) or b", "at character 2: contradicts itself"),
        ("(a >= 4 or b) and a <= 2", "at character 2: can never hold beside the rest"),
        ("a <= 2 and (b or (c and a >= 4))", "at character 19: can never hold beside the rest"),
        ("not (a >= 3 and b) and a >= 4", "at character 6: always holds beside the rest"),
        (f"{'(' * 30}a{')' * 30}", "is nested too deeply here"),
        ("a" * 2001, "longer than 2000"),
        (" and ".join(f"(a{n} or b{n})" for n in range(8)), "more than 32 alternatives"),
    ],
)
def test_bad_expression_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        requirements.parsed(text, lambda name: None if name == "Frensh" else name, "queue.rules.requirement")
    assert said in str(caught.value) and "queue.rules.requirement" in str(caught.value)


Tree = tuple[str, Any]
trees: st.SearchStrategy[Tree] = st.recursive(
    st.builds(lambda made: ("term", made), terms),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3)),
        st.builds(lambda part: ("not", [part]), inner),
    ),
    max_leaves=7,
)  # fmt: skip


def text_of(tree: Tree) -> str:
    kind, parts = tree
    if kind == "term":
        return parts[0]
    if kind == "not":
        return f"not ({text_of(parts[0])})"
    return f" {kind} ".join(f"({text_of(each)})" for each in parts)


def holds(tree: Tree, held: Held) -> bool:
    kind, parts = tree
    if kind == "term":
        return parts[1](held)
    said = [holds(each, held) for each in parts]
    return not said[0] if kind == "not" else all(said) if kind == "and" else any(said)


def choices(tree: Tree, truth: bool, beside: Callable[[Held], bool]) -> Iterator[bool]:
    """Of everything that is one of several to choose from, whether anybody could choose it, by every agent there is."""
    kind, parts = tree
    if kind == "term":
        return
    for place, each in enumerate(parts):
        rest = [other for at, other in enumerate(parts) if at != place]
        whole = beside
        if kind != "not" and (kind == "and") == truth:
            whole = lambda held, rest=rest: beside(held) and all(holds(other, held) is truth for other in rest)  # noqa: E731
        elif kind != "not":
            yield any(beside(held) and holds(each, held) is truth for held in EVERYBODY)
        yield from choices(each, truth != (kind == "not"), whole)


@given(trees)
@settings(max_examples=250, deadline=None)
def test_expression_is_refused_exactly_when_it_or_a_choice_within_it_can_never_hold(tree: Tree) -> None:
    possible = any(holds(tree, held) for held in EVERYBODY)
    reachable = possible and all(choices(tree, True, lambda held: True))
    try:
        requirements.parsed(text_of(tree), lambda name: name, "expression")
    except InvalidInput as error:
        assert not reachable, str(error)
        return
    assert reachable


def test_best_alternative_counts_for_the_score_and_the_nearest_says_what_is_missing() -> None:
    requirement = parsed("(a >= 3 and b) or c >= 2")
    assert requirements.score({"a": 3, "b": 2, "c": 4}, requirement) == 5
    assert requirements.score({"c": 2}, requirement) == 2 and requirements.score({"a": 5}, requirement) is None
    assert requirements.shortfall({"c": 1}, requirement) == "proficiency_too_low:c"
    assert requirements.shortfall({"a": 3}, requirement) == "skill_missing:b"
    assert requirements.shortfall({"a": 3}, parsed("not a")) == "proficiency_too_high:a"
    assert requirements.shortfall({"c": 2}, requirement) == ""


def test_skills_keep_their_meaning_under_other_names() -> None:
    names = {"skl_1": "Card disputes", "skl_2": "or", "skl_3": 'a "quoted" one'}
    shown = requirements.renamed("skl_1>=2 and (skl_2 or not skl_3)", names.get)
    assert shown == '"Card disputes">=2 and ("or" or not "a ""quoted"" one")'
    ids = {name: skill for skill, name in names.items()}
    assert parsed(requirements.renamed(shown, lambda name: ids.get(name, name))) == parsed(
        "skl_1>=2 and (skl_2 or not skl_3)"
    )


glued = st.recursive(
    st.one_of(
        st.sampled_from(['"Card disputes"', '"Sales"', "Sales", '"or"', '"say ""hi"""', "French"]),
        st.builds(
            lambda name, mark, level: f"{name}{mark}{level} ",
            st.sampled_from(['"French"', "French ", '"say ""hi"""']), st.sampled_from([">=", "<= ", " ="]),
            st.integers(1, 5),
        ),
    ),
    lambda inner: st.one_of(
        st.builds(
            lambda left, word, right: f"{left}{word}{right}",
            inner, st.sampled_from([" and ", "and", " or", "\tor\u00a0", "and "]), inner,
        ),
        st.builds(lambda word, each: f"{word}{each}", st.sampled_from(["not ", "not", "NOT("]), inner),
        st.builds(lambda each: f" ({each})", inner),
    ),
    max_leaves=5,
)  # fmt: skip


@given(glued)
@settings(max_examples=400, deadline=None)
def test_queue_asks_for_the_same_skills_however_close_the_quotation_marks_stood(text: str) -> None:
    ids = {"Card disputes": "skl_1", "Sales": "skl_2", "or": "skl_3", 'say "hi"': "skl_4", "French": "skl_5"}
    names = {skill: name for name, skill in ids.items()}

    def skill_of(name: str) -> str | None:
        return name if name in names else ids.get(name)

    try:
        meant = requirements.parsed(text, skill_of, "expression")
    except InvalidInput:
        return
    stored = requirements.renamed(text, skill_of)
    assert parsed(stored) == meant
    shown = requirements.renamed(stored, names.get)
    assert requirements.parsed(shown, skill_of, "expression") == meant and shown.count("(") == text.count("(")


def test_expression_is_as_long_as_it_was_written_whatever_it_is_stored_as() -> None:
    text = " or ".join(["a"] * 100)
    stored = requirements.renamed(text, lambda _: "skl_01jq000000000000000000000000")
    assert len(stored) > requirements.MAX_LENGTH and rules.stated_by(stored)


def test_swapping_asks_for_the_other_skill_wherever_the_one_was_asked_for() -> None:
    assert requirements.swapped(parsed("(a >= 3 and b) or c"), "a", "d", 2) == parsed("(d >= 2 and b) or c")
    assert requirements.swapped(parsed("a or b and not a"), "a", "d", 2) == parsed("d >= 2 or b and not a")

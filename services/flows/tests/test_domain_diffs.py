"""What differs between two definitions, as whoever publishes reads it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from flows.domain import definitions as d
from flows.domain.diffs import Change, FieldChange, compare
from hypothesis import given, settings

from .definitions import NAMES, published

MENU = d.Menu(d.Utterance({"en": "Press."}), (d.Choice("1", "", "line"), d.Choice("2", "", "bye")), attempts=2)
LINE = d.Queue("que_1", {"skl_1": 3}, timed_out="bye")
BEFORE = d.Definition(
    "ask",
    (d.Step("ask", "What for", MENU), d.Step("line", "Line", LINE), d.Step("bye", "", d.HangUp())),
    "en",
)


def changed(step_id: str, **fields: Any) -> d.Definition:
    steps = [
        replace(step, action=replace(step.action, **fields)) if step.action and step.step_id == step_id else step
        for step in BEFORE.steps
    ]
    return replace(BEFORE, steps=tuple(steps))


def test_a_changed_field_is_shown_before_and_after_by_name() -> None:
    diff = compare(BEFORE, changed("line", queue_id="que_2", max_wait=timedelta(seconds=90)), NAMES)
    (step,) = diff.steps
    assert (step.step_id, step.display_name, step.kind, step.change) == ("line", "Line", "queue", Change.CHANGED)
    assert set(step.fields) == {FieldChange("queue", "Support", "no"), FieldChange("max_wait", "", "90s")}
    assert not diff.fields and not diff.same


def test_a_choice_put_before_the_others_changes_none_of_them() -> None:
    more = (d.Choice("0", "operator", "line"), *MENU.choices)
    (step,) = compare(BEFORE, changed("ask", choices=more), NAMES).steps
    assert step.fields == (
        FieldChange("choices.order", "1, 2", "0, 1, 2"),
        FieldChange("choices[0].value", "", "operator"),
        FieldChange("choices[0].next", "", "line"),
    )


def test_steps_that_came_and_went_are_shown_whole() -> None:
    after = replace(BEFORE, steps=(*BEFORE.steps[:2], d.Step("end", "End", d.Say(d.Utterance({"en": "Bye."})))))
    added, removed = compare(BEFORE, after, NAMES).steps
    assert (added.step_id, added.change) == ("end", Change.ADDED)
    assert FieldChange("text.en", "", "Bye.") in added.fields and FieldChange("name", "", "End") in added.fields
    assert (removed.step_id, removed.change, removed.fields) == (
        "bye", Change.REMOVED, (FieldChange("kind", "hang_up", ""),),
    )  # fmt: skip


def test_a_step_that_does_something_else_says_so_first() -> None:
    steps = (*BEFORE.steps[:2], d.Step("bye", "", d.Voicemail(mailbox="agent_id", owner="usr_1")))
    (step,) = compare(BEFORE, replace(BEFORE, steps=steps), NAMES).steps
    assert step.kind == "voicemail"
    assert step.fields == (FieldChange("kind", "hang_up", "voicemail"), FieldChange("agent", "", "Leyla Əliyeva"))


def test_where_calls_begin_language_and_order_belong_to_the_whole() -> None:
    after = d.Definition("line", (BEFORE.steps[1], BEFORE.steps[0], BEFORE.steps[2]), "tr")
    diff = compare(BEFORE, after, NAMES)
    assert diff.steps == () and diff.fields == (
        FieldChange("language", "en", "tr"),
        FieldChange("start", "What for", "Line"),
        FieldChange("order", "ask, line, bye", "line, ask, bye"),
    )


@settings(deadline=None)
@given(published())
def test_a_flow_does_not_differ_from_itself_and_comes_from_nothing_whole(definition: d.Definition) -> None:
    assert compare(definition, definition, NAMES).same
    assert [step.change for step in compare(d.Definition(), definition, NAMES).steps] == [
        Change.ADDED for _ in definition.steps
    ]


@settings(deadline=None)
@given(published(), published())
def test_two_flows_are_the_same_only_if_nothing_is_shown(one: d.Definition, two: d.Definition) -> None:
    assert compare(one, two, NAMES).same == (one == two)

"""A flow as a file: out and in again without a difference, and refused by line where a line is wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flows import yaml_text
from flows.domain import definitions as d
from flows.domain.code_in import FlowFile, read_flow
from flows.domain.code_out import not_portable, write_flow
from flows.domain.code_shape import KINDS, read_duration, write_duration
from flows.domain.expectations import Case
from flows.domain.flows import FlowFileInvalid, StepIdTwice
from flows.domain.names import Names, Noun, references
from flows.domain.scenarios import OUTCOMES, Input, Kind
from hypothesis import given, settings
from hypothesis import strategies as st

from .definitions import NAMES, TEXT, published


def exported(definition: d.Definition, name: str = "Main line", names: Names = NAMES) -> str:
    return yaml_text.write(write_flow(name, definition, names))


def imported(text: str, names: Names = NAMES) -> FlowFile:
    return read_flow(yaml_text.read(text), names)


@settings(deadline=None)
@given(published(), TEXT)
def test_a_flow_comes_back_from_its_file_as_it_was(definition: d.Definition, name: str) -> None:
    text = exported(definition, name)
    found = imported(text)
    assert found.problems == []
    assert found.definition == definition and found.display_name == name
    assert exported(found.definition, name) == text


@settings(deadline=None)
@given(st.timedeltas())
def test_every_duration_is_read_as_it_was_written(value: timedelta) -> None:
    assert read_duration(write_duration(value)) == value


def test_a_file_reads_like_the_flow_it_is() -> None:
    menu = d.Menu(
        d.Utterance({"tr": "Satış için 1.", "en": "For sales, press 1."}), (d.Choice("1", "sales", "line"),),
        timedelta(seconds=5), no_match="bye",
    )  # fmt: skip
    line = d.Queue("que_1", {"skl_1": 3}, music_prompt_id="prm_1", max_wait=timedelta(minutes=2), timed_out="bye")
    goodbye = d.HangUp(d.Utterance(prompt_id="prm_1"))
    steps = (d.Step("ask", "What for", menu), d.Step("line", "", line), d.Step("bye", "", goodbye))
    assert exported(d.Definition("ask", steps, "en")) == (
        """\
format: merkez.flow/1
name: Main line
language: en
start: ask
steps:
  ask:
    name: What for
    menu:
      text:
        en: For sales, press 1.
        tr: Satış için 1.
      choices:
      - digit: '1'
        value: sales
        next: line
      timeout: 5s
      no_match: bye
  line:
    queue:
      queue: Support
      skills:
        Turkish: 3
      music: Jazz
      max_wait: 120s
      timed_out: bye
  bye:
    hang_up:
      prompt: Jazz
"""
    )


def test_a_test_with_every_outcome_comes_back_from_the_file_as_it_was() -> None:
    inputs = tuple(Input(kind, value) for kind, values in OUTCOMES.items() for value in values)
    case = Case("All", inputs=(*inputs, Input(Kind.TEXT, "sales"), Input(Kind.TIMED_OUT, "")))
    steps = (d.Step("bye", "", d.HangUp()),)
    text = yaml_text.write(write_flow("Main line", d.Definition("bye", steps, "en"), NAMES, [case]))
    found = imported(text)
    assert found.problems == [] and found.tests == (case,) and "callback: not_offered" in text


def test_every_kind_of_step_has_a_key() -> None:
    assert set(KINDS) == {
        "say", "play", "menu", "collect", "hours", "set_attribute", "http_request", "queue", "transfer", "voicemail",
        "hang_up", "split", "test", "check_queue", "find_customer", "choose_language", "survey", "call_flow",
        "entry_rules", "callback_offer",
    }  # fmt: skip


def test_a_draft_that_is_not_finished_comes_back_as_well() -> None:
    steps = (
        d.Step("", "No id"), d.Step("a", "", d.Transfer("queue_id", "")), d.Step("b", "", d.Voicemail()),
        d.Step("c", "", d.HangUp()), d.Step("d", "", d.Queue("que_gone")),
    )  # fmt: skip
    draft = d.Definition("", steps, "")
    found = imported(exported(draft))
    assert found.problems == [] and found.definition == draft


def test_two_steps_of_one_id_are_no_file() -> None:
    with pytest.raises(StepIdTwice, match="'a'"):
        exported(d.Definition("a", (d.Step("a"), d.Step("a"))))


def test_what_was_typed_by_hand_is_read_for_what_it_means() -> None:
    found = imported(
        """
        # a comment
        name: Hand made
        language: no          # a text, not a refusal
        start: ask
        steps:
          ask:
            menu: {text: {en: Press 1}, choices: [{digit: 1, next: line}], timeout: 1m30s, attempts: 2, no_match: }
          line:
            queue: {queue: "no", skills: {"1": 5}}
          bye:
            hang_up:
        """
    )
    assert found.problems == [] and found.display_name == "Hand made" and found.definition.language == "no"
    ask, line, bye = (step.action for step in found.definition.steps)
    assert isinstance(ask, d.Menu) and ask.choices[0].digit == "1" and ask.timeout == timedelta(seconds=90)
    assert isinstance(line, d.Queue) and line.queue_id == "que_2" and line.skills == {"skl_2": 5}
    assert bye == d.HangUp()


@pytest.mark.parametrize(
    ("step", "line", "field", "reason", "word"),
    [
        ("queue: {queue: Sales}", 3, "queue", "NAME_MISSING", "'Sales'"),
        ("queue: {queue: Twins}", 3, "queue", "NAME_AMBIGUOUS", "'Twins'"),
        ("queue: {queue: Support, skills: {Greek: 2}}", 3, "skills[Greek]", "NAME_MISSING", "'Greek'"),
        ("hours: {business_hours: Nights}", 3, "business_hours", "NAME_MISSING", "business hours 'Nights'"),
        ("say: {prompt: Gone}", 3, "prompt", "NAME_MISSING", "prompt 'Gone'"),
        ("transfer: {flow: Other}", 3, "flow", "NAME_MISSING", "flow 'Other'"),
        ("voicemail: {agent: Ali}", 3, "agent", "NAME_MISSING", "agent 'Ali'"),
        ("say: {txt: {en: Hi}}", 3, "txt", "KEY_UNKNOWN", "'txt'"),
        ("says: {}", 3, "says", "KEY_UNKNOWN", "'says'"),
        ("say: {next: a, next: b}", 3, "next", "KEY_DUPLICATE", "twice"),
        ("menu: {\n    timeout: 5}", 4, "timeout", "VALUE_INVALID", "5s"),
        ("menu: {choices: [{}, {digits: 1}]}", 3, "choices[1].digits", "KEY_UNKNOWN", "digit, value, next"),
        ("menu: {attempts: many}", 3, "attempts", "VALUE_INVALID", "number"),
        ("menu: {attempts: 99999999999}", 3, "attempts", "VALUE_INVALID", "number"),
        ("collect: {masked: yes}", 3, "masked", "VALUE_INVALID", "true or false"),
        ("say: [Hi]", 3, "", "VALUE_INVALID", "Keys"),
        ("say: {text: Hi}", 3, "text", "VALUE_INVALID", "Keys"),
        ('say: {text: {en: "a\\0b"}}', 3, "text[en]", "VALUE_INVALID", "character"),
        ("transfer: {queue: Support, number: '+1'}", 3, "queue", "TARGET_TWICE", "one of"),
        ("{say: {}, play: {}}", 3, "", "KIND_TWICE", "say and play"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_line_step_and_field(step: str, line: int, field: str, reason: str, word: str) -> None:
    problems = imported(f"steps:\n  a:\n    {step}\n").problems
    assert [(each.line, each.step_id, each.field, each.reason) for each in problems] == [(line, "a", field, reason)]
    assert word in problems[0].message
    assert f"line {line}, step a" in FlowFileInvalid(problems).message


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("start: [", 2, "not YAML"),
        ('a: "\\ud800"', 1, "not YAML"),
        ("start: a\n\tb: c", 2, "not YAML"),
        ("a: &x 1\nb: *x", 1, "Anchors"),
        ("a: *x", 1, "Anchors"),
        ("a:\n  !!python/object/apply:os.system ['id']", 2, "Tags"),
        ("a: 1\n---\nb: 2", 2, "second document"),
        ("[" * 100, 1, "deeper"),
        ("a: '\x07'", 0, "not YAML"),
        pytest.param("[" + "a," * 160_000 + "]", 1, "more in this file", id="many nodes"),
        pytest.param("a: " + "x" * 2_200_000, 0, "bigger", id="big"),
    ],
)  # fmt: skip
def test_what_could_do_harm_is_not_read(text: str, line: int, word: str) -> None:
    with pytest.raises(yaml_text.YamlRefused, match=word) as refused:
        yaml_text.read(text)
    assert refused.value.line == line or line == 0


def test_laughs_by_the_billion_are_refused_at_the_first() -> None:
    laughs = "a: &a [x,x]\n" + "".join(f"{b}: &{b} [*{a},*{a}]\n" for a, b in zip("abcdef", "bcdefg", strict=True))
    with pytest.raises(yaml_text.YamlRefused, match="Anchors"):
        yaml_text.read(laughs)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_whatever_is_sent_is_read_or_refused(text: str) -> None:
    try:
        root = yaml_text.read(text)
    except yaml_text.YamlRefused:
        return
    read_flow(root, NAMES)


def test_another_format_and_keys_nobody_knows_are_refused() -> None:
    problems = imported("format: merkez.flow/9\nsteps: {}\nowner: me").problems
    assert [(each.line, each.reason) for each in problems] == [(1, "FORMAT_UNKNOWN"), (3, "KEY_UNKNOWN")]


def test_a_reference_no_name_stands_for_goes_by_its_id_and_is_warned_about() -> None:
    steps = (d.Step("a", "", d.Queue("que_4", {"skl_gone": 2})), d.Step("b", "", d.Queue("que_1")))
    warned = not_portable(d.Definition("a", steps, "en"), NAMES)
    assert [(each.step_id, each.field, each.reason) for each in warned] == [
        ("a", "queue_id", "NAME_AMBIGUOUS"), ("a", "skills[skl_gone]", "NAME_MISSING"),
    ]  # fmt: skip
    assert "queue: id:que_4" in exported(d.Definition("a", steps, "en"))


def test_a_flow_goes_to_another_tenant_by_its_names() -> None:
    draft = d.Definition("a", (d.Step("a", "", d.Queue("que_1", {"skl_1": 4})),), "en")
    there = Names({Noun.QUEUE: {"que_9": "Support"}, Noun.SKILL: {"skl_9": "Turkish"}})
    (step,) = imported(exported(draft), there).definition.steps
    assert step.action == d.Queue("que_9", {"skl_9": 4})
    assert {each.value for each in references(step.action)} == {"que_9", "skl_9"}

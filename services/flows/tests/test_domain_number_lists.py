"""Numbers in lists: how they are read from files, and how rules ask for them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from flows.domain import definitions as d
from flows.domain.deeds import ListsSeen, LookAtQueue, LookInLists, QueueSeen, QueueStanding
from flows.domain.entry import Chosen
from flows.domain.formulas import evaluate, holds
from flows.domain.list_uses import list_keys, steps_naming
from flows.domain.number_lines import Line, plan, read, write
from flows.domain.number_lists import Entry, NumberListLinesInvalid, PatternInvalid, held, patterns_of, read_pattern
from flows.domain.runs import Started
from flows.domain.scenarios import Input, Scenario, check
from flows.domain.validation import validate
from hypothesis import given
from hypothesis import strategies as st
from kernel.phone import is_e164

from .test_domain_runs import Caller
from .test_domain_simulation import flow, path, step, tried
from .test_domain_steps import words
from .test_domain_validation import KNOWN

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
VIP = "+994501234567"


@pytest.mark.parametrize(
    ("written", "country", "meant"),
    [
        (VIP, "", VIP),
        (" +994 (50) 123-45-67 ", "", VIP),
        ("00994501234567", "", VIP),
        ("050 123 45 67", "AZ", VIP),
        ("٠٥٠١٢٣٤٥٦٧", "AZ", VIP),
        ("0555 123 45 67", "TR", "+905551234567"),
        ("+9940501234567", "", VIP),
        ("+9055*", "", "+9055*"),
        ("+90 55 *", "", "+9055*"),
        ("0090 55*", "", "+9055*"),
    ],
)
def test_a_number_is_kept_as_e164_however_it_is_written(written: str, country: str, meant: str) -> None:
    assert read_pattern(written, country) == meant


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("0501234567", "NUMBER_WITHOUT_COUNTRY"),
        ("9.05551E+11", "NUMBER_INVALID"),
        ("hello 1", "NUMBER_INVALID"),
        ("+99450", "NUMBER_INVALID"),
        ("+994501234567890123", "NUMBER_INVALID"),
        ("+994501234567 ext. 12", "NUMBER_INVALID"),
        ("", "NUMBER_INVALID"),
        ("0555*", "PREFIX_INVALID"),
        ("*", "PREFIX_INVALID"),
        ("+*", "PREFIX_INVALID"),
        ("+90*55*", "PREFIX_INVALID"),
        ("+123456789012345*", "PREFIX_INVALID"),
    ],
)
def test_what_is_not_clear_is_refused_with_what_to_do(written: str, reason: str) -> None:
    with pytest.raises(PatternInvalid) as caught:
        read_pattern(written)
    assert caught.value.reason == reason and caught.value.message.endswith(".")


def test_a_number_is_in_a_list_by_itself_or_by_how_it_begins() -> None:
    assert patterns_of("+99450")[:3] == ["+99450", "+9945*", "+994*"]
    asked = {(VIP, "vip"), (VIP, "blocked"), ("", "vip"), ("anonymous", "vip")}
    assert held(asked, {"vip": ["+99450*"], "blocked": ["+99455*"]}) == ((VIP, "vip"),)
    assert held(asked, {"vip": [VIP]}) == ((VIP, "vip"),)
    assert held({("+99450", "vip")}, {"vip": ["+99450*"]}) == (), "a beginning stands for what is longer"
    assert held(asked, {}) == ()


@given(st.from_regex(r"\+[1-9][0-9]{2,14}", fullmatch=True))
def test_every_beginning_of_a_number_finds_it(number: str) -> None:
    found = patterns_of(number)
    assert found[0] == number and found[-1] == f"{number[:2]}*" and len(found) == len(set(found)) == len(number) - 1


def test_a_file_is_read_line_by_line_and_each_bad_line_is_named() -> None:
    text = (
        "\ufeffNumber;Label;Notes\r\n"
        '+994501234567;Leyla;"golden; since 2019"\r\n'
        "\r\n"
        "0501234567;No country\r\n"
        "+994 50 123 45 67;Twice\r\n"
        f"+994501234568;{'x' * 101}\r\n"
        "+9055*\r\n"
    )
    found = read(text, "")
    assert list(found.lines.values()) == [
        Line(VIP, "Leyla", "golden; since 2019"),
        Line("+9055*", None, None),
    ]
    assert [(each.line, each.reason) for each in found.problems] == [
        (4, "NUMBER_WITHOUT_COUNTRY"), (5, "NUMBER_TWICE"), (6, "LABEL_TOO_LONG"),
    ]  # fmt: skip
    assert "line 2" in found.problems[1].message
    refused = NumberListLinesInvalid(found.problems, 3)
    assert "line 4" in str(refused) and "2 more" in str(refused)
    assert [each.field for each in refused.fields] == ["text[4]", "text[5]", "text[6]"]


@pytest.mark.parametrize("count", [2, 20_000])
def test_a_quotation_mark_that_is_not_closed_costs_its_own_line_and_is_named(count: int) -> None:
    others = [f"+99455{number:07d},name {number}," for number in range(count)]
    found = read("\n".join([f"{VIP},ok,", '+994502222222,"stray,', *others, '+994503333333,"a ""b"" c"']), "")
    assert [(each.line, each.value, each.reason) for each in found.problems] == [(2, "+994502222222", "QUOTE_OPEN")]
    assert len(found.lines) == count + 2 and found.lines["+994503333333"].label == 'a "b" c'
    parts = read(f'{VIP},Leyla,"golden\nsince 2019"\n"\n{VIP[:-1]}8,{"x" * 200_000}', "")
    assert [(each.line, each.reason) for each in parts.problems] == [
        (1, "QUOTE_OPEN"), (2, "NUMBER_INVALID"), (3, "QUOTE_OPEN"), (4, "LABEL_TOO_LONG"),
    ]  # fmt: skip


def test_a_first_line_is_a_heading_only_when_it_names_a_column() -> None:
    assert [each.line for each in read(f"Leyla;+994501234567\n{VIP}", "").problems] == [1]
    for heading in ("Telefon;Ad;Not", "NUMARA;Etiket;Notlar", "شماره;نام;یادداشت", "Number;Name;Company"):
        found = read(f"{heading}\n{VIP};Leyla", "")
        assert not found.problems and found.lines[VIP].label == "Leyla"
    assert read(f"Ad;Telefon\nLeyla;{VIP}", "").lines[VIP].label == "Leyla"


def test_a_heading_says_where_the_columns_are_and_pasted_numbers_need_none() -> None:
    found = read("label\tnumber\nLeyla\t+994501234567\n", "")
    assert found.lines[VIP] == Line(VIP, "Leyla", None)
    assert list(read("050 123 45 67\n055 123 45 67", "AZ").lines) == [VIP, "+994551234567"]
    assert read("", "").lines == {} and read("number\n", "").problems == []


def test_a_line_without_a_label_keeps_the_one_that_is_there() -> None:
    before = {VIP: Entry(VIP, "Leyla", "golden"), "+9055*": Entry("+9055*")}
    lines = [Line(VIP, None, None), Line("+994551234567", "New", None)]
    made = plan(before, lines, whole=False)
    assert ([each.pattern for each in made.added], made.changed, made.unchanged, made.removed) == (
        ["+994551234567"], (), 1, (),
    )  # fmt: skip
    assert plan(before, lines, whole=True).removed == ("+9055*",)
    changed = plan(before, [Line(VIP, "", None)], whole=False).changed
    assert changed == (Entry(VIP, "", "golden"),), "an empty cell takes the label away"


TEXTS = st.text("aZé0,;\t\"'=+-@\u2028 \u200cسЖ", max_size=12).map(lambda text: text.strip().replace("\t", ""))
PATTERNS = st.integers(0, 9_999_999).map(lambda number: f"+99450{number:07}") | st.integers(1, 99).map("+9{}*".format)


@given(st.dictionaries(PATTERNS, st.tuples(TEXTS, TEXTS), max_size=4))
def test_what_was_exported_is_imported_as_it_was(entries: dict[str, tuple[str, str]]) -> None:
    rows = [Entry(pattern, *texts) for pattern, texts in entries.items()]
    found = read(write(rows, heading=True), "")
    assert not found.problems
    assert [Entry(line.pattern, line.label or "", line.notes or "") for line in found.lines.values()] == rows


@given(st.text(max_size=60), st.sampled_from(["", "AZ", "US"]))
def test_whatever_is_pasted_is_taken_or_named(text: str, country: str) -> None:
    found = read(text, country)
    assert all(is_e164(each) or each.endswith("*") for each in found.lines)


def test_a_cell_that_begins_like_a_formula_is_no_formula_in_a_spreadsheet() -> None:
    text = write([Entry(VIP, "=1+1", "@x")], heading=False)
    assert text == f"{VIP},'=1+1,'@x\r\n"
    assert read(text, "").lines[VIP] == Line(VIP, "=1+1", "@x")


@pytest.mark.parametrize(
    ("label", "exported"),
    [
        ("x;=1+1", "x;'=1+1"), ('x; "=1+1"', '"x;\' ""=1+1"""'), ("x;'=1", "x;''=1"), ("x;y=1", "x;y=1"),
        ("x\t=1+1", "x =1+1"), ("x\n=1+1", "x =1+1"),
    ],
)  # fmt: skip
def test_nor_is_one_where_cells_are_separated_at_semicolons_or_tabs(label: str, exported: str) -> None:
    text = write([Entry(VIP, label)], heading=False)
    assert text == f"{VIP},{exported},\r\n"
    assert read(text, "").lines[VIP].label == re.sub(r"[\t\n]", " ", label)


RULES = d.EntryRules(
    (
        d.Rule("vip", "in_list(caller_number, 'vip')", "que_1", 9),
        d.Rule("known", "not in_list(caller_number, 'blocked') and hour(now()) < 24", "que_2"),
    ),
    "go", "no",
)  # fmt: skip


def test_rules_ask_once_for_all_lists_of_a_step_and_choose_by_what_is_seen() -> None:
    for listed, queue_id in ((((VIP, "vip"),), "que_1"), ((), "que_2")):
        caller = Caller(step("rules", RULES), words("go"), words("no"), caller_number=VIP)
        assert caller.on(Started()) == LookInLists(frozenset({(VIP, "vip"), (VIP, "blocked")}))
        assert caller.on(ListsSeen(listed)).audio[0].text == "go"
        chosen = caller.state.chosen
        assert isinstance(chosen, Chosen) and chosen.queue_id == queue_id
        assert caller.state.listed == (), "what lists said is not kept"
    caller = Caller(step("rules", RULES), words("go"), words("no"), caller_number=VIP)
    caller.on(Started())
    assert caller.on(ListsSeen(((VIP, "blocked"),))).audio[0].text == "no"


def test_a_queue_can_be_looked_at_after_the_lists_were() -> None:
    action = d.CheckQueue(
        "que_1", (d.Branch("vip", "in_list(caller_number, 'vip') and queue.open", "a"),), "b", "b"
    )  # fmt: skip
    caller = Caller(step("look", action), words("a"), words("b"), caller_number=VIP)
    caller.on(Started())
    assert caller.on(ListsSeen(((VIP, "vip"),))) == LookAtQueue("que_1")
    assert caller.on(QueueSeen(QueueStanding())).audio[0].text == "a"


def test_an_attribute_and_what_a_caller_typed_can_be_asked_for_as_well() -> None:
    action = d.SetAttribute("blocked", "", "a", "in_list({typed-number}, 'blocked')")
    caller = Caller(step("set", action), words("a"), **{"typed-number": "00994501234567"})
    assert caller.on(Started()) == LookInLists(frozenset({("00994501234567", "blocked")}))
    caller.on(ListsSeen((("00994501234567", "blocked"),)))
    assert caller.state.attributes["blocked"] == "true"


def test_without_lists_nothing_is_looked_up() -> None:
    action = d.Test((d.Branch("a", "caller_number == 'x'", "a"),), "b")
    assert Caller(step("t", action), words("a"), words("b")).on(Started()).audio[0].text == "b"
    assert evaluate("in_list(caller_number, 'vip')", {"caller_number": VIP}, NOW) is False
    assert holds("in_list(caller_number, 'vip')", {"caller_number": VIP}, NOW, [(VIP, "vip")])


@pytest.mark.parametrize(
    ("condition", "reason", "column"),
    [
        ("in_list(caller_number, 'gone')", "NUMBER_LIST_UNKNOWN", 24),
        ("in_list(caller_number, tier)", "EXPRESSION_INVALID", 24),
        ("in_list(caller_number, 'V I P')", "EXPRESSION_INVALID", 24),
        ("in_list(caller_number)", "EXPRESSION_INVALID", 1),
        ("in_list(5, 'vip')", "EXPRESSION_INVALID", 9),
        ("in_list(if(in_list(caller_number, 'vip'), '+1', '+2'), 'vip')", "EXPRESSION_INVALID", 12),
    ],
)
def test_a_list_that_is_not_there_is_refused_with_its_place(condition: str, reason: str, column: int) -> None:
    rules = d.EntryRules((d.Rule("a", condition, "que_1"),), "go", "go")
    definition = flow(step("rules", rules), words("go"))
    problems = [each for each in validate(definition, KNOWN) if each.step_id == "rules" and each.column]
    assert [(each.field, each.reason, each.column) for each in problems if each.severity == "ERROR"] == [
        ("rules[0].condition", reason, column)
    ]


def test_the_lists_a_flow_names_are_known_with_their_steps() -> None:
    definition = flow(step("rules", RULES), words("go"), words("no"))
    assert list_keys(definition) == ["blocked", "vip"]
    assert steps_naming(definition, "vip") == ("rules",) and steps_naming(definition, "other") == ()


def test_lists_are_pretended_when_a_flow_is_tried_out() -> None:
    definition = flow(step("rules", RULES), words("go"), words("no"))
    waits = tried(definition, caller_number=VIP)
    assert waits.waiting and waits.waiting.kinds == ("number_lists",)
    assert path(tried(definition, ("number_lists", "vip"), caller_number=VIP)) == ["rules", "go"]
    assert path(tried(definition, ("number_lists", "blocked"), caller_number=VIP)) == ["rules", "no"]
    assert path(tried(definition, ("number_lists", "none"), caller_number=VIP)) == ["rules", "go"]
    for wrong in ("", "V I P!", "vip,blocked"):
        assert check(Scenario(), [Input("number_lists", wrong)])

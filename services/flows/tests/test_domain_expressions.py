"""What can be worked out in a flow, what it comes to, and where it is wrong."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime

import pytest
from flows.domain.expressions import MAX_LENGTH, ExpressionInvalid, parse
from flows.domain.formulas import ExpressionFailed, Type, check, evaluate, holds, like, names_in, typed, written
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 3, 2, 21, 30, tzinfo=UTC)  # a Monday, and Tuesday in Baku
CALL = {"total": "120.50", "caller_number": "+994501234567", "name": "Ayşə", "order-id": "7", "empty": ""}


def worked(text: str) -> str:
    check(text, None, {})
    return written(evaluate(text, CALL, NOW))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3 - -4", "11"),
        ("(1 + 2) * 3", "9"),
        ("7 / 2", "3.5"),
        ("7 % 4", "3"),
        ("round(10 / 3, 2)", "3.33"),
        ("number(total) * 2", "241"),
        ("number(name, 5)", "5"),
        ("'Dear ' + name", "Dear Ayşə"),
        ("upper(name) + text(length(name))", "AYŞƏ4"),
        ("default(empty, 'none')", "none"),
        ("{order-id} == '7'", "true"),
        ("not name == 'x' and number(total) > 100", "true"),
        ("starts(caller_number, '+994') or missing == 'x'", "true"),
        ("contains(lower(name), 'ay')", "true"),
        ("ends(caller_number, '68')", "false"),
        ("matches(caller_number, '+994*46##')", "false"),
        ("matches(caller_number, '+994*456#')", "true"),
        ("one_of(name, 'Aygün', 'Ayşə')", "true"),
        ("if(number(total) >= 100, 'gold', 'silver')", "gold"),
        ("if(true, 1, 1 / 0)", "1"),
        ("weekday(now())", "1"),
        ("weekday(now('Asia/Baku'))", "2"),
        ("hour(now('Asia/Baku')) * 100 + minute(now())", "130"),
        ("date(now('Asia/Baku'))", "2026-03-03"),
        ("time('2026-03-02T21:00:00Z') < now()", "true"),
        ("year(time('2026-03-02'))", "2026"),
        (r"'it\'s'", "it's"),
    ],
)  # fmt: skip
def test_it_comes_to_what_one_would_say(text: str, value: str) -> None:
    assert worked(text) == value


@pytest.mark.parametrize(
    ("text", "column", "word"),
    [
        ("", 1, "Write"),
        ("a = b", 3, "=="),
        ("'abc", 1, "no end"),
        ("a b", 3, "too much"),
        ("a ==", 5, "missing"),
        ("(1 + 2", 7, "not closed"),
        ("1 < 2 < 3", 7, "two things at a time"),
        ("foo(1)", 1, "no function foo"),
        ("length()", 1, "takes (text)"),
        ("length(1)", 8, "this is a number"),
        ("total > 5", 7, "number(…)"),
        ("1 == '1'", 3, "can't be compared"),
        ("1 and true", 1, "takes a boolean"),
        ("if(1, 2, 3)", 4, "condition first"),
        ("if(true, 2, '3')", 13, "one type"),
        ("now(name)", 5, "written out"),
        ("now('Mars/Base')", 5, "no time zone"),
        ("name.__class__()", 1, "no function"),
        ("1 + 'a'", 5, "takes a number"),
        ("a; b", 2, "no meaning"),
        ("(" * 31 + "1" + ")" * 31, 31, "deeper"),
        ("+".join(["1"] * 102), 202, "more than 100 parts"),
        ("'" + "x" * MAX_LENGTH + "'", MAX_LENGTH + 1, "at most"),
    ],
)  # fmt: skip
def test_a_slip_is_told_with_its_column(text: str, column: int, word: str) -> None:
    with pytest.raises(ExpressionInvalid) as refused:
        check(text, None, {})
    assert refused.value.column == column and word in refused.value.message


def test_a_condition_has_to_be_true_or_false() -> None:
    with pytest.raises(ExpressionInvalid, match="boolean"):
        check("name", Type.BOOLEAN, {})
    check("queue.free > 0", Type.BOOLEAN, {"queue.free": Type.NUMBER})


@pytest.mark.parametrize("text", ["1 / 0", "1 % number(empty, 0)", "number(name) > 1", "time(name) < now()"])
def test_what_can_not_be_worked_out_with_these_values_says_so(text: str) -> None:
    check(text, None, {})
    with pytest.raises(ExpressionFailed):
        evaluate(text, CALL, NOW)


def test_texts_and_numbers_stay_small() -> None:
    big = {"a": "x" * 1024}
    with pytest.raises(ExpressionFailed, match="longer"):
        evaluate(" + ".join(["a"] * 10), big, NOW)
    with pytest.raises(ExpressionFailed):
        evaluate(" * ".join(["999999999999999999"] * 20), {}, NOW)


def test_a_pattern_that_would_take_a_regular_expression_for_ever_takes_no_time() -> None:
    assert not like("a" * 1024, "*a" * 400 + "b")
    assert like("a" * 1024, "*a" * 400 + "*")


@given(st.text("ab1", max_size=12), st.text("ab1*?#", max_size=8))
def test_patterns_are_those_of_a_regular_expression(text: str, pattern: str) -> None:
    signs = {"*": ".*", "?": ".", "#": "[0-9]"}
    wanted = re.fullmatch("".join(signs.get(each, re.escape(each)) for each in pattern), text, re.DOTALL)
    assert like(text, pattern) == (wanted is not None)


@given(st.text(max_size=80))
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    try:
        typed(parse(text), {})
    except ExpressionInvalid as refused:
        assert refused.column >= 1
        return
    with contextlib.suppress(ExpressionFailed):
        evaluate(text, {}, NOW)


def test_the_names_an_expression_reads_are_known() -> None:
    assert [each.name for each in names_in("a.b == 'c' and {d-e} == lower(f)")] == ["a.b", "d-e", "f"]
    assert list(names_in("a ==")) == []


def test_a_condition_holds_or_not() -> None:
    assert holds("length(name) == 4", CALL, NOW) and not holds("name == ''", CALL, NOW)

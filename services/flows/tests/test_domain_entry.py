"""Entry rules: where a call waits by who calls, when and for what, and queue steps that go by them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flows import yaml_text
from flows.domain import definitions as d
from flows.domain.code_in import read_flow
from flows.domain.code_out import write_flow
from flows.domain.definitions import Problem
from flows.domain.effects import Enqueue
from flows.domain.names import Names, Noun
from flows.domain.runs import Started
from flows.domain.simulation import End
from flows.domain.validation import validate
from kernel.skills import Term

from .test_domain_runs import Caller, said
from .test_domain_simulation import flow, path, step, tried
from .test_domain_validation import KNOWN, found, one

VIP = d.EntryRules(
    (
        d.Rule("VIP", "one_of(caller_number, '+994501234567') or tier == 'gold'", "que_1", 9, {"skl_1": 3}),
        d.Rule("At night", "hour(now('Asia/Baku')) >= 18", "que_2"),
    ),
    "wait", "sorry",
)  # fmt: skip
WAITS = (step("wait", d.Queue(by_rules=True, timed_out="sorry")), step("sorry", d.Say(said("Sorry."))))


def test_the_first_rule_that_holds_says_where_a_call_waits_and_what_it_asks_for() -> None:
    vip = Caller(step("rules", VIP), *WAITS, caller_number="+994501234567").on(Started())
    assert isinstance(vip, Enqueue) and (vip.queue_id, vip.priority, vip.skills) == ("que_1", 9, {"skl_1": 3})
    late = Caller(step("rules", VIP), *WAITS)
    late.now += timedelta(hours=6)
    order = late.on(Started())
    assert isinstance(order, Enqueue) and (order.queue_id, order.priority, order.skills) == ("que_2", 0, {})
    other = Caller(step("rules", VIP), *WAITS)
    assert other.on(Started()).audio[0].text == "Sorry." and other.outcomes[0] == "otherwise"


BY_CHANNEL = d.EntryRules(
    (
        d.Rule("Written at once", "one_of(channel, 'chat', 'social') and tier == 'gold'", "que_1", 9, {"skl_1": 3}),
        d.Rule("Chats", "channel == 'chat'", "que_1", 2),
        d.Rule("Letters", "channel == 'email'", "que_2", requirement="skl_2 >= 2"),
    ),
    "wait", "sorry",
)  # fmt: skip


@pytest.mark.parametrize(
    ("brings", "queue_id", "priority", "asks"),
    [
        ({"channel": "chat"}, "que_1", 2, ({}, "")),
        ({"channel": "social", "tier": "gold"}, "que_1", 9, ({"skl_1": 3}, "")),
        ({"channel": "email"}, "que_2", 0, ({}, "skl_2 >= 2")),
    ],
)
def test_queue_priority_and_skills_are_chosen_by_channel(
    brings: dict[str, str], queue_id: str, priority: int, asks: tuple[dict[str, int], str]
) -> None:
    order = Caller(step("rules", BY_CHANNEL), *WAITS, **brings).on(Started())
    assert isinstance(order, Enqueue) and (order.queue_id, order.priority) == (queue_id, priority)
    assert (order.skills, order.requirement) == asks
    whole = flow(step("rules", BY_CHANNEL), *WAITS)
    tier: dict[str, Any] = {"attributes": {"tier": brings["tier"]}} if "tier" in brings else {}
    assert path(tried(whole, channel=brings["channel"], **tier)) == ["rules", "wait"]
    assert path(tried(whole)) == ["rules", "sorry"], "a call is none of them"


def test_a_condition_that_names_no_channel_is_pointed_at() -> None:
    def wrong(condition: str) -> set[tuple[str, str, str]]:
        problems = one(d.EntryRules((d.Rule("", condition, "que_1"),)))
        return {each for each in found(problems) if each[2] == "CHANNEL_UNKNOWN"}

    for condition in ("channel == 'mail'", "'Chat' != channel", "not one_of(channel, 'chat', 'phone')"):
        assert wrong(condition) == {("it", "rules[0].condition", "CHANNEL_UNKNOWN")}
    assert not wrong("one_of(channel, 'chat', 'email') or tier == 'mail' or channel == tier")


def test_rules_that_choose_nothing_that_is_there_are_refused() -> None:
    whole = flow(step("rules", VIP), *WAITS)
    assert {(each.step_id, each.field, each.reason) for each in validate(whole, KNOWN) if each.severity == "ERROR"} == {
        ("rules", "rules[1].queue_id", "QUEUE_UNKNOWN")
    }
    assert ("it", "rules", "BRANCHES_INVALID") in found(one(d.EntryRules()))
    assert ("it", "by_rules", "RULES_MISSING") in found(one(d.Queue(by_rules=True)))
    assert ("it", "by_rules", "VALUE_TWICE") in found(one(d.Queue("que_1", by_rules=True)))
    faulty = d.Rule("", "hour(now()) >", "que_1", 12, {"skl_9": 7})
    assert found(one(d.EntryRules((faulty,)))) >= {
        ("it", "rules[0].condition", "EXPRESSION_INVALID"), ("it", "rules[0].priority", "RANGE_INVALID"),
        ("it", "rules[0].skills[skl_9]", "SKILL_UNKNOWN"), ("it", "rules[0].skills[skl_9]", "RANGE_INVALID"),
    }  # fmt: skip


def asking(requirement: str, **more: Any) -> list[Problem]:
    rule = d.Rule("", "true", "que_1", requirement=requirement, **more)
    known = replace(KNOWN, skills={"skl_1": "French", "skl_2": "Card disputes"})
    known = replace(known, queues_ask={"que_1": ((Term("skl_1", 2),),)})
    whole = flow(step("rules", d.EntryRules((rule,), "wait", "sorry")), *WAITS)
    return [each for each in validate(whole, known) if each.severity == "ERROR"]


def test_a_rule_asks_for_skills_by_an_expression_of_names_or_ids() -> None:
    rule = d.Rule("", "true", "que_1", 2, requirement="(skl_1 >= 4 or skl_2) and not skl_3")
    order = Caller(step("rules", d.EntryRules((rule,), "wait", "sorry")), *WAITS).on(Started())
    assert isinstance(order, Enqueue) and order.requirement == rule.requirement and order.skills == {}
    assert asking('french >= 3 and ("Card disputes" or skl_1 >= 5)') == []


@pytest.mark.parametrize(
    ("requirement", "more", "reason", "column"),
    [
        ("French >= 3 and Klingon", {}, "REQUIREMENT_INVALID", 17),
        ("(French >= 4 or skl_2) and French <= 2", {}, "REQUIREMENT_INVALID", 2),
        ("French >= 4 and French <= 2", {}, "REQUIREMENT_INVALID", 1),
        ("French >= 9", {}, "REQUIREMENT_INVALID", 11),
        ("French <= 3", {"skills": {"skl_1": 4}}, "REQUIREMENT_CONTRADICTS", 0),
        ("French <= 1", {}, "REQUIREMENT_CONTRADICTS", 0),
    ],
)
def test_skills_of_a_rule_that_nobody_can_have_are_refused_with_their_place(
    requirement: str, more: dict[str, Any], reason: str, column: int
) -> None:
    (problem,) = asking(requirement, **more)
    assert (problem.step_id, problem.field) == ("rules", "rules[0].requirement")
    assert (problem.reason, problem.column) == (reason, column)


def test_skills_of_a_rule_are_written_by_name_and_read_back_as_ids() -> None:
    names = Names({Noun.SKILL: {"skl_1": "French", "skl_2": "Card disputes"}, Noun.QUEUE: {"que_1": "Sales"}})
    rule = d.Rule("", "true", "que_1", requirement="(skl_1 >= 4 or skl_2) and not skl_1 <= 2")
    whole = flow(step("rules", d.EntryRules((rule,), "wait", "sorry")), *WAITS)
    written = write_flow("Main", whole, names)
    text = yaml_text.write(written)
    row = written["steps"]["rules"]["entry_rules"]["rules"][0]
    assert row["requirement"] == '(French >= 4 or "Card disputes") and not French <= 2'
    assert read_flow(yaml_text.read(text), names).definition.steps == whole.steps
    here = Names({Noun.SKILL: {"skl_1": "Francais"}, Noun.QUEUE: {"que_1": "Sales"}})
    missing = read_flow(yaml_text.read(text), here).problems
    assert {(each.step_id, each.field, each.reason) for each in missing} == {
        ("rules", "rules[0].requirement", "NAME_MISSING")
    }


def test_a_queue_step_that_waits_by_the_rules_is_refused_where_a_call_comes_to_it_without_them() -> None:
    choice = d.Menu(said(), (d.Choice("1", "", "rules"), d.Choice("2", "", "wait")), no_match="sorry")
    around = flow(step("ask", choice), step("rules", VIP), *WAITS)
    problem = next(each for each in validate(around, KNOWN) if each.reason == "RULES_BYPASSED")
    assert (problem.step_id, problem.field) == ("wait", "by_rules") and "ask -> wait" in problem.message
    nothing = flow(step("rules", replace(VIP, otherwise="wait")), *WAITS)
    assert ("wait", "by_rules", "RULES_BYPASSED") in found(validate(nothing, KNOWN)), "where no row holds, none chose"
    behind = flow(step("first", replace(VIP, next="rules", otherwise="rules")), step("rules", VIP), *WAITS)
    assert "RULES_BYPASSED" not in {each.reason for each in validate(behind, KNOWN)}


def test_a_queue_step_without_rules_before_it_fails_when_tried_out_as_it_does_in_a_call() -> None:
    bare = step("wait", d.Queue(by_rules=True))
    run = tried(flow(bare), ("queue", "answered"))
    assert run.end is End.FLOW_FAILED and run.visits[0].outcomes == ("refused by routing: QUEUE_NOT_FOUND",)


def test_a_rule_may_ask_for_the_channel_which_no_step_sets() -> None:
    by_channel = d.EntryRules((d.Rule("Calls", "channel == 'voice'", "que_1"),), "wait", "sorry")
    definition = flow(step("rules", by_channel), *WAITS)
    assert validate(definition, KNOWN) == []
    assert path(tried(definition, ("queue", "answered"), attributes={"channel": "chat"})) == ["rules", "wait"]
    assert ("it", "attribute", "ATTRIBUTE_INVALID") in found(one(d.SetAttribute("channel", "chat")))


def test_rules_can_be_tried_out() -> None:
    run = tried(flow(step("rules", VIP), *WAITS), ("queue", "answered"), attributes={"tier": "gold"})
    assert path(run) == ["rules", "wait"] and run.end is End.ANSWERED

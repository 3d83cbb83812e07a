"""Entry rules: where a call waits by who calls, when and for what, and queue steps that go by them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from flows.domain import definitions as d
from flows.domain.effects import Enqueue
from flows.domain.runs import Started
from flows.domain.simulation import End
from flows.domain.validation import validate

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

"""Flows that go through other flows: in a call, tried out, and checked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flows.domain import definitions as d
from flows.domain.effects import Enqueue
from flows.domain.interpreter import advance
from flows.domain.runs import Digits, Started
from flows.domain.simulation import End, World
from flows.domain.subflows import FlowEntered, FlowLeft, LeaveFlow
from flows.domain.validation import validate

from .test_domain_runs import NOW, Caller, said
from .test_domain_simulation import flow, path, step, tried
from .test_domain_validation import KNOWN, found, one

GREET = step("hi", d.Say(said("Hello.")))


def verify(step_id: str = "check", **more: object) -> d.Step:
    given: dict[str, object] = {
        "inputs": {"total": "number(sum) * 2", "note": "upper(caller_name)"}, "outputs": {"result": "verdict"},
        "next": "say", "failed": "sorry",
    }  # fmt: skip
    return step(step_id, d.CallFlow("flw_2", **(given | more)))  # type: ignore[arg-type]


def outer(*more: d.Step, **changes: Any) -> d.Definition:
    return flow(
        verify(**changes), step("say", d.Say(said("{result}/{total}"))), step("sorry", d.Say(said("Sorry."))), *more
    )


INNER = d.Definition(
    "ask",
    (
        step("ask", d.Menu(said("{total} {note} {sum}?"), (d.Choice("1", "yes", "keep"),), no_match="bye")),
        step("keep", d.SetAttribute("verdict", "ok {menu.ask}")),
        step("bye", d.HangUp(said("Bye."))),
    ),
    "en",
    (d.Parameter("total", "number", True), d.Parameter("note")),
    (d.Parameter("verdict"),),
)
CALLED = World({}, {"flw_2": INNER})


def test_a_flow_is_gone_through_with_what_it_is_given_and_gives_back_what_it_says() -> None:
    run = tried(outer(), ("digits", "1"), world=CALLED, caller_name="leyla", attributes={"sum": "21", "total": "7"})
    assert [(visit.flow_id, visit.step_id) for visit in run.visits] == [
        ("", "check"), ("flw_2", "ask"), ("flw_2", "keep"), ("", "say"),
    ]  # fmt: skip
    assert [audio.text for audio in run.visits[1].heard] == ["42 LEYLA ?"], "of the rest nothing is seen inside"
    assert [audio.text for audio in run.visits[3].heard] == ["ok yes/7"] and run.end is End.FLOW_ENDED
    assert "menu.ask" not in run.attributes and "verdict" not in run.attributes


def test_a_flow_that_hangs_up_ends_the_call() -> None:
    run = tried(outer(), ("timed_out", ""), ("timed_out", ""), ("timed_out", ""), world=CALLED, attributes={"sum": "1"})
    assert path(run) == ["check", "ask", "bye"] and run.end is End.FLOW_ENDED


@pytest.mark.parametrize(
    ("world", "changes", "call"),
    [
        (World({}, {}), {}, {"attributes": {"sum": "1"}}),
        (CALLED, {}, {}),
        (CALLED, {"inputs": {"note": "'x'"}}, {}),
        (CALLED, {"inputs": {"total": "caller_name"}}, {"caller_name": "many"}),
    ],
    ids=["gone", "not to be worked out", "missing", "of another type"],
)
def test_a_flow_that_can_not_be_gone_through_leads_elsewhere(
    world: World, changes: dict[str, object], call: dict[str, object]
) -> None:
    run = tried(outer(**changes), world=world, **call)
    assert path(run) == ["check", "sorry"] and run.visits[-1].flow_id == ""


def test_what_is_typed_masked_outside_is_not_seen_inside_and_is_there_again_after() -> None:
    state = Caller(verify(), step("say", d.Say(said("x")))).state
    state = replace(state, attributes={**state.attributes, "sum": "1", "card": "***"}, secrets={"card": "4111"})
    start = d.Definition("check", outer().steps, "en")
    into = advance("run_1", start, state, Started(), NOW)
    inside = advance("run_1", INNER, into.state, FlowEntered("flw_2", "rel_2", "flw_1", "rel_1"), NOW)
    assert "card" not in inside.state.attributes and "card" not in inside.state.secrets
    back = advance("run_1", INNER, inside.state, Digits("1"), NOW)
    assert back.effect == LeaveFlow("flw_1", "rel_1")
    after = advance("run_1", start, back.state, FlowLeft("flw_1", "rel_1"), NOW)
    assert after.state.secrets == {"card": "4111"} and after.state.frames == ()


def test_an_agent_is_told_what_was_found_out_outside_as_well() -> None:
    inner = d.Definition("q", (step("q", d.Queue("que_1")),), "en", INNER.inputs)
    into = advance(
        "run_1", outer(), replace(Caller(verify()).state, attributes={"sum": "1", "vip": "yes"}), Started(), NOW
    )
    queued = advance("run_1", inner, into.state, FlowEntered("flw_2", "rel_2", "flw_1", "rel_1"), NOW)
    assert isinstance(queued.effect, Enqueue)
    assert queued.effect.attributes == {"sum": "1", "vip": "yes", "total": "2", "note": ""}


def test_a_flow_that_calls_itself_is_refused_and_would_end_after_five() -> None:
    itself = flow(step("a", d.CallFlow("flw_1", next="b", failed="b")), step("b", d.HangUp()))
    known = replace(KNOWN, called={"flw_1": itself}, flow_id="flw_1")
    assert ("", "steps", "FLOW_CIRCLE") in found(validate(itself, known))
    run = tried(itself, world=World({}, {"flw_1": itself}))
    assert path(run) == ["a"] * 6 + ["b"]


def test_flows_that_stand_too_deep_or_call_each_other_are_refused() -> None:
    def calling(*targets: str) -> d.Definition:
        return flow(*(step(f"s{place}", d.CallFlow(each)) for place, each in enumerate(targets)))

    chain = {f"flw_{number}": calling(f"flw_{number + 1}") for number in range(1, 6)} | {"flw_6": flow(GREET)}
    deep = replace(KNOWN, called=chain, flow_id="flw_0")
    assert ("", "steps", "FLOW_TOO_DEEP") in found(validate(calling("flw_1"), deep))
    assert ("", "steps", "FLOW_TOO_DEEP") not in found(validate(calling("flw_2", "flw_3"), deep))
    each_other = {"flw_1": calling("flw_2"), "flw_2": calling("flw_1")}
    assert ("", "steps", "FLOW_CIRCLE") in found(validate(calling("flw_1"), replace(KNOWN, called=each_other)))


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"inputs": {"note": "'x'"}}, "inputs[total]", "PARAMETER_MISSING"),
        ({"inputs": {"total": "1", "size": "1"}}, "inputs[size]", "PARAMETER_UNKNOWN"),
        ({"inputs": {"total": "true"}}, "inputs[total]", "PARAMETER_TYPE"),
        ({"inputs": {"total": "1 +"}}, "inputs[total]", "EXPRESSION_INVALID"),
        ({"outputs": {"x": "total"}}, "outputs[x]", "PARAMETER_UNKNOWN"),
        ({"outputs": {"language": "verdict"}}, "outputs[language]", "ATTRIBUTE_INVALID"),
    ],
)
def test_a_call_that_does_not_fit_the_flow_is_refused(changes: dict[str, object], field: str, reason: str) -> None:
    known = replace(KNOWN, called={"flw_2": INNER})
    assert ("check", field, reason) in found(validate(outer(**changes), known))
    assert ("it", "flow_id", "FLOW_UNKNOWN") in found(one(d.CallFlow("flw_9")))


@pytest.mark.parametrize(
    ("parameter", "field", "reason"),
    [
        (d.Parameter("a b"), "inputs[0].name", "ATTRIBUTE_INVALID"),
        (d.Parameter("language"), "inputs[0].name", "ATTRIBUTE_INVALID"),
        (d.Parameter("a", "date"), "inputs[0].type", "PARAMETER_TYPE"),
    ],
)
def test_a_flow_says_what_it_is_given_by_name_and_type(parameter: d.Parameter, field: str, reason: str) -> None:
    definition = d.Definition("hi", (GREET,), "en", (parameter,))
    assert ("", field, reason) in found(validate(definition, KNOWN))
    twice = d.Definition("hi", (GREET,), "en", (), (d.Parameter("a"), d.Parameter("a")))
    assert ("", "outputs[0].name", "NAME_DUPLICATE") in found(validate(twice, KNOWN))


def _hand(flow_id: str) -> d.Transfer:
    return d.Transfer("flow_id", flow_id)


@pytest.mark.parametrize(
    ("own", "other", "where"),
    [
        ((step("hi", d.Say(said(), "on")), step("on", _hand("flw_2"))), (step("back", _hand("flw_1")),), "on"),
        ((step("hi", d.Say(said(), "on")), step("on", _hand("flw_1"))), (step("x", d.HangUp()),), "on"),
        ((step("go", d.CallFlow("flw_2", next="x")), step("x", d.HangUp())), (step("back", _hand("flw_1")),), "go"),
        (
            (step("go", d.CallFlow("flw_2", next="on")), step("on", _hand("flw_1"))),
            (step("hi", d.Say(said())),),
            "on",
        ),
    ],
    ids=["to each other", "to itself", "out of a flow that is called", "after a flow that asks nothing"],
)
def test_flows_that_hand_calls_on_in_a_circle_that_waits_for_nobody_are_refused(
    own: tuple[d.Step, ...], other: tuple[d.Step, ...], where: str
) -> None:
    definition, released = flow(*own), flow(*other)
    known = replace(KNOWN, flows={"flw_1", "flw_2"}, flow_id="flw_1", called={"flw_1": definition, "flw_2": released})
    assert (where, "flow_id", "HAND_ON_CIRCLE") in found(validate(definition, known))


def test_flows_may_hand_calls_to_each_other_where_callers_choose_on_the_way() -> None:
    ask = step("ask", d.Menu(said(), (d.Choice("1", "", "on"),), no_match="x"))
    own, end = flow(step("on", _hand("flw_2"))), step("x", d.HangUp())
    asking = flow(ask, step("on", _hand("flw_1")), end)
    called = flow(step("go", d.CallFlow("flw_3", next="on", failed="x")), step("on", _hand("flw_1")), end)
    for other in (asking, called):
        behind = {"flw_1": own, "flw_2": other, "flw_3": flow(step("ask", d.Menu(said())))}
        known = replace(KNOWN, flows={"flw_1", "flw_2"}, flow_id="flw_1", called=behind)
        assert "HAND_ON_CIRCLE" not in {each.reason for each in validate(own, known)}

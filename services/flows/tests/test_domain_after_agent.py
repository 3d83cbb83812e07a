"""How a run goes on with the caller after the last agent, and what the designer is told of that."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flows.domain import definitions as d
from flows.domain.deeds import AgentLeft, Answered, CallerLeft
from flows.domain.effects import ChangeFlow, CheckContact, Enqueue
from flows.domain.interpreter import TRANSITIONS, advance
from flows.domain.orders import Dial, EndCall, Gather, PlayAudio, Record, Wait, WaitInQueue
from flows.domain.runs import (
    ContactKind,
    Digits,
    Enqueued,
    Estimated,
    EventUnexpected,
    Phase,
    QueueTick,
    RunHasEnded,
    Started,
    TimedOut,
)
from flows.domain.scenarios import Input, Scenario, check
from flows.domain.simulation import End, simulate
from flows.domain.subflows import EnterFlow, FlowEntered, Frame
from flows.domain.validation import validate
from flows.domain.walks import MAX_STEPS_AFTER_AGENT

from .test_domain_runs import NOW, Caller, queue, said, waiting
from .test_domain_simulation import WORLD, flow, path, step, tried
from .test_domain_validation import KNOWN, found

LEFT = AgentLeft("con_1", "usr_ann", "que_1")
RATE = d.Survey(said("How was it?"), question_id="helped", lowest=1, highest=5, next="bye")
BYE = step("bye", d.HangUp(said("Bye.")))


def talked(*steps: d.Step, **more: str) -> Caller:
    """A caller whose queue step has something for after the agent, and who waits, or talks: the run can't tell."""
    caller = Caller(step("q", queue(after_agent=steps[0].step_id, timed_out="bye")), *steps, **more)
    caller.on(Started())
    order = waiting(caller)
    assert isinstance(order, WaitInQueue) and order.goes_on
    return caller


def test_a_wait_without_the_exit_says_that_nothing_follows() -> None:
    caller = Caller(step("q", queue(timed_out="bye")), BYE)
    caller.on(Started())
    order = waiting(caller)
    assert isinstance(order, WaitInQueue) and not order.goes_on
    assert caller.on(LEFT) == EndCall(), "and who is asked all the same ends the call"


def test_the_caller_is_asked_and_their_answer_goes_with_the_agent() -> None:
    caller = talked(step("rate", RATE), BYE)
    order = caller.on(LEFT)
    assert isinstance(order, Gather) and order.audio[0].text == "How was it?"
    turn = advance("run_1", caller.definition, caller.state, Digits("4"), NOW)
    assert turn.answers == (Answered("rate", "helped", 4, 1, 5),)
    assert turn.state.served is not None
    assert (turn.state.served.agent_id, turn.state.served.contact_id) == ("usr_ann", "con_1")
    assert turn.state.attributes["survey.helped"] == "4"
    assert turn.order == EndCall((turn.order.audio[0],)) if isinstance(turn.order, EndCall) else False


def test_what_is_known_of_the_agent_can_be_told_another_system() -> None:
    tell = d.HttpRequest("POST", "https://example.com/rated", body='{"agent": "{served.agent_id}"}', next="bye")
    caller = talked(step("tell", tell), BYE)
    assert caller.on(LEFT) == Wait("tone")
    assert {name: value for name, value in caller.state.attributes.items() if name.startswith("served.")} == {
        "served.agent_id": "usr_ann", "served.contact_id": "con_1", "served.queue_id": "que_1",
    }  # fmt: skip


def test_who_waits_again_is_another_contact_that_goes_on_from_the_first() -> None:
    caller = talked(step("again", d.Menu(said("1?"), (d.Choice("1", "", "q"),))), BYE)
    caller.on(LEFT)
    order = caller.on(Digits("1"))
    assert isinstance(order, Enqueue)
    assert order.request_id.endswith(":q:3"), "a visit of its own"
    assert caller.state.origin.contact_kind is ContactKind.TRANSFER
    assert caller.state.origin.previous_contact_id == "con_1"
    caller.on(Enqueued("con_2"))
    caller.on(Estimated(None))
    caller.on(AgentLeft("con_2", "usr_ben"))
    assert caller.state.served is not None and caller.state.served.agent_id == "usr_ben"
    assert caller.state.attributes["served.queue_id"] == ""


@pytest.mark.parametrize(
    ("action", "order"),
    [
        (d.Say(said("Hi."), "bye"), PlayAudio),
        (d.Play("prm_1", "bye"), PlayAudio),
        (d.Menu(said("1?"), (d.Choice("1", "", "bye"),)), Gather),
        (d.Collect(said("Digits?"), "x", 1, 4, next="bye"), Gather),
        (d.Transfer("number", "+994501234567"), Dial),
        (d.Transfer("flow_id", "flw_1"), ChangeFlow),
        (d.Voicemail(said("Speak."), "queue_id", "que_1"), Record),
        (d.CallFlow("flw_1", next="bye"), EnterFlow),
        (d.Queue("que_2"), Enqueue),
        (d.Transfer("agent_id", "usr_1"), Enqueue),
        (d.SetAttribute("x", "y", "bye"), EndCall),
        (d.HangUp(said("Bye.")), EndCall),
    ],
    ids=lambda each: type(each).__name__ if not isinstance(each, type) else each.__name__,
)
def test_whatever_makes_sense_with_a_caller_may_follow(action: d.Action, order: type) -> None:
    caller = talked(step("next", action), BYE)
    assert isinstance(caller.on(LEFT), order)
    definition = flow(step("q", d.Queue("que_1", after_agent="next")), step("next", action), BYE)
    assert not [each for each in found(validate(definition, KNOWN)) if each[2] in ("CALLER_GONE", "NEXT_UNKNOWN")]


@pytest.mark.parametrize("phase", [each for each in Phase if each not in (Phase.QUEUED, Phase.ENDED)])
def test_only_a_run_that_waits_goes_on_after_an_agent(phase: Phase) -> None:
    caller = talked(step("rate", RATE), BYE)
    caller.state = replace(caller.state, phase=phase)
    with pytest.raises(EventUnexpected):
        caller.on(LEFT)
    assert (phase, AgentLeft) not in TRANSITIONS


def test_a_run_that_is_over_goes_on_after_nobody() -> None:
    caller = talked(step("rate", RATE), BYE)
    caller.on(CallerLeft())
    with pytest.raises(RunHasEnded):
        caller.on(LEFT)


def test_inside_another_flow_what_follows_the_agent_is_the_end_of_it() -> None:
    caller = talked(step("rate", replace(RATE, next="")))
    caller.state = replace(caller.state, frames=(Frame("call", "flw_0", "rel_0", next="more"),))
    caller.on(LEFT)
    assert caller.on(Digits("5")) == EndCall(), "nobody comes back to the flow that called this one"


def test_a_survey_that_several_flows_share_may_follow_and_comes_back() -> None:
    caller = talked(step("call", d.CallFlow("flw_1", next="bye")), BYE)
    assert caller.on(LEFT) == EnterFlow("flw_1")
    outer, caller.definition = caller.definition, flow(step("rate", replace(RATE, next="")))
    assert isinstance(caller.on(FlowEntered("flw_1", "rel_1", "flw_0", "rel_0")), Gather)
    turn = advance("run_1", caller.definition, caller.state, Digits("5"), NOW)
    assert turn.state.served is not None and turn.answers and turn.state.phase is Phase.LEAVING_FLOW
    assert outer.step("bye") is not None


def test_a_caller_who_put_the_receiver_aside_does_not_hold_the_line_for_ever() -> None:
    menu = d.Menu(said("1?"), (d.Choice("1", "", "bye"),), attempts=1, no_match="ask")
    caller = talked(step("ask", menu), BYE)
    order = caller.on(LEFT)
    asked = 0
    while isinstance(order, Gather):
        order = caller.on(TimedOut())
        asked += 1
    assert isinstance(order, EndCall) and order.cause == "FLOW_FAILED"
    assert asked == MAX_STEPS_AFTER_AGENT


def test_a_tick_that_was_under_way_when_the_agent_came_leaves_the_run_where_it_is() -> None:
    caller = talked(step("rate", RATE), BYE)
    assert caller.told(QueueTick(), after=5) == CheckContact("con_1")


def test_the_exit_leads_to_steps_that_are_reached_and_to_none_that_are_not_there() -> None:
    good = flow(step("q", d.Queue("que_1", after_agent="rate")), step("rate", RATE), BYE)
    assert found(validate(good, KNOWN)) == set()
    bad = flow(step("q", d.Queue("que_1", after_agent="nowhere")))
    assert ("q", "after_agent", "NEXT_UNKNOWN") in found(validate(bad, KNOWN))


def test_a_caller_who_would_wait_again_without_being_asked_is_a_loop() -> None:
    definition = flow(step("q", d.Queue("que_1", after_agent="hi")), step("hi", d.Say(said("Again."), "q")))
    assert "LOOP_WITHOUT_INPUT" in [each[2] for each in found(validate(definition, KNOWN))]
    asked = flow(
        step("q", d.Queue("que_1", after_agent="ask")),
        step("ask", d.Menu(said("1?"), (d.Choice("1", "", "q"), d.Choice("2", "", "bye")))), BYE,
    )  # fmt: skip
    assert found(validate(asked, KNOWN)) == set()


def test_only_a_flow_with_the_exit_knows_of_an_agent_before() -> None:
    text = "{served.agent_id} {served.name}"
    after = flow(step("q", d.Queue("que_1", after_agent="hi")), step("hi", d.Say(said(text))))
    assert [each.message for each in validate(after, KNOWN)] == [
        "No step sets {served.name}: it is empty unless the call brings it."
    ]
    before = flow(step("hi", d.Say(said(text))))
    assert len(validate(before, KNOWN)) == 2
    wrong = flow(step("set", d.SetAttribute("served.agent_id", "usr_me")))
    assert ("set", "attribute", "ATTRIBUTE_INVALID") in found(validate(wrong, KNOWN))


SURVEYED = flow(
    step("q", d.Queue("que_1", after_agent="rate", max_wait=timedelta(minutes=2), timed_out="bye")),
    step("rate", replace(RATE, next="again")),
    step("again", d.Menu(said("1?"), (d.Choice("1", "", "q"), d.Choice("2", "", "bye")))), BYE,
)  # fmt: skip


def test_what_follows_the_agent_is_tried_out() -> None:
    came = tried(
        SURVEYED, ("queue", "waiting"), ("queue", "agent_hung_up"), ("digits", "4"), ("digits", "1"),
        ("queue", "agent_hung_up"), ("digits", "5"), ("digits", "2"),
    )  # fmt: skip
    assert (came.end, came.mismatch) == (End.FLOW_ENDED, None)
    assert path(came) == ["q", "rate", "again", "q", "rate", "again", "bye"]
    assert came.attributes["survey.helped"] == "5"
    assert came.visits[0].outcomes[-1] == "the agent has left"


def test_a_caller_whose_agent_answers_and_who_hangs_up_first_has_come_to_the_end() -> None:
    came = tried(SURVEYED, ("queue", "answered"))
    assert came.end is End.ANSWERED and path(came) == ["q"]
    came = tried(SURVEYED, ("queue", "agent_hung_up"), ("hang_up", ""))
    assert came.end is End.HUNG_UP and path(came) == ["q", "rate"]


def test_without_the_exit_no_agent_who_hangs_up_is_waited_for() -> None:
    definition = flow(step("q", d.Queue("que_1")))
    came = tried(definition, ("queue", "agent_hung_up"))
    assert came.mismatch is not None and came.waiting is not None
    assert "agent_hung_up" not in came.waiting.outcomes
    offered = tried(SURVEYED).waiting
    assert offered is not None and "agent_hung_up" in offered.outcomes


def test_the_talk_before_takes_as_long_as_is_said() -> None:
    inputs = [Input("queue", "agent_hung_up", duration=timedelta(minutes=3))]
    assert check(Scenario(), inputs) == []
    came = simulate(SURVEYED, Scenario(), inputs, WORLD)
    assert came.elapsed >= timedelta(minutes=3)

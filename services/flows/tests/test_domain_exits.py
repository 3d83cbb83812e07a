"""Where callers go whom a queue takes out, or doesn't take at all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flows.domain import definitions as d
from flows.domain.definitions import HangUp, Queue, Say, Step
from flows.domain.effects import CheckContact, Enqueue
from flows.domain.findings import References
from flows.domain.graph import loops_while_closed, loops_without_input
from flows.domain.orders import Audio, Dial, EndCall, Gather, PlayAudio
from flows.domain.runs import ContactChecked, DialEnded, DialFailed, Digits, Enqueued, Finished, QueueTick, Started
from flows.domain.scenarios import Input, Scenario
from flows.domain.simulation import World, simulate
from flows.domain.validation import validate

from .test_domain_runs import BYE, Caller, queue, said, waiting


def test_caller_whose_queue_takes_nobody_goes_by_the_exit_for_why_or_as_after_the_longest_wait() -> None:
    exits = {"closed": "other", "timed_out": "bye"}
    for why, sentence in (("closed", "Other."), ("full", "Bye."), ("nobody_staffed", "Bye.")):
        caller = Caller(Step("q", "", queue(**exits)), BYE, Step("other", "", HangUp(said("Other."))))
        caller.on(Started())
        order = caller.on(Enqueued("con_1", left=why))
        assert isinstance(order, EndCall) and order.audio[0].text == sentence
        assert caller.state.contact_id == ""
    bare = Caller(Step("q", "", queue()))
    bare.on(Started())
    order = bare.on(Enqueued("con_1", left="closed"))
    assert isinstance(order, EndCall) and order.audio[0].text.startswith("We are closed right now.")


def test_caller_taken_out_while_waiting_goes_by_the_same_exits() -> None:
    caller = Caller(
        Step("q", "", queue(timed_out="bye", nobody_staffed="other")), BYE, Step("other", "", HangUp(said("Other.")))
    )
    caller.on(Started())
    waiting(caller)
    assert caller.told(QueueTick(), after=5) == CheckContact("con_1"), "telephony reports at once that it is out"
    order = caller.told(ContactChecked(False, "nobody_staffed"))
    assert isinstance(order, EndCall) and order.audio[0].text == "Other."
    late = Caller(Step("q", "", queue(timed_out="bye")), BYE)
    late.on(Started())
    waiting(late)
    late.told(QueueTick(), after=30)
    order = late.told(ContactChecked(False, "max_wait"))
    assert isinstance(order, EndCall) and order.audio[0].text == "Bye."
    assert late.outcomes[-2:] == ["waited too long", "hung up"]


def test_call_that_overflows_to_a_number_rings_there_and_is_led_on_when_nobody_answers() -> None:
    for entering in (True, False):
        caller = Caller(Step("q", "", queue(timed_out="bye")), BYE)
        caller.on(Started())
        if entering:
            order = caller.on(Enqueued("con_1", left="number", number="+994125550100"))
        else:
            waiting(caller)
            caller.told(QueueTick(), after=5)
            order = caller.told(ContactChecked(False, "number", "+994125550100"))
        assert order == Dial("+994125550100", "", timedelta(seconds=30), (Audio(prompt_id="prm_music"),))
        assert isinstance(caller.on(DialFailed("BUSY")), EndCall) and caller.outcomes[-2:] == [
            "not reached: BUSY", "hung up",
        ]  # fmt: skip
    talked = Caller(Step("q", "", queue(timed_out="bye")), BYE)
    talked.on(Started())
    talked.on(Enqueued("con_1", left="number", number="+994125550100"))
    assert talked.on(DialEnded(timedelta(seconds=9))) == EndCall()


def test_queue_that_turns_the_caller_away_twice_without_a_wait_is_not_asked_for_ever() -> None:
    caller = Caller(Step("q", "", queue(timed_out="sorry")), Step("sorry", "", Say(said("Sorry."), "q")))
    caller.on(Started())
    assert isinstance(caller.on(Enqueued("con_1", left="full")), PlayAudio)
    assert isinstance(caller.on(Finished()), Enqueue)
    order = caller.on(Enqueued("con_2", left="full"))
    assert isinstance(order, EndCall) and order.cause == "FLOW_ENDED"


def test_two_closed_queues_that_lead_to_each_other_tell_the_caller_that_they_are_closed() -> None:
    flow = d.Definition(
        "a", (Step("a", "", Queue("que_1", timed_out="b")), Step("b", "", Queue("que_2", timed_out="a")))
    )
    run = simulate(flow, Scenario(), [Input("queue", "closed")] * 3, World())
    assert [visit.step_id for visit in run.visits] == ["a", "b", "a"]
    assert run.end == "FLOW_ENDED" and run.visits[-1].heard[0].text.startswith("We are closed right now.")
    assert loops_without_input(flow) == [] and loops_while_closed(flow) == [["a", "b"]]
    found = [(each.step_id, each.field, each.severity) for each in validate(flow, References(("que_1", "que_2")))]
    assert ("a", "timed_out", d.Severity.WARNING) in found


def test_caller_whose_queue_is_gone_goes_by_an_exit_for_whom_nobody_takes_before_an_apology() -> None:
    for exit_ in ("timed_out", "no_match", "nobody_staffed", "closed", "full", "no_answer"):
        exits: dict[str, Any] = {exit_: "bye"}
        caller = Caller(Step("q", "", queue(**exits)), BYE)
        caller.on(Started())
        order = caller.on(Enqueued("", "QUEUE_NOT_FOUND"))
        assert isinstance(order, EndCall) and order.audio[0].text == "Bye.", exit_
    bare = Caller(Step("q", "", queue()))
    bare.on(Started())
    assert bare.on(Enqueued("", "QUEUE_NOT_FOUND")).cause == "FLOW_FAILED"


def test_caller_may_choose_a_closed_queue_again_from_the_menu_it_leads_back_to() -> None:
    menu = d.Menu(said("Press 1."), (d.Choice("1", "", "q"),))
    caller = Caller(Step("m", "", menu), Step("q", "", queue(closed="m")))
    caller.on(Started())
    for _ in range(3):
        assert isinstance(caller.on(Digits("1")), Enqueue)
        assert isinstance(caller.on(Enqueued("con_1", left="closed")), Gather)


def test_loop_whose_queues_have_exits_of_their_own_while_closed_is_no_loop_while_closed() -> None:
    away: dict[str, Any] = {"closed": "bye", "nobody_staffed": "bye", "full": "bye"}
    steps = (Step("a", "", Queue("que_1", timed_out="b", **away)), Step("b", "", Queue("que_2", timed_out="a")), BYE)
    assert loops_while_closed(d.Definition("a", steps, "en")) == []


def test_loop_of_a_queue_that_is_closed_is_found_and_one_of_a_wait_is_not() -> None:
    def flow(line: Queue) -> d.Definition:
        return d.Definition("q", (Step("q", "", line), Step("sorry", "", Say(said("Sorry."), "q"))), "en")

    assert loops_without_input(flow(Queue("que_1", closed="sorry"))) == [["q", "sorry"]]
    assert loops_without_input(flow(Queue("que_1", timed_out="sorry"))) == []


@pytest.mark.parametrize("why", ["closed", "nobody_staffed", "full"])
def test_flow_is_tried_out_with_a_queue_that_takes_nobody(why: str) -> None:
    line = Queue("que_1", closed="bye", nobody_staffed="bye", full="bye")
    flow = d.Definition("q", (Step("q", "", line), BYE), "en")
    run = simulate(flow, Scenario(), [Input("queue", why)], World())
    assert [visit.step_id for visit in run.visits] == ["q", "bye"]
    late = simulate(flow, Scenario(), [Input("queue", "waiting"), Input("queue", why)], World())
    if why == "nobody_staffed":
        assert late.mismatch is None and [visit.step_id for visit in late.visits] == ["q", "bye"]
    else:
        assert late.mismatch is not None, "whoever waits isn't turned away any more"


def test_caller_who_comes_back_to_a_queue_says_as_whom_they_waited() -> None:
    caller = Caller(
        Step("q", "", queue(timed_out="ask")), Step("ask", "", d.CallbackOffer("que_1", always=True, declined="q")),
        caller_number="+994501234567",
    )  # fmt: skip
    first: Any = caller.on(Started())
    assert isinstance(first, Enqueue) and first.left_contact_id == ""
    waiting(caller)
    caller.told(QueueTick(), after=30)
    assert isinstance(caller.told(ContactChecked(False, "max_wait")), Gather)
    back: Any = caller.on(Digits("9"))
    assert isinstance(back, Enqueue) and back.left_contact_id == "con_1"

"""What a flow still does for a caller who hung up while they waited, and what it may not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flows.domain import definitions as d
from flows.domain.deeds import CallbackMade, CallerLeft, RequestCallback
from flows.domain.effects import CheckContact, Fetch
from flows.domain.orders import EndCall
from flows.domain.runs import ContactChecked, Fetched, Phase, QueueTick, RunState, Started
from flows.domain.simulation import End
from flows.domain.validation import validate

from .test_domain_runs import Caller, queue, said, waiting
from .test_domain_simulation import flow, path, step, tried
from .test_domain_validation import KNOWN, found

NUMBER = "+994501234567"
TELL = d.HttpRequest(
    "POST", "https://example.com/left", body='{"number": "{caller_number}"}', next="call", failed="call"
)
CALL = d.CallbackOffer("que_1", priority=4, declined="done")


def left(**more: str) -> Caller:
    caller = Caller(
        step("q", queue(abandoned="mark", timed_out="bye")),
        step("mark", d.SetAttribute("outcome", "left", "tell")),
        step("tell", TELL), step("call", CALL), step("done", d.HangUp()), step("bye", d.HangUp(said("Bye."))),
        caller_number=NUMBER, **more,
    )  # fmt: skip
    caller.on(Started())
    waiting(caller)
    return caller


def test_who_hangs_up_while_they_wait_is_told_of_and_called_back_without_being_asked() -> None:
    caller = left()
    asked = caller.on(CallerLeft())
    assert isinstance(asked, Fetch) and NUMBER in asked.body, "nobody is there to hear a filler"
    request = caller.on(Fetched({}, "ok"))
    assert isinstance(request, RequestCallback)
    assert (request.number, request.priority, request.left_contact_id) == (NUMBER, 4, "con_1")
    assert caller.on(CallbackMade("cbk_1")) == EndCall(), "and nothing is said"
    assert caller.state.phase is Phase.ENDED and caller.state.attributes["outcome"] == "left"
    assert caller.outcomes[-4:] == ["left by the caller", "set", "http ok", "callback asked for"]


def test_who_has_no_number_is_not_called_back() -> None:
    caller = left()
    caller.state = unknown(caller, caller_number="")
    caller.on(CallerLeft())
    assert caller.on(Fetched(None, "timeout")) == EndCall()
    assert "no number to call back" in caller.outcomes


def unknown(caller: Caller, **attributes: str) -> RunState:
    return replace(caller.state, attributes={**caller.state.attributes, **attributes})


def test_a_tick_that_finds_the_contact_abandoned_goes_the_same_way() -> None:
    caller = left()
    assert caller.told(QueueTick(), after=5) == CheckContact("con_1")
    assert isinstance(caller.told(ContactChecked(False, "abandoned")), Fetch)


def test_without_the_exit_a_caller_who_hangs_up_ends_the_run() -> None:
    caller = Caller(step("q", queue(timed_out="bye")), step("bye", d.HangUp(said("Bye."))))
    caller.on(Started())
    waiting(caller)
    assert caller.on(CallerLeft()) == EndCall()


def test_a_release_that_speaks_to_who_is_gone_stops_there() -> None:
    # What was published before a step came to be refused must not hang.
    caller = Caller(step("q", queue(abandoned="hello")), step("hello", d.Say(said("Hello."))))
    caller.on(Started())
    waiting(caller)
    assert caller.on(CallerLeft()) == EndCall() and caller.outcomes[-1] == "nobody is on the line any more"


@pytest.mark.parametrize(
    "action",
    [
        d.Say(said("Hello.")),
        d.Play("prm_1"),
        d.Menu(said("Press 1."), (d.Choice("1", "", "tell"),)),
        d.Queue("que_1"),
        d.Transfer("number", NUMBER),
        d.Voicemail(said("Speak."), "queue_id", "que_1"),
        d.CallFlow("flw_1"),
        d.HangUp(said("Bye.")),
    ],
    ids=lambda action: type(action).__name__,
)
def test_a_step_that_needs_a_caller_is_refused_where_it_stands(action: d.Action) -> None:
    definition = flow(
        step("q", d.Queue("que_1", abandoned="mark", max_wait=timedelta(minutes=1))),
        step("mark", d.SetAttribute("outcome", "left", "loud")), step("loud", action), step("tell", d.HangUp()),
    )  # fmt: skip
    problems = [each for each in validate(definition, KNOWN) if each.reason == "CALLER_GONE"]
    assert [(each.step_id, each.field) for each in problems] == [("loud", "kind")]
    assert "'q'" in problems[0].message


def test_steps_without_sound_may_follow_and_one_behind_a_refused_one_is_not_named() -> None:
    good = flow(
        step("q", d.Queue("que_1", abandoned="test")),
        step("test", d.Test((d.Branch("a", "caller_number == ''", "done"),), "call")),
        step("call", CALL), step("done", d.HangUp()),
    )  # fmt: skip
    assert not [each for each in found(validate(good, KNOWN)) if each[2] == "CALLER_GONE"]
    bad = flow(
        step("q", d.Queue("que_1", abandoned="a")), step("a", d.Say(said("A."), "b")), step("b", d.Say(said("B.")))
    )
    assert [each[0] for each in found(validate(bad, KNOWN)) if each[2] == "CALLER_GONE"] == ["a"]
    gone = flow(step("q", d.Queue("que_1", abandoned="nowhere")))
    assert ("q", "abandoned", "NEXT_UNKNOWN") in found(validate(gone, KNOWN))


@pytest.mark.parametrize("how", [("queue", "abandoned"), ("hang_up", "")])
def test_what_follows_is_tried_out_and_ends_as_hung_up(how: tuple[str, str]) -> None:
    definition = flow(
        step("q", d.Queue("que_1", abandoned="mark")), step("mark", d.SetAttribute("outcome", "left", "call")),
        step("call", CALL), step("done", d.HangUp()),
    )  # fmt: skip
    came = tried(definition, ("queue", "waiting"), how)
    assert (came.end, came.mismatch) == (End.HUNG_UP, None)
    assert path(came)[:2] == ["q", "mark"] and came.attributes["outcome"] == "left"

"""A flow that offers to call back: whether, at which number, and how the call ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flows.domain import definitions as d
from flows.domain.callback_words import words
from flows.domain.callbacks import NUMBER
from flows.domain.deeds import CallbackChecked, CallbackMade, CheckCallback, RequestCallback
from flows.domain.orders import EndCall, Gather, WaitInQueue
from flows.domain.runs import (
    Dequeued,
    Digits,
    Enqueued,
    Estimated,
    Phase,
    QueueTick,
    Started,
    TimedOut,
)  # fmt: skip
from flows.domain.subflows import Frame
from flows.domain.validation import References, validate
from hypothesis import given
from hypothesis import strategies as st

from .test_domain_runs import Caller, said
from .test_domain_simulation import flow, heard, path, step, tried

OWN = "+994501234567"
OFFER = d.CallbackOffer("que_1", skills={"skl_1": 3}, priority=2, declined="line")
LINE = d.Step("line", "", d.Queue("que_1"))


def caller(offer: d.CallbackOffer = OFFER, **attributes: str) -> Caller:
    made = Caller(d.Step("offer", "", offer), LINE, **{"caller_number": OWN, **attributes})
    return made


def offered(offer: d.CallbackOffer = OFFER, **attributes: str) -> tuple[Caller, Gather]:
    made = caller(offer, **attributes)
    assert made.on(Started()) == CheckCallback("que_1", {"skl_1": 3}, 2)
    return made, made.on(CallbackChecked(True))


def test_caller_who_agrees_is_called_at_their_own_number_and_the_call_ends_politely() -> None:
    run, ask = offered(menu="loans")
    assert ask.audio[0].text == words("offer", "en")[0] and ask.max_digits == 1
    request = run.on(Digits("1"))
    assert isinstance(request, RequestCallback)
    assert (request.number, request.skills, request.priority) == (OWN, {"skl_1": 3}, 2)
    assert request.attributes["menu"] == "loans" and "caller_number" not in request.attributes
    end = run.on(CallbackMade("cbk_1"))
    assert isinstance(end, EndCall) and end.audio[0].text == words("made", "en")[0]
    assert (run.state.phase, run.outcomes) == (Phase.ENDED, ["callback asked for"])


def test_whoever_asks_again_is_told_that_their_older_place_is_kept() -> None:
    run, _ = offered()
    run.on(Digits("1"))
    end = run.on(CallbackMade("cbk_1", already_open=True))
    assert end.audio[0].text == words("known", "en")[0]


@pytest.mark.parametrize("pressed", [Digits("3"), Digits("9"), TimedOut()])
def test_caller_who_does_not_want_it_goes_on(pressed: Any) -> None:
    run, _ = offered()
    assert run.on(pressed).queue_id == "que_1" and run.state.step_id == "line"


@pytest.mark.parametrize("told", [False, None])
def test_caller_goes_on_when_it_is_not_offered_or_nobody_can_tell(told: bool | None) -> None:
    run = caller()
    run.on(Started())
    run.on(CallbackChecked(told))
    assert run.state.step_id == "line"


def test_always_offered_asks_nobody_whether() -> None:
    assert isinstance(caller(replace(OFFER, always=True)).on(Started()), Gather)


@pytest.mark.parametrize("typed", ["905321234567", "00905321234567"])
def test_caller_types_another_number_and_confirms_it(typed: str) -> None:
    run, _ = offered()
    ask = run.on(Digits("2"))
    assert (ask.terminator, ask.audio[0].text) == ("#", words("number", "en")[0])
    confirm = run.on(Digits(typed))
    assert "9 0 5 3 2 1 2 3 4 5 6 7" in confirm.audio[0].text and confirm.audio[0].personal
    request = run.on(Digits("1"))
    assert request.number == "+905321234567" and NUMBER not in request.attributes


def test_number_that_can_not_be_called_is_asked_for_three_times() -> None:
    run, _ = offered()
    order = run.on(Digits("2"))
    for typed in ("0501234567", "12"):
        order = run.on(Digits(typed))
        assert order.audio[0].text == words("wrong", "en")[0]
    run.on(TimedOut())
    assert run.state.step_id == "line"


def test_wrong_number_is_corrected_before_it_is_called() -> None:
    run, _ = offered()
    for pressed in ("2", "905321234567", "2"):
        run.on(Digits(pressed))
    run.on(Digits("905320000000"))
    assert run.on(Digits("1")).number == "+905320000000"


def test_caller_without_a_number_is_asked_for_one() -> None:
    run, ask = offered(caller_number="")
    assert ask.audio[0].text == words("offer_unknown", "en")[0]
    assert run.on(Digits("1")).terminator == "#"


def test_callback_that_routing_refuses_lets_the_caller_wait() -> None:
    run, _ = offered()
    run.on(Digits("1"))
    run.on(CallbackMade("", refusal="QUEUE_NOT_FOUND"))
    assert run.state.step_id == "line" and "QUEUE_NOT_FOUND" in run.outcomes[0]


def test_caller_who_waited_in_vain_keeps_the_place_of_that() -> None:
    run = Caller(
        d.Step("line", "", d.Queue("que_1", max_wait=timedelta(minutes=1), timed_out="offer")),
        d.Step("offer", "", d.CallbackOffer("que_1", always=True)), caller_number=OWN,
    )  # fmt: skip
    run.on(Started())
    run.on(Enqueued("con_1"))
    assert isinstance(run.on(Estimated(None)), WaitInQueue)
    run.on(QueueTick(), after=60)
    run.on(Dequeued(True))
    assert run.on(Digits("1")).left_contact_id == "con_1"


def test_authors_own_words_are_said_and_sentences_in_the_callers_language() -> None:
    own = replace(OFFER, utterance=said("Call you?"), confirmation=said("Bye."))
    run, ask = offered(own)
    assert ask.audio[0].text == "Call you?"
    run.on(Digits("1"))
    assert run.on(CallbackMade("cbk_1")).audio[0].text == "Bye."
    spoken = {words(key, language) for key in ("offer", "made") for language in ("en", "tr", "az", "fa", "de")}
    assert len(spoken) == 8


@given(st.lists(st.sampled_from(["", "1", "2", "3", "905321234567", "12"]), max_size=12))
def test_offer_always_comes_to_its_end(pressed: list[str]) -> None:
    run, order = offered()
    for digits in [*pressed, "3", "3", "3", "3"]:
        if isinstance(order, RequestCallback):
            assert run.on(CallbackMade("cbk_1")).cause == "FLOW_ENDED"
            return
        if run.state.step_id != "offer":
            return
        order = run.on(Digits(digits) if digits else TimedOut())
    assert run.state.step_id == "line" or isinstance(order, RequestCallback)


def test_offer_is_tried_out_without_a_call() -> None:
    found = tried(
        flow(step("offer", OFFER), LINE), ("digits", "2"), ("digits", "905321234567#"), ("digits", "1"),
        caller_number=OWN,
    )  # fmt: skip
    assert (path(found), found.end) == (["offer"], "FLOW_ENDED")
    assert heard(found, 0)[-1] == words("made", "en")[0]
    assert found.attributes[NUMBER] == "+905321234567"


def test_offer_that_names_nothing_real_is_refused() -> None:
    wrong = d.CallbackOffer("que_9", skills={"skl_9": 6}, priority=10, declined="nowhere")
    problems = validate(flow(step("offer", wrong)), References(queues={"que_1"}, skills={"skl_1": "French"}))
    assert {(each.field, each.reason) for each in problems} == {
        ("queue_id", "QUEUE_UNKNOWN"), ("skills[skl_9]", "SKILL_UNKNOWN"), ("skills[skl_9]", "RANGE_INVALID"),
        ("priority", "RANGE_INVALID"), ("declined", "NEXT_UNKNOWN"),
    }  # fmt: skip
    round_and_round = flow(step("offer", d.CallbackOffer("que_1", declined="offer")))
    assert "LOOP_WITHOUT_INPUT" in {each.reason for each in validate(round_and_round, References(queues={"que_1"}))}


@pytest.mark.parametrize(
    ("inputs", "outcome", "way"),
    [
        ((("callback", "offered"), ("digits", "1")), "callback asked for", ["offer"]),
        ((("digits", "1"),), "callback asked for", ["offer"]),
        ((("callback", "not_offered"),), "callback not offered", ["offer", "line"]),
        (
            (("callback", "refused"), ("digits", "1")),
            "callback refused by routing: CALLBACK_NOT_OFFERED",
            ["offer", "line"],
        ),
        ((("callback", "asked_before"), ("digits", "1")), "callback asked for before", ["offer"]),
    ],
)
def test_what_comes_of_an_offer_to_call_back_can_be_tried_out(
    inputs: tuple[tuple[str, str], ...], outcome: str, way: list[str]
) -> None:
    definition = flow(step("offer", OFFER), step("line", d.Queue("que_1")))
    asked = tried(definition, caller_number=OWN)
    assert asked.waiting is not None and asked.waiting.kinds == ("callback",)
    run = tried(definition, *inputs, caller_number=OWN)
    assert path(run) == way and run.visits[0].outcomes[-1] == outcome and run.mismatch is None
    always = flow(step("offer", replace(OFFER, always=True)), step("line", d.Queue("que_1")))
    refused = tried(always, ("digits", "1"), ("callback", "refused"), caller_number=OWN)
    assert path(refused) == ["offer", "line"]


def test_whoever_calls_back_is_told_what_was_found_out_before_another_flow_offered_it() -> None:
    run = caller()
    outside = Frame("before", attributes={"order": "4711", "caller_number": OWN, "tier": "gold"})
    run.state = replace(run.state, frames=(outside,), attributes={**run.state.attributes, "tier": "silver"})
    run.on(Started())
    run.on(CallbackChecked(True))
    request = run.on(Digits("1"))
    assert (request.attributes["order"], request.attributes["tier"]) == ("4711", "silver")
    assert "caller_number" not in request.attributes

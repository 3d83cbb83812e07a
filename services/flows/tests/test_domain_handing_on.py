"""How a run hands its caller on, takes messages, and what is built in for calls that agents hand on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flows.domain import builtin
from flows.domain.definitions import LANGUAGES, Definition, HangUp, Queue, Say, Step, Transfer, Utterance, Voicemail
from flows.domain.effects import ChangeFlow, CheckContact, Dequeue, Enqueue, Estimate
from flows.domain.interpreter import Turn, advance
from flows.domain.orders import Audio, Dial, EndCall, PlayAudio, Record, WaitInQueue
from flows.domain.runs import (
    ContactChecked,
    ContactKind,
    Dequeued,
    DialEnded,
    DialFailed,
    Enqueued,
    Estimated,
    Event,
    EventUnexpected,
    Finished,
    FlowChanged,
    HandedOn,
    QueueTick,
    Recorded,
    RunState,
    Started,
)
from flows.domain.validation import References, validate

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SORRY = "We are sorry, nobody is free to take your call right now. Please call again later. Goodbye."


def said(text: str = "Hello.") -> Utterance:
    return Utterance({"en": text})


class Caller:
    """Walks a run, event by event."""

    def __init__(self, *steps: Step, origin: HandedOn | None = None) -> None:
        origin = origin or HandedOn()
        drawn = Definition(steps[0].step_id, steps, "en") if steps else None
        self.definition = drawn or builtin.definition_of(builtin.release_of(origin), origin)
        self.state = RunState(language="en", origin=origin)
        self.now = NOW
        self.outcomes: list[str] = []

    def on(self, event: Event, after: float = 0) -> Any:
        self.now += timedelta(seconds=after)
        turn: Turn = advance("run_1", self.definition, self.state, event, self.now)
        self.state = turn.state
        self.outcomes += [step.outcome for step in turn.trail]
        assert (turn.order is None) != (turn.effect is None)
        return turn.order or turn.effect

    def waits_for(self, agent_id: str) -> WaitInQueue:
        """The step that was entered last waits for this agent."""
        order = self.on(Enqueued("con_1"))
        assert isinstance(order, WaitInQueue) and order.audio == ()
        assert order.tick_interval <= timedelta(seconds=5), "what becomes of the offer is looked at often"
        return order


def texts(order: Any) -> list[str]:
    return [each.text for each in order.audio]


def steps(transfer: Transfer) -> tuple[Step, ...]:
    after = Step("after", "", Say(said("Back again.")))
    return (
        Step("it", "", replace(transfer, next="after", failed="sorry")),
        after,
        Step("sorry", "", HangUp(said("No."))),
    )


# -- numbers


def test_caller_is_put_through_to_a_number_and_comes_back_when_that_hangs_up() -> None:
    caller = Caller(*steps(Transfer("number", "+994501234567", "+994120000001", timedelta(seconds=12), "prm_1")))
    assert caller.on(Started()) == Dial(
        "+994501234567", "+994120000001", timedelta(seconds=12), (Audio(prompt_id="prm_1"),)
    )
    assert texts(caller.on(DialEnded(timedelta(seconds=75)))) == ["Back again."]
    assert caller.outcomes[:1] == ["talked 75 s"]


def test_number_rings_for_thirty_seconds_with_the_ringing_tone_unless_the_flow_says_otherwise() -> None:
    caller = Caller(*steps(Transfer("number", "+994501234567")))
    assert caller.on(Started()) == Dial("+994501234567", "", timedelta(seconds=30), ())


def test_a_flow_may_put_callers_through_to_people_only() -> None:
    caller = Caller(*steps(Transfer("number", "+994501234567", people_only=True)))
    assert caller.on(Started()) == Dial("+994501234567", "", timedelta(seconds=30), (), people_only=True)
    assert texts(caller.on(DialFailed("MACHINE"))) == ["No."]
    assert caller.outcomes[0] == "not reached: MACHINE"


@pytest.mark.parametrize(("leads_on", "heard"), [(True, "No."), (False, SORRY)])
def test_number_that_is_not_reached_goes_where_the_flow_says_or_ends_politely(leads_on: bool, heard: str) -> None:
    transfer = Transfer("number", "+994501234567")
    caller = Caller(*(steps(transfer) if leads_on else (Step("it", "", transfer),)))
    caller.on(Started())
    order = caller.on(DialFailed("BUSY"))
    assert isinstance(order, EndCall) and texts(order) == [heard]
    assert caller.outcomes[0] == "not reached: BUSY"


def test_event_that_does_not_fit_a_call_to_a_number_is_refused() -> None:
    caller = Caller(*steps(Transfer("number", "+994501234567")))
    caller.on(Started())
    for event in (Finished(), QueueTick(), Recorded()):
        with pytest.raises(EventUnexpected):
            caller.on(event)


# -- queues and agents


def test_transfer_to_a_queue_waits_there_as_a_queue_step_does() -> None:
    caller = Caller(*steps(Transfer("queue_id", "que_1", timeout=timedelta(seconds=60), music_prompt_id="prm_1")))
    effect = caller.on(Started())
    assert isinstance(effect, Enqueue) and (effect.queue_id, effect.agent_id) == ("que_1", "")
    assert isinstance(caller.on(Enqueued("con_1")), Estimate)
    order = caller.on(Estimated(None))
    assert order == WaitInQueue("con_1", "prm_1", timedelta(seconds=30))
    assert caller.on(QueueTick(), 60) == CheckContact("con_1")
    assert caller.on(ContactChecked(True)) == Dequeue("con_1", "max_wait")
    assert texts(caller.on(Dequeued(True))) == ["No."]


def test_one_agent_is_waited_for_until_they_take_it_or_turn_it_down() -> None:
    caller = Caller(*steps(Transfer("agent_id", "usr_1")))
    effect = caller.on(Started())
    assert isinstance(effect, Enqueue) and (effect.queue_id, effect.agent_id) == ("", "usr_1")
    caller.waits_for("usr_1")
    assert caller.on(QueueTick(), 5) == CheckContact("con_1")
    assert isinstance(caller.on(ContactChecked(True)), WaitInQueue)
    assert caller.on(QueueTick(), 1) == CheckContact("con_1"), "a tick may come as soon as something is heard"
    assert texts(caller.on(ContactChecked(False))) == ["No."]
    assert "not taken" in caller.outcomes and caller.state.contact_id == ""


def test_agent_who_is_not_free_in_time_is_no_longer_waited_for_but_may_still_answer_what_rings() -> None:
    caller = Caller(*steps(Transfer("agent_id", "usr_1")))
    caller.on(Started())
    caller.waits_for("usr_1")
    caller.on(QueueTick(), 31)
    assert caller.on(ContactChecked(True)) == Dequeue("con_1", "max_wait")
    assert isinstance(caller.on(Dequeued(False)), WaitInQueue), "it rings: let it"
    caller.on(QueueTick(), 5)
    assert caller.on(ContactChecked(True)) == Dequeue("con_1", "max_wait")
    assert texts(caller.on(Dequeued(True))) == ["No."]


def test_agent_who_is_not_at_work_is_not_waited_for_at_all() -> None:
    caller = Caller(Step("it", "", Transfer("agent_id", "usr_1")))
    caller.on(Started())
    order = caller.on(Enqueued("", "AGENT_NOT_AVAILABLE"))
    assert (order.cause, texts(order)) == ("FLOW_ENDED", [SORRY])


# -- flows


def test_caller_goes_on_in_another_flow_with_all_that_is_known_of_them() -> None:
    caller = Caller(*steps(Transfer("flow_id", "flw_2")))
    caller.state = replace(caller.state, attributes={"order": "17"})
    assert caller.on(Started()) == ChangeFlow("flw_2")
    caller.definition = Definition("hello", (Step("hello", "", Say(said("Order {order}."))),), "en")
    assert texts(caller.on(FlowChanged("flw_2", "rel_2"))) == ["Order 17."]
    assert caller.state.step_id == "hello"


def test_flow_that_is_gone_by_now_is_a_transfer_that_failed() -> None:
    caller = Caller(*steps(Transfer("flow_id", "flw_2")))
    caller.on(Started())
    assert texts(caller.on(FlowChanged())) == ["No."]
    caller = Caller(Step("it", "", Transfer("flow_id", "flw_2")))
    caller.on(Started())
    assert caller.on(FlowChanged()).cause == "FLOW_FAILED"


def test_flows_that_lead_to_each_other_for_ever_are_stopped() -> None:
    caller = Caller(Step("it", "", Transfer("flow_id", "flw_2")))
    order = caller.on(Started())
    for _ in range(200):
        if isinstance(order, EndCall):
            break
        order = caller.on(FlowChanged("flw_2", "rel_2"))
    assert order.cause == "FLOW_FAILED" and caller.outcomes[-1] == "stopped: endless loop"


# -- messages


def test_message_is_taken_with_greeting_and_beep_and_thanked_for() -> None:
    caller = Caller(Step("it", "", Voicemail(said("Speak."), "queue_id", "que_1")))
    assert caller.on(Started()) == Record(
        (Audio("Speak.", "", "en"),), True, timedelta(seconds=120), timedelta(seconds=5), "#", "queue_id", "que_1"
    )
    order = caller.on(Recorded(timedelta(seconds=9.4)))
    assert isinstance(order, EndCall) and texts(order) == ["Thank you, we have your message. Goodbye."]
    assert caller.outcomes == ["message of 9 s"]


def test_limits_of_a_message_are_those_of_its_step() -> None:
    step = Voicemail(
        said(), "agent_id", "usr_1", timedelta(seconds=30), timedelta(seconds=3), "*", without_beep=True, next="more"
    )
    caller = Caller(Step("it", "", step), Step("more", "", Say(said("More."))))
    order = caller.on(Started())
    assert (order.beep, order.max_duration, order.silence_timeout, order.end_digit) == (
        False, timedelta(seconds=30), timedelta(seconds=3), "*",
    )  # fmt: skip
    assert isinstance(caller.on(Recorded()), PlayAudio)


def test_caller_who_said_nothing_is_not_thanked() -> None:
    caller = Caller(Step("it", "", Voicemail(said(), "agent_id", "usr_1")))
    caller.on(Started())
    assert caller.on(Recorded()) == EndCall() and caller.outcomes == ["nothing said"]


# -- built in


def handed(to: str, target: str, **more: Any) -> HandedOn:
    return HandedOn(
        **{"contact_kind": ContactKind.TRANSFER, "max_wait": timedelta(seconds=40)} | more, to=to, target=target
    )


def test_call_handed_to_an_agent_goes_back_to_who_handed_it_on_and_then_to_voicemail() -> None:
    caller = Caller(origin=handed("agent_id", "usr_1", return_agent_id="usr_2"))
    effect = caller.on(Started())
    for agent_id in ("usr_1", "usr_2"):
        assert isinstance(effect, Enqueue) and effect.agent_id == agent_id
        caller.waits_for(agent_id)
        caller.on(QueueTick(), 39)
        assert isinstance(caller.on(ContactChecked(True)), WaitInQueue)
        caller.on(QueueTick(), 1)
        caller.on(ContactChecked(True))
        effect = caller.on(Dequeued(True))
    assert isinstance(effect, Record) and (effect.mailbox, effect.owner) == ("agent_id", "usr_1")
    assert isinstance(caller.on(Recorded(timedelta(seconds=3))), EndCall)


@pytest.mark.parametrize("back", ["", "usr_1"])
def test_call_with_nobody_to_go_back_to_ends_in_voicemail(back: str) -> None:
    caller = Caller(origin=handed("agent_id", "usr_1", return_agent_id=back))
    caller.on(Started())
    order = caller.on(Enqueued("", "AGENT_NOT_AVAILABLE"))
    assert isinstance(order, Record) and order.owner == "usr_1"


def test_call_that_its_agent_does_not_take_goes_where_it_was_said_instead() -> None:
    caller = Caller(origin=handed("agent_id", "usr_1", return_agent_id="usr_2", otherwise_queue_id="que_1"))
    caller.on(Started())
    effect = caller.on(Enqueued("", "AGENT_NOT_AVAILABLE"))
    assert isinstance(effect, Enqueue) and (effect.queue_id, effect.agent_id) == ("que_1", "")
    caller = Caller(origin=handed("agent_id", "usr_1", otherwise_end=True))
    caller.on(Started())
    order = caller.on(Enqueued("", "AGENT_NOT_AVAILABLE"))
    assert isinstance(order, EndCall) and (texts(order), order.cause) == ([SORRY], "FLOW_ENDED")


def test_call_handed_to_a_queue_hears_its_place_and_music_and_nothing_else() -> None:
    caller = Caller(origin=handed("queue_id", "que_1"))
    effect = caller.on(Started())
    assert isinstance(effect, Enqueue) and effect.queue_id == "que_1"
    assert isinstance(caller.on(Enqueued("con_1")), Estimate)
    assert isinstance(caller.on(Estimated(None)), WaitInQueue)


@pytest.mark.parametrize("to", ["queue_id", "agent_id"])
def test_run_of_a_consult_says_nothing_and_its_end_is_not_that_of_the_call(to: str) -> None:
    origin = handed(to, "usr_1", contact_kind=ContactKind.CONSULT, consulting_agent_id="usr_9")
    caller = Caller(origin=origin)
    assert isinstance(caller.on(Started()), Enqueue)
    order = caller.on(Enqueued("con_1"))
    assert isinstance(order, WaitInQueue) and order.audio == ()
    refused = Caller(origin=origin)
    refused.on(Started())
    assert refused.on(Enqueued("", "AGENT_NOT_AVAILABLE")) == EndCall((), "CONSULT_FAILED")


@pytest.mark.parametrize("mailbox", ["agent_id", "queue_id"])
def test_message_for_an_agent_or_a_queue_is_taken_at_once(mailbox: str) -> None:
    caller = Caller(origin=handed(f"voicemail_of_{mailbox}", "the_owner"))
    order = caller.on(Started())
    assert isinstance(order, Record) and (order.mailbox, order.owner) == (mailbox, "the_owner")


def test_what_is_built_in_is_as_sound_as_what_may_be_published() -> None:
    known = References(queues={"x"}, agents={"x", "y"})
    ends = ({}, {"otherwise_queue_id": "x"}, {"otherwise_end": True})
    for to in ("queue_id", "agent_id", "voicemail_of_agent_id", "voicemail_of_queue_id"):
        for kind, end in [(ContactKind.CONSULT, {}), *((ContactKind.TRANSFER, each) for each in ends)]:
            origin = handed(to, "x", contact_kind=kind, return_agent_id="y", **end)
            definition = builtin.definition_of(builtin.release_of(origin), origin)
            assert validate(definition, known) == []
            assert set(definition.languages) in ({*LANGUAGES}, set())


def test_state_of_a_run_that_began_before_calls_were_handed_on_goes_on() -> None:
    caller = Caller(Step("it", "", Queue("que_1", announce_interval=timedelta(0))))
    caller.on(Started())
    assert caller.state.origin == HandedOn() and isinstance(caller.on(Enqueued("con_1")), WaitInQueue)


def called_back(**changes: Any) -> Caller:
    plain: dict[str, Any] = {"to": "queue_id", "target": "que_1", "waiting_contact_id": "con_1"}
    return Caller(origin=HandedOn(**(plain | changes)))


def test_customer_who_was_called_back_is_greeted_and_waits_as_the_contact_they_are() -> None:
    caller = called_back()
    assert caller.on(Started()).audio[0].text.startswith("This is the call back you asked for.")
    assert caller.on(Finished()) == CheckContact("con_1")
    waits = caller.on(ContactChecked(True))
    assert isinstance(waits, WaitInQueue) and (waits.contact_id, waits.audio) == ("con_1", ())
    caller.on(QueueTick(), 60)
    assert caller.on(ContactChecked(True)) == Estimate("con_1")


def test_customer_who_was_called_back_hears_the_prompt_of_their_queue() -> None:
    assert called_back(greeting_prompt_id="prm_1").on(Started()) == PlayAudio((Audio(prompt_id="prm_1"),))


def test_customer_who_was_called_back_and_whose_contact_is_gone_hears_that_nobody_is_free() -> None:
    caller = called_back()
    caller.on(Started())
    caller.on(Finished())
    over = caller.on(ContactChecked(False))
    assert isinstance(over, EndCall) and over.audio[0].text == SORRY

"""How a run goes through its release."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flows.domain.definitions import (
    Choice,
    Collect,
    Definition,
    HangUp,
    Hours,
    HttpRequest,
    Menu,
    Play,
    Queue,
    Say,
    SetAttribute,
    Step,
    Utterance,
)  # fmt: skip
from flows.domain.effects import CheckContact, CheckHours, Dequeue, Enqueue, Estimate, Fetch
from flows.domain.interpreter import MAX_STEPS, Turn, advance
from flows.domain.orders import Audio, EndCall, Gather, PlayAudio, Wait, WaitInQueue
from flows.domain.runs import (  # fmt: skip
    Call,
    ContactChecked,
    Dequeued,
    Digits,
    Enqueued,
    Estimated,
    Event,
    EventUnexpected,
    Fetched,
    Finished,
    HoursChecked,
    How,
    Phase,
    Proceed,
    QueueTick,
    RunHasEnded,
    RunState,
    Started,
    TimedOut,
    first_state,
)
from flows.domain.speech import WaitEstimate
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def said(text: str = "Hello.") -> Utterance:
    return Utterance({"en": text})


class Caller:
    """Walks a run through a flow, event by event."""

    def __init__(self, *steps: Step, language: str = "en", **attributes: str):
        self.definition = Definition(steps[0].step_id, steps, "en")
        self.state = RunState(language=language, attributes={"brand_name": "Acme", **attributes})
        self.now = NOW
        self.outcomes: list[str] = []

    def on(self, event: Event, after: float = 0) -> Any:
        """What comes of it; a contact that is looked at still waits."""
        done = self.told(event, after)
        return self.told(ContactChecked(True)) if isinstance(done, CheckContact) else done

    def told(self, event: Event, after: float = 0) -> Any:
        """What comes of it."""
        self.now += timedelta(seconds=after)
        turn: Turn = advance("run_1", self.definition, self.state, event, self.now)
        self.state = turn.state
        self.outcomes += [step.outcome for step in turn.trail]
        assert (turn.order is None) != (turn.effect is None)
        return turn.order or turn.effect


def test_greeting_is_spoken_in_the_language_of_the_brand() -> None:
    caller = Caller(Step("a", "", Say(Utterance({"en": "Hi {brand_name}", "tr": "Selam {brand_name}"}))), language="tr")
    assert caller.on(Started()) == PlayAudio((Audio("Selam Acme", "", "tr"),))


def test_only_what_holds_a_value_of_the_caller_is_personal() -> None:
    fixed, named, typed = "Welcome to {brand_name}.", "Hello {caller_name}.", "Order {order}."
    for text, personal in ((fixed, False), (named, True), (typed, True), (f"{fixed} {named}", True)):
        caller = Caller(Step("a", "", Say(Utterance({"en": text}))))
        order = caller.on(Started())
        assert isinstance(order, PlayAudio) and order.audio[0].personal == personal


def test_greeting_without_that_language_is_spoken_in_the_flows() -> None:
    caller = Caller(Step("a", "", Say(said())), language="fa")
    assert caller.on(Started()) == PlayAudio((Audio("Hello.", "", "en"),))


def test_uploaded_prompt_is_played_instead_of_text() -> None:
    caller = Caller(Step("a", "", Play("prm_1", "b")), Step("b", "", Say(Utterance({"en": "no"}, "prm_2"))))
    assert caller.on(Started()) == PlayAudio((Audio(prompt_id="prm_1"),))
    assert caller.on(Finished()) == PlayAudio((Audio(prompt_id="prm_2"),))


def test_run_ends_where_the_flow_leads_nowhere() -> None:
    caller = Caller(Step("a", "", Say(said())))
    caller.on(Started())
    assert caller.on(Finished()) == EndCall((), "FLOW_ENDED")
    with pytest.raises(RunHasEnded):
        caller.on(Finished())


def menu(**more: Any) -> Menu:
    return Menu(said("Press 1."), (Choice("1", "support", "bye"),), invalid=said("Wrong."), **more)


BYE = Step("bye", "", HangUp(said("Bye.")))


def test_choice_is_kept_and_leads_on() -> None:
    caller = Caller(Step("main", "", menu()), BYE)
    assert caller.on(Started()) == Gather((Audio("Press 1.", "", "en"),), 1, "", timedelta(seconds=5), language="en")
    assert caller.on(Digits("1")) == EndCall((Audio("Bye.", "", "en"),))
    assert caller.state.attributes["menu.main"] == "support"


def test_wrong_digit_is_told_and_silence_is_just_asked_again() -> None:
    caller = Caller(Step("main", "", menu()), BYE)
    caller.on(Started())
    assert [audio.text for audio in caller.on(Digits("7")).audio] == ["Wrong.", "Press 1."]
    assert [audio.text for audio in caller.on(TimedOut()).audio] == ["Press 1."]


def test_after_the_last_attempt_the_run_goes_where_the_menu_says() -> None:
    caller = Caller(Step("main", "", menu(attempts=2, no_match="bye")), BYE)
    caller.on(Started())
    caller.on(TimedOut())
    assert caller.on(TimedOut()) == EndCall((Audio("Bye.", "", "en"),))


def test_caller_who_never_chooses_is_told_so_before_the_end() -> None:
    caller = Caller(Step("main", "", menu(attempts=1)), BYE, language="az")
    caller.on(Started())
    order = caller.on(TimedOut())
    assert isinstance(order, EndCall) and order.audio[0].language == "az" and "Seçiminizi" in order.audio[0].text


def test_digits_are_collected_within_their_limits() -> None:
    step = Step("pin", "", Collect(said("Number?"), "account", 4, 6, next="bye"))
    caller = Caller(step, BYE)
    assert caller.on(Started()) == Gather((Audio("Number?", "", "en"),), 6, "#", timedelta(seconds=5))
    assert isinstance(caller.on(Digits("12")), Gather)
    assert isinstance(caller.on(TimedOut("1234")), EndCall)
    assert caller.state.attributes["account"] == "1234"


def test_masked_digits_are_a_mask_everywhere_but_in_the_http_step() -> None:
    steps = (
        Step("pin", "", Collect(said(), "pin", 4, 4, next="copy", masked=True)),
        Step("copy", "", SetAttribute("copied", "{pin}", "speak")),
        Step("speak", "", Say(said("You typed {pin}."), "ask")),
        Step("ask", "", HttpRequest("POST", "https://example.com", body='{"pin": "{pin}"}', next="queue")),
        Step("queue", "", Queue("que_1")),
    )
    caller = Caller(*steps)
    assert caller.on(Started()).masked
    assert caller.on(Digits("1234")) == PlayAudio((Audio("You typed ***.", "", "en", personal=True),))
    caller.on(Finished())
    fetch = caller.on(Proceed())
    assert isinstance(fetch, Fetch) and fetch.body == '{"pin": "1234"}'
    enqueue = caller.on(Fetched({}, "ok"))
    assert isinstance(enqueue, Enqueue) and enqueue.attributes == {"pin": "***", "copied": "***"}
    assert "1234" not in " ".join([repr(caller.state), repr(fetch), *caller.outcomes, repr(Digits("1234"))])


def test_hours_decide_and_deleted_hours_let_the_caller_in() -> None:
    steps = (
        Step("hours", "", Hours("hrs_1", "in", "out")),
        Step("in", "", Say(said("In."))),
        Step("out", "", Say(said("Out."))),
    )
    for answer, heard in ((True, "In."), (False, "Out."), (None, "In.")):
        caller = Caller(*steps)
        assert caller.on(Started()) == CheckHours("hrs_1")
        assert caller.on(HoursChecked(answer)).audio[0].text == heard


def test_http_step_plays_its_filler_first_and_puts_the_answer_into_attributes() -> None:
    request = HttpRequest(
        "GET", "https://example.com/c/{caller_number}?n={caller_name}", {"X-Name": "{caller_name}"},
        extract={"tier": "/tier"}, filler="music", next="say", failed="failed",
    )  # fmt: skip
    steps = (Step("ask", "", request), Step("say", "", Say(said("{tier}"))), Step("failed", "", Say(said("Failed."))))
    caller = Caller(*steps, caller_number="+15550100", caller_name="A&B\r\nX: y")
    assert caller.on(Started()) == Wait("music")
    fetch = caller.on(Proceed())
    assert fetch.url == "https://example.com/c/%2B15550100?n=A%26B%0D%0AX%3A%20y"
    assert fetch.headers == {"X-Name": "A&BX: y"}
    assert fetch.request_id == "run_1:ask:1"
    assert caller.on(Fetched({"tier": "gold"}, "ok")).audio[0].text == "gold"
    other = Caller(*steps)
    other.on(Started())
    other.on(Proceed())
    assert other.on(Fetched(None, "timeout")).audio[0].text == "Failed."


def test_text_of_a_caller_can_not_break_out_of_a_json_body() -> None:
    step = Step("ask", "", HttpRequest("POST", "https://example.com", body='{"name": "{caller_name}"}'))
    caller = Caller(step, caller_name='x", "admin": true, "y": "')
    caller.on(Started())
    assert caller.on(Proceed()).body == '{"name": "x\\", \\"admin\\": true, \\"y\\": \\""}'


def queue(**more: Any) -> Queue:
    return Queue("que_1", {"skl_1": 3}, 5, "prm_music", **more)


def waiting(caller: Caller, estimate: WaitEstimate | None = None) -> WaitInQueue:
    effect = caller.on(Enqueued("con_1"))
    if isinstance(effect, Estimate):
        effect = caller.on(Estimated(estimate))
    assert isinstance(effect, WaitInQueue)
    return effect


def test_contact_is_queued_with_what_the_caller_chose_and_hears_its_place_at_once() -> None:
    caller = Caller(Step("main", "", Menu(said(), (Choice("1", "sales", "q"),))), Step("q", "", queue()))
    caller.on(Started())
    effect = caller.on(Digits("1"))
    assert effect == Enqueue("run_1:q:2", "que_1", {"skl_1": 3}, 5, {"menu.main": "sales"})
    order = waiting(caller, WaitEstimate(3, timedelta(seconds=200), timedelta(seconds=130), timedelta(seconds=290)))
    assert order == WaitInQueue(
        "con_1", "prm_music", timedelta(seconds=30),
        (Audio("You are number 3 in line. The expected wait is between 2 and 5 minutes.", "", "en"),),
    )  # fmt: skip


def test_position_is_announced_again_at_every_interval() -> None:
    caller = Caller(Step("q", "", queue(announce_interval=timedelta(seconds=20))))
    caller.on(Started())
    waiting(caller, WaitEstimate(2))
    assert caller.on(QueueTick(), after=20) == Estimate("con_1")
    assert caller.on(Estimated(WaitEstimate(1))).audio[0].text.startswith("You are next in line.")


def test_only_good_news_is_announced_where_nobody_is_to_hear_the_same_again() -> None:
    caller = Caller(Step("q", "", queue(announce_interval=timedelta(seconds=20), announce_only_improved=True)))
    caller.on(Started())
    three, four, five, ten = (timedelta(minutes=minutes) for minutes in (3, 4, 5, 10))

    def heard(estimate: WaitEstimate) -> str:
        assert caller.on(QueueTick(), after=20) == Estimate("con_1")
        return "".join(audio.text for audio in caller.on(Estimated(estimate)).audio)

    assert waiting(caller, WaitEstimate(3, four, three, five)).audio
    assert heard(WaitEstimate(3, four, three, five)) == ""
    # Somebody with priority came in between: no news to tell a caller.
    assert heard(WaitEstimate(4, five, four, ten)) == ""
    assert heard(WaitEstimate(3, four, three, five - timedelta(seconds=20))) == "", "rounded, it is the same"
    assert heard(WaitEstimate(3, three, three, four)).endswith("between 3 and 4 minutes.")
    assert heard(WaitEstimate(2, three, three, four)).startswith("You are number 2 in line.")


def test_news_that_is_better_in_one_and_worse_in_the_other_is_not_announced_as_good() -> None:
    caller = Caller(Step("q", "", queue(announce_interval=timedelta(seconds=20), announce_only_improved=True)))
    caller.on(Started())
    four, eight, ten = (timedelta(minutes=minutes) for minutes in (4, 8, 10))
    waiting(caller, WaitEstimate(3, eight, eight, ten))
    for worse in (WaitEstimate(9, four, four, four), WaitEstimate(2, 3 * ten, ten, 3 * ten), WaitEstimate(2)):
        caller.on(QueueTick(), after=20)
        assert caller.on(Estimated(worse)).audio == ()
    caller.on(QueueTick(), after=20)
    assert caller.on(Estimated(WaitEstimate(2, eight, eight, ten))).audio


def test_what_could_not_be_told_is_announced_once_it_can() -> None:
    caller = Caller(Step("q", "", queue(announce_interval=timedelta(seconds=20), announce_only_improved=True)))
    caller.on(Started())
    waiting(caller, WaitEstimate(1))
    caller.on(QueueTick(), after=20)
    assert caller.on(Estimated(WaitEstimate(1))).audio == ()
    caller.on(QueueTick(), after=20)
    minute = timedelta(minutes=1)
    assert caller.on(Estimated(WaitEstimate(1, minute, minute, minute))).audio


def test_queue_without_announcements_stays_with_its_music() -> None:
    caller = Caller(Step("q", "", queue(announce_interval=timedelta(0))))
    caller.on(Started())
    order = caller.on(Enqueued("con_1"))
    assert isinstance(order, WaitInQueue) and order.audio == () and order.tick_interval == timedelta(seconds=60)


def test_music_goes_on_when_routing_can_not_tell_the_wait() -> None:
    caller = Caller(Step("q", "", queue()))
    caller.on(Started())
    assert waiting(caller, None).audio == ()
    assert caller.on(QueueTick(), after=30) == Estimate("con_1")


def test_whoever_waited_too_long_is_taken_out_and_led_on() -> None:
    caller = Caller(Step("q", "", queue(max_wait=timedelta(seconds=40), timed_out="bye")), BYE)
    caller.on(Started())
    assert waiting(caller).tick_interval == timedelta(seconds=30)
    caller.on(QueueTick(), after=30)
    assert caller.on(Estimated(None)).tick_interval == timedelta(seconds=10)
    assert caller.on(QueueTick(), after=10) == Dequeue("con_1", "max_wait")
    assert isinstance(caller.on(Dequeued(True)), EndCall)
    assert caller.state.contact_id == ""


def test_whoever_is_being_rung_when_the_time_is_up_keeps_waiting() -> None:
    caller = Caller(Step("q", "", queue(max_wait=timedelta(seconds=10))))
    caller.on(Started())
    waiting(caller)
    assert isinstance(caller.on(QueueTick(), after=10), Dequeue)
    order = caller.on(Dequeued(False))
    assert isinstance(order, WaitInQueue) and order.tick_interval == timedelta(seconds=5)


def test_queue_that_is_gone_ends_the_call_with_an_apology_or_goes_another_way() -> None:
    caller = Caller(Step("q", "", queue()))
    caller.on(Started())
    order = caller.on(Enqueued("", "QUEUE_NOT_FOUND"))
    assert isinstance(order, EndCall) and order.cause == "FLOW_FAILED" and "sorry" in order.audio[0].text
    other = Caller(Step("q", "", queue(timed_out="bye")), BYE)
    other.on(Started())
    assert other.on(Enqueued("", "QUEUE_NOT_FOUND")) == EndCall((Audio("Bye.", "", "en"),))


def test_event_the_last_instruction_can_not_end_with_is_refused() -> None:
    caller = Caller(Step("a", "", Say(said())))
    caller.on(Started())
    before = caller.state
    with pytest.raises(EventUnexpected):
        caller.on(QueueTick())
    assert caller.state == before


def test_endless_loop_that_slipped_through_ends_with_an_apology() -> None:
    caller = Caller(Step("a", "", SetAttribute("x", "1", "b")), Step("b", "", SetAttribute("y", "1", "a")))
    order = caller.on(Started())
    assert isinstance(order, EndCall) and order.cause == "FLOW_FAILED"


def test_queue_that_is_gone_and_leads_to_itself_is_given_up_in_the_same_turn() -> None:
    caller = Caller(Step("wait", "", Queue("que_gone", timed_out="wait")))
    asked, doing = 0, caller.on(Started())
    while isinstance(doing, Enqueue):
        asked, doing = asked + 1, caller.on(Enqueued("", "QUEUE_NOT_FOUND"))
    assert isinstance(doing, EndCall) and doing.cause == "FLOW_FAILED" and asked == 2


def test_caller_who_becomes_known_only_in_the_queue_is_known_from_then_on() -> None:
    caller = Caller(Step("wait", "", Queue("que_1")))
    caller.on(Started())
    caller.on(Enqueued("con_1", customer_id="cus_1"))
    assert caller.state.attributes["customer_id"] == "cus_1"


def test_caller_who_never_leaves_a_menu_does_not_hold_the_line_for_ever() -> None:
    caller = Caller(Step("main", "", Menu(said(), (Choice("1", "", "main"),), attempts=1, no_match="main")))
    order = caller.on(Started())
    for _ in range(MAX_STEPS):
        if isinstance(order, EndCall):
            break
        order = caller.on(TimedOut())
    assert isinstance(order, EndCall) and order.cause == "FLOW_FAILED"


def test_page_can_not_pass_for_the_call_itself() -> None:
    call = Call("call_1", "flw_1", "brd_1", "Acme", "tr", "+15550100", "Ann", "+15550199",
                {"customer_id": "cus_x", "menu.main": "vip", "page": "/pricing", "bad name": "x"})  # fmt: skip
    state = first_state(call, "", "en")
    assert state.language == "tr"
    assert state.attributes["customer_id"] == "" and state.attributes["page"] == "/pricing"
    assert "menu.main" not in state.attributes and "bad name" not in state.attributes


@given(
    st.lists(
        st.one_of(
            st.just(Finished()), st.builds(Digits, st.text("0123456789*#", max_size=5)), st.just(TimedOut()),
            st.just(QueueTick()), st.just(Proceed()),
        ),
        max_size=30,
    ),
    st.booleans(),
)  # fmt: skip
def test_whatever_telephony_reports_the_run_answers_or_refuses(events: list[Event], kind: bool) -> None:
    caller = Caller(
        Step("hello", "", Say(said(), "main")),
        Step("main", "", Menu(said(), (Choice("1", "", "ask"), Choice("2", "", "pin")), no_match="q")),
        Step("pin", "", Collect(said(), "pin", 2, 3, next="ask", no_match="q", masked=True)),
        Step("ask", "", HttpRequest("GET", "https://example.com", next="hours", failed="q")),
        Step("hours", "", Hours("hrs_1", "q", "main")),
        Step("q", "", queue(max_wait=timedelta(seconds=60), timed_out="main")),
    )
    results: dict[type, Event] = {
        CheckHours: HoursChecked(kind), Fetch: Fetched({"a": "b"} if kind else None, "x"), Enqueue: Enqueued("con_1"),
        Estimate: Estimated(WaitEstimate(1)), Dequeue: Dequeued(kind),
    }  # fmt: skip
    for event in [Started(), *events]:
        try:
            result = caller.on(event, after=25)
        except (EventUnexpected, RunHasEnded):
            continue
        while type(result) in results:
            result = caller.on(results[type(result)])
        assert caller.state.phase in (Phase.PLAYING, Phase.GATHERING, Phase.WAITING, Phase.QUEUED, Phase.ENDED)
    assert replace(caller.state) == caller.state


def test_menu_may_be_answered_in_words_and_what_is_on_none_is_asked_again() -> None:
    choices = (Choice("1", "sales", "q", ("sales", "buy something")), Choice("2", "", "bye", ("technical support",)))
    caller = Caller(Step("main", "", Menu(said(), choices)), Step("q", "", queue()), BYE)
    order = caller.on(Started())
    assert isinstance(order, Gather)
    assert [(each.phrase, each.digit) for each in order.spoken] == [
        ("sales", "1"), ("buy something", "1"), ("technical support", "2"),
    ]  # fmt: skip
    assert isinstance(caller.on(Digits("", How.NOT_UNDERSTOOD)), Gather)
    effect = caller.on(Digits("1", How.SPOKEN))
    assert isinstance(effect, Enqueue) and effect.attributes == {"menu.main": "sales"}

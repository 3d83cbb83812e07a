"""Steps that choose by themselves, look callers up and ask for opinions: in a call, tried out, and checked."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from flows.domain import definitions as d
from flows.domain.branching import POINTS, point_of, share_at
from flows.domain.deeds import (
    Answered,
    Draw,
    Drawn,
    Found,
    LookAtQueue,
    LookedUp,
    LookUp,
    QueueSeen,
    QueueStanding,
)
from flows.domain.effects import CheckContact, Dequeue, Enqueue, Estimate
from flows.domain.interpreter import advance
from flows.domain.orders import EndCall, Gather, PlayAudio, WaitInQueue
from flows.domain.runs import (
    ContactChecked,
    Dequeued,
    Digits,
    Enqueued,
    Estimated,
    Finished,
    QueueTick,
    Started,
    TimedOut,
)
from flows.domain.scenarios import Input, Scenario, check, standing_of
from flows.domain.simulation import End
from flows.domain.speech import WaitEstimate
from hypothesis import given
from hypothesis import strategies as st

from .test_domain_runs import Caller, said
from .test_domain_simulation import flow, path, step, tried
from .test_domain_validation import found, one

HALVES = d.Split((d.Share("old", 70, "a"), d.Share("new", 30, "b")))


def words(step_id: str) -> d.Step:
    return d.Step(step_id, "", d.Say(said(step_id)))


def test_a_split_sends_each_call_the_way_that_is_drawn() -> None:
    caller = Caller(step("split", HALVES), words("a"), words("b"))
    assert caller.on(Started()) == Draw("split")
    order = caller.on(Drawn(7000))
    assert isinstance(order, PlayAudio) and order.audio[0].text == "b" and caller.outcomes[0] == "drawn: new"


def test_a_run_draws_the_same_whenever_it_is_asked_and_runs_spread_as_the_shares_say() -> None:
    assert point_of("run_1", "split") == point_of("run_1", "split")
    assert point_of("run_1", "split") != point_of("run_1", "other")
    drawn = Counter(share_at(HALVES, point_of(f"run_{number}", "split")) for number in range(20_000))
    assert abs(drawn[HALVES.shares[0]] / 20_000 - 0.7) < 0.02


@given(st.integers(0, POINTS - 1))
def test_shares_that_sum_to_a_hundred_leave_no_call_out(point: int) -> None:
    assert share_at(HALVES, point) is not None


def test_a_tried_out_split_goes_where_it_is_told() -> None:
    definition = flow(step("split", HALVES), words("a"), words("b"))
    waits = tried(definition)
    assert waits.waiting and waits.waiting.kinds == ("split",) and waits.waiting.outcomes == ("old", "new")
    assert path(tried(definition, ("split", "new"))) == ["split", "b"]
    assert path(tried(definition, ("split", "old"))) == ["split", "a"]
    assert tried(definition, ("split", "third")).mismatch


@pytest.mark.parametrize(
    ("shares", "field", "reason"),
    [
        ((d.Share("a", 60), d.Share("b", 30)), "shares", "SHARES_INVALID"),
        ((d.Share("a", 100),), "shares", "SHARES_INVALID"),
        ((d.Share("a", 100), d.Share("b", 0)), "shares[1].percent", "RANGE_INVALID"),
        ((d.Share("a", 50), d.Share("a", 50)), "shares[0].name", "NAME_DUPLICATE"),
        ((d.Share("", 50), d.Share("b", 50)), "shares[0].name", "SHARE_UNNAMED"),
        ((d.Share("a", 50, "gone"), d.Share("b", 50)), "shares[0].next", "NEXT_UNKNOWN"),
    ],
)
def test_a_split_that_sums_to_something_else_is_refused(shares: tuple[d.Share, ...], field: str, reason: str) -> None:
    assert ("it", field, reason) in found(one(d.Split(shares)))


TIERS = d.Test(
    (
        d.Branch("broken", "number(tier) > 1", "a"),
        d.Branch("vip", "tier == 'gold' and starts(caller_number, '+994')", "b"),
    ),
    "c",
)


def test_a_test_goes_by_the_first_condition_that_holds_and_one_that_fails_does_not() -> None:
    caller = Caller(step("t", TIERS), words("a"), words("b"), words("c"), tier="gold", caller_number="+99450")
    order = caller.on(Started())
    assert order.audio[0].text == "b"
    assert caller.outcomes == ["broken can't be told: is no number", "holds: vip", "said"]
    other = Caller(step("t", TIERS), words("a"), words("b"), words("c"), tier="5")
    assert other.on(Started()).audio[0].text == "a"
    nobody = Caller(step("t", TIERS), words("a"), words("b"), words("c"), tier="none")
    assert nobody.on(Started()).audio[0].text == "c"


def test_an_attribute_is_set_to_what_an_expression_comes_to() -> None:
    steps = (
        step("s", d.SetAttribute("double", "", "bad", "number(total) * 2")),
        step("bad", d.SetAttribute("worse", "", "say", "number(caller_name)")),
        step("say", d.Say(said("{double}/{worse}"))),
    )
    caller = Caller(*steps, total="21", caller_name="Secret")
    assert caller.on(Started()).audio[0].text == "42/"
    assert "Secret" not in " ".join(caller.outcomes)


def test_a_faulty_condition_is_refused_with_its_column() -> None:
    problems = one(d.Test((d.Branch("x", "number(tier) >", ""),), ""))
    wrong = next(each for each in problems if each.reason == "EXPRESSION_INVALID")
    assert (wrong.field, wrong.column) == ("branches[0].condition", 15) and "column 15" in wrong.message
    assert ("it", "expression", "EXPRESSION_INVALID") in found(one(d.SetAttribute("x", "", "", "1 +")))
    assert ("it", "value", "VALUE_TWICE") in found(one(d.SetAttribute("x", "1", "", "1")))
    assert ("it", "branches", "BRANCHES_INVALID") in found(one(d.Test((), "")))


def test_a_name_no_step_sets_is_warned_about() -> None:
    (warned,) = one(d.Test((d.Branch("x", "tier == 'a' or tier == 'b' or caller_name == ''", ""),), ""))
    assert (warned.reason, warned.severity, warned.column) == ("ATTRIBUTE_UNKNOWN", "WARNING", 1)


BUSY = d.CheckQueue(
    "que_1",
    (d.Branch("nobody", "not queue.staffed", "a"), d.Branch("long", "queue.expected_wait > 120", "b")),
    "c", "gone",
)  # fmt: skip


@pytest.mark.parametrize(
    ("standing", "heard"),
    [
        (QueueStanding(3, 0, 0, None), "a"),
        (QueueStanding(3, 2, 0, timedelta(seconds=300)), "b"),
        (QueueStanding(0, 2, 1, timedelta(0)), "c"),
        (None, "gone"),
    ],
)
def test_a_call_goes_by_how_a_queue_stands(standing: QueueStanding | None, heard: str) -> None:
    caller = Caller(step("q", BUSY), *(words(each) for each in ("a", "b", "c", "gone")))
    assert caller.on(Started()) == LookAtQueue("que_1")
    assert caller.on(QueueSeen(standing)).audio[0].text == heard


def test_a_queue_can_be_pretended_to_stand_somehow() -> None:
    definition = flow(step("q", BUSY), *(words(each) for each in ("a", "b", "c", "gone")))
    for standing, way in (
        ("waiting=3", "a"), ("agents=1 expected_wait=121s", "b"), ("agents=1 expected_wait=5", "c"), ("failed", "gone"),
    ):  # fmt: skip
        assert path(tried(definition, ("queue_standing", standing))) == ["q", way]
    wrong = check(Scenario(), [Input("queue_standing", "waiting=many"), Input("customer", "[1]"), Input("split", "")])
    assert [each.field for each in wrong] == ["inputs[0].queue_standing", "inputs[1].customer", "inputs[2].split"]


def test_a_call_goes_by_whether_a_queue_is_open_and_which_holiday_it_is() -> None:
    action = d.CheckQueue(
        "que_1",
        (d.Branch("holiday", "queue.holiday != ''", "a"), d.Branch("closed", "not queue.open", "b")),
        "c", "gone",
    )  # fmt: skip
    definition = flow(step("q", action), *(words(each) for each in ("a", "b", "c", "gone")))
    for standing, way in (
        (QueueStanding(closed=True, holiday="New Year"), "a"), (QueueStanding(closed=True), "b"),
        (QueueStanding(), "c"),
    ):  # fmt: skip
        caller = Caller(step("q", action), *(words(each) for each in ("a", "b", "c", "gone")))
        caller.on(Started())
        assert caller.on(QueueSeen(standing)).audio[0].text == way
    for pretended, way in (("closed holiday=New Year's Day", "a"), ("agents=1 closed", "b"), ("agents=1", "c")):
        assert path(tried(definition, ("queue_standing", pretended))) == ["q", way]
    assert standing_of("closed holiday= Nowruz = 1 ") == QueueStanding(closed=True, holiday="Nowruz = 1")
    assert standing_of("closed closed") is None and standing_of("shut") is None
    boolean = d.CheckQueue("que_1", (d.Branch("x", "queue.holiday", ""),))
    assert ("it", "branches[0].condition", "EXPRESSION_INVALID") in found(one(boolean)), "a name is no yes"


def test_a_queue_that_is_not_there_is_refused() -> None:
    assert ("it", "queue_id", "QUEUE_UNKNOWN") in found(one(d.CheckQueue("que_9", BUSY.branches)))


LOOK = d.FindCustomer(
    "number", "", "{caller_number}", {"name": "display_name", "tier": "tier"}, "a", "b", "c", "gone"
)  # fmt: skip


def test_a_caller_is_looked_up_and_what_is_known_is_kept() -> None:
    caller = Caller(step("l", LOOK), *(words(each) for each in ("b", "c", "gone")), step("a", d.Say(said("Hi {name}"))),
                    caller_number="+99450")  # fmt: skip
    assert caller.on(Started()) == LookUp("number", "", "+99450")
    order = caller.on(LookedUp(Found.FOUND, {"customer_id": "cus_1", "display_name": "Leyla"}))
    assert order.audio[0].text == "Hi Leyla" and order.audio[0].personal
    assert caller.state.attributes["customer_id"] == "cus_1" and caller.state.attributes["tier"] == ""


@pytest.mark.parametrize(("what", "way"), [("not_found", "b"), ("several", "c"), ("failed", "gone")])
def test_who_is_not_found_or_not_alone_goes_another_way(what: str, way: str) -> None:
    definition = flow(step("l", LOOK), *(words(each) for each in ("a", "b", "c", "gone")))
    assert path(tried(definition, ("customer", what))) == ["l", way]
    known = tried(definition, ("customer", '{"display_name": "Leyla", "tier": "gold"}'))
    assert path(known) == ["l", "a"] and known.attributes["tier"] == "gold"


@pytest.mark.parametrize(
    ("action", "field"),
    [
        (d.FindCustomer("", "", "x"), "by"),
        (d.FindCustomer("attribute", "", "x"), "attribute"),
        (d.FindCustomer("number", "tier", "x"), "attribute"),
        (d.FindCustomer("number", "", " "), "value"),
        (d.FindCustomer("number", "", "x", {"a": ""}), "extract[a]"),
    ],
)
def test_a_look_up_that_looks_for_nothing_is_refused(action: d.FindCustomer, field: str) -> None:
    assert ("it", field, "LOOKUP_INVALID") in found(one(action))


LANGUAGES = d.ChooseLanguage(
    d.Utterance({"en": "For English press 1.", "fa": "برای فارسی ۲."}),
    (d.LanguageChoice("1", "en"), d.LanguageChoice("2", "fa")), attempts=2, next="hi",
)  # fmt: skip
GREET = d.Step("hi", "", d.Say(d.Utterance({"en": "Hello.", "fa": "سلام."})))


def test_every_language_is_asked_for_in_itself_and_the_chosen_one_is_spoken() -> None:
    caller = Caller(step("ask", LANGUAGES), GREET)
    order = caller.on(Started())
    assert isinstance(order, Gather) and [each.language for each in order.audio] == ["en", "fa"]
    spoken = caller.on(Digits("2"))
    assert spoken.audio[0].text == "سلام." and caller.state.attributes["language"] == "fa"


def test_words_are_understood_in_the_language_that_was_chosen() -> None:
    """A brand that speaks English understands nothing a caller says who chose Persian, and the other way round."""
    menu = d.Menu(d.Utterance({"en": "Sales?", "fa": "فروش؟"}), (d.Choice("1", "", "hi", ("sales",)),))
    for key, language in (("1", "en"), ("2", "fa")):
        caller = Caller(step("ask", replace(LANGUAGES, next="menu")), d.Step("menu", "", menu), GREET)
        caller.on(Started())
        order = caller.on(Digits(key))
        assert isinstance(order, Gather) and order.language == language


def test_who_chooses_no_language_goes_on_in_the_one_before() -> None:
    caller = Caller(step("ask", LANGUAGES), GREET)
    caller.on(Started())
    assert isinstance(caller.on(TimedOut()), Gather)
    assert caller.on(Digits("7")).audio[0].text == "Hello."


@pytest.mark.parametrize(
    ("choices", "field", "reason"),
    [
        ((d.LanguageChoice("1", "en"),), "choices", "LANGUAGES_INVALID"),
        ((d.LanguageChoice("1", "en"), d.LanguageChoice("1", "fa")), "choices[0].digit", "DIGIT_DUPLICATE"),
        ((d.LanguageChoice("1", "en"), d.LanguageChoice("2", "xx")), "choices[1].language", "LANGUAGE_UNKNOWN"),
        ((d.LanguageChoice("1", "en"), d.LanguageChoice("2", "tr")), "utterance.text[tr]", "TEXT_MISSING"),
        ((d.LanguageChoice("1", "en"), d.LanguageChoice("2", "en")), "choices[0].language", "LANGUAGES_INVALID"),
    ],
)
def test_a_choice_of_languages_needs_two_that_are_asked_for(
    choices: tuple[d.LanguageChoice, ...], field: str, reason: str
) -> None:
    assert ("it", field, reason) in found(one(d.ChooseLanguage(LANGUAGES.utterance, choices)))


RATE = d.Survey(said("Rate us, 1 to 5."), "csat", 1, 5, invalid=said("No."), next="hi")


def test_an_answer_is_kept_and_told_once() -> None:
    caller = Caller(step("rate", RATE), GREET)
    order = caller.on(Started())
    assert isinstance(order, Gather) and (order.max_digits, order.terminator) == (1, "")
    again = caller.on(Digits("9"))
    assert isinstance(again, Gather) and again.audio[0].text == "No."
    turn = advance("run_1", caller.definition, caller.state, Digits("4"), caller.now)
    assert turn.answers == (Answered("rate", "csat", 4, 1, 5),) and turn.state.attributes["survey.csat"] == "4"


def test_who_does_not_answer_goes_on() -> None:
    caller = Caller(step("rate", RATE), GREET)
    caller.on(Started())
    caller.on(TimedOut())
    caller.on(TimedOut())
    assert caller.on(TimedOut()).audio[0].text == "Hello."


def test_a_number_of_two_digits_ends_with_the_hash_or_when_time_runs_out() -> None:
    definition = flow(step("rate", d.Survey(said("0 to 10."), "nps", 0, 10, next="hi")), GREET)
    for given_ in (("digits", "10"), ("digits", "7#"), ("timed_out", "7")):
        run = tried(definition, given_)
        assert path(run) == ["rate", "hi"] and run.attributes["survey.nps"] in ("10", "7")
    assert tried(definition, ("digits", "42")).end is End.WAITING


@pytest.mark.parametrize(
    ("action", "field"),
    [
        (d.Survey(said(), "", 1, 5), "question_id"),
        (d.Survey(said(), "a b", 1, 5), "question_id"),
        (d.Survey(said(), "q", 5, 5), "highest"),
        (d.Survey(said(), "q", -1, 5), "highest"),
        (d.Survey(said(), "q", 0, 10_000), "highest"),
        (d.Survey(said(), "q", 0, 5, timedelta(0)), "timeout"),
    ],
)
def test_a_question_without_a_name_or_answers_is_refused(action: d.Survey, field: str) -> None:
    assert field in {each.field for each in one(action)}


def test_an_answer_can_be_asked_for_and_tested_but_not_set() -> None:
    assert ("it", "attribute", "ATTRIBUTE_INVALID") in found(one(d.SetAttribute("survey.csat", "5")))


WATCHED = d.Queue("que_1", no_match="none", no_answer="missed", most_offers=2, timed_out="late")
AROUND = tuple(words(each) for each in ("none", "missed", "late"))


def test_a_caller_whom_nobody_at_work_could_take_goes_another_way() -> None:
    caller = Caller(step("q", WATCHED), *AROUND)
    assert isinstance(caller.on(Started()), Enqueue)
    assert caller.on(Enqueued("con_1")) == Estimate("con_1")
    assert caller.on(Estimated(WaitEstimate(1))) == Dequeue("con_1", "no_match")
    assert caller.on(Dequeued(True)).audio[0].text == "none"


def test_a_caller_whom_nobody_answers_goes_another_way_after_so_many_offers() -> None:
    caller = Caller(step("q", WATCHED), *AROUND)
    caller.on(Started())
    caller.on(Enqueued("con_1"))
    waiting = caller.on(Estimated(WaitEstimate(1, timedelta(seconds=60))))
    assert isinstance(waiting, WaitInQueue) and waiting.tick_interval == timedelta(seconds=5)
    assert caller.told(QueueTick(), 5) == CheckContact("con_1")
    assert caller.on(ContactChecked(True, missed=1)) == Estimate("con_1")
    again = caller.on(Estimated(WaitEstimate(1, timedelta(seconds=60))))
    assert isinstance(again, WaitInQueue) and again.audio == ()
    caller.told(QueueTick(), 5)
    assert caller.on(ContactChecked(True, missed=2)) == Dequeue("con_1", "no_answer")
    assert caller.on(Dequeued(True)).audio[0].text == "missed"


def test_an_agent_who_was_faster_keeps_the_caller() -> None:
    caller = Caller(step("q", WATCHED), *AROUND)
    caller.on(Started())
    caller.on(Enqueued("con_1"))
    caller.on(Estimated(WaitEstimate(1)))
    assert isinstance(caller.on(Dequeued(False)), WaitInQueue)


def test_announcements_keep_their_interval_when_routing_is_asked_more_often() -> None:
    caller = Caller(step("q", d.Queue("que_1", no_match="none")), *AROUND)
    caller.on(Started())
    caller.on(Enqueued("con_1"))
    told = WaitEstimate(2, timedelta(seconds=60))
    announced = [bool(caller.on(Estimated(told)).audio)]
    for _ in range(12):
        caller.on(QueueTick(), 5)
        announced.append(bool(caller.on(Estimated(told)).audio))
    assert announced == [place % 6 == 0 for place in range(13)]


@pytest.mark.parametrize(
    ("outcome", "way"), [("no_agents", "none"), ("no_answer", "missed"), ("answered", ""), ("abandoned", "")]
)
def test_every_end_of_a_wait_can_be_tried_out(outcome: str, way: str) -> None:
    run = tried(flow(step("q", WATCHED), *AROUND), ("queue", outcome))
    assert path(run) == (["q", way] if way else ["q"]) and run.mismatch is None
    plain = tried(flow(step("q", d.Queue("que_1"))), ("queue", outcome))
    assert (plain.mismatch is not None) == (outcome == "no_answer")


def test_the_agent_a_queue_step_prefers_is_told_to_routing() -> None:
    caller = Caller(step("q", d.Queue("que_1", preferred="attribute", preferred_attribute="owner")), owner="usr_7")
    order = caller.on(Started())
    assert isinstance(order, Enqueue) and (order.preferred, order.preferred_agent_id) == ("", "usr_7")
    last = Caller(step("q", d.Queue("que_1", preferred="last_agent"))).on(Started())
    assert (last.preferred, last.preferred_agent_id) == ("last_agent", "")


@pytest.mark.parametrize(
    ("action", "field"),
    [
        (d.Queue("que_1", preferred="boss"), "preferred"),
        (d.Queue("que_1", preferred="attribute"), "preferred_attribute"),
        (d.Queue("que_1", preferred_attribute="x"), "preferred_attribute"),
        (d.Queue("que_1", most_offers=21), "most_offers"),
        (d.Queue("que_1", most_offers=2), "no_answer"),
    ],
)
def test_a_preference_nobody_can_follow_is_refused(action: d.Queue, field: str) -> None:
    assert field in {each.field for each in one(action)}


def test_a_question_breaks_a_loop_and_a_test_does_not() -> None:
    loop = flow(step("t", d.Test((d.Branch("x", "true", "t"),), "t")))
    assert tried(loop).end is End.FLOW_FAILED
    caller = Caller(step("rate", d.Survey(said(), "q", 1, 5, next="rate")))
    caller.on(Started())
    assert isinstance(caller.on(Digits("3")), Gather)
    assert isinstance(Caller(step("x", d.HangUp())).on(Started()), EndCall)
    with pytest.raises(Exception, match="can't take"):
        Caller(step("x", d.Say(said()))).on(Finished())

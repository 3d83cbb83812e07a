"""A flow tried out by inputs, by the interpreter that real calls run on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flows.domain import definitions as d
from flows.domain.interpreter import TRANSITIONS
from flows.domain.scenarios import Input, Kind, Scenario, check
from flows.domain.simulation import End, Simulation, World, simulate
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel.hours import Hours, OpenInterval

from .definitions import published

WORLD = World({}, {})


def words(text: str) -> d.Utterance:
    return d.Utterance({"en": text})


def flow(*steps: d.Step) -> d.Definition:
    return d.Definition(steps[0].step_id, steps, "en")


def step(step_id: str, action: d.Action) -> d.Step:
    return d.Step(step_id, "", action)


def typed(*pairs: tuple[str, str]) -> list[Input]:
    return [Input(kind, value) for kind, value in pairs]


def tried(definition: d.Definition, *inputs: tuple[str, str], world: World = WORLD, **call: object) -> Simulation:
    return simulate(definition, replace(Scenario(), **call), typed(*inputs), world)


def path(simulation: Simulation) -> list[str]:
    return [visit.step_id for visit in simulation.visits]


def heard(simulation: Simulation, place: int) -> list[str]:
    return [audio.text for audio in simulation.visits[place].heard]


MENU = d.Menu(
    words("Press 1 or 2."), (d.Choice("1", "sales", "mark"), d.Choice("2", "", "bye")), attempts=2,
    invalid=words("No such choice."), no_match="bye",
)  # fmt: skip
MAIN = flow(
    step("hi", d.Say(words("Hello, {caller_name}."), "ask")),
    step("ask", MENU),
    step("mark", d.SetAttribute("want", "{menu.ask} {color}", "line")),
    step("line", d.Queue("que_1", max_wait=timedelta(minutes=2), timed_out="bye")),
    step("bye", d.HangUp(words("Goodbye."))),
)


def test_it_says_what_is_heard_and_waits_for_a_digit() -> None:
    run = tried(MAIN, caller_name="Aygün")
    assert path(run) == ["hi", "ask"] and heard(run, 0) == ["Hello, Aygün."] and heard(run, 1) == ["Press 1 or 2."]
    assert run.end is End.WAITING and run.waiting
    assert run.waiting.kinds == (Kind.DIGITS, Kind.TEXT, Kind.TIMED_OUT) and run.waiting.max_digits == 1


def test_a_choice_leads_on_and_every_step_shows_its_attributes() -> None:
    run = tried(MAIN, ("digits", "1"), ("queue", "answered"), attributes={"color": "red"})
    assert path(run) == ["hi", "ask", "mark", "line"] and run.end is End.ANSWERED
    _, ask, mark, line = run.visits
    assert ask.outcomes == ("chose 1",) and ask.inputs == (0,) and "want" not in ask.attributes
    assert ask.attributes["menu.ask"] == "sales" and mark.attributes["want"] == "sales red"
    assert mark.outcomes == ("set",) and line.inputs == (1,) and line.outcomes[0] == "queued"


def test_wrong_digits_words_and_time_running_out_are_asked_again_and_then_given_up() -> None:
    wrong = tried(MAIN, ("digits", "9"))
    assert heard(wrong, 1) == ["Press 1 or 2.", "No such choice.", "Press 1 or 2."] and wrong.end is End.WAITING
    given_up = tried(MAIN, ("text", "sales please"), ("timed_out", ""))
    assert path(given_up) == ["hi", "ask", "bye"] and given_up.end is End.FLOW_ENDED
    assert given_up.visits[1].outcomes == ("no digit", "no digit") and heard(given_up, 2) == ["Goodbye."]


def test_the_longest_wait_passes_at_once_and_leads_where_it_would() -> None:
    run = tried(MAIN, ("digits", "1"), ("queue", "max_wait"))
    assert path(run)[-1] == "bye" and run.elapsed == timedelta(minutes=2)
    assert run.visits[-2].outcomes == ("queued", "announced", "waited too long")


def test_waiting_hears_one_announcement_after_the_other_as_the_inputs_tell_the_wait() -> None:
    first = Input("queue", "waiting", position=3, expected_wait=timedelta(minutes=4))
    then = Input("queue", "waiting", position=1)
    begun = typed(("digits", "1"))
    run = simulate(MAIN, Scenario(), [*begun, first, then], WORLD)
    assert heard(run, 3)[0].startswith("You are number 3 in line.") and "4 minutes" in heard(run, 3)[0]
    assert heard(run, 3)[1].startswith("You are next in line.") and run.elapsed == timedelta(seconds=30)
    assert run.waiting and run.waiting.outcomes == ("answered", "max_wait", "abandoned", "waiting", "nobody_staffed")
    end = simulate(MAIN, Scenario(), [*begun, first, then, Input("queue", "abandoned")], WORLD)
    assert end.end is End.HUNG_UP


def test_nobody_there_to_answer_goes_on_as_a_refusal_of_routing_does() -> None:
    assert path(tried(MAIN, ("digits", "1"), ("queue", "no_agents")))[-1] == "bye"
    bare = flow(step("line", d.Queue("que_1")))
    run = tried(bare, ("queue", "no_agents"))
    assert run.end is End.FLOW_FAILED and "something went wrong" in heard(run, 0)[0]
    assert tried(bare).waiting and "max_wait" not in tried(bare).waiting.outcomes  # pyright: ignore[reportOptionalMemberAccess]
    assert tried(bare, ("queue", "max_wait")).mismatch


def test_one_agent_may_be_away_not_answer_or_be_waited_for_in_vain() -> None:
    one = flow(
        step("a", d.Transfer("agent_id", "usr_1", timeout=timedelta(seconds=20), failed="bye")),
        step("bye", d.HangUp()),
    )
    away = tried(one, ("queue", "no_agents"))
    declined = tried(one, ("queue", "waiting"), ("queue", "no_agents"))
    in_vain = tried(one, ("queue", "max_wait"))
    assert path(away) == path(declined) == path(in_vain) == ["a", "bye"]
    assert away.visits[0].outcomes == ("refused by routing: NO_AGENTS",)
    assert declined.visits[0].outcomes[-1] == "not taken" and in_vain.visits[0].outcomes[-1] == "waited too long"


def test_digits_end_by_number_terminator_or_time_and_masked_ones_are_not_shown() -> None:
    card = d.Collect(words("Card?"), "card", 4, 6, "#", masked=True, next="bye", no_match="bye")
    asks = flow(step("card", card), step("bye", d.HangUp()))
    for pressed in ("123456", "1234#", "1234"):
        run = tried(asks, ("digits", pressed))
        assert run.end is End.FLOW_ENDED and run.attributes["card"] == "***" and "1234" not in repr(run.visits)
    again = tried(asks, ("digits", "12#"))
    assert again.waiting and again.waiting.min_digits == 4 and again.waiting.terminator == "#"
    too_many = tried(asks, ("digits", "1234#99"))
    assert too_many.mismatch and "'1234#'" in too_many.mismatch.message and path(too_many) == ["card"]


def test_http_answers_are_taken_apart_as_real_ones_are() -> None:
    request = d.HttpRequest(
        "POST", "https://crm.example/{caller_number}", body='{"n": "{caller_name}"}',
        extract={"tier": "/customer/tier", "first": "/orders/0"}, next="bye", failed="sorry",
    )  # fmt: skip
    asks = flow(step("crm", request), step("bye", d.HangUp()), step("sorry", d.HangUp()))
    waiting = tried(asks, caller_number="+994501234567", caller_name='A "B"').waiting
    assert waiting and (waiting.method, waiting.url) == ("POST", "https://crm.example/%2B994501234567")
    assert waiting.body == '{"n": "A \\"B\\""}' and waiting.kinds == (Kind.HTTP_ANSWER, Kind.HTTP_FAILURE)
    run = tried(asks, ("http_answer", '{"customer": {"tier": "gold"}, "orders": [7]}'))
    assert path(run) == ["crm", "bye"] and (run.attributes["tier"], run.attributes["first"]) == ("gold", "7")
    assert (
        path(tried(asks, ("http_failure", "503"))) == path(tried(asks, ("http_answer", "<html>"))) == ["crm", "sorry"]
    )


def test_a_number_answers_or_is_busy_and_a_message_is_left_or_not() -> None:
    dial = flow(
        step("dial", d.Transfer("number", "+994501234567", next="bye", failed="box")),
        step("box", d.Voicemail(words("Speak."), "queue_id", "que_1")),
        step("bye", d.HangUp()),
    )
    assert path(tried(dial, ("transfer", "answered"))) == ["dial", "bye"]
    left = tried(dial, ("transfer", "busy"), ("voicemail", "left"))
    assert path(left) == ["dial", "box"] and heard(left, 1) == ["Speak.", "Thank you, we have your message. Goodbye."]
    assert left.visits[0].outcomes == ("not reached: BUSY",)
    assert tried(dial, ("transfer", "no_answer"), ("voicemail", "nothing")).visits[1].outcomes == ("nothing said",)


def test_hours_are_those_of_the_pretended_time_unless_an_input_says_otherwise() -> None:
    asks = flow(step("h", d.Hours("hrs_1", "in", "out")), step("in", d.HangUp()), step("out", d.HangUp()))
    weekdays = World({"hrs_1": Hours("Asia/Baku", tuple(OpenInterval(day, 540, 1080) for day in range(1, 6)))})
    monday, sunday = datetime(2026, 3, 2, 8, tzinfo=UTC), datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert path(tried(asks, world=weekdays, time=monday)) == ["h", "in"]
    assert path(tried(asks, world=weekdays, time=sunday)) == ["h", "out"]
    assert path(tried(asks, ("hours", "open"), world=weekdays, time=sunday)) == ["h", "in"]
    assert tried(asks, world=weekdays).waiting
    assert tried(asks, time=monday).visits[0].outcomes == ("hours deleted, taken as open",)
    assert tried(asks, world=World(None), time=monday).waiting


def test_another_flow_is_gone_on_with() -> None:
    main = flow(step("over", d.Transfer("flow_id", "flw_2", failed="bye")), step("bye", d.HangUp()))
    other = flow(step("there", d.Say(words("Other."))))
    run = tried(main, world=World({}, {"flw_2": other}))
    assert [(visit.flow_id, visit.step_id) for visit in run.visits] == [("", "over"), ("flw_2", "there")]
    assert path(tried(main)) == ["over", "bye"]


def test_an_input_the_flow_has_no_use_for_is_named_with_the_step() -> None:
    wrong = tried(MAIN, ("queue", "answered"))
    assert wrong.mismatch and wrong.mismatch.index == 0 and "step ask waits for digits" in wrong.mismatch.message
    over = tried(MAIN, ("digits", "2"), ("digits", "1"))
    assert over.end is End.FLOW_ENDED and over.mismatch and over.mismatch.index == 1
    assert tried(MAIN, ("hang_up", "")).end is End.HUNG_UP
    assert tried(MAIN, ("hang_up", ""), ("digits", "1")).mismatch


def test_a_flow_that_goes_round_for_ever_stops() -> None:
    loud = flow(step("a", d.Say(words("A"), "b")), step("b", d.Say(words("B"), "a")))
    assert tried(loud).end is End.TOO_MANY_STEPS
    silent = flow(step("a", d.SetAttribute("x", "1", "a")))
    assert tried(silent).end is End.FLOW_FAILED
    assert tried(d.Definition("", (), "en")).end is End.FLOW_ENDED
    assert tried(d.Definition("gone", (), "en")).end is End.FLOW_FAILED


INPUTS = st.lists(
    st.sampled_from(
        [
            Input("digits", "1"), Input("digits", "1234#"), Input("text", "hello"), Input("timed_out", ""),
            Input("queue", "answered"), Input("queue", "waiting"), Input("queue", "max_wait"),
            Input("queue", "no_agents"), Input("http_answer", '{"a": [1]}'), Input("http_failure", ""),
            Input("transfer", "busy"), Input("transfer", "answered"), Input("voicemail", "left"),
            Input("hours", "closed"), Input("hang_up", ""), Input("queue", "nobody_staffed"),
            Input("callback", "not_offered"), Input("callback", "refused"),
        ]
    ),
    max_size=8,
)  # fmt: skip


@settings(deadline=None)
@given(published(), INPUTS)
def test_whatever_the_flow_and_the_inputs_it_comes_to_a_stand_and_to_the_same(
    definition: d.Definition, inputs: list[Input]
) -> None:
    run = simulate(definition, Scenario(), inputs, WORLD)
    assert run == simulate(definition, Scenario(), inputs, WORLD)
    assert (run.waiting is not None) == (run.end is End.WAITING)
    taken = [index for visit in run.visits for index in visit.inputs]
    assert taken == list(range(len(taken)))
    if run.mismatch is None and run.end is not End.TOO_MANY_STEPS:
        assert len(taken) == len(inputs)


@pytest.mark.parametrize(
    ("given_input", "place"),
    [
        (Input(), "inputs[0]"), (Input("digits", "1a"), "inputs[0].digits"), (Input("digits", ""), "inputs[0].digits"),
        (Input("queue", "gone"), "inputs[0].queue"), (Input("text", "x" * 300), "inputs[0].text"),
        (Input("voicemail", "left", duration=timedelta(days=3)), "inputs[0].duration"),
        (Input("queue", "waiting", position=-1), "inputs[0].position"),
    ],
)  # fmt: skip
def test_an_input_that_can_not_happen_is_refused_by_its_field(given_input: Input, place: str) -> None:
    assert [each.field for each in check(Scenario(), [given_input])] == [place]


@pytest.mark.parametrize(
    ("scenario", "place"),
    [
        (Scenario(time=datetime(1, 1, 1, tzinfo=UTC)), "scenario.time"),
        (Scenario(attributes={"menu.a": "1"}), "scenario.attributes[menu.a]"),
        (Scenario(attributes={"1": "1"}), "scenario.attributes[1]"),
        (Scenario(caller_name="x" * 201), "scenario.caller_name"),
    ],
)
def test_a_scenario_that_can_not_be_is_refused_by_its_field(scenario: Scenario, place: str) -> None:
    assert [each.field for each in check(scenario, [])] == [place]


def test_every_phase_of_the_interpreter_can_be_simulated() -> None:
    # A phase that is added has to be answered here as well: this is the list to extend with it.
    known: Mapping[str, object] = {phase.value: True for phase, _ in TRANSITIONS}
    assert set(known) == {
        "STARTING", "PLAYING", "GATHERING", "CHECKING_HOURS", "WAITING", "FETCHING", "ENQUEUEING", "QUEUED",
        "ESTIMATING", "DEQUEUEING", "CHECKING_CONTACT", "DIALLING", "RECORDING", "CHANGING_FLOW",
        "DRAWING", "CHECKING_QUEUE", "LOOKING_IN_LISTS", "FINDING_CUSTOMER", "ENTERING_FLOW", "LEAVING_FLOW",
            "CHECKING_CALLBACK", "REQUESTING_CALLBACK",
    }  # fmt: skip


def test_a_phrase_of_a_menu_is_understood_as_the_recognizer_does() -> None:
    choices = (d.Choice("1", "", "line", ("sales", "buy something")), d.Choice("2", "", "bye", ("support desk",)))
    menu = flow(step("ask", d.Menu(words("Say sales."), choices, attempts=1, no_match="bye")), *MAIN.steps[3:])
    for said in ("sales", "Sales, please", "um buy something", "the sales please"):
        run = tried(menu, ("text", said))
        assert path(run) == ["ask", "line"] and run.visits[0].outcomes == ("said 1",)
    for said in ("I want sales now", "something"):
        assert tried(menu, ("text", said)).visits[0].outcomes == ("not understood",)
    assert tried(menu, ("text", " ")).visits[0].outcomes == ("no digit",)
    assert tried(menu, ("text", "sales"), language="fa").visits[0].outcomes == ("no digit",), "keypad only"

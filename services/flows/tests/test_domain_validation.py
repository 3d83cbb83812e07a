"""When a flow may be published."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flows.domain import templates
from flows.domain.definitions import (
    Choice,
    Collect,
    Definition,
    HangUp,
    Hours,
    HttpRequest,
    Menu,
    Play,
    Problem,
    Queue,
    Say,
    SetAttribute,
    Severity,
    Step,
    Transfer,
    Utterance,
    Voicemail,
)  # fmt: skip
from flows.domain.validation import References, valid, validate
from hypothesis import given
from hypothesis import strategies as st

KNOWN = References(
    prompts={"prm_1"}, queues={"que_1"}, business_hours={"hrs_1"}, skills={"skl_1": "Turkish"}, agents={"usr_1"},
    flows={"flw_1"},
)  # fmt: skip


def said(text: str = "Hello.") -> Utterance:
    return Utterance({"en": text})


def flow(*steps: Step, start: str = "") -> Definition:
    return Definition(start or steps[0].step_id, steps, "en")


def one(action: object, known: References = KNOWN) -> list[Problem]:
    return validate(flow(Step("it", "It", action)), known)  # type: ignore[arg-type]


def found(problems: list[Problem]) -> set[tuple[str, str, str]]:
    return {(problem.step_id, problem.field, problem.reason) for problem in problems}


@pytest.mark.parametrize("template", templates.TEMPLATES, ids=lambda item: item.template_id)
def test_every_template_is_valid_and_spoken_in_all_four_languages(template: templates.Template) -> None:
    parameters = {"queue_id": "que_1", "business_hours_id": "hrs_1"}
    definition = templates.build(template.template_id, {name: parameters[name] for name in template.parameters})
    assert validate(definition, KNOWN) == []
    for texts in (template.names, template.summaries):
        assert set(texts) == {"en", "tr", "az", "fa"}


@pytest.mark.parametrize(
    ("language", "step", "choice"), [("tr", "Menü", "Müşteri hizmetleri"), ("fa", "منو", "خدمات مشتریان")]
)
def test_what_agents_read_of_a_templates_menu_is_in_the_flows_language(language: str, step: str, choice: str) -> None:
    definition = templates.build("greeting_menu_queue", {"queue_id": "que_1"}, language)
    menu = next(each for each in definition.steps if each.step_id == "menu")
    assert isinstance(menu.action, Menu)
    assert (menu.display_name, menu.action.choices[0].value) == (step, choice)
    assert validate(definition, KNOWN) == []


def test_flow_without_steps_can_not_be_published() -> None:
    assert found(validate(Definition(language="en"), KNOWN)) == {("", "steps", "FLOW_EMPTY")}


def test_start_that_is_no_step_is_named() -> None:
    assert ("", "start", "START_MISSING") in found(validate(flow(Step("a", "", HangUp()), start="b"), KNOWN))


def test_duplicate_step_ids_are_named_once() -> None:
    problems = validate(flow(Step("a", "", HangUp()), Step("a", "", HangUp())), KNOWN)
    assert [problem.reason for problem in problems] == ["STEP_ID_DUPLICATE"]


@pytest.mark.parametrize("step_id", ["", "a b", "ü", "x" * 65])
def test_step_id_that_is_not_a_word_is_refused(step_id: str) -> None:
    assert "STEP_ID_INVALID" in {problem.reason for problem in validate(flow(Step(step_id, "", HangUp())), KNOWN)}


def test_step_that_leads_nowhere_names_the_field() -> None:
    problems = one(Menu(said(), (Choice("1", "", "lost"),), no_match="gone"))
    assert found(problems) == {("it", "choices[0].next", "NEXT_UNKNOWN"), ("it", "no_match", "NEXT_UNKNOWN")}


def test_step_that_no_call_can_reach_blocks_publishing() -> None:
    problems = validate(flow(Step("a", "", HangUp()), Step("island", "", HangUp())), KNOWN)
    assert found(problems) == {("island", "step_id", "STEP_UNREACHABLE")}
    assert not valid(problems)


def test_prompt_that_was_not_uploaded_is_missing_wherever_it_is_played() -> None:
    steps = (
        Step("play", "", Play("prm_x", "say")),
        Step("say", "", Say(Utterance(prompt_id="prm_y"), "queue")),
        Step("queue", "", Queue("que_1", music_prompt_id="prm_z")),
    )
    assert found(validate(flow(*steps), KNOWN)) == {
        ("play", "prompt_id", "PROMPT_MISSING"),
        ("say", "utterance.prompt_id", "PROMPT_MISSING"),
        ("queue", "music_prompt_id", "PROMPT_MISSING"),
    }


def test_text_must_be_there_in_the_language_of_the_flow_and_should_be_in_its_others() -> None:
    problems = validate(
        flow(
            Step("a", "", Say(Utterance({"en": "Hello.", "tr": "Merhaba."}), "b")),
            Step("b", "", Say(Utterance({"en": "Bye."}), "c")),
            Step("c", "", HangUp(Utterance({"tr": "Hoşça kalın."}))),
        ),
        KNOWN,
    )
    assert [(problem.step_id, problem.field, problem.severity) for problem in problems] == [
        ("b", "utterance.text[tr]", Severity.WARNING),
        ("c", "utterance.text[en]", Severity.ERROR),
    ]


def test_loop_that_waits_for_nobody_is_refused() -> None:
    steps = (Step("a", "", Say(said(), "b")), Step("b", "", SetAttribute("x", "1", "a")))
    assert found(validate(flow(*steps), KNOWN)) == {("a", "next", "LOOP_WITHOUT_INPUT")}


def test_loop_through_hours_and_http_is_refused_too() -> None:
    steps = (
        Step("hours", "", Hours("hrs_1", "ask", "hours")),
        Step("ask", "", HttpRequest("GET", "https://example.com", next="hours", failed="")),
    )
    assert ("hours", "next", "LOOP_WITHOUT_INPUT") in found(validate(flow(*steps), KNOWN))


@pytest.mark.parametrize(
    "waiting",
    [
        Menu(said(), (Choice("1", "", "a"),)),
        Collect(said(), "digits", max_digits=4, next="a"),
        Queue("que_1", timed_out="a", max_wait=timedelta(minutes=1)),
    ],
    ids=["menu", "collect", "queue"],
)
def test_loop_that_waits_for_somebody_is_allowed(waiting: Menu | Collect | Queue) -> None:
    assert valid(validate(flow(Step("a", "", Say(said(), "b")), Step("b", "", waiting)), KNOWN))


def test_menu_without_choices_and_menu_with_one_digit_twice() -> None:
    assert found(one(Menu(said()))) == {("it", "choices", "MENU_WITHOUT_CHOICES")}
    twice = one(Menu(said(), (Choice("1", "", "it"), Choice("1", "", "it"), Choice("12", "", "it"))))
    assert found(twice) == {
        ("it", "choices[0].digit", "DIGIT_DUPLICATE"),
        ("it", "choices[1].digit", "DIGIT_DUPLICATE"),
        ("it", "choices[2].digit", "DIGIT_INVALID"),
    }


def test_phrases_of_a_menu_are_words_that_each_mean_one_choice() -> None:
    def saying(*phrases: str) -> Choice:
        return Choice(str(len(phrases)), "", "it", phrases)

    assert found(one(Menu(said(), (saying("sales"), saying("technical support", "O'Neil & Co"))))) == set()
    wrong = one(Menu(said(), (saying("Sales!"), saying("sales", "?"), saying(*"abcdef"), saying("a" * 61, "b", "c"))))
    assert found(wrong) == {
        ("it", "choices[0].phrases", "PHRASE_DUPLICATE"),
        ("it", "choices[1].phrases", "PHRASE_DUPLICATE"),
        ("it", "choices[1].phrases", "PHRASE_INVALID"),
        ("it", "choices[2].phrases", "RANGE_INVALID"),
        ("it", "choices[2].phrases", "PHRASE_DUPLICATE"),
        ("it", "choices[3].phrases", "PHRASE_INVALID"),
        ("it", "choices[3].phrases", "PHRASE_DUPLICATE"),
    }


def test_queue_hours_and_skills_that_do_not_exist_are_errors() -> None:
    assert found(one(Queue("que_x", {"skl_x": 9}))) == {
        ("it", "queue_id", "QUEUE_UNKNOWN"),
        ("it", "skills[skl_x]", "SKILL_UNKNOWN"),
        ("it", "skills[skl_x]", "RANGE_INVALID"),
    }
    assert found(one(Hours("hrs_x"))) == {("it", "business_hours_id", "BUSINESS_HOURS_UNKNOWN")}


def test_queue_is_not_checked_while_routing_is_away_and_may_be_published() -> None:
    problems = one(Queue("que_x"), replace(KNOWN, queues=None))
    assert [(problem.reason, problem.severity) for problem in problems] == [("REFERENCE_UNCHECKED", Severity.WARNING)]
    assert valid(problems)


def test_collect_with_more_least_than_most_digits_is_refused() -> None:
    assert found(one(Collect(said(), "pin", min_digits=5, max_digits=4))) == {("it", "min_digits", "RANGE_INVALID")}
    assert ("it", "max_digits", "RANGE_INVALID") in found(one(Collect(said(), "pin", max_digits=33)))


@pytest.mark.parametrize("name", ["customer_id", "menu.main", "1st", "a b", ""])
def test_attribute_that_is_not_the_authors_to_set_is_refused(name: str) -> None:
    assert found(one(SetAttribute(name, "x"))) == {("it", "attribute", "ATTRIBUTE_INVALID")}


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.com/", "URL_INVALID"),
        ("example.com", "URL_INVALID"),
        ("https://", "URL_INVALID"),
        ("https://{caller_number}.example.com/", "URL_INVALID"),
        ("https://user:pass@example.com/", "URL_INVALID"),
        ("http://localhost:8080/", "URL_PRIVATE"),
        ("http://127.0.0.1/", "URL_PRIVATE"),
        ("http://127.1/", "URL_PRIVATE"),
        ("http://2130706433/", "URL_PRIVATE"),
        ("http://0x7f000001/", "URL_PRIVATE"),
        ("http://10.1.2.3/", "URL_PRIVATE"),
        ("http://169.254.169.254/latest/meta-data", "URL_PRIVATE"),
        ("http://[::1]/", "URL_PRIVATE"),
        ("http://[::ffff:10.0.0.1]/", "URL_PRIVATE"),
        ("http://[64:ff9b::a00:1]/", "URL_PRIVATE"),
        ("http://[fec0::1]/", "URL_PRIVATE"),
        ("http://[64:ff9b:1::7f00:1]/", "URL_PRIVATE"),
        ("http://[::127.0.0.1]/", "URL_PRIVATE"),
        ("http://routing.svc/", "URL_PRIVATE"),
        ("http://xn--ls8h=/", "URL_INVALID"),
        ("http://[1:2]/", "URL_INVALID"),
        ("http://a..b/", "URL_INVALID"),
    ],
)
def test_http_step_may_only_ask_public_addresses(url: str, reason: str) -> None:
    assert ("it", "url", reason) in found(one(HttpRequest("GET", url)))


@pytest.mark.parametrize(
    "host", ["example.com", "müşteri.example", "crm_1.example", "[2606:4700::1111]", "93.184.215.14"]
)
def test_http_step_may_ask_public_hosts_however_they_are_written(host: str) -> None:
    assert one(HttpRequest("GET", f"https://{host}:8443/x")) == []


def test_loopback_may_be_asked_only_where_the_setting_allows_it() -> None:
    allowed = replace(KNOWN, allow_loopback=True)
    assert one(HttpRequest("GET", "http://127.0.0.1:9000/x"), allowed) == []
    assert found(one(HttpRequest("GET", "http://192.168.0.1/"), allowed)) == {("it", "url", "URL_PRIVATE")}


def test_http_step_is_checked_field_by_field() -> None:
    request = HttpRequest(
        "PUT", "https://example.com", {"Host": "x", "X-A": "1\r\nX-B: 2"}, "", {"name": "customer"},
        timedelta(seconds=21), 4, "jazz",
    )  # fmt: skip
    assert found(one(request)) == {
        ("it", "method", "METHOD_INVALID"),
        ("it", "headers[Host]", "HEADER_INVALID"),
        ("it", "headers[X-A]", "HEADER_INVALID"),
        ("it", "extract[name]", "POINTER_INVALID"),
        ("it", "timeout", "RANGE_INVALID"),
        ("it", "retries", "RANGE_INVALID"),
        ("it", "filler", "FILLER_INVALID"),
    }


def test_flow_with_too_many_steps_is_told_only_that() -> None:
    steps = tuple(Step(f"s{number}", "", Say(said(), f"s{number + 1}")) for number in range(501))
    assert found(validate(Definition("s0", steps, "en"), KNOWN)) == {("", "steps", "TOO_MANY_STEPS")}


def test_placeholder_must_be_whole_and_its_attribute_known() -> None:
    broken = one(Say(said("Hello {caller name}.")))
    assert found(broken) == {("it", "utterance.text[en]", "PLACEHOLDER_INVALID")}
    unknown = one(Say(said("Your balance is {balance}, {caller_name}.")))
    assert [(problem.reason, problem.severity) for problem in unknown] == [("ATTRIBUTE_UNKNOWN", Severity.WARNING)]


def test_json_body_may_hold_braces_of_its_own() -> None:
    body = '{"number": "{caller_number}", "nested": {}}'
    assert one(HttpRequest("POST", "https://example.com", body=body)) == []


def test_step_of_no_kind_asks_for_one() -> None:
    assert found(one(None)) == {("it", "kind", "STEP_KIND_MISSING")}


_ids = st.sampled_from(["a", "b", "c", "d", "", "ghost"])
_actions = st.one_of(
    st.none(),
    st.builds(Say, st.just(said()), _ids),
    st.builds(Play, st.sampled_from(["prm_1", "prm_x"]), _ids),
    st.builds(lambda first, second: Menu(said(), (Choice("1", "", first),), no_match=second), _ids, _ids),
    st.builds(SetAttribute, st.just("x"), st.text(max_size=10), _ids),
    st.builds(Hours, st.sampled_from(["hrs_1", "hrs_x"]), _ids, _ids),
    st.builds(lambda after: Queue("que_1", timed_out=after), _ids),
    st.builds(HangUp),
)


@given(st.lists(st.builds(Step, _ids, st.just(""), _actions), max_size=6), _ids)
def test_any_draft_is_answered_with_problems_and_never_with_a_crash(steps: list[Step], start: str) -> None:
    for problem in validate(Definition(start, tuple(steps), "en"), KNOWN):
        assert problem.reason and problem.message and problem.field


@pytest.mark.parametrize(
    ("transfer", "field", "reason"),
    [
        (Transfer(), "target", "TARGET_MISSING"),
        (Transfer("number", "0501234567"), "number", "NUMBER_INVALID"),
        (Transfer("number", "+994501234567", caller_number="office"), "caller_number", "NUMBER_INVALID"),
        (Transfer("number", "+994501234567", timeout=timedelta(seconds=121)), "timeout", "RANGE_INVALID"),
        (Transfer("queue_id", ""), "queue_id", "QUEUE_UNKNOWN"),
        (Transfer("queue_id", "que_2"), "queue_id", "QUEUE_UNKNOWN"),
        (Transfer("queue_id", "que_1", timeout=timedelta(seconds=4)), "timeout", "RANGE_INVALID"),
        (Transfer("agent_id", "usr_2"), "agent_id", "AGENT_UNKNOWN"),
        (Transfer("flow_id", "flw_2"), "flow_id", "FLOW_UNKNOWN"),
        (Transfer("queue_id", "que_1", failed="nowhere"), "failed", "NEXT_UNKNOWN"),
        (Transfer("number", "+994501234567", next="nowhere"), "next", "NEXT_UNKNOWN"),
        (Transfer("queue_id", "que_1", music_prompt_id="prm_2"), "music_prompt_id", "PROMPT_MISSING"),
    ],
)
def test_transfer_that_can_not_work_names_its_field(transfer: Transfer, field: str, reason: str) -> None:
    assert found(one(transfer)) == {("it", field, reason)}


@pytest.mark.parametrize(
    "transfer",
    [
        Transfer("number", "+994501234567", "+994120000001", timedelta(seconds=120), "prm_1"),
        Transfer("queue_id", "que_1", timeout=timedelta(hours=1)),
        Transfer("agent_id", "usr_1"),
        Transfer("flow_id", "flw_1"),
    ],
)
def test_transfer_to_what_there_is_may_be_published(transfer: Transfer) -> None:
    assert one(transfer) == []


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"mailbox": ""}, "mailbox", "MAILBOX_MISSING"),
        ({"owner": "usr_2"}, "agent_id", "AGENT_UNKNOWN"),
        ({"mailbox": "queue_id"}, "queue_id", "QUEUE_UNKNOWN"),
        ({"max_duration": timedelta(seconds=601)}, "max_duration", "RANGE_INVALID"),
        ({"silence_timeout": timedelta(seconds=1)}, "silence_timeout", "RANGE_INVALID"),
        ({"end_digit": "12"}, "end_digit", "DIGIT_INVALID"),
        ({"utterance": Utterance()}, "utterance.text[en]", "TEXT_MISSING"),
        ({"next": "nowhere"}, "next", "NEXT_UNKNOWN"),
    ],
)
def test_voicemail_that_can_not_work_names_its_field(changes: dict[str, object], field: str, reason: str) -> None:
    good = Voicemail(said(), "agent_id", "usr_1")
    assert one(good) == []
    assert found(one(replace(good, **changes))) == {("it", field, reason)}  # type: ignore[arg-type]


def test_transfers_that_only_lead_to_each_other_are_a_loop_and_what_is_behind_them_is_reached() -> None:
    there = Step("there", "", Transfer("agent_id", "usr_1", failed="here"))
    loop = flow(Step("here", "", Transfer("agent_id", "usr_1", failed="there")), there)
    assert found(validate(loop, KNOWN)) == {("here", "next", "LOOP_WITHOUT_INPUT")}
    message = Step("message", "", Voicemail(said(), "agent_id", "usr_1"))
    assert validate(flow(Step("here", "", Transfer("agent_id", "usr_1", failed="message")), message), KNOWN) == []


def test_agents_that_could_not_be_looked_up_are_only_warned_of() -> None:
    problems = one(Transfer("agent_id", "usr_1"), replace(KNOWN, agents=None))
    assert valid(problems) and found(problems) == {("it", "agent_id", "REFERENCE_UNCHECKED")}

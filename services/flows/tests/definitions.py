"""Arbitrary definitions that can be published, and the names of what they refer to."""

from __future__ import annotations

from datetime import timedelta

from flows.domain import definitions as d
from flows.domain.names import Names, Noun
from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0{}"), max_size=40)
NAMES = Names(
    {
        Noun.QUEUE: {"que_1": "Support", "que_2": "no", "que_3": "12: 30 #1", "que_4": "Twins", "que_5": "Twins"},
        Noun.SKILL: {"skl_1": "Turkish", "skl_2": "1", "skl_3": "id:skl_1", "skl_4": " led by a space"},
        Noun.HOURS: {"hrs_1": "Mesai saatleri", "hrs_2": "ساعات کاری"},
        Noun.PROMPT: {"prm_1": "Jazz", "prm_2": "- - -", "prm_3": "~"},
        Noun.AGENT: {"usr_1": "Leyla Əliyeva", "usr_2": "null"},
        Noun.FLOW: {"flw_1": "Main line", "flw_2": "true"},
    }
)


def _id(noun: Noun) -> st.SearchStrategy[str]:
    return st.sampled_from(sorted(NAMES.by_id[noun]))


def _seconds(least: float, most: float) -> st.SearchStrategy[timedelta | None]:
    return st.none() | st.timedeltas(timedelta(seconds=least), timedelta(seconds=most))


def _maps(value: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.dictionaries(st.from_regex(d.ATTRIBUTE, fullmatch=True), value, max_size=3)


@st.composite
def _utterances(draw: st.DrawFn, languages: list[str]) -> d.Utterance:
    if draw(st.integers(0, 3)) == 0:
        return d.Utterance(prompt_id=draw(_id(Noun.PROMPT)))
    return d.Utterance({language: draw(TEXT) + "." for language in languages})


@st.composite
def _transfers(draw: st.DrawFn, step: st.SearchStrategy[str]) -> d.Transfer:
    to = draw(st.sampled_from(["number", "queue_id", "agent_id", "flow_id"]))
    nouns = {"queue_id": Noun.QUEUE, "agent_id": Noun.AGENT, "flow_id": Noun.FLOW}
    target = "+994501234567" if to == "number" else draw(_id(nouns[to]))
    return d.Transfer(
        to, target, timeout=draw(_seconds(5, 120)), music_prompt_id=draw(st.just("") | _id(Noun.PROMPT)),
        next=draw(step), failed=draw(step), people_only=draw(st.booleans()),
    )  # fmt: skip


@st.composite
def _queues(draw: st.DrawFn, step: st.SearchStrategy[str]) -> d.Queue:
    return d.Queue(
        draw(_id(Noun.QUEUE)), draw(st.dictionaries(_id(Noun.SKILL), st.integers(1, 5))), draw(st.integers(0, 9)),
        draw(st.just("") | _id(Noun.PROMPT)), draw(_seconds(5, 600) | st.just(timedelta(0))), draw(_seconds(5, 14400)),
        draw(step), draw(step), draw(step), draw(step), draw(st.booleans()),
        *draw(st.sampled_from([("", ""), ("last_agent", ""), ("account_owner", ""), ("attribute", "a_x")])),
        draw(step), draw(step), draw(st.integers(0, 20)), abandoned=draw(step), after_agent=draw(step),
    )  # fmt: skip


@st.composite
def _voicemails(draw: st.DrawFn, step: st.SearchStrategy[str], said: st.SearchStrategy[d.Utterance]) -> d.Voicemail:
    mailbox, noun = draw(st.sampled_from([("queue_id", Noun.QUEUE), ("agent_id", Noun.AGENT)]))
    return d.Voicemail(
        draw(said), mailbox, draw(_id(noun)), draw(_seconds(5, 600)), draw(_seconds(2, 30)),
        draw(st.sampled_from(["", "#", "5"])), draw(st.booleans()), draw(step),
    )  # fmt: skip


CONDITIONS = [
    "a_x == 'it's: #1'",
    "number(a_x, 0) > 3 and not starts(caller_number, '+994')",
    "length({a-b}) < 5",
    "in_list(caller_number, 'vip') and not in_list(dialed_number, 'blocked')",
]


def _branches(step: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[d.Branch, ...]]:
    branch = st.builds(d.Branch, TEXT, st.sampled_from(CONDITIONS), step)
    return st.lists(branch, min_size=1, max_size=4).map(tuple)


def _rules() -> st.SearchStrategy[d.Rule]:
    skills = st.dictionaries(_id(Noun.SKILL), st.integers(1, 5), max_size=2)
    asked = st.sampled_from(["", "skl_1 >= 3", "(skl_2 or skl_1 = 4) and not skl_4", "skl_3 or  skl_1"])
    queue, priority = _id(Noun.QUEUE), st.integers(0, 9)
    return st.builds(d.Rule, TEXT, st.sampled_from(CONDITIONS), queue, priority, skills, asked)


@st.composite
def _splits(draw: st.DrawFn, step: st.SearchStrategy[str]) -> d.Split:
    first = draw(st.integers(1, 99))
    return d.Split((d.Share("one: #", first, draw(step)), d.Share("no", 100 - first, draw(step))))


def _choosing(
    step: st.SearchStrategy[str], said: st.SearchStrategy[d.Utterance], attribute: st.SearchStrategy[str]
) -> list[st.SearchStrategy[d.Action]]:
    languages = (d.LanguageChoice("1", "en"), d.LanguageChoice("#", "fa"))
    words = d.Utterance({"en": "For English, 1.", "fa": "فارسی: #"})
    return [
        _splits(step),
        st.builds(d.Test, _branches(step), step),
        st.builds(d.CheckQueue, _id(Noun.QUEUE), _branches(step), step, step),
        st.builds(
            d.FindCustomer, st.sampled_from(["number", "email"]), st.just(""), st.just("{caller_number}"),
            st.dictionaries(attribute, st.sampled_from(["display_name", "tier"])), step, step, step, step,
        ),
        st.builds(d.FindCustomer, st.just("attribute"), st.just("card no"), st.just("{a_x}"), next=step),
        st.builds(
            d.ChooseLanguage, st.just(words), st.just(languages), _seconds(1, 60), st.integers(0, 10), step, step
        ),
        st.builds(
            d.Survey, said, st.from_regex(r"[a-z0-9_-]{1,40}", fullmatch=True), st.integers(0, 1), st.integers(2, 9999),
            _seconds(1, 60), st.integers(0, 10), st.just(d.Utterance()) | said, step, step,
        ),
        st.builds(
            d.CallFlow, _id(Noun.FLOW), st.dictionaries(attribute, st.sampled_from(["1 + 2", "a_x"]), max_size=2),
            st.dictionaries(attribute, attribute, max_size=2), step, step,
        ),
        st.builds(d.EntryRules, st.lists(_rules(), min_size=1, max_size=3).map(tuple), step, step),
        st.just(d.Queue(by_rules=True)),
        st.builds(d.SetAttribute, attribute, next=step, expression=st.sampled_from(["1 + 2", "upper(a_x) + '{'"])),
    ]  # fmt: skip


def _actions(step: st.SearchStrategy[str], languages: list[str]) -> st.SearchStrategy[d.Action]:
    said, attribute = _utterances(languages), st.from_regex(r"a_[a-z0-9_.-]{0,20}", fullmatch=True)
    choices = st.lists(
        st.builds(d.Choice, st.sampled_from(list("0123456789*#")), TEXT, step),
        min_size=1, max_size=4, unique_by=lambda choice: choice.digit,
    ).map(tuple)  # fmt: skip
    return st.one_of(
        st.builds(d.Say, said, step),
        st.builds(d.Play, _id(Noun.PROMPT), step),
        st.builds(
            d.Menu, said, choices, _seconds(1, 60), st.integers(0, 10), st.just(d.Utterance()) | said,
            st.just("") | step,
        ),
        st.builds(
            d.Collect, said, attribute, st.integers(0, 3), st.integers(3, 32), st.sampled_from(["", "*", "0"]),
            _seconds(1, 60), st.integers(0, 10), step, step, st.booleans(),
        ),
        st.builds(d.Hours, _id(Noun.HOURS), step, step),
        st.builds(d.SetAttribute, attribute, TEXT, step),
        st.builds(
            d.HttpRequest, st.just("POST"), st.just("https://crm.example/{caller_number}"),
            st.dictionaries(st.from_regex(r"X-[A-Za-z]{1,9}", fullmatch=True), st.just("{a_x} : v")), TEXT,
            _maps(st.sampled_from(["", "/a", "/a/0/b~1c"])), _seconds(0.1, 20), st.integers(0, 3),
            st.sampled_from(["", "music"]), step, step,
        ),
        _queues(step), _transfers(step), _voicemails(step, said), st.builds(d.HangUp, said),
        *_choosing(step, said, attribute),
        st.builds(
            d.CallbackOffer, _id(Noun.QUEUE), st.just(d.Utterance()) | said,
            st.dictionaries(_id(Noun.SKILL), st.integers(1, 5)), st.integers(0, 9), st.booleans(),
            st.just(d.Utterance()) | said, step,
        ),
    )  # fmt: skip


def attribute_names() -> st.SearchStrategy[str]:
    """Names of attributes a step may set."""
    return st.from_regex(r"a_[a-z0-9_.-]{0,20}", fullmatch=True)


@st.composite
def published(draw: st.DrawFn) -> d.Definition:
    """A definition whose every step and field keeps the rules; that every step is reached is not seen to."""
    languages = ["en", *draw(st.lists(st.sampled_from(["tr", "az", "fa"]), unique=True))]
    ids = draw(st.lists(st.from_regex(d.STEP_ID, fullmatch=True), min_size=1, max_size=6, unique=True))
    action = _actions(st.sampled_from(ids), languages)
    steps = tuple(d.Step(step_id, draw(TEXT), draw(action)) for step_id in ids)
    types = st.sampled_from(["text", "number", "boolean", "time"])
    parameters = st.lists(st.builds(d.Parameter, attribute_names(), types, st.booleans()), max_size=2).map(tuple)
    language = draw(st.sampled_from(languages))
    return d.Definition(ids[0], steps, language, draw(parameters), draw(parameters))

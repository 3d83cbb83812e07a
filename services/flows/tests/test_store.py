"""Documents in the database say the same when they are read back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from flows.domain import definitions as d
from flows.domain import orders as o
from flows.domain import runs as r
from flows.store.documents import from_document, order_from, to_document
from hypothesis import given
from hypothesis import strategies as st

_text = st.text(max_size=8)
_utterances = st.builds(d.Utterance, st.dictionaries(_text, _text, max_size=2), _text)
_durations = st.none() | st.integers(0, 10**9).map(lambda value: timedelta(microseconds=value))
_actions = st.one_of(
    st.none(),
    st.builds(d.Say, _utterances, _text),
    st.builds(d.Play, _text, _text),
    st.builds(
        d.Menu, _utterances, st.lists(st.builds(d.Choice, _text, _text, _text), max_size=2).map(tuple), _durations,
        st.integers(0, 9), _utterances, _text,
    ),
    st.builds(d.Collect, _utterances, _text, timeout=_durations, masked=st.booleans()),
    st.builds(d.Hours, _text, _text, _text),
    st.builds(d.SetAttribute, _text, _text, _text),
    st.builds(d.HttpRequest, _text, _text, st.dictionaries(_text, _text, max_size=2), timeout=_durations),
    st.builds(d.Queue, _text, st.dictionaries(_text, st.integers(1, 5), max_size=2), max_wait=_durations),
    st.builds(d.Transfer, st.sampled_from(["", "number", "agent_id", "flow_id"]), _text, timeout=_durations),
    st.builds(d.Voicemail, _utterances, st.sampled_from(["", "agent_id", "queue_id"]), _text, _durations, _durations),
    st.builds(d.HangUp, _utterances),
)  # fmt: skip
_definitions = st.builds(
    d.Definition, _text, st.lists(st.builds(d.Step, _text, _text, _actions), max_size=4).map(tuple), _text
)


@given(_definitions)
def test_definition_survives_the_database(definition: d.Definition) -> None:
    document = json.loads(json.dumps(to_document(definition)))
    assert from_document(d.Definition, document) == definition


def test_every_instruction_and_state_survives_the_database() -> None:
    audio = (o.Audio("Hi.", "", "en", personal=True), o.Audio(prompt_id="prm_1"))
    orders: list[Any] = [
        o.PlayAudio(audio), o.Gather(audio, 4, "#", timedelta(seconds=1.5), True), o.Wait("music"),
        o.WaitInQueue("con_1", "", timedelta(seconds=30), audio), o.EndCall(audio, "FLOW_FAILED"),
        o.Dial("+994501234567", "", timedelta(seconds=30), audio),
        o.Record(audio, True, timedelta(seconds=120), timedelta(seconds=5), "#", "agent_id", "usr_1"),
    ]  # fmt: skip
    for order in orders:
        assert order_from(json.loads(json.dumps(to_document(order)))) == order
    now = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)
    state = r.RunState(r.Phase.QUEUED, "q", "az", 3, 1, {"a": "b"}, {}, "con_1", now, None)
    origin = r.HandedOn(r.ContactKind.TRANSFER, "con_0", "", "usr_2", "agent_id", "usr_1", timedelta(seconds=30))
    state = replace(state, origin=origin)
    assert from_document(r.RunState, json.loads(json.dumps(to_document(state)))) == state


def test_document_of_an_older_release_takes_defaults_for_what_it_lacks() -> None:
    assert from_document(d.Queue, {"queue_id": "que_1", "unknown": 1}) == d.Queue("que_1")

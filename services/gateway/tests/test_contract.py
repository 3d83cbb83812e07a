"""The rules, the document and the reader of JSON, without a running gateway."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from gateway.audio import RangeInvalid, piece_of
from gateway.contracts import methods
from gateway.openapi import build_document
from gateway.rules import MethodNotAllowed, PathInvalid, RouteNotFound, Router, RuleInvalid, load_rules, parse_rules
from gateway.transcode import RequestInvalid, from_json, from_query, parse_json, to_json
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel.errors import InvalidInput
from merkez.flows.v1.flow_service_pb2 import CreateFlowRequest
from merkez.routing.v1.contact_service_pb2 import ListContactsRequest
from merkez.routing.v1.queue_service_pb2 import CreateQueueRequest, UpdateQueueRequest
from openapi_spec_validator import validate

ROUTES = load_rules(methods())
QUEUE = "merkez.routing.v1.QueueService"


def test_document_is_valid_openapi_and_shows_every_route() -> None:
    document = build_document(ROUTES, "0.1.0")
    validate(document)
    assert document["openapi"].startswith("3.1")
    shown = {
        operation["operationId"] for path in document["paths"].values() for operation in path.values()
    }  # fmt: skip
    assert {route.method.full_name for route in ROUTES} <= shown
    assert all(operation["description"] for path in document["paths"].values() for operation in path.values())


def test_document_names_no_internal_message() -> None:
    text = json.dumps(build_document(ROUTES, "0.1.0"))
    assert "EnqueueContactRequest" not in text and "keyset" not in text


@pytest.mark.parametrize(
    ("verb", "path", "rpc", "values"),
    [
        ("GET", "/v1/queues/que_1", "GetQueue", {"queue_id": "que_1"}),
        ("PATCH", "/v1/queues/que_1", "UpdateQueue", {"queue.queue_id": "que_1"}),
        ("POST", "/v1/agents/me:setState", "SetMyState", {}),
        ("POST", "/v1/agents/usr_1:setState", "SetAgentState", {"agent_id": "usr_1"}),
        ("DELETE", "/v1/numbers/%2B15550100", "ReleaseNumber", {"number": "+15550100"}),
        ("GET", "/v1/numbers:available", "ListAvailableNumbers", {}),
        ("HEAD", "/v1/plans", "ListPlans", {}),
    ],
)
def test_path_leads_to_its_rpc(verb: str, path: str, rpc: str, values: dict[str, str]) -> None:
    match = Router(ROUTES).match(verb, path)
    assert match.route.method.descriptor.name == rpc and match.values == values


@pytest.mark.parametrize(
    "path", ["/v1/queues/", "/v1/queues/a/b", "/v1/queues/a:b", "/v1", "/v2/queues", "/v1/queues//"]
)
def test_path_that_leads_nowhere_is_not_found(path: str) -> None:
    with pytest.raises(RouteNotFound):
        Router(ROUTES).match("GET", path)


def test_known_path_says_which_methods_it_knows() -> None:
    with pytest.raises(MethodNotAllowed) as refused:
        Router(ROUTES).match("PUT", "/v1/queues/que_1")
    assert refused.value.allowed == ("DELETE", "GET", "HEAD", "PATCH")
    with pytest.raises(PathInvalid):
        Router(ROUTES).match("GET", "/v1/queues/%ff")


@pytest.mark.parametrize(
    "rule",
    [
        {"selector": "merkez.routing.v1.ContactService.EnqueueContact", "post": "/v1/contacts"},
        {"selector": f"{QUEUE}.Nothing", "get": "/v1/nothing"},
        {"selector": f"{QUEUE}.GetQueue", "get": "/v1/queues/{nothing}"},
        {"selector": f"{QUEUE}.UpdateQueue", "patch": "/v1/queues/{queue.version}"},
        {"selector": f"{QUEUE}.GetQueue"},
        {"selector": f"{QUEUE}.GetQueue", "get": "/v1/a", "post": "/v1/b"},
        {"selector": f"{QUEUE}.GetQueue", "get": "/v1/a", "bdy": "*"},
    ],
)
def test_rule_that_contradicts_the_contract_stops_the_start(rule: dict[str, Any]) -> None:
    with pytest.raises(RuleInvalid):
        parse_rules([rule], methods())


def test_two_rules_for_one_place_stop_the_start() -> None:
    rules = [
        {"selector": f"{QUEUE}.GetQueue", "get": "/v1/queues/{queue_id}"},
        {"selector": f"{QUEUE}.ListQueues", "get": "/v1/queues/{page_token}"},
    ]
    with pytest.raises(RuleInvalid):
        parse_rules(rules, methods())


def test_path_wins_over_no_body_and_contradicts_another_one() -> None:
    made = from_json(UpdateQueueRequest, {}, {"queue.queue_id": "que_1"})
    assert made.queue.queue_id == "que_1"
    with pytest.raises(RequestInvalid):
        from_json(UpdateQueueRequest, {"queue": {"queueId": "que_2"}}, {"queue.queue_id": "que_1"})


def test_query_fills_fields_lists_and_fields_of_fields() -> None:
    pairs = [("pageSize", "5"), ("states", "CONTACT_STATE_QUEUED"), ("states", "CONTACT_STATE_ENDED")]
    made = from_query(ListContactsRequest, pairs, {})
    assert made.page_size == 5 and list(made.states) == [1, 5]
    nested = from_query(CreateQueueRequest, [("queue.openToAll", "true"), ("queue.offerTimeout", "20s")], {})
    assert nested.queue.open_to_all and nested.queue.offer_timeout.seconds == 20


def test_both_kinds_of_one_choice_are_refused() -> None:
    steps = [{"stepId": "a", "say": {}, "play": {}}]
    with pytest.raises(RequestInvalid) as refused:
        from_json(CreateFlowRequest, {"flow": {"draft": {"steps": steps}}})
    assert refused.value.fields[0].field == "flow.draft.steps[0].play"


def test_endless_mistakes_are_reported_up_to_a_bound() -> None:
    with pytest.raises(RequestInvalid) as refused:
        from_json(CreateQueueRequest, {f"x{number}": 1 for number in range(10_000)})
    assert len(refused.value.fields) == 50


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(content: bytes) -> None:
    with contextlib.suppress(InvalidInput):
        from_json(CreateQueueRequest, parse_json(content))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ["requestId", "queue", "displayName", "requiredSkills", "offerTimeout", "version", "openToAll", "createTime"]


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from(FIELDS), JSON | st.fixed_dictionaries({}, optional={name: JSON for name in FIELDS}))
)
def test_no_value_crashes_the_reader_and_what_it_takes_it_gives_back(value: dict[str, Any]) -> None:
    try:
        made = from_json(CreateQueueRequest, value)
    except InvalidInput:
        return
    assert from_json(CreateQueueRequest, to_json(made)) == made


def test_ranges_of_a_file() -> None:
    assert (piece_of(None, 10).length, piece_of("bytes=2-4", 10).length, piece_of("bytes=-3", 10).first) == (10, 3, 7)
    assert piece_of("bytes=5-100", 10).last == 9 and not piece_of("items=1-2", 10).partial
    assert not piece_of("bytes=1-2,4-5", 10).partial and not piece_of("bytes=4-2", 10).partial
    for beyond in ("bytes=10-", "bytes=-0"):
        with pytest.raises(RangeInvalid):
            piece_of(beyond, 10)

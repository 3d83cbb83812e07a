"""What the edge tells about itself: one trace for one call, and nothing secret or personal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from merkez.routing.v1.routing_events_pb2 import OfferMade
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

CALL = "call_01jd3v9k8r5x7m2p4q6s8t0w1y"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    """Spans that end from now on."""
    exporter = InMemorySpanExporter()
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


def traces_of(spans: InMemorySpanExporter, name: str) -> set[int]:
    """Traces of the spans of this name."""
    return {span.context.trace_id for span in spans.get_finished_spans() if span.name == name and span.context}


async def test_what_is_done_about_a_call_joins_the_calls_trace(house: Any, spans: InMemorySpanExporter) -> None:
    widget = await house.socket("/widget/v1/socket?key=wk_public")
    await widget.send(type="call", sdp="offer")
    await widget.until("answer")
    (call_trace,) = traces_of(spans, "widget call")
    agent = await house.signed_in("agent", "usr_a")
    made = OfferMade()
    made.offer.offer_id, made.offer.agent_id = "ofr_1", "usr_a"
    made.offer.contact.contact_id, made.offer.contact.call_id = "con_1", CALL
    await house.publish(made, traceparent=f"00-{'ab' * 16}-{'cd' * 8}-01")
    await agent.until("event")
    await agent.request("routing.v1.OfferService/AcceptOffer", offerId="ofr_1")
    await house.http.post(f"/v1/calls/{CALL}:hold", headers=house.as_role("agent"))
    assert traces_of(spans, "socket routing.v1.OfferService/AcceptOffer") == {call_trace}
    assert traces_of(spans, "POST /v1/calls/{call_id}:hold") == {call_trace}
    await house.http.get("/v1/queues", headers=house.as_role())
    assert call_trace not in traces_of(spans, "GET /v1/queues")
    other = house.as_role("agent", tenant="ten_01jd3v9k8r5x7m2p4q6s8t0w1z")
    foreign = await house.http.post(f"/v1/calls/{CALL}:hold", headers=other)
    assert int(foreign.headers["x-request-id"], 16) != call_trace, "another tenant never joins it"
    await widget.close()
    await agent.close()


async def test_partners_trace_is_continued(house: Any, spans: InMemorySpanExporter) -> None:
    headers = house.as_role() | {"traceparent": f"00-{'12' * 16}-{'34' * 8}-01"}
    answer = await house.http.get("/v1/queues", headers=headers)
    assert answer.headers["x-request-id"] == "12" * 16
    assert traces_of(spans, "GET /v1/queues") == {int("12" * 16, 16)}


async def test_logs_and_spans_hold_nothing_secret_or_personal(
    house: Any, spans: InMemorySpanExporter, capfd: pytest.CaptureFixture[str]
) -> None:
    secrets = ["olivia@example.com", "hunter2-password", "mrk_guessed-key", "refresh-cookie", "Carla", "+15550142"]
    await house.http.post("/v1/sessions:signIn", json={"email": secrets[0], "password": secrets[1]})
    await house.http.get("/v1/queues", headers={"x-api-key": secrets[2]})
    await house.http.post(
        "/v1/sessions:refresh", json={}, headers={"cookie": f"mrk_refresh={secrets[3]}", "x-merkez-browser": "1"}
    )
    await house.http.get(f"/v1/customers?query={secrets[4]}", headers=house.as_role("agent"))
    await house.http.get("/v1/queues/que_1", headers=house.as_role())  # a bug behind the edge
    widget = await house.socket("/widget/v1/socket?key=wk_public")
    await widget.send(type="call", sdp="offer", callerName=secrets[4], callerNumber=secrets[5])
    await widget.until("answer")
    await widget.send(type="call", sdp=5, callerName=[secrets[4]])
    await widget.close()
    told = capfd.readouterr().err + json.dumps([json.loads(span.to_json()) for span in spans.get_finished_spans()])
    assert "GET /v1/queues" in told
    for secret in (*secrets, house.token("admin")[-20:]):
        assert secret not in told, secret

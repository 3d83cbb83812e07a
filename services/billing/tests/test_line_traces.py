"""From a call's trace one comes to the line of the invoice that charges it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from billing.live import line_traces
from billing.live.line_traces import LINKED
from chassis.telemetry import tracer
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from .conftest import MARCH, call_fact, plan_fact
from .invoice_house import APRIL, DAY, House


@pytest.fixture
def spans() -> InMemorySpanExporter:
    """Spans that end from now on."""
    exporter = InMemorySpanExporter()
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


async def called(house: House, call_id: str, days: int) -> int:
    """A call that was metered in a trace of its own; the trace's id."""
    with tracer.start_as_current_span("a call") as span:
        await house.ledger.tell(call_fact(call_id, 60, MARCH + days * DAY))
    return span.get_span_context().trace_id


def lines(spans: InMemorySpanExporter, invoice_id: str) -> Sequence[ReadableSpan]:
    """The spans of an invoice's lines."""
    found = [span for span in spans.get_finished_spans() if span.name == "invoice line"]
    return [span for span in found if (span.attributes or {})["invoice_id"] == invoice_id]


async def test_a_line_leads_to_the_traces_of_the_calls_it_charges(house: House, spans: InMemorySpanExporter) -> None:
    await house.set_up()
    await house.ledger.tell(plan_fact())
    traces = {await called(house, f"call_{number}", number + 1) for number in range(2)}
    invoice = await house.issued()
    (line,) = lines(spans, invoice.invoice_id)
    assert {link.context.trace_id for link in line.links} == traces
    (whole,) = [span for span in spans.get_finished_spans() if span.name == "finalize invoice"]
    assert line.parent is not None and whole.context is not None and line.parent.span_id == whole.context.span_id
    assert whole.context.trace_id not in traces, "a month's calls have no trace in common"


async def test_a_line_of_many_calls_leads_to_the_first_of_them(house: House, spans: InMemorySpanExporter) -> None:
    await house.set_up()
    await house.ledger.tell(plan_fact())
    traces = [await called(house, f"call_{number:02}", 1 + number % 28) for number in range(LINKED + 3)]
    invoice = await house.issued()
    (line,) = lines(spans, invoice.invoice_id)
    linked = {link.context.trace_id for link in line.links}
    assert len(linked) == LINKED and linked < set(traces)


async def test_an_invoice_whose_lines_can_not_be_traced_is_an_invoice(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(line_traces, "_lines", broken)
    await house.set_up()
    await house.used_march(60)
    invoice = await house.issued(APRIL + 2 * DAY)
    assert invoice.number.startswith("MRK-")

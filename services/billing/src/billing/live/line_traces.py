"""Ties an invoice's lines to the traces of what they bill: from a call's INVITE one comes to the line that charges it.

A line of a month may be of a million calls: it names the first ones. Telemetry, never business truth: what can't be
told here is logged, and the invoice stands.
"""

from __future__ import annotations

from collections.abc import Sequence

from chassis.telemetry import context_from, log, tracer
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link

from billing.domain.statements import LineKind, StatementLine
from billing.live.rating import Rating
from billing.ops import invoicing
from billing.ops.line_records import list_line_records

LINKED = 16
"""Usage records that one line is linked to."""
_MADE_OF_USAGE = (LineKind.USAGE, LineKind.LATE)


async def trace_lines(rating: Rating, tenant_id: str, invoice_id: str) -> None:
    """A trace of its own for an invoice that was just finalized, with a span for each line, linked to where its usage
    was metered."""
    try:
        with tracer.start_as_current_span(
            "finalize invoice", context=Context(), attributes={"invoice_id": invoice_id, "tenant_id": tenant_id}
        ):
            for line in await _lines(rating, tenant_id, invoice_id):
                links = await _links(rating, tenant_id, invoice_id, line)
                named = {"invoice_id": invoice_id, "line_id": line.line_id, "meter": line.meter}
                with tracer.start_as_current_span("invoice line", links=links, attributes=named):
                    pass
    except Exception as error:
        log.warning("an invoice's lines can't be traced", invoice_id=invoice_id, exc_info=error)


async def _lines(rating: Rating, tenant_id: str, invoice_id: str) -> Sequence[StatementLine]:
    now = rating.db.clock.now()
    whole = await rating.run(tenant_id, lambda tx, decks: invoicing.whole(tx, invoice_id, now, decks), read_only=True)
    return [line for line in whole.statement.lines if line.kind in _MADE_OF_USAGE]


async def _links(rating: Rating, tenant_id: str, invoice_id: str, line: StatementLine) -> list[Link]:
    now = rating.db.clock.now()
    page, _ = await rating.run(
        tenant_id,
        lambda tx, decks: list_line_records(tx, invoice_id, line.line_id, LINKED, "", now, decks),
        read_only=True,
    )
    parents = [each.usage.traceparent for each in page if each.usage is not None and each.usage.traceparent]
    spans = (trace.get_current_span(context_from(each)).get_span_context() for each in parents)
    return [Link(each) for each in spans if each.is_valid]

"""Facts the owner should know of: calls that were refused, invoices that are overdue, who did what at the edge."""

from __future__ import annotations

from chassis.bus import FactMeta
from chassis.consumer import Handlers
from chassis.sql import Tx
from merkez.billing.v1 import billing_events_pb2
from merkez.gateway.v1 import gateway_events_pb2
from merkez.gateway.v1 import limit_events_pb2 as gateway_limit_events_pb2
from merkez.telephony.v1 import limit_events_pb2, telephony_events_pb2

from tenancy import convert
from tenancy.domain.limits import Passing
from tenancy.ops import audit, held, limits, overdue
from tenancy.ops.notices import raise_notice
from tenancy.ops.operators import NOTICE

API_REQUESTS = "max_api_requests_per_minute"


async def call_refused(tx: Tx, fact: telephony_events_pb2.CallRefused, meta: FactMeta) -> None:
    """A call was refused at the plan's limit: one open notice a brand, counting."""
    if fact.reason == NOTICE:  # said already, with its reason, when the tenant was suspended
        return
    parameters = {"limit": str(fact.limit), "brand_id": fact.brand_id}
    await raise_notice(tx, fact.reason, fact.brand_id, parameters, meta.time)


async def call_over_limit(tx: Tx, fact: limit_events_pb2.CallOverLimit, meta: FactMeta) -> None:
    """Calls went past a soft limit: told by the one that passed it, not by those that follow."""
    if fact.passed:
        await limits.passed(tx, Passing("max_concurrent_calls", fact.limit, fact.live_calls), meta.time)


async def invoice_paid(tx: Tx, fact: billing_events_pb2.InvoicePaid, meta: FactMeta) -> None:
    """Nothing is owed by an invoice any more; when by no other one either, the company has everything back."""
    await overdue.settled(tx, fact.invoice.invoice_id, fact.others_overdue, meta.time)


async def invoice_voided(tx: Tx, fact: billing_events_pb2.InvoiceVoided, meta: FactMeta) -> None:
    """As one that was paid."""
    await overdue.settled(tx, fact.invoice.invoice_id, fact.others_overdue, meta.time)


async def request_audited(tx: Tx, fact: gateway_events_pb2.RequestAudited, meta: FactMeta) -> None:
    """One line of the audit log."""
    await audit.append(tx, convert.audit_in(fact.entry))


async def api_request_limit_reached(tx: Tx, fact: gateway_events_pb2.ApiRequestLimitReached, meta: FactMeta) -> None:
    """Programs were told to wait: one open notice, counting minutes. Of a soft limit nobody waits: what went over it
    is told at the minute's end."""
    if API_REQUESTS in (await held.held(tx)).entitled.soft_limits:
        return
    reason = "API_REQUEST_LIMIT_REACHED"
    await raise_notice(tx, reason, "", {"limit": str(fact.limit)}, meta.time)


async def api_requests_over_limit(tx: Tx, fact: gateway_limit_events_pb2.ApiRequestsOverLimit, meta: FactMeta) -> None:
    """Programs went over a soft limit: minutes that follow each other are one passing."""
    await limits.passed(tx, Passing(API_REQUESTS, fact.limit, fact.limit + fact.count), meta.time)


HANDLERS: Handlers = {
    telephony_events_pb2.CallRefused: call_refused,
    limit_events_pb2.CallOverLimit: call_over_limit,
    billing_events_pb2.InvoicePaid: invoice_paid,
    billing_events_pb2.InvoiceVoided: invoice_voided,
    gateway_events_pb2.RequestAudited: request_audited,
    gateway_events_pb2.ApiRequestLimitReached: api_request_limit_reached,
    gateway_limit_events_pb2.ApiRequestsOverLimit: api_requests_over_limit,
}

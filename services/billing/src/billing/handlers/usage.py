"""Usage, and the invoice to come."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from chassis.auth import principal
from chassis.instants import time_in
from chassis.paging import encode_token
from merkez.billing.v1 import billing_pb2, billing_service_pb2, billing_service_pb2_grpc

from billing import convert
from billing.live.rating import Rating
from billing.money_proto import shown
from billing.ops import usage as ops
from billing.ops.issuing import preview_named


class Billing(billing_service_pb2_grpc.BillingServiceServicer):
    """merkez.billing.v1.BillingService."""

    def __init__(self, rating: Rating) -> None:
        self._rating = rating
        self._db = rating.db

    async def ListUsageRecords(
        self, request: billing_service_pb2.ListUsageRecordsRequest, context: Any
    ) -> billing_service_pb2.ListUsageRecordsResponse:
        found, more = await self._db.run(
            principal().tenant_id,
            lambda tx: ops.list_usage(tx, request.meter, request.source_id, request.page_size, request.page_token),
            read_only=True,
        )
        token = encode_token(found[-1].usage_time, found[-1].usage_record_id) if more else ""
        return billing_service_pb2.ListUsageRecordsResponse(
            usage_records=[convert.record_out(each) for each in found], next_page_token=token
        )

    async def SummarizeUsage(
        self, request: billing_service_pb2.SummarizeUsageRequest, context: Any
    ) -> billing_service_pb2.SummarizeUsageResponse:
        start, end, now = time_in(request, "start_time"), time_in(request, "end_time"), self._db.clock.now()
        sums = await self._db.run(principal().tenant_id, lambda tx: ops.summarize(tx, start, end, now), read_only=True)
        return billing_service_pb2.SummarizeUsageResponse(
            summaries=[
                billing_pb2.UsageSummary(
                    meter=each.meter,
                    record_count=each.record_count,
                    used_seconds=each.used_seconds,
                    billed_seconds=each.billed_seconds,
                    quantity=shown(Fraction(each.billed_seconds, 60) + Fraction(each.total)),
                )
                for each in sums
            ]
        )

    async def PreviewInvoice(
        self, request: billing_service_pb2.PreviewInvoiceRequest, context: Any
    ) -> billing_pb2.InvoicePreview:
        now = self._db.clock.now()
        time = time_in(request, "time") or now
        found, names = await self._rating.run(
            principal().tenant_id, lambda tx, decks: preview_named(tx, time, decks), read_only=True
        )
        return convert.preview_out(found, now, names)

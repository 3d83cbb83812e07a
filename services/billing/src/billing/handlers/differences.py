"""The reconciler's findings, as operators read them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from chassis.instants import time_in, time_out
from chassis.paging import encode_token
from chassis.sql import Database
from kernel.errors import InvalidInput
from kernel.ids import require_id
from merkez.billing.v1 import difference_pb2, difference_service_pb2, difference_service_pb2_grpc

from billing.domain.differences import Difference
from billing.live.reconciler import Reconciler
from billing.ops import differences as ops
from billing.ops.usage import RangeInvalid

ask = difference_service_pb2
LONGEST = timedelta(days=31)


class Differences(difference_service_pb2_grpc.DifferenceServiceServicer):
    """merkez.billing.v1.DifferenceService."""

    def __init__(self, db: Database, reconciler: Reconciler) -> None:
        self._db = db
        self._reconciler = reconciler

    async def ListDifferences(self, request: ask.ListDifferencesRequest, context: Any) -> ask.ListDifferencesResponse:
        state = difference_pb2.DifferenceState.Name(request.state).removeprefix("DIFFERENCE_STATE_").lower()
        tenant_id = require_id("ten", request.tenant_id, "tenant_id") if request.tenant_id else ""
        wanted = "" if state == "unspecified" else state
        found, more = await self._db.system(
            lambda tx: ops.list_found(tx, tenant_id, wanted, request.page_size, request.page_token), read_only=True
        )
        last = found[-1].difference if more else None
        return ask.ListDifferencesResponse(
            differences=[_found(each) for each in found],
            next_page_token=encode_token(last.call_time, f"{last.call_id}/{last.cause.value}") if last else "",
        )

    async def ReconcileTenant(self, request: ask.ReconcileTenantRequest, context: Any) -> ask.ReconcileTenantResponse:
        tenant_id = require_id("ten", request.tenant_id, "tenant_id")
        start, end = time_in(request, "start_time"), time_in(request, "end_time")
        if start is None:
            raise InvalidInput.of("start_time", "is required")
        if end is None:
            raise InvalidInput.of("end_time", "is required")
        if not timedelta(0) < end - start <= LONGEST:
            raise RangeInvalid.of("end_time", "must be after start_time, at most 31 days")
        made = await self._reconciler.reconcile(tenant_id, start, end)
        return ask.ReconcileTenantResponse(
            call_count=made.call_count,
            healed_count=made.healed_count,
            differences=[_difference(tenant_id, each) for each in made.differences],
        )


def _found(found: ops.Found) -> difference_pb2.Difference:
    made = _difference(found.tenant_id, found.difference)
    made.state = difference_pb2.DIFFERENCE_STATE_RESOLVED if found.resolved else difference_pb2.DIFFERENCE_STATE_OPEN
    made.create_time.CopyFrom(time_out(found.create_time))
    made.update_time.CopyFrom(time_out(found.update_time))
    return made


def _difference(tenant_id: str, made: Difference) -> difference_pb2.Difference:
    return difference_pb2.Difference(
        tenant_id=tenant_id,
        call_id=made.call_id,
        cause=difference_pb2.DifferenceCause.Value(f"DIFFERENCE_CAUSE_{made.cause.name}"),
        state=difference_pb2.DIFFERENCE_STATE_OPEN,
        call_time=time_out(made.call_time),
        media_seconds=made.media_seconds,
        record_seconds=made.record_seconds,
        billed_seconds=made.billed_seconds,
    )

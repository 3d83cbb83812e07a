"""Usage events, the current period's usage, and the meters that count it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chassis.auth import principal
from chassis.instants import time_in, time_out
from chassis.sql import Database
from chassis.telemetry import counter, log
from kernel.errors import DomainError
from kernel.ids import require_id, require_request_id
from merkez.billing.v1 import meter_pb2, meter_service_pb2, meter_service_pb2_grpc, usage_service_pb2_grpc
from merkez.billing.v1 import usage_service_pb2 as usage_pb2
from merkez.type.v1 import money_pb2

from billing.domain.aggregates import EPOCH, Aggregation
from billing.domain.meters import Meter
from billing.domain.usage import OPERATORS, By, UsageConflict, UsageInvalid, UsageRecord
from billing.live.rating import Rating
from billing.money_proto import shown
from billing.ops import current, meters
from billing.ops import usage as ops
from billing.ops.usage import Offered, Outcome

_conflicts = counter("merkez.billing.refused_events", "Usage events whose identity was taken by another body")
_AGGREGATIONS = {
    meter_pb2.AGGREGATION_COUNT: Aggregation.COUNT,
    meter_pb2.AGGREGATION_SUM: Aggregation.SUM,
    meter_pb2.AGGREGATION_MAX: Aggregation.MAX,
    meter_pb2.AGGREGATION_UNIQUE_COUNT: Aggregation.UNIQUE_COUNT,
    meter_pb2.AGGREGATION_LATEST: Aggregation.LATEST,
    meter_pb2.AGGREGATION_WEIGHTED_SUM: Aggregation.WEIGHTED_SUM,
}
_NUMBERS = {value: key for key, value in _AGGREGATIONS.items()}


class Usage(usage_service_pb2_grpc.UsageServiceServicer):
    """merkez.billing.v1.UsageService."""

    def __init__(self, rating: Rating) -> None:
        self._rating = rating
        self._db = rating.db

    async def RecordUsage(self, request: usage_pb2.RecordUsageRequest, context: Any) -> usage_pb2.RecordUsageResponse:
        return await _record(self._db, principal().tenant_id, request.events, By.PROGRAM)

    async def GetCurrentUsage(self, request: usage_pb2.GetCurrentUsageRequest, context: Any) -> usage_pb2.CurrentUsage:
        time = time_in(request, "time") or self._db.clock.now()
        found = await self._rating.run(
            principal().tenant_id, lambda tx, decks: current.current_usage(tx, time, decks), read_only=True
        )
        return usage_pb2.CurrentUsage(
            period_start_time=time_out(found.start_time),
            period_end_time=time_out(found.end_time),
            compute_time=time_out(found.compute_time),
            meters=[_usage(found, each) for each in found.rates],
        )


class UsageOperators(usage_service_pb2_grpc.UsageOperatorServiceServicer):
    """merkez.billing.v1.UsageOperatorService. The tenant is named in the request."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def RecordTenantUsage(
        self, request: usage_pb2.RecordTenantUsageRequest, context: Any
    ) -> usage_pb2.RecordUsageResponse:
        tenant_id = require_id("ten", request.tenant_id, "tenant_id")
        return await _record(self._db, tenant_id, request.events, By.OPERATOR)


class Meters(meter_service_pb2_grpc.MeterServiceServicer):
    """merkez.billing.v1.MeterService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def ListMeters(
        self, request: meter_service_pb2.ListMetersRequest, context: Any
    ) -> meter_service_pb2.ListMetersResponse:
        found = await self._db.system(meters.list_meters, read_only=True)
        return meter_service_pb2.ListMetersResponse(meters=[_meter(each) for each in found])

    async def CreateMeter(self, request: meter_service_pb2.CreateMeterRequest, context: Any) -> meter_pb2.Meter:
        request_id, value = require_request_id(request.request_id), request.meter
        made = Meter(
            value.meter, value.unit, _AGGREGATIONS.get(value.aggregation, Aggregation.SUM), value.recurring,
            value.unique_property, tuple(value.group_by), value.tax_code or "service", dict(value.names),
        )  # fmt: skip

        async def work(tx: Any) -> meter_pb2.Meter:
            async def create() -> meter_pb2.Meter:
                return _meter(await meters.create_meter(tx, made))

            return await tx.once(request_id, "CreateMeter", request, meter_pb2.Meter, create)

        return await self._db.system(work)

    async def UpdateMeter(self, request: meter_service_pb2.UpdateMeterRequest, context: Any) -> meter_pb2.Meter:
        names, archived = dict(request.names), request.archived
        changed = await self._db.system(
            lambda tx: meters.update_meter(tx, request.meter, names, archived, request.version)
        )
        return _meter(changed)


async def _record(
    db: Database, tenant_id: str, events: Sequence[usage_pb2.UsageEvent], by: By
) -> usage_pb2.RecordUsageResponse:
    if not events:
        raise UsageInvalid.of("events", "must be at least one")
    offered = [_offered(event, OPERATORS if by is By.OPERATOR and event.source else "") for event in events]
    outcomes = await db.run(tenant_id, lambda tx: ops.record(tx, offered, by))
    for each, outcome in zip(offered, outcomes, strict=True):
        if isinstance(outcome.error, UsageConflict):
            _conflicts.add(1)
            about = {"source": each.record.source, "source_id": each.record.source_id}
            log.error("usage came again with another body", tenant_id=tenant_id, **about)
    results = [_result(outcome) for outcome in outcomes]
    recorded = sum(each.outcome == usage_pb2.USAGE_OUTCOME_RECORDED for each in results)
    return usage_pb2.RecordUsageResponse(results=results, recorded_count=recorded)


def _offered(event: usage_pb2.UsageEvent, whose: str) -> Offered:
    try:
        time = time_in(event, "usage_time") or EPOCH
    except DomainError:
        time = EPOCH  # refused by itself, as every time out of bounds is
    record = UsageRecord(
        "",
        event.meter,
        whose + event.source,
        event.source_id,
        time,
        0,
        event.brand_id,
        properties=dict(event.properties),
    )
    return Offered(record, event.quantity)


def _result(outcome: Outcome) -> usage_pb2.UsageResult:
    error = outcome.error
    if error is not None:
        field = error.fields[0].field if error.fields else ""
        return usage_pb2.UsageResult(
            outcome=usage_pb2.USAGE_OUTCOME_REFUSED, reason=error.reason, field=field, message=error.message
        )
    known = usage_pb2.USAGE_OUTCOME_REPEATED if outcome.repeated else usage_pb2.USAGE_OUTCOME_RECORDED
    return usage_pb2.UsageResult(usage_record_id=outcome.usage_record_id, outcome=known)


def _usage(found: current.CurrentUsage, each: current.RateUsage) -> usage_pb2.MeterUsage:
    standing = each.standing
    return usage_pb2.MeterUsage(
        meter=standing.meter.meter,
        rate_id=standing.rate_id,
        unit=standing.meter.unit,
        quantity=shown(standing.quantity),
        allowance=shown(standing.allowance),
        projected_quantity=shown(standing.projected),
        amount=money_pb2.Money(currency=standing.currency, amount=shown(standing.amount)),
        days=[
            usage_pb2.DayUsage(start_time=time_out(start), quantity=shown(quantity))
            for start, quantity in zip(found.days, each.days, strict=True)
        ],
    )


def _meter(value: Meter) -> meter_pb2.Meter:
    return meter_pb2.Meter(
        meter=value.meter,
        unit=value.unit,
        aggregation=_NUMBERS[value.aggregation],
        recurring=value.recurring,
        unique_property=value.unique_property,
        group_by=value.group_by,
        tax_code=value.tax_code,
        names=value.names or {},
        archived=value.archived,
        built_in=value.built_in,
        version=value.version,
    )

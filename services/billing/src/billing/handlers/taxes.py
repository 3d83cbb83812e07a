"""Tax rates of regions, and where companies are for their taxes."""

from __future__ import annotations

from typing import Any

from chassis.auth import principal
from chassis.instants import time_in, time_out
from chassis.sql import Database, Tx
from kernel.ids import new_id, require_id, require_request_id
from merkez.billing.v1 import tax_pb2, tax_service_pb2, tax_service_pb2_grpc

from billing.domain.money import exact
from billing.domain.taxes import TaxData, TaxRate, Treatment
from billing.ops import taxes as ops
from billing.ops.taxes import TaxInvalid

_TREATMENTS = {
    tax_pb2.TAX_TREATMENT_STANDARD: Treatment.STANDARD,
    tax_pb2.TAX_TREATMENT_EXEMPT: Treatment.EXEMPT,
    tax_pb2.TAX_TREATMENT_REVERSE_CHARGE: Treatment.REVERSE_CHARGE,
}
_NUMBERS = {value: key for key, value in _TREATMENTS.items()}


class Taxes(tax_service_pb2_grpc.TaxServiceServicer):
    """merkez.billing.v1.TaxService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def ListTaxRates(
        self, request: tax_service_pb2.ListTaxRatesRequest, context: Any
    ) -> tax_service_pb2.ListTaxRatesResponse:
        found = await self._db.system(lambda tx: ops.list_rates(tx, request.region), read_only=True)
        return tax_service_pb2.ListTaxRatesResponse(tax_rates=[_rate(each) for each in found])

    async def CreateTaxRate(self, request: tax_service_pb2.CreateTaxRateRequest, context: Any) -> tax_pb2.TaxRate:
        request_id, value = require_request_id(request.request_id), request.tax_rate
        start = time_in(value, "start_time")
        if start is None:
            raise TaxInvalid.of("tax_rate.start_time", "is required")
        made = TaxRate(
            new_id("txr", self._db.clock.now()), value.tax_code, value.name.strip(), value.region,
            exact(value.percent, "tax_rate.percent", digits=3, places=6), value.included, start,
            time_in(value, "end_time"), tuple(value.line_codes),
        )  # fmt: skip

        async def work(tx: Tx) -> tax_pb2.TaxRate:
            async def create() -> tax_pb2.TaxRate:
                return _rate(await ops.create_rate(tx, made))

            return await tx.once(request_id, "CreateTaxRate", request, tax_pb2.TaxRate, create)

        return await self._db.system(work)

    async def EndTaxRate(self, request: tax_service_pb2.EndTaxRateRequest, context: Any) -> tax_pb2.TaxRate:
        rate_id, now = require_id("txr", request.tax_rate_id, "tax_rate_id"), self._db.clock.now()
        end = time_in(request, "end_time")
        if end is None:
            raise TaxInvalid.of("end_time", "is required")
        return _rate(await self._db.system(lambda tx: ops.end_rate(tx, rate_id, end, now)))

    async def GetTaxData(self, request: tax_service_pb2.GetTaxDataRequest, context: Any) -> tax_pb2.TaxData:
        return _data(*await self._db.run(principal().tenant_id, ops.tax_data, read_only=True))

    async def GetTenantTaxData(self, request: tax_service_pb2.GetTenantTaxDataRequest, context: Any) -> tax_pb2.TaxData:
        tenant_id = require_id("ten", request.tenant_id, "tenant_id")
        return _data(*await self._db.run(tenant_id, ops.tax_data, read_only=True))

    async def SetTenantTaxData(self, request: tax_service_pb2.SetTenantTaxDataRequest, context: Any) -> tax_pb2.TaxData:
        tenant_id, value = require_id("ten", request.tenant_id, "tenant_id"), request.tax_data
        treatment = _TREATMENTS.get(value.treatment, Treatment.STANDARD)
        data = TaxData(value.region, treatment, value.tax_id.strip())
        return _data(*await self._db.run(tenant_id, lambda tx: ops.set_tax_data(tx, data, value.version)))


def _rate(value: TaxRate) -> tax_pb2.TaxRate:
    return tax_pb2.TaxRate(
        tax_rate_id=value.tax_rate_id,
        tax_code=value.tax_code,
        name=value.name,
        region=value.region,
        percent=f"{value.percent:f}",
        included=value.included,
        start_time=time_out(value.start_time),
        end_time=time_out(value.end_time),
        line_codes=value.line_codes,
    )


def _data(value: TaxData, version: int) -> tax_pb2.TaxData:
    return tax_pb2.TaxData(
        region=value.region, treatment=_NUMBERS[value.treatment], tax_id=value.tax_id, version=version
    )

"""Composition of the billing process."""

from __future__ import annotations

import asyncio

from chassis.bus import Bus
from chassis.grpc import serve
from chassis.lifecycle import Process
from chassis.sql import Database
from chassis.turns import TurnTaking
from kernel.errors import Unavailable
from merkez.billing.v1.billing_service_pb2_grpc import add_BillingServiceServicer_to_server
from merkez.billing.v1.coupon_service_pb2_grpc import add_CouponServiceServicer_to_server
from merkez.billing.v1.meter_service_pb2_grpc import add_MeterServiceServicer_to_server
from merkez.billing.v1.tax_service_pb2_grpc import add_TaxServiceServicer_to_server
from merkez.billing.v1.usage_service_pb2_grpc import add_UsageServiceServicer_to_server

from billing.consumers import HANDLERS
from billing.handlers.coupons import Coupons
from billing.handlers.metering import Meters, Usage
from billing.handlers.taxes import Taxes
from billing.handlers.usage import Billing
from billing.ops import usage as ops
from billing.settings import Settings


async def main(process: Process) -> None:
    """Builds and starts; the process drains and closes what it registered."""
    settings = process.begin(Settings, service="billing")
    db = process.closing(await TurnTaking.connect(settings, "billing"))
    bus = process.closing(await Bus.connect(settings))
    servicers = [
        (add_BillingServiceServicer_to_server, Billing(db)),
        (add_UsageServiceServicer_to_server, Usage(db)),
        (add_MeterServiceServicer_to_server, Meters(db)),
        (add_CouponServiceServicer_to_server, Coupons(db)),
        (add_TaxServiceServicer_to_server, Taxes(db)),
    ]
    server = process.closing(serve(servicers, settings))
    bus.relay(db)
    await bus.consume(db, "billing", HANDLERS)
    await server.start()
    process.tasks.spawn(_keep_days(db), "days of old records")
    process.draining(server.drain)
    process.draining(bus.drain)


async def _keep_days(db: Database) -> None:
    while True:
        try:
            return await ops.keep_days(db)
        except Unavailable:
            await asyncio.sleep(5)

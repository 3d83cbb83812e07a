"""Composition of the engagement process."""

from __future__ import annotations

from chassis.bus import Bus
from chassis.grpc import serve
from chassis.lifecycle import Process
from chassis.sql import Database
from merkez.engagement.v1.customer_service_pb2_grpc import add_CustomerServiceServicer_to_server

from engagement.consumers import HANDLERS
from engagement.handlers import Customers
from engagement.settings import Settings


async def main(process: Process) -> None:
    """Builds and starts; the process drains and closes what it registered."""
    settings = process.begin(Settings, service="engagement")
    db = process.closing(await Database.connect(settings, "engagement"))
    bus = process.closing(await Bus.connect(settings))
    server = process.closing(serve([(add_CustomerServiceServicer_to_server, Customers(db))], settings))
    bus.relay(db)
    await bus.consume(db, "engagement", HANDLERS)
    await server.start()
    process.draining(server.drain)
    process.draining(bus.drain)

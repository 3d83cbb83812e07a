"""Composition of the analytics process."""

from __future__ import annotations

from chassis.bus import Bus
from chassis.grpc import serve
from chassis.lifecycle import Process
from chassis.turns import TurnTaking
from merkez.analytics.v1.analytics_service_pb2_grpc import add_AnalyticsServiceServicer_to_server

from analytics.consumers import handlers
from analytics.handlers import Analytics
from analytics.live import WallboardPush
from analytics.settings import Settings


async def main(process: Process) -> None:
    """Builds and starts; the process drains and closes what it registered."""
    settings = process.begin(Settings, service="analytics")
    db = process.closing(await TurnTaking.connect(settings, "analytics"))
    bus = process.closing(await Bus.connect(settings))
    push = WallboardPush(db, bus, process.tasks)
    server = process.closing(serve([(add_AnalyticsServiceServicer_to_server, Analytics(db))], settings))
    push.start()
    await bus.consume(db, "analytics", handlers(push.touch))
    await server.start()
    process.draining(server.drain)
    process.draining(bus.drain)

"""Routing as a process: build, start, drain, stop."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from chassis.bus import Bus
from chassis.grpc import Peers, serve
from chassis.lifecycle import Process, collect_garbage_seldom, run_service
from chassis.sql import Database
from chassis.turns import ROUNDS_AT_ONCE, TurnTaking

from routing.clients import Flows
from routing.consumers import CONSUMER, Consumers
from routing.deadlines import Deadlines
from routing.domain.facts import Fact
from routing.handlers import servicers
from routing.leases import Leases
from routing.ledger import Desk
from routing.matching import Matcher
from routing.settings import Settings


class Routing:
    """The parts of the service that work without being asked, put together."""

    def __init__(
        self, db: Database, bus: Bus | None, settings: Settings, process: Process, holder: str,
        flows: Flows | None = None,
    ):  # fmt: skip
        self.desk = Desk(db, self._hear, flows)
        self.bus = bus
        self.deadlines = Deadlines(self.desk, settings, process.tasks, bus)
        self.leases = Leases(bus, holder, db.clock, process.tasks)
        self.matcher = Matcher(self.desk, self.leases, settings, process.tasks, bus)

    async def start(self) -> None:
        """Consume, match, keep deadlines."""
        if self.bus is not None:
            self.bus.relay(self.desk.db)
            await self.bus.consume(self.desk.db, CONSUMER, Consumers(self.desk).handlers)
        self.leases.start()
        await self.matcher.start()
        self.deadlines.start()

    def _hear(self, tenant_id: str, told: Sequence[Fact]) -> None:
        self.deadlines.hear(tenant_id, told)
        self.matcher.boards.hear(tenant_id, told)


async def build(process: Process, settings: Settings) -> None:
    """Put the service together and start it."""
    db = process.closing(await TurnTaking.connect(settings, "routing", pool_size=ROUNDS_AT_ONCE + 8))
    bus = process.closing(await Bus.connect(settings))
    holder = f"{socket.gethostname()}:{settings.grpc_port}"
    routing = Routing(db, bus, settings, process, holder, Flows(process.closing(Peers(settings))))
    server = process.closing(serve(servicers(routing.desk), settings))
    collect_garbage_seldom()
    await routing.start()
    await server.start()
    process.draining(server.drain)
    process.draining(routing.matcher.drain)
    process.draining(bus.drain)


def main() -> None:
    """Run until SIGTERM."""
    run_service(lambda process: build(process, process.begin(Settings)))

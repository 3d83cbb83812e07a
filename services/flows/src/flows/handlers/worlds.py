"""What simulations look up, gathered before they run: business hours of routing, releases of other flows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from chassis.sql import Database
from kernel.errors import Unavailable

from flows.clients import Routing
from flows.domain.definitions import Definition
from flows.domain.expectations import FlowTest, Result, hours_needed, run
from flows.domain.scenarios import Input, Scenario
from flows.domain.simulation import Simulation, World, simulate
from flows.ops import flow_tests as ops


class Worlds:
    """Runs simulations, each on a thread: a long one must not hold up calls."""

    def __init__(self, db: Database, routing: Routing):
        self._db = db
        self._routing = routing

    async def simulate(
        self, tenant_id: str, definition: Definition, scenario: Scenario, inputs: Sequence[Input]
    ) -> Simulation:
        """One run by its inputs."""
        world = await self._world(tenant_id, definition, [scenario])
        return await asyncio.to_thread(simulate, definition, scenario, inputs, world)

    async def test(self, tenant_id: str, definition: Definition, tests: Sequence[FlowTest]) -> list[Result]:
        """What tests come to against a definition."""
        if not tests:
            return []
        world = await self._world(tenant_id, definition, [test.case.scenario for test in tests])
        return await asyncio.to_thread(lambda: [run(test, definition, world) for test in tests])

    async def _world(self, tenant_id: str, definition: Definition, scenarios: Sequence[Scenario]) -> World:
        flows = await self._db.run(tenant_id, lambda tx: ops.flows_behind(tx, definition), read_only=True)
        if not any(hours_needed(each, scenarios) for each in (definition, *flows.values())):
            return World({}, flows)
        try:
            return World(await self._routing.calendars(), flows)
        except Unavailable:
            # Then a simulation waits for an input at its hours, and nothing is published anyway.
            return World(None, flows)

"""What simulations look up, gathered before they run: business hours of routing, releases of other flows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from chassis.sql import Database
from kernel.errors import Unavailable

from flows.clients import Routing
from flows.domain.definitions import Definition
from flows.domain.expectations import FlowTest, Result, hours_needed, run, years_of
from flows.domain.scenarios import Input, Scenario
from flows.domain.simulation import Simulation, World, simulate
from flows.ops import flow_tests as ops
from flows.ops.callers import Asked, Caller


class Worlds:
    """Runs simulations, each on a thread: a long one must not hold up calls."""

    def __init__(self, db: Database, routing: Routing):
        self._db = db
        self._routing = routing

    async def simulate(
        self, tenant_id: str, definition: Definition, scenario: Scenario, inputs: Sequence[Input]
    ) -> Simulation:
        """One run by its inputs."""
        world = await self._world(definition, [scenario], await self._behind(tenant_id, definition))
        return await asyncio.to_thread(simulate, definition, scenario, inputs, world)

    async def test(self, tenant_id: str, definition: Definition, tests: Sequence[FlowTest]) -> list[Result]:
        """What tests come to against a definition."""
        if not tests:
            return []
        return await self._run(tests, definition, await self._behind(tenant_id, definition))

    async def ask(self, tenant_id: str, callers: Sequence[Caller]) -> Asked:
        """What the tests of flows that lead into a draft come to with it. One that fails with what runs now as well
        says nothing of the draft: it was changed for what comes, or not kept up with what came."""
        failed: list[tuple[str, Result]] = []
        for each in callers:
            with_draft = await self._run(each.tests, each.release, each.behind)
            suspect = [result.test for result in with_draft if not result.passed]
            if not suspect:
                continue
            today = await self._run(suspect, each.release, await self._behind(tenant_id, each.release))
            passed = {result.test.test_id for result in today if result.passed}
            failed += [(each.display_name, result) for result in with_draft if result.test.test_id in passed]
        return Asked(callers, failed)

    async def _behind(self, tenant_id: str, definition: Definition) -> Mapping[str, Definition]:
        return await self._db.run(tenant_id, lambda tx: ops.flows_behind(tx, definition), read_only=True)

    async def _run(
        self, tests: Sequence[FlowTest], definition: Definition, flows: Mapping[str, Definition]
    ) -> list[Result]:
        world = await self._world(definition, [test.case.scenario for test in tests], flows)
        return await asyncio.to_thread(lambda: [run(test, definition, world) for test in tests])

    async def _world(
        self, definition: Definition, scenarios: Sequence[Scenario], flows: Mapping[str, Definition]
    ) -> World:
        if not any(hours_needed(each, scenarios) for each in (definition, *flows.values())):
            return World({}, flows)
        try:
            return World(await self._routing.calendars(years_of(scenarios)), flows)
        except Unavailable:
            # Then a simulation waits for an input at its hours, and nothing is published anyway.
            return World(None, flows)

"""What it costs to count a partner's request against its plan, with a real nats-server, as JSON lines."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path

from chassis.bus import Bus
from chassis.settings import ProcessSettings
from gateway.budgets import RequestBudgets
from gateway.tokens import Access
from kernel.clock import SystemClock
from kernel.ids import new_id
from kernel.tenant import Principal
from merkez_local.nats import start_nats

REQUESTS = 50_000


def line(metric: str, value: float, unit: str, goal: float | None = None) -> None:
    """One figure; `goal` is the most it should be."""
    found = {"metric": metric, "value": round(value, 4), "unit": unit, "goal": goal, "better": "lower"}
    print(json.dumps(found | {"meets": goal is None or value <= goal}), flush=True)


async def run(url: str) -> None:
    """Every request of a minute, one after another, slices fetched on the way."""
    clock = SystemClock()
    bus = await Bus.connect(ProcessSettings(service="gateway", nats_url=url))
    budgets = RequestBudgets(bus, clock)
    tenant_id = new_id("ten", clock.now())
    access = Access(Principal(tenant_id, "key_1", "api_client"), requests_per_minute=10 * REQUESTS)
    taken: list[float] = []
    for _ in range(REQUESTS):
        begin = time.perf_counter()
        await budgets.take(access)
        taken.append((time.perf_counter() - begin) * 1000)
    taken.sort()
    line("request_budget_p50", taken[len(taken) // 2], "ms")
    line("request_budget_p99", taken[len(taken) * 99 // 100], "ms", 1.0)
    line("request_budget_max", taken[-1], "ms")
    await budgets.close()
    await bus.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        nats = start_nats(Path(place), durable=False)
        try:
            asyncio.run(run(nats.url))
        finally:
            nats.stop()

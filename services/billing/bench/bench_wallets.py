"""`make bench-billing`, part of it: what prepaid calls cost billing, as JSON lines.

Calls of several companies reserve, extend and settle against a PostgreSQL that is as durable as `make run` has it
(fsync). Database and load share the machine.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

from billing.domain.decks import Deck, DeckHeader, DeckLine, Direction, Terms
from billing.domain.wallets import Policy, Source
from billing.ops import reservations, wallets
from billing.ops.reservations import AnsweredCall
from billing.ops.wallets import WalletSettings
from chassis.sql import Tx
from chassis.turns import TurnTaking
from kernel.clock import SystemClock
from kernel.ids import new_id
from merkez_local.postgres import start_postgres
from testkit.databases import Databases

_TENANTS, _CALLS, _EXTENSIONS = 8, 12, 6


def line(metric: str, value: float, unit: str, goal: float | None = None, better: str = "lower") -> None:
    """One figure, as every bench prints it."""
    meets = None if goal is None else (value <= goal if better == "lower" else value >= goal)
    print(
        json.dumps(
            {"metric": metric, "value": round(value, 3), "unit": unit, "goal": goal, "better": better, "meets": meets}
        ),
        flush=True,
    )


async def _company(db: TurnTaking) -> str:
    tenant, now = new_id("ten", db.clock.now()), db.clock.now()
    await db.run(tenant, lambda tx: wallets.configure(tx, Policy("EUR"), WalletSettings(), 0, now))
    await db.run(tenant, lambda tx: wallets.top_up(tx, Decimal(1_000_000), Source.PAID, now))
    return tenant


async def _call(db: TurnTaking, tenant: str, deck: Deck, taken: list[float]) -> None:
    call = AnsweredCall(new_id("call", db.clock.now()), "+49301234567", Direction.OUTBOUND, db.clock.now())

    async def timed(work: Callable[[Tx], Awaitable[object]]) -> None:
        began = time.perf_counter()
        await db.run(tenant, work)
        taken.append(time.perf_counter() - began)

    await timed(lambda tx: reservations.reserve(tx, call, deck, None, db.clock.now()))
    for beat in range(1, _EXTENSIONS + 1):
        await timed(lambda tx, s=2 * beat: reservations.extend(tx, call.call_id, deck, s, db.clock.now()))
    await timed(lambda tx: reservations.settle(tx, call.call_id, deck, 13, db.clock.now()))


async def measure(folder: Path) -> None:
    """Print all of it."""
    server = start_postgres(folder / "postgres", durable=True)
    databases = Databases(server, folder)
    try:
        settings = await databases.settings("billing")
        db = await TurnTaking.connect(settings, "billing", clock=SystemClock())
        deck = Deck(DeckHeader("EUR"), [DeckLine("", Terms(Decimal("0.06"), 1, 1))])
        companies = [await _company(db) for _ in range(_TENANTS)]
        taken: list[float] = []
        began = time.perf_counter()
        await asyncio.gather(*(_call(db, tenant, deck, taken) for tenant in companies for _ in range(_CALLS)))
        passed = time.perf_counter() - began
        taken.sort()
        line("wallet_operations_per_second", len(taken) / passed, "1/s", 100, "higher")
        line("wallet_calls_at_once", _TENANTS * _CALLS, "calls")
        line("wallet_operation_p50", taken[len(taken) // 2] * 1000, "ms")
        line("wallet_operation_p95", taken[int(len(taken) * 0.95)] * 1000, "ms", 2000)
        await db.close()
    finally:
        server.stop()


def main() -> None:
    """Run it in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="merkez-bench-") as folder:
        asyncio.run(measure(Path(folder)))


if __name__ == "__main__":
    main()

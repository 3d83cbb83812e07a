"""Usage events recorded and rated into PostgreSQL, and an invoice run, both on a durable server of their own.

An event is recorded when its batch is committed: checked, rated, kept by identity, added to its day. The invoice run
makes a statement for each of 1,000 companies with 10,000 records in the month. A few of them have the records
themselves in the table, to make their statements again from them, which must be equal; of the others only what is kept
by day is written, which is all that an invoice run reads (MERKEZ_BENCH_RECORDS=all writes each record: some gigabytes).
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from billing.domain.plans import VOICE, Model, PlanHeld, Rate, Tier
from billing.domain.usage import By, EndedCall, UsageRecord
from billing.ops import statements
from billing.ops import usage as ops
from billing.ops.usage import Offered
from billing.store import days
from chassis.sql import Database
from chassis.turns import TurnTaking
from kernel.clock import SystemClock
from kernel.ids import new_id
from merkez_local.postgres import start_postgres
from sqlalchemy import text
from testkit.databases import Databases

BATCH, TENANTS, SECONDS = 1000, 8, 20
COMPANIES, RECORDS, WHOLE = 1000, 10_000, 5
MONTH, NEXT = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)

_TIERS = (Tier(Decimal(5000), Decimal("0.01")), Tier(None, Decimal("0.005")))
PLAN = PlanHeld(
    "growth", 1, "EUR",
    {
        "message": Rate(Decimal(0), Decimal(100), model=Model.GRADUATED, tiers=_TIERS),
        VOICE: Rate(Decimal("0.014"), Decimal(5000), 30, 6),
    },
    datetime(2026, 1, 1, tzinfo=UTC), "UTC", fee=Decimal("99"),
)  # fmt: skip

_FILL = text("""
    insert into billing.usage_records
        (tenant_id, source, source_id, meter, usage_record_id, fingerprint, usage_time, used_seconds, billed_seconds,
         plan_id, plan_version, currency, price, brand_id, record_time, quantity, properties)
    select :tenant, 'bench', 'e' || n, 'message', 'usg_' || n, '',
           cast(:start as timestamptz) + n * interval '267 seconds', 0, 0, 'growth', 1, 'EUR', 0, '',
           cast(:start as timestamptz), 1 + n % 3, cast('{"channel": "chat"}' as jsonb)
    from generate_series(0, cast(:records as integer) - 1) as n
""")
_DAYS = text("""
    insert into billing.usage_days
        (tenant_id, meter, day, properties, brand_id, record_count, total, most, latest_time,
         latest_key, latest, moment, used_seconds, billed_seconds, record_time)
    select :tenant, 'message', date_trunc('day', at), '{"channel":"chat"}', '', count(*), sum(q), max(q), max(at),
           'bench/e' || max(n), 1, sum(q * extract(epoch from at) * 1000000), 0, 0, cast(:start as timestamptz)
    from (select n, 1 + n % 3 as q, cast(:start as timestamptz) + n * interval '267 seconds' as at
          from generate_series(0, cast(:records as integer) - 1) as n) as events
    group by date_trunc('day', at)
""")


def lines() -> Iterator[dict[str, Any]]:
    """The figures, as objects of one JSON line each."""
    yield from asyncio.run(_measure())


async def _measure() -> list[dict[str, Any]]:
    async with _database() as db:
        return [*await _events(db), await _calls(db), *await _invoices(db)]


@asynccontextmanager
async def _database() -> AsyncIterator[Database]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = await asyncio.to_thread(start_postgres, folder / "postgres", durable=True)
        stack.callback(postgres.stop)
        settings = await Databases(postgres, folder).settings("billing")
        db = await TurnTaking.connect(settings, "billing")
        stack.push_async_callback(db.close)
        yield db


async def _events(db: Database) -> list[dict[str, Any]]:
    """Batches of new events of several companies, two at once."""
    tenants, now = [await _company(db) for _ in range(TENANTS)], SystemClock().now()
    until, recorded = time.perf_counter() + SECONDS, 0

    async def one(writer: int) -> None:
        nonlocal recorded
        number = 0
        while time.perf_counter() < until:
            tenant, number = tenants[(number * 2 + writer) % TENANTS], number + 1
            batch = [_event(f"{writer}-{number}-{each}", each, now) for each in range(BATCH)]
            outcomes = await db.run(tenant, lambda tx, batch=batch: ops.record(tx, batch, By.FACT))
            recorded += sum(not each.repeated and each.error is None for each in outcomes)

    began, spent = time.perf_counter(), time.process_time()
    await asyncio.gather(one(0), one(1))
    rate, spent = recorded / (time.perf_counter() - began), time.process_time() - spent
    again = [_event(f"0-1-{each}", each, now) for each in range(BATCH)]
    began = time.perf_counter()
    for _ in range(5):
        await db.run(tenants[0], lambda tx: ops.record(tx, again, By.FACT))
    repeats = 5 * BATCH / (time.perf_counter() - began)
    return [
        _line("billing.rated_events", rate, "1/s", 5000, "higher", batch=BATCH, companies=TENANTS),
        _line("billing.event_cpu", spent / max(1, recorded) * 1e6, "us", None, "lower"),
        _line("billing.repeated_events", repeats, "1/s", None, "higher"),
    ]


async def _calls(db: Database) -> dict[str, Any]:
    """Calls one at a time, as the consumer works facts."""
    tenants, now = [await _company(db) for _ in range(TENANTS)], SystemClock().now()
    until, rated = time.perf_counter() + SECONDS / 4, 0

    async def one(tenant: str) -> None:
        nonlocal rated
        number = 0
        while time.perf_counter() < until:
            call = EndedCall(VOICE, f"call_{number}", "brd_1", now, 61)
            await db.run(tenant, lambda tx, call=call: ops.rate_ended_call(tx, call, now))
            number, rated = number + 1, rated + 1

    began = time.perf_counter()
    await asyncio.gather(*(one(tenant) for tenant in tenants))
    return _line("billing.rated_calls", rated / (time.perf_counter() - began), "1/s", None, "higher")


async def _invoices(db: Database) -> list[dict[str, Any]]:
    companies = [await _company(db) for _ in range(COMPANIES)]
    everything = os.environ.get("MERKEZ_BENCH_RECORDS") == "all"
    for place, tenant in enumerate(companies):
        values = {"tenant": tenant, "start": MONTH, "records": RECORDS}

        async def fill(tx: Any, values: dict[str, Any] = values, whole: bool = everything or place < WHOLE) -> None:
            await tx.execute(_DAYS, values)
            if whole:
                await tx.execute(_FILL, values)

        await db.run(tenant, fill)
    cutoff, totals, left = SystemClock().now(), dict[str, Any](), list(reversed(companies))

    async def one() -> None:
        while left:
            tenant = left.pop()
            totals[tenant] = await db.run(
                tenant, lambda tx: statements.statement_of(tx, MONTH, NEXT, cutoff), read_only=True
            )

    began = time.perf_counter()
    await asyncio.gather(one(), one())
    took = time.perf_counter() - began
    began = time.perf_counter()
    for tenant in companies[:WHOLE]:
        await db.run(tenant, lambda tx: days.rebuild(tx, MONTH, NEXT, {}))
        again = await db.run(tenant, lambda tx: statements.statement_of(tx, MONTH, NEXT, cutoff))
        assert again == totals[tenant], "made again from its records a statement is another"
    rebuilt = (time.perf_counter() - began) / WHOLE
    written = RECORDS * (COMPANIES if everything else WHOLE)
    return [
        _line("billing.invoice_run", took, "s", None, "lower", companies=COMPANIES, records_each=RECORDS,
              records_written=written, total=str(totals[companies[0]].total)),
        _line("billing.statement_from_records", rebuilt, "s", None, "lower", records=RECORDS),
    ]  # fmt: skip


async def _company(db: Database) -> str:
    tenant = new_id("ten", SystemClock().now())
    await db.run(tenant, lambda tx: ops.subscribe(tx, PLAN))
    return tenant


def _event(name: str, number: int, now: datetime) -> Offered:
    record = UsageRecord(
        "", "message", "bench", name, now - timedelta(seconds=number * 60), 0, "brd_1",
        properties={"channel": ("chat", "sms", "email")[number % 3]},
    )  # fmt: skip
    return Offered(record, str(1 + number % 5))


def _line(metric: str, value: float, unit: str, goal: float | None, better: str, **more: Any) -> dict[str, Any]:
    meets = None if goal is None else (value >= goal if better == "higher" else value <= goal)
    shown = {"metric": metric, "value": round(value, 3), "unit": unit, "goal": goal, "better": better, "meets": meets}
    return shown | more

"""The rater dies anywhere, and what it was at comes again: nothing is lost and nothing counts twice."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from billing.domain.usage import By
from billing.ops import parties
from billing.ops import usage as ops
from billing.store import days
from billing.store.invoicing_tables import invoices
from billing.store.tables import usage_records
from chassis.auth import generate_key
from chassis.bus import Bus
from chassis.turns import TurnTaking
from kernel.clock import SystemClock
from kernel.ids import new_id
from merkez_local.postgres import free_port
from sqlalchemy import event, func, select
from sqlalchemy.ext.asyncio import AsyncEngine
from testkit import ManualClock, eventually

from .conftest import MARCH, Ledger, call_fact, plan_fact
from .invoice_house import DAY, House
from .test_statements import APRIL, be_at, message_rate, plan, signed, statement
from .test_statements import event as usage_event


class Died(BaseException):
    """The process is gone: nothing of it runs on."""


@contextmanager
def dying_at(engine: AsyncEngine, number: int) -> Iterator[list[str]]:
    """Dies before the `number`-th statement from now on, and says which those were before."""
    seen: list[str] = []

    def count(_: Any, __: Any, statement: str, *___: Any) -> None:
        if len(seen) == number:
            raise Died
        seen.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", count)
    try:
        yield seen
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", count)


async def until_done(ledger: Ledger, work: Callable[[], Awaitable[Any]]) -> int:
    """Dies before each statement of the work in turn, is started again and given it again; how often it died."""
    number = 0
    while True:
        try:
            with dying_at(ledger.db.engine, number):
                await work()
            return number
        except Died:
            number += 1


async def test_batch_that_dies_before_any_of_its_statements_is_recorded_once_when_it_comes_again(
    ledger: Ledger,
) -> None:
    be_at(ledger, APRIL)
    await ledger.tell(plan(message_rate("1")))
    events = [usage_event(f"e{n}", MARCH + timedelta(hours=n), "2", channel="chat") for n in range(12)]
    for part in (events[:8], events[4:]):  # parts that overlap, as a program sends that doesn't know what arrived
        deaths = await until_done(
            ledger, lambda part=part: ledger.db.run(ledger.tenant, lambda tx: ops.record(tx, part, By.FACT))
        )
        assert deaths >= 4
    found = await statement(ledger)
    assert (len(await ledger.usage()), found.total) == (12, 24)
    await ledger.db.run(ledger.tenant, lambda tx: days.rebuild(tx, None, None, {}))
    assert await statement(ledger) == found


async def test_facts_whose_work_dies_before_any_statement_count_once(ledger: Ledger) -> None:
    be_at(ledger, APRIL)
    facts = [
        call_fact("call_1", 61, MARCH), plan(message_rate("1"), price=None), call_fact("call_2", 30, MARCH),
        signed("usr_1", 1, MARCH, on=True), signed("usr_1", 2, MARCH + timedelta(hours=2), on=False),
    ]  # fmt: skip
    for fact in facts:
        assert await until_done(ledger, lambda fact=fact: ledger.tell(fact)) >= 2
    records = await ledger.usage()
    assert [each.billed_seconds for each in records] == [30, 61] or len(records) == 2
    lines = {line.meter: line.quantity for line in (await statement(ledger)).lines}
    assert lines["seat_hour"] == 2 and lines["voice_inbound_minute"] * 60 == 91


def started(log: Path) -> bool:
    """Whether the process with this log says it has started."""
    return '"event": "started"' in log.read_text()


@asynccontextmanager
async def billing_process(settings: dict[str, str], log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A billing process of its own, started."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "billing", env=os.environ | settings, stdout=output, stderr=output
        )
    try:
        await eventually(lambda: started(log) or process.returncode is not None, deadline=60)
        assert process.returncode is None
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_billing_that_is_killed_over_and_over_rates_every_call_once(
    ledger: Ledger, databases: Any, nats_server: Any, make_bus: Callable[..., Awaitable[Bus]], tmp_path: Path
) -> None:
    plain, key = await databases.settings("billing"), tmp_path / "key.json"
    key.write_text(generate_key())
    settings = {
        "MERKEZ_DATABASE_URL": plain.database_url, "MERKEZ_SYSTEM_DATABASE_URL": plain.system_database_url,
        "MERKEZ_NATS_URL": nats_server.url, "MERKEZ_INTERNAL_KEY": str(key), "MERKEZ_DATA_DIR": str(tmp_path / "data"),
        "MERKEZ_GRPC_PORT": str(free_port()), "MERKEZ_TELEPHONY_ADDRESS": "127.0.0.1:1",
    }  # fmt: skip
    be_at(ledger, APRIL)
    await ledger.tell(plan(message_rate("1")))
    bus, total = await make_bus("telephony"), 60

    async def publish(number: int) -> None:
        fact, now = call_fact(f"call_{number}", 60, MARCH + timedelta(minutes=number)), ledger.clock.now()
        await bus.publish_fact(
            full_name=fact.DESCRIPTOR.full_name, tenant_id=ledger.tenant, key=f"call_{number}", time=now,
            event_id=new_id("evt", now), payload=fact.SerializeToString(), suffix="",
        )  # fmt: skip

    chance, told = random.Random(3), 0
    while told < total:
        async with billing_process(settings, tmp_path / f"log_{told}") as process:
            for _ in range(20):
                await publish(told)
                told += 1
            await asyncio.sleep(chance.uniform(0, 0.4))
            process.kill()
    async with billing_process(settings, tmp_path / "log_last"):
        await eventually(lambda: _recorded(ledger, total), deadline=90)
    later = SystemClock().now() + timedelta(hours=1)  # the processes' clock is the machine's
    assert (await statement(ledger, cutoff=later)).lines[-1].quantity == total
    assert len({each.source_id for each in await ledger.usage()}) == len(await ledger.usage())


async def _recorded(ledger: Ledger, total: int) -> bool:
    counted = select(func.count().label("found")).where(usage_records.c.tenant_id == ledger.tenant)
    return (await ledger.db.run(ledger.tenant, lambda tx: tx.one(counted), read_only=True))["found"] == total


async def test_invoice_run_that_dies_before_any_of_its_statements_issues_each_invoice_once(house: House) -> None:
    await house.set_up()
    others = [House(house.ledger.twin()) for _ in range(2)]
    for each in (house, *others):
        await each.used_march(60)
    house.go_to(APRIL + 2 * DAY)
    deaths = await until_done(house.ledger, house.sweeper.sweep)
    assert deaths >= 20
    issued = [await each.invoices() for each in (house, *others)]
    assert sorted(each.number for [each] in issued) == [f"MRK-{number:06d}" for number in (1, 2, 3)]
    assert {each.total for [each] in issued} == {Decimal("20.06")}


async def test_billing_that_is_killed_in_the_middle_of_an_invoice_run_loses_and_doubles_nothing(
    service_db: Any, databases: Any, nats_server: Any, tmp_path: Path
) -> None:
    now = SystemClock().now()
    clock = ManualClock(now)  # the processes' clock is the machine's
    plain, key = await databases.settings("billing"), tmp_path / "key.json"
    made = await service_db("billing", clock=clock)
    house = House(Ledger(TurnTaking(made.engine, made.system_engine, made.schema, clock), clock))
    key.write_text(generate_key())
    settings = {
        "MERKEZ_DATABASE_URL": plain.database_url, "MERKEZ_SYSTEM_DATABASE_URL": plain.system_database_url,
        "MERKEZ_NATS_URL": nats_server.url, "MERKEZ_INTERNAL_KEY": str(key), "MERKEZ_DATA_DIR": str(tmp_path / "data"),
        "MERKEZ_GRPC_PORT": str(free_port()), "MERKEZ_TELEPHONY_ADDRESS": "127.0.0.1:1",
    }  # fmt: skip
    prefix = f"K{new_id('evt', now)[-6:].upper()}-"
    seller = await house.set_up(prefix)
    begin = (now - timedelta(days=62)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    houses = [House(Ledger(house.ledger.db, clock)) for _ in range(30)]
    for each in houses:
        each.ledger.clock.advance(begin - clock.now())
        await each.ledger.tell(plan_fact(begin))
        await each.ledger.tell(call_fact("call", 60, begin + DAY))
        await each.do(lambda tx: parties.set_terms(tx, seller, 14, 0))
    clock.advance(now - clock.now())

    async def first_months() -> list[Any]:
        return [found[0] for each in houses if (found := await each.invoices()) and found[0].number]

    kills = 0
    while kills < 6 and len(await first_months()) < len(houses):
        async with billing_process(settings, tmp_path / f"log_{kills}") as process:
            already = len(await first_months())
            wanted = min(already + 5, len(houses))
            await eventually(lambda wanted=wanted: _many(first_months, wanted), deadline=60)
            process.kill()
        kills += 1
    async with billing_process(settings, tmp_path / "log_last"):
        await eventually(lambda: _many(first_months, len(houses)), deadline=120)
    # Companies of other tests, whose periods are over too, are sent invoices in the same name.
    of_seller = select(invoices.c.tenant_id, invoices.c.start_time, invoices.c.sequence).where(
        invoices.c.number.startswith(prefix)
    )
    every = await house.ledger.db.system(lambda tx: tx.all(of_seller), read_only=True)
    assert kills >= 1
    assert sorted(each["sequence"] for each in every) == list(range(1, len(every) + 1))
    assert len({(each["tenant_id"], each["start_time"]) for each in every}) == len(every)
    assert {each.total for each in await first_months()} == {Decimal("0.06")}


async def _many(found: Callable[[], Awaitable[list[Any]]], wanted: int) -> bool:
    return len(await found()) >= wanted

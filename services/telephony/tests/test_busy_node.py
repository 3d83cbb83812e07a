"""A whole node under load: a thousand calls of one company on one trunk, fifty a second, with all that they leave in
PostgreSQL and NATS. It says as a JSON line how fast it was (`-s` shows it), and is held to no time.

sipp has at most `AT_ONCE` calls up: where the machine has no core to spare for the node, calls come as fast as they are
answered.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from time import monotonic
from typing import Any

import pytest
import pytest_asyncio
from chassis.bus import LiveMessage
from chassis.settings import ProcessSettings
from chassis.sql import Database
from kernel.clock import SystemClock
from sqlalchemy import Table, func, select
from telephony.domain.trunks import Gateway, Limits
from telephony.ops import trunks as trunk_ops
from telephony.store.tables import calls, cdrs, dialogs, legs, live_calls, standard
from telephony.store.trunk_tables import trunk_lines
from testkit import eventually
from testkit.rpc import RpcHouse
from testkit.voice_peers import UAC, Sipp, VoicePeers

from .carriers import a_trunk
from .neighbours import an_id, neighbours
from .whole_node import WholeNode

pytestmark = pytest.mark.media

OURS = "+902125550100"
CALLS, RATE, AT_ONCE, LIMIT = 1000, 50, 200, 250


@dataclass
class Site:
    """A node with its database and its bus, as the test looks into them."""

    node: WholeNode
    db: Database
    tenant_id: str
    facts: dict[str, list[str]]
    """Call id -> its facts as they passed on the bus, in their order."""

    async def count(self, table: Table, *which: Any) -> int:
        its = select(func.count().label("n")).select_from(table).where(*which)
        return (await self.db.system(lambda tx: tx.one(its), read_only=True))["n"]

    async def lines_up(self) -> int:
        return await self.count(trunk_lines, trunk_lines.c.end_time.is_(None))

    async def left(self) -> dict[str, int]:
        """Rows that are there only while a call is."""
        return {
            "live calls": await self.count(live_calls), "dialogs": await self.count(dialogs),
            "legs": await self.count(legs, legs.c.state != "ENDED"), "lines": await self.lines_up(),
            "calls": await self.count(calls, calls.c.state != "ENDED"), "facts": await self.count(standard.outbox),
        }  # fmt: skip


@pytest_asyncio.fixture
async def site(
    databases: Any, nats_server: Any, make_bus: Any, rpc: RpcHouse, voice_peers: VoicePeers
) -> AsyncIterator[Site]:
    found: ProcessSettings = await databases.settings("telephony", fresh=True)
    db, tenant_id = await Database.connect(found, "telephony"), an_id("ten")
    around = await neighbours(rpc)
    around.tenancy.number(tenant_id, OURS, limit=LIMIT)
    draft = a_trunk(Gateway("", "127.0.0.1", 5999, ping=False), limits=Limits(calls=LIMIT, calls_per_second=200))
    await db.run(tenant_id, lambda tx: trunk_ops.create_trunk(tx, draft, SystemClock().now()))
    facts: dict[str, list[str]] = defaultdict(list)

    async def heard(message: LiveMessage) -> None:
        facts[message.headers["ce-partitionkey"]].append(message.name)

    await (await make_bus("probe")).subscribe(f"merkez.{tenant_id}.call.v1.*", heard)
    node = await voice_peers.start(
        WholeNode, "node", peers=rpc.addresses, database_url=found.database_url, nats_url=nats_server.url,
        system_database_url=found.system_database_url, internal_key=rpc.internal_key, customer_grace_seconds=60,
        sip_private_networks="127.0.0.0/8",
    )  # fmt: skip
    yield Site(node, db, tenant_id, facts)
    await db.close()


@pytest.mark.timeout(300)
async def test_a_thousand_calls_of_one_company_at_fifty_a_second_are_answered_ended_and_counted_once_each(
    site: Site, voice_peers: VoicePeers
) -> None:
    cpu, began = site.node.cpu_seconds, monotonic()
    caller = await voice_peers.start(
        Sipp, "caller", UAC, target=f"127.0.0.1:{site.node.sip_port}", service=OURS, calls=CALLS, rate=RATE, lasts=1.0,
        at_once=AT_ONCE, patience=60.0, more=("-trace_rtt", "-rtt_freq", "1"),
    )  # fmt: skip
    most = 0
    while caller.running:
        most = max(most, await site.lines_up())
        await asyncio.sleep(0.5)
    outcome = await caller.outcome()
    took = monotonic() - began

    assert (outcome.successful, outcome.failed) == (CALLS, 0), caller.tail()
    assert 0 < most <= LIMIT

    async def nothing_is_left() -> bool:
        return not any((await site.left()).values())

    await eventually(nothing_is_left, deadline=60, every=0.2)
    cpu = site.node.cpu_seconds - cpu
    ends = select(cdrs.c.call_id, cdrs.c.end_party, cdrs.c.end_cause)
    found = await site.db.system(lambda tx: tx.all(ends), read_only=True)
    assert len(found) == len({row["call_id"] for row in found}) == CALLS
    assert {(row["end_party"], row["end_cause"]) for row in found} == {("CUSTOMER", "NORMAL")}
    await eventually(lambda: sum("call_ended" in each for each in site.facts.values()) == CALLS)
    lives = {(each[0], *sorted(each[1:-1]), each[-1]) for each in site.facts.values()}
    # How far its flow came before the caller hung up is its own.
    ways = {("call_started", *["call_progressed"] * steps, "leg_media_changed", "call_ended") for steps in range(3)}
    assert lives <= ways
    assert set(site.facts) == {row["call_id"] for row in found}

    times = caller.response_times()
    print(json.dumps({
        "metric": "busy_node", "calls": CALLS, "calls_per_second": round(CALLS / (took - 1.0), 1),
        "invite_to_200_p50_ms": times[len(times) // 2], "invite_to_200_p95_ms": times[len(times) * 95 // 100],
        "cpu_ms_per_call": round(cpu / CALLS * 1000, 2), "most_lines": most, "load_average": os.getloadavg()[0],
    }))  # fmt: skip

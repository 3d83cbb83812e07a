"""A whole node under load: a thousand calls of one company on one trunk, fifty a second for twenty seconds whatever has
become of those before, with all that they leave in PostgreSQL and NATS; then more than the trunk has lines for.

None is lost however slow the machine is: where it has no core to spare, calls wait longer for their answer. How fast it
is, `make bench-node` says.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
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
from testkit.voice_peers import UAC, Outcome, Sipp, VoicePeers

from .carriers import a_trunk
from .neighbours import an_id, neighbours
from .whole_node import WholeNode

pytestmark = pytest.mark.media

OURS = "+902125550100"
CALLS, RATE = 1000, 50
MORE, LINES = 150, 20


@dataclass
class Site:
    """A node with its database and its bus, as the test looks into them."""

    node: WholeNode
    db: Database
    tenant_id: str
    trunk_id: str
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
    around.tenancy.number(tenant_id, OURS, limit=CALLS)
    draft = a_trunk(Gateway("", "127.0.0.1", 5999, ping=False), limits=Limits(calls=CALLS, calls_per_second=200))
    trunk = await db.run(tenant_id, lambda tx: trunk_ops.create_trunk(tx, draft, SystemClock().now()))
    facts: dict[str, list[str]] = defaultdict(list)

    seen: set[str] = set()

    async def heard(message: LiveMessage) -> None:
        # Sent again where the answer to the first was late; consumers know it by its id as well.
        if message.headers["ce-id"] not in seen:
            seen.add(message.headers["ce-id"])
            facts[message.headers["ce-partitionkey"]].append(message.name)

    await (await make_bus("probe")).subscribe(f"merkez.{tenant_id}.call.v1.*", heard)
    node = await voice_peers.start(
        WholeNode, "node", peers=rpc.addresses, database_url=found.database_url, nats_url=nats_server.url,
        system_database_url=found.system_database_url, internal_key=rpc.internal_key, customer_grace_seconds=60,
        sip_private_networks="127.0.0.0/8",
    )  # fmt: skip
    yield Site(node, db, tenant_id, trunk.trunk_id, facts)
    await db.close()


@dataclass
class Burst:
    """What became of calls that came at fifty a second."""

    outcome: Outcome
    refusals: set[str]
    """Final answers that weren't 200."""
    most: int
    """Lines that were up at once, the most that was seen."""


async def burst(site: Site, peers: VoicePeers, name: str, calls: int) -> Burst:
    """So many calls that last a second each. All of them may be up at once: sipp waits for none."""
    caller = await peers.start(
        Sipp, name, UAC, target=f"127.0.0.1:{site.node.sip_port}", service=OURS, calls=calls, rate=RATE, lasts=1.0,
        at_once=calls, patience=60.0,
    )  # fmt: skip
    most = 0
    while caller.running:
        most = max(most, await site.lines_up())
        await asyncio.sleep(0.5)
    outcome = await caller.outcome()
    assert outcome.successful + outcome.failed == calls, caller.tail()

    async def nothing_is_left() -> bool:
        return not any((await site.left()).values())

    await eventually(nothing_is_left, deadline=60, every=0.2)
    return Burst(outcome, set(re.findall(r"^SIP/2.0 ([3-6]\d\d) ", caller.messages(), re.MULTILINE)), most)


@pytest.mark.timeout(300)
async def test_of_a_thousand_calls_at_fifty_a_second_none_is_lost_and_what_a_trunk_has_no_line_for_is_told_so_at_once(
    site: Site, voice_peers: VoicePeers
) -> None:
    all_of_them = await burst(site, voice_peers, "caller", CALLS)
    assert all_of_them.outcome.successful == CALLS and not all_of_them.refusals
    assert 0 < all_of_them.most <= CALLS
    await counted_once(site, CALLS)

    fewer, now = {"limits": Limits(calls=LINES, calls_per_second=200)}, SystemClock().now()
    await site.db.run(site.tenant_id, lambda tx: trunk_ops.update_trunk(tx, site.trunk_id, fewer, 0, now))
    more = await burst(site, voice_peers, "another", MORE)
    assert more.outcome.successful >= LINES and more.most <= LINES
    assert more.outcome.failed == more.outcome.unexpected > 0 and more.refusals == {"503"}
    await counted_once(site, CALLS + more.outcome.successful)


async def counted_once(site: Site, calls: int) -> None:
    """So many calls have been answered and hung up by their customers, each with one CDR and all of its facts."""
    ends = select(cdrs.c.call_id, cdrs.c.end_party, cdrs.c.end_cause)
    found = await site.db.system(lambda tx: tx.all(ends), read_only=True)
    assert len(found) == len({row["call_id"] for row in found}) == calls
    assert {(row["end_party"], row["end_cause"]) for row in found} == {("CUSTOMER", "NORMAL")}
    await eventually(lambda: sum("call_ended" in each for each in site.facts.values()) == calls)
    lives = {(each[0], *sorted(each[1:-1]), each[-1]) for each in site.facts.values()}
    # How far its flow came before the caller hung up is its own.
    ways = {("call_started", *["call_progressed"] * steps, "leg_media_changed", "call_ended") for steps in range(3)}
    assert lives <= ways
    assert set(site.facts) == {row["call_id"] for row in found}

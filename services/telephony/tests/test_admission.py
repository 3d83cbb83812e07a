"""Who is let in when several come at once, on whatever nodes: never more than may, and everything is given back.

A round of a node is one SERIALIZABLE transaction, so any interleaving of nodes is some order of their rounds: the
property tests play these. The others let two nodes meet in real PostgreSQL.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from chassis.lifecycle import Tasks
from hypothesis import given
from hypothesis import strategies as st
from kernel.clock import SystemClock
from kernel.errors import QuotaExceeded, Unavailable
from kernel.ids import new_id
from kernel.money import Money
from sqlalchemy import func, select
from telephony.domain import calls, legs, lines
from telephony.domain.calls import EndParty
from telephony.domain.cdrs import Ending
from telephony.domain.lines import Line, Load, OutboundSettings, Spent
from telephony.domain.trunks import Limits
from telephony.live.ledger import LeaseLost, Ledger
from telephony.live.lines import Lines
from telephony.ops import calls as ops
from telephony.ops import nodes as node_ops
from telephony.ops import trunks as trunk_ops
from telephony.store.tables import cdrs, live_calls
from testkit.told import told

from .test_ops import a_call
from .trunk_world import NOW, a_line, a_trunk

PRICE = Decimal("0.60")


def an_id(prefix: str) -> str:
    return new_id(prefix, SystemClock().now())


# -- any interleaving, without a database ------------------------------------------------------------------------


@dataclass
class Trunk:
    """A trunk's rows: what one SERIALIZABLE transaction after the other sees and leaves."""

    limits: Limits
    settings: OutboundSettings
    now: datetime = NOW
    live: dict[str, Line] = field(default_factory=dict)
    taken: list[tuple[datetime, bool]] = field(default_factory=list)
    spent: Decimal = Decimal(0)

    def load(self, *, out_only: bool = False) -> Load:
        recent = [out for time, out in self.taken if time > self.now - lines.SECOND]
        costing = [line for line in self.live.values() if not line.inbound]
        others = 0 if out_only else len(self.live) - len(costing)
        started = sum(recent) if out_only else len(recent)
        return Load(costing, started, {"EUR": Spent(self.spent)}, others)

    def round(self, wished: list[Line]) -> list[Line]:
        callers = {line.caller_tenant_id: (self.settings, self.load(out_only=True)) for line in wished}
        found = lines.admit(wished, self.limits, self.load(), callers)
        taken = [line for line in found if isinstance(line, Line)]
        self.live |= {line.line_id: line for line in taken}
        self.taken += [(self.now, not line.inbound) for line in taken]
        return taken

    def release(self, line_id: str) -> None:
        line = self.live.pop(line_id)
        self.spent += lines.cost(line, self.now).amount

    def holds(self) -> None:
        load, out = self.load(), self.load(out_only=True)
        assert load.live == len(self.live) <= self.limits.calls
        assert load.started <= self.limits.calls_per_second and out.started <= self.settings.calls_per_second
        assert out.total("EUR", self.now) <= self.settings.most("EUR")


ROUND = st.lists(st.booleans(), min_size=1, max_size=12)
"""Takes of one round: whether each is a call in."""
MOVES = st.lists(
    st.one_of(ROUND, st.integers(0, 30), st.sampled_from(["answer", "later", "lower", "raise"])), max_size=40
)
"""A round, the release of some line, or the world."""


@given(MOVES, st.integers(1, 8), st.integers(1, 12), st.integers(1, 12), st.integers(0, 8))
def test_no_order_of_rounds_overshoots_a_limit_and_everything_is_given_back(
    moves: list[object], most: int, rate: int, own_rate: int, minutes: int
) -> None:
    spend = Money(PRICE * minutes, "EUR")
    trunk = Trunk(Limits(most, rate), OutboundSettings(spend, calls_per_second=own_rate))
    for move in moves:
        match move:
            case list():
                trunk.round([replace(a_line(inbound=inbound), take_time=trunk.now) for inbound in move])
                trunk.holds()
            case int() if trunk.live:
                trunk.release(sorted(trunk.live)[move % len(trunk.live)])
            case "answer":
                trunk.live = {each: replace(line, answer_time=line.answer_time or trunk.now)
                              for each, line in trunk.live.items()}  # fmt: skip
            case "later":
                trunk.now += timedelta(milliseconds=400)
            case "lower" if len(trunk.live) < most:  # with more up than may be, no more come, and that is all
                trunk.limits = replace(trunk.limits, calls=max(1, len(trunk.live)))
            case "raise":
                trunk.limits = replace(trunk.limits, calls=most)
    for line_id in list(trunk.live):
        trunk.release(line_id)
    trunk.now += lines.SECOND
    trunk.limits = Limits(most, 1000)
    assert len(trunk.round([replace(a_line(inbound=True), take_time=trunk.now) for _ in range(most + 1)])) == most


@given(ROUND, st.integers(1, 8), st.integers(1, 12), st.integers(0, 8))
def test_who_comes_at_once_gets_what_they_would_have_got_one_after_the_other(
    wished: list[bool], most: int, rate: int, minutes: int
) -> None:
    settings = OutboundSettings(Money(PRICE * minutes, "EUR"), calls_per_second=rate)
    together, alone = (Trunk(Limits(most, 12), settings) for _ in range(2))
    asked = [a_line(inbound=inbound) for inbound in wished]
    one_by_one = [line for each in asked for line in alone.round([each])]
    assert together.round(asked) == one_by_one


@given(st.integers(0, 8), st.lists(st.tuples(st.integers(0, 8), st.booleans()), max_size=20))
def test_a_company_never_has_more_calls_than_any_of_its_calls_was_allowed(
    live: int, wishes: list[tuple[int, bool]]
) -> None:
    up = live
    for (limit, suspended), refusal in zip(wishes, calls.refusals(live, wishes), strict=True):
        assert bool(refusal) == (suspended or 0 < limit <= up)
        up += not refusal


# -- two nodes on one database -------------------------------------------------------------------------------------


class Nodes:
    """Two nodes of one installation, each with its ledger and its lines."""

    def __init__(self, dbs, clock, tasks: Tasks) -> None:
        self.dbs, self.clock, self.tenant = dbs, clock, an_id("ten")
        self.ledgers = [Ledger(lambda db=db: db, f"node-{n}", tasks) for n, db in enumerate(dbs)]
        self.lines = [Lines(db, f"node-{n}", clock.now, tasks) for n, db in enumerate(dbs)]

    async def begin(self, node: int, limit: int, *, soft: bool = False, **more) -> ops.Started:
        call = a_call(self.clock.now(), node_id=f"node-{node}", **more)
        wish = ops.NewCall(call, an_id("leg"), limit, soft=soft)
        return await self.ledgers[node].begin(self.tenant, call.call_id, ops.start_calls, wish)

    async def end(self, node: int, call_id: str):
        ending = Ending(EndParty.CUSTOMER, "NORMAL", self.clock.now())
        journal = self.ledgers[node].journal(self.tenant, call_id, fenced=True)
        return await journal.write_with(ops.end_calls, ops.CallEnd(call_id, ending, by_node=f"node-{node}"))

    async def count(self, table, *which) -> int:
        its = select(func.count().label("n")).where(table.c.tenant_id == self.tenant, *which)
        return (await self.dbs[0].run(self.tenant, lambda tx: tx.one(its), read_only=True))["n"]


@pytest.fixture
async def nodes(service_db, clock):
    async with Tasks("nodes") as tasks:
        yield Nodes([await service_db("telephony", clock=clock) for _ in range(2)], clock, tasks)


async def test_two_nodes_that_let_callers_in_at_once_never_have_more_than_the_plan(nodes) -> None:
    for _ in range(3):
        begun = await asyncio.gather(*(nodes.begin(n % 2, limit=5) for n in range(40)))
        taken = [each for each in begun if not each.refusal]
        assert len(taken) == await nodes.count(live_calls, live_calls.c.counted) == 5
        node_of = {each.call.call_id: int(each.call.node_id[-1]) for each in begun}
        await asyncio.gather(*(nodes.end(node, call_id) for call_id, node in node_of.items()))
        assert await nodes.count(live_calls) == 0
    assert await nodes.count(cdrs) == 3 * 40


async def test_the_last_place_is_any_nodes_and_never_two(nodes) -> None:
    for round_ in range(4):
        begun = await asyncio.gather(*(nodes.begin(n % 2, limit=1) for n in range(6)))
        (taken,) = [each for each in begun if not each.refusal]
        await nodes.end(int(taken.call.node_id[-1]), taken.call.call_id)
        assert not (await nodes.begin(round_ % 2, limit=1)).refusal
        nodes.clock.advance(ops.HEARTBEAT_FRESH + timedelta(seconds=1))  # its node died: its place is free


async def test_a_soft_limit_lets_every_caller_in_and_is_passed_once_whatever_node_they_come_to(nodes) -> None:
    begun = await asyncio.gather(*(nodes.begin(n % 2, limit=5, soft=True) for n in range(20)))
    assert not any(each.refusal for each in begun) and await nodes.count(live_calls, live_calls.c.counted) == 20
    over = [each for each in await told(nodes.dbs[0], nodes.tenant) if each.DESCRIPTOR.name == "CallOverLimit"]
    assert sorted(each.live_calls for each in over) == list(range(6, 21)), "each call over it is metered"
    assert [each.live_calls for each in over if each.passed] == [6] and {each.limit for each in over} == {5}
    await asyncio.gather(*(nodes.end(int(each.call.node_id[-1]), each.call.call_id) for each in begun[:16]))
    assert (await nodes.begin(0, limit=4)).refusal, "by a hard one what is up counts like any other call"


async def test_a_call_out_over_a_soft_limit_goes_out(nodes) -> None:
    now = nodes.clock.now()

    async def dial(soft: bool) -> None:
        call = a_call(now)
        leg = legs.Leg(an_id("leg"), call.call_id, legs.Party.CUSTOMER, legs.LegState.RINGING, address="+994125550101")
        await nodes.dbs[0].run(nodes.tenant, lambda tx: ops.start_outbound(tx, call, leg, "", 1, now, soft=soft))

    await dial(False)
    with pytest.raises(calls.ConcurrentCallLimitReached):
        await dial(False)
    await dial(True)
    over = [each for each in await told(nodes.dbs[0], nodes.tenant) if each.DESCRIPTOR.name == "CallOverLimit"]
    assert [(each.limit, each.live_calls, each.passed) for each in over] == [(1, 2, True)]


async def test_two_nodes_take_and_let_go_lines_of_one_trunk_and_none_is_left(nodes) -> None:
    draft, now = a_trunk(limits=Limits(calls=3, calls_per_second=200)), nodes.clock.now()
    trunk = await nodes.dbs[0].run(nodes.tenant, lambda tx: trunk_ops.create_trunk(tx, draft, now))
    most = up = 0

    async def a_short_call(node: int) -> bool:
        nonlocal most, up
        line = a_line(trunk.trunk_id, tenant_id=nodes.tenant, caller_tenant_id=nodes.tenant, inbound=True, now=now)
        try:
            taken = await nodes.lines[node].take(line)
        except QuotaExceeded:
            return False
        up += 1
        most = max(most, up)
        await asyncio.sleep(0)
        up -= 1
        await nodes.lines[node].release(taken)
        return True

    taken = await asyncio.gather(*(a_short_call(n % 2) for n in range(60)))
    assert sum(taken) >= 3 and most <= 3
    trunk_now, health = await nodes.dbs[0].run(
        nodes.tenant, lambda tx: trunk_ops.health_of(tx, trunk.trunk_id, nodes.clock.now())
    )
    assert (trunk_now.limits.calls, health.concurrent_calls) == (3, 0)


async def test_a_limit_that_is_lowered_holds_from_the_next_call_on(nodes) -> None:
    draft, now = a_trunk(limits=Limits(calls=4, calls_per_second=200)), nodes.clock.now()
    trunk = await nodes.dbs[0].run(nodes.tenant, lambda tx: trunk_ops.create_trunk(tx, draft, now))

    def line() -> Line:
        return a_line(trunk.trunk_id, tenant_id=nodes.tenant, caller_tenant_id=nodes.tenant, inbound=True, now=now)

    up = [await nodes.lines[n % 2].take(line()) for n in range(3)]
    lower = {"limits": Limits(calls=2, calls_per_second=200)}
    await nodes.dbs[0].run(nodes.tenant, lambda tx: trunk_ops.update_trunk(tx, trunk.trunk_id, lower, 0, now))
    for node in (0, 1):
        with pytest.raises(QuotaExceeded):
            await nodes.lines[node].take(line())
    await asyncio.gather(*(nodes.lines[0].release(each) for each in up[:2]))
    await nodes.lines[1].take(line())


async def test_the_same_line_wished_twice_at_once_is_one(nodes) -> None:
    draft, now = a_trunk(limits=Limits(calls=1, calls_per_second=200)), nodes.clock.now()
    trunk = await nodes.dbs[0].run(nodes.tenant, lambda tx: trunk_ops.create_trunk(tx, draft, now))
    line = a_line(trunk.trunk_id, tenant_id=nodes.tenant, caller_tenant_id=nodes.tenant, now=now)
    first, second = await asyncio.gather(nodes.lines[0].take(line), nodes.lines[0].take(line))
    assert first == second == await nodes.lines[1].take(line)


async def test_a_line_taken_for_somebody_who_has_gone_is_let_go(nodes) -> None:
    draft, now = a_trunk(limits=Limits(calls=1, calls_per_second=200)), nodes.clock.now()
    trunk = await nodes.dbs[0].run(nodes.tenant, lambda tx: trunk_ops.create_trunk(tx, draft, now))
    line = a_line(trunk.trunk_id, tenant_id=nodes.tenant, caller_tenant_id=nodes.tenant, inbound=True, now=now)
    taking = asyncio.get_running_loop().create_task(nodes.lines[0].take(line))
    await asyncio.sleep(0.001)
    taking.cancel()
    other = replace(line, line_id=an_id("lin"))
    async with asyncio.timeout(30):
        while True:
            try:
                await nodes.lines[0].take(other)
                break
            except QuotaExceeded:
                await asyncio.sleep(0.01)


# -- a round of many ----------------------------------------------------------------------------------------------


async def test_a_write_that_fails_takes_nobody_elses_with_it(nodes) -> None:
    async def wrong(tx) -> None:
        await ops.start_call(tx, a_call(nodes.clock.now()), an_id("leg"), 0, nodes.clock.now())
        raise ValueError("wrong")

    begun = await asyncio.gather(
        *(nodes.begin(0, limit=0) for _ in range(5)),
        nodes.ledgers[0].begin_by(nodes.tenant, an_id("call"), wrong),
        *(nodes.begin(0, limit=0) for _ in range(5)),
        return_exceptions=True,
    )
    assert [type(each) for each in begun].count(ops.Started) == 10 and isinstance(begun[5], ValueError)
    assert await nodes.count(live_calls) == 10


async def test_each_call_of_a_round_has_its_facts_in_order_and_one_cdr(nodes) -> None:
    async def a_life(n: int) -> None:
        started = await nodes.begin(0, limit=0)
        call_id = started.call.call_id
        journal = nodes.ledgers[0].journal(nodes.tenant, call_id, fenced=True)
        change = ops.CallChange(call_id, calls.run_started(0, f"run_{n}", "rel_1"))
        journal.note(ops.change_calls, change, "run started")
        journal.note(ops.change_calls, ops.CallChange(call_id, calls.queued(0, f"con_{n}")), "queued")
        await nodes.end(0, call_id)
        call, cdr = await nodes.end(0, call_id)
        assert (call.run_id, call.contact_id, cdr) == (f"run_{n}", f"con_{n}", None)

    await asyncio.gather(*(a_life(n) for n in range(20)))
    assert await nodes.count(cdrs) == 20
    of_calls: dict[str, list[str]] = defaultdict(list)
    for fact in await told(nodes.dbs[0], nodes.tenant):
        call_id = fact.cdr.call_id if fact.DESCRIPTOR.name == "CallEnded" else fact.call.call_id
        of_calls[call_id].append(fact.DESCRIPTOR.name)
    assert list(of_calls.values()) == [["CallStarted", "CallProgressed", "CallProgressed", "CallEnded"]] * 20


async def test_what_another_node_owns_by_now_is_left_alone_and_the_rest_of_the_round_is_written(nodes) -> None:
    mine, moved = await asyncio.gather(nodes.begin(0, limit=0), nodes.begin(0, limit=0))
    now, moved_id = nodes.clock.now(), moved.call.call_id
    adopt = lambda tx: node_ops.adopt_call(tx, moved_id, "node-0", "node-1", now, now)  # noqa: E731
    await nodes.dbs[1].run(nodes.tenant, adopt)
    outcomes = await asyncio.gather(nodes.end(0, mine.call.call_id), nodes.end(0, moved_id), return_exceptions=True)
    assert isinstance(outcomes[1], LeaseLost) and await nodes.count(cdrs, cdrs.c.call_id == mine.call.call_id) == 1
    assert await nodes.count(cdrs, cdrs.c.call_id == moved_id) == 0


async def test_a_caller_is_told_at_once_that_the_database_is_away_and_an_end_is_written_when_it_is_back(
    nodes, monkeypatch
) -> None:
    started, real, away = await nodes.begin(0, limit=0), nodes.dbs[0].run, True

    async def run(*given, **more):
        if away:
            raise Unavailable("away")
        return await real(*given, **more)

    monkeypatch.setattr(nodes.dbs[0], "run", run)
    ending = asyncio.get_running_loop().create_task(nodes.end(0, started.call.call_id))
    async with asyncio.timeout(30):
        with pytest.raises(Unavailable):
            await nodes.begin(0, limit=0)
        assert not ending.done()
        away = False
        _, cdr = await ending
    assert cdr is not None and await nodes.count(live_calls) == 0

"""Lines on trunks hold their limits whoever takes them, and what they cost is counted once. Real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from chassis.sql import Database
from kernel.clock import SystemClock
from kernel.errors import DomainError
from kernel.ids import new_id
from kernel.money import Money
from kernel.tenant import PLATFORM
from telephony.domain import dialing
from telephony.domain.dialing import CallerNumbers, Wish
from telephony.domain.lines import (
    CallRateLimitReached,
    Line,
    LineNotFound,
    OutboundSettings,
    SpendLimitReached,
    TrunkLimitReached,
)
from telephony.domain.trunks import GatewayHealth, HealthState, Limits, Trunk, TrunkInUse, TrunkNotFound
from telephony.live.lines import Lines, tidy
from telephony.ops import lines as ops
from telephony.ops import nodes
from telephony.ops import outbound as outbound_ops
from telephony.ops import trunks as trunk_ops
from telephony.store import calls as call_store

from .test_store import a_call
from .trunk_world import BAKU, ISTANBUL, a_gateway, a_line, a_trunk

SECOND = timedelta(seconds=1)
EUR = 1000


def an_id(prefix: str) -> str:
    return new_id(prefix, SystemClock().now())


async def used(db: Database, wish: ops.Wish, now: datetime) -> Any:
    """What came of one wish for a trunk; what it is refused by is raised."""
    (outcome,) = await db.system(lambda tx: ops.use_lines(tx, [wish], now))
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


class Exchange:
    """Two nodes on one database; a tenant with a trunk."""

    def __init__(self, nodes: Sequence[Database], clock) -> None:
        self.nodes, self.clock = nodes, clock
        self.db = nodes[0]
        self.tenant = an_id("ten")

    async def trunk(self, *, tenant: str = "", **more) -> Trunk:
        draft, now = a_trunk(**more), self.clock.now()
        return await self.db.run(tenant or self.tenant, lambda tx: trunk_ops.create_trunk(tx, draft, now))

    async def allow(self, tenant: str = "", **changes) -> None:
        now = self.clock.now()
        given = {"spend": Money(Decimal(EUR), "EUR"), "calls_per_second": 200} | changes
        await self.db.run(tenant or self.tenant, lambda tx: outbound_ops.update_settings(tx, given, 0, now))

    def line(self, trunk: Trunk, **more) -> Line:
        given = {"tenant_id": trunk.tenant_id, "caller_tenant_id": self.tenant} | more
        return a_line(trunk.trunk_id, now=self.clock.now(), **given)

    async def take(self, line: Line, node: int = 0) -> Line:
        return await used(self.nodes[node], ops.Take(line), self.clock.now())

    async def answer(self, line: Line) -> None:
        await used(self.db, ops.Answer(line, self.clock.now()), self.clock.now())

    async def release(self, line: Line) -> None:
        await used(self.db, ops.Release(line, self.clock.now()), self.clock.now())

    async def tidy(self) -> None:
        await tidy(self.db, self.clock.now())

    async def beat(self, node_id: str) -> None:
        await self.db.system(lambda tx: nodes.beat(tx, node_id, self.clock.now()))

    async def spent(self, tenant: str = "") -> Decimal:
        now = self.clock.now()
        load = await self.db.system(lambda tx: outbound_ops.load_of_caller(tx, tenant or self.tenant, now))
        return load.total("EUR", now, sure=True)

    async def health(self, trunk: Trunk):
        now = self.clock.now()
        return (await self.db.run(trunk.tenant_id, lambda tx: trunk_ops.health_of(tx, trunk.trunk_id, now)))[1]


@pytest.fixture
async def house(service_db, clock) -> Exchange:
    made = Exchange([await service_db("telephony", clock=clock) for _ in range(2)], clock)
    await made.allow()
    return made


# -- limits ----------------------------------------------------------------------------------------------------


async def test_two_nodes_together_never_put_more_calls_on_a_trunk_than_it_may_carry(house) -> None:
    trunk = await house.trunk(limits=Limits(calls=4, calls_per_second=100))
    sides = [Lines(db, f"node-{n}", house.clock.now, db.tasks) for n, db in enumerate(house.nodes)]
    wished = [house.line(trunk, node_id=f"node-{n % 2}") for n in range(16)]
    found = await asyncio.gather(*(sides[n % 2].take(each) for n, each in enumerate(wished)), return_exceptions=True)
    taken = [each for each in found if isinstance(each, Line)]
    assert {type(each) for each in found} == {Line, TrunkLimitReached}
    assert len(taken) == 4 and (await house.health(trunk)).concurrent_calls == 4
    await sides[0].release(taken[0])
    await sides[1].take(house.line(trunk))
    with pytest.raises(TrunkLimitReached):
        await sides[0].take(house.line(trunk))


async def test_two_nodes_together_never_begin_more_calls_in_a_second_than_may(house) -> None:
    trunk = await house.trunk(limits=Limits(calls=100, calls_per_second=3))
    wished = [house.line(trunk) for _ in range(8)]
    found = await asyncio.gather(*(house.take(each, n % 2) for n, each in enumerate(wished)), return_exceptions=True)
    taken = [each for each in found if isinstance(each, Line)]
    assert len(taken) == 3 and {type(each) for each in found} == {Line, CallRateLimitReached}
    for each in taken:  # a call that is over began in this second all the same
        await house.release(each)
    house.clock.advance(0.9)
    await house.tidy()
    with pytest.raises(CallRateLimitReached):
        await house.take(house.line(trunk))
    house.clock.advance(0.11)
    await house.take(house.line(trunk))


async def test_a_node_whose_clock_is_behind_counts_by_the_one_that_is_ahead(house) -> None:
    trunk = await house.trunk(limits=Limits(calls_per_second=2))
    ahead = house.clock.now() + timedelta(milliseconds=400)
    for line in (house.line(trunk), house.line(trunk)):
        await used(house.db, ops.Take(line), ahead)
    with pytest.raises(CallRateLimitReached):
        await house.take(house.line(trunk))


async def test_a_tenants_own_pace_holds_over_all_its_trunks_and_the_platforms(house) -> None:
    await house.allow(calls_per_second=2)
    own, shared = await house.trunk(), await house.trunk(tenant=PLATFORM)
    await house.take(house.line(own))
    await house.take(house.line(shared))
    for trunk in (own, shared):
        with pytest.raises(CallRateLimitReached):
            await house.take(house.line(trunk))
    await house.take(house.line(shared, caller_tenant_id=an_id("ten"), price="0.01"))
    await house.take(house.line(own, inbound=True))


async def test_the_platforms_trunk_holds_its_limit_over_all_tenants(house) -> None:
    shared = await house.trunk(tenant=PLATFORM, limits=Limits(calls=2))
    other = an_id("ten")
    await house.allow(other)
    await house.take(house.line(shared))
    await house.take(house.line(shared, caller_tenant_id=other))
    for tenant in (house.tenant, other):
        with pytest.raises(TrunkLimitReached):
            await house.take(house.line(shared, caller_tenant_id=tenant))


async def test_calls_in_take_lines_too_and_cost_nothing(house) -> None:
    trunk = await house.trunk(limits=Limits(calls=1, spend=Decimal(0)))
    line = await house.take(house.line(trunk, inbound=True))
    await house.answer(line)
    house.clock.advance(600)
    await house.beat("node-a")
    with pytest.raises(TrunkLimitReached):
        await house.take(house.line(trunk))
    await house.release(line)
    assert await house.spent() == 0


async def test_the_same_line_again_is_no_second_one(house) -> None:
    trunk = await house.trunk(limits=Limits(calls=1))
    line = house.line(trunk)
    assert await house.take(line) == await house.take(line)
    await house.release(line)
    await house.release(line)
    assert (await house.health(trunk)).concurrent_calls == 0


async def test_a_disabled_or_deleted_trunk_gives_no_line_and_one_in_use_stays(house) -> None:
    trunk = await house.trunk()
    line = await house.take(house.line(trunk))
    now, tenant = house.clock.now(), house.tenant
    with pytest.raises(TrunkInUse):
        await house.db.run(tenant, lambda tx: trunk_ops.delete_trunk(tx, trunk.trunk_id, now))
    await house.db.run(tenant, lambda tx: trunk_ops.update_trunk(tx, trunk.trunk_id, {"enabled": False}, 0, now))
    with pytest.raises(TrunkNotFound):
        await house.take(house.line(trunk))
    await house.release(line)
    await house.db.run(tenant, lambda tx: trunk_ops.delete_trunk(tx, trunk.trunk_id, now))
    with pytest.raises(TrunkNotFound):
        await house.take(house.line(trunk))


# -- nodes that die ----------------------------------------------------------------------------------------------


async def test_lines_of_a_dead_node_are_free_again_and_cost_until_it_was_last_heard_of(house) -> None:
    trunk = await house.trunk(limits=Limits(calls=1))
    line = await house.take(house.line(trunk, node_id="dead"))
    await house.answer(line)
    house.clock.advance(30)
    await house.beat("dead")
    house.clock.advance(19)
    await house.beat("living")
    with pytest.raises(TrunkLimitReached):
        await house.take(house.line(trunk))
    house.clock.advance(2)
    await house.take(house.line(trunk))
    await house.tidy()
    assert await house.spent() == Decimal("0.30")
    await house.release(line)  # by the dead node, which was only slow
    assert await house.spent() == Decimal("0.30")


async def test_a_node_that_starts_again_frees_what_it_left_but_for_calls_that_go_on(house) -> None:
    trunk = await house.trunk()
    lost, kept = [await house.take(house.line(trunk, node_id=f"{trunk.trunk_id} again")) for _ in range(2)]
    assert await house.db.system(lambda tx: ops.free_lines_of(tx, lost.node_id, {kept.call_id})) == 1
    assert (await house.health(trunk)).concurrent_calls == 1
    with pytest.raises(LineNotFound):
        await house.answer(lost)
    await house.answer(kept)


async def test_who_takes_a_call_over_keeps_its_lines(house) -> None:
    own, shared = await house.trunk(), await house.trunk(tenant=PLATFORM)
    call_id = an_id("call")
    for trunk in (own, shared):
        await house.take(house.line(trunk, node_id="a", call_id=call_id))
    await house.take(house.line(own, node_id="a"))
    house.clock.advance(19)
    now = house.clock.now()
    await house.db.system(lambda tx: ops.move_lines(tx, house.tenant, call_id, "b", now))
    house.clock.advance(19)
    assert [(await house.health(each)).concurrent_calls for each in (own, shared)] == [1, 1]


@pytest.mark.rows
async def test_a_line_goes_when_its_call_is_over_whoever_forgot_it(house) -> None:
    trunk = await house.trunk()
    call = a_call(house.clock.now(), "node-a")
    await house.db.run(house.tenant, lambda tx: call_store.add_calls(tx, [(call, True)], house.clock.now()))
    await house.take(house.line(trunk, call_id=call.call_id))
    await house.take(house.line(trunk))
    house.clock.advance(25)
    await house.beat("node-a")
    await house.tidy()
    assert (await house.health(trunk)).concurrent_calls == 1
    await house.db.run(house.tenant, lambda tx: call_store.drop_leases(tx, [call.call_id]))
    await house.tidy()
    assert (await house.health(trunk)).concurrent_calls == 0


async def test_nothing_is_kept_of_lines_nobody_counts_any_more(house) -> None:
    trunk = await house.trunk()
    for _ in range(3):
        await house.release(await house.take(house.line(trunk)))
    house.clock.advance(4)
    await house.tidy()
    from sqlalchemy import select
    from telephony.store.trunk_tables import trunk_lines

    mine = select(trunk_lines.c.line_id).where(trunk_lines.c.tenant_id == house.tenant)
    assert await house.db.run(house.tenant, lambda tx: tx.all(mine)) == []


# -- money ---------------------------------------------------------------------------------------------------------


async def test_what_is_spent_is_what_was_spoken_to_the_second(house) -> None:
    trunk = await house.trunk()
    line = await house.take(house.line(trunk))
    house.clock.advance(20)  # it rings, and costs nothing
    await house.beat("node-a")
    await house.answer(line)
    house.clock.advance(15)
    assert await house.spent() == Decimal("0.15")
    await house.release(line)
    assert await house.spent() == Decimal("0.15")
    assert (await house.health(trunk)).spent_today == Money(Decimal("0.15"), "EUR")


async def test_a_new_day_begins_with_nothing_spent(house) -> None:
    trunk = await house.trunk(limits=Limits(spend=Decimal("0.60")))
    line = await house.take(house.line(trunk))
    await house.answer(line)
    house.clock.advance(15)
    await house.release(line)
    with pytest.raises(SpendLimitReached):
        await house.take(house.line(trunk))
    house.clock.advance(timedelta(days=1))
    await house.take(house.line(trunk))


async def test_a_stolen_sign_in_costs_no_more_than_five_units_and_two_seconds_of_talk(house) -> None:
    """A thief dials one expensive number after the other, as fast as the pace allows, and hangs none up."""
    thief = an_id("ten")
    trunk = await house.trunk(tenant=thief, limits=Limits(calls=100, calls_per_second=50))
    running: list[Line] = []
    for _ in range(40):
        for _ in range(2):
            try:
                line = await house.take(house.line(trunk, caller_tenant_id=thief, price="2.40"))
                await house.answer(line)
                running.append(line)
            except DomainError as refused:
                assert refused.reason == "SPEND_LIMIT_REACHED"
        before = await house.spent(thief)
        for line in await house.db.system(lambda tx: ops.overspent(tx, "node-a", house.clock.now())):
            await house.release(line)
            running.remove(next(each for each in running if each.line_id == line.line_id))
        # The sweep looks every two seconds, and whoever reached the limit by then is cut.
        assert before < 5 or not running
        house.clock.advance(2)
        await house.beat("node-a")
    assert not running and Decimal(5) <= await house.spent(thief) <= Decimal(5) + 2 * Decimal("0.08")


async def test_what_is_risky_has_a_limit_of_its_own_also_while_it_runs(house) -> None:
    from telephony.domain.countries import Tier

    trunk = await house.trunk(limits=Limits(calls=100, calls_per_second=100))
    risky = [await house.take(house.line(trunk, tier=Tier.ELEVATED, price="2.00")) for _ in range(2)]
    with pytest.raises(SpendLimitReached):
        await house.take(house.line(trunk, tier=Tier.ELEVATED, price="2.00"))
    await house.take(house.line(trunk, price="2.00"))
    for line in risky:
        await house.answer(line)
    house.clock.advance(75)
    await house.beat("node-a")
    cut = await house.db.system(lambda tx: ops.overspent(tx, "node-a", house.clock.now()))
    assert {each.line_id for each in cut} == {each.line_id for each in risky}


# -- deciding with rows ----------------------------------------------------------------------------------------------


async def test_a_call_is_decided_with_what_the_rows_say(house) -> None:
    now, tenant = house.clock.now(), house.tenant
    own = await house.trunk(gateways=(a_gateway("a.example"), a_gateway("b.example", priority=1)))
    shared = await house.trunk(tenant=PLATFORM, limits=Limits(calls=1))
    await house.trunk(tenant=an_id("ten"))
    await house.take(house.line(shared))
    dead = GatewayHealth(own.gateways[0].gateway_id, HealthState.DOWN, problem="TIMEOUT", check_time=now)
    await house.db.system(lambda tx: trunk_ops.record_health(tx, tenant, own.trunk_id, "node-a", [dead]))
    numbers = CallerNumbers(frozenset({BAKU, ISTANBUL}), BAKU)
    dialer, sights = await house.db.system(lambda tx: outbound_ops.situation(tx, tenant, numbers, now), read_only=True)
    assert own.trunk_id in {each.trunk.trunk_id for each in sights}
    assert {each.trunk.tenant_id for each in sights} == {tenant, PLATFORM}
    plan = dialing.decide(Wish("+905321234567"), dialer, sights, now, Random(1))
    mine = [each.gateway.host for each in plan.attempts if each.trunk.trunk_id == own.trunk_id]
    assert mine == ["b.example", "a.example"]
    assert all(each.trunk.trunk_id != shared.trunk_id for each in plan.attempts)
    taken = await house.take(plan.line(plan.attempts[0], dialer, an_id("call"), "node-a", now))
    assert (taken.country, taken.caller_tenant_id) == ("TR", tenant)


async def test_health_is_of_gateways_the_trunk_still_has_and_of_trunks_that_are_there(house) -> None:
    now, tenant = house.clock.now(), house.tenant
    trunk = await house.trunk(gateways=(a_gateway("a.example"),))
    up = GatewayHealth(
        trunk.gateways[0].gateway_id, HealthState.UP, HealthState.UP, 200, "", timedelta(milliseconds=31), now
    )
    for node in ("node-a", "node-b"):
        await house.db.system(lambda tx, n=node: trunk_ops.record_health(tx, tenant, trunk.trunk_id, n, [up]))
    assert (await house.health(trunk)).gateways == [up]
    elsewhere = {"gateways": (a_gateway("c.example"),)}
    await house.db.run(tenant, lambda tx: trunk_ops.update_trunk(tx, trunk.trunk_id, elsewhere, 0, now))
    assert [each.state for each in (await house.health(trunk)).gateways] == [HealthState.UNKNOWN]
    await house.db.run(tenant, lambda tx: trunk_ops.delete_trunk(tx, trunk.trunk_id, now))
    await house.db.system(lambda tx: trunk_ops.record_health(tx, tenant, trunk.trunk_id, "node-a", [up]))


async def test_a_trunk_comes_back_from_its_row_as_it_went_in(house) -> None:
    made = await house.trunk(
        registers=True, user_name="merkez", source_networks=("192.0.2.0/28", "2001:db8::/48"), codecs=("OPUS", "PCMA"),
        rates={"": Decimal("0.0045"), "TR": Decimal("0.1")}, limits=Limits(7, 3, Decimal("12.50")), country="AZ",
    )  # fmt: skip
    tenant = house.tenant
    assert await house.db.run(tenant, lambda tx: trunk_ops.get_trunk(tx, made.trunk_id)) == made
    assert made == replace(made, gateways=tuple(made.gateways))
    everywhere = await house.db.system(trunk_ops.every_trunk)
    assert made in everywhere


async def test_settings_of_a_tenant_that_set_none_are_the_careful_ones(house) -> None:
    assert await house.db.run(an_id("ten"), outbound_ops.settings) == OutboundSettings()

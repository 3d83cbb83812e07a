"""Rows of telephony belong to their tenant and come back as they went in."""

from __future__ import annotations

from datetime import timedelta

import pytest
from chassis.sql import Database
from kernel.clock import SystemClock
from kernel.ids import new_id
from sqlalchemy.exc import IntegrityError
from telephony.domain.calls import Call, CallNotFound, CallState, EndParty
from telephony.domain.cdrs import Ending, detail_record
from telephony.ops import nodes
from telephony.store import calls as call_store
from telephony.store import cdrs as cdr_store

pytestmark = pytest.mark.rows


def an_id(prefix: str) -> str:
    return new_id(prefix, SystemClock().now())


@pytest.fixture
async def db(service_db, clock) -> Database:
    return await service_db("telephony", clock=clock)


def a_call(now, node: str = "node") -> Call:
    return Call(
        call_id=an_id("call"), state=CallState.TALKING, brand_id="brd_1", brand_name="Nova", language="fa",
        flow_id="flw_1", dialed_number="+15550100", node_id=node, start_time=now, state_time=now,
        caller_number="+994501234567", caller_name="Günel Əliyeva", answer_time=now, hold=timedelta(seconds=1.5),
        attributes={"menu": "1"}, recorded=False, version=3,
    )  # fmt: skip


async def store(db, clock, tenant: str, node: str = "node") -> Call:
    call = a_call(clock.now(), node)
    await db.run(tenant, lambda tx: call_store.add_calls(tx, [(call, True)], clock.now()))
    return call


async def test_a_call_comes_back_as_it_was_stored(db, clock) -> None:
    tenant = an_id("ten")
    call = await store(db, clock, tenant)
    assert await db.run(tenant, lambda tx: call_store.get_call(tx, call.call_id)) == call


async def test_another_tenants_call_does_not_exist(db, clock) -> None:
    call = await store(db, clock, an_id("ten"))
    with pytest.raises(CallNotFound):
        await db.run(an_id("ten"), lambda tx: call_store.get_call(tx, call.call_id))


async def test_the_database_itself_refuses_a_second_cdr(db, clock) -> None:
    tenant = an_id("ten")
    call = await store(db, clock, tenant)
    ending = Ending(EndParty.AGENT, "NORMAL", clock.now(), customer_mos=4.31)

    async def add(tx) -> None:
        await cdr_store.add_cdrs(tx, [detail_record(call, ending, an_id("cdr"))], clock.now())

    await db.run(tenant, add)
    with pytest.raises(IntegrityError):
        await db.run(tenant, add)
    [cdr] = await db.run(tenant, lambda tx: cdr_store.list_cdrs(tx, token="", size=9, call_id="", start=None, end=None))
    assert (cdr.customer_mos, cdr.end_party) == (4.31, EndParty.AGENT)


async def test_one_beat_renews_all_calls_of_the_node_over_all_tenants(db, clock) -> None:
    node = an_id("stn")
    tenants = [an_id("ten"), an_id("ten")]
    kept = [await store(db, clock, tenant, node) for tenant in tenants]
    stranger = await store(db, clock, an_id("ten"), "elsewhere")
    clock.advance(30)
    await db.system(lambda tx: nodes.beat(tx, node, clock.now()))
    left = await db.system(lambda tx: nodes.left_by(tx, node))
    assert {lease.call_id for lease in left.leases} == {call.call_id for call in kept}
    assert {lease.tenant_id for lease in left.leases} == set(tenants)
    due = await db.system(lambda tx: nodes.due(tx, node, clock.now()))
    stale = {lease.call_id for lease in due.leases}
    assert stranger.call_id in stale
    assert not stale & {call.call_id for call in kept}

"""The verbs on real rows."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from kernel.clock import SystemClock
from kernel.ids import new_id
from merkez.telephony.v1 import call_pb2
from telephony.domain import calls, parties
from telephony.domain.calls import Actor, Call, CallEnded, CallState, Contact, EndParty
from telephony.domain.cdrs import Ending
from telephony.domain.legs import LegState, LegTrigger
from telephony.domain.stations import StationHeldByOtherTab
from telephony.ops import calls as ops
from telephony.ops import parties as party_ops
from telephony.ops import stations as station_ops
from testkit.told import told

SECOND = timedelta(seconds=1)


def an_id(prefix: str) -> str:
    return new_id(prefix, SystemClock().now())


def a_call(now, **fields) -> Call:
    given = {
        "call_id": new_id("call", now), "state": CallState.SETUP, "brand_id": "brd_1", "brand_name": "Nova",
        "language": "en", "flow_id": "flw_1", "dialed_number": "+15550100", "node_id": "node", "start_time": now,
        "state_time": now, "attributes": {"page": "https://nova.example"},
    }  # fmt: skip
    return Call(**{**given, **fields})


@pytest.fixture
async def db(service_db, clock):
    return await service_db("telephony", clock=clock)


async def begin(db, clock, tenant: str, limit: int = 5) -> ops.Started:
    now = clock.now()
    call = a_call(now)
    return await db.run(tenant, lambda tx: ops.start_call(tx, call, new_id("leg", now), limit, now))


async def facts(db, tenant: str) -> list[str]:
    return [fact.DESCRIPTOR.name for fact in await told(db, tenant)]


async def test_the_last_line_goes_to_one_of_two_callers_at_once(db, clock) -> None:
    tenant = an_id("ten")
    started = await asyncio.gather(*(begin(db, clock, tenant, limit=2) for _ in range(6)))
    assert sum(not each.refusal for each in started) == 2


async def test_what_happened_to_a_call_is_logged_once_however_often_its_transaction_ran(db, clock, capfd) -> None:
    tenant = an_id("ten")
    started = await asyncio.gather(*(begin(db, clock, tenant, limit=2) for _ in range(6)))
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    told = sorted(line["call_id"] for line in lines if line["event"] == "call started")
    assert told == sorted(each.call.call_id for each in started)


async def test_an_ended_call_frees_its_line_and_a_dead_nodes_calls_hold_none(db, clock) -> None:
    tenant = an_id("ten")
    first = await begin(db, clock, tenant, limit=1)
    assert (await begin(db, clock, tenant, limit=1)).refusal
    now = clock.advance(SECOND)
    ending = Ending(EndParty.CUSTOMER, "NORMAL", now)
    await db.run(tenant, lambda tx: ops.end_call(tx, first.call.call_id, ending, now))
    assert not (await begin(db, clock, tenant, limit=1)).refusal
    clock.advance(ops.HEARTBEAT_FRESH + SECOND)
    assert not (await begin(db, clock, tenant, limit=1)).refusal


async def test_a_call_is_answered_once_and_its_station_knows(db, clock) -> None:
    tenant, agent = an_id("ten"), an_id("usr")
    started = await begin(db, clock, tenant)
    call_id, now = started.call.call_id, clock.now()
    await db.run(tenant, lambda tx: station_ops.attach_station(tx, agent, "tab1", False, "node", now))
    answer = lambda tx: party_ops.answer_call(tx, call_id, agent, Contact("con_1"), now)  # noqa: E731
    results = [await db.run(tenant, answer), await db.run(tenant, answer)]
    assert results[0] is not None and results[0][0].answer_time == now
    assert results[1] is None
    station = await db.run(tenant, lambda tx: station_ops.get_station(tx, agent))
    assert station.call_id == call_id
    _, legs = await db.run(tenant, lambda tx: ops.get_call(tx, call_id))
    assert [leg.party for leg in legs] == ["customer", "agent"]
    assert await facts(db, tenant) == ["CallStarted", "StationAttached", "CallAnswered"]


async def test_answering_and_leaving_at_once_end_in_one_cdr_and_no_ghost(db, clock) -> None:
    for _ in range(5):
        tenant, agent = an_id("ten"), an_id("usr")
        call_id, now = (await begin(db, clock, tenant)).call.call_id, clock.now()
        ending = Ending(EndParty.CUSTOMER, "CALLER_LEFT", now)
        await asyncio.gather(
            db.run(tenant, lambda tx, c=call_id, a=agent, n=now: party_ops.answer_call(tx, c, a, Contact(), n)),
            db.run(tenant, lambda tx, c=call_id, e=ending, n=now: ops.end_call(tx, c, e, n)),
            db.run(tenant, lambda tx, c=call_id, e=ending, n=now: ops.end_call(tx, c, e, n)),
        )
        call, legs = await db.run(tenant, lambda tx, c=call_id: ops.get_call(tx, c))
        assert call.state is CallState.ENDED
        assert {leg.state for leg in legs} == {LegState.ENDED}
        assert (await facts(db, tenant)).count("CallEnded") == 1


async def test_steps_of_the_flow_that_come_too_late_change_nothing(db, clock) -> None:
    tenant, agent = an_id("ten"), an_id("usr")
    call_id, now = (await begin(db, clock, tenant)).call.call_id, clock.now()
    await db.run(tenant, lambda tx: party_ops.answer_call(tx, call_id, agent, Contact("con_1"), now))
    for step in (calls.run_started(0, "run_1", "rel_1"), calls.queued(0, "con_2"), calls.left_queue):
        assert await db.run(tenant, lambda tx, step=step: ops.change_call(tx, call_id, step, now)) is None
    call, _ = await db.run(tenant, lambda tx: ops.get_call(tx, call_id))
    assert (call.state, call.contact_id) == (CallState.TALKING, "con_1")


async def test_every_step_of_a_call_that_no_agent_is_in_is_told_with_its_legs(db, clock) -> None:
    tenant = an_id("ten")
    started, now = await begin(db, clock, tenant), clock.now()
    call_id = started.call.call_id
    for step in (calls.run_started(0, "run_1", "rel_1"), calls.queued(0, "con_1"), calls.left_queue, calls.left_queue):
        await db.run(tenant, lambda tx, step=step: ops.change_call(tx, call_id, step, now))
    steps = await told(db, tenant, "CallProgressed")
    assert [(fact.previous_state, fact.call.state) for fact in steps] == [
        (call_pb2.CALL_STATE_SETUP, call_pb2.CALL_STATE_IN_FLOW),
        (call_pb2.CALL_STATE_IN_FLOW, call_pb2.CALL_STATE_QUEUED),
        (call_pb2.CALL_STATE_QUEUED, call_pb2.CALL_STATE_IN_FLOW),
    ]
    assert [fact.call.contact_id for fact in steps] == ["", "con_1", "con_1"]
    assert [[leg.leg_id for leg in fact.call.legs] for fact in steps] == [[started.leg.leg_id]] * 3


async def test_a_leg_that_is_lost_twice_is_told_once(db, clock) -> None:
    tenant = an_id("ten")
    started, now = await begin(db, clock, tenant), clock.now()
    call_id, leg_id = started.call.call_id, started.leg.leg_id
    for trigger in (LegTrigger.CONNECT, LegTrigger.LOSE, LegTrigger.LOSE, LegTrigger.CONNECT):
        await db.run(tenant, lambda tx, t=trigger: ops.change_legs(tx, [ops.LegChange(call_id, leg_id, t)], now))
    assert await facts(db, tenant) == ["CallStarted", "LegMediaChanged", "LegMediaChanged", "LegMediaChanged"]


async def test_muting_is_told_to_every_tab_of_the_agent_once(db, clock) -> None:
    tenant, agent = an_id("ten"), an_id("usr")
    call_id, now = (await begin(db, clock, tenant)).call.call_id, clock.now()
    await db.run(tenant, lambda tx: party_ops.answer_call(tx, call_id, agent, Contact("con_1"), now))
    versions = []
    for muted in (True, True, False):
        call, _ = await db.run(
            tenant,
            lambda tx, m=muted: party_ops.change(
                tx, call_id, Actor("agent", agent), lambda talk: parties.mute(talk, "", Actor("agent", agent), m), now
            ),
        )
        versions.append(call.version)
    assert versions == sorted(set(versions))
    assert await facts(db, tenant) == ["CallStarted", "CallAnswered", "LegMediaChanged", "LegMediaChanged"]


async def test_two_tabs_at_once_are_one_station(db, clock) -> None:
    tenant, agent, now = an_id("ten"), an_id("usr"), clock.now()
    results = await asyncio.gather(
        *(
            db.run(tenant, lambda tx, tab=tab: station_ops.attach_station(tx, agent, tab, False, "node", now))
            for tab in ("tab1", "tab2")
        ),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in results) == ["Station", "StationHeldByOtherTab"]
    assert any(isinstance(result, StationHeldByOtherTab) for result in results)


async def test_a_station_is_given_up_when_its_grace_is_over_and_not_before(db, clock) -> None:
    tenant, agent = an_id("ten"), an_id("usr")
    await db.run(tenant, lambda tx: station_ops.attach_station(tx, agent, "tab1", False, "node", clock.now()))
    await db.run(tenant, lambda tx: station_ops.lose_station(tx, agent, 10 * SECOND, clock.now()))
    assert await db.run(tenant, lambda tx: station_ops.lose_station(tx, agent, SECOND, clock.now())) is None
    clock.advance(9)
    assert await db.run(tenant, lambda tx: station_ops.expire_station(tx, agent, "node", clock.now())) is None
    clock.advance(1)
    gone = await db.run(tenant, lambda tx: station_ops.expire_station(tx, agent, "node", clock.now()))
    assert gone is not None
    assert await facts(db, tenant) == ["StationAttached", "StationDetached"]


async def test_a_leg_token_is_worthless_after_the_call(db, clock) -> None:
    from telephony.domain.legs import LegTokenInvalid, read_token

    tenant = an_id("ten")
    started = await begin(db, clock, tenant)
    _, leg_id, token_hash = read_token(started.token)
    assert await db.run(tenant, lambda tx: ops.find_reattachable(tx, leg_id, token_hash)) == started.call
    now = clock.now()
    await db.run(tenant, lambda tx: ops.end_call(tx, started.call.call_id, Ending(EndParty.AGENT, "NORMAL", now), now))
    with pytest.raises(LegTokenInvalid):
        await db.run(tenant, lambda tx: ops.find_reattachable(tx, leg_id, token_hash))
    with pytest.raises(CallEnded):
        await db.run(tenant, lambda tx: party_ops.in_conversation(tx, started.call.call_id, Actor("owner")))

"""After a crash every call ends once, at the time it was last known to live; agents get time to come back."""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
import time
from datetime import timedelta

import pytest
from chassis.sql import Database
from chassis.telemetry import context_of_trace
from merkez.telephony.v1 import call_pb2
from merkez.telephony.v1 import call_service_pb2 as pb
from opentelemetry import context as otel
from sqlalchemy import make_url, select
from telephony.live.nodes import Nodes
from telephony.live.switchboard import Switchboard
from telephony.live.watch import Watch
from testkit import eventually

pytestmark = pytest.mark.media

AGENT = "usr_01jd3v9k8r5x7m2p4q6s8t0w1y"


def after_a_crash(exchange, **more) -> tuple[Switchboard, Watch]:
    """The same node's next process: same rows, empty memory."""
    house = dataclasses.replace(exchange.house, settings=dataclasses.replace(exchange.house.settings, **more))
    switchboard = Switchboard(house)
    return switchboard, Watch(house, switchboard, Nodes(house, switchboard, exchange.rpc.peers("telephony")))


async def nobody_comes_back(exchange, **more) -> None:
    """The same node's next process, to which no party of its calls attaches anew in time."""
    switchboard, watch = after_a_crash(exchange, customer_grace_seconds=0.0, **more)
    exchange.switchboard._live.clear()
    await watch.recover()
    await watch.look()
    await eventually(lambda: not switchboard.calls)


async def heard(exchange, agent_id: str) -> None:
    """Wait until the agent's media is there: what the process that is about to die had to write of it is written."""

    async def connected() -> bool:
        with exchange.as_agent(agent_id):
            station = await exchange.stations.GetStation(pb.GetStationRequest())
        return station.state == call_pb2.LEG_STATE_CONNECTED

    await eventually(connected)


async def cdrs(exchange, call_id: str = ""):
    with exchange.as_owner():
        return list((await exchange.calls.ListCdrs(pb.ListCdrsRequest(call_id=call_id))).cdrs)


async def test_a_call_left_by_a_crash_ends_once_at_its_last_heartbeat(exchange) -> None:
    await exchange.attach(exchange.peer(880), AGENT)
    response = await exchange.call(exchange.peer())
    await exchange.accept(response.call_id, AGENT)
    await exchange.watch.beat()
    beat = exchange.house.now()
    await nobody_comes_back(exchange)
    await nobody_comes_back(exchange)
    [cdr] = await cdrs(exchange, response.call_id)
    assert cdr.end_cause == "NODE_LOST"
    assert abs(cdr.end_time.ToMilliseconds() - beat.timestamp() * 1000) < 500
    assert cdr.talk_duration.ToMilliseconds() <= cdr.duration.ToMilliseconds()
    assert (await exchange.facts()).count("CallEnded") == 1


async def test_what_follows_a_crash_belongs_to_the_calls_own_trace(exchange) -> None:
    trace_id = secrets.token_hex(16)
    outside = otel.attach(context_of_trace(trace_id))
    response = await exchange.call(exchange.peer())
    otel.detach(outside)
    await nobody_comes_back(exchange)
    with exchange.as_owner():
        call = await exchange.calls.GetCall(pb.GetCallRequest(call_id=response.call_id))
    outbox = exchange.house.db.standard.outbox
    ended = select(outbox.c.traceparent).where(outbox.c.fact.endswith("CallEnded"), outbox.c.key == response.call_id)
    row = await exchange.house.db.run(exchange.tenant_id, lambda tx: tx.one(ended), read_only=True)
    assert row["traceparent"].split("-")[1] == call.trace_id == trace_id


async def test_an_ended_call_is_not_touched_by_recovery(exchange) -> None:
    response = await exchange.call(exchange.peer())
    with exchange.as_owner():
        await exchange.calls.HangUp(pb.HangUpRequest(call_id=response.call_id))
    _, watch = after_a_crash(exchange)
    await watch.recover()
    assert [cdr.end_cause for cdr in await cdrs(exchange, response.call_id)] == ["NORMAL"]


async def test_calls_of_a_dead_node_are_ended_by_another_one_and_live_ones_left_alone(exchange) -> None:
    response = await exchange.call(exchange.peer())
    _, other = after_a_crash(exchange, node_id="another-node")
    await other.recover()
    await other.sweep()
    assert await cdrs(exchange, response.call_id) == []
    from telephony.store import calls as call_store

    long_ago = exchange.house.now() - timedelta(seconds=60)
    node = exchange.house.settings.node_id
    await exchange.house.db.system(lambda tx: call_store.beat(tx, node, long_ago))
    await other.sweep()
    assert await cdrs(exchange, response.call_id) == [], "all may be starting after an outage"
    other._blind_until = 0.0
    await other.sweep()
    [cdr] = await cdrs(exchange, response.call_id)
    assert cdr.end_cause == "NODE_LOST"
    assert cdr.duration.ToMilliseconds() == 0


async def test_a_node_that_could_not_reach_the_database_takes_no_other_for_dead(exchange, databases) -> None:
    settings = await databases.settings("telephony")
    nowhere = make_url(settings.system_database_url).set(port=1).render_as_string(hide_password=False)
    db = await Database.connect(dataclasses.replace(settings, system_database_url=nowhere), "telephony")
    house = dataclasses.replace(exchange.house, db=db)
    switchboard = Switchboard(house)
    watch = Watch(house, switchboard, Nodes(house, switchboard, exchange.rpc.peers("telephony")))
    watch._blind_until = 0.0
    await watch.beat()
    assert watch._blind_until > time.monotonic() + 15
    await db.close()


async def test_a_call_this_node_lost_track_of_is_ended_though_its_heart_beats(exchange) -> None:
    from sqlalchemy import update
    from telephony.store.tables import live_calls

    response = await exchange.call(exchange.peer())
    live = exchange.switchboard._live.pop(response.call_id)
    live.driver.cancel()
    await exchange.watch.sweep()
    assert await cdrs(exchange, response.call_id) == []
    long_ago = exchange.house.now() - timedelta(seconds=60)
    await exchange.house.db.system(lambda tx: tx.execute(update(live_calls).values(create_time=long_ago)))
    await exchange.watch.sweep()
    assert [cdr.end_cause for cdr in await cdrs(exchange, response.call_id)] == ["NODE_LOST"]


async def test_a_hang_up_whose_caller_gives_up_waiting_is_carried_out(exchange) -> None:
    response = await exchange.call(exchange.peer())
    live = exchange.switchboard.find(response.call_id)
    slow = asyncio.Event()
    live.journal.later(lambda tx: slow.wait(), "slow")
    with exchange.as_owner():
        asking = asyncio.get_running_loop().create_task(
            exchange.calls.HangUp(pb.HangUpRequest(call_id=response.call_id))
        )
        await eventually(lambda: live.ending is not None)
        asking.cancel()
    slow.set()
    await eventually(lambda: not exchange.switchboard.calls)
    assert len(await cdrs(exchange, response.call_id)) == 1


async def test_a_station_left_by_a_crash_is_given_up_only_after_its_grace(exchange) -> None:
    await exchange.attach(exchange.peer(880), AGENT)
    await heard(exchange, AGENT)
    _, watch = after_a_crash(exchange, station_grace_seconds=0.3)
    await watch.recover()
    with exchange.as_agent(AGENT):
        station = await exchange.stations.GetStation(pb.GetStationRequest())
    assert station.state == call_pb2.LEG_STATE_MEDIA_LOST
    assert "StationDetached" not in await exchange.facts()

    async def detached() -> bool:
        await watch.sweep()
        return "StationDetached" in await exchange.facts()

    await eventually(detached)


async def test_an_agent_who_comes_back_after_a_crash_keeps_their_station(exchange) -> None:
    first = await exchange.attach(exchange.peer(880), AGENT)
    await heard(exchange, AGENT)
    switchboard, watch = after_a_crash(exchange, station_grace_seconds=0.2)
    await watch.recover()
    again = await exchange.attach(exchange.peer(880), AGENT, client="tab2")
    assert again.station.station_id == first.station.station_id
    await watch.sweep()
    assert "StationDetached" not in await exchange.facts()
    await switchboard.close()


async def test_an_idle_agents_station_that_goes_silent_is_given_up(make_exchange) -> None:
    exchange = await make_exchange(media_silent_seconds=0.3, station_grace_seconds=0.3)
    agent = exchange.peer(880)
    await exchange.attach(agent, AGENT)
    agent.vanish()

    async def detached() -> bool:
        await exchange.watch.sweep()
        return "StationDetached" in await exchange.facts()

    await eventually(detached)
    assert exchange.switchboard.stations.find(exchange.tenant_id, AGENT) is None


async def test_a_conversation_whose_agent_never_comes_back_ends_when_the_grace_is_over(make_exchange) -> None:
    exchange = await make_exchange(media_silent_seconds=1.0, talking_grace_seconds=3.0)
    customer, agent = exchange.peer(440), exchange.peer(880)
    await exchange.attach(agent, AGENT)
    response = await exchange.call(customer)
    await exchange.accept(response.call_id, AGENT)
    await customer.hears(880)
    agent.vanish()
    await customer.hears(300)
    await eventually(lambda: not exchange.switchboard.calls)
    [cdr] = await cdrs(exchange, response.call_id)
    assert (cdr.end_cause, cdr.end_party) == ("MEDIA_LOST", call_pb2.END_PARTY_AGENT)


async def test_a_call_that_can_not_be_looked_at_keeps_nobody_elses_from_its_end(make_exchange) -> None:
    exchange = await make_exchange(media_silent_seconds=1.0, customer_grace_seconds=1.0)
    broken = await exchange.call(exchange.peer())
    leaving = exchange.peer()
    response = await exchange.call(leaving)
    await leaving.hears(300)
    unreadable: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    unreadable.set_exception(ValueError("no state a leg may be in"))
    exchange.switchboard.find(broken.call_id).customer.connected = unreadable
    leaving.vanish()
    await eventually(lambda: [call.call_id for call in exchange.switchboard.calls] == [broken.call_id])
    [cdr] = await cdrs(exchange, response.call_id)
    assert cdr.end_cause == "MEDIA_LOST"


async def test_audio_goes_on_while_every_neighbour_is_gone(exchange) -> None:
    customer, agent = exchange.peer(440), exchange.peer(880)
    await exchange.attach(agent, AGENT)
    response = await exchange.call(customer)
    await exchange.accept(response.call_id, AGENT)
    await customer.hears(880)
    exchange.flows.down = exchange.recording.down = exchange.tenancy.down = True
    customer.forget()
    agent.forget()
    await customer.hears(880)
    await agent.hears(440)
    assert customer.sequence_gaps == 0

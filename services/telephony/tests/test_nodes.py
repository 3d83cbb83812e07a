"""A node dies: another one adopts its calls in whatever state they are, once, and the books are whole after."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.domain.calls import Contact
from testkit import eventually
from testkit.webrtc import Peer

from .conftest import MUSIC_HZ, SPOKEN_HZ, Exchange, an_id
from .test_flow_driver import gather, queue
from .two_nodes import (
    ANN_HZ,
    CUSTOMER_HZ,
    Pair,
    adopted,
    back,
    cdrs,
    do,
    kill,
    known_to_each_other,
    owner,
    passed,
    shown,
    stored_call,
)

pytestmark = pytest.mark.media

BEN_HZ = 660.0
A_BIT = timedelta(milliseconds=20)
"""Times are stored in whole milliseconds, and summed up."""


def _between(earlier: Timestamp, later: Timestamp) -> timedelta:
    return later.ToDatetime() - earlier.ToDatetime()


async def test_a_conversation_goes_on_at_another_node_and_ends_with_one_cdr(pair: Pair) -> None:
    call, customer, _, ann_id = await pair.talk()
    await eventually(lambda: customer.packets_heard > 60)
    alive = pair.first.house.now()
    await pair.first.nodes.beat()
    await kill(pair.first)
    killed = pair.first.house.now()
    await passed(0.5)  # the outage, which nobody is to pay for
    looked = pair.second.house.now()
    await adopted(pair.second, call.call_id)
    seen = pair.second.house.now()
    ann = pair.second.peer(ANN_HZ)
    await pair.second.attach(ann, ann_id)
    customer, told = await back(pair.second, call, CUSTOMER_HZ)
    await asyncio.gather(customer.hears(ANN_HZ), ann.hears(CUSTOMER_HZ))
    assert told.state == call_pb2.CALL_STATE_TALKING
    await do(pair.second, ann_id, "HangUp", call.call_id)
    [cdr] = await cdrs(pair.second, call.call_id)
    assert cdr.end_cause == "NORMAL"
    unpaid = _between(cdr.start_time, cdr.end_time) - cdr.duration.ToTimedelta()
    assert looked - killed - A_BIT <= unpaid <= seen - alive + A_BIT, "from the last sign of life until it is adopted"
    silent = _between(cdr.answer_time, cdr.end_time) - cdr.talk_duration.ToTimedelta()
    assert abs(silent - unpaid) < timedelta(seconds=1), "of the talk as of the call"
    assert await pair.moved() == 1 and (await pair.first.facts()).count("CallEnded") == 1


async def test_a_call_nobody_comes_back_to_ends_at_its_nodes_last_sign_of_life(make_exchange) -> None:
    first = await make_exchange(fresh=True)
    second = await make_exchange(beside=first, customer_grace_seconds=0.3)
    await known_to_each_other(first, second)
    pair = Pair(first, second)
    call, *_ = await pair.talk()
    alive = first.house.now()
    await first.nodes.beat()
    await kill(first)
    killed = first.house.now()
    await adopted(second, call.call_id)
    await eventually(lambda: not second.switchboard.calls)
    [cdr] = await cdrs(second, call.call_id)
    assert cdr.end_cause == "NODE_LOST"
    assert alive - A_BIT <= cdr.end_time.ToDatetime(UTC) <= killed + A_BIT
    wall = cdr.end_time.ToMilliseconds() - cdr.start_time.ToMilliseconds()
    assert abs(cdr.duration.ToMilliseconds() - wall) <= 50, "by one clock and by another"


async def test_a_customer_may_come_back_for_the_whole_grace_though_the_adoption_took_long(make_exchange) -> None:
    first = await make_exchange(fresh=True)
    second = await make_exchange(beside=first, customer_grace_seconds=4.0)
    await known_to_each_other(first, second)
    call = await first.call(first.peer())
    await kill(first)
    await passed(4.2)
    await adopted(second, call.call_id)
    customer, _ = await back(second, call, CUSTOMER_HZ)
    await customer.hears(MUSIC_HZ)


async def test_a_menu_is_said_again_from_its_beginning_once_the_customer_is_back(pair: Pair) -> None:
    pair.first.flows.steps = [gather("Press one " * 5, timeout=0.2), queue()]
    customer = pair.first.peer(CUSTOMER_HZ)
    call = await pair.first.call(customer)
    await customer.hears(SPOKEN_HZ)
    await kill(pair.first)
    await adopted(pair.second, call.call_id)
    live = pair.second.switchboard.find(call.call_id)
    assert live is not None
    await eventually(lambda: len(pair.first.flows.started) == 2)
    await passed(0.4)  # longer than the menu waits for a digit: nobody is there to press one
    assert pair.first.flows.events() == []
    customer, told = await back(pair.second, call, CUSTOMER_HZ)
    assert told.state == call_pb2.CALL_STATE_IN_FLOW
    await customer.hears(SPOKEN_HZ)
    await customer.press("1")
    await customer.hears(MUSIC_HZ)
    assert pair.first.flows.events() == [("DIGITS", "1")]


async def test_a_customer_in_a_queue_waits_on_and_is_answered_at_the_other_node(pair: Pair) -> None:
    customer = pair.first.peer(CUSTOMER_HZ)
    call = await pair.first.call(customer)
    await customer.hears(MUSIC_HZ)
    await eventually(lambda: _state(pair, call, call_pb2.CALL_STATE_QUEUED))
    await kill(pair.first)
    await adopted(pair.second, call.call_id)
    customer, _ = await back(pair.second, call, CUSTOMER_HZ)
    await customer.hears(MUSIC_HZ)
    assert (await shown(pair.second, call.call_id)).state == call_pb2.CALL_STATE_QUEUED
    ann, ann_id = pair.second.peer(ANN_HZ), an_id("usr")
    await pair.second.attach(ann, ann_id)
    await pair.second.accept(call.call_id, ann_id)
    await asyncio.gather(customer.hears(ANN_HZ), ann.hears(CUSTOMER_HZ))


async def _state(pair: Pair, call: call_service_pb2.StartWebCallResponse, wanted: int) -> bool:
    return (await shown(pair.second, call.call_id)).state == wanted


async def test_a_customer_on_hold_hears_music_again_and_is_taken_back(pair: Pair) -> None:
    call, _, _, ann_id = await pair.talk()
    await do(pair.first, ann_id, "HoldCall", call.call_id)
    await kill(pair.first)
    await adopted(pair.second, call.call_id)
    ann = pair.second.peer(ANN_HZ)
    await pair.second.attach(ann, ann_id)
    customer, told = await back(pair.second, call, CUSTOMER_HZ)
    assert told.state == call_pb2.CALL_STATE_HELD
    await customer.hears(MUSIC_HZ)
    await do(pair.second, ann_id, "ResumeCall", call.call_id)
    await asyncio.gather(customer.hears(ANN_HZ), ann.hears(CUSTOMER_HZ))
    await do(pair.second, ann_id, "HangUp", call.call_id)
    [cdr] = await cdrs(pair.second, call.call_id)
    assert 0 < cdr.hold_duration.ToMilliseconds() < cdr.talk_duration.ToMilliseconds()


async def test_a_consult_and_the_conference_it_becomes_survive_two_nodes_deaths(pair: Pair, make_exchange) -> None:
    call, _, _, ann_id = await pair.talk()
    ben, ben_id = pair.first.peer(BEN_HZ), an_id("usr")
    await pair.first.attach(ben, ben_id)
    await do(pair.first, ann_id, "ConsultCall", call.call_id, agent_id=ben_id)
    live = pair.first.switchboard.find(call.call_id)
    assert live is not None
    contact = Contact(next(leg.contact_id for leg in live.legs if leg.consulted), consult=True)
    await pair.first.accept(call.call_id, ben_id, contact)
    await ben.hears(ANN_HZ)
    await kill(pair.first)
    await adopted(pair.second, call.call_id)
    ann, ben = await _both(pair.second, ann_id, ben_id)
    customer, _ = await back(pair.second, call, CUSTOMER_HZ)
    await asyncio.gather(ann.hears(BEN_HZ), ben.hears(ANN_HZ), customer.hears(MUSIC_HZ))
    await do(pair.second, ann_id, "JoinCall", call.call_id)
    await customer.hears_all(ANN_HZ, BEN_HZ)

    third = await make_exchange(beside=pair.first)
    await known_to_each_other(pair.second, third)
    await kill(pair.second)
    await adopted(third, call.call_id)
    ann, ben = await _both(third, ann_id, ben_id)
    customer, _ = await back(third, call, CUSTOMER_HZ)
    await asyncio.gather(
        customer.hears_all(ANN_HZ, BEN_HZ), ann.hears_all(CUSTOMER_HZ, BEN_HZ), ben.hears_all(CUSTOMER_HZ, ANN_HZ)
    )


async def _both(node: Exchange, ann_id: str, ben_id: str) -> tuple[Peer, Peer]:
    ann, ben = node.peer(ANN_HZ), node.peer(BEN_HZ)
    await node.attach(ann, ann_id)
    await node.attach(ben, ben_id)
    return ann, ben


async def test_a_parked_customer_waits_on_and_is_retrieved_under_the_same_code(pair: Pair) -> None:
    call, _, _, ann_id = await pair.talk()
    code = (await do(pair.first, ann_id, "ParkCall", call.call_id)).park_code
    await kill(pair.first)
    await adopted(pair.second, call.call_id)
    customer, _ = await back(pair.second, call, CUSTOMER_HZ)
    await customer.hears(MUSIC_HZ)
    ann = pair.second.peer(ANN_HZ)
    await pair.second.attach(ann, ann_id)
    with pair.second.as_agent(ann_id):
        await pair.second.calls.RetrieveCall(call_service_pb2.RetrieveCallRequest(park_code=code))
    await asyncio.gather(customer.hears(ANN_HZ), ann.hears(CUSTOMER_HZ))


async def _dialed(node: Exchange) -> tuple[call_pb2.Call, str]:
    ann_id = an_id("usr")
    await node.attach(node.peer(ANN_HZ), ann_id)
    with node.as_agent(ann_id):
        request = call_service_pb2.DialCallRequest(number="+15550199", request_id=an_id("req"))
        return await node.calls.DialCall(request), ann_id


async def test_a_number_that_rang_is_not_any_more_and_the_agent_is_told(pair: Pair) -> None:
    call, ann_id = await _dialed(pair.first)
    await kill(pair.first)

    async def adopted_and_over() -> Sequence[Any]:
        await pair.second.nodes.beat()
        await pair.second.nodes.look()
        return await cdrs(pair.second, call.call_id)

    [cdr] = await eventually(adopted_and_over)
    await eventually(lambda: not pair.second.switchboard.calls)
    assert (cdr.end_cause, cdr.agent_id) == ("UNREACHABLE", ann_id)


async def test_a_customer_outside_goes_on_by_the_other_nodes_media(pair: Pair) -> None:
    call, ann_id = await _dialed(pair.first)
    party = pair.first.outside.begun[-1]
    party.keeps = True
    await party.answer(pair.first.peer(CUSTOMER_HZ))
    party.on_changed()
    await eventually(lambda: _talks(pair, call.call_id))
    live = pair.first.switchboard.find(call.call_id)
    assert live is not None
    await live.journal.write(lambda tx: asyncio.sleep(0))  # the dialog is kept
    pair.second.outside.begun = pair.first.outside.begun
    await kill(pair.first)
    await adopted(pair.second, call.call_id)
    ann, zoe = pair.second.peer(ANN_HZ), pair.second.peer(CUSTOMER_HZ)
    await pair.second.attach(ann, ann_id)
    await eventually(lambda: pair.second.outside.resumed)
    await pair.second.outside.resumed[-1].early_media(zoe)
    await asyncio.gather(zoe.hears(ANN_HZ), ann.hears(CUSTOMER_HZ))


async def _talks(pair: Pair, call_id: str) -> bool:
    return (await shown(pair.second, call_id)).state == call_pb2.CALL_STATE_TALKING


async def test_a_caller_who_is_told_that_all_lines_are_busy_is_not_let_in_by_the_next_node(pair: Pair) -> None:
    widget = pair.first.tenancy.widget(pair.first.tenant_id, limit=1)
    taken = await pair.first.call(pair.first.peer(), widget=widget)
    over = await pair.first.call(pair.first.peer(), widget=widget)
    await kill(pair.first)
    await adopted(pair.second, taken.call_id)
    await eventually(lambda: cdrs(pair.second, over.call_id))
    assert pair.second.switchboard.find(over.call_id) is None
    assert all(run.call_id == taken.call_id for run in pair.first.flows.started)


async def test_two_nodes_that_see_a_third_die_share_its_calls_and_own_none_twice(pair: Pair, make_exchange) -> None:
    third = await make_exchange(beside=pair.first)
    await known_to_each_other(pair.first, pair.second, third)
    pair.first.tenancy.widget(pair.first.tenant_id)
    widget = pair.first.tenancy.widget(pair.first.tenant_id, limit=20)
    calls = [await pair.first.call(pair.first.peer(None), widget=widget) for _ in range(6)]
    await kill(pair.first)
    await asyncio.gather(pair.second.nodes.look(), third.nodes.look())
    for call in calls:
        here = [node for node in (pair.second, third) if node.switchboard.find(call.call_id) is not None]
        assert [node.house.settings.node_id for node in here] == [await owner(third, call.call_id)]
    assert await pair.moved() == 6


async def test_the_many_calls_of_one_company_are_adopted_by_few_transactions(pair: Pair, monkeypatch) -> None:
    ids = [await stored_call(pair.first) for _ in range(96)]
    await kill(pair.first)
    db, writes = pair.second.house.db, []
    real = db.run

    async def counted(tenant_id: str, fn: Any, *, read_only: bool = False) -> Any:
        writes.extend([] if read_only else [tenant_id])
        return await real(tenant_id, fn, read_only=read_only)

    monkeypatch.setattr(db, "run", counted)
    await adopted(pair.second, *ids)
    assert len(writes) < len(ids) / 3, "one by one they make each other run again, and the last one waits for all"


async def test_calls_are_adopted_once_the_database_is_back(pair: Pair, monkeypatch) -> None:
    from kernel.errors import Unavailable

    call = await pair.first.call(pair.first.peer())
    await kill(pair.first)
    db, run = pair.second.house.db, pair.second.house.db.run
    tries = 0

    async def away(*args, **more):
        nonlocal tries
        tries += 1
        if tries == 2:  # committed, and its answer lost
            await run(*args, **more)
        if tries <= 3:
            raise Unavailable("the database is away")
        return await run(*args, **more)

    monkeypatch.setattr(db, "run", away)
    await pair.second.nodes.look()
    assert pair.second.switchboard.find(call.call_id) is not None
    assert tries >= 4
    monkeypatch.undo()
    assert await pair.moved() == 1


async def test_a_node_that_is_back_before_others_notice_keeps_its_calls(pair: Pair, make_exchange) -> None:
    from telephony.ops import nodes as ops

    call = await pair.first.call(pair.first.peer())
    node_id = pair.first.house.settings.node_id
    left = await pair.second.house.db.system(lambda tx: ops.left_by(tx, node_id), read_only=True)
    await kill(pair.first)
    again = await make_exchange(beside=pair.first, node_id=node_id)
    await again.watch.recover()
    [lease] = left.leases  # as another node read it between the death and the restart
    assert await pair.second.nodes._adopt(lease, lease.heartbeat_time)
    assert pair.second.switchboard.find(call.call_id) is None
    assert again.switchboard.find(call.call_id) is not None and await owner(again, call.call_id) == node_id
    customer, _ = await back(again, call, CUSTOMER_HZ)
    await customer.hears(MUSIC_HZ)
    assert await pair.moved() == 1


async def test_stations_of_a_dead_node_are_given_up_after_their_grace_and_not_before(make_exchange) -> None:
    first = await make_exchange(fresh=True)
    second = await make_exchange(beside=first, station_grace_seconds=0.2, talking_grace_seconds=30.0)
    await known_to_each_other(first, second)
    pair = Pair(first, second)
    call, _, _, talking_id = await pair.talk()
    idle_id = an_id("usr")
    await first.attach(first.peer(), idle_id)
    await kill(first)
    await adopted(second, call.call_id)

    async def given_up() -> bool:
        await second.watch.sweep()
        return "StationDetached" in await first.facts()

    await eventually(given_up)
    with second.as_agent(talking_id):
        station = await second.stations.GetStation(call_service_pb2.GetStationRequest())
    assert station.call_id == call.call_id

"""Two nodes that both live: one asked for what the other has, one that only slept, one that drains."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from time import monotonic

import pytest
from chassis.auth import acting_as, acting_for
from google.protobuf.duration_pb2 import Duration
from kernel.errors import Unavailable
from merkez.routing.v1 import callback_rules_pb2
from merkez.telephony.v1 import call_pb2, call_service_pb2
from testkit import eventually
from testkit.rpc import someone
from testkit.webrtc import Peer

from .conftest import MUSIC_HZ, Exchange, an_id
from .test_callbacks import dial as dial_back
from .test_callbacks import wanted as plainly_wanted
from .test_flow_driver import gather, queue
from .two_nodes import (
    ANN_HZ,
    CUSTOMER_HZ,
    Pair,
    adopted,
    back,
    cdrs,
    do,
    fall_asleep,
    kill,
    known_to_each_other,
    owner,
    passed,
    shown,
    stored_call,
    wake_up,
)

pytestmark = pytest.mark.media


def beating(*nodes: Exchange) -> None:
    for node in nodes:
        node.process.tasks.every(0.1, node.nodes.beat, "node lives")


# -- asked for what another node has ---------------------------------------------------------------------------


async def test_what_is_asked_at_the_wrong_node_is_done_at_the_calls_own(pair: Pair) -> None:
    call, customer, _, ann_id = await pair.talk()
    wrong = pair.second
    wrong.switchboard.elsewhere = lambda _tenant, call_id: wrong.house.tasks.spawn(
        pair.first.watch.refresh(call_id), "hint"
    )
    await do(wrong, ann_id, "HoldCall", call.call_id)
    await customer.hears(MUSIC_HZ)
    await do(wrong, ann_id, "ResumeCall", call.call_id)
    await customer.hears(ANN_HZ)
    await do(wrong, ann_id, "SetMute", call.call_id, muted=True)
    await customer.hears_nothing()
    await do(wrong, ann_id, "SetMute", call.call_id, muted=False)
    await do(pair.first, ann_id, "SetMute", call.call_id, muted=True)
    await customer.hears_nothing()
    await do(wrong, ann_id, "SetMute", call.call_id, muted=False)
    await customer.hears(ANN_HZ)
    await do(wrong, ann_id, "SendDigits", call.call_id, digits="5")
    await eventually(lambda: "5" in customer.digits)
    await do(wrong, ann_id, "HangUp", call.call_id)
    await eventually(lambda: not pair.first.switchboard.calls)
    assert [cdr.end_cause for cdr in await cdrs(wrong, call.call_id)] == ["NORMAL"]


async def test_whoever_comes_back_to_the_wrong_node_is_brought_to_the_calls_own(pair: Pair) -> None:
    call, _, _, ann_id = await pair.talk()
    ann = pair.second.peer(ANN_HZ)
    await pair.second.attach(ann, ann_id)
    customer, _ = await back(pair.second, call, CUSTOMER_HZ)
    await asyncio.gather(customer.hears(ANN_HZ), ann.hears(CUSTOMER_HZ))
    assert await owner(pair.second, call.call_id) == pair.first.house.settings.node_id
    assert not pair.second.switchboard.calls and await pair.moved() == 0


async def test_whoever_comes_back_before_a_death_is_noticed_brings_the_call_along(pair: Pair) -> None:
    call, _, _, ann_id = await pair.talk()
    await kill(pair.first)
    ann = pair.second.peer(ANN_HZ)
    await pair.second.attach(ann, ann_id)
    customer, _ = await back(pair.second, call, CUSTOMER_HZ)
    await asyncio.gather(customer.hears(ANN_HZ), ann.hears(CUSTOMER_HZ))
    assert await pair.moved() == 1


async def test_a_live_third_nodes_call_is_not_taken_by_who_believes_it_to_be_a_dead_ones(
    pair: Pair, make_exchange
) -> None:
    third = await make_exchange(beside=pair.first)
    call, *_ = await pair.talk()
    await kill(pair.first)
    await adopted(third, call.call_id)
    assert not await pair.second.nodes._own(pair.first.tenant_id, call.call_id, pair.first.house.settings.node_id)
    assert await owner(third, call.call_id) == third.house.settings.node_id


# -- only asleep -----------------------------------------------------------------------------------------------


async def test_a_node_that_only_slept_writes_nothing_of_calls_that_are_anothers_and_parts_with_their_media(
    pair: Pair,
) -> None:
    pair.first.flows.steps = [queue()]
    call, _, _, ann_id = await pair.talk()
    # Between two segments: who sleeps in the middle of sending goes on with it, which `fall_asleep` can't play.
    waiting = pair.first.house.spool._waiting
    await eventually(
        lambda: pair.first.recording.segments and not any(each.at_hand or each.on_disk for each in waiting.values())
    )
    await fall_asleep(pair.first)
    asleep = pair.first.switchboard.find(call.call_id)
    assert asleep is not None and asleep.recording is not None
    await adopted(pair.second, call.call_id)
    ann = pair.second.peer(ANN_HZ)
    await pair.second.attach(ann, ann_id)
    customer, _ = await back(pair.second, call, CUSTOMER_HZ)
    await asyncio.gather(customer.hears(ANN_HZ), ann.hears(CUSTOMER_HZ))
    await eventually(lambda: _connected(pair.second, call.call_id))
    before = await shown(pair.second, call.call_id)

    # What was due when it woke, before it looked at its leases.
    asleep.lost_since.clear()
    pair.first.switchboard.lose(asleep, asleep.live_legs("agent")[0])
    await pair.first.switchboard.party_gone(asleep, asleep.live_legs("agent")[0].leg_id)
    await wake_up(pair.first)
    await eventually(lambda: pair.first.switchboard.find(call.call_id) is None)
    await eventually(lambda: asleep.customer is None or asleep.customer.closed)
    assert await shown(pair.second, call.call_id) == before
    await asyncio.gather(customer.hears(ANN_HZ), ann.hears(CUSTOMER_HZ))
    await pair.first.watch.sweep()
    assert pair.first.switchboard.stations.find(pair.first.tenant_id, ann_id) is None
    finished = await eventually(lambda: list(pair.first.recording.finished.values()))
    assert len(finished) == 1, "what was recorded there until it slept is whole"
    await do(pair.second, ann_id, "HangUp", call.call_id)
    assert len(await cdrs(pair.second, call.call_id)) == 1


async def _connected(node: Exchange, call_id: str) -> bool:
    call = await shown(node, call_id)
    return all(leg.state == call_pb2.LEG_STATE_CONNECTED for leg in call.legs)


async def test_a_hang_up_at_a_node_that_only_slept_ends_the_call_that_is_anothers(pair: Pair) -> None:
    call, _, _, ann_id = await pair.talk()
    await fall_asleep(pair.first)
    await adopted(pair.second, call.call_id)
    with acting_as(someone("agent", pair.first.tenant_id, ann_id)):
        from telephony.domain.calls import Actor

        found, _ = await pair.first.switchboard.hang_up(pair.first.tenant_id, call.call_id, Actor("agent", ann_id))
    assert not found.live
    assert [cdr.end_cause for cdr in await cdrs(pair.second, call.call_id)] == ["NORMAL"]


async def test_a_menu_is_not_reported_on_by_a_node_that_only_slept(pair: Pair) -> None:
    pair.first.flows.steps = [gather("Press one", timeout=0.3), queue()]
    call = await pair.first.call(pair.first.peer(CUSTOMER_HZ))
    await eventually(lambda: pair.first.flows.started)
    # Others take it for dead while its timers stand still; the menu's runs out the moment it wakes.
    await pair.first.server.stop()
    pair.first.catching_up.cancel()
    await adopted(pair.second, call.call_id)
    pair.first.house.pulse._sure.clear()
    live = pair.first.switchboard.find(call.call_id)
    assert live is not None and live.driver is not None
    live.press("1")
    await eventually(lambda: pair.first.switchboard.find(call.call_id) is None)
    assert pair.first.flows.events() == []


async def test_a_node_that_was_taken_for_dead_and_lived_is_watched_again(pair: Pair) -> None:
    call, *_ = await pair.talk()
    node_id = pair.first.house.settings.node_id
    await fall_asleep(pair.first)
    await adopted(pair.second, call.call_id)

    async def buried() -> bool:
        await pair.second.nodes.beat()
        await pair.second.nodes.look()
        return node_id in pair.second.nodes._buried

    await eventually(buried)
    await wake_up(pair.first)
    await adopted(pair.second, await stored_call(pair.first))


async def test_a_call_that_comes_back_to_the_node_it_was_on_is_taken_up_anew(pair: Pair) -> None:
    call, *_ = await pair.talk()
    stale = pair.first.switchboard.find(call.call_id)
    pair.first.catching_up.cancel()
    assert await pair.second.nodes.adopt(
        pair.first.tenant_id, call.call_id, pair.first.house.settings.node_id, pair.first.house.now()
    )
    second = pair.second.house.settings.node_id
    assert await pair.first.nodes.adopt(pair.first.tenant_id, call.call_id, second, pair.first.house.now())
    fresh = pair.first.switchboard.find(call.call_id)
    assert fresh is not None and fresh is not stale
    customer, _ = await back(pair.first, call, CUSTOMER_HZ)
    await customer.hears(ANN_HZ)


def wanted_back(exchange: Exchange) -> str:
    """The contact of a callback whose customer is to be rung first."""
    first = callback_rules_pb2.CALLBACK_ORDER_CUSTOMER_FIRST
    return plainly_wanted(exchange, order=first, ring_timeout=Duration(seconds=30), version=3)


# -- draining --------------------------------------------------------------------------------------------------


async def drain(node: Exchange, wanted: bool = True, seconds: float = 3600.0) -> None:
    from telephony.ops import nodes as ops

    me, bound = node.house.settings.node_id, timedelta(seconds=seconds)
    if wanted:
        await node.house.db.system(lambda tx: ops.drain(tx, me, bound, bound, node.house.now()))
    else:
        await node.house.db.system(lambda tx: ops.undrain(tx, me))
    await node.nodes.beat()


async def test_a_call_that_comes_in_at_a_draining_node_is_taken_by_another_one(pair: Pair) -> None:
    await drain(pair.first)
    await pair.second.nodes.beat()
    customer = pair.first.peer(CUSTOMER_HZ)
    call = await pair.first.call(customer)
    await customer.hears(MUSIC_HZ)
    assert await owner(pair.second, call.call_id) == pair.second.house.settings.node_id
    ann, ann_id = pair.first.peer(ANN_HZ), an_id("usr")
    await pair.first.attach(ann, ann_id)
    assert pair.second.switchboard.stations.find(pair.first.tenant_id, ann_id) is not None
    with pair.first.as_agent(ann_id):
        request = call_service_pb2.DialCallRequest(number="+15550199", request_id=an_id("req"))
        dialed = await pair.first.calls.DialCall(request)
    assert await owner(pair.second, dialed.call_id) == pair.second.house.settings.node_id


@pytest.mark.parametrize("way", ["released", "asked"])
async def test_a_customer_is_called_back_from_another_node_than_one_that_drains(pair: Pair, way: str) -> None:
    await drain(pair.first)
    await pair.second.nodes.beat()
    contact_id, agent_id = wanted_back(pair.first), an_id("usr")
    if way == "released":
        call_back = pair.first.switchboard.call_back
        assert call_back is not None
        call_back(pair.first.tenant_id, contact_id, agent_id)
    else:
        await dial_back(pair.first, contact_id, agent_id)
    await eventually(lambda: bool(pair.first.routing.called_back))
    (begun,) = pair.first.routing.called_back
    assert await owner(pair.second, begun.call_id) == pair.second.house.settings.node_id
    assert not pair.first.routing.not_called_back, "no attempt is lost by that"


async def test_a_call_goes_to_a_busy_node_that_answers_late_when_no_other_takes_it(pair: Pair, monkeypatch) -> None:
    await drain(pair.first)
    await pair.second.nodes.beat()
    monkeypatch.setattr("telephony.live.nodes._PING_SECONDS", -1.0)  # nobody is that quick
    call = await pair.first.call(pair.first.peer(CUSTOMER_HZ))
    assert await owner(pair.second, call.call_id) == pair.second.house.settings.node_id


async def test_a_callback_is_told_to_have_failed_when_the_only_node_drains(make_exchange) -> None:
    only = await make_exchange(fresh=True)
    await drain(only)
    with pytest.raises(Unavailable) as refused:
        await dial_back(only, wanted_back(only), an_id("usr"))
    assert refused.value.reason == "NODE_DRAINING"
    assert len(only.routing.not_called_back) == 1


async def test_a_draining_node_refuses_calls_when_there_is_no_other(make_exchange) -> None:
    only = await make_exchange(fresh=True)
    await drain(only)
    with acting_for(""), pytest.raises(Unavailable) as refused:
        await only.calls.StartWebCall(
            call_service_pb2.StartWebCallRequest(
                widget_key=only.tenancy.widget(only.tenant_id), sdp_offer=await only.peer().offer(), request_id="r"
            )
        )
    assert refused.value.reason == "NODE_DRAINING"
    await drain(only, False)
    await only.call(only.peer())


async def _follows(pair: Pair, call: call_service_pb2.StartWebCallResponse, ann_id: str) -> tuple[Peer, Peer]:
    """Both parties do at once what their pages do on CallMoved."""
    ann = pair.second.peer(ANN_HZ)
    (customer, _), _ = await asyncio.gather(back(pair.second, call, CUSTOMER_HZ), pair.second.attach(ann, ann_id))
    return customer, ann


async def test_a_conversation_that_is_handed_over_is_interrupted_for_less_than_a_second(pair: Pair) -> None:
    interrupted: list[float] = []
    unpaid: list[int] = []
    while not interrupted or (len(interrupted) < 5 and not (min(interrupted) < 1.0 and min(unpaid) < 200)):
        # A busy machine may hold one up; a timer in the way holds up all.
        call, customer, _, ann_id = await pair.talk()
        wanted: list[str] = []
        pair.second.switchboard.station_wanted = lambda _tenant, agent_id, _node, wanted=wanted: wanted.append(agent_id)
        old = pair.first.switchboard.find(call.call_id)
        assert old is not None and old.customer is not None
        await drain(pair.first)
        await eventually(lambda call=call: pair.second.switchboard.find(call.call_id))
        assert wanted == [ann_id]
        moved, _ = await _follows(pair, call, ann_id)
        await moved.hears(ANN_HZ)
        interrupted.append(moved.arrivals[0] - customer.arrivals[-1])
        await eventually(lambda: not pair.first.switchboard._parting)
        assert not pair.first.switchboard.calls and await owner(pair.first, call.call_id) != old.call.node_id
        await do(pair.second, ann_id, "HangUp", call.call_id)
        [cdr] = await cdrs(pair.second, call.call_id)
        wall = cdr.end_time.ToMilliseconds() - cdr.start_time.ToMilliseconds()
        unpaid.append(abs(wall - cdr.duration.ToMilliseconds()))
        await drain(pair.first, False)
    assert min(interrupted) < 1.0, interrupted
    assert min(unpaid) < 200, unpaid


async def test_what_is_said_while_a_call_is_handed_over_is_heard_until_the_parties_are_there(pair: Pair) -> None:
    call, customer, ann, _ = await pair.talk()
    await drain(pair.first)
    await eventually(lambda: pair.second.switchboard.find(call.call_id))
    customer.forget()
    ann.forget()
    await asyncio.gather(customer.hears(ANN_HZ), ann.hears(CUSTOMER_HZ))
    await eventually(lambda: not pair.first.switchboard._parting)


async def test_an_undrained_node_keeps_what_it_still_has_and_takes_calls_again(pair: Pair, monkeypatch) -> None:
    call, customer, *_ = await pair.talk()
    take, refused = pair.second.handover.take, asyncio.Event()

    async def asked(*what: str) -> None:
        try:
            await take(*what)
        finally:
            refused.set()

    monkeypatch.setattr(pair.second.handover, "take", asked)
    pair.second.switchboard.draining = True  # takes nothing
    await drain(pair.first)
    assert pair.first.switchboard.draining
    await asyncio.wait_for(refused.wait(), 30)
    await drain(pair.first, False)
    pair.second.switchboard.draining = False
    beating(pair.second)
    customer.forget()
    await customer.hears(ANN_HZ)
    another = await pair.first.call(pair.first.peer())
    for each in (call, another):
        assert await owner(pair.first, each.call_id) == pair.first.house.settings.node_id
    assert await pair.moved() == 0


async def test_a_node_undrained_while_another_takes_a_call_lets_it_go_whole(pair: Pair, monkeypatch) -> None:
    call, *_, ann_id = await pair.talk()
    take, asked, undrained = pair.second.handover.take, asyncio.Event(), asyncio.Event()

    async def slowly(*what: str) -> None:
        asked.set()
        await undrained.wait()
        await take(*what)

    monkeypatch.setattr(pair.second.handover, "take", slowly)
    await drain(pair.first)
    await asyncio.wait_for(asked.wait(), 30)
    await drain(pair.first, False)
    undrained.set()
    await eventually(lambda: pair.second.switchboard.find(call.call_id))
    customer, ann = await _follows(pair, call, ann_id)
    await asyncio.gather(customer.hears(ANN_HZ), ann.hears(CUSTOMER_HZ))
    await eventually(lambda: not pair.first.switchboard.calls and not pair.first.switchboard._parting)
    assert await owner(pair.first, call.call_id) == pair.second.house.settings.node_id


async def test_a_process_that_stops_alone_waits_for_its_calls_no_longer_than_it_may(make_exchange) -> None:
    only = await make_exchange(fresh=True)
    call = await only.call(only.peer())
    only.process.drain_seconds = 0.4
    only.process.draining(only.handover.drain)
    began = monotonic()
    assert not await only.process.drain()
    assert 0.4 <= monotonic() - began < 30, "its call would go on for ever"
    assert only.switchboard.find(call.call_id) is not None and only.switchboard.draining
    await drain(only, False)
    assert only.switchboard.draining, "a process that stops isn't called back"


async def test_a_party_outside_hears_nothing_of_a_handover_from_the_old_node_and_who_rings_is_waited_for(
    pair: Pair,
) -> None:
    ann_id = an_id("usr")
    await pair.first.attach(pair.first.peer(ANN_HZ), ann_id)
    with pair.first.as_agent(ann_id):
        request = call_service_pb2.DialCallRequest(number="+15550199", request_id=an_id("req"))
        call = await pair.first.calls.DialCall(request)
    pair.second.outside.begun = pair.first.outside.begun
    await drain(pair.first)
    party = pair.first.outside.begun[-1]
    party.keeps = True
    await passed(0.5)
    assert pair.first.switchboard.find(call.call_id) is not None and not party.left
    await party.answer(pair.first.peer(CUSTOMER_HZ))
    party.on_changed()
    await eventually(lambda: party.left)
    assert party.hung_up is None and await owner(pair.second, call.call_id) == pair.second.house.settings.node_id


async def test_idle_agents_are_sent_to_another_node_before_theirs_stops(pair: Pair) -> None:
    ann_id = an_id("usr")
    await pair.first.attach(pair.first.peer(), ann_id)
    wanted: list[tuple[str, str]] = []
    pair.first.switchboard.station_wanted = lambda _tenant, agent_id, node: wanted.append((agent_id, node))
    await drain(pair.first)
    await eventually(lambda: wanted == [(ann_id, pair.second.house.settings.node_id)])
    await pair.first.attach(pair.first.peer(), ann_id)
    station = pair.second.switchboard.stations.find(pair.first.tenant_id, ann_id)
    assert station is not None
    await pair.first.watch.sweep()
    assert pair.first.switchboard.stations.find(pair.first.tenant_id, ann_id) is None


async def test_a_draining_node_leaves_the_dead_to_others_and_adopts_them_when_alone(pair: Pair, make_exchange) -> None:
    third = await make_exchange(beside=pair.first)
    await known_to_each_other(pair.first, pair.second, third)
    call = await pair.first.call(pair.first.peer())
    pair.second.switchboard.draining = True
    await kill(pair.first)
    await pair.second.nodes.look()
    assert pair.second.switchboard.find(call.call_id) is None
    await kill(third)
    for node_id, (sign, _) in list(pair.second.nodes._heard.items()):
        pair.second.nodes._heard[node_id] = sign, monotonic() - 60  # nobody but this one was heard of for long
    await pair.second.nodes.look()
    assert pair.second.switchboard.find(call.call_id) is not None

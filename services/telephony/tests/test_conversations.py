"""Whole conversations over real media: what customer and agent hear, told by frequency."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from datetime import UTC, timedelta
from time import monotonic
from typing import Any

import pytest
from chassis.auth import acting_for
from kernel.errors import FailedPrecondition
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.media.clips import Clip
from testkit import eventually

pytestmark = pytest.mark.media

MUSIC_HZ, SPOKEN_HZ = 300.0, 1200.0
CUSTOMER_HZ, AGENT_HZ = 440.0, 880.0
RELOADS = 5
"""A busy machine may stretch a reload: the best of so many is what the system takes, and a timer is in all of them."""


async def talking(exchange: Any, agent_id: str = "") -> tuple[Any, Any, Any, str]:
    """(customer, agent, StartWebCall response, agent id), joined."""
    from kernel.clock import SystemClock
    from kernel.ids import new_id

    agent_id = agent_id or new_id("usr", SystemClock().now())
    customer, agent = exchange.peer(CUSTOMER_HZ), exchange.peer(AGENT_HZ)
    await exchange.attach(agent, agent_id)
    response = await exchange.call(customer)
    await exchange.accept(response.call_id, agent_id)
    await customer.hears(AGENT_HZ)
    await agent.hears(CUSTOMER_HZ)
    return customer, agent, response, agent_id


async def test_customer_hears_music_until_the_agent_answers_and_then_both_hear_each_other(exchange):
    agent_id = "usr_01jd3v9k8r5x7m2p4q6s8t0w1y"
    customer, agent = exchange.peer(CUSTOMER_HZ), exchange.peer(AGENT_HZ)
    await exchange.attach(agent, agent_id)
    response = await exchange.call(customer)
    await customer.hears(MUSIC_HZ)
    assert agent.packets_heard == 0
    await exchange.accept(response.call_id, agent_id)
    await customer.hears(AGENT_HZ)
    await agent.hears(CUSTOMER_HZ)
    assert customer.sequence_gaps == 0
    with exchange.as_agent(agent_id):
        call = await exchange.calls.GetCall(call_service_pb2.GetCallRequest(call_id=response.call_id))
    assert call.state == call_pb2.CALL_STATE_TALKING
    assert {leg.party for leg in call.legs} == {"customer", "agent"}


async def test_hold_plays_music_to_the_customer_and_silence_to_the_agent(exchange):
    customer, agent, response, agent_id = await talking(exchange)
    with exchange.as_agent(agent_id):
        held = await exchange.calls.HoldCall(call_service_pb2.HoldCallRequest(call_id=response.call_id))
        assert held.state == call_pb2.CALL_STATE_HELD
        await customer.hears(MUSIC_HZ)
        await agent.hears_nothing()
        with pytest.raises(FailedPrecondition) as caught:
            await exchange.calls.HoldCall(call_service_pb2.HoldCallRequest(call_id=response.call_id))
        assert caught.value.reason == "LEG_ON_HOLD"
        await exchange.calls.ResumeCall(call_service_pb2.ResumeCallRequest(call_id=response.call_id))
    await customer.hears(AGENT_HZ)
    await agent.hears(CUSTOMER_HZ)


async def test_a_muted_agent_is_not_heard_and_still_hears(exchange):
    customer, agent, response, agent_id = await talking(exchange)
    with exchange.as_agent(agent_id):
        await exchange.calls.SetMute(call_service_pb2.SetMuteRequest(call_id=response.call_id, muted=True))
        await customer.hears_nothing()
        agent.forget()
        await agent.hears(CUSTOMER_HZ)
        call = await exchange.calls.SetMute(call_service_pb2.SetMuteRequest(call_id=response.call_id, muted=False))
    await customer.hears(AGENT_HZ)
    assert not any(leg.muted for leg in call.legs)


async def test_digits_the_agent_sends_arrive_at_the_customer(exchange):
    customer, _, response, agent_id = await talking(exchange)
    with exchange.as_agent(agent_id):
        await exchange.calls.SendDigits(call_service_pb2.SendDigitsRequest(call_id=response.call_id, digits="42#"))
    await eventually(lambda: customer.digits == "42#")
    await customer.hears(AGENT_HZ)


async def test_a_reload_of_the_agents_tab_is_a_gap_of_less_than_a_second(exchange):
    customer, agent, response, agent_id = await talking(exchange)
    gaps: list[float] = []
    while not gaps or (min(gaps) >= 1.0 and len(gaps) < RELOADS):
        since = customer.arrivals[-1]
        agent.vanish()
        agent = exchange.peer(AGENT_HZ + 100 * (len(gaps) + 1))
        await exchange.attach(agent, agent_id)
        await customer.hears(AGENT_HZ + 100 * (len(gaps) + 1))
        await agent.hears(CUSTOMER_HZ)
        heard = [each for each in customer.arrivals if each >= since]
        gaps.append(max(after - before for before, after in itertools.pairwise(heard)))
    assert min(gaps) < 1.0, gaps
    with exchange.as_agent(agent_id):
        call = await exchange.calls.GetCall(call_service_pb2.GetCallRequest(call_id=response.call_id))
    assert call.state == call_pb2.CALL_STATE_TALKING


async def test_a_second_tab_is_refused_unless_it_takes_over(exchange):
    customer, _, _, agent_id = await talking(exchange)
    second = exchange.peer(1000.0)
    with pytest.raises(FailedPrecondition) as caught:
        await exchange.attach(second, agent_id, client="tab2")
    assert caught.value.reason == "STATION_HELD_BY_OTHER_TAB"
    await customer.hears(AGENT_HZ)
    third = exchange.peer(1000.0)
    await exchange.attach(third, agent_id, client="tab3", takeover=True)
    await customer.hears(1000.0)
    await third.hears(CUSTOMER_HZ)


async def test_customer_is_comforted_while_the_agents_media_is_lost(make_exchange):
    exchange = await make_exchange(media_silent_seconds=1.5)
    customer, agent, _, agent_id = await talking(exchange)
    agent.vanish()
    await customer.hears(SPOKEN_HZ)
    await customer.hears(MUSIC_HZ)
    back = exchange.peer(AGENT_HZ)
    await exchange.attach(back, agent_id)
    await customer.hears(AGENT_HZ)

    async def told() -> list[Any] | None:
        changes = [fact.leg for fact in await exchange.told() if fact.DESCRIPTOR.name == "LegMediaChanged"]
        theirs = [call_pb2.LegState.Name(leg.state) for leg in changes if leg.agent_id == agent_id]
        return changes if theirs == ["LEG_STATE_MEDIA_LOST", "LEG_STATE_CONNECTED"] else None

    changes = await eventually(told)
    assert [leg.state for leg in changes if leg.party == "customer"] == [call_pb2.LEG_STATE_CONNECTED]


async def test_whoever_is_not_heard_is_sent_nothing_until_they_are_heard_again(make_exchange):
    exchange = await make_exchange(media_silent_seconds=1.0)
    customer, agent, response, _ = await talking(exchange)
    customer.goes_unheard()
    leg = exchange.switchboard.find(response.call_id).customer
    await eventually(lambda: leg.hushed)
    await customer.hears_nothing()
    packets = customer.packets_heard
    heard = agent.packets_heard
    await eventually(lambda: agent.packets_heard > heard + 20)
    assert customer.packets_heard == packets, "nothing to be heard, and no silence that would say that the line lives"
    leg.last_heard = monotonic()  # a check that came through
    await customer.hears(AGENT_HZ)


async def test_an_agent_alone_hears_the_faint_noise_of_a_line_that_lives(exchange):
    customer, agent, response, agent_id = await talking(exchange)
    with exchange.as_agent(agent_id):
        await exchange.calls.HoldCall(call_service_pb2.HoldCallRequest(call_id=response.call_id))
    await customer.hears(MUSIC_HZ)
    await agent.hears_nothing()
    heard = agent.packets_heard
    await eventually(lambda: agent.packets_heard > heard + 20)
    assert not agent.frequencies(seconds=0.2)


async def test_comfort_is_cut_short_by_the_agent_who_is_back(make_exchange):
    exchange = await make_exchange(media_silent_seconds=1.5)
    exchange.house.clips._spoken = Clip(exchange.house.clips._spoken.packets * 100)  # a minute
    customer, agent, _, agent_id = await talking(exchange)
    agent.vanish()
    await customer.hears(SPOKEN_HZ)
    back = exchange.peer(AGENT_HZ)
    await exchange.attach(back, agent_id)
    await customer.hears(AGENT_HZ)
    customer.forget()
    await customer.hears(AGENT_HZ)


async def test_a_customer_whose_edge_lost_sight_of_the_call_learns_its_state_and_keeps_the_media(exchange):
    customer, agent, response, _ = await talking(exchange)
    with acting_for(""):
        found = await exchange.calls.ReattachLeg(call_service_pb2.ReattachLegRequest(leg_token=response.leg_token))
    assert (found.call_id, found.state) == (response.call_id, call_pb2.CALL_STATE_TALKING)
    assert found.answer_time.seconds and found.contact_id and not found.sdp_answer
    customer.forget()
    agent.forget()
    await customer.hears(AGENT_HZ)
    await agent.hears(CUSTOMER_HZ)
    assert customer.sequence_gaps == 0


async def test_a_customer_who_reattaches_goes_on_talking(exchange):
    customer, agent, response, _ = await talking(exchange)
    customer.vanish()
    again = exchange.peer(CUSTOMER_HZ + 100)
    with acting_for(""):
        answer = await exchange.calls.ReattachLeg(
            call_service_pb2.ReattachLegRequest(leg_token=response.leg_token, sdp_offer=await again.offer())
        )
    assert answer.call_id == response.call_id
    await again.accept(answer.sdp_answer)
    await again.hears(AGENT_HZ)
    await agent.hears(CUSTOMER_HZ + 100)


async def test_a_customer_whose_new_connection_never_stands_is_still_shown_as_connected_by_the_old_one(exchange):
    customer, _, response, agent_id = await talking(exchange)
    exchange.house.plane.settings = dataclasses.replace(exchange.house.plane.settings, setup_seconds=0.3)
    request = call_service_pb2.ReattachLegRequest(
        leg_token=response.leg_token, sdp_offer=await exchange.peer(CUSTOMER_HZ).offer()
    )
    with acting_for(""):
        await exchange.calls.ReattachLeg(request)

    async def states() -> set[int]:
        with exchange.as_agent(agent_id):
            call = await exchange.calls.GetCall(call_service_pb2.GetCallRequest(call_id=response.call_id))
        return {leg.state for leg in call.legs}

    await eventually(lambda: _are(states, {call_pb2.LEG_STATE_CONNECTING, call_pb2.LEG_STATE_CONNECTED}))
    await eventually(lambda: _are(states, {call_pb2.LEG_STATE_CONNECTED}))
    customer.forget()
    await customer.hears(AGENT_HZ)


async def _are(ask: Any, wanted: set[int]) -> bool:
    return await ask() == wanted


async def test_a_customer_who_leaves_ends_the_call_at_the_time_they_were_last_heard(make_exchange):
    exchange = await make_exchange(media_silent_seconds=1.0, customer_grace_seconds=2.0)
    customer, agent, response, agent_id = await talking(exchange)
    await customer.close()
    left = exchange.house.now()
    await eventually(lambda: not exchange.switchboard.calls)
    with exchange.as_owner():
        listed = await exchange.calls.ListCdrs(call_service_pb2.ListCdrsRequest(call_id=response.call_id))
    [cdr] = listed.cdrs
    assert cdr.end_cause == "CALLER_LEFT"
    assert cdr.end_party == call_pb2.END_PARTY_CUSTOMER
    talked_until = cdr.answer_time.ToDatetime(UTC) + cdr.talk_duration.ToTimedelta()
    assert cdr.talk_duration.ToMilliseconds() > 0
    assert talked_until < left + timedelta(seconds=1.5), "not as long as they might have come back"
    await agent.hears_nothing()
    with exchange.as_agent(agent_id):
        station = await exchange.stations.GetStation(call_service_pb2.GetStationRequest())
    assert station.call_id == ""


async def test_hanging_up_makes_exactly_one_cdr_however_often_it_is_said(exchange):
    _, _, response, agent_id = await talking(exchange)
    with exchange.as_agent(agent_id):
        request = call_service_pb2.HangUpRequest(call_id=response.call_id)
        ended = await asyncio.gather(*(exchange.calls.HangUp(request) for _ in range(3)))
    assert {call.state for call in ended} == {call_pb2.CALL_STATE_ENDED}
    with exchange.as_owner():
        listed = await exchange.calls.ListCdrs(call_service_pb2.ListCdrsRequest())
    assert len(listed.cdrs) == 1
    assert listed.cdrs[0].end_party == call_pb2.END_PARTY_AGENT
    assert listed.cdrs[0].agent_mos > 4
    facts = await exchange.facts()
    assert facts.count("CallEnded") == 1
    assert facts[0] in ("StationAttached", "CallStarted")

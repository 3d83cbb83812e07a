"""Those who are recorded hear so where their brand wants it: by the spectrum of what they hear."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from merkez.telephony.v1 import call_service_pb2 as pb
from merkez.tenancy.v1 import tenant_pb2
from telephony.sip import SipDialog
from testkit import eventually
from testkit.rtp_peer import RtpPeer
from testkit.webrtc import RATE, Ears

from .carriers import Carrier
from .conftest import MUSIC_HZ, Exchange, an_id
from .test_call_control import ANN_HZ, BEN_HZ, CUSTOMER_HZ
from .test_sip_calls import AGENT_HZ, OURS, an_agent, port, trunk

pytestmark = pytest.mark.media

TONE_HZ = 1_400.0
ONCE, REPEATED = tenant_pb2.RECORDING_TONE_ONCE, tenant_pb2.RECORDING_TONE_REPEATED


def rules(exchange: Exchange, key: str, tone: Any, **more: Any) -> None:
    exchange.tenancy.routes[key].brand.call_rules.CopyFrom(tenant_pb2.CallRules(recording_tone=tone, **more))


async def talk(exchange: Exchange, tone: Any, **more: Any) -> tuple[Any, Any, str, str]:
    """(customer, agent, call, agent's id), joined, of a brand with that rule."""
    widget = exchange.tenancy.widget(exchange.tenant_id)
    rules(exchange, widget, tone, **more)
    customer, ann, ann_id = exchange.peer(CUSTOMER_HZ), exchange.peer(ANN_HZ), an_id("usr")
    await exchange.attach(ann, ann_id)
    response = await exchange.call(customer, widget=widget)
    await customer.hears(MUSIC_HZ)
    customer.forget()
    await exchange.accept(response.call_id, ann_id)
    return customer, ann, response.call_id, ann_id


def loudness(ears: Ears, pitch: float) -> list[float]:
    """How strong a pitch was in each 20 ms that were heard."""
    frames = [frame for frame in ears._heard if len(frame)]
    return [float(abs(np.vdot(np.exp(2j * np.pi * pitch * np.arange(len(f)) / RATE), f))) / len(f) for f in frames]


def tones(ears: Ears) -> list[int]:
    """The lengths, in frames of 20 ms, of the recording's tones that were heard."""
    lengths, run = list[int](), 0
    for heard in [*loudness(ears, TONE_HZ), 0.0]:
        if heard > 0.01:
            run += 1
        elif run:
            lengths.append(run)
            run = 0
    return [length for length in lengths if length >= 4]


async def heard(ears: Ears, frames: int) -> None:
    await eventually(lambda: len(ears._heard) >= frames)


async def test_a_customer_hears_once_that_they_are_recorded_and_the_agent_does_not(exchange: Exchange) -> None:
    customer, ann, call_id, _ = await talk(exchange, ONCE)
    await eventually(lambda: tones(customer))
    await heard(customer, 150)
    (length,) = tones(customer)
    assert 9 <= length <= 12, "a fifth of a second"
    assert tones(ann) == []
    live = exchange.switchboard.find(call_id)
    assert live is not None
    agent = next(leg.leg_id for leg in live.legs if leg.party == "agent")
    speaker, listener = live.room.member(agent).leg, live.customer
    assert speaker is not None and listener is not None
    assert speaker.forward_to is listener.outbound, "packets are forwarded again as they come"


async def test_the_tone_comes_again_for_all_who_are_recorded_and_nobody_misses_a_word(exchange: Exchange) -> None:
    customer, ann, call_id, _ = await talk(exchange, REPEATED, recording_tone_seconds=1, recording_tone_for_agents=True)
    await eventually(lambda: len(tones(customer)) >= 3 and len(tones(ann)) >= 3)
    assert customer.sequence_gaps == ann.sequence_gaps == 0
    began = next(at for at, strength in enumerate(loudness(customer, ANN_HZ)) if strength > 0.05)
    silent = ["x" if strength < 0.02 else "." for strength in loudness(customer, ANN_HZ)[began:]]
    longest = max(len(run) for run in "".join(silent).split("."))
    assert longest <= 3, "the agent is heard while it sounds, but for a step of the buffer"
    recording_id = exchange.recording.by_call[call_id]
    assert recording_id


async def test_a_customer_on_hold_is_not_recorded_and_hears_no_tone(exchange: Exchange) -> None:
    customer, _, call_id, ann_id = await talk(exchange, REPEATED, recording_tone_seconds=1)
    await eventually(lambda: tones(customer))
    with exchange.as_agent(ann_id):
        await exchange.calls.HoldCall(pb.HoldCallRequest(call_id=call_id))
        await customer.hears(MUSIC_HZ)
        customer.forget()
        await heard(customer, 120)
        assert tones(customer) == []
        await exchange.calls.ResumeCall(pb.ResumeCallRequest(call_id=call_id))
    await eventually(lambda: tones(customer))


async def test_whoever_joins_a_recorded_call_by_number_hears_it_too(exchange: Exchange) -> None:
    customer, _, call_id, ann_id = await talk(exchange, ONCE)
    await eventually(lambda: tones(customer))
    ben = exchange.peer(BEN_HZ)
    with exchange.as_agent(ann_id):
        await exchange.calls.ConsultCall(pb.ConsultCallRequest(call_id=call_id, number="+15550100199"))
        await exchange.outside.begun[-1].answer(ben)
        await ben.hears(ANN_HZ)
        assert tones(ben) == []
        customer.forget()
        await exchange.calls.JoinCall(pb.JoinCallRequest(call_id=call_id))
    await eventually(lambda: tones(ben))
    assert tones(customer) == [], "they know it by now"


@pytest.mark.parametrize("codec", ["PCMU", "opus"])
async def test_a_caller_over_a_trunk_hears_it_in_their_codec(make_exchange: Any, codec: str) -> None:
    exchange = await make_exchange(sip_listen="udp:127.0.0.1:0")
    carrier = Carrier(await RtpPeer.start(CUSTOMER_HZ, codec=codec))
    await carrier.start()
    await trunk(exchange, carrier, codecs=("OPUS", "PCMU"))
    rules(exchange, OURS, ONCE)
    _, agent_id = await an_agent(exchange)
    assert isinstance(await carrier.call(port(exchange), OURS), SipDialog)
    await carrier.peer.hears(MUSIC_HZ)
    carrier.peer.forget()
    await exchange.accept(exchange.switchboard.calls[0].call_id, agent_id)
    await eventually(lambda: tones(carrier.peer))
    await carrier.peer.hears(AGENT_HZ)
    await carrier.close()


async def test_a_call_that_is_not_recorded_has_no_tone(exchange: Exchange) -> None:
    widget = exchange.tenancy.widget(exchange.tenant_id)
    del exchange.tenancy.routes[widget].entitlements.features[:]
    rules(exchange, widget, REPEATED, recording_tone_seconds=1)
    customer, ann, ann_id = exchange.peer(CUSTOMER_HZ), exchange.peer(ANN_HZ), an_id("usr")
    await exchange.attach(ann, ann_id)
    response = await exchange.call(customer, widget=widget)
    await exchange.accept(response.call_id, ann_id)
    await customer.hears(ANN_HZ)
    customer.forget()
    await heard(customer, 100)
    assert tones(customer) == [] and exchange.recording.begun == {}

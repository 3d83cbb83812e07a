"""A call's recording holds what was said, each on its side, whatever happens to recording meanwhile."""

from __future__ import annotations

from itertools import pairwise

import av
import numpy as np
import pytest
from merkez.recording.v1 import segment_pb2
from merkez.telephony.v1 import call_service_pb2 as pb
from testkit import eventually
from testkit.webrtc import dominant

pytestmark = pytest.mark.media

AGENT = "usr_01jd3v9k8r5x7m2p4q6s8t0w1y"


async def conversation(exchange, seconds: float = 2.0):
    customer, agent = exchange.peer(440), exchange.peer(880)
    await exchange.attach(agent, AGENT)
    response = await exchange.call(customer)
    await customer.hears(300)
    await exchange.accept(response.call_id, AGENT)
    await customer.hears(880)
    await eventually(lambda: len(customer.arrivals) > 50 * (seconds + 1))
    return customer, agent, response


def tracks(exchange, recording_id: str) -> dict[str, list[segment_pb2.OpusPacket]]:
    found: dict[str, list[segment_pb2.OpusPacket]] = {"customer": [], "agent": []}
    for (recording, track, sequence), sealed in sorted(exchange.recording.segments.items()):
        if recording == recording_id:
            bound = f"{exchange.tenant_id}/{recording_id}/{track}/{sequence}".encode()
            plain = exchange.recording.keys[recording_id].decrypt(sealed, bound)
            found[track] += segment_pb2.SegmentPayload.FromString(plain).packets
    return found


def frequency(packets: list[segment_pb2.OpusPacket]) -> float:
    decoder = av.CodecContext.create("libopus", "r")
    decoder.layout, decoder.format, decoder.sample_rate = "mono", "s16", 48_000
    frames = [frame for packet in packets for frame in decoder.decode(av.Packet(packet.payload))]
    samples = np.concatenate([frame.to_ndarray().reshape(-1).astype(np.float32) / 32768 for frame in frames])
    return dominant(samples.astype(np.float32))[0]


async def hang_up(exchange, response) -> None:
    with exchange.as_agent(AGENT):
        await exchange.calls.HangUp(pb.HangUpRequest(call_id=response.call_id))


async def test_both_voices_are_recorded_each_on_its_track(exchange) -> None:
    _, _, response = await conversation(exchange)
    await hang_up(exchange, response)
    recording_id = exchange.recording.by_call[response.call_id]
    await eventually(lambda: recording_id in exchange.recording.finished)
    found = tracks(exchange, recording_id)
    assert abs(frequency(found["customer"]) - 440) < 10
    assert abs(frequency(found["agent"]) - 880) < 10
    finished = exchange.recording.finished[recording_id]
    counts = {track: len([k for k in exchange.recording.segments if k[1] == track]) for track in found}
    assert dict(finished.segment_counts) == counts
    with exchange.as_owner():
        [cdr] = (await exchange.calls.ListCdrs(pb.ListCdrsRequest(call_id=response.call_id))).cdrs
        call = await exchange.calls.GetCall(pb.GetCallRequest(call_id=response.call_id))
    assert abs(finished.duration.ToMilliseconds() - cdr.talk_duration.ToMilliseconds()) < 200
    assert call.recording_id == recording_id


async def test_nothing_said_is_lost_while_recording_is_away_at_the_answer(exchange) -> None:
    exchange.recording.down = True
    _, _, response = await conversation(exchange)
    exchange.recording.down = False
    await eventually(lambda: response.call_id in exchange.recording.by_call)
    await hang_up(exchange, response)
    recording_id = exchange.recording.by_call[response.call_id]
    await eventually(lambda: recording_id in exchange.recording.finished)
    first = tracks(exchange, recording_id)["agent"][0]
    assert first.arrival_micros < 100_000


async def test_a_call_that_ends_before_recording_is_back_is_still_recorded(exchange) -> None:
    exchange.recording.down = True
    _, _, response = await conversation(exchange)
    await hang_up(exchange, response)
    assert exchange.recording.by_call == {}
    exchange.recording.down = False
    await eventually(lambda: exchange.recording.finished)
    [recording_id] = exchange.recording.finished
    assert abs(frequency(tracks(exchange, recording_id)["customer"]) - 440) < 10


async def test_what_the_customer_says_while_the_agents_tab_reloads_is_recorded(exchange) -> None:
    customer, agent, response = await conversation(exchange, seconds=1.0)
    agent.vanish()
    await customer.hears(300)  # the comfort sound: the agent's media is known to be lost
    await exchange.attach(exchange.peer(880), AGENT)
    await customer.hears(880)
    await hang_up(exchange, response)
    recording_id = exchange.recording.by_call[response.call_id]
    await eventually(lambda: recording_id in exchange.recording.finished)
    packets = tracks(exchange, recording_id)["customer"]
    assert max(b.timestamp - a.timestamp for a, b in pairwise(packets)) < 9_600


async def test_what_the_customer_says_on_hold_is_not_recorded(exchange) -> None:
    customer, _, response = await conversation(exchange, seconds=1.0)
    with exchange.as_agent(AGENT):
        await exchange.calls.HoldCall(pb.HoldCallRequest(call_id=response.call_id))
        await customer.hears(300)
        before = len(customer.arrivals)
        await eventually(lambda: len(customer.arrivals) > before + 75)
        await exchange.calls.ResumeCall(pb.ResumeCallRequest(call_id=response.call_id))
        await customer.hears(880)
    await hang_up(exchange, response)
    recording_id = exchange.recording.by_call[response.call_id]
    await eventually(lambda: recording_id in exchange.recording.finished)
    packets = tracks(exchange, recording_id)["customer"]
    steps = [b.timestamp - a.timestamp for a, b in pairwise(packets)]
    assert max(steps) > 48_000
    with exchange.as_owner():
        [cdr] = (await exchange.calls.ListCdrs(pb.ListCdrsRequest(call_id=response.call_id))).cdrs
    assert 1400 < cdr.hold_duration.ToMilliseconds() < cdr.talk_duration.ToMilliseconds()

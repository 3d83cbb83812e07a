"""A call's recording holds what was said, each on its side, whatever happens to recording meanwhile."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import av
import numpy as np
import pytest
from merkez.recording.v1 import segment_pb2
from merkez.telephony.v1 import call_pb2
from merkez.telephony.v1 import call_service_pb2 as pb
from testkit import eventually
from testkit.segments import opened, packets_of
from testkit.webrtc import dominant

from .conftest import Exchange, an_id
from .scene import ANN_HZ, BEN_HZ, CUSTOMER_HZ, EVE_HZ, ZOE_HZ, Scene

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


def tracks(exchange, recording_id: str, whose: str = "party") -> dict[str, list[segment_pb2.OpusPacket]]:
    """By party, or by another field of a track's source: the packets of all tracks of that name."""
    found: dict[str, list[segment_pb2.OpusPacket]] = {}
    for (recording, track, sequence), sealed in sorted(exchange.recording.segments.items()):
        if recording == recording_id:
            place = f"{exchange.tenant_id}/{recording_id}/{track}/{sequence}"
            payload = opened(exchange.recording.keys[recording_id], place, sealed)
            found.setdefault(getattr(payload.source, whose), []).extend(packets_of(payload))
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
    assert dict(finished.segment_counts) == Counter(track for _, track, _ in exchange.recording.segments)
    assert {(track.party, track.agent_id) for track in finished.tracks} == {("customer", ""), ("agent", AGENT)}
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


# -- many legs -------------------------------------------------------------------------------------------------


async def scene_of(exchange: Exchange) -> Scene:
    """A customer who talks with Ann."""
    customer, ann, ann_id = exchange.peer(CUSTOMER_HZ), exchange.peer(ANN_HZ), an_id("usr")
    await exchange.attach(ann, ann_id)
    response = await exchange.call(customer)
    await exchange.accept(response.call_id, ann_id)
    await customer.hears(ANN_HZ)
    return Scene(exchange, response.call_id, customer, ann, ann_id)


def seconds(scene: Scene) -> float:
    """On the recording's clock, now."""
    live = scene.exchange.switchboard.find(scene.call_id)
    assert live is not None and live.recording is not None
    return live.recording.seconds


async def for_a_while(scene: Scene, packets: int = 60) -> tuple[float, float]:
    """From when to when so many packets came to the customer, without the edges in which packets are on their way."""
    begun, before = seconds(scene), len(scene.customer.arrivals)
    await eventually(lambda: len(scene.customer.arrivals) > before + packets)
    return begun + 0.1, seconds(scene) - 0.1


async def over(scene: Scene):
    """The call ends; its recording's end and every packet by party, and by user."""
    exchange = scene.exchange
    live = exchange.switchboard.find(scene.call_id)
    assert live is not None
    await scene.do("HangUp", live.call.agent_id or scene.ann_id, role="owner")
    recording_id = exchange.recording.by_call[scene.call_id]
    await eventually(lambda: recording_id in exchange.recording.finished)
    finished = exchange.recording.finished[recording_id]
    return finished, tracks(exchange, recording_id), tracks(exchange, recording_id, "agent_id")


def spoken_in(packets: list[segment_pb2.OpusPacket], when: tuple[float, float]) -> list[segment_pb2.OpusPacket]:
    return [packet for packet in packets if when[0] < packet.arrival_micros / 1e6 < when[1]]


def told(finished, **wanted: str):
    """The one track that is told of so: when it joined and left, in seconds."""
    [track] = [item for item in finished.tracks if all(getattr(item, name) == value for name, value in wanted.items())]
    return track.start_offset.ToMilliseconds() / 1000, track.end_offset.ToMilliseconds() / 1000


async def test_each_party_of_a_conference_is_on_its_own_track_and_the_consult_before_it_on_none(exchange) -> None:
    scene = await scene_of(exchange)
    zoe = exchange.peer(ZOE_HZ)
    await scene.do("ConsultCall", number="+15550100199")
    await exchange.outside.begun[-1].answer(zoe)
    await scene.ann.hears(ZOE_HZ)
    asked = await for_a_while(scene)
    await scene.do("JoinCall")
    joined = seconds(scene)
    await scene.customer.hears_all(ANN_HZ, ZOE_HZ)
    together = await for_a_while(scene)
    finished, by_party, _ = await over(scene)
    assert set(by_party) == {"customer", "agent", "participant"}
    for party, hertz in (("customer", CUSTOMER_HZ), ("agent", ANN_HZ), ("participant", ZOE_HZ)):
        assert abs(frequency(spoken_in(by_party[party], together)) - hertz) < 10
        assert spoken_in(by_party[party], asked) == []
    start, end = told(finished, party="participant")
    assert abs(start - joined) < 0.5 and abs(end - finished.duration.ToMilliseconds() / 1000) < 0.1
    assert list(tracks(exchange, finished.recording_id, "address")) == ["", "+15550100199"]
    assert all(not track.address for track in finished.tracks)


async def test_a_call_given_from_one_agent_to_the_next_has_a_track_of_each_while_they_had_it(exchange) -> None:
    scene = await scene_of(exchange)
    ben, ben_id = await scene.agent(BEN_HZ)
    await for_a_while(scene)
    await scene.do("TransferCall", queue_id=an_id("que"))
    left = seconds(scene)
    waiting = await for_a_while(scene)
    await exchange.accept(scene.call_id, ben_id)
    accepted = seconds(scene)
    await scene.customer.hears(BEN_HZ)
    await ben.hears(CUSTOMER_HZ)
    later = await for_a_while(scene)
    finished, by_party, by_user = await over(scene)
    assert abs(frequency(by_user[scene.ann_id]) - ANN_HZ) < 10 and abs(frequency(by_user[ben_id]) - BEN_HZ) < 10
    assert all(packet.arrival_micros / 1e6 < left for packet in by_user[scene.ann_id])
    assert spoken_in(by_party["customer"], waiting) == [] != spoken_in(by_party["customer"], later)
    assert abs(told(finished, agent_id=scene.ann_id)[1] - left) < 0.5
    assert abs(told(finished, agent_id=ben_id)[0] - accepted) < 0.5
    assert exchange.recording.begun[finished.recording_id].agent_id == scene.ann_id


async def test_a_party_on_hold_is_silent_on_its_track_and_the_others_go_on(exchange) -> None:
    scene = await scene_of(exchange)
    zoe = exchange.peer(ZOE_HZ)
    await scene.do("ConsultCall", number="+15550100199")
    await exchange.outside.begun[-1].answer(zoe)
    await zoe.hears(ANN_HZ)
    call = await scene.do("JoinCall")
    await scene.customer.hears_all(ANN_HZ, ZOE_HZ)
    leg_id = next(leg.leg_id for leg in call.legs if leg.party == "participant")
    await scene.do("HoldCall", leg_id=leg_id)
    held = await for_a_while(scene)
    await scene.do("ResumeCall", leg_id=leg_id)
    again = await for_a_while(scene)
    finished, by_party, _ = await over(scene)
    assert spoken_in(by_party["participant"], held) == [] != spoken_in(by_party["participant"], again)
    assert spoken_in(by_party["customer"], held) != [] != spoken_in(by_party["agent"], held)
    assert told(finished, party="participant")[1] > again[1]


async def test_a_supervisor_is_recorded_while_barging_and_never_while_listening_or_whispering(exchange) -> None:
    scene = await scene_of(exchange)
    eve, eve_id = await scene.agent(EVE_HZ)
    modes = [call_pb2.SUPERVISION_MODE_LISTEN, call_pb2.SUPERVISION_MODE_WHISPER, call_pb2.SUPERVISION_MODE_BARGE]
    when = []
    for mode in (*modes, modes[1]):
        await scene.do("SuperviseCall", eve_id, role="supervisor", mode=mode)
        if mode == modes[2]:
            await scene.customer.hears_all(ANN_HZ, EVE_HZ)
        when.append(await for_a_while(scene))
    finished, by_party, _ = await over(scene)
    assert abs(frequency(by_party["supervisor"]) - EVE_HZ) < 10
    assert [spoken_in(by_party["supervisor"], each) != [] for each in when] == [False, False, True, False]
    assert abs(frequency(by_party["agent"]) - ANN_HZ) < 10
    start, end = told(finished, party="supervisor", agent_id=eve_id)
    assert when[1][1] < start < when[2][0] and when[2][1] < end < when[3][0]
    assert eve.packets_heard

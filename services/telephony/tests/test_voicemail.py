"""A caller leaves a message while flows leads the call: greeting, beep, what they say, and what is kept of it."""

from __future__ import annotations

from typing import Any

import pytest
from chassis.auth import acting_for
from google.protobuf.duration_pb2 import Duration
from merkez.flows.v1 import run_service_pb2 as run
from merkez.recording.v1 import recording_pb2, segment_pb2
from merkez.telephony.v1 import call_service_pb2
from telephony.media.clips import Clip
from telephony.ops import calls as ops
from testkit import eventually
from testkit.segments import opened, packets_of
from testkit.webrtc import Peer

pytestmark = pytest.mark.media

SPOKEN_HZ, BEEP_HZ = 1200.0, 1000.0
ANN = "usr_01jd3v9k8r5x7m2p4q6s8t0w1y"


def record(text: str = "Nobody is here", silence: float = 1.0, **more: Any) -> run.Instruction:
    return run.Instruction(
        record=run.RecordInstruction(
            audio=[run.Audio(text=text)], beep=True, max_duration=Duration(seconds=20), end_digit="#", agent_id=ANN,
            silence_timeout=Duration(seconds=int(silence), nanos=int(silence % 1 * 1e9)), **more,
        )
    )  # fmt: skip


def goodbye() -> run.Instruction:
    return run.Instruction(hang_up=run.HangUpInstruction(cause="MESSAGE_LEFT"))


async def at_the_beep(exchange: Any) -> tuple[Peer, Any]:
    customer = exchange.peer(440)
    customer.microphone = False
    response = await exchange.call(customer)
    await customer.hears(SPOKEN_HZ)
    await customer.hears(BEEP_HZ)
    return customer, response


async def speak(exchange: Any, customer: Peer) -> None:
    """Say something until two seconds of it are with recording, then be silent."""
    customer.microphone = True
    await eventually(lambda: len(exchange.recording.segments) >= 3)
    customer.microphone = False


def packets(exchange: Any, recording_id: str) -> list[segment_pb2.OpusPacket]:
    found: list[segment_pb2.OpusPacket] = []
    for (recording, track, sequence), sealed in sorted(exchange.recording.segments.items()):
        if recording == recording_id:
            assert track == "customer"
            place = f"{exchange.tenant_id}/{recording_id}/{track}/{sequence}"
            found += packets_of(opened(exchange.recording.keys[recording_id], place, sealed))
    return found


async def test_a_message_is_taken_after_the_beep_and_kept_for_whom_it_is(exchange) -> None:
    exchange.flows.steps = [record(), goodbye()]
    customer, response = await at_the_beep(exchange)
    await speak(exchange, customer)
    await eventually(lambda: not exchange.switchboard.calls)
    recording_id = exchange.recording.by_call[response.call_id]
    await eventually(lambda: recording_id in exchange.recording.finished)
    begun, finished = exchange.recording.begun[recording_id], exchange.recording.finished[recording_id]
    assert begun.kind == recording_pb2.RECORDING_KIND_VOICEMAIL
    assert (begun.agent_id, begun.queue_id, begun.call_id) == (ANN, "", response.call_id)
    seconds = finished.duration.ToTimedelta().total_seconds()
    [told] = [report.duration.ToTimedelta().total_seconds() for report in exchange.flows.reports]
    assert exchange.flows.events() == [("RECORDED", "")] and told == pytest.approx(seconds, abs=0.02)
    said = packets(exchange, recording_id)
    assert 2.0 < seconds < 20.0
    assert (said[-1].timestamp - said[0].timestamp) / 48_000 == pytest.approx(seconds, abs=0.3)


async def test_who_says_nothing_leaves_nothing_and_the_flow_goes_on(exchange) -> None:
    exchange.flows.steps = [record(), goodbye()]
    await at_the_beep(exchange)
    await eventually(lambda: exchange.flows.events() == [("RECORDED", "")])
    assert exchange.flows.reports[0].duration.ToMilliseconds() == 0
    await eventually(lambda: not exchange.switchboard.calls)
    assert exchange.recording.begun == {}


async def test_a_key_cuts_the_greeting_short_and_the_next_one_ends_the_message(exchange) -> None:
    exchange.house.clips._spoken = Clip(exchange.house.clips._spoken.packets * 100)  # a minute
    exchange.flows.steps = [record("Nobody is here " * 5, silence=30.0), record()]
    customer = exchange.peer(440)
    await exchange.call(customer)
    await customer.hears(SPOKEN_HZ)
    await customer.press("#")
    await customer.hears(BEEP_HZ)
    await eventually(lambda: len(exchange.recording.segments) >= 3)
    await customer.press("#")
    await eventually(lambda: exchange.flows.events() == [("RECORDED", "")])
    assert exchange.flows.reports[0].duration.ToMilliseconds() > 800


async def test_a_caller_who_hangs_up_has_left_the_message_up_to_then(exchange) -> None:
    exchange.flows.steps = [record(), goodbye()]
    customer, response = await at_the_beep(exchange)
    customer.microphone = True
    await eventually(lambda: len(exchange.recording.segments) >= 3)
    await customer.close()
    await eventually(lambda: exchange.recording.finished)
    [finished] = exchange.recording.finished.values()
    assert finished.segment_counts["customer"] == len(exchange.recording.segments)
    assert finished.recording_id == exchange.recording.by_call[response.call_id]


async def test_a_message_that_goes_on_at_another_node_is_kept_in_two_and_neither_spoils_the_other(exchange) -> None:
    exchange.flows.steps = [record(), goodbye()]
    customer, response = await at_the_beep(exchange)
    await speak(exchange, customer)
    live = exchange.switchboard.find(response.call_id)
    rows = await exchange.house.db.run(exchange.tenant_id, lambda tx: ops.get_call(tx, response.call_id))
    exchange.switchboard.abandon(live)
    exchange.switchboard.adopt(exchange.tenant_id, *rows, 0.0)
    again = exchange.peer(440)
    again.microphone = False
    with acting_for(""):
        request = call_service_pb2.ReattachLegRequest(leg_token=response.leg_token, sdp_offer=await again.offer())
        await again.accept((await exchange.calls.ReattachLeg(request)).sdp_answer)
    await again.hears(BEEP_HZ)
    again.microphone = True
    await eventually(lambda: len(exchange.recording.begun) == 2)
    again.microphone = False
    await eventually(lambda: len(exchange.recording.finished) == 2)
    counts = [finish.segment_counts["customer"] for finish in exchange.recording.finished.values()]
    assert all(counts) and sum(counts) == len(exchange.recording.segments)
    assert all(packets(exchange, recording_id) for recording_id in exchange.recording.finished)


async def test_a_message_is_kept_though_recording_is_away_while_it_is_left(exchange) -> None:
    exchange.recording.down = True
    exchange.flows.steps = [record(), goodbye()]
    customer, _ = await at_the_beep(exchange)
    customer.microphone = True
    await eventually(lambda: exchange.recording.asked)
    customer.microphone = False
    await eventually(lambda: exchange.flows.events() == [("RECORDED", "")])
    exchange.recording.down = False
    await eventually(lambda: exchange.recording.finished)
    [(recording_id, finished)] = exchange.recording.finished.items()
    assert finished.duration.ToMilliseconds() > 400 and len(packets(exchange, recording_id)) > 20

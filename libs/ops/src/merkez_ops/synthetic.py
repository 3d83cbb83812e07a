"""One synthetic call, as a customer's browser makes it: a brand's widget is called, sound is heard, it hangs up.

It is a real call of the brand's company: its flow runs, a CDR is written and its minute is billed, so the brand that is
called should be one kept for this. Needs aiortc, which is where telephony is installed (as in the image that migrates).
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from time import monotonic

from chassis.auth import acting_for
from kernel.errors import FailedPrecondition, Unavailable
from merkez.telephony.v1 import call_service_pb2, call_service_pb2_grpc

from merkez_ops.installation import Installation

PATIENCE = 30.0
"""Seconds until sound must have been heard."""
ENOUGH_PACKETS = 50
"""A second of sound: 20 ms each."""


class CannotCall(FailedPrecondition):
    """What makes calls isn't installed here."""

    reason = "CANNOT_CALL"


class NothingHeard(Unavailable):
    """The call was answered and no sound came."""

    reason = "NOTHING_HEARD"


@dataclass(frozen=True)
class Synthetic:
    """How the call went."""

    call_id: str
    answered_seconds: float
    """Until telephony's answer was there."""
    heard_seconds: float
    """Until a second of sound was."""
    packets: int


async def call(here: Installation, widget_key: str) -> Synthetic:
    """Calls and hangs up. CannotCall, NothingHeard, and what telephony refuses a call with."""
    try:
        from aiortc import RTCPeerConnection, RTCSessionDescription
        from aiortc.contrib.media import MediaBlackhole
        from aiortc.mediastreams import AudioStreamTrack
    except ImportError:
        raise CannotCall(
            "aiortc isn't installed here: run this where telephony is, such as the migrate image"
        ) from None
    stub: call_service_pb2_grpc.CallServiceAsyncStub = here.stub(call_service_pb2_grpc.CallServiceStub, "telephony")
    began, connection, sink = monotonic(), RTCPeerConnection(), MediaBlackhole()
    connection.addTrack(AudioStreamTrack())  # silence, as of somebody who listens
    connection.on("track", sink.addTrack)
    try:
        await connection.setLocalDescription(await connection.createOffer())
        request = call_service_pb2.StartWebCallRequest(
            widget_key=widget_key, sdp_offer=connection.localDescription.sdp, caller_name="merkez-ops",
            request_id=secrets.token_hex(16),
        )  # fmt: skip
        with acting_for(""):
            answer = await stub.StartWebCall(request, timeout=10)
        answered = monotonic() - began
        await connection.setRemoteDescription(RTCSessionDescription(answer.sdp_answer, "answer"))
        await sink.start()
        packets = await _heard(connection)
        heard = monotonic() - began
        with acting_for(answer.tenant_id):
            await stub.HangUp(call_service_pb2.HangUpRequest(call_id=answer.call_id))
        return Synthetic(answer.call_id, round(answered, 2), round(heard, 2), packets)
    finally:
        await sink.stop()
        await connection.close()


async def _heard(connection: object) -> int:
    end, packets = monotonic() + PATIENCE, 0
    while monotonic() < end:
        for each in (await connection.getStats()).values():  # type: ignore[attr-defined]
            if each.type == "inbound-rtp":
                packets = each.packetsReceived
        if packets >= ENOUGH_PACKETS:
            return packets
        await asyncio.sleep(0.1)
    raise NothingHeard(
        f"answered, but {packets} packets of sound came within {PATIENCE:.0f} s: see ports and addresses"
    )

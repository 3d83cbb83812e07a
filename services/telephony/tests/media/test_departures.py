"""What a slot's ticks made leaves together at its end; nobody can tell but by the processor time it takes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from chassis.lifecycle import Tasks
from telephony.media import standstill
from telephony.media.plane import MediaPlane, MediaSettings, host_addresses
from telephony.media.rtp_leg import RtpLeg
from testkit import eventually

from .raw_trunk import RawTrunk
from .test_lanes import known, ring

pytestmark = pytest.mark.media


@pytest_asyncio.fixture(params=[True, False], ids=["together", "one by one"])
async def plane(request: pytest.FixtureRequest) -> AsyncIterator[MediaPlane]:
    tasks = Tasks("media")
    settings = MediaSettings(host_addresses("127.0.0.1"), lanes=request.param)
    made = MediaPlane(settings, lambda work: tasks.spawn(work, "media"))
    yield made
    await made.close()
    await tasks.close()


async def _connected(plane: MediaPlane, trunk: RawTrunk) -> RtpLeg:
    leg = ring(plane, trunk)
    await known(leg, trunk)
    return leg


async def _in_a_tick(plane: MediaPlane, work: Callable[[], None]) -> None:
    """Do this in one tick, and wait until its slot is over."""
    did: list[bool] = []

    def tick() -> None:
        plane.ticker.remove(tick)
        did.append(True)
        work()

    plane.ticker.add(tick)
    await eventually(lambda: did)


def _payloads(trunk: RawTrunk) -> list[bytes]:
    return [payload for *_, payload in trunk.heard()]


async def test_what_a_slot_made_leaves_at_its_end_whole_and_in_order_encrypted_or_not(plane) -> None:
    with RawTrunk() as plain, RawTrunk(encrypted=True) as secret:
        legs = [await _connected(plane, trunk) for trunk in (plain, secret)]
        said = [bytes([number]) * (number + 1) for number in range(30)]
        meanwhile: list[bytes] = []

        def speak() -> None:
            for payload in said:
                for leg in legs:
                    leg.outbound.send(said, payload)
            meanwhile.extend(_payloads(plain))

        await _in_a_tick(plane, speak)
        assert meanwhile == ([] if plane.settings.lanes else said)
        assert (meanwhile or _payloads(plain)) == said and _payloads(secret) == said


async def test_who_stood_still_with_packets_in_hand_sends_none_of_them(plane, monkeypatch) -> None:
    with RawTrunk() as trunk:
        leg = await _connected(plane, trunk)

        def stand_still_between_two() -> None:
            leg.outbound.send(leg, b"before")
            slept = standstill.STOOD_SECONDS + 0.1
            monkeypatch.setattr(standstill, "monotonic", lambda: time.monotonic() + slept)
            leg.outbound.send(leg, b"after")

        await _in_a_tick(plane, stand_still_between_two)
        assert _payloads(trunk) == ([] if plane.settings.lanes else [b"before"])
        standstill.STANDSTILL.over()
        await _in_a_tick(plane, lambda: leg.outbound.send(leg, b"ours"))
        assert _payloads(trunk) == [b"ours"]


async def test_what_was_said_before_a_leg_is_closed_in_the_same_slot_is_heard(plane) -> None:
    with RawTrunk(encrypted=True) as trunk, RawTrunk() as other:
        leg, stays = await _connected(plane, trunk), await _connected(plane, other)

        def part() -> None:
            leg.outbound.send(leg, b"good-bye")
            with contextlib.suppress(StopIteration):
                leg.close().send(None)  # a SIP peer's waits for nothing
            assert leg.closed
            stays.outbound.send(leg, b"still here")

        await _in_a_tick(plane, part)
        assert _payloads(trunk) == [b"good-bye"] and _payloads(other) == [b"still here"]


async def test_more_packets_than_there_is_room_for_leave_all_the_same(plane) -> None:
    with RawTrunk() as trunk:
        leg = await _connected(plane, trunk)
        said = [number.to_bytes(2, "big") * 80 for number in range(400)]

        def speak() -> None:
            for payload in said:
                leg.outbound.send(said, payload)

        await _in_a_tick(plane, speak)
        assert _payloads(trunk) == said


async def test_a_peer_that_is_not_there_any_more_costs_the_others_of_its_slot_nothing(plane) -> None:
    with RawTrunk() as gone, RawTrunk() as trunk:
        leg, other = await _connected(plane, gone), await _connected(plane, trunk)
        gone.socket.close()

        def speak() -> None:
            for number in range(3):  # from the second on the first one's refusal is told
                leg.outbound.send(leg, b"to nobody")
                other.outbound.send(leg, bytes([number]) * 160)

        await _in_a_tick(plane, speak)
        assert _payloads(trunk) == [bytes([number]) * 160 for number in range(3)]

"""What a node recorded until it gave its calls away is with recording before a process whose disk goes with it ends."""

from __future__ import annotations

import asyncio

import pytest
from testkit import eventually

from .test_flow_driver import queue
from .test_handover import drain
from .two_nodes import Pair

pytestmark = pytest.mark.media


async def test_a_node_that_gave_its_calls_away_waits_for_no_recording_but_until_it_is_taken(pair: Pair) -> None:
    pair.first.flows.steps = [queue()]
    call, *_ = await pair.talk()
    await eventually(lambda: pair.first.recording.segments)
    await drain(pair.first)
    await eventually(lambda: pair.second.switchboard.find(call.call_id))
    await eventually(lambda: not pair.first.switchboard._parting)
    await asyncio.wait_for(pair.first.house.spool.drain(), 30)
    assert len(pair.first.recording.finished) == 1, "its part is whole where the disk goes with the process"

"""A region is cut off without a word: nobody hears it, it hears nobody, and it runs on until the network heals."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time

import pytest
from merkez_local.network import may_cut
from merkez_local.regions import REGIONS, Regions
from testkit.waiting import eventually

from tests.regions.drill import goes_on, hang_up, left_the_outbox, lost, new_call, node_of, office, short_call, twice

EAST, WEST = REGIONS
NEW_CALL_SECONDS = 8.0


@pytest.mark.skipif(not may_cut(), reason="cutting a network needs root")
@pytest.mark.timeout(240)
async def test_a_region_is_cut_off_and_what_it_does_after_the_heal_is_done_once(regions: Regions) -> None:
    assert regions.network is not None
    async with office(regions, EAST, ended=1) as east, office(regions, WEST) as west:
        billing = regions.systems[EAST].children["billing"].pid
        os.kill(billing, signal.SIGSTOP)
        unworked = [await short_call(east.company) for _ in range(2)]
        await eventually(lambda: left_the_outbox(regions, unworked))
        began = time.monotonic()
        regions.network.cut(EAST)
        try:
            new, back = await asyncio.gather(new_call(east.company, began), goes_on(east, began))
            assert (await node_of(regions, east.call_id)).endswith(f".{WEST}")
            await west.agent.hears(620)
            missing = await lost(regions, [*east.ended, *unworked])
        finally:
            regions.network.heal(EAST)
            os.kill(billing, signal.SIGCONT)
        await eventually(lambda: regions.front.healthy(EAST))
        await east.agent.hears(620)
        assert (await node_of(regions, east.call_id)).endswith(f".{WEST}"), "who woke up takes nothing back"
        await hang_up(east)
        await hang_up(west)
        after = await eventually(lambda: _heals(east.company))
        missing += await lost(regions, [east.call_id, west.call_id, after])
        doubled = await twice(regions)
        line = {
            "drill": "region_cut", "new_call_seconds": round(new, 2), "goal": NEW_CALL_SECONDS,
            "live_call_seconds": round(back, 2), "lost": len(missing), "duplicated": sum(doubled.values()),
        }  # fmt: skip
        print(json.dumps(line))
        assert not missing
        assert not doubled


async def _heals(company: object) -> str | None:
    try:
        async with asyncio.timeout(10):
            return await short_call(company)  # type: ignore[arg-type]
    except Exception:  # not yet
        return None

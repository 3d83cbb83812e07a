"""A region dies at once, as its power would: people, calls and facts go on in the other one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time

import pytest
from merkez_local.regions import REGIONS, Regions
from testkit.people import AgentAtDesk
from testkit.waiting import eventually

from tests.regions.drill import (
    goes_on,
    hang_up,
    left_the_outbox,
    lost,
    new_call,
    node_of,
    office,
    short_call,
    sign_in,
    twice,
)

EAST, WEST = REGIONS
NEW_CALL_SECONDS = 5.0


@pytest.mark.timeout(240)
async def test_a_region_is_killed_and_its_companies_go_on_in_the_other_one(regions: Regions) -> None:
    async with office(regions, EAST, ended=2) as east, office(regions, WEST) as west:
        # What billing hears of these is acknowledged by the region's stream, and worked by nobody there.
        billing = regions.systems[EAST].children["billing"]
        os.kill(billing.pid, signal.SIGSTOP)
        unworked = [await short_call(east.company) for _ in range(3)]
        await eventually(lambda: left_the_outbox(regions, unworked))
        began = time.monotonic()
        await regions.kill(EAST)
        new, signed_in, back = await asyncio.gather(
            new_call(east.company, began), sign_in(east.company, began), goes_on(east, began)
        )
        assert (await node_of(regions, east.call_id)).endswith(f".{WEST}")
        second = AgentAtDesk(await east.company.hire())
        await second.sit_down()
        await second.leave()
        await hang_up(east)
        await west.agent.hears(620)
        missing = await lost(regions, [*east.ended, *unworked, east.call_id])
        doubled = await twice(regions)

        await regions.start_region(EAST)
        await eventually(lambda: regions.front.healthy(EAST))
        in_it = await short_call(east.company)
        await hang_up(west)
        missing += await lost(regions, [in_it, west.call_id])
        doubled |= await twice(regions)
        line = {
            "drill": "region_killed", "new_call_seconds": round(new, 2), "goal": NEW_CALL_SECONDS,
            "sign_in_seconds": round(signed_in, 2), "live_call_seconds": round(back, 2),
            "lost": len(missing), "duplicated": sum(doubled.values()),
        }  # fmt: skip
        print(json.dumps(line))
        assert not missing
        assert not doubled

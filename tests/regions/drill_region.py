"""`make drill-region`: loses one of the regions that run, with a call in each, and brings it back. Prints a JSON line
of what that cost. Ends with 1 when something was lost or done twice, with 2 when it can't be tried.

It signs a company up in each region, as people do, and leaves both there: they have a call or two.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from merkez_local.drills import WAYS, DrillRefused, Pair, ask
from testkit import webrtc
from testkit.company import Company
from testkit.waiting import eventually

from tests.regions.drill import goes_on, hang_up, lost, new_call, node_of, office, short_call, twice

GOALS = {"kill": 5.0, "cut": 8.0, "deafen": 8.0}
"""Seconds until a new call is taken."""
LIVE_CALL_SECONDS = 10.0
"""A call that isn't heard for longer counts as lost (ITU-T E.855)."""
ROOT = Path(__file__).resolve().parents[2]


async def drill(data_dir: Path, how: str, region: str = "") -> dict[str, Any]:
    """Lose `region`, the first one unless told, and bring it back; what it cost. DrillRefused."""
    pair = await ask(data_dir, "look")
    region = region or next(iter(pair.urls))
    if region not in pair.urls:
        raise DrillRefused(f"there is no region {region!r}; there are: {', '.join(pair.urls)}")
    if missing := set(pair.urls) - set(pair.healthy):
        raise DrillRefused(f"not ready: {', '.join(sorted(missing))}")
    if how != "kill" and not pair.may_cut:
        raise DrillRefused(f"to {how} a region needs networks: run `make run-regions` as root")
    webrtc.PEERS_ADDRESSES[:] = [pair.people]
    other = next(name for name in pair.urls if name != region)
    before = await twice(pair)
    async with office(pair, region, ended=1) as here, office(pair, other) as there:
        began = time.monotonic()
        await ask(data_dir, "lose", region, how)
        try:
            new, back = await asyncio.gather(new_call(here.company, began), goes_on(here, began))
            adopted = (await node_of(pair, here.call_id)).endswith(f".{other}")
            await there.agent.hears(620)  # who wasn't there heard nothing of it
            missing_calls = await lost(pair, here.ended)
        finally:
            await ask(data_dir, "bring_back", region)
        await eventually(lambda: _ready(data_dir, region), deadline=60)
        await here.agent.hears(620)
        for each in (here, there):
            await hang_up(each)
        after = await eventually(lambda: _call(here.company), deadline=60)
        missing_calls += await lost(pair, [here.call_id, there.call_id, after])
        doubled = {what: count - before.get(what, 0) for what, count in (await twice(pair)).items()}
    return {
        "drill": f"region_{how}", "region": region,
        "new_call_seconds": round(new, 2), "new_call_goal": GOALS[how],
        "live_call_seconds": round(back, 2), "live_call_goal": LIVE_CALL_SECONDS,
        "adopted_by_other_region": adopted, "lost": len(missing_calls), "duplicated": sum(doubled.values()),
        "meets": adopted and new <= GOALS[how] and back <= LIVE_CALL_SECONDS,
    }  # fmt: skip


async def _ready(data_dir: Path, region: str) -> bool:
    pair: Pair = await ask(data_dir, "look")
    return region in pair.healthy


async def _call(company: Company) -> str | None:
    with contextlib.suppress(Exception):  # not yet
        async with asyncio.timeout(10):
            return await short_call(company)
    return None


def main(arguments: list[str] | None = None) -> int:
    """The command; its exit status."""
    parser = argparse.ArgumentParser(prog="make drill-region", description="Loses a region of `make run-regions`.")
    ways = WAYS | {"back": "bring back what a drill that was killed left lost"}
    parser.add_argument("how", choices=ways, help="; ".join(f"{way}: {what}" for way, what in ways.items()))
    parser.add_argument("region", nargs="?", default="", help="which one; the first unless told")
    asked = parser.parse_args(arguments)
    data_dir = Path(os.environ.get("MERKEZ_LOCAL_DIR", ROOT / ".local")) / "regions"
    try:
        if asked.how == "back":
            for name in [asked.region] if asked.region else asyncio.run(ask(data_dir, "look")).urls:
                asyncio.run(ask(data_dir, "bring_back", name))
            return 0
        line = asyncio.run(drill(data_dir, asked.how, asked.region))
    except DrillRefused as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(line))
    return 1 if line["lost"] or line["duplicated"] else 0


if __name__ == "__main__":
    raise SystemExit(main())

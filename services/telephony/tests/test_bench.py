"""The benches print what they promise, also of a few calls on a busy machine."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.media

BENCH = Path(__file__).parents[1] / "bench"
COSTS = ("cpu_per_call_second", "calls_per_core_at_80_percent", "added_delay_p50", "added_delay_p99", "packets_lost")
LEGS = ("memory_per_call", "setup_cpu_per_leg", "setup_wall_per_leg")
IDENTITY, SOUND = ("packets_not_identical",), ("sound_purity_p5", "sound_level_p5")
PROMISED = {
    "webrtc": COSTS + LEGS + IDENTITY, "rtp": COSTS + LEGS + IDENTITY,
    "recorded": (*COSTS, *IDENTITY, "memory_per_call", "cpu_added"),
    "webrtc_g711": COSTS + LEGS + SOUND, "three_parties": COSTS + LEGS + SOUND,
}  # fmt: skip
"""What is said of each kind of call."""
STORM = ("added_delay_p50", "added_delay_p99", "added_delay_p999", "packets_lost")


async def lines(*arguments: str, **environment: str) -> dict[str, Any]:
    """Metric -> its line, the last one of each."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(BENCH / "bench_media.py"), *arguments, stdout=asyncio.subprocess.PIPE,
        env=os.environ | environment,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode == 0
    return {line["metric"]: line for line in map(json.loads, out.splitlines())}


def promised(peer: bool) -> list[str]:
    """Every line of a run that holds as many calls as are wanted."""
    found = [f"{kind}_merkez_{each}" for kind, said in PROMISED.items() for each in said]
    found += [f"setup_storm_{each}" for each in STORM]
    if peer:
        theirs = [kind for kind in PROMISED if kind != "three_parties"]
        found += [f"{kind}_rtpengine_{each}" for kind in theirs for each in PROMISED[kind]]
        found += [f"{kind}_cpu_to_rtpengine" for kind in theirs]
    return found


@pytest.mark.timeout(400)
@pytest.mark.parametrize("compiler", [True, False])
async def test_a_tiny_run_prints_every_promised_line_with_and_without_a_compiler(
    compiler: bool, tmp_path: Path
) -> None:
    peer, environment = shutil.which("rtpengine"), {}
    if not compiler:
        if peer is not None:
            (tmp_path / "rtpengine").symlink_to(peer)
        environment = {"PATH": str(tmp_path), "CC": ""}
    found = await lines("3", "1.5", "1", **environment)
    assert [name for name in promised(peer is not None) if found.get(name, {}).get("value") is None] == []
    assert [line["note"] for line in found.values() if "broken off" in line.get("note", "")] == []
    assert ("rtpengine" in found) is (peer is None)
    compilers = compiler and any(map(shutil.which, ("cc", "gcc", "clang")))
    assert ("media_load" in found) is not compilers


_ROOM = """
import asyncio, bench_sound as bench

async def cost():
    print(bench.room_cost([bench.OPUS, bench.PCMU], 1, recorded=True))

asyncio.run(cost())
"""


def test_the_sound_bench_measures_rooms_of_legs_as_they_are() -> None:
    """Its legs have no network; what else a room does with a leg they must do too."""
    run = subprocess.run([sys.executable, "-c", _ROOM], cwd=BENCH, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert float(run.stdout) > 0

"""The benches print what they promise, also of a few calls on a busy machine, and fail where they say they do."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Sequence
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


SOUND_STEPS = ("decode_8000", "encode_8000", "conceal_8000", "decode_16000", "encode_16000", "decode_48000")
ROOMS = ("forwarded", "transcoded", "transcoded_lossy", "transcoded_recorded", "three_parties_16k", "eight_parties_16k")
LEFT = ("calls", "legs", "dialogs", "files", "tasks", "ticks")


async def run(*arguments: str, **environment: str) -> tuple[int | None, bytes, str]:
    """Exit code, output and complaints of a program of the bench, which has the clone's modules."""
    paths = os.pathsep.join((str(BENCH.parents[2]), str(BENCH)))
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": paths} | environment,
    )  # fmt: skip
    out, complaints = await process.communicate()
    return process.returncode, out, complaints.decode(errors="replace")


async def lines(program: str, *arguments: str, **environment: str) -> dict[str, Any]:
    """Metric -> its line, the last one of each."""
    code, out, complaints = await run(str(BENCH / program), *arguments, **environment)
    assert code == 0, complaints
    return {line["metric"]: line for line in map(json.loads, out.splitlines())}


def promised(peer: bool, kinds: Sequence[str] = tuple(PROMISED)) -> list[str]:
    """Every line of a run of these kinds that holds as many calls as are wanted."""
    found = [f"{kind}_merkez_{each}" for kind in kinds for each in PROMISED[kind]]
    found += [f"setup_storm_{each}" for each in STORM if "webrtc" in kinds]
    if peer:
        theirs = [kind for kind in kinds if kind != "three_parties"]
        found += [f"{kind}_rtpengine_{each}" for kind in theirs for each in PROMISED[kind]]
        found += [f"{kind}_cpu_to_rtpengine" for kind in theirs]
    return found


@pytest.mark.timeout(400)
@pytest.mark.parametrize("compiler", [True, False])
async def test_a_tiny_run_prints_every_promised_line_with_and_without_a_compiler(
    compiler: bool, tmp_path: Path
) -> None:
    """Without one only the load is another's: one kind says that it is."""
    peer, environment = shutil.which("rtpengine"), {}
    kinds = tuple(PROMISED) if compiler else ("rtp",)
    if not compiler:
        if peer is not None:
            (tmp_path / "rtpengine").symlink_to(peer)
        environment = {"PATH": str(tmp_path), "CC": ""}
    found = await lines("bench_media.py", "3", "1.5", "1", *(() if compiler else kinds), **environment)
    missing = [name for name in promised(peer is not None, kinds) if found.get(name, {}).get("value") is None]
    assert missing == []
    assert [line["note"] for line in found.values() if "broken off" in line.get("note", "")] == []
    assert ("rtpengine" in found) is (peer is None)
    compilers = compiler and any(map(shutil.which, ("cc", "gcc", "clang")))
    assert ("media_load" in found) is not compilers


async def test_a_tiny_run_says_what_sound_costs_step_by_step_and_in_rooms() -> None:
    found = await lines("bench_sound.py", "1", "1")
    wanted = [*(f"opus_{each}" for each in SOUND_STEPS), *(f"room_{each}" for each in ROOMS), "announcement_over_music"]
    assert [name for name in wanted if not found.get(name, {}).get("value")] == []


async def test_a_tiny_soak_says_what_each_call_left_behind_and_fails_where_it_was_something() -> None:
    code, out, complaints = await run(str(BENCH / "soak.py"), "0", "gone_from_the_queue")
    found = {line["metric"]: line for line in map(json.loads, out.splitlines())}
    assert found["soak_gone_from_the_queue"]["value"] == 2, complaints
    assert found["soak_gone_from_the_queue_failed"]["value"] == 0, complaints
    assert [found[f"soak_{name}_left"]["value"] for name in ("calls", "legs", "dialogs")] == [0, 0, 0]
    # What is kept for ever, such as connections to the database, may not all be there after so few calls.
    assert {f"soak_{name}_left" for name in LEFT} | {"soak_objects_left_per_call", "soak_memory_growth"} <= set(found)
    assert code == int(any(line["meets"] is False for line in found.values())), complaints


async def test_a_soak_that_misses_its_goal_fails_and_names_what_is_left_and_which_calls_went_wrong() -> None:
    code, out, complaints = await run("-c", LEAK)
    assert code == 1 and len(out.splitlines()) == 12
    assert complaints.strip().splitlines()[-1] == (
        "the soak missed its goal: 1 of 3 desk_phone failed (TimeoutError()); tasks: 40 before, 42 after; "
        "memory: 9.5 MB more than before, 8 are allowed"
    )


LEAK = """
import soak

async def a_leak(minutes, kinds, folder):
    tally = soak.Tally()
    tally.calls.update(desk_phone=3, voicemail=1)
    tally.failed["desk_phone"], tally.why["desk_phone"] = 1, "TimeoutError()"
    before = dict.fromkeys(soak._LEFT, 0) | {"tasks": 40, "objects": 1000, "rss": 100_000_000}
    return soak.told(tally, before, before | {"tasks": 42, "rss": 109_500_000}, minutes)

soak.soak = a_leak
soak.main()
"""


async def test_a_node_that_is_too_slow_fails_and_says_by_how_much() -> None:
    code, out, complaints = await run("-c", SLOW)
    found = {line["metric"]: line["meets"] for line in map(json.loads, out.splitlines())}
    assert code == 1 and found == {
        "node_calls_answered_and_ended": False, "node_calls_per_second": False, "node_invite_to_200_p50": None,
        "node_invite_to_200_p95": False, "node_cpu_per_call": True,
    }  # fmt: skip
    assert complaints.strip().splitlines()[-1] == (
        "the node missed its goal: 2 of 100 calls weren't answered and ended as they should be; 24.4 calls a second "
        "were answered of 50 offered; one call in twenty waited for its answer for 930 ms or longer, 500 are allowed"
    )


SLOW = """
import bench_node
from testkit.voice_peers import Outcome

async def a_slow_one(calls, rate, folder):
    delays = [float(delay) for delay in range(0, 980, 10)]
    return bench_node.told(bench_node.Run(rate, Outcome(98, 2, 0, 7), delays, 4.0, 1.0))

bench_node.bench = a_slow_one
bench_node.main()
"""

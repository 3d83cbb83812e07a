"""The operators' drill: a command that loses a region of two that run, and brings it back."""

from __future__ import annotations

import json

import pytest
from merkez_local.drills import DrillPost, DrillRefused, ask
from merkez_local.network import may_cut
from merkez_local.regions import REGIONS, Regions

from tests.regions.drill_region import drill, main

EAST, WEST = REGIONS


async def test_a_drill_that_can_not_be_tried_says_why_and_touches_nothing(regions: Regions) -> None:
    folder = regions.options.data_dir
    with pytest.raises(DrillRefused, match="make run-regions"):
        await ask(folder, "look")
    post = DrillPost(regions)
    await post.start()
    try:
        for what, region, how, said in (
            ("lose", "mars", "kill", "there is no region 'mars'; there are: eu-central, eu-west"),
            ("lose", EAST, "flood", "lost by one of: kill, cut, deafen"),
        ):
            with pytest.raises(DrillRefused, match=said):
                await ask(folder, what, region, how)
        assert set((await ask(folder, "bring_back", EAST)).healthy) == set(REGIONS), "it wasn't lost"
    finally:
        await post.close()


def test_without_regions_the_command_says_what_to_start(monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.setenv("MERKEZ_LOCAL_DIR", str(tmp_path))
    assert main(["kill"]) == 2
    assert "make run-regions" in capsys.readouterr().err


@pytest.mark.skipif(not may_cut(), reason="cutting a network needs root")
@pytest.mark.timeout(240)
async def test_a_region_that_hears_nobody_though_it_is_heard_is_lost_and_brought_back(
    regions: Regions,
) -> None:
    post = DrillPost(regions)
    await post.start()
    try:
        line = await drill(regions.options.data_dir, "deafen", WEST)
    finally:
        await post.close()
    print(json.dumps(line))
    assert line["adopted_by_other_region"] and line["lost"] == line["duplicated"] == 0

"""Each company is at home in a region, and its calls stay there."""

from __future__ import annotations

from chassis.settings import load
from kernel.ids import home_region
from merkez_local.regions import REGIONS, Regions
from merkez_ops.settings import OpsSettings

from tests.regions.drill import hang_up, lost, node_of, office, twice


async def test_a_call_in_each_region_stays_there_and_is_billed_once(regions: Regions) -> None:
    async with office(regions, REGIONS[0]) as east, office(regions, REGIONS[1]) as west:
        for each in (east, west):
            assert home_region(each.company.tenant_id) == each.region
            assert (await node_of(regions, each.call_id)).endswith(f".{each.region}")
            await hang_up(each)
        assert await lost(regions, [east.call_id, west.call_id]) == []
        assert await twice(regions) == {}


async def test_whoever_looks_after_a_region_is_told_which_one_it_is(regions: Regions) -> None:
    for name, system in regions.systems.items():
        settings = load(OpsSettings, service="ops", environ=system.operations_environment())
        assert (settings.region, set(settings.regions)) == (name, set(REGIONS))

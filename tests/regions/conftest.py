"""Two running regions for the drills: all processes, a network each, one database beside them."""

from __future__ import annotations

import inspect
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from merkez_local.console import Console
from merkez_local.regions import Regions, RegionsOptions
from testkit import webrtc


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One pair of regions for all of them, so one worker and one event loop."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("regions"))
            if inspect.iscoroutinefunction(getattr(item, "function", None)):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def regions(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Regions]:
    """Both, running; stopped when the last test is over."""
    folder = tmp_path_factory.mktemp("regions", numbered=True)
    web = "MERKEZ_SKIP_WEB" not in os.environ
    running = Regions(RegionsOptions(data_dir=folder, durable=False, web=web), Console(quiet=True))
    peers = webrtc.PEERS_ADDRESSES[:]
    await running.start()
    webrtc.PEERS_ADDRESSES[:] = [running.people]
    yield running
    webrtc.PEERS_ADDRESSES[:] = peers
    await running.stop()

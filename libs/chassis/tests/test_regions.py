"""A region is heard, falls silent, and is heard again: what facts, traffic and pagers go by."""

from __future__ import annotations

from collections.abc import AsyncIterator

import nats
import pytest
import pytest_asyncio
from chassis import regions
from chassis.lifecycle import Tasks
from chassis.regions import Horizon
from merkez_local.nats import Nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from testkit import eventually


@pytest_asyncio.fixture
async def client(nats_server: Nats) -> AsyncIterator[Client]:
    connection = await nats.connect(nats_server.url)
    yield connection
    await connection.close()


async def test_a_region_that_answers_no_more_is_silent_until_it_does(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: dict[str, int] = {}
    monkeypatch.setattr(regions, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(regions._silent, "set", lambda value, of: measured.update({of["region"]: value}))

    async def there(message: Msg) -> None:
        await message.respond(b"{}")

    east = await client.subscribe("$JS.east.API.INFO", cb=there)
    await client.subscribe("$JS.south.API.INFO", cb=there)
    tasks, horizon = Tasks("test"), Horizon(client, ["east", "south"])
    tasks.spawn(horizon.watch(), "watch")
    await eventually(lambda: measured == {"east": 0, "south": 0})
    await east.unsubscribe()
    await eventually(lambda: measured == {"east": 1, "south": 0})
    assert horizon.silent("east") and not horizon.silent("south")
    await client.subscribe("$JS.east.API.INFO", cb=there)
    await eventually(lambda: measured["east"] == 0 and not horizon.silent("east"))
    await tasks.close()

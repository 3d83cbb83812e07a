"""A desk phone is its agent's station while it can ring, and only so long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from merkez.telephony.v1 import call_service_pb2 as pb
from sqlalchemy import update
from telephony.domain.stations import StationNotFound
from telephony.ops import devices as device_ops
from telephony.ops import stations as ops
from telephony.store.trunk_tables import device_bindings

from .conftest import Exchange, an_id
from .desk_phones import DeskPhone
from .test_recovery import after_a_crash

pytestmark = pytest.mark.media


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0")


async def station_of(exchange: Exchange, agent_id: str) -> str:
    """Whose media it is, "" without one: a phone's id or a browser tab's."""
    try:
        return (await exchange.house.db.run(exchange.tenant_id, lambda tx: ops.get_station(tx, agent_id))).client_id
    except StationNotFound:
        return ""


async def id_of(exchange: Exchange, phone: DeskPhone) -> str:
    found = await exchange.house.db.system(lambda tx: device_ops.find_by_user_name(tx, phone.user))
    assert found is not None
    return found[1]


async def told_last(exchange: Exchange) -> str:
    return [name for name in await exchange.facts() if name.startswith("Station")][-1]


async def signs_off(phone: DeskPhone) -> None:
    assert phone._registrant is not None
    await phone._registrant.stop()


async def test_an_agents_other_phone_is_the_station_once_one_signs_off(exchange: Exchange) -> None:
    agent_id = an_id("usr")
    first, second = [await DeskPhone.signed_in(exchange, agent_id) for _ in range(2)]
    assert await station_of(exchange, agent_id) == await id_of(exchange, first)
    await signs_off(first)
    assert await station_of(exchange, agent_id) == await id_of(exchange, second)
    assert await told_last(exchange) == "StationAttached"
    await signs_off(second)
    assert await station_of(exchange, agent_id) == "" and await told_last(exchange) == "StationDetached"
    await first.close()
    await second.close()


async def test_a_phone_is_the_station_again_once_the_browser_has_gone(exchange: Exchange) -> None:
    agent_id = an_id("usr")
    phone = await DeskPhone.signed_in(exchange, agent_id)
    await exchange.attach(exchange.peer(), agent_id)
    with exchange.as_agent(agent_id):
        await exchange.stations.DetachStation(pb.DetachStationRequest(client_id="tab1"))
    assert await station_of(exchange, agent_id) == await id_of(exchange, phone)
    await phone.close()


async def expires(exchange: Exchange, device_id: str) -> None:
    past = exchange.house.now() - timedelta(seconds=1)
    lapsed = update(device_bindings).where(device_bindings.c.device_id == device_id).values(expire_time=past)
    await exchange.house.db.system(lambda tx: tx.execute(lapsed))


async def is_deleted(exchange: Exchange, device_id: str) -> None:
    await exchange.house.db.run(exchange.tenant_id, lambda tx: device_ops.delete_device(tx, device_id))


async def is_disabled(exchange: Exchange, device_id: str) -> None:
    now = exchange.house.now()
    off = {"enabled": False}
    await exchange.house.db.run(exchange.tenant_id, lambda tx: device_ops.update_device(tx, device_id, off, 0, now))


@pytest.mark.parametrize("goes", [expires, is_deleted, is_disabled])
async def test_a_phone_that_can_not_ring_any_more_is_no_station(
    exchange: Exchange, goes: Callable[[Exchange, str], Awaitable[None]]
) -> None:
    agent_id = an_id("usr")
    phone = await DeskPhone.signed_in(exchange, agent_id)
    await exchange.watch.sweep()
    assert await station_of(exchange, agent_id)
    await goes(exchange, await id_of(exchange, phone))
    await exchange.watch.sweep()
    assert await station_of(exchange, agent_id) == "" and await told_last(exchange) == "StationDetached"
    await phone.close()


async def test_a_phone_stays_the_station_though_its_node_starts_again(exchange: Exchange) -> None:
    agent_id = an_id("usr")
    phone = await DeskPhone.signed_in(exchange, agent_id)
    _, watch = after_a_crash(exchange, station_grace_seconds=0.0)
    await watch.recover()
    await watch.sweep()
    assert await station_of(exchange, agent_id) == await id_of(exchange, phone)
    assert await told_last(exchange) == "StationAttached"
    await phone.close()

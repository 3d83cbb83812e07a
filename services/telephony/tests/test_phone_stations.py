"""A desk phone is its agent's station while it can ring, and only so long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from merkez.telephony.v1 import call_service_pb2 as pb
from sqlalchemy import update
from telephony.domain.calls import CallState, Contact
from telephony.domain.find_me import Resort, ResortKind, When
from telephony.domain.stations import StationNotFound
from telephony.ops import devices as device_ops
from telephony.ops import stations as ops
from telephony.sip import Invitation
from telephony.store.trunk_tables import device_bindings
from testkit import eventually

from .conftest import MUSIC_HZ, Exchange, an_id
from .desk_phones import DeskPhone
from .scene import ANN_HZ, CUSTOMER_HZ
from .seeking import setting
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


@pytest.mark.parametrize("declines", [True, False])
async def test_a_caller_whose_agent_does_not_pick_the_phone_up_waits_in_the_queue_again(
    make_exchange, declines
) -> None:
    exchange = await make_exchange(sip_listen="udp:127.0.0.1:0", talking_grace_seconds=5.0)
    agent_id, contact = an_id("usr"), Contact(an_id("con"), queue_id=an_id("que"))
    phone, customer = await DeskPhone.signed_in(exchange, agent_id), exchange.peer(CUSTOMER_HZ)
    other, other_id = exchange.peer(ANN_HZ), an_id("usr")
    await exchange.attach(other, other_id)

    async def ring(invitation: Invitation) -> None:
        await invitation.ring()
        if declines:
            await invitation.refuse(486)

    phone.behave = ring
    call = await exchange.call(customer)
    await exchange.accept(call.call_id, agent_id, contact)
    await eventually(lambda: len(exchange.flows.started) == 2)
    assert exchange.flows.started[1].queue_id == contact.queue_id
    live = exchange.switchboard.find(call.call_id)
    assert live is not None
    await eventually(lambda: live.call.state is CallState.QUEUED)
    await customer.hears(MUSIC_HZ)
    (left,) = [fact for fact in await exchange.told() if fact.DESCRIPTOR.name == "AgentLeft"]
    assert (left.agent_id, left.contact_id) == (agent_id, contact.contact_id)
    assert left.q850_cause == (17 if declines else 19)
    assert (live.call.answer_time, live.call.talk) == (None, timedelta(0)), "nobody has answered yet"

    await exchange.accept(call.call_id, other_id)
    await customer.hears(ANN_HZ)
    talk, _ = live.measured()
    assert talk is not None and talk < timedelta(seconds=2), "nobody talked while the phone rang"
    await phone.close()


async def _is_not_picked_up(exchange: Exchange, agent_id: str) -> str:
    """A call for an agent alone, which they accept and whose phone they don't pick up; its id."""
    phone = await DeskPhone.signed_in(exchange, agent_id)
    phone.behave = lambda invitation: invitation.refuse(486)
    call = await exchange.call(exchange.peer(CUSTOMER_HZ))
    await exchange.accept(call.call_id, agent_id, Contact(an_id("con")))
    await eventually(lambda: len(exchange.flows.started) == 2)
    await phone.close()
    return call.call_id


async def test_who_called_an_agent_alone_leaves_them_a_message_when_the_phone_is_not_picked_up(
    exchange: Exchange,
) -> None:
    agent_id = an_id("usr")
    call_id = await _is_not_picked_up(exchange, agent_id)
    assert exchange.flows.started[1].voicemail_of_agent_id == agent_id
    live = exchange.switchboard.find(call_id)
    assert live is not None and live.call.answer_time is None, "nobody has answered"
    (left,) = [fact for fact in await exchange.told() if fact.DESCRIPTOR.name == "AgentLeft"]
    assert (left.agent_id, left.q850_cause) == (agent_id, 17)


async def test_the_last_resort_counts_also_for_an_agent_who_accepted_and_does_not_pick_up(exchange: Exchange) -> None:
    agent_id, queue_id = an_id("usr"), an_id("que")
    await setting(exchange, agent_id, when=When.AWAY, resort=Resort(ResortKind.QUEUE, queue_id))
    await _is_not_picked_up(exchange, agent_id)
    assert exchange.flows.started[1].queue_id == queue_id
    assert "CallForwarded" in await exchange.facts()

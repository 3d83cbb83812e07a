"""Supervisors whose media isn't on the call's node: a desk phone, a softphone at another node."""

from __future__ import annotations

from typing import Any

import pytest
from merkez.telephony.v1 import call_pb2
from testkit import eventually

from .conftest import Exchange, an_id
from .desk_phones import DeskPhone
from .scene import ANN_HZ, CUSTOMER_HZ, EVE_HZ, Scene
from .two_nodes import Pair

pytestmark = pytest.mark.media
LISTEN = call_pb2.SUPERVISION_MODE_LISTEN


async def in_talk(exchange: Exchange) -> Scene:
    customer, ann, ann_id = exchange.peer(CUSTOMER_HZ), exchange.peer(ANN_HZ), an_id("usr")
    await exchange.attach(ann, ann_id)
    call = await exchange.call(customer)
    await exchange.accept(call.call_id, ann_id)
    await customer.hears(ANN_HZ)
    return Scene(exchange, call.call_id, customer, ann, ann_id)


async def test_a_supervisor_with_a_desk_phone_alone_listens_by_it_until_they_hang_up(make_exchange: Any) -> None:
    scene, eve_id = await in_talk(await make_exchange(sip_listen="udp:127.0.0.1:0")), an_id("usr")
    phone = await DeskPhone.signed_in(scene.exchange, eve_id, EVE_HZ)
    await scene.do("SuperviseCall", eve_id, role="supervisor", mode=LISTEN)
    await phone.peer.hears(CUSTOMER_HZ)
    scene.customer.forget()
    await scene.customer.hears(ANN_HZ)
    await phone.dialogs[0].bye()

    async def over() -> bool:
        return (await scene.exchange.facts()).count("SupervisionChanged") == 2

    await eventually(over)
    await scene.customer.hears(ANN_HZ)


async def test_a_supervisors_softphone_is_called_to_the_node_of_the_call(pair: Pair) -> None:
    scene, eve_id, wanted = await in_talk(pair.first), an_id("usr"), list[tuple[str, str]]()
    await pair.second.attach(pair.second.peer(EVE_HZ), eve_id)
    pair.first.switchboard.station_wanted = lambda _tenant, agent_id, node_id: wanted.append((agent_id, node_id))
    await scene.do("SuperviseCall", eve_id, role="supervisor", mode=LISTEN)
    await pair.first.watch.refresh(scene.call_id)
    assert wanted == [(eve_id, pair.first.house.settings.node_id)]

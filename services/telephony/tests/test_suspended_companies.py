"""A company that was suspended, or owes, in the middle of its calls rings nobody more, by whatever way; its talks go
on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kernel.errors import Forbidden
from merkez.telephony.v1 import call_service_pb2
from merkez.tenancy.v1 import tenant_pb2
from telephony.sip import Failure
from testkit import eventually

from .conftest import Exchange, an_id
from .neighbours import queue_instruction
from .scene import ANN_HZ, Scene, scene
from .test_flow_dials import dial, say
from .test_phones_in_calls import PHONE_HZ, talking

__all__ = ["scene"]
pytestmark = pytest.mark.media

NUMBER = "+15550100199"


def suspend(exchange: Exchange) -> None:
    exchange.tenancy.caller_numbers.tenant_state = tenant_pb2.TENANT_STATE_SUSPENDED


def restrict(exchange: Exchange) -> None:
    exchange.tenancy.caller_numbers.tenant_restricted = True


@pytest.mark.parametrize(("standing", "reason"), [(suspend, "TENANT_SUSPENDED"), (restrict, "TENANT_RESTRICTED")])
async def test_an_agent_neither_asks_nor_sends_to_a_number(
    scene: Scene, standing: Callable[[Exchange], None], reason: str
) -> None:
    standing(scene.exchange)
    for verb in ("ConsultCall", "TransferCall"):
        assert await scene.refused(lambda verb=verb: scene.do(verb, number=NUMBER)) == reason
    assert scene.exchange.outside.begun == []
    await scene.customer.hears(ANN_HZ)


async def test_who_owes_dials_nobody_and_is_called_as_before(exchange: Exchange) -> None:
    restrict(exchange)
    ann, ann_id = exchange.peer(ANN_HZ), an_id("usr")
    await exchange.attach(ann, ann_id)
    with exchange.as_agent(ann_id), pytest.raises(Forbidden) as refused:
        await exchange.calls.DialCall(call_service_pb2.DialCallRequest(request_id="r", number=NUMBER))
    assert refused.value.reason == "TENANT_RESTRICTED" and exchange.outside.begun == []
    customer = exchange.peer(440.0)
    call = await exchange.call(customer)
    await exchange.accept(call.call_id, ann_id)
    await customer.hears(ANN_HZ)


async def test_a_flow_is_told_that_it_can_not_dial_and_goes_on(exchange: Exchange) -> None:
    suspend(exchange)
    exchange.flows.steps = [dial(NUMBER), say("Nobody there"), queue_instruction()]
    await exchange.call(exchange.peer(440.0))
    await eventually(lambda: len(exchange.flows.reports) > 1)
    assert [report.detail for report in exchange.flows.reports] == ["TENANT_SUSPENDED", ""]
    assert exchange.outside.begun == []


async def test_a_phones_second_call_and_its_transfer_key_ring_nobody(make_exchange: Any) -> None:
    exchange = await make_exchange(sip_listen="udp:127.0.0.1:0")
    phone, _, customer, _ = await talking(exchange)
    suspend(exchange)
    refused = await phone.dial(NUMBER)
    assert isinstance(refused, Failure) and refused.status == 403 and "suspended" in refused.reason
    await customer.hears(PHONE_HZ)
    assert await phone.dialogs[0].refer(phone.uri(NUMBER)) == 403
    await customer.hears(PHONE_HZ)
    await phone.close()

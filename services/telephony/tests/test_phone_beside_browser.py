"""An agent who talks in the browser picks up their desk phone: one person, one call."""

from __future__ import annotations

from typing import Any

import pytest
from kernel.errors import FailedPrecondition
from merkez.telephony.v1 import call_service_pb2
from telephony.sip import Failure
from telephony.store import stations as station_store

from .conftest import Exchange
from .desk_phones import DeskPhone
from .scene import ANN_HZ, CUSTOMER_HZ, Scene, scene
from .test_phone_transfers import NUMBER, carrier, exchange

__all__ = ["carrier", "exchange", "scene"]
pytestmark = pytest.mark.media


class Busy(FailedPrecondition):
    """What routing says of who talks."""

    reason = "AGENT_NOT_AVAILABLE"


async def test_a_call_dialled_beside_one_in_the_browser_is_refused_and_leaves_that_one_as_it_is(
    exchange: Exchange, carrier: Any, scene: Scene
) -> None:
    phone = await DeskPhone.signed_in(exchange, scene.ann_id)
    exchange.routing.refusal = Busy("they talk")
    refused = await phone.dial(NUMBER)
    assert isinstance(refused, Failure) and refused.status == 486
    exchange.routing.refusal = None
    station = await exchange.house.db.run(
        exchange.tenant_id, lambda tx: station_store.find_station(tx, scene.ann_id), read_only=True
    )
    assert station is not None and station.call_id == scene.call_id
    with exchange.as_owner():
        assert not (await exchange.calls.ListCdrs(call_service_pb2.ListCdrsRequest())).cdrs

    loaded_again = exchange.peer(ANN_HZ)
    await exchange.attach(loaded_again, scene.ann_id)
    await loaded_again.hears(CUSTOMER_HZ)
    await phone.close()


async def test_who_was_refused_a_call_calls_once_theirs_is_over(exchange: Exchange, carrier: Any, scene: Scene) -> None:
    phone = await DeskPhone.signed_in(exchange, scene.ann_id)
    assert isinstance(await phone.dial(NUMBER), Failure)
    await scene.do("HangUp")
    assert not isinstance(await phone.dial(NUMBER), Failure)
    await phone.close()

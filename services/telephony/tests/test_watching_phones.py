"""A supervisor who listens by a desk phone and is asked, takes over or answers a call of their own keeps that phone."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio
from merkez.telephony.v1 import call_pb2
from testkit import eventually

from .conftest import Exchange, an_id
from .desk_phones import DeskPhone
from .scene import ANN_HZ, CUSTOMER_HZ, EVE_HZ, ZOE_HZ, Scene
from .test_supervision_elsewhere import in_talk

pytestmark = pytest.mark.media
LISTEN = call_pb2.SUPERVISION_MODE_LISTEN


@pytest_asyncio.fixture
async def scene(make_exchange: Any) -> Scene:
    return await in_talk(await make_exchange(sip_listen="udp:127.0.0.1:0"))


async def listening(scene: Scene) -> tuple[DeskPhone, str]:
    """A supervisor's only phone, by which they listen, and who they are."""
    eve_id = an_id("usr")
    phone = await DeskPhone.signed_in(scene.exchange, eve_id, EVE_HZ)
    await scene.do("SuperviseCall", eve_id, role="supervisor", mode=LISTEN)
    await phone.peer.hears(CUSTOMER_HZ)
    return phone, eve_id


def kept(phone: DeskPhone) -> bool:
    """Whether it was rung once and is in that call still."""
    return len(phone.invitations) == 1 and not phone.dialogs[0].ended


async def test_a_supervisor_who_listens_by_a_phone_and_is_asked_answers_by_the_same_phone(scene: Scene) -> None:
    phone, eve_id = await listening(scene)
    await scene.do("ConsultCall", agent_id=eve_id)
    await scene.exchange.accept(scene.call_id, eve_id, scene.consult_contact())
    await scene.ann.hears(EVE_HZ)
    phone.peer.forget()
    await phone.peer.hears(ANN_HZ)
    await scene.do("CompleteTransfer")
    await scene.customer.hears(EVE_HZ)
    assert kept(phone)
    await phone.dialogs[0].bye()
    await eventually(lambda: not scene.exchange.switchboard.calls)
    await phone.close()


async def test_a_supervisor_who_listens_by_a_phone_takes_over_by_it(scene: Scene) -> None:
    phone, eve_id = await listening(scene)
    call = await scene.do("TakeOverCall", eve_id, role="supervisor")
    assert call.agent_id == eve_id
    await scene.customer.hears(EVE_HZ)
    await scene.ann.hears_nothing()
    assert kept(phone)
    await phone.close()


async def test_a_supervisor_who_listens_by_a_phone_and_accepts_a_call_has_it_on_that_phone_and_listens_no_more(
    scene: Scene,
) -> None:
    phone, eve_id = await listening(scene)
    exchange: Exchange = scene.exchange
    other = exchange.peer(ZOE_HZ)
    call = await exchange.call(other)
    await exchange.accept(call.call_id, eve_id)
    await other.hears(EVE_HZ)
    phone.peer.forget()
    await phone.peer.hears(ZOE_HZ)
    await exchange.watch.refresh(scene.call_id)
    seen = await scene.do("GetCall", an_id("usr"), role="supervisor")
    assert {leg.party for leg in seen.legs if leg.state != call_pb2.LEG_STATE_ENDED} == {"customer", "agent"}
    assert (await exchange.facts()).count("SupervisionChanged") == 2
    scene.customer.forget()
    await scene.customer.hears(ANN_HZ)
    assert kept(phone)
    await phone.dialogs[0].bye()
    await eventually(lambda: exchange.switchboard.find(call.call_id) is None)
    assert exchange.switchboard.find(scene.call_id) is not None
    await phone.close()


async def test_a_supervisor_who_barges_in_by_a_phone_and_holds_it_is_heard_by_nobody_until_they_are_back(
    scene: Scene,
) -> None:
    phone, eve_id = await listening(scene)
    await scene.do("SuperviseCall", eve_id, role="supervisor", mode=call_pb2.SUPERVISION_MODE_BARGE)
    await scene.customer.hears_all(ANN_HZ, EVE_HZ)
    said = phone.peer.describe()
    # Many play music to whom they hold.
    phone.peer.accept(await phone.dialogs[0].reinvite(phone.peer.describe("sendonly")))

    def heard() -> list[float]:
        return scene.customer.frequencies(seconds=0.3, count=2)

    await eventually(lambda: bool(heard()) and not any(abs(each - EVE_HZ) < 20 for each in heard()))
    assert any(abs(each - ANN_HZ) < 20 for each in heard())
    phone.peer.accept(await phone.dialogs[0].reinvite(said))
    await scene.customer.hears_all(ANN_HZ, EVE_HZ)
    await phone.close()

"""Keys: for whoever outside hears who presses them, and for no menu that comes later."""

from __future__ import annotations

import pytest
from google.protobuf.duration_pb2 import Duration
from kernel.errors import FailedPrecondition
from merkez.flows.v1 import run_service_pb2 as run
from merkez.telephony.v1 import call_service_pb2
from testkit import eventually

from .conftest import MUSIC_HZ, SPOKEN_HZ, Exchange, an_id
from .scene import ANN_HZ, BEN_HZ, CUSTOMER_HZ, ZOE_HZ, Scene, scene

__all__ = ["scene"]
pytestmark = pytest.mark.media


async def test_a_customer_sent_to_a_number_finds_their_way_through_its_menu(scene: Scene) -> None:
    zoe = scene.exchange.peer(ZOE_HZ)
    await scene.do("TransferCall", number="+15550100199")
    await scene.exchange.outside.begun[-1].answer(zoe)
    await zoe.hears(CUSTOMER_HZ)
    await scene.customer.press("42#")
    await eventually(lambda: zoe.digits == "42#")
    assert not scene.customer.digits


async def test_a_customer_on_hold_presses_for_nobody(scene: Scene) -> None:
    zoe = scene.exchange.peer(ZOE_HZ)
    await scene.do("ConsultCall", number="+15550100199")
    await scene.exchange.outside.begun[-1].answer(zoe)
    await zoe.hears(ANN_HZ)
    await scene.customer.press("4")
    await scene.do("JoinCall")
    await zoe.hears_all(ANN_HZ, CUSTOMER_HZ)
    await scene.customer.press("2")
    await eventually(lambda: zoe.digits == "2")


async def test_keys_pressed_in_a_queue_answer_no_menu_that_comes_after_the_talk(exchange: Exchange) -> None:
    customer, ann, ann_id = exchange.peer(CUSTOMER_HZ), exchange.peer(ANN_HZ), an_id("usr")
    await exchange.attach(ann, ann_id)
    response = await exchange.call(customer)
    await customer.hears(MUSIC_HZ)
    await customer.press("9")
    await exchange.accept(response.call_id, ann_id)
    await customer.hears(ANN_HZ)
    menu = run.GatherInstruction(audio=[run.Audio(text="Press one")], max_digits=1, timeout=Duration(seconds=20))
    exchange.flows.steps = [run.Instruction(gather=menu)]
    flow_id = an_id("flw")
    exchange.flows.released[flow_id] = True
    with exchange.as_agent(ann_id):
        await exchange.calls.TransferCall(
            call_service_pb2.TransferCallRequest(call_id=response.call_id, flow_id=flow_id)
        )
    await customer.hears(SPOKEN_HZ)
    assert not exchange.flows.reports
    await customer.press("1")
    await eventually(lambda: exchange.flows.events() == [("DIGITS", "1")])


async def test_a_colleague_who_is_only_asked_presses_nothing_for_the_customer(scene: Scene) -> None:
    ben, ben_id = await scene.agent(BEN_HZ)
    await scene.consult(ben_id)
    await scene.do("SwapCall")
    await scene.customer.hears(ANN_HZ)
    await ben.press("6")
    await scene.do("SwapCall")
    await scene.do("JoinCall")
    await scene.customer.hears_all(ANN_HZ, BEN_HZ)
    await ben.press("7")
    await eventually(lambda: scene.customer.digits == "7")


async def test_an_agent_finds_their_way_through_the_menu_of_a_number_that_speaks_before_it_answers(
    scene: Scene,
) -> None:
    zoe = scene.exchange.peer(ZOE_HZ)
    await scene.do("ConsultCall", number="+15550100199")
    assert await scene.refused(lambda: scene.do("SendDigits", digits="1")) == "CALL_NOT_TALKING", "it only rings"
    await scene.exchange.outside.begun[-1].early_media(zoe)
    await scene.ann.hears(ZOE_HZ)
    await scene.do("SendDigits", digits="42#")
    await eventually(lambda: zoe.digits == "42#")
    assert not scene.customer.digits


async def test_an_agent_who_calls_a_number_presses_for_the_menu_it_plays_before_it_answers(exchange: Exchange) -> None:
    ann, ann_id, zoe = exchange.peer(ANN_HZ), an_id("usr"), exchange.peer(ZOE_HZ)
    await exchange.attach(ann, ann_id)
    with exchange.as_agent(ann_id):
        call = await exchange.calls.DialCall(
            call_service_pb2.DialCallRequest(request_id=an_id("req"), number="+15550100199")
        )
        keys = call_service_pb2.SendDigitsRequest(call_id=call.call_id, digits="7")
        with pytest.raises(FailedPrecondition):
            await exchange.calls.SendDigits(keys)
        await exchange.outside.begun[-1].early_media(zoe)
        await ann.hears(ZOE_HZ)
        await exchange.calls.SendDigits(keys)
        await eventually(lambda: zoe.digits == "7")
        await ann.press("8")
        await eventually(lambda: zoe.digits == "78")
        exchange.outside.begun[-1].on_answered()
        await zoe.hears(ANN_HZ)
        await exchange.calls.SendDigits(keys)
    await eventually(lambda: zoe.digits == "787")


async def test_a_customer_sent_to_a_number_presses_for_what_it_plays_before_it_answers_and_for_no_menu_after(
    scene: Scene,
) -> None:
    zoe = scene.exchange.peer(ZOE_HZ)
    await scene.do("TransferCall", number="+15550100199")
    live = scene.exchange.switchboard.find(scene.call_id)
    assert live is not None
    await scene.exchange.outside.begun[-1].early_media(zoe)
    await scene.customer.hears(ZOE_HZ)
    await scene.customer.press("3")
    await eventually(lambda: zoe.digits == "3")
    assert live.pressed.empty()

"""Keys that are told by signalling (SIP INFO): each once, in the order they were pressed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from kernel.errors import DomainError
from merkez.flows.v1 import run_service_pb2 as run
from merkez.telephony.v1 import call_service_pb2
from telephony.domain.trunks import Digits
from telephony.media.presses import Presses
from testkit import eventually
from testkit.rtp_peer import RtpPeer

from .neighbours import queue_instruction
from .test_phone_transfers import CARRIER_HZ, NUMBER, PHONES, SECOND_HZ, Talk, talk
from .test_phone_transfers import carrier as asked_carrier
from .test_sip_calls import AGENT_HZ, OURS, an_agent, carrier, exchange, port, trunk
from .test_sip_calls import NUMBER as CALLER

__all__ = ["asked_carrier", "carrier", "exchange", "talk"]
pytestmark = pytest.mark.media


async def _pressing(exchange: Any, carrier: Any) -> tuple[list[str], Any, Any]:
    """What a caller who takes keys by INFO alone is told, their dialog, and the agent's keypad."""
    await trunk(exchange, carrier, digits=Digits.INFO)
    _, agent_id = await an_agent(exchange)
    dialog = await carrier.call(port(exchange), OURS, CALLER)
    (live,) = exchange.switchboard.calls
    await exchange.accept(live.call_id, agent_id)
    await carrier.peer.hears(AGENT_HZ)
    told: list[str] = []
    dialog.on_info_digit = lambda digit, _milliseconds: told.append(digit)

    async def press(digits: str) -> None:
        with exchange.as_agent(agent_id):
            await exchange.calls.SendDigits(call_service_pb2.SendDigitsRequest(call_id=live.call_id, digits=digits))

    return told, dialog, press


async def test_keys_pressed_while_others_are_on_their_way_come_after_them(exchange: Any, carrier: Any) -> None:
    told, dialog, press = await _pressing(exchange, carrier)
    receive = dialog.receive
    dialog.receive = lambda transaction: asyncio.get_running_loop().call_later(0.02, receive, transaction)
    await press("12345")
    await press("67890")
    await eventually(lambda: len(told) >= 10)
    assert "".join(told) == "1234567890"


async def test_a_key_whose_info_is_lost_is_told_again_before_the_next_one(exchange: Any, carrier: Any) -> None:
    told, _, press = await _pressing(exchange, carrier)
    layer, lost = carrier.agent.stack.transactions, []
    receive = layer.receive_request

    def lossy(request: Any, flow: Any) -> None:
        if request.method == "INFO" and not lost:
            lost.append(request)
        else:
            receive(request, flow)

    layer.receive_request = lossy
    for digit in "1234":
        await press(digit)
    await eventually(lambda: len(told) >= 4)
    assert "".join(told) == "1234" and lost


@pytest.mark.parametrize(("status", "gives_up"), [(501, True), (415, True), (405, True), (503, False)])
async def test_an_agent_is_told_that_keys_are_not_taken_where_a_carrier_refuses_them_for_good(
    exchange: Any, carrier: Any, status: int, gives_up: bool
) -> None:
    told, dialog, press = await _pressing(exchange, carrier)
    receive, refused = dialog.receive, []

    def refuse(transaction: Any) -> None:
        if transaction.request.method == "INFO" and not refused:
            refused.append(transaction)
            transaction.answer(status)
        else:
            receive(transaction)

    dialog.receive = refuse
    await press("1")
    (line,) = [leg for leg in exchange.switchboard.calls[0].outside.values() if leg.digits_by_info or leg.trunk_id]
    await eventually(lambda: bool(refused) and not line._sending_digits)
    if not gives_up:
        await press("2")
        await eventually(lambda: told == ["2"])
        return
    with pytest.raises(DomainError) as caught:
        await press("2")
    assert caught.value.reason == "DIGITS_NOT_TAKEN" and not told


async def test_a_phones_second_line_presses_keys_for_who_is_asked(talk: Talk, asked_carrier: Any) -> None:
    asked = await talk.ask(NUMBER)
    await asked_carrier.peer.hears(SECOND_HZ)
    for digit in "12":
        await asked.send_digit(digit)
    await eventually(lambda: asked_carrier.peer.digits == "12")


async def test_a_phones_second_line_is_heard_when_it_goes_over_to_another_codec(talk: Talk, asked_carrier: Any) -> None:
    asked = await talk.ask(NUMBER)
    await asked_carrier.peer.hears(SECOND_HZ)
    other = await RtpPeer.start(1600.0, codec="opus", host=PHONES)
    other.accept(await asked.reinvite(other.describe()))
    await asyncio.gather(asked_carrier.peer.hears(1600.0), other.hears(CARRIER_HZ))
    await other.close()


async def test_a_caller_whose_line_tells_keys_by_media_and_by_signalling_has_pressed_each_once(
    exchange: Any, carrier: Any
) -> None:
    await trunk(exchange, carrier)
    menu = run.GatherInstruction(max_digits=3, timeout=Duration(seconds=20))
    exchange.flows.steps = [run.Instruction(gather=menu), queue_instruction()]
    dialog = await carrier.call(port(exchange), OURS, CALLER)
    await eventually(lambda: exchange.switchboard.calls)
    for digit in "122":
        await asyncio.gather(dialog.send_digit(digit), carrier.peer.press(digit))
    await eventually(lambda: exchange.flows.events())
    assert exchange.flows.events()[0] == ("DIGITS", "122")


def test_the_same_key_pressed_again_is_two_presses_and_one_that_comes_much_later_is_its_own() -> None:
    presses = Presses()
    told = [("1", True, 0.0), ("1", True, 0.2), ("1", False, 0.3), ("1", False, 0.4), ("1", False, 9.0)]
    assert [presses.first_told(digit, at, by_media=by) for digit, by, at in told] == [True, True, False, False, True]

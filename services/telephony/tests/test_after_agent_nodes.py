"""A node dies or drains while an agent talks with a customer who is to be asked, and while they are."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from merkez.flows.v1 import run_service_pb2 as run
from merkez.telephony.v1 import call_pb2
from telephony.domain.calls import Contact
from testkit import eventually
from testkit.webrtc import Peer

from .conftest import SPOKEN_HZ, an_id
from .scene import ANN_HZ, CUSTOMER_HZ
from .test_after_agent import BYE, kept, waits
from .test_flow_driver import gather, play
from .test_handover import drain
from .two_nodes import Pair, adopted, back, cdrs, do, kill

pytestmark = pytest.mark.media


async def _two_nodes_talk(pair: Pair, *steps: run.Instruction) -> tuple[Any, Peer, str]:
    first = pair.first
    first.flows.steps = list(steps)
    customer, ann, ann_id = first.peer(CUSTOMER_HZ), first.peer(ANN_HZ), an_id("usr")
    await first.attach(ann, ann_id)
    call = await first.call(customer)
    await eventually(lambda: first.flows.started)
    await first.accept(call.call_id, ann_id, Contact(steps[0].queue.contact_id))
    await customer.hears(ANN_HZ)
    await eventually(lambda: kept(first, call.call_id))
    return call, customer, ann_id


async def test_a_node_that_dies_in_the_talk_takes_nothing_of_what_follows_with_it(pair: Pair) -> None:
    call, _, ann_id = await _two_nodes_talk(pair, waits(), gather("How was it", timeout=10), BYE)
    await pair.first.nodes.beat()
    await kill(pair.first)
    await adopted(pair.second, call.call_id)
    ann = pair.second.peer(ANN_HZ)
    await pair.second.attach(ann, ann_id)
    customer, _ = await back(pair.second, call, CUSTOMER_HZ)
    await asyncio.gather(customer.hears(ANN_HZ), ann.hears(CUSTOMER_HZ))
    await do(pair.second, ann_id, "HangUp", call.call_id)
    await customer.hears(SPOKEN_HZ)
    await customer.press("4")
    await eventually(lambda: pair.first.flows.events() == [("DIGITS", "4")])
    await eventually(lambda: not pair.second.switchboard.calls)
    [cdr] = await cdrs(pair.second, call.call_id)
    assert (cdr.end_cause, cdr.agent_id) == ("FLOW_ENDED", ann_id)


async def test_a_node_that_dies_while_the_customer_is_asked_asks_the_same_question_at_another(pair: Pair) -> None:
    steps = waits(), play("Thank you"), gather("How was it", timeout=10), BYE
    call, customer, ann_id = await _two_nodes_talk(pair, *steps)
    await do(pair.first, ann_id, "HangUp", call.call_id)
    await eventually(lambda: pair.first.flows.events() == [("FINISHED", "")])
    await customer.hears(SPOKEN_HZ)
    await kill(pair.first)
    await adopted(pair.second, call.call_id)
    customer, told = await back(pair.second, call, CUSTOMER_HZ)
    assert told.state == call_pb2.CALL_STATE_IN_FLOW
    await customer.hears(SPOKEN_HZ)
    await customer.press("3")
    await eventually(lambda: pair.first.flows.events() == [("FINISHED", ""), ("DIGITS", "3")])
    assert len(pair.first.flows.started) == 1 and len(pair.first.flows.resumed) == 2
    [cdr] = await _ended(pair, call.call_id)
    assert cdr.end_cause == "FLOW_ENDED" and (await pair.first.facts()).count("AgentLeft") == 1


async def test_a_customer_who_is_asked_goes_on_at_the_node_the_call_was_handed_to(pair: Pair) -> None:
    call, customer, ann_id = await _two_nodes_talk(pair, waits(), gather("How was it", timeout=10), BYE)
    await do(pair.first, ann_id, "HangUp", call.call_id)
    await customer.hears(SPOKEN_HZ)
    await drain(pair.first)
    await eventually(lambda: pair.second.switchboard.find(call.call_id) is not None)
    customer, _ = await back(pair.second, call, CUSTOMER_HZ)
    await customer.hears(SPOKEN_HZ)
    await customer.press("2")
    await eventually(lambda: pair.first.flows.events() == [("DIGITS", "2")])


async def _ended(pair: Pair, call_id: str) -> Any:
    await eventually(lambda: not pair.second.switchboard.calls)
    return await cdrs(pair.second, call_id)

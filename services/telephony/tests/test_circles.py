"""Calls that would go on for ever: in circles between a company's own numbers, or at a gateway that only says 100."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from merkez.flows.v1 import run_service_pb2 as run
from telephony.domain.flow_dials import goes_round
from telephony.live.sip import outgoing
from telephony.sip import Invitation, SipDialog
from testkit import eventually
from testkit.rtp_peer import RtpPeer

from .carriers import Carrier
from .conftest import MUSIC_HZ
from .neighbours import queue_instruction
from .test_parties import talking
from .test_sip_calls import AGENT_HZ, CALLER_HZ, NUMBER, OURS, an_agent, carrier, dial, exchange, port, trunk

__all__ = ["carrier", "exchange"]
pytestmark = pytest.mark.media


@pytest.mark.parametrize("by", ["its own number", "another of the company"])
async def test_a_flow_that_dials_its_company_over_and_over_is_stopped_and_the_customer_is_led_on(
    exchange: Any, carrier: Any, by: str
) -> None:
    await trunk(exchange, carrier)
    other = "+902125550177"
    exchange.tenancy.number(exchange.tenant_id, other)
    exchange.tenancy.caller_numbers.numbers[:] = [OURS, other]
    exchange.tenancy.caller_numbers.default_number = OURS
    sent_to = OURS if by == "its own number" else other
    circle = run.DialInstruction(number=sent_to, timeout=Duration(seconds=20))
    exchange.flows.steps = [run.Instruction(dial=circle), queue_instruction()]

    async def back(invitation: Invitation) -> None:
        again = await carrier.call(port(exchange), sent_to, OURS)
        await (carrier.answer(invitation) if isinstance(again, SipDialog) else invitation.refuse(486))

    carrier.behave = back
    assert isinstance(await carrier.call(port(exchange), OURS, NUMBER), SipDialog)
    await eventually(lambda: any(report.detail == "UNREACHABLE" for report in exchange.flows.reports))
    assert len(carrier.invitations) == (0 if sent_to == OURS else 1)
    await carrier.peer.hears(MUSIC_HZ)


def test_only_a_call_that_came_in_by_the_number_or_has_come_back_goes_in_a_circle() -> None:
    call = talking().call
    assert not goes_round(call, "+902125550100", ["+902125550100"])
    assert not goes_round(call, "+905320000000", ["+902125550100"])
    assert not goes_round(call, call.dialed_number, [])


async def test_a_flow_that_dials_a_mobile_which_is_diverted_to_the_company_is_stopped_as_well(
    exchange: Any, carrier: Any
) -> None:
    await trunk(exchange, carrier)
    mobile = run.DialInstruction(number="+905329999999", timeout=Duration(seconds=20))
    exchange.flows.steps = [run.Instruction(dial=mobile), queue_instruction()]

    async def diverted(invitation: Invitation) -> None:
        """The person on call has their mobile switched off, and its carrier passes on whom it is told."""
        await asyncio.sleep(0.5)  # as networks take: no limit of calls a second is met
        again = await carrier.call(port(exchange), OURS, invitation.caller.sip.number)
        await (carrier.answer(invitation) if isinstance(again, SipDialog) else invitation.refuse(486))

    carrier.behave = diverted
    assert isinstance(await carrier.call(port(exchange), OURS, NUMBER), SipDialog)
    await eventually(lambda: any(report.detail for report in exchange.flows.reports) or len(carrier.invitations) > 2)
    assert len(carrier.invitations) <= 2, "one caller takes line after line, each of them at the company's cost"
    await carrier.peer.hears(MUSIC_HZ)


@pytest.mark.parametrize("says", ["trying", "ringing"])
async def test_a_gateway_that_takes_a_call_and_says_no_more_is_left_for_the_next_one_but_not_one_that_rings(
    exchange: Any, carrier: Any, monkeypatch: pytest.MonkeyPatch, says: str
) -> None:
    monkeypatch.setattr(outgoing, "_PROGRESS_SECONDS", 0.6)
    silent = Carrier(await RtpPeer.start(None))
    await silent.start()

    async def take(invitation: Invitation) -> None:
        if says == "ringing":
            await invitation.ring()
            await asyncio.sleep(1.2)
            await silent.answer(invitation)

    silent.behave = take
    await trunk(exchange, silent, carrier)
    agent, agent_id = await an_agent(exchange)
    await dial(exchange, agent_id)
    answers = carrier if says == "trying" else silent
    await answers.peer.hears(AGENT_HZ)
    if says == "trying":
        await agent.hears(CALLER_HZ)
    assert (len(silent.invitations), len(carrier.invitations)) == (1, int(says == "trying"))
    await silent.close()

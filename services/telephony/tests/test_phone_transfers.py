"""The transfer key of a desk phone: REFER, blind and attended, with real signalling, real media and real rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from kernel.errors import Unavailable
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.ops import trunks as trunk_ops
from telephony.sip import Failure, Invitation, SipDialog, SipRefused
from testkit import eventually
from testkit.rtp_peer import RtpPeer

from .carriers import Carrier, a_trunk
from .conftest import MUSIC_HZ, Exchange, an_id
from .desk_phones import PHONES, DeskPhone, Dialled

pytestmark = pytest.mark.media

CUSTOMER_HZ, PHONE_HZ, SECOND_HZ, CARRIER_HZ = 440.0, 880.0, 1400.0, 660.0
NUMBER, OURS = "+905321234567", "+902125550100"


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0")


@pytest_asyncio.fixture
async def carrier(exchange: Exchange) -> AsyncIterator[Carrier]:
    """The far end of the tenant's only trunk."""
    made = Carrier(await RtpPeer.start(CARRIER_HZ), host="127.0.0.3")
    await made.start()
    house, draft = exchange.house, a_trunk(made.gateway())
    await house.db.run(exchange.tenant_id, lambda tx: trunk_ops.create_trunk(tx, draft, house.now()))
    assert exchange.edge is not None
    await exchange.edge.roster.refresh()
    exchange.tenancy.number(exchange.tenant_id, OURS)
    exchange.tenancy.caller_numbers.numbers[:] = [OURS]
    exchange.tenancy.caller_numbers.default_number = OURS
    yield made
    await made.close()


class Talk:
    """A customer in a browser talks to an agent at a desk phone."""

    def __init__(self, exchange: Exchange, agent_id: str, phone: DeskPhone, customer: Any, call_id: str) -> None:
        self.exchange, self.agent_id, self.phone = exchange, agent_id, phone
        self.customer, self.call_id = customer, call_id
        self.second: RtpPeer | None = None

    @property
    def line(self) -> SipDialog:
        """The phone's first line, with the customer."""
        return self.phone.dialogs[0]

    async def state(self) -> call_pb2.Call:
        with self.exchange.as_owner():
            return await self.exchange.calls.GetCall(call_service_pb2.GetCallRequest(call_id=self.call_id))

    async def hold(self, dialog: SipDialog, peer: RtpPeer, direction: str = "sendonly") -> None:
        """The phone's hold key on one of its lines; "sendrecv" takes it back."""
        peer.accept(await dialog.reinvite(peer.describe(direction)))

    async def ask(self, dialed: str = NUMBER) -> SipDialog:
        """The phone holds the customer and dials on its second line, to the answer."""
        asked = await (await self.begins_to_ask(dialed)).outcome
        assert isinstance(asked, SipDialog)
        return asked

    async def begins_to_ask(self, dialed: str = NUMBER) -> Dialled:
        """As `ask`, up to the INVITE."""
        await self.hold(self.line, self.phone.peer)
        self.second = await RtpPeer.start(SECOND_HZ, host=PHONES)
        return await self.phone.begins(dialed, self.second)

    async def close(self) -> None:
        if self.second is not None:
            await self.second.close()
        await self.phone.close()


@pytest_asyncio.fixture
async def talk(exchange: Exchange) -> AsyncIterator[Talk]:
    agent_id = an_id("usr")
    phone = await DeskPhone.signed_in(exchange, agent_id, PHONE_HZ)
    customer = exchange.peer(CUSTOMER_HZ)
    call = await exchange.call(customer)
    await exchange.accept(call.call_id, agent_id)
    await customer.hears(PHONE_HZ)
    made = Talk(exchange, agent_id, phone, customer, call.call_id)
    yield made
    await made.close()


# -- blind -----------------------------------------------------------------------------------------------------


async def test_a_customer_transferred_to_a_number_hears_it_and_the_phone_is_let_go(talk: Talk, carrier) -> None:
    assert await talk.line.refer(talk.phone.uri(NUMBER)) == 200

    await talk.customer.hears(CARRIER_HZ)
    await carrier.peer.hears(CUSTOMER_HZ)
    await eventually(lambda: talk.phone.ended)
    facts = await talk.exchange.facts()
    assert facts.count("CallTransferred") == facts.count("AgentLeft") == 1
    assert [
        each.agent_id for each in (await talk.state()).legs if each.agent_id and not each.HasField("leave_time")
    ] == []


@pytest.mark.parametrize("kind", ["queue", "agent", "flow"])
async def test_a_customer_transferred_to_a_key_of_ours_is_led_there_as_from_the_desk(talk: Talk, kind: str) -> None:
    target = an_id({"queue": "que", "agent": "usr", "flow": "flw"}[kind])
    talk.exchange.flows.released[target] = True
    assert await talk.line.refer(talk.phone.uri(target)) == 200
    await eventually(lambda: talk.phone.ended)
    await eventually(lambda: len(talk.exchange.flows.started) == 2)
    assert talk.exchange.switchboard.calls[0].call.sent_to == f"{kind}:{target}"


async def test_a_customer_transferred_to_the_parking_code_waits_with_music(talk: Talk) -> None:
    assert await talk.line.refer(talk.phone.uri("*68")) == 200
    await talk.customer.hears(MUSIC_HZ)
    await eventually(lambda: talk.phone.ended)
    call = await talk.state()
    assert call.state == call_pb2.CALL_STATE_PARKED and call.park_code


async def test_a_phone_that_hangs_up_as_soon_as_its_wish_is_taken_does_not_end_the_call(talk: Talk, carrier) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(talk.line.refer(talk.phone.uri(NUMBER)))
        await eventually(lambda: _wish_of(talk.exchange))
        await talk.line.bye()
    await talk.customer.hears(CARRIER_HZ)

    async def talking() -> bool:
        return (await talk.state()).state == call_pb2.CALL_STATE_TALKING

    await eventually(talking)


def _wish_of(exchange: Exchange) -> Any:
    (live,) = exchange.switchboard.calls
    return next((wish for leg in live.outside.values() if (wish := getattr(leg, "transfer", None))), None)


@pytest.mark.parametrize(
    ("dialed", "status"),
    [("nobody", 484), ("12", 484), ("112", 480), ("usr_tooshort", 484)],
)
async def test_a_transfer_to_nobody_is_told_and_the_agent_goes_on_talking(
    talk: Talk, carrier, dialed: str, status: int
) -> None:
    assert await talk.line.refer(talk.phone.uri(dialed)) == status
    talk.customer.forget()
    await talk.customer.hears(PHONE_HZ)
    assert talk.phone.ended == [] and carrier.invitations == []


async def test_a_transfer_to_a_queue_or_flow_that_is_not_there_is_told_and_the_agent_goes_on(talk: Talk) -> None:
    queue = an_id("que")
    talk.exchange.routing.missing.add(queue)
    for target in (queue, an_id("flw")):
        assert await talk.line.refer(talk.phone.uri(target)) == 404
    talk.customer.forget()
    await talk.customer.hears(PHONE_HZ)
    assert talk.phone.ended == []


async def test_a_transfer_while_tenancy_is_away_is_told_and_can_be_tried_again(talk: Talk, carrier) -> None:
    talk.exchange.tenancy.down = True
    assert await talk.line.refer(talk.phone.uri(NUMBER)) == 503
    talk.exchange.tenancy.down = False
    assert await talk.line.refer(talk.phone.uri(NUMBER)) == 200
    await talk.customer.hears(CARRIER_HZ)


async def test_of_two_transfers_at_once_the_second_is_refused(talk: Talk, carrier) -> None:
    wishes = [talk.line.refer(talk.phone.uri(NUMBER)), talk.line.refer(talk.phone.uri("*68"))]
    first, second = await asyncio.gather(*wishes, return_exceptions=True)
    assert first == 200 and isinstance(second, SipRefused) and second.status == 491
    await talk.customer.hears(CARRIER_HZ)


async def test_a_caller_on_a_trunk_transfers_nobody(exchange: Exchange, carrier) -> None:
    caller = await carrier.call(_port(exchange), OURS)
    assert isinstance(caller, SipDialog)
    with pytest.raises(SipRefused) as refused:
        await caller.refer(f"sip:{NUMBER}@127.0.0.1")
    assert refused.value.status == 603
    await carrier.peer.hears(MUSIC_HZ)
    assert carrier.invitations == [] and carrier.ended == []


def _port(exchange: Exchange) -> int:
    assert exchange.edge is not None
    return exchange.edge.agent.points[0].port


# -- attended --------------------------------------------------------------------------------------------------


async def test_an_agent_asks_on_the_second_line_and_joins_the_customer_with_who_was_asked(talk: Talk, carrier) -> None:
    second = await talk.ask()
    assert talk.second is not None
    await asyncio.gather(talk.second.hears(CARRIER_HZ), carrier.peer.hears(SECOND_HZ), talk.customer.hears(MUSIC_HZ))
    assert await talk.line.refer(talk.phone.uri(NUMBER), second) == 200

    await asyncio.gather(talk.customer.hears(CARRIER_HZ), carrier.peer.hears(CUSTOMER_HZ))
    await eventually(lambda: len(talk.phone.ended) == 2)
    assert len(talk.exchange.switchboard.calls) == 1
    assert (await talk.exchange.facts()).count("CallTransferred") == 1


async def test_the_two_lines_may_be_joined_from_either(talk: Talk, carrier) -> None:
    second = await talk.ask()
    await carrier.peer.hears(SECOND_HZ)
    assert await second.refer(talk.phone.uri("customer"), talk.line) == 200
    await talk.customer.hears(CARRIER_HZ)
    await eventually(lambda: len(talk.phone.ended) == 2)


async def test_an_agent_goes_from_one_line_to_the_other_and_back(talk: Talk, carrier) -> None:
    second = await talk.ask()
    assert talk.second is not None
    await carrier.peer.hears(SECOND_HZ)
    await talk.hold(second, talk.second)
    await talk.hold(talk.line, talk.phone.peer, "sendrecv")
    await asyncio.gather(
        talk.customer.hears(PHONE_HZ), carrier.peer.hears(MUSIC_HZ), talk.phone.peer.hears(CUSTOMER_HZ)
    )
    await talk.hold(talk.line, talk.phone.peer)
    await asyncio.gather(talk.customer.hears(MUSIC_HZ), carrier.peer.hears(MUSIC_HZ))
    await talk.hold(second, talk.second, "sendrecv")
    await asyncio.gather(carrier.peer.hears(SECOND_HZ), talk.second.hears(CARRIER_HZ))


async def test_who_was_asked_hangs_up_and_the_customer_is_taken_back_on_the_first_line(talk: Talk, carrier) -> None:
    await talk.ask()
    await carrier.peer.hears(SECOND_HZ)
    await carrier.dialogs[0].bye()
    await eventually(lambda: len(talk.phone.ended) == 1)
    await talk.hold(talk.line, talk.phone.peer, "sendrecv")
    await asyncio.gather(talk.customer.hears(PHONE_HZ), talk.phone.peer.hears(CUSTOMER_HZ))


async def test_the_second_line_is_hung_up_and_the_customer_is_taken_back_on_the_first(talk: Talk, carrier) -> None:
    second = await talk.ask()
    await carrier.peer.hears(SECOND_HZ)
    await second.bye()
    await eventually(lambda: carrier.ended)
    await talk.customer.hears(MUSIC_HZ)
    await talk.hold(talk.line, talk.phone.peer, "sendrecv")
    await asyncio.gather(talk.customer.hears(PHONE_HZ), talk.phone.peer.hears(CUSTOMER_HZ))


async def test_the_first_line_is_hung_up_and_who_was_asked_has_the_customer(talk: Talk, carrier) -> None:
    await talk.ask()
    await carrier.peer.hears(SECOND_HZ)
    await talk.line.bye()
    await asyncio.gather(talk.customer.hears(CARRIER_HZ), carrier.peer.hears(CUSTOMER_HZ))
    await eventually(lambda: len(talk.phone.ended) == 1)


async def test_a_phone_that_wants_no_news_of_its_wish_hears_the_outcome_as_the_answer(talk: Talk, carrier) -> None:
    def quietly(request: Any) -> None:
        request.headers.set("refer-to", f"<{talk.phone.uri('nobody')}>")
        request.headers.set("refer-sub", "false")

    assert (await talk.line.ask("REFER", quietly)).status == 603

    def parked(request: Any) -> None:
        request.headers.set("refer-to", f"<{talk.phone.uri('*68')}>")
        request.headers.set("refer-sub", "false")

    assert (await talk.line.ask("REFER", parked)).status == 202
    await talk.customer.hears(MUSIC_HZ)
    await eventually(lambda: talk.phone.ended)


@pytest.mark.parametrize("target", ["<sip:a b@127.0.0.1>", "<mailto:a@b>", "<sip:1@127.0.0.1?Replaces=junk>"])
async def test_a_wish_that_cannot_be_read_is_refused_and_the_call_goes_on(talk: Talk, target: str) -> None:
    answer = await talk.line.ask("REFER", lambda request: request.headers.set("refer-to", target))
    assert answer.status in (400, 416)
    talk.customer.forget()
    await talk.customer.hears(PHONE_HZ)


async def test_the_customer_hangs_up_during_a_second_call_and_both_lines_are_let_go(talk: Talk, carrier) -> None:
    await talk.ask()
    await carrier.peer.hears(SECOND_HZ)
    with talk.exchange.as_owner():
        await talk.exchange.calls.HangUp(call_service_pb2.HangUpRequest(call_id=talk.call_id))
    await eventually(lambda: len(talk.phone.ended) == 2 and carrier.ended)
    edge = talk.exchange.edge
    await eventually(lambda: edge is not None and not edge.agent.dialogs and not talk.exchange.house.plane.legs)


async def test_lines_are_not_joined_before_who_is_asked_has_answered(talk: Talk, carrier) -> None:
    go = asyncio.Event()

    async def later(invitation: Invitation) -> None:
        await go.wait()
        await carrier.answer(invitation)

    carrier.behave = later
    asked = await talk.begins_to_ask()
    await eventually(lambda: asked.rang and carrier.invitations)
    assert await talk.line.refer(talk.phone.uri(NUMBER), asked.early) == 491
    go.set()
    second = await asked.outcome
    await carrier.peer.hears(SECOND_HZ)
    assert await talk.line.refer(talk.phone.uri(NUMBER), second) == 200
    await talk.customer.hears(CARRIER_HZ)


async def test_a_third_call_of_a_phone_is_refused_and_so_is_a_blind_transfer_beside_a_second(
    talk: Talk, carrier
) -> None:
    second = await talk.ask()
    await carrier.peer.hears(SECOND_HZ)
    third = await talk.phone.dial(NUMBER, await RtpPeer.start(None, host=PHONES))
    assert isinstance(third, Failure) and third.status == 491
    assert await talk.line.refer(talk.phone.uri("*68")) == 491
    assert await second.refer(talk.phone.uri("*68")) == 481
    assert talk.phone.ended == []


@pytest.mark.parametrize(("dialed", "status"), [("*68", 400), ("nobody", 484)])
async def test_nobody_is_asked_by_a_key_for_something_else(talk: Talk, carrier, dialed: str, status: int) -> None:
    refused = await talk.phone.dial(dialed, await RtpPeer.start(None, host=PHONES))
    assert isinstance(refused, Failure) and refused.status == status
    talk.customer.forget()
    await talk.customer.hears(PHONE_HZ)
    edge = talk.exchange.edge
    await eventually(lambda: edge is not None and len(edge.agent.dialogs) == 1)


async def test_an_agent_is_asked_through_routing_and_a_refusal_of_it_is_told(talk: Talk) -> None:
    talk.exchange.routing.refusal = Unavailable("down")
    refused = await talk.phone.dial(an_id("usr"), await RtpPeer.start(None, host=PHONES))
    assert isinstance(refused, Failure) and refused.status == 503
    talk.exchange.routing.refusal = None
    colleague = an_id("usr")
    asked = await talk.begins_to_ask(colleague)
    await eventually(lambda: asked.rang)
    assert talk.exchange.routing.enqueued[-1].contact.target_agent_id == colleague
    await asked.attempt.cancel()
    assert (await asked.outcome).status == 487


async def test_a_call_that_is_none_of_the_phones_is_joined_with_nothing(talk: Talk, exchange: Exchange) -> None:
    other_agent = an_id("usr")
    other = await DeskPhone.signed_in(exchange, other_agent, SECOND_HZ)
    customer = exchange.peer(CARRIER_HZ)
    call = await exchange.call(customer)
    await exchange.accept(call.call_id, other_agent)
    await customer.hears(SECOND_HZ)
    assert await talk.line.refer(talk.phone.uri(NUMBER), other.dialogs[0]) == 481
    customer.forget()
    await customer.hears(SECOND_HZ)
    assert talk.phone.ended == other.ended == []
    await other.close()


# -- INVITE with Replaces --------------------------------------------------------------------------------------


async def test_an_agent_goes_on_with_a_call_at_another_phone(talk: Talk, exchange: Exchange) -> None:
    other = await DeskPhone.signed_in(exchange, talk.agent_id, SECOND_HZ)
    await talk.hold(talk.line, talk.phone.peer)
    await talk.customer.hears(MUSIC_HZ)
    taken = await other.dial("pickup", replaces=talk.line.replaces())
    assert isinstance(taken, SipDialog)
    await asyncio.gather(talk.customer.hears(SECOND_HZ), other.peer.hears(CUSTOMER_HZ))
    await eventually(lambda: talk.phone.ended)
    await taken.bye()
    await eventually(lambda: not exchange.switchboard.calls)
    await other.close()


async def test_a_colleagues_phone_and_a_trunk_take_nobodys_place(talk: Talk, exchange: Exchange, carrier) -> None:
    colleague = await DeskPhone.signed_in(exchange, an_id("usr"))
    refused = await colleague.dial("pickup", replaces=talk.line.replaces())
    assert isinstance(refused, Failure) and refused.status == 403
    refused = await carrier.call(_port(exchange), OURS, replaces=talk.line.replaces())
    assert isinstance(refused, Failure) and refused.status == 403
    talk.customer.forget()
    await talk.customer.hears(PHONE_HZ)
    assert talk.phone.ended == []
    await colleague.close()


async def test_a_phone_that_gives_up_before_its_call_begins_leaves_no_call(
    exchange: Exchange, carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = await DeskPhone.signed_in(exchange, an_id("usr"))
    plan, asked, go = exchange.house.outside.plan, asyncio.Event(), asyncio.Event()

    async def slow(*wish: Any) -> Any:
        asked.set()
        await go.wait()
        return await plan(*wish)

    monkeypatch.setattr(exchange.house.outside, "plan", slow)
    failed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    attempt = await phone.agent.invite(phone.wish(NUMBER, phone.peer))
    attempt.on_failed = failed.set_result
    await asked.wait()
    await attempt.cancel()
    assert (await failed).status == 487
    go.set()
    await eventually(lambda: exchange.routing.started)
    await eventually(lambda: not exchange.switchboard.calls and not exchange.house.plane.legs)
    with exchange.as_owner():
        (found,) = (await exchange.calls.ListCdrs(call_service_pb2.ListCdrsRequest())).cdrs
    assert found.end_party == call_pb2.END_PARTY_AGENT
    await phone.close()

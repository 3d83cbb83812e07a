"""Calls over SIP trunks and desk phones, with real signalling, real media and real rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration
from merkez.flows.v1 import run_service_pb2 as run
from merkez.telephony.v1 import call_pb2, call_service_pb2
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from telephony.domain.trunks import Gateway
from telephony.live.sip import outgoing
from telephony.ops import trunks as trunk_ops
from telephony.sip import Destination, Failure, Invitation, InviteWish, NameAddr, SipDialog
from testkit import eventually
from testkit.rtp_peer import RtpPeer

from .carriers import Carrier, a_trunk
from .conftest import MUSIC_HZ, Exchange, an_id
from .neighbours import queue_instruction

pytestmark = pytest.mark.media

CALLER_HZ, AGENT_HZ = 440.0, 880.0
NUMBER = "+905321234567"
OURS = "+902125550100"


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0")


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Spans that end during the test."""
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(TracerProvider())
    provider, exporter = trace.get_tracer_provider(), InMemorySpanExporter()
    assert isinstance(provider, TracerProvider)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield exporter
    exporter.shutdown()


@pytest_asyncio.fixture
async def carrier() -> AsyncIterator[Carrier]:
    made = Carrier(await RtpPeer.start(CALLER_HZ))
    await made.start()
    yield made
    await made.close()


async def trunk(exchange: Exchange, *carriers: Carrier, **fields: Any) -> str:
    """A trunk of the tenant over these carriers, in their order, known to the node."""
    return await trunk_of(exchange, *(each.gateway(priority=index) for index, each in enumerate(carriers)), **fields)


async def trunk_of(exchange: Exchange, *gateways: Gateway, **fields: Any) -> str:
    """As `trunk`, over these gateways."""
    house = exchange.house
    draft = a_trunk(*gateways, **fields)
    made = await house.db.run(exchange.tenant_id, lambda tx: trunk_ops.create_trunk(tx, draft, house.now()))
    assert exchange.edge is not None
    await exchange.edge.roster.refresh()
    exchange.tenancy.number(exchange.tenant_id, OURS)
    exchange.tenancy.caller_numbers.numbers[:] = [OURS]
    exchange.tenancy.caller_numbers.default_number = OURS
    return made.trunk_id


def port(exchange: Exchange) -> int:
    assert exchange.edge is not None
    return exchange.edge.agent.points[0].port


async def an_agent(exchange: Exchange) -> tuple[Any, str]:
    peer, agent_id = exchange.peer(AGENT_HZ), an_id("usr")
    await exchange.attach(peer, agent_id)
    return peer, agent_id


async def cdr(exchange: Exchange, call_id: str) -> call_pb2.Cdr:
    with exchange.as_owner():
        (found,) = (await exchange.calls.ListCdrs(call_service_pb2.ListCdrsRequest(call_id=call_id))).cdrs
    return found


async def test_a_call_from_a_trunk_hears_music_talks_to_an_agent_and_hangs_up(exchange, carrier) -> None:
    await trunk(exchange, carrier)
    agent, agent_id = await an_agent(exchange)
    dialog = await carrier.call(port(exchange), OURS, NUMBER)
    assert isinstance(dialog, SipDialog)
    await carrier.peer.hears(MUSIC_HZ)
    (live,) = exchange.switchboard.calls
    assert (live.call.caller_number, live.call.dialed_number, live.call.caller_name) == (NUMBER, OURS, "Zoe Zimmer")
    await exchange.accept(live.call_id, agent_id)
    await carrier.peer.hears(AGENT_HZ)
    await agent.hears(CALLER_HZ)
    await dialog.bye()
    await eventually(lambda: not exchange.switchboard.calls)
    found = await cdr(exchange, live.call_id)
    assert (found.end_party, found.end_cause, found.q850_cause) == (call_pb2.END_PARTY_CUSTOMER, "NORMAL", 16)
    assert found.trunk_id == live.call.trunk_id


async def test_a_call_says_at_which_number_its_caller_is_also_once_an_agent_has_it(exchange, carrier) -> None:
    await trunk(exchange, carrier)
    _, agent_id = await an_agent(exchange)
    await carrier.call(port(exchange), OURS, NUMBER)
    (live,) = exchange.switchboard.calls
    await exchange.accept(live.call_id, agent_id)
    with exchange.as_agent(agent_id):
        found = await exchange.calls.GetCall(call_service_pb2.GetCallRequest(call_id=live.call_id))
    assert [leg.address for leg in found.legs] == [NUMBER, ""]
    assert [leg.address for leg in live.legs] == [NUMBER, ""]


async def test_a_caller_whom_a_flow_lets_wait_for_a_digit_in_silence_hears_a_live_line(exchange, carrier) -> None:
    await trunk(exchange, carrier)
    gather = run.GatherInstruction(max_digits=1, timeout=Duration(seconds=20))
    exchange.flows.steps = [run.Instruction(gather=gather), queue_instruction()]
    dialog = await carrier.call(port(exchange), OURS, NUMBER)
    assert isinstance(dialog, SipDialog)
    await eventually(lambda: carrier.peer.packets_heard >= 3)
    assert carrier.peer.frequencies(seconds=0.04) == []
    await carrier.peer.press("5")
    await carrier.peer.hears(MUSIC_HZ)
    assert exchange.flows.events()[0] == ("DIGITS", "5") and carrier.peer.sequence_gaps == 0


async def test_an_agent_hangs_up_and_the_caller_gets_a_bye(exchange, carrier) -> None:
    await trunk(exchange, carrier)
    _, agent_id = await an_agent(exchange)
    await carrier.call(port(exchange), OURS)
    (live,) = exchange.switchboard.calls
    await exchange.accept(live.call_id, agent_id)
    await carrier.peer.hears(AGENT_HZ)
    with exchange.as_agent(agent_id):
        await exchange.calls.HangUp(call_service_pb2.HangUpRequest(call_id=live.call_id))
    await eventually(lambda: carrier.ended)
    assert carrier.ended[0].q850 == 16


async def test_a_caller_above_the_plans_calls_is_told_why_by_the_bye_and_the_record_says_the_same(
    exchange, carrier
) -> None:
    await trunk(exchange, carrier)
    exchange.tenancy.number(exchange.tenant_id, OURS, limit=1)
    await carrier.call(port(exchange), OURS)
    await carrier.call(port(exchange), OURS)
    refused = exchange.switchboard.calls[-1].call_id
    await eventually(lambda: carrier.ended)
    assert carrier.ended[0].q850 == 42
    await eventually(lambda: len(exchange.switchboard.calls) == 1)
    found = await cdr(exchange, refused)
    assert (found.end_cause, found.q850_cause) == ("CONCURRENT_CALL_LIMIT_REACHED", 42)


@pytest.mark.parametrize(("number", "status"), [("+902125550199", 404), ("nobody", 404)])
async def test_a_number_nobody_has_is_not_found(exchange, carrier, number, status) -> None:
    await trunk(exchange, carrier)
    refused = await carrier.call(port(exchange), number)
    assert isinstance(refused, Failure) and refused.status == status
    assert exchange.switchboard.calls == []


async def test_whoever_is_no_trunk_is_challenged_whatever_they_dial(exchange) -> None:
    stranger = Carrier(await RtpPeer.start(None), host="127.0.0.66")
    await stranger.start()
    for number in (OURS, "+902125550199", "100"):
        refused = await stranger.call(port(exchange), number)
        assert isinstance(refused, Failure) and refused.status == 401
    await stranger.close()


async def test_a_trunk_that_is_full_says_that_no_line_is_free(exchange, carrier) -> None:
    from telephony.domain.trunks import Limits

    await trunk(exchange, carrier, limits=Limits(calls=1, calls_per_second=10))
    assert isinstance(await carrier.call(port(exchange), OURS), SipDialog)
    refused = await carrier.call(port(exchange), OURS)
    assert isinstance(refused, Failure) and (refused.status, refused.q850) == (503, 34)
    await carrier.dialogs[0].bye()
    await eventually(lambda: not exchange.switchboard.calls)

    async def free_again() -> bool:
        return isinstance(await carrier.call(port(exchange), OURS), SipDialog)

    await eventually(free_again)


async def dial(exchange: Exchange, agent_id: str, number: str = NUMBER) -> call_pb2.Call:
    with exchange.as_agent(agent_id):
        return await exchange.calls.DialCall(call_service_pb2.DialCallRequest(request_id=an_id("req"), number=number))


async def test_an_agent_calls_out_with_the_brands_number_and_hears_the_carriers_ringing(exchange, carrier) -> None:
    await trunk(exchange, carrier)
    agent, agent_id = await an_agent(exchange)
    answer_now = asyncio.Event()

    async def early(invitation: Invitation) -> None:
        sdp = carrier._described(invitation)
        await invitation.progress(sdp)
        await answer_now.wait()
        carrier._keep(await invitation.answer(sdp))

    carrier.behave = early
    call = await dial(exchange, agent_id)
    await agent.hears(CALLER_HZ)
    (invitation,) = carrier.invitations
    assert invitation.called == NUMBER and invitation.asserted[0].sip.number == OURS
    answer_now.set()
    await carrier.peer.hears(AGENT_HZ)
    with exchange.as_agent(agent_id):
        assert (
            await exchange.calls.GetCall(call_service_pb2.GetCallRequest(call_id=call.call_id))
        ).state == call_pb2.CALL_STATE_TALKING
        await exchange.calls.SendDigits(call_service_pb2.SendDigitsRequest(call_id=call.call_id, digits="42#"))
        await eventually(lambda: carrier.peer.digits == "42#")
        await exchange.calls.HoldCall(call_service_pb2.HoldCallRequest(call_id=call.call_id))
        await carrier.peer.hears(MUSIC_HZ)
        await exchange.calls.HangUp(call_service_pb2.HangUpRequest(call_id=call.call_id))
    await eventually(lambda: carrier.ended)
    assert (await cdr(exchange, call.call_id)).direction == call_pb2.DIRECTION_OUTBOUND


@pytest.mark.parametrize(
    ("status", "cause"), [(486, "BUSY"), (603, "REJECTED"), (404, "UNREACHABLE"), (480, "NO_ANSWER")]
)
async def test_a_refusal_by_the_carrier_is_the_calls_cause(exchange, carrier, status, cause) -> None:
    await trunk(exchange, carrier)
    _, agent_id = await an_agent(exchange)
    carrier.behave = lambda invitation: invitation.refuse(status)
    call = await dial(exchange, agent_id)
    await eventually(lambda: not exchange.switchboard.calls)
    found = await cdr(exchange, call.call_id)
    assert (found.end_cause, found.sip_status) == (cause, status)


async def test_a_gateway_that_is_overloaded_is_left_for_the_next_one(exchange, carrier) -> None:
    full = Carrier(await RtpPeer.start(None))
    await full.start()
    full.behave = lambda invitation: invitation.refuse(503)
    await trunk(exchange, full, carrier)
    agent, agent_id = await an_agent(exchange)
    await dial(exchange, agent_id)
    await agent.hears(CALLER_HZ)
    assert len(full.invitations) == len(carrier.invitations) == 1
    await full.close()


@pytest.mark.parametrize(("privacy", "shown"), [("id", ""), ("header;ID", ""), ("user", ""), ("none", "+905321112233")])
async def test_a_caller_who_withholds_their_number_is_shown_to_no_agent(exchange, carrier, privacy, shown) -> None:
    await trunk(exchange, carrier)
    wish = InviteWish(
        target=f"sip:{OURS}@127.0.0.1:{port(exchange)}", caller=NameAddr("sip:anonymous@anonymous.invalid"),
        sdp=carrier.peer.describe(), hop=Destination("UDP", "127.0.0.1", port(exchange)),
        asserted="sip:+905321112233@carrier.example", headers=(("privacy", privacy),),
    )  # fmt: skip
    await carrier.agent.invite(wish)
    live = await eventually(lambda: next(iter(exchange.switchboard.calls), None))
    assert (live.call.caller_number, live.call.caller_name) == (shown, "")


@pytest.mark.parametrize("by_carrier", [True, False])
async def test_a_number_that_rang_and_was_not_answered_is_not_rung_again_by_another_gateway(
    exchange, carrier, monkeypatch, by_carrier
) -> None:
    monkeypatch.setattr(outgoing, "_RING_SECONDS", 0.6)
    other = Carrier(await RtpPeer.start(None))
    await other.start()

    async def ring(invitation: Invitation) -> None:
        await invitation.ring()
        if by_carrier:
            await invitation.refuse(408)

    carrier.behave = ring
    await trunk(exchange, carrier, other)
    _, agent_id = await an_agent(exchange)
    call = await dial(exchange, agent_id)
    await eventually(lambda: not exchange.switchboard.calls)
    assert (len(carrier.invitations), len(other.invitations)) == (1, 0)
    assert (await cdr(exchange, call.call_id)).sip_status == 408
    await other.close()


async def test_a_number_that_answered_with_nothing_to_be_used_is_not_rung_again_by_another_gateway(
    exchange, carrier
) -> None:
    other = Carrier(await RtpPeer.start(None))
    await other.start()

    async def answer_mutely(invitation: Invitation) -> None:
        (await invitation.answer("")).on_bye = carrier.ended.append

    carrier.behave = answer_mutely
    await trunk(exchange, carrier, other)
    _, agent_id = await an_agent(exchange)
    call = await dial(exchange, agent_id)
    await eventually(lambda: not exchange.switchboard.calls)
    assert (len(carrier.invitations), len(other.invitations)) == (1, 0)
    await eventually(lambda: carrier.ended)
    assert (await cdr(exchange, call.call_id)).sip_status == 488
    await other.close()


async def test_hanging_up_while_it_rings_cancels_the_call_at_the_carrier(exchange, carrier) -> None:
    await trunk(exchange, carrier)
    _, agent_id = await an_agent(exchange)
    cancelled: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def ring(invitation: Invitation) -> None:
        invitation.on_cancelled = cancelled.set_result
        await invitation.ring()

    carrier.behave = ring
    call = await dial(exchange, agent_id)
    await eventually(lambda: carrier.invitations)
    with exchange.as_agent(agent_id):
        await exchange.calls.HangUp(call_service_pb2.HangUpRequest(call_id=call.call_id))
    await asyncio.wait_for(cancelled, 30)
    assert (await cdr(exchange, call.call_id)).end_party == call_pb2.END_PARTY_AGENT


async def test_a_call_between_two_sip_parties_goes_on_when_its_agent_leaves(exchange, carrier) -> None:
    other = Carrier(await RtpPeer.start(1320.0, codec="PCMU"))
    await other.start()
    await trunk(exchange, other)
    await trunk(exchange, carrier)
    _, agent_id = await an_agent(exchange)
    dialog = await carrier.call(port(exchange), OURS)
    assert isinstance(dialog, SipDialog)
    live = exchange.switchboard.calls[0]
    await exchange.accept(live.call_id, agent_id)
    with exchange.as_agent(agent_id):
        await exchange.calls.TransferCall(call_service_pb2.TransferCallRequest(call_id=live.call_id, number=NUMBER))
    reached = other if await _invited(other) else carrier
    await carrier.peer.hears(1320.0 if reached is other else CALLER_HZ)
    await dialog.bye()
    await eventually(lambda: not exchange.switchboard.calls)


async def _invited(carrier: Carrier) -> bool:
    await eventually(lambda: carrier.invitations)
    return True


async def test_a_sip_call_goes_on_at_another_node_by_re_invite(make_exchange, carrier) -> None:
    first = await make_exchange(sip_listen="udp:127.0.0.1:0")
    await trunk(first, carrier)
    dialog = await carrier.call(port(first), OURS)
    assert isinstance(dialog, SipDialog)
    await carrier.peer.hears(MUSIC_HZ)
    moved: list[str] = []

    async def re_invited(sdp: str | None) -> str:
        moved.append(sdp or "")
        carrier.peer.accept(sdp or "")
        return carrier.peer.describe()

    dialog.on_offer = re_invited
    (live,) = first.switchboard.calls
    await eventually(lambda: live.outside[live.customer_id].kept() is not None)
    await live.journal.write(lambda tx: asyncio.sleep(0))
    # The first node dies: nothing of it is heard or answered any more.
    assert first.edge is not None
    await first.edge.agent.close()
    live.earpiece.stop()
    second = await make_exchange(sip_listen="udp:127.0.0.1:0")
    assert second.edge is not None
    await second.edge.roster.refresh()
    node = first.house.settings.node_id
    assert await second.nodes.adopt(first.tenant_id, live.call_id, node, second.house.now())
    await eventually(lambda: moved)
    carrier.peer.forget()
    await carrier.peer.hears(MUSIC_HZ)
    agent, agent_id = second.peer(AGENT_HZ), an_id("usr")
    second.tenant_id = first.tenant_id
    await second.attach(agent, agent_id)
    await second.accept(live.call_id, agent_id)
    await carrier.peer.hears(AGENT_HZ)
    await agent.hears(CALLER_HZ)
    await dialog.bye()
    await eventually(lambda: not second.switchboard.calls)
    assert (await cdr(second, live.call_id)).end_cause == "NORMAL"


async def test_the_span_of_an_invite_lasts_until_it_is_answered_and_holds_what_was_asked_for_it(
    exchange, carrier, spans
) -> None:
    await trunk(exchange, carrier)
    dialog = await carrier.call(port(exchange), OURS)
    assert isinstance(dialog, SipDialog)

    def named(name: str) -> list[Any]:
        return [each for each in spans.get_finished_spans() if each.name.endswith(name)]

    await eventually(lambda: named("sip invite"))
    (span,) = named("sip invite")
    asked = [each for each in named("LookupRoute") if each.parent and each.parent.span_id == span.context.span_id]
    assert asked and span.start_time <= asked[0].start_time <= asked[0].end_time <= span.end_time
    stored = [each for each in named("round of calls") if each.context.trace_id == span.context.trace_id]
    assert stored and stored[0].end_time <= span.end_time
    await dialog.bye()
    await eventually(lambda: not exchange.switchboard.calls)

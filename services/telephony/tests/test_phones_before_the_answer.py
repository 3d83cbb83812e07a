"""What a desk phone does to a call it dialled before that is answered, and what becomes of it when its node dies."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.live.sip.legs import SipLeg
from telephony.sip import Failure, Invitation, SipDialog
from testkit import eventually
from testkit.rtp_peer import RtpPeer

from .conftest import MUSIC_HZ, Exchange, an_id
from .desk_phones import DeskPhone, Dialled
from .seeking import mobiles
from .test_phone_transfers import CARRIER_HZ, Talk, carrier, talk
from .test_phones_that_dial import MOBILE_HZ, PHONE_HZ, cdr, exchange, mobile
from .test_sip_calls import NUMBER

__all__ = ["carrier", "exchange", "mobile", "mobiles", "talk"]
pytestmark = pytest.mark.media


async def ringing(exchange: Exchange, mobile: Any) -> tuple[DeskPhone, Dialled]:
    """A phone whose call rings."""
    phone = await DeskPhone.signed_in(exchange, an_id("usr"), PHONE_HZ)
    dialled = await phone.begins(NUMBER)
    await eventually(lambda: dialled.rang and mobile.invitations)
    return phone, dialled


async def hearing(exchange: Exchange, mobile: Any) -> tuple[DeskPhone, SipDialog, Dialled]:
    """A phone that hears the number before it answers, and the early dialog."""
    speaks_first(mobile)
    phone = await DeskPhone.signed_in(exchange, an_id("usr"), PHONE_HZ)
    dialled = await phone.begins(NUMBER)
    await phone.peer.hears(MOBILE_HZ)
    assert dialled.early is not None
    return phone, dialled.early, dialled


def speaks_first(mobile: Any) -> None:
    """The number says something before it answers."""

    async def early(invitation: Invitation) -> None:
        described = mobile._described(invitation)
        await invitation.progress(described)
        await mobile.answer_now.wait()
        mobile._keep(await invitation.answer(described))

    mobile.behave = early


async def test_a_phone_that_gives_up_by_bye_has_its_invite_answered_too(exchange: Exchange, mobile: Any) -> None:
    phone, dialled = await ringing(exchange, mobile)
    assert dialled.early is not None
    assert (await dialled.early.ask("BYE")).status == 200
    assert (await asyncio.wait_for(dialled.outcome, 10)).status == 487
    await eventually(lambda: not mobile.invitations[0].is_open)
    assert (await cdr(exchange)).end_party == call_pb2.END_PARTY_AGENT
    await phone.close()


async def test_who_answers_a_phone_that_holds_already_waits_with_music(exchange: Exchange, mobile: Any) -> None:
    phone, early, dialled = await hearing(exchange, mobile)
    await early.update(phone.peer.describe("sendonly"))
    mobile.answer_now.set()
    dialog = await dialled.outcome
    assert isinstance(dialog, SipDialog)
    await mobile.peer.hears(MUSIC_HZ)
    phone.peer.accept(await dialog.reinvite(phone.peer.describe()))
    await asyncio.gather(mobile.peer.hears(PHONE_HZ), phone.peer.hears(MOBILE_HZ))
    await phone.close()


async def test_what_a_phone_changed_before_the_answer_is_not_taken_back_by_it(exchange: Exchange, mobile: Any) -> None:
    phone, early, dialled = await hearing(exchange, mobile)
    changed = await early.update(held := phone.peer.describe("sendonly"))
    assert "a=recvonly" in changed
    said: list[str] = []
    accepted = dialled.attempt._accepted
    dialled.attempt._accepted = lambda response: (said.append(response.body.decode()), accepted(response))[1]
    mobile.answer_now.set()
    assert isinstance(await dialled.outcome, SipDialog)
    assert said == [changed]
    (live,) = exchange.switchboard.calls
    (ours,) = [leg for leg in live.outside.values() if isinstance(leg, SipLeg) and leg.user]
    assert ours.dialog is not None
    kept = ours.dialog.state()
    assert (kept["local_sdp"], kept["remote_sdp"]) == (changed, held), "what a refresh would offer"
    await phone.close()


async def test_a_phone_hears_who_speaks_for_a_carrier_that_changes_it_before_the_answer(
    exchange: Exchange, mobile: Any
) -> None:
    announces = await RtpPeer.start(CARRIER_HZ * 2)
    said: list[str] = []

    async def goes_on(invitation: Invitation) -> None:
        described = mobile._described(invitation)
        await invitation.progress(described)
        await phone.peer.hears(MOBILE_HZ)
        announces.accept(invitation.sdp_offer or "")
        said.append(await invitation.dialog.update(announces.describe()))
        await mobile.answer_now.wait()
        mobile._keep(await invitation.answer(described))

    mobile.behave = goes_on
    phone = await DeskPhone.signed_in(exchange, an_id("usr"), PHONE_HZ)
    dialled = await phone.begins(NUMBER)
    await phone.peer.hears(CARRIER_HZ * 2)
    mobile.answer_now.set()
    assert isinstance(await dialled.outcome, SipDialog)
    phone.peer.forget()
    await asyncio.gather(phone.peer.hears(CARRIER_HZ * 2), announces.hears(PHONE_HZ))
    (live,) = exchange.switchboard.calls
    theirs = live.outside[live.customer_id].dialog.state()  # type: ignore[union-attr]
    assert [theirs["local_sdp"]] == said
    await asyncio.gather(phone.close(), announces.close())


async def test_a_phone_whose_node_dies_while_its_number_rings_is_not_rung_for_that(
    make_exchange: Any, exchange: Exchange, mobile: Any
) -> None:
    phone, _ = await ringing(exchange, mobile)
    (live,) = exchange.switchboard.calls
    await live.journal.write(lambda tx: asyncio.sleep(0))
    assert exchange.edge is not None
    await exchange.edge.agent.close()
    second = await make_exchange(sip_listen="udp:127.0.0.1:0")
    rung: list[str] = []
    ring = second.house.outside.ring_agent

    async def ring_agent(*wish: Any) -> Any:
        rung.append(wish[2])
        return await ring(*wish)

    second.house.outside.ring_agent = ring_agent
    node = exchange.house.settings.node_id
    assert await second.nodes.adopt(exchange.tenant_id, live.call_id, node, second.house.now())
    await eventually(lambda: not second.switchboard.calls)
    with exchange.as_owner():
        (found,) = (await second.calls.ListCdrs(call_service_pb2.ListCdrsRequest())).cdrs
    assert found.end_cause == "UNREACHABLE"
    await eventually(lambda: not second.house.plane.legs)
    assert rung == [] and phone.invitations == []
    await phone.close()


async def test_a_second_call_is_refused_whose_first_is_hung_up_before_it_rings(
    talk: Talk, carrier: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversations = talk.exchange.edge.phones._conversations  # type: ignore[union-attr]
    consult, begun, go = conversations.consult, asyncio.Event(), asyncio.Event()

    async def slow(*wish: Any) -> Any:
        found = await consult(*wish)
        begun.set()
        await go.wait()
        return found

    monkeypatch.setattr(conversations, "consult", slow)
    asked = await talk.begins_to_ask()
    await begun.wait()
    await talk.line.bye()
    await talk.customer.hears(CARRIER_HZ)
    go.set()
    refused = await asked.outcome
    assert isinstance(refused, Failure) and refused.status == 480
    await eventually(lambda: len(talk.exchange.house.plane.legs) == 2)

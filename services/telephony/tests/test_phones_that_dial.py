"""What an agent's desk phone is told of a number it dials, until somebody answers there or nobody does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import pytest_asyncio
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.domain.trunks import Limits
from telephony.live.sip import calling_phone
from telephony.media.rtp_leg import PeerSettings, RtpLeg
from telephony.sip import Failure, Invitation, SipDialog
from testkit import eventually

from .conftest import Exchange, an_id
from .desk_phones import DeskPhone
from .seeking import mobiles
from .test_sip_calls import NUMBER, trunk

__all__ = ["mobiles"]
pytestmark = pytest.mark.media

MOBILE_HZ, PHONE_HZ = 660.0, 880.0


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0", sip_silent_seconds=1.0, talking_grace_seconds=1.0)


@pytest_asyncio.fixture
async def mobile(exchange: Exchange, mobiles: Any) -> Any:
    """Rings and rings, until `answer_now` is set."""
    made = await mobiles(MOBILE_HZ)
    await trunk(exchange, made)
    made.answer_now = asyncio.Event()

    async def ring(invitation: Invitation) -> None:
        await invitation.ring()
        await made.answer_now.wait()
        made._keep(await invitation.answer(made._described(invitation)))

    made.behave = ring
    return made


async def cdr(exchange: Exchange) -> call_pb2.Cdr:
    await eventually(lambda: not exchange.switchboard.calls)
    with exchange.as_owner():
        (found,) = (await exchange.calls.ListCdrs(call_service_pb2.ListCdrsRequest())).cdrs
    return found


@pytest.mark.parametrize("offers", [True, False])
async def test_a_phone_rings_while_the_number_does_and_is_answered_when_it_is(
    exchange: Exchange, mobile: Any, offers: bool
) -> None:
    phone = await DeskPhone.signed_in(exchange, an_id("usr"), PHONE_HZ)
    dialled = await phone.begins(NUMBER, offers=offers)
    await eventually(lambda: dialled.rang and mobile.invitations)
    # Longer than silence of a phone that talks would be borne with.
    await asyncio.sleep(2.5)
    assert not dialled.outcome.done() and dialled.progressed == 0
    assert [live.call.state.value for live in exchange.switchboard.calls] == ["DIALING"]
    mobile.answer_now.set()
    assert isinstance(await dialled.outcome, SipDialog)
    assert dialled.progressed == 0, "what comes with the answer isn't early"
    await asyncio.gather(mobile.peer.hears(PHONE_HZ), phone.peer.hears(MOBILE_HZ))
    await phone.close()


async def test_a_phone_is_told_that_the_number_is_busy_and_dials_again(exchange: Exchange, mobile: Any) -> None:
    rings = mobile.behave
    mobile.behave = lambda invitation: invitation.refuse(486)
    phone = await DeskPhone.signed_in(exchange, an_id("usr"), PHONE_HZ)
    refused = await phone.dial(NUMBER)
    assert isinstance(refused, Failure) and (refused.status, refused.q850) == (486, 17)
    assert (await cdr(exchange)).end_cause == "BUSY"
    mobile.behave = rings
    mobile.answer_now.set()
    assert isinstance(await phone.dial(NUMBER), SipDialog)
    await mobile.peer.hears(PHONE_HZ)
    await phone.close()


async def test_a_phone_gives_a_number_up_that_rings(exchange: Exchange, mobile: Any) -> None:
    phone = await DeskPhone.signed_in(exchange, an_id("usr"), PHONE_HZ)
    dialled = await phone.begins(NUMBER)
    await eventually(lambda: dialled.rang and mobile.invitations)
    await dialled.attempt.cancel()
    assert (await dialled.outcome).status == 487
    await eventually(lambda: not mobile.invitations[0].is_open)
    assert (await cdr(exchange)).end_party == call_pb2.END_PARTY_AGENT
    await eventually(lambda: not exchange.house.plane.legs)
    await phone.close()


async def test_a_supervisor_ends_a_call_that_rings_and_the_phone_is_told(exchange: Exchange, mobile: Any) -> None:
    phone = await DeskPhone.signed_in(exchange, an_id("usr"), PHONE_HZ)
    dialled = await phone.begins(NUMBER)
    await eventually(lambda: dialled.rang and mobile.invitations)
    (live,) = exchange.switchboard.calls
    with exchange.as_owner():
        await exchange.calls.HangUp(call_service_pb2.HangUpRequest(call_id=live.call_id))
    assert (await dialled.outcome).status == 480
    await eventually(lambda: not mobile.invitations[0].is_open)
    await phone.close()


async def test_a_phone_hears_what_a_number_says_before_it_turns_the_call_away(exchange: Exchange, mobile: Any) -> None:
    async def says_no(invitation: Invitation) -> None:
        await invitation.ring()
        await invitation.progress(mobile._described(invitation))
        await mobile.answer_now.wait()
        await invitation.refuse(404)

    mobile.behave = says_no
    phone = await DeskPhone.signed_in(exchange, an_id("usr"), PHONE_HZ)
    dialled = await phone.begins(NUMBER)
    await phone.peer.hears(MOBILE_HZ)
    assert dialled.progressed
    mobile.answer_now.set()
    assert (await dialled.outcome).status == 404
    assert not (await cdr(exchange)).HasField("answer_time")
    await phone.close()


@pytest.mark.parametrize(
    ("limits", "reason", "q850"),
    [(Limits(calls=1), "TRUNK_LIMIT_REACHED", 34), (Limits(calls_per_second=1), "CALL_RATE_LIMIT_REACHED", 42)],
)
async def test_a_phone_is_told_of_a_full_trunk_as_the_record_says_it_and_not_that_the_number_is_busy(
    exchange: Exchange, mobiles: Any, limits: Limits, reason: str, q850: int
) -> None:
    made = await mobiles(MOBILE_HZ)
    await trunk(exchange, made, limits=limits)
    phones = [await DeskPhone.signed_in(exchange, an_id("usr"), PHONE_HZ) for _ in range(2)]
    outcomes = await asyncio.gather(*(phone.dial(NUMBER) for phone in phones))
    (refused,) = [each for each in outcomes if isinstance(each, Failure)]
    assert (refused.status, refused.q850) == (503, q850)
    with exchange.as_owner():
        (found,) = (await exchange.calls.ListCdrs(call_service_pb2.ListCdrsRequest())).cdrs
    assert (found.end_cause, found.q850_cause) == (reason, q850)
    await asyncio.gather(*(phone.close() for phone in phones))


async def test_a_phone_behind_a_router_is_heard_however_long_the_number_rang(
    exchange: Exchange, mobile: Any, monkeypatch: Any
) -> None:
    """Its description names its address in the office, and it sends nothing before its call is answered."""
    monkeypatch.setattr(calling_phone, "BEHIND_NAT", PeerSettings(nat=True, tones=True, window_seconds=0.3))
    phone = await DeskPhone.signed_in(exchange, an_id("usr"), PHONE_HZ)
    described = phone.peer.describe
    monkeypatch.setattr(phone.peer, "describe", lambda: described(address="192.168.7.20", port=40_000))
    dialled = await phone.begins(NUMBER)
    await eventually(lambda: dialled.rang and mobile.invitations)
    (live,) = exchange.switchboard.calls
    (leg,) = (each for each in live.legs if each.party == "agent")
    media = live.outside[leg.leg_id].media
    assert isinstance(media, RtpLeg)
    await eventually(lambda: media._window is None)
    mobile.answer_now.set()
    assert isinstance(await dialled.outcome, SipDialog)
    await asyncio.gather(mobile.peer.hears(PHONE_HZ), phone.peer.hears(MOBILE_HZ))
    await phone.close()

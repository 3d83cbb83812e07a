"""Agents who are found in the moment in which something else happens to their call."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import pytest_asyncio
from kernel.errors import FailedPrecondition, Unavailable
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.domain.calls import CallState, Contact
from telephony.domain.find_me import MAX_RING, Resort, ResortKind, Step
from telephony.domain.legs import Q850, Party
from telephony.ops import parties as party_ops
from telephony.sip import InviteWish, SipDialog
from telephony.store import find_me as search_store
from testkit import eventually
from testkit.rtp_peer import RtpPeer

from .conftest import MUSIC_HZ, SPOKEN_HZ, Exchange, an_id
from .desk_phones import PHONES, DeskPhone
from .seeking import CUSTOMER_HZ, DESK_HZ, HOME, MOBILE_HZ, SECONDS, Search, mailbox, mobiles, setting, waiting
from .test_sip_calls import NUMBER, trunk

__all__ = ["mobiles"]
pytestmark = pytest.mark.media

PHONE_HZ = 660.0


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0")


async def test_who_took_a_consult_that_was_given_up_meanwhile_is_hung_up(exchange, mobiles) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    customer, ann, ann_id, ben_id = exchange.peer(CUSTOMER_HZ), exchange.peer(DESK_HZ), an_id("usr"), an_id("usr")
    await exchange.attach(ann, ann_id)
    call = await exchange.call(customer)
    await exchange.accept(call.call_id, ann_id)
    await setting(exchange, ben_id, mailbox(20))
    with exchange.as_agent(ann_id):
        await exchange.calls.ConsultCall(call_service_pb2.ConsultCallRequest(call_id=call.call_id, agent_id=ben_id))
    live = exchange.switchboard.find(call.call_id)
    assert live is not None
    search = Search(
        exchange, call.call_id, customer, ben_id, next(leg.contact_id for leg in live.legs if leg.consulted)
    )

    async def accepted_too_late(_: object) -> None:
        with exchange.as_agent(ann_id):
            await exchange.calls.CancelConsult(call_service_pb2.CancelConsultRequest(call_id=call.call_id))
        await exchange.accept(call.call_id, ben_id, Contact(search.contact_id, consult=True))

    exchange.routing.on_take = accepted_too_late
    await search.begin()
    await mobile.peer.hears(SPOKEN_HZ)
    await mobile.peer.press("1")
    await eventually(lambda: mobile.ended)
    await eventually(lambda: search.sought() == [(NUMBER, Q850.ANSWERED_ELSEWHERE)])
    assert (await exchange.facts()).count("AgentLeft") == 1
    await customer.hears(DESK_HZ)


async def test_whoever_takes_it_at_the_desk_and_by_telephone_at_once_talks_and_nobody_is_cut_off(
    exchange, mobiles
) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    search = await waiting(exchange, mailbox(20))
    desk = exchange.peer(DESK_HZ)
    await exchange.attach(desk, search.agent_id)

    async def accepted_at_the_desk(_: object) -> None:
        await search.accepted()
        gone = FailedPrecondition("the offer was accepted before")
        gone.reason = "OFFER_NOT_PENDING"
        raise gone

    exchange.routing.on_take = accepted_at_the_desk
    await search.begin(away=False)
    await mobile.peer.hears(SPOKEN_HZ)
    await mobile.peer.press("1")
    await search.customer.hears(MOBILE_HZ)
    await eventually(lambda: not exchange.finder._hunts)
    await search.customer.hears(MOBILE_HZ)
    assert exchange.switchboard.calls and not mobile.ended


async def test_who_talks_by_telephone_goes_on_there_when_their_desk_opens(exchange, mobiles) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    search = await waiting(exchange, mailbox(20))
    exchange.routing.on_take = search.accepted
    await search.begin()
    await mobile.peer.hears(SPOKEN_HZ)
    await mobile.peer.press("1")
    await search.customer.hears(MOBILE_HZ)
    await exchange.attach(exchange.peer(DESK_HZ), search.agent_id)
    station = exchange.switchboard.stations.find(exchange.tenant_id, search.agent_id)
    live = exchange.switchboard.find(search.call_id)
    assert station is not None and live is not None
    await eventually(lambda: station.leg is not None)
    (leg,) = live.live_legs(Party.AGENT)
    assert live.room.member(leg.leg_id).leg is live.outside[leg.leg_id].media


async def test_desk_phones_ring_for_the_whole_of_their_step(exchange, monkeypatch) -> None:
    wishes: list[InviteWish] = []
    invite = exchange.edge.agent.invite

    async def noted(wish: InviteWish) -> Any:
        wishes.append(wish)
        return await invite(wish)

    monkeypatch.setattr(exchange.edge.agent, "invite", noted)
    search = await waiting(exchange, Step(MAX_RING, desk_phones=True))
    phone = await DeskPhone.signed_in(exchange, search.agent_id)
    await search.begin()
    await eventually(lambda: wishes)
    assert wishes[0].ring_seconds > MAX_RING.total_seconds()
    await search.over()
    await phone.close()


async def test_a_phone_that_is_answered_while_another_is_still_connected_to_has_the_call(exchange, monkeypatch) -> None:
    gone_on, came_back = asyncio.Event(), asyncio.Event()
    invite, rung = exchange.edge.agent.invite, 0

    async def slow_to_the_second(wish: InviteWish) -> Any:
        nonlocal rung
        rung += 1
        if rung == 2:
            await gone_on.wait()
            asyncio.get_running_loop().call_soon(came_back.set)
        return await invite(wish)

    monkeypatch.setattr(exchange.edge.agent, "invite", slow_to_the_second)
    search = await waiting(exchange, Step(30 * SECONDS, desk_phones=True))
    phones = [await DeskPhone.signed_in(exchange, search.agent_id, PHONE_HZ) for _ in range(2)]
    exchange.routing.on_take = search.accepted
    await search.customer.hears(MUSIC_HZ)
    await search.begin()
    await search.customer.hears(PHONE_HZ)
    gone_on.set()
    await came_back.wait()
    await eventually(lambda: len(exchange.edge.agent.dialogs) == 1)
    await search.customer.hears(PHONE_HZ)
    await asyncio.gather(*(each.close() for each in phones))


async def test_news_of_an_offer_that_comes_after_that_of_its_end_rings_nobody(exchange, mobiles) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    search = await waiting(exchange, mailbox(20))
    db, now = exchange.house.db, exchange.house.now()
    over = await db.run(
        exchange.tenant_id, lambda tx: party_ops.contact_dequeued(tx, search.call_id, search.contact_id, now)
    )
    assert over is not None
    await search.begin()
    found = await db.run(exchange.tenant_id, lambda tx: search_store.find_search(tx, search.offer_id), read_only=True)
    assert found is None


async def test_the_end_of_an_offer_that_is_heard_of_before_the_offer_leaves_its_telephones_silent(
    exchange, mobiles
) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    search = await waiting(exchange, mailbox(20))
    await search.over()
    await search.over()
    await search.begin()
    await exchange.finder.look()
    again = Search(exchange, search.call_id, search.customer, search.agent_id, search.contact_id)
    await again.begin()
    await mobile.peer.hears(SPOKEN_HZ)
    assert len(mobile.invitations) == 1 and again.sought() == [(NUMBER, 0)], "the next offer rings"
    await again.over()
    await eventually(lambda: mobile.ended)


async def test_an_agent_who_presses_the_key_and_hangs_up_costs_no_time_the_next_place_rings(exchange, mobiles) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    search = await waiting(exchange, mailbox(60), mailbox(60, HOME))
    exchange.routing.refusal = Unavailable("routing is away")
    await search.begin()
    await mobile.peer.hears(SPOKEN_HZ)
    await mobile.peer.press("1")
    live = exchange.switchboard.find(search.call_id)
    await eventually(lambda: live.outside)
    await mobile.dialogs[0].bye()
    await eventually(lambda: len(mobile.invitations) == 2)
    assert mobile.invitations[1].called == HOME
    exchange.routing.refusal, exchange.routing.on_take = None, search.accepted
    await mobile.peer.hears(SPOKEN_HZ)
    await mobile.peer.press("1")
    await search.customer.hears(MOBILE_HZ)
    (leg,) = live.live_legs(Party.AGENT)
    assert leg.address == HOME and search.sought() == [(NUMBER, Q850.NORMAL)]


@pytest.mark.parametrize("direct", [True, False])
async def test_an_agent_who_hangs_up_as_routing_accepts_isnt_waited_for_and_the_call_goes_on(
    exchange, mobiles, direct: bool
) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    queue_id = an_id("que")
    search = await waiting(
        exchange, mailbox(60), queue_calls=True, resort=Resort(ResortKind.QUEUE, queue_id)
    )  # fmt: skip
    live = exchange.switchboard.find(search.call_id)
    asked = asyncio.Event()

    async def accepts_and_is_slow_to_say_so(_: object) -> None:
        asked.set()
        await asyncio.sleep(30)

    exchange.routing.on_take = accepts_and_is_slow_to_say_so
    await search.begin(direct=direct)
    await mobile.peer.hears(SPOKEN_HZ)
    await mobile.peer.press("1")
    await asked.wait()
    await mobile.dialogs[0].bye()
    await eventually(lambda: search.sought() == [(NUMBER, Q850.NORMAL)])
    await search.accepted(direct=direct, queue_id="" if direct else queue_id)
    await eventually(lambda: len(exchange.flows.started) == 2)
    assert exchange.flows.started[-1].queue_id == queue_id
    await eventually(lambda: live.call.state is CallState.QUEUED)
    assert live.live_legs(Party.AGENT) == []
    told = await exchange.told()
    (left,) = [fact for fact in told if fact.DESCRIPTOR.name == "AgentLeft"]
    assert (left.leg_id, left.q850_cause) == (search.legs[1].leg_id, Q850.NORMAL)
    states = [fact.call.state for fact in told[told.index(left) :] if hasattr(fact, "call")]
    assert states[:2] == [call_pb2.CALL_STATE_IN_FLOW, call_pb2.CALL_STATE_QUEUED]
    await eventually(lambda: not exchange.finder._hunts)
    await search.customer.hears(MUSIC_HZ)


async def test_who_is_asked_on_a_phones_second_line_may_answer_at_home(exchange, mobiles) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    customer, ann_id, ben_id = exchange.peer(CUSTOMER_HZ), an_id("usr"), an_id("usr")
    phone, second = await DeskPhone.signed_in(exchange, ann_id, PHONE_HZ), await RtpPeer.start(DESK_HZ, host=PHONES)
    call = await exchange.call(customer)
    await exchange.accept(call.call_id, ann_id)
    await customer.hears(PHONE_HZ)
    await setting(exchange, ben_id, mailbox(20))
    phone.peer.accept(await phone.dialogs[0].reinvite(phone.peer.describe("sendonly")))
    dialled = await phone.begins(ben_id, second)
    await eventually(lambda: dialled.rang)
    live = exchange.switchboard.find(call.call_id)
    assert live is not None
    contact_id = next(leg.contact_id for leg in live.legs if leg.consulted)
    search = Search(exchange, call.call_id, customer, ben_id, contact_id)

    async def accepted(_: object) -> None:
        await exchange.accept(call.call_id, ben_id, Contact(contact_id, consult=True))

    exchange.routing.on_take = accepted
    await search.begin()
    await mobile.peer.hears(SPOKEN_HZ)
    await mobile.peer.press("1")
    asked = await dialled.outcome
    assert isinstance(asked, SipDialog)
    await asyncio.gather(mobile.peer.hears(DESK_HZ), second.hears(MOBILE_HZ))
    assert phone.ended == []
    assert await phone.dialogs[0].refer(phone.uri(NUMBER), asked) == 200
    await customer.hears(MOBILE_HZ)
    await asyncio.gather(phone.close(), second.close())

"""Agents found at their telephones, over real SIP and real media; routing's part is played by its facts."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest
import pytest_asyncio
from kernel.errors import FailedPrecondition, Unavailable
from kernel.hours import OpenInterval
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.domain.announcements import who_calls
from telephony.domain.calls import CallState, Contact
from telephony.domain.find_me import When
from telephony.domain.legs import Q850, LegState, Party
from telephony.live import finding
from telephony.live.house import PHRASES
from telephony.ops import parties as party_ops
from telephony.sip import Invitation
from testkit import eventually

from .conftest import MUSIC_HZ, SPOKEN_HZ, Exchange, an_id
from .seeking import (
    CUSTOMER_HZ,
    DESK_HZ,
    HOME,
    MOBILE_HZ,
    SECONDS,
    Search,
    mailbox,
    mobiles,
    rings_from_now_on,
    setting,
    waiting,
)
from .test_recorded_calls import tracks
from .test_sip_calls import NUMBER, OURS, trunk
from .two_nodes import adopted, back, kill, known_to_each_other

__all__ = ["mobiles"]
pytestmark = pytest.mark.media


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0")


async def test_an_agent_at_home_answers_the_mobile_presses_one_and_talks(exchange, mobiles) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    search = await waiting(exchange, mailbox())
    exchange.routing.on_take = search.accepted
    await search.begin()
    await mobile.peer.hears(SPOKEN_HZ)
    await search.customer.hears(MUSIC_HZ)
    (invitation,) = mobile.invitations
    assert invitation.called == NUMBER and invitation.asserted[0].sip.number == OURS
    assert exchange.routing.taken == []
    await mobile.peer.press("1")
    await mobile.peer.hears(CUSTOMER_HZ)
    await search.customer.hears(MOBILE_HZ)
    (taken,) = exchange.routing.taken
    (leg,) = [leg for leg in search.legs if leg.party == Party.AGENT]
    assert (taken.offer_id, taken.agent_id, taken.request_id) == (search.offer_id, search.agent_id, leg.leg_id)
    assert (leg.agent_id, leg.contact_id, leg.address) == (search.agent_id, search.contact_id, NUMBER)
    await mobile.dialogs[0].bye()
    await eventually(lambda: not exchange.switchboard.calls)
    with exchange.as_owner():
        shown = await exchange.calls.GetCall(call_service_pb2.GetCallRequest(call_id=search.call_id))
        (cdr,) = (await exchange.calls.ListCdrs(call_service_pb2.ListCdrsRequest(call_id=search.call_id))).cdrs
    assert (cdr.end_party, cdr.agent_id) == (call_pb2.END_PARTY_AGENT, search.agent_id)
    assert [leg.address for leg in shown.legs if leg.party == "agent"] == ["+90•••67"], "a private number stays private"
    recording_id = exchange.recording.by_call[search.call_id]
    await eventually(lambda: recording_id in exchange.recording.finished)
    assert set(tracks(exchange, recording_id, "address")) == {""}, "in what is recorded too"


async def test_a_mailbox_that_answers_never_swallows_the_call(exchange, mobiles, monkeypatch) -> None:
    monkeypatch.setattr(finding, "CONFIRM", SECONDS)
    mobile = await mobiles()
    await trunk(exchange, mobile)
    search = await waiting(exchange, mailbox(1))
    await search.begin()
    await mobile.peer.hears(SPOKEN_HZ)
    await mobile.peer.press("5")
    await eventually(lambda: mobile.ended)
    await eventually(lambda: exchange.routing.missed)
    await search.customer.hears(MUSIC_HZ)
    assert search.sought() == [(NUMBER, Q850.NO_ANSWER)] and exchange.routing.taken == []
    assert exchange.routing.missed[0].offer_id == search.offer_id


@pytest.mark.parametrize(("direct", "named"), [(False, "Support"), (True, "Nova")])
async def test_whoever_answers_is_told_in_the_agents_language_for_whom_the_call_is_and_who_calls(
    exchange, mobiles, direct: bool, named: str
) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    search = await waiting(
        exchange, mailbox(20), queue_calls=True, language="tr", caller_number="+905329998877"
    )  # fmt: skip
    await search.begin(direct=direct, queue_id=an_id("que"))
    await mobile.peer.hears(SPOKEN_HZ)
    live = exchange.switchboard.find(search.call_id)
    said = who_calls("tr", named, "+905329998877", live.call.dialed_number)
    assert exchange.house.clips.personal == [said] and "5 3 2, 9 9 9" in said
    await search.over()
    await eventually(lambda: mobile.ended)


async def test_a_brand_that_hides_its_callers_has_only_the_key_named(exchange, mobiles) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    widget = exchange.tenancy.widget(exchange.tenant_id)
    exchange.tenancy.routes[widget].brand.call_rules.callers_hidden = True
    search = await waiting(exchange, mailbox(20), widget=widget, language="az")
    await search.begin()
    await mobile.peer.hears(SPOKEN_HZ)
    assert exchange.house.clips.personal == [] and PHRASES["find_me"]["az"] in exchange.house.clips.spoken
    await search.over()
    await eventually(lambda: mobile.ended)


async def test_of_two_telephones_that_ring_together_the_first_that_takes_it_wins_and_the_other_stops(
    exchange, mobiles
) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    cancelled: list[Any] = []
    answer = mobile.answer

    async def only_the_mobile(invitation: Invitation) -> None:
        if invitation.called == NUMBER:
            await answer(invitation)
            return
        invitation.on_cancelled = cancelled.append
        await invitation.ring()

    mobile.behave = only_the_mobile
    search = await waiting(exchange, mailbox(20, NUMBER, HOME))
    exchange.routing.on_take = search.accepted
    await search.begin()
    await mobile.peer.hears(SPOKEN_HZ)
    await eventually(lambda: len(mobile.invitations) == 2)
    await mobile.peer.press("1")
    await search.customer.hears(MOBILE_HZ)
    await eventually(lambda: cancelled)
    assert search.sought() == [(HOME, Q850.ANSWERED_ELSEWHERE)]


async def test_telephones_ring_in_their_order_each_for_its_time(exchange, mobiles) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    search = await waiting(exchange, mailbox(1), mailbox(20, HOME))
    await rings_from_now_on(mobile)
    await search.begin()
    await eventually(lambda: [each.called for each in mobile.invitations] == [NUMBER])
    await eventually(lambda: [each.called for each in mobile.invitations] == [NUMBER, HOME])
    await eventually(lambda: search.sought() == [(NUMBER, Q850.NO_ANSWER), (HOME, 0)])


async def test_a_telephone_outside_its_hours_is_skipped_and_with_none_left_the_offer_is_missed_at_once(
    exchange, mobiles
) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    await rings_from_now_on(mobile)
    day = (exchange.house.now().isoweekday() + 2) % 7 + 1
    closed = dataclasses.replace(mailbox(60), hours=(OpenInterval(day, 0, 1440),))
    search = await waiting(exchange, closed, mailbox(60, HOME), time_zone="Europe/Berlin")
    await search.begin()
    await eventually(lambda: search.sought() == [(HOME, 0)])
    assert exchange.routing.missed == []
    await search.over()
    await setting(exchange, search.agent_id, closed, time_zone="Europe/Berlin")
    again = Search(exchange, search.call_id, search.customer, search.agent_id, search.contact_id)
    await again.begin()
    await eventually(lambda: exchange.routing.missed)
    assert exchange.routing.missed[0].offer_id == again.offer_id
    await again.over()


async def test_a_telephone_that_is_busy_doesnt_cost_its_time(exchange, mobiles) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)

    async def busy(invitation: Invitation) -> None:
        await invitation.refuse(486)

    mobile.behave = busy
    search = await waiting(exchange, mailbox(60), mailbox(60, HOME))
    await search.begin()
    await eventually(lambda: exchange.routing.missed)
    assert search.sought() == [(NUMBER, Q850.BUSY), (HOME, Q850.BUSY)]


async def test_at_the_desk_the_desk_rings_alone_first_and_accepting_there_stops_the_mobile(exchange, mobiles) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    search = await waiting(exchange, mailbox(20), when=When.UNANSWERED, desk_ring=SECONDS)
    desk = exchange.peer(DESK_HZ)
    await exchange.attach(desk, search.agent_id)
    cancelled: list[Any] = []

    async def ring(invitation: Invitation) -> None:
        invitation.on_cancelled = cancelled.append
        await invitation.ring()

    mobile.behave = ring
    began = exchange.house.now()
    await search.begin(away=False)
    await eventually(lambda: mobile.invitations)
    assert exchange.house.now() - began >= SECONDS
    await search.accepted()
    await search.customer.hears(DESK_HZ)
    await eventually(lambda: cancelled)
    assert search.sought() == [(NUMBER, Q850.ANSWERED_ELSEWHERE)] and exchange.routing.taken == []


async def test_whoever_presses_after_the_offer_was_taken_at_the_desk_is_hung_up(exchange, mobiles) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    search = await waiting(exchange, mailbox(20))
    gone = FailedPrecondition("the offer was accepted before")
    gone.reason = "OFFER_NOT_PENDING"
    exchange.routing.refusal = gone
    await search.begin()
    await mobile.peer.hears(SPOKEN_HZ)
    await mobile.peer.press("1")
    await eventually(lambda: mobile.ended)
    await search.customer.hears(MUSIC_HZ)
    await eventually(lambda: search.sought() == [(NUMBER, Q850.ANSWERED_ELSEWHERE)])


async def test_queue_calls_ring_at_home_only_for_who_wants_them(exchange, mobiles) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    search = await waiting(exchange, mailbox(20))
    await rings_from_now_on(mobile)
    await search.begin(direct=False)
    other = await waiting(exchange, mailbox(20), queue_calls=True)
    await other.begin(direct=False)
    await eventually(lambda: mobile.invitations)
    assert search.sought() == [] and other.sought() == [(NUMBER, 0)]


async def test_the_customer_hangs_up_and_every_telephone_stops(exchange, mobiles) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    cancelled: list[Any] = []

    async def ring(invitation: Invitation) -> None:
        invitation.on_cancelled = cancelled.append
        await invitation.ring()

    mobile.behave = ring
    search = await waiting(exchange, mailbox(60))
    await search.begin()
    await eventually(lambda: mobile.invitations)
    with exchange.as_owner():
        await exchange.calls.HangUp(call_service_pb2.HangUpRequest(call_id=search.call_id))
    await eventually(lambda: cancelled)


async def test_a_number_of_the_companys_own_and_a_call_that_came_back_ring_no_telephone(exchange, mobiles) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    search = await waiting(exchange, mailbox(20, OURS))
    await search.begin()
    await eventually(lambda: exchange.routing.missed)
    assert search.sought() == [(OURS, Q850.NO_CIRCUIT)] and mobile.invitations == []


async def test_an_agent_who_is_consulted_answers_at_home(exchange, mobiles) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    customer, ann, ann_id = exchange.peer(CUSTOMER_HZ), exchange.peer(DESK_HZ), an_id("usr")
    await exchange.attach(ann, ann_id)
    call = await exchange.call(customer)
    await exchange.accept(call.call_id, ann_id)
    await customer.hears(DESK_HZ)
    ben_id = an_id("usr")
    await setting(exchange, ben_id, mailbox(20))
    with exchange.as_agent(ann_id):
        await exchange.calls.ConsultCall(call_service_pb2.ConsultCallRequest(call_id=call.call_id, agent_id=ben_id))
    live = exchange.switchboard.find(call.call_id)
    assert live is not None
    contact_id = next(leg.contact_id for leg in live.legs if leg.consulted)
    search = Search(exchange, call.call_id, customer, ben_id, contact_id)

    async def accepted(_: object) -> None:
        await exchange.accept(call.call_id, ben_id, Contact(contact_id, consult=True))

    exchange.routing.on_take = accepted
    await search.begin()
    await mobile.peer.hears(SPOKEN_HZ)
    await customer.hears(MUSIC_HZ)
    await mobile.peer.press("1")
    await mobile.peer.hears(DESK_HZ)
    await ann.hears(MOBILE_HZ)
    with exchange.as_agent(ann_id):
        await exchange.calls.CompleteTransfer(call_service_pb2.CompleteTransferRequest(call_id=call.call_id))
    await customer.hears(MOBILE_HZ)
    assert [leg.contact_id for leg in live.live_legs(Party.AGENT)] == [contact_id] == [live.call.contact_id]


# -- a node dies


async def test_a_search_goes_on_at_the_node_that_adopts_the_call(make_exchange, mobiles) -> None:
    first = await make_exchange(sip_listen="udp:127.0.0.1:0", fresh=True)
    second = await make_exchange(sip_listen="udp:127.0.0.1:0", beside=first)
    await known_to_each_other(first, second)
    mobile = await mobiles()
    await trunk(first, mobile)
    await second.edge.roster.refresh()
    await rings_from_now_on(mobile)
    customer, agent_id = first.peer(CUSTOMER_HZ), an_id("usr")
    await setting(first, agent_id, mailbox(30))
    call = await first.call(customer)
    await customer.hears(MUSIC_HZ)
    live = first.switchboard.find(call.call_id)
    await eventually(lambda: live.call.state is CallState.QUEUED)
    search = Search(first, call.call_id, customer, agent_id, live.call.contact_id)
    await search.begin()
    await eventually(lambda: len(mobile.invitations) == 1)
    await first.edge.agent.close()
    await kill(first)
    mobile.behave = mobile.answer
    there = Search(second, call.call_id, customer, agent_id, search.contact_id, search.offer_id)
    second.routing.on_take = there.accepted
    await adopted(second, call.call_id)
    customer, _ = await back(second, call, CUSTOMER_HZ)
    await eventually(lambda: len(mobile.invitations) == 2)
    await mobile.peer.hears(SPOKEN_HZ)
    await mobile.peer.press("1")
    await customer.hears(MOBILE_HZ)
    await mobile.peer.hears(CUSTOMER_HZ)
    assert there.sought() == [(NUMBER, Q850.TEMPORARY_FAILURE)]


async def test_a_node_that_dies_after_the_key_was_pressed_leaves_the_agent_on_the_line(make_exchange, mobiles) -> None:
    first = await make_exchange(sip_listen="udp:127.0.0.1:0", fresh=True)
    second = await make_exchange(sip_listen="udp:127.0.0.1:0", beside=first)
    await known_to_each_other(first, second)
    mobile = await mobiles()
    await trunk(first, mobile)
    await second.edge.roster.refresh()
    customer, agent_id = first.peer(CUSTOMER_HZ), an_id("usr")
    await setting(first, agent_id, mailbox(30))
    call = await first.call(customer)
    live = first.switchboard.find(call.call_id)
    await eventually(lambda: live.call.state is CallState.QUEUED)
    search = Search(first, call.call_id, customer, agent_id, live.call.contact_id)
    first.routing.refusal = Unavailable("routing is away")
    await search.begin()
    await mobile.peer.hears(SPOKEN_HZ)
    dialog = mobile.dialogs[0]

    async def re_invited(sdp: str | None) -> str:
        mobile.peer.accept(sdp or "")
        return mobile.peer.describe()

    dialog.on_offer = re_invited
    await mobile.peer.press("1")
    await eventually(lambda: live.outside)
    await live.journal.write(lambda tx: asyncio.sleep(0))
    await first.edge.agent.close()
    await kill(first)
    there = Search(second, call.call_id, customer, agent_id, search.contact_id, search.offer_id)
    second.routing.on_take, second.routing.refusal = there.accepted, Unavailable("routing is away")
    await adopted(second, call.call_id)
    here = second.switchboard.find(call.call_id)
    await eventually(lambda: here.outside)
    await here.journal.write(lambda tx: asyncio.sleep(0))
    assert [leg.state for leg in there.legs if leg.party == Party.SOUGHT] == [LegState.RINGING]
    second.routing.refusal = None
    customer, _ = await back(second, call, CUSTOMER_HZ)
    await customer.hears(MOBILE_HZ)
    await mobile.peer.hears(CUSTOMER_HZ)
    assert len(mobile.invitations) == 1 and there.sought() == []


async def test_news_of_an_offer_that_comes_twice_rings_once(exchange, mobiles) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    await rings_from_now_on(mobile)
    search = await waiting(exchange, mailbox(20))
    await asyncio.gather(search.begin(), search.begin(), return_exceptions=True)
    await eventually(lambda: mobile.invitations)
    await search.over()
    await eventually(lambda: not exchange.finder._hunts)
    assert len(mobile.invitations) == 1 and search.sought() == [(NUMBER, Q850.NO_ANSWER)]


async def test_a_call_that_ended_before_the_news_of_its_offer_rings_nobody(exchange, mobiles) -> None:
    search = await waiting(exchange, mailbox(20))
    with exchange.as_owner():
        await exchange.calls.HangUp(call_service_pb2.HangUpRequest(call_id=search.call_id))
    await search.begin()
    found = await exchange.house.db.run(
        exchange.tenant_id, lambda tx: party_ops.conversation(tx, search.call_id), read_only=True
    )
    assert [leg for leg in found.legs if leg.party == Party.SOUGHT] == []

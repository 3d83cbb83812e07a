"""Agents found at their telephones, over real SIP and real media; routing's part is played by its facts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from kernel.errors import FailedPrecondition, Unavailable
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.domain.calls import CallState, Contact
from telephony.domain.find_me import FindMe, Resort, ResortKind, Step, When
from telephony.domain.legs import Q850, Leg, Party
from telephony.live import finding
from telephony.ops import find_me as ops
from telephony.ops import parties as party_ops
from telephony.ops.find_me import Offered, Untaken
from telephony.sip import Invitation
from testkit import eventually
from testkit.rtp_peer import RtpPeer

from .carriers import Carrier
from .conftest import MUSIC_HZ, SPOKEN_HZ, Exchange, an_id
from .test_sip_calls import NUMBER, OURS, trunk

pytestmark = pytest.mark.media

CUSTOMER_HZ, MOBILE_HZ, DESK_HZ = 440.0, 880.0, 1320.0
HOME = "+905327654321"
SECONDS = timedelta(seconds=1)


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0")


@pytest_asyncio.fixture
async def mobiles() -> AsyncIterator[Callable[[float], Awaitable[Carrier]]]:
    """`await mobiles(tone)`: a carrier whose subscriber speaks with this tone."""
    made: list[Carrier] = []

    async def make(tone: float = MOBILE_HZ) -> Carrier:
        carrier = Carrier(await RtpPeer.start(tone))
        await carrier.start()
        made.append(carrier)
        return carrier

    yield make
    for carrier in made:
        await carrier.close()


@dataclass
class Search:
    """An offer that was made to an agent, and what routing says of it."""

    exchange: Exchange
    call_id: str
    customer: Any
    agent_id: str
    contact_id: str
    offer_id: str = field(default_factory=lambda: an_id("ofr"))

    async def begin(self, *, away: bool = True, direct: bool = True) -> None:
        offered = Offered(self.offer_id, self.call_id, self.contact_id, self.agent_id, direct, away)
        await self._run(lambda tx: ops.search(tx, offered, self.exchange.house.now()))
        self.exchange.switchboard.seek()

    async def accepted(self, _: object = None) -> None:
        """What follows from OfferAccepted."""
        await self.exchange.accept(self.call_id, self.agent_id, Contact(self.contact_id))
        self.exchange.switchboard.seek()

    async def over(self, q850: int = Q850.NO_ANSWER) -> None:
        """What follows from the offer's end without an answer."""
        found = await self._run(lambda tx: ops.end_search(tx, self.offer_id, q850, self.exchange.house.now()))
        self.exchange.switchboard.settle(self.exchange.tenant_id, *found)
        self.exchange.switchboard.seek()

    async def untaken(self, reason: str = "offer_missed") -> Any:
        """What follows when routing has nobody else."""
        untaken = Untaken(self.call_id, self.contact_id, self.agent_id, reason)
        found = await self._run(lambda tx: ops.forward(tx, untaken, self.exchange.house.now()))
        if found is not None:
            self.exchange.switchboard.settle(self.exchange.tenant_id, *found)
        return found

    @property
    def legs(self) -> list[Leg]:
        live = self.exchange.switchboard.find(self.call_id)
        assert live is not None
        return list(live.legs)

    def sought(self) -> list[tuple[str, int]]:
        """(number, cause) of the agent's telephones, in the order they rang."""
        return [(leg.address, leg.q850_cause) for leg in self.legs if leg.party == Party.SOUGHT]

    async def _run(self, work: Any) -> Any:
        return await self.exchange.house.db.run(self.exchange.tenant_id, work)


async def setting(exchange: Exchange, agent_id: str, *steps: Step, **fields: Any) -> None:
    """Stored as it is, so that a test needn't wait for the shortest time an agent may set."""
    wanted = FindMe(agent_id, steps=steps, **{"when": When.ALWAYS, **fields})
    house = exchange.house
    await house.db.run(exchange.tenant_id, lambda tx: ops.replace(tx, wanted, 0, house.now()))


async def waiting(exchange: Exchange, *steps: Step, **fields: Any) -> Search:
    """A customer who waits for an agent with this find-me."""
    customer, agent_id = exchange.peer(CUSTOMER_HZ), an_id("usr")
    await setting(exchange, agent_id, *steps, **fields)
    call = await exchange.call(customer)
    await customer.hears(MUSIC_HZ)
    live = exchange.switchboard.find(call.call_id)
    assert live is not None
    await eventually(lambda: live.call.state is CallState.QUEUED)
    return Search(exchange, call.call_id, customer, agent_id, live.call.contact_id)


def mailbox(step_seconds: float = 5, *numbers: str) -> Step:
    return Step(step_seconds * SECONDS, numbers=numbers or (NUMBER,))


async def rings_from_now_on(carrier: Carrier) -> None:
    """The carrier's subscribers are rung and don't answer."""

    async def ring(invitation: Invitation) -> None:
        await invitation.ring()

    carrier.behave = ring


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


# -- nobody took it


async def test_a_call_that_nobody_took_goes_to_the_agents_voicemail(exchange) -> None:
    search = await waiting(exchange)
    await setting(
        exchange, search.agent_id, when=When.AWAY, resort=Resort(ResortKind.VOICEMAIL, search.agent_id)
    )  # fmt: skip
    found = await search.untaken()
    assert found is not None
    await eventually(lambda: len(exchange.flows.started) == 2)
    begun = exchange.flows.started[-1]
    assert (begun.turn, begun.voicemail_of_agent_id) == (1, search.agent_id)
    assert begun.previous_contact_id == search.contact_id and begun.return_agent_id == ""
    assert "CallForwarded" in await exchange.facts()


@pytest.mark.parametrize(("kind", "prefix", "field"), [("AGENT", "usr", "agent_id"), ("QUEUE", "que", "queue_id")])
async def test_a_last_resort_may_be_a_colleague_or_a_queue(exchange, kind, prefix, field) -> None:
    target = an_id(prefix)
    search = await waiting(exchange)
    await setting(exchange, search.agent_id, when=When.AWAY, resort=Resort(ResortKind[kind], target))
    assert await search.untaken("offer_declined") is not None
    await eventually(lambda: len(exchange.flows.started) == 2)
    assert getattr(exchange.flows.started[-1], field) == target


async def test_two_agents_who_forward_to_each_other_end_in_the_voicemail_of_the_first(exchange) -> None:
    search = await waiting(exchange)
    ben_id = an_id("usr")
    await setting(exchange, search.agent_id, when=When.AWAY, resort=Resort(ResortKind.AGENT, ben_id))
    await setting(exchange, ben_id, when=When.AWAY, resort=Resort(ResortKind.AGENT, search.agent_id))
    await search.untaken()
    live = exchange.switchboard.find(search.call_id)
    assert live is not None
    await eventually(lambda: live.call.state is CallState.QUEUED)
    again = Search(exchange, search.call_id, search.customer, ben_id, live.call.contact_id)
    await again.untaken()
    await eventually(lambda: len(exchange.flows.started) == 3)
    assert exchange.flows.started[-1].voicemail_of_agent_id == search.agent_id


async def test_a_call_that_somebody_took_meanwhile_is_not_forwarded(exchange) -> None:
    search = await waiting(exchange)
    await setting(
        exchange, search.agent_id, when=When.AWAY, resort=Resort(ResortKind.VOICEMAIL, search.agent_id)
    )  # fmt: skip
    desk, other = exchange.peer(DESK_HZ), an_id("usr")
    await exchange.attach(desk, other)
    await exchange.accept(search.call_id, other)
    assert await search.untaken() is None
    await search.customer.hears(DESK_HZ)


async def test_what_max_wait_or_a_flow_ended_is_not_the_last_resorts_business(exchange) -> None:
    search = await waiting(exchange)
    await setting(
        exchange, search.agent_id, when=When.AWAY, resort=Resort(ResortKind.VOICEMAIL, search.agent_id)
    )  # fmt: skip
    assert await search.untaken("max_wait") is None
    assert await search.untaken("flow") is None


# -- a node dies


async def test_a_search_goes_on_at_the_node_that_adopts_the_call(make_exchange, mobiles) -> None:
    from .two_nodes import adopted, back, kill, known_to_each_other

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
    await adopted(second, call.call_id)
    customer, _ = await back(second, call, CUSTOMER_HZ)
    there = Search(second, call.call_id, customer, agent_id, search.contact_id, search.offer_id)
    second.routing.on_take = there.accepted
    await eventually(lambda: len(mobile.invitations) == 2)
    await mobile.peer.hears(SPOKEN_HZ)
    await mobile.peer.press("1")
    await customer.hears(MOBILE_HZ)
    await mobile.peer.hears(CUSTOMER_HZ)
    assert there.sought() == [(NUMBER, Q850.TEMPORARY_FAILURE)]


async def test_a_node_that_dies_after_the_key_was_pressed_leaves_the_agent_on_the_line(make_exchange, mobiles) -> None:
    from .two_nodes import adopted, back, kill, known_to_each_other

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
    second.routing.refusal = None
    await adopted(second, call.call_id)
    customer, _ = await back(second, call, CUSTOMER_HZ)
    there = Search(second, call.call_id, customer, agent_id, search.contact_id, search.offer_id)
    second.routing.on_take = there.accepted
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

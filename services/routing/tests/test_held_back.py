"""Why somebody waits while an agent has room: they are held back for another whose turn has come, and it can be asked
for in every process."""

from __future__ import annotations

from datetime import timedelta

import pytest
from merkez.routing.v1 import contact_pb2 as c
from merkez.routing.v1 import contact_service_pb2 as cs
from routing.domain.contacts import Channel, Contact
from routing.domain.explaining import Explanation, Kept
from routing.domain.fairness import MOST_PASSED, HeldBack
from routing.ops import contacts as contact_ops
from routing.ops import offers as offer_ops
from routing.ops import waits
from routing.store import held_back as store
from testkit.waiting import eventually

from .conftest import Edge, Floor, as_
from .test_capacity import taking
from .test_matching import Start, floor_at, pending, start

__all__ = ["start"]
CHAT, EMAIL = Channel.CHAT, Channel.EMAIL


async def why(floor: Floor, contact: Contact) -> Explanation:
    return await floor.read(lambda tx: waits.explain_contact(tx, contact.contact_id, floor.clock.now()))


async def told(floor: Floor, contact: Contact, agent_id: str) -> Kept:
    return next(each for each in (await why(floor, contact)).agents if each.agent_id == agent_id)


async def note(floor: Floor, *held: HeldBack, seconds: int = 30) -> None:
    until = floor.clock.now() + timedelta(seconds=seconds)
    await floor.desk.run(floor.tenant_id, lambda tx: store.put_held_back(tx, held, until))


async def test_it_is_told_for_whom_an_agent_is_held_back_and_by_what_rule(edge: Edge, floor: Floor) -> None:
    queue, agent_id = await floor.queue(wrap_up_duration=timedelta(0)), await floor.agent()
    away = await floor.agent("On a call")
    call = await floor.contact(queue.queue_id, preferred_agent_id=away)
    offer = await floor.match()
    assert offer is not None and offer.contact_id == call.contact_id
    await floor.run(offer_ops.accept_offer, offer.offer_id, away)
    for _ in range(2):
        await taking(floor, queue.queue_id, agent_id, CHAT)
    letter = await floor.contact(queue.queue_id, channel=EMAIL)
    chat = await floor.contact(queue.queue_id, channel=CHAT)
    assert (await told(floor, chat, agent_id)).rejection == ""
    held = HeldBack(agent_id, letter.contact_id, EMAIL, 27, floor.clock.now().timestamp())
    await note(floor, held, held._replace(agent_id=away))
    kept = await told(floor, chat, agent_id)
    assert (kept.rejection, kept.held_back) == ("held_back", held)
    assert (await told(floor, chat, away)).rejection == "state:ON_CONTACT", "busy anyway"
    own = await told(floor, letter, agent_id)
    assert (own.rejection, own.held_back) == ("state:ON_CONTACT", held)
    with as_("supervisor", floor):
        said = await edge.contacts.ExplainContact(cs.ExplainContactRequest(contact_id=chat.contact_id))
    shown = next(each for each in said.agents if each.agent_id == agent_id)
    assert shown.rejection == "held_back" and shown.held_back.contact_id == letter.contact_id
    assert (shown.held_back.channel, shown.held_back.passed) == (c.CHANNEL_EMAIL, 27)
    assert shown.held_back.since_time.ToDatetime(floor.clock.now().tzinfo) == floor.clock.now()


@pytest.mark.parametrize("way", ["expires", "is taken back", "its contact waits no more", "of another tenant"])
async def test_what_is_over_keeps_nobody_from_anything(floor: Floor, other_floor: Floor, way: str) -> None:
    queue, agent_id = await floor.queue(), await floor.agent()
    await taking(floor, queue.queue_id, agent_id, CHAT)
    letter, chat = [await floor.contact(queue.queue_id, channel=each) for each in (EMAIL, CHAT)]
    held = HeldBack(agent_id, letter.contact_id, EMAIL, MOST_PASSED)
    await note(other_floor if way == "of another tenant" else floor, held)
    if way == "expires":
        floor.clock.advance(30)
    elif way == "is taken back":
        await note(floor)
    elif way == "its contact waits no more":
        await floor.run(contact_ops.dequeue_contact, letter.contact_id, "answered by hand")
    assert (await told(floor, chat, agent_id)).rejection == ""


async def test_whoever_gives_up_meanwhile_can_be_told_it_afterwards(floor: Floor) -> None:
    queue, agent_id = await floor.queue(), await floor.agent()
    await taking(floor, queue.queue_id, agent_id, CHAT)
    letter, chat = [await floor.contact(queue.queue_id, channel=each) for each in (EMAIL, CHAT)]
    held = HeldBack(agent_id, letter.contact_id, EMAIL, MOST_PASSED, floor.clock.now().timestamp())
    await note(floor, held)
    await floor.hang_up(chat)
    floor.clock.advance(3600)
    kept = await told(floor, chat, agent_id)
    assert (kept.rejection, kept.held_back) == ("held_back", held)


async def test_process_that_does_not_own_the_board_tells_who_is_held_back_and_for_whom(start: Start) -> None:
    one, two = await start("a"), await start("b")
    owner = floor_at(one)
    other = floor_at(two, owner.tenant_id)
    queue, agent_id = await owner.queue(wrap_up_duration=timedelta(0)), await owner.agent()
    await eventually(lambda: one.leases.epoch(owner.tenant_id) or None)

    async def answered() -> Contact:
        chat = await owner.contact(queue.queue_id, channel=CHAT, priority=9)
        offer = await eventually(lambda: pending(owner, agent_id))
        await owner.run(offer_ops.accept_offer, offer.offer_id, agent_id)
        assert offer.contact_id == chat.contact_id
        return chat

    await answered()
    await answered()
    letter = await owner.contact(queue.queue_id, channel=EMAIL)
    for _ in range(MOST_PASSED):
        await owner.hang_up(await answered())
    chat = await owner.contact(queue.queue_id, channel=CHAT, priority=9)

    async def explained() -> Kept | None:
        kept = await told(other, chat, agent_id)
        return kept if kept.rejection else None

    kept = await eventually(explained)
    assert kept.rejection == "held_back" and kept.held_back is not None
    assert (kept.held_back.contact_id, kept.held_back.passed) == (letter.contact_id, MOST_PASSED)
    await other.run(contact_ops.dequeue_contact, letter.contact_id, "answered by hand")
    assert (await eventually(lambda: pending(owner, agent_id))).contact_id == chat.contact_id

"""Whose calls are accepted by themselves."""

from __future__ import annotations

from routing.domain.contacts import Channel
from routing.domain.facts import OfferMade
from routing.domain.rules import Rules
from routing.ops import agents as agent_ops
from routing.store import offers as offer_store

from .conftest import Floor


async def test_offers_are_accepted_by_themselves_by_the_queues_or_the_agents_setting_where_one_rings(
    floor: Floor,
) -> None:
    plain, auto = await floor.queue("Plain"), await floor.queue("Auto", auto_accept=True)
    agent_id = await floor.agent()
    made: list[bool] = []
    for queue in (plain, auto):
        contact = await floor.contact(queue.queue_id)
        offer = await floor.match()
        assert offer is not None
        made.append(offer.auto_accept)
        await floor.hang_up(contact)
    await floor.run(agent_ops.update_agent, agent_id, {"auto_accept": True}, 0)
    chat = await floor.contact(plain.queue_id, channel=Channel.CHAT)
    offer = await floor.match()
    assert offer is not None
    made.append(offer.auto_accept)
    await floor.hang_up(chat)
    call = await floor.contact(plain.queue_id)
    offer = await floor.match()
    assert offer is not None
    assert [*made, offer.auto_accept] == [False, True, False, True]
    offer_id = offer.offer_id
    stored = await floor.read(lambda tx: offer_store.find_offer(tx, offer_id))
    assert stored is not None and stored.auto_accept and floor.last(OfferMade).offer.auto_accept
    await floor.hang_up(call)
    await floor.agent("Cem")
    together = await floor.queue("Together", auto_accept=True, rules=Rules(ring_agents=2))
    await floor.contact(together.queue_id)
    offer = await floor.match()
    assert offer is not None and not offer.auto_accept, "where several ring somebody takes it"

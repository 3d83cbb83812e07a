"""A board that heard nothing and is compared with the rows: it takes what is newer there, and reads nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import asyncpg
import pytest
from routing.boards import Boards
from routing.domain.capacity import ChannelRule
from routing.domain.contacts import Channel, ContactState
from routing.domain.views import ready_of
from routing.ops import agents as agent_ops
from routing.ops import capacity as capacity_ops
from routing.ops import offers as offer_ops
from routing.ops import waits
from routing.ops.standing import queue_standing
from testkit.databases import Databases

from .callers import ask
from .conftest import Floor, draft_contact

CHAT, VOICE, VIDEO = Channel.CHAT, Channel.VOICE, Channel.VIDEO


@pytest.fixture
def boards(floor: Floor) -> Boards:
    return Boards(floor.desk, lambda _: None)


async def writing(floor: Floor, queue_id: str) -> None:
    """The next agent takes a chat."""
    await floor.contact(queue_id, channel=CHAT)
    offer = await floor.match()
    assert offer is not None
    await floor.run(offer_ops.accept_offer, offer.offer_id, offer.agent_id)


def noted(boards: Boards, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the rows that are read again from now on."""
    found: list[str] = []
    reread = boards.reread

    async def note(tenant_id: str, agent_ids: Sequence[str], contact_ids: Sequence[str]) -> None:
        found.extend([*agent_ids, *contact_ids])
        await reread(tenant_id, agent_ids, contact_ids)

    monkeypatch.setattr(boards, "reread", note)
    return found


async def test_capacities_set_by_another_process_hold_from_the_next_comparison_on(floor: Floor, boards: Boards) -> None:
    queue, agent_id = await floor.queue(), await floor.agent()
    await writing(floor, queue.queue_id)
    board = (await boards.load(floor.tenant_id)).board
    assert board.ready[agent_id].takes(CHAT)
    one = {CHAT: ChannelRule(1, 100)}
    await floor.desk.run(floor.tenant_id, lambda tx: capacity_ops.set_rules(tx, one, 0, floor.clock.now()))
    await boards.resync(floor.tenant_id)
    assert board.ready[agent_id].open == {VOICE, VIDEO}


async def test_agent_who_gets_room_beside_a_chat_is_found_by_their_version(floor: Floor, boards: Boards) -> None:
    queue, agent_id = await floor.queue(), await floor.agent()
    board = (await boards.load(floor.tenant_id)).board
    assert board.ready[agent_id].takes(VOICE) and not board.ready[agent_id].loaded
    await writing(floor, queue.queue_id)
    await boards.resync(floor.tenant_id)
    assert board.ready[agent_id].loaded
    await ask(floor, queue.queue_id)
    assert await floor.match() is not None  # a callback rings: nobody is offered anything beside it
    await boards.resync(floor.tenant_id)
    assert agent_id not in board.ready


async def test_agents_without_room_are_not_read_again_and_again(
    floor: Floor, boards: Boards, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, agent_id = await floor.queue(wrap_up_duration=timedelta(0)), await floor.agent()
    one_chat = dict.fromkeys(Channel, 0) | {CHAT: 1}
    await floor.run(agent_ops.update_agent, agent_id, {"capacities": one_chat}, 0)
    await writing(floor, queue.queue_id)
    board = (await boards.load(floor.tenant_id)).board
    assert agent_id not in board.ready
    read = noted(boards, monkeypatch)
    await boards.resync(floor.tenant_id)
    assert read == []
    await floor.run(agent_ops.update_agent, agent_id, {"capacities": {}}, 0)
    await boards.resync(floor.tenant_id)
    assert read == [agent_id] and board.ready[agent_id].takes(VOICE)


async def test_who_has_no_voice_does_not_count_for_callers(floor: Floor) -> None:
    queue, writer = await floor.queue(), await floor.agent()
    await floor.run(agent_ops.update_agent, writer, {"capacities": {VOICE: 0}}, 0)
    standing = await floor.read(lambda tx: queue_standing(tx, queue.queue_id, floor.clock.now()))
    assert (standing.agents, standing.free, standing.expected) == (0, 0, None)
    caller = draft_contact(queue.queue_id, floor.clock.now())
    told = await floor.read(lambda tx: waits.estimate_arrival(tx, caller, floor.clock.now()))
    assert told.expected is None
    contact = await floor.contact(queue.queue_id)
    why = await floor.read(lambda tx: waits.explain_contact(tx, contact.contact_id, floor.clock.now()))
    assert [(each.agent_id, each.rejection) for each in why.agents] == [(writer, "no_capacity")]


async def test_who_writes_a_chat_counts_as_free_for_a_caller_and_as_busy_for_a_fourth_chat(floor: Floor) -> None:
    queue, agent_id = await floor.queue(), await floor.agent()
    for _ in range(3):
        await writing(floor, queue.queue_id)
    standing = await floor.read(lambda tx: queue_standing(tx, queue.queue_id, floor.clock.now()))
    assert (standing.free, standing.expected) == (1, timedelta(0))
    for channel, rejection in ((VOICE, ""), (CHAT, "state:ON_CONTACT")):
        contact = await floor.contact(queue.queue_id, channel=channel)
        contact_id = contact.contact_id
        why = await floor.read(lambda tx, each=contact_id: waits.explain_contact(tx, each, floor.clock.now()))
        assert contact.state is ContactState.QUEUED
        assert [(each.agent_id, each.rejection) for each in why.agents] == [(agent_id, rejection)]


async def test_who_was_on_a_call_before_channels_were_written_down_is_on_a_call(
    floor: Floor, databases: Databases
) -> None:
    _, agent_id, _ = await floor.talking()
    admin = await asyncpg.connect(databases.admin_url("routing").replace("+asyncpg", ""))
    await admin.execute("update routing.agents set channel = '' where agent_id = $1", agent_id)
    await admin.close()
    agent = await floor.see(agent_id)
    assert agent.held == (Channel.VOICE,) and ready_of(agent) is None

"""Five ways to wrap up, on the server's timers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from kernel.errors import FailedPrecondition, InvalidInput, NotFound
from merkez.routing.v1 import contact_service_pb2 as cs
from merkez.routing.v1 import wrap_up_pb2 as w
from merkez.routing.v1 import wrap_up_service_pb2 as ws
from routing.domain.agents import AgentState
from routing.domain.contacts import (
    Channel,
    Contact,
    ContactMoved,
    ContactNotFound,
    ContactNotInWrapUp,
    ContactState,
    DispositionRequired,
)
from routing.domain.facts import ContactEnded, WrapUpChanged
from routing.domain.queues import WrapUpMode
from routing.domain.wrapup import WrapUpNotExtendable, WrapUpNotOptional, WrapUpNotOver
from routing.ops import agents as agent_ops
from routing.ops import contacts as contact_ops
from routing.ops import queues as queue_ops
from routing.ops import wrapup as ops

from .conftest import Edge, Floor, as_, draft_queue, refused
from .test_capacity import taking

TEN, THIRTY = timedelta(seconds=10), timedelta(seconds=30)


def ended(contact: Contact, agent_id: str) -> contact_ops.WrapUp:
    return contact_ops.WrapUp(contact.contact_id, "", "", agent_id)


async def test_without_wrap_up_the_agent_is_free_with_the_talk(floor: Floor) -> None:
    _, agent_id, contact = await floor.talking(wrap_up_mode=WrapUpMode.NONE)
    await floor.hang_up(contact)
    assert (await floor.look(contact)).state is ContactState.ENDED
    assert (await floor.see(agent_id)).state is AgentState.AVAILABLE


@pytest.mark.parametrize("asks", [(), (True,), (True, False)])
async def test_optional_wrap_up_is_for_who_asked_for_it(floor: Floor, asks: tuple[bool, ...]) -> None:
    _, agent_id, contact = await floor.talking(wrap_up_mode=WrapUpMode.OPTIONAL)
    for wanted in asks:
        after = await floor.run(ops.request_wrap_up, contact.contact_id, agent_id, wanted)
        assert after.wrap_up_wanted is wanted and floor.last(WrapUpChanged).contact == after
    await floor.hang_up(contact)
    wrapping = asks == (True,)
    assert (await floor.look(contact)).state is (ContactState.WRAP_UP if wrapping else ContactState.ENDED)
    floor.clock.advance(THIRTY)
    assert await floor.run(contact_ops.expire_wrap_ups) == int(wrapping)


async def test_mandatory_wrap_up_ends_by_the_agent_or_by_its_timer(floor: Floor) -> None:
    _, agent_id, contact = await floor.talking(wrap_up_mode=WrapUpMode.MANDATORY)
    await floor.hang_up(contact)
    await floor.run(contact_ops.end_wrap_up, ended(contact, agent_id))
    assert (await floor.see(agent_id)).state is AgentState.AVAILABLE


async def test_untimed_wrap_up_lasts_until_the_agent_ends_it(floor: Floor) -> None:
    _, agent_id, contact = await floor.talking(wrap_up_mode=WrapUpMode.UNTIMED, wrap_up_extension=TEN)
    await floor.hang_up(contact)
    floor.clock.advance(timedelta(days=1))
    assert not await floor.run(contact_ops.expire_wrap_ups)
    with pytest.raises(WrapUpNotExtendable):
        await floor.run(ops.extend_wrap_up, contact.contact_id, agent_id)
    await floor.run(contact_ops.end_wrap_up, ended(contact, agent_id))
    assert not floor.last(ContactEnded).by_timer


async def test_untimed_wrap_up_of_a_disabled_login_ends(floor: Floor) -> None:
    _, agent_id, contact = await floor.talking(wrap_up_mode=WrapUpMode.UNTIMED)
    await floor.hang_up(contact)
    await floor.run(agent_ops.change_user, agent_id, "Aysel", False, 2)
    assert floor.last(WrapUpChanged).contact.wrap_up_expire_time == floor.clock.now()
    assert await floor.run(contact_ops.expire_wrap_ups) == 1
    _, second, talk = await floor.talking(wrap_up_mode=WrapUpMode.UNTIMED)
    await floor.run(agent_ops.change_user, second, "Aysel", False, 2)
    await floor.hang_up(talk)
    assert (await floor.look(talk)).wrap_up_expire_time == floor.clock.now() + THIRTY


async def test_fixed_wrap_up_can_not_be_ended_early_by_its_agent(floor: Floor) -> None:
    _, agent_id, contact = await floor.talking(wrap_up_mode=WrapUpMode.FIXED)
    await floor.hang_up(contact)
    floor.clock.advance(timedelta(seconds=29))
    with pytest.raises(WrapUpNotOver):
        await floor.run(contact_ops.end_wrap_up, ended(contact, agent_id))
    floor.clock.advance(timedelta(seconds=1))
    assert await floor.run(contact_ops.expire_wrap_ups) == 1


async def test_supervisor_ends_a_fixed_wrap_up_early(floor: Floor) -> None:
    _, _, contact = await floor.talking(wrap_up_mode=WrapUpMode.FIXED)
    await floor.hang_up(contact)
    assert (await floor.run(contact_ops.end_wrap_up, ended(contact, ""))).state is ContactState.ENDED


@pytest.mark.parametrize("mode", [WrapUpMode.MANDATORY, WrapUpMode.FIXED])
async def test_timer_is_extended_once(floor: Floor, mode: WrapUpMode) -> None:
    _, agent_id, contact = await floor.talking(wrap_up_mode=mode, wrap_up_extension=TEN)
    with pytest.raises(ContactNotInWrapUp):
        await floor.run(ops.extend_wrap_up, contact.contact_id, agent_id)
    await floor.hang_up(contact)
    assert (await floor.look(contact)).wrap_up_extension == TEN
    longer = await floor.run(ops.extend_wrap_up, contact.contact_id, agent_id)
    assert longer.wrap_up_expire_time == floor.clock.now() + THIRTY + TEN and not longer.wrap_up_extension
    with pytest.raises(WrapUpNotExtendable):
        await floor.run(ops.extend_wrap_up, contact.contact_id, agent_id)
    floor.clock.advance(THIRTY)
    assert not await floor.run(contact_ops.expire_wrap_ups)
    await floor.run(contact_ops.end_wrap_up, ended(contact, agent_id))  # also FIXED: the fixed time is over


async def test_queue_without_extension_gives_none(floor: Floor) -> None:
    _, agent_id, contact = await floor.talking()
    await floor.hang_up(contact)
    with pytest.raises(WrapUpNotExtendable):
        await floor.run(ops.extend_wrap_up, contact.contact_id, agent_id)


async def test_wrap_up_is_asked_for_while_talking_in_a_queue_where_it_is_optional(floor: Floor) -> None:
    _, agent_id, contact = await floor.talking()
    with pytest.raises(WrapUpNotOptional):
        await floor.run(ops.request_wrap_up, contact.contact_id, agent_id, True)
    await floor.hang_up(contact)
    with pytest.raises(ContactMoved):
        await floor.run(ops.request_wrap_up, contact.contact_id, agent_id, True)
    with pytest.raises(ContactNotFound):
        await floor.run(ops.request_wrap_up, contact.contact_id, "usr_other", True)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"wrap_up_mode": WrapUpMode.FIXED, "wrap_up_duration": timedelta(0)}, ["queue.wrap_up_duration"]),
        ({"wrap_up_mode": WrapUpMode.OPTIONAL, "wrap_up_duration": timedelta(0)}, ["queue.wrap_up_duration"]),
        ({"wrap_up_extension": timedelta(seconds=901)}, ["queue.wrap_up_extension"]),
        ({"missed_offer_return": timedelta(seconds=4)}, ["queue.missed_offer_return"]),
    ],
)
async def test_queue_whose_wrap_up_can_not_work_is_refused(
    floor: Floor, changes: dict[str, object], fields: list[str]
) -> None:
    make: Callable[..., Any] = draft_queue
    with pytest.raises(InvalidInput) as refusal:
        await floor.run(queue_ops.create_queue, make(**changes))
    assert [each.field for each in refusal.value.fields] == fields


async def test_agent_asks_and_extends_by_rpc_and_nobody_else(edge: Edge, floor: Floor, other_floor: Floor) -> None:
    _, agent_id, contact = await floor.talking(wrap_up_mode=WrapUpMode.OPTIONAL, wrap_up_extension=TEN)
    asked = ws.RequestWrapUpRequest(contact_id=contact.contact_id, wanted=True)
    more = ws.ExtendWrapUpRequest(contact_id=contact.contact_id)
    for someone in (as_("agent", floor), as_("agent", other_floor, agent_id)):
        with someone:
            await refused(edge.wrap_ups.RequestWrapUp(asked), NotFound, "CONTACT_NOT_FOUND")
            await refused(edge.wrap_ups.ExtendWrapUp(more), NotFound, "CONTACT_NOT_FOUND")
    with as_("agent", floor, agent_id):
        shown = await edge.wrap_ups.RequestWrapUp(asked)
        assert shown.wrap_up_wanted and shown.wrap_up_mode == w.WRAP_UP_MODE_OPTIONAL
        assert (await edge.wrap_ups.RequestWrapUp(asked)).wrap_up_wanted
        await floor.hang_up(contact)
        shown = await edge.wrap_ups.ExtendWrapUp(more)
        assert not shown.HasField("wrap_up_extension")
        await refused(edge.wrap_ups.ExtendWrapUp(more), FailedPrecondition, "WRAP_UP_NOT_EXTENDABLE")
        await edge.contacts.EndWrapUp(cs.EndWrapUpRequest(contact_id=contact.contact_id))


async def test_untimed_wrap_ups_of_a_disabled_login_end_also_those_put_aside(floor: Floor) -> None:
    queue, agent_id = await floor.queue(wrap_up_mode=WrapUpMode.UNTIMED), await floor.agent()
    chats = [await taking(floor, queue.queue_id, agent_id, Channel.CHAT) for _ in range(2)]
    for chat in chats:
        await floor.hang_up(chat)
    call = await taking(floor, queue.queue_id, agent_id, Channel.VOICE)
    await floor.run(agent_ops.change_user, agent_id, "Aysel", False, 2)
    await floor.hang_up(call)
    floor.clock.advance(timedelta(days=1))
    await floor.run(contact_ops.expire_wrap_ups)
    assert {(await floor.look(each)).state for each in (*chats, call)} == {ContactState.ENDED}


async def test_where_an_outcome_is_required_and_none_is_left_to_pick_wrap_up_ends_all_the_same(floor: Floor) -> None:
    sold = await floor.run(queue_ops.create_disposition, "Sold")
    _, agent_id, contact = await floor.talking(wrap_up_mode=WrapUpMode.UNTIMED, disposition_required=True)
    await floor.hang_up(contact)
    with pytest.raises(DispositionRequired):
        await floor.run(contact_ops.end_wrap_up, ended(contact, agent_id))
    await floor.desk.run(floor.tenant_id, lambda tx: queue_ops.delete_disposition(tx, sold.disposition_id))
    await floor.run(contact_ops.end_wrap_up, ended(contact, agent_id))
    assert (await floor.see(agent_id)).state is AgentState.AVAILABLE

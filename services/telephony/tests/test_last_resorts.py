"""Where a call goes that nobody took for its agent."""

from __future__ import annotations

import pytest
from telephony.domain.calls import CallState
from telephony.domain.find_me import Resort, ResortKind, When
from testkit import eventually

from .conftest import an_id
from .neighbours import queue_instruction
from .seeking import DESK_HZ, Search, setting, waiting
from .test_parking import parked, time_is_up

pytestmark = pytest.mark.media


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


async def test_a_parked_call_that_is_back_at_who_parked_it_goes_where_its_brand_says(exchange) -> None:
    live, _, ann_id = await parked(exchange)
    exchange.flows.steps = [queue_instruction()]
    assert await time_is_up(exchange, live.call_id)
    await eventually(lambda: live.call.state is CallState.QUEUED)
    await setting(exchange, ann_id, when=When.AWAY, resort=Resort(ResortKind.QUEUE, an_id("que")))
    back = Search(exchange, live.call_id, None, ann_id, live.call.contact_id)
    assert await back.untaken() is None


async def test_what_max_wait_or_a_flow_ended_is_not_the_last_resorts_business(exchange) -> None:
    search = await waiting(exchange)
    await setting(
        exchange, search.agent_id, when=When.AWAY, resort=Resort(ResortKind.VOICEMAIL, search.agent_id)
    )  # fmt: skip
    assert await search.untaken("max_wait") is None
    assert await search.untaken("flow") is None

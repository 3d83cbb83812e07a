"""Facts of the others over a real nats-server, each taking effect once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest_asyncio
from chassis.bus import Bus
from chassis.sql import Database
from google.protobuf.message import Message
from kernel.features import Feature, FeatureNotInPlan
from kernel.ids import new_id
from merkez.telephony.v1 import call_pb2, telephony_events_pb2
from merkez.tenancy.v1 import plan_pb2, session_pb2, tenancy_events_pb2
from merkez_local.nats import Nats
from routing.consumers import CONSUMER, Consumers
from routing.domain.agents import Agent, AgentState
from routing.domain.contacts import ContactState
from routing.ops import plans as plan_ops
from routing.store import agents as store
from testkit.waiting import eventually

from .conftest import Floor

Publish = Callable[..., Awaitable[str]]


@pytest_asyncio.fixture
async def publish(
    nats_server: Nats, make_bus: Callable[..., Awaitable[Bus]], db: Database, floor: Floor
) -> AsyncIterator[Publish]:
    """Publishes a fact of this floor's tenant as its owner would, with routing listening."""
    bus = await make_bus("routing", url=nats_server.url)
    await bus.consume(db, CONSUMER, Consumers(floor.desk).handlers)

    async def send(fact: Message, key: str, event_id: str = "", suffix: str = "") -> str:
        event_id = event_id or new_id("evt", floor.clock.now())
        await bus.publish_fact(
            full_name=fact.DESCRIPTOR.full_name, tenant_id=floor.tenant_id, key=key, event_id=event_id,
            payload=fact.SerializeToString(), time=floor.clock.now(), suffix=suffix,
        )  # fmt: skip
        return event_id

    yield send


def joined(user_id: str, name: str = "Aysel", role: Any = session_pb2.ROLE_AGENT) -> tenancy_events_pb2.UserJoined:
    user = session_pb2.User(
        user_id=user_id, display_name=name, role=role, state=session_pb2.USER_STATE_ACTIVE, version=1
    )  # fmt: skip
    return tenancy_events_pb2.UserJoined(user=user)


def changed(
    user_id: str, name: str, state: Any = session_pb2.USER_STATE_ACTIVE, version: int = 2
) -> tenancy_events_pb2.UserChanged:
    user = session_pb2.User(
        user_id=user_id, display_name=name, role=session_pb2.ROLE_AGENT, state=state, version=version
    )  # fmt: skip
    return tenancy_events_pb2.UserChanged(user=user)


def ended(call_id: str) -> telephony_events_pb2.CallEnded:
    return telephony_events_pb2.CallEnded(cdr=call_pb2.Cdr(call_id=call_id))


async def row(floor: Floor, agent_id: str) -> Agent | None:
    return await floor.read(lambda tx: store.find_agent(tx, agent_id))


async def test_user_who_joins_is_an_agent_and_their_name_follows(floor: Floor, publish: Publish) -> None:
    user = new_id("usr", floor.clock.now())
    await publish(joined(user), user)
    assert (await eventually(lambda: row(floor, user))).state is AgentState.OFFLINE
    await publish(changed(user, "Aysel Q."), user)

    async def renamed() -> bool:
        return (await floor.see(user)).display_name == "Aysel Q."

    await eventually(renamed)


async def test_disabled_user_works_here_no_more(floor: Floor, publish: Publish) -> None:
    user = await floor.agent()
    await publish(changed(user, "Aysel", session_pb2.USER_STATE_DISABLED), user)

    async def gone() -> bool:
        found = await row(floor, user)
        return found is not None and not found.active and found.state is AgentState.OFFLINE

    await eventually(gone)


async def test_operator_and_api_client_are_no_agents(floor: Floor, publish: Publish) -> None:
    outsider, user = new_id("usr", floor.clock.now()), new_id("usr", floor.clock.now())
    await publish(joined(outsider, role=session_pb2.ROLE_API_CLIENT), user)
    await publish(joined(user), user)
    await eventually(lambda: row(floor, user))
    assert await row(floor, outsider) is None


async def test_owner_is_an_agent_from_sign_up_on(floor: Floor, publish: Publish) -> None:
    owner = new_id("usr", floor.clock.now())
    await publish(tenancy_events_pb2.TenantSignedUp(owner_user_id=owner), floor.tenant_id)
    await eventually(lambda: row(floor, owner))


async def test_station_that_comes_and_goes_moves_its_agent(floor: Floor, publish: Publish) -> None:
    user, station = await floor.agent(), new_id("stn", floor.clock.now())
    floor.clock.advance(1)
    place = call_pb2.Station(station_id=station, agent_id=user)
    place.attach_time.FromDatetime(floor.clock.now())
    await publish(telephony_events_pb2.StationAttached(station=place), station)

    async def there() -> bool:
        return (await floor.see(user)).station_id == station

    await eventually(there)
    await publish(telephony_events_pb2.StationDetached(station=place, reason="LEFT"), station)

    async def not_ready() -> bool:
        return (await floor.see(user)).reason == "no_station"

    await eventually(not_ready)


async def test_user_disabled_and_enabled_works_here_whatever_is_heard_of_first(floor: Floor, publish: Publish) -> None:
    user, other = await floor.agent(), await floor.agent()
    await publish(changed(user, "Aysel Q.", version=3), user)
    await publish(changed(user, "Aysel", session_pb2.USER_STATE_DISABLED, version=2), user)
    await publish(changed(other, "Leyla", version=2), user)  # of the same lane, so it is worked last

    async def heard() -> bool:
        return (await floor.see(other)).display_name == "Leyla"

    await eventually(heard)
    agent = await floor.see(user)
    assert agent.active and agent.state is AgentState.AVAILABLE and agent.display_name == "Aysel Q."


async def test_user_disabled_before_anything_else_was_heard_of_them_does_not_work_here(
    floor: Floor, publish: Publish
) -> None:
    user, other = new_id("usr", floor.clock.now()), new_id("usr", floor.clock.now())
    await publish(changed(user, "Aysel", session_pb2.USER_STATE_DISABLED), user)
    await publish(joined(user), user)
    await publish(joined(other), user)
    await eventually(lambda: row(floor, other))
    found = await row(floor, user)
    assert found is not None and not found.active


async def test_station_that_came_and_went_is_gone_whatever_is_heard_of_first(floor: Floor, publish: Publish) -> None:
    user, newcomer = await floor.agent(), new_id("usr", floor.clock.now())
    floor.clock.advance(1)
    for agent_id in (user, newcomer):
        place = call_pb2.Station(station_id=new_id("stn", floor.clock.now()), agent_id=agent_id)
        place.attach_time.FromDatetime(floor.clock.now())
        await publish(telephony_events_pb2.StationDetached(station=place, reason="LEFT"), user)
        await publish(telephony_events_pb2.StationAttached(station=place), user)
    marker = new_id("usr", floor.clock.now())
    await publish(joined(marker), user)
    # The newcomer's row comes with news of another stream than the marker's.
    for agent_id in (marker, newcomer):
        await eventually(lambda agent_id=agent_id: row(floor, agent_id))
    assert [(await floor.see(agent_id)).station_id for agent_id in (user, newcomer)] == ["", ""]
    assert (await floor.see(user)).reason == "no_station"


async def test_station_that_was_replaced_does_not_come_back_by_late_news(floor: Floor, publish: Publish) -> None:
    user = await floor.agent()
    stations = []
    for name in ("stn_old", "stn_new"):
        floor.clock.advance(1)
        stations.append(call_pb2.Station(station_id=name, agent_id=user))
        stations[-1].attach_time.FromDatetime(floor.clock.now())
    old, new = stations
    await publish(telephony_events_pb2.StationAttached(station=new), user)
    await publish(telephony_events_pb2.StationAttached(station=old), user)
    await publish(telephony_events_pb2.StationDetached(station=old, reason="LEFT"), user)
    marker = new_id("usr", floor.clock.now())
    await publish(joined(marker), user)
    await eventually(lambda: row(floor, marker))
    agent = await floor.see(user)
    assert (agent.station_id, agent.state) == ("stn_new", AgentState.AVAILABLE)


async def test_call_that_ends_abandons_who_waits_and_takes_effect_once(floor: Floor, publish: Publish) -> None:
    contact = await floor.contact((await floor.queue()).queue_id)
    event = await publish(ended(contact.call_id), contact.call_id)

    async def abandoned() -> bool:
        return (await floor.look(contact)).state is ContactState.ABANDONED

    await eventually(abandoned)
    await publish(ended(contact.call_id), contact.call_id, event, suffix="again")
    marker = new_id("usr", floor.clock.now())
    await publish(joined(marker), contact.call_id)
    await eventually(lambda: row(floor, marker))
    assert floor.names_told().count("ContactAbandoned") == 1


async def test_call_that_ends_while_talking_starts_wrap_up(floor: Floor, publish: Publish) -> None:
    _, agent_id, contact = await floor.talking()
    await publish(ended(contact.call_id), contact.call_id)

    async def wrapping() -> bool:
        return (await floor.see(agent_id)).state is AgentState.WRAP_UP

    await eventually(wrapping)
    assert (await floor.look(contact)).wrap_up_expire_time is not None


async def test_agent_who_leaves_a_call_that_goes_on_starts_wrap_up(floor: Floor, publish: Publish) -> None:
    _, agent_id, contact = await floor.talking()
    floor.clock.advance(20)
    left = telephony_events_pb2.AgentLeft(
        call_id=contact.call_id, contact_id=contact.contact_id, agent_id=agent_id, reason="TRANSFERRED"
    )
    left.leave_time.FromDatetime(floor.clock.now())
    await publish(left, contact.call_id)

    async def wrapping() -> bool:
        return (await floor.see(agent_id)).state is AgentState.WRAP_UP

    await eventually(wrapping)
    assert (await floor.look(contact)).end_time == floor.clock.now()


async def test_agent_who_asked_for_a_call_that_somebody_else_had_is_free_and_has_nothing_to_wrap_up(
    floor: Floor, publish: Publish
) -> None:
    _, agent_id, contact = await floor.talking()
    never = telephony_events_pb2.AgentLeft(
        call_id=contact.call_id, contact_id=contact.contact_id, agent_id=agent_id, reason="NEVER_JOINED"
    )
    await publish(never, contact.call_id)

    async def free() -> bool:
        return (await floor.see(agent_id)).state is AgentState.AVAILABLE

    await eventually(free)
    assert (await floor.look(contact)).state is ContactState.ENDED


def subscribed(floor: Floor, *features: str, plan_id: str = "starter") -> tenancy_events_pb2.PlanSubscribed:
    fact = tenancy_events_pb2.PlanSubscribed(
        plan=plan_pb2.Plan(plan_id=plan_id, features=features), lowest_plan_ids={"skills": "growth"}
    )
    fact.effective_time.FromDatetime(floor.clock.now())
    return fact


async def has_skills(floor: Floor) -> bool:
    try:
        await floor.read(lambda tx: plan_ops.require_feature(tx, Feature.SKILLS))
    except FeatureNotInPlan:
        return False
    return True


async def test_plan_change_gives_and_takes_skills(floor: Floor, publish: Publish) -> None:
    assert await has_skills(floor), "the news of the first plan may be under way"
    late = subscribed(floor, "recording")
    await publish(late, floor.tenant_id)

    async def gone() -> bool:
        return not await has_skills(floor)

    await eventually(gone)
    floor.clock.advance(1)
    await publish(subscribed(floor, "recording", "skills", plan_id="growth"), floor.tenant_id)
    await eventually(lambda: has_skills(floor))
    await publish(late, floor.tenant_id)
    marker = new_id("usr", floor.clock.now())
    await publish(joined(marker), floor.tenant_id)
    await eventually(lambda: row(floor, marker))
    assert await has_skills(floor), "an older plan that comes late changes nothing"

"""Reasons to be away: the tenant's own, picked by agents, told with their state."""

from __future__ import annotations

from datetime import timedelta

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from kernel.errors import AlreadyExists, Conflict, FailedPrecondition, Forbidden, InvalidInput, NotFound
from kernel.ids import new_id
from merkez.routing.v1 import contact_pb2 as c
from merkez.routing.v1 import contact_service_pb2 as cs
from merkez.routing.v1 import presence_pb2 as p
from merkez.routing.v1 import presence_service_pb2 as ps
from routing import convert
from routing.domain.agents import AgentState
from routing.domain.facts import AgentStateChanged
from routing.domain.presence import MAX_REASONS, NotReadyReason, TooManyNotReadyReasons
from routing.ops import agents as agent_ops
from routing.ops import presence as ops

from .conftest import NEVER, Edge, Floor, as_, refused


def draft(name: str, **changes: object) -> NotReadyReason:
    return NotReadyReason("", name, NEVER, **changes)  # pyright: ignore[reportArgumentType]


async def test_tenant_starts_with_break_lunch_training_and_meeting(floor: Floor) -> None:
    reasons = await floor.run(ops.list_reasons)
    assert [(each.display_name, each.paid) for each in reasons] == [
        ("Break", True), ("Lunch", False), ("Training", True), ("Meeting", True)
    ]  # fmt: skip
    assert await floor.run(ops.list_reasons) == reasons and reasons[0].names["fa"]


async def test_agent_is_away_by_a_reason_whose_id_and_name_are_told(floor: Floor) -> None:
    agent_id = await floor.agent()
    prayer = await floor.run(ops.create_reason, draft("Prayer", paid=True))
    agent = await floor.desk.run(
        floor.tenant_id,
        lambda tx: agent_ops.set_state(
            tx, agent_id, AgentState.NOT_READY, "", floor.clock.now(), reason_id=prayer.not_ready_reason_id
        ),
    )
    assert (agent.reason, agent.reason_id) == ("Prayer", prayer.not_ready_reason_id)
    told = convert.fact_to_proto(floor.last(AgentStateChanged))
    assert (told.agent.reason, told.agent.reason_id) == ("Prayer", prayer.not_ready_reason_id)  # pyright: ignore
    back = await floor.run(agent_ops.set_state, agent_id, AgentState.AVAILABLE, "")
    assert (back.reason, back.reason_id) == ("", "")


async def test_reason_given_by_its_name_is_known_whatever_its_case(floor: Floor) -> None:
    agent_id = await floor.agent()
    lunch = next(each for each in await floor.run(ops.list_reasons) if each.display_name == "Lunch")
    agent = await floor.run(agent_ops.set_state, agent_id, AgentState.NOT_READY, "lunch")
    assert (agent.reason, agent.reason_id) == ("lunch", lunch.not_ready_reason_id)
    other = await floor.run(agent_ops.set_state, agent_id, AgentState.NOT_READY, "paperwork")
    assert (other.reason, other.reason_id) == ("paperwork", "")


async def test_reason_asked_for_during_a_contact_holds_from_its_end_and_can_be_taken_back(floor: Floor) -> None:
    _, agent_id, contact = await floor.talking(wrap_up_duration=timedelta(0))
    waits = await floor.run(agent_ops.set_state, agent_id, AgentState.NOT_READY, "training")
    assert (waits.state, waits.next_state) == (AgentState.ON_CONTACT, AgentState.NOT_READY)
    assert waits.next_reason_id and not waits.reason_id
    taken_back = await floor.run(agent_ops.set_state, agent_id, AgentState.AVAILABLE, "")
    assert (taken_back.next_state, taken_back.next_reason, taken_back.next_reason_id) == (None, "", "")
    await floor.run(agent_ops.set_state, agent_id, AgentState.NOT_READY, "training")
    await floor.hang_up(contact)
    after = await floor.see(agent_id)
    assert (after.state, after.reason, after.reason_id) == (AgentState.NOT_READY, "training", waits.next_reason_id)
    assert (after.next_state, after.next_reason_id) == (None, "")


async def test_archived_reason_can_not_be_picked_and_may_come_back(edge: Edge, floor: Floor) -> None:
    agent_id = await floor.agent()
    with as_("admin", floor):
        listed = await edge.reasons.ListNotReadyReasons(ps.ListNotReadyReasonsRequest())
        lunch = listed.not_ready_reasons[1]
        archived = await edge.reasons.UpdateNotReadyReason(
            ps.UpdateNotReadyReasonRequest(
                not_ready_reason=p.NotReadyReason(not_ready_reason_id=lunch.not_ready_reason_id, archived=True),
                version=lunch.version,
            )
        )
        assert archived.archived and archived.version == 2
        listed = await edge.reasons.ListNotReadyReasons(ps.ListNotReadyReasonsRequest())
        assert "Lunch" not in [each.display_name for each in listed.not_ready_reasons]
        every = await edge.reasons.ListNotReadyReasons(ps.ListNotReadyReasonsRequest(include_archived=True))
        assert "Lunch" in [each.display_name for each in every.not_ready_reasons]
    with as_("agent", floor, agent_id):
        away = cs.SetMyStateRequest(state=c.AGENT_STATE_NOT_READY, reason_id=lunch.not_ready_reason_id)
        await refused(edge.agents.SetMyState(away), FailedPrecondition, "NOT_READY_REASON_ARCHIVED")
        named = cs.SetMyStateRequest(state=c.AGENT_STATE_NOT_READY, reason="lunch")
        assert not (await edge.agents.SetMyState(named)).reason_id
    with as_("admin", floor):
        await edge.reasons.UpdateNotReadyReason(
            ps.UpdateNotReadyReasonRequest(
                not_ready_reason=p.NotReadyReason(not_ready_reason_id=lunch.not_ready_reason_id),
                update_mask=FieldMask(paths=["archived"]),
            )
        )
    with as_("agent", floor, agent_id):
        assert (await edge.agents.SetMyState(away)).reason == "Lunch"


async def test_reasons_are_looked_after_by_admins_and_read_by_agents(edge: Edge, floor: Floor) -> None:
    made = p.NotReadyReason(display_name=" Prayer ", names={"fa": "نماز"}, color="#2F9E44", paid=True)
    asked = ps.CreateNotReadyReasonRequest(request_id="a", not_ready_reason=made)
    with as_("supervisor", floor):
        await refused(edge.reasons.CreateNotReadyReason(asked), Forbidden)
    with as_("admin", floor):
        first = await edge.reasons.CreateNotReadyReason(asked)
        assert (first.display_name, first.names["fa"], first.color, first.paid) == ("Prayer", "نماز", "#2f9e44", True)
        assert (await edge.reasons.CreateNotReadyReason(asked)) == first
        again = ps.CreateNotReadyReasonRequest(request_id="b", not_ready_reason=p.NotReadyReason(display_name="PRAYER"))
        await refused(edge.reasons.CreateNotReadyReason(again), AlreadyExists, "NOT_READY_REASON_EXISTS")
        renamed = p.NotReadyReason(not_ready_reason_id=first.not_ready_reason_id, display_name="break")
        await refused(
            edge.reasons.UpdateNotReadyReason(ps.UpdateNotReadyReasonRequest(not_ready_reason=renamed)),
            AlreadyExists, "NOT_READY_REASON_EXISTS",
        )  # fmt: skip
        stale = p.NotReadyReason(not_ready_reason_id=first.not_ready_reason_id, display_name="Namaz")
        await refused(
            edge.reasons.UpdateNotReadyReason(ps.UpdateNotReadyReasonRequest(not_ready_reason=stale, version=9)),
            Conflict, "VERSION_CONFLICT",
        )  # fmt: skip
    with as_("agent", floor):
        listed = await edge.reasons.ListNotReadyReasons(ps.ListNotReadyReasonsRequest())
        assert [each.display_name for each in listed.not_ready_reasons] == [
            "Break", "Lunch", "Training", "Meeting", "Prayer",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (p.NotReadyReason(), "not_ready_reason.display_name"),
        (p.NotReadyReason(display_name="x" * 65), "not_ready_reason.display_name"),
        (p.NotReadyReason(display_name="Prayer", color="green"), "not_ready_reason.color"),
        (p.NotReadyReason(display_name="Prayer", names={"Persian!": "نماز"}), "not_ready_reason.names"),
        (p.NotReadyReason(display_name="Prayer", names={"fa": " "}), "not_ready_reason.names[fa]"),
    ],
)
async def test_reason_that_can_not_be_is_refused_by_its_field(
    edge: Edge, floor: Floor, wrong: p.NotReadyReason, field: str
) -> None:
    with as_("admin", floor):
        asked = ps.CreateNotReadyReasonRequest(request_id="a", not_ready_reason=wrong)
        await refused(edge.reasons.CreateNotReadyReason(asked), InvalidInput, field=field)


async def test_reason_of_other_tenant_is_not_found(edge: Edge, floor: Floor, other_floor: Floor) -> None:
    theirs = (await other_floor.run(ops.list_reasons))[0].not_ready_reason_id
    agent_id = await floor.agent()
    with as_("admin", floor, agent_id):
        change = p.NotReadyReason(not_ready_reason_id=theirs, display_name="Ours")
        await refused(
            edge.reasons.UpdateNotReadyReason(ps.UpdateNotReadyReasonRequest(not_ready_reason=change)),
            NotFound, "NOT_READY_REASON_NOT_FOUND",
        )  # fmt: skip
        away = cs.SetMyStateRequest(state=c.AGENT_STATE_NOT_READY, reason_id=theirs)
        await refused(edge.agents.SetMyState(away), NotFound, "NOT_READY_REASON_NOT_FOUND")
        ready = cs.SetMyStateRequest(state=c.AGENT_STATE_AVAILABLE, reason_id=theirs)
        await refused(edge.agents.SetMyState(ready), InvalidInput, field="reason_id")


async def test_tenant_has_at_most_a_hundred_reasons(floor: Floor) -> None:
    for number in range(MAX_REASONS - 4):
        await floor.run(ops.create_reason, draft(f"Reason {number}"))
    with pytest.raises(TooManyNotReadyReasons):
        await floor.run(ops.create_reason, draft("One more"))


async def test_supervisor_sends_an_agent_away_by_a_reason(edge: Edge, floor: Floor) -> None:
    agent_id = await floor.agent()
    meeting = (await floor.run(ops.list_reasons))[3].not_ready_reason_id
    with as_("supervisor", floor, new_id("usr", floor.clock.now())):
        asked = cs.SetAgentStateRequest(agent_id=agent_id, state=c.AGENT_STATE_NOT_READY, reason_id=meeting)
        assert (await edge.agents.SetAgentState(asked)).reason == "Meeting"

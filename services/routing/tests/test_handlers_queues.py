"""Queues, skills, hours and dispositions over a real socket with real tokens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from chassis.auth import acting_for
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from kernel.errors import AlreadyExists, Conflict, FailedPrecondition, Forbidden, InvalidInput, NotFound
from merkez.routing.v1 import contact_pb2 as c
from merkez.routing.v1 import contact_service_pb2 as cs
from merkez.routing.v1 import queue_pb2 as q
from merkez.routing.v1 import queue_service_pb2 as qs
from routing.domain.queues import SkillLevel
from routing.ops import agents as agent_ops

from .conftest import Edge, Floor, as_, refused

AVAILABLE, NOT_READY = c.AGENT_STATE_AVAILABLE, c.AGENT_STATE_NOT_READY


def enqueue(queue_id: str, request_id: str = "run:1", **changes: Any) -> cs.EnqueueContactRequest:
    plain: dict[str, Any] = {
        "channel": c.CHANNEL_VOICE, "queue_id": queue_id, "call_id": "call_01m8697mv2r48mmynbq2ew6xq0",
    }  # fmt: skip
    return cs.EnqueueContactRequest(request_id=request_id, contact=c.Contact(**(plain | changes)))


async def test_queue_is_created_once_changed_listed_and_deleted(edge: Edge, floor: Floor) -> None:
    request = qs.CreateQueueRequest(request_id="r1", queue=q.Queue(display_name=" Sales ", open_to_all=True))
    with as_("admin", floor):
        made = await edge.queues.CreateQueue(request)
        assert (made.display_name, made.offer_timeout.seconds, made.wrap_up_duration.seconds) == ("Sales", 20, 30)
        assert await edge.queues.CreateQueue(request) == made
        other = qs.CreateQueueRequest(request_id="r1", queue=q.Queue(display_name="Support"))
        await refused(edge.queues.CreateQueue(other), AlreadyExists, "REQUEST_ID_REUSED")
        change = qs.UpdateQueueRequest(
            queue=q.Queue(queue_id=made.queue_id, wrap_up_duration=Duration(), display_name="ignored"),
            update_mask=FieldMask(paths=["wrap_up_duration"]), version=made.version,
        )  # fmt: skip
        changed = await edge.queues.UpdateQueue(change)
        assert (changed.display_name, changed.wrap_up_duration.seconds, changed.version) == ("Sales", 0, 2)
        await refused(edge.queues.UpdateQueue(change), Conflict, "VERSION_CONFLICT")
        assert [each.queue_id for each in (await edge.queues.ListQueues(qs.ListQueuesRequest())).queues] == [
            made.queue_id
        ]
        await edge.queues.DeleteQueue(qs.DeleteQueueRequest(queue_id=made.queue_id))
        await refused(edge.queues.GetQueue(qs.GetQueueRequest(queue_id=made.queue_id)), NotFound, "QUEUE_NOT_FOUND")
        assert not (await edge.queues.ListQueues(qs.ListQueuesRequest())).queues


async def test_pages_of_queues_join_without_gap(edge: Edge, floor: Floor) -> None:
    made = []
    for index in range(5):
        floor.clock.advance(1)
        made.append((await floor.queue(f"Queue {index}")).queue_id)
    seen, token = [], ""
    with as_("agent", floor):
        while True:
            page = await edge.queues.ListQueues(qs.ListQueuesRequest(page_size=2, page_token=token))
            seen += [each.queue_id for each in page.queues]
            token = page.next_page_token
            if not token:
                break
        await refused(edge.queues.ListQueues(qs.ListQueuesRequest(page_token="x")), InvalidInput, "PAGE_TOKEN_INVALID")
    assert seen == made[::-1]


async def test_queue_of_another_tenant_is_not_found(edge: Edge, floor: Floor, other_floor: Floor) -> None:
    theirs = (await other_floor.queue()).queue_id
    with as_("admin", floor):
        await refused(edge.queues.GetQueue(qs.GetQueueRequest(queue_id=theirs)), NotFound)
        change = qs.UpdateQueueRequest(queue=q.Queue(queue_id=theirs, display_name="Mine"))
        await refused(edge.queues.UpdateQueue(change), NotFound)
        await refused(edge.queues.DeleteQueue(qs.DeleteQueueRequest(queue_id=theirs)), NotFound)
    with acting_for(floor.tenant_id):
        await refused(edge.contacts.EnqueueContact(enqueue(theirs)), NotFound, "QUEUE_NOT_FOUND")


@pytest.mark.parametrize(
    ("queue", "field"),
    [
        (q.Queue(), "queue.display_name"),
        (q.Queue(display_name="x" * 201), "queue.display_name"),
        (q.Queue(display_name="x", offer_timeout=Duration(seconds=121)), "queue.offer_timeout"),
        (q.Queue(display_name="x", offer_timeout=Duration(seconds=10**11)), "queue.offer_timeout"),
        (q.Queue(display_name="x", required_skills=[q.SkillLevel(skill_id="x")]), "queue.required_skills[0].skill_id"),
        (q.Queue(display_name="x", disposition_ids=["que_1"]), "queue.disposition_ids[0]"),
    ],
)
async def test_queue_that_makes_no_sense_is_refused_by_field(
    edge: Edge, floor: Floor, queue: q.Queue, field: str
) -> None:
    with as_("admin", floor):
        await refused(
            edge.queues.CreateQueue(qs.CreateQueueRequest(request_id="r", queue=queue)), InvalidInput, "", field
        )


async def test_update_names_what_can_be_changed(edge: Edge, floor: Floor) -> None:
    queue = q.Queue(queue_id=(await floor.queue()).queue_id)
    with as_("admin", floor):
        await refused(edge.queues.UpdateQueue(qs.UpdateQueueRequest(queue=queue)), InvalidInput, "", "update_mask")
        mask = FieldMask(paths=["version"])
        await refused(
            edge.queues.UpdateQueue(qs.UpdateQueueRequest(queue=queue, update_mask=mask)),
            InvalidInput,
            "",
            "update_mask",
        )


@pytest.mark.parametrize("role", ["agent", "supervisor", "customer", "operator", "stranger"])
async def test_only_admins_change_queues(edge: Edge, floor: Floor, role: str) -> None:
    with as_(role, floor):
        await refused(
            edge.queues.CreateQueue(qs.CreateQueueRequest(request_id="r", queue=q.Queue(display_name="x"))), Forbidden
        )


async def test_business_hours_are_kept_and_asked(edge: Edge, floor: Floor) -> None:
    week = [q.OpenInterval(weekday=day, start_minute=540, end_minute=1080) for day in range(1, 6)]
    office = q.BusinessHours(
        display_name="Office", time_zone="Asia/Baku", intervals=week,
        holidays=[q.Holiday(date="2026-03-20", display_name="Nowruz")],
    )  # fmt: skip
    with as_("admin", floor):
        made = await edge.hours.CreateBusinessHours(
            qs.CreateBusinessHoursRequest(request_id="h", business_hours=office)
        )
        assert made.holidays == office.holidays and made.version == 1
        at = Timestamp()
        at.FromDatetime(datetime(2026, 3, 20, 8, 0, tzinfo=UTC))
        asked = qs.CheckBusinessHoursRequest(business_hours_id=made.business_hours_id, time=at)
        told = await edge.hours.CheckBusinessHours(asked)
        assert (told.open, told.holiday) == (False, "Nowruz")
        assert told.change_time.ToDatetime(tzinfo=UTC) == datetime(2026, 3, 23, 5, 0, tzinfo=UTC)
        made.ClearField("holidays")
        mask = FieldMask(paths=["holidays"])
        change = qs.UpdateBusinessHoursRequest(business_hours=made, update_mask=mask, version=1)
        await edge.hours.UpdateBusinessHours(change)
        await refused(edge.hours.UpdateBusinessHours(change), Conflict, "VERSION_CONFLICT")
        assert (await edge.hours.CheckBusinessHours(asked)).open
        listed = await edge.hours.ListBusinessHours(qs.ListBusinessHoursRequest())
        assert [each.version for each in listed.business_hours] == [2]
        wrong = q.BusinessHours(display_name="x", time_zone="Asia/Baku", holidays=[q.Holiday(date="20.03.2026")])
        await refused(
            edge.hours.CreateBusinessHours(qs.CreateBusinessHoursRequest(request_id="w", business_hours=wrong)),
            InvalidInput, "", "business_hours.holidays[0].date",
        )  # fmt: skip
        asked.time.seconds = 10**14
        await refused(edge.hours.CheckBusinessHours(asked), InvalidInput, "", "time")
        gone = qs.DeleteBusinessHoursRequest(business_hours_id=made.business_hours_id)
        await edge.hours.DeleteBusinessHours(gone)
        await refused(edge.hours.DeleteBusinessHours(gone), NotFound, "BUSINESS_HOURS_NOT_FOUND")


async def test_dispositions_are_offered_at_the_desktop(edge: Edge, floor: Floor) -> None:
    with as_("admin", floor):
        for name in ("Sold", "Spam"):
            made = await edge.dispositions.CreateDisposition(
                qs.CreateDispositionRequest(request_id=name, disposition=q.Disposition(display_name=name))
            )
        await edge.dispositions.DeleteDisposition(qs.DeleteDispositionRequest(disposition_id=made.disposition_id))
        listed = await edge.dispositions.ListDispositions(qs.ListDispositionsRequest())
        assert [each.display_name for each in listed.dispositions] == ["Sold"]
    with as_("agent", floor):
        desktop = await edge.agents.GetMyDesktop(cs.GetMyDesktopRequest())
        assert [each.display_name for each in desktop.dispositions] == ["Sold"]
        assert desktop.agent.state == c.AGENT_STATE_OFFLINE


async def test_a_disposition_that_a_queue_lists_is_not_taken_from_it(edge: Edge, floor: Floor) -> None:
    with as_("admin", floor):
        made = await edge.dispositions.CreateDisposition(
            qs.CreateDispositionRequest(request_id="d", disposition=q.Disposition(display_name="Sold"))
        )
        queue = await edge.queues.CreateQueue(
            qs.CreateQueueRequest(
                request_id="q", queue=q.Queue(display_name="Sales", disposition_ids=[made.disposition_id])
            )
        )
        gone = qs.DeleteDispositionRequest(disposition_id=made.disposition_id)
        await refused(edge.dispositions.DeleteDisposition(gone), FailedPrecondition, "DISPOSITION_IN_USE")
        queue.disposition_ids[:] = []
        await edge.queues.UpdateQueue(
            qs.UpdateQueueRequest(queue=queue, update_mask=FieldMask(paths=["disposition_ids"]))
        )
        await edge.dispositions.DeleteDisposition(gone)


async def test_page_token_that_no_row_could_have_made_is_refused(edge: Edge, floor: Floor) -> None:
    with as_("supervisor", floor):
        for forged in ("WzEsICJhXHUwMDAwIl0", "WzEsICJhXHVkODAwIl0"):  # [1, "a\\u0000"], [1, "a\\ud800"]
            asked = edge.queues.ListQueues(qs.ListQueuesRequest(page_token=forged))
            await refused(asked, InvalidInput, "PAGE_TOKEN_INVALID")


async def test_plan_without_skills_lets_none_be_added_and_keeps_what_is_there(edge: Edge, floor: Floor) -> None:
    await floor.hold_plan("growth", "skills")
    held = []
    with as_("admin", floor):
        for name in ("Turkish", "Persian"):
            made = await edge.skills.CreateSkill(
                qs.CreateSkillRequest(request_id=name, skill=q.Skill(display_name=name))
            )
            held.append(q.SkillLevel(skill_id=made.skill_id, proficiency=3))
        asking = q.Queue(display_name="Sales", required_skills=held[:1])
        queue = await edge.queues.CreateQueue(qs.CreateQueueRequest(request_id="q", queue=asking))
    agent_id = await floor.agent(skills=[SkillLevel(held[0].skill_id, 3)])
    await floor.hold_plan("starter")
    mask, no = FieldMask(paths=["display_name", "required_skills"]), "FEATURE_NOT_IN_PLAN"
    with as_("admin", floor):
        new = qs.CreateSkillRequest(request_id="s", skill=q.Skill(display_name="Azerbaijani"))
        await refused(edge.skills.CreateSkill(new), FailedPrecondition, no)
        await refused(
            edge.queues.CreateQueue(qs.CreateQueueRequest(request_id="q2", queue=asking)), FailedPrecondition, no
        )
        more = q.Queue(queue_id=queue.queue_id, display_name="Sales", required_skills=held)
        await refused(
            edge.queues.UpdateQueue(qs.UpdateQueueRequest(queue=more, update_mask=mask)), FailedPrecondition, no
        )
        agent = c.Agent(agent_id=agent_id, skills=held)
        await refused(edge.agents.UpdateAgent(cs.UpdateAgentRequest(agent=agent)), FailedPrecondition, no)
        as_before = q.Queue(queue_id=queue.queue_id, display_name="Selling", required_skills=held[:1])
        changed = await edge.queues.UpdateQueue(qs.UpdateQueueRequest(queue=as_before, update_mask=mask))
        assert changed.display_name == "Selling"
        await edge.queues.CreateQueue(qs.CreateQueueRequest(request_id="p", queue=q.Queue(display_name="Plain")))
    await floor.contact(queue.queue_id)
    await floor.run(agent_ops.update_agent, agent_id, {"queue_ids": (queue.queue_id,)}, 0)
    offer = await floor.match()
    assert offer is not None and offer.agent_id == agent_id, "calls are still routed by what was set up"
    with as_("admin", floor):
        none = q.Queue(queue_id=queue.queue_id, display_name="Selling")
        changed = await edge.queues.UpdateQueue(qs.UpdateQueueRequest(queue=none, update_mask=mask))
        assert not changed.required_skills

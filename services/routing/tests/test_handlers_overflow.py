"""Hours with calendars, and queues that send contacts on, over a real socket with real tokens."""

from __future__ import annotations

from datetime import UTC, datetime

from chassis.auth import acting_for
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from kernel.errors import AlreadyExists, Conflict, FailedPrecondition, InvalidInput, NotFound
from merkez.routing.v1 import contact_pb2 as c
from merkez.routing.v1 import contact_service_pb2 as cs
from merkez.routing.v1 import hours_pb2 as h
from merkez.routing.v1 import overflow_pb2 as o
from merkez.routing.v1 import queue_pb2 as q
from merkez.routing.v1 import queue_service_pb2 as qs
from routing.ops import overflow as ops

from .conftest import Edge, Floor, as_, refused
from .test_handlers_queues import enqueue

NUMBER = "+994125550100"


def week() -> q.BusinessHours:
    """Monday to Friday, 9 to 18 in Baku, and the holidays of Azerbaijan but one."""
    return q.BusinessHours(
        display_name="Office", time_zone="Asia/Baku",
        intervals=[q.OpenInterval(weekday=day, start_minute=540, end_minute=1080) for day in range(1, 6)],
        calendar=h.HolidayCalendar(country="AZ", off=["Women's Day"]),
        holidays=[q.Holiday(date="2026-08-01", end_date="2026-08-15", display_name="Summer")],
    )  # fmt: skip


def stamp(*when: int) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(datetime(*when, tzinfo=UTC))  # pyright: ignore[reportArgumentType]
    return found


def queue(*rules: o.OverflowRule, **more: object) -> q.Queue:
    return q.Queue(display_name="Sales", open_to_all=True, overflow=o.Overflow(rules=rules, **more))  # pyright: ignore[reportArgumentType]


async def test_calendar_and_ranges_are_kept_and_judged_by(edge: Edge, floor: Floor) -> None:
    create = qs.CreateBusinessHoursRequest(request_id="h", business_hours=week())
    with as_("admin", floor):
        made = await edge.hours.CreateBusinessHours(create)
        assert await edge.hours.CreateBusinessHours(create) == made
        other = qs.CreateBusinessHoursRequest(request_id="h", business_hours=q.BusinessHours(display_name="Other"))
        await refused(edge.hours.CreateBusinessHours(other), AlreadyExists, "REQUEST_ID_REUSED")
        assert made.calendar == week().calendar and made.holidays == week().holidays
        days = {each.date: each.display_name for each in made.calendar_days}
        assert days["2026-03-20"] == "Eid al-Fitr; Spring Festival" and "2026-03-09" not in days
        asked = qs.CheckBusinessHoursRequest(business_hours_id=made.business_hours_id, time=stamp(2026, 3, 20, 8))
        told = await edge.hours.CheckBusinessHours(asked)
        assert (told.open, told.holiday) == (False, "Eid al-Fitr; Spring Festival")
        assert told.change_time == stamp(2026, 3, 31, 5), "after the days it is moved to"
        listed = await edge.hours.ListBusinessHours(qs.ListBusinessHoursRequest(calendar_years=[2019, 2026]))
        dates = [each.date for each in listed.business_hours[0].calendar_days]
        assert "2019-01-01" in dates and days.keys() < set(dates) and dates == sorted(set(dates))
        for years, place in (([2019, 1969], "[1]"), ([2201], "[0]"), (list(range(2000, 2051)), "")):
            asking = edge.hours.ListBusinessHours(qs.ListBusinessHoursRequest(calendar_years=years))
            await refused(asking, InvalidInput, "", f"calendar_years{place}")
        mask = FieldMask(paths=["calendar"])
        change = qs.UpdateBusinessHoursRequest(
            business_hours=q.BusinessHours(business_hours_id=made.business_hours_id), update_mask=mask, version=1
        )
        changed = await edge.hours.UpdateBusinessHours(change)
        assert not changed.HasField("calendar") and not changed.calendar_days
        await refused(edge.hours.UpdateBusinessHours(change), Conflict, "VERSION_CONFLICT")
        change.business_hours.calendar.country, change.version = "XX", 0
        await refused(edge.hours.UpdateBusinessHours(change), InvalidInput, "", "business_hours.calendar.country")
        wrong = week()
        wrong.holidays[0].end_date = "tomorrow"
        await refused(
            edge.hours.CreateBusinessHours(qs.CreateBusinessHoursRequest(request_id="w", business_hours=wrong)),
            InvalidInput, "", "business_hours.holidays[0].end_date",
        )  # fmt: skip


async def test_hours_are_previewed_before_they_are_saved(edge: Edge, floor: Floor) -> None:
    draft = week()
    draft.display_name = ""
    ask = qs.PreviewBusinessHoursRequest(business_hours=draft, time=stamp(2026, 3, 6, 10), language="az")
    with as_("supervisor", floor):
        told = await edge.hours.PreviewBusinessHours(ask)
        assert (told.open, told.change_time) == (True, stamp(2026, 3, 6, 14))
        by_date = {each.date: each for each in told.days}
        assert (by_date["2026-03-09"].off, by_date["2026-03-09"].name) == (True, "Women's Day")
        assert by_date["2026-11-08"].display_name == "Zəfər Günü" and not by_date["2026-11-08"].off
        assert not (await edge.hours.ListBusinessHours(qs.ListBusinessHoursRequest())).business_hours
        draft.time_zone = "Mars/Olympus"
        wrong = qs.PreviewBusinessHoursRequest(business_hours=draft)
        await refused(edge.hours.PreviewBusinessHours(wrong), InvalidInput, "", "business_hours.time_zone")
        countries = (await edge.hours.ListHolidayCountries(qs.ListHolidayCountriesRequest())).countries
        assert "BE" in next(each.subdivisions for each in countries if each.country == "DE")


async def test_queue_keeps_its_hours_and_overflow_and_refuses_what_can_not_be(edge: Edge, floor: Floor) -> None:
    with as_("admin", floor):
        other = await edge.queues.CreateQueue(
            qs.CreateQueueRequest(request_id="o", queue=q.Queue(display_name="Support"))
        )
        hours = await edge.hours.CreateBusinessHours(
            qs.CreateBusinessHoursRequest(request_id="h", business_hours=week())
        )
        draft = queue(
            o.OverflowRule(after_wait=Duration(seconds=60), queue_id=other.queue_id),
            o.OverflowRule(depth=9, queue_id=other.queue_id),
            o.OverflowRule(expected_wait_over=Duration(seconds=300), number=NUMBER),
            o.OverflowRule(nobody_staffed=True, queue_id=other.queue_id),
            o.OverflowRule(closed=True, number=NUMBER),
            max_wait=Duration(seconds=400), max_waiting=20, leave_when_unstaffed=True,
        )  # fmt: skip
        draft.business_hours_id = hours.business_hours_id
        refusals = [("rules[3]", draft)]
        wrong = q.Queue()
        wrong.CopyFrom(draft)
        del wrong.overflow.rules[3]
        wrong.overflow.rules[0].number = "12"
        refusals.append(("rules[0].number", wrong))
        nothing = queue(o.OverflowRule(queue_id=other.queue_id))
        never = queue(o.OverflowRule(closed=False, queue_id=other.queue_id))
        refusals += [("rules[0]", nothing), ("rules[0].closed", never)]
        for place, each in refusals:
            call = edge.queues.CreateQueue(qs.CreateQueueRequest(request_id=f"w{place}", queue=each))
            await refused(call, InvalidInput, "", f"queue.overflow.{place}")
        del draft.overflow.rules[3]
        call = edge.queues.CreateQueue(qs.CreateQueueRequest(request_id="u", queue=draft))
        await refused(call, InvalidInput, "", "queue.overflow.leave_when_unstaffed")
        draft.overflow.leave_when_unstaffed = False
        made = await edge.queues.CreateQueue(qs.CreateQueueRequest(request_id="q", queue=draft))
        assert made.overflow == draft.overflow and made.business_hours_id == hours.business_hours_id
        gone = qs.DeleteBusinessHoursRequest(business_hours_id=hours.business_hours_id)
        await refused(edge.hours.DeleteBusinessHours(gone), FailedPrecondition, "BUSINESS_HOURS_IN_USE")
        await refused(
            edge.queues.DeleteQueue(qs.DeleteQueueRequest(queue_id=other.queue_id)), FailedPrecondition, "QUEUE_IN_USE"
        )
        back = qs.UpdateQueueRequest(
            queue=q.Queue(
                queue_id=other.queue_id,
                overflow=o.Overflow(rules=[o.OverflowRule(nobody_staffed=True, queue_id=made.queue_id)]),
            ),
            update_mask=FieldMask(paths=["overflow"]),
        )
        await refused(edge.queues.UpdateQueue(back), InvalidInput, "", "queue.overflow.rules[0].queue_id")
        empty = qs.UpdateQueueRequest(
            queue=q.Queue(queue_id=made.queue_id),
            update_mask=FieldMask(paths=["overflow", "business_hours_id"]), version=made.version,
        )  # fmt: skip
        changed = await edge.queues.UpdateQueue(empty)
        assert not changed.HasField("overflow") and not changed.business_hours_id
        await refused(edge.queues.UpdateQueue(empty), Conflict, "VERSION_CONFLICT")


async def test_contact_that_comes_is_told_at_once_where_it_went(edge: Edge, floor: Floor) -> None:
    with as_("admin", floor):
        full = await edge.queues.CreateQueue(
            qs.CreateQueueRequest(request_id="f", queue=queue(o.OverflowRule(nobody_staffed=True, number=NUMBER)))
        )
    with acting_for(floor.tenant_id):
        request = enqueue(full.queue_id)
        told = await edge.contacts.EnqueueContact(request)
        assert (told.state, told.leave_reason) == (c.CONTACT_STATE_ENDED, o.LEAVE_REASON_NUMBER)
        assert [(each.number, each.rule) for each in told.overflows] == [(NUMBER, 1)]
        assert told.overflows[0].trigger == o.OVERFLOW_TRIGGER_NOBODY_STAFFED
        assert await edge.contacts.EnqueueContact(request) == told, "and so whenever it is asked again"


async def test_supervisor_is_told_how_a_contact_came_here_and_what_would_send_it_on(
    edge: Edge, floor: Floor, other_floor: Floor
) -> None:
    with as_("admin", floor):
        last = await edge.queues.CreateQueue(
            qs.CreateQueueRequest(request_id="3", queue=q.Queue(display_name="Last", open_to_all=True))
        )
        rules = [
            o.OverflowRule(after_wait=Duration(seconds=90), queue_id=last.queue_id),
            o.OverflowRule(depth=1, queue_id=last.queue_id),
        ]
        second = await edge.queues.CreateQueue(qs.CreateQueueRequest(request_id="2", queue=queue(*rules)))
        first = await edge.queues.CreateQueue(
            qs.CreateQueueRequest(
                request_id="1", queue=queue(o.OverflowRule(after_wait=Duration(seconds=60), queue_id=second.queue_id))
            )
        )
    with acting_for(floor.tenant_id):
        contact = await edge.contacts.EnqueueContact(enqueue(first.queue_id))
    floor.clock.advance(60)
    await floor.run(ops.send_on, contact.contact_id)
    ask = cs.ExplainContactRequest(contact_id=contact.contact_id)
    with as_("supervisor", floor):
        told = await edge.contacts.ExplainContact(ask)
    (came,) = told.contact.overflows
    assert (came.from_queue_id, came.queue_id, came.waited.seconds) == (first.queue_id, second.queue_id, 60)
    assert [(each.rule, each.rejection) for each in told.overflow_checks] == [(1, "not_yet"), (2, "not_yet")]
    assert told.next_overflow_time.seconds - told.contact.queue_time.seconds == 90
    with as_("supervisor", other_floor):
        await refused(edge.contacts.ExplainContact(ask), NotFound, "CONTACT_NOT_FOUND")

"""An agent's own schedule: what is out, what they are told, when they can come, and a calendar that carries it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from chassis.auth import STRANGER, acting_as
from icalendar import Calendar
from kernel.errors import Conflict, FailedPrecondition, Forbidden, InvalidInput, NotFound
from merkez.tenancy.v1 import session_pb2, tenancy_events_pb2
from merkez.wfm.v1 import my_schedule_pb2, my_schedule_service_pb2, schedule_events_pb2, schedule_service_pb2
from sqlalchemy import select
from testkit import RpcHouse, someone
from wfm.domain.adjusting import Kind, shortened
from wfm.ops import adjustments
from wfm.store.own_tables import calendar_feeds

from .conftest import Planning
from .floor import Floor

mine = my_schedule_service_pb2


@pytest_asyncio.fixture
async def floor(planning: Planning, rpc: RpcHouse) -> Floor:
    return await Floor.opened(planning, rpc)


async def facts(floor: Floor, kind: type[Any]) -> list[Any]:
    """What the outbox holds of a fact, in order."""
    table = floor.planning.db.standard.outbox

    async def read(tx: Any) -> list[Any]:
        rows = await tx.all(select(table).where(table.c.tenant_id == tx.tenant_id).order_by(table.c.position))
        return [kind.FromString(row["payload"]) for row in rows if row["fact"] == kind.DESCRIPTOR.full_name]

    return await floor.planning.db.run(floor.planning.tenant, read)


async def test_agents_see_what_is_published_and_are_told_when_it_is_out_and_when_it_changes(floor: Floor) -> None:
    await floor.hired(3)
    with floor.manager():
        draft = await floor.draft([floor.shift(0, 0), floor.shift(0, 1), floor.shift(1, 0)])
    assert await floor.days(0) == [] and await floor.told(0) == []
    with floor.manager():
        out = await floor.publish(draft)
    assert await floor.days(0) == [0, 1] and await floor.days(1) == [0] and await floor.days(2) == []
    assert (await floor.told(0), await floor.told(1), await floor.told(2)) == (["SCHEDULE_OUT"], ["SCHEDULE_OUT"], [])
    await floor.out([floor.shift(0, 0), replace(floor.shift(0, 1, 9.0)), floor.shift(1, 0)])
    assert (await floor.told(0), await floor.told(1)) == (["SCHEDULE_OUT", "SHIFTS_CHANGED"], ["SCHEDULE_OUT"])
    one, other = await facts(floor, schedule_events_pb2.SchedulePublished)
    assert (one.number, one.superseded_schedule_id, sorted(one.changed_user_ids)) == (1, "", sorted(floor.users[:2]))
    assert (other.superseded_schedule_id, list(other.changed_user_ids)) == (out.schedule_id, [floor.users[0]])
    told = await facts(floor, schedule_events_pb2.AgentNoticed)
    assert [list(each.agent_notice.days) for each in told][-1] == ["2026-03-10"] and len(told) == 3
    with floor.agent(0):
        shown = await floor.my.ListMyShifts(mine.ListMyShiftsRequest(first_day="2026-03-11", last_day="2026-03-18"))
        assert [each.first_day for each in shown.weeks] == ["2026-03-09", "2026-03-16"] and shown.planned
        assert shown.weeks[0].worked_minutes == 960 and not shown.weeks[1].schedule_id
        assert {each.user_id for each in shown.weeks[0].shifts} == {floor.users[0]}
        changed, _ = (await floor.my.ListMyAgentNotices(mine.ListMyAgentNoticesRequest())).agent_notices
        put_away = mine.DismissMyAgentNoticeRequest(agent_notice_id=changed.agent_notice_id)
    with floor.agent(1), pytest.raises(NotFound):
        await floor.my.DismissMyAgentNotice(put_away)
    with floor.stranger(), pytest.raises(NotFound) as gone:
        await floor.my.DismissMyAgentNotice(put_away)
    assert gone.value.reason == "AGENT_NOTICE_NOT_FOUND"
    with floor.agent(0):
        await floor.my.DismissMyAgentNotice(put_away)
        await floor.my.DismissMyAgentNotice(put_away)
    assert await floor.told(0) == ["SCHEDULE_OUT"]
    with floor.stranger():
        shown = await floor.my.ListMyShifts(mine.ListMyShiftsRequest(first_day="2026-03-09", last_day="2026-03-09"))
        assert not shown.weeks[0].shifts and not shown.planned
    with acting_as(someone("api_client", floor.planning.tenant)), pytest.raises(Forbidden):
        await floor.my.ListMyShifts(mine.ListMyShiftsRequest(first_day="2026-03-09", last_day="2026-03-09"))
    for first, last in (("2026-03-09", "2026-03-08"), ("2026-03-09", "2026-07-01"), ("", "2026-03-09")):
        with floor.agent(0), pytest.raises(InvalidInput):
            await floor.my.ListMyShifts(mine.ListMyShiftsRequest(first_day=first, last_day=last))


async def test_nobody_is_told_of_a_week_that_is_over(floor: Floor) -> None:
    await floor.hired(1)
    floor.planning.clock.advance(timedelta(days=30))
    await floor.out([floor.shift(0, 0)])
    assert await floor.told(0) == []
    assert len(await facts(floor, schedule_events_pb2.SchedulePublished)) == 1


async def _calendar(floor: Floor, path: str) -> bytes:
    token = path.removeprefix("/v1/calendars/").removesuffix("/shifts.ics")
    with acting_as(STRANGER):
        return (await floor.my.GetCalendar(mine.GetCalendarRequest(token=token))).data


async def test_calendar_has_the_agents_own_shifts_at_the_right_instants_when_clocks_change(floor: Floor) -> None:
    floor.zone = "Europe/Berlin"
    await floor.planning.lives_in(floor.zone)
    await floor.hired(2)
    first = date(2026, 3, 23)  # clocks go forward on its Sunday
    saturday, sunday = floor.shift(0, 5, 8.0, first), floor.shift(0, 6, 8.0, first)
    sunday = replace(sunday, start=sunday.start - timedelta(hours=1), end=sunday.end - timedelta(hours=1), breaks=())
    await floor.out([saturday, sunday, floor.shift(1, 5, 10.0, first)], first=first)
    with floor.agent(0):
        made = await floor.my.CreateMyCalendarFeed(mine.CreateMyCalendarFeedRequest(language="tr"))
        kept = await floor.my.GetMyCalendarFeed(mine.GetMyCalendarFeedRequest())
    assert made.path and not kept.path and kept.language == "tr" and kept.HasField("create_time")
    data = await _calendar(floor, made.path)
    events: Any = Calendar.from_ical(data).walk("VEVENT")
    assert [each.decoded("dtstart") for each in events] == [
        datetime(2026, 3, 28, 7, 0, tzinfo=UTC), datetime(2026, 3, 29, 6, 0, tzinfo=UTC),
    ]  # fmt: skip
    assert all(str(each["summary"]) == "Vardiya" for each in events)
    assert str(events[0]["description"]) == "12:00–12:30 Mola (ücretsiz)" and "description" not in events[1]
    assert floor.users[1].encode() not in data and data == await _calendar(floor, made.path)
    uid = events[0]["uid"]
    await floor.out([replace(saturday, start=saturday.start + timedelta(hours=1), breaks=())], first=first)
    moved: Any
    (moved,) = Calendar.from_ical(await _calendar(floor, made.path)).walk("VEVENT")
    assert moved["uid"] == uid and moved["sequence"] > events[0]["sequence"]
    assert moved.decoded("dtstart") == datetime(2026, 3, 28, 8, 0, tzinfo=UTC)
    # A change of the published week in its place is one that calendars must take over, too.
    floor.planning.clock.advance(datetime(2026, 3, 28, 7, tzinfo=UTC) - floor.planning.clock.now())

    async def shorten(tx: Any) -> None:
        one, day, now = floor.users[0], date(2026, 3, 28), floor.planning.clock.now()
        low = datetime(2026, 3, 28, 14, tzinfo=UTC)
        kind, late = Kind.VOLUNTARY_TIME_OFF, low.replace(hour=18)
        await adjustments.change(tx, kind, one, day, lambda shift: shortened(shift, low, late)[0], one, now)

    await floor.planning.db.run(floor.planning.tenant, shorten)
    shorter: Any
    (shorter,) = Calendar.from_ical(await _calendar(floor, made.path)).walk("VEVENT")
    assert shorter["uid"] == uid and shorter["sequence"] > moved["sequence"]
    assert shorter.decoded("dtend") == datetime(2026, 3, 28, 14, tzinfo=UTC)


async def test_calendars_address_ends_when_another_is_made_when_it_is_revoked_and_with_its_user(floor: Floor) -> None:
    await floor.hired(1)
    with floor.agent(0):
        with pytest.raises(NotFound) as none:
            await floor.my.RevokeMyCalendarFeed(mine.RevokeMyCalendarFeedRequest())
        assert none.value.reason == "CALENDAR_FEED_NOT_FOUND"
        with pytest.raises(InvalidInput):
            await floor.my.CreateMyCalendarFeed(mine.CreateMyCalendarFeedRequest(language="de"))
        one = await floor.my.CreateMyCalendarFeed(mine.CreateMyCalendarFeedRequest())
        two = await floor.my.CreateMyCalendarFeed(mine.CreateMyCalendarFeedRequest())
    assert await _calendar(floor, two.path)
    empty = f"/v1/calendars/{floor.planning.tenant}./shifts.ics"
    wrong = [one.path, two.path[:-12], "/v1/calendars/x/shifts.ics", empty]
    for path in wrong:
        with pytest.raises(NotFound) as refused:
            await _calendar(floor, path)
        assert refused.value.reason == "CALENDAR_FEED_NOT_FOUND"
    rows = await floor.planning.db.run(floor.planning.tenant, lambda tx: tx.all(select(calendar_feeds)))
    assert not any(two.path.split("/")[3] in str(value) for row in rows for value in row.values())
    with floor.agent(0):
        await floor.my.RevokeMyCalendarFeed(mine.RevokeMyCalendarFeedRequest())
    with pytest.raises(NotFound):
        await _calendar(floor, two.path)
    with floor.agent(0):
        three = await floor.my.CreateMyCalendarFeed(mine.CreateMyCalendarFeedRequest())
    left = session_pb2.User(user_id=floor.users[0], state=session_pb2.USER_STATE_DISABLED)
    await floor.planning.tell(tenancy_events_pb2.UserChanged(user=left))
    with pytest.raises(NotFound):
        await _calendar(floor, three.path)


async def test_availability_holds_from_its_day_on_and_not_in_weeks_that_are_out(floor: Floor) -> None:
    await floor.hired(1, min_days=2)
    await floor.out([floor.shift(0, 0)])
    await floor.out([floor.shift(0, 0, first=date(2026, 3, 16))], first=date(2026, 3, 16))
    said: dict[str, Any] = {
        "availability": [{"weekday": day, "start_minute": 480, "end_minute": 1080} for day in (0, 1, 2)],
        "wished_free_weekdays": [2],
    }
    with floor.agent(0):
        (holds,), earliest = await _said(floor)
        assert not holds.from_day and not holds.availability and earliest == "2026-03-23"
        with pytest.raises(FailedPrecondition) as soon:
            await _say(floor, from_day="2026-03-18", **said)
        assert soon.value.reason == "AVAILABILITY_TOO_SOON" and soon.value.metadata["earliest"] == "2026-03-23"
        little = {"availability": said["availability"][:1]}
        with pytest.raises(FailedPrecondition) as few:
            await _say(floor, from_day="2026-03-23", **little)
        assert few.value.reason == "AVAILABILITY_TOO_LITTLE"
        odd = [{"weekday": 1, "start_minute": 5, "end_minute": 90}]
        for wrong in (
            {"wished_free_weekdays": [7]},
            {"availability": odd},
            {"from_day": ""},
            {"from_day": "2028-01-01"},
        ):
            with pytest.raises(InvalidInput):
                await _say(floor, **({"from_day": "2026-03-23"} | wrong))
        made = await _say(floor, from_day="2026-03-25", **said)
        assert await _say(floor, from_day="2026-03-25", **said) == made  # in place of what was said
        (_, later), _ = await _said(floor)
        assert later == made
    for first, expected in ((date(2026, 3, 23), {"2026-03-28"}), (date(2026, 4, 6), {"2026-04-11", "2026-04-06"})):
        with floor.manager():
            shifts = [floor.shift(0, 5, first=first), floor.shift(0, 0, 11.0, first=first)]
            draft = await floor.draft(shifts, first=first)
            broken = await floor.schedules.ListScheduleViolations(
                schedule_service_pb2.ListScheduleViolationsRequest(schedule_id=draft.schedule_id)
            )
        assert {each.day for each in broken.violations if each.rule == "AVAILABILITY"} == expected
    with floor.stranger(), pytest.raises(NotFound):
        await _said(floor)
    with floor.agent(0):
        await floor.my.DeleteMyAvailability(mine.DeleteMyAvailabilityRequest(from_day="2026-03-25"))
        with pytest.raises(NotFound) as gone:
            await floor.my.DeleteMyAvailability(mine.DeleteMyAvailabilityRequest(from_day="2026-03-25"))
        assert gone.value.reason == "AVAILABILITY_NOT_FOUND"


async def _said(floor: Floor) -> tuple[list[my_schedule_pb2.AgentAvailability], str]:
    found = await floor.my.ListMyAvailability(mine.ListMyAvailabilityRequest())
    return list(found.availability), found.earliest_day


async def _say(floor: Floor, **said: Any) -> my_schedule_pb2.AgentAvailability:
    value = my_schedule_pb2.AgentAvailability(**said)
    return await floor.my.SetMyAvailability(mine.SetMyAvailabilityRequest(availability=value))


async def test_settings_are_changed_whole_by_who_read_them_last(floor: Floor) -> None:
    with floor.manager():
        settings = await floor.my.GetSelfServiceSettings(mine.GetSelfServiceSettingsRequest())
        assert (settings.automatic_trades, settings.availability_notice_days, settings.version) == (True, 14, 0)
        settings.trade_notice_hours = 24
        made = await floor.my.UpdateSelfServiceSettings(mine.UpdateSelfServiceSettingsRequest(settings=settings))
        assert made.version == 1
        with pytest.raises(Conflict):
            await floor.my.UpdateSelfServiceSettings(mine.UpdateSelfServiceSettingsRequest(settings=settings))
        made.trade_notice_hours = 1000
        with pytest.raises(InvalidInput):
            await floor.my.UpdateSelfServiceSettings(mine.UpdateSelfServiceSettingsRequest(settings=made))
    with acting_as(someone("agent", floor.planning.tenant)), pytest.raises(Forbidden):
        await floor.my.GetSelfServiceSettings(mine.GetSelfServiceSettingsRequest())

"""An agent's own schedule, and the calendar that carries it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from chassis.auth import principal
from chassis.instants import time_out
from chassis.sql import Database, Tx
from google.protobuf import empty_pb2
from kernel.ids import require_id
from merkez.wfm.v1 import my_schedule_pb2, my_schedule_service_pb2, my_schedule_service_pb2_grpc, workforce_pb2

from wfm import convert
from wfm.domain import feeds
from wfm.domain.own import Availability, Settings
from wfm.domain.shifts import Wish
from wfm.ops import own as ops
from wfm.ops.own import RangeInvalid, Week
from wfm.ops.workforce import PlannedAgentInvalid

ask = my_schedule_service_pb2


class MySchedule(my_schedule_service_pb2_grpc.MyScheduleServiceServicer):
    """merkez.wfm.v1.MyScheduleService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def ListMyShifts(self, request: ask.ListMyShiftsRequest, context: Any) -> ask.ListMyShiftsResponse:
        first = convert.given_day_in(request.first_day, "first_day", RangeInvalid.of)
        last = convert.given_day_in(request.last_day, "last_day", RangeInvalid.of)
        shown = await self._read(lambda tx: ops.shifts(tx, principal().subject, first, last))
        away = [ask.MyTimeOff(first_day=first.isoformat(), last_day=last.isoformat()) for first, last in shown.away]
        return ask.ListMyShiftsResponse(
            weeks=[_week(each) for each in shown.weeks], time_zone=shown.zone, time_off=away,
            planned=shown.planned,
        )  # fmt: skip

    async def ListMyAgentNotices(
        self, request: ask.ListMyAgentNoticesRequest, context: Any
    ) -> ask.ListMyAgentNoticesResponse:
        found = await self._read(lambda tx: ops.list_notices(tx, principal().subject))
        return ask.ListMyAgentNoticesResponse(agent_notices=[convert.notice_out(each) for each in found])

    async def DismissMyAgentNotice(self, request: ask.DismissMyAgentNoticeRequest, context: Any) -> empty_pb2.Empty:
        key = require_id("ano", request.agent_notice_id, "agent_notice_id")
        await self._write(lambda tx: ops.dismiss(tx, principal().subject, key))
        return empty_pb2.Empty()

    async def ListMyAvailability(
        self, request: ask.ListMyAvailabilityRequest, context: Any
    ) -> ask.ListMyAvailabilityResponse:
        now = self._db.clock.now()
        found, earliest = await self._read(lambda tx: ops.availability(tx, principal().subject, now))
        return ask.ListMyAvailabilityResponse(
            availability=[_availability(each) for each in found], earliest_day=earliest.isoformat()
        )

    async def SetMyAvailability(
        self, request: ask.SetMyAvailabilityRequest, context: Any
    ) -> my_schedule_pb2.AgentAvailability:
        said, now = request.availability, self._db.clock.now()
        day = convert.given_day_in(said.from_day, "availability.from_day", PlannedAgentInvalid.of)
        wish = Wish(
            tuple(dict.fromkeys(said.wished_free_weekdays)), said.wished_earliest_start_minute,
            said.wished_latest_end_minute,
        )  # fmt: skip
        stretches = tuple((each.weekday, each.start_minute, each.end_minute) for each in said.availability)
        value = Availability(principal().subject, day, stretches, wish)
        return _availability(await self._write(lambda tx: ops.say(tx, value, now)))

    async def DeleteMyAvailability(self, request: ask.DeleteMyAvailabilityRequest, context: Any) -> empty_pb2.Empty:
        day, now = convert.given_day_in(request.from_day, "from_day", PlannedAgentInvalid.of), self._db.clock.now()
        await self._write(lambda tx: ops.unsay(tx, principal().subject, day, now))
        return empty_pb2.Empty()

    async def GetMyCalendarFeed(
        self, request: ask.GetMyCalendarFeedRequest, context: Any
    ) -> my_schedule_pb2.CalendarFeed:
        found = await self._read(lambda tx: ops.feed(tx, principal().subject))
        if found is None:
            return my_schedule_pb2.CalendarFeed()
        return my_schedule_pb2.CalendarFeed(language=found.language, create_time=time_out(found.create_time))

    async def CreateMyCalendarFeed(
        self, request: ask.CreateMyCalendarFeedRequest, context: Any
    ) -> my_schedule_pb2.CalendarFeed:
        who, now = principal(), self._db.clock.now()
        token = feeds.new_token(who.tenant_id)
        made = await self._write(lambda tx: ops.make_feed(tx, who.subject, request.language or "en", token, now))
        return my_schedule_pb2.CalendarFeed(
            path=f"/v1/calendars/{token}/shifts.ics", language=made.language, create_time=time_out(now)
        )

    async def RevokeMyCalendarFeed(self, request: ask.RevokeMyCalendarFeedRequest, context: Any) -> empty_pb2.Empty:
        await self._write(lambda tx: ops.revoke_feed(tx, principal().subject))
        return empty_pb2.Empty()

    async def GetCalendar(self, request: ask.GetCalendarRequest, context: Any) -> my_schedule_pb2.CalendarDocument:
        # Whoever holds the address is nobody here: the token says whose it is, and rows of other tenants aren't seen.
        tenant_id, now = ops.tenant_of(request.token), self._db.clock.now()
        found, language = await self._db.run(tenant_id, lambda tx: ops.entries(tx, request.token, now), read_only=True)
        return my_schedule_pb2.CalendarDocument(
            data=feeds.calendar(found, language), content_type="text/calendar; charset=utf-8", file_name="shifts.ics"
        )

    async def GetSelfServiceSettings(
        self, request: ask.GetSelfServiceSettingsRequest, context: Any
    ) -> my_schedule_pb2.SelfServiceSettings:
        return _settings(await self._read(ops.settings))

    async def UpdateSelfServiceSettings(
        self, request: ask.UpdateSelfServiceSettingsRequest, context: Any
    ) -> my_schedule_pb2.SelfServiceSettings:
        said = request.settings
        value = Settings(said.automatic_trades, said.trade_notice_hours, said.availability_notice_days, said.version)
        return _settings(await self._write(lambda tx: ops.save_settings(tx, value)))

    async def _write(self, work: Callable[[Tx], Awaitable[Any]]) -> Any:
        return await self._db.run(principal().tenant_id, work)

    async def _read(self, work: Callable[[Tx], Awaitable[Any]]) -> Any:
        return await self._db.run(principal().tenant_id, work, read_only=True)


def _week(value: Week) -> my_schedule_pb2.MyWeek:
    version = value.version
    return my_schedule_pb2.MyWeek(
        first_day=value.first.isoformat(), schedule_id=version.schedule_id if version else "",
        number=version.number if version else 0, publish_time=time_out(version.publish_time) if version else None,
        time_zone=value.zone, shifts=[convert.shift_out(each) for each in value.shifts],
        worked_minutes=sum(each.worked for each in value.shifts),
    )  # fmt: skip


def _availability(value: Availability) -> my_schedule_pb2.AgentAvailability:
    return my_schedule_pb2.AgentAvailability(
        from_day=value.from_day.isoformat() if value.from_day else "",
        availability=[
            workforce_pb2.AvailableStretch(weekday=day, start_minute=low, end_minute=high)
            for day, low, high in value.stretches
        ],
        wished_free_weekdays=value.wish.free_weekdays, wished_earliest_start_minute=value.wish.earliest_start,
        wished_latest_end_minute=value.wish.latest_end, create_time=time_out(value.create_time),
    )  # fmt: skip


def _settings(value: Settings) -> my_schedule_pb2.SelfServiceSettings:
    return my_schedule_pb2.SelfServiceSettings(
        automatic_trades=value.automatic_trades, trade_notice_hours=value.trade_notice_hours,
        availability_notice_days=value.availability_notice_days, version=value.version,
    )  # fmt: skip

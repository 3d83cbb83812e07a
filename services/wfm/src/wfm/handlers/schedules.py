"""Versions of weeks: made, changed, published, held against each other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from chassis.auth import principal
from chassis.instants import time_in, time_out
from chassis.paging import Page
from chassis.sql import Database, Tx
from google.protobuf import empty_pb2
from kernel.ids import require_id, require_request_id
from merkez.wfm.v1 import schedule_pb2, schedule_service_pb2, schedule_service_pb2_grpc

from wfm import convert
from wfm.domain.shifts import Shift
from wfm.domain.violations import Violation
from wfm.ops import schedules as ops
from wfm.ops import shifts as by_hand
from wfm.ops.schedules import Covered, ScheduleInvalid, Version, Wanted
from wfm.ops.shifts import ShiftInvalid
from wfm.ops.staffing import required

ask = schedule_service_pb2


class Schedules(schedule_service_pb2_grpc.ScheduleServiceServicer):
    """merkez.wfm.v1.ScheduleService. `wake` tells whoever makes schedules that there is something to do."""

    def __init__(self, db: Database, wake: Callable[[], None]) -> None:
        self._db = db
        self._wake = wake

    async def StartSchedule(self, request: ask.StartScheduleRequest, context: Any) -> schedule_pb2.Schedule:
        request_id, now = require_request_id(request.request_id), self._db.clock.now()
        wanted = ops.checked(_wanted(request), now.date())
        asked = await self._read(lambda tx: ops.asked(tx, wanted))
        # Beside whoever else is served: a week of many queues takes seconds.
        curves, _ = await asyncio.to_thread(required, asked.curves)

        async def work(tx: Tx) -> schedule_pb2.Schedule:
            async def start() -> schedule_pb2.Schedule:
                return _schedule(await ops.start(tx, wanted, curves, asked.by_group, now))

            tx.after_commit(self._wake)
            return await tx.once(request_id, "StartSchedule", request, schedule_pb2.Schedule, start)

        return await self._db.run(principal().tenant_id, work)

    async def GetSchedule(self, request: ask.GetScheduleRequest, context: Any) -> schedule_pb2.Schedule:
        key = _key(request.schedule_id)
        return _schedule(await self._read(lambda tx: ops.get(tx, key)))

    async def ListSchedules(self, request: ask.ListSchedulesRequest, context: Any) -> ask.ListSchedulesResponse:
        first, page = convert.day_in(request.first_day, "first_day"), Page(request.page_size, request.page_token)
        found, token = await self._read(lambda tx: ops.list_versions(tx, first, page))
        return ask.ListSchedulesResponse(schedules=[_schedule(each) for each in found], next_page_token=token)

    async def StopSchedule(self, request: ask.StopScheduleRequest, context: Any) -> schedule_pb2.Schedule:
        key = _key(request.schedule_id)
        return _schedule(await self._write(lambda tx: ops.stop(tx, key)))

    async def CancelSchedule(self, request: ask.CancelScheduleRequest, context: Any) -> schedule_pb2.Schedule:
        key, now = _key(request.schedule_id), self._db.clock.now()
        return _schedule(await self._write(lambda tx: ops.cancel(tx, key, now)))

    async def DeleteSchedule(self, request: ask.DeleteScheduleRequest, context: Any) -> empty_pb2.Empty:
        key = _key(request.schedule_id)
        await self._write(lambda tx: ops.delete(tx, key))
        return empty_pb2.Empty()

    async def CopySchedule(self, request: ask.CopyScheduleRequest, context: Any) -> schedule_pb2.Schedule:
        request_id, now = require_request_id(request.request_id), self._db.clock.now()
        key, name = _key(request.schedule_id), request.display_name.strip()

        async def work(tx: Tx) -> schedule_pb2.Schedule:
            async def copy() -> schedule_pb2.Schedule:
                return _schedule(await ops.copy(tx, key, name, now))

            return await tx.once(request_id, "CopySchedule", request, schedule_pb2.Schedule, copy)

        return await self._db.run(principal().tenant_id, work)

    async def PublishSchedule(self, request: ask.PublishScheduleRequest, context: Any) -> schedule_pb2.Schedule:
        key, now, who = _key(request.schedule_id), self._db.clock.now(), principal().subject
        return _schedule(
            await self._write(lambda tx: ops.publish(tx, key, request.version, request.accept_violations, who, now))
        )

    async def ListShifts(self, request: ask.ListShiftsRequest, context: Any) -> ask.ListShiftsResponse:
        key, page = _key(request.schedule_id), Page(request.page_size, request.page_token)
        user_id = require_id("usr", request.user_id, "user_id") if request.user_id else ""
        found, token = await self._read(lambda tx: by_hand.list_shifts(tx, key, user_id, page))
        return ask.ListShiftsResponse(shifts=[convert.shift_out(each) for each in found], next_page_token=token)

    async def SaveShift(self, request: ask.SaveShiftRequest, context: Any) -> ask.SaveShiftResponse:
        key, shift = _key(request.schedule_id), _shift_in(request.shift)
        found = await self._write(
            lambda tx: by_hand.save_shift(
                tx, key, request.version, shift, accept=request.accept_violations, only_look=request.validate_only
            )
        )
        return _saved(*found)

    async def DeleteShift(self, request: ask.DeleteShiftRequest, context: Any) -> ask.SaveShiftResponse:
        key, user_id = _key(request.schedule_id), require_id("usr", request.user_id, "user_id")
        day = convert.day_in(request.day, "day")
        if day is None:
            raise ShiftInvalid.of("day", "must be given")
        found = await self._write(
            lambda tx: by_hand.delete_shift(tx, key, request.version, user_id, day, request.accept_violations)
        )
        return _saved(*found)

    async def LockShifts(self, request: ask.LockShiftsRequest, context: Any) -> schedule_pb2.Schedule:
        key, keys = _key(request.schedule_id), []
        for each in request.shifts:
            day = convert.day_in(each.day, "shifts.day")
            if day is None:
                raise ShiftInvalid.of("shifts.day", "must be given")
            keys.append((require_id("usr", each.user_id, "shifts.user_id"), day))
        return _schedule(await self._write(lambda tx: by_hand.lock(tx, key, request.version, keys, request.locked)))

    async def ListScheduleViolations(
        self, request: ask.ListScheduleViolationsRequest, context: Any
    ) -> ask.ListScheduleViolationsResponse:
        key = _key(request.schedule_id)
        found = await self._read(lambda tx: ops.list_violations(tx, key))
        return ask.ListScheduleViolationsResponse(violations=[convert.violation_out(each) for each in found[:5000]])

    async def GetScheduleCoverage(
        self, request: ask.GetScheduleCoverageRequest, context: Any
    ) -> ask.GetScheduleCoverageResponse:
        key = _key(request.schedule_id)
        _, problem, shifts = await self._read(lambda tx: ops.coverage(tx, key))
        # Beside whoever else is served: what a thousand agents could have covered takes a second.
        return _coverage(await asyncio.to_thread(ops.covered, problem, shifts))

    async def CompareSchedules(
        self, request: ask.CompareSchedulesRequest, context: Any
    ) -> ask.CompareSchedulesResponse:
        key = _key(request.schedule_id)
        other_key = require_id("sch", request.other_schedule_id, "other_schedule_id")
        one, other, found = await self._read(lambda tx: ops.compare(tx, key, other_key))
        return ask.CompareSchedulesResponse(
            differences=[
                schedule_pb2.ScheduleDifference(
                    user_id=each.agent_id, day=each.day.isoformat(), change=each.change.value,
                    before=convert.shift_out(each.one) if each.one else None,
                    after=convert.shift_out(each.other) if each.other else None,
                )
                for each in found
            ],
            figures=_figures(one), other_figures=_figures(other),
        )  # fmt: skip

    async def _write(self, work: Callable[[Tx], Awaitable[Any]]) -> Any:
        return await self._db.run(principal().tenant_id, work)

    async def _read(self, work: Callable[[Tx], Awaitable[Any]]) -> Any:
        return await self._db.run(principal().tenant_id, work, read_only=True)


def _key(schedule_id: str) -> str:
    return require_id("sch", schedule_id, "schedule_id")


def _wanted(said: ask.StartScheduleRequest) -> Wanted:
    first = convert.day_in(said.first_day, "first_day")
    if first is None:
        raise ScheduleInvalid.of("first_day", "must be given")
    run_id = require_id("fcr", said.forecast_run_id, "forecast_run_id") if said.forecast_run_id else ""
    plan_id = require_id("skp", said.skill_plan_id, "skill_plan_id") if said.skill_plan_id else ""
    base_id = require_id("sch", said.base_schedule_id, "base_schedule_id") if said.base_schedule_id else ""
    return Wanted(
        first, run_id, plan_id, base_id, said.caution, said.seconds, said.fairness, said.seed, said.display_name.strip()
    )


def _figures(value: Version) -> schedule_pb2.ScheduleFigures | None:
    said = value.figures
    if not said:
        return None
    gap = said["cost"] / said["bound"] - 1 if said["bound"] > 0 else 0.0
    return schedule_pb2.ScheduleFigures(
        needed_hours=said["needed"], under_hours=said["under"], over_hours=said["over"], cost=said["cost"],
        bound=said["bound"], gap=gap,
    )  # fmt: skip


def _schedule(value: Version) -> schedule_pb2.Schedule:
    return schedule_pb2.Schedule(
        schedule_id=value.schedule_id, first_day=value.first.isoformat(), number=value.number,
        state=schedule_pb2.ScheduleState.Value(f"SCHEDULE_STATE_{value.state}"), version=value.version,
        forecast_run_id=value.run_id, base_schedule_id=value.base_id, display_name=value.name,
        agent_count=value.agent_count, shift_count=value.shift_count, figures=_figures(value),
        groups=[
            schedule_pb2.ScheduleGroup(
                members=[
                    schedule_pb2.ScheduleGroupMember(
                        queue_id=key.queue_id, channel=convert.channel_out(key.channel)
                    )
                    for key in each.members
                ],
                agent_count=each.agents, queue_ids=each.queue_ids,
            )
            for each in value.groups
        ],
        seconds=value.seconds, spent_seconds=value.spent, cut_short=value.cut_short,
        violation_count=int(value.figures.get("violations", 0)), create_time=time_out(value.create_time),
        end_time=time_out(value.end_time), publish_time=time_out(value.publish_time), time_zone=value.zone,
        publisher=value.publisher, skill_plan_id=value.plan_id,
    )  # fmt: skip


def _shift_in(said: schedule_pb2.Shift) -> Shift:
    day = convert.day_in(said.day, "shift.day")
    start, end = time_in(said, "start_time"), time_in(said, "end_time")
    if day is None or start is None or end is None:
        missing = "day" if day is None else "start_time" if start is None else "end_time"
        raise ShiftInvalid.of(f"shift.{missing}", "must be given")
    breaks = convert.breaks_in(said.breaks, ShiftInvalid.of)
    return Shift(require_id("usr", said.user_id, "shift.user_id"), day, start, end, breaks)


def _saved(version: Version, found: list[Violation]) -> ask.SaveShiftResponse:
    return ask.SaveShiftResponse(
        schedule=_schedule(version), violations=[convert.violation_out(each) for each in found]
    )


def _coverage(value: Covered) -> ask.GetScheduleCoverageResponse:
    starts = [time_out(value.grid.time(slot)) for slot in range(value.grid.slots)]
    return ask.GetScheduleCoverageResponse(
        groups=[
            schedule_pb2.GroupCoverage(
                group=group,
                intervals=[
                    schedule_pb2.CoverageInterval(start_time=at, needed=need, covered=there)
                    for at, need, there in zip(starts, value.need[group].tolist(), row.tolist(), strict=True)
                ],
            )
            for group, row in enumerate(value.cover)
        ],
        shortfalls=[
            schedule_pb2.Shortfall(
                group=each.group, start_time=time_out(each.start), end_time=time_out(each.end), hours=each.hours,
                most=each.most, why=each.why.value,
            )
            for each in value.shortfalls
        ],
    )  # fmt: skip

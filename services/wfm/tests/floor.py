"""A floor of agents who work by a published week, and everything they and their manager may ask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from chassis.auth import acting_as
from kernel.ids import new_id
from merkez.wfm.v1 import (
    my_schedule_service_pb2,
    schedule_pb2,
    schedule_service_pb2,
    time_off_pb2,
    time_off_service_pb2,
    workforce_pb2,
    workforce_service_pb2,
)
from merkez.wfm.v1.bid_service_pb2_grpc import BidServiceStub, add_BidServiceServicer_to_server
from merkez.wfm.v1.my_schedule_service_pb2_grpc import MyScheduleServiceStub, add_MyScheduleServiceServicer_to_server
from merkez.wfm.v1.schedule_service_pb2_grpc import ScheduleServiceStub, add_ScheduleServiceServicer_to_server
from merkez.wfm.v1.shift_trade_service_pb2_grpc import ShiftTradeServiceStub, add_ShiftTradeServiceServicer_to_server
from merkez.wfm.v1.time_off_service_pb2_grpc import TimeOffServiceStub, add_TimeOffServiceServicer_to_server
from merkez.wfm.v1.workforce_service_pb2_grpc import WorkforceServiceStub, add_WorkforceServiceServicer_to_server
from testkit import RpcHouse, someone
from wfm.domain.shifts import Break, Shift
from wfm.domain.week import Grid
from wfm.handlers.bids import Bids
from wfm.handlers.my_schedule import MySchedule
from wfm.handlers.schedules import Schedules
from wfm.handlers.time_off import TimeOffs
from wfm.handlers.trades import Trades
from wfm.handlers.workforce import Workforce
from wfm.store import schedules as store
from wfm.store.history import SeriesKey

from .conftest import Planning
from .planned import MONDAY, Shop

mine, off = my_schedule_service_pb2, time_off_service_pb2


class Floor(Shop):
    """Agents of one contract and one queue."""

    my: Any = None
    time_off: Any = None
    trades: Any = None
    bids: Any = None
    zone = "UTC"

    @classmethod
    async def opened(cls, planning: Planning, rpc: RpcHouse) -> Floor:
        """Served over gRPC."""
        made, db = cls(planning), planning.db
        await rpc.serve(
            "wfm",
            [
                (add_WorkforceServiceServicer_to_server, Workforce(db)),
                (add_ScheduleServiceServicer_to_server, Schedules(db, made.scheduler.wake)),
                (add_MyScheduleServiceServicer_to_server, MySchedule(db)),
                (add_TimeOffServiceServicer_to_server, TimeOffs(db)),
                (add_ShiftTradeServiceServicer_to_server, Trades(db)),
                (add_BidServiceServicer_to_server, Bids(db)),
            ],
        )
        made.workforce, made.schedules = rpc.stub(WorkforceServiceStub, "wfm"), rpc.stub(ScheduleServiceStub, "wfm")
        made.my, made.time_off = rpc.stub(MyScheduleServiceStub, "wfm"), rpc.stub(TimeOffServiceStub, "wfm")
        made.trades, made.bids = rpc.stub(ShiftTradeServiceStub, "wfm"), rpc.stub(BidServiceStub, "wfm")
        return made

    @contextmanager
    def manager(self) -> Iterator[None]:
        """What is asked inside, an admin asks."""
        with acting_as(someone("admin", self.planning.tenant)):
            yield

    @contextmanager
    def agent(self, number: int) -> Iterator[None]:
        """What is asked inside, this agent asks."""
        with acting_as(someone("agent", self.planning.tenant, self.users[number])):
            yield

    @contextmanager
    def stranger(self) -> Iterator[None]:
        """What is asked inside, an agent of another company asks."""
        other = Planning(self.planning.db, self.planning.clock)
        with acting_as(someone("agent", other.tenant, self.users[0])):
            yield

    async def hired(self, agents: int, **contract: Any) -> None:
        """Agents with a contract of two to five days."""
        with self.manager():
            rules, pattern = await self.rules(), await self.pattern()
            said: dict[str, Any] = {"min_week_minutes": 0, "max_week_minutes": 2400, "min_days": 0} | contract
            made = await self.contract(rules.labour_rules_id, pattern.shift_pattern_id, **said)
            for number in range(agents):
                user_id = new_id("usr", self.planning.clock.now() + timedelta(milliseconds=number))
                self.users.append(user_id)
                value = workforce_pb2.PlannedAgent(user_id=user_id, contract_id=made.contract_id)
                await self.workforce.UpdatePlannedAgent(
                    workforce_service_pb2.UpdatePlannedAgentRequest(planned_agent=value)
                )
        self.queue_id = await self.planning.queue()

    def instant(self, day: int, hour: float, first: date = MONDAY) -> datetime:
        """An hour of a day of the week by the company's clocks."""
        return Grid(first + timedelta(days=0), self.zone).begins + timedelta(days=day, hours=hour)

    def shift(self, number: int, day: int, hour: float = 8.0, first: date = MONDAY) -> Shift:
        """Eight hours with a lunch."""
        start = self.instant(day, hour, first)
        lunch = Break(start + timedelta(hours=4), start + timedelta(hours=4.5), False)
        return Shift(
            self.users[number], first + timedelta(days=day), start, start + timedelta(hours=8.5), (lunch,),
            work=((start, 0),),
        )  # fmt: skip

    async def draft(self, shifts: Sequence[Shift], need: float = 1.0, first: date = MONDAY) -> schedule_pb2.Schedule:
        """A draft of these shifts; `need`: agents required from 8 to 18 every day."""
        now, grid = self.planning.clock.now(), Grid(first, self.zone)
        required = np.zeros((1, grid.slots))
        for day in range(7):
            required[0, grid.day_start[day] + 32 : grid.day_start[day] + 72] = need
        group = store.Group((SeriesKey(self.queue_id, "VOICE"),), len(self.users))

        async def keep(tx: Any) -> str:
            version = store.Version(
                new_id("sch", now), first, await store.next_number(tx, first), "DRAFT", 1, "", "", "", self.zone,
                len(self.users), 0.0, 0, 5, (group,), now,
            )  # fmt: skip
            figures = {"needed": 0.0, "under": 0.0, "over": 0.0, "cost": 0.0, "bound": 0.0, "violations": 0}
            await store.insert_version(tx, replace(version, figures=figures), required)
            await store.put_shifts(tx, version.schedule_id, shifts)
            return version.schedule_id

        key = await self.planning.db.run(self.planning.tenant, keep)
        return await self.schedules.GetSchedule(schedule_service_pb2.GetScheduleRequest(schedule_id=key))

    async def publish(self, draft: schedule_pb2.Schedule) -> schedule_pb2.Schedule:
        """Makes a draft what agents work by, whatever it breaks."""
        return await self.schedules.PublishSchedule(
            schedule_service_pb2.PublishScheduleRequest(
                schedule_id=draft.schedule_id, version=draft.version, accept_violations=True
            )
        )

    async def out(self, shifts: Sequence[Shift], need: float = 1.0, first: date = MONDAY) -> schedule_pb2.Schedule:
        """These shifts are the published week, a second later."""
        self.planning.clock.advance(1.0)
        with self.manager():
            return await self.publish(await self.draft(shifts, need, first))

    async def week(self, number: int, first: date = MONDAY) -> list[tuple[str, datetime]]:
        """Days and starts of what an agent sees of a week."""
        with self.agent(number):
            asked = mine.ListMyShiftsRequest(first_day=first.isoformat(), last_day=first.isoformat())
            shown = await self.my.ListMyShifts(asked)
        return [(each.day, each.start_time.ToDatetime()) for each in shown.weeks[0].shifts]

    async def days(self, number: int, first: date = MONDAY) -> list[int]:
        """Days of the week an agent works."""
        return [(date.fromisoformat(day) - first).days for day, _ in await self.week(number, first)]

    async def told(self, number: int) -> list[str]:
        """Kinds of an agent's notices, oldest first."""
        with self.agent(number):
            found = await self.my.ListMyAgentNotices(mine.ListMyAgentNoticesRequest())
        return [each.kind for each in reversed(found.agent_notices)]

    async def kind(self, **said: Any) -> time_off_pb2.TimeOffKind:
        """A kind of time off."""
        usual = {"display_name": "Holiday", "unit": time_off_pb2.TIME_OFF_UNIT_DAYS, "paid": True, "automatic": True}
        value = time_off_pb2.TimeOffKind(**(usual | said))
        with self.manager():
            return await self.time_off.CreateTimeOffKind(
                off.CreateTimeOffKindRequest(request_id=str(value), time_off_kind=value)
            )

    async def allowance(self, **said: Any) -> time_off_pb2.TimeOffAllowance:
        """So many may be off."""
        value = time_off_pb2.TimeOffAllowance(**({"display_name": "Everybody"} | said))
        with self.manager():
            return await self.time_off.CreateTimeOffAllowance(
                off.CreateTimeOffAllowanceRequest(request_id=str(value)[:100], time_off_allowance=value)
            )

    async def ask(
        self, number: int, kind: time_off_pb2.TimeOffKind, first: int, last: int | None = None, *, key: str = "",
        only_look: bool = False, **said: Any,
    ) -> time_off_pb2.TimeOffRequest:  # fmt: skip
        """An agent asks for days of the week to be off."""
        self.planning.clock.advance(1.0)
        first_day, last_day = (MONDAY + timedelta(days=each) for each in (first, first if last is None else last))
        value = time_off_pb2.TimeOffRequest(
            time_off_kind_id=kind.time_off_kind_id, first_day=first_day.isoformat(), last_day=last_day.isoformat(),
            **said,
        )  # fmt: skip
        request_id = key or new_id("req", self.planning.clock.now())
        with self.agent(number):
            return await self.time_off.AskTimeOff(
                off.AskTimeOffRequest(request_id=request_id, time_off_request=value, validate_only=only_look)
            )

"""A tenant with agents, contracts and a forecast run to make schedules of."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from chassis.instants import time_out
from chassis.lifecycle import Tasks
from kernel.ids import new_id
from merkez.wfm.v1 import schedule_pb2, schedule_service_pb2, workforce_pb2, workforce_service_pb2
from merkez.wfm.v1.adherence_service_pb2_grpc import AdherenceServiceStub, add_AdherenceServiceServicer_to_server
from merkez.wfm.v1.adjustment_service_pb2_grpc import AdjustmentServiceStub, add_AdjustmentServiceServicer_to_server
from merkez.wfm.v1.intraday_service_pb2_grpc import IntradayServiceStub, add_IntradayServiceServicer_to_server
from merkez.wfm.v1.schedule_service_pb2_grpc import ScheduleServiceStub, add_ScheduleServiceServicer_to_server
from merkez.wfm.v1.shift_offer_service_pb2_grpc import ShiftOfferServiceStub, add_ShiftOfferServiceServicer_to_server
from merkez.wfm.v1.workforce_service_pb2_grpc import WorkforceServiceStub, add_WorkforceServiceServicer_to_server
from testkit import RpcHouse
from wfm.domain.forecasting import Forecast
from wfm.handlers.adherence import Adherence
from wfm.handlers.adjustments import Adjustments
from wfm.handlers.intraday import Intraday
from wfm.handlers.offers import ShiftOffers
from wfm.handlers.schedules import Schedules
from wfm.handlers.workforce import Workforce
from wfm.scheduler import Scheduler
from wfm.store import forecasts as store
from wfm.store.history import SeriesKey

from .conftest import Planning

ask, staff = schedule_service_pb2, workforce_service_pb2
MONDAY = date(2026, 3, 9)


class Shop:
    """The schedules of a tenant with everything that is asked of them."""

    def __init__(self, planning: Planning) -> None:
        self.planning = planning
        self.scheduler = Scheduler(planning.db, Tasks("test"), 0)
        self.schedules: Any = None
        self.workforce: Any = None
        self.adherence: Any = None
        self.intraday: Any = None
        self.adjustments: Any = None
        self.offers: Any = None
        self.queue_id = ""
        self.users: list[str] = []
        self.run_id = ""

    @classmethod
    async def opened(cls, planning: Planning, rpc: RpcHouse) -> Shop:
        """Served over gRPC."""
        made = cls(planning)
        await rpc.serve(
            "wfm",
            [
                (add_WorkforceServiceServicer_to_server, Workforce(planning.db)),
                (add_ScheduleServiceServicer_to_server, Schedules(planning.db, made.scheduler.wake)),
                (add_AdherenceServiceServicer_to_server, Adherence(planning.db)),
                (add_IntradayServiceServicer_to_server, Intraday(planning.db)),
                (add_AdjustmentServiceServicer_to_server, Adjustments(planning.db)),
                (add_ShiftOfferServiceServicer_to_server, ShiftOffers(planning.db)),
            ],
        )
        made.workforce = rpc.stub(WorkforceServiceStub, "wfm")
        made.schedules = rpc.stub(ScheduleServiceStub, "wfm")
        made.adherence = rpc.stub(AdherenceServiceStub, "wfm")
        made.intraday = rpc.stub(IntradayServiceStub, "wfm")
        made.adjustments = rpc.stub(AdjustmentServiceStub, "wfm")
        made.offers = rpc.stub(ShiftOfferServiceStub, "wfm")
        return made

    def beside(self, planning: Planning) -> Shop:
        """The same services for another tenant."""
        other = Shop(planning)
        other.scheduler, other.schedules, other.workforce = self.scheduler, self.schedules, self.workforce
        other.adherence = self.adherence
        return other

    async def rules(self, country: str = "DE", **changes: Any) -> workforce_pb2.LabourRules:
        """A country's labour rules, with changes of the limits of grown-ups, saved."""
        table = await self.workforce.ListLabourCountries(staff.ListLabourCountriesRequest())
        said = next(each for each in table.labour_rules if each.country_code == country)
        said.display_name = "Ours"
        for name, value in changes.items():
            setattr(said.adult, name, value)
        return await self.workforce.CreateLabourRules(
            staff.CreateLabourRulesRequest(request_id=new_id("req", self.planning.clock.now()), labour_rules=said)
        )

    async def site(self, name: str, time_zone: str) -> workforce_pb2.Site:
        """A place of work."""
        value = workforce_pb2.Site(display_name=name, time_zone=time_zone)
        return await self.workforce.CreateSite(staff.CreateSiteRequest(request_id=f"site {name}", site=value))

    async def pattern(self, request_id: str = "day", **changes: Any) -> workforce_pb2.ShiftPattern:
        """Eight hours by day with a lunch."""
        lunch = workforce_pb2.PatternBreak(
            display_name="Lunch", earliest_minute=180, latest_minute=300, length_minutes=30
        )
        said: dict[str, Any] = {
            "display_name": "Day", "first_start_minute": 420, "last_start_minute": 720, "min_length_minutes": 510,
            "breaks": [lunch],
        }  # fmt: skip
        value = workforce_pb2.ShiftPattern(**(said | changes))
        return await self.workforce.CreateShiftPattern(
            staff.CreateShiftPatternRequest(request_id=request_id, shift_pattern=value)
        )

    async def contract(self, rules_id: str, *pattern_ids: str, **changes: Any) -> workforce_pb2.Contract:
        """Five days of eight hours."""
        said: dict[str, Any] = {
            "display_name": "Full time", "labour_rules_id": rules_id, "shift_pattern_ids": pattern_ids,
            "min_week_minutes": 2400, "max_week_minutes": 2400, "min_days": 5, "max_days": 5,
        }  # fmt: skip
        return await self.workforce.CreateContract(
            staff.CreateContractRequest(request_id="full", contract=workforce_pb2.Contract(**(said | changes)))
        )

    async def staffed(self, agents: int = 6, load: float = 2.0, swing: float = 0.0) -> None:
        """Agents with a contract, and a run that requires so many of them from 8 to 18 every day."""
        rules, pattern = await self.rules(), await self.pattern()
        contract = await self.contract(rules.labour_rules_id, pattern.shift_pattern_id)
        for _ in range(agents):
            user_id = new_id("usr", self.planning.clock.now())
            self.users.append(user_id)
            value = workforce_pb2.PlannedAgent(user_id=user_id, contract_id=contract.contract_id)
            await self.workforce.UpdatePlannedAgent(staff.UpdatePlannedAgentRequest(planned_agent=value))
        self.run_id = await self.required(load, swing=swing)

    async def required(self, load: float, first: date = MONDAY, swing: float = 0.0) -> str:
        """A forecast run that is done, of one queue; its id. `load`: erlangs from 8 to 18, more or less by the share
        `swing` from hour to hour and day to day, which no set of shifts follows quite."""
        planning, queue_id = self.planning, await self.planning.queue()
        self.queue_id = queue_id
        hour = np.arange(48) / 2
        volume = np.tile(np.where((hour >= 8) & (hour < 18), load * 1800 / 240, 0.0), (7, 1))
        volume *= 1 + swing * np.sin(2.1 * hour + np.arange(7)[:, np.newaxis])
        made = Forecast(
            np.arange(first.toordinal(), first.toordinal() + 7), volume, np.stack([volume, volume, volume * 1.3]),
            np.full_like(volume, 240.0), "MEAN", None,
        )  # fmt: skip
        now, key = planning.clock.now(), SeriesKey(queue_id, "VOICE")
        run = store.Run(new_id("fcr", now), "RUNNING", first, 7, 30, 1, first - timedelta(days=1), now)

        async def keep(tx: Any) -> None:
            await store.insert_run(tx, run, [key])
            await store.save(tx, run.forecast_run_id, key, made)
            await store.end_run(tx, run.forecast_run_id, "DONE", now)

        await planning.db.run(planning.tenant, keep)
        return run.forecast_run_id

    async def start(self, **said: Any) -> schedule_pb2.Schedule:
        """A version that waits for its turn."""
        asked = {"request_id": new_id("req", self.planning.clock.now()), "first_day": MONDAY.isoformat()} | said
        if "base_schedule_id" not in asked:
            asked.setdefault("forecast_run_id", self.run_id)
        return await self.schedules.StartSchedule(ask.StartScheduleRequest(**asked))

    async def made(self, **said: Any) -> schedule_pb2.Schedule:
        """A version that is made, though not for long."""
        begun = await self.start(**said)
        await self.schedules.StopSchedule(ask.StopScheduleRequest(schedule_id=begun.schedule_id))
        while (now := await self.read(begun)).state == schedule_pb2.SCHEDULE_STATE_RUNNING:
            assert await self.scheduler.turn()
        return now

    async def published(self, *shifts: Any) -> schedule_pb2.Schedule:
        """A version with these shifts alone, which agents work by."""
        made = await self.made()
        for each in await self.shifts(made):
            asked = ask.DeleteShiftRequest(
                schedule_id=made.schedule_id, version=made.version, user_id=each.user_id, day=each.day,
                accept_violations=True,
            )  # fmt: skip
            made = (await self.schedules.DeleteShift(asked)).schedule
        for each in shifts:
            saved = ask.SaveShiftRequest(
                schedule_id=made.schedule_id, version=made.version, shift=each, accept_violations=True
            )
            made = (await self.schedules.SaveShift(saved)).schedule
        return await self.schedules.PublishSchedule(
            ask.PublishScheduleRequest(schedule_id=made.schedule_id, version=made.version, accept_violations=True)
        )

    async def read(self, schedule: schedule_pb2.Schedule) -> schedule_pb2.Schedule:
        """As it is now."""
        return await self.schedules.GetSchedule(ask.GetScheduleRequest(schedule_id=schedule.schedule_id))

    async def shifts(self, schedule: schedule_pb2.Schedule) -> list[schedule_pb2.Shift]:
        """All of them."""
        asked = ask.ListShiftsRequest(schedule_id=schedule.schedule_id, page_size=5000)
        return list((await self.schedules.ListShifts(asked)).shifts)


def a_shift(user_id: str, day: int, start: float = 8.0, hours: float = 8.5, lunch: float | None = 4.0) -> Any:
    """A shift with a lunch of half an hour, so many hours after it begins."""
    rests = []
    if lunch is not None:
        begins = at(day, start + lunch)
        rests = [schedule_pb2.ShiftBreak(start_time=time_out(begins), end_time=time_out(at(day, start + lunch + 0.5)))]
    return schedule_pb2.Shift(
        user_id=user_id, day=at(day, 0).date().isoformat(), start_time=time_out(at(day, start)),
        end_time=time_out(at(day, start + hours)), breaks=rests,
    )  # fmt: skip


def at(day: int, hour: float) -> datetime:
    """An hour of a day of the week."""
    return datetime.fromisoformat(f"{MONDAY.isoformat()}T00:00:00+00:00") + timedelta(days=day, hours=hour)

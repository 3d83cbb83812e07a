"""Composition of the wfm process."""

from __future__ import annotations

from chassis.bus import Bus
from chassis.grpc import serve
from chassis.lifecycle import Process
from chassis.turns import TurnTaking
from merkez.wfm.v1.forecast_service_pb2_grpc import add_ForecastServiceServicer_to_server
from merkez.wfm.v1.history_service_pb2_grpc import add_HistoryServiceServicer_to_server
from merkez.wfm.v1.schedule_service_pb2_grpc import add_ScheduleServiceServicer_to_server
from merkez.wfm.v1.skill_plan_service_pb2_grpc import add_SkillPlanServiceServicer_to_server
from merkez.wfm.v1.staffing_service_pb2_grpc import add_StaffingServiceServicer_to_server
from merkez.wfm.v1.workforce_service_pb2_grpc import add_WorkforceServiceServicer_to_server

from wfm.consumers import HANDLERS
from wfm.forecaster import Forecaster
from wfm.handlers.forecasts import Forecasts
from wfm.handlers.history import History
from wfm.handlers.schedules import Schedules
from wfm.handlers.skill_plans import SkillPlans
from wfm.handlers.staffing import Staffing
from wfm.handlers.workforce import Workforce
from wfm.scheduler import Scheduler
from wfm.settings import Settings
from wfm.skill_planner import SkillPlanner


async def main(process: Process) -> None:
    """Builds and starts; the process drains and closes what it registered."""
    settings = process.begin(Settings, service="wfm")
    db = process.closing(await TurnTaking.connect(settings, "wfm"))
    bus = process.closing(await Bus.connect(settings))
    forecaster = Forecaster(db, process.tasks, settings.forecast_workers)
    scheduler = Scheduler(db, process.tasks, settings.schedule_workers)
    skill_planner = SkillPlanner(db, process.tasks, settings.skill_plan_workers)
    served = [
        (add_HistoryServiceServicer_to_server, History(db)),
        (add_ForecastServiceServicer_to_server, Forecasts(db, forecaster.wake)),
        (add_StaffingServiceServicer_to_server, Staffing(db)),
        (add_WorkforceServiceServicer_to_server, Workforce(db)),
        (add_ScheduleServiceServicer_to_server, Schedules(db, scheduler.wake)),
        (add_SkillPlanServiceServicer_to_server, SkillPlans(db, skill_planner.wake)),
    ]
    server = process.closing(serve(served, settings))
    await bus.consume(db, "wfm", HANDLERS)
    forecaster.start()
    scheduler.start()
    skill_planner.start()
    await server.start()
    process.draining(server.drain)
    process.draining(bus.drain)

"""Composition of the wfm process."""

from __future__ import annotations

from chassis.bus import Bus
from chassis.grpc import Peers, serve
from chassis.lifecycle import Process
from chassis.turns import TurnTaking
from merkez.wfm.v1.adherence_service_pb2_grpc import add_AdherenceServiceServicer_to_server
from merkez.wfm.v1.adjustment_service_pb2_grpc import add_AdjustmentServiceServicer_to_server
from merkez.wfm.v1.bid_service_pb2_grpc import add_BidServiceServicer_to_server
from merkez.wfm.v1.forecast_service_pb2_grpc import add_ForecastServiceServicer_to_server
from merkez.wfm.v1.history_service_pb2_grpc import add_HistoryServiceServicer_to_server
from merkez.wfm.v1.intraday_service_pb2_grpc import add_IntradayServiceServicer_to_server
from merkez.wfm.v1.my_schedule_service_pb2_grpc import add_MyScheduleServiceServicer_to_server
from merkez.wfm.v1.schedule_service_pb2_grpc import add_ScheduleServiceServicer_to_server
from merkez.wfm.v1.shift_offer_service_pb2_grpc import add_ShiftOfferServiceServicer_to_server
from merkez.wfm.v1.shift_trade_service_pb2_grpc import add_ShiftTradeServiceServicer_to_server
from merkez.wfm.v1.skill_plan_service_pb2_grpc import add_SkillPlanServiceServicer_to_server
from merkez.wfm.v1.staffing_service_pb2_grpc import add_StaffingServiceServicer_to_server
from merkez.wfm.v1.time_off_service_pb2_grpc import add_TimeOffServiceServicer_to_server
from merkez.wfm.v1.workforce_service_pb2_grpc import add_WorkforceServiceServicer_to_server

from wfm.catching_up import EVERY_SECONDS as CATCH_UP_SECONDS
from wfm.catching_up import catch_up
from wfm.clients import Routing
from wfm.consumers import HANDLERS
from wfm.forecaster import Forecaster
from wfm.handlers.adherence import Adherence
from wfm.handlers.adjustments import Adjustments
from wfm.handlers.bids import Bids
from wfm.handlers.forecasts import Forecasts
from wfm.handlers.history import History
from wfm.handlers.intraday import Intraday
from wfm.handlers.my_schedule import MySchedule
from wfm.handlers.offers import ShiftOffers
from wfm.handlers.schedules import Schedules
from wfm.handlers.skill_plans import SkillPlans
from wfm.handlers.staffing import Staffing
from wfm.handlers.time_off import TimeOffs
from wfm.handlers.trades import Trades
from wfm.handlers.workforce import Workforce
from wfm.scheduler import Scheduler
from wfm.settings import Settings
from wfm.skill_planner import SkillPlanner
from wfm.sweeper import EVERY_SECONDS as SWEEP_SECONDS
from wfm.sweeper import LOOK_SECONDS, look, sweep


async def main(process: Process) -> None:
    """Builds and starts; the process drains and closes what it registered."""
    settings = process.begin(Settings, service="wfm")
    db = process.closing(await TurnTaking.connect(settings, "wfm"))
    bus = process.closing(await Bus.connect(settings))
    routing = Routing(process.closing(Peers(settings)))
    forecaster = Forecaster(db, process.tasks, settings.forecast_workers)
    scheduler = Scheduler(db, process.tasks, settings.schedule_workers)
    skill_planner = SkillPlanner(db, process.tasks, settings.skill_plan_workers)
    served = [
        (add_HistoryServiceServicer_to_server, History(db)),
        (add_ForecastServiceServicer_to_server, Forecasts(db, forecaster.wake)),
        (add_StaffingServiceServicer_to_server, Staffing(db)),
        (add_WorkforceServiceServicer_to_server, Workforce(db)),
        (add_ScheduleServiceServicer_to_server, Schedules(db, scheduler.wake)),
        (add_MyScheduleServiceServicer_to_server, MySchedule(db)),
        (add_TimeOffServiceServicer_to_server, TimeOffs(db)),
        (add_ShiftTradeServiceServicer_to_server, Trades(db)),
        (add_BidServiceServicer_to_server, Bids(db)),
        (add_AdherenceServiceServicer_to_server, Adherence(db)),
        (add_IntradayServiceServicer_to_server, Intraday(db)),
        (add_AdjustmentServiceServicer_to_server, Adjustments(db)),
        (add_ShiftOfferServiceServicer_to_server, ShiftOffers(db)),
        (add_SkillPlanServiceServicer_to_server, SkillPlans(db, skill_planner.wake)),
    ]
    server = process.closing(serve(served, settings))
    bus.relay(db)
    await bus.consume(db, "wfm", HANDLERS)
    forecaster.start()
    scheduler.start()
    skill_planner.start()
    process.tasks.every(SWEEP_SECONDS, lambda: sweep(db), "sweep of what is kept long enough")
    process.tasks.every(LOOK_SECONDS, lambda: look(db), "requests for time off of weeks that are out")
    process.tasks.every(CATCH_UP_SECONDS, lambda: catch_up(db, routing), "what facts told before it was kept")
    await server.start()
    process.draining(server.drain)
    process.draining(bus.drain)

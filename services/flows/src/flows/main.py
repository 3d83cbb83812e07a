"""The flows process: build, start, drain, stop."""

from __future__ import annotations

from chassis.bus import Bus
from chassis.grpc import Peers, serve
from chassis.lifecycle import Process, run_service
from chassis.sql import Database
from kernel.clock import SystemClock
from merkez.flows.v1 import (
    flow_code_service_pb2_grpc,
    flow_service_pb2_grpc,
    flow_test_service_pb2_grpc,
    number_list_service_pb2_grpc,
    run_service_pb2_grpc,
    survey_service_pb2_grpc,
)

from flows import consumers
from flows.clients import Engagement, Routing
from flows.fetching import Fetcher
from flows.handlers.code import FlowCodeServicer
from flows.handlers.flow_tests import FlowTestServicer
from flows.handlers.flows import FlowServicer
from flows.handlers.number_lists import NumberListServicer
from flows.handlers.prompts import PromptServicer
from flows.handlers.runs import RunServicer
from flows.handlers.surveys import SurveyServicer
from flows.handlers.worlds import Worlds
from flows.leaving import SWEEP_SECONDS, Leaving
from flows.number_clients import Numbers
from flows.sealing import MaskedValues
from flows.settings import Settings
from flows.turns import Turns


async def start(process: Process, settings: Settings) -> None:
    """Build everything and serve."""
    clock = SystemClock()
    seal = MaskedValues.load(settings.internal_key)
    db = process.closing(await Database.connect(settings, "flows", clock=clock))
    bus = process.closing(await Bus.connect(settings))
    peers = process.closing(Peers(settings))
    fetcher = process.closing(Fetcher(allow_loopback=settings.http_allow_loopback))
    engagement = Engagement(peers)
    routing = Routing(peers, engagement)
    turns = process.closing(Turns(db, routing, engagement, fetcher, seal, clock))
    leaving = process.closing(Leaving(db, turns, seal, clock))
    bus.relay(db)
    server = process.closing(
        serve(
            [
                (
                    flow_service_pb2_grpc.add_FlowServiceServicer_to_server,
                    FlowServicer(db, routing, Numbers(peers), clock, allow_loopback=settings.http_allow_loopback),
                ),
                (
                    flow_code_service_pb2_grpc.add_FlowCodeServiceServicer_to_server,
                    FlowCodeServicer(db, routing, clock, allow_loopback=settings.http_allow_loopback),
                ),
                (
                    flow_test_service_pb2_grpc.add_FlowTestServiceServicer_to_server,
                    FlowTestServicer(db, Worlds(db, routing), clock),
                ),
                (flow_service_pb2_grpc.add_PromptServiceServicer_to_server, PromptServicer(db, routing, clock)),
                (
                    number_list_service_pb2_grpc.add_NumberListServiceServicer_to_server,
                    NumberListServicer(db, clock),
                ),
                (survey_service_pb2_grpc.add_SurveyServiceServicer_to_server, SurveyServicer(db)),
                (
                    run_service_pb2_grpc.add_RunServiceServicer_to_server,
                    RunServicer(db, turns, engagement, seal, clock, settings.transfer_wait_seconds),
                ),
            ],
            settings,
        )
    )
    await server.start()
    await bus.consume(db, "flows", consumers.handlers(seal, clock, leaving))
    process.tasks.every(SWEEP_SECONDS, leaving.sweep, "what callers left")
    process.draining(server.drain)
    process.draining(turns.drain)
    process.draining(leaving.drain)
    process.draining(bus.drain)


def main() -> None:
    """`python -m flows`."""
    run_service(lambda process: start(process, process.begin(Settings, service="flows")))


if __name__ == "__main__":
    main()

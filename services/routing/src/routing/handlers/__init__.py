"""gRPC servicers: proto -> command -> verb -> proto. No rule, no SQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from merkez.routing.v1 import callback_service_pb2_grpc as callbacks_grpc
from merkez.routing.v1 import capacity_service_pb2_grpc as capacity_grpc
from merkez.routing.v1 import contact_service_pb2_grpc as contacts_grpc
from merkez.routing.v1 import presence_service_pb2_grpc as presence_grpc
from merkez.routing.v1 import queue_service_pb2_grpc as queues_grpc
from merkez.routing.v1 import simulation_service_pb2_grpc as simulations_grpc
from merkez.routing.v1 import wrap_up_service_pb2_grpc as wrap_ups_grpc

from routing.handlers.agents import AgentServicer
from routing.handlers.callbacks import CallbackServicer
from routing.handlers.capacity import CapacityServicer
from routing.handlers.contacts import ContactServicer, OfferServicer
from routing.handlers.hours import BusinessHoursServicer
from routing.handlers.presence import NotReadyReasonServicer
from routing.handlers.queues import DispositionServicer, QueueServicer, SkillServicer
from routing.handlers.simulations import SimulationServicer
from routing.handlers.wrapup import WrapUpServicer
from routing.ledger import Desk


def servicers(desk: Desk) -> Sequence[tuple[Callable[[Any, Any], None], Any]]:
    """Everything this service answers, for `chassis.grpc.serve`."""
    return [
        (queues_grpc.add_QueueServiceServicer_to_server, QueueServicer(desk)),
        (queues_grpc.add_SkillServiceServicer_to_server, SkillServicer(desk)),
        (queues_grpc.add_BusinessHoursServiceServicer_to_server, BusinessHoursServicer(desk)),
        (queues_grpc.add_DispositionServiceServicer_to_server, DispositionServicer(desk)),
        (contacts_grpc.add_ContactServiceServicer_to_server, ContactServicer(desk)),
        (callbacks_grpc.add_CallbackServiceServicer_to_server, CallbackServicer(desk)),
        (contacts_grpc.add_OfferServiceServicer_to_server, OfferServicer(desk)),
        (contacts_grpc.add_AgentServiceServicer_to_server, AgentServicer(desk)),
        (simulations_grpc.add_SimulationServiceServicer_to_server, SimulationServicer(desk)),
        (presence_grpc.add_NotReadyReasonServiceServicer_to_server, NotReadyReasonServicer(desk)),
        (capacity_grpc.add_CapacityServiceServicer_to_server, CapacityServicer(desk)),
        (wrap_ups_grpc.add_WrapUpServiceServicer_to_server, WrapUpServicer(desk)),
    ]

"""SimulationService."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

from chassis.auth import principal
from chassis.instants import duration_in, duration_out
from kernel.errors import InvalidInput
from kernel.ids import require_id
from merkez.routing.v1 import simulation_service_pb2 as pb
from merkez.routing.v1.simulation_service_pb2_grpc import SimulationServiceServicer

from routing import convert
from routing.domain.contacts import Channel
from routing.domain.days import Crew, Traffic
from routing.domain.simulating import Day, Figures, Outcome, Played
from routing.handlers.asking import Asked
from routing.ledger import Desk, Ledger
from routing.ops import simulations as ops
from routing.ops.simulations import Variant
from routing.simulations import Simulations


class SimulationServicer(Asked, SimulationServiceServicer):
    """Simulations."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._simulations = Simulations()

    async def SimulateDay(self, request: pb.SimulateDayRequest, context: Any) -> pb.SimulateDayResponse:
        variants = [_variant(each, f"variants[{index}]") for index, each in enumerate(request.variants)]

        async def read(tx: Ledger) -> list[Played]:
            return await ops.to_play(tx, await _day(tx, request), variants)

        played = await self._run(read, read_only=True)
        outcomes = await self._simulations.play(principal().tenant_id, played)
        names = ["", *(variant.name for variant in variants)]
        shown = [
            _shown(name, outcome, len(each.day.shifts))
            for name, outcome, each in zip(names, outcomes, played, strict=True)
        ]
        return pb.SimulateDayResponse(days=shown, contacts=len(played[0].day.arrivals))


def _variant(message: pb.Variant, place: str) -> Variant:
    queues = [
        convert.queue_from_proto(queue, require_id("que", queue.queue_id, f"{place}.queues[{number}].queue_id"))
        for number, queue in enumerate(message.queues)
    ]
    return Variant(message.name, queues, message.extra_agents)


async def _day(tx: Ledger, request: pb.SimulateDayRequest) -> Day:
    if request.WhichOneof("day") == "recorded_from_time":
        return await ops.recorded(tx, request.recorded_from_time.ToDatetime(UTC))
    if request.WhichOneof("day") != "synthetic":
        raise InvalidInput.of("recorded_from_time", "or synthetic is required")
    traffic = [
        Traffic(
            require_id("que", each.queue_id, f"synthetic.traffic[{index}].queue_id"), tuple(each.contacts_per_hour),
            duration_in(each, "handle_time") or timedelta(0), duration_in(each, "patience"),
            convert.channel_from_proto(each.channel, f"synthetic.traffic[{index}].channel")
            if each.channel
            else Channel.VOICE,
        )
        for index, each in enumerate(request.synthetic.traffic)
    ]  # fmt: skip
    crews = [
        Crew(
            crew.count, convert.skills_from_proto(crew.skills), tuple(crew.queue_ids), crew.start_hour,
            crew.end_hour or 24.0,
        )
        for crew in request.synthetic.crews
    ]  # fmt: skip
    begin = request.synthetic.start_time.ToDatetime(UTC) if request.synthetic.HasField("start_time") else None
    return await ops.made_up(tx, traffic, crews, request.synthetic.seed, begin)


def _shown(name: str, outcome: Outcome, agents: int) -> pb.SimulatedDay:
    counts = list(outcome.contacts_by_agent.values()) + [0] * (agents - len(outcome.contacts_by_agent))
    return pb.SimulatedDay(
        name=name,
        whole=_figures("", outcome.whole),
        queues=[_figures(queue_id, each) for queue_id, each in sorted(outcome.queues.items()) if each.offered],
        occupancy=outcome.occupancy or 0.0,
        agents=agents,
        fewest_contacts=min(counts, default=0),
        most_contacts=max(counts, default=0),
    )


def _figures(queue_id: str, found: Figures) -> pb.SimulatedFigures:
    return pb.SimulatedFigures(
        queue_id=queue_id,
        offered=found.offered,
        answered=found.answered,
        abandoned=found.abandoned,
        service_level=found.service_level or 0.0,
        average_answer_time=_seconds(found.asa),
        answer_time_p90=_seconds(found.wait_at(0.9)),
        expected_wait_error=_seconds(found.mean_error),
        expected_wait_in_range=found.in_range / len(found.errors) if found.errors else 0.0,
        overflowed=found.overflowed,
        left=found.left,
    )


def _seconds(value: float | None) -> Any:
    return None if value is None else duration_out(timedelta(seconds=round(value, 3)))

"""RunService: telephony begins runs and reports what came of each instruction."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from chassis.auth import principal
from chassis.sql import Database
from kernel.clock import Clock
from kernel.errors import InvalidInput
from kernel.ids import require_id
from merkez.flows.v1 import run_service_pb2, run_service_pb2_grpc

from flows.clients import Engagement
from flows.convert import runs as convert
from flows.domain.runs import Started
from flows.ops import runs as ops
from flows.ops.runs import Seal
from flows.turns import LONGEST_WAIT, StillWorking, Turns

_MARGIN_SECONDS = 0.3


class RunServicer(run_service_pb2_grpc.RunServiceServicer):
    """Runs of calls."""

    def __init__(
        self, db: Database, turns: Turns, engagement: Engagement, seal: Seal, clock: Clock, transfer_wait: float = 30.0
    ):
        self._db = db
        self._turns = turns
        self._engagement = engagement
        self._seal = seal
        self._clock = clock
        self._transfer_wait = timedelta(seconds=transfer_wait)

    async def StartRun(self, request: run_service_pb2.StartRunRequest, context: Any) -> run_service_pb2.Instruction:
        tenant_id = principal().tenant_id
        call = convert.call_from(request, self._transfer_wait)
        standing = await self._db.run(
            tenant_id, lambda tx: ops.find_run(tx, call.call_id, call.turn, self._seal), read_only=True
        )
        if standing is None:
            customer_id = await self._engagement.identify(
                call.call_id, call.brand_id, call.caller_number, call.caller_name
            )
            if call.origin.waiting_contact_id:
                language = await self._turns.spoken(call.origin.waiting_contact_id)
                call = replace(call, language=language or call.language)
            standing = await self._db.run(
                tenant_id, lambda tx: ops.begin_run(tx, call, customer_id, self._seal, self._clock.now())
            )
        answer = standing.answer
        if answer is None:
            answer = await self._turns.take(tenant_id, standing.run, Started(), _patience(context))
        return convert.to_instruction(answer)

    async def AdvanceRun(self, request: run_service_pb2.AdvanceRunRequest, context: Any) -> run_service_pb2.Instruction:
        tenant_id = principal().tenant_id
        run_id = require_id("run", request.run_id, "run_id")
        if request.sequence < 1:
            raise InvalidInput.of("sequence", "must be that of an instruction: 1 or more")
        event = convert.event_from(request)
        standing = await self._db.run(
            tenant_id, lambda tx: ops.look_up(tx, run_id, request.sequence, self._seal), read_only=True
        )
        answer = standing.answer
        if answer is None:
            answer = await self._turns.take(tenant_id, standing.run, event, _patience(context))
        return convert.to_instruction(answer)

    async def ResumeRun(self, request: run_service_pb2.ResumeRunRequest, context: Any) -> run_service_pb2.Instruction:
        tenant_id = principal().tenant_id
        run_id = require_id("run", request.run_id, "run_id")
        event = convert.agent_left_from(request)

        async def look() -> ops.Standing:
            return await self._db.run(
                tenant_id, lambda tx: ops.look_up_served(tx, run_id, event.contact_id, self._seal), read_only=True
            )

        standing = await look()
        if standing.answer is None:
            await self._turns.take(tenant_id, standing.run, event, _patience(context))
            standing = await look()
        if standing.answer is None:
            # A tick from before the agent answered was still under way, and had this sequence.
            raise StillWorking("the run is about something else", retry_after=timedelta(milliseconds=300))
        return convert.to_instruction(standing.answer)

    async def GetRun(self, request: run_service_pb2.GetRunRequest, context: Any) -> run_service_pb2.Run:
        run_id = require_id("run", request.run_id, "run_id")
        run, steps = await self._db.run(
            principal().tenant_id, lambda tx: ops.read_run(tx, run_id, self._seal), read_only=True
        )
        return convert.to_run(run, steps)


def _patience(context: Any) -> float:
    """Seconds to wait for a turn, so that "still working" arrives before the caller's deadline does."""
    remaining = context.time_remaining()
    return LONGEST_WAIT if remaining is None else max(0.05, remaining - _MARGIN_SECONDS)

"""Adherence: rules, the board, figures by day, one agent's day, exceptions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from chassis.auth import principal
from chassis.instants import time_in, time_out
from chassis.paging import Page
from chassis.sql import Database, Tx
from google.protobuf import empty_pb2
from kernel.ids import require_id, require_request_id
from merkez.routing.v1 import contact_pb2
from merkez.wfm.v1 import adherence_pb2, adherence_service_pb2, adherence_service_pb2_grpc

from wfm import convert
from wfm.domain.adherence import (
    DEFAULT_TOLERANCE,
    AdherenceRulesInvalid,
    Deviation,
    Doing,
    Figures,
    Now,
    Reason,
    Rules,
    Stretch,
)
from wfm.ops import adherence as ops
from wfm.ops.adherence import ExceptionInvalid, Excused, Kept

ask = adherence_service_pb2
_MOST = 2000


class Adherence(adherence_service_pb2_grpc.AdherenceServiceServicer):
    """merkez.wfm.v1.AdherenceService. What takes a while with many agents is worked out beside whoever is served."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def GetAdherenceRules(
        self, request: ask.GetAdherenceRulesRequest, context: Any
    ) -> adherence_pb2.AdherenceRules:
        return _rules(await self._read(ops.rules))

    async def UpdateAdherenceRules(
        self, request: ask.UpdateAdherenceRulesRequest, context: Any
    ) -> adherence_pb2.AdherenceRules:
        value = _rules_in(request.adherence_rules)
        return _rules(await self._db.run(principal().tenant_id, lambda tx: ops.update_rules(tx, value)))

    async def GetAdherenceBoard(
        self, request: ask.GetAdherenceBoardRequest, context: Any
    ) -> ask.GetAdherenceBoardResponse:
        now = self._db.clock.now()
        gathered, latest = await self._read(lambda tx: ops.gather_now(tx, now))
        found = await asyncio.to_thread(ops.board, gathered, latest, now)
        return ask.GetAdherenceBoardResponse(
            agents=[_now(each) for each in found.agents[:_MOST]], read_time=time_out(now),
            figures=_figures(found.together), tolerance_seconds=found.rules.tolerance, time_zone=found.zone,
        )  # fmt: skip

    async def ListAdherence(self, request: ask.ListAdherenceRequest, context: Any) -> ask.ListAdherenceResponse:
        first, last = convert.day_in(request.first_day, "first_day"), convert.day_in(request.last_day, "last_day")
        user_id = require_id("usr", request.user_id, "user_id") if request.user_id else ""
        page, now = Page(request.page_size, request.page_token), self._db.clock.now()
        gathered, token = await self._read(lambda tx: ops.gather_days(tx, first, last, user_id, page, now))
        found = await asyncio.to_thread(ops.kept, gathered, now)
        return ask.ListAdherenceResponse(agents=[_kept(each) for each in found], next_page_token=token)

    async def GetAgentDay(self, request: ask.GetAgentDayRequest, context: Any) -> ask.GetAgentDayResponse:
        user_id, day = require_id("usr", request.user_id, "user_id"), convert.day_in(request.day, "day")
        now = self._db.clock.now()
        gathered = await self._read(lambda tx: ops.gather_day(tx, user_id, day, now))
        found, (start, end) = ops.day_of(gathered, now), gathered.cuts_of(user_id)
        return ask.GetAgentDayResponse(
            start_time=time_out(start), end_time=time_out(end),
            planned=[
                adherence_pb2.PlannedStretch(
                    start_time=time_out(each.start), end_time=time_out(each.end), activity=_doing(each.doing)
                )
                for each in found.plan
            ],
            actual=[_actual(each) for each in found.actual],
            deviations=[_deviation(each) for each in found.deviations],
            adherence_exceptions=[_exception(each) for each in gathered.excused], figures=_figures(found.figures),
            time_zone=gathered.zone,
        )  # fmt: skip

    async def CreateAdherenceException(
        self, request: ask.CreateAdherenceExceptionRequest, context: Any
    ) -> adherence_pb2.AdherenceException:
        request_id, now = require_request_id(request.request_id), self._db.clock.now()
        value = _exception_in(request.adherence_exception, now)

        async def work(tx: Tx) -> adherence_pb2.AdherenceException:
            async def create() -> adherence_pb2.AdherenceException:
                return _exception(await ops.create_exception(tx, value, now))

            kind = adherence_pb2.AdherenceException
            return await tx.once(request_id, "CreateAdherenceException", request, kind, create)

        return await self._db.run(principal().tenant_id, work)

    async def ListAdherenceExceptions(
        self, request: ask.ListAdherenceExceptionsRequest, context: Any
    ) -> ask.ListAdherenceExceptionsResponse:
        start, end = time_in(request, "start_time"), time_in(request, "end_time")
        user_id = require_id("usr", request.user_id, "user_id") if request.user_id else ""
        found = await self._read(lambda tx: ops.list_exceptions(tx, start, end, user_id))
        return ask.ListAdherenceExceptionsResponse(adherence_exceptions=[_exception(each) for each in found])

    async def DeleteAdherenceException(
        self, request: ask.DeleteAdherenceExceptionRequest, context: Any
    ) -> empty_pb2.Empty:
        key = require_id("aex", request.adherence_exception_id, "adherence_exception_id")
        await self._db.run(principal().tenant_id, lambda tx: ops.delete_exception(tx, key))
        return empty_pb2.Empty()

    async def _read(self, work: Callable[[Tx], Awaitable[Any]]) -> Any:
        return await self._db.run(principal().tenant_id, work, read_only=True)


def _doing(value: Doing) -> adherence_pb2.Activity.ValueType:
    return adherence_pb2.Activity.Value(f"ACTIVITY_{value.value}")


def _state(name: str) -> contact_pb2.AgentState.ValueType:
    return contact_pb2.AgentState.Value(f"AGENT_STATE_{name}")


def _rules_in(said: adherence_pb2.AdherenceRules) -> Rules:
    reasons = []
    for each in said.reasons:
        name = adherence_pb2.Activity.Name(each.activity) if each.activity in adherence_pb2.Activity.values() else ""
        doing = name.removeprefix("ACTIVITY_")
        if doing not in Doing.__members__:
            raise AdherenceRulesInvalid.of("adherence_rules.reasons", "must be work, a break or away")
        reasons.append(Reason(each.not_ready_reason_id, each.display_name.strip(), Doing(doing)))
    tolerance = said.tolerance_seconds if said.HasField("tolerance_seconds") else DEFAULT_TOLERANCE
    return Rules(tolerance, said.breaks_signed_in, tuple(reasons), said.version)


def _rules(value: Rules) -> adherence_pb2.AdherenceRules:
    return adherence_pb2.AdherenceRules(
        tolerance_seconds=value.tolerance, breaks_signed_in=value.breaks_signed_in, version=value.version,
        reasons=[
            adherence_pb2.ReasonActivity(
                not_ready_reason_id=each.reason_id, display_name=each.name, activity=_doing(each.doing)
            )
            for each in value.reasons
        ],
    )  # fmt: skip


def _figures(value: Figures) -> adherence_pb2.AdherenceFigures:
    return adherence_pb2.AdherenceFigures(
        scheduled_seconds=value.scheduled.total_seconds(), adherent_seconds=value.adherent.total_seconds(),
        excused_seconds=value.excused.total_seconds(), scheduled_work_seconds=value.scheduled_work.total_seconds(),
        worked_seconds=value.worked.total_seconds(), adherence=value.adherence, conformance=value.conformance,
    )  # fmt: skip


def _now(value: Now) -> adherence_pb2.BoardAgent:
    return adherence_pb2.BoardAgent(
        user_id=value.user_id, out_time=time_out(value.out), planned=_doing(value.planned),
        state=adherence_pb2.AdherenceState.Value(f"ADHERENCE_STATE_{value.standing.value}"),
        planned_until_time=time_out(value.until), actual=_doing(value.actual), agent_state=_state(value.state),
        reason=value.reason, agent_state_time=time_out(value.since), figures=_figures(value.figures),
    )  # fmt: skip


def _kept(value: Kept) -> adherence_pb2.AgentAdherence:
    return adherence_pb2.AgentAdherence(
        user_id=value.user_id, figures=_figures(value.figures),
        days=[
            adherence_pb2.AdherenceDay(day=day.isoformat(), figures=_figures(figures)) for day, figures in value.days
        ],
    )  # fmt: skip


def _actual(value: Stretch) -> adherence_pb2.ActualStretch:
    return adherence_pb2.ActualStretch(
        start_time=time_out(value.start), end_time=time_out(value.end), activity=_doing(value.doing),
        agent_state=_state(value.state), reason=value.reason,
    )  # fmt: skip


def _deviation(value: Deviation) -> adherence_pb2.Deviation:
    return adherence_pb2.Deviation(
        start_time=time_out(value.start), end_time=time_out(value.end), planned=_doing(value.planned),
        actual=_doing(value.actual), tolerated=value.tolerated,
    )  # fmt: skip


def _exception_in(said: adherence_pb2.AdherenceException, now: datetime) -> Excused:
    start, end = time_in(said, "start_time"), time_in(said, "end_time")
    if start is None or end is None:
        field = "start_time" if start is None else "end_time"
        raise ExceptionInvalid.of(f"adherence_exception.{field}", "must be given")
    kinds = adherence_pb2.AdherenceExceptionKind
    kind = kinds.Name(said.kind).removeprefix("ADHERENCE_EXCEPTION_KIND_") if said.kind in kinds.values() else ""
    user_id = require_id("usr", said.user_id, "adherence_exception.user_id") if said.user_id else ""
    return Excused("", user_id, start, end, kind, said.note.strip(), principal().subject, now)


def _exception(value: Excused) -> adherence_pb2.AdherenceException:
    return adherence_pb2.AdherenceException(
        adherence_exception_id=value.exception_id, user_id=value.user_id, start_time=time_out(value.start),
        end_time=time_out(value.end), note=value.note, create_user_id=value.create_user_id,
        kind=adherence_pb2.AdherenceExceptionKind.Value(f"ADHERENCE_EXCEPTION_KIND_{value.kind}"),
        create_time=time_out(value.create_time),
    )  # fmt: skip

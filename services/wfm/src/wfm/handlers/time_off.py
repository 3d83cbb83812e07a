"""Time off: kinds, allowances, requests, balances."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from chassis.auth import principal
from chassis.instants import time_out
from chassis.paging import Page
from chassis.sql import Database, Tx
from google.protobuf import empty_pb2
from kernel.ids import require_id, require_request_id
from merkez.wfm.v1 import time_off_pb2, time_off_service_pb2, time_off_service_pb2_grpc

from wfm import convert
from wfm.domain.time_off import Allowance, Balance, Kind, Obstacle, Request, State, Unit
from wfm.ops import allowances, time_off
from wfm.ops.allowances import TimeOffKindInvalid
from wfm.ops.workforce import TimeOffInvalid

ask = time_off_service_pb2


class TimeOffs(time_off_service_pb2_grpc.TimeOffServiceServicer):
    """merkez.wfm.v1.TimeOffService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def CreateTimeOffKind(self, request: ask.CreateTimeOffKindRequest, context: Any) -> time_off_pb2.TimeOffKind:
        request_id, value = require_request_id(request.request_id), _kind_in(request.time_off_kind, "")
        now = self._db.clock.now()

        async def work(tx: Tx) -> time_off_pb2.TimeOffKind:
            async def create() -> time_off_pb2.TimeOffKind:
                return _kind(await allowances.save_kind(tx, value, now))

            return await tx.once(request_id, "CreateTimeOffKind", request, time_off_pb2.TimeOffKind, create)

        return await self._write(work)

    async def ListTimeOffKinds(
        self, request: ask.ListTimeOffKindsRequest, context: Any
    ) -> ask.ListTimeOffKindsResponse:
        found = await self._read(allowances.list_kinds)
        return ask.ListTimeOffKindsResponse(time_off_kinds=[_kind(each) for each in found])

    async def UpdateTimeOffKind(self, request: ask.UpdateTimeOffKindRequest, context: Any) -> time_off_pb2.TimeOffKind:
        said, now = request.time_off_kind, self._db.clock.now()
        value = _kind_in(said, require_id("tok", said.time_off_kind_id, "time_off_kind.time_off_kind_id"))
        return _kind(await self._write(lambda tx: allowances.save_kind(tx, value, now)))

    async def DeleteTimeOffKind(self, request: ask.DeleteTimeOffKindRequest, context: Any) -> empty_pb2.Empty:
        key = require_id("tok", request.time_off_kind_id, "time_off_kind_id")
        await self._write(lambda tx: allowances.remove_kind(tx, key))
        return empty_pb2.Empty()

    async def CreateTimeOffAllowance(
        self, request: ask.CreateTimeOffAllowanceRequest, context: Any
    ) -> time_off_pb2.TimeOffAllowance:
        request_id, value = require_request_id(request.request_id), _allowance_in(request.time_off_allowance, "")
        now = self._db.clock.now()

        async def work(tx: Tx) -> time_off_pb2.TimeOffAllowance:
            async def create() -> time_off_pb2.TimeOffAllowance:
                return _allowance(await allowances.save_allowance(tx, value, now))

            return await tx.once(request_id, "CreateTimeOffAllowance", request, time_off_pb2.TimeOffAllowance, create)

        return await self._write(work)

    async def ListTimeOffAllowances(
        self, request: ask.ListTimeOffAllowancesRequest, context: Any
    ) -> ask.ListTimeOffAllowancesResponse:
        found = await self._read(allowances.list_allowances)
        return ask.ListTimeOffAllowancesResponse(time_off_allowances=[_allowance(each) for each in found])

    async def UpdateTimeOffAllowance(
        self, request: ask.UpdateTimeOffAllowanceRequest, context: Any
    ) -> time_off_pb2.TimeOffAllowance:
        said, now = request.time_off_allowance, self._db.clock.now()
        key = require_id("toa", said.time_off_allowance_id, "time_off_allowance.time_off_allowance_id")
        value = _allowance_in(said, key)
        return _allowance(await self._write(lambda tx: allowances.save_allowance(tx, value, now)))

    async def DeleteTimeOffAllowance(self, request: ask.DeleteTimeOffAllowanceRequest, context: Any) -> empty_pb2.Empty:
        key = require_id("toa", request.time_off_allowance_id, "time_off_allowance_id")
        await self._write(lambda tx: allowances.remove_allowance(tx, key))
        return empty_pb2.Empty()

    async def AskTimeOff(self, request: ask.AskTimeOffRequest, context: Any) -> time_off_pb2.TimeOffRequest:
        value, now = _request_in(request.time_off_request, principal().subject), self._db.clock.now()
        if request.validate_only:
            return _request(await self._read(lambda tx: time_off.ask(tx, value, now, only_look=True)))
        request_id = require_request_id(request.request_id)

        async def work(tx: Tx) -> time_off_pb2.TimeOffRequest:
            async def create() -> time_off_pb2.TimeOffRequest:
                return _request(await time_off.ask(tx, value, now))

            return await tx.once(f"{value.user_id}/{request_id}"[:200], "AskTimeOff", request,
                                 time_off_pb2.TimeOffRequest, create)  # fmt: skip

        return await self._write(work)

    async def ListMyTimeOffRequests(
        self, request: ask.ListMyTimeOffRequestsRequest, context: Any
    ) -> ask.ListTimeOffRequestsResponse:
        page = Page(request.page_size, request.page_token)
        return _requests(*await self._read(lambda tx: time_off.list_own(tx, principal().subject, page)))

    async def WithdrawTimeOff(self, request: ask.WithdrawTimeOffRequest, context: Any) -> time_off_pb2.TimeOffRequest:
        key, now = require_id("tor", request.time_off_request_id, "time_off_request_id"), self._db.clock.now()
        return _request(await self._write(lambda tx: time_off.withdraw(tx, principal().subject, key, now)))

    async def ListMyTimeOffBalances(
        self, request: ask.ListMyTimeOffBalancesRequest, context: Any
    ) -> ask.ListTimeOffBalancesResponse:
        day, now = convert.day_in(request.day, "day"), self._db.clock.now()
        found = await self._read(lambda tx: time_off.balances(tx, principal().subject, day, now))
        return ask.ListTimeOffBalancesResponse(time_off_balances=[_balance(each) for each in found])

    async def ListTimeOffRequests(
        self, request: ask.ListTimeOffRequestsRequest, context: Any
    ) -> ask.ListTimeOffRequestsResponse:
        page, user_id = Page(request.page_size, request.page_token), request.user_id
        if user_id:
            require_id("usr", user_id, "user_id")
        try:
            name = time_off_pb2.TimeOffRequestState.Name(request.state)
        except ValueError:
            raise TimeOffInvalid.of("state", "is not a state") from None
        state = name.removeprefix("TIME_OFF_REQUEST_STATE_") if request.state else ""
        return _requests(*await self._read(lambda tx: time_off.inbox(tx, state, user_id, page)))

    async def DecideTimeOff(self, request: ask.DecideTimeOffRequest, context: Any) -> time_off_pb2.TimeOffRequest:
        key, now = require_id("tor", request.time_off_request_id, "time_off_request_id"), self._db.clock.now()
        by, reason = principal().subject, request.reason.strip()
        return _request(
            await self._write(lambda tx: time_off.decide(tx, key, request.version, request.approve, reason, by, now))
        )

    async def ListTimeOffBalances(
        self, request: ask.ListTimeOffBalancesRequest, context: Any
    ) -> ask.ListTimeOffBalancesResponse:
        user_id, day = require_id("usr", request.user_id, "user_id"), convert.day_in(request.day, "day")
        now = self._db.clock.now()
        found = await self._read(lambda tx: time_off.balances(tx, user_id, day, now))
        return ask.ListTimeOffBalancesResponse(time_off_balances=[_balance(each) for each in found])

    async def SetCarriedOver(self, request: ask.SetCarriedOverRequest, context: Any) -> time_off_pb2.TimeOffBalance:
        user_id = require_id("usr", request.user_id, "user_id")
        kind_id, now = require_id("tok", request.time_off_kind_id, "time_off_kind_id"), self._db.clock.now()
        amount = request.carried_over if request.HasField("carried_over") else None
        return _balance(
            await self._write(lambda tx: time_off.carry_over(tx, user_id, kind_id, request.year, amount, now))
        )

    async def _write(self, work: Callable[[Tx], Awaitable[Any]]) -> Any:
        return await self._db.run(principal().tenant_id, work)

    async def _read(self, work: Callable[[Tx], Awaitable[Any]]) -> Any:
        return await self._db.run(principal().tenant_id, work, read_only=True)


def _kind_in(said: time_off_pb2.TimeOffKind, kind_id: str) -> Kind:
    units = {time_off_pb2.TIME_OFF_UNIT_DAYS: Unit.DAYS, time_off_pb2.TIME_OFF_UNIT_HOURS: Unit.HOURS}
    if said.unit not in units:
        raise TimeOffKindInvalid.of("time_off_kind.unit", "must be given")
    return Kind(
        kind_id, said.display_name.strip(), units[said.unit], said.paid, said.limited, said.automatic, said.archived,
        0, said.version,
    )  # fmt: skip


def _kind(value: Kind) -> time_off_pb2.TimeOffKind:
    return time_off_pb2.TimeOffKind(
        time_off_kind_id=value.kind_id, display_name=value.name, paid=value.paid, limited=value.limited,
        unit=time_off_pb2.TimeOffUnit.Value(f"TIME_OFF_UNIT_{value.unit.value}"), automatic=value.automatic,
        archived=value.archived, version=value.version,
    )  # fmt: skip


def _allowance_in(said: time_off_pb2.TimeOffAllowance, allowance_id: str) -> Allowance:
    queue_ids = [require_id("que", each, "time_off_allowance.queue_ids") for each in said.queue_ids]
    return Allowance(
        allowance_id, said.display_name.strip(), tuple(dict.fromkeys(queue_ids)),
        tuple(sorted(set(said.weekdays))), convert.day_in(said.first_day, "time_off_allowance.first_day"),
        convert.day_in(said.last_day, "time_off_allowance.last_day"), said.start_minute, said.end_minute or 1440,
        said.max_agents if said.HasField("max_agents") else None,
        said.max_percent if said.HasField("max_percent") else None, said.covered, said.version,
    )  # fmt: skip


def _allowance(value: Allowance) -> time_off_pb2.TimeOffAllowance:
    return time_off_pb2.TimeOffAllowance(
        time_off_allowance_id=value.allowance_id, display_name=value.name, queue_ids=value.queue_ids,
        weekdays=value.weekdays, first_day=value.first.isoformat() if value.first else "",
        last_day=value.last.isoformat() if value.last else "", start_minute=value.start, end_minute=value.end,
        max_agents=value.max_agents, max_percent=value.max_percent, covered=value.covered, version=value.version,
    )  # fmt: skip


def _request_in(said: time_off_pb2.TimeOffRequest, user_id: str) -> Request:
    first = convert.day_in(said.first_day, "time_off_request.first_day")
    if first is None:
        raise TimeOffInvalid.of("time_off_request.first_day", "must be given")
    last = convert.day_in(said.last_day, "time_off_request.last_day") or first
    kind_id = require_id("tok", said.time_off_kind_id, "time_off_request.time_off_kind_id")
    nothing = convert.EPOCH
    return Request(
        "", user_id, kind_id, first, last, said.start_minute, said.end_minute, said.note.strip(), nothing, nothing,
        nothing,
    )  # fmt: skip


def _request(value: Request) -> time_off_pb2.TimeOffRequest:
    return time_off_pb2.TimeOffRequest(
        time_off_request_id=value.request_id, user_id=value.user_id, time_off_kind_id=value.kind_id,
        first_day=value.first.isoformat(), last_day=value.last.isoformat(), start_minute=value.start_minute,
        end_minute=value.end_minute, note=value.note, amount=value.amount,
        state=time_off_pb2.TimeOffRequestState.Value(f"TIME_OFF_REQUEST_STATE_{State(value.state).value}"),
        obstacles=[_obstacle(each) for each in value.obstacles], decided_by=value.decided_by,
        decision_reason=value.reason, create_time=time_out(value.create_time),
        decide_time=time_out(value.decide_time), start_time=time_out(value.start), end_time=time_out(value.end),
        version=value.version,
    )  # fmt: skip


def _obstacle(value: Obstacle) -> time_off_pb2.TimeOffObstacle:
    return time_off_pb2.TimeOffObstacle(
        day=value.day.isoformat() if value.day else "", code=value.code, time_off_allowance_id=value.allowance_id,
        allowed=value.allowed, found=value.found,
    )  # fmt: skip


def _requests(found: list[Request], token: str) -> ask.ListTimeOffRequestsResponse:
    return ask.ListTimeOffRequestsResponse(time_off_requests=[_request(each) for each in found], next_page_token=token)


def _balance(value: Balance) -> time_off_pb2.TimeOffBalance:
    return time_off_pb2.TimeOffBalance(
        time_off_kind_id=value.kind_id, year=value.year, entitled=value.entitled, accrued=value.accrued,
        carried_over=value.carried_over, asked=value.asked, approved=value.approved, used=value.used, left=value.left,
        carried_over_set=value.carried_over_set,
    )  # fmt: skip

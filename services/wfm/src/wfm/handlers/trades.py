"""Trades of shifts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from chassis.auth import principal
from chassis.instants import time_out
from chassis.sql import Database, Tx
from kernel.ids import require_id, require_request_id
from merkez.wfm.v1 import shift_trade_pb2, shift_trade_service_pb2, shift_trade_service_pb2_grpc

from wfm import convert
from wfm.domain.shifts import Shift
from wfm.domain.trades import Trade
from wfm.ops import trades as ops
from wfm.ops.trades import TradeInvalid

ask = shift_trade_service_pb2


class Trades(shift_trade_service_pb2_grpc.ShiftTradeServiceServicer):
    """merkez.wfm.v1.ShiftTradeService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def OfferTrade(self, request: ask.OfferTradeRequest, context: Any) -> shift_trade_pb2.ShiftTrade:
        request_id, said, now = require_request_id(request.request_id), request.shift_trade, self._db.clock.now()
        user_id, day = principal().subject, convert.given_day_in(said.day, "shift_trade.day", TradeInvalid.of)
        to_user = require_id("usr", said.to_user_id, "shift_trade.to_user_id") if said.to_user_id else ""
        days = {convert.given_day_in(each, "shift_trade.wanted_days", TradeInvalid.of) for each in said.wanted_days}
        wanted = tuple(sorted(days))
        nothing = convert.EPOCH
        value = Trade(
            "", user_id, day, Shift(user_id, day, nothing, nothing), nothing, nothing, to_user, said.swap, wanted,
            said.note.strip(),
        )  # fmt: skip

        async def work(tx: Tx) -> shift_trade_pb2.ShiftTrade:
            async def create() -> shift_trade_pb2.ShiftTrade:
                return _trade(await ops.offer(tx, user_id, day, value, now))

            return await tx.once(f"{user_id}/{request_id}", "OfferTrade", request, shift_trade_pb2.ShiftTrade, create)

        return await self._write(work)

    async def ListMyTrades(self, request: ask.ListMyTradesRequest, context: Any) -> ask.ListTradesResponse:
        now = self._db.clock.now()
        found = await self._read(lambda tx: ops.list_own(tx, principal().subject, now))
        return ask.ListTradesResponse(shift_trades=[_trade(each) for each in found])

    async def AcceptTrade(self, request: ask.AcceptTradeRequest, context: Any) -> ask.AcceptTradeResponse:
        user_id, now = principal().subject, self._db.clock.now()
        key, day = _key(request.shift_trade_id), convert.day_in(request.day, "day")
        if request.validate_only:
            trade, broken = await self._read(lambda tx: ops.accept(tx, user_id, key, day, now, only_look=True))
            return ask.AcceptTradeResponse(
                shift_trade=_trade(trade), violations=[convert.violation_out(each) for each in broken]
            )
        request_id = require_request_id(request.request_id)

        async def work(tx: Tx) -> ask.AcceptTradeResponse:
            async def accept() -> ask.AcceptTradeResponse:
                trade, broken = await ops.accept(tx, user_id, key, day, now)
                return ask.AcceptTradeResponse(
                    shift_trade=_trade(trade), violations=[convert.violation_out(each) for each in broken]
                )

            return await tx.once(f"{user_id}/{request_id}", "AcceptTrade", request, ask.AcceptTradeResponse, accept)

        return await self._write(work)

    async def WithdrawTrade(self, request: ask.WithdrawTradeRequest, context: Any) -> shift_trade_pb2.ShiftTrade:
        key, now = _key(request.shift_trade_id), self._db.clock.now()
        return _trade(await self._write(lambda tx: ops.withdraw(tx, principal().subject, key, now)))

    async def ListTrades(self, request: ask.ListTradesRequest, context: Any) -> ask.ListTradesResponse:
        now = self._db.clock.now()
        try:
            name = shift_trade_pb2.ShiftTradeState.Name(request.state)
        except ValueError:
            raise TradeInvalid.of("state", "is not a state") from None
        state = name.removeprefix("SHIFT_TRADE_STATE_") if request.state else ""
        found = await self._read(lambda tx: ops.list_all(tx, state, now))
        return ask.ListTradesResponse(shift_trades=[_trade(each) for each in found])

    async def DecideTrade(self, request: ask.DecideTradeRequest, context: Any) -> shift_trade_pb2.ShiftTrade:
        key, now, by = _key(request.shift_trade_id), self._db.clock.now(), principal().subject
        reason = request.reason.strip()
        return _trade(
            await self._write(lambda tx: ops.decide(tx, key, request.version, request.approve, reason, by, now))
        )

    async def _write(self, work: Callable[[Tx], Awaitable[Any]]) -> Any:
        return await self._db.run(principal().tenant_id, work)

    async def _read(self, work: Callable[[Tx], Awaitable[Any]]) -> Any:
        return await self._db.run(principal().tenant_id, work, read_only=True)


def _key(trade_id: str) -> str:
    return require_id("trd", trade_id, "shift_trade_id")


def _trade(value: Trade) -> shift_trade_pb2.ShiftTrade:
    return shift_trade_pb2.ShiftTrade(
        shift_trade_id=value.trade_id, user_id=value.user_id, day=value.shift.day.isoformat(),
        shift=convert.shift_out(value.shift), to_user_id=value.to_user, swap=value.swap,
        wanted_days=[each.isoformat() for each in value.wanted], note=value.note,
        state=shift_trade_pb2.ShiftTradeState.Value(f"SHIFT_TRADE_STATE_{value.state.value}"),
        colleague_id=value.colleague_id,
        colleague_shift=convert.shift_out(value.colleague_shift) if value.colleague_shift else None,
        expire_time=time_out(value.expire_time), create_time=time_out(value.create_time),
        decide_time=time_out(value.decide_time), decided_by=value.decided_by, decision_reason=value.reason,
        concerns=value.concerns, version=value.version,
    )  # fmt: skip

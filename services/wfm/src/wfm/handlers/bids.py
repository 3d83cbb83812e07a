"""Open shifts that agents bid for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from chassis.auth import principal
from chassis.instants import time_in, time_out
from chassis.sql import Database, Tx
from kernel.ids import require_id, require_request_id
from merkez.wfm.v1 import bid_service_pb2, bid_service_pb2_grpc, shift_trade_pb2

from wfm import convert
from wfm.domain.bids import Bid, OpenShift, Order, Round
from wfm.ops import bids as ops
from wfm.ops.bids import BidRoundInvalid

ask = bid_service_pb2


class Bids(bid_service_pb2_grpc.BidServiceServicer):
    """merkez.wfm.v1.BidService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def CreateBidRound(self, request: ask.CreateBidRoundRequest, context: Any) -> shift_trade_pb2.BidRound:
        request_id, value = require_request_id(request.request_id), _round_in(request.bid_round)
        now = self._db.clock.now()

        async def work(tx: Tx) -> shift_trade_pb2.BidRound:
            async def create() -> shift_trade_pb2.BidRound:
                return _round(await ops.put_up(tx, value, now))

            return await tx.once(request_id, "CreateBidRound", request, shift_trade_pb2.BidRound, create)

        return await self._write(work)

    async def ListBidRounds(self, request: ask.ListBidRoundsRequest, context: Any) -> ask.ListBidRoundsResponse:
        now = self._db.clock.now()
        found = await self._read(lambda tx: ops.list_rounds(tx, now))
        return ask.ListBidRoundsResponse(bid_rounds=[_round(each) for each in found])

    async def GetBidRound(self, request: ask.GetBidRoundRequest, context: Any) -> ask.GetBidRoundResponse:
        key, now = _key(request.bid_round_id), self._db.clock.now()
        return _with_bids(*await self._read(lambda tx: ops.get(tx, key, now)))

    async def CancelBidRound(self, request: ask.CancelBidRoundRequest, context: Any) -> shift_trade_pb2.BidRound:
        key, now = _key(request.bid_round_id), self._db.clock.now()
        return _round(await self._write(lambda tx: ops.cancel(tx, key, now)))

    async def AwardBidRound(self, request: ask.AwardBidRoundRequest, context: Any) -> ask.GetBidRoundResponse:
        key, now = _key(request.bid_round_id), self._db.clock.now()
        return _with_bids(*await self._write(lambda tx: ops.award(tx, key, now)))

    async def ListMyBids(self, request: ask.ListMyBidsRequest, context: Any) -> ask.ListMyBidsResponse:
        found = await self._read(lambda tx: ops.list_own(tx, principal().subject))
        return ask.ListMyBidsResponse(my_bids=[ask.MyBid(bid_round_id=key, bid=_bid(each)) for key, each in found])

    async def PlaceBid(self, request: ask.PlaceBidRequest, context: Any) -> shift_trade_pb2.Bid:
        key, now, said = _key(request.bid_round_id), self._db.clock.now(), request.bid
        value = Bid(principal().subject, tuple(said.numbers), said.most or 1, now)
        return _bid(await self._write(lambda tx: ops.bid(tx, key, value, now)))

    async def _write(self, work: Callable[[Tx], Awaitable[Any]]) -> Any:
        return await self._db.run(principal().tenant_id, work)

    async def _read(self, work: Callable[[Tx], Awaitable[Any]]) -> Any:
        return await self._db.run(principal().tenant_id, work, read_only=True)


def _key(round_id: str) -> str:
    return require_id("bdr", round_id, "bid_round_id")


def _round_in(said: shift_trade_pb2.BidRound) -> Round:
    first, end = convert.day_in(said.first_day, "bid_round.first_day"), time_in(said, "end_time")
    if first is None or end is None:
        raise BidRoundInvalid.of(f"bid_round.{'first_day' if first is None else 'end_time'}", "must be given")
    orders = {shift_trade_pb2.BidOrder.Value(f"BID_ORDER_{each.value}"): each for each in Order}
    if said.order not in orders:
        raise BidRoundInvalid.of("bid_round.order", "must be given")
    shifts = []
    for number, each in enumerate(said.open_shifts, start=1):
        day = convert.day_in(each.day, "bid_round.open_shifts.day")
        starts, ends = time_in(each, "start_time"), time_in(each, "end_time")
        if day is None or starts is None or ends is None:
            missing = "day" if day is None else "start_time" if starts is None else "end_time"
            raise BidRoundInvalid.of(f"bid_round.open_shifts.{missing}", "must be given")
        breaks = convert.breaks_in(each.breaks, BidRoundInvalid.of)
        shifts.append(OpenShift(number, day, starts, ends, breaks, each.places or 1))
    return Round("", said.display_name.strip(), first, end, orders[said.order], tuple(shifts), convert.EPOCH)


def _round(value: Round) -> shift_trade_pb2.BidRound:
    return shift_trade_pb2.BidRound(
        bid_round_id=value.round_id, display_name=value.name, first_day=value.first.isoformat(),
        end_time=time_out(value.end_time), order=shift_trade_pb2.BidOrder.Value(f"BID_ORDER_{value.order.value}"),
        open_shifts=[
            shift_trade_pb2.OpenShift(
                number=each.number, day=each.day.isoformat(), start_time=time_out(each.start),
                end_time=time_out(each.end), breaks=[convert.break_out(rest) for rest in each.breaks],
                places=each.places, winner_ids=each.winners,
            )
            for each in value.shifts
        ],
        state=shift_trade_pb2.BidRoundState.Value(f"BID_ROUND_STATE_{value.state.value}"), bid_count=value.bid_count,
        create_time=time_out(value.create_time), decide_time=time_out(value.decide_time), version=value.version,
    )  # fmt: skip


def _bid(value: Bid) -> shift_trade_pb2.Bid:
    return shift_trade_pb2.Bid(
        user_id=value.user_id, numbers=value.numbers, most=value.most, update_time=time_out(value.update_time),
        place=value.place, standing=value.standing,
        outcomes=[
            shift_trade_pb2.BidOutcome(number=each.number, outcome=each.outcome, rule=each.rule)
            for each in value.outcomes
        ],
    )  # fmt: skip


def _with_bids(value: Round, bids: list[Bid]) -> ask.GetBidRoundResponse:
    return ask.GetBidRoundResponse(bid_round=_round(value), bids=[_bid(each) for each in bids])

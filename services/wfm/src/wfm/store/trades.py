"""Trades, bid rounds and bids."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from chassis.sql import Tx
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from wfm.domain.bids import Bid, OpenShift, Order, Outcome, Round, RoundState
from wfm.domain.shifts import Break
from wfm.domain.trades import Trade, TradeState
from wfm.store.own_tables import bid_rounds, bids, shift_trades
from wfm.store.rows import instant, own
from wfm.store.schedules import shift_in, shift_out

MOST_TRADES = 200
MOST_ROUNDS = 100
_LIVE = (TradeState.OPEN.value, TradeState.ACCEPTED.value)


async def save_trade(tx: Tx, value: Trade) -> None:
    """Adds (version 1) or changes."""
    row: dict[str, Any] = {
        "user_id": value.user_id, "first_day": value.first.isoformat(), "day": value.shift.day.isoformat(),
        "shift": shift_out(value.shift), "to_user_id": value.to_user, "swap": value.swap,
        "wanted_days": [each.isoformat() for each in value.wanted], "note": value.note, "state": value.state.value,
        "colleague_id": value.colleague_id,
        "colleague_shift": shift_out(value.colleague_shift) if value.colleague_shift else None,
        "expire_time": value.expire_time, "create_time": value.create_time, "decide_time": value.decide_time,
        "decided_by": value.decided_by, "reason": value.reason, "concerns": list(value.concerns),
        "version": value.version,
    }  # fmt: skip
    await _save(tx, shift_trades, "shift_trade_id", value.trade_id, row)


async def find_trade(tx: Tx, trade_id: str) -> Trade | None:
    """One."""
    table = shift_trades
    row = await tx.one_or_none(select(table).where(own(tx, table), table.c.shift_trade_id == trade_id))
    return _trade(row) if row else None


async def live_trades(tx: Tx, user_id: str, day: date) -> list[Trade]:
    """Open or accepted ones of a shift that somebody offers."""
    table = shift_trades
    mine = (table.c.user_id == user_id, table.c.day == day.isoformat(), table.c.state.in_(_LIVE))
    return [_trade(row) for row in await tx.all(select(table).where(own(tx, table), *mine))]


async def list_trades(tx: Tx, state: str = "", *, of: str = "", now: datetime | None = None) -> list[Trade]:
    """Newest first. `of`: those somebody offered or accepted, and those they may accept."""
    table = shift_trades
    statement = select(table).where(own(tx, table))
    if state:
        statement = statement.where(table.c.state == state)
    if of:
        may = (table.c.state == TradeState.OPEN.value) & table.c.to_user_id.in_(("", of)) & (table.c.expire_time > now)
        statement = statement.where(or_(table.c.user_id == of, table.c.colleague_id == of, may))
    order = (table.c.create_time.desc(), table.c.shift_trade_id.desc())
    return [_trade(row) for row in await tx.all(statement.order_by(*order).limit(MOST_TRADES))]


async def save_round(tx: Tx, value: Round) -> None:
    """Adds (version 1) or changes."""
    row: dict[str, Any] = {
        "name": value.name, "first_day": value.first.isoformat(), "end_time": value.end_time,
        "bid_order": value.order.value, "open_shifts": [_open_out(each) for each in value.shifts],
        "state": value.state.value, "create_time": value.create_time, "decide_time": value.decide_time,
        "version": value.version,
    }  # fmt: skip
    await _save(tx, bid_rounds, "bid_round_id", value.round_id, row)


async def find_round(tx: Tx, round_id: str) -> Round | None:
    """One."""
    row = await tx.one_or_none(_rounds(tx).where(bid_rounds.c.bid_round_id == round_id))
    return _round(row) if row else None


async def list_rounds(tx: Tx) -> list[Round]:
    """Newest first."""
    table = bid_rounds
    order = (table.c.create_time.desc(), table.c.bid_round_id.desc())
    return [_round(row) for row in await tx.all(_rounds(tx).order_by(*order).limit(MOST_ROUNDS))]


async def bids_of(tx: Tx, round_id: str) -> list[Bid]:
    """Of a round, in their order."""
    rows = await tx.all(
        select(bids).where(own(tx, bids), bids.c.bid_round_id == round_id).order_by(bids.c.place, bids.c.update_time)
    )
    return [_bid(row) for row in rows]


async def list_bids(tx: Tx, user_id: str) -> list[tuple[str, Bid]]:
    """Somebody's with their rounds, newest first."""
    statement = select(bids).where(own(tx, bids), bids.c.user_id == user_id)
    rows = await tx.all(statement.order_by(bids.c.bid_round_id.desc()).limit(MOST_ROUNDS))
    return [(row["bid_round_id"], _bid(row)) for row in rows]


async def save_bid(tx: Tx, round_id: str, value: Bid) -> None:
    """Bids, in place of what somebody bid before; none takes it back."""
    mine = (own(tx, bids), bids.c.bid_round_id == round_id, bids.c.user_id == value.user_id)
    await tx.execute(delete(bids).where(*mine))
    if value.numbers:
        row = {
            "tenant_id": tx.tenant_id, "bid_round_id": round_id, "user_id": value.user_id,
            "numbers": list(value.numbers), "most": value.most, "update_time": value.update_time,
            "place": value.place, "standing": value.standing,
            "outcomes": [[each.number, each.outcome, each.rule] for each in value.outcomes],
        }  # fmt: skip
        await tx.execute(insert(bids).values(**row))


async def won_since(tx: Tx, since: datetime) -> dict[str, list[datetime]]:
    """When each agent won shifts, once for each, in rounds awarded since then."""
    table = bid_rounds
    over = (table.c.state == RoundState.AWARDED.value, table.c.decide_time >= since)
    found: dict[str, list[datetime]] = {}
    for row in await tx.all(select(table.c.open_shifts, table.c.decide_time).where(own(tx, table), *over)):
        for each in row["open_shifts"]:
            for user_id in each["winners"]:
                found.setdefault(user_id, []).append(row["decide_time"])
    return found


async def _save(tx: Tx, table: Any, name: str, key: str, values: Mapping[str, Any]) -> None:
    if values["version"] == 1:
        await tx.execute(insert(table).values(tenant_id=tx.tenant_id, **{name: key}, **values))
        return
    await tx.execute(update(table).where(own(tx, table), table.c[name] == key).values(**values))


def _rounds(tx: Tx) -> Any:
    of = (bids.c.tenant_id == bid_rounds.c.tenant_id) & (bids.c.bid_round_id == bid_rounds.c.bid_round_id)
    count = select(func.count()).where(of).scalar_subquery().label("bid_count")
    return select(*bid_rounds.c, count).where(own(tx, bid_rounds))


def _trade(row: Mapping[Any, Any]) -> Trade:
    return Trade(
        row["shift_trade_id"], row["user_id"], date.fromisoformat(row["first_day"]), shift_in(row["shift"]),
        row["expire_time"], row["create_time"], row["to_user_id"], row["swap"],
        tuple(date.fromisoformat(each) for each in row["wanted_days"]), row["note"], TradeState(row["state"]),
        row["colleague_id"], shift_in(row["colleague_shift"]) if row["colleague_shift"] else None, row["decide_time"],
        row["decided_by"], row["reason"], tuple(row["concerns"]), row["version"],
    )  # fmt: skip


def _open_out(value: OpenShift) -> dict[str, Any]:
    return {
        "number": value.number, "day": value.day.isoformat(), "start": int(value.start.timestamp()),
        "end": int(value.end.timestamp()), "places": value.places, "winners": list(value.winners),
        "breaks": [[int(each.start.timestamp()), int(each.end.timestamp()), each.paid] for each in value.breaks],
    }  # fmt: skip


def _round(row: Mapping[Any, Any]) -> Round:
    shifts = tuple(
        OpenShift(
            each["number"], date.fromisoformat(each["day"]), instant(each["start"]), instant(each["end"]),
            tuple(Break(instant(start), instant(end), paid) for start, end, paid in each["breaks"]), each["places"],
            tuple(each["winners"]),
        )
        for each in row["open_shifts"]
    )  # fmt: skip
    return Round(
        row["bid_round_id"], row["name"], date.fromisoformat(row["first_day"]), row["end_time"],
        Order(row["bid_order"]), shifts, row["create_time"], RoundState(row["state"]), row["decide_time"],
        row["bid_count"], row["version"],
    )  # fmt: skip


def _bid(row: Mapping[Any, Any]) -> Bid:
    return Bid(
        row["user_id"], tuple(row["numbers"]), row["most"], row["update_time"], row["place"], row["standing"],
        tuple(Outcome(number, outcome, rule) for number, outcome, rule in row["outcomes"]),
    )  # fmt: skip

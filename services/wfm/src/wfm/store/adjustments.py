"""Changes of published shifts, offers to agents with their replies, and saved scenarios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

from chassis.sql import Tx
from sqlalchemy import and_, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from wfm.domain.adjusting import Adjustment, Kind, Offer, Reply
from wfm.domain.intraday import Scenario
from wfm.domain.shifts import Break, Shift
from wfm.domain.staffing import Rule, rule_of
from wfm.store.rows import instant, own, seconds
from wfm.store.tables import adjustments, scenarios, shift_offer_replies, shift_offers

MOST = 500
MOST_SCENARIOS = 100


@dataclass(frozen=True)
class Saved:
    """A scenario that is kept."""

    scenario_id: str
    name: str
    scenario: Scenario
    create_user_id: str
    create_time: datetime


async def insert_adjustment(tx: Tx, value: Adjustment) -> None:
    """Notes a change."""
    row = {
        "tenant_id": tx.tenant_id, "adjustment_id": value.adjustment_id, "kind": value.kind.value,
        "user_id": value.user_id, "day": value.day.isoformat(), "before": _shift_out(value.before),
        "after": _shift_out(value.after), "undone": value.undone, "shift_offer_id": value.offer_id,
        "apply_user_id": value.apply_user_id, "apply_time": value.apply_time, "undo_user_id": value.undo_user_id,
        "undo_time": value.undo_time,
    }  # fmt: skip
    await tx.execute(insert(adjustments).values(**row))


async def note_undone(tx: Tx, value: Adjustment) -> None:
    """Notes that it was undone."""
    await tx.execute(
        update(adjustments)
        .where(own(tx, adjustments), adjustments.c.adjustment_id == value.adjustment_id)
        .values(undone=True, undo_user_id=value.undo_user_id, undo_time=value.undo_time)
    )


async def find_adjustment(tx: Tx, adjustment_id: str) -> Adjustment | None:
    """One."""
    row = await tx.one_or_none(
        select(adjustments).where(own(tx, adjustments), adjustments.c.adjustment_id == adjustment_id)
    )
    return _adjustment(row) if row else None


async def list_adjustments(tx: Tx, day: date) -> list[Adjustment]:
    """Of shifts of a day, newest first."""
    rows = await tx.all(
        select(adjustments)
        .where(own(tx, adjustments), adjustments.c.day == day.isoformat())
        .order_by(adjustments.c.apply_time.desc(), adjustments.c.adjustment_id.desc())
        .limit(MOST)
    )
    return [_adjustment(row) for row in rows]


async def insert_offer(tx: Tx, value: Offer) -> None:
    """Adds an offer with all who are asked."""
    row = {
        "tenant_id": tx.tenant_id, "shift_offer_id": value.offer_id, "kind": value.kind.value,
        "start_time": value.start, "end_time": value.end, "places": value.places, "taken": value.taken,
        "cancelled": value.cancelled, "expire_time": value.expire, "note": value.note,
        "create_user_id": value.create_user_id, "create_time": value.create_time,
    }  # fmt: skip
    await tx.execute(insert(shift_offers).values(**row))
    asked = [
        {"tenant_id": tx.tenant_id, "shift_offer_id": value.offer_id, "user_id": each.user_id, "state": each.state,
         "reply_time": each.reply_time, "adjustment_id": each.adjustment_id}
        for each in value.replies
    ]  # fmt: skip
    await tx.execute(insert(shift_offer_replies), asked)


async def save_offer(tx: Tx, value: Offer) -> None:
    """How many took it, and whether it was taken back."""
    await tx.execute(
        update(shift_offers)
        .where(own(tx, shift_offers), shift_offers.c.shift_offer_id == value.offer_id)
        .values(taken=value.taken, cancelled=value.cancelled)
    )


async def save_reply(tx: Tx, offer_id: str, value: Reply) -> None:
    """What an agent said."""
    of = shift_offer_replies
    await tx.execute(
        update(of)
        .where(own(tx, of), of.c.shift_offer_id == offer_id, of.c.user_id == value.user_id)
        .values(state=value.state, reply_time=value.reply_time, adjustment_id=value.adjustment_id)
    )


async def find_offer(tx: Tx, offer_id: str) -> Offer | None:
    """One with all replies."""
    row = await tx.one_or_none(
        select(shift_offers).where(own(tx, shift_offers), shift_offers.c.shift_offer_id == offer_id)
    )
    return (await _with_replies(tx, [row]))[0] if row else None


async def list_offers(tx: Tx, start: datetime, end: datetime, most: int = 200) -> list[Offer]:
    """Those that begin in [start, end), newest first."""
    at = shift_offers.c.start_time
    rows = await tx.all(
        select(shift_offers)
        .where(own(tx, shift_offers), at >= start, at < end)
        .order_by(shift_offers.c.create_time.desc(), shift_offers.c.shift_offer_id.desc())
        .limit(most)
    )
    return await _with_replies(tx, rows)


async def list_own_offers(tx: Tx, user_id: str, now: datetime, most: int = 50) -> list[Offer]:
    """Those an agent is asked to that end after `now`, by their start."""
    asked = and_(
        shift_offer_replies.c.tenant_id == shift_offers.c.tenant_id,
        shift_offer_replies.c.shift_offer_id == shift_offers.c.shift_offer_id,
        shift_offer_replies.c.user_id == user_id,
    )
    rows = await tx.all(
        select(shift_offers)
        .join(shift_offer_replies, asked)
        .where(own(tx, shift_offers), shift_offers.c.end_time > now)
        .order_by(shift_offers.c.start_time, shift_offers.c.shift_offer_id)
        .limit(most)
    )
    return await _with_replies(tx, rows, user_id)


async def insert_scenario(tx: Tx, value: Saved) -> None:
    """Keeps one."""
    row = {
        "tenant_id": tx.tenant_id, "scenario_id": value.scenario_id, "name": value.name,
        "settings": asdict(value.scenario), "create_user_id": value.create_user_id, "create_time": value.create_time,
    }  # fmt: skip
    await tx.execute(insert(scenarios).values(**row))


async def count_scenarios(tx: Tx) -> int:
    """How many are kept."""
    row = await tx.one(select(func.count().label("n")).where(own(tx, scenarios)))
    return int(row["n"])


async def list_scenarios(tx: Tx) -> list[Saved]:
    """Newest first."""
    rows = await tx.all(
        select(scenarios)
        .where(own(tx, scenarios))
        .order_by(scenarios.c.create_time.desc(), scenarios.c.scenario_id.desc())
        .limit(MOST_SCENARIOS)
    )
    return [_saved(row) for row in rows]


async def delete_scenario(tx: Tx, scenario_id: str) -> bool:
    """Removes one; whether it was there."""
    done = await tx.execute(delete(scenarios).where(own(tx, scenarios), scenarios.c.scenario_id == scenario_id))
    return bool(done.rowcount)


async def _with_replies(tx: Tx, rows: Sequence[Mapping[Any, Any]], user_id: str = "") -> list[Offer]:
    found: dict[str, list[Reply]] = {row["shift_offer_id"]: [] for row in rows}
    of = shift_offer_replies
    statement = select(of).where(own(tx, of), of.c.shift_offer_id.in_(list(found)))
    if user_id:
        statement = statement.where(of.c.user_id == user_id)
    for row in await tx.all(statement.order_by(of.c.user_id)):
        reply = Reply(row["user_id"], row["state"], row["reply_time"], row["adjustment_id"])
        found[row["shift_offer_id"]].append(reply)
    return [replace(_offer(row), replies=tuple(found[row["shift_offer_id"]])) for row in rows]


def _offer(row: Mapping[Any, Any]) -> Offer:
    return Offer(
        row["shift_offer_id"], Kind(row["kind"]), row["start_time"], row["end_time"], row["places"],
        row["expire_time"], row["note"], row["create_user_id"], row["create_time"], row["taken"], row["cancelled"],
    )  # fmt: skip


def _adjustment(row: Mapping[Any, Any]) -> Adjustment:
    return Adjustment(
        row["adjustment_id"], Kind(row["kind"]), row["user_id"], date.fromisoformat(row["day"]),
        _shift_in(row["before"]), _shift_in(row["after"]), row["apply_user_id"], row["apply_time"],
        row["shift_offer_id"], row["undo_user_id"], row["undo_time"], row["undone"],
    )  # fmt: skip


def _saved(row: Mapping[Any, Any]) -> Saved:
    said = dict(row["settings"])
    # Once a whole rule was kept, of which the promise itself counted, and what wasn't as usual.
    if whole := said.pop("rule", None):
        usual, told = Rule(), rule_of(whole)
        said["promises"] = {
            name: value
            for name in Rule.__dataclass_fields__
            if (value := getattr(told, name)) != getattr(usual, name) or name in ("service_level", "threshold_seconds")
        }
    elif promises := said.get("promises"):
        told = rule_of(promises)
        said["promises"] = {name: getattr(told, name) for name in promises}
    return Saved(row["scenario_id"], row["name"], Scenario(**said), row["create_user_id"], row["create_time"])


def _shift_out(value: Shift | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return {
        "user_id": value.agent_id, "day": value.day.isoformat(), "start": seconds(value.start),
        "end": seconds(value.end),
        "breaks": [[seconds(each.start), seconds(each.end), each.paid] for each in value.breaks],
        "work": [[seconds(at), group] for at, group in value.work], "pattern_id": value.pattern_id,
        "locked": value.locked,
    }  # fmt: skip


def _shift_in(said: Mapping[str, Any] | None) -> Shift | None:
    if said is None:
        return None
    return Shift(
        said["user_id"], date.fromisoformat(said["day"]), instant(said["start"]), instant(said["end"]),
        tuple(Break(instant(start), instant(end), paid) for start, end, paid in said["breaks"]), said["pattern_id"],
        said["locked"], tuple((instant(at), group) for at, group in said["work"]),
    )  # fmt: skip

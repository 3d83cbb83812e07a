"""Skill plans: what they are made of, how far they are, and what came of them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from chassis.paging import keyset
from chassis.sql import Tx
from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from wfm.domain.skills import Group, Line
from wfm.domain.staffing import Rule, rule_of
from wfm.store.tables import skill_plans as table

MOST_ATTEMPTS = 3
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Plan:
    """A plan. `state`: RUNNING, DONE, CANCELLED, FAILED; `lease`: until when somebody makes it; `figures`: scheduled
    and apart in agent hours, broken intervals."""

    skill_plan_id: str
    state: str
    run_id: str
    name: str
    start: datetime
    end: datetime
    minutes: int
    caution: float
    flexible_cost: float
    seed: int
    groups: tuple[Group, ...]
    lines: tuple[Line, ...]
    interval_count: int
    create_time: datetime
    done_count: int = 0
    lease: datetime | None = None
    attempts: int = 0
    figures: Mapping[str, float] = field(default_factory=dict)
    finish_time: datetime | None = None


async def insert_plan(tx: Tx, value: Plan, asked: Arrays) -> None:
    """Begins one. `asked`: by interval `starts` (seconds), `case_of`, `apart`, `waiting` (agents to schedule); by case
    `rates`, `times`; by group `shrinkage`."""
    row = {
        "tenant_id": tx.tenant_id, "skill_plan_id": value.skill_plan_id, "state": value.state,
        "forecast_run_id": value.run_id, "name": value.name, "start_time": value.start, "end_time": value.end,
        "interval_minutes": value.minutes, "caution": value.caution, "flexible_cost": value.flexible_cost,
        "seed": value.seed, "groups": [_group_out(each) for each in value.groups],
        "lines": [_line_out(each) for each in value.lines], "interval_count": value.interval_count, "done_count": 0,
        "lease_until": None, "attempts": 0, "figures": {}, "asked": packed(asked), "made": None,
        "create_time": value.create_time, "finish_time": None,
    }  # fmt: skip
    await tx.execute(insert(table).values(**row))


async def find(tx: Tx, skill_plan_id: str) -> Plan | None:
    """One."""
    row = await tx.one_or_none(_head().where(_at(tx, skill_plan_id)))
    return _plan(row) if row else None


async def list_plans(tx: Tx, token: str, size: int) -> list[Plan]:
    """Newest first, one more than `size`."""
    statement = _head().where(table.c.tenant_id == tx.tenant_id)
    rows = await tx.all(keyset(statement, table.c.create_time, table.c.skill_plan_id, token, size))
    return [_plan(row) for row in rows]


async def arrays_of(tx: Tx, skill_plan_id: str) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """What it is made of, and what is made so far (nothing at first): by case, and `done`."""
    row = await tx.one(select(table.c.asked, table.c.made).where(_at(tx, skill_plan_id)))
    return _unpacked(row["asked"]), _unpacked(row["made"]) if row["made"] else {}


async def running_count(tx: Tx) -> int:
    """Plans of the tenant that are being made."""
    mine = and_(table.c.tenant_id == tx.tenant_id, table.c.state == "RUNNING")
    row = await tx.one(select(func.count().label("n")).where(mine))
    return int(row["n"])


async def tenants_with_work(tx: Tx, now: datetime) -> list[str]:
    """Of all tenants, those with a plan to make that nobody makes."""
    rows = await tx.all(select(table.c.tenant_id).where(_free(now)).group_by(table.c.tenant_id).limit(10_000))
    return sorted(row["tenant_id"] for row in rows)


async def claim(tx: Tx, now: datetime, until: datetime) -> Plan | None:
    """The tenant's plan to make that is least far, ours until then."""
    row = await tx.one_or_none(
        select(table.c.skill_plan_id)
        .where(table.c.tenant_id == tx.tenant_id, _free(now))
        .order_by(table.c.attempts, table.c.create_time, table.c.skill_plan_id)
        .limit(1)
    )
    if row is None:
        return None
    await tx.execute(
        update(table).where(_at(tx, row["skill_plan_id"])).values(lease_until=until, attempts=table.c.attempts + 1)
    )
    return await find(tx, row["skill_plan_id"])


async def note(tx: Tx, value: Plan, **values: Any) -> Plan | None:
    """Notes how the making goes, as long as it is ours; the plan as it is, None when it isn't ours any more."""
    done = await tx.execute(
        update(table)
        .where(_at(tx, value.skill_plan_id), table.c.state == "RUNNING", table.c.lease_until == value.lease)
        .values(**values)
    )
    return await find(tx, value.skill_plan_id) if done.rowcount else None


async def cancel(tx: Tx, skill_plan_id: str, now: datetime) -> None:
    """It is over, if it went on."""
    await tx.execute(
        update(table)
        .where(_at(tx, skill_plan_id), table.c.state == "RUNNING")
        .values(state="CANCELLED", finish_time=now, lease_until=None, made=None, done_count=0)
    )


def packed(arrays: Arrays) -> bytes:
    """As they are kept."""
    kept = io.BytesIO()
    np.savez_compressed(kept, **arrays)  # pyright: ignore[reportArgumentType]
    return kept.getvalue()


def _unpacked(kept: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(kept), allow_pickle=False) as found:
        return {name: found[name] for name in found.files}


def _at(tx: Tx, skill_plan_id: str) -> Any:
    return and_(table.c.tenant_id == tx.tenant_id, table.c.skill_plan_id == skill_plan_id)


def _free(now: datetime) -> Any:
    return and_(table.c.state == "RUNNING", or_(table.c.lease_until.is_(None), table.c.lease_until < now))


def _head() -> Any:
    return select(*(each for each in table.c if each.name not in ("asked", "made")))


def _group_out(value: Group) -> dict[str, Any]:
    return {
        "name": value.name, "queue_ids": list(value.queue_ids), "reaches": [list(each) for each in value.reaches],
        "count": value.count,
    }  # fmt: skip


def _line_out(value: Line) -> dict[str, Any]:
    rule = {name: getattr(value.rule, name) for name in Rule.__dataclass_fields__}
    return {"queue_id": value.queue_id, "channel": value.channel, "rule": rule, "version": value.version}


def _groups(said: Sequence[Mapping[str, Any]]) -> tuple[Group, ...]:
    return tuple(
        Group(
            each["name"], tuple(each["queue_ids"]),
            tuple((queue_id, after) for queue_id, after in each["reaches"]), each["count"],
        )
        for each in said
    )  # fmt: skip


def _plan(row: Mapping[Any, Any]) -> Plan:
    lines = tuple(
        Line(each["queue_id"], each["channel"], rule_of(each["rule"]), each["version"]) for each in row["lines"]
    )
    return Plan(
        row["skill_plan_id"], row["state"], row["forecast_run_id"], row["name"], row["start_time"], row["end_time"],
        row["interval_minutes"], row["caution"], row["flexible_cost"], row["seed"], _groups(row["groups"]), lines,
        row["interval_count"], row["create_time"], row["done_count"], row["lease_until"], row["attempts"],
        row["figures"], row["finish_time"],
    )  # fmt: skip

"""States of agents as they were heard of, what they are measured by, and what is excused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.sql import Tx
from sqlalchemy import and_, delete, not_, or_, select, true, tuple_
from sqlalchemy.dialects.postgresql import insert

from wfm.domain.adherence import WORKING, Doing, Heard, Reason, Rules
from wfm.store.rows import own
from wfm.store.tables import adherence_exceptions as exceptions
from wfm.store.tables import adherence_rules, agent_states, agents_known

MOST_EXCEPTIONS = 2000
_SILENT = and_(agent_states.c.state.in_(sorted(WORKING)), agent_states.c.before_state.in_(sorted(WORKING)))
"""From one kind of work to another: most of what is heard, and nothing to a plan."""


@dataclass(frozen=True)
class Excused:
    """Time that is excused; of everybody without a user."""

    exception_id: str
    user_id: str
    start: datetime
    end: datetime
    kind: str
    note: str
    create_user_id: str
    create_time: datetime


async def hear(tx: Tx, value: Heard) -> None:
    """Keeps a fact; one that was heard stays as it is. The newest says what the agent does now."""
    row = {
        "tenant_id": tx.tenant_id, "user_id": value.user_id, "version": value.version, "state": value.state,
        "reason": value.reason, "reason_id": value.reason_id, "start_time": value.start,
        "before_state": value.before, "before_time": value.before_start,
    }  # fmt: skip
    await tx.execute(insert(agent_states).values(**row).on_conflict_do_nothing())
    newest = {name: row[name] for name in ("tenant_id", "user_id", "version", "state", "start_time")}
    statement = insert(agents_known).values(**newest)
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["tenant_id", "user_id"],
            set_={name: newest[name] for name in ("version", "state", "start_time")},
            where=agents_known.c.version < statement.excluded.version,
        )
    )


async def signed_in(tx: Tx) -> list[str]:
    """Users who aren't signed off now."""
    rows = await tx.all(
        select(agents_known.c.user_id)
        .where(agents_known.c.tenant_id == tx.tenant_id, agents_known.c.state != "OFFLINE")
        .order_by(agents_known.c.user_id)
    )
    return [row["user_id"] for row in rows]


async def heard_of(tx: Tx, start: datetime) -> list[str]:
    """Users who may have been in another state than signed off since `start`."""
    rows = await tx.all(
        select(agents_known.c.user_id)
        .where(
            agents_known.c.tenant_id == tx.tenant_id,
            or_(agents_known.c.state != "OFFLINE", agents_known.c.start_time > start),
        )
        .order_by(agents_known.c.user_id)
    )
    return [row["user_id"] for row in rows]


async def heard(
    tx: Tx, start: datetime, end: datetime, user_ids: Sequence[str], *, every: bool = False
) -> dict[str, list[Heard]]:
    """By user, what began in [start, end) and the last before: all of it with `every`, else what matters to a plan."""
    found: dict[str, list[Heard]] = {}
    mine = and_(own(tx, agent_states), agent_states.c.user_id.in_(user_ids))
    before = (
        select(agent_states)
        .where(
            agent_states.c.tenant_id == agents_known.c.tenant_id,
            agent_states.c.user_id == agents_known.c.user_id,
            agent_states.c.start_time < start,
        )
        .order_by(agent_states.c.start_time.desc(), agent_states.c.version.desc())
        .limit(1)
        .lateral("last_before")
    )
    known = and_(agents_known.c.tenant_id == tx.tenant_id, agents_known.c.user_id.in_(user_ids))
    since = and_(mine, agent_states.c.start_time >= start, agent_states.c.start_time < end)
    if not every:
        since = and_(since, not_(_SILENT))
    rows = await tx.all(select(before).select_from(agents_known.join(before, true())).where(known))
    for row in (*rows, *await tx.all(select(agent_states).where(since))):
        found.setdefault(row["user_id"], []).append(_heard(row))
    return found


async def latest(tx: Tx, user_ids: Sequence[str]) -> list[Heard]:
    """What each does now."""
    pair = and_(
        agent_states.c.tenant_id == agents_known.c.tenant_id,
        agent_states.c.user_id == agents_known.c.user_id,
        agent_states.c.version == agents_known.c.version,
    )
    mine = and_(agents_known.c.tenant_id == tx.tenant_id, agents_known.c.user_id.in_(user_ids))
    return [_heard(row) for row in await tx.all(select(agent_states).join(agents_known, pair).where(mine))]


async def tenants_heard_of(tx: Tx) -> list[str]:
    """All tenants of whose agents anything was heard. System."""
    rows = await tx.all(select(agents_known.c.tenant_id).distinct().order_by(agents_known.c.tenant_id))
    return [row["tenant_id"] for row in rows]


async def forget_states(tx: Tx, before: datetime, most: int) -> int:
    """Removes up to `most` states that ended before a moment; how many. The one each agent was in then stays."""
    mine = and_(agent_states.c.tenant_id == agents_known.c.tenant_id, agent_states.c.user_id == agents_known.c.user_id)
    earlier = agent_states.alias("earlier")
    then = (
        select(earlier.c.start_time)
        .where(
            earlier.c.tenant_id == agents_known.c.tenant_id,
            earlier.c.user_id == agents_known.c.user_id,
            earlier.c.start_time < before,
        )
        .order_by(earlier.c.start_time.desc())
        .limit(1)
        .lateral("then")
    )
    ended = (
        select(agent_states.c.user_id, agent_states.c.version)
        .select_from(agents_known.join(then, true()).join(agent_states, mine))
        .where(agents_known.c.tenant_id == tx.tenant_id, agent_states.c.start_time < then.c.start_time)
        .limit(most)
    )
    key = tuple_(agent_states.c.user_id, agent_states.c.version)
    found = [(row["user_id"], row["version"]) for row in await tx.all(ended)]
    if found:
        await tx.execute(delete(agent_states).where(own(tx, agent_states), key.in_(found)))
    return len(found)


async def find_rules(tx: Tx) -> Rules:
    """What adherence is measured by; what usually holds where nobody said anything."""
    row = await tx.one_or_none(select(adherence_rules).where(adherence_rules.c.tenant_id == tx.tenant_id))
    if row is None:
        return Rules()
    reasons = tuple(Reason(reason_id, name, Doing(doing)) for reason_id, name, doing in row["reasons"])
    return Rules(row["tolerance_seconds"], row["breaks_signed_in"], reasons, row["version"])


async def save_rules(tx: Tx, value: Rules) -> None:
    """Says it."""
    values = {
        "tolerance_seconds": value.tolerance, "breaks_signed_in": value.breaks_signed_in, "version": value.version,
        "reasons": [[each.reason_id, each.name, each.doing.value] for each in value.reasons],
    }  # fmt: skip
    statement = insert(adherence_rules).values(tenant_id=tx.tenant_id, **values)
    await tx.execute(statement.on_conflict_do_update(index_elements=["tenant_id"], set_=values))


async def insert_exception(tx: Tx, value: Excused) -> None:
    """Excuses time."""
    row = {
        "tenant_id": tx.tenant_id, "adherence_exception_id": value.exception_id, "user_id": value.user_id,
        "start_time": value.start, "end_time": value.end, "kind": value.kind, "note": value.note,
        "create_user_id": value.create_user_id, "create_time": value.create_time,
    }  # fmt: skip
    await tx.execute(insert(exceptions).values(**row))


async def list_exceptions(tx: Tx, start: datetime, end: datetime, user_id: str = "") -> list[Excused]:
    """What touches [start, end), of a user what holds for them, oldest first."""
    statement = select(exceptions).where(
        exceptions.c.tenant_id == tx.tenant_id, exceptions.c.end_time > start, exceptions.c.start_time < end
    )  # fmt: skip
    if user_id:
        statement = statement.where(or_(exceptions.c.user_id == user_id, exceptions.c.user_id == ""))
    order = (exceptions.c.start_time, exceptions.c.adherence_exception_id)
    return [_excused(row) for row in await tx.all(statement.order_by(*order).limit(MOST_EXCEPTIONS))]


async def delete_exception(tx: Tx, exception_id: str) -> bool:
    """Takes one back; whether it was there."""
    done = await tx.execute(
        delete(exceptions).where(
            exceptions.c.tenant_id == tx.tenant_id, exceptions.c.adherence_exception_id == exception_id
        )
    )
    return bool(done.rowcount)


def excused_times(found: Iterable[Excused]) -> list[tuple[str, datetime, datetime]]:
    """Users and times."""
    return [(each.user_id, each.start, each.end) for each in found]


def _heard(row: Mapping[Any, Any]) -> Heard:
    return Heard(
        row["user_id"], row["version"], row["state"], row["start_time"], row["before_state"], row["before_time"],
        row["reason"], row["reason_id"],
    )  # fmt: skip


def _excused(row: Mapping[Any, Any]) -> Excused:
    return Excused(
        row["adherence_exception_id"], row["user_id"], row["start_time"], row["end_time"], row["kind"], row["note"],
        row["create_user_id"], row["create_time"],
    )  # fmt: skip

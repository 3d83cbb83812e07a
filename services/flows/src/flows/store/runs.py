"""Runs, the instructions they gave and the steps they took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from chassis.sql import Tx
from chassis.sqlerrors import TryAgain
from sqlalchemy import RowMapping, select, update
from sqlalchemy.dialects.postgresql import insert

from flows.domain.runs import Instruction, Run, RunNotFound, RunState, RunStep, Trail
from flows.store.documents import from_document, order_from, to_document
from flows.store.tables import instructions, run_steps, runs

_FIELDS = ("run_id", "call_id", "flow_id", "release_id", "brand_id", "sequence", "turn", "create_time", "end_time")


class Seal(Protocol):
    """Keeps masked values unreadable in the database."""

    def close(self, secrets: dict[str, str], run_id: str) -> bytes | None: ...

    def open(self, sealed: bytes | None, run_id: str) -> dict[str, str]: ...


def _row(run: Run, seal: Seal) -> dict[str, Any]:
    document = to_document(replace(run.state, secrets={}))
    # Once a run is over nobody needs what the caller typed.
    secrets = {} if run.end_time else dict(run.state.secrets)
    return {name: getattr(run, name) for name in _FIELDS} | {
        "state": document,
        "secrets": seal.close(secrets, run.run_id),
    }


def _run(row: RowMapping, seal: Seal) -> Run:
    state = from_document(RunState, row["state"])
    state = replace(state, secrets=seal.open(row["secrets"], row["run_id"]))
    return Run(**{name: row[name] for name in _FIELDS}, state=state)


async def add_run(tx: Tx, run: Run, seal: Seal, now: datetime) -> None:
    """Store a new run."""
    row = {"tenant_id": tx.tenant_id, **_row(run, seal), "version": 1, "update_time": now}
    # Of two who begin one turn of a call at once the second runs again and finds the first one's.
    added = await tx.execute(insert(runs).on_conflict_do_nothing(), row)
    if not added.rowcount:
        raise TryAgain


async def runs_of_call(tx: Tx, call_id: str, seal: Seal) -> list[Run]:
    """Every run of a call, in the order of its turns."""
    rows = await tx.all(
        select(runs).where(runs.c.tenant_id == tx.tenant_id, runs.c.call_id == call_id).order_by(runs.c.turn)
    )
    return [_run(row, seal) for row in rows]


async def get_run(tx: Tx, run_id: str, seal: Seal) -> Run:
    """The run; RunNotFound for another tenant's as well."""
    row = await tx.one_or_none(select(runs).where(runs.c.tenant_id == tx.tenant_id, runs.c.run_id == run_id))
    if row is None:
        raise RunNotFound("there is no such run")
    return _run(row, seal)


async def save_run(tx: Tx, run: Run, seal: Seal, now: datetime) -> None:
    """Store a changed run."""
    await tx.execute(
        update(runs)
        .where(runs.c.tenant_id == tx.tenant_id, runs.c.run_id == run.run_id)
        .values(**_row(run, seal), version=runs.c.version + 1, update_time=now)
    )


async def add_instruction(tx: Tx, instruction: Instruction, now: datetime) -> None:
    """Store what telephony was told, so that a repeated report gets the same answer."""
    row = {
        "tenant_id": tx.tenant_id,
        "run_id": instruction.run_id,
        "sequence": instruction.sequence,
        "step_id": instruction.step_id,
        "instruction": to_document(instruction.order),
        "create_time": now,
    }
    await tx.execute(insert(instructions), row)


async def find_instruction(tx: Tx, run: Run, sequence: int) -> Instruction | None:
    """The instruction given under this number, or None."""
    row = await tx.one_or_none(
        select(instructions).where(
            instructions.c.tenant_id == tx.tenant_id,
            instructions.c.run_id == run.run_id,
            instructions.c.sequence == sequence,
        )
    )
    if row is None:
        return None
    order = order_from(row["instruction"])
    return Instruction(run.run_id, sequence, run.release_id, row["step_id"], order)


async def add_steps(tx: Tx, run_id: str, sequence: int, trail: Sequence[Trail], now: datetime) -> None:
    """Store the steps of one turn."""
    rows = [
        {
            "tenant_id": tx.tenant_id,
            "run_id": run_id,
            "sequence": sequence,
            "place": place,
            "step_id": step.step_id,
            "outcome": step.outcome,
            "create_time": now,
        }
        for place, step in enumerate(trail)
    ]
    if rows:
        await tx.execute(insert(run_steps), rows)


async def list_steps(tx: Tx, run_id: str) -> list[RunStep]:
    """Every step a run took, in order."""
    rows = await tx.all(
        select(run_steps)
        .where(run_steps.c.tenant_id == tx.tenant_id, run_steps.c.run_id == run_id)
        .order_by(run_steps.c.sequence, run_steps.c.place)
    )
    return [RunStep(row["sequence"], row["step_id"], row["outcome"], row["create_time"]) for row in rows]


async def set_due(tx: Tx, run_id: str, due_time: datetime | None) -> None:
    """From when on what is left of a run may be done, by whoever finds it; None when nothing is."""
    await tx.execute(
        update(runs).where(runs.c.tenant_id == tx.tenant_id, runs.c.run_id == run_id).values(due_time=due_time)
    )


async def has_due(tx: Tx, run_id: str) -> bool:
    """Whether something is left to do."""
    row = await tx.one_or_none(select(runs.c.due_time).where(runs.c.tenant_id == tx.tenant_id, runs.c.run_id == run_id))
    return row is not None and row["due_time"] is not None


async def is_due(tx: Tx, run_id: str, now: datetime) -> bool:
    """Whether something is left that may be done now."""
    row = await tx.one_or_none(select(runs.c.due_time).where(runs.c.tenant_id == tx.tenant_id, runs.c.run_id == run_id))
    return row is not None and row["due_time"] is not None and row["due_time"] <= now


async def due(tx: Tx, now: datetime, limit: int) -> list[tuple[str, str]]:
    """Runs of all tenants with something left that may be done now: (tenant, run). For the system role."""
    rows = await tx.all(
        select(runs.c.tenant_id, runs.c.run_id).where(runs.c.due_time <= now).order_by(runs.c.due_time).limit(limit)
    )
    return [(row["tenant_id"], row["run_id"]) for row in rows]

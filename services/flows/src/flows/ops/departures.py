"""What is left to do for callers who hung up while they waited: noted with the fact, done after it, once.

The fact and the note are one transaction, so nothing is forgotten by a crash. `due_time` says from when on another
process may take the work over from one that died with it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from chassis.sql import Tx

from flows.domain import builtin
from flows.domain.definitions import Definition, Queue
from flows.domain.flows import ReleaseNotFound
from flows.domain.runs import Instruction, Phase, Run
from flows.ops.runs import Outcome, emit_ended
from flows.store import flows as flow_store
from flows.store import runs as store
from flows.store.runs import Seal

due = store.due
"""Reads have no rule of their own."""

LEASE = timedelta(minutes=5)
"""How long one process has for the work before another may begin it again."""
PATIENCE = timedelta(hours=1)
"""After this long what could not be done is left."""


async def caller_left(tx: Tx, call_id: str, contact_id: str, seal: Seal, now: datetime) -> Run | None:
    """Note that the caller of this contact hung up while they waited: the run when its queue step has something to do
    then, else None."""
    for run in await store.runs_of_call(tx, call_id, seal):
        # A contact that was given up, or taken by an agent in another turn, is no run's any more.
        if run.state.contact_id != contact_id or run.state.gone:
            continue
        if not _abandoned(await _definition(tx, run), run):
            continue
        left = replace(run, state=replace(run.state, left_time=now))
        await store.save_run(tx, left, seal, now)
        await store.set_due(tx, run.run_id, now + LEASE)
        return _ready(left)
    return None


async def overtaken(tx: Tx, run: Run, outcome: Outcome, seal: Seal, now: datetime) -> None:
    """The call ended before it was known which contact it waits as: note that its caller left, for the next sweep."""
    current = await store.get_run(tx, run.run_id, seal)
    waits = outcome.state.phase is Phase.QUEUED and bool(outcome.state.contact_id)
    if current.end_time is None or current.sequence != run.sequence or not waits:
        return
    state = replace(outcome.state, phase=Phase.ENDED, left_time=now)
    left = replace(current, flow_id=run.flow_id, release_id=run.release_id, state=state)
    if _abandoned(await _definition(tx, left), left):
        await store.save_run(tx, left, seal, now)
        await store.set_due(tx, run.run_id, now)


async def take(tx: Tx, run_id: str, seal: Seal, now: datetime) -> Run | None:
    """Take work over that nobody finished; None when somebody has by now, or it is too late for it."""
    if not await store.is_due(tx, run_id, now):
        return None
    run = await store.get_run(tx, run_id, seal)
    if not run.state.contact_id or run.state.left_time is None or run.state.left_time < now - PATIENCE:
        await store.set_due(tx, run_id, None)
        return None
    await store.set_due(tx, run_id, now + LEASE)
    return _ready(run)


async def record(tx: Tx, before: Run, after: Run, outcome: Outcome, seal: Seal, now: datetime) -> None:
    """Keep what it came to, of a run that was as `before`. Where two did the work, the first counts."""
    current = await store.get_run(tx, before.run_id, seal)
    mine = await store.has_due(tx, before.run_id) and current.state.contact_id == before.state.contact_id
    await store.set_due(tx, before.run_id, None)
    if not mine:
        return
    # A report that was on its way when the caller left may have been answered meanwhile.
    sequence = current.sequence + 1
    saved = replace(
        current, flow_id=after.flow_id, release_id=after.release_id, sequence=sequence, state=outcome.state,
        end_time=current.end_time or now,
    )  # fmt: skip
    instruction = Instruction(before.run_id, sequence, after.release_id, outcome.state.step_id, outcome.order)
    await store.save_run(tx, saved, seal, now)
    await store.add_instruction(tx, instruction, now)
    await store.add_steps(tx, before.run_id, sequence, outcome.trail, now)
    if current.end_time is None:
        emit_ended(tx, saved, now)


def _ready(run: Run) -> Run:
    # The end of the call may have been heard of first; the step that waited is where it goes on.
    return replace(run, state=replace(run.state, phase=Phase.QUEUED))


def _abandoned(definition: Definition | None, run: Run) -> str:
    step = definition.step(run.state.step_id) if definition else None
    return step.action.abandoned if step and isinstance(step.action, Queue) else ""


async def _definition(tx: Tx, run: Run) -> Definition | None:
    if run.release_id.startswith(builtin.PREFIX):
        return None  # what is built in has nothing left to do
    try:
        return (await flow_store.get_release(tx, run.release_id)).definition
    except ReleaseNotFound:
        return None

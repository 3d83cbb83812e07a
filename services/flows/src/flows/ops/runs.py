"""Beginning runs, recording what they said next, ending them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.sql import Tx
from google.protobuf.timestamp_pb2 import Timestamp
from kernel.ids import new_id
from merkez.flows.v1 import flows_events_pb2

from flows.domain import builtin
from flows.domain.deeds import Answered
from flows.domain.definitions import Definition
from flows.domain.flows import FlowNotFound, FlowNotPublished
from flows.domain.orders import Order
from flows.domain.runs import (
    Call,
    FlowChanged,
    Instruction,
    Phase,
    Run,
    RunHasEnded,
    RunState,
    RunStep,
    SequenceOutOfOrder,
    Served,
    Trail,
    first_state,
)  # fmt: skip
from flows.store import flows as flow_store
from flows.store import runs as store
from flows.store import surveys
from flows.store.runs import Seal


@dataclass(frozen=True)
class Standing:
    """Where a run stands, and the answer when one was given already."""

    run: Run
    answer: Instruction | None


@dataclass(frozen=True)
class Outcome:
    """What one turn came to."""

    state: RunState
    order: Order
    trail: Sequence[Trail]
    answers: Sequence[Answered] = ()
    comment: timedelta = timedelta(0)
    """How long the caller spoke to a mailbox."""


async def find_run(tx: Tx, call_id: str, turn: int, seal: Seal) -> Standing | None:
    """A call's run with its newest instruction; None when there is none of this turn yet. RunHasEnded when a later
    turn has begun meanwhile: the call is somewhere else by now."""
    runs = await store.runs_of_call(tx, call_id, seal)
    run = next((each for each in runs if each.turn == turn), None)
    if run is None:
        if any(each.turn > turn for each in runs):
            raise RunHasEnded("the call was handed on since")
        return None
    return Standing(run, await store.find_instruction(tx, run, run.sequence))


async def begin_run(tx: Tx, call: Call, customer_id: str, seal: Seal, now: datetime) -> Standing:
    """Pin a new run to the flow's newest release, or to what is built in for where the call was sent, and end the runs
    of its earlier turns; the run that is there when another was faster."""
    known = await find_run(tx, call.call_id, call.turn, seal)
    if known is not None:
        return known
    release_id, definition = await _to_run(tx, call)
    if call.turn:
        call = replace(call, language=await _spoken(tx, call, seal) or call.language)
    run = Run(
        run_id=new_id("run", now),
        call_id=call.call_id,
        flow_id=call.flow_id,
        release_id=release_id,
        brand_id=call.brand_id,
        sequence=0,
        state=first_state(call, customer_id, definition.language),
        create_time=now,
        turn=call.turn,
    )
    await end_runs(tx, call.call_id, seal, now, but=call.kept_run_id)
    await store.add_run(tx, run, seal, now)
    return Standing(run, None)


async def newest_release(tx: Tx, flow_id: str) -> FlowChanged:
    """What runs of this flow go on with; nothing when it was deleted or never published."""
    try:
        return FlowChanged(flow_id, (await flow_store.get_flow(tx, flow_id)).release_id)
    except FlowNotFound:
        return FlowChanged()


async def _spoken(tx: Tx, call: Call, seal: Seal) -> str:
    """The language the customer was spoken to in last: they may have chosen another than their brand has."""
    runs = await store.runs_of_call(tx, call.call_id, seal)
    return max(runs, key=lambda each: each.turn).state.language if runs else ""


async def _to_run(tx: Tx, call: Call) -> tuple[str, Definition]:
    if call.origin.to:
        release_id = builtin.release_of(call.origin)
        return release_id, builtin.definition_of(release_id, call.origin)
    flow = await flow_store.get_flow(tx, call.flow_id)
    if not flow.release_id:
        raise FlowNotPublished("the flow has no release yet: publish it")
    release = await flow_store.get_release(tx, flow.release_id)
    return release.release_id, release.definition


async def look_up(tx: Tx, run_id: str, sequence: int, seal: Seal) -> Standing:
    """The run, and the stored answer when the instruction `sequence` was reported on before."""
    run = await store.get_run(tx, run_id, seal)
    answer = await store.find_instruction(tx, run, sequence + 1)
    if answer is not None:
        return Standing(run, answer)
    if run.end_time is not None:
        raise RunHasEnded("the run is over")
    if sequence != run.sequence:
        raise SequenceOutOfOrder("this instruction was not given yet", metadata={"sequence": str(run.sequence)})
    return Standing(run, None)


async def look_up_served(tx: Tx, run_id: str, contact_id: str, seal: Seal) -> Standing:
    """The run, and its newest instruction when it went on after this agent's contact already. RunNotFound,
    RunHasEnded."""
    run = await store.get_run(tx, run_id, seal)
    if run.state.served is not None and run.state.served.contact_id == contact_id:
        return Standing(run, await store.find_instruction(tx, run, run.sequence))
    if run.end_time is not None:
        raise RunHasEnded("the run is over")
    return Standing(run, None)


async def record(tx: Tx, run: Run, outcome: Outcome, seal: Seal, now: datetime) -> Instruction:
    """Keep what the turn came to under the next sequence number; the first of two such turns counts."""
    current = await store.get_run(tx, run.run_id, seal)
    if current.sequence != run.sequence:
        answer = await store.find_instruction(tx, current, run.sequence + 1)
        assert answer is not None
        return answer
    if current.end_time is not None:
        raise RunHasEnded("the call ended in the meantime")
    sequence = run.sequence + 1
    over = outcome.state.phase is Phase.ENDED
    # The caller may have left while this was on its way.
    state = replace(outcome.state, left_time=outcome.state.left_time or current.state.left_time)
    saved = replace(
        current, flow_id=run.flow_id, release_id=run.release_id, sequence=sequence, state=state,
        end_time=now if over else None,
    )  # fmt: skip
    instruction = Instruction(run.run_id, sequence, run.release_id, outcome.state.step_id, outcome.order)
    await store.save_run(tx, saved, seal, now)
    await store.add_instruction(tx, instruction, now)
    await store.add_steps(tx, run.run_id, sequence, outcome.trail, now)
    for answer in outcome.answers:
        _emit_answer(tx, saved, answer, now)
        await surveys.add(tx, saved, answer, now)
    if outcome.comment:
        await surveys.note_comment(tx, saved.run_id, outcome.comment)
    if over:
        emit_ended(tx, saved, now)
    return instruction


async def end_runs(tx: Tx, call_id: str, seal: Seal, now: datetime, *, but: str = "") -> None:
    """The call is over or was handed on: so is each run of it that was not, `but` one that goes on after an agent."""
    for run in await store.runs_of_call(tx, call_id, seal):
        if run.end_time is None and run.run_id != but:
            ended = replace(run, state=replace(run.state, phase=Phase.ENDED), end_time=now)
            await store.save_run(tx, ended, seal, now)
            emit_ended(tx, ended, now)


async def read_run(tx: Tx, run_id: str, seal: Seal) -> tuple[Run, list[RunStep]]:
    """A run with every step it took."""
    run = await store.get_run(tx, run_id, seal)
    return run, await store.list_steps(tx, run_id)


def emit_ended(tx: Tx, run: Run, now: datetime) -> None:
    """Tell that a run is over."""
    end_time = Timestamp()
    end_time.FromDatetime(now)
    fact = flows_events_pb2.RunEnded(
        run_id=run.run_id,
        call_id=run.call_id,
        release_id=run.release_id,
        step_id=run.state.step_id,
        end_time=end_time,
    )
    tx.emit(fact, key=run.call_id)


def _emit_answer(tx: Tx, run: Run, answer: Answered, now: datetime) -> None:
    served = run.state.served or Served("", "")
    answer_time = Timestamp()
    answer_time.FromDatetime(now)
    fact = flows_events_pb2.SurveyAnswered(
        run_id=run.run_id,
        call_id=run.call_id,
        flow_id=run.flow_id,
        release_id=run.release_id,
        step_id=answer.step_id,
        question_id=answer.question_id,
        value=answer.value,
        language=run.state.language,
        customer_id=run.state.attributes.get("customer_id", ""),
        answer_time=answer_time,
        contact_id=served.contact_id,
        agent_id=served.agent_id,
        queue_id=served.queue_id,
    )
    tx.emit(fact, key=run.call_id)

"""Runs and prompts in the database: what two at once, a restart and the end of a call do to them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from flows.domain.definitions import Definition, Say, Step, Utterance
from flows.domain.orders import Audio, EndCall, PlayAudio
from flows.domain.runs import Call, Phase, RunHasEnded, RunState, Trail
from flows.domain.validation import References
from flows.ops import flows as flow_ops
from flows.ops import runs as ops
from flows.sealing import MaskedValues
from kernel.ids import new_id


@pytest.fixture
def seal() -> MaskedValues:
    return MaskedValues(b"a key")


@pytest.fixture
async def begun(service_db: Any, clock: Any, seal: MaskedValues) -> Any:
    """A database, a tenant and a run that has just begun."""
    db = await service_db("flows", clock=clock)
    tenant_id, call_id = new_id("ten", clock.now()), new_id("call", clock.now())
    definition = Definition("a", (Step("a", "", Say(Utterance({"en": "Hi."}))),), "en")

    async def begin(tx: Any) -> Any:
        flow = await flow_ops.create_flow(tx, "Main", definition, {}, References(), "usr_x", clock.now())
        return await ops.begin_run(tx, Call(call_id, flow.flow_id), "", seal, clock.now())

    return db, tenant_id, (await db.run(tenant_id, begin)).run


def outcome(phase: Phase = Phase.PLAYING, text: str = "Hi.") -> ops.Outcome:
    order = EndCall() if phase is Phase.ENDED else PlayAudio((Audio(text, "", "en"),))
    return ops.Outcome(RunState(phase, "a", secrets={"pin": "1"}), order, (Trail("a", "said"),))


async def test_first_of_two_turns_on_one_instruction_counts(begun: Any, clock: Any, seal: MaskedValues) -> None:
    db, tenant_id, run = begun
    first, second = await asyncio.gather(
        *(
            db.run(tenant_id, lambda tx, text=text: ops.record(tx, run, outcome(text=text), seal, clock.now()))
            for text in ("one", "two")
        )
    )
    assert first == second
    _, steps = await db.run(tenant_id, lambda tx: ops.read_run(tx, run.run_id, seal))
    assert len(steps) == 1


async def test_end_of_the_call_ends_its_run_once_and_nothing_goes_on_after(
    begun: Any, clock: Any, seal: MaskedValues
) -> None:
    db, tenant_id, run = begun
    await db.run(tenant_id, lambda tx: ops.record(tx, run, outcome(), seal, clock.now()))
    for _ in range(2):
        await db.run(tenant_id, lambda tx: ops.end_runs(tx, run.call_id, seal, clock.now()))
    ended, _ = await db.run(tenant_id, lambda tx: ops.read_run(tx, run.run_id, seal))
    assert ended.end_time == clock.now() and ended.state.secrets == {}
    later = replace(run, sequence=1)
    with pytest.raises(RunHasEnded):
        await db.run(tenant_id, lambda tx: ops.record(tx, later, outcome(), seal, clock.now()))
    facts = await outbox(db, tenant_id)
    assert facts.count("merkez.flows.v1.RunEnded") == 1


async def outbox(db: Any, tenant_id: str) -> list[str]:
    async def read(tx: Any) -> list[str]:
        return [row[0] for row in await tx.connection.exec_driver_sql("select fact from flows.outbox")]

    return await db.run(tenant_id, read)


async def test_run_that_hung_up_by_itself_is_over_and_says_so(begun: Any, clock: Any, seal: MaskedValues) -> None:
    db, tenant_id, run = begun
    await db.run(tenant_id, lambda tx: ops.record(tx, run, outcome(Phase.ENDED), seal, clock.now()))
    assert (await outbox(db, tenant_id)).count("merkez.flows.v1.RunEnded") == 1
    # The last report may be repeated: its answer is still there.
    standing = await db.run(tenant_id, lambda tx: ops.look_up(tx, run.run_id, 0, seal))
    assert isinstance(standing.answer.order, EndCall)


async def test_masked_values_are_lost_and_the_run_is_not_when_the_key_changed(
    begun: Any, clock: Any, seal: MaskedValues
) -> None:
    db, tenant_id, run = begun
    await db.run(tenant_id, lambda tx: ops.record(tx, run, outcome(), seal, clock.now()))
    kept, _ = await db.run(tenant_id, lambda tx: ops.read_run(tx, run.run_id, seal))
    assert kept.state.secrets == {"pin": "1"}
    other, _ = await db.run(tenant_id, lambda tx: ops.read_run(tx, run.run_id, MaskedValues(b"another")))
    assert other.state.secrets == {} and other.state.step_id == "a"


async def test_call_without_a_run_ends_without_harm(begun: Any, clock: Any, seal: MaskedValues) -> None:
    db, tenant_id, _ = begun
    await db.run(tenant_id, lambda tx: ops.end_runs(tx, new_id("call", clock.now()), seal, clock.now()))

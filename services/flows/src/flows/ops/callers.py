"""Flows that lead into another one, and whether their tests still pass with a new version of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chassis.sql import Tx

from flows.domain.definitions import Definition
from flows.domain.expectations import CallerTestsFailed, FlowTest, Result
from flows.domain.flows import VersionConflict
from flows.ops.flow_tests import flows_behind, leads_into
from flows.store import flow_tests as store
from flows.store import flows as flow_store

MAX_CALLERS = 50
"""Flows whose tests a publishing runs, beside its own: those with tests, the nearest first."""


@dataclass(frozen=True)
class Caller:
    """A flow that leads into another one, also by way of further ones: its release that runs, its tests, and the flows
    behind it, the draft of the other one among them."""

    flow_id: str
    display_name: str
    release: Definition
    tests: Sequence[FlowTest]
    behind: Mapping[str, Definition]


@dataclass(frozen=True)
class Asked:
    """The flows that lead into a draft, and those of their tests that pass with what runs now and not with it."""

    callers: Sequence[Caller] = ()
    failed: Sequence[tuple[str, Result]] = ()
    """Each with its flow's name."""


async def calling(tx: Tx, flow_id: str) -> list[tuple[str, str, Definition]]:
    """Other flows whose running release calls this one or hands on to it: id, name and release."""
    held = await flow_store.holding(tx, flow_id)
    return [
        (each, name, release)
        for each, name, (_, *running) in held
        for release in running
        if each != flow_id and flow_id in leads_into(release)
    ]


async def callers_of(tx: Tx, flow_id: str, draft: Definition) -> list[Caller]:
    """Flows with tests by which a caller comes into this one, the nearest first, 50 at most. `draft` stands among the
    flows behind them in place of its release."""
    found: list[Caller] = []
    seen, waiting = {flow_id}, [flow_id]
    for inner in waiting:
        for each, name, release in await calling(tx, inner):
            if each in seen:
                continue
            seen.add(each)
            waiting.append(each)
            tests = await store.of_flow(tx, each)
            if tests:
                found.append(Caller(each, name, release, tests, await flows_behind(tx, release, {flow_id: draft})))
            if len(found) == MAX_CALLERS:
                return found
    return found


async def require_callers_passed(tx: Tx, flow_id: str, draft: Definition, asked: Asked) -> None:
    """Refuse a draft with which tests of callers fail that pass now; VersionConflict when the callers, their tests or
    what is behind them are others than when they were run."""
    if await callers_of(tx, flow_id, draft) != list(asked.callers):
        raise VersionConflict("flows that lead into this one changed while their tests were run")
    if asked.failed:
        raise CallerTestsFailed(asked.failed)

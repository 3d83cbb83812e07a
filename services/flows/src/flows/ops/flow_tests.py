"""Keeping runs as tests of their flow, and what they need to be run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.sql import Tx
from kernel.ids import new_id

from flows.domain.definitions import CallFlow, Definition, Transfer
from flows.domain.diffs import Change
from flows.domain.expectations import (
    MAX_TESTS,
    MAX_TESTS_SIZE,
    Case,
    FlowTest,
    FlowTestNameTaken,
    FlowTestsFailed,
    Result,
    TooManyFlowTests,
    case_size,
)
from flows.domain.flows import FlowNotFound, VersionConflict, require_version
from flows.store import flow_tests as store
from flows.store import flows as flow_store

_MAX_FLOWS = 20
_MAX_CALLED = 200

get_test = store.get
"""Reads have no rule of their own."""


@dataclass(frozen=True)
class Tried:
    """A flow's tests, and what came of them against the draft that is to be published."""

    tests: Sequence[FlowTest] = ()
    failed: Sequence[Result] = ()


async def list_tests(tx: Tx, flow_id: str) -> list[FlowTest]:
    """The tests of a flow that is there, by name."""
    await flow_store.get_flow(tx, flow_id)
    return await store.of_flow(tx, flow_id)


async def flows_behind(
    tx: Tx, definition: Definition, instead: Mapping[str, Definition] | None = None
) -> Mapping[str, Definition]:
    """The newest releases of the flows a caller may be handed on to or go through, and of those behind them, up to
    20. `instead` stands, by flow, in place of a release."""
    return await _behind(tx, definition, _MAX_FLOWS, instead or {})


async def _behind(
    tx: Tx, definition: Definition, most: int, instead: Mapping[str, Definition]
) -> Mapping[str, Definition]:
    found: dict[str, Definition] = {}
    wanted = leads_into(definition)
    seen: set[str] = set()
    while wanted and len(found) < most:
        flow_id = wanted.pop()
        if flow_id in seen:
            continue
        seen.add(flow_id)
        if flow_id in instead:
            found[flow_id] = instead[flow_id]
            wanted += leads_into(found[flow_id])
            continue
        try:
            release_id = (await flow_store.get_flow(tx, flow_id)).release_id
        except FlowNotFound:
            continue
        if release_id:
            found[flow_id] = (await flow_store.get_release(tx, release_id)).definition
            wanted += leads_into(found[flow_id])
    return found


async def flows_led_into(tx: Tx, definition: Definition) -> Mapping[str, Definition]:
    """The newest releases of the flows that are called or handed on to, and of all those behind them."""
    return await _behind(tx, definition, _MAX_CALLED, {})


def leads_into(definition: Definition) -> list[str]:
    """The flows that its steps call or hand on to."""
    found: list[str] = []
    for step in definition.steps:
        match step.action:
            case Transfer("flow_id", flow_id) | CallFlow(flow_id=flow_id):
                found.append(flow_id)
            case _:
                pass
    return found


async def create_test(tx: Tx, flow_id: str, case: Case, now: datetime) -> FlowTest:
    """Keep a test. Raises FlowTestNameTaken, TooManyFlowTests."""
    others = await list_tests(tx, flow_id)
    _require_room(case, others)
    test = FlowTest(new_id("tst", now), flow_id, case, now, now, 1)
    await store.add(tx, test)
    return test


async def update_test(tx: Tx, test_id: str, case: Case, version: int, now: datetime) -> FlowTest:
    """Change a test. Raises FlowTestNameTaken, TooManyFlowTests, VersionConflict."""
    test = await store.get(tx, test_id)
    require_version(version, test.version)
    others = [each for each in await list_tests(tx, test.flow_id) if each.test_id != test_id]
    _require_room(case, others)
    test = replace(test, case=case, update_time=now, version=test.version + 1)
    await store.save(tx, test)
    return test


async def delete_test(tx: Tx, test_id: str) -> None:
    """Delete a test."""
    await store.get(tx, test_id)
    await store.remove(tx, test_id)


def _require_room(case: Case, others: Sequence[FlowTest]) -> None:
    if any(each.case.display_name == case.display_name for each in others):
        raise FlowTestNameTaken(f"another test of this flow is called {case.display_name!r}: choose another name")
    if len(others) >= MAX_TESTS:
        raise TooManyFlowTests(f"a flow has at most {MAX_TESTS} tests: delete one first")
    if sum(case_size(each.case) for each in others) + case_size(case) > MAX_TESTS_SIZE:
        raise TooManyFlowTests("the tests of this flow would be bigger than 400 kB together: delete one first")


def compare_tests(tests: Sequence[FlowTest], cases: Sequence[Case]) -> list[tuple[str, Change]]:
    """What becomes of a flow's tests by a file's, by name."""
    known = {test.case.display_name: test.case for test in tests}
    wanted = {case.display_name: case for case in cases}
    found = [
        (name, Change.ADDED if name not in known else Change.CHANGED)
        for name in wanted
        if wanted[name] != known.get(name)
    ]
    return found + [(name, Change.REMOVED) for name in known if name not in wanted]


async def replace_tests(tx: Tx, flow_id: str, cases: Sequence[Case], now: datetime) -> None:
    """Make a file's tests those of a flow. A test that stays as it was keeps its version."""
    known = {test.case.display_name: test for test in await store.of_flow(tx, flow_id)}
    for name in known.keys() - {case.display_name for case in cases}:
        await store.remove(tx, known[name].test_id)
    for case in cases:
        test = known.get(case.display_name)
        if test is None:
            await store.add(tx, FlowTest(new_id("tst", now), flow_id, case, now, now, 1))
        elif test.case != case:
            await store.save(tx, replace(test, case=case, update_time=now, version=test.version + 1))


async def require_passed(tx: Tx, flow_id: str, tried: Tried) -> None:
    """Refuse a flow whose tests failed; VersionConflict when they are others than those that were run."""
    if _versions(await store.of_flow(tx, flow_id)) != _versions(tried.tests):
        raise VersionConflict("the flow's tests changed while they were run")
    if tried.failed:
        raise FlowTestsFailed(tried.failed)


def _versions(tests: Sequence[FlowTest]) -> Collection[tuple[str, int]]:
    return {(test.test_id, test.version) for test in tests}

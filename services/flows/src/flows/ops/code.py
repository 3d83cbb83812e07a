"""Flows as files: what is written, and what becomes of what was read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from chassis.sql import Tx
from kernel.ids import new_id

from flows.domain.code_in import FlowFile
from flows.domain.definitions import Definition, Problem
from flows.domain.diffs import Change, Diff, compare
from flows.domain.expectations import Case
from flows.domain.flows import MAX_NAME, Flow, FlowFileInvalid, require_text, require_version
from flows.domain.names import Names, Noun
from flows.domain.validation import References
from flows.ops.flow_tests import compare_tests, replace_tests
from flows.ops.flows import problems
from flows.store import flow_tests as test_store
from flows.store import flows as store
from flows.store import prompts as prompt_store

_NO_TIME = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Version:
    """A draft or a release of a flow; `number` 0 is the draft. `tests` are looked up for a file only."""

    flow: Flow
    number: int
    definition: Definition
    tests: Sequence[Case] = ()


@dataclass(frozen=True)
class Imported:
    """What came of a file, or would."""

    flow: Flow
    problems: list[Problem]
    diff: Diff
    tests: list[tuple[str, Change]]


async def own_names(tx: Tx) -> Names:
    """The names that flows itself gives: of prompts and flows."""
    return Names({Noun.PROMPT: await prompt_store.names(tx), Noun.FLOW: await store.names(tx)})


async def get_version(tx: Tx, flow_id: str, number: int) -> Version:
    """The draft by 0, a release by its number. Raises FlowNotFound, ReleaseNotFound."""
    flow = await store.get_flow(tx, flow_id)
    if not number:
        return Version(flow, 0, flow.draft)
    release = await store.get_numbered_release(tx, flow_id, number)
    return Version(flow, number, release.definition)


async def get_to_write(tx: Tx, flow_id: str, number: int) -> Version:
    """A draft or a release, with the flow's tests."""
    found = await get_version(tx, flow_id, number)
    return replace(found, tests=[test.case for test in await test_store.of_flow(tx, flow_id)])


async def get_pair(tx: Tx, flow_id: str, before: int, after: int) -> tuple[Version, Version]:
    """Two versions to compare. `before` 0 is the newest release, nothing where there is none; `after` 0 the draft."""
    later = await get_version(tx, flow_id, after)
    number = before or later.flow.release_number
    earlier = await get_version(tx, flow_id, number) if number else Version(later.flow, 0, Definition())
    return earlier, later


async def try_import(tx: Tx, flow_id: str, version: int, file: FlowFile, known: References, names: Names) -> Imported:
    """What a file without mistakes would make of a flow, or of a new one when `flow_id` is empty."""
    flow = await _before(tx, flow_id, version, file)
    draft = file.definition
    found = await problems(tx, draft, known, flow_id)
    tests = await test_store.of_flow(tx, flow_id) if flow_id else []
    changed = compare_tests(tests, file.tests) if file.tests is not None else []
    return Imported(replace(flow, draft=draft), found, compare(flow.draft, draft, names), changed)


async def import_flow(
    tx: Tx, flow_id: str, version: int, file: FlowFile, known: References, names: Names, now: datetime
) -> Imported:
    """Make a file the draft of a flow, or a new flow when `flow_id` is empty. Raises FlowFileInvalid when it has
    mistakes. An existing flow keeps its name, and its tests if the file has none; what runs stays as it is."""
    if file.problems:
        raise FlowFileInvalid(file.problems)
    made = await try_import(tx, flow_id, version, file, known, names)
    if flow_id:
        flow = replace(made.flow, update_time=now, version=made.flow.version + 1)
        await store.save_flow(tx, flow)
    else:
        flow = replace(made.flow, flow_id=new_id("flw", now), create_time=now, update_time=now, version=1)
        await store.add_flow(tx, flow)
    if file.tests is not None:
        await replace_tests(tx, flow.flow_id, file.tests, now)
    return replace(made, flow=flow)


async def _before(tx: Tx, flow_id: str, version: int, file: FlowFile) -> Flow:
    if not flow_id:
        name = require_text(file.display_name, "name", MAX_NAME)
        return Flow("", name, Definition(), {}, "", 0, _NO_TIME, _NO_TIME, 0)
    flow = await store.get_flow(tx, flow_id)
    require_version(version, flow.version)
    return flow

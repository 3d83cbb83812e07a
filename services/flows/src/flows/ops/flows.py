"""Editing, publishing and rolling back flows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.sql import Tx
from kernel.errors import InvalidInput
from kernel.ids import new_id
from merkez.flows.v1 import flows_events_pb2

from flows.domain import validation
from flows.domain.definitions import Definition, Problem, Transfer, prompts
from flows.domain.flows import (
    MAX_COMMENT,
    MAX_NAME,
    Flow,
    FlowCalled,
    FlowInUse,
    FlowInvalid,
    Place,
    ReferencesUnchecked,
    Release,
    ReleaseNotFound,
    VersionConflict,
    require_layout,
    require_text,
    require_version,
)  # fmt: skip
from flows.domain.list_uses import list_keys
from flows.domain.names import Noun, by_skill_ids
from flows.domain.uses import FlowUse, steps_naming
from flows.domain.validation import References
from flows.ops.callers import Asked, calling, require_callers_passed
from flows.ops.flow_tests import Tried, flows_led_into, require_passed
from flows.store import flows as store
from flows.store import number_lists as list_store
from flows.store import prompts as prompt_store

get_flow = store.get_flow
list_flows = store.list_flows
get_release = store.get_release
"""Reads have no rule of their own."""


@dataclass(frozen=True)
class Change:
    """What an update changes; None leaves it. `version` 0 updates whatever is there."""

    flow_id: str
    display_name: str | None
    draft: Definition | None
    layout: Mapping[str, Place] | None
    version: int


async def problems(tx: Tx, definition: Definition, known: References, flow_id: str = "") -> list[Problem]:
    """Everything wrong with a definition, of this flow if it is one's, the tenant's prompts and flows looked up."""
    played = [prompt_id for step in definition.steps for _, prompt_id in prompts(step.action)]
    found = await prompt_store.existing(tx, played)
    named = {each.target for step in definition.steps if isinstance(each := step.action, Transfer)}
    flows = await store.published(tx, sorted(named)) if named else ()
    called = await flows_led_into(tx, definition)
    lists = await list_store.keys(tx) if list_keys(definition) else ()
    callers = [(name, release) for _, name, release in await calling(tx, flow_id)] if flow_id else []
    known = replace(
        known, prompts=found, flows=flows, called=called, flow_id=flow_id, number_lists=lists, callers=callers
    )
    return validation.validate(definition, known)


def settled(draft: Definition, known: References) -> Definition:
    """The draft as it is published: its skills by their ids, also those kept by name while routing could not be
    asked."""
    return by_skill_ids(draft, known.skills) if known.skills else draft


async def create_flow(
    tx: Tx, display_name: str, draft: Definition, layout: Mapping[str, Place], known: References | None, publisher: str,
    now: datetime,
) -> Flow:  # fmt: skip
    """Create a flow; with `known` it is published at once if it is known to be valid, else it stays a draft."""
    name = require_text(display_name, "flow.display_name", MAX_NAME)
    flow = Flow(new_id("flw", now), name, draft, require_layout(layout), "", 0, now, now, 1)
    await store.add_flow(tx, flow)
    if known is None:
        return flow
    found = await problems(tx, draft, known)
    if validation.valid(found) and validation.checked(found):
        flow = replace(flow, draft=settled(draft, known))
        release = await _release(tx, flow, flow.draft, publisher, "", now)
        return await store.get_flow(tx, release.flow_id)
    return flow


async def update_flow(tx: Tx, change: Change, now: datetime) -> Flow:
    """Change the name, the draft or its picture; what runs is untouched."""
    flow = await store.get_flow(tx, change.flow_id)
    require_version(change.version, flow.version)
    if change.display_name is not None:
        flow = replace(flow, display_name=require_text(change.display_name, "flow.display_name", MAX_NAME))
    if change.draft is not None:
        flow = replace(flow, draft=change.draft)
    if change.layout is not None:
        flow = replace(flow, layout=require_layout(change.layout))
    flow = replace(flow, update_time=now, version=flow.version + 1)
    await store.save_flow(tx, flow)
    return flow


async def delete_flow(tx: Tx, flow_id: str, now: datetime) -> None:
    """Delete a flow that no call is in and no other flow leads into."""
    flow = await store.get_flow(tx, flow_id)
    uses = [each for each in await list_uses(tx, Noun.FLOW, flow_id) if each.flow_id != flow_id]
    if uses:
        named = ", ".join(f"{each.display_name!r} (step {each.step_ids[0]})" for each in uses[:5])
        what = f"other flows call it or hand on to it: {named}; take it out of them and publish them first"
        raise FlowCalled(what, metadata={"flows": ", ".join(each.display_name for each in uses)})
    if await store.has_live_runs(tx, flow.flow_id, now):
        raise FlowInUse("calls are in this flow right now: point its numbers elsewhere and wait for them to end")
    await store.delete_flow(tx, flow_id, now)


async def list_uses(tx: Tx, noun: Noun, value: str) -> list[FlowUse]:
    """Flows whose draft, or release that runs, names it. Older releases don't count: rolling back checks anew."""
    found: list[FlowUse] = []
    for flow_id, name, definitions in await store.holding(tx, value):
        steps = sorted({step for each in definitions for step in steps_naming(each, noun, value)})
        if steps:
            found.append(FlowUse(flow_id, name, tuple(steps)))
    return found


async def list_releases(tx: Tx, flow_id: str, token: str, size: int) -> list[Release]:
    """Releases of a flow that is there, newest first."""
    await store.get_flow(tx, flow_id)
    return await store.list_releases(tx, flow_id, token, size)


async def publish_flow(
    tx: Tx, flow_id: str, version: int, checked_version: int, known: References, publisher: str, comment: str,
    tried: Tried, asked: Asked, now: datetime,
) -> Release:  # fmt: skip
    """Publish the draft. `known` was gathered, `tried` and the tests of who leads into it run, for the draft of
    `checked_version`: another one is a conflict."""
    flow = await store.get_flow(tx, flow_id)
    require_version(version, flow.version)
    if flow.version != checked_version:
        raise VersionConflict("the draft changed while it was checked")
    comment = require_text(comment, "comment", MAX_COMMENT, required=False)
    _require_publishable(await problems(tx, flow.draft, known, flow_id))
    await require_passed(tx, flow_id, tried)
    await require_callers_passed(tx, flow_id, flow.draft, asked)
    flow = replace(flow, draft=settled(flow.draft, known))
    return await _release(tx, flow, flow.draft, publisher, comment, now)


async def roll_back_flow(
    tx: Tx, flow_id: str, release_id: str, known: References, publisher: str, verdict: tuple[Tried, Asked] | None,
    now: datetime,
) -> Release:  # fmt: skip
    """Publish an older release again. It is checked anew: what it refers to may be gone. `verdict` is what came of its
    tests and those of who leads into it; without one none is asked."""
    flow = await store.get_flow(tx, flow_id)
    old = await store.get_release(tx, release_id)
    if old.flow_id != flow_id:
        raise ReleaseNotFound("there is no such release of this flow")
    if old.release_id == flow.release_id:
        raise InvalidInput.of("release_id", "is the release that runs already")
    _require_publishable(await problems(tx, old.definition, known, flow_id))
    if verdict is not None:
        tried, asked = verdict
        await require_passed(tx, flow_id, tried)
        await require_callers_passed(tx, flow_id, old.definition, asked)
    definition = settled(old.definition, known)
    return await _release(tx, flow, definition, publisher, "", now, restored_number=old.number)


def _require_publishable(found: Sequence[Problem]) -> None:
    if not validation.valid(found):
        raise FlowInvalid(found)
    if not validation.checked(found):
        raise ReferencesUnchecked("Queues, skills and hours can't be checked just now: publish again in a moment.")


async def _release(
    tx: Tx, flow: Flow, definition: Definition, publisher: str, comment: str, now: datetime, *, restored_number: int = 0
) -> Release:
    number = flow.release_number + 1
    release = Release(new_id("rel", now), flow.flow_id, number, definition, publisher, comment, restored_number, now)
    # The flow's row first: of two who publish at once the second waits here and then runs again.
    await store.save_flow(
        tx,
        replace(
            flow,
            release_id=release.release_id,
            release_number=release.number,
            update_time=now,
            version=flow.version + 1,
        ),
    )
    await store.add_release(tx, release)
    fact = flows_events_pb2.FlowPublished(
        flow_id=flow.flow_id,
        release_id=release.release_id,
        release_number=release.number,
        publisher=publisher,
    )
    tx.emit(fact, key=flow.flow_id)
    return release

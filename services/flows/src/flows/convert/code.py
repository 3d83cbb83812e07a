"""Diffs between the domain and the contract's messages."""

from __future__ import annotations

from collections.abc import Iterable

from merkez.flows.v1 import flow_diff_pb2

from flows.domain.diffs import Change, Diff, FieldChange

_CHANGES = {
    Change.ADDED: flow_diff_pb2.FLOW_CHANGE_ADDED,
    Change.REMOVED: flow_diff_pb2.FLOW_CHANGE_REMOVED,
    Change.CHANGED: flow_diff_pb2.FLOW_CHANGE_CHANGED,
}


def to_diff(diff: Diff, tests: Iterable[tuple[str, Change]] = ()) -> flow_diff_pb2.FlowDiff:
    """A diff as clients read it, with what becomes of tests where they are part of it."""
    steps = [
        flow_diff_pb2.StepChange(
            step_id=step.step_id,
            display_name=step.display_name,
            kind=step.kind,
            change=_CHANGES[step.change],
            fields=_to_fields(step.fields),
        )
        for step in diff.steps
    ]
    changed = [flow_diff_pb2.TestChange(display_name=name, change=_CHANGES[change]) for name, change in tests]
    return flow_diff_pb2.FlowDiff(
        fields=_to_fields(diff.fields), steps=steps, tests=changed, same=diff.same and not changed
    )


def _to_fields(fields: Iterable[FieldChange]) -> list[flow_diff_pb2.FieldChange]:
    return [flow_diff_pb2.FieldChange(field=each.field, before=each.before, after=each.after) for each in fields]

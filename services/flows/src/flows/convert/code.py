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


def to_diff(diff: Diff) -> flow_diff_pb2.FlowDiff:
    """A diff as clients read it."""
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
    return flow_diff_pb2.FlowDiff(fields=_to_fields(diff.fields), steps=steps, same=diff.same)


def _to_fields(fields: Iterable[FieldChange]) -> list[flow_diff_pb2.FieldChange]:
    return [flow_diff_pb2.FieldChange(field=each.field, before=each.before, after=each.after) for each in fields]

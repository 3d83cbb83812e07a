"""How a run goes into another flow and comes back. Inside, only what was given is there: a flow that is used by several
others depends on none of them."""

from __future__ import annotations

from dataclasses import replace

from flows.domain.definitions import BUILT_IN_ATTRIBUTES
from flows.domain.formulas import ExpressionFailed, Type, evaluate, read, written
from flows.domain.runs import Phase
from flows.domain.subflows import MAX_DEPTH, CallFlow, EnterFlow, FlowEntered, FlowLeft, Frame, LeaveFlow, Parameter
from flows.domain.walks import Turn, Walk

_KEPT = ("customer_id", "language")
"""What is found out inside and holds for the call."""


def call(walk: Walk, action: CallFlow) -> Turn | str:
    """Work out what is given, and go in."""
    if len(walk.state.frames) >= MAX_DEPTH:
        walk.note("too deep in other flows")
        return action.failed
    given: dict[str, str] = {}
    for name, text in action.inputs.items():
        try:
            given[name] = written(evaluate(text, walk.state.attributes, walk.now, walk.state.listed))
        except ExpressionFailed:
            walk.note(f"{name} can't be worked out")
            return action.failed
    frame = Frame(
        walk.state.step_id, attributes=walk.state.attributes, given=given, outputs=action.outputs, next=action.next,
        failed=action.failed,
    )  # fmt: skip
    walk.state = replace(walk.state, frames=(*walk.state.frames, frame))
    return walk.effect(Phase.ENTERING_FLOW, EnterFlow(action.flow_id))


def entered(walk: Walk, event: FlowEntered) -> Turn:
    """Begin with what was given. The definition is the other flow's already when there is one."""
    *outer, frame = walk.state.frames
    if not event.release_id:
        walk.state = replace(walk.state, frames=tuple(outer))
        walk.note("that flow is gone")
        return walk.go(frame.failed)
    frame = replace(frame, flow_id=event.from_flow_id, release_id=event.from_release_id)
    wrong = next((each.name for each in walk.definition.inputs if not _fits(each, frame.given.get(each.name, ""))), "")
    if wrong:
        walk.note(f"input {wrong} is missing or of another type")
        frame = replace(frame, broken=True)
    else:
        walk.note("went into another flow")
    inside = {name: value for name, value in walk.state.attributes.items() if name in BUILT_IN_ATTRIBUTES}
    inside |= {each.name: frame.given.get(each.name, "") for each in walk.definition.inputs}
    place = len(outer)
    walk.state = replace(
        walk.state,
        frames=(*outer, replace(frame, given={})),
        attributes=inside,
        # What was typed outside is kept under names no step can say.
        secrets={name if "/" in name else f"{place}/{name}": value for name, value in walk.state.secrets.items()},
    )
    return leave(walk) if wrong else walk.go(walk.definition.start)


def leave(walk: Walk) -> Turn:
    """Go back to where the innermost flow was called from."""
    frame = walk.state.frames[-1]
    given = {}
    for attribute, name in frame.outputs.items():
        output = next((each for each in walk.definition.outputs if each.name == name), None)
        value = walk.state.attributes.get(name, "") if output else ""
        given[attribute] = value if output and _fits(replace(output, required=False), value) else ""
    walk.state = replace(walk.state, frames=(*walk.state.frames[:-1], replace(frame, given=given)))
    return walk.effect(Phase.LEAVING_FLOW, LeaveFlow(frame.flow_id, frame.release_id))


def left(walk: Walk, _: FlowLeft) -> Turn:
    """Go on after the step that called, with what came out."""
    *outer, frame = walk.state.frames
    mark = f"{len(outer)}/"
    kept = {name: walk.state.attributes[name] for name in _KEPT if name in walk.state.attributes}
    secrets = walk.state.secrets.items()
    walk.state = replace(
        walk.state,
        frames=tuple(outer),
        step_id=frame.step_id,
        attributes={**frame.attributes, **kept},
        secrets={name.removeprefix(mark): value for name, value in secrets if "/" in name},
    )
    if frame.broken:
        return walk.go(frame.failed)
    walk.note("came back")
    for name, value in frame.given.items():
        walk.put(name, value)
    return walk.go(frame.next)


def _fits(parameter: Parameter, value: str) -> bool:
    if not value:
        return not parameter.required
    try:
        read(value, Type(parameter.type))
    except ExpressionFailed:
        return False
    return True

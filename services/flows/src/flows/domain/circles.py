"""Ways by which calls would be handed on from flow to flow for ever, without anybody being waited for on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flows.domain.branching import CheckQueue, Split, Test, ways
from flows.domain.definitions import (
    Action,
    CallbackOffer,
    CallFlow,
    Definition,
    HangUp,
    Queue,
    Transfer,
    Voicemail,
)  # fmt: skip
from flows.domain.graph import components, silent_edges

_LEADING = ("next", "failed", "open", "closed", "otherwise", "not_found", "several")


def handed_round(definition: Definition, others: Mapping[str, Definition], own: str) -> Iterator[tuple[str, str]]:
    """Steps by which a call leaves this flow and comes back to it by steps that ask nobody anything and wait for
    nobody: (step id, the other flow). `others` are the newest releases of the flows it leads into and of those behind
    them, `own` is its id. What a caller, an agent or the clock decides on the way is no circle."""
    flows = {**others, own: definition}
    edges: dict[str, list[str]] = {}
    for flow_id, each in flows.items():
        for source, targets in silent_edges(each).items():
            step = each.step(source)
            action = step.action if step else None
            into = _into(action)
            inside = targets
            if isinstance(action, CallFlow) and into in flows and not _gone_through(into, flows, frozenset()):
                inside = [target for target in targets if target == action.failed]
            edges[_node(flow_id, source)] = [
                *(_node(flow_id, target) for target in inside),
                *([_node(into, flows[into].start)] if into in flows else []),
            ]
    known = {source: [target for target in targets if target in edges] for source, targets in edges.items()}
    for part in components(known):
        for step in definition.steps:
            into = _into(step.action)
            if into in flows and {_node(own, step.step_id), _node(into, flows[into].start)} <= part:
                yield step.step_id, into


def _node(flow_id: str, step_id: str) -> str:
    return f"{flow_id}/{step_id}"


def _into(action: Action | None) -> str:
    match action:
        case Transfer(to="flow_id", target=flow_id) | CallFlow(flow_id=flow_id):
            return flow_id
        case _:
            return ""


def _gone_through(flow_id: str, flows: Mapping[str, Definition], inside: frozenset[str]) -> bool:
    """Whether a flow can come to its end, and so back to who called it, without waiting for anybody."""
    if flow_id not in flows:
        return True
    if flow_id in inside:
        return False
    definition = flows[flow_id]
    edges = silent_edges(definition)
    seen, waiting = {definition.start}, [definition.start] if definition.start in edges else []
    for step_id in waiting:
        step = definition.step(step_id)
        action = step.action if step else None
        if _may_end(action):
            if not isinstance(action, CallFlow) or not action.failed:
                return True
            if _gone_through(action.flow_id, flows, inside | {flow_id}):
                return True
        fresh = [each for each in edges[step_id] if each not in seen]
        seen.update(fresh)
        waiting += fresh
    return not definition.start


def _may_end(action: Action | None) -> bool:
    match action:
        case None | HangUp() | Queue() | CallbackOffer() | Voicemail():
            return False
        case Transfer():
            return action.to != "flow_id" and not action.next
        case Split() | Test() | CheckQueue():
            return any(not target for _, target in ways(action))
        case _:
            return any(getattr(action, name, None) == "" for name in _LEADING)

"""The steps of a flow as a graph: what can be reached, and which loops never wait for anybody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flows.domain.definitions import Collect, Definition, Menu, Queue, exits


def reachable(definition: Definition) -> set[str]:
    """Ids of the steps a call can come to."""
    edges = _edges(definition)
    found: set[str] = set()
    waiting = [definition.start] if definition.start in edges else []
    while waiting:
        step_id = waiting.pop()
        if step_id in found:
            continue
        found.add(step_id)
        waiting.extend(target for target in edges[step_id] if target in edges)
    return found


def loops_without_input(definition: Definition) -> list[list[str]]:
    """Cycles through steps that ask nobody anything and wait for nobody, each in the order of the steps.

    A menu, a collect or a queue breaks a loop: the caller, an agent or the clock decides there.
    """
    silent = {
        step.step_id
        for step in definition.steps
        if step.action is not None and not isinstance(step.action, Menu | Collect | Queue)
    }
    edges = {
        source: [target for target in targets if target in silent]
        for source, targets in _edges(definition).items()
        if source in silent
    }
    order = {step.step_id: place for place, step in reversed(list(enumerate(definition.steps)))}
    cycles = [sorted(part, key=order.__getitem__) for part in _components(edges)]
    return sorted(cycles, key=lambda cycle: order[cycle[0]])


def _edges(definition: Definition) -> dict[str, list[str]]:
    edges: dict[str, list[str]] = {}
    for step in definition.steps:
        edges.setdefault(step.step_id, [target for _, target in exits(step.action)])
    return edges


def _components(edges: Mapping[str, Iterable[str]]) -> list[set[str]]:
    """Strongly connected components that hold a cycle. A set per step: flows are small (500 steps)."""
    reach = {source: _reach(edges, source) for source in edges}
    seen: set[str] = set()
    found: list[set[str]] = []
    for source in edges:
        if source in seen or source not in reach[source]:
            continue
        component = {target for target in reach[source] if source in reach[target]}
        seen |= component
        found.append(component)
    return found


def _reach(edges: Mapping[str, Iterable[str]], source: str) -> set[str]:
    found: set[str] = set()
    waiting = list(edges[source])
    while waiting:
        target = waiting.pop()
        if target not in found:
            found.add(target)
            waiting.extend(edges[target])
    return found

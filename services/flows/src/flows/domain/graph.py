"""The steps of a flow as a graph: what can be reached, and which loops never wait for anybody."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from flows.domain.asking import ChooseLanguage, Survey
from flows.domain.definitions import (
    TURNED_AWAY_EXITS,
    CallbackOffer,
    Collect,
    Definition,
    Menu,
    Queue,
    exits,
)  # fmt: skip
from flows.domain.entry import EntryRules

_HEEDFUL = (Menu, Collect, ChooseLanguage, Survey)


def _asks_always(action: object) -> bool:
    return isinstance(action, CallbackOffer) and action.always


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


def around_rules(definition: Definition) -> Mapping[str, Sequence[str]]:
    """Steps a call can come to without a row of entry rules that held, each with the shortest way there from the start.
    Where no row holds, nothing is chosen."""
    ways = {definition.start: [definition.start]} if definition.step(definition.start) else {}
    waiting = list(ways)
    for step_id in waiting:
        step = definition.step(step_id)
        assert step is not None
        for field, target in exits(step.action):
            chooses = isinstance(step.action, EntryRules) and field == "next"
            if not chooses and target not in ways and definition.step(target) is not None:
                ways[target] = [*ways[step_id], target]
                waiting.append(target)
    return ways


def loops_without_input(definition: Definition) -> list[list[str]]:
    """Cycles through steps that ask nobody anything and wait for nobody, each in the order of the steps.

    A menu, another question or a queue breaks a loop: the caller, an agent or the clock decides there. A queue that
    turns callers away at once has waited for nobody.
    """
    return _loops(definition, silent_edges(definition))


def loops_while_closed(definition: Definition) -> list[list[str]]:
    """Cycles in which the only waits are in queues that would lead on at once while they take nobody: closed, full or
    unstaffed they lead where their longest wait does. Those that never wait anyway are left out."""
    waits = {
        (step.step_id, step.action.timed_out)
        for step in definition.steps
        if isinstance(step.action, Queue) and all(getattr(step.action, name) for name in TURNED_AWAY_EXITS)
    }
    worse = [set(cycle) for cycle in loops_without_input(definition)]
    loops = _loops(definition, _silent_edges(definition, waits))
    return [cycle for cycle in loops if not any(each <= set(cycle) for each in worse)]


def silent_edges(definition: Definition) -> Mapping[str, Sequence[str]]:
    """What the steps that ask nobody anything lead to of their kind, where nobody is waited for."""
    waits = {(step.step_id, step.action.timed_out) for step in definition.steps if isinstance(step.action, Queue)}
    return _silent_edges(definition, waits)


def _silent_edges(definition: Definition, waits: Collection[tuple[str, str]]) -> Mapping[str, Sequence[str]]:
    silent = {
        step.step_id
        for step in definition.steps
        if step.action is not None and not isinstance(step.action, _HEEDFUL) and not _asks_always(step.action)
    }
    return {
        source: [target for target in targets if target in silent and (source, target) not in waits]
        for source, targets in _edges(definition).items()
        if source in silent
    }


def _loops(definition: Definition, edges: Mapping[str, Sequence[str]]) -> list[list[str]]:
    order = {step.step_id: place for place, step in reversed(list(enumerate(definition.steps)))}
    cycles = [sorted(part, key=order.__getitem__) for part in components(edges)]
    return sorted(cycles, key=lambda cycle: order[cycle[0]])


def _edges(definition: Definition) -> dict[str, list[str]]:
    edges: dict[str, list[str]] = {}
    for step in definition.steps:
        edges.setdefault(step.step_id, [target for _, target in exits(step.action)])
    return edges


def components(edges: Mapping[str, Sequence[str]]) -> list[set[str]]:
    """Strongly connected components that hold a cycle, in time linear in the edges (Kosaraju's two passes)."""
    back: dict[str, list[str]] = {step_id: [] for step_id in edges}
    for source, targets in edges.items():
        for target in targets:
            back[target].append(source)
    seen: set[str] = set()
    finished = [step_id for start in edges for step_id in _finish(edges, start, seen)]
    seen.clear()
    components = [set(_finish(back, start, seen)) for start in reversed(finished)]
    return [part for part in components if len(part) > 1 or any(step_id in edges[step_id] for step_id in part)]


def _finish(edges: Mapping[str, Sequence[str]], start: str, seen: set[str]) -> list[str]:
    """What can be reached from `start` and was not seen before, each after all that it leads to."""
    found: list[str] = []
    path = [] if start in seen else [(start, iter(edges[start]))]
    seen.add(start)
    while path:
        step_id, targets = path[-1]
        following = next((target for target in targets if target not in seen), None)
        if following is None:
            found.append(step_id)
            path.pop()
        else:
            seen.add(following)
            path.append((following, iter(edges[following])))
    return found

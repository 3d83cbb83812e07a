"""Flows that are parts of other flows: what they are given, what they give back, and how deep they may stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

MAX_DEPTH = 5
"""Flows a call may be in at once, one inside the other, beside the one it began with."""
TYPES = ("text", "number", "boolean", "time")


@dataclass(frozen=True)
class Parameter:
    """A value that goes into a flow or comes out of it. It is an attribute there, of that type when it has a value."""

    name: str = ""
    type: str = "text"
    required: bool = False


@dataclass(frozen=True)
class CallFlow:
    """Goes through another flow and comes back where that ends. `inputs` are expressions by the other flow's inputs,
    `outputs` its outputs by attributes of this flow."""

    flow_id: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    next: str = ""
    failed: str = ""


@dataclass(frozen=True)
class Frame:
    """What a run goes back to: the step that called, its release, the attributes there, and what to do with outputs.

    `given` are the inputs until the other flow is there. `broken`: it can't be gone through, so `failed` comes next.
    """

    step_id: str
    flow_id: str = ""
    release_id: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)
    given: Mapping[str, str] = field(default_factory=dict, repr=False)
    outputs: Mapping[str, str] = field(default_factory=dict)
    next: str = ""
    failed: str = ""
    broken: bool = False


@dataclass(frozen=True)
class EnterFlow:
    """Go on in the newest release of another flow, to come back."""

    flow_id: str


@dataclass(frozen=True)
class FlowEntered:
    """The release a run goes on with, and where it came from; without a release the flow was deleted or never
    published."""

    flow_id: str = ""
    release_id: str = ""
    from_flow_id: str = ""
    from_release_id: str = ""


@dataclass(frozen=True)
class LeaveFlow:
    """Go back to this release."""

    flow_id: str
    release_id: str


@dataclass(frozen=True)
class FlowLeft:
    """The run is where it was called from."""

    flow_id: str
    release_id: str


def circle(calls: Mapping[str, Sequence[str]], start: str) -> list[str] | None:
    """A way by which a flow would come to call itself, from `start` on; None when there is none. `calls` says which
    flows each one calls."""
    done: set[str] = set()
    path = [(start, iter(calls.get(start, ())))]
    while path:
        flow_id, targets = path[-1]
        following = next((each for each in targets if each not in done), None)
        if following is None:
            done.add(flow_id)
            path.pop()
            continue
        standing = [each for each, _ in path]
        if following in standing:
            return [*standing[standing.index(following) :], following]
        path.append((following, iter(calls.get(following, ()))))
    return None


def depth(calls: Mapping[str, Sequence[str]], start: str) -> int:
    """How many flows stand one inside the other below `start`, of calls without a circle."""
    found: dict[str, int] = {}
    for flow_id in _inner_first(calls, start):
        found[flow_id] = 1 + max((found[each] for each in calls.get(flow_id, ())), default=-1)
    return found[start]


def _inner_first(calls: Mapping[str, Sequence[str]], start: str) -> Iterator[str]:
    seen = {start}
    path = [(start, iter(calls.get(start, ())))]
    while path:
        flow_id, targets = path[-1]
        following = next((each for each in targets if each not in seen), None)
        if following is None:
            yield flow_id
            path.pop()
        else:
            seen.add(following)
            path.append((following, iter(calls.get(following, ()))))

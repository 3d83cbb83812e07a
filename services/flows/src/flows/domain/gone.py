"""What a flow still does when the caller has hung up while they waited: steps that nobody has to hear."""

from __future__ import annotations

from collections.abc import Iterator

from flows.domain.branching import CheckQueue, Split, Test
from flows.domain.customers import FindCustomer
from flows.domain.definitions import (
    Action,
    CallbackOffer,
    Definition,
    HangUp,
    Hours,
    HttpRequest,
    Queue,
    SetAttribute,
    exits,
    utterances,
)
from flows.domain.entry import EntryRules

_SILENT = (Hours, Split, Test, CheckQueue, FindCustomer, EntryRules, SetAttribute, HttpRequest, CallbackOffer, HangUp)


def silent(action: Action | None) -> bool:
    """Whether a step makes sense without a caller. An offer to call back does: they are called at their number, without
    being asked."""
    return isinstance(action, _SILENT)


def after_leaving(definition: Definition) -> Iterator[tuple[str, str]]:
    """Steps that come when a caller has left and that somebody has to hear: (step id, the queue step's id). Each once,
    for the first queue step that leads there; beyond it nothing is looked at."""
    found: set[str] = set()
    for step in definition.steps:
        if not isinstance(step.action, Queue) or not step.action.abandoned:
            continue
        seen: set[str] = set()
        waiting = [step.action.abandoned]
        while waiting:
            step_id = waiting.pop()
            target = definition.step(step_id)
            if step_id in seen or target is None or target.action is None:
                continue
            seen.add(step_id)
            if not silent(target.action) or _speaks(target.action):
                if step_id not in found:
                    yield step_id, step.step_id
                found.add(step_id)
                continue
            waiting += [each for _, each in exits(target.action)]


def _speaks(action: Action | None) -> bool:
    # The words of an offer to call back are for those who are there, and are left out.
    return not isinstance(action, CallbackOffer) and any(True for _ in utterances(action))

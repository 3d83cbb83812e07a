"""How a run takes the steps that choose by themselves: by share, by attributes, by a queue, by who calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

from flows.domain.branching import Branch, CheckQueue, Split, Test, share_at
from flows.domain.customers import FindCustomer
from flows.domain.deeds import Draw, Drawn, Found, LookAtQueue, LookedUp, LookUp, QueueSeen, QueueStanding
from flows.domain.definitions import SetAttribute
from flows.domain.entry import Chosen, EntryRules, Rule
from flows.domain.formulas import ExpressionFailed, Type, Value, evaluate, holds, written
from flows.domain.runs import Phase
from flows.domain.walks import Turn, Walk, fill

QUEUE_NAMES: Mapping[str, Type] = {
    "queue.waiting": Type.NUMBER,
    "queue.agents": Type.NUMBER,
    "queue.free": Type.NUMBER,
    "queue.expected_wait": Type.NUMBER,
    "queue.staffed": Type.BOOLEAN,
    "queue.open": Type.BOOLEAN,
    "queue.holiday": Type.TEXT,
}
"""What conditions about a queue may name beside attributes. The expected wait is in seconds; while nobody is at work it
is a day. A queue without business hours is open. The holiday is the name of that which decides about them now."""
R = TypeVar("R", Branch, Rule)
_NOBODY = Decimal(24 * 3600)


def split(walk: Walk, _: Split) -> Turn:
    """Draw."""
    return walk.effect(Phase.DRAWING, Draw(walk.state.step_id))


def drawn(walk: Walk, event: Drawn) -> Turn:
    """Go the way of the share that was drawn."""
    action = walk.step.action
    assert isinstance(action, Split)
    share = share_at(action, event.point)
    walk.note(f"drawn: {share.name}" if share else "drawn: nothing")
    return walk.go(share.next if share else "")


def test(walk: Walk, action: Test) -> str:
    """Go by the first condition that holds."""
    return _first(walk, action.branches, walk.state.attributes) or action.otherwise


def set_attribute(walk: Walk, action: SetAttribute) -> str:
    """Set an attribute to a value, or to what an expression comes to; to nothing when it can't be worked out."""
    if not action.expression:
        value = fill(action.value, walk.state.attributes)
        walk.note("set")
    else:
        try:
            value = written(evaluate(action.expression, walk.state.attributes, walk.now, walk.state.listed))
            walk.note("set")
        except ExpressionFailed as error:
            value = ""
            walk.note(f"set to nothing: {_why(error)}")
    walk.put(action.attribute, value)
    return action.next


def check_queue(walk: Walk, action: CheckQueue) -> Turn:
    """Ask routing how the queue stands."""
    return walk.effect(Phase.CHECKING_QUEUE, LookAtQueue(action.queue_id))


def queue_seen(walk: Walk, event: QueueSeen) -> Turn:
    """Go by how it stands."""
    action = walk.step.action
    assert isinstance(action, CheckQueue)
    if event.standing is None:
        walk.note("queue not known")
        return walk.go(action.failed)
    values: dict[str, Value] = {**walk.state.attributes, **_values(event.standing)}
    return walk.go(_first(walk, action.branches, values) or action.otherwise)


def find_customer(walk: Walk, action: FindCustomer) -> Turn:
    """Ask engagement."""
    value = fill(action.value, walk.state.attributes).strip()
    return walk.effect(Phase.FINDING_CUSTOMER, LookUp(action.by, action.attribute, value))


def looked_up(walk: Walk, event: LookedUp) -> Turn:
    """Keep what is known of the customer, and go on."""
    action = walk.step.action
    assert isinstance(action, FindCustomer)
    walk.note(f"customer {event.found.replace('_', ' ')}")
    match event.found:
        case Found.FOUND:
            for name, known in action.extract.items():
                walk.put(name, event.values.get(known, ""))
            if event.values.get("customer_id"):
                walk.put("customer_id", event.values["customer_id"])
            return walk.go(action.next)
        case Found.NOT_FOUND:
            return walk.go(action.not_found)
        case Found.SEVERAL:
            return walk.go(action.several)
        case Found.FAILED:
            return walk.go(action.failed)


def entry_rules(walk: Walk, action: EntryRules) -> str:
    """Choose where the call waits by the first row that holds."""
    rule = _holding(walk, action.rules, walk.state.attributes)
    if rule is None:
        return action.otherwise
    walk.state = replace(walk.state, chosen=Chosen(rule.queue_id, rule.priority, rule.skills, rule.requirement))
    return action.next


def _first(walk: Walk, branches: Sequence[Branch], values: Mapping[str, Value]) -> str:
    branch = _holding(walk, branches, values)
    return branch.next if branch else ""


def _holding(walk: Walk, rows: Sequence[R], values: Mapping[str, Value]) -> R | None:
    for place, row in enumerate(rows):
        name = row.name or str(place + 1)
        try:
            if holds(row.condition, values, walk.now, walk.state.listed):
                walk.note(f"holds: {name}")
                return row
        except ExpressionFailed as error:
            # One that can't be worked out does not hold: the caller goes on by what can.
            walk.note(f"{name} can't be told: {_why(error)}")
    walk.note("otherwise")
    return None


def _why(error: ExpressionFailed) -> str:
    # What is written down of a run must not hold what the caller typed, which the message quotes.
    text = str(error)
    return text.split("'")[-1].strip() or text if "'" in text else text


def _values(standing: QueueStanding) -> dict[str, Value]:
    wait = standing.expected_wait
    return {
        "queue.waiting": Decimal(standing.waiting),
        "queue.agents": Decimal(standing.agents),
        "queue.free": Decimal(standing.free),
        "queue.expected_wait": _NOBODY if wait is None else Decimal(int(wait.total_seconds())),
        "queue.staffed": standing.agents > 0,
        "queue.open": not standing.closed,
        "queue.holiday": standing.holiday,
    }

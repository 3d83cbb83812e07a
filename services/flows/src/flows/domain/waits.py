"""Waiting for an agent: for whoever serves a queue, or for one alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from flows.domain import speech
from flows.domain.definitions import (
    BUILT_IN_ATTRIBUTES,
    DEFAULT_ANNOUNCE_INTERVAL,
    DEFAULT_TRANSFER_TIMEOUT,
    Queue,
    Transfer,
)
from flows.domain.orders import Audio, WaitInQueue
from flows.domain.runs import (
    CheckContact,
    ContactChecked,
    ContactKind,
    Dequeue,
    Dequeued,
    Enqueue,
    Enqueued,
    Estimate,
    Estimated,
    Phase,
    QueueTick,
)  # fmt: skip
from flows.domain.walks import Turn, Walk

_NEVER = timedelta(0)
_TICK_WITHOUT_ANNOUNCEMENTS = timedelta(seconds=60)
_TICK_WHILE_OFFERED = timedelta(seconds=5)


@dataclass(frozen=True)
class _Line:
    """What the current step says of its wait. `given_up` is the step after `max_wait`."""

    music_prompt_id: str
    announce_interval: timedelta
    max_wait: timedelta | None
    given_up: str
    one_agent: bool = False


def queue(walk: Walk, action: Queue | Transfer) -> Turn:
    """Begin to wait."""
    own = {name: value for name, value in walk.state.attributes.items() if name not in BUILT_IN_ATTRIBUTES}
    if isinstance(action, Queue):
        effect = Enqueue(walk.request_id, action.queue_id, action.skills, action.priority, own)
    elif action.to == "agent_id":
        effect = Enqueue(walk.request_id, "", {}, 0, own, action.target)
    else:
        effect = Enqueue(walk.request_id, action.target, {}, 0, own)
    return walk.effect(Phase.ENQUEUEING, effect)


def enqueued(walk: Walk, event: Enqueued) -> Turn:
    """Routing has the contact, or refused it."""
    line = _line(walk)
    if not event.contact_id:
        walk.note(f"refused by routing: {event.refusal}")
        if line.one_agent or line.given_up:
            return _give_up(walk, line)
        return walk.end("failed", "FLOW_FAILED")
    walk.note("queued")
    if event.customer_id:
        walk.put("customer_id", event.customer_id)
    walk.state = replace(walk.state, contact_id=event.contact_id, queue_time=walk.now, announce_time=None)
    return _announce(walk, line)


def tick(walk: Walk, _: QueueTick) -> Turn:
    """Time passed. What is for one agent may be over by their answer, and nobody else tells the run."""
    line = _line(walk)
    if line.one_agent:
        return walk.effect(Phase.CHECKING_CONTACT, CheckContact(walk.state.contact_id))
    return _go_on(walk, line)


def checked(walk: Walk, event: ContactChecked) -> Turn:
    """Routing said whether the one agent may still take it."""
    line = _line(walk)
    if event.open:
        return _go_on(walk, line)
    walk.note("not taken")
    return _give_up(walk, line)


def estimated(walk: Walk, event: Estimated) -> Turn:
    """Routing said how long it may take, or could not."""
    line = _line(walk)
    if event.estimate is None:
        return _wait_on(walk, line, ())
    walk.state = replace(walk.state, announce_time=walk.now)
    walk.note("announced")
    text, language = speech.announcement(event.estimate, walk.state.language)
    return _wait_on(walk, line, (Audio(text=text, language=language),))


def dequeued(walk: Walk, event: Dequeued) -> Turn:
    """The contact is out of its queue, or an agent was faster."""
    line = _line(walk)
    if not event.out:
        return _wait_on(walk, line, ())
    walk.note("waited too long")
    return _give_up(walk, line)


def longest_wait(action: Queue | Transfer) -> timedelta | None:
    """How long at most is waited; None without a limit."""
    if isinstance(action, Queue):
        return action.max_wait
    return action.timeout or (DEFAULT_TRANSFER_TIMEOUT if action.to == "agent_id" else None)


def _line(walk: Walk) -> _Line:
    action = walk.step.action
    if isinstance(action, Queue):
        interval = DEFAULT_ANNOUNCE_INTERVAL if action.announce_interval is None else action.announce_interval
        return _Line(action.music_prompt_id, interval, longest_wait(action), action.timed_out)
    assert isinstance(action, Transfer)
    if action.to == "agent_id":
        return _Line(action.music_prompt_id, _NEVER, longest_wait(action), action.failed, one_agent=True)
    # A customer whose agent asks a colleague meanwhile waits for nobody.
    consult = walk.state.origin.contact_kind is ContactKind.CONSULT
    interval = _NEVER if consult else DEFAULT_ANNOUNCE_INTERVAL
    return _Line(action.music_prompt_id, interval, longest_wait(action), action.failed)


def _go_on(walk: Walk, line: _Line) -> Turn:
    waited = walk.now - (walk.state.queue_time or walk.now)
    if line.max_wait is not None and waited >= line.max_wait:
        return walk.effect(Phase.DEQUEUEING, Dequeue(walk.state.contact_id, "max_wait"))
    return _announce(walk, line)


def _give_up(walk: Walk, line: _Line) -> Turn:
    left = walk.state.contact_id or walk.state.left_contact_id
    walk.state = replace(walk.state, contact_id="", queue_time=None, announce_time=None, left_contact_id=left)
    return walk.go(line.given_up) if line.given_up else walk.end("nobody_free")


def _announce(walk: Walk, line: _Line) -> Turn:
    said = walk.state.announce_time
    # A tick comes a little early or late; one that comes before half of the interval is there for max_wait.
    if line.announce_interval and (said is None or walk.now - said >= line.announce_interval / 2):
        return walk.effect(Phase.ESTIMATING, Estimate(walk.state.contact_id))
    return _wait_on(walk, line, ())


def _wait_on(walk: Walk, line: _Line, audio: tuple[Audio, ...]) -> Turn:
    tick = line.announce_interval or _TICK_WITHOUT_ANNOUNCEMENTS
    if line.one_agent:
        tick = _TICK_WHILE_OFFERED
    if line.max_wait is not None and walk.state.queue_time is not None:
        left = line.max_wait - (walk.now - walk.state.queue_time)
        tick = min(tick, left) if left > _NEVER else min(tick, _TICK_WHILE_OFFERED)
    order = WaitInQueue(walk.state.contact_id, line.music_prompt_id, max(tick, timedelta(seconds=1)), audio)
    return walk.order(Phase.QUEUED, order)

"""Waiting for an agent: for whoever serves a queue, or for one alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from flows.domain import speech
from flows.domain.deeds import AgentLeft, CallerLeft
from flows.domain.definitions import (
    DEFAULT_ANNOUNCE_INTERVAL,
    DEFAULT_MOST_OFFERS,
    DEFAULT_TRANSFER_TIMEOUT,
    QUEUE_EXITS,
    Queue,
    Transfer,
)
from flows.domain.effects import CheckContact, Dequeue, Enqueue, Estimate
from flows.domain.entry import Chosen
from flows.domain.orders import Audio, Dial, WaitInQueue
from flows.domain.runs import (
    ContactChecked,
    ContactKind,
    Dequeued,
    Enqueued,
    Estimated,
    Phase,
    QueueTick,
    Served,
)
from flows.domain.telling import told
from flows.domain.walks import Turn, Walk

_NEVER = timedelta(0)
_TICK_WITHOUT_ANNOUNCEMENTS = timedelta(seconds=60)
_TICK_WHILE_OFFERED = timedelta(seconds=5)
_LEFT = {
    "max_wait": "waited too long", "no_match": "nobody could take it", "no_answer": "nobody answered",
    "closed": "queue closed", "nobody_staffed": "nobody staffed", "full": "queue full",
    "number": "overflowed to a number",
}  # fmt: skip
_NEGATIVE = ("nobody_staffed", "closed", "full")
_SENTENCES = {"closed": "closed"}
"""What ends the call politely where it is not that nobody is free."""


@dataclass(frozen=True)
class _Line:
    """What the current step says of its wait. `given_up` is the step after `max_wait`, `exits` are those for why the
    queue takes nobody."""

    music_prompt_id: str
    announce_interval: timedelta
    max_wait: timedelta | None
    given_up: str
    one_agent: bool = False
    exits: Mapping[str, str] = field(default_factory=dict)
    only_improved: bool = False
    no_match: str = ""
    no_answer: str = ""
    most_offers: int = 0
    goes_on: bool = False

    @property
    def watched(self) -> bool:
        """Whether there is an exit that routing has to be asked about again and again."""
        return self.one_agent or bool(self.no_match or self.no_answer)

    @property
    def elsewhere(self) -> str:
        """Any step for callers whom no agent takes, where there is none after the longest wait: better than a fault."""
        others = (self.no_match, *(self.exits.get(each, "") for each in _NEGATIVE), self.no_answer)
        return next((each for each in others if each), "")

    def way_out(self, why: str) -> str:
        """The step after a wait that was given up."""
        return {"no_match": self.no_match, "no_answer": self.no_answer}.get(why, "") or self.given_up


def queue(walk: Walk, action: Queue | Transfer) -> Turn:
    """Begin to wait, or go on with the contact that waits already."""
    known = walk.state.origin.waiting_contact_id
    if known and not walk.state.left_contact_id:
        # Their agent rings meanwhile: how long it may take is told when that agent doesn't come.
        walk.note("waits already")
        walk.state = replace(walk.state, contact_id=known, queue_time=walk.now, announce_time=walk.now)
        return walk.effect(Phase.CHECKING_CONTACT, CheckContact(known))
    own = told(walk)
    if isinstance(action, Queue):
        chosen = walk.state.chosen or Chosen("")
        asked = chosen if action.by_rules else Chosen(action.queue_id, action.priority, action.skills)
        agent_id = walk.state.attributes.get(action.preferred_attribute, "") if action.preferred == "attribute" else ""
        preferred = action.preferred if action.preferred != "attribute" else ""
        effect = Enqueue(
            walk.request_id, asked.queue_id, asked.skills, asked.priority, own,
            preferred=preferred, preferred_agent_id=agent_id, requirement=asked.requirement,
            left_contact_id=walk.state.left_contact_id,
        )  # fmt: skip
    elif action.to == "agent_id":
        effect = Enqueue(walk.request_id, "", {}, 0, own, action.target)
    else:
        effect = Enqueue(walk.request_id, action.target, {}, 0, own, left_contact_id=walk.state.left_contact_id)
    return walk.effect(Phase.ENQUEUEING, effect)


def enqueued(walk: Walk, event: Enqueued) -> Turn:
    """Routing has the contact, or refused it."""
    line = _line(walk)
    if not event.contact_id:
        walk.note(f"refused by routing: {event.refusal}")
        way = line.given_up or line.elsewhere
        if not _turned_away_before(walk) and (line.one_agent or way):
            return _give_up(walk, replace(line, given_up=way))
        return walk.end("failed", "FLOW_FAILED")
    if event.left:
        return _turned_away(walk, line, event)
    walk.note("queued")
    if event.customer_id:
        walk.put("customer_id", event.customer_id)
    walk.state = replace(
        walk.state, contact_id=event.contact_id, queue_time=walk.now, announce_time=None, announced=None,
        turned_away_by=(), leaving="",
    )  # fmt: skip
    if line.no_match:
        return walk.effect(Phase.ESTIMATING, Estimate(walk.state.contact_id))
    return _announce(walk, line)


def tick(walk: Walk, _: QueueTick) -> Turn:
    """Time passed. What is for one agent may be over by their answer, and a queue may have taken the contact out:
    nobody else tells the run."""
    return walk.effect(Phase.CHECKING_CONTACT, CheckContact(walk.state.contact_id))


def checked(walk: Walk, event: ContactChecked) -> Turn:
    """Routing said whether somebody may still take it."""
    line = _line(walk)
    if event.left == "abandoned":
        return abandoned(walk, CallerLeft())
    if event.open and line.no_answer and event.missed >= (line.most_offers or DEFAULT_MOST_OFFERS):
        return _leave(walk, "no_answer")
    if event.open:
        return _go_on(walk, line)
    if event.left:
        return _left(walk, line, event)
    walk.note("not taken")
    return _give_up(walk, line)


def estimated(walk: Walk, event: Estimated) -> Turn:
    """Routing said how long it may take, or could not. Without anybody at work who could take it, it can't be told."""
    line = _line(walk)
    if event.estimate is None:
        return _wait_on(walk, line, ())
    if line.no_match and event.estimate.expected is None:
        return _leave(walk, "no_match")
    if not _due(walk, line):
        return _wait_on(walk, line, ())
    told, before = speech.told(event.estimate), walk.state.announced
    if line.only_improved and before is not None and not told.nearer_than(before):
        walk.state = replace(walk.state, announce_time=walk.now)
        walk.note("not announced: no nearer than before")
        return _wait_on(walk, line, ())
    walk.state = replace(walk.state, announce_time=walk.now, announced=told)
    walk.note("announced")
    text, language = speech.announcement(event.estimate, walk.state.language)
    return _wait_on(walk, line, (Audio(text=text, language=language),))


def dequeued(walk: Walk, event: Dequeued) -> Turn:
    """The contact is out of its queue, or an agent was faster."""
    line = _line(walk)
    if not event.out:
        return _wait_on(walk, line, ())
    walk.note(_LEFT[walk.state.leaving or "max_wait"])
    return _give_up(walk, line)


def abandoned(walk: Walk, _: CallerLeft) -> Turn:
    """The caller hung up: do what is left to do without them."""
    action = walk.step.action
    walk.note("left by the caller")
    walk.state = replace(
        walk.state, left_time=walk.state.left_time or walk.now, left_contact_id=walk.state.contact_id, contact_id="",
        queue_time=None, announce_time=None, announced=None, leaving="",
    )  # fmt: skip
    return walk.go(action.abandoned if isinstance(action, Queue) else "")


def agent_left(walk: Walk, event: AgentLeft) -> Turn:
    """The caller has talked with an agent and is back: go on with them. Whom they wait for next is asked for in another
    contact, which goes on from that one; and nobody comes back to a flow that called this one."""
    action = walk.step.action
    walk.note("the agent has left")
    origin = replace(walk.state.origin, contact_kind=ContactKind.TRANSFER, previous_contact_id=event.contact_id)
    walk.state = replace(
        walk.state, contact_id="", queue_time=None, announce_time=None, announced=None, leaving="", turned_away_by=(),
        left_contact_id="", frames=(), origin=origin,
        served=Served(event.contact_id, event.agent_id, event.queue_id, walk.state.entered),
    )  # fmt: skip
    for name, value in (("agent_id", event.agent_id), ("contact_id", event.contact_id), ("queue_id", event.queue_id)):
        walk.put(f"served.{name}", value)
    return walk.go(action.after_agent if isinstance(action, Queue) else "")


def longest_wait(action: Queue | Transfer) -> timedelta | None:
    """How long at most is waited; None without a limit."""
    if isinstance(action, Queue):
        return action.max_wait
    return action.timeout or (DEFAULT_TRANSFER_TIMEOUT if action.to == "agent_id" else None)


def _line(walk: Walk) -> _Line:
    action = walk.step.action
    if isinstance(action, Queue):
        interval = DEFAULT_ANNOUNCE_INTERVAL if action.announce_interval is None else action.announce_interval
        exits = {name: getattr(action, name) for name in QUEUE_EXITS}
        return _Line(
            action.music_prompt_id, interval, longest_wait(action), action.timed_out, exits=exits,
            only_improved=action.announce_only_improved,
            no_match=action.no_match, no_answer=action.no_answer, most_offers=action.most_offers,
            goes_on=bool(action.after_agent),
        )  # fmt: skip
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
        return _leave(walk, "max_wait")
    if line.no_match:
        return walk.effect(Phase.ESTIMATING, Estimate(walk.state.contact_id))
    return _announce(walk, line)


def given_up(walk: Walk) -> Turn:
    """The number that the call overflowed to was not reached."""
    return _give_up(walk, _line(walk))


def _turned_away(walk: Walk, line: _Line, event: Enqueued) -> Turn:
    """The queue did not take the caller. A step that did so twice, with no wait in between, would for ever, also when
    others of the kind come between."""
    if _turned_away_before(walk):
        walk.note(_LEFT.get(event.left, "left the queue"))
        return walk.end(_SENTENCES.get(event.left, "nobody_free"))
    return _left(walk, line, event)


def _turned_away_before(walk: Walk) -> bool:
    """Whether this step turned the caller away already; from now on it did."""
    action, before = walk.step.action, walk.state.turned_away_by
    target = action.target if isinstance(action, Transfer) else ""
    if isinstance(action, Queue):
        target = walk.state.chosen.queue_id if action.by_rules and walk.state.chosen else action.queue_id
    # Steps of another flow may have the same ids.
    this = f"{walk.state.step_id} {target}"
    if this in before:
        return True
    walk.state = replace(walk.state, turned_away_by=(*before, this))
    return False


def _left(walk: Walk, line: _Line, event: Enqueued | ContactChecked) -> Turn:
    """The queue took the contact out: to a number, or by the exit for why it did."""
    walk.note(_LEFT.get(event.left, "left the queue"))
    if event.number:
        walk.state = replace(walk.state, contact_id="", queue_time=None, announce_time=None, announced=None)
        music = (Audio(prompt_id=line.music_prompt_id),) if line.music_prompt_id else ()
        return walk.order(Phase.DIALLING, Dial(event.number, "", DEFAULT_TRANSFER_TIMEOUT, music))
    way = line.exits.get(event.left) or line.given_up
    return _give_up(walk, replace(line, given_up=way), _SENTENCES.get(event.left, "nobody_free"))


def _leave(walk: Walk, why: str) -> Turn:
    walk.state = replace(walk.state, leaving=why)
    return walk.effect(Phase.DEQUEUEING, Dequeue(walk.state.contact_id, why))


def _give_up(walk: Walk, line: _Line, sentence: str = "nobody_free") -> Turn:
    target = line.way_out(walk.state.leaving)
    walk.state = replace(
        walk.state, contact_id="", queue_time=None, announce_time=None, announced=None, leaving="",
        left_contact_id=walk.state.contact_id or walk.state.left_contact_id,
    )  # fmt: skip
    return walk.go(target) if target else walk.end(sentence)


def _announce(walk: Walk, line: _Line) -> Turn:
    if _due(walk, line):
        return walk.effect(Phase.ESTIMATING, Estimate(walk.state.contact_id))
    return _wait_on(walk, line, ())


def _due(walk: Walk, line: _Line) -> bool:
    """Whether the wait is to be told now."""
    said = walk.state.announce_time
    if not line.announce_interval:
        return False
    # A tick comes a little early or late. One that comes before half of the interval is there for max_wait; where
    # routing is asked more often than is announced, the announcement may be as early as those ticks are apart.
    early = _TICK_WHILE_OFFERED / 2 if line.watched else line.announce_interval / 2
    return said is None or walk.now - said >= line.announce_interval - early


def _wait_on(walk: Walk, line: _Line, audio: tuple[Audio, ...]) -> Turn:
    tick = line.announce_interval or _TICK_WITHOUT_ANNOUNCEMENTS
    if line.watched:
        tick = min(tick, _TICK_WHILE_OFFERED)
    if line.max_wait is not None and walk.state.queue_time is not None:
        left = line.max_wait - (walk.now - walk.state.queue_time)
        tick = min(tick, left) if left > _NEVER else min(tick, _TICK_WHILE_OFFERED)
    tick = max(tick, timedelta(seconds=1))
    order = WaitInQueue(walk.state.contact_id, line.music_prompt_id, tick, audio, line.goes_on)
    return walk.order(Phase.QUEUED, order)

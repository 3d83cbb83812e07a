"""How a run goes on: (definition, state, event) -> (new state, and an order for telephony or an effect to do).

Pure. An effect is done by the caller, who comes back with its result as the next event; only when an order comes
out is anything stored, so a crash in between repeats the effects of one turn and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import quote

from flows.domain import speech
from flows.domain.definitions import (
    BUILT_IN_ATTRIBUTES,
    DEFAULT_ANNOUNCE_INTERVAL,
    DEFAULT_ATTEMPTS,
    DEFAULT_HTTP_TIMEOUT,
    DEFAULT_INPUT_TIMEOUT,
    IMPERSONAL_ATTRIBUTES,
    PLACEHOLDER,
    Collect,
    Definition,
    HangUp,
    Hours,
    HttpRequest,
    Menu,
    Play,
    Queue,
    Say,
    SetAttribute,
    Step,
    Utterance,
)  # fmt: skip
from flows.domain.runs import (
    MASK,
    MAX_ATTRIBUTE_LENGTH,
    MAX_ATTRIBUTES,
    Audio,
    CheckHours,
    Dequeue,
    Dequeued,
    Digits,
    Effect,
    EndCall,
    Enqueue,
    Enqueued,
    Estimate,
    Estimated,
    Event,
    EventUnexpected,
    Fetch,
    Fetched,
    Finished,
    Gather,
    HoursChecked,
    Order,
    Phase,
    PlayAudio,
    Proceed,
    QueueTick,
    RunHasEnded,
    RunState,
    Started,
    TimedOut,
    Trail,
    Wait,
    WaitInQueue,
)  # fmt: skip

MAX_SILENT_STEPS = 100
"""Steps in one turn without an order, effects between them or not: more is a loop that validation could not see."""
MAX_STEPS = 2000
"""Steps in one run: a caller who never presses anything must not hold a line for ever."""
_TICK_WITHOUT_ANNOUNCEMENTS = timedelta(seconds=60)
_TICK_WHILE_OFFERED = timedelta(seconds=5)


@dataclass(frozen=True)
class Turn:
    """What came of an event: the state after it, exactly one of order and effect, and the steps taken."""

    state: RunState
    order: Order | None
    effect: Effect | None
    trail: tuple[Trail, ...]


def advance(run_id: str, definition: Definition, state: RunState, event: Event, now: datetime) -> Turn:
    """Take `event` and go on as far as the run can by itself.

    Raises RunHasEnded after the end, EventUnexpected for an event the last order can't end with.
    """
    if state.phase is Phase.ENDED:
        raise RunHasEnded("the run is over")
    transition = TRANSITIONS.get((state.phase, type(event)))
    if transition is None:
        raise EventUnexpected(f"a run that is {state.phase} can't take the event {type(event).__name__}")
    return transition(_Walk(run_id, definition, state, now), event)


def fill(text: str, values: Mapping[str, str], escape: Callable[[str], str] = str) -> str:
    """`text` with each `{name}` replaced by its value; a name without one becomes nothing."""
    return PLACEHOLDER.sub(lambda match: escape(values.get(match[1], "")), text)


class _Walk:
    """One turn in the making. Its methods end with an order or an effect."""

    def __init__(self, run_id: str, definition: Definition, state: RunState, now: datetime):
        self.run_id = run_id
        self.definition = definition
        self.state = state
        self.now = now
        self.trail: list[Trail] = []

    def note(self, outcome: str) -> None:
        """Write down what happened at the current step."""
        self.trail.append(Trail(self.state.step_id, outcome))

    def order(self, phase: Phase, order: Order) -> Turn:
        """End the turn with something for telephony to do."""
        self.state = replace(self.state, phase=phase, ordered=self.state.entered)
        return Turn(self.state, order, None, tuple(self.trail))

    def effect(self, phase: Phase, effect: Effect) -> Turn:
        """End the turn with something to be done outside."""
        self.state = replace(self.state, phase=phase)
        return Turn(self.state, None, effect, tuple(self.trail))

    def end(self, sentence: str = "", cause: str = "FLOW_ENDED", audio: tuple[Audio, ...] = ()) -> Turn:
        """End the run, with a fixed sentence or the flow's own words."""
        if sentence:
            text, language = speech.sentence(sentence, self.state.language)
            audio = (Audio(text=text, language=language),)
        return self.order(Phase.ENDED, EndCall(audio, cause))

    @property
    def request_id(self) -> str:
        """Names this visit of this step, the same when the turn is repeated."""
        return f"{self.run_id}:{self.state.step_id}:{self.state.entered}"

    @property
    def step(self) -> Step:
        """The step the run stands at; a pinned release has it."""
        found = self.definition.step(self.state.step_id)
        assert found is not None
        return found

    def put(self, name: str, value: str, *, secret: bool = False) -> None:
        """Set an attribute, cut to its limits; a secret one shows as a mask."""
        attributes, secrets = dict(self.state.attributes), dict(self.state.secrets)
        secrets.pop(name, None)
        if name not in attributes and len(attributes) >= MAX_ATTRIBUTES:
            self.note("attribute dropped: too many")
            return
        if secret:
            secrets[name] = value[:MAX_ATTRIBUTE_LENGTH]
        attributes[name] = MASK if secret else value[:MAX_ATTRIBUTE_LENGTH]
        self.state = replace(self.state, attributes=attributes, secrets=secrets)

    def hear(self, said: Utterance) -> tuple[Audio, ...]:
        """What the caller hears: the prompt, the run's language, else the flow's, else any that has text."""
        if said.prompt_id:
            return (Audio(prompt_id=said.prompt_id),)
        for language in (self.state.language, self.definition.language, *said.text):
            if said.text.get(language, "").strip():
                template = said.text[language]
                personal = not IMPERSONAL_ATTRIBUTES.issuperset(PLACEHOLDER.findall(template))
                return (Audio(fill(template, self.state.attributes), language=language, personal=personal),)
        return ()

    def go(self, step_id: str) -> Turn:
        """Enter a step, and those after it, until one needs somebody."""
        while step_id:
            step = self.definition.step(step_id)
            self.state = replace(self.state, step_id=step_id, entered=self.state.entered + 1, attempt=0)
            if step is None or step.action is None or self._too_far():
                return self._stop()
            outcome = _ENTER[type(step.action)](self, step.action)
            if isinstance(outcome, Turn):
                return outcome
            step_id = outcome
        return self.end()

    def _too_far(self) -> bool:
        return self.state.entered > MAX_STEPS or self.state.entered - self.state.ordered > MAX_SILENT_STEPS

    def _stop(self) -> Turn:
        self.note("stopped: too many steps" if self.state.entered > MAX_STEPS else "stopped: endless loop")
        return self.end("failed", "FLOW_FAILED")


def _say(walk: _Walk, say: Say) -> Turn | str:
    walk.note("said")
    audio = walk.hear(say.utterance)
    return walk.order(Phase.PLAYING, PlayAudio(audio)) if audio else say.next


def _play(walk: _Walk, play: Play) -> Turn:
    walk.note("played")
    return walk.order(Phase.PLAYING, PlayAudio((Audio(prompt_id=play.prompt_id),)))


def _ask(walk: _Walk, action: Menu | Collect) -> Turn:
    return _gather(walk, action, ())


def _gather(walk: _Walk, action: Menu | Collect, before: tuple[Audio, ...]) -> Turn:
    walk.state = replace(walk.state, attempt=walk.state.attempt + 1)
    audio = (*before, *walk.hear(action.utterance))
    timeout = action.timeout or DEFAULT_INPUT_TIMEOUT
    if isinstance(action, Menu):
        return walk.order(Phase.GATHERING, Gather(audio, 1, "", timeout))
    terminator = action.terminator or "#"
    return walk.order(Phase.GATHERING, Gather(audio, action.max_digits, terminator, timeout, action.masked))


def _hours(walk: _Walk, hours: Hours) -> Turn:
    return walk.effect(Phase.CHECKING_HOURS, CheckHours(hours.business_hours_id))


def _set(walk: _Walk, action: SetAttribute) -> str:
    walk.put(action.attribute, fill(action.value, walk.state.attributes))
    walk.note("set")
    return action.next


def _http(walk: _Walk, request: HttpRequest) -> Turn:
    return walk.order(Phase.WAITING, Wait(request.filler or "tone"))


def _queue(walk: _Walk, queue: Queue) -> Turn:
    own = {name: value for name, value in walk.state.attributes.items() if name not in BUILT_IN_ATTRIBUTES}
    effect = Enqueue(walk.request_id, queue.queue_id, queue.skills, queue.priority, own)
    return walk.effect(Phase.ENQUEUEING, effect)


def _hang_up(walk: _Walk, action: HangUp) -> Turn:
    walk.note("hung up")
    return walk.end(audio=walk.hear(action.utterance))


_ENTER: Mapping[type, Callable[..., Turn | str]] = {
    Say: _say, Play: _play, Menu: _ask, Collect: _ask, Hours: _hours, SetAttribute: _set, HttpRequest: _http,
    Queue: _queue, HangUp: _hang_up,
}  # fmt: skip
"""What entering a step does: a turn that waits for somebody, or the id of the step to go on with."""


def _started(walk: _Walk, _: Started) -> Turn:
    return walk.go(walk.definition.start)


def _finished(walk: _Walk, _: Finished) -> Turn:
    action = walk.step.action
    assert isinstance(action, Say | Play)
    return walk.go(action.next)


def _digits(walk: _Walk, event: Digits | TimedOut) -> Turn:
    action = walk.step.action
    assert isinstance(action, Menu | Collect)
    if isinstance(action, Menu):
        return _chosen(walk, action, event.digits)
    return _collected(walk, action, event.digits)


def _chosen(walk: _Walk, menu: Menu, digit: str) -> Turn:
    for choice in menu.choices:
        if digit and choice.digit == digit:
            walk.put(f"menu.{walk.state.step_id}", choice.value or choice.digit)
            walk.note(f"chose {choice.digit}")
            return walk.go(choice.next)
    walk.note("wrong digit" if digit else "no digit")
    if walk.state.attempt < (menu.attempts or DEFAULT_ATTEMPTS):
        return _gather(walk, menu, walk.hear(menu.invalid) if digit else ())
    return walk.go(menu.no_match) if menu.no_match else walk.end("no_choice")


def _collected(walk: _Walk, collect: Collect, digits: str) -> Turn:
    if max(collect.min_digits, 1) <= len(digits) <= collect.max_digits:
        walk.put(collect.attribute, digits, secret=collect.masked)
        walk.note("collected")
        return walk.go(collect.next)
    walk.note("too few digits" if digits else "no digits")
    if walk.state.attempt < (collect.attempts or DEFAULT_ATTEMPTS):
        return _gather(walk, collect, ())
    return walk.go(collect.no_match) if collect.no_match else walk.end("no_choice")


def _hours_checked(walk: _Walk, event: HoursChecked) -> Turn:
    hours = walk.step.action
    assert isinstance(hours, Hours)
    if event.open is None:
        # Someone deleted the hours after this release: a caller who is let in is served, one turned away is lost.
        walk.note("hours deleted, taken as open")
        return walk.go(hours.open)
    walk.note("open" if event.open else "closed")
    return walk.go(hours.open if event.open else hours.closed)


def _proceed(walk: _Walk, _: Proceed) -> Turn:
    request = walk.step.action
    assert isinstance(request, HttpRequest)
    values = {**walk.state.attributes, **walk.state.secrets}
    effect = Fetch(
        request_id=walk.request_id,
        method=request.method,
        url=fill(request.url, values, lambda value: quote(value, safe="")),
        headers={name: fill(text, values, _one_line) for name, text in request.headers.items()},
        body=fill(request.body, values, lambda value: json.dumps(value, ensure_ascii=False)[1:-1]),
        extract=request.extract,
        timeout=request.timeout or DEFAULT_HTTP_TIMEOUT,
        retries=request.retries,
    )
    return walk.effect(Phase.FETCHING, effect)


def _one_line(value: str) -> str:
    # A line break in a header's value would begin a header of the caller's choice.
    return "".join(character for character in value if character.isprintable())


def _fetched(walk: _Walk, event: Fetched) -> Turn:
    request = walk.step.action
    assert isinstance(request, HttpRequest)
    walk.note(f"http {event.outcome}")
    if event.values is None:
        return walk.go(request.failed)
    for name, value in event.values.items():
        walk.put(name, value)
    return walk.go(request.next)


def _enqueued(walk: _Walk, event: Enqueued) -> Turn:
    queue = walk.step.action
    assert isinstance(queue, Queue)
    if not event.contact_id:
        walk.note(f"refused by routing: {event.refusal}")
        return walk.go(queue.timed_out) if queue.timed_out else walk.end("failed", "FLOW_FAILED")
    walk.note("queued")
    if event.customer_id:
        walk.put("customer_id", event.customer_id)
    walk.state = replace(walk.state, contact_id=event.contact_id, queue_time=walk.now, announce_time=None)
    return _announce(walk, queue)


def _tick(walk: _Walk, _: QueueTick) -> Turn:
    queue = walk.step.action
    assert isinstance(queue, Queue)
    waited = walk.now - (walk.state.queue_time or walk.now)
    if queue.max_wait is not None and waited >= queue.max_wait:
        return walk.effect(Phase.DEQUEUEING, Dequeue(walk.state.contact_id, "max_wait"))
    return _announce(walk, queue)


def _announce(walk: _Walk, queue: Queue) -> Turn:
    interval = DEFAULT_ANNOUNCE_INTERVAL if queue.announce_interval is None else queue.announce_interval
    said = walk.state.announce_time
    # A tick comes a little early or late; one that comes before half of the interval is there for max_wait.
    if interval and (said is None or walk.now - said >= interval / 2):
        return walk.effect(Phase.ESTIMATING, Estimate(walk.state.contact_id))
    return _wait_on(walk, queue, ())


def _estimated(walk: _Walk, event: Estimated) -> Turn:
    queue = walk.step.action
    assert isinstance(queue, Queue)
    if event.estimate is None:
        return _wait_on(walk, queue, ())
    walk.state = replace(walk.state, announce_time=walk.now)
    walk.note("announced")
    text, language = speech.announcement(event.estimate, walk.state.language)
    return _wait_on(walk, queue, (Audio(text=text, language=language),))


def _wait_on(walk: _Walk, queue: Queue, audio: tuple[Audio, ...]) -> Turn:
    tick = queue.announce_interval if queue.announce_interval is not None else DEFAULT_ANNOUNCE_INTERVAL
    tick = tick or _TICK_WITHOUT_ANNOUNCEMENTS
    if queue.max_wait is not None and walk.state.queue_time is not None:
        left = queue.max_wait - (walk.now - walk.state.queue_time)
        tick = min(tick, left) if left > timedelta(0) else min(tick, _TICK_WHILE_OFFERED)
    order = WaitInQueue(walk.state.contact_id, queue.music_prompt_id, max(tick, timedelta(seconds=1)), audio)
    return walk.order(Phase.QUEUED, order)


def _dequeued(walk: _Walk, event: Dequeued) -> Turn:
    queue = walk.step.action
    assert isinstance(queue, Queue)
    if not event.out:
        return _wait_on(walk, queue, ())
    walk.note("waited too long")
    walk.state = replace(walk.state, contact_id="", queue_time=None, announce_time=None)
    return walk.go(queue.timed_out) if queue.timed_out else walk.end("nobody_free")


TRANSITIONS: Mapping[tuple[Phase, type], Callable[..., Turn]] = {
    (Phase.STARTING, Started): _started,
    (Phase.PLAYING, Finished): _finished,
    (Phase.GATHERING, Digits): _digits,
    (Phase.GATHERING, TimedOut): _digits,
    (Phase.CHECKING_HOURS, HoursChecked): _hours_checked,
    (Phase.WAITING, Proceed): _proceed,
    (Phase.FETCHING, Fetched): _fetched,
    (Phase.ENQUEUEING, Enqueued): _enqueued,
    (Phase.QUEUED, QueueTick): _tick,
    (Phase.ESTIMATING, Estimated): _estimated,
    (Phase.DEQUEUEING, Dequeued): _dequeued,
}
"""Every event a run takes in every phase; anything else is refused."""

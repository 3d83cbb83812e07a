"""How a run goes on: (definition, state, event) -> (new state, and an order for telephony or an effect to do).

Pure. An effect is done by the caller, who comes back with its result as the next event; only when an order comes
out is anything stored, so a crash in between repeats the effects of one turn and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote

from flows.domain import callbacks, calling, choosing, surveys, waits
from flows.domain.asking import ChooseLanguage, Survey
from flows.domain.branching import CheckQueue, Split, Test
from flows.domain.customers import FindCustomer
from flows.domain.deeds import (
    AgentLeft,
    CallbackChecked,
    CallbackMade,
    CallerLeft,
    Drawn,
    ListsSeen,
    LookedUp,
    QueueSeen,
)
from flows.domain.definitions import (
    DEFAULT_ATTEMPTS,
    DEFAULT_HTTP_TIMEOUT,
    DEFAULT_INPUT_TIMEOUT,
    DEFAULT_MESSAGE_DURATION,
    DEFAULT_MESSAGE_SILENCE,
    DEFAULT_TRANSFER_TIMEOUT,
    CallbackOffer,
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
    Transfer,
    Voicemail,
)  # fmt: skip
from flows.domain.effects import ChangeFlow, CheckHours, Fetch
from flows.domain.entry import EntryRules
from flows.domain.orders import Audio, Dial, Gather, PlayAudio, Record, SpokenChoice, Wait
from flows.domain.runs import (  # fmt: skip
    ContactChecked,
    Dequeued,
    DialEnded,
    DialFailed,
    Digits,
    Enqueued,
    Estimated,
    Event,
    EventUnexpected,
    Fetched,
    Finished,
    FlowChanged,
    HoursChecked,
    How,
    Phase,
    Proceed,
    QueueTick,
    Recorded,
    RunHasEnded,
    RunState,
    Started,
    TimedOut,
)
from flows.domain.subflows import CallFlow, FlowEntered, FlowLeft
from flows.domain.targets import leads_elsewhere
from flows.domain.walks import MAX_STEPS, Turn, Walk, fill

__all__ = ["MAX_STEPS", "TRANSITIONS", "Turn", "advance"]


def advance(run_id: str, definition: Definition, state: RunState, event: Event, now: datetime) -> Turn:
    """Take `event` and go on as far as the run can by itself.

    Raises RunHasEnded after the end, EventUnexpected for an event the last order can't end with.
    """
    if state.phase is Phase.ENDED:
        raise RunHasEnded("the run is over")
    transition = TRANSITIONS.get((state.phase, type(event)))
    if transition is None:
        raise EventUnexpected(f"a run that is {state.phase} can't take the event {type(event).__name__}")
    return transition(Walk(run_id, definition, state, now, _ENTER, calling.leave), event)


def _say(walk: Walk, say: Say) -> Turn | str:
    walk.note("said")
    audio = walk.hear(say.utterance)
    return walk.order(Phase.PLAYING, PlayAudio(audio)) if audio else say.next


def _play(walk: Walk, play: Play) -> Turn:
    walk.note("played")
    return walk.order(Phase.PLAYING, PlayAudio((Audio(prompt_id=play.prompt_id),)))


def _ask(walk: Walk, action: Menu | Collect) -> Turn:
    return _gather(walk, action, ())


def _gather(walk: Walk, action: Menu | Collect, before: tuple[Audio, ...]) -> Turn:
    walk.state = replace(walk.state, attempt=walk.state.attempt + 1)
    audio = (*before, *walk.hear(action.utterance))
    timeout = action.timeout or DEFAULT_INPUT_TIMEOUT
    if isinstance(action, Menu):
        spoken = tuple(
            SpokenChoice(phrase, choice.digit) for choice in action.choices for phrase in choice.phrases
        )  # fmt: skip
        return walk.order(Phase.GATHERING, Gather(audio, 1, "", timeout, spoken=spoken, language=walk.state.language))
    terminator = action.terminator or "#"
    return walk.order(Phase.GATHERING, Gather(audio, action.max_digits, terminator, timeout, action.masked))


def _hours(walk: Walk, hours: Hours) -> Turn:
    return walk.effect(Phase.CHECKING_HOURS, CheckHours(hours.business_hours_id))


def _http(walk: Walk, request: HttpRequest) -> Turn:
    if walk.state.gone:
        return _proceed(walk, Proceed())  # nobody is there to hear a filler
    return walk.order(Phase.WAITING, Wait(request.filler or "tone"))


def _hang_up(walk: Walk, action: HangUp) -> Turn:
    walk.note("hung up")
    return walk.end(audio=walk.hear(action.utterance))


def _transfer(walk: Walk, transfer: Transfer) -> Turn:
    if transfer.to == "flow_id":
        return walk.effect(Phase.CHANGING_FLOW, ChangeFlow(transfer.target))
    if transfer.to != "number":
        return waits.queue(walk, transfer)
    audio = (Audio(prompt_id=transfer.music_prompt_id),) if transfer.music_prompt_id else ()
    timeout = transfer.timeout or DEFAULT_TRANSFER_TIMEOUT
    order = Dial(transfer.target, transfer.caller_number, timeout, audio, transfer.people_only)
    return walk.order(Phase.DIALLING, order)


def _voicemail(walk: Walk, voicemail: Voicemail) -> Turn:
    order = Record(
        audio=walk.hear(voicemail.utterance),
        beep=not voicemail.without_beep,
        max_duration=voicemail.max_duration or DEFAULT_MESSAGE_DURATION,
        silence_timeout=voicemail.silence_timeout or DEFAULT_MESSAGE_SILENCE,
        end_digit=voicemail.end_digit or "#",
        mailbox=voicemail.mailbox,
        owner=voicemail.owner,
    )
    return walk.order(Phase.RECORDING, order)


_ENTER: Mapping[type, Callable[..., Turn | str]] = {
    Say: _say, Play: _play, Menu: _ask, Collect: _ask, Hours: _hours, HttpRequest: _http,
    SetAttribute: choosing.set_attribute, Queue: waits.queue, Transfer: _transfer, Voicemail: _voicemail,
    HangUp: _hang_up, Split: choosing.split, Test: choosing.test, CheckQueue: choosing.check_queue,
    FindCustomer: choosing.find_customer, ChooseLanguage: surveys.ask, Survey: surveys.ask,
    CallFlow: calling.call, EntryRules: choosing.entry_rules, CallbackOffer: callbacks.offer,
}  # fmt: skip


def _started(walk: Walk, _: Started) -> Turn:
    return walk.go(walk.definition.start)


def _finished(walk: Walk, _: Finished) -> Turn:
    action = walk.step.action
    assert isinstance(action, Say | Play)
    return walk.go(action.next)


def _digits(walk: Walk, event: Digits | TimedOut) -> Turn:
    action = walk.step.action
    if event.digits:
        # Who chooses a queue again that is closed may: they don't go round by themselves.
        walk.state = replace(walk.state, turned_away_by=())
    match action:
        case Menu():
            return _chosen(walk, action, event.digits, event.how if isinstance(event, Digits) else How.PRESSED)
        case ChooseLanguage():
            return surveys.chosen(walk, action, event.digits)
        case Survey():
            return surveys.answered(walk, action, event.digits)
        case CallbackOffer():
            return callbacks.pressed(walk, action, event.digits)
        case _:
            assert isinstance(action, Collect)
            return _collected(walk, action, event.digits)


def _chosen(walk: Walk, menu: Menu, digit: str, how: How) -> Turn:
    for choice in menu.choices:
        if digit and choice.digit == digit:
            walk.put(f"menu.{walk.state.step_id}", choice.value or choice.digit)
            walk.note(f"said {choice.digit}" if how is How.SPOKEN else f"chose {choice.digit}")
            return walk.go(choice.next)
    walk.note("not understood" if how is How.NOT_UNDERSTOOD else "wrong digit" if digit else "no digit")
    if walk.state.attempt < (menu.attempts or DEFAULT_ATTEMPTS):
        return _gather(walk, menu, walk.hear(menu.invalid) if digit else ())
    return walk.go(menu.no_match) if menu.no_match else walk.end("no_choice")


def _collected(walk: Walk, collect: Collect, digits: str) -> Turn:
    if max(collect.min_digits, 1) <= len(digits) <= collect.max_digits:
        walk.put(collect.attribute, digits, secret=collect.masked)
        walk.note("collected")
        return walk.go(collect.next)
    walk.note("too few digits" if digits else "no digits")
    if walk.state.attempt < (collect.attempts or DEFAULT_ATTEMPTS):
        return _gather(walk, collect, ())
    return walk.go(collect.no_match) if collect.no_match else walk.end("no_choice")


def _hours_checked(walk: Walk, event: HoursChecked) -> Turn:
    hours = walk.step.action
    assert isinstance(hours, Hours)
    if event.open is None:
        # Someone deleted the hours after this release: a caller who is let in is served, one turned away is lost.
        walk.note("hours deleted, taken as open")
        return walk.go(hours.open)
    walk.note("open" if event.open else "closed")
    return walk.go(hours.open if event.open else hours.closed)


def _proceed(walk: Walk, _: Proceed) -> Turn:
    request = walk.step.action
    assert isinstance(request, HttpRequest)
    values = {**walk.state.attributes, **walk.state.secrets}
    url = fill(request.url, values, lambda value: quote(value, safe=""))
    if leads_elsewhere(request.url, url):
        walk.note("http not asked: a value would lead to another path")
        return walk.go(request.failed)
    effect = Fetch(
        request_id=walk.request_id,
        method=request.method,
        url=url,
        headers={name: fill(text, values, _one_line) for name, text in request.headers.items()},
        body=fill(request.body, values, lambda value: json.dumps(value, ensure_ascii=False)[1:-1]),
        extract=request.extract,
        timeout=request.timeout or DEFAULT_HTTP_TIMEOUT,
        retries=request.retries,
    )
    return walk.effect(Phase.FETCHING, effect)


def _one_line(value: str) -> str:
    # A line break in a header's value would begin a header of the caller's choice; blanks around it are no part of it
    # (RFC 9110 5.5), and nobody sends them.
    return "".join(character for character in value if character.isprintable()).strip()


def _fetched(walk: Walk, event: Fetched) -> Turn:
    request = walk.step.action
    assert isinstance(request, HttpRequest)
    walk.note(f"http {event.outcome}")
    if event.values is None:
        return walk.go(request.failed)
    for name, value in event.values.items():
        walk.put(name, value)
    return walk.go(request.next)


def _dial_failed(walk: Walk, event: DialFailed) -> Turn:
    transfer = walk.step.action
    walk.note(f"not reached: {event.detail or 'no reason'}")
    if isinstance(transfer, Queue):
        return waits.given_up(walk)
    assert isinstance(transfer, Transfer)
    return walk.go(transfer.failed) if transfer.failed else walk.end("nobody_free")


def _dial_ended(walk: Walk, event: DialEnded) -> Turn:
    transfer = walk.step.action
    walk.note(f"talked {event.duration.total_seconds():.0f} s")
    return walk.go(transfer.next if isinstance(transfer, Transfer) else "")


def _recorded(walk: Walk, event: Recorded) -> Turn:
    voicemail = walk.step.action
    assert isinstance(voicemail, Voicemail)
    walk.note(f"message of {event.duration.total_seconds():.0f} s" if event.duration else "nothing said")
    walk.comment = event.duration
    if voicemail.next:
        return walk.go(voicemail.next)
    return walk.end("message_taken" if event.duration else "")


def _flow_changed(walk: Walk, event: FlowChanged) -> Turn:
    # The definition is the new flow's already when there is one.
    if event.release_id:
        walk.note("went on to another flow")
        # Whoever is handed on does not come back.
        walk.state = replace(walk.state, frames=())
        return walk.go(walk.definition.start)
    transfer = walk.step.action
    assert isinstance(transfer, Transfer)
    walk.note("that flow is gone")
    return walk.go(transfer.failed) if transfer.failed else walk.end("failed", "FLOW_FAILED")


TRANSITIONS: Mapping[tuple[Phase, type], Callable[..., Turn]] = {
    (Phase.STARTING, Started): _started,
    (Phase.PLAYING, Finished): _finished,
    (Phase.GATHERING, Digits): _digits,
    (Phase.GATHERING, TimedOut): _digits,
    (Phase.CHECKING_HOURS, HoursChecked): _hours_checked,
    (Phase.WAITING, Proceed): _proceed,
    (Phase.FETCHING, Fetched): _fetched,
    (Phase.ENQUEUEING, Enqueued): waits.enqueued,
    (Phase.QUEUED, QueueTick): waits.tick,
    (Phase.QUEUED, CallerLeft): waits.abandoned,
    (Phase.QUEUED, AgentLeft): waits.agent_left,
    (Phase.ESTIMATING, Estimated): waits.estimated,
    (Phase.DEQUEUEING, Dequeued): waits.dequeued,
    (Phase.CHECKING_CONTACT, ContactChecked): waits.checked,
    (Phase.DIALLING, DialFailed): _dial_failed,
    (Phase.DIALLING, DialEnded): _dial_ended,
    (Phase.RECORDING, Recorded): _recorded,
    (Phase.CHANGING_FLOW, FlowChanged): _flow_changed,
    (Phase.DRAWING, Drawn): choosing.drawn,
    (Phase.CHECKING_QUEUE, QueueSeen): choosing.queue_seen,
    (Phase.LOOKING_IN_LISTS, ListsSeen): Walk.seen,
    (Phase.FINDING_CUSTOMER, LookedUp): choosing.looked_up,
    (Phase.ENTERING_FLOW, FlowEntered): calling.entered,
    (Phase.LEAVING_FLOW, FlowLeft): calling.left,
    (Phase.CHECKING_CALLBACK, CallbackChecked): callbacks.checked,
    (Phase.REQUESTING_CALLBACK, CallbackMade): callbacks.made,
}
"""Every event a run takes in every phase; anything else is refused."""

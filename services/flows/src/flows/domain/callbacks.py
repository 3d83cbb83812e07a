"""Offering to call back: whether it is offered, which number, and a polite end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from kernel.phone import is_e164

from flows.domain.callback_words import words
from flows.domain.deeds import CallbackChecked, CallbackMade, CheckCallback, RequestCallback
from flows.domain.definitions import DEFAULT_INPUT_TIMEOUT, CallbackOffer, Utterance
from flows.domain.orders import Audio, Gather
from flows.domain.runs import Phase
from flows.domain.telling import MOST_TOLD, told
from flows.domain.walks import Turn, Walk

NUMBER = "callback_number"
"""Attribute that holds the number somebody typed."""
LANGUAGE = "language"
"""Attribute of a callback that holds the language its customer was spoken to in."""
MOST_TIMES = 3
"""How often one is asked for a number that can be called."""
_OFFER, _TYPED, _CONFIRM = "offer", "number", "confirm"
_FEWEST, _MOST = 8, 17
"""Digits of a number with its country code, and two zeros before it."""
_BETWEEN_DIGITS = timedelta(seconds=8)


def fewest_digits(asking: str) -> int:
    """How many digits are pressed at least where this is asked for."""
    return _FEWEST if asking == _TYPED else 1


def offer(walk: Walk, action: CallbackOffer) -> Turn:
    """Begin: ask routing first, unless it is offered always. Who is gone can't be asked: they are called back at their
    number."""
    if walk.state.gone:
        own = walk.state.attributes.get("caller_number", "")
        if is_e164(own):
            return _request(walk, action, own)
        walk.note("no number to call back")
        return walk.go(action.declined)
    walk.state = replace(walk.state, asking=_OFFER)
    if action.always:
        return _ask(walk, action)
    return walk.effect(Phase.CHECKING_CALLBACK, CheckCallback(action.queue_id, action.skills, action.priority))


def checked(walk: Walk, event: CallbackChecked) -> Turn:
    """Routing said whether it is offered. When it can't say, the caller goes on as if there was no offer."""
    action = _action(walk)
    if event.offered:
        return _ask(walk, action)
    walk.note("callback not offered" if event.offered is not None else "routing can't say whether to offer a callback")
    return _declined(walk, action)


def pressed(walk: Walk, action: CallbackOffer, digits: str) -> Turn:
    """The caller pressed something, or nothing."""
    match walk.state.asking:
        case "number":
            return _typed(walk, action, digits)
        case "confirm":
            if digits == "1":
                return _request(walk, action, walk.state.attributes.get(NUMBER, ""))
            return _once_more(walk, action, "") if digits == "2" else _refused(walk, action)
        case _:
            own = walk.state.attributes.get("caller_number", "")
            if digits == "1" and is_e164(own):
                return _request(walk, action, own)
            if digits == "2" or (digits == "1" and not is_e164(own)):
                walk.state = replace(walk.state, attempt=0)
                return _once_more(walk, action, "")
            return _refused(walk, action)


def made(walk: Walk, event: CallbackMade) -> Turn:
    """Routing has the callback, or refused it."""
    action = _action(walk)
    walk.state = replace(walk.state, asking="")
    if not event.callback_id:
        walk.note(f"callback refused by routing: {event.refusal}")
        return _declined(walk, action)
    walk.note("callback asked for before" if event.already_open else "callback asked for")
    walk.state = replace(walk.state, left_contact_id="")
    if event.already_open:
        return walk.end(audio=_said(walk, Utterance(), "known"))
    return walk.end(audio=_said(walk, action.confirmation, "made"))


def _ask(walk: Walk, action: CallbackOffer) -> Turn:
    known = is_e164(walk.state.attributes.get("caller_number", ""))
    audio = _said(walk, action.utterance, "offer" if known else "offer_unknown")
    return walk.order(Phase.GATHERING, Gather(audio, 1, "", DEFAULT_INPUT_TIMEOUT))


def _once_more(walk: Walk, action: CallbackOffer, before: str) -> Turn:
    """Ask for a number, unless that was done often enough."""
    if walk.state.attempt >= MOST_TIMES:
        return _refused(walk, action)
    walk.state = replace(walk.state, asking=_TYPED, attempt=walk.state.attempt + 1)
    audio = (*(_said(walk, Utterance(), before) if before else ()), *_said(walk, Utterance(), "number"))
    return walk.order(Phase.GATHERING, Gather(audio, _MOST, "#", _BETWEEN_DIGITS))


def _typed(walk: Walk, action: CallbackOffer, digits: str) -> Turn:
    number = "+" + digits.removeprefix("00")
    if not is_e164(number) or len(number) <= _FEWEST:
        walk.note("no number that can be called" if digits else "no number")
        return _once_more(walk, action, "wrong" if digits else "")
    walk.put(NUMBER, number)
    walk.state = replace(walk.state, asking=_CONFIRM)
    text, language = words("confirm", walk.state.language, number)
    audio = (Audio(text, language=language, personal=True),)
    return walk.order(Phase.GATHERING, Gather(audio, 1, "", DEFAULT_INPUT_TIMEOUT))


def _request(walk: Walk, action: CallbackOffer, number: str) -> Turn:
    own = {name: value for name, value in told(walk).items() if name != NUMBER}
    if walk.state.language and len(own) < MOST_TOLD:
        own[LANGUAGE] = walk.state.language  # the call back begins anew, and would be greeted in the brand's
    effect = RequestCallback(
        f"{walk.request_id}:callback", action.queue_id, number, action.skills, action.priority, own,
        walk.state.left_contact_id,
    )  # fmt: skip
    return walk.effect(Phase.REQUESTING_CALLBACK, effect)


def _refused(walk: Walk, action: CallbackOffer) -> Turn:
    walk.note("callback not wanted")
    return _declined(walk, action)


def _declined(walk: Walk, action: CallbackOffer) -> Turn:
    walk.state = replace(walk.state, asking="")
    return walk.go(action.declined) if action.declined else walk.end("nobody_free")


def _said(walk: Walk, own: Utterance, otherwise: str) -> tuple[Audio, ...]:
    """The author's words, else ours."""
    if not own.empty and (audio := walk.hear(own)):
        return audio
    text, language = words(otherwise, walk.state.language)
    return (Audio(text, language=language),)


def _action(walk: Walk) -> CallbackOffer:
    action = walk.step.action
    assert isinstance(action, CallbackOffer)
    return action

"""How a run asks for a language and for opinions."""

from __future__ import annotations

from dataclasses import replace

from flows.domain.asking import ChooseLanguage, Survey
from flows.domain.deeds import Answered
from flows.domain.definitions import DEFAULT_ATTEMPTS, DEFAULT_INPUT_TIMEOUT
from flows.domain.orders import Audio, Gather
from flows.domain.runs import Phase
from flows.domain.walks import Turn, Walk


def ask(walk: Walk, action: ChooseLanguage | Survey, before: tuple[Audio, ...] = ()) -> Turn:
    """Ask, once more when nothing of use came."""
    walk.state = replace(walk.state, attempt=walk.state.attempt + 1)
    if isinstance(action, ChooseLanguage):
        heard = tuple(
            audio
            for choice in action.choices
            if action.utterance.text.get(choice.language, "").strip()
            for audio in walk.hear(action.utterance, choice.language)
        )
        heard = heard or walk.hear(action.utterance)
    else:
        heard = walk.hear(action.utterance)
    digits = action.digits if isinstance(action, Survey) else 1
    terminator = "#" if digits > 1 else ""
    timeout = action.timeout or DEFAULT_INPUT_TIMEOUT
    return walk.order(Phase.GATHERING, Gather((*before, *heard), digits, terminator, timeout))


def chosen(walk: Walk, action: ChooseLanguage, digit: str) -> Turn:
    """Speak the language from now on."""
    for choice in action.choices:
        if digit and choice.digit == digit:
            walk.state = replace(walk.state, language=choice.language)
            walk.put("language", choice.language)
            walk.note(f"language {choice.language}")
            return walk.go(action.next)
    walk.note("wrong digit" if digit else "no digit")
    return _again(walk, action, ())


def answered(walk: Walk, action: Survey, digits: str) -> Turn:
    """Keep and tell the answer. Fewer keys than the highest has count when the time runs out."""
    value = int(digits) if digits.isdecimal() else -1
    if action.lowest <= value <= action.highest:
        walk.put(f"survey.{action.question_id}", str(value))
        walk.answers.append(Answered(walk.state.step_id, action.question_id, value, action.lowest, action.highest))
        walk.note("answered")
        return walk.go(action.next)
    walk.note("no such answer" if digits else "no answer")
    return _again(walk, action, walk.hear(action.invalid) if digits else ())


def _again(walk: Walk, action: ChooseLanguage | Survey, before: tuple[Audio, ...]) -> Turn:
    if walk.state.attempt < (action.attempts or DEFAULT_ATTEMPTS):
        return ask(walk, action, before)
    # Whoever says nothing of a survey, or of a language, has a call to go on with.
    return walk.go(action.no_match or action.next)

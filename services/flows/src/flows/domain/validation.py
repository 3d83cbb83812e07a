"""When a flow may be published. Every problem names its step and field and says what to do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from kernel.phone import is_e164

from flows.domain import gone, graph, step_checks, targets
from flows.domain.customers import FindCustomer
from flows.domain.definitions import (
    ATTRIBUTE,
    BUILT_IN_ATTRIBUTES,
    LANGUAGES,
    OWN_PREFIXES,
    PLACEHOLDER,
    STEP_ID,
    CallbackOffer,
    Collect,
    Definition,
    Hours,
    HttpRequest,
    Menu,
    Problem,
    Queue,
    SetAttribute,
    Severity,
    Step,
    Transfer,
    Voicemail,
    exits,
    prompts,
    utterances,
    written_attributes,
)  # fmt: skip
from flows.domain.findings import DIGITS, UNCHECKED, Found, References, error, input_limits, reference, warning

MAX_STEPS = 500
MAX_TEXT = 2000
_MOST_PHRASES, _LONGEST_PHRASE = 5, 60
_WORDS = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_UNBALANCED = re.compile(r"[{}]")


def validate(definition: Definition, known: References) -> list[Problem]:
    """Everything wrong with a definition: the flow as a whole first, then step by step.

    Of a flow with too many steps only that is said: the rest would take its square in time.
    """
    if not definition.steps:
        return [Problem("", "steps", Severity.ERROR, "FLOW_EMPTY", "The flow has no steps: add one.")]
    if len(definition.steps) > MAX_STEPS:
        message = f"The flow has more than {MAX_STEPS} steps: split it."
        return [Problem("", "steps", Severity.ERROR, "TOO_MANY_STEPS", message)]
    problems = [Problem("", *found) for found in _whole(definition, known)]
    by_step = _graph_problems(definition)
    for step_id, queue_id in gone.after_leaving(definition):
        message = (
            f"The caller has hung up when the queue step {queue_id!r} leads here by abandoned, and nobody hears this: "
            "lead to a step that needs no caller."
        )
        by_step.setdefault(step_id, []).append(error("kind", "CALLER_GONE", message))
    for step_id, flow_id in step_checks.hand_on_circles(definition, known):
        message = (
            f"By flow {flow_id} calls would come back here for ever without waiting for anybody: put a menu on the "
            "way, or lead it elsewhere."
        )
        by_step.setdefault(step_id, []).append(error("flow_id", "HAND_ON_CIRCLE", message))
    around = graph.around_rules(definition)
    for step in definition.steps:
        own = list(_own(definition, step, known)) + by_step.pop(step.step_id, [])
        problems += [Problem(step.step_id, *found) for found in own]
        problems += step_checks.expression_problems(definition, step, known)
        problems += step_checks.by_rules_problems(definition, step, around)
        problems += step_checks.requirement_problems(step, known)
    return problems


def valid(problems: Sequence[Problem]) -> bool:
    """Whether nothing found is an error."""
    return all(problem.severity is not Severity.ERROR for problem in problems)


def checked(problems: Sequence[Problem]) -> bool:
    """Whether every reference could be looked up."""
    return all(problem.reason != UNCHECKED for problem in problems)


def _whole(definition: Definition, known: References) -> Iterator[Found]:
    if not definition.start:
        yield error("start", "START_MISSING", "Choose the step a call begins with.")
    elif definition.step(definition.start) is None:
        yield error("start", "START_MISSING", f"The start {definition.start!r} is not a step of this flow.")
    if definition.language not in LANGUAGES:
        yield error("language", "LANGUAGE_UNKNOWN", f"The language must be one of {', '.join(LANGUAGES)}.")
    yield from step_checks.parameter_problems(definition)
    yield from step_checks.circle_problems(definition, known)


def _graph_problems(definition: Definition) -> dict[str, list[Found]]:
    found: dict[str, list[Found]] = {}
    if definition.step(definition.start) is not None:
        reached = graph.reachable(definition)
        for step in definition.steps:
            if step.step_id not in reached:
                message = "No path from the start leads to this step: connect it or delete it."
                found[step.step_id] = [error("step_id", "STEP_UNREACHABLE", message)]
    for cycle in graph.loops_without_input(definition):
        path = " -> ".join([*cycle, cycle[0]])
        message = f"The loop {path} never waits for the caller or an agent: put a menu into it or end it."
        found.setdefault(cycle[0], []).append(error("next", "LOOP_WITHOUT_INPUT", message))
    for cycle in graph.loops_while_closed(definition):
        path = " -> ".join([*cycle, cycle[0]])
        message = (
            f"While queues of the loop {path} are closed, full or unstaffed, callers go round it at once, and the call "
            "ends when they come to a queue again: give these queue steps exits of their own for that."
        )
        found.setdefault(cycle[0], []).append(warning("timed_out", "LOOP_WHILE_CLOSED", message))
    return found


def _own(definition: Definition, step: Step, known: References) -> Iterator[Found]:
    yield from _identity(definition, step)
    if step.action is None:
        yield error("kind", "STEP_KIND_MISSING", "Choose what this step does.")
        return
    for field, target in exits(step.action):
        if definition.step(target) is None:
            yield error(field, "NEXT_UNKNOWN", f"It leads to {target!r}, which is not a step of this flow.")
    yield from _speech(definition, step)
    for field, prompt_id in prompts(step.action):
        if prompt_id not in known.prompts:
            yield error(field, "PROMPT_MISSING", "This prompt was not uploaded or was deleted: choose another.")
    for field, name in written_attributes(step.action):
        yield from _attribute(field, name)
    check = _CHECKS.get(type(step.action))
    if check is not None:
        yield from check(step.action, known)
    yield from _placeholders(definition, step)


def _identity(definition: Definition, step: Step) -> Iterator[Found]:
    if not STEP_ID.fullmatch(step.step_id):
        message = "A step's id is 1 to 64 letters, digits, - and _."
        yield error("step_id", "STEP_ID_INVALID", message)
    if definition.step(step.step_id) is not step:
        yield error("step_id", "STEP_ID_DUPLICATE", "Another step has the same id: rename one of them.")


def _speech(definition: Definition, step: Step) -> Iterator[Found]:
    for field, said in utterances(step.action):
        if said.prompt_id:
            continue
        if not said.text.get(definition.language, "").strip():
            message = f"There is no text in the flow's language ({definition.language or 'unset'}): write it."
            yield error(f"{field}.text[{definition.language}]", "TEXT_MISSING", message)
        for language in sorted(set(definition.languages) - {definition.language}):
            if not said.text.get(language, "").strip():
                message = f"Other steps speak {language} and this one doesn't: its callers hear the flow's language."
                yield warning(f"{field}.text[{language}]", "TEXT_MISSING", message)
        for language, text in said.text.items():
            if language not in LANGUAGES:
                message = f"Speech knows {', '.join(LANGUAGES)} only."
                yield error(f"{field}.text[{language}]", "LANGUAGE_UNKNOWN", message)
            if len(text) > MAX_TEXT:
                message = f"The text is longer than {MAX_TEXT} characters: split it."
                yield error(f"{field}.text[{language}]", "TEXT_TOO_LONG", message)


def _attribute(field: str, name: str) -> Iterator[Found]:
    if not ATTRIBUTE.fullmatch(name):
        message = "An attribute's name begins with a letter and has up to 64 letters, digits, _, . and -."
        yield error(field, "ATTRIBUTE_INVALID", message)
    elif name in BUILT_IN_ATTRIBUTES or name.startswith(OWN_PREFIXES):
        yield error(field, "ATTRIBUTE_INVALID", f"{name} comes from the call and can't be set: choose another name.")


def _menu(menu: Menu, _: References) -> Iterator[Found]:
    if not menu.choices:
        yield error("choices", "MENU_WITHOUT_CHOICES", "A menu needs at least one choice.")
    counted = Counter(choice.digit for choice in menu.choices)
    for place, choice in enumerate(menu.choices):
        field = f"choices[{place}]"
        if len(choice.digit) != 1 or choice.digit not in DIGITS:
            yield error(f"{field}.digit", "DIGIT_INVALID", "A digit is one of 0 to 9, * and #.")
        elif counted[choice.digit] > 1:
            message = f"Digit {choice.digit} stands for two choices: change one."
            yield error(f"{field}.digit", "DIGIT_DUPLICATE", message)
        if not choice.next:
            yield error(f"{field}.next", "NEXT_MISSING", "Choose the step this digit leads to.")
        yield from _phrases(menu, place)
    yield from input_limits(menu.timeout, menu.attempts)


def _phrases(menu: Menu, place: int) -> Iterator[Found]:
    field, phrases = f"choices[{place}].phrases", menu.choices[place].phrases
    if len(phrases) > _MOST_PHRASES:
        yield error(field, "RANGE_INVALID", f"A choice has up to {_MOST_PHRASES} phrases.")
    said = Counter(_spoken(phrase) for choice in menu.choices for phrase in choice.phrases)
    for phrase in phrases:
        if not _spoken(phrase) or len(phrase) > _LONGEST_PHRASE:
            message = f"A phrase is one to a few words of letters and digits, up to {_LONGEST_PHRASE} characters."
            yield error(field, "PHRASE_INVALID", message)
        elif said[_spoken(phrase)] > 1:
            yield error(field, "PHRASE_DUPLICATE", f"“{phrase}” would mean two choices: change one.")


def _spoken(phrase: str) -> str:
    """The phrase as it sounds: its words."""
    return " ".join(_WORDS.findall(phrase.casefold()))


def _collect(collect: Collect, _: References) -> Iterator[Found]:
    if not 1 <= collect.max_digits <= 32:
        yield error("max_digits", "RANGE_INVALID", "The most digits must be 1 to 32.")
    if collect.min_digits < 0 or max(collect.min_digits, 1) > collect.max_digits:
        yield error("min_digits", "RANGE_INVALID", "The fewest digits must not be more than the most digits.")
    if collect.terminator and (len(collect.terminator) != 1 or collect.terminator not in DIGITS):
        yield error("terminator", "DIGIT_INVALID", "The terminator is one of 0 to 9, * and #.")
    yield from input_limits(collect.timeout, collect.attempts)


def _hours(hours: Hours, known: References) -> Iterator[Found]:
    yield from reference("business_hours_id", hours.business_hours_id, known.business_hours, "BUSINESS_HOURS")


def _callback_offer(offer: CallbackOffer, known: References) -> Iterator[Found]:
    yield from reference("queue_id", offer.queue_id, known.queues, "QUEUE")
    yield from step_checks.asked_problems(offer, known)


def _queue(queue: Queue, known: References) -> Iterator[Found]:
    if not queue.by_rules:
        yield from reference("queue_id", queue.queue_id, known.queues, "QUEUE")
    yield from step_checks.asked_problems(queue, known)
    interval = queue.announce_interval
    if interval and not timedelta(seconds=5) <= interval <= timedelta(minutes=10):
        yield error("announce_interval", "RANGE_INVALID", "Announce every 5 seconds to 10 minutes, or never (0 s).")
    if queue.max_wait is not None and not timedelta(seconds=5) <= queue.max_wait <= timedelta(hours=4):
        yield error("max_wait", "RANGE_INVALID", "The longest wait must be 5 seconds to 4 hours, or unset.")
    yield from step_checks.preferred_problems(queue)


def _transfer(transfer: Transfer, known: References) -> Iterator[Found]:
    longest = timedelta(hours=1)
    match transfer.to:
        case "number":
            longest = timedelta(seconds=120)
            if not is_e164(transfer.target):
                yield error("number", "NUMBER_INVALID", "Write the number with + and country code: +994501234567.")
            if transfer.caller_number and not is_e164(transfer.caller_number):
                yield error("caller_number", "NUMBER_INVALID", "Write the number with + and country code.")
        case "queue_id":
            yield from reference("queue_id", transfer.target, known.queues, "QUEUE")
        case "agent_id":
            yield from reference("agent_id", transfer.target, known.agents, "AGENT")
        case "flow_id":
            if transfer.target not in known.flows:
                yield error("flow_id", "FLOW_UNKNOWN", "Choose a flow that was published.")
        case _:
            yield error("target", "TARGET_MISSING", "Choose where the caller goes: a number, queue, agent or flow.")
    if transfer.timeout is not None and not timedelta(seconds=5) <= transfer.timeout <= longest:
        seconds = f"{longest.total_seconds():.0f}"
        yield error("timeout", "RANGE_INVALID", f"Ring or wait for 5 to {seconds} seconds.")


def _voicemail(voicemail: Voicemail, known: References) -> Iterator[Found]:
    match voicemail.mailbox:
        case "queue_id":
            yield from reference("queue_id", voicemail.owner, known.queues, "QUEUE")
        case "agent_id":
            yield from reference("agent_id", voicemail.owner, known.agents, "AGENT")
        case _:
            yield error("mailbox", "MAILBOX_MISSING", "Choose whose message it is: an agent's or a queue's.")
    if voicemail.end_digit and (len(voicemail.end_digit) != 1 or voicemail.end_digit not in DIGITS):
        yield error("end_digit", "DIGIT_INVALID", "The digit that ends a message is one of 0 to 9, * and #.")
    for field, value, least, most in (
        ("max_duration", voicemail.max_duration, 5, 600), ("silence_timeout", voicemail.silence_timeout, 2, 30),
    ):  # fmt: skip
        if value is not None and not timedelta(seconds=least) <= value <= timedelta(seconds=most):
            yield error(field, "RANGE_INVALID", f"It must be {least} to {most} seconds.")


def _http(request: HttpRequest, known: References) -> Iterator[Found]:
    if request.method not in ("GET", "POST"):
        yield error("method", "METHOD_INVALID", "The method must be GET or POST.")
    wrong = targets.url_problem(request.url, allow_loopback=known.allow_loopback)
    if wrong is not None:
        yield error("url", *wrong)
    if request.body and request.method == "GET":
        yield error("body", "BODY_UNEXPECTED", "A GET request has no body: use POST or delete it.")
    for name, pointer in request.extract.items():
        if pointer and not re.fullmatch(r"(/([^~/]|~[01])*)*", pointer):
            message = "It is not a JSON pointer (RFC 6901), such as /customer/name."
            yield error(f"extract[{name}]", "POINTER_INVALID", message)
    for name, value in request.headers.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}", name) or re.search(r"[\r\n\0]", value):
            yield error(f"headers[{name}]", "HEADER_INVALID", "The header's name or value is malformed.")
        elif name.lower() in ("host", "content-length", "transfer-encoding", "connection"):
            yield error(f"headers[{name}]", "HEADER_INVALID", f"{name} is set for you: delete it.")
    if request.timeout is not None and not timedelta(milliseconds=100) <= request.timeout <= timedelta(seconds=20):
        yield error("timeout", "RANGE_INVALID", "The time-out must be 0.1 to 20 seconds.")
    if not 0 <= request.retries <= 3:
        yield error("retries", "RANGE_INVALID", "At most 3 retries.")
    if request.filler not in ("", "music"):
        yield error("filler", "FILLER_INVALID", "The filler is music, or empty for a short tone.")


_CHECKS: dict[type, Callable[..., Iterator[Found]]] = {
    Menu: _menu, Collect: _collect, Hours: _hours, Queue: _queue, HttpRequest: _http, Transfer: _transfer,
    Voicemail: _voicemail, CallbackOffer: _callback_offer, **step_checks.CHECKS,
}  # fmt: skip


def _templates(step: Step) -> Iterator[tuple[str, str, bool]]:
    """Texts with placeholders: (field, text, whether every brace must belong to a placeholder)."""
    for field, said in utterances(step.action):
        for language, text in said.text.items():
            yield f"{field}.text[{language}]", text, True
    if isinstance(step.action, SetAttribute):
        yield "value", step.action.value, True
    if isinstance(step.action, FindCustomer):
        yield "value", step.action.value, True
    if isinstance(step.action, HttpRequest):
        yield "url", step.action.url, True
        yield "body", step.action.body, False
        for name, value in step.action.headers.items():
            yield f"headers[{name}]", value, True


def _placeholders(definition: Definition, step: Step) -> Iterator[Found]:
    for field, text, strict in _templates(step):
        if strict and _UNBALANCED.search(PLACEHOLDER.sub("", text)):
            message = "A placeholder is {name}: letters, digits, _, . and - between one pair of braces."
            yield error(field, "PLACEHOLDER_INVALID", message)
        for name in sorted(set(PLACEHOLDER.findall(text))):
            if name in BUILT_IN_ATTRIBUTES or name in definition.attributes:
                continue
            if step_checks.known_choice(definition, name):
                continue
            message = f"No step sets {{{name}}}: it is empty unless the call brings it."
            yield warning(field, "ATTRIBUTE_UNKNOWN", message)

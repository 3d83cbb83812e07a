"""What a flow is made of: steps, what they say and where they lead."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import cached_property

from flows.domain.asking import SILENCE
from flows.domain.asking import ChooseLanguage as ChooseLanguage
from flows.domain.asking import LanguageChoice as LanguageChoice
from flows.domain.asking import Survey as Survey
from flows.domain.asking import Utterance as Utterance
from flows.domain.branching import Branch as Branch
from flows.domain.branching import CheckQueue as CheckQueue
from flows.domain.branching import Share as Share
from flows.domain.branching import Split as Split
from flows.domain.branching import Test as Test
from flows.domain.branching import conditions, ways
from flows.domain.customers import FindCustomer as FindCustomer
from flows.domain.entry import EntryRules as EntryRules
from flows.domain.entry import Rule as Rule
from flows.domain.entry import conditions as rule_conditions
from flows.domain.subflows import CallFlow as CallFlow
from flows.domain.subflows import Parameter as Parameter

LANGUAGES = ("en", "tr", "az", "fa")
"""Languages that speech, templates and announcements are made for."""

STEP_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
ATTRIBUTE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.-]{0,63})\}")
BUILT_IN_ATTRIBUTES = frozenset(
    {"brand_id", "brand_name", "caller_name", "caller_number", "channel", "customer_id", "dialed_number", "language"}
)
"""Attributes every run has from its call; steps may read them but not set them."""
CHANNELS = ("voice", "video", "chat", "sms", "email", "social", "fax")
"""What a customer may come by: the values of the attribute `channel`, as routing names them."""
OWN_PREFIXES = ("menu.", "survey.", "served.")
"""Begin the names of attributes that hold what a caller chose and answered, and which agent they had talked with."""
IMPERSONAL_ATTRIBUTES = frozenset({"brand_id", "brand_name", "channel", "dialed_number", "language"})
"""Those of them that tell nothing of the caller."""

DEFAULT_INPUT_TIMEOUT = timedelta(seconds=5)
DEFAULT_ATTEMPTS = 3
DEFAULT_ANNOUNCE_INTERVAL = timedelta(seconds=30)
DEFAULT_HTTP_TIMEOUT = timedelta(seconds=4)
DEFAULT_TRANSFER_TIMEOUT = timedelta(seconds=30)
DEFAULT_MESSAGE_DURATION = timedelta(seconds=120)
DEFAULT_MESSAGE_SILENCE = timedelta(seconds=5)
DEFAULT_MOST_OFFERS = 3


@dataclass(frozen=True)
class Say:
    """Speaks and goes on."""

    utterance: Utterance = SILENCE
    next: str = ""


@dataclass(frozen=True)
class Play:
    """Plays an uploaded prompt and goes on."""

    prompt_id: str = ""
    next: str = ""


@dataclass(frozen=True)
class Choice:
    """One digit of a menu, the value kept for it, where it leads and what may be said instead of it."""

    digit: str = ""
    value: str = ""
    next: str = ""
    phrases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Menu:
    """Asks for one digit."""

    utterance: Utterance = SILENCE
    choices: tuple[Choice, ...] = ()
    timeout: timedelta | None = None
    attempts: int = 0
    invalid: Utterance = SILENCE
    no_match: str = ""


@dataclass(frozen=True)
class Collect:
    """Collects digits into an attribute."""

    utterance: Utterance = SILENCE
    attribute: str = ""
    min_digits: int = 0
    max_digits: int = 0
    terminator: str = ""
    timeout: timedelta | None = None
    attempts: int = 0
    next: str = ""
    no_match: str = ""
    masked: bool = False


@dataclass(frozen=True)
class Hours:
    """Branches on business hours of routing."""

    business_hours_id: str = ""
    open: str = ""
    closed: str = ""


@dataclass(frozen=True)
class SetAttribute:
    """Sets an attribute; `{name}` puts another one in. An `expression` is worked out in place of the value."""

    attribute: str = ""
    value: str = ""
    next: str = ""
    expression: str = ""


@dataclass(frozen=True)
class HttpRequest:
    """Fetches data while the caller hears a filler."""

    method: str = ""
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    extract: Mapping[str, str] = field(default_factory=dict)
    timeout: timedelta | None = None
    retries: int = 0
    filler: str = ""
    next: str = ""
    failed: str = ""


@dataclass(frozen=True)
class Queue:
    """Waits for an agent."""

    queue_id: str = ""
    skills: Mapping[str, int] = field(default_factory=dict)
    priority: int = 0
    music_prompt_id: str = ""
    announce_interval: timedelta | None = None
    max_wait: timedelta | None = None
    timed_out: str = ""
    closed: str = ""
    nobody_staffed: str = ""
    full: str = ""
    """These three lead where `timed_out` does when they are empty."""
    announce_only_improved: bool = False
    preferred: str = ""
    """Who should have it first: last_agent, account_owner, attribute; empty: anybody."""
    preferred_attribute: str = ""
    no_match: str = ""
    """Step when nobody at work could take it."""
    no_answer: str = ""
    """Step when so many offers as `most_offers` came to nothing."""
    most_offers: int = 0
    by_rules: bool = False
    """The queue, the priority and the skills are those that entry rules chose before."""
    abandoned: str = ""
    """Step when the caller hangs up while they wait. It and what follows do without a caller."""
    after_agent: str = ""
    """Step when the last agent has left and the caller is still on the line."""


@dataclass(frozen=True)
class Transfer:
    """Hands the caller on. `to` says what `target` is: a number, queue_id, agent_id or flow_id; empty: not chosen."""

    to: str = ""
    target: str = ""
    caller_number: str = ""
    timeout: timedelta | None = None
    music_prompt_id: str = ""
    next: str = ""
    failed: str = ""
    people_only: bool = False
    """At a number: a machine counts as nobody."""


@dataclass(frozen=True)
class Voicemail:
    """Takes a message. `mailbox` says whose `owner` is the id: agent_id or queue_id; empty: not chosen."""

    utterance: Utterance = SILENCE
    mailbox: str = ""
    owner: str = ""
    max_duration: timedelta | None = None
    silence_timeout: timedelta | None = None
    end_digit: str = ""
    without_beep: bool = False
    next: str = ""


@dataclass(frozen=True)
class HangUp:
    """Says goodbye and ends the call."""

    utterance: Utterance = SILENCE


@dataclass(frozen=True)
class CallbackOffer:
    """Offers to call back, by the queue's rules or `always`. Without words of its own it says ours."""

    queue_id: str = ""
    utterance: Utterance = SILENCE
    skills: Mapping[str, int] = field(default_factory=dict)
    priority: int = 0
    always: bool = False
    confirmation: Utterance = SILENCE
    declined: str = ""


Action = (
    Say | Play | Menu | Collect | Hours | SetAttribute | HttpRequest | Queue | Transfer | Voicemail | HangUp
    | Split | Test | CheckQueue | FindCustomer | ChooseLanguage | Survey | CallFlow | EntryRules | CallbackOffer
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One step of a flow; `action` is None when the editor has not chosen yet."""

    step_id: str = ""
    display_name: str = ""
    action: Action | None = None


@dataclass(frozen=True)
class Definition:
    """A whole flow as edited or released."""

    start: str = ""
    steps: tuple[Step, ...] = ()
    language: str = ""
    inputs: tuple[Parameter, ...] = ()
    """What a flow that calls this one gives it."""
    outputs: tuple[Parameter, ...] = ()

    def step(self, step_id: str) -> Step | None:
        """The step of that id, the first when an invalid draft has two."""
        return self._by_id.get(step_id)

    @cached_property
    def _by_id(self) -> Mapping[str, Step]:
        return {step.step_id: step for step in reversed(self.steps)}

    @cached_property
    def languages(self) -> Collection[str]:
        """What its texts are written in, of the languages there are."""
        return {
            language
            for step in self.steps
            for _, said in utterances(step.action)
            for language, text in said.text.items()
            if text.strip() and not said.prompt_id and language in LANGUAGES
        }

    @cached_property
    def attributes(self) -> Collection[str]:
        """Names of the attributes its steps set, and of those it is given."""
        written = {name for step in self.steps for _, name in written_attributes(step.action)}
        return written | {each.name for each in self.inputs}


class Severity(StrEnum):
    """How a problem counts: an ERROR blocks publishing."""

    WARNING = "WARNING"
    ERROR = "ERROR"


@dataclass(frozen=True)
class Problem:
    """Something wrong with a definition: where, how bad, a stable reason and what to do about it. `line` is that of a
    file it was read from, `column` that of an expression, both from 1; 0 without one."""

    step_id: str
    field: str
    severity: Severity
    reason: str
    message: str
    line: int = 0
    column: int = 0


TURNED_AWAY_EXITS = ("closed", "nobody_staffed", "full")
"""Where a queue step leads that takes nobody, each where `timed_out` does when it is empty."""
QUEUE_EXITS = ("timed_out", *TURNED_AWAY_EXITS)
"""Where a queue step leads when no agent takes the call."""


def exits(action: Action | None) -> list[tuple[str, str]]:
    """Where a step leads: (field, step id), ids that are empty (the run ends there) left out."""
    found: list[tuple[str, str]] = []
    match action:
        case Say(next=target) | Play(next=target) | SetAttribute(next=target) | Voicemail(next=target):
            found = [("next", target)]
        case Menu(choices=choices, no_match=no_match):
            found = [(f"choices[{i}].next", choice.next) for i, choice in enumerate(choices)]
            found.append(("no_match", no_match))
        case Collect() | ChooseLanguage() | Survey():
            found = [("next", action.next), ("no_match", action.no_match)]
        case EntryRules(next=target, otherwise=otherwise):
            found = [("next", target), ("otherwise", otherwise)]
        case FindCustomer():
            found = [(name, getattr(action, name)) for name in ("next", "not_found", "several", "failed")]
        case Hours(open=when_open, closed=when_closed):
            found = [("open", when_open), ("closed", when_closed)]
        case (
            HttpRequest(next=target, failed=failed)
            | Transfer(next=target, failed=failed)
            | CallFlow(next=target, failed=failed)
        ):
            found = [("next", target), ("failed", failed)]
        case CallbackOffer(declined=declined):
            found = [("declined", declined)]
        case Queue():
            names = (*QUEUE_EXITS, "no_match", "no_answer", "abandoned", "after_agent")
            found = [(name, getattr(action, name)) for name in names]
        case Split() | Test() | CheckQueue():
            found = list(ways(action))
        case _:
            pass
    return [(name, target) for name, target in found if target]


def utterances(action: Action | None) -> Iterator[tuple[str, Utterance]]:
    """What a step says: (field, utterance), optional ones that are empty left out."""
    match action:
        case Say(utterance=said) | Collect(utterance=said) | Voicemail(utterance=said) | ChooseLanguage(utterance=said):
            yield "utterance", said
        case Menu(utterance=said, invalid=invalid) | Survey(utterance=said, invalid=invalid):
            yield "utterance", said
            if not invalid.empty:
                yield "invalid", invalid
        case HangUp(utterance=said) if not said.empty:
            yield "utterance", said
        case CallbackOffer(utterance=said, confirmation=confirmation):
            for name, each in (("utterance", said), ("confirmation", confirmation)):
                if not each.empty:
                    yield name, each
        case _:
            pass


def prompts(action: Action | None) -> Iterator[tuple[str, str]]:
    """Uploaded prompts a step plays: (field, prompt id)."""
    if isinstance(action, Play):
        yield "prompt_id", action.prompt_id
    if isinstance(action, Queue | Transfer) and action.music_prompt_id:
        yield "music_prompt_id", action.music_prompt_id
    for name, said in utterances(action):
        if said.prompt_id:
            yield f"{name}.prompt_id", said.prompt_id


def prompt_ids(definition: Definition) -> list[str]:
    """Every prompt a definition plays, sorted: what PROMPT_IN_USE is decided by."""
    return sorted({prompt for step in definition.steps for _, prompt in prompts(step.action) if prompt})


def written_attributes(action: Action | None) -> list[tuple[str, str]]:
    """Attributes a step sets by a name of the editor's choice: (field, attribute)."""
    match action:
        case Collect(attribute=name) | SetAttribute(attribute=name):
            return [("attribute", name)]
        case HttpRequest(extract=extract) | FindCustomer(extract=extract):
            return [(f"extract[{name}]", name) for name in extract]
        case CallFlow(outputs=outputs):
            return [(f"outputs[{name}]", name) for name in outputs]
        case _:
            return []


def expressions(action: Action | None) -> Iterator[tuple[str, str]]:
    """Everything in a step that is worked out: (field, expression)."""
    if isinstance(action, SetAttribute) and action.expression:
        yield "expression", action.expression
    if isinstance(action, CallFlow):
        for name, text in action.inputs.items():
            yield f"inputs[{name}]", text
    if isinstance(action, EntryRules):
        yield from rule_conditions(action)
    yield from conditions(action)

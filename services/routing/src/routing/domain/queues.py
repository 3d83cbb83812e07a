"""Queues, skills and dispositions: what contacts are routed by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from unicodedata import category

from kernel.errors import AlreadyExists, FailedPrecondition, InvalidInput, NotFound
from kernel.ids import is_id

from routing.domain import requirements
from routing.domain.callback_rules import USUAL_CALLBACKS, CallbackRules, check_callback_rules
from routing.domain.faults import fault, lengths_wrong, number_fault, together
from routing.domain.overflow import NONE, Overflow, check_overflow
from routing.domain.requirements import MAX_PROFICIENCY, Requirement
from routing.domain.rule_checks import check_rules
from routing.domain.rules import DEFAULT, Rules, stated_by

MAX_NAME = 200
MAX_SKILLS = 20
OFFER_TIMEOUT = timedelta(seconds=20)
WRAP_UP_DURATION = timedelta(seconds=30)
SERVICE_LEVEL_THRESHOLD = timedelta(seconds=20)
SHORT_ABANDON_THRESHOLD = timedelta(seconds=5)

_DAY = timedelta(days=1)
_LONGEST_WRAP_UP = timedelta(seconds=900)


class QueueNotFound(NotFound):
    """No such queue, or another tenant's."""

    reason = "QUEUE_NOT_FOUND"


class QueueNotEmpty(FailedPrecondition):
    """Contacts still wait in it."""

    reason = "QUEUE_NOT_EMPTY"


class QueueInUse(FailedPrecondition):
    """A step or an overflow of another queue names it."""

    reason = "QUEUE_IN_USE"


class SkillNotFound(NotFound):
    """No such skill, or another tenant's."""

    reason = "SKILL_NOT_FOUND"


class SkillExists(AlreadyExists):
    """Another skill has this name."""

    reason = "SKILL_EXISTS"


class DispositionInUse(FailedPrecondition):
    """A queue lists it among the outcomes its contacts may have."""

    reason = "DISPOSITION_IN_USE"


class SkillInUse(FailedPrecondition):
    """An agent holds it, or a queue or a waiting contact asks for it."""

    reason = "SKILL_IN_USE"


class DispositionNotFound(NotFound):
    """No such disposition, or another tenant's, or not one of this queue."""

    reason = "DISPOSITION_NOT_FOUND"


@dataclass(frozen=True)
class SkillLevel:
    """A skill with the proficiency (1 to 5) held or asked for."""

    skill_id: str
    proficiency: int


@dataclass(frozen=True)
class Skill:
    """What an agent can do."""

    skill_id: str
    display_name: str
    create_time: datetime


@dataclass(frozen=True)
class Disposition:
    """An outcome picked in wrap-up."""

    disposition_id: str
    display_name: str
    create_time: datetime


class WrapUpMode(StrEnum):
    """What follows the talk."""

    NONE = "NONE"
    OPTIONAL = "OPTIONAL"
    """Wrap-up when the agent asked for it during the contact."""
    MANDATORY = "MANDATORY"
    """Until the agent ends it, or its timer."""
    UNTIMED = "UNTIMED"
    """Until the agent ends it, or a supervisor."""
    FIXED = "FIXED"
    """Until its timer ends it, and not before."""


@dataclass(frozen=True)
class Queue:
    """A waiting line with its rules. A deleted one stays, unlisted, for the contacts that went through it."""

    queue_id: str
    display_name: str
    required_skills: tuple[SkillLevel, ...]
    offer_timeout: timedelta
    wrap_up_duration: timedelta
    disposition_required: bool
    service_level_threshold: timedelta
    short_abandon_threshold: timedelta
    disposition_ids: tuple[str, ...]
    open_to_all: bool
    create_time: datetime
    update_time: datetime
    version: int = 1
    deleted: bool = False
    rules: Rules = DEFAULT
    business_hours_id: str = ""
    """Hours it goes by; empty for always open."""
    overflow: Overflow = NONE
    callbacks: CallbackRules = USUAL_CALLBACKS
    wrap_up_mode: WrapUpMode = WrapUpMode.MANDATORY
    wrap_up_extension: timedelta = timedelta(0)
    """By how much an agent may extend a wrap-up that has a timer, once."""
    missed_offer_return: timedelta = timedelta(0)
    """After how long an agent who missed an offer is AVAILABLE again by themselves; 0 for never."""
    auto_accept: bool = False
    """Its calls are accepted by themselves, after a tone, where the agent's softphone is connected."""

    @property
    def requirement(self) -> Requirement:
        """What it asks for before any step of its rules: its skills, and its rules' own expression."""
        return asked_by(self.required_skills, self.rules.requirement)


_NEVER = datetime.min.replace(tzinfo=UTC)
DIRECT = Queue(
    "", "", (), OFFER_TIMEOUT, WRAP_UP_DURATION, False, SERVICE_LEVEL_THRESHOLD, SHORT_ABANDON_THRESHOLD, (), False,
    _NEVER, _NEVER,
)  # fmt: skip
"""The rules of contacts that are in no queue: for one agent only, or begun by one."""


def require_name(value: str, field: str) -> str:
    """A display name without blanks around it, 1 to 200 characters, none of them a control character."""
    name = value.strip()
    if any(category(character) in ("Cc", "Cs") for character in name):
        raise fault("CONTROL_CHARACTER", field, "has a control character in it, such as a line break")
    if not name:
        raise fault("REQUIRED", field, "is required")
    if len(name) > MAX_NAME:
        raise fault("TOO_LONG", field, f"is longer than {MAX_NAME} characters", most=MAX_NAME)
    return name


def require_skills(levels: Sequence[SkillLevel], field: str) -> tuple[SkillLevel, ...]:
    """Skill levels that name each skill once, with a proficiency of 1 to 5, ordered by skill."""
    if len(levels) > MAX_SKILLS:
        raise fault("TOO_MANY", field, f"has more than {MAX_SKILLS} skills", most=MAX_SKILLS)
    seen: set[str] = set()
    for index, level in enumerate(levels):
        if not is_id("skl", level.skill_id):
            raise fault("SKILL_UNKNOWN", f"{field}[{index}].skill_id", "is not the id of a skill (skl_...)")
        if not 1 <= level.proficiency <= MAX_PROFICIENCY:
            raise number_fault(f"{field}[{index}].proficiency", 1, MAX_PROFICIENCY)
        if level.skill_id in seen:
            raise fault("SKILL_TWICE", f"{field}[{index}].skill_id", "is named twice")
        seen.add(level.skill_id)
    return tuple(sorted(levels, key=lambda level: level.skill_id))


def adds_skills(before: Sequence[SkillLevel], after: Sequence[SkillLevel]) -> bool:
    """Whether a skill or another proficiency is in `after` that `before` hasn't."""
    return not set(after) <= set(before)


def require_ids(prefix: str, values: Sequence[str], field: str, most: int) -> tuple[str, ...]:
    """Well-formed ids, each once, in the order given."""
    if len(values) > most:
        raise fault("TOO_MANY", field, f"has more than {most} entries", most=most)
    for index, value in enumerate(values):
        if not is_id(prefix, value):
            raise InvalidInput.of(f"{field}[{index}]", f"is not an id ({prefix}_...)")
    return tuple(dict.fromkeys(values))


def check_queue(queue: Queue) -> Queue:
    """The queue when its rules can work; InvalidInput naming each field that can't."""
    bounds: Sequence[tuple[str, timedelta, timedelta, timedelta]] = (
        ("queue.offer_timeout", queue.offer_timeout, timedelta(seconds=5), timedelta(seconds=120)),
        ("queue.wrap_up_duration", queue.wrap_up_duration, _least_wrap_up(queue.wrap_up_mode), _LONGEST_WRAP_UP),
        ("queue.wrap_up_extension", queue.wrap_up_extension, timedelta(0), _LONGEST_WRAP_UP),
        ("queue.missed_offer_return", queue.missed_offer_return, _least_return(queue), _LONGEST_WRAP_UP),
        ("queue.service_level_threshold", queue.service_level_threshold, timedelta(seconds=1), _DAY),
        ("queue.short_abandon_threshold", queue.short_abandon_threshold, timedelta(0), timedelta(hours=1)),
    )
    if wrong := lengths_wrong(bounds):
        raise together(wrong)
    require_name(queue.display_name, "queue.display_name")
    require_skills(queue.required_skills, "queue.required_skills")
    require_ids("dsp", queue.disposition_ids, "queue.disposition_ids", 200)
    check_callback_rules(queue.callbacks, "queue.callbacks")
    check_overflow(queue.overflow, queue.queue_id, "queue.overflow", has_hours=bool(queue.business_hours_id))
    check_rules(
        queue.rules, queue.requirement, queue.queue_id, "queue.rules", open_to_all=queue.open_to_all,
        overflow=queue.overflow, listed=requirements.of_levels(demand(queue.required_skills)),
    )  # fmt: skip
    return queue


def _least_wrap_up(mode: WrapUpMode) -> timedelta:
    # What the agent asks for, or can't get out of, must be something.
    return timedelta(seconds=1 if mode in (WrapUpMode.OPTIONAL, WrapUpMode.FIXED) else 0)


def _least_return(queue: Queue) -> timedelta:
    return timedelta(seconds=5) if queue.missed_offer_return else timedelta(0)


def demand(levels: Iterable[SkillLevel]) -> tuple[tuple[str, int], ...]:
    """The least level by skill, in order of skill."""
    return tuple(sorted((level.skill_id, level.proficiency) for level in levels))


def asked_by(levels: Iterable[SkillLevel], expression: str) -> Requirement:
    """What a list of levels and an expression with skills by id ask for together; empty when they contradict each
    other."""
    return requirements.both(requirements.of_levels(demand(levels)), stated_by(expression))

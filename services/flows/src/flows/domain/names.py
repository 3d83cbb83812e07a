"""What a flow refers to, by the names people gave it.

Ids differ from tenant to tenant and from environment to environment; names are what stays the same. A name says which
thing is meant only while one alone bears it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from kernel.ids import is_id
from kernel.skills import named, renamed

from flows.domain.branching import CheckQueue
from flows.domain.definitions import (
    Action,
    CallbackOffer,
    Definition,
    Hours,
    Queue,
    Transfer,
    Voicemail,
    prompts,
)  # fmt: skip
from flows.domain.entry import EntryRules
from flows.domain.subflows import CallFlow

BY_ID = "id:"
"""Begins a reference that no name can stand for: what it means was deleted, or shares its name with another."""


class Noun(StrEnum):
    """What can be referred to."""

    QUEUE = "queue"
    SKILL = "skill"
    HOURS = "business hours"
    PROMPT = "prompt"
    AGENT = "agent"
    FLOW = "flow"


OF_ROUTING = frozenset({Noun.QUEUE, Noun.SKILL, Noun.HOURS, Noun.AGENT})
"""Those that routing knows the names of; the others are flows' own."""


@dataclass(frozen=True)
class Names:
    """Names of a tenant's things by their id, noun by noun."""

    by_id: Mapping[Noun, Mapping[str, str]] = field(default_factory=dict)

    def ids(self, noun: Noun, name: str) -> Sequence[str]:
        """Ids of everything of that name."""
        return [each for each, known in self.by_id.get(noun, {}).items() if known == name]

    def written(self, noun: Noun, value: str) -> str:
        """How an id is written: its name, or the id itself where no name says the same."""
        name = self.by_id.get(noun, {}).get(value, "")
        if not value or (name and not name.startswith(BY_ID) and name == name.strip() and self._alone(noun, name)):
            return name
        return BY_ID + value

    def written_within(self, expression: str) -> str:
        """How an expression of skills is written: ids by their names, names as they are."""
        known = self.by_id.get(Noun.SKILL, {})
        is_skill: Callable[[str], bool] = lambda each: each in known or is_id("skl", each)  # noqa: E731
        return renamed(expression, lambda each: self.written(Noun.SKILL, each) if is_skill(each) else None)

    def together(self, other: Names) -> Names:
        """These and others, each of its own nouns."""
        return Names({**self.by_id, **other.by_id})

    def _alone(self, noun: Noun, name: str) -> bool:
        return list(self.by_id.get(noun, {}).values()).count(name) == 1


@dataclass(frozen=True)
class Reference:
    """One place where a step refers to something."""

    field: str
    noun: Noun
    value: str


def references(action: Action | None) -> Iterator[Reference]:
    """Everything a step refers to that is chosen."""
    for name, prompt_id in prompts(action):
        if prompt_id:
            yield Reference(name, Noun.PROMPT, prompt_id)
    for name, noun, value in _chosen(action):
        if value:
            yield Reference(name, noun, value)


def _chosen(action: Action | None) -> Iterator[tuple[str, Noun, str]]:
    match action:
        case Queue(queue_id=queue_id, skills=skills) | CallbackOffer(queue_id=queue_id, skills=skills):
            yield "queue_id", Noun.QUEUE, queue_id
            for skill_id in skills:
                yield f"skills[{skill_id}]", Noun.SKILL, skill_id
        case EntryRules(rules=rules):
            for place, rule in enumerate(rules):
                yield f"rules[{place}].queue_id", Noun.QUEUE, rule.queue_id
                for skill_id in rule.skills:
                    yield f"rules[{place}].skills[{skill_id}]", Noun.SKILL, skill_id
                for skill_id in filter(_is_skill, named(rule.requirement)):
                    yield f"rules[{place}].requirement", Noun.SKILL, skill_id
        case CheckQueue(queue_id=queue_id):
            yield "queue_id", Noun.QUEUE, queue_id
        case Hours(business_hours_id=hours_id):
            yield "business_hours_id", Noun.HOURS, hours_id
        case Transfer("queue_id", target) | Voicemail(mailbox="queue_id", owner=target):
            yield "queue_id", Noun.QUEUE, target
        case Transfer("agent_id", target) | Voicemail(mailbox="agent_id", owner=target):
            yield "agent_id", Noun.AGENT, target
        case Transfer("flow_id", target) | CallFlow(flow_id=target):
            yield "flow_id", Noun.FLOW, target
        case _:
            pass


def _is_skill(value: str) -> bool:
    # An expression may say a skill by its name as well: that is no reference, and reads the same everywhere.
    return is_id("skl", value)


def nouns(*definitions: Definition) -> Collection[Noun]:
    """Whose names are needed to write these definitions."""
    return {each.noun for whole in definitions for step in whole.steps for each in references(step.action)}

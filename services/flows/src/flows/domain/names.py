"""What a flow refers to, by the names people gave it.

Ids differ from tenant to tenant and from environment to environment; names are what stays the same. A name says which
thing is meant only while one alone bears it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from kernel.ids import is_id
from kernel.skills import named, renamed, skill_finder

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
from flows.domain.entry import EntryRules, Rule
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

    def skill(self, name: str) -> str | None:
        """The id of a skill by its name as an expression says it, whatever its case, or by the id itself: as the
        expression is read on the line. None when there is none."""
        exact = self.ids(Noun.SKILL, name)
        return exact[0] if len(exact) == 1 else skill_finder(self.by_id.get(Noun.SKILL, {}))(name)

    def written(self, noun: Noun, value: str) -> str:
        """How an id is written: its name, or the id itself where no name says the same."""
        name = self.by_id.get(noun, {}).get(value, "")
        if not value or (name and not name.startswith(BY_ID) and name == name.strip() and self._alone(noun, name)):
            return name
        return BY_ID + value

    def written_within(self, expression: str) -> str:
        """How an expression of skills is written: each by its name, as it is written itself; what means nothing here
        as it is."""

        def written(each: str) -> str | None:
            skill_id = self.skill(each) or (each if is_id("skl", each) else None)
            return None if skill_id is None else self.written(Noun.SKILL, skill_id)

        return renamed(expression, written)

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
    # An expression that was kept while routing could not be asked may say a skill by its name: no reference yet.
    return is_id("skl", value)


def nouns(*definitions: Definition) -> Collection[Noun]:
    """Whose names are needed to write these definitions."""
    found = {each.noun for whole in definitions for step in whole.steps for each in references(step.action)}
    return found | ({Noun.SKILL} if any(map(skills_by_name, definitions)) else set())


def skills_by_name(definition: Definition) -> bool:
    """Whether an expression of its entry rules says a skill by anything but its id."""
    rules = (rule for step in definition.steps if isinstance(step.action, EntryRules) for rule in step.action.rules)
    return any(not _is_skill(each) for rule in rules for each in named(rule.requirement))


def by_skill_ids(definition: Definition, skills: Mapping[str, str]) -> Definition:
    """The same with the skills in its entry rules' expressions by their ids, as every other reference is; what means
    nothing among `skills`, names by id, stays as it is."""
    find = Names({Noun.SKILL: skills}).skill

    def plain(rule: Rule) -> Rule:
        return replace(rule, requirement=renamed(rule.requirement, find))

    return replace(
        definition,
        steps=tuple(
            replace(step, action=replace(step.action, rules=tuple(map(plain, step.action.rules))))
            if isinstance(step.action, EntryRules)
            else step
            for step in definition.steps
        ),
    )

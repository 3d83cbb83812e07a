"""Entry rules: a table that says where a call waits, how urgent it is and what it asks for, by who calls, where and
when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Rule:
    """One row: for calls of which the condition holds, a queue, a priority, and skills beyond the queue's own: a list,
    and an expression of names or ids (`kernel.skills`), both."""

    name: str = ""
    condition: str = ""
    queue_id: str = ""
    priority: int = 0
    skills: Mapping[str, int] = field(default_factory=dict)
    requirement: str = ""


@dataclass(frozen=True)
class EntryRules:
    """Goes by the first row whose condition holds; a queue step that waits by the rules then waits as it says."""

    rules: tuple[Rule, ...] = ()
    next: str = ""
    otherwise: str = ""


@dataclass(frozen=True)
class Chosen:
    """What the last row that held says."""

    queue_id: str
    priority: int = 0
    skills: Mapping[str, int] = field(default_factory=dict)
    requirement: str = ""


def conditions(action: EntryRules) -> Iterator[tuple[str, str]]:
    """The conditions of the rows: (field, expression)."""
    for place, rule in enumerate(action.rules):
        yield f"rules[{place}].condition", rule.condition

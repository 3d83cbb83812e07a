"""What has to be done outside before a run can go on. Each may be done again after a crash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True)
class CheckHours:
    """Ask routing whether it is open."""

    business_hours_id: str


@dataclass(frozen=True)
class Fetch:
    """Ask a tenant's system over HTTP; placeholders are filled in, so none of it may be logged."""

    request_id: str
    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: str = field(repr=False)
    extract: Mapping[str, str]
    timeout: timedelta
    retries: int


@dataclass(frozen=True)
class Enqueue:
    """Have routing find an agent, or wait for the one of `agent_id`."""

    request_id: str
    queue_id: str
    skills: Mapping[str, int]
    priority: int
    attributes: Mapping[str, str] = field(repr=False)
    agent_id: str = ""
    preferred: str = ""
    """Who should have it first: last_agent or account_owner, to be found out, or the one of `preferred_agent_id`."""
    preferred_agent_id: str = ""
    requirement: str = ""
    """Skills asked for besides, an expression."""
    left_contact_id: str = ""
    """As which the caller waited before in this run, when nobody took it: in the same queue they have that place."""


@dataclass(frozen=True)
class Estimate:
    """Ask routing for position and expected wait."""

    contact_id: str


@dataclass(frozen=True)
class Dequeue:
    """Take the contact out of its queue."""

    contact_id: str
    reason: str


@dataclass(frozen=True)
class CheckContact:
    """Ask routing whether the contact is still to be taken."""

    contact_id: str


@dataclass(frozen=True)
class ChangeFlow:
    """Go on with the newest release of another flow."""

    flow_id: str

"""Steps that choose a way by themselves: by share, by what attributes say, by how a queue stands."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

WHOLE = 100
"""What the shares of a split sum to."""
POINTS = 10_000
"""A split is drawn from this many points, so that shares of one per cent hold within a few calls in a thousand."""


@dataclass(frozen=True)
class Share:
    """A part of the calls: its name, how many of a hundred, and where they go."""

    name: str = ""
    percent: int = 0
    next: str = ""


@dataclass(frozen=True)
class Split:
    """Parts the calls by chance, each call always the same way."""

    shares: tuple[Share, ...] = ()


@dataclass(frozen=True)
class Branch:
    """Where to go when a condition holds."""

    name: str = ""
    condition: str = ""
    next: str = ""


@dataclass(frozen=True)
class Test:
    """Goes by the first condition that holds."""

    branches: tuple[Branch, ...] = ()
    otherwise: str = ""


@dataclass(frozen=True)
class CheckQueue:
    """Asks routing how a queue stands, and goes by the first condition that holds; `failed` when routing can't say."""

    queue_id: str = ""
    branches: tuple[Branch, ...] = ()
    otherwise: str = ""
    failed: str = ""


Branching = Split | Test | CheckQueue


def ways(action: Branching) -> Iterator[tuple[str, str]]:
    """Where such a step leads: (field, step id)."""
    if isinstance(action, Split):
        for place, share in enumerate(action.shares):
            yield f"shares[{place}].next", share.next
        return
    for place, branch in enumerate(action.branches):
        yield f"branches[{place}].next", branch.next
    yield "otherwise", action.otherwise
    if isinstance(action, CheckQueue):
        yield "failed", action.failed


def conditions(action: object) -> Iterator[tuple[str, str]]:
    """The conditions of a step: (field, expression)."""
    if isinstance(action, Test | CheckQueue):
        for place, branch in enumerate(action.branches):
            yield f"branches[{place}].condition", branch.condition


def point_of(run_id: str, step_id: str) -> int:
    """Where a run stands in a split, from 0 to POINTS - 1: evenly spread over runs, and the same whenever it is asked,
    so that a turn that is repeated after a crash goes the same way. Two splits of one flow draw independently."""
    digest = hashlib.blake2b(f"{run_id}:{step_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % POINTS


def share_at(split: Split, point: int) -> Share | None:
    """The share a point falls to; None beyond the last, which shares that sum to a hundred never are."""
    reached = 0
    for share in split.shares:
        reached += share.percent * (POINTS // WHOLE)
        if point < reached:
            return share
    return None

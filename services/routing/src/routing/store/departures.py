"""Rows of how contacts stood that left unanswered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from routing.domain.contacts import Channel, Contact
from routing.domain.courses import Stage
from routing.domain.explaining import Explanation, Kept
from routing.domain.fairness import HeldBack
from routing.domain.requirements import Term
from routing.store.rows import Transaction, add
from routing.store.tables import departures


async def add_departure(tx: Transaction, left: Explanation) -> None:
    """A new one; a contact leaves once."""
    stage = left.stage
    seen = {
        "requirement": [[list(term) for term in alternative] for alternative in stage.requirement],
        "members": list(stage.members),
        "levels": stage.levels,
        "steps": list(stage.steps),
        "at_desk": stage.at_desk,
        "next_change": _written(left.next_change_time),
        "preferred_until": _written(left.preferred_until),
        "points": left.points,
        "counted": left.counted_wait.total_seconds(),
        "ahead": left.ahead,
        "agents": [_written_of(each) for each in left.agents],
        "agent_count": left.agent_count,
    }
    await add(tx, departures, {"contact_id": left.contact.contact_id, "seen": seen, "create_time": left.time})


async def find_departure(tx: Transaction, contact: Contact) -> Explanation | None:
    """How this contact stood when it left; None when it did not leave unanswered, or before that was kept."""
    row = await tx.one_or_none(
        select(departures).where(
            departures.c.tenant_id == tx.tenant_id, departures.c.contact_id == contact.contact_id
        )
    )  # fmt: skip
    if row is None:
        return None
    seen = row["seen"]
    asked = tuple(tuple(Term(*term) for term in alternative) for alternative in seen["requirement"])
    return Explanation(
        contact,
        Stage(0.0, tuple(seen["members"]), asked, seen["levels"], tuple(seen["steps"]), seen["at_desk"]),
        _read(seen["next_change"]),
        _read(seen["preferred_until"]),
        seen["points"],
        timedelta(seconds=seen["counted"]),
        seen["ahead"],
        [_kept(*each) for each in seen["agents"]],
        seen["agent_count"],
        row["create_time"],
    )


def _written_of(kept: Kept) -> list[Any]:
    held = [list(kept.held_back)] if kept.held_back is not None else []
    return [kept.agent_id, kept.idle.total_seconds(), kept.score, kept.rejection, *held]


def _kept(agent_id: str, idle: float, score: int | None, why: str, held_back: Sequence[Any] | None = None) -> Kept:
    held = HeldBack(*held_back)._replace(channel=Channel(held_back[2])) if held_back is not None else None
    return Kept(agent_id, timedelta(seconds=idle), score, why, held)


def _written(time: datetime | None) -> str:
    return time.isoformat() if time is not None else ""


def _read(time: str) -> datetime | None:
    return datetime.fromisoformat(time) if time else None

"""Rows of offers and of the decisions behind them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, select

from routing.domain.offers import Decision, Offer, OfferState, RescindReason, Weighed
from routing.store.rows import Transaction, add, change, duration, find, milliseconds
from routing.store.tables import decisions, offers


async def add_offer(tx: Transaction, offer: Offer) -> None:
    """A new one. The database refuses a second pending one for the same agent, and a second for the same contact that
    is nobody's companion."""
    await add(tx, offers, _row(offer, offer.create_time))


async def change_offer(tx: Transaction, offer: Offer, was: int, now: datetime) -> None:
    """Over version `was`."""
    await change(tx, offers, "offer_id", _row(offer, now), was)


async def find_offer(tx: Transaction, offer_id: str) -> Offer | None:
    """One by its id."""
    row = await find(tx, offers, "offer_id", offer_id)
    return _offer(row) if row is not None else None


async def pending_offer(tx: Transaction, *, contact_id: str = "", agent_id: str = "") -> Offer | None:
    """The one offer that rings at this agent, or the first of those that ring for this contact."""
    if contact_id:
        return next(iter(await pending_offers(tx, contact_id)), None)
    row = await tx.one_or_none(
        select(offers).where(
            offers.c.tenant_id == tx.tenant_id, offers.c.state == OfferState.PENDING, offers.c.agent_id == agent_id
        )
    )
    return _offer(row) if row is not None else None


async def pending_offers(tx: Transaction, contact_id: str) -> list[Offer]:
    """All that ring for this contact, the best agent's first."""
    rows = await tx.all(
        select(offers)
        .where(
            offers.c.tenant_id == tx.tenant_id, offers.c.state == OfferState.PENDING, offers.c.contact_id == contact_id
        )
        .order_by(offers.c.companion, offers.c.offer_id)
    )  # fmt: skip
    return [_offer(row) for row in rows]


async def agents_ringing_along(tx: Transaction) -> list[str]:
    """At whom contacts ring that ring at a better one as well."""
    rows = await tx.all(
        select(offers.c.agent_id).where(
            offers.c.tenant_id == tx.tenant_id, offers.c.state == OfferState.PENDING, offers.c.companion
        )
    )
    return [row["agent_id"] for row in rows]


async def offers_due(tx: Transaction, now: datetime, limit: int) -> list[Offer]:
    """Pending offers whose time is over, the most overdue first."""
    rows = await tx.all(
        select(offers)
        .where(
            offers.c.tenant_id == tx.tenant_id, offers.c.state == OfferState.PENDING, offers.c.expire_time <= now
        )
        .order_by(offers.c.expire_time)
        .limit(limit)
    )  # fmt: skip
    return [_offer(row) for row in rows]


async def add_decision(tx: Transaction, decision: Decision) -> None:
    """Keep why."""
    row = {
        "offer_id": decision.offer_id,
        "contact_id": decision.contact_id,
        "rule": decision.rule,
        "candidates": [
            {
                "agent_id": each.agent_id,
                "idle": each.idle_seconds,
                "score": each.score,
                "rejection": each.rejection,
                "value": each.value,
            }
            for each in decision.candidates
        ],
        "requirement": decision.requirement,
        "steps": list(decision.steps),
        "create_time": decision.create_time,
    }
    await add(tx, decisions, row)


async def decisions_of(tx: Transaction, contact_id: str, limit: int) -> list[Decision]:
    """The contact's decisions, newest first."""
    rows = await tx.all(
        select(decisions)
        .where(decisions.c.tenant_id == tx.tenant_id, decisions.c.contact_id == contact_id)
        .order_by(decisions.c.create_time.desc(), decisions.c.offer_id.desc())
        .limit(limit)
    )
    return [
        Decision(
            row["offer_id"], row["contact_id"], row["rule"],
            [
                Weighed(each["agent_id"], each["idle"], each["score"], each["rejection"], each.get("value", 0.0))
                for each in row["candidates"]
            ],
            row["create_time"], row["requirement"], tuple(row["steps"]),
        )
        for row in rows
    ]  # fmt: skip


def _row(offer: Offer, now: datetime) -> dict[str, Any]:
    return {
        "offer_id": offer.offer_id,
        "state": offer.state.value,
        "contact_id": offer.contact_id,
        "agent_id": offer.agent_id,
        "expire_time": offer.expire_time,
        "queue_id": offer.queue_id,
        "queue_name": offer.queue_name,
        "waited_ms": milliseconds(offer.waited),
        "away": offer.away,
        "kept": offer.kept,
        "auto_accept": offer.auto_accept,
        "companion": offer.companion,
        "rescind_reason": offer.rescind_reason or "",
        "answer_time": offer.answer_time,
        "create_time": offer.create_time,
        "update_time": now,
        "version": offer.version,
    }


def _offer(row: RowMapping) -> Offer:
    return Offer(
        row["offer_id"], OfferState(row["state"]), row["contact_id"], row["agent_id"], row["create_time"],
        row["expire_time"], row["queue_id"], row["queue_name"], duration(row["waited_ms"]), row["answer_time"],
        row["away"], row["kept"], row["companion"],
        RescindReason(row["rescind_reason"]) if row["rescind_reason"] else None, row["version"], row["auto_accept"],
    )  # fmt: skip

"""Rows of queues, skills and dispositions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from chassis.paging import keyset
from chassis.statements import Sought
from sqlalchemy import RowMapping, delete, func, or_, select

from routing.domain.callbacks import OPEN
from routing.domain.contacts import WAITING
from routing.domain.queues import Disposition, Queue, Skill, WrapUpMode
from routing.store import tables
from routing.store.callback_rules import callback_rules_from_json, callback_rules_to_json
from routing.store.overflow import overflow_from_json, overflow_to_json
from routing.store.rows import (
    Transaction,
    add,
    change,
    duration,
    find,
    milliseconds,
    skills_from_json,
    skills_to_json,
    sought,
)
from routing.store.rules import rules_from_json, rules_to_json

_queues, _skills, _dispositions = tables.queues, tables.skills, tables.dispositions


async def add_queue(tx: Transaction, queue: Queue) -> None:
    """A new one."""
    await add(tx, _queues, _row(queue))


async def change_queue(tx: Transaction, queue: Queue, was: int) -> None:
    """Over version `was`."""
    await change(tx, _queues, "queue_id", _row(queue), was)


async def find_queue(tx: Transaction, queue_id: str) -> Queue | None:
    """One by its id, also when deleted."""
    named = (_queues.name, queue_id)
    if named not in tx.known:  # verbs that share a transaction are of few queues
        row = await find(tx, _queues, "queue_id", queue_id)
        tx.known[named] = _queue(row) if row is not None else None
    return tx.known[named]


def sought_queue(queue_id: str) -> Sought:
    """That row, for who will read it."""
    return sought(_queues, "queue_id", queue_id)


async def page_of_queues(tx: Transaction, size: int, token: str) -> list[Queue]:
    """Newest first, one more than `size` when there is a next page."""
    listed = select(_queues).where(_queues.c.tenant_id == tx.tenant_id, _queues.c.deleted.is_(False))
    rows = await tx.all(keyset(listed, _queues.c.create_time, _queues.c.queue_id, token, size))
    return [_queue(row) for row in rows]


async def every_queue(tx: Transaction) -> list[Queue]:
    """All that are not deleted."""
    rows = await tx.all(select(_queues).where(_queues.c.tenant_id == tx.tenant_id, _queues.c.deleted.is_(False)))
    return [_queue(row) for row in rows]


async def known_queues(tx: Transaction, queue_ids: Sequence[str]) -> set[str]:
    """Those of the ids that name a queue."""
    rows = await tx.all(
        select(_queues.c.queue_id).where(
            _queues.c.tenant_id == tx.tenant_id, _queues.c.queue_id.in_(queue_ids), _queues.c.deleted.is_(False)
        )
    )
    return {row["queue_id"] for row in rows}


async def add_skill(tx: Transaction, skill: Skill) -> bool:
    """False when another has the name."""
    row = {
        "tenant_id": tx.tenant_id, "skill_id": skill.skill_id, "display_name": skill.display_name,
        "name_key": skill.display_name.casefold(), "create_time": skill.create_time,
    }  # fmt: skip
    taken = await tx.one_or_none(
        select(_skills.c.skill_id).where(_skills.c.tenant_id == tx.tenant_id, _skills.c.name_key == row["name_key"])
    )
    if taken is None:
        await tx.execute(_skills.insert().values(row))
    return taken is None


async def skill_names(tx: Transaction) -> dict[str, str]:
    """Name by id."""
    rows = await tx.all(select(_skills.c.skill_id, _skills.c.display_name).where(_skills.c.tenant_id == tx.tenant_id))
    return {row["skill_id"]: row["display_name"] for row in rows}


async def page_of_skills(tx: Transaction, size: int, token: str) -> list[Skill]:
    """Newest first."""
    listed = select(_skills).where(_skills.c.tenant_id == tx.tenant_id)
    rows = await tx.all(keyset(listed, _skills.c.create_time, _skills.c.skill_id, token, size))
    return [Skill(row["skill_id"], row["display_name"], row["create_time"]) for row in rows]


async def known_skills(tx: Transaction, skill_ids: Iterable[str]) -> set[str]:
    """Those of the ids that name a skill."""
    rows = await tx.all(
        select(_skills.c.skill_id).where(_skills.c.tenant_id == tx.tenant_id, _skills.c.skill_id.in_(list(skill_ids)))
    )
    return {row["skill_id"] for row in rows}


async def skill_in_use(tx: Transaction, skill_id: str) -> bool:
    """Whether an agent holds it, or a queue or an open contact asks for it."""
    named = [{"skill_id": skill_id}]
    for table, extra in (
        (tables.agents, tables.agents.c.active.is_(True)),
        (_queues, _queues.c.deleted.is_(False)),
        (tables.contacts, tables.contacts.c.state.in_(sorted(WAITING))),
        (tables.callbacks, tables.callbacks.c.state.in_(sorted(OPEN))),
    ):
        column = table.c.skills if table is tables.agents else table.c.required_skills
        names = column.contains(named)
        if table in (tables.contacts, tables.callbacks):
            names |= func.strpos(table.c.requirement, skill_id) > 0
        found = await tx.one_or_none(
            select(table.c.tenant_id).where(table.c.tenant_id == tx.tenant_id, extra, names).limit(1)
        )
        if found is not None:
            return True
    return any(skill_id in queue.rules.skills_named for queue in await every_queue(tx))


async def delete_skill(tx: Transaction, skill_id: str) -> bool:
    """Whether it was there."""
    done = await tx.execute(delete(_skills).where(_skills.c.tenant_id == tx.tenant_id, _skills.c.skill_id == skill_id))
    return done.rowcount == 1


async def add_disposition(tx: Transaction, disposition: Disposition) -> None:
    """A new one."""
    await add(
        tx, _dispositions,
        {
            "disposition_id": disposition.disposition_id, "display_name": disposition.display_name,
            "create_time": disposition.create_time,
        },
    )  # fmt: skip


async def page_of_dispositions(tx: Transaction, size: int, token: str) -> list[Disposition]:
    """Newest first."""
    listed = select(_dispositions).where(_dispositions.c.tenant_id == tx.tenant_id)
    rows = await tx.all(keyset(listed, _dispositions.c.create_time, _dispositions.c.disposition_id, token, size))
    return [_disposition(row) for row in rows]


async def dispositions_of(tx: Transaction, disposition_ids: Sequence[str]) -> list[Disposition]:
    """Those of the ids that exist, or with no ids the tenant's, at most 200; by name."""
    listed = select(_dispositions).where(_dispositions.c.tenant_id == tx.tenant_id)
    if disposition_ids:
        listed = listed.where(_dispositions.c.disposition_id.in_(disposition_ids))
    rows = await tx.all(listed.order_by(_dispositions.c.display_name, _dispositions.c.disposition_id).limit(200))
    return [_disposition(row) for row in rows]


async def delete_disposition(tx: Transaction, disposition_id: str) -> bool:
    """Whether it was there."""
    done = await tx.execute(
        delete(_dispositions).where(
            _dispositions.c.tenant_id == tx.tenant_id, _dispositions.c.disposition_id == disposition_id
        )
    )
    return done.rowcount == 1


async def waiting_in(tx: Transaction, queue_id: str) -> int:
    """How many contacts wait in the queue."""
    contacts = tables.contacts
    row = await tx.one(
        select(func.count().label("waiting")).select_from(contacts).where(
            contacts.c.tenant_id == tx.tenant_id, contacts.c.queue_id == queue_id,
            or_(contacts.c.state == "QUEUED", contacts.c.state == "OFFERED"),
        )
    )  # fmt: skip
    return row["waiting"]


def _row(queue: Queue) -> dict[str, Any]:
    return {
        "queue_id": queue.queue_id,
        "display_name": queue.display_name,
        "required_skills": skills_to_json(queue.required_skills),
        "offer_timeout_ms": milliseconds(queue.offer_timeout),
        "wrap_up_ms": milliseconds(queue.wrap_up_duration),
        "disposition_required": queue.disposition_required,
        "service_level_ms": milliseconds(queue.service_level_threshold),
        "short_abandon_ms": milliseconds(queue.short_abandon_threshold),
        "disposition_ids": list(queue.disposition_ids),
        "open_to_all": queue.open_to_all,
        "auto_accept": queue.auto_accept,
        "rules": rules_to_json(queue.rules),
        "business_hours_id": queue.business_hours_id,
        "overflow": overflow_to_json(queue.overflow),
        "callbacks": callback_rules_to_json(queue.callbacks),
        "wrap_up_mode": queue.wrap_up_mode.value,
        "wrap_up_extension_ms": milliseconds(queue.wrap_up_extension),
        "missed_offer_return_ms": milliseconds(queue.missed_offer_return),
        "watches_wait": queue.rules.watches_expected_wait or queue.overflow.watches,
        "deleted": queue.deleted,
        "create_time": queue.create_time,
        "update_time": queue.update_time,
        "version": queue.version,
    }


def _queue(row: RowMapping) -> Queue:
    return Queue(
        queue_id=row["queue_id"],
        display_name=row["display_name"],
        required_skills=skills_from_json(row["required_skills"]),
        offer_timeout=duration(row["offer_timeout_ms"]),
        wrap_up_duration=duration(row["wrap_up_ms"]),
        disposition_required=row["disposition_required"],
        service_level_threshold=duration(row["service_level_ms"]),
        short_abandon_threshold=duration(row["short_abandon_ms"]),
        disposition_ids=tuple(row["disposition_ids"]),
        open_to_all=row["open_to_all"],
        auto_accept=row["auto_accept"],
        rules=rules_from_json(row["rules"]),
        business_hours_id=row["business_hours_id"],
        overflow=overflow_from_json(row["overflow"]),
        callbacks=callback_rules_from_json(row["callbacks"]),
        wrap_up_mode=WrapUpMode(row["wrap_up_mode"]),
        wrap_up_extension=duration(row["wrap_up_extension_ms"]),
        missed_offer_return=duration(row["missed_offer_return_ms"]),
        create_time=row["create_time"],
        update_time=row["update_time"],
        version=row["version"],
        deleted=row["deleted"],
    )


def _disposition(row: RowMapping) -> Disposition:
    return Disposition(row["disposition_id"], row["display_name"], row["create_time"])

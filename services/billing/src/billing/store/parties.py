"""Queries on legal entities with their series of numbers, and on billing profiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chassis.sql import Tx
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from billing.domain.parties import (
    BillingProfile,
    LegalEntity,
    NumberPrefixTaken,
    as_json,
    entity_from,
    profile_from,
)
from billing.store.invoicing_tables import billing_profiles, legal_entities, number_series

INVOICES, CREDIT_NOTES = "invoice", "credit_note"


async def entity(tx: Tx, legal_entity_id: str) -> LegalEntity | None:
    """One legal entity; the default one for an empty id."""
    wanted = legal_entities.c.legal_entity_id == legal_entity_id if legal_entity_id else legal_entities.c.is_default
    row = await tx.one_or_none(select(legal_entities).where(wanted))
    return _entity(row) if row else None


async def entities(tx: Tx) -> list[LegalEntity]:
    """Every legal entity, by name."""
    found = [_entity(row) for row in await tx.all(select(legal_entities))]
    return sorted(found, key=lambda each: (each.name, each.number_prefix))


async def insert_entity(tx: Tx, value: LegalEntity, next_number: int, next_credit_note: int) -> None:
    """A new legal entity with its series. Raises `NumberPrefixTaken`."""
    await _entity_written(tx, insert(legal_entities).values(**_entity_row(value)))
    rows = [
        {"legal_entity_id": value.legal_entity_id, "series": series, "next_number": first}
        for series, first in ((INVOICES, next_number), (CREDIT_NOTES, next_credit_note))
    ]
    await tx.execute(insert(number_series), rows)


async def save_entity(tx: Tx, value: LegalEntity) -> None:
    """A legal entity as it is now. Raises `NumberPrefixTaken`."""
    changed = update(legal_entities).where(legal_entities.c.legal_entity_id == value.legal_entity_id)
    await _entity_written(tx, changed.values(**_entity_row(value)))


async def only_default(tx: Tx, legal_entity_id: str) -> None:
    """Makes every other entity no default."""
    for each in await entities(tx):
        if each.default and each.legal_entity_id != legal_entity_id:
            plain = LegalEntity(**vars(each) | {"default": False, "version": each.version + 1})
            await save_entity(tx, plain)


async def next_number(tx: Tx, legal_entity_id: str, series: str) -> int:
    """What the next number of the series would be."""
    row = await tx.one(
        select(number_series.c.next_number).where(
            number_series.c.legal_entity_id == legal_entity_id, number_series.c.series == series
        )
    )
    return row["next_number"]


async def take_number(tx: Tx, legal_entity_id: str, series: str) -> int:
    """The next number of the series, taken with this transaction: what is rolled back takes none, so there is no
    gap."""
    mine = (number_series.c.legal_entity_id == legal_entity_id, number_series.c.series == series)
    taken = await tx.execute(
        update(number_series)
        .where(*mine)
        .values(next_number=number_series.c.next_number + 1)
        .returning(number_series.c.next_number)
    )
    return taken.scalar_one() - 1


async def profile(tx: Tx) -> BillingProfile:
    """The tenant's billing profile; the empty one while nothing was saved."""
    row = await tx.one_or_none(select(billing_profiles).where(billing_profiles.c.tenant_id == tx.tenant_id))
    return profile_from(row["profile"]) if row else BillingProfile()


async def save_profile(tx: Tx, value: BillingProfile) -> None:
    """The tenant's billing profile as it is now."""
    row = {"tenant_id": tx.tenant_id, "profile": as_json(value), "version": value.version}
    statement = insert(billing_profiles).values(**row)
    await tx.execute(statement.on_conflict_do_update(index_elements=["tenant_id"], set_=row))


async def _entity_written(tx: Tx, statement: Any) -> None:
    try:
        await tx.execute(statement)
    except IntegrityError as error:
        raise NumberPrefixTaken("Another legal entity's numbers begin so.") from error


def _entity_row(value: LegalEntity) -> dict[str, Any]:
    return {
        "legal_entity_id": value.legal_entity_id, "entity": as_json(value), "number_prefix": value.number_prefix,
        "credit_note_prefix": value.credit_note_prefix, "is_default": value.default, "version": value.version,
    }  # fmt: skip


def _entity(row: Mapping[Any, Any]) -> LegalEntity:
    return entity_from(row["entity"])

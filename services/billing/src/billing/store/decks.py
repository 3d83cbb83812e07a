"""Queries on rate decks; rows to domain values and back."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from chassis.paging import keyset, page_size
from chassis.sql import Tx
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from billing.domain.decks import DeckHeader, Markup, Rounding
from billing.store.deck_tables import rate_deck_parts, rate_deck_versions, rate_decks

MOST_VERSIONS = 100


@dataclass(frozen=True)
class DeckRow:
    """A deck without its lines."""

    rate_deck_id: str
    display_name: str
    header: DeckHeader
    parent_id: str
    newest_version: int
    create_time: datetime


@dataclass(frozen=True)
class VersionRow:
    """One version; `activate_time` is None while it is a draft."""

    rate_deck_id: str
    version: int
    activate_time: datetime | None
    line_count: int
    markup: Markup
    create_time: datetime


async def insert_deck(tx: Tx, deck: DeckRow) -> None:
    """A new deck."""
    row = {
        "tenant_id": tx.tenant_id, "rate_deck_id": deck.rate_deck_id, "display_name": deck.display_name,
        "currency": deck.header.currency, "time_zone": deck.header.time_zone, "rounding": deck.header.rounding.value,
        "digits": deck.header.digits, "parent_id": deck.parent_id, "newest_version": deck.newest_version,
        "create_time": deck.create_time,
    }  # fmt: skip
    await tx.execute(insert(rate_decks).values(**row))


async def find_deck(tx: Tx, rate_deck_id: str) -> DeckRow | None:
    """A deck of this tenant."""
    row = await tx.one_or_none(
        select(rate_decks).where(rate_decks.c.tenant_id == tx.tenant_id, rate_decks.c.rate_deck_id == rate_deck_id)
    )
    return _deck(row) if row else None


async def list_decks(tx: Tx, size: int, token: str) -> tuple[list[DeckRow], bool]:
    """A page of decks, newest first, and whether there is more."""
    wanted = page_size(size)
    statement = select(rate_decks).where(rate_decks.c.tenant_id == tx.tenant_id)
    rows = await tx.all(keyset(statement, rate_decks.c.create_time, rate_decks.c.rate_deck_id, token, wanted))
    return [_deck(row) for row in rows[:wanted]], len(rows) > wanted


async def list_versions(tx: Tx, rate_deck_id: str) -> list[VersionRow]:
    """The newest versions, newest first."""
    rows = await tx.all(
        select(rate_deck_versions)
        .where(rate_deck_versions.c.tenant_id == tx.tenant_id, rate_deck_versions.c.rate_deck_id == rate_deck_id)
        .order_by(rate_deck_versions.c.version.desc())
        .limit(MOST_VERSIONS)
    )
    return [_version(row) for row in rows]


async def find_version(tx: Tx, rate_deck_id: str, version: int) -> VersionRow | None:
    """One version."""
    row = await tx.one_or_none(select(rate_deck_versions).where(*_at(tx, rate_deck_id, version)))
    return _version(row) if row else None


async def version_at(tx: Tx, rate_deck_id: str, time: datetime) -> VersionRow | None:
    """The version in force at `time`: of those of one moment the later one."""
    row = await tx.one_or_none(
        select(rate_deck_versions)
        .where(
            rate_deck_versions.c.tenant_id == tx.tenant_id,
            rate_deck_versions.c.rate_deck_id == rate_deck_id,
            rate_deck_versions.c.activate_time <= time,
        )
        .order_by(rate_deck_versions.c.activate_time.desc(), rate_deck_versions.c.version.desc())
        .limit(1)
    )
    return _version(row) if row else None


async def activation_times(tx: Tx, rate_deck_ids: Sequence[str]) -> list[datetime]:
    """When versions of these decks came or come into force, rising, each moment once."""
    rows = await tx.all(
        select(rate_deck_versions.c.activate_time)
        .distinct()
        .where(
            rate_deck_versions.c.tenant_id == tx.tenant_id,
            rate_deck_versions.c.rate_deck_id.in_(rate_deck_ids),
            rate_deck_versions.c.activate_time.is_not(None),
        )
        .order_by(rate_deck_versions.c.activate_time)
    )
    return [row["activate_time"] for row in rows]


async def insert_version(tx: Tx, version: VersionRow) -> None:
    """A new version, and the deck's newest number."""
    row = {
        "tenant_id": tx.tenant_id, "rate_deck_id": version.rate_deck_id, "version": version.version,
        "activate_time": version.activate_time, "line_count": version.line_count,
        "markup_percent": version.markup.percent, "markup_amount": version.markup.amount,
        "create_time": version.create_time,
    }  # fmt: skip
    await tx.execute(insert(rate_deck_versions).values(**row))
    await tx.execute(
        update(rate_decks)
        .where(rate_decks.c.tenant_id == tx.tenant_id, rate_decks.c.rate_deck_id == version.rate_deck_id)
        .values(newest_version=version.version)
    )


async def activate(tx: Tx, rate_deck_id: str, version: int, time: datetime, line_count: int) -> None:
    """A draft is in force from `time` on."""
    await tx.execute(
        update(rate_deck_versions)
        .where(*_at(tx, rate_deck_id, version), rate_deck_versions.c.activate_time.is_(None))
        .values(activate_time=time, line_count=line_count)
    )


async def drop_drafts(tx: Tx, rate_deck_id: str) -> None:
    """Throws away what was never activated."""
    drafts = [each.version for each in await list_versions(tx, rate_deck_id) if each.activate_time is None]
    for version in drafts:
        await tx.execute(delete(rate_deck_parts).where(*_parts_of(tx, rate_deck_id, version)))
        await tx.execute(delete(rate_deck_versions).where(*_at(tx, rate_deck_id, version)))


async def part_digests(tx: Tx, rate_deck_id: str, version: int) -> list[str]:
    """Digests of the parts, in order."""
    rows = await tx.all(
        select(rate_deck_parts.c.digest).where(*_parts_of(tx, rate_deck_id, version)).order_by(rate_deck_parts.c.part)
    )
    return [row["digest"] for row in rows]


async def insert_part(tx: Tx, rate_deck_id: str, version: int, part: int, text: str) -> None:
    """The next part of a file."""
    row = {
        "tenant_id": tx.tenant_id, "rate_deck_id": rate_deck_id, "version": version, "part": part,
        "digest": digest_of(text), "body": zlib.compress(text.encode(), 6),
    }  # fmt: skip
    await tx.execute(insert(rate_deck_parts).values(**row))


async def read_parts(tx: Tx, rate_deck_id: str, version: int) -> Sequence[bytes]:
    """The parts of a file, in order, compressed."""
    rows = await tx.all(
        select(rate_deck_parts.c.body).where(*_parts_of(tx, rate_deck_id, version)).order_by(rate_deck_parts.c.part)
    )
    return [bytes(row["body"]) for row in rows]


def digest_of(text: str) -> str:
    """What tells a part from another."""
    return hashlib.sha256(text.encode()).hexdigest()


def _at(tx: Tx, rate_deck_id: str, version: int) -> Sequence[Any]:
    columns = rate_deck_versions.c
    return columns.tenant_id == tx.tenant_id, columns.rate_deck_id == rate_deck_id, columns.version == version


def _parts_of(tx: Tx, rate_deck_id: str, version: int) -> Sequence[Any]:
    columns = rate_deck_parts.c
    return columns.tenant_id == tx.tenant_id, columns.rate_deck_id == rate_deck_id, columns.version == version


def _deck(row: Mapping[Any, Any]) -> DeckRow:
    header = DeckHeader(row["currency"], row["time_zone"], Rounding(row["rounding"]), row["digits"])
    return DeckRow(
        row["rate_deck_id"], row["display_name"], header, row["parent_id"], row["newest_version"], row["create_time"]
    )


def _version(row: Mapping[Any, Any]) -> VersionRow:
    markup = Markup(Decimal(row["markup_percent"]), Decimal(row["markup_amount"]))
    return VersionRow(
        row["rate_deck_id"], row["version"], row["activate_time"], row["line_count"], markup, row["create_time"]
    )

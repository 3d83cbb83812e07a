"""Number lists and their entries. Whether a number is in a list is one look into the entries' primary key."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from chassis.paging import decode_name_token, keyset
from chassis.sql import Tx
from sqlalchemy import RowMapping, delete, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from flows.domain.number_lists import Asked, Entry, Match, NumberList, NumberListNotFound, patterns_of
from flows.store.tables import flows, number_list_entries, number_lists, releases

_LIST = (
    "number_list_id", "key", "display_name", "description", "entry_count", "create_time", "update_time", "version",
)  # fmt: skip
_ENTRY = ("pattern", "label", "notes", "create_time")
_AT_ONCE = 5_000
"""Rows or parameters of one statement."""

_lists, _entries = number_lists.c, number_list_entries.c


def _list(row: RowMapping) -> NumberList:
    return NumberList(**{name: row[name] for name in _LIST})


def _entry(row: RowMapping) -> Entry:
    return Entry(**{name: row[name] for name in _ENTRY})


async def add(tx: Tx, made: NumberList) -> None:
    """Store a new list."""
    await tx.execute(insert(number_lists), {"tenant_id": tx.tenant_id, **{name: getattr(made, name) for name in _LIST}})


async def get(tx: Tx, number_list_id: str) -> NumberList:
    """The list; NumberListNotFound for another tenant's as well."""
    row = await tx.one_or_none(
        select(number_lists).where(_lists.tenant_id == tx.tenant_id, _lists.number_list_id == number_list_id)
    )
    if row is None:
        raise NumberListNotFound("there is no such number list")
    return _list(row)


async def keys(tx: Tx) -> set[str]:
    """The keys of all lists of the tenant."""
    rows = await tx.all(select(_lists.key).where(_lists.tenant_id == tx.tenant_id))
    return {row["key"] for row in rows}


async def page(tx: Tx, token: str, size: int) -> list[NumberList]:
    """Newest first, one more than `size` when there is a next page."""
    statement = select(number_lists).where(_lists.tenant_id == tx.tenant_id)
    return [
        _list(row) for row in await tx.all(keyset(statement, _lists.create_time, _lists.number_list_id, token, size))
    ]


async def save(tx: Tx, changed: NumberList) -> None:
    """Store a changed list."""
    await tx.execute(
        update(number_lists)
        .where(_lists.tenant_id == tx.tenant_id, _lists.number_list_id == changed.number_list_id)
        .values(**{name: getattr(changed, name) for name in _LIST})
    )


async def remove(tx: Tx, number_list_id: str) -> None:
    """Delete a list and its entries."""
    for table in (number_list_entries, number_lists):
        await tx.execute(
            delete(table).where(table.c.tenant_id == tx.tenant_id, table.c.number_list_id == number_list_id)
        )


async def entries_page(tx: Tx, number_list_id: str, query: str, token: str, size: int) -> list[Entry]:
    """By number, those that a search finds, one more than `size` when there is a next page."""
    statement = select(number_list_entries).where(
        _entries.tenant_id == tx.tenant_id, _entries.number_list_id == number_list_id
    )
    words = query.strip()
    digits = "".join(each for each in words if each.isascii() and each.isdigit())
    if words:
        found = [_entries.label.icontains(words, autoescape=True), _entries.notes.icontains(words, autoescape=True)]
        # What is written with spaces or brackets is looked for as a number by its digits.
        if digits and not any(each.isalpha() for each in words):
            found.append(_entries.pattern.contains(digits, autoescape=True))
        statement = statement.where(or_(*found))
    after = decode_name_token(token)
    if after is not None:
        statement = statement.where(_entries.pattern > after[0])
    rows = await tx.all(statement.order_by(_entries.pattern).limit(size + 1))
    return [_entry(row) for row in rows]


async def entries(tx: Tx, number_list_id: str, patterns: Collection[str] | None = None) -> Mapping[str, Entry]:
    """Entries by their number: all, or those of `patterns`."""
    statement = select(number_list_entries).where(
        _entries.tenant_id == tx.tenant_id, _entries.number_list_id == number_list_id
    )
    if patterns is None:
        return {row["pattern"]: _entry(row) for row in await tx.all(statement)}
    found: dict[str, Entry] = {}
    for part in _parts(sorted(patterns)):
        found |= {row["pattern"]: _entry(row) for row in await tx.all(statement.where(_entries.pattern.in_(part)))}
    return found


async def put_entries(tx: Tx, number_list_id: str, put: Sequence[Entry], now: datetime) -> None:
    """Store new entries, and the label and notes of those that are there."""
    statement = upsert(number_list_entries)
    statement = statement.on_conflict_do_update(
        index_elements=["tenant_id", "number_list_id", "pattern"],
        set_={"label": statement.excluded.label, "notes": statement.excluded.notes},
    )
    for part in _parts(put):
        rows: list[dict[str, Any]] = [
            {
                "tenant_id": tx.tenant_id,
                "number_list_id": number_list_id,
                "pattern": each.pattern,
                "label": each.label,
                "notes": each.notes,
                "create_time": each.create_time or now,
            }
            for each in part
        ]
        await tx.execute(statement, rows)


async def remove_entries(tx: Tx, number_list_id: str, patterns: Sequence[str]) -> int:
    """Take entries out; how many were there."""
    removed = 0
    for part in _parts(patterns):
        gone = await tx.execute(
            delete(number_list_entries).where(
                _entries.tenant_id == tx.tenant_id,
                _entries.number_list_id == number_list_id,
                _entries.pattern.in_(part),
            )
        )
        removed += gone.rowcount
    return removed


async def look_up(tx: Tx, asked: Collection[Asked]) -> Mapping[str, set[str]]:
    """The entries of each of these lists, by key, that these numbers are in it by. One statement, whatever is asked."""
    wanted = sorted({pattern for number, _ in asked for pattern in patterns_of(number)})
    if not wanted:
        return {}
    found: dict[str, set[str]] = {}
    for row in await tx.all(_matching(tx, wanted).where(_lists.key.in_(sorted({key for _, key in asked})))):
        found.setdefault(row["key"], set()).add(row["pattern"])
    return found


async def matches(tx: Tx, number: str) -> list[Match]:
    """By which entry a number is in each list, the closest one, by the lists' names."""
    wanted = patterns_of(number)
    if not wanted:
        return []
    closest: dict[str, Match] = {}
    for row in await tx.all(_matching(tx, wanted)):
        entry = Entry(row["pattern"], row["label"], row["notes"], row["entry_time"])
        known = closest.get(row["number_list_id"])
        if known is None or wanted.index(entry.pattern) < wanted.index(known.entry.pattern):
            closest[row["number_list_id"]] = Match(_list(row), entry)
    return sorted(closest.values(), key=lambda each: (each.number_list.display_name, each.number_list.number_list_id))


def _matching(tx: Tx, patterns: Sequence[str]) -> Any:
    joined = (_entries.tenant_id == _lists.tenant_id) & (_entries.number_list_id == _lists.number_list_id)
    return (
        select(number_lists, _entries.pattern, _entries.label, _entries.notes, _entries.create_time.label("entry_time"))
        .join(number_list_entries, joined)
        .where(_lists.tenant_id == tx.tenant_id, _entries.pattern.in_(patterns))
    )


async def flows_naming(tx: Tx, key: str) -> Sequence[RowMapping]:
    """Flows whose draft, or release that runs, names the list: `draft_names` and `release_names` say which."""
    joined = (releases.c.tenant_id == flows.c.tenant_id) & (releases.c.release_id == flows.c.release_id)
    in_draft, in_release = flows.c.list_keys.contains([key]), releases.c.list_keys.contains([key])
    statement = (
        select(
            flows.c.flow_id, flows.c.display_name, flows.c.draft, releases.c.definition,
            in_draft.label("draft_names"), in_release.label("release_names"),
        )
        .outerjoin(releases, joined)
        .where(flows.c.tenant_id == tx.tenant_id, flows.c.delete_time.is_(None), or_(in_draft, in_release))
        .order_by(flows.c.display_name, flows.c.flow_id)
    )  # fmt: skip
    return await tx.all(statement)


def _parts(many: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(many), _AT_ONCE):
        yield many[start : start + _AT_ONCE]

"""Editing number lists, filling them, and asking who is in them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.sql import Tx
from kernel.errors import InvalidInput
from kernel.ids import new_id

from flows.domain import number_lines
from flows.domain.definitions import Definition
from flows.domain.flows import MAX_NAME, require_text, require_version
from flows.domain.list_uses import steps_naming
from flows.domain.number_lines import Imported, Read
from flows.domain.number_lists import (
    MAX_DESCRIPTION,
    MAX_ENTRIES,
    MAX_LABEL,
    MAX_LISTS,
    MAX_NOTES,
    Asked,
    Entry,
    NumberList,
    NumberListEntryNotFound,
    NumberListFull,
    NumberListInUse,
    NumberListKeyTaken,
    NumberListLinesInvalid,
    TooManyNumberLists,
    Use,
    held,
    require_key,
    require_shown,
)
from flows.store import number_lists as store
from flows.store.documents import from_document

get_list = store.get
list_lists = store.page
matches = store.matches
"""Reads have no rule of their own."""


@dataclass(frozen=True)
class Import:
    """Entries to put into a list. `whole`: what isn't among them goes."""

    number_list_id: str
    read: Read
    skip_bad_lines: bool = False
    whole: bool = False
    dry_run: bool = False


async def create_list(tx: Tx, key: str, display_name: str, description: str, now: datetime) -> NumberList:
    """Create an empty list. NumberListKeyTaken, TooManyNumberLists, InvalidInput."""
    require_key(key, "number_list.key")
    name = require_text(display_name, "number_list.display_name", MAX_NAME)
    text = require_text(description, "number_list.description", MAX_DESCRIPTION, required=False)
    known = await store.keys(tx)
    if key in known:
        raise NumberListKeyTaken(f"another list has the key {key}: choose another one")
    if len(known) >= MAX_LISTS:
        raise TooManyNumberLists(f"a company has at most {MAX_LISTS} number lists: delete one first")
    made = NumberList(new_id("nls", now), key, name, text, 0, now, now)
    await store.add(tx, made)
    return made


async def update_list(
    tx: Tx, number_list_id: str, changes: Mapping[str, str], version: int, now: datetime
) -> NumberList:
    """Change name or description. VersionConflict when somebody was faster."""
    found = await store.get(tx, number_list_id)
    require_version(version, found.version)
    if "display_name" in changes:
        name = require_text(changes["display_name"], "number_list.display_name", MAX_NAME)
        found = replace(found, display_name=name)
    if "description" in changes:
        text = require_text(changes["description"], "number_list.description", MAX_DESCRIPTION, required=False)
        found = replace(found, description=text)
    found = replace(found, update_time=now, version=found.version + 1)
    await store.save(tx, found)
    return found


async def delete_list(tx: Tx, number_list_id: str) -> None:
    """Delete a list that no draft and no release that runs names. NumberListInUse."""
    found = await store.get(tx, number_list_id)
    named = await uses(tx, found.key)
    if named:
        raise NumberListInUse(named)
    await store.remove(tx, number_list_id)


async def uses(tx: Tx, key: str) -> list[Use]:
    """Flows that name the list, by name."""
    made: list[Use] = []
    for row in await store.flows_naming(tx, key):
        steps: dict[str, None] = {}
        for names, document in ((row["draft_names"], row["draft"]), (row["release_names"], row["definition"])):
            if names:
                steps |= dict.fromkeys(steps_naming(from_document(Definition, document), key))
        use = Use(
            row["flow_id"], row["display_name"], tuple(steps), bool(row["draft_names"]), bool(row["release_names"])
        )
        made.append(use)
    return made


async def list_entries(tx: Tx, number_list_id: str, query: str, token: str, size: int) -> list[Entry]:
    """Entries of a list that is there, by number."""
    await store.get(tx, number_list_id)
    return await store.entries_page(tx, number_list_id, query, token, size)


async def import_entries(tx: Tx, asked: Import, now: datetime) -> Imported:
    """Put entries in, all or none; or say only what would come of it. NumberListLinesInvalid, NumberListFull,
    InvalidInput."""
    found = await store.get(tx, asked.number_list_id)
    read = asked.read
    if read.problems and not asked.skip_bad_lines and not asked.dry_run:
        raise NumberListLinesInvalid(read.problems, len(read.problems))
    if read.problems and asked.whole and not asked.dry_run:
        # Which entries the bad lines mean isn't known, and those would be taken out.
        message = f"takes no bad lines, and {len(read.problems)} are: set them right, or import without replace"
        raise InvalidInput.of("replace", message)
    before = await store.entries(tx, found.number_list_id, None if asked.whole else list(read.lines))
    plan = number_lines.plan(before, read.lines.values(), whole=asked.whole)
    entry_count = found.entry_count + len(plan.added) - len(plan.removed)
    if entry_count > MAX_ENTRIES and not asked.dry_run:
        raise NumberListFull(
            f"the list would have {entry_count} entries, and can have {MAX_ENTRIES}",
            metadata={"entry_count": str(entry_count)},
        )
    if not asked.dry_run and (plan.added or plan.changed or plan.removed):
        await store.put_entries(tx, found.number_list_id, [*plan.added, *plan.changed], now)
        await store.remove_entries(tx, found.number_list_id, plan.removed)
        await store.save(tx, replace(found, entry_count=entry_count, update_time=now))
    return Imported(plan, entry_count)


async def update_entry(tx: Tx, number_list_id: str, entry: Entry, now: datetime) -> Entry:
    """Set the label and the notes of an entry. NumberListEntryNotFound, InvalidInput."""
    found = await store.get(tx, number_list_id)
    label = require_shown(require_text(entry.label, "entry.label", MAX_LABEL, required=False), "entry.label")
    notes = require_shown(require_text(entry.notes, "entry.notes", MAX_NOTES, required=False), "entry.notes")
    known = (await store.entries(tx, number_list_id, [entry.pattern])).get(entry.pattern)
    if known is None:
        raise NumberListEntryNotFound("the list has no such entry")
    changed = replace(known, label=label, notes=notes)
    if changed != known:
        await store.put_entries(tx, number_list_id, [changed], now)
        await store.save(tx, replace(found, update_time=now))
    return changed


async def delete_entries(tx: Tx, number_list_id: str, patterns: Sequence[str], now: datetime) -> tuple[int, int]:
    """Take entries out: how many, and how many are left."""
    if not 1 <= len(patterns) <= 1000:
        raise InvalidInput.of("patterns", "must be 1 to 1000")
    found = await store.get(tx, number_list_id)
    removed = await store.remove_entries(tx, number_list_id, sorted(set(patterns)))
    if removed:
        found = replace(found, entry_count=found.entry_count - removed, update_time=now)
        await store.save(tx, found)
    return removed, found.entry_count


async def look_up(tx: Tx, asked: Collection[Asked]) -> tuple[Asked, ...]:
    """Which of the numbers are in which of the lists."""
    return held(asked, await store.look_up(tx, asked))

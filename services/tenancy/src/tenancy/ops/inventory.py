"""The inventory's verbs for those who run the platform, and the end of what was kept for somebody.

All of them look across tenants and run in system transactions, but for `hold` and `drop`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from chassis.sql import Tx

from tenancy import convert
from tenancy.domain import inventory as rules
from tenancy.domain import people
from tenancy.domain.inventory import NumberEvent, NumberHeld, NumberNotInQuarantine, Stock, Wanted
from tenancy.domain.numbers import Number, NumberNotFound, NumberTaken
from tenancy.domain.stock_files import LineProblem, StockFile
from tenancy.store import history, inventory, lookups, rows, tables

_ENDED_AT_ONCE = 500
_LOOKED_UP_AT_ONCE = 5000

list_history = history.page


@dataclass(frozen=True)
class Outcome:
    """What comes of a file."""

    added: int = 0
    unchanged: int = 0
    problems: list[LineProblem] = field(default_factory=list)


async def hold(tx: Tx, number: str, now: datetime) -> Number:
    """Keeps a free number for the tenant for a while. Raises `NumberTaken`, `TooManyNumbersHeld`."""
    rules.check_hold(await inventory.held(tx, but=number))
    held = await inventory.hold(tx, number, now + rules.HOLD)
    if held is None:
        raise NumberTaken(f"{number} has just been taken: choose another one.")
    return held


async def drop(tx: Tx, number: str) -> None:
    """Lets a held number go."""
    await inventory.drop(tx, number)


async def import_file(tx: Tx, file: StockFile, dry_run: bool, now: datetime) -> Outcome:
    """Adds the numbers of a file, unless a line is bad or it is only a rehearsal."""
    wanted = list(file.numbers)
    there: set[str] = set()
    taken: set[str] = set()
    for start in range(0, len(wanted), _LOOKED_UP_AT_ONCE):
        some = wanted[start : start + _LOOKED_UP_AT_ONCE]
        there |= set(await inventory.known_of(tx, some))
        for kind in (lookups.NUMBER, lookups.PORT):
            taken |= set(await lookups.known(tx, kind, some, but=""))
    taken -= there  # its holder has it from the inventory
    lines = dict.fromkeys((file.lines[each], each) for each in wanted if each in taken)
    seen: set[int] = set()
    problems = list(file.problems)
    for line, number in lines:
        if line not in seen:
            problems.append(LineProblem(line, number, "NUMBER_TAKEN"))
            seen.add(line)
    problems.sort(key=lambda each: each.line)
    news = [file.numbers[each] for each in wanted if each not in there and each not in taken]
    if not dry_run and not problems:
        await inventory.add(tx, news)
        await history.note(tx, [each.number for each in news], NumberEvent.ADDED, now)
    return Outcome(len(news), len(there), problems)


async def say(tx: Tx, number: str, news: Mapping[str, Any], version: int) -> tuple[Stock, str]:
    """Says otherwise of a number; with its tenant's name. Raises `NumberNotFound`, `VersionConflict`."""
    known = await _find(tx, number)
    people.check_version(version, known.version, "number")
    changed = replace(known, **news, version=known.version + 1)
    await inventory.say(tx, changed)
    if known.holder:
        row = await rows.get_of(tx, known.holder, tables.numbers, number=number)
        if row is not None:
            tx.emit(convert.number_changed(rows.value_of(Number, row)), key=number, tenant_id=known.holder)
    return changed, await _name(tx, changed)


async def remove(tx: Tx, number: str, now: datetime) -> None:
    """Takes a free number out. Raises `NumberNotFound`, `NumberHeld`."""
    known = await _find(tx, number)
    if known.state != "FREE":
        raise NumberHeld(f"{number} is a company's, or kept for one.", metadata={"state": known.state})
    await inventory.remove(tx, number)
    await history.note(tx, [number], NumberEvent.REMOVED, now)


async def set_quarantine(tx: Tx, number: str, until: datetime, reason: str, now: datetime) -> tuple[Stock, str]:
    """Moves the end of a quarantine. Raises `NumberNotFound`, `NumberNotInQuarantine`."""
    known = await _find(tx, number)
    if known.state != "QUARANTINE":
        raise NumberNotInQuarantine(f"{number} is in no quarantine.", metadata={"state": known.state})
    end = until if until > now else None
    await inventory.keep_until(tx, number, end)
    note = f"{end.isoformat(timespec='minutes')}: {reason}" if end else reason
    event = NumberEvent.QUARANTINE_CHANGED if end else NumberEvent.QUARANTINE_ENDED
    await history.note(tx, [number], event, now, tenant_id=known.kept_for, note=note)
    changed = replace(known, kept_until=end) if end else replace(known, kept="", kept_for="", kept_until=None)
    return changed, await _name(tx, changed)


async def end_kept(tx: Tx, now: datetime) -> int:
    """Ends what is kept no longer; how much. Sweep."""
    ended = await inventory.end_kept(tx, now, _ENDED_AT_ONCE)
    for number, kept, tenant_id in ended:
        if kept == "QUARANTINE":
            await history.note(tx, [number], NumberEvent.QUARANTINE_ENDED, now, tenant_id=tenant_id)
    return len(ended)


async def page(tx: Tx, wanted: Wanted, after: str, limit: int) -> Sequence[tuple[Stock, str]]:
    """Numbers with their tenants' names, in order, from the one after `after`."""
    return await inventory.list_all(tx, wanted, after, limit)


async def _find(tx: Tx, number: str) -> Stock:
    known = await inventory.find(tx, number)
    if known is None:
        raise NumberNotFound(f"The inventory has no number {number}.")
    return known


async def _name(tx: Tx, stock: Stock) -> str:
    tenant_id = stock.holder or stock.kept_for
    row = await rows.get_of(tx, tenant_id, tables.tenants) if tenant_id else None
    return row["display_name"] if row else ""

"""Agents' notices, availability, calendar feeds, and the settings of what they do for themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from chassis.sql import Tx
from sqlalchemy import and_, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from wfm.domain.feeds import Feed
from wfm.domain.own import Availability, Notice, Settings
from wfm.domain.shifts import Wish
from wfm.store.own_tables import agent_notices, availability, calendar_feeds, self_service
from wfm.store.rows import own

MOST_SHOWN = 50
_CHUNK = 500


async def add_notices(tx: Tx, notices: Sequence[Notice], forget_before: datetime) -> None:
    """Adds notices, and forgets old ones."""
    if not notices:
        return
    await tx.execute(delete(agent_notices).where(own(tx, agent_notices), agent_notices.c.create_time < forget_before))
    rows = [
        {
            "tenant_id": tx.tenant_id, "agent_notice_id": each.notice_id, "user_id": each.user_id, "kind": each.kind,
            "first_day": each.first.isoformat() if each.first else "", "days": [day.isoformat() for day in each.days],
            "subject_id": each.subject_id, "note": each.note, "dismissed": False, "create_time": each.create_time,
        }
        for each in notices
    ]  # fmt: skip
    for at in range(0, len(rows), _CHUNK):
        await tx.execute(insert(agent_notices), rows[at : at + _CHUNK])


async def list_notices(tx: Tx, user_id: str) -> list[Notice]:
    """Those not put away, newest first."""
    table = agent_notices
    rows = await tx.all(
        select(table)
        .where(own(tx, table), table.c.user_id == user_id, table.c.dismissed.is_(False))
        .order_by(table.c.create_time.desc(), table.c.agent_notice_id.desc())
        .limit(MOST_SHOWN)
    )
    return [_notice(row) for row in rows]


async def dismiss(tx: Tx, user_id: str, notice_id: str) -> bool:
    """Puts one of somebody's away; whether there is one."""
    table = agent_notices
    done = await tx.execute(
        update(table)
        .where(own(tx, table), table.c.agent_notice_id == notice_id, table.c.user_id == user_id)
        .values(dismissed=True)
    )
    return bool(done.rowcount)


async def list_availability(tx: Tx, user_id: str = "", until: date | None = None) -> list[Availability]:
    """What agents said, one's or everybody's, by agent and day; with `until` what begins by then."""
    statement = select(availability).where(own(tx, availability))
    if user_id:
        statement = statement.where(availability.c.user_id == user_id)
    if until is not None:
        statement = statement.where(availability.c.from_day <= until.isoformat())
    rows = await tx.all(statement.order_by(availability.c.user_id, availability.c.from_day))
    return [
        Availability(
            row["user_id"], date.fromisoformat(row["from_day"]),
            tuple((day, low, high) for day, low, high in row["availability"]), _wish(row["wish"]), row["create_time"],
        )
        for row in rows
    ]  # fmt: skip


async def save_availability(tx: Tx, value: Availability) -> None:
    """Says it, in place of what was said for that day."""
    assert value.from_day is not None
    row = {
        "tenant_id": tx.tenant_id, "user_id": value.user_id, "from_day": value.from_day.isoformat(),
        "availability": [list(each) for each in value.stretches], "wish": asdict(value.wish),
        "create_time": value.create_time,
    }  # fmt: skip
    await _put(tx, availability, row, ("user_id", "from_day"))


async def remove_availability(tx: Tx, user_id: str, from_day: date) -> bool:
    """Takes it back; whether it was there."""
    mine = (availability.c.user_id == user_id, availability.c.from_day == from_day.isoformat())
    return bool((await tx.execute(delete(availability).where(own(tx, availability), *mine))).rowcount)


async def feed_of(tx: Tx, user_id: str) -> Feed | None:
    """Somebody's feed."""
    row = await tx.one_or_none(
        select(calendar_feeds).where(own(tx, calendar_feeds), calendar_feeds.c.user_id == user_id)
    )
    return _feed(row) if row else None


async def find_feed(tx: Tx, digest: str) -> Feed | None:
    """Whose feed a token's digest leads to."""
    row = await tx.one_or_none(select(calendar_feeds).where(own(tx, calendar_feeds), calendar_feeds.c.digest == digest))
    return _feed(row) if row else None


async def save_feed(tx: Tx, value: Feed, digest: str) -> None:
    """Makes a feed in place of the one there was."""
    row = {"tenant_id": tx.tenant_id, "digest": digest, **vars(value)}
    await _put(tx, calendar_feeds, row, ("user_id",))


async def remove_feed(tx: Tx, user_id: str) -> bool:
    """Removes somebody's feed; whether there was one."""
    mine = and_(own(tx, calendar_feeds), calendar_feeds.c.user_id == user_id)
    return bool((await tx.execute(delete(calendar_feeds).where(mine))).rowcount)


async def settings(tx: Tx) -> Settings:
    """What is decided."""
    row = await tx.one_or_none(select(self_service).where(own(tx, self_service), self_service.c.one == "all"))
    return Settings(**row["settings"], version=row["version"]) if row else Settings()


async def save_settings(tx: Tx, value: Settings) -> None:
    """Decides."""
    said = {name: kept for name, kept in asdict(value).items() if name != "version"}
    row = {"tenant_id": tx.tenant_id, "one": "all", "settings": said, "version": value.version}
    await _put(tx, self_service, row, ("one",))


async def _put(tx: Tx, table: Any, row: Mapping[str, Any], keys: Sequence[str]) -> None:
    statement = insert(table).values(**row)
    changed = {name: statement.excluded[name] for name in row if name not in ("tenant_id", *keys)}
    await tx.execute(statement.on_conflict_do_update(index_elements=["tenant_id", *keys], set_=changed))


def _wish(kept: Mapping[str, Any]) -> Wish:
    return Wish(tuple(kept["free_weekdays"]), kept["earliest_start"], kept["latest_end"], kept["weight"])


def _feed(row: Mapping[Any, Any]) -> Feed:
    return Feed(row["user_id"], row["language"], row["create_time"])


def _notice(row: Mapping[Any, Any]) -> Notice:
    return Notice(
        row["agent_notice_id"], row["user_id"], row["kind"], row["create_time"],
        date.fromisoformat(row["first_day"]) if row["first_day"] else None,
        tuple(date.fromisoformat(each) for each in row["days"]), row["subject_id"], row["note"],
    )  # fmt: skip

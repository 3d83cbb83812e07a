"""What agents should know of their schedule, told in the transaction that made it so."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from chassis.sql import Tx
from kernel.ids import new_id

from wfm import convert
from wfm.domain.explaining import differences
from wfm.domain.own import Notice
from wfm.domain.series import midnight
from wfm.domain.shifts import Shift
from wfm.store import own as store
from wfm.store import sites
from wfm.store.schedules import Version

KEPT = timedelta(days=60)
_WEEK = timedelta(days=7)
MOST_NAMED = 5000


async def tell(
    tx: Tx, kind: str, whom: Mapping[str, Sequence[date]], now: datetime, *, first: date | None = None,
    subject_id: str = "", note: str = "",
) -> None:  # fmt: skip
    """Tells agents something, of each with the days it is about."""
    notices = [
        Notice(new_id("ano", now), user_id, kind, now, first, tuple(days[:31]), subject_id, note)
        for user_id, days in whom.items()
    ]
    await store.add_notices(tx, notices, now - KEPT)
    for each in notices:
        tx.emit(convert.agent_noticed(each), key=each.user_id)


async def announce(
    tx: Tx, found: Version, superseded: str, before: Sequence[Shift], after: Sequence[Shift], now: datetime,
    quiet: Collection[str] = (),
) -> None:  # fmt: skip
    """A version is what agents work by from now on: who has other days than before hears of it, but for those in
    `quiet`, who are told otherwise. Weeks that are over by their clocks change nothing for anybody."""
    changed = _changed(before, after)
    tx.emit(convert.schedule_published(found, superseded, list(changed)[:MOST_NAMED], now), key=found.first.isoformat())
    zones = await sites.zones(tx)
    over = {
        zone for zone in {found.zone, *zones.values()} if midnight(found.first + _WEEK, ZoneInfo(zone)) <= now
    }  # fmt: skip
    whom = {
        user_id: days
        for user_id, days in changed.items()
        if user_id not in quiet and zones.get(user_id, found.zone) not in over
    }
    await tell(tx, "SHIFTS_CHANGED" if superseded else "SCHEDULE_OUT", whom, now, first=found.first)


def _changed(before: Iterable[Shift], after: Iterable[Shift]) -> dict[str, list[date]]:
    found: dict[str, list[date]] = {}
    for each in differences(list(before), list(after)):
        found.setdefault(each.agent_id, []).append(each.day)
    return found

"""What the owner should know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from chassis.paging import Page
from chassis.sql import Tx
from kernel.ids import new_id

from tenancy import convert
from tenancy.domain.people import Notice, NoticeNotFound
from tenancy.store import rows, tables


async def raise_notice(tx: Tx, kind: str, subject: str, parameters: Mapping[str, str], now: datetime) -> Notice:
    """Raises a notice, or counts one more of the open one about the same subject."""
    table = tables.notices
    known = await rows.find(tx, table, Notice, kind=kind, subject=subject, dismissed=False)
    if known is None:
        notice = Notice(new_id("ntc", now), kind, dict(parameters), now, now)
        await rows.add(tx, table, subject=subject, **vars(notice))
    else:
        newest = parameters if now >= known.update_time else known.parameters
        news = {"count": known.count + 1, "update_time": max(now, known.update_time), "parameters": dict(newest)}
        notice = replace(known, **news)
        await rows.change(tx, table, {"notice_id": notice.notice_id}, **news)
    tx.emit(convert.notice_raised(notice), key=notice.notice_id)
    return notice


async def list_notices(tx: Tx, include_dismissed: bool, page: Page) -> tuple[list[Notice], str]:
    """Notices, newest first."""
    table = tables.notices
    wanted = () if include_dismissed else (table.c.dismissed.is_(False),)
    return await rows.page(tx, table, Notice, ("create_time", "notice_id"), page, *wanted)


async def dismiss_notice(tx: Tx, notice_id: str) -> Notice:
    """Puts a notice away; again is OK. Raises `NoticeNotFound`."""
    notice = await rows.find(tx, tables.notices, Notice, notice_id=notice_id)
    if notice is None:
        raise NoticeNotFound(f"There is no notice {notice_id}.")
    await rows.change(tx, tables.notices, {"notice_id": notice_id}, dismissed=True)
    return replace(notice, dismissed=True)

"""Rows of business hours."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from chassis.paging import keyset
from kernel.hours import Holiday, OpenInterval
from sqlalchemy import RowMapping, delete, select

from routing.domain.holidays import HolidayCalendar
from routing.domain.hours import BusinessHours
from routing.store.rows import Transaction, add, change
from routing.store.tables import business_hours


async def add_hours(tx: Transaction, hours: BusinessHours) -> None:
    """A new one."""
    await add(tx, business_hours, _row(hours, hours.create_time))


async def change_hours(tx: Transaction, hours: BusinessHours, was: int, now: datetime) -> None:
    """Over version `was`."""
    await change(tx, business_hours, "business_hours_id", _row(hours, now), was)


async def find_hours(tx: Transaction, business_hours_id: str) -> BusinessHours | None:
    """One by its id."""
    row = await tx.one_or_none(
        select(business_hours).where(
            business_hours.c.tenant_id == tx.tenant_id, business_hours.c.business_hours_id == business_hours_id
        )
    )
    return _hours(row) if row is not None else None


async def page_of_hours(tx: Transaction, size: int, token: str) -> list[BusinessHours]:
    """Newest first."""
    listed = select(business_hours).where(business_hours.c.tenant_id == tx.tenant_id)
    rows = await tx.all(keyset(listed, business_hours.c.create_time, business_hours.c.business_hours_id, token, size))
    return [_hours(row) for row in rows]


async def delete_hours(tx: Transaction, business_hours_id: str) -> bool:
    """Whether it was there."""
    done = await tx.execute(
        delete(business_hours).where(
            business_hours.c.tenant_id == tx.tenant_id, business_hours.c.business_hours_id == business_hours_id
        )
    )
    return done.rowcount == 1


def _row(hours: BusinessHours, now: datetime) -> dict[str, Any]:
    return {
        "business_hours_id": hours.business_hours_id,
        "display_name": hours.display_name,
        "time_zone": hours.time_zone,
        "intervals": [_interval_to_json(each) for each in hours.intervals],
        "holidays": [
            {
                "date": each.day.isoformat(),
                "display_name": each.display_name,
                "intervals": [_interval_to_json(interval) for interval in each.intervals],
            }
            | ({"last": each.last_day.isoformat()} if each.last_day else {})
            for each in hours.holidays
        ],
        "calendar": vars(hours.calendar) | {"off": list(hours.calendar.off)} if hours.calendar.country else {},
        "create_time": hours.create_time,
        "update_time": now,
        "version": hours.version,
    }


def _hours(row: RowMapping) -> BusinessHours:
    return BusinessHours(
        row["business_hours_id"],
        row["display_name"],
        row["time_zone"],
        tuple(OpenInterval(*each) for each in row["intervals"]),
        tuple(
            Holiday(
                date.fromisoformat(each["date"]),
                each["display_name"],
                tuple(OpenInterval(*interval) for interval in each["intervals"]),
                date.fromisoformat(each["last"]) if "last" in each else None,
            )
            for each in row["holidays"]
        ),
        row["create_time"],
        row["version"],
        HolidayCalendar(**row["calendar"] | {"off": tuple(row["calendar"].get("off", ()))}),
    )


def _interval_to_json(interval: OpenInterval) -> list[int]:
    return [interval.weekday, interval.start_minute, interval.end_minute]

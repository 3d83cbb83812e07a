"""Numbers of the inventory and of tenants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kernel.errors import FailedPrecondition, NotFound


class NumberNotFound(NotFound):
    """Nobody answers this number, or it isn't the tenant's."""

    reason = "NUMBER_NOT_FOUND"


class WidgetNotFound(NotFound):
    """No brand has this widget key."""

    reason = "WIDGET_NOT_FOUND"


class NumberTaken(FailedPrecondition):
    """Somebody was faster."""

    reason = "NUMBER_TAKEN"


@dataclass(frozen=True)
class Number:
    """A number and where it leads."""

    number: str
    country: str
    test: bool
    brand_id: str = ""
    flow_id: str = ""
    assign_time: datetime | None = None
    version: int = 1


def fictitious_numbers() -> list[Number]:
    """Numbers for web calls of this installation. No carrier reaches them.

    +1 555 0100 to 0199 are reserved for fiction in each North American area code; the rest are as long as numbers of
    their country and lie in ranges its numbering plan gives to nobody.
    """
    american = [Number(f"+1{area}55501{n:02d}", "US", True) for area in (202, 212, 415, 646) for n in range(100)]
    others = [
        Number(f"{prefix}{n:04d}", country, True)
        for country, prefix in (("TR", "+90599000"), ("AZ", "+99490000"), ("IR", "+98970000"))
        for n in range(100)
    ]
    return american + others

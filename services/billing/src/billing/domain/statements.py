"""What a period costs, as a whole: lines, discounts, taxes, totals. Computing one is the rates' and levels' work,
keeping and showing one is the invoices'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

FORMAT = 6
"""By which rules statements are made and in which shape they are frozen; what each changed is told in
docs/mechanisms/invoices.md."""


LATE_START, LATE_END = "late_start", "late_end"
"""Parameters of a late line: the period it was used in."""
ADVANCE_START, ADVANCE_END = "advance_start", "advance_end"
"""Parameters of a line in advance: the period it is for."""


_EARLIEST = datetime.min.replace(tzinfo=UTC)


class LineKind(StrEnum):
    """Why a line is there."""

    USAGE = "usage"
    """What was used or held, by a rate."""
    FEE = "fee"
    """A plan's or an add-on's fee of an interval or of a part of it; negative for what is given back."""
    COMMITMENT = "commitment"
    """What is missing of a committed spend."""
    LATE = "late"
    """Usage of an earlier, finalized period: dated by the period it was used in."""
    ADJUSTMENT = "adjustment"
    """What was given back already by a credit note, taken off what is given back."""


@dataclass(frozen=True)
class BrandShare:
    """What one brand has of a line; an empty `brand_id` is what no brand is known of. `amount` is rounded so that the
    shares add up to the line's."""

    brand_id: str
    quantity: Fraction
    included: Fraction
    amount: Decimal


@dataclass(frozen=True)
class StatementLine:
    """One line. `amount` is in major units, rounded half away from zero to the minor unit, here and nowhere else."""

    line_id: str
    """Stable within the statement: the same events and plans make the same ids."""
    kind: LineKind
    amount: Decimal
    start_time: datetime
    end_time: datetime
    plan_id: str = ""
    plan_version: int = 0
    rate_id: str = ""
    meter: str = ""
    quantity: Fraction = Fraction(0)
    included: Fraction = Fraction(0)
    unit_price: Decimal = Decimal(0)
    brands: Sequence[BrandShare] = ()
    """Of usage: whose it was. They add up to the line's quantity, included and amount exactly."""
    description_key: str = ""
    """What it is for, a key the pages and documents have words for, with `description_parameters`."""
    description_parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    discount: Decimal = Decimal(0)
    """Part of the discounts that falls on it, rounded so that the parts add up; negative only of what came late."""
    tax_code: str = ""


@dataclass(frozen=True)
class Discount:
    """What a coupon or agreement takes off the lines' sum; `amount` isn't negative."""

    discount_id: str
    name: str
    amount: Decimal
    late_start: datetime | None = None
    """Of what came late or is charged in advance: when the period began whose coupon it is. Of what came late it may
    also be negative."""


@dataclass(frozen=True)
class Tax:
    """One rate's tax on what falls under it."""

    tax_code: str
    name: str
    percent: Decimal
    base: Decimal
    amount: Decimal
    included: bool = False
    """Whether the prices have it in them already: then it adds nothing to the total, and isn't in `base`."""
    line_codes: Sequence[str] = ()
    """Tax codes of the lines it falls on; empty: all lines."""
    line_ids: Sequence[str] = ()
    """Of these, the ids of the lines it falls on; empty: all of them."""

    def falls_on(self, line: StatementLine) -> bool:
        """Whether the line is taxed by it."""
        codes = not self.line_codes or line.tax_code in self.line_codes
        return codes and (not self.line_ids or line.line_id in self.line_ids)


@dataclass(frozen=True)
class Statement:
    """What [start_time, end_time) costs a company, of everything that was heard of until `cutoff_time`.

    total = subtotal - discounts + taxes that aren't included. Two of the same events, plans and cutoff are equal, field
    by field.
    """

    currency: str
    start_time: datetime
    end_time: datetime
    cutoff_time: datetime
    plan_id: str
    plan_version: int
    lines: Sequence[StatementLine]
    discounts: Sequence[Discount]
    taxes: Sequence[Tax]
    subtotal: Decimal
    total: Decimal
    format: int = FORMAT
    """By whose rules it was made."""
    advance: tuple[datetime, datetime] | None = None
    """The period that its lines in advance are for: the one that follows, or its own (`in_advance`)."""

    @property
    def in_advance(self) -> bool:
        """Whether all it holds is its own period's charges in advance: what is used in the period is still to come."""
        return self.advance is not None and self.advance[0] == self.start_time


@dataclass(frozen=True)
class Ahead:
    """What a period costs in advance: its lines less what was billed of them, with the discounts in them."""

    start_time: datetime
    end_time: datetime
    currency: str
    lines: Sequence[StatementLine]
    discounts: Sequence[Discount]


@dataclass(frozen=True)
class BilledLine:
    """What finalized invoices have billed of one line of a period, all of them together."""

    line_id: str
    amount: Decimal
    quantity: Fraction = Fraction(0)
    included: Fraction = Fraction(0)
    kind: LineKind = LineKind.USAGE
    plan_id: str = ""
    plan_version: int = 0
    rate_id: str = ""
    meter: str = ""
    tax_code: str = ""
    description_key: str = ""
    description_parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    brands: Sequence[BrandShare] = ()
    start_time: datetime = _EARLIEST
    end_time: datetime = _EARLIEST
    """The line's own time, as it was first billed."""


@dataclass(frozen=True)
class BilledPeriod:
    """What finalized invoices have billed of [start_time, end_time); `late.billed` makes it of their statements."""

    start_time: datetime
    end_time: datetime
    cutoff_time: datetime
    """Of the newest of them: what was heard of until then is in them."""
    lines: Sequence[BilledLine]
    format: int = FORMAT
    """By whose rules it was billed; what comes late of it is reckoned by them too."""
    discounts: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    """What was taken off it, by the discount's id."""
    whole: bool = False
    """Whether its own invoice is among them: then nothing of it is still to come."""


class Scope(StrEnum):
    """Which part of a period's charges is meant."""

    WHOLE = "whole"
    """All of it; what lasts is taken to last until the end."""
    SO_FAR = "so_far"
    """What is due by the cutoff: what lasts until then, and no committed spend, which is trued up at the end."""
    ADVANCE = "advance"
    """Fees and the rates charged in advance, for an invoice at the period's begin."""

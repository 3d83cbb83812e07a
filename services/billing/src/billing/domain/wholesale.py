"""What a reseller owes the platform for the periods of its companies: which of them an invoice is for, how their lines
stand on it, what was billed of each already.

A company's periods follow its own zone and anchor, the invoice's the reseller's. An invoice has the companies' periods
that end within its window: its own period, moved by as much as zones differ.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from kernel.money import rounded

from billing.domain import late
from billing.domain.deck_prices import DeckPrices
from billing.domain.resales import Resold
from billing.domain.statements import FORMAT, BilledLine, BilledPeriod, Statement, StatementLine
from billing.domain.taxes import TaxData, TaxRate, added, taxed

WINDOW = timedelta(hours=26)
"""As far apart as the zones of the world are: a company's month ends at most this much after its reseller's."""
_NOTHING = Fraction(0)
COMPANY = "company"
"""Parameter of a line that says whose it is."""


@dataclass(frozen=True)
class ResoldPeriod:
    """A period of a company that is over and was resold; written once, so that its bounds never move."""

    tenant_id: str
    reseller_id: str
    wholesale_list_id: str
    start_time: datetime
    end_time: datetime
    record_time: datetime
    time_zone: str = "UTC"
    """The zone it followed."""

    @property
    def key(self) -> str:
        """What its lines' ids begin with: company and begin."""
        return f"{self.tenant_id}:{self.start_time.astimezone(UTC):%Y%m%dT%H%M%SZ}"

    def ends_within(self, start: datetime, end: datetime) -> bool:
        """Whether it is for the invoice of the reseller's period [start, end)."""
        return start + WINDOW < self.end_time <= end + WINDOW


@dataclass(frozen=True)
class Asked:
    """What a company's period comes to of everything heard of until `cutoff`; nothing when nothing was heard of after
    `since`."""

    period: ResoldPeriod
    cutoff: datetime
    since: datetime | None = None
    format: int = FORMAT
    """By whose rules."""


@dataclass(frozen=True)
class Known:
    """What was billed of a company's period until a cutoff, and by whose rules first."""

    cutoff_time: datetime
    lines: Sequence[BilledLine]
    format: int = FORMAT


class CompaniesNotAtHand(Exception):
    """Companies have to be looked at before this can be billed: a reseller's transaction sees none of them."""

    def __init__(self, cutoff: datetime, reseller_id: str = "", asked: Sequence[Asked] = ()) -> None:
        super().__init__(reseller_id)
        self.cutoff, self.reseller_id, self.asked = cutoff, reseller_id, asked


@dataclass
class AtHand(DeckPrices):
    """What is at hand of decks, and of the companies of a reseller."""

    periods: dict[tuple[str, datetime], Sequence[ResoldPeriod]] = field(
        default_factory=dict[tuple[str, datetime], Sequence[ResoldPeriod]]
    )
    """By reseller and cutoff: its companies' periods heard of until then."""
    resold: dict[Asked, Resold | None] = field(default_factory=dict[Asked, Resold | None])
    """Each by the wholesale list in force when it ended; None when there is nothing new of it."""

    def periods_of(self, reseller_id: str, cutoff: datetime) -> Sequence[ResoldPeriod]:
        """Periods of a reseller's companies. Raises `CompaniesNotAtHand`."""
        if (reseller_id, cutoff) not in self.periods:
            raise CompaniesNotAtHand(cutoff, reseller_id)
        return self.periods[reseller_id, cutoff]

    def resold_of(self, asked: Sequence[Asked]) -> list[Resold | None]:
        """What each comes to. Raises `CompaniesNotAtHand` with all that aren't there."""
        missing = [each for each in asked if each not in self.resold]
        if missing:
            raise CompaniesNotAtHand(missing[0].cutoff, asked=missing)
        return [self.resold[each] for each in asked]

    def names(self, tenant_ids: Collection[str]) -> dict[str, str]:
        """What companies that are at hand are called."""
        found = {each.tenant_id: each.name for each in self.resold.values() if each is not None}
        return {each: found[each] for each in sorted(tenant_ids) if found.get(each)}


def lines_of(resold: Resold, period: ResoldPeriod) -> list[StatementLine]:
    """A company's lines as they stand on its reseller's invoice: named by the company, taxed as what it resells."""
    return [
        replace(
            each.own, line_id=f"{period.key}:{each.own.line_id}",
            description_parameters={**each.own.description_parameters, COMPANY: period.tenant_id},
        )
        for each in resold.lines
    ]  # fmt: skip


def billed(statements: Iterable[Statement]) -> dict[str, Known]:
    """What invoices have billed of each company's period, by its key."""
    cutoffs: dict[str, datetime] = {}
    formats: dict[str, int] = {}
    lines: dict[str, dict[str, BilledLine]] = {}
    for each in sorted(statements, key=lambda one: (one.cutoff_time, one.start_time)):
        for line in each.lines:
            key = ":".join(line.line_id.removeprefix(late.LATE).split(":")[:2])
            formats.setdefault(key, each.format)
            cutoffs[key] = max(each.cutoff_time, cutoffs.get(key, each.cutoff_time))
            late.add(lines.setdefault(key, {}), line)
    return {key: Known(cutoffs[key], tuple(lines[key].values()), formats[key]) for key in cutoffs}


def before_of(
    period: ResoldPeriod, known: Mapping[str, Known], cutoff: datetime
) -> BilledPeriod:  # fmt: skip
    """What was billed of a company's period; of one that never was, nothing."""
    of = known.get(period.key) or Known(cutoff, ())
    return BilledPeriod(period.start_time, period.end_time, of.cutoff_time, of.lines, of.format)


def statement(
    lines: Sequence[StatementLine], currency: str, period: tuple[datetime, datetime], cutoff: datetime,
    rates: Sequence[TaxRate], data: TaxData, format_: int = FORMAT,
) -> Statement:  # fmt: skip
    """What an invoice to a reseller says: its companies' lines, its own taxes, no discounts."""
    taxes = taxed(lines, rates, data, period[1], currency, format_)
    subtotal = sum((line.amount for line in lines), rounded(_NOTHING, currency))
    return Statement(
        currency, *period, cutoff, "", 0, tuple(lines), (), tuple(taxes), subtotal, subtotal + added(taxes), format_
    )

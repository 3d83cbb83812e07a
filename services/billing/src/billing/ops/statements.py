"""What a period costs a company, of everything that was heard of until a moment. Loads the books for the rules.

The usual way reads what is kept by day. A cutoff before the newest record or plan reads the records themselves and
rates them by the plans known then, so that a statement can be made again as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from chassis.sql import Tx
from kernel.errors import FailedPrecondition, InvalidInput
from kernel.proration import YEAR, period_containing

from billing.domain import charges, invoicing, late, plans
from billing.domain.aggregates import NOTHING, Aggregate, Aggregation
from billing.domain.charges import Books, Part, Used
from billing.domain.credit_notes import CreditNote, given_before
from billing.domain.discounts import Redeemed, taken_off, taken_off_rest
from billing.domain.levels import spans
from billing.domain.meters import Meter, meter_of
from billing.domain.plans import PlanHeld
from billing.domain.rates import DeckPrice, Metered
from billing.domain.statements import (
    FORMAT,
    Ahead,
    BilledLine,
    BilledPeriod,
    Discount,
    LineKind,
    Scope,
    Statement,
    StatementLine,
)
from billing.domain.subscriptions import Timeline, period_at
from billing.domain.usage import UsageRecord, rated
from billing.store import coupons, days, meters, taxes
from billing.store import plans as plan_store
from billing.store import usage as store
from billing.store.days import DAY, day_of


class NothingSubscribed(FailedPrecondition):
    """The tenant holds no plan yet, so there is nothing to invoice."""

    reason = "NOTHING_SUBSCRIBED"


class RangeInvalid(InvalidInput):
    """The stretch of time asked for is empty."""

    reason = "RANGE_INVALID"


async def statement_of(
    tx: Tx,
    start: datetime,
    end: datetime,
    cutoff_time: datetime,
    earlier: Sequence[BilledPeriod] = (),
    scope: Scope = Scope.WHOLE,
    deck: DeckPrice | None = None,
    format_: int = FORMAT,
    ahead: Ahead | None = None,
    issued: Sequence[tuple[Statement, Sequence[CreditNote]]] = (),
) -> Statement:
    """What [start, end) costs, of what was heard of until `cutoff_time`: the same events, plans and cutoff, the same
    statement.

    `earlier` says what finalized invoices have billed (`late.billed` makes it of their statements): of this period it
    is subtracted, of others the difference becomes LATE lines. `ahead` is what the coming period costs in advance; of
    another currency it can't stand here. `issued`: invoices before it and their credit notes. Raises
    `NothingSubscribed`, `CurrenciesMixed`.
    """
    books = await books_of(tx, start, end, cutoff_time, deck, format_)
    books = replace(books, spent_before=_spent(earlier, books))
    # A period may end otherwise than was foreseen when it was charged in advance.
    own = next((each for each in earlier if each.start_time == start), None)
    if own is not None and format_ < 3:  # an amount off was taken off what was billed before
        books = replace(books, redeemed=[each for each in books.redeemed if not each.coupon.amount])
    came_late: list[StatementLine] = []
    discounts: list[Discount] = []
    known: list[BilledLine | StatementLine] = late.billed_before(earlier, start)
    came: list[StatementLine] = []  # of the earlier ones; it counts towards what later ones are committed to
    for each in earlier:
        if each is not own and await changed_since(tx, each, cutoff_time):
            then = await books_again(tx, each, earlier, cutoff_time, deck, format_)
            if format_ > 4:
                then = replace(then, billed=[*then.billed, *came])
            if charges.currency_of(then) != charges.currency_of(books):
                raise charges.CurrenciesMixed("What came late of an earlier period is owed in another currency.")
            whole = charges.lines_of(then)
            rest = late.rest_of(whole, each)
            known += rest
            came += rest
            if format_ > 2:
                rest, off = taken_off_rest(rest, whole, then.redeemed, each.discounts, charges.currency_of(books))
                discounts += [replace(one, late_start=each.start_time) for one in off]
            came_late += late.dated(rest, each)
    whole = charges.lines_of(replace(books, billed=known), scope)
    lines = late.rest_of(whole, own)
    if format_ < 3:
        return charges.statement(books, [*lines, *came_late])
    currency = charges.currency_of(books)
    if own is None:
        lines, off = taken_off(lines, books.redeemed, currency)
    else:
        lines, off = taken_off_rest(lines, whole, books.redeemed, own.discounts, currency, carried=format_ > 3)
    if format_ > 5:
        came_late += given_before([*lines, *came_late], issued)
    if ahead is None or ahead.currency != currency:
        return charges.statement(books, [*lines, *came_late], [*off, *discounts])
    coming, off_coming = late.ahead_of(ahead.lines, (ahead.start_time, ahead.end_time)), ahead.discounts
    made = charges.statement(books, [*lines, *came_late, *coming], [*off, *discounts, *off_coming])
    return replace(made, advance=(ahead.start_time, ahead.end_time))


async def in_advance(
    tx: Tx, period: tuple[datetime, datetime], cutoff: datetime, earlier: Sequence[BilledPeriod],
    deck: DeckPrice | None = None, format_: int = FORMAT,
) -> tuple[Books, Ahead]:  # fmt: skip
    """What a period costs in advance, of what was heard of until `cutoff`, less what `earlier` invoices billed of it.
    What lasts is taken to last; where it didn't, the period's own invoice puts it right. Raises `NothingSubscribed`,
    `CurrenciesMixed`."""
    before = next((each for each in earlier if each.start_time == period[0]), None)
    if before is not None and before.whole and format_ > 4:
        return await _left_in_advance(tx, before, cutoff, earlier, deck, format_)
    books = await books_of(tx, *period, cutoff, deck, format_, used=False)
    currency = charges.currency_of(books)
    lines, redeemed = charges.lines_of(books, Scope.ADVANCE), books.redeemed
    if before is not None:
        ids = {line.line_id for line in lines}
        lines = late.rest_of(lines, replace(before, lines=[each for each in before.lines if each.line_id in ids]))
        redeemed = [each for each in redeemed if not (each.coupon.amount and each.coupon.coupon_id in before.discounts)]
    lines, off = taken_off(lines, redeemed, currency)
    discounts = [replace(each, late_start=period[0]) for each in off]
    return books, Ahead(*period, currency, lines, discounts)


async def _left_in_advance(
    tx: Tx, before: BilledPeriod, cutoff: datetime, earlier: Sequence[BilledPeriod], deck: DeckPrice | None,
    format_: int,
) -> tuple[Books, Ahead]:  # fmt: skip
    """As `in_advance` of a period whose own invoice was issued, as when the one that charged it ahead is issued anew:
    nothing puts right what this says, so it is of what the period did cost, and its coupons are those of all of it."""
    start, end = before.start_time, before.end_time
    books = await books_of(tx, start, end, cutoff, deck, format_)
    books = replace(books, spent_before=_spent(earlier, books), billed=late.billed_before(earlier, start))
    whole, ids = charges.lines_of(books), {line.line_id for line in charges.lines_of(books, Scope.ADVANCE)}
    rest = [line for line in late.rest_of(whole, before) if line.line_id in ids]
    currency = charges.currency_of(books)
    lines, off = taken_off_rest(rest, whole, books.redeemed, before.discounts, currency, carried=True)
    return books, Ahead(start, end, currency, lines, [replace(each, late_start=start) for each in off])


async def advance_statement(
    tx: Tx, period: tuple[datetime, datetime], cutoff: datetime, earlier: Sequence[BilledPeriod],
    deck: DeckPrice | None = None, format_: int = FORMAT,
) -> Statement:  # fmt: skip
    """A period's charges in advance as a statement of their own. Raises `NothingSubscribed`, `CurrenciesMixed`."""
    books, ahead = await in_advance(tx, period, cutoff, earlier, deck, format_)
    period = ahead.start_time, ahead.end_time
    made = charges.statement(books, late.ahead_of(ahead.lines, period), ahead.discounts)
    return replace(made, advance=period)


async def books_again(
    tx: Tx, billed: BilledPeriod, earlier: Sequence[BilledPeriod], cutoff: datetime, deck: DeckPrice | None = None,
    format_: int = FORMAT,
) -> Books:  # fmt: skip
    """The books of a period that was billed, of what was heard of until now, for a statement of a format."""
    then = await books_of(tx, billed.start_time, billed.end_time, cutoff, deck, billed.format)
    if format_ < 3:
        return then
    return replace(then, spent_before=_spent(earlier, then), billed=late.billed_before(earlier, billed.start_time))


async def books_of(
    tx: Tx, start: datetime, end: datetime, cutoff: datetime, deck: DeckPrice | None = None, format_: int = FORMAT, *,
    used: bool = True,
) -> Books:  # fmt: skip
    """Everything the charges of [start, end) depend on; without what was `used` all that is charged in advance does:
    that is only of what lasts. Raises `NothingSubscribed`."""
    held = await plan_store.list_plans(tx, cutoff)
    if not held:
        raise NothingSubscribed("The company's plan has not reached billing yet: try again in a moment.")
    known = await meters.list_meters(tx)
    timeline = Timeline(tuple(await plan_store.list_subscription(tx, cutoff)))
    zone = await store.zone(tx, cutoff) or plans.in_force(held)[-1].time_zone or "UTC"
    segments = plans.segments(held, start, end)
    found = await _Usage.load(tx, held, known, start, end, cutoff) if used else _Usage(segments, known)
    parts = [Part(plan, since, until, found.used(since)) for plan, since, until in found.segments]
    changes = await store.changes_until(tx, start, end, cutoff)
    first = min(each.effective_time for each in held)
    cuts = [*plans.currency_changes(held), *(timeline.begun_anew() if format_ > 5 else ())]
    redeemed = [
        Redeemed(
            coupon,
            time,
            _index(timeline, time, start, zone)
            if format_ < 3
            else invoicing.periods_between(first, zone, timeline, time, (start, end), cuts),
        )
        for coupon, time in await coupons.redeemed(tx, cutoff)
    ]
    return Books(
        start, end, cutoff, zone, parts, held, spans(changes), timeline, known, redeemed,
        await taxes.list_rates(tx, cutoff), await taxes.data(tx, cutoff), deck, format=format_,
    )  # fmt: skip


async def timeline_of(tx: Tx) -> Timeline:
    """Where the tenant's subscription stood, and when."""
    return Timeline(tuple(await plan_store.list_subscription(tx)))


async def current_period(tx: Tx, time: datetime) -> tuple[datetime, datetime]:
    """The billing period `time` lies in: a month from the subscription's anchor, or of the calendar of the zone the
    tenant has now. Raises `RangeInvalid`."""
    zone = await store.zone(tx)
    if not zone:
        plan = plans.plan_at(await plan_store.list_plans(tx), time)
        zone = plan.time_zone if plan else "UTC"
    try:
        return period_at(await timeline_of(tx), time, zone)
    except OverflowError as error:
        raise RangeInvalid.of("time", "is too near the years 1 or 9999") from error


_Place = tuple[datetime, str, str, str]
"""Begin of a stretch, meter, properties, brand."""


@dataclass
class _Usage:
    """Usage of a period by stretch, meter and properties: of whole days what is kept, of the rest the records."""

    segments: Sequence[tuple[PlanHeld, datetime, datetime]]
    meters: Mapping[str, Meter]
    within: dict[_Place, Aggregate] = field(default_factory=dict[_Place, Aggregate])
    before: dict[tuple[str, str, str], Aggregate] = field(default_factory=dict[tuple[str, str, str], Aggregate])
    records: dict[_Place, list[Metered]] = field(default_factory=dict[_Place, list[Metered]])

    @classmethod
    async def load(
        cls, tx: Tx, held: Sequence[PlanHeld], known: Mapping[str, Meter], start: datetime, end: datetime,
        cutoff: datetime,
    ) -> _Usage:  # fmt: skip
        made = cls(plans.segments(held, start, end), known)
        newest = await days.newest(tx, None, end)
        again = (newest is not None and newest > cutoff) or len(held) < len(await plan_store.list_plans(tx))
        fine = _fine([plan for plan, _, _ in made.segments], known)
        recurring = [each.meter for each in known.values() if each.recurring]
        if again:
            made._take([_rated(each, held) for each in await days.records(tx, start, end, cutoff)], fine)
            if recurring:
                made._take_before(await days.records(tx, None, start, cutoff, recurring), fine)
            return made
        cut = {day_of(edge) for _, since, until in made.segments for edge in (since, until) if edge != day_of(edge)}
        for kept, each in await days.read(tx, day_of(start), end):
            if kept.day not in cut and kept.meter not in fine:
                made._add(made._segment(kept.day), kept.meter, kept.properties, kept.brand_id, each)
        for day in sorted(cut):
            edge = await days.records(tx, max(day, start), min(day + DAY, end), cutoff)
            made._take([each for each in edge if each.meter not in fine], fine)
        if fine:
            made._take(await days.records(tx, start, end, cutoff, sorted(fine)), fine)
        if plain := [each for each in recurring if each not in fine]:
            for kept, each in await days.read(tx, None, day_of(start), plain):
                made._add_before(kept.meter, kept.properties, kept.brand_id, each)
            made._take_before(await days.records(tx, day_of(start), start, cutoff, plain), fine)
        if single := [each for each in recurring if each in fine]:
            made._take_before(await days.records(tx, None, start, cutoff, single), fine)
        return made

    def used(self, since: datetime) -> list[Used]:
        """What was used in the stretch that begins at `since`; what lasts is there although nothing happened in it."""
        groups = {place[1:] for place in self.within} | set(self.before)
        found: list[Used] = []
        for meter, properties, brand_id in sorted(groups):
            within = self.within.get((since, meter, properties, brand_id), NOTHING)
            earlier = NOTHING
            for _, begin, _ in self.segments:
                if begin < since:
                    earlier = earlier.plus(self.within.get((begin, meter, properties, brand_id), NOTHING))
            before = self.before.get((meter, properties, brand_id), NOTHING)
            if within.count or meter_of(self.meters, meter).aggregation == Aggregation.WEIGHTED_SUM or before.count:
                records = self.records.get((since, meter, properties, brand_id), ())
                kept_apart = days.properties_in(properties)
                found.append(Used(meter, kept_apart, within, earlier, before, records, brand_id))
        return found

    def _segment(self, time: datetime) -> datetime:
        return max((since for _, since, _ in self.segments if since <= time), default=self.segments[0][1])

    def _add(self, since: datetime, meter: str, properties: str, brand_id: str, each: Aggregate) -> None:
        key = (since, meter, properties, brand_id)
        self.within[key] = self.within.get(key, NOTHING).plus(each)

    def _add_before(self, meter: str, properties: str, brand_id: str, each: Aggregate) -> None:
        key = (meter, properties, brand_id)
        self.before[key] = self.before.get(key, NOTHING).plus(each)

    def _take(self, records: Iterable[UsageRecord], fine: Mapping[str, Sequence[str]]) -> None:
        for record in records:
            meter = meter_of(self.meters, record.meter)
            since, properties = self._segment(record.usage_time), _finely(record, meter, fine)
            self._add(since, record.meter, properties, record.brand_id, Aggregate.of(record.event(meter)))
            if record.meter in fine:
                self.records.setdefault((since, record.meter, properties, record.brand_id), []).append(metered(record))

    def _take_before(self, records: Iterable[UsageRecord], fine: Mapping[str, Sequence[str]]) -> None:
        for record in records:
            meter = meter_of(self.meters, record.meter)
            each = Aggregate.of(record.event(meter))
            self._add_before(record.meter, _finely(record, meter, fine), record.brand_id, each)


def _finely(record: UsageRecord, meter: Meter, fine: Mapping[str, Sequence[str]]) -> str:
    """The properties a record is kept apart by here: its meter's, and those its plan prices it by."""
    return days.grouped(record, replace(meter, group_by=(*meter.group_by, *fine.get(record.meter, ()))))


def _fine(held: Sequence[PlanHeld], known: Mapping[str, Meter]) -> dict[str, list[str]]:
    """Meters whose single records are needed, each with properties it isn't kept apart by but is priced by."""
    found: dict[str, list[str]] = {}
    for plan in held:
        for key, rate in plan.rates.items():
            name = rate.meter or key
            more = [each for each in rate.properties if each not in meter_of(known, name).group_by]
            if rate.by_record or more:
                found.setdefault(name, []).extend(each for each in more if each not in found[name])
    return found


def metered(record: UsageRecord) -> Metered:
    """A record as a rate sees it that prices each by itself."""
    key, number = f"{record.source}/{record.source_id}", record.properties.get("number", "")
    return Metered(record.usage_time, key, record.quantity, record.used_seconds, number, record.meter, record.brand_id)


def _rated(record: UsageRecord, held: Sequence[PlanHeld]) -> UsageRecord:
    plan = plans.plan_at(held, record.usage_time)
    return rated(record, plan) if plan is not None else record


def _index(timeline: Timeline, redeemed: datetime, start: datetime, zone: str) -> int:
    """As formats before 3 had it: how many periods after the redemption's the one at `start` is; negative before it."""
    first, _ = period_at(timeline, redeemed, zone)
    if start < first:
        return -1
    # Half a month on: a period's begin moves with a zone or an anchor, its middle stays in it.
    middle, index = start + timedelta(days=14), 0
    while period_at(timeline, first, zone)[1] <= middle and index < 1200:
        first, index = period_at(timeline, first, zone)[1], index + 1
    return index


def _spent(earlier: Sequence[BilledPeriod], books: Books) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for plan in books.plans:
        if plan.interval != YEAR or not plan.minimum:
            continue
        anchor = books.timeline.anchor_at(books.start_time) or plan.effective_time
        since, _ = period_containing(anchor, YEAR, books.end_time - timedelta(microseconds=1), books.zone)
        key = f"{plan.plan_id}:{plan.version}"
        found[key] = sum(
            (
                line.amount for period in earlier if since <= period.start_time < books.start_time
                for line in period.lines
                if f"{line.plan_id}:{line.plan_version}" == key and line.kind != LineKind.ADJUSTMENT
            ),
            Decimal(0),
        )  # fmt: skip
    return found


async def changed_since(tx: Tx, billed: BilledPeriod, cutoff: datetime) -> bool:
    """Whether anything was heard of since that a finalized period depends on."""
    newest = await days.newest(tx, None, billed.end_time)
    if newest is not None and newest > billed.cutoff_time:
        return True
    return await store.heard_since(tx, billed.cutoff_time, cutoff, billed.end_time)

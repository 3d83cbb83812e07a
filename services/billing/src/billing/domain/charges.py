"""What a period costs: from plans, meters, fees, coupons and taxes to a statement. Same books, same statement."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from kernel.errors import FailedPrecondition
from kernel.money import rounded
from kernel.proration import micros, share

from billing.domain import brands, fees, levels, rates
from billing.domain.aggregates import NOTHING, Aggregate, Stretch, measure
from billing.domain.discounts import Redeemed, taken_off
from billing.domain.levels import Span
from billing.domain.meters import BUILT_IN, PRESENCE, Feed, Meter, meter_of
from billing.domain.plans import NUMBER, PRICE_CLASS, Model, PlanHeld, Rate, Timing, currency_changes
from billing.domain.statements import FORMAT, BilledLine, Discount, LineKind, Scope, Statement, StatementLine
from billing.domain.subscriptions import Timeline, gaps_within, month_of
from billing.domain.taxes import TaxData, TaxRate, added, taxed

_LEVEL_METERS = [each for each in BUILT_IN.values() if each.feed in (Feed.LEVELS, Feed.PRESENCE)]
_ZERO = Fraction(0)
_SPENT = (LineKind.USAGE, LineKind.FEE, LineKind.COMMITMENT)


class CurrenciesMixed(FailedPrecondition):
    """Plans or add-ons of several currencies were held in the period: each is a statement of its own."""

    reason = "CURRENCIES_MIXED"


@dataclass(frozen=True)
class Used:
    """What was used of a meter in a stretch, of events with the same properties and brand; `records` where a rate needs
    them."""

    meter: str
    properties: Mapping[str, str]
    within: Aggregate
    earlier: Aggregate = NOTHING
    before: Aggregate = NOTHING
    records: Sequence[rates.Metered] = ()
    brand_id: str = ""


@dataclass(frozen=True)
class Part:
    """The stretch of a period under one plan."""

    plan: PlanHeld
    start_time: datetime
    end_time: datetime
    used: Sequence[Used] = ()


@dataclass(frozen=True)
class Books:
    """Everything the charges of [start_time, end_time) depend on, of what was heard of until `cutoff_time`."""

    start_time: datetime
    end_time: datetime
    cutoff_time: datetime
    zone: str
    parts: Sequence[Part]
    plans: Sequence[PlanHeld]
    spans: Sequence[Span] = ()
    timeline: Timeline = field(default_factory=Timeline)
    meters: Mapping[str, Meter] = field(default_factory=dict[str, Meter])
    redeemed: Sequence[Redeemed] = ()
    tax_rates: Sequence[TaxRate] = ()
    tax_data: TaxData = field(default_factory=TaxData)
    deck: rates.DeckPrice | None = None
    spent_before: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    """What earlier periods of a yearly commitment were billed, by the plan's id and version: formats before 3."""
    billed: Sequence[BilledLine | StatementLine] = ()
    """What was billed of earlier periods: what counts towards a committed spend of an interval that lasts longer."""
    format: int = FORMAT
    """By whose rules it is reckoned: what was finalized by older ones is made again by them."""

    @property
    def month(self) -> timedelta:
        """How long a whole month is here: a period that an anchor's move made shorter costs less than one."""
        if self.format < 3:
            return self.end_time - self.start_time
        return month_of(self.timeline, self.start_time, self.end_time, self.zone)


@dataclass(frozen=True)
class Quantity:
    """What was used by one rate within a part."""

    rate_id: str
    rate: Rate
    meter: Meter
    quantity: Fraction
    record_count: int = 0
    records: Sequence[rates.Metered] = ()
    brands: Mapping[str, Fraction] = field(default_factory=dict[str, Fraction])
    """Of it by brand, where the whole is the sum of them."""


def statement(
    books: Books, lines: Sequence[StatementLine] | None = None, discounts: Sequence[Discount] | None = None
) -> Statement:
    """The statement of the books: of their own lines, or of those given, with late ones and less what was billed; by
    their own coupons, or with the discounts given, which are in the lines then."""
    currency = currency_of(books)
    lines = lines_of(books) if lines is None else lines
    if discounts is None:
        lines, discounts = taken_off(lines, books.redeemed, currency)
    taxes = taxed(lines, books.tax_rates, books.tax_data, books.end_time, currency, books.format)
    nothing = rounded(_ZERO, currency)
    subtotal = sum((line.amount for line in lines), nothing)
    total = subtotal - sum((each.amount for each in discounts), nothing) + added(taxes)
    held = books.parts[-1].plan
    return Statement(
        currency, books.start_time, books.end_time, books.cutoff_time, held.plan_id, held.version,
        tuple(lines), tuple(discounts), tuple(taxes), subtotal, total, books.format,
    )  # fmt: skip


def currency_of(books: Books) -> str:
    """The one currency of everything held in the period. Raises `CurrenciesMixed`."""
    found = {part.plan.currency for part in books.parts}
    found |= {
        holding.currency
        for holding in fees.add_on_holdings(books.plans, books.timeline, books.zone)
        if holding.start_time < books.end_time and holding.end_time > books.start_time
    }
    if len(found) > 1:
        raise CurrenciesMixed(f"Plans of several currencies were held: {', '.join(sorted(found))}.")
    return found.pop()


def lines_of(books: Books, scope: Scope = Scope.WHOLE) -> list[StatementLine]:
    """The period's own lines: fees by when they are due, usage by stretch and meter, what is missing of commitments."""
    lines = _fee_lines(books)
    for part in books.parts:
        lines += _usage_lines(books, part, scope)
    if scope == Scope.WHOLE:
        lines += (_plan_commitments if books.format > 2 else _plan_commitments_before)(books, lines)
    return lines


def quantities(books: Books, part: Part, scope: Scope = Scope.WHOLE) -> list[Quantity]:
    """What was used in a part, by the rate that prices it; rates without usage are left out."""
    stretch = Stretch(part.start_time, part.end_time, books.start_time, books.end_time, books.month)
    found: list[Quantity] = []
    for meter in _LEVEL_METERS:
        for (rate_id, rate), mine in _by_rate(part.plan, meter, _spans(books, meter, scope, part)):
            quantity = levels.measured(mine, meter.aggregation, stretch)
            if quantity:
                found.append(Quantity(rate_id, rate, meter, quantity, brands=_held_by(mine, meter, stretch)))
    by_rate: dict[tuple[str, str], list[Used]] = {}
    for used in part.used:
        rate_id, _ = part.plan.rate_for(used.meter, used.properties)
        by_rate.setdefault((used.meter, rate_id), []).append(used)
    for (name, rate_id), used in sorted(by_rate.items()):
        meter, rate = meter_of(books.meters, name), part.plan.rates.get(rate_id, Rate(Decimal(0)))
        quantity = _counted(used, meter, stretch)
        count = sum(each.within.count for each in used)
        records = [record for each in used for record in each.records]
        if quantity or count:
            by_brand = _used_by(used, meter, stretch)
            found.append(Quantity(rate_id, rate, meter, quantity, count, records, by_brand))
    return found


def _counted(used: Sequence[Used], meter: Meter, stretch: Stretch) -> Fraction:
    within, earlier, before = (_sum(getattr(each, side) for each in used) for side in ("within", "earlier", "before"))
    if meter.feed == Feed.CALLS:
        return Fraction(within.billed_seconds, 60)
    return measure(meter.aggregation, meter.recurring, stretch, before, earlier, within)


def _used_by(used: Sequence[Used], meter: Meter, stretch: Stretch) -> dict[str, Fraction]:
    if meter.aggregation not in brands.ADDS_UP:
        return {}
    mine: dict[str, list[Used]] = {}
    for each in used:
        mine.setdefault(each.brand_id, []).append(each)
    return {brand: _counted(of_brand, meter, stretch) for brand, of_brand in mine.items()}


def _held_by(held: Sequence[Span], meter: Meter, stretch: Stretch) -> dict[str, Fraction]:
    if meter.aggregation not in brands.ADDS_UP:
        return {}
    mine: dict[str, list[Span]] = {}
    for span in held:
        mine.setdefault(span.brand_id, []).append(span)
    return {brand: levels.measured(of_brand, meter.aggregation, stretch) for brand, of_brand in mine.items()}


def held_share(books: Books, part: Part) -> Fraction:
    """Which part of a month the plan was held for and could be used: what came before the first plan is rated by it
    and adds nothing to what it includes."""
    since = max(part.start_time, part.plan.effective_time)
    whole = share(since, part.end_time, books.start_time, books.end_time) if since < part.end_time else _ZERO
    if since < part.end_time:
        for gap, until in gaps_within(books.timeline, since, part.end_time):
            whole -= share(gap, until, books.start_time, books.end_time)
    return whole * Fraction(micros(books.end_time - books.start_time), micros(books.month))


def allowance(books: Books, part: Part, rate: Rate, used: Sequence[Quantity]) -> Fraction:
    """Units a rate includes in a part: once for the share it was held, or pooled by another meter's quantity."""
    if not rate.included_per:
        return Fraction(rate.included) * held_share(books, part)
    per = sum((each.quantity for each in used if each.meter.meter == rate.included_per), _ZERO)
    return Fraction(rate.included) * per


def _usage_lines(books: Books, part: Part, scope: Scope) -> list[StatementLine]:
    lines: list[StatementLine] = []
    used = quantities(books, part, scope)
    idle = [
        Quantity(rate_id, rate, meter_of(books.meters, rate.meter or rate_id), _ZERO)
        for rate_id, rate in sorted(part.plan.rates.items())
        if (rate.minimum or rate.flat_at_zero) and all(each.rate_id != rate_id for each in used)
    ]
    held = held_share(books, part)
    if not held:  # not in force at all: nothing is owed for not using it
        used = [replace(each, rate=replace(each.rate, flat_at_zero=False)) for each in used]
        idle = []
    for each in [*used, *idle]:
        if scope == Scope.ADVANCE and each.rate.timing != Timing.ADVANCE:
            continue
        own = _lines_of_rate(books, part, each, held, allowance(books, part, each.rate, used))
        lines += [line for line in own if line.quantity or line.amount]  # a meter that wasn't used has no line
        line, amount = own[0], sum((line.amount for line in own), Decimal(0))
        missing = rates.missing(each.rate, Fraction(amount), held)
        if missing and scope == Scope.WHOLE:
            amount = rounded(missing, part.plan.currency)
            short = {"meter": each.meter.meter, "minimum": str(each.rate.minimum)}
            lines.append(
                replace(
                    line, line_id=f"minimum:{_usage_id(part, each)}", kind=LineKind.COMMITMENT, amount=amount,
                    quantity=_ZERO, included=_ZERO, unit_price=Decimal(0), brands=(),
                    description_key="invoice.minimum",
                    description_parameters=short,
                )
            )  # fmt: skip
    return lines


def _lines_of_rate(books: Books, part: Part, used: Quantity, held: Fraction, included: Fraction) -> list[StatementLine]:
    """One line, of a rate deck one for each destination of each of its versions; at least one."""
    if used.rate.model != Model.DECK:
        charged = rates.charge(
            used.rate, used.quantity, record_count=used.record_count, records=used.records, held=held,
            included=included,
        )  # fmt: skip
        return [_usage_line(part, used, charged)]
    found = rates.by_destination(used.rate, used.records, included=included, held=held, deck=books.deck)
    return [_deck_line(part, used, each) for each in found] or [_usage_line(part, used, rates.Charged(_ZERO))]


def _usage_id(part: Part, used: Quantity) -> str:
    plan = part.plan
    return f"usage:{plan.plan_id}:{plan.version}:{used.meter.meter}:{used.rate_id}:{_stamp(part.start_time)}"


def _usage_line(part: Part, used: Quantity, charged: rates.Charged) -> StatementLine:
    plan = part.plan
    amount = rounded(charged.amount, plan.currency)
    return StatementLine(
        _usage_id(part, used),
        LineKind.USAGE, amount, part.start_time, part.end_time, plan.plan_id,
        plan.version, used.rate_id, used.meter.meter, used.quantity, charged.included, used.rate.price,
        brands=brands.shares(used.brands, used.quantity, charged.included, amount, plan.currency),
        description_key=f"invoice.{used.meter.meter}" if used.meter.built_in else "invoice.meter",
        description_parameters=(
            ({} if used.meter.built_in else {"meter": used.meter.meter})
            | {name: value for name, value in used.rate.properties.items() if name == PRICE_CLASS}
        ),
        tax_code=used.meter.tax_code,
    )  # fmt: skip


def _deck_line(part: Part, used: Quantity, found: rates.DestinationCharged) -> StatementLine:
    to = found.destination
    said = {"deck": to.rate_deck_id, "deck_version": str(to.version), "destination": to.name}
    said |= {"parent_version": str(to.parent_version)} if to.parent_version else {}
    said |= {"reason": to.reason} if to.reason else {}
    line = _usage_line(part, used, rates.Charged(found.amount, found.included))
    return replace(
        line, line_id=f"{line.line_id}:{destination_id(to)}", quantity=found.quantity,
        brands=brands.shares(found.brands, found.quantity, found.included, line.amount, part.plan.currency),
        description_parameters={**line.description_parameters, **said},
    )  # fmt: skip


def destination_id(to: rates.Destination) -> str:
    """What tells lines of one rate deck apart, in the letters an id may have."""
    said = "\n".join((to.rate_deck_id, str(to.version), str(to.parent_version), to.name, to.reason))
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _fee_lines(books: Books) -> list[StatementLine]:
    lines: list[StatementLine] = []
    currency = currency_of(books)
    last = books.format > 2 and books.end_time in currency_changes(books.plans)
    plans = fees.plan_holdings(books.plans, books.timeline, books.zone)
    add_ons = fees.add_on_holdings(books.plans, books.timeline, books.zone)
    for kind, holdings in (("plan", plans), ("add_on", add_ons)):
        for holding in holdings:
            if books.format > 2 and holding.currency != currency:
                continue  # it is on the invoice of the period that ended when its currency did
            for fee in fees.due(holding, books.zone, books.start_time, books.end_time, last=last):
                lines.append(_fee_line(kind, fee))
    return sorted(lines, key=lambda line: (line.start_time, line.amount, line.line_id))


def _fee_line(kind: str, fee: fees.Fee) -> StatementLine:
    side, holding = "credit" if fee.amount < 0 else "fee", fee.holding
    return StatementLine(
        f"{kind}_{side}:{holding.key}:{_stamp(fee.due_time)}", LineKind.FEE, rounded(fee.amount, holding.currency),
        fee.start_time, fee.end_time, holding.plan_id, holding.plan_version,
        quantity=Fraction(holding.quantity if side == "fee" else -holding.quantity),
        unit_price=holding.unit_fee, description_key=f"invoice.{kind}_{side}",
        description_parameters={"name": holding.plan_id, "interval": holding.interval}, tax_code="subscription",
    )  # fmt: skip


def _plan_commitments(books: Books, lines: Sequence[StatementLine]) -> list[StatementLine]:
    """What is missing of the committed spends that fall due: a fee counts by its time, what was used by the part of its
    time in which the plan was held, of this period and of what earlier ones were billed."""
    found: list[StatementLine] = []
    currency, cuts = currency_of(books), currency_changes(books.plans)
    holdings = fees.plan_holdings(books.plans, books.timeline, books.zone)
    holdings = [each for each in holdings if each.currency == currency]
    for each in fees.committed(holdings, books.timeline, books.zone, books.start_time, books.end_time, cuts):
        holding = each.holding
        held = [(mine.start_time, mine.end_time) for mine in holdings if mine.key == holding.key]
        spent = sum(
            (
                Fraction(line.amount) * each.counts(
                    line.start_time, line.end_time, None if line.kind == LineKind.FEE else held
                )
                for line in (*books.billed, *lines)
                if f"{line.plan_id}:{line.plan_version}" == holding.key and line.kind in _SPENT
            ),
            _ZERO,
        )  # fmt: skip
        amount = rounded(each.wanted - spent, holding.currency)
        if amount > 0:
            found.append(_missing_line(holding, each.stretches[0][0], each.stretches[-1][1], amount))
    return found


def _missing_line(holding: fees.Holding, since: datetime, until: datetime, amount: Decimal) -> StatementLine:
    return StatementLine(
        f"minimum:{holding.plan_id}:{holding.plan_version}:{_stamp(since)}", LineKind.COMMITMENT, amount, since, until,
        holding.plan_id, holding.plan_version, description_key="invoice.plan_minimum",
        description_parameters={"name": holding.plan_id, "minimum": str(holding.minimum)}, tax_code="subscription",
    )  # fmt: skip


def _plan_commitments_before(books: Books, lines: Sequence[StatementLine]) -> list[StatementLine]:
    """As formats before 3 had it: by where lines begin."""
    found: list[StatementLine] = []
    for holding in fees.plan_holdings(books.plans, books.timeline, books.zone):
        key = f"{holding.plan_id}:{holding.plan_version}"
        own = [
            line for line in lines if (line.plan_id, line.plan_version) == (holding.plan_id, holding.plan_version)
            and line.kind in _SPENT
        ]  # fmt: skip
        ends = fees.commitments(holding, books.zone, books.start_time, books.end_time)
        for since, until, wanted in ends:
            spent = sum(
                (
                    line.amount for line in own
                    if since <= line.start_time < until or (line.amount < 0 and line.start_time == until)
                ),
                Decimal(0),
            )  # fmt: skip
            if since < books.start_time:
                spent += books.spent_before.get(key, Decimal(0))
            amount = rounded(wanted - Fraction(spent), holding.currency)
            if amount > 0:
                found.append(_missing_line(holding, since, until, amount))
    return found


def _spans(books: Books, meter: Meter, scope: Scope, part: Part) -> list[Span]:
    name = PRESENCE if meter.feed == Feed.PRESENCE else meter.meter
    mine = [span for span in books.spans if span.meter == name]
    mine = levels.without(mine, gaps_within(books.timeline, books.start_time, books.end_time))
    # Who is signed in now won't be all month, as a seat or a number is held.
    advance = part.plan.rate_for(meter.meter, {})[1].timing == Timing.ADVANCE
    if scope == Scope.ADVANCE:
        mine = levels.without(mine, books.timeline.trials())  # nobody pays ahead for what they only try out
    if meter.feed == Feed.PRESENCE or (scope == Scope.SO_FAR and not advance):
        mine = levels.closed(mine, books.cutoff_time)
    return mine


def _by_rate(plan: PlanHeld, meter: Meter, spans: Sequence[Span]) -> list[tuple[tuple[str, Rate], list[Span]]]:
    """Spans by the rate that prices them: numbers may be priced by their class."""
    if meter.meter != NUMBER:
        return [(plan.rate_for(meter.meter, {}), list(spans))]
    found: dict[str, tuple[tuple[str, Rate], list[Span]]] = {}
    for span in spans:
        rated = plan.rate_for(meter.meter, {PRICE_CLASS: span.price_class} if span.price_class else {})
        found.setdefault(rated[0], (rated, []))[1].append(span)
    return [found[each] for each in sorted(found)]


def _sum(parts: Iterable[Aggregate]) -> Aggregate:
    whole = NOTHING
    for each in parts:
        whole = whole.plus(each)
    return whole


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y%m%dT%H%M%S%fZ")

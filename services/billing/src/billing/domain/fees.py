"""Fees of plans and add-ons: due at the begin of an interval, given back by the microsecond for what isn't held of it.

What somebody changes to in the middle of an interval is charged for the rest of it, and what they had is credited for
the same rest; at an interval's end nothing is left to credit. A trial costs no fee, nor does a pause.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from kernel.proration import micros, period_containing, share

from billing.domain.plans import PlanHeld, in_force
from billing.domain.subscriptions import STOPPED, State, Timeline

LATEST = datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Holding:
    """A fee that is charged while something is held: a plan, or so many of an add-on."""

    key: str
    fee: Decimal
    interval: str
    anchor: datetime
    start_time: datetime
    end_time: datetime
    plan_id: str
    plan_version: int
    currency: str
    quantity: int = 1
    minimum: Decimal | None = None
    unit_fee: Decimal = Decimal(0)


@dataclass(frozen=True)
class Fee:
    """What falls due at `due_time`: a fee or a part of it for [start_time, end_time); negative: it is given back."""

    holding: Holding
    due_time: datetime
    start_time: datetime
    end_time: datetime
    amount: Fraction


def plan_holdings(plans: Sequence[PlanHeld], timeline: Timeline, zone: str) -> list[Holding]:
    """When the fee of each plan is charged: while it is held, neither in a trial nor while nothing can be used."""
    found: list[Holding] = []
    for index, plan in enumerate(ordered := in_force(plans)):
        until = ordered[index + 1].effective_time if index + 1 < len(ordered) else LATEST
        whole = Holding(
            f"{plan.plan_id}:{plan.version}", plan.fee, plan.interval, _month(plan.effective_time, zone),
            plan.effective_time, until, plan.plan_id, plan.version, plan.currency, 1, plan.minimum, plan.fee,
        )  # fmt: skip
        found += _charged(whole, timeline)
    return _joined(found)


def add_on_holdings(plans: Sequence[PlanHeld], timeline: Timeline, zone: str) -> list[Holding]:
    """When the fee of each add-on is charged. They follow the plan's anchor."""
    found: list[Holding] = []
    for held in timeline.add_ons():
        whole = Holding(
            f"{held.add_on_id}:{held.version}:{held.quantity}", held.price * held.quantity, held.interval,
            _month(held.start_time, zone), held.start_time, held.end_time or LATEST, held.add_on_id, held.version,
            held.currency, held.quantity, None, held.price,
        )  # fmt: skip
        if whole.start_time < whole.end_time:
            found += _charged(whole, timeline)
    return _joined(found)


def due(holding: Holding, zone: str, start: datetime, end: datetime, *, last: bool = False) -> list[Fee]:
    """What falls due of a holding in [start, end); in the last period of its currency also at its very end."""
    found: list[Fee] = []
    for since, until in _periods(holding, zone, start, end):
        begin, stop = max(holding.start_time, since), min(holding.end_time, until)
        fee = Fraction(holding.fee)
        if start <= begin < end:
            found.append(Fee(holding, begin, begin, until, fee * share(begin, until, since, until)))
        if stop < until and (start <= stop < end or (last and stop == end)):
            found.append(Fee(holding, stop, stop, until, -fee * share(stop, until, since, until)))
    return [each for each in found if each.amount]


def commitments(
    holding: Holding, zone: str, start: datetime, end: datetime
) -> list[tuple[datetime, datetime, Fraction]]:
    """The committed spends that end in (start, end]: of what stretch, and how much, by the share it was held."""
    if not holding.minimum:
        return []
    found: list[tuple[datetime, datetime, Fraction]] = []
    for since, until in _periods(holding, zone, start, end):
        begin, stop = max(holding.start_time, since), min(holding.end_time, until)
        if begin < stop and start < stop <= end:
            found.append((begin, stop, Fraction(holding.minimum) * share(begin, stop, since, until)))
    return found


@dataclass(frozen=True)
class Commitment:
    """What has to be spent in an interval on one plan: by the share it was held, in stretches that pauses cut."""

    holding: Holding
    stretches: Sequence[tuple[datetime, datetime]]
    wanted: Fraction

    def counts(
        self, start: datetime, end: datetime, held: Sequence[tuple[datetime, datetime]] | None = None
    ) -> Fraction:
        """Which share of a line of [start, end) counts towards it; of what `held` says it could be used in, if so."""
        inside = _overlap(self.stretches, start, end)
        whole = micros(end - start) if held is None else _overlap(held, start, end)
        return Fraction(inside, whole) if whole else Fraction(0)


def committed(
    holdings: Sequence[Holding],
    timeline: Timeline,
    zone: str,
    start: datetime,
    end: datetime,
    cuts: Sequence[datetime] = (),
) -> list[Commitment]:
    """The committed spends that fall due in (start, end]: when the interval ends, or when the plan is held no more. A
    pause isn't an end: what is spent after it counts as well."""
    groups: dict[tuple[str, datetime], list[Holding]] = {}
    for holding in holdings:
        if holding.minimum:
            groups.setdefault((holding.key, holding.anchor), []).append(holding)
    paused = {each.start_time for each in timeline.standings() if each.state == State.PAUSED}
    found: list[Commitment] = []
    for parts in groups.values():
        at = max(start - timedelta(microseconds=1), parts[0].start_time)
        while at < end:
            since, until = period_containing(parts[0].anchor, parts[0].interval, at, zone)
            cut = [(max(each.start_time, since), min(each.end_time, until)) for each in parts]
            stretches = [(begin, stop) for begin, stop in cut if begin < stop]
            if stretches:
                stop = stretches[-1][1]
                due_time = until if stop in paused else stop
                if start < min((cut for cut in cuts if stop <= cut < due_time), default=due_time) <= end:
                    held = sum((share(*each, since, until) for each in stretches), Fraction(0))
                    found.append(Commitment(parts[0], stretches, Fraction(parts[0].minimum or 0) * held))
            at = until
            if at >= parts[-1].end_time and not stretches:
                break
    return found


def _overlap(stretches: Sequence[tuple[datetime, datetime]], start: datetime, end: datetime) -> int:
    cut = ((max(start, since), min(end, until)) for since, until in stretches)
    return sum(micros(until - since) for since, until in cut if since < until)


def _periods(holding: Holding, zone: str, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    # Of the period that ends where this one begins what is given back falls due here: begin with it.
    at = max(start - timedelta(microseconds=1), holding.start_time)
    while at < min(end, holding.end_time):
        since, until = period_containing(holding.anchor, holding.interval, at, zone)
        yield since, until
        at = until


def _charged(whole: Holding, timeline: Timeline) -> list[Holding]:
    standings = timeline.standings()
    if not standings:
        return [whole]
    parts: list[Holding] = []
    for standing in standings:
        if standing.state in STOPPED:
            continue
        since, until = max(whole.start_time, standing.start_time), min(whole.end_time, standing.end_time or LATEST)
        if standing.trial_end_time is not None:
            since = max(since, standing.trial_end_time)
        if since < until:
            parts.append(replace(whole, start_time=since, end_time=until, anchor=standing.anchor_time))
    return parts


def _joined(parts: Sequence[Holding]) -> list[Holding]:
    # A version of a subscription that changes nothing here must not credit and charge the same.
    found: list[Holding] = []
    for part in parts:
        last = found[-1] if found else None
        if last is not None and replace(last, start_time=part.start_time, end_time=part.end_time) == part and (
            last.end_time == part.start_time
        ):  # fmt: skip
            found[-1] = replace(last, end_time=part.end_time)
        else:
            found.append(part)
    return found


def _month(time: datetime, zone: str) -> datetime:
    local = time.astimezone(ZoneInfo(zone or "UTC"))
    return local.replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)

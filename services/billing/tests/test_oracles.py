"""Every worked case of others whose semantics were adopted comes to the same minor unit; where a convention differs, it
differs as the table of conventions says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from billing.domain import charges, fees, late, rates
from billing.domain.aggregates import NOTHING, Aggregate, Aggregation, Event, Stretch, measure, sum_of
from billing.domain.charges import Books, Part, Used
from billing.domain.levels import Span
from billing.domain.meters import PRESENCE
from billing.domain.plans import SEAT, SEAT_ACTIVE, SEAT_PEAK, Model, PlanHeld, Rate, Tier
from billing.domain.statements import LineKind, Scope, Statement
from billing.domain.subscriptions import HeldAddOn, State, SubscriptionVersion, Timeline
from billing.domain.usage import billed_seconds
from kernel.money import rounded
from kernel.proration import period_containing, share

from .oracle_cases import (
    ADOPTED,
    CASES,
    CONVENTIONS,
    ELSEWHERE,
    OTHER,
    ROOT,
    RUNS,
    SHARED,
    ZERO,
    anchored,
    day,
    fee_amounts,
    held,
    runs,
    tiers,
)

JANUARY, FEBRUARY, MARCH = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3))


def costs(rate: Rate, units: Any, **more: Any) -> Decimal:
    """What so many units cost, rounded as a line is."""
    return rounded(rates.charge(rate, Fraction(str(units)), **more).amount, "EUR")


def same(amount: Decimal, expected: Any) -> None:
    assert amount == Decimal(str(expected))


def month_of(
    plan: PlanHeld, used: list[Used], scope: Scope = Scope.WHOLE, spans: list[Span] | None = None
) -> Statement:
    """The statement of January."""
    books = Books(
        JANUARY, FEBRUARY, FEBRUARY, "UTC", [Part(plan, JANUARY, FEBRUARY, used)], [plan], spans or [],
    )  # fmt: skip
    return charges.statement(books, charges.lines_of(books, scope))


def events(quantity: Any, meter: str = "message") -> Used:
    return Used(meter, {}, Aggregate(1, Decimal(str(quantity)), Decimal(str(quantity))))


def plan(rates_by_id: Mapping[str, Rate], since: datetime = JANUARY, **more: Any) -> PlanHeld:
    return PlanHeld("plan", 1, "EUR", rates_by_id, since, "UTC", **more)


@runs("LAGO-GRAD-1")
def _(given: Any, expected: Any) -> None:
    rate = Rate(ZERO, model=Model.GRADUATED, tiers=tiers(("10", "10", "2"), ("20", "5", "3"), (None, "5", "3")))
    for units in given["units"]:
        same(costs(replace(rate, flat_at_zero=True), units), expected[units])
        same(costs(rate, units), expected[units] if units != "0" else "0")


@runs("LAGO-PKG-1")
def _(given: Any, expected: Any) -> None:
    rate = Rate(Decimal(given["amount"]), model=Model.PACKAGE, package_size=Decimal(given["package_size"]))
    for free in given["free_units"]:
        same(costs(rate, given["usage"], included=Fraction(free)), expected[f"{given['usage']},free{free}"])


@runs("LAGO-PCT-2")
def _(given: Any, expected: Any) -> None:
    steps = [("1000", "1", "200"), ("10000", "2", "300"), (None, "3", "400")]
    rate = Rate(ZERO, model=Model.GRADUATED_PERCENTAGE, tiers=tuple(
        Tier(Decimal(up_to) if up_to else None, flat_fee=Decimal(flat), percent=Decimal(percent))
        for up_to, percent, flat in steps
    ))  # fmt: skip
    before, total = ZERO, 0
    for amount, more in zip(given["transactions_in_order"], expected, strict=True):
        total += amount
        now = costs(rate, total)
        same(now - before, more)
        before = now


def ahead(plans: list[PlanHeld], timeline: Timeline, start: datetime, end: datetime) -> list[Decimal]:
    """What an invoice says in advance of [start, end)."""
    books = Books(start, end, start, "UTC", [Part(plans[0], start, end)], plans, (), timeline)
    return [line.amount for line in charges.lines_of(books, Scope.ADVANCE)]


@runs("LAGO-UPG-2")
def _(given: Any, expected: Any) -> None:
    def amounts(at: str) -> list[Decimal]:
        plans = [held("month", "10", given["anchor"]), held("year", "120", at, "year")]
        return fee_amounts(plans, anchored(given["anchor"]), day("2023-09-01"), day("2023-09-29"))

    assert [each * 100 for each in amounts("2023-09-28")] == [-int(expected["credit"]), int(expected["new_fee"])]
    # By the second five hours of the day are used up.
    assert amounts("2023-09-28T05:00") == [Decimal("-0.26"), Decimal("90.10")]


@runs("LAGO-DOWN-1")
def _(given: Any, expected: Any) -> None:
    plans = [held("month", "129", given["anchor"]), held("year", "1188", given["effective"], "year")]
    timeline = anchored(given["anchor"])
    assert fee_amounts(plans, timeline, day("2023-10-19"), day(given["effective"])) == [Decimal("129.00")]
    [first] = fee_amounts(plans, timeline, day(given["effective"]), day("2023-12-19"))
    assert first * 100 == int(expected["first_fee_new_plan"])


@runs("LAGO-TRIAL-1")
def _(given: Any, expected: Any) -> None:
    def fee(trial_end: str) -> list[Decimal]:
        timeline = Timeline((
            SubscriptionVersion(1, day("2024-03-05"), State.TRIAL, day("2024-03-01"), day(trial_end)),
        ))  # fmt: skip
        return fee_amounts([held("plan", "50000", "2024-03-05T12:12")], timeline, day("2024-03-01"), day("2024-04-01"))

    assert [each * 100 for each in fee("2024-03-15")] == [int(expected)]
    end = day("2024-03-15")
    timeline = Timeline((SubscriptionVersion(1, day("2024-03-05"), State.TRIAL, day("2024-03-01"), end),))
    plans = [held("plan", "50000", "2024-03-05T12:12")]
    assert [each * 100 for each in ahead(plans, timeline, end, day("2024-04-01"))] == [int(expected)]
    assert not ahead(plans, timeline, day("2024-03-01"), end), "nothing is billed before the trial's end"
    seconds = share(day("2024-03-15T12:12"), day("2024-04-01"), day("2024-03-01"), day("2024-04-01"))
    assert fee("2024-03-15T12:12") == [rounded(50000 * seconds, "EUR")]


@runs("LAGO-WSUM-1")
def _(given: Any, expected: Any) -> None:
    happened = []
    for text in given["events"]:
        at, change = text.split()
        happened.append(Event(day(at), at, Decimal(change)))
    for start, end, name in (("2023-03-01", "2023-04-01", "march_cents"), ("2023-04-01", "2023-05-01", "april_cents")):
        since, until = day(start), day(end)
        before = sum_of(each for each in happened if each.time < since)
        within = sum_of(each for each in happened if since <= each.time < until)
        stretch = Stretch(since, until, since, until)
        units = measure(Aggregation.WEIGHTED_SUM, True, stretch, before, NOTHING, within)
        same(costs(Rate(Decimal(1)), units) * 100, expected[name])
    assert sum_of(happened).total == int(expected["carried_units_end_april"])


@runs("LAGO-TERM-1")
def _(given: Any, expected: Any) -> None:
    start, end = period_containing(day("2024-04-15"), "quarter", day("2024-05-20"), "UTC")
    assert (end - start).days == 91 and end == day("2024-07-15")
    part = share(day("2024-05-20"), day("2024-06-21"), start, end)
    same(rounded(part * Fraction(given["plan_cents"]), "JPY"), expected)


@runs("LAGO-FIXED-1")
def _(given: Any, expected: Any) -> None:
    for cents, amount in zip(given["cents"], expected, strict=True):
        add_on = HeldAddOn("extra", 1, 1, day(given["start"]), None, "EUR", Decimal(cents) / 100, "month")
        timeline = Timeline((
            SubscriptionVersion(1, day("2023-07-01"), State.ACTIVE, day("2023-07-01"), add_ons=(add_on,)),
        ))  # fmt: skip
        [holding] = fees.add_on_holdings([], timeline, "UTC")
        [fee] = fees.due(holding, "UTC", day("2023-07-01"), day("2023-08-01"))
        same(rounded(fee.amount, "EUR") * 100, amount)
        [paid_ahead] = ahead([plan({}, day("2023-07-01"))], timeline, day("2023-07-01"), day("2023-08-01"))
        same(paid_ahead * 100, amount)


@runs("LAGO-LATE-1")
def _(given: Any, expected: Any) -> None:
    priced = plan({"message": Rate(Decimal(1))}, day("2025-01-01"))
    final = month_of(priced, [events(3)])
    [period] = late.billed([final])
    more = month_of(priced, [events(5)]).lines
    [line] = late.late_lines(more, period)
    assert (line.kind, line.amount, line.start_time) == (LineKind.LATE, Decimal("2.00"), JANUARY)
    again = replace(final, start_time=FEBRUARY, end_time=MARCH, cutoff_time=MARCH, lines=(line,))
    assert late.late_lines(more, late.billed([final, again])[0]) == []


@runs("OM-GRAD-1")
def _(given: Any, expected: Any) -> None:
    rate = Rate(ZERO, model=Model.GRADUATED, tiers=tiers(
        ("5", "0", "100"), ("10", "0", "50"), ("15", "5", "0"), (None, "1", "0")
    ))  # fmt: skip
    same(costs(rate, 22), expected["a"])
    priced = plan({"message": rate})
    first, whole = month_of(priced, [events(12)]), month_of(priced, [events(22)])
    [rest] = late.rest_of(whole.lines, late.billed([first])[0])
    same(rest.amount, expected["b"])
    assert rest.quantity == 10


VOLUME = Rate(ZERO, model=Model.VOLUME, tiers=tiers(
    ("5", "0", "100"), ("10", "0", "150"), ("15", "10", "0"), (None, "5", "0")
))  # fmt: skip


@runs("OM-VOL-1")
def _(given: Any, expected: Any) -> None:
    for units in given["units"]:
        same(costs(replace(VOLUME, flat_at_zero=True), units), expected[units])
        same(costs(VOLUME, units), expected[units] if units != "0" else "0")


@runs("OM-VOL-2")
def _(given: Any, expected: Any) -> None:
    def lines(units: int, **bounds: Any) -> list[tuple[str, Decimal]]:
        found = month_of(plan({"message": replace(VOLUME, **bounds)}), [events(units)])
        return [(line.kind.value, line.amount) for line in found.lines]

    assert lines(5, minimum=Decimal(150)) == [("usage", Decimal(100)), ("commitment", Decimal(50))]
    assert lines(7, maximum=Decimal(125)) == [("usage", Decimal(125))]
    assert lines(100, minimum=Decimal(100)) == [("usage", Decimal(expected["c"]))]


@runs("OM-PKG-1")
def _(given: Any, expected: Any) -> None:
    rate = Rate(Decimal(given["amount"]), model=Model.PACKAGE, package_size=Decimal(given["package"]))
    same(costs(rate, 10), expected["a"])
    same(costs(rate, 0), expected["b"])
    committed = plan({"message": replace(rate, minimum=Decimal(100))})
    same(month_of(committed, []).total, expected["c"])
    same(month_of(committed, [], Scope.SO_FAR).total, expected["d"])


@runs("OM-DYN-1")
def _(given: Any, expected: Any) -> None:
    percent = Decimal(given["multiplier"]) * 100
    same(costs(Rate(ZERO, model=Model.PERCENTAGE, percent=percent), given["cost"]), expected)


@runs("OM-DISC-1")
def _(given: Any, expected: Any) -> None:
    for name, before in (("a", 5), ("b", 20)):
        found = rates.billable(Fraction(15), Fraction(before), Fraction(given["free"]))
        assert found == (int(expected[name]["billable"]), int(expected[name]["prior"]))


@runs("KB-TIER-1")
def _(given: Any, expected: Any) -> None:
    steps = tiers(("10", "1.5", "0"), ("110", "1", "0"), (None, "0.5", "0"))
    same(costs(Rate(ZERO, model=Model.GRADUATED, tiers=steps), given["units"]), expected["all_tiers"])
    same(costs(Rate(ZERO, model=Model.VOLUME, tiers=steps), given["units"]), expected["top_tier"])


@runs("KB-TIER-2")
def _(given: Any, expected: Any) -> None:
    steps = tiers(("1000", "1", "0", "100"), (None, "1", "0", "1000"))
    same(costs(Rate(ZERO, model=Model.GRADUATED, tiers=steps), given["units"]), expected)


@runs("KB-BLOCK-1")
def _(given: Any, expected: Any) -> None:
    rate = Rate(Decimal(given["price"]), model=Model.PACKAGE, package_size=Decimal(given["block"]))
    for units in given["units"]:
        same(costs(rate, units), expected[units])


@runs("KB-BLOCK-2")
def _(given: Any, expected: Any) -> None:
    priced = plan({
        "minutes": Rate(Decimal("0.5"), model=Model.PACKAGE, package_size=Decimal(1000)),
        "mbytes": Rate(Decimal("0.3"), model=Model.PACKAGE, package_size=Decimal(512)),
    })  # fmt: skip
    same(month_of(priced, [events(1000, "minutes"), events(30720, "mbytes")]).total, expected)


@runs("KB-REPAIR-2")
def _(given: Any, expected: Any) -> None:
    plans = [
        held(f"plan_{place}", price, since)
        for place, (price, since) in enumerate(
            [("599.95", "2012-05-01"), ("9.95", "2012-05-07"), ("29.95", "2012-05-08")]
        )
    ]
    amounts = fee_amounts(plans, anchored("2012-05-01"), day("2012-05-01"), day("2012-06-01"))
    first, back, less, back_again, now = (str(each) for each in amounts)
    net = Decimal(back) + Decimal(less)
    assert first == "599.95" and [less, back, str(-net), now, back_again] == expected


@runs("KB-SEAT-1")
def _(given: Any, expected: Any) -> None:
    for seats, amount in zip(given["seats"], expected, strict=True):
        spans = [Span(SEAT, f"usr_{n}", day("2025-01-01"), None) for n in range(seats)]
        same(month_of(plan({SEAT: Rate(Decimal(given["price"]))}), [], spans=spans).total, amount)


@runs("KB-EOM-1")
def _(given: Any, expected: Any) -> None:
    anchor = day(given["start"])
    at, periods = anchor, []
    for _ in range(2):
        start, end = period_containing(anchor, "month", at, "UTC")
        periods.append(f"{start:%m-%d}..{end:%m-%d}")
        at = end
    assert periods == expected["periods"]
    start, end = period_containing(anchor, "month", day(given["addon_300_on"]), "UTC")
    same(rounded(300 * share(day(given["addon_300_on"]), end, start, end), "EUR"), expected["addon_stub"])


@runs("V-8X8-1")
def _(given: Any, expected: Any) -> None:
    seats = [Span(PRESENCE, f"usr_{n}", JANUARY, FEBRUARY) for n in range(given["seats"])]
    for price, amount in zip(given["rate"], expected, strict=True):
        rate = Rate(
            Decimal(price), Decimal(given["included_per_concurrent_seat"]), included_per=SEAT_PEAK, meter="minutes"
        )
        used = [events(given["inbound"] + given["outbound"], "minutes")]
        same(month_of(plan({"minutes": rate}), used, spans=seats).total, amount)


@runs("V-8X8-2")
def _(given: Any, expected: Any) -> None:
    assert "two billed legs" in expected  # ours is one record: see tests/test_ops.py, and decision 0006


@runs("V-RING-1")
def _(given: Any, expected: Any) -> None:
    for name, billed in expected.items():
        first, following = (int(each) for each in name.split()[-1].split("/"))
        for used, seconds in billed.items():
            rate = Rate(ZERO, first_increment=first, next_increment=following)
            assert billed_seconds(int(used), rate) == int(seconds)


@runs("V-30-6")
def _(given: Any, expected: Any) -> None:
    rate = Rate(ZERO, first_increment=30, next_increment=6)
    assert [str(billed_seconds(each, rate)) for each in given["s"]] == expected


@runs("V-6-6")
def _(given: Any, expected: Any) -> None:
    rate = Rate(ZERO, first_increment=6, next_increment=6)
    assert [str(billed_seconds(each, rate)) for each in given["s"]] == expected


def minutes(seconds: int, price: str, first: int, following: int) -> Fraction:
    rate = Rate(Decimal(price), first_increment=first, next_increment=following)
    return rates.charge(rate, Fraction(billed_seconds(seconds, rate), 60)).amount


@runs("V-INC-PRICE")
def _(given: Any, expected: Any) -> None:
    price = given["rate_per_min"]
    assert [minutes(each, price, 60, 60) for each in (5, 50)] == [Fraction(each) for each in expected["a"]]
    assert minutes(5, price, 6, 6) == Fraction(expected["b"])


@runs("V-TWILIO-1")
def _(given: Any, expected: Any) -> None:
    rate = Rate(ZERO, first_increment=60, next_increment=60)
    assert f"{billed_seconds(78, rate) // 60} min" == expected


@runs("V-AWS-1")
def _(given: Any, expected: Any) -> None:
    seconds = given["call_s"]
    service = minutes(seconds, given["service_per_min"], 10, 1)
    assert service + minutes(seconds, given["inbound_per_min"], 60, 1) == Fraction(expected)


@runs("V-STRIPE-1")
def _(given: Any, expected: Any) -> None:
    middle = JANUARY + (FEBRUARY - JANUARY) / 2
    plans = [held("old", str(given["from"]), "2026-01-01")]
    plans.append(replace(held("new", str(given["to"]), "2026-01-01"), effective_time=middle))
    _, credit, charge = fee_amounts(plans, anchored("2026-01-01"), JANUARY, FEBRUARY)
    same(credit, expected["credit"])
    same(charge, expected["charge"])
    same(credit + charge, expected["net"])


@runs("V-RING-2")
def _(given: Any, expected: Any) -> None:
    spans = [Span(PRESENCE, f"usr_{n}", JANUARY, FEBRUARY) for n in range(given["used"])]
    for meter in (SEAT_PEAK, SEAT_ACTIVE):
        priced = plan({meter: Rate(Decimal(1), Decimal(given["prepaid"]))})
        line = next(each for each in month_of(priced, [], spans=spans).lines if each.meter == meter)
        assert f"{line.quantity - line.included} seats overage on the next invoice" == expected


@runs("V-FLEX-1")
def _(given: Any, expected: Any) -> None:
    spans = [Span(PRESENCE, f"usr_{n}", JANUARY, day("2026-01-02")) for n in range(2)]
    spans.append(replace(spans[0], start_time=day("2026-01-09"), end_time=day("2026-01-10")))
    found = month_of(plan({SEAT_ACTIVE: Rate(Decimal(35))}), [], spans=spans)
    assert expected.endswith(f"-> {found.total:.0f}")


@runs("V-ORACLE-1")
def _(given: Any, expected: Any) -> None:
    steps = tiers(("250", "1", "0"), ("500", "2", "0"), (None, "3", "0"))
    for model in (Model.GRADUATED, Model.VOLUME):
        same(costs(Rate(ZERO, model=model, tiers=steps), given["units"]), expected[model.value])


@runs("V-ZUPLO-1")
def _(given: Any, expected: Any) -> None:
    steps = tiers(("1000", "0.10", "0"), ("10000", "0.05", "0"), (None, "0.01", "0"))
    for model in (Model.GRADUATED, Model.VOLUME):
        same(costs(Rate(ZERO, model=model, tiers=steps), given["units"]), expected[model.value])


@pytest.mark.parametrize("case_id", sorted(RUNS))
def test_worked_case_of_others_comes_to_what_it_says(case_id: str) -> None:
    RUNS[case_id](CASES[case_id]["given"], CASES[case_id]["expected"])


def test_every_case_has_a_convention_and_those_of_charges_a_run() -> None:
    assert set(CONVENTIONS) == set(CASES) and len(CASES) == 52
    assert {each.choice for each in CONVENTIONS.values()} == {ADOPTED, OTHER}
    assert {key for key, each in CONVENTIONS.items() if each.owner == "charges"} - set(RUNS) - set(ELSEWHERE) == set()


def test_cases_are_as_they_were_published() -> None:
    if not SHARED.exists():
        pytest.skip("the published cases don't lie beside this clone")
    published = json.loads(SHARED.read_text())["cases"]
    assert {each["id"] for each in published} == set(CASES)
    for each in published:
        assert {name: each[name] for name in ("id", "source", "given", "expected")} == CASES[each["id"]]


def test_table_of_conventions_says_what_is_run() -> None:
    text = (ROOT / "docs" / "mechanisms" / "billing-conventions.md").read_text()
    rows = dict(re.findall(r"^\| ([A-Z][A-Z0-9-]+) \| ([^|]+ \| [^|]+) \|$", text, re.MULTILINE))
    assert rows == {key: f"{each.choice} | {each.why}" for key, each in CONVENTIONS.items()}

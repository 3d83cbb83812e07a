"""The worked cases of others by id: whose semantics were chosen, and what runs them.

A file of tests registers its runs with `runs("ID")`; a run gets what is given and expected. Cases without a run are
listed in `ELSEWHERE` with the file that runs them. The table for people is `docs/mechanisms/billing-conventions.md`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from billing.domain import fees
from billing.domain.plans import PlanHeld, Tier
from billing.domain.subscriptions import State, SubscriptionVersion, Timeline
from kernel.money import rounded

ZERO = Decimal(0)
ADOPTED, OTHER = "adopted", "other convention"
FIXTURES = Path(__file__).parent / "fixtures"
ROOT = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("MERKEZ_ORACLES", ROOT.parent / "shared" / "oracles")) / "billing_cases.json"
"""Where the cases as they were published lie beside a clone, when they do."""

Run = Callable[[Any, Any], None]
RUNS: dict[str, Run] = {}
CASES: Mapping[str, Mapping[str, Any]] = {
    case["id"]: case for case in json.loads((FIXTURES / "oracle_cases.json").read_text())
}


@dataclass(frozen=True)
class Convention:
    """What was chosen for a case, and why where it isn't the source's."""

    choice: str
    why: str
    owner: str = "charges"
    """Whose tests run it: charges, decks or invoices."""


def runs(case_id: str) -> Callable[[Run], Run]:
    """Registers what runs a case."""

    def registered(run: Run) -> Run:
        assert case_id not in RUNS, f"{case_id} has a run already"
        RUNS[case_id] = run
        return run

    return registered


CONVENTIONS: Mapping[str, Convention] = {
    "LAGO-GRAD-1": Convention(
        OTHER,
        "A period without usage costs nothing; a rate with `flat_fee_at_zero` charges the first flat fee as Lago.",
    ),
    "LAGO-PKG-1": Convention(ADOPTED, "Free units first, then every package begun."),
    "LAGO-PCT-2": Convention(ADOPTED, "Tiers over the period's sum; a later record costs the difference of the sums."),
    "LAGO-UPG-2": Convention(
        OTHER, "Prorated by the second, not by the day: the same amounts when the change is at a day's begin."
    ),
    "LAGO-DOWN-1": Convention(
        ADOPTED, "At the period's end nothing is credited; the new fee is for the rest of its year."
    ),
    "LAGO-TRIAL-1": Convention(
        OTHER, "From the trial's very end by the second, not from its day's begin: the same when it ends at midnight."
    ),
    "LAGO-WALLET-1": Convention(
        ADOPTED, "A top-up is rounded to the currency's minor unit before it is kept.", "decks"
    ),
    "LAGO-WSUM-1": Convention(ADOPTED, "Weighed by the microsecond, carried into the next period."),
    "LAGO-TERM-1": Convention(
        ADOPTED, "Of the whole quarter; a stretch ends before its end, so the last day's end counts."
    ),
    "LAGO-FIXED-1": Convention(ADOPTED, "The share of the calendar month that is left."),
    "LAGO-DUN-1": Convention(ADOPTED, "Each currency by its own threshold and pause.", "invoices"),
    "LAGO-LATE-1": Convention(
        ADOPTED, "The event's time picks the period; after finalization it is a dated line of the next."
    ),
    "OM-GRAD-1": Convention(ADOPTED, "What was billed of a period is subtracted from what the whole costs."),
    "OM-VOL-1": Convention(
        OTHER, "As published but at zero usage, which costs nothing unless the rate has `flat_fee_at_zero`."
    ),
    "OM-VOL-2": Convention(ADOPTED, "What a minimum misses is a line of its own; a maximum lowers the usage's line."),
    "OM-PKG-1": Convention(ADOPTED, "A committed spend is trued up at the period's end and not before."),
    "OM-DYN-1": Convention(ADOPTED, "A percentage of the carrier's cost, rounded once."),
    "OM-DISC-1": Convention(ADOPTED, "Free units are eaten in order of time over the period."),
    "OM-PROP-1": Convention(ADOPTED, "A property of the grants' burn-down.", "decks"),
    "KB-TIER-1": Convention(ADOPTED, "ALL_TIERS is graduated, TOP_TIER is volume."),
    "KB-TIER-2": Convention(ADOPTED, "A tier may have a package size of its own."),
    "KB-BLOCK-1": Convention(ADOPTED, "Packages of the period's sum, not of each record."),
    "KB-BLOCK-2": Convention(ADOPTED, "Two meters of one plan are two lines."),
    "KB-REPAIR-2": Convention(
        ADOPTED,
        "Each credit and charge rounded by itself; 475.81 and 8.02 are their sums and parts, kept as credit there.",
    ),
    "KB-SEAT-1": Convention(ADOPTED, "Seats of a whole period by the price."),
    "KB-EOM-1": Convention(ADOPTED, "The anchor's day, or the last of a shorter month, without drift."),
    "CG-TOD-2": Convention(ADOPTED, "Each stretch by the rate of its time of day.", "decks"),
    "CG-LPM-1": Convention(ADOPTED, "The longest prefix.", "decks"),
    "CG-SHORT-1": Convention(ADOPTED, "By the second.", "decks"),
    "CG-INC-1": Convention(ADOPTED, "First increment once, then the next ones.", "decks"),
    "CG-INC-3": Convention(ADOPTED, "A begun increment counts whole.", "decks"),
    "CG-CF-1": Convention(
        OTHER, "The connect fee is the same; a call isn't rounded by itself, the line is, half away from zero.", "decks"
    ),
    "CG-ZERO-1": Convention(ADOPTED, "A call of no length costs nothing, its connect fee neither.", "decks"),
    "CG-DATA-1": Convention(ADOPTED, "By the second.", "decks"),
    "CG-MAX-1": Convention(
        ADOPTED, "A rate of a deck may have a maximum cost; its strategy says what follows.", "decks"
    ),
    "CG-PRE-1": Convention(ADOPTED, "Balance less connect fee.", "decks"),
    "CG-PRE-3": Convention(ADOPTED, "What the balance holds and no more.", "decks"),
    "CG-NEG-1": Convention(ADOPTED, "A postpaid company's balance may be negative.", "decks"),
    "CG-COUNT-1": Convention(ADOPTED, "Stretches without gap or overlap.", "decks"),
    "V-8X8-1": Convention(ADOPTED, "Included units of one meter by the quantity of another, pooled."),
    "V-8X8-2": Convention(
        OTHER, "A call is one record, however often it is transferred (decision 0006); amounts are rounded at the line."
    ),
    "V-RING-1": Convention(ADOPTED, "Increments by direction: each meter or deck has its own."),
    "V-30-6": Convention(ADOPTED, "30/6."),
    "V-6-6": Convention(ADOPTED, "6/6."),
    "V-INC-PRICE": Convention(ADOPTED, "Price of the billed part of a minute, exact."),
    "V-TWILIO-1": Convention(ADOPTED, "60/60."),
    "V-AWS-1": Convention(ADOPTED, "Two rates of one call are two records; 10/1 and 60/1."),
    "V-STRIPE-1": Convention(ADOPTED, "Credit for the unused part, charge for the rest."),
    "V-RING-2": Convention(
        ADOPTED, "Seats by use beyond those included; named, concurrent and active seats are meters."
    ),
    "V-FLEX-1": Convention(ADOPTED, "Who was signed in at least once in the period."),
    "V-ORACLE-1": Convention(ADOPTED, "Graduated and volume."),
    "V-ZUPLO-1": Convention(ADOPTED, "Graduated and volume."),
}
"""Every case by its id."""

ELSEWHERE: Mapping[str, str] = {
    "CG-SHORT-1": "test_domain.py", "CG-INC-1": "test_domain.py", "CG-INC-3": "test_domain.py",
    "CG-LPM-1": "test_domain.py", "CG-DATA-1": "test_domain.py", "CG-ZERO-1": "test_domain.py",
}  # fmt: skip
"""Cases that were run by others of these tests before, from `fixtures/worked_cases.json`."""


def day(text: str) -> datetime:
    """A day's begin."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def tiers(*given: tuple[str | None, str, str] | tuple[str | None, str, str, str]) -> tuple[Tier, ...]:
    """Tiers as (up to, unit price, flat fee, package size)."""
    return tuple(
        Tier(Decimal(up_to) if up_to else None, Decimal(price), Decimal(flat), ZERO, Decimal(more[0] if more else 0))
        for up_to, price, flat, *more in given
    )


def anchored(anchor: str, **more: Any) -> Timeline:
    """A subscription that is counted from a day."""
    return Timeline((SubscriptionVersion(1, day(anchor), State.ACTIVE, day(anchor), **more),))


def held(plan_id: str, fee: str, since: str, interval: str = "month") -> PlanHeld:
    """A plan with nothing but a fee."""
    return PlanHeld(plan_id, 1, "EUR", {}, day(since), "UTC", fee=Decimal(fee), interval=interval)


def fee_amounts(
    plans: list[PlanHeld], timeline: Timeline, start: datetime, end: datetime, zone: str = "UTC"
) -> list[Decimal]:
    """What falls due of the plans in [start, end), in order of time, credits first."""
    due = [fee for each in fees.plan_holdings(plans, timeline, zone) for fee in fees.due(each, zone, start, end)]
    return [rounded(each.amount, "EUR") for each in sorted(due, key=lambda fee: (fee.due_time, fee.amount))]

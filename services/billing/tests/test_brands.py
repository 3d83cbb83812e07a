"""Whose usage it was: what brands have of a line adds up to the line, whatever is shared out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from billing.documents import csv_lines
from billing.domain import brands, canonical, late
from billing.domain.brands import UNASSIGNED, shares
from billing.domain.statements import LineKind, Statement, StatementLine
from billing.domain.usage import By, UsageRecord
from billing.ops import usage as ops
from hypothesis import given
from hypothesis import strategies as st
from merkez.tenancy.v1 import number_pb2, tenancy_events_pb2

from .conftest import MARCH, Ledger, call_fact, number_fact, plan_fact, recording_fact, user_fact

OF = st.dictionaries(st.sampled_from(["", "brd_1", "brd_2", "brd_3"]), st.fractions(0, 10**6), max_size=4)
CENTS = st.integers(-(10**7), 10**7).map(lambda cents: Decimal(cents) / 100)


@given(OF, st.fractions(0, 50), CENTS)
def test_shares_add_up_to_the_line_exactly(of: dict[str, Fraction], rest: Fraction, amount: Decimal) -> None:
    quantity = sum(of.values(), rest)
    found = shares(of, quantity, quantity / 3, amount, "EUR")
    assert sum(each.quantity for each in found) == quantity
    assert sum(each.amount for each in found) == amount
    assert sum(each.included for each in found) == quantity / 3
    assert len({each.brand_id for each in found}) == len(found)
    assert all(abs(Fraction(each.amount) - Fraction(amount) * each.quantity / quantity) < Fraction(1, 100)
               for each in found if quantity)  # fmt: skip


@given(OF, OF, CENTS, CENTS)
def test_what_came_late_is_each_brands_own_and_adds_up_to_the_late_line(
    first: dict[str, Fraction], more: dict[str, Fraction], was: Decimal, now: Decimal
) -> None:
    def line(of: dict[str, Fraction], amount: Decimal) -> StatementLine:
        quantity = sum(of.values(), Fraction(0))
        return StatementLine(
            "usage:1", LineKind.USAGE, amount, MARCH, MARCH + timedelta(days=31), quantity=quantity,
            brands=shares(of, quantity, Fraction(0), amount, "EUR"),
        )  # fmt: skip

    def statement(each: StatementLine) -> Statement:
        return Statement("EUR", MARCH, each.end_time, each.end_time, "p", 1, [each], (), (), each.amount, each.amount)

    both = {brand: first.get(brand, Fraction(0)) + more.get(brand, Fraction(0)) for brand in {*first, *more}}
    [billed] = late.billed([statement(line(first, was))])
    for rest in late.rest_of([line(both, now)], billed):
        assert sum((each.amount for each in rest.brands), Decimal(0)) == rest.amount == now - was
        assert sum((each.quantity for each in rest.brands), Fraction(0)) == rest.quantity
        got = {each.brand_id: each.quantity for each in rest.brands if each.quantity}
        assert got == {brand: each for brand, each in more.items() if each}


async def test_calls_of_two_brands_are_one_line_with_both_in_it_however_it_is_read(ledger: Ledger) -> None:
    await ledger.tell(plan_fact(), MARCH)
    for place in range(7):
        fact = call_fact(f"call_{place}", 60 + place, MARCH + timedelta(days=place, hours=place))
        fact.cdr.brand_id = ("brd_1", "brd_2", "")[place % 3]
        await ledger.tell(fact)
    statement = await ledger.invoice(MARCH)
    [line] = [each for each in statement.lines if each.meter == "voice_inbound_minute"]
    assert [each.brand_id for each in line.brands] == ["", "brd_1", "brd_2"]
    by_hand: dict[str, Fraction] = {}
    for record in await ledger.usage():
        by_hand[record.brand_id] = by_hand.get(record.brand_id, Fraction(0)) + record.quantity
    assert {each.brand_id: each.quantity for each in line.brands} == by_hand
    assert sum(each.amount for each in line.brands) == line.amount
    again = canonical.statement_from(canonical.statement_bytes(statement))
    assert again == replace(statement, lines=tuple(again.lines)) and again.lines[-1].brands
    old = canonical.statement_from(canonical.statement_bytes(statement, 1))
    assert not any(each.brands for each in old.lines), "what was frozen before says nothing of brands"


async def test_numbers_and_recordings_are_their_brands_for_as_long_as_they_are(ledger: Ledger) -> None:
    await ledger.tell(plan_fact(), MARCH)
    taken: Any = number_fact(MARCH)
    taken.number.brand_id = "brd_1"
    await ledger.tell(taken, MARCH)
    middle = MARCH + timedelta(days=31) / 2
    moved = number_pb2.Number(number="+994125550100", brand_id="brd_2")
    await ledger.tell(tenancy_events_pb2.NumberChanged(number=moved), middle)
    stored: Any = recording_fact(1, 2 * 10**9)
    stored.recording.brand_id = "brd_2"
    await ledger.tell(stored, middle)
    await ledger.tell(user_fact("usr_1", 1), MARCH)
    lines = {each.meter: each for each in (await ledger.invoice(MARCH)).lines}
    half = Fraction(1, 2)
    assert {each.brand_id: each.quantity for each in lines["number_month"].brands} == {"brd_1": half, "brd_2": half}
    assert {each.brand_id: each.quantity for each in lines["recording_storage_gb_month"].brands} == {"brd_2": 1}
    assert {each.brand_id: each.quantity for each in lines["seat_month"].brands} == {UNASSIGNED: 1}


async def test_days_of_before_brands_were_kept_apart_are_made_anew(ledger: Ledger) -> None:
    from billing.store import days
    from billing.store.charge_tables import usage_days
    from sqlalchemy import update

    await ledger.tell(plan_fact(), MARCH)
    record = UsageRecord("", "call_over_limit", "s", "1", ledger.clock.now(), 0, "brd_1")
    await ledger.db.run(ledger.tenant, lambda tx: ops.record(tx, [ops.Offered(record, "3")], By.FACT))
    mixed = update(usage_days).where(usage_days.c.tenant_id == ledger.tenant).values(brand_id=days.UNKEPT)
    await ledger.db.run(ledger.tenant, lambda tx: tx.execute(mixed))
    assert ledger.tenant in await ledger.db.system(days.unkept, read_only=True)
    await ledger.db.run(ledger.tenant, lambda tx: days.keep(tx, {}))
    assert ledger.tenant not in await ledger.db.system(days.unkept, read_only=True)
    [line] = [each for each in (await ledger.invoice()).lines if each.meter == "call_over_limit"]
    assert {each.brand_id: each.quantity for each in line.brands} == {"brd_1": 3}


@given(OF, st.integers(0, 10**4), st.integers(0, 10**4))
def test_the_file_for_spreadsheets_has_a_row_for_each_brand_and_the_same_sums(
    of: dict[str, Fraction], amount: int, discount: int
) -> None:
    quantity, money = sum(of.values(), Fraction(0)), Decimal(amount) / 100
    line = StatementLine(
        "usage:1", LineKind.USAGE, money, MARCH, MARCH, quantity=quantity,
        brands=brands.shares(of, quantity, Fraction(0), money, "EUR"), discount=Decimal(min(discount, amount)) / 100,
    )  # fmt: skip
    rows = csv_lines._shares(csv_lines.Row(line, "", money, MARCH.date(), MARCH.date()), "EUR")
    assert sum(share.amount for share, _ in rows) == line.amount
    assert sum(each for _, each in rows) == line.discount

"""What an invoice may become, what is credited of it, who is reminded when: pure rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from billing.domain import canonical, credit_notes, dunning, invoicing, late, parties
from billing.domain.credit_notes import CreditedLine, CreditNote
from billing.domain.dunning import Campaign, schedule_of, thresholds_of
from billing.domain.invoicing import Invoice, State, Trigger, next_period
from billing.domain.statements import Discount, LineKind, Statement, StatementLine, Tax
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel.errors import DomainError
from kernel.money import rounded

from .invoice_house import entity

MARCH, APRIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def line(line_id: str, amount: str | Decimal, tax_code: str = "", discount: str | Decimal = "0") -> StatementLine:
    """One line of March."""
    return StatementLine(
        line_id, LineKind.USAGE, Decimal(amount), MARCH, APRIL, meter="voice_inbound_minute", quantity=Fraction(1, 3),
        discount=Decimal(discount), tax_code=tax_code,
    )  # fmt: skip


def statement(*lines: StatementLine, percent: str = "18", included: bool = False) -> Statement:
    """A statement of these lines under one tax."""
    net = sum((each.amount - each.discount for each in lines), Decimal(0))
    share = Fraction(Decimal(percent)) / (100 + (Fraction(Decimal(percent)) if included else 0))
    tax = rounded(Fraction(net) * share, "EUR")
    taxes = (Tax("vat", "VAT", Decimal(percent), net - tax if included else net, tax, included),)
    discount = sum((each.discount for each in lines), Decimal(0))
    subtotal = sum((each.amount for each in lines), Decimal(0))
    discounts = (Discount("spring", "Spring", discount),) if discount else ()
    total = net if included else net + tax
    return Statement("EUR", MARCH, APRIL, APRIL + DAY, "starter", 1, lines, discounts, taxes, subtotal, total)


def note(found: Statement, before: list[CreditNote], lines: list[CreditedLine]) -> CreditNote:
    """A credit note of these lines."""
    wanted = credit_notes.wanted_lines(found, before, lines)
    taxes = credit_notes.taxes_of(found, before, wanted)
    total = credit_notes.total_of(wanted, taxes)
    return CreditNote("cnt", "ten", "ivc", "C-1", "why", "EUR", wanted, taxes, total, total, Decimal(0), APRIL)


amounts = st.integers(1, 10**7).map(lambda cents: Decimal(cents).scaleb(-2))
statements = st.builds(
    lambda found, percent, included: statement(
        *(line(f"l{index}", amount) for index, amount in enumerate(found)), percent=str(percent), included=included
    ),
    st.lists(amounts, min_size=1, max_size=8), st.sampled_from(["0", "5", "7.7", "18", "20"]), st.booleans(),
)  # fmt: skip


def test_invoice_is_only_moved_along_its_table() -> None:
    draft = Invoice("ivc", "ten", State.DRAFT, MARCH, APRIL, "EUR", b"", "", Decimal(0), Decimal(0), APRIL)
    for state in State:
        for trigger in Trigger:
            if (state, trigger) in invoicing.TRANSITIONS:
                assert invoicing.moved(replace(draft, state=state), trigger).version == 2
            else:
                with pytest.raises(DomainError) as refused:
                    invoicing.moved(replace(draft, state=state), trigger)
                assert refused.value.reason == "INVOICE_STATE_WRONG"


@pytest.mark.parametrize("zone", ["Asia/Baku", "Europe/Berlin", "America/New_York", "Pacific/Kiritimati", "UTC"])
def test_periods_follow_each_other_without_gap_through_dst_and_february(zone: str) -> None:
    first, end = datetime(2023, 12, 17, 11, tzinfo=UTC), None
    for _ in range(40):
        start, following = next_period(first, end, zone)
        assert end is None or start == end
        assert timedelta(days=27) < following - start < timedelta(days=32)
        end = following


def test_company_that_moves_gets_one_period_that_is_hours_longer_never_a_gap() -> None:
    _, end = next_period(MARCH + DAY, None, "Asia/Baku")
    start, following = next_period(MARCH + DAY, end, "America/New_York")
    assert start == end and following == datetime(2026, 5, 1, 4, tzinfo=UTC)
    start, following = next_period(MARCH + DAY, following, "Asia/Baku")
    assert following == datetime(2026, 5, 31, 20, tzinfo=UTC)


@settings(max_examples=80, deadline=None)
@given(statements, st.data())
def test_credit_notes_never_take_more_than_the_invoice_and_in_parts_exactly_all_of_it(
    found: Statement, data: st.DataObject
) -> None:
    before: list[CreditNote] = []
    for _ in range(data.draw(st.integers(0, 5))):
        left = {line_id: amount for line_id, amount in credit_notes.left(found, before).items() if amount > 0}
        if not left:
            break
        line_id = data.draw(st.sampled_from(sorted(left)))
        amount = Decimal(data.draw(st.integers(1, int(left[line_id] * 100)))).scaleb(-2)
        before.append(note(found, before, [CreditedLine(line_id, amount)]))
        with pytest.raises(DomainError) as refused:
            note(found, before, [CreditedLine(line_id, left[line_id] - amount + Decimal("0.01"))])
        assert refused.value.reason == "CREDIT_EXCEEDS_LINE"
    if any(credit_notes.left(found, before).values()):
        before.append(note(found, before, []))
    assert sum((each.total for each in before), Decimal(0)) == found.total
    assert not any(credit_notes.left(found, before).values())
    with pytest.raises(DomainError):
        note(found, before, [])


@settings(max_examples=80, deadline=None)
@given(statements)
def test_statement_and_its_bytes_are_the_same_thing(found: Statement) -> None:
    data = canonical.statement_bytes(found)
    again = canonical.statement_from(data)
    assert canonical.statement_bytes(again) == data and again.total == found.total
    assert again.lines == tuple(found.lines)


def test_what_differs_between_two_statements_is_said_by_line() -> None:
    one, other = statement(line("a", "1")), statement(line("a", "2"))
    [first, *_] = canonical.differences(canonical.statement_bytes(one), canonical.statement_bytes(other))
    assert first == 'lines[a].amount was "1", is "2" now'
    assert canonical.differences(canonical.statement_bytes(one), canonical.statement_bytes(one)) == []


@settings(max_examples=80, deadline=None)
@given(st.lists(st.lists(st.tuples(st.sampled_from("abcd"), amounts), max_size=4), min_size=1, max_size=4))
def test_late_lines_of_all_later_invoices_add_up_to_what_was_heard_of_in_the_end(
    heard: list[list[tuple[str, Decimal]]],
) -> None:
    """Whatever is heard of when: frozen lines and late lines together are the last word."""

    def as_known(upto: int) -> Statement:
        sums: dict[str, Decimal] = {}
        for each in heard[:upto]:
            for name, amount in each:
                sums[name] = sums.get(name, Decimal(0)) + amount
        return statement(*(line(name, amount) for name, amount in sorted(sums.items())))

    def late_of(known: Statement, frozen: list[Statement]) -> list[StatementLine]:
        march = next(each for each in late.billed(frozen) if each.start_time == MARCH)
        return late.late_lines(known.lines, march)

    frozen = [as_known(1)]
    for months in range(1, len(heard)):
        lines = late_of(as_known(months + 1), frozen)
        since, until = MARCH + months * 31 * DAY, MARCH + (months + 1) * 31 * DAY
        frozen.append(replace(statement(*lines), start_time=since, end_time=until, cutoff_time=until))
    billed = sum((each.amount for one in frozen for each in one.lines), Decimal(0))
    assert billed == as_known(len(heard)).subtotal
    assert late_of(as_known(len(heard)), frozen) == []


def test_currency_is_reminded_of_when_its_own_sum_reaches_its_own_threshold_and_the_pause_has_passed() -> None:
    """Case LAGO-DUN-1: two attempts, two days between, thresholds EUR 150 and USD 100."""
    schedule, thresholds = schedule_of("0:notice,2:notice"), thresholds_of("EUR:150,USD:100")
    overdue = {"EUR": Decimal(149), "USD": Decimal(120)}
    running: dict[str, Campaign] = {}
    reached: dict[int, dict[str, int]] = {}
    for day in (3, 5, 6):
        if day > 3:
            overdue["EUR"] = Decimal(149) + (10 if day >= 6 else 0)
        for each in dunning.reached(overdue, running, schedule, thresholds, MARCH + day * DAY):
            running[each.currency] = each
        reached[day] = {currency: each.stage for currency, each in running.items()}
    assert reached == {3: {"USD": 1}, 5: {"USD": 1}, 6: {"USD": 2, "EUR": 1}}


def test_process_that_stood_still_for_weeks_sends_one_reminder_not_all_of_them() -> None:
    schedule = schedule_of(dunning.DEFAULT_SCHEDULE)
    owed, running = {"EUR": Decimal(1)}, {"EUR": Campaign("EUR", 1, MARCH)}
    [again] = dunning.reached(owed, running, schedule, {}, MARCH + 40 * DAY)
    assert again.stage == 2
    assert dunning.reached(owed, {"EUR": again}, schedule, {}, MARCH + 40 * DAY) == []
    assert dunning.due_time(again, schedule) == MARCH + 44 * DAY


@pytest.mark.parametrize("text", ["", "3:notice,0:notice", "0:nothing", "0", "-1:notice", "0:notice,900:notice"])
def test_schedule_that_goes_back_or_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        schedule_of(text)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("number_prefix", "mrk"), ("number_prefix", "MRK2"), ("number_prefix", ""), ("credit_note_prefix", "MRK-"),
        ("name", " "), ("email", "nobody"), ("name", "x" * 201), ("tax_id", "1\n2"),
        ("address", parties.Address(country="AZE")), ("address", parties.Address()),
    ],
)  # fmt: skip
def test_legal_entity_that_can_not_be_is_refused_by_its_field(field: str, wrong: Any) -> None:
    with pytest.raises(DomainError) as refused:
        parties.check_entity(entity(**{field: wrong}))
    assert refused.value.reason == "LEGAL_ENTITY_INVALID" and field in refused.value.fields[0].field


@pytest.mark.parametrize("amount", ["0", "-1", "1.234", "NaN", "Infinity", "1e20", "one", ""])
def test_absurd_amounts_are_refused(amount: str) -> None:
    with pytest.raises(DomainError) as refused:
        credit_notes.money_amount(amount, "EUR", "EUR", "amount")
    assert refused.value.reason == "AMOUNT_INVALID"


def test_amount_has_the_digits_of_its_currency() -> None:
    assert str(credit_notes.money_amount("1.5", "KWD", "KWD", "amount")) == "1.500"
    assert str(credit_notes.money_amount("15", "JPY", "JPY", "amount")) == "15"
    with pytest.raises(DomainError):
        credit_notes.money_amount("1", "USD", "EUR", "amount")

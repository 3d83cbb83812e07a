"""Dialled numbers are personal data: their last digits go after a while, and nothing that was billed changes by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from billing.domain import canonical
from billing.domain.decks import Direction
from billing.domain.erasing import ERASED_DIGITS, shortened
from billing.domain.reservations import Reservation, ReservationState
from billing.domain.usage import UsageConflict
from billing.live.erasing import Eraser
from billing.ops import erasing, invoicing, statements
from billing.ops import usage as usage_ops
from billing.settings import Settings
from billing.store import erasures, reservations
from chassis.sql import Tx
from hypothesis import given
from hypothesis import strategies as st

from .conftest import MARCH, call_fact
from .invoice_house import APRIL, DAY, House
from .test_deck_statements import HEAD, OUT, by_deck, call, deck
from .test_statements import plan

YEAR = timedelta(days=396)
FULL = f"{HEAD}90,Turkey,0.10,60/60,0\n9055500011,Hotline,0.90,60/60,0\n905550002222,One line,2.00,60/60,0\n"


@given(st.text("0123456789", min_size=3, max_size=15), st.integers(0, 15))
def test_as_many_digits_go_as_leave_the_price(digits: str, deciding: int) -> None:
    number = f"+{digits}"
    found = shortened(number, lambda text: len(text) >= deciding)
    assert number.startswith(found) and len(number) - len(found) <= ERASED_DIGITS
    assert len(found) == len(number) or len(found) >= deciding, "what decides the price stays"
    assert len(number) < 7 or len(number) <= deciding or len(found) < len(number)


async def erased(house: House) -> dict[str, str]:
    """Numbers by call after the eraser has run."""
    await Eraser(house.ledger.rating, YEAR).erase()
    return {each.source_id: each.properties.get("number", "") for each in await house.ledger.usage()}


async def billed(house: House) -> Any:
    await house.set_up()
    name = await deck(house, FULL)
    await house.ledger.tell(plan(by_deck(name)))
    for place, number in enumerate(("+905321112233", "+905550001199", "+905550002222", "112")):
        await call(house, f"call_{place}", number, 120, place + 1)
    own = call_fact("in", 60, MARCH + DAY)
    own.cdr.dialed_number = "+902120001122"
    await house.ledger.tell(own)
    return await house.issued()


async def test_numbers_go_and_the_invoice_is_still_what_its_events_make(house: House) -> None:
    invoice = await billed(house)
    house.go_to(MARCH + YEAR - DAY)
    before = await erased(house)
    assert before["call_0"] == "+905321112233", "not before its time"
    house.go_to(APRIL + YEAR)
    found = await erased(house)
    assert found == {
        "call_0": "+90532111",
        "call_1": "+9055500011",
        "call_2": "+905550002222",
        "call_3": "112",
        "in": "+902120001122",
    }, "the hotline's price hangs on its digits, our own number is nobody's"
    frozen, again = await house.ledger.rating.run(
        house.ledger.tenant, lambda tx, decks: invoicing.rebuild(tx, invoice.invoice_id, decks)
    )
    assert canonical.differences(frozen.statement, again) == [] and frozen.statement == again
    assert b"5321112233" not in frozen.statement, "what is frozen names destinations, not numbers"


async def test_a_repeat_is_still_nothing_and_another_body_still_refused(house: House) -> None:
    await billed(house)
    house.go_to(APRIL + YEAR)
    await erased(house)
    await call(house, "call_0", "+905321112233", 120, 1)
    assert len(await house.ledger.usage()) == 5

    async def other(tx: Tx) -> None:
        fact = call_fact("call_0", 999, MARCH + DAY, direction=OUT)
        from billing import convert

        await usage_ops.rate_ended_call(tx, convert.call_in(fact.cdr), tx.now())

    with pytest.raises(UsageConflict):
        await house.do(other)


async def test_what_was_done_is_done_and_the_rest_goes_on_after_a_stop(house: House, monkeypatch: Any) -> None:
    await billed(house)
    house.go_to(APRIL + YEAR)
    monkeypatch.setattr(erasing, "BATCH", 2)
    horizon, rating = APRIL, house.ledger.rating

    async def step() -> bool:
        return await rating.run(house.ledger.tenant, lambda tx, decks: erasing.shorten_next(tx, horizon, decks))

    assert await step()  # and here a process dies
    place = await house.do(erasures.place)
    while await step():
        pass
    assert (await house.do(erasures.place)).time > place.time
    due = await house.ledger.db.system(lambda tx: erasures.due(tx, horizon, "", 10))
    assert house.ledger.tenant not in due
    assert (await erased(house))["call_0"] == "+90532111"


async def test_what_a_period_costs_is_the_same_before_and_after(house: House) -> None:
    await billed(house)

    async def cost() -> bytes:
        now = MARCH + YEAR
        found = await house.ledger.rating.run(
            house.ledger.tenant, lambda tx, decks: statements.statement_of(tx, MARCH, APRIL, now, deck=decks)
        )
        return canonical.statement_bytes(found)

    before = await cost()
    house.go_to(APRIL + YEAR)
    await erased(house)
    assert await cost() == before


async def test_numbers_of_calls_paid_ahead_go_too_but_not_of_one_that_isnt_settled(house: House) -> None:
    await billed(house)

    async def begin(name: str, state: ReservationState) -> None:
        made = Reservation(name, "+905321112233", Direction.OUTBOUND, MARCH + DAY, MARCH + DAY)
        await house.do(lambda tx: reservations.begin(tx, reservations.ReservationRow(made)))
        if state is not ReservationState.OPEN:
            settled = replace(made, state=state)
            await house.do(lambda tx: reservations.save(tx, reservations.ReservationRow(settled)))

    await begin("call_done", ReservationState.SETTLED)
    await begin("call_open", ReservationState.OPEN)
    house.go_to(APRIL + YEAR)
    await erased(house)
    done, still = [await house.do(lambda tx, n=n: reservations.find(tx, n)) for n in ("call_done", "call_open")]
    assert (done.reservation.number, still.reservation.number) == ("+90532111", "+905321112233")


def test_a_retention_shorter_than_facts_may_come_late_is_refused() -> None:
    wrong = list(Settings(service="billing", dialed_number_days=30).wrong())
    assert "MERKEZ_DIALED_NUMBER_DAYS must be at least 90" in wrong

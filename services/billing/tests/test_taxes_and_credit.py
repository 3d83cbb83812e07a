"""What came late is taxed as it would have been in time; a credit note isn't more than its invoice."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from billing.domain import canonical
from billing.domain.credit_notes import CreditedLine, CreditExceedsInvoice, CreditExceedsLine
from billing.domain.discounts import Coupon, Frequency
from billing.domain.invoicing import Invoice
from billing.domain.taxes import TaxData, TaxRate
from billing.ops import coupons, invoicing, paying, taxes
from billing.ops.coupons import KeptCoupon
from billing.ops.issuing import statement_for
from billing.store import invoicing as store
from chassis.sql import Tx
from kernel.ids import new_id

from .conftest import MARCH, call_fact
from .invoice_house import APRIL, DAY, MAY, House
from .test_anchors_move import ACTIVE, eur, plan, stands


async def rates_that_change_in_april(house: House) -> None:
    """18 percent until the end of March, 20 from April 1."""
    await house.set_up()
    now = house.ledger.clock.now()
    for pct, since, until in ((18, MARCH - 90 * DAY, APRIL), (20, APRIL, None)):
        rate = TaxRate(new_id("txr", now), "vat", "VAT", "AZ", Decimal(pct), False, since, until)
        await house.ledger.db.system(lambda tx, rate=rate: taxes.create_rate(tx, rate))
    await house.do(lambda tx: taxes.set_tax_data(tx, TaxData("AZ"), 0))


async def test_late_line_is_taxed_by_the_rate_of_its_own_period(house: House) -> None:
    await rates_that_change_in_april(house)
    await house.used_march(60)
    await house.issued()
    await house.ledger.tell(call_fact("call_late", 60000, MARCH + 3 * DAY))
    await house.run(MAY + 2 * DAY)
    [_, second] = await house.invoices()
    taxed = (await house.whole(second.invoice_id)).statement.taxes
    assert [(str(each.percent), str(each.base)) for each in taxed] == [("18", "60.00"), ("20", "20.00")]


async def test_month_is_taxed_by_the_rate_it_lay_under(house: House) -> None:
    await rates_that_change_in_april(house)
    await house.used_march(60)
    march = await house.issued()
    [tax] = (await house.whole(march.invoice_id)).statement.taxes
    assert (str(tax.percent), str(tax.amount)) == ("18", "3.61")


async def test_credit_note_is_at_most_the_invoice(house: House) -> None:
    """An upgrade in the middle of March: 100 given back in part, 300 charged in part."""
    await house.set_up()
    half = MARCH + (APRIL - MARCH) / 2
    tell = house.ledger.tell
    await tell(plan(price=eur("100"), plan_id="small"))
    await tell(stands(1, MARCH, ACTIVE, MARCH))
    await tell(plan(price=eur("110"), plan_id="large", since=half))
    await tell(stands(2, half, ACTIVE, MARCH))
    invoice = await house.issued()
    whole = await house.whole(invoice.invoice_id)
    charged = [CreditedLine(x.line_id, x.amount) for x in whole.statement.lines if x.amount > 0]
    now = house.ledger.clock.now()
    with pytest.raises(CreditExceedsInvoice, match=r"215\.00 is left"):
        await house.do(lambda tx: paying.credit(tx, invoice.invoice_id, "goodwill", charged, now))
    parts = ("60.00", "45.00", "110.00")
    most = [CreditedLine(line.line_id, Decimal(part)) for line, part in zip(charged, parts, strict=True)]
    note = await house.do(lambda tx: paying.credit(tx, invoice.invoice_id, "goodwill", most, now))
    assert (note.total, note.to_balance) == (invoice.total, 0)
    for more in ([], [CreditedLine(charged[0].line_id, Decimal("0.01"))]):
        with pytest.raises((CreditExceedsInvoice, CreditExceedsLine)):
            await house.do(lambda tx, more=more: paying.credit(tx, invoice.invoice_id, "again", more, now))


async def test_what_came_late_of_a_month_with_a_coupon_is_discounted_as_it_would_have_been(house: House) -> None:
    await house.set_up()
    await house.used_march(60)
    now = house.ledger.clock.now()
    kept = KeptCoupon(
        Coupon(new_id("cpn", now), "HALF-1", "half", Frequency.ONCE, percent=Decimal(50)), None, 0, 0, False, now, 1
    )
    await house.ledger.db.system(lambda tx: coupons.create_coupon(tx, kept))
    await house.ledger.db.system(lambda tx: coupons.redeem(tx, house.ledger.tenant, now, code="HALF-1"))
    await house.issued()
    await house.ledger.tell(call_fact("call_late", 60000, MARCH + 3 * DAY))
    await house.run(MAY + 2 * DAY)
    billed = sum((each.total for each in await house.invoices()), Decimal(0))
    assert billed == Decimal("60.03"), "half of 80.06 in March, 20 in April"


async def test_invoice_of_older_rules_is_rebuilt_by_them(house: House) -> None:
    """Format 2 asked for rates at the very end of a month: what it billed stays what it was."""
    await rates_that_change_in_april(house)
    await house.used_march(60)
    march = await house.issued()

    async def as_of_then(tx: Tx) -> Invoice:
        assert march.cutoff_time is not None
        whole = await store.invoice(tx, march.invoice_id)
        assert whole is not None
        frozen = replace(canonical.statement_from(whole.statement), format=2, advance=None)
        then = await statement_for(tx, march, march.cutoff_time, None, frozen)
        kept = replace(march, statement=canonical.statement_bytes(then), total=then.total)
        await store.save_invoice(tx, kept)
        return kept

    old = await house.do(as_of_then)
    assert str(canonical.statement_from(old.statement).taxes[0].percent) == "20"
    again, data = await house.do(lambda tx: invoicing.rebuild(tx, march.invoice_id))
    assert data == again.statement == old.statement


async def test_amount_off_that_a_month_didnt_use_up_is_taken_off_what_came_late_of_it(house: House) -> None:
    await house.set_up()
    await house.used_march(60)
    now = house.ledger.clock.now()
    off = Coupon(new_id("cpn", now), "OFF-30", "off", Frequency.ONCE, amount=Decimal(30), currency="EUR")
    await house.ledger.db.system(lambda tx: coupons.create_coupon(tx, KeptCoupon(off, None, 0, 0, False, now, 1)))
    await house.ledger.db.system(lambda tx: coupons.redeem(tx, house.ledger.tenant, now, code="OFF-30"))
    await house.issued()
    await house.ledger.tell(call_fact("call_late", 60000, MARCH + 3 * DAY))
    await house.run(MAY + 2 * DAY)
    found = await house.invoices()
    assert [str(each.total) for each in found] == ["0.00", "70.06"], "80.06 less 30, and 20 of April"
    for each in found:
        kept, data = await house.do(lambda tx, each=each: invoicing.rebuild(tx, each.invoice_id))
        assert data == kept.statement

"""Stripe by its own SDK and Lago by HTTP, each against a local double that speaks their shapes."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from billing.collecting import Collector
from billing.domain.invoicing import Invoice, State
from billing.domain.payments import (
    Method,
    NoPaymentProvider,
    Payment,
    PaymentState,
    ProviderUnavailable,
    SignatureWrong,
)
from billing.exporting import Exporter, pause_after
from billing.providers.lago import Lago
from billing.providers.stripe_payments import StripePayments, in_units, of_units
from billing.store import payments as store
from merkez.type.v1 import money_pb2

from .conftest import MARCH
from .http_double import Asked, Double, http_double
from .invoice_house import APRIL, DAY, House, euros
from .test_anchors_move import ACTIVE, plan, stands

SECRET = "whsec_test"
METHOD = Method("stripe", "cus_1", "pm_1", "visa 4242")


@pytest.fixture
def double() -> Iterator[Double]:
    with http_double() as made:
        yield made


@pytest.fixture
def stripe(double: Double, house: House) -> StripePayments:
    return StripePayments(lambda: "sk_test_1", lambda: SECRET, house.ledger.clock.now, double.url)


async def test_a_key_that_was_changed_is_shown_at_the_next_payment_and_event(double: Double, house: House) -> None:
    key, secret = ["sk_test_1"], ["whsec_1"]
    stripe = StripePayments(lambda: key[0], lambda: secret[0], house.ledger.clock.now, double.url)
    for key[0], secret[0] in (("sk_test_1", "whsec_1"), ("sk_test_2", "whsec_2")):
        double.answer("POST /v1/customers", 200, {"id": "cus_1", "object": "customer"})
        await stripe.customer(house.ledger.tenant, "Acme", "")
        assert double.asked[-1].headers["authorization"] == f"Bearer {key[0]}"
        assert (
            await stripe.event(*signed({"id": "evt_1", "object": "event", "data": {"object": {}}}, secret[0])) is None
        )


def a_payment(house: House, **changed: Any) -> Payment:
    values: dict[str, Any] = {
        "payment_id": "pay_1", "tenant_id": house.ledger.tenant, "invoice_id": "ivc_1", "provider": "stripe",
        "reference": "", "amount": euros("20.06"), "currency": "EUR", "state": PaymentState.PENDING,
        "time": house.ledger.clock.now(),
    }  # fmt: skip
    return Payment(**values | changed)


def intent(status: str = "succeeded", **more: Any) -> dict[str, Any]:
    """A payment intent as Stripe shows it."""
    return {"id": "pi_1", "object": "payment_intent", "status": status, "metadata": {}, **more}


def signed(event: dict[str, Any], secret: str = SECRET, age: int = 0) -> tuple[bytes, str]:
    """A body as Stripe signs it (scheme v1)."""
    body, when = json.dumps(event).encode(), int(time.time()) - age
    mark = hmac.new(secret.encode(), f"{when}.".encode() + body, hashlib.sha256).hexdigest()
    return body, f"t={when},v1={mark}"


def succeeded(house: House, payment_id: str, invoice_id: str, event_id: str = "evt_1", units: int = 2006) -> Any:
    """The event that a payment came in."""
    marks = {"merkez_tenant": house.ledger.tenant, "merkez_payment": payment_id, "merkez_invoice": invoice_id}
    about = intent(metadata=marks, amount_received=units, currency="eur")
    return {"id": event_id, "object": "event", "type": "payment_intent.succeeded", "data": {"object": about}}


async def test_payment_is_asked_for_with_its_id_as_the_idempotency_key(
    stripe: Any, double: Double, house: House
) -> None:
    double.answer("POST /v1/payment_intents", 200, intent())
    outcome = await stripe.charge(a_payment(house), METHOD, "MRK-000001")
    [asked] = double.of("/v1/payment_intents")
    assert (outcome.state, outcome.reference) == (PaymentState.SUCCEEDED, "pi_1")
    assert asked.headers["idempotency-key"] == "pay_1" and asked.headers["authorization"] == "Bearer sk_test_1"
    wanted = {
        "amount": "2006", "currency": "eur", "customer": "cus_1", "payment_method": "pm_1", "off_session": "true",
        "confirm": "true", "metadata[merkez_payment]": "pay_1", "metadata[merkez_tenant]": house.ledger.tenant,
    }  # fmt: skip
    assert wanted.items() <= asked.body.items()


async def test_what_the_bank_said_is_told_where_it_helps_and_never_that_a_card_is_thought_stolen(
    stripe: Any, double: Double, house: House
) -> None:
    for said, told in (("insufficient_funds", "insufficient_funds"), ("stolen_card", "card_declined")):
        error = {"type": "card_error", "code": "card_declined", "decline_code": said, "message": "no"}
        double.answer("POST /v1/payment_intents", 402, {"error": error})
        outcome = await stripe.charge(a_payment(house), METHOD, "MRK-000001")
        assert (outcome.state, outcome.failure) == (PaymentState.FAILED, told)


async def test_declined_card_is_a_failure_with_its_code(stripe: Any, double: Double, house: House) -> None:
    error = {
        "type": "card_error",
        "code": "card_declined",
        "message": "no",
        "payment_intent": intent("requires_payment_method"),
    }
    double.answer("POST /v1/payment_intents", 402, {"error": error})
    outcome = await stripe.charge(a_payment(house), METHOD, "MRK-000001")
    assert (outcome.state, outcome.failure, outcome.reference) == (PaymentState.FAILED, "card_declined", "pi_1")


async def test_stripe_that_is_away_leaves_it_open_what_came_of_it(stripe: Any, double: Double, house: House) -> None:
    double.answer("POST /v1/payment_intents", 500, {"error": {"type": "api_error", "message": "down"}})
    with pytest.raises(ProviderUnavailable):
        await stripe.charge(a_payment(house), METHOD, "MRK-000001")
    keys = {each.headers["idempotency-key"] for each in double.of("/v1/payment_intents")}
    assert keys == {"pay_1"}, "the SDK's own retries use the same key"


async def test_old_attempt_is_looked_for_and_never_asked_for_anew(stripe: Any, double: Double, house: House) -> None:
    old = a_payment(house, time=house.ledger.clock.now() - timedelta(days=2))
    listed = {"object": "list", "data": [intent(metadata={"merkez_payment": "pay_1"})], "has_more": False}
    double.answer("GET /v1/payment_intents", 200, listed)
    assert (await stripe.charge(old, METHOD, "MRK-000001")).state is PaymentState.SUCCEEDED
    double.answer("GET /v1/payment_intents", 200, listed | {"data": []})
    assert (await stripe.charge(old, METHOD, "MRK-000001")).failure == "never_asked_for"
    assert not [each for each in double.asked if each.method == "POST"]


async def test_card_is_put_in_on_stripes_page_and_its_event_sets_the_method(
    stripe: Any, double: Double, house: House
) -> None:
    double.answer("POST /v1/customers", 200, {"id": "cus_1", "object": "customer"})
    double.answer("POST /v1/checkout/sessions", 200, {"id": "cs_1", "object": "checkout.session", "url": "https://pay"})
    card = {"id": "pm_1", "object": "payment_method", "type": "card", "card": {"brand": "visa", "last4": "4242"}}
    double.answer("GET /v1/payment_methods/pm_1", 200, card)
    collector = Collector(house.ledger.db, stripe, "https://merkez.example")
    for _ in range(2):
        assert await collector.setup_page(house.ledger.tenant, "req_1") == "https://pay"
    assert len(double.of("/v1/customers")) == 1
    asked = double.of("/v1/checkout/sessions")[0].body
    assert (asked["mode"], asked["cancel_url"]) == ("setup", "https://merkez.example/admin/billing")
    about = {"id": "seti_1", "object": "setup_intent", "customer": "cus_1", "payment_method": "pm_1",
             "metadata": {"merkez_tenant": house.ledger.tenant}}  # fmt: skip
    event = {"id": "evt_2", "object": "event", "type": "setup_intent.succeeded", "data": {"object": about}}
    assert await collector.receive("stripe", *signed(event))
    assert await house.do(lambda tx: store.method(tx, "stripe")) == METHOD


async def test_event_pays_the_invoice_once_however_often_it_is_told(stripe: Any, double: Double, house: House) -> None:
    await house.set_up()
    await house.used_march(60)
    invoice = await house.issued()
    await house.do(lambda tx: store.save_method(tx, METHOD))
    double.answer("POST /v1/payment_intents", 200, intent("processing"))
    collector = Collector(house.ledger.db, stripe)
    waiting = await collector.pay(house.ledger.tenant, invoice.invoice_id)
    assert waiting.state is State.FINALIZED
    [payment] = (await house.whole(invoice.invoice_id)).payments
    body, signature = signed(succeeded(house, payment.payment_id, invoice.invoice_id))
    assert [await collector.receive("stripe", body, signature) for _ in range(3)] == [True, False, False]
    again, mark = signed(succeeded(house, payment.payment_id, invoice.invoice_id, "evt_9"))
    await collector.receive("stripe", again, mark)
    whole = await house.whole(invoice.invoice_id)
    assert (whole.invoice.state, whole.invoice.paid) == (State.PAID, euros("20.06"))
    assert await house.do(store.balances) == {}


@pytest.mark.parametrize("fault", ["secret", "age", "body", "none", "nonsense"])
async def test_event_that_is_not_stripes_is_refused(stripe: Any, house: House, fault: str) -> None:
    event = succeeded(house, "pay_1", "ivc_1")
    body, signature = signed(event, "whsec_other" if fault == "secret" else SECRET, 600 if fault == "age" else 0)
    if fault == "body":
        body = body.replace(b"2006", b"9006")
    if fault in ("none", "nonsense"):
        signature = "" if fault == "none" else "t=x,v1=y"
    with pytest.raises(SignatureWrong):
        await Collector(house.ledger.db, stripe).receive("stripe", body, signature)


async def test_event_of_somebody_elses_payment_changes_nothing(stripe: Any, house: House) -> None:
    event = {"id": "evt_3", "object": "event", "type": "payment_intent.succeeded", "data": {"object": intent()}}
    assert not await Collector(house.ledger.db, stripe).receive("stripe", *signed(event))
    event = succeeded(house, "pay_unknown", "ivc_1", "evt_4")
    assert not await Collector(house.ledger.db, stripe).receive("stripe", *signed(event))


async def test_without_a_provider_everything_but_paying_by_card_works(house: House) -> None:
    collector = Collector(house.ledger.db, None)
    with pytest.raises(NoPaymentProvider):
        await collector.receive("stripe", b"{}", "")
    with pytest.raises(NoPaymentProvider):
        await collector.setup_page(house.ledger.tenant, "req_1")


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [("20.06", "EUR", 2006), ("2000", "JPY", 2000), ("1.230", "KWD", 1230), ("1.234", "KWD", None), ("5", "ISK", 500)],
)
def test_amounts_are_in_stripes_units(amount: str, currency: str, units: int | None) -> None:
    assert in_units(Decimal(amount), currency) == units
    assert units is None or of_units(units, currency) == Decimal(amount)


@pytest.mark.parametrize(
    ("owed", "currency", "asked"),
    [("20.064", "KWD", "20.070"), ("20.060", "KWD", "20.060"), ("0.001", "BHD", "0.010"), ("20.06", "EUR", "20.06"),
     ("2000", "JPY", "2000"), ("5", "ISK", "5"), ("12.50", "MGA", "13.00")],
)  # fmt: skip
def test_card_is_asked_for_the_least_that_pays_what_is_owed(
    stripe: StripePayments, owed: str, currency: str, asked: str
) -> None:
    found = stripe.least(Decimal(owed), currency)
    assert str(found) == asked and in_units(found, currency) is not None


async def test_dinars_of_three_digits_are_charged_in_steps_of_ten_and_the_rest_pays_the_next_invoice(
    stripe: StripePayments, double: Double, house: House
) -> None:
    await house.set_up()
    price = money_pb2.Money(currency="KWD", amount="20.064")
    await house.ledger.tell(plan(price=price, currency="KWD"))
    await house.ledger.tell(stands(1, MARCH, ACTIVE, MARCH))
    await house.run(MARCH + 2 * DAY)
    [invoice] = await house.invoices()
    await house.do(lambda tx: store.save_method(tx, METHOD))
    double.answer("POST /v1/payment_intents", 200, intent())
    paid = await Collector(house.ledger.db, stripe).pay(house.ledger.tenant, invoice.invoice_id)
    assert double.of("/v1/payment_intents")[0].body["amount"] == "20070"
    assert (paid.state, str(paid.paid), str(paid.owed)) == (State.PAID, "20.064", "0.000")
    assert (await house.do(store.balances))["KWD"] == Decimal("0.006")
    await house.run(APRIL + 2 * DAY)
    following = next(each for each in await house.invoices() if each.invoice_id != invoice.invoice_id)
    assert (str(following.total), str(following.owed)) == ("20.064", "20.058")


async def exported(house: House, double: Double) -> tuple[Exporter, Invoice]:
    """An invoice that waits to be sent to Lago."""
    await house.set_up()
    await house.used_march(60, 31)
    invoice = await house.issued()
    return Exporter(house.ledger.rating, Lago(double.url, lambda: "key_1")), invoice


class LagosBooks:
    """What Lago does with what it is sent: an event it knows refuses its whole batch, an invoice is made each time."""

    def __init__(self, double: Double, *, says_places: bool = True) -> None:
        self.events: dict[str, Any] = {}
        self.invoices: list[dict[str, Any]] = []
        self.lost_answers = 0
        self._says_places = says_places
        double.answers |= {
            "POST /api/v1/events/batch": self._take_events, "POST /api/v1/invoices": self._make,
            "PUT /api/v1/invoices/": self._mark, "GET /api/v1/invoices?": self._list,
            "GET /api/v1/invoices/": self._show,
        }  # fmt: skip

    def _take_events(self, asked: Asked) -> tuple[int, Any]:
        sent = asked.body["events"]
        known = [place for place, each in enumerate(sent) if each["transaction_id"] in self.events]
        if known:
            why = {"transaction_id": ["value_already_exist"]}
            return 422, {"error_details": {str(place): why for place in known} if self._says_places else why}
        self.events |= {each["transaction_id"]: each for each in sent}
        return 200, {"events": sent}

    def _make(self, asked: Asked) -> tuple[int, Any]:
        said = asked.body["invoice"]
        assert said["fees"] and "metadata" not in said, "not taken here"
        made = {"lago_id": f"lago_{len(self.invoices)}", "metadata": [], "fees": said["fees"],
                "of": said["external_customer_id"]}  # fmt: skip
        self.invoices.append(made)
        if self.lost_answers:
            self.lost_answers -= 1
            return 504, {}
        return 200, {"invoice": made}

    def _one(self, asked: Asked) -> dict[str, Any]:
        return next(each for each in self.invoices if asked.path.endswith(each["lago_id"]))

    def _mark(self, asked: Asked) -> tuple[int, Any]:
        self._one(asked)["metadata"] += asked.body["invoice"]["metadata"]
        return 200, {"invoice": self._one(asked)}

    def _show(self, asked: Asked) -> tuple[int, Any]:
        return 200, {"invoice": self._one(asked)}

    def _list(self, asked: Asked) -> tuple[int, Any]:
        mine = [each for each in self.invoices if f"external_customer_id={each['of']}" in asked.path]
        page = int(asked.path.split("page=")[1].split("&")[0])
        following = page + 1 if page < len(mine) else None
        shown = [{name: each[name] for name in ("lago_id", "metadata")} for each in mine[page - 1 : page]]
        return 200, {"invoices": shown, "meta": {"next_page": following}}


async def test_invoice_and_its_usage_are_sent_to_lago_once(double: Double, house: House) -> None:
    exporter, invoice = await exported(house, double)
    lago = LagosBooks(double)
    for _ in range(2):
        await exporter.export_due()
    [events] = double.of("/api/v1/events/batch")
    assert events.headers["authorization"] == "Bearer key_1"
    sent = events.body["events"]
    assert [(each["code"], each["properties"]["quantity"]) for each in sent] == [
        ("voice_inbound_minute", "1"), ("voice_inbound_minute", "0.6"),
    ]  # fmt: skip
    assert sent[0]["external_subscription_id"] == house.ledger.tenant and sent[0]["transaction_id"].startswith("usg_")
    [made] = lago.invoices
    assert sum(fee["unit_amount_cents"] for fee in made["fees"]) == int(invoice.total * 100)
    assert {"key": "merkez_number", "value": "MRK-000001"} in made["metadata"]


async def test_lago_that_is_away_gets_it_later(double: Double, house: House) -> None:
    exporter, _ = await exported(house, double)
    double.answer("POST /api/v1/events/batch", 503, {})
    await exporter.export_due()
    await exporter.export_due()
    assert len(double.asked) == 1, "not before its pause is over"
    lago = LagosBooks(double)
    house.go_to(APRIL + 3 * DAY)
    await exporter.export_due()
    assert len(lago.invoices) == 1 and len(lago.events) == 2


async def test_invoice_whose_answer_was_lost_is_in_lago_once(double: Double, house: House) -> None:
    exporter, invoice = await exported(house, double)
    lago = LagosBooks(double)
    lago.invoices = [{"lago_id": f"other_{n}", "metadata": [], "fees": [], "of": house.ledger.tenant} for n in range(2)]
    lago.lost_answers = 1
    await exporter.export_due()
    house.go_to(APRIL + 3 * DAY)
    await exporter.export_due()
    assert len(lago.invoices) == 3
    assert {"key": "merkez_invoice", "value": invoice.invoice_id} in lago.invoices[-1]["metadata"]


@pytest.mark.parametrize("says_places", [True, False])
async def test_event_that_lago_knows_keeps_none_of_the_others_from_it(
    double: Double, house: House, *, says_places: bool
) -> None:
    """Lago takes a batch whole or not at all."""
    await house.set_up()
    await house.used_march(*range(60, 68))
    await house.issued()
    lago = LagosBooks(double, says_places=says_places)
    records = await house.ledger.usage()
    lago.events = {records[place].usage_record_id: {} for place in (1, 4, 5)}
    await Exporter(house.ledger.rating, Lago(double.url, lambda: "key_1")).export_due()
    assert set(lago.events) == {each.usage_record_id for each in records} and len(lago.invoices) == 1


async def test_invoice_that_two_export_at_once_is_sent_by_one(double: Double, house: House) -> None:
    exporter, _ = await exported(house, double)
    twin, lago = Exporter(house.ledger.rating, Lago(double.url, lambda: "key_1")), LagosBooks(double)
    await asyncio.gather(exporter.export_due(), twin.export_due())
    assert len(lago.invoices) == 1 and len(double.of("/api/v1/events/batch")) == 1


async def test_invoice_of_nothing_is_done_with_and_asks_lago_nothing(double: Double, house: House) -> None:
    await house.set_up()
    await house.ledger.tell(plan())
    await house.issued()
    exporter = Exporter(house.ledger.rating, Lago(double.url, lambda: "key_1"))
    await exporter.export_due()
    house.go_to(APRIL + 30 * DAY)
    await exporter.export_due()
    assert double.asked == []


def test_pauses_grow_to_six_hours() -> None:
    assert [pause_after(each) // timedelta(minutes=1) for each in (1, 2, 3, 20)] == [1, 2, 4, 360]

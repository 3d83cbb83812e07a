"""Stripe, by its own SDK: customers, a hosted page that puts a card in, payments while nobody is there, signed events.

Cards never pass through here. What we call a payment is Stripe's idempotency key and stands in its metadata, so an
event leads back to it and a repeated call charges nobody twice.
"""

from __future__ import annotations

import hashlib
from calendar import timegm
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Any

import stripe
from chassis.telemetry import log
from kernel.money import minor_digits

from billing.domain.payments import (
    STRIPE,
    Method,
    Outcome,
    Payment,
    PaymentState,
    ProviderEvent,
    ProviderUnavailable,
    SignatureWrong,
)

_TENANT, _INVOICE, _PAYMENT = "merkez_tenant", "merkez_invoice", "merkez_payment"
_KEYS_LAST = timedelta(hours=20)
"""Stripe forgets idempotency keys after 24 hours: what is older is looked for instead of being asked for again."""
_AS_HUNDREDTHS = ("ISK", "UGX")
"""Currencies without minor units that Stripe wants in hundredths all the same."""
_WHOLE = ("MGA",)
"""Currencies with minor units that Stripe wants without."""
_TELLING = (
    "insufficient_funds", "expired_card", "card_not_supported", "currency_not_supported", "authentication_required",
    "card_velocity_exceeded", "withdrawal_count_limit_exceeded", "processing_error",
)  # fmt: skip
"""Reasons of banks that tell who pays what to do."""
_KINDS = {"payment_intent.succeeded": "payment_succeeded", "payment_intent.payment_failed": "payment_failed"}


class StripePayments:
    """The payment provider `stripe`."""

    name = STRIPE

    def __init__(
        self, api_key: Callable[[], str], webhook_secret: Callable[[], str], now: Callable[[], datetime],
        api_base: str = "",
    ) -> None:  # fmt: skip
        self._addresses: Any = {"api": api_base} if api_base else None
        self._http = stripe.HTTPXClient(timeout=20)
        self._key, self._secret = api_key, webhook_secret
        self._now = now

    @property
    def _client(self) -> stripe.StripeClient:
        return stripe.StripeClient(
            self._key(), base_addresses=self._addresses, max_network_retries=2, http_client=self._http
        )

    async def customer(self, tenant_id: str, name: str, email: str) -> str:
        """The customer this company is at Stripe; made when it is none yet."""
        values: Any = {"metadata": {_TENANT: tenant_id}}
        values |= {key: value for key, value in (("name", name), ("email", email)) if value}
        # The key is of what is asked for too: Stripe refuses one that comes again with another body.
        said = hashlib.sha256(f"{name}|{email}".encode()).hexdigest()[:16]
        made = await _asked(self._client.v1.customers.create_async(values, _key(f"customer-{tenant_id}-{said}")))
        return made.id

    async def setup_page(self, tenant_id: str, customer_id: str, back_to: str, request_id: str) -> str:
        """Address of Stripe's page where a card is put in."""
        marks = {_TENANT: tenant_id}
        values: Any = {
            "mode": "setup", "customer": customer_id, "payment_method_types": ["card"],
            "success_url": f"{back_to}?method=saved", "cancel_url": back_to, "metadata": marks,
            "setup_intent_data": {"metadata": marks},
        }  # fmt: skip
        key = _key(f"setup-{tenant_id}-{request_id}")
        session = await _asked(self._client.v1.checkout.sessions.create_async(values, key))
        return session.url or ""

    def least(self, amount: Decimal, currency: str) -> Decimal:
        """The least Stripe takes that isn't less than the amount."""
        step = Decimal(_step(currency)).scaleb(-_digits(currency))
        steps = (amount / step).to_integral_value(ROUND_CEILING)
        return (steps * step).quantize(Decimal(1).scaleb(-minor_digits(currency)))

    async def charge(self, payment: Payment, method: Method, number: str) -> Outcome:
        """Takes the payment from the card on file, or finds out what became of it."""
        if payment.reference:
            return _outcome(await _asked(self._client.v1.payment_intents.retrieve_async(payment.reference)))
        if self._now() - payment.time > _KEYS_LAST:
            return await self._look_for(payment, method)
        units = in_units(payment.amount, payment.currency)
        if units is None:
            return Outcome(PaymentState.FAILED, "", "amount_not_chargeable")
        values: Any = {
            "amount": units, "currency": payment.currency.lower(), "customer": method.customer_id,
            "payment_method": method.method_id, "off_session": True, "confirm": True, "description": number,
            "metadata": {_TENANT: payment.tenant_id, _INVOICE: payment.invoice_id, _PAYMENT: payment.payment_id},
        }  # fmt: skip
        asking = self._client.v1.payment_intents.create_async(values, _key(payment.payment_id))
        try:
            return _outcome(await _asked(asking))
        except stripe.CardError as error:
            return Outcome(
                PaymentState.FAILED,
                _intent_of(error),
                _why(_body_of(error), error.code or "card_declined"),
            )
        except stripe.InvalidRequestError as error:
            log.error("Stripe refused a payment as malformed", code=error.code or "", payment_id=payment.payment_id)
            return Outcome(PaymentState.FAILED, "", error.code or "invalid_request")

    async def event(self, payload: bytes, signature: str) -> ProviderEvent | None:
        """What Stripe tells, once its signature is verified and it isn't older than five minutes."""
        try:
            event = stripe.Webhook.construct_event(payload, signature, self._secret())
        except (ValueError, stripe.SignatureVerificationError) as error:
            raise SignatureWrong("The event isn't signed by the payment provider, or is too old.") from error
        about = _plain(event.data.object)
        marks = dict(about.get("metadata") or {})
        tenant_id = marks.get(_TENANT, "")
        if not tenant_id:
            return None
        if event.type == "setup_intent.succeeded":
            method_id = about.get("payment_method") or ""
            method = Method(STRIPE, about.get("customer") or "", method_id, await self._label(method_id))
            return ProviderEvent(event.id, tenant_id, "method_set", method=method)
        kind = _KINDS.get(event.type)
        if kind is None:
            return None
        error: Any = about.get("last_payment_error") or {}
        currency = str(about.get("currency") or "").upper()
        return ProviderEvent(
            event.id, tenant_id, kind, invoice_id=marks.get(_INVOICE, ""), payment_id=marks.get(_PAYMENT, ""),
            reference=about.get("id") or "", amount=of_units(int(about.get("amount_received") or 0), currency),
            currency=currency, failure=_why(error, "") if kind == "payment_failed" else "",
        )  # fmt: skip

    async def _look_for(self, payment: Payment, method: Method) -> Outcome:
        since = timegm(payment.time.utctimetuple()) - 60
        values: Any = {"customer": method.customer_id, "created": {"gte": since}, "limit": 100}
        found = await _asked(self._client.v1.payment_intents.list_async(values))
        for intent in found.data:
            if (_plain(intent).get("metadata") or {}).get(_PAYMENT) == payment.payment_id:
                return _outcome(intent)
        return Outcome(PaymentState.FAILED, "", "never_asked_for")

    async def _label(self, method_id: str) -> str:
        if not method_id:
            return ""
        found = _plain(await _asked(self._client.v1.payment_methods.retrieve_async(method_id)))
        card = found.get("card")
        return f"{card['brand']} {card['last4']}" if card else str(found.get("type") or "")


def in_units(amount: Decimal, currency: str) -> int | None:
    """The amount in Stripe's smallest units; None for one it can't take: of three digits it wants the last one 0, of
    what it takes whole nothing after the point."""
    digits = _digits(currency)
    exact = amount.scaleb(digits)
    units = int(exact)
    return None if units != exact or units % _step(currency) else units


def of_units(units: int, currency: str) -> Decimal:
    """What so many of Stripe's smallest units are."""
    return Decimal(units).scaleb(-_digits(currency)).quantize(Decimal(1).scaleb(-minor_digits(currency)))


def _digits(currency: str) -> int:
    """After the point in Stripe's smallest unit."""
    if currency in _WHOLE:
        return 0
    return 2 if currency in _AS_HUNDREDTHS else minor_digits(currency)


def _step(currency: str) -> int:
    """Of how many of Stripe's smallest units an amount is a multiple: of three digits the last one has to be 0."""
    return 10 if _digits(currency) == 3 else 1


def _key(value: str) -> Any:
    return {"idempotency_key": value}


async def _asked(answer: Any) -> Any:
    """Stripe's answer. Raises `ProviderUnavailable` when it isn't known what came of it."""
    try:
        return await answer
    except (stripe.CardError, stripe.InvalidRequestError):
        raise
    except stripe.StripeError as error:
        log.warning("Stripe can't be asked", kind=type(error).__name__)
        raise ProviderUnavailable("The payment provider can't be reached now: try again later.") from error


def _outcome(intent: Any) -> Outcome:
    if intent.status == "succeeded":
        return Outcome(PaymentState.SUCCEEDED, intent.id)
    if intent.status == "processing":
        return Outcome(PaymentState.PENDING, intent.id)
    error = _plain(intent).get("last_payment_error") or {}
    return Outcome(PaymentState.FAILED, intent.id, _why(error, intent.status))


def _why(error: Mapping[str, Any], otherwise: str) -> str:
    """Why a card was refused: what the bank said where that helps who pays, else Stripe's code. That a card is thought
    stolen or the payment a fraud isn't told, as Stripe asks."""
    said = str(error.get("decline_code") or "")
    return said if said in _TELLING else str(error.get("code") or otherwise)


def _plain(value: Any) -> dict[str, Any]:
    return value.to_dict()


def _intent_of(error: stripe.CardError) -> str:
    return (_body_of(error).get("payment_intent") or {}).get("id") or ""


def _body_of(error: stripe.CardError) -> dict[str, Any]:
    body: Any = error.json_body or {}
    return body.get("error") or {}

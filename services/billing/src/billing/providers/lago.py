"""Lago (https://getlago.com): usage as events, finalized invoices as one-off invoices, over its REST API.

Lago takes a `transaction_id` once, and a batch of events whole or not at all: of one that has known events in it the
others are sent again. A one-off invoice has no id of its maker's: before one is made those of the customer are looked
through for ours, which each fee's description has in it, and afterwards the metadata.
"""

from __future__ import annotations

from calendar import timegm
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import httpx
from kernel.money import minor_digits

from billing.domain.invoicing import Invoice
from billing.domain.payments import ProviderUnavailable
from billing.domain.statements import Statement
from billing.domain.usage import UsageRecord
from billing.money_proto import shown

NAME = "lago"
_BATCH = 100
_EVENTS, _INVOICES = "/api/v1/events/batch", "/api/v1/invoices"
_KNOWN = "value_already_exist"
_MARK = "merkez_invoice"
_DIALLED = "number"
"""A property of calls: who was called stays here."""
_ZONES = timedelta(days=1)
"""Lago dates an invoice by the customer's zone."""


class Lago:
    """One Lago installation."""

    def __init__(self, url: str, api_key: Callable[[], str]) -> None:
        self._client = httpx.AsyncClient(base_url=url.rstrip("/"), timeout=20)
        self._key = api_key

    async def close(self) -> None:
        """Lets its connections go."""
        await self._client.aclose()

    async def send_usage(self, tenant_id: str, records: Sequence[UsageRecord]) -> None:
        """Sends usage records as events, in batches. Raises `ProviderUnavailable`."""
        for first in range(0, len(records), _BATCH):
            await self._send([event_of(tenant_id, record) for record in records[first : first + _BATCH]])

    async def send_invoice(self, invoice: Invoice, statement: Statement) -> None:
        """Sends a finalized invoice, once however often it is asked; one without lines is none in Lago. Raises
        `ProviderUnavailable`."""
        if not statement.lines:
            return
        lago_id, marked = await self._find(invoice)
        if not lago_id:
            made = _read(await self._ask("POST", _INVOICES, json={"invoice": invoice_of(invoice, statement)}))
            lago_id = str(made.get("invoice", {}).get("lago_id") or "")
        if lago_id and not marked:
            marks = [{"key": _MARK, "value": invoice.invoice_id}, {"key": "merkez_number", "value": invoice.number}]
            _read(await self._ask("PUT", f"{_INVOICES}/{lago_id}", json={"invoice": {"metadata": marks}}))

    async def _send(self, events: Sequence[dict[str, Any]]) -> None:
        answer = await self._ask("POST", _EVENTS, json={"events": list(events)})
        if answer.status_code != 422 or _KNOWN not in answer.text:
            _read(answer)
            return
        # Nothing of the batch was taken. What is known is said by its place; by a Lago that doesn't, it is halved.
        known = _places(answer)
        rest = [event for place, event in enumerate(events) if place not in known]
        if not rest or len(events) == 1:
            return
        half = len(events) // 2
        for part in [rest] if known else [events[:half], events[half:]]:
            await self._send(part)

    async def _find(self, invoice: Invoice) -> tuple[str, bool]:
        """Lago's id of an invoice that was made already, empty for none, and whether its metadata say so: the answer
        may have been lost, or whoever asked died."""
        since = invoice.issue_time - _ZONES if invoice.issue_time else None
        page: Any = 1
        while page:
            asked = {"external_customer_id": invoice.tenant_id, "page": str(page), "per_page": str(_BATCH)}
            asked |= {"issuing_date_from": since.date().isoformat()} if since else {}
            found = _read(await self._ask("GET", _INVOICES, params=asked))
            for each in found.get("invoices", []):
                of = next((one["value"] for one in each.get("metadata") or () if one.get("key") == _MARK), "")
                if of == invoice.invoice_id:
                    return each["lago_id"], True
                if not of and await self._is(each["lago_id"], invoice):
                    return each["lago_id"], False
            page = (found.get("meta") or {}).get("next_page")
        return "", False

    async def _is(self, lago_id: str, invoice: Invoice) -> bool:
        found = _read(await self._ask("GET", f"{_INVOICES}/{lago_id}")).get("invoice", {})
        return any(invoice.invoice_id in str(fee.get("description") or "") for fee in found.get("fees") or ())

    async def _ask(self, method: str, path: str, **values: Any) -> httpx.Response:
        try:
            headers = {"Authorization": f"Bearer {self._key()}"}
            return await self._client.request(method, path, headers=headers, **values)
        except httpx.HTTPError as error:
            raise ProviderUnavailable("Lago can't be reached.") from error


def _read(answer: httpx.Response) -> dict[str, Any]:
    """What Lago answered. Raises `ProviderUnavailable`."""
    if answer.is_error:
        raise ProviderUnavailable(f"Lago answered {answer.status_code}.")
    try:
        found = answer.json() if answer.content else {}
    except ValueError as error:
        raise ProviderUnavailable("Lago answered what can't be read.") from error
    return found if isinstance(found, dict) else {}


def _places(answer: httpx.Response) -> set[int]:
    """Which events of a batch Lago knows, by their place in it, where it says."""
    try:
        told = answer.json().get("error_details")
    except (ValueError, AttributeError):
        return set()
    places = told.items() if isinstance(told, dict) else ()
    return {int(place) for place, why in places if str(place).isdigit() and _KNOWN in str(why)}


def event_of(tenant_id: str, record: UsageRecord) -> dict[str, Any]:
    """A usage record as Lago's event."""
    return {
        "transaction_id": record.usage_record_id,
        "external_subscription_id": tenant_id,
        "code": record.meter,
        "timestamp": str(timegm(record.usage_time.utctimetuple())),
        "properties": {
            **{name: value for name, value in record.properties.items() if name != _DIALLED},
            "quantity": shown(record.quantity), "source": record.source, "source_id": record.source_id,
            "seconds": record.used_seconds, "billed_seconds": record.billed_seconds, "brand_id": record.brand_id,
        },
    }  # fmt: skip


def invoice_of(invoice: Invoice, statement: Statement) -> dict[str, Any]:
    """A finalized invoice as Lago's one-off invoice: a fee for each line, at its whole amount."""
    digits = minor_digits(statement.currency)
    return {
        "external_customer_id": invoice.tenant_id,
        "currency": statement.currency,
        "fees": [
            {
                "add_on_code": line.meter or line.kind.value, "units": "1",
                "unit_amount_cents": int((line.amount - line.discount).scaleb(digits)),
                "description": f"{invoice.number} {line.description_key} {shown(line.quantity)} {invoice.invoice_id}",
                "tax_codes": [tax.tax_code for tax in statement.taxes if tax.falls_on(line)],
            }
            for line in statement.lines
        ],
    }  # fmt: skip

"""Lago (https://getlago.com): usage as events, finalized invoices as one-off invoices, over its REST API.

Everything sent has an id of ours, which Lago takes once: `transaction_id` of an event, `external_id` in an invoice's
metadata.
"""

from __future__ import annotations

from calendar import timegm
from collections.abc import Callable, Sequence
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
            events = [event_of(tenant_id, record) for record in records[first : first + _BATCH]]
            await self._post("/api/v1/events/batch", {"events": events})

    async def send_invoice(self, invoice: Invoice, statement: Statement) -> None:
        """Sends a finalized invoice. Raises `ProviderUnavailable`."""
        await self._post("/api/v1/invoices", {"invoice": invoice_of(invoice, statement)})

    async def _post(self, path: str, body: dict[str, Any]) -> None:
        try:
            answer = await self._client.post(path, json=body, headers={"Authorization": f"Bearer {self._key()}"})
        except httpx.HTTPError as error:
            raise ProviderUnavailable("Lago can't be reached.") from error
        # What it has already, it says with 422 and this code: then nothing is left to do.
        if answer.status_code == 422 and "value_already_exist" in answer.text:
            return
        if answer.is_error:
            raise ProviderUnavailable(f"Lago answered {answer.status_code}.")


def event_of(tenant_id: str, record: UsageRecord) -> dict[str, Any]:
    """A usage record as Lago's event."""
    return {
        "transaction_id": record.usage_record_id,
        "external_subscription_id": tenant_id,
        "code": record.meter,
        "timestamp": str(timegm(record.usage_time.utctimetuple())),
        "properties": {
            "source": record.source, "source_id": record.source_id, "seconds": record.used_seconds,
            "billed_seconds": record.billed_seconds, "brand_id": record.brand_id,
        },
    }  # fmt: skip


def invoice_of(invoice: Invoice, statement: Statement) -> dict[str, Any]:
    """A finalized invoice as Lago's one-off invoice: a fee for each line, at its whole amount."""
    digits = minor_digits(statement.currency)
    return {
        "external_customer_id": invoice.tenant_id,
        "currency": statement.currency,
        "metadata": [{"key": "merkez_invoice", "value": invoice.invoice_id},
                     {"key": "merkez_number", "value": invoice.number}],
        "fees": [
            {
                "add_on_code": line.meter or line.kind.value, "units": "1",
                "unit_amount_cents": int((line.amount - line.discount).scaleb(digits)),
                "description": f"{line.description_key} {shown(line.quantity)}".strip(),
                "tax_codes": [tax.tax_code for tax in statement.taxes if tax.falls_on(line)],
            }
            for line in statement.lines
        ],
    }  # fmt: skip

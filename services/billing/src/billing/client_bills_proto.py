"""Between the contract's messages and the domain's values: what a company bills its clients."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from chassis.instants import time_out
from merkez.billing.v1 import client_bill_pb2, resale_service_pb2

from billing import invoices_proto as proto
from billing.domain.client_bills import (
    BrandLine,
    BrandStatement,
    ClientAccount,
    ClientBill,
    PriceList,
    PriceRule,
    Sender,
)
from billing.domain.money import exact
from billing.domain.parties import BillingProfile, LegalEntity
from billing.money_proto import money, shown

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def price_list_in(value: client_bill_pb2.PriceList) -> PriceList:
    """A price list as somebody wants it. Raises `AmountInvalid`."""
    at = "price_list"
    rules = [
        PriceRule(
            rule.meter,
            exact(rule.markup_percent, f"{at}.rules[{place}].markup_percent", digits=4, places=6, negative=True)
            if rule.markup_percent else None,
            exact(rule.unit_price, f"{at}.rules[{place}].unit_price") if rule.unit_price else None,
        )
        for place, rule in enumerate(value.rules)
    ]  # fmt: skip
    fee = exact(value.period_fee or "0", f"{at}.period_fee", places=4)
    return PriceList(value.price_list_id, 0, value.name, value.currency, tuple(rules), fee, _EPOCH)


def price_list_out(value: PriceList) -> client_bill_pb2.PriceList:
    """A price list as the contract shows it."""
    return client_bill_pb2.PriceList(
        price_list_id=value.price_list_id, version=value.version, name=value.name, currency=value.currency,
        rules=[
            client_bill_pb2.PriceRule(
                meter=rule.meter, markup_percent=_plain(rule.markup_percent), unit_price=_plain(rule.unit_price)
            )
            for rule in value.rules
        ],
        period_fee=_plain(value.period_fee or None), create_time=time_out(value.create_time),
    )  # fmt: skip


def sender_in(value: client_bill_pb2.BillSender) -> LegalEntity:
    """Who shall send bills."""
    return LegalEntity(
        "", value.name, proto.address_in(value.address), value.number_prefix, "", tax_id=value.tax_id,
        payment_instructions=value.payment_instructions,
    )  # fmt: skip


def sender_out(value: Sender | None) -> client_bill_pb2.BillSender:
    """Who sends bills."""
    if value is None:
        return client_bill_pb2.BillSender()
    entity = value.entity
    return client_bill_pb2.BillSender(
        name=entity.name, address=proto.address_out(entity.address), tax_id=entity.tax_id,
        payment_instructions=entity.payment_instructions, number_prefix=entity.number_prefix,
        next_number=value.next_number, version=value.version,
    )  # fmt: skip


def account_in(value: client_bill_pb2.BrandAccount) -> ClientAccount:
    """How a client shall be billed. Raises `AmountInvalid`."""
    return ClientAccount(value.brand_id, value.price_list_id, *_billed(value))


def resale_account_in(value: resale_service_pb2.ResaleAccount) -> ClientAccount:
    """How a resold company shall be billed. Raises `AmountInvalid`."""
    return ClientAccount(value.tenant_id, "", *_billed(value))


def _billed(
    value: client_bill_pb2.BrandAccount | resale_service_pb2.ResaleAccount,
) -> tuple[BillingProfile, str, Decimal]:
    percent = exact(value.tax_percent or "0", "account.tax_percent", digits=3, places=4)
    buyer = replace(proto.profile_in(value.buyer), payment_terms_days=value.payment_terms_days)
    return buyer, value.tax_name.strip(), percent


def resale_account_out(value: ClientAccount) -> resale_service_pb2.ResaleAccount:
    """How a resold company is billed."""
    return resale_service_pb2.ResaleAccount(
        tenant_id=value.client_id, buyer=proto.profile_out(value.buyer),
        payment_terms_days=value.buyer.payment_terms_days, tax_name=value.tax_name,
        tax_percent=_plain(value.tax_percent or None), version=value.version,
    )  # fmt: skip


def account_out(value: ClientAccount) -> client_bill_pb2.BrandAccount:
    """How a client is billed."""
    return client_bill_pb2.BrandAccount(
        brand_id=value.client_id, price_list_id=value.price_list_id, buyer=proto.profile_out(value.buyer),
        payment_terms_days=value.buyer.payment_terms_days, tax_name=value.tax_name,
        tax_percent=_plain(value.tax_percent or None), version=value.version,
    )  # fmt: skip


def statement_out(value: BrandStatement) -> client_bill_pb2.BrandStatement:
    """A brand's period as the contract shows it."""
    billed, currency = value.prices is not None, value.currency
    found = client_bill_pb2.BrandStatement(
        brand_id=value.brand_id, lines=[line_out(each, currency, billed) for each in value.lines],
        cost=money(_sum(each.cost for each in value.lines), currency),
        price_list_version=value.prices.version if value.prices else 0,
        client_bill_id=value.bill.client_bill_id if value.bill else "", brand_name=value.name,
    )  # fmt: skip
    if billed:
        found.price.CopyFrom(money(_sum(each.own.amount for each in value.lines), currency))
    return found


def bill_out(value: ClientBill) -> client_bill_pb2.ClientBill:
    """A bill as the contract shows it."""
    client = "brand_id" if value.is_of_brand else "tenant_id"
    return client_bill_pb2.ClientBill(
        client_bill_id=value.client_bill_id, number=value.number, client_name=value.names.get(value.client_id, ""),
        state=client_bill_pb2.ClientBillState.Value(f"CLIENT_BILL_STATE_{value.state.value}"),
        period_start_time=time_out(value.start_time), period_end_time=time_out(value.end_time),
        issue_time=time_out(value.issue_time), due_time=time_out(value.due_time), price_list_id=value.price_list_id,
        price_list_version=value.price_list_version, subtotal=money(value.subtotal, value.currency),
        total=money(value.total, value.currency), cost=money(value.cost, value.currency), digest=value.digest,
        void_reason=value.void_reason, version=value.version, **{client: value.client_id},
    )  # fmt: skip


def line_out(value: BrandLine, currency: str, billed: bool) -> client_bill_pb2.BrandLine:
    """A line with its cost, and its price once it is billed by a list."""
    own = value.own
    found = client_bill_pb2.BrandLine(
        line_id=own.line_id, meter=own.meter, rate_id=own.rate_id, kind=own.kind.value, quantity=shown(own.quantity),
        cost=money(value.cost, currency),
    )  # fmt: skip
    if billed:
        found.price.CopyFrom(money(own.amount, currency))
    return found


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


def _plain(value: Decimal | None) -> str:
    return "" if value is None else f"{value:f}"

"""Tables of what a company bills its clients. A client is a brand, or a company that is resold: `brand_id` of accounts
and bills holds either's id."""

from __future__ import annotations

from chassis.sql import Json, Time, tenant_table
from sqlalchemy import BigInteger, Column, LargeBinary, Numeric, Text

from billing.store.tables import metadata


def _text(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, Text, primary_key=True) if key else Column(name, Text, nullable=False)


def _time(name: str, *, optional: bool = False) -> Column[object]:
    return Column(name, Time, nullable=optional)


def _count(name: str, *, key: bool = False) -> Column[int]:
    return Column(name, BigInteger, primary_key=key, nullable=False, autoincrement=False)


def _amount(name: str) -> Column[object]:
    return Column(name, Numeric, nullable=False)


price_lists = tenant_table(
    "price_lists", metadata, _text("price_list_id", key=True), _count("version", key=True), _text("name"),
    _text("currency"), Column("rules", Json, nullable=False), _amount("period_fee"), _time("create_time"),
)  # fmt: skip
bill_senders = tenant_table(
    "bill_senders", metadata, Column("entity", Json, nullable=False), _count("next_number"), _count("version")
)
brand_accounts = tenant_table(
    "brand_accounts", metadata, _text("brand_id", key=True), _text("price_list_id"),
    Column("buyer", Json, nullable=False), _text("tax_name"), _amount("tax_percent"), _count("version"),
)  # fmt: skip
client_bills = tenant_table(
    "client_bills", metadata, _text("client_bill_id", key=True), _text("brand_id"), _text("state"), _time("start_time"),
    _time("end_time"), _time("cutoff_time"), _text("time_zone"), _text("number"), _count("sequence"),
    _time("issue_time"), _time("due_time"), _text("price_list_id"), _count("price_list_version"), _text("currency"),
    Column("statement", LargeBinary, nullable=False), _text("digest"), _amount("subtotal"), _amount("total"),
    _amount("cost"), Column("seller", Json, nullable=False), Column("buyer", Json, nullable=False),
    _time("void_time", optional=True), _text("void_reason"), _count("version"),
    Column("names", Json, nullable=False),
)  # fmt: skip
resales = tenant_table(
    "resales", metadata, Column("start_time", Time, primary_key=True), _text("reseller_id"), _text("wholesale_list_id"),
    _count("version"),
)  # fmt: skip
resold_periods = tenant_table(
    "resold_periods", metadata, Column("start_time", Time, primary_key=True), _time("end_time"), _text("reseller_id"),
    _text("wholesale_list_id"), _time("record_time"), _text("time_zone"),
)  # fmt: skip
wholesale_accounts = tenant_table("wholesale_accounts", metadata, _time("last_end_time"))
resale_prices = tenant_table(
    "resale_prices", metadata, _text("customer_id", key=True), _text("price_list_id"), _count("version")
)

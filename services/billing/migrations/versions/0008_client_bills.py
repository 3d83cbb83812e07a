"""What companies bill the clients whose brands they serve: price lists, how each is billed, bills."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table
from chassis.sql import Json, Time

revision = "billing_0008"
down_revision = "billing_0007"
SCHEMA = "billing"


def text(name: str, *, key: bool = False) -> sa.Column:
    return sa.Column(name, sa.Text, primary_key=True) if key else sa.Column(name, sa.Text, nullable=False)


def time(name: str, *, optional: bool = False) -> sa.Column:
    return sa.Column(name, Time, nullable=optional)


def count(name: str, *, key: bool = False) -> sa.Column:
    return sa.Column(name, sa.BigInteger, primary_key=key, nullable=False, autoincrement=False)


def amount(name: str) -> sa.Column:
    return sa.Column(name, sa.Numeric, nullable=False)


def json(name: str) -> sa.Column:
    return sa.Column(name, Json, nullable=False)


def upgrade() -> None:
    create_tenant_table(
        op, SCHEMA, "price_lists", text("price_list_id", key=True), count("version", key=True), text("name"),
        text("currency"), json("rules"), amount("period_fee"), time("create_time"),
    )  # fmt: skip
    create_tenant_table(op, SCHEMA, "bill_senders", json("entity"), count("next_number"), count("version"))
    create_tenant_table(
        op, SCHEMA, "brand_accounts", text("brand_id", key=True), text("price_list_id"), json("buyer"),
        text("tax_name"), amount("tax_percent"), count("version"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "client_bills", text("client_bill_id", key=True), text("brand_id"), text("state"),
        time("start_time"), time("end_time"), time("cutoff_time"), text("time_zone"), text("number"), count("sequence"),
        time("issue_time"), time("due_time"), text("price_list_id"), count("price_list_version"), text("currency"),
        sa.Column("statement", sa.LargeBinary, nullable=False), text("digest"), amount("subtotal"), amount("total"),
        amount("cost"), json("seller"), json("buyer"), time("void_time", optional=True), text("void_reason"),
        count("version"), sa.UniqueConstraint("tenant_id", "sequence", name="client_bills_sequence"),
        sa.Index("client_bills_by_brand", "tenant_id", "brand_id", "start_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "resales", sa.Column("start_time", Time, primary_key=True), text("reseller_id"),
        text("wholesale_list_id"), count("version"), sa.Index("resales_by_reseller", "tenant_id", "reseller_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "resale_prices", text("customer_id", key=True), text("price_list_id"), count("version")
    )

"""Customers, their addresses and their history."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_standard_tables, create_tenant_table
from chassis.sql import Json, Time

revision = "engagement_0001"
down_revision = None
SCHEMA = "engagement"


def upgrade() -> None:
    create_standard_tables(op, SCHEMA)
    create_tenant_table(
        op, SCHEMA, "customers",
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("brand_id", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("search_text", sa.Text, nullable=False),
        sa.Column("attributes", Json, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Column("update_time", Time, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Index("customers_by_create_time", "tenant_id", "create_time", "customer_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "customer_addresses",
        sa.Column("brand_id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("address", sa.Text, primary_key=True),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Index("addresses_by_customer", "tenant_id", "customer_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "history",
        sa.Column("history_entry_id", sa.Text, primary_key=True),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("contact_id", sa.Text),
        sa.Column("contact_version", sa.BigInteger, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("queue_id", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("disposition_id", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("attributes", Json, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.UniqueConstraint("tenant_id", "contact_id"),
        sa.Index("history_by_customer", "tenant_id", "customer_id", "create_time", "history_entry_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "call_notes",
        sa.Column("call_id", sa.Text, primary_key=True),
        sa.Column("talk_seconds", sa.BigInteger),
        sa.Column("recording_id", sa.Text),
    )  # fmt: skip

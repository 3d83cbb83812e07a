"""Invoices that are issued, payments, credit notes, reminders, legal entities."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_platform_table, create_tenant_table
from chassis.sql import Json, Time

revision = "billing_0005"
down_revision = "billing_0004"
SCHEMA = "billing"


def upgrade() -> None:
    create_tenant_table(
        op, SCHEMA, "invoices",
        sa.Column("invoice_id", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("start_time", Time, nullable=False),
        sa.Column("end_time", Time, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("subtotal", sa.Numeric, nullable=False),
        sa.Column("total", sa.Numeric, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("legal_entity_id", sa.Text, nullable=False),
        sa.Column("cutoff_time", Time),
        sa.Column("issue_time", Time),
        sa.Column("due_time", Time),
        sa.Column("paid_time", Time),
        sa.Column("void_time", Time),
        sa.Column("void_reason", sa.Text, nullable=False),
        sa.Column("paid", sa.Numeric, nullable=False),
        sa.Column("credited", sa.Numeric, nullable=False),
        sa.Column("seller", Json),
        sa.Column("buyer", Json),
        sa.Column("purchase_order", sa.Text, nullable=False),
        sa.Column("notes", sa.Text, nullable=False),
        sa.Column("reminders", sa.BigInteger, nullable=False),
        sa.Column("reminder_time", Time),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("tenant_id", "start_time", name="one_invoice_a_period"),
        sa.Index("invoices_by_time", "tenant_id", "start_time", "invoice_id"),
        sa.Index("invoices_by_state", "tenant_id", "state", "due_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "billing_accounts",
        sa.Column("last_end_time", Time),
        sa.Column("next_end_time", Time, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "billing_profiles",
        sa.Column("profile", Json, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "credit_notes",
        sa.Column("credit_note_id", sa.Text, primary_key=True),
        sa.Column("invoice_id", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("lines", Json, nullable=False),
        sa.Column("taxes", Json, nullable=False),
        sa.Column("total", sa.Numeric, nullable=False),
        sa.Column("applied", sa.Numeric, nullable=False),
        sa.Column("to_balance", sa.Numeric, nullable=False),
        sa.Column("issue_time", Time, nullable=False),
        sa.Index("credit_notes_by_invoice", "tenant_id", "invoice_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "payments",
        sa.Column("payment_id", sa.Text, primary_key=True),
        sa.Column("invoice_id", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("amount", sa.Numeric, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("payment_time", Time, nullable=False),
        sa.Column("failure", sa.Text, nullable=False),
        sa.Index("payments_by_invoice", "tenant_id", "invoice_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "balance_entries",
        sa.Column("entry_id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("source_id", sa.Text, nullable=False),
        sa.Column("amount", sa.Numeric, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("entry_time", Time, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "dunning_campaigns",
        sa.Column("currency", sa.Text, primary_key=True),
        sa.Column("stage", sa.BigInteger, nullable=False),
        sa.Column("last_time", Time, nullable=False),
        sa.Column("next_time", Time),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "payment_methods",
        sa.Column("provider", sa.Text, primary_key=True),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("method_id", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "provider_events",
        sa.Column("provider", sa.Text, primary_key=True),
        sa.Column("event_id", sa.Text, primary_key=True),
        sa.Column("receive_time", Time, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "exports",
        sa.Column("target", sa.Text, primary_key=True),
        sa.Column("subject_id", sa.Text, primary_key=True),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("next_time", Time),
        sa.Column("failure", sa.Text, nullable=False),
    )  # fmt: skip
    create_platform_table(
        op, SCHEMA, "legal_entities",
        sa.Column("legal_entity_id", sa.Text, primary_key=True),
        sa.Column("entity", Json, nullable=False),
        sa.Column("number_prefix", sa.Text, nullable=False, unique=True),
        sa.Column("credit_note_prefix", sa.Text, nullable=False, unique=True),
        sa.Column("is_default", sa.Boolean, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        app="SELECT, INSERT, UPDATE",
    )  # fmt: skip
    # A number is taken in the transaction that finalizes, so that what is rolled back leaves no gap: the app role
    # counts.
    create_platform_table(
        op, SCHEMA, "number_series",
        sa.Column("legal_entity_id", sa.Text, primary_key=True),
        sa.Column("series", sa.Text, primary_key=True),
        sa.Column("next_number", sa.BigInteger, nullable=False),
        app="SELECT, INSERT, UPDATE",
    )  # fmt: skip

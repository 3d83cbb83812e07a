"""Tables of invoices that are issued, of what is paid and taken back, and of who sends and gets them."""

from __future__ import annotations

from chassis.sql import Json, Time, platform_table, tenant_table
from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, Numeric, Text

from billing.store.tables import metadata

invoices = tenant_table(
    "invoices",
    metadata,
    Column("invoice_id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("start_time", Time, nullable=False),
    Column("end_time", Time, nullable=False),
    Column("currency", Text, nullable=False),
    Column("statement", LargeBinary, nullable=False),
    Column("digest", Text, nullable=False),
    Column("subtotal", Numeric, nullable=False),
    Column("total", Numeric, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("legal_entity_id", Text, nullable=False),
    Column("cutoff_time", Time),
    Column("issue_time", Time),
    Column("due_time", Time),
    Column("paid_time", Time),
    Column("void_time", Time),
    Column("void_reason", Text, nullable=False),
    Column("paid", Numeric, nullable=False),
    Column("credited", Numeric, nullable=False),
    Column("seller", Json),
    Column("buyer", Json),
    Column("purchase_order", Text, nullable=False),
    Column("notes", Text, nullable=False),
    Column("reminders", BigInteger, nullable=False),
    Column("reminder_time", Time),
    Column("version", BigInteger, nullable=False),
    Column("follows_invoice_id", Text, nullable=False),
    Column("follows_number", Text, nullable=False),
    Column("follow_kind", Text, nullable=False),
    Column("followed_by_invoice_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("names", Json, nullable=False),
)
left_out_usage = tenant_table(
    "left_out_usage",
    metadata,
    Column("invoice_id", Text, primary_key=True),
    Column("currency", Text, nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("start_time", Time, nullable=False),
    Column("end_time", Time, nullable=False),
    Column("left_out_of", Text, nullable=False),
    Column("notice_time", Time, nullable=False),
    Column("settle_time", Time),
    Column("settled_by_invoice_id", Text, nullable=False),
)
billing_accounts = tenant_table(
    "billing_accounts",
    metadata,
    Column("last_end_time", Time),
    Column("next_end_time", Time, nullable=False),
)
billing_profiles = tenant_table(
    "billing_profiles",
    metadata,
    Column("profile", Json, nullable=False),
    Column("version", BigInteger, nullable=False),
)
credit_notes = tenant_table(
    "credit_notes",
    metadata,
    Column("credit_note_id", Text, primary_key=True),
    Column("invoice_id", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("lines", Json, nullable=False),
    Column("taxes", Json, nullable=False),
    Column("total", Numeric, nullable=False),
    Column("applied", Numeric, nullable=False),
    Column("to_balance", Numeric, nullable=False),
    Column("issue_time", Time, nullable=False),
)
payments = tenant_table(
    "payments",
    metadata,
    Column("payment_id", Text, primary_key=True),
    Column("invoice_id", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("currency", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("payment_time", Time, nullable=False),
    Column("failure", Text, nullable=False),
)
balance_entries = tenant_table(
    "balance_entries",
    metadata,
    Column("entry_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("currency", Text, nullable=False),
    Column("entry_time", Time, nullable=False),
)
dunning_campaigns = tenant_table(
    "dunning_campaigns",
    metadata,
    Column("currency", Text, primary_key=True),
    Column("stage", BigInteger, nullable=False),
    Column("last_time", Time, nullable=False),
    Column("next_time", Time),
)
payment_methods = tenant_table(
    "payment_methods",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("customer_id", Text, nullable=False),
    Column("method_id", Text, nullable=False),
    Column("label", Text, nullable=False),
)
provider_events = tenant_table(
    "provider_events",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("receive_time", Time, nullable=False),
)
exports = tenant_table(
    "exports",
    metadata,
    Column("target", Text, primary_key=True),
    Column("subject_id", Text, primary_key=True),
    Column("attempts", BigInteger, nullable=False),
    Column("next_time", Time),
    Column("failure", Text, nullable=False),
)

legal_entities = platform_table(
    "legal_entities",
    metadata,
    Column("legal_entity_id", Text, primary_key=True),
    Column("entity", Json, nullable=False),
    Column("number_prefix", Text, nullable=False),
    Column("credit_note_prefix", Text, nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
)
number_series = platform_table(
    "number_series",
    metadata,
    Column("legal_entity_id", Text, primary_key=True),
    Column("series", Text, primary_key=True),
    Column("next_number", BigInteger, nullable=False),
)

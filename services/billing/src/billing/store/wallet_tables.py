"""Tables of wallets. `ledger_entries` and `ledger_postings` are only added to: no role may change or remove a row."""

from __future__ import annotations

from chassis.sql import Json, Time, tenant_table
from sqlalchemy import BigInteger, Boolean, Column, Integer, Numeric, Text

from billing.store.tables import metadata

wallets = tenant_table(
    "wallets",
    metadata,
    Column("currency", Text, nullable=False),
    Column("prepaid", Boolean, nullable=False),
    Column("negative_allowed", Boolean, nullable=False),
    Column("credit_limit", Numeric),
    Column("rate_deck_id", Text, nullable=False),
    Column("low_balances", Json, nullable=False),
    Column("auto_top_up_amount", Numeric),
    Column("auto_top_up_below", Numeric),
    Column("debt", Numeric, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("movements", BigInteger, nullable=False),
)
wallet_grants = tenant_table(
    "wallet_grants",
    metadata,
    Column("grant_id", Text, primary_key=True),
    Column("amount", Numeric, nullable=False),
    Column("amount_left", Numeric, nullable=False),
    Column("source", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("expire_time", Time),
    Column("create_time", Time, nullable=False),
)
ledger_entries = tenant_table(
    "ledger_entries",
    metadata,
    Column("entry_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("entry_time", Time, nullable=False),
    Column("change", Numeric, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("note", Text, nullable=False),
)
ledger_postings = tenant_table(
    "ledger_postings",
    metadata,
    Column("entry_id", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("amount", Numeric, nullable=False),
    Column("currency", Text, nullable=False),
)
reservations = tenant_table(
    "reservations",
    metadata,
    Column("call_id", Text, primary_key=True),
    Column("number", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("brand_id", Text, nullable=False),
    Column("start_time", Time, nullable=False),
    Column("deadline", Time, nullable=False),
    Column("state", Text, nullable=False),
    Column("talked_seconds", BigInteger, nullable=False),
    Column("granted_seconds", BigInteger, nullable=False),
    Column("charged", Numeric, nullable=False),
    Column("held", Json, nullable=False),
    Column("deck_id", Text, nullable=False),
    Column("deck_version", BigInteger, nullable=False),
    Column("flat", Json),
    Column("end_seconds", BigInteger),
)
open_reservations = tenant_table(
    "open_reservations",
    metadata,
    Column("call_id", Text, primary_key=True),
    Column("deadline", Time, nullable=False),
    Column("ended", Boolean, nullable=False),
)
"""What a sweep has to look at. No index of this one or of `reservations` has a column that changes every other second:
each change would touch index pages that other tenants' calls have read, and make those run again."""
differences = tenant_table(
    "differences",
    metadata,
    Column("call_id", Text, primary_key=True),
    Column("cause", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("call_time", Time, nullable=False),
    Column("media_seconds", BigInteger, nullable=False),
    Column("record_seconds", BigInteger, nullable=False),
    Column("billed_seconds", BigInteger, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("update_time", Time, nullable=False),
)
auto_top_ups = tenant_table(
    "auto_top_ups",
    metadata,
    Column("auto_top_up_id", Text, primary_key=True),
    Column("amount", Numeric, nullable=False),
    Column("currency", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("next_time", Time),
    Column("reference", Text, nullable=False),
    Column("failure", Text, nullable=False),
)

"""Rate decks, wallets with their ledger, what calls reserve, and where seconds differ."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table
from chassis.schemas import app_role, system_role
from chassis.sql import Json, Time

revision = "billing_0004"
down_revision = "billing_0003"
SCHEMA = "billing"


def text(name: str, *, key: bool = False) -> sa.Column:
    return sa.Column(name, sa.Text, primary_key=key, nullable=False)


def number(name: str, *, key: bool = False) -> sa.Column:
    return sa.Column(name, sa.BigInteger, primary_key=key, nullable=False)


def amount(name: str, *, optional: bool = False) -> sa.Column:
    return sa.Column(name, sa.Numeric, nullable=optional)


def time(name: str, *, optional: bool = False) -> sa.Column:
    return sa.Column(name, Time, nullable=optional)


def flag(name: str) -> sa.Column:
    return sa.Column(name, sa.Boolean, nullable=False)


def upgrade() -> None:
    _decks()
    _wallets()
    create_tenant_table(
        op, SCHEMA, "reservations", text("call_id", key=True), text("number"), text("direction"), text("brand_id"),
        time("start_time"), time("deadline"), text("state"), number("talked_seconds"), number("granted_seconds"),
        amount("charged"), sa.Column("held", Json, nullable=False), text("deck_id"), number("deck_version"),
        sa.Column("flat", Json), sa.Column("end_seconds", sa.BigInteger),
        sa.Index("reservations_by_start", "tenant_id", "start_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "open_reservations", text("call_id", key=True), time("deadline"), flag("ended"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "differences", text("call_id", key=True), text("cause", key=True), text("state"),
        time("call_time"), number("media_seconds"), number("record_seconds"), number("billed_seconds"),
        time("create_time"), time("update_time"), sa.Index("differences_by_time", "tenant_id", "call_time", "call_id"),
    )  # fmt: skip


def _decks() -> None:
    create_tenant_table(
        op, SCHEMA, "rate_decks", text("rate_deck_id", key=True), text("display_name"), text("currency"),
        text("time_zone"), text("rounding"), sa.Column("digits", sa.Integer, nullable=False), text("parent_id"),
        number("newest_version"), time("create_time"),
        sa.Index("rate_decks_by_time", "tenant_id", "create_time", "rate_deck_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "rate_deck_versions", text("rate_deck_id", key=True), number("version", key=True),
        time("activate_time", optional=True), number("line_count"), amount("markup_percent"), amount("markup_amount"),
        time("create_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "rate_deck_parts", text("rate_deck_id", key=True), number("version", key=True),
        number("part", key=True), text("digest"), sa.Column("body", sa.LargeBinary, nullable=False),
    )  # fmt: skip


def _wallets() -> None:
    create_tenant_table(
        op, SCHEMA, "wallets", text("currency"), flag("prepaid"), flag("negative_allowed"),
        amount("credit_limit", optional=True), text("rate_deck_id"), sa.Column("low_balances", Json, nullable=False),
        amount("auto_top_up_amount", optional=True), amount("auto_top_up_below", optional=True), amount("debt"),
        number("version"), number("movements"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "wallet_grants", text("grant_id", key=True), amount("amount"), amount("amount_left"),
        text("source"), sa.Column("priority", sa.Integer, nullable=False), time("expire_time", optional=True),
        time("create_time"), sa.Index("wallet_grants_by_expiry", "tenant_id", "expire_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "ledger_entries", text("entry_id", key=True), text("kind"), time("entry_time"), amount("change"),
        text("call_id"), text("actor"), text("note"),
        sa.Index("ledger_entries_by_time", "tenant_id", "entry_time", "entry_id"),
        sa.Index("ledger_entries_by_call", "tenant_id", "call_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "ledger_postings", text("entry_id", key=True), text("account", key=True), amount("amount"),
        text("currency"), sa.Index("ledger_postings_by_account", "tenant_id", "account"),
    )  # fmt: skip
    for table in ("ledger_entries", "ledger_postings"):  # what was written there stays
        op.execute(f"REVOKE UPDATE, DELETE ON {SCHEMA}.{table} FROM {app_role(SCHEMA)}, {system_role(SCHEMA)}")

"""What agents do for themselves: notices, availability, calendar feeds, time off, trades, bids."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table
from chassis.sql import Json, Time

revision = "wfm_0003"
down_revision = "wfm_0002"
SCHEMA = "wfm"


def upgrade() -> None:
    op.add_column("contracts", sa.Column("entitlements", Json, nullable=False, server_default="[]"), schema=SCHEMA)
    op.add_column("planned_agents", sa.Column("hire_day", sa.Text, nullable=False, server_default=""), schema=SCHEMA)
    op.add_column(
        "planned_agents", sa.Column("performance", sa.Float, nullable=False, server_default="0"), schema=SCHEMA
    )
    _own()
    _time_off()
    _trades()


def _own() -> None:
    create_tenant_table(
        op, SCHEMA, "agent_notices",
        sa.Column("agent_notice_id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("first_day", sa.Text, nullable=False),
        sa.Column("days", Json, nullable=False),
        sa.Column("subject_id", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("dismissed", sa.Boolean, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Index("agent_notices_by_user", "tenant_id", "user_id", "create_time"),
        sa.Index("agent_notices_by_time", "tenant_id", "create_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "availability",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("from_day", sa.Text, primary_key=True),
        sa.Column("availability", Json, nullable=False),
        sa.Column("wish", Json, nullable=False),
        sa.Column("create_time", Time, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "calendar_feeds",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Index("calendar_feeds_by_digest", "tenant_id", "digest", unique=True),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "self_service",
        sa.Column("one", sa.Text, primary_key=True),
        sa.Column("settings", Json, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )  # fmt: skip


def _time_off() -> None:
    create_tenant_table(
        op, SCHEMA, "time_off_kinds",
        sa.Column("time_off_kind_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("paid", sa.Boolean, nullable=False),
        sa.Column("limited", sa.Boolean, nullable=False),
        sa.Column("automatic", sa.Boolean, nullable=False),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.Column("first_year", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "time_off_allowances",
        sa.Column("time_off_allowance_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("allowance", Json, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "time_off_requests",
        sa.Column("time_off_request_id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("time_off_kind_id", sa.Text, nullable=False),
        sa.Column("first_day", sa.Text, nullable=False),
        sa.Column("last_day", sa.Text, nullable=False),
        sa.Column("start_minute", sa.BigInteger, nullable=False),
        sa.Column("end_minute", sa.BigInteger, nullable=False),
        sa.Column("start_time", Time, nullable=False),
        sa.Column("end_time", Time, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("amounts", Json, nullable=False),
        sa.Column("credited_minutes", sa.BigInteger, nullable=False),
        sa.Column("obstacles", Json, nullable=False),
        sa.Column("decided_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("time_off_id", sa.Text, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Column("decide_time", Time),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Index("time_off_requests_by_user", "tenant_id", "user_id", "create_time"),
        sa.Index("time_off_requests_by_time", "tenant_id", "create_time"),
        sa.Index("time_off_requests_by_kind", "tenant_id", "time_off_kind_id"),
        sa.Index(
            "time_off_requests_pending", "tenant_id", "create_time", postgresql_where=sa.text("state = 'PENDING'")
        ),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "carried_over",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("time_off_kind_id", sa.Text, primary_key=True),
        sa.Column("year", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("amount", sa.Float, nullable=False),
    )  # fmt: skip


def _trades() -> None:
    create_tenant_table(
        op, SCHEMA, "shift_trades",
        sa.Column("shift_trade_id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("first_day", sa.Text, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("shift", Json, nullable=False),
        sa.Column("to_user_id", sa.Text, nullable=False),
        sa.Column("swap", sa.Boolean, nullable=False),
        sa.Column("wanted_days", Json, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("colleague_id", sa.Text, nullable=False),
        sa.Column("colleague_shift", Json),
        sa.Column("expire_time", Time, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Column("decide_time", Time),
        sa.Column("decided_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("concerns", Json, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Index("shift_trades_by_user", "tenant_id", "user_id", "create_time"),
        sa.Index("shift_trades_by_time", "tenant_id", "create_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "bid_rounds",
        sa.Column("bid_round_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("first_day", sa.Text, nullable=False),
        sa.Column("end_time", Time, nullable=False),
        sa.Column("bid_order", sa.Text, nullable=False),
        sa.Column("open_shifts", Json, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Column("decide_time", Time),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Index("bid_rounds_by_time", "tenant_id", "create_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "bids",
        sa.Column("bid_round_id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("numbers", Json, nullable=False),
        sa.Column("most", sa.BigInteger, nullable=False),
        sa.Column("update_time", Time, nullable=False),
        sa.Column("place", sa.BigInteger, nullable=False),
        sa.Column("standing", sa.Text, nullable=False),
        sa.Column("outcomes", Json, nullable=False),
        sa.Index("bids_by_user", "tenant_id", "user_id"),
    )  # fmt: skip

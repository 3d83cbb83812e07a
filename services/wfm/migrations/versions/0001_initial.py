"""What is counted and imported, the calendar, forecasts, what people know better, and what is promised of queues."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_standard_tables, create_tenant_table
from chassis.sql import Json, Time

revision = "wfm_0001"
down_revision = None
SCHEMA = "wfm"
_COUNTERS = ("offered", "answered", "abandoned", "handled", "handle")


def upgrade() -> None:
    create_standard_tables(op, SCHEMA)
    create_tenant_table(
        op, SCHEMA, "contacts",
        sa.Column("contact_id", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("queue_id", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("brand_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("targeted", sa.Boolean, nullable=False),
        sa.Column("queue_time", Time, nullable=False),
        sa.Column("answer_time", Time),
        sa.Column("wrap_up_end_time", Time),
        sa.Column("abandoned", sa.Boolean, nullable=False),
        sa.Index("contacts_by_queue_time", "tenant_id", "queue_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "minute_counters",
        sa.Column("queue_id", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("start_time", Time, primary_key=True),
        sa.Column("brand_id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in _COUNTERS),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "imported_intervals",
        sa.Column("queue_id", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("start_time", Time, primary_key=True),
        sa.Column("brand_id", sa.Text, primary_key=True),
        sa.Column("minutes", sa.BigInteger, nullable=False),
        sa.Column("offered", sa.Float, nullable=False),
        sa.Column("answered", sa.Float, nullable=False),
        sa.Column("abandoned", sa.Float, nullable=False),
        sa.Column("handled", sa.Float, nullable=False),
        sa.Column("handle_seconds", sa.Float, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "series",
        sa.Column("queue_id", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, primary_key=True),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "queues",
        sa.Column("queue_id", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "tenants",
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "special_days",
        sa.Column("special_day_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("first_day", sa.Text, nullable=False),
        sa.Column("last_day", sa.Text, nullable=False),
        sa.Column("queue_ids", Json, nullable=False),
        sa.Column("percent", sa.Float),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Index("special_days_by_first_day", "tenant_id", "first_day"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "forecast_runs",
        sa.Column("forecast_run_id", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("first_day", sa.Text, nullable=False),
        sa.Column("days", sa.BigInteger, nullable=False),
        sa.Column("interval_minutes", sa.BigInteger, nullable=False),
        sa.Column("series_count", sa.BigInteger, nullable=False),
        sa.Column("history_until", sa.Text, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Column("end_time", Time),
        sa.Index("forecast_runs_by_time", "tenant_id", "create_time"),
        # Few runs go on at any time.
        sa.Index("forecast_runs_going_on", "tenant_id", "create_time", postgresql_where=sa.text("state = 'RUNNING'")),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "forecasts",
        sa.Column("forecast_run_id", sa.Text, primary_key=True),
        sa.Column("queue_id", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("lease_until", Time),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("backtest", Json),
        sa.Column("warnings", Json, nullable=False),
        sa.Column("curve", sa.LargeBinary),
        sa.Index("forecasts_to_make", "tenant_id", "forecast_run_id", postgresql_where=sa.text("state = 'PENDING'")),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "forecast_overrides",
        sa.Column("forecast_override_id", sa.Text, primary_key=True),
        sa.Column("queue_id", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("start_time", Time, nullable=False),
        sa.Column("end_time", Time, nullable=False),
        sa.Column("total", sa.Float),
        sa.Column("percent", sa.Float),
        sa.Column("aht_seconds", sa.Float, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Index("forecast_overrides_by_queue", "tenant_id", "queue_id", "channel", "end_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "staffing_rules",
        sa.Column("queue_id", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("service_level", sa.Float, nullable=False),
        sa.Column("threshold_seconds", sa.BigInteger, nullable=False),
        sa.Column("patience_seconds", sa.Float, nullable=False),
        sa.Column("max_occupancy", sa.Float, nullable=False),
        sa.Column("shrinkage", sa.Float, nullable=False),
        sa.Column("concurrency", sa.BigInteger, nullable=False),
        sa.Column("deadline_minutes", sa.BigInteger, nullable=False),
        sa.Column("default_aht_seconds", sa.BigInteger, nullable=False),
        sa.Column("minimum_agents", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )  # fmt: skip

"""Labour rules, shift patterns, contracts, planned agents, time off; schedules and their shifts."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table
from chassis.sql import Json, Time

revision = "wfm_0002"
down_revision = "wfm_0001"
SCHEMA = "wfm"


def upgrade() -> None:
    create_tenant_table(
        op, SCHEMA, "labour_rules",
        sa.Column("labour_rules_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("adult", Json, nullable=False),
        sa.Column("young", Json),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "shift_patterns",
        sa.Column("shift_pattern_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("pattern", Json, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "contracts",
        sa.Column("contract_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("labour_rules_id", sa.Text, nullable=False),
        sa.Column("pattern_ids", Json, nullable=False),
        sa.Column("min_week", sa.BigInteger, nullable=False),
        sa.Column("max_week", sa.BigInteger, nullable=False),
        sa.Column("min_days", sa.BigInteger, nullable=False),
        sa.Column("max_days", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Index("contracts_by_labour_rules", "tenant_id", "labour_rules_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "planned_agents",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("contract_id", sa.Text, nullable=False),
        sa.Column("queue_ids", Json, nullable=False),
        sa.Column("under_age", sa.Boolean, nullable=False),
        sa.Column("availability", Json, nullable=False),
        sa.Column("wish", Json, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Index("planned_agents_by_contract", "tenant_id", "contract_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "time_off",
        sa.Column("time_off_id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("start_time", Time, nullable=False),
        sa.Column("end_time", Time, nullable=False),
        sa.Column("credited_minutes", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Index("time_off_by_end", "tenant_id", "end_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "schedules",
        sa.Column("schedule_id", sa.Text, primary_key=True),
        sa.Column("first_day", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("forecast_run_id", sa.Text, nullable=False),
        sa.Column("base_schedule_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("agent_count", sa.BigInteger, nullable=False),
        sa.Column("fairness", sa.Float, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("seconds", sa.BigInteger, nullable=False),
        sa.Column("spent_seconds", sa.Float, nullable=False),
        sa.Column("stop", sa.Boolean, nullable=False),
        sa.Column("cut_short", sa.Boolean, nullable=False),
        sa.Column("lease_until", Time),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("figures", Json, nullable=False),
        sa.Column("groups", Json, nullable=False),
        sa.Column("need", sa.LargeBinary, nullable=False),
        sa.Column("kept", sa.LargeBinary),
        sa.Column("create_time", Time, nullable=False),
        sa.Column("end_time", Time),
        sa.Column("publish_time", Time),
        sa.Index("schedules_by_week", "tenant_id", "first_day", "number", unique=True),
        sa.Index("schedules_by_time", "tenant_id", "create_time"),
        # Few are made, and few are published, at any time.
        sa.Index("schedules_to_make", "tenant_id", "create_time", postgresql_where=sa.text("state = 'RUNNING'")),
        sa.Index(
            "schedules_published", "tenant_id", "first_day", unique=True,
            postgresql_where=sa.text("state = 'PUBLISHED'"),
        ),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "shifts",
        sa.Column("schedule_id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("start_time", Time, nullable=False),
        sa.Column("end_time", Time, nullable=False),
        sa.Column("breaks", Json, nullable=False),
        sa.Column("work", Json, nullable=False),
        sa.Column("pattern_id", sa.Text, nullable=False),
        sa.Column("locked", sa.Boolean, nullable=False),
    )  # fmt: skip

"""What agents did and what of it is excused; what a day is tried out with, changed by, and offered of."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table
from chassis.sql import Json, Time

revision = "wfm_0004"
down_revision = "wfm_0003"
SCHEMA = "wfm"


def upgrade() -> None:
    create_tenant_table(
        op, SCHEMA, "agent_states",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("reason_id", sa.Text, nullable=False),
        sa.Column("start_time", Time, nullable=False),
        sa.Column("before_state", sa.Text, nullable=False),
        sa.Column("before_time", Time, nullable=False),
        sa.Index("agent_states_by_time", "tenant_id", "user_id", "start_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "agents_known",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("start_time", Time, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "adherence_rules",
        sa.Column("tolerance_seconds", sa.BigInteger, nullable=False),
        sa.Column("breaks_signed_in", sa.Boolean, nullable=False),
        sa.Column("reasons", Json, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "adherence_exceptions",
        sa.Column("adherence_exception_id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("start_time", Time, nullable=False),
        sa.Column("end_time", Time, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("create_user_id", sa.Text, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Index("adherence_exceptions_by_end", "tenant_id", "end_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "scenarios",
        sa.Column("scenario_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("settings", Json, nullable=False),
        sa.Column("create_user_id", sa.Text, nullable=False),
        sa.Column("create_time", Time, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "adjustments",
        sa.Column("adjustment_id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("before", Json),
        sa.Column("after", Json),
        sa.Column("undone", sa.Boolean, nullable=False),
        sa.Column("shift_offer_id", sa.Text, nullable=False),
        sa.Column("apply_user_id", sa.Text, nullable=False),
        sa.Column("apply_time", Time, nullable=False),
        sa.Column("undo_user_id", sa.Text, nullable=False),
        sa.Column("undo_time", Time),
        sa.Index("adjustments_by_day", "tenant_id", "day"),
        sa.Index("adjustments_by_offer", "tenant_id", "shift_offer_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "shift_offers",
        sa.Column("shift_offer_id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("start_time", Time, nullable=False),
        sa.Column("end_time", Time, nullable=False),
        sa.Column("places", sa.BigInteger, nullable=False),
        sa.Column("taken", sa.BigInteger, nullable=False),
        sa.Column("cancelled", sa.Boolean, nullable=False),
        sa.Column("expire_time", Time, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("create_user_id", sa.Text, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Index("shift_offers_by_end", "tenant_id", "end_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "shift_offer_replies",
        sa.Column("shift_offer_id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reply_time", Time),
        sa.Column("adjustment_id", sa.Text, nullable=False),
        sa.Index("shift_offer_replies_by_user", "tenant_id", "user_id"),
    )  # fmt: skip

"""Plans of which group's agents it takes; of queues the steps after which agents of others may serve them."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table
from chassis.sql import Json, Time

revision = "wfm_0005"
down_revision = "wfm_0004"
SCHEMA = "wfm"


def upgrade() -> None:
    op.add_column("queues", sa.Column("helpers", Json), schema=SCHEMA)
    create_tenant_table(
        op, SCHEMA, "skill_plans",
        sa.Column("skill_plan_id", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("forecast_run_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("start_time", Time, nullable=False),
        sa.Column("end_time", Time, nullable=False),
        sa.Column("interval_minutes", sa.BigInteger, nullable=False),
        sa.Column("caution", sa.Float, nullable=False),
        sa.Column("flexible_cost", sa.Float, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("groups", Json, nullable=False),
        sa.Column("lines", Json, nullable=False),
        sa.Column("interval_count", sa.BigInteger, nullable=False),
        sa.Column("done_count", sa.BigInteger, nullable=False),
        sa.Column("lease_until", Time),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("figures", Json, nullable=False),
        sa.Column("asked", sa.LargeBinary, nullable=False),
        sa.Column("made", sa.LargeBinary),
        sa.Column("create_time", Time, nullable=False),
        sa.Column("finish_time", Time),
        sa.Index("skill_plans_by_time", "tenant_id", "create_time"),
        # Few are made at any time.
        sa.Index("skill_plans_to_make", "tenant_id", "create_time", postgresql_where=sa.text("state = 'RUNNING'")),
    )  # fmt: skip

"""Where agents' calls ring besides the desk, the searches of offers at hand, and whose last resorts a call went by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table
from chassis.tables import Json, Time

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SCHEMA = "telephony"


def upgrade() -> None:
    create_tenant_table(
        op, SCHEMA, "find_me",
        sa.Column("agent_id", sa.Text, primary_key=True),
        sa.Column("rings_when", sa.Text, nullable=False),
        sa.Column("desk_ring", sa.Interval, nullable=False),
        sa.Column("steps", Json, nullable=False),
        sa.Column("queue_calls", sa.Boolean, nullable=False),
        sa.Column("resort_kind", sa.Text, nullable=False),
        sa.Column("resort_target", sa.Text, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Column("update_time", Time, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Index("find_me_by_resort", "tenant_id", "resort_target"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "searches",
        sa.Column("offer_id", sa.Text, primary_key=True),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("contact_id", sa.Text, nullable=False),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("steps", Json, nullable=False),
        sa.Column("lead", sa.Interval, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("step_time", Time, nullable=False),
        sa.Column("away", sa.Boolean, nullable=False),
        sa.Column("taken_leg_id", sa.Text, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Index("searches_by_call", "tenant_id", "call_id"),
    )  # fmt: skip
    op.add_column("calls", sa.Column("forwarded_by", Json, nullable=False, server_default="[]"), schema=SCHEMA)

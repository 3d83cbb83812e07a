"""A recording has a track per leg, and is found by every agent who is on it.

Recordings of before keep their two tracks: they have no voices, and their agent is the recording's.
"""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table
from chassis.sql import Json, Time

revision = "recording_0003"
down_revision = "recording_0002"
SCHEMA = "recording"


def upgrade() -> None:
    op.add_column("recordings", sa.Column("voices", Json, nullable=False, server_default="[]"), schema=SCHEMA)
    create_tenant_table(
        op, SCHEMA, "joined_agents",
        sa.Column("recording_id", sa.Text, primary_key=True),
        sa.Column("agent_id", sa.Text, primary_key=True),
        sa.Column("create_time", Time, nullable=False),
        sa.Index("joined_agents_by_agent", "tenant_id", "agent_id", "create_time", "recording_id"),
    )  # fmt: skip

"""Lists of numbers that rules ask about, what names them, and what is left to do when a caller is gone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table
from chassis.tables import Json, Time

revision = "flows_0006"
down_revision = "flows_0005"
branch_labels = None
depends_on = None

SCHEMA = "flows"


def upgrade() -> None:
    """Expressions of before name no list."""
    create_tenant_table(
        op, SCHEMA, "number_lists",
        sa.Column("number_list_id", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("entry_count", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Column("update_time", Time, nullable=False),
        sa.UniqueConstraint("tenant_id", "key", name="number_lists_key"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "number_list_entries",
        sa.Column("number_list_id", sa.Text, primary_key=True),
        sa.Column("pattern", sa.Text, primary_key=True),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("notes", sa.Text, nullable=False),
        sa.Column("create_time", Time, nullable=False),
    )  # fmt: skip
    for table in ("flows", "releases"):
        op.add_column(table, sa.Column("list_keys", Json, nullable=False, server_default="[]"), schema=SCHEMA)
    op.add_column("runs", sa.Column("due_time", Time), schema=SCHEMA)
    op.create_index(
        "runs_due", "runs", ["tenant_id", "due_time"], schema=SCHEMA, postgresql_where=sa.text("due_time IS NOT NULL")
    )

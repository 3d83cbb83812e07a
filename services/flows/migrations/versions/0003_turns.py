"""A call may have several runs, one after the other."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "flows_0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = "flows"


def upgrade() -> None:
    """Runs of before are those their calls began with."""
    op.add_column("runs", sa.Column("turn", sa.BigInteger, nullable=False, server_default="0"), schema=SCHEMA)
    op.create_index("runs_turn", "runs", ["tenant_id", "call_id", "turn"], unique=True, schema=SCHEMA)
    if op.get_context().dialect.name == "cockroachdb":
        # There a unique constraint is its index, and goes with it only.
        op.execute(f"DROP INDEX {SCHEMA}.runs@runs_call CASCADE")
    else:
        op.drop_constraint("runs_call", "runs", schema=SCHEMA, type_="unique")

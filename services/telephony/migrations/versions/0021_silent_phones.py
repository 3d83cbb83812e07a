"""How often in a row a desk phone said nothing to a call, and whether it counts as unreachable until it is heard of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from chassis.tables import Time

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("silent_invites", sa.Integer, nullable=False, server_default="0"),
        sa.Column("silent_since", Time),
        sa.Column("unreachable", sa.Boolean, nullable=False, server_default=sa.false()),
    ):
        op.add_column("device_bindings", column, schema="telephony")

"""Agents know how they are reached by telephone besides the desk, and offers whether they ring there alone."""

import sqlalchemy as sa
from alembic import op

revision = "routing_0005"
down_revision = "routing_0004"


def upgrade() -> None:
    """Agents of before are reached at the desk alone."""
    columns = [
        *((name, sa.BigInteger, "0") for name in ("reach_away_ms", "reach_desk_ms", "reach_version")),
        *((name, sa.Boolean, "false") for name in ("reach_queue_calls", "reach_forwards", "passed_over")),
    ]
    for name, kind, default in columns:
        op.add_column("agents", sa.Column(name, kind, nullable=False, server_default=default), schema="routing")
    op.add_column("offers", sa.Column("away", sa.Boolean, nullable=False, server_default="false"), schema="routing")

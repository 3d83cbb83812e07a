"""Agents know which news of their user is the newest, so that older news that comes later changes nothing."""

import sqlalchemy as sa
from alembic import op

revision = "routing_0003"
down_revision = "routing_0002"


def upgrade() -> None:
    """Agents of before take the next news whatever its version."""
    column = sa.Column("user_version", sa.BigInteger, nullable=False, server_default="0")
    op.add_column("agents", column, schema="routing")

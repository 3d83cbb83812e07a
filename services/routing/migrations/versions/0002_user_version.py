"""Agents know which news of their user is the newest, so that older news that comes later changes nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Agents of before take the next news whatever its version."""
    column = sa.Column("user_version", sa.BigInteger, nullable=False, server_default="0")
    op.add_column("agents", column, schema="routing")

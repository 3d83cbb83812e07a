"""A call remembers which recording of it was erased, so that older news of it does not bring it back."""

import sqlalchemy as sa
from alembic import op

revision = "engagement_0002"
down_revision = "engagement_0001"
SCHEMA = "engagement"


def upgrade() -> None:
    """Recordings erased before have an empty id."""
    column = sa.Column("recording_erased", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("call_notes", column, schema=SCHEMA)

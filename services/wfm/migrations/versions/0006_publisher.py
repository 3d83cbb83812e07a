"""Who published a version of a week."""

import sqlalchemy as sa
from alembic import op

revision = "wfm_0006"
down_revision = "wfm_0005"
SCHEMA = "wfm"


def upgrade() -> None:
    op.add_column("schedules", sa.Column("publisher", sa.Text, nullable=False, server_default=""), schema=SCHEMA)

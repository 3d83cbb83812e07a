"""Which skill plan a version of a week was made of."""

import sqlalchemy as sa
from alembic import op

revision = "wfm_0007"
down_revision = "wfm_0006"
SCHEMA = "wfm"


def upgrade() -> None:
    op.add_column("schedules", sa.Column("skill_plan_id", sa.Text, nullable=False, server_default=""), schema=SCHEMA)

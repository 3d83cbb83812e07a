"""When work that can wait is done."""

import sqlalchemy as sa
from alembic import op
from chassis.sql import Json

revision = "wfm_0009"
down_revision = "wfm_0008"
SCHEMA = "wfm"


def upgrade() -> None:
    op.add_column(
        "staffing_rules", sa.Column("work_intervals", Json, nullable=False, server_default="[]"), schema=SCHEMA
    )

"""A brand chooses which of the tenant's numbers those see who are called in its name."""

import sqlalchemy as sa
from alembic import op

revision = "tenancy_0004"
down_revision = "tenancy_0003"
SCHEMA = "tenancy"


def upgrade() -> None:
    op.add_column("brands", sa.Column("caller_number", sa.Text, nullable=False, server_default=""), schema=SCHEMA)

"""A company brings numbers of its own carrier, each shown over its trunk alone."""

import sqlalchemy as sa
from alembic import op

revision = "tenancy_0005"
down_revision = "tenancy_0004"
SCHEMA = "tenancy"


def upgrade() -> None:
    op.add_column("numbers", sa.Column("brought", sa.Boolean, nullable=False, server_default=sa.false()), schema=SCHEMA)
    op.add_column("numbers", sa.Column("trunk_id", sa.Text, nullable=False, server_default=""), schema=SCHEMA)

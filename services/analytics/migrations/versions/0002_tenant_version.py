"""Which version of the tenant its time zone is of."""

import sqlalchemy as sa
from alembic import op

revision = "analytics_0002"
down_revision = "analytics_0001"
SCHEMA = "analytics"


def upgrade() -> None:
    op.add_column("tenants", sa.Column("version", sa.BigInteger, nullable=False, server_default="0"), schema=SCHEMA)

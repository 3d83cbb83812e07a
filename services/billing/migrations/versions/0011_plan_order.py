"""Which version of the subscription chose a plan: of two for one moment the later counts, whatever clocks said."""

import sqlalchemy as sa
from alembic import op

revision = "billing_0011"
down_revision = "billing_0010"
SCHEMA = "billing"


def upgrade() -> None:
    version = sa.Column("subscription_version", sa.BigInteger, nullable=False, server_default="0")
    op.add_column("plans_held", version, schema=SCHEMA)

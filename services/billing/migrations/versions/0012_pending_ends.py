"""When a subscription will end, as was asked for: nothing is charged in advance for what comes after."""

import sqlalchemy as sa
from alembic import op
from chassis.sql import Time

revision = "billing_0012"
down_revision = "billing_0011"
SCHEMA = "billing"


def upgrade() -> None:
    op.add_column("subscription_versions", sa.Column("ends_time", Time), schema=SCHEMA)

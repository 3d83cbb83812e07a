"""In whose trace usage was metered: the line of an invoice is linked to it."""

import sqlalchemy as sa
from alembic import op

revision = "billing_0010"
down_revision = "billing_0009"
SCHEMA = "billing"


def upgrade() -> None:
    traceparent = sa.Column("traceparent", sa.Text, nullable=False, server_default="")
    op.add_column("usage_records", traceparent, schema=SCHEMA)

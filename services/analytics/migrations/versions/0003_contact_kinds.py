"""Which contacts are customers who waited for a queue, and calls out counted apart."""

import sqlalchemy as sa
from alembic import op

revision = "analytics_0003"
down_revision = "analytics_0002"
SCHEMA = "analytics"


def upgrade() -> None:
    """Contacts of before came in, each for whoever serves its queue."""
    kind = sa.Column("kind", sa.Text, nullable=False, server_default="INBOUND")
    op.add_column("contacts", kind, schema=SCHEMA)
    targeted = sa.Column("targeted", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("contacts", targeted, schema=SCHEMA)
    for name in ("outbound", "outbound_talk"):
        counter = sa.Column(name, sa.BigInteger, nullable=False, server_default="0")
        op.add_column("queue_intervals", counter, schema=SCHEMA)

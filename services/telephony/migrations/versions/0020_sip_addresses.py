"""Where a node speaks SIP: another one that a phone's second call came to sends it there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("sip_address", sa.Text, nullable=False, server_default="")
    op.add_column("nodes", column, schema="telephony")

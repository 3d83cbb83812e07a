"""A call remembers how long no node vouched for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calls", sa.Column("unheard", sa.Interval, nullable=False, server_default="0"), schema="telephony")

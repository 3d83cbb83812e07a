"""Offers whose end was heard of before them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    over = sa.Column("over", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("searches", over, schema="telephony")

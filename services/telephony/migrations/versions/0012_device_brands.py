"""In whose name a desk phone calls out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("devices", sa.Column("brand_id", sa.Text, nullable=False, server_default=""), schema="telephony")

"""In which language an agent is told who calls, and for which queue."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table, column in (("find_me", "language"), ("searches", "queue_id"), ("searches", "language")):
        op.add_column(table, sa.Column(column, sa.Text, nullable=False, server_default=""), schema="telephony")

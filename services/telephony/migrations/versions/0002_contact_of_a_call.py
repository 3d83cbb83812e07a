"""A call keeps the queue and the customer of its contact, so that its recording is found by them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "telephony"


def upgrade() -> None:
    for name in ("queue_id", "customer_id"):
        op.add_column("calls", sa.Column(name, sa.Text, nullable=False, server_default=""), schema=SCHEMA)

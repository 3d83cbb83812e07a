"""When the number called answered: a customer who is called back first waits from then on, and is paid for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from chassis.tables import Time

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cdrs", sa.Column("connect_time", Time), schema="telephony")

"""Where the steps of a draft stand on the designer's canvas."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from chassis.tables import Json

revision = "flows_0004"
down_revision = "flows_0003"
branch_labels = None
depends_on = None

SCHEMA = "flows"


def upgrade() -> None:
    """Flows of before have no places: the designer lays them out."""
    op.add_column("flows", sa.Column("layout", Json, nullable=False, server_default="{}"), schema=SCHEMA)

"""Numbers a company brought are shown once an operator has approved them; none has been yet."""

import sqlalchemy as sa
from alembic import op

revision = "tenancy_0007"
down_revision = "tenancy_0006"
SCHEMA = "tenancy"


def upgrade() -> None:
    op.add_column("numbers", sa.Column("approve_time", sa.DateTime(timezone=True), nullable=True), schema=SCHEMA)

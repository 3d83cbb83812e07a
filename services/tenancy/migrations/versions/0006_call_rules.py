"""A brand says how its calls are handled: the tone of a recording, how long they stay parked."""

import sqlalchemy as sa
from alembic import op
from chassis.tables import Json

revision = "tenancy_0006"
down_revision = "tenancy_0005"
SCHEMA = "tenancy"


def upgrade() -> None:
    op.add_column("brands", sa.Column("call_rules", Json, nullable=False, server_default="{}"), schema=SCHEMA)

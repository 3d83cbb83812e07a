"""Companies that owe are restricted before they are suspended; e-mails that aren't invitations."""

import sqlalchemy as sa
from alembic import op

revision = "tenancy_0010"
down_revision = "tenancy_0009"
SCHEMA = "tenancy"


def upgrade() -> None:
    restricted = sa.Column("restricted", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("tenants", restricted, schema=SCHEMA)

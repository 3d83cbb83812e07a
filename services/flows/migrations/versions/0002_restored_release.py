"""Which older release a release runs again."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "flows"


def upgrade() -> None:
    column = sa.Column("restored_number", sa.BigInteger, nullable=False, server_default="0")
    op.add_column("releases", column, schema=SCHEMA)

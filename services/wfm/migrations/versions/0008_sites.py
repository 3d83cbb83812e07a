"""Sites, whose clocks their agents go by."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table

revision = "wfm_0008"
down_revision = "wfm_0007"
SCHEMA = "wfm"


def upgrade() -> None:
    create_tenant_table(
        op, SCHEMA, "sites",
        sa.Column("site_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Index("sites_by_name", "tenant_id", "name", unique=True),
    )  # fmt: skip
    op.add_column("planned_agents", sa.Column("site_id", sa.Text, nullable=False, server_default=""), schema=SCHEMA)
    op.create_index("planned_agents_by_site", "planned_agents", ["tenant_id", "site_id"], schema=SCHEMA)

"""Contacts that wait for an agent they prefer are found by that agent."""

import sqlalchemy as sa
from alembic import op

revision = "routing_0016"
down_revision = "routing_0015"
SCHEMA = "routing"


def upgrade() -> None:
    """Few wait so: the index holds those alone."""
    op.create_index(
        "contacts_preferring", "contacts", ["tenant_id", "preferred_agent_id"], schema=SCHEMA,
        postgresql_where=sa.text("state = 'QUEUED' and preferred_wait_ms > 0"),
    )  # fmt: skip

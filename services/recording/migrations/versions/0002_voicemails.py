"""A recording may be a message left for an agent or a queue, and has been heard or not."""

import sqlalchemy as sa
from alembic import op
from chassis.sql import Time

revision = "recording_0002"
down_revision = "recording_0001"
SCHEMA = "recording"


def upgrade() -> None:
    for column in (
        sa.Column("kind", sa.Text, nullable=False, server_default="CALL"),
        sa.Column("caller_number", sa.Text, nullable=False, server_default=""),
        sa.Column("heard_time", Time),
        sa.Column("heard_by", sa.Text, nullable=False, server_default=""),
    ):
        op.add_column("recordings", column, schema=SCHEMA)
    # Few recordings are messages: the inbox reads these alone, newest first.
    op.create_index(
        "recordings_voicemails", "recordings", ["tenant_id", "create_time", "recording_id"], schema=SCHEMA,
        postgresql_where=sa.text("kind = 'VOICEMAIL'"),
    )  # fmt: skip

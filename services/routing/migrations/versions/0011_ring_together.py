"""Offers of one contact that ring together, and why an offer was taken back."""

import sqlalchemy as sa
from alembic import op

revision = "routing_0011"
down_revision = "routing_0010"
SCHEMA = "routing"


def upgrade() -> None:
    """Offers of before ring by themselves, and nobody asks why one of them was taken back."""
    op.add_column(
        "offers", sa.Column("companion", sa.Boolean, nullable=False, server_default=sa.false()), schema=SCHEMA
    )
    op.add_column("offers", sa.Column("rescind_reason", sa.Text, nullable=False, server_default=""), schema=SCHEMA)
    op.add_column("contacts", sa.Column("ringing", sa.Integer, nullable=False, server_default="0"), schema=SCHEMA)
    op.create_index(
        "offers_one_ring_per_contact", "offers", ["tenant_id", "contact_id"], unique=True, schema=SCHEMA,
        postgresql_where=sa.text("state = 'PENDING' and not companion"),
    )  # fmt: skip
    op.create_index(
        "offers_ringing", "offers", ["tenant_id", "contact_id"], schema=SCHEMA,
        postgresql_where=sa.text("state = 'PENDING'"),
    )  # fmt: skip
    op.drop_index("offers_one_per_contact", "offers", schema=SCHEMA)

"""Five ways to wrap up, agents who come back after a missed offer, reasons to be away, and several contacts at once."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table
from chassis.sql import Json, Time

revision = "routing_0009"
down_revision = "routing_0008"
SCHEMA = "routing"


def upgrade() -> None:
    """Queues of before wrap up as they did, and nobody comes back by themselves. Whoever is on a contact whose channel
    isn't said is on a call (store/agents.py): no other was there, and processes of before write none meanwhile."""
    added = (
        ("queues", "wrap_up_mode", sa.Text, "MANDATORY"), ("queues", "wrap_up_extension_ms", sa.BigInteger, "0"),
        ("queues", "missed_offer_return_ms", sa.BigInteger, "0"),
        ("contacts", "wrap_up_mode", sa.Text, ""), ("contacts", "wrap_up_wanted", sa.Boolean, "false"),
        ("contacts", "wrap_up_extension_ms", sa.BigInteger, "0"),
        ("agents", "reason_id", sa.Text, ""), ("agents", "next_reason_id", sa.Text, ""),
        ("agents", "missed_offers", sa.Integer, "0"), ("agents", "missed_in_row", sa.Integer, "0"),
        ("agents", "channel", sa.Text, ""), ("agents", "others", Json, "[]"), ("agents", "capacities", Json, "{}"),
    )  # fmt: skip
    for table, name, kind, default in added:
        op.add_column(table, sa.Column(name, kind, nullable=False, server_default=default), schema=SCHEMA)
    create_tenant_table(
        op, SCHEMA, "capacity_rules",
        sa.Column("channels", Json, nullable=False),
        sa.Column("update_time", Time, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )  # fmt: skip
    op.add_column("contacts", sa.Column("wrap_up_least_time", Time), schema=SCHEMA)
    op.add_column("agents", sa.Column("return_time", Time), schema=SCHEMA)
    op.create_index(
        "agents_returning", "agents", ["tenant_id", "return_time"], schema=SCHEMA,
        postgresql_where=sa.text("return_time is not null"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "not_ready_reasons",
        sa.Column("not_ready_reason_id", sa.Text, primary_key=True),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("name_key", sa.Text, nullable=False),
        sa.Column("names", Json, nullable=False),
        sa.Column("color", sa.Text, nullable=False),
        sa.Column("paid", sa.Boolean, nullable=False),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Column("update_time", Time, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("tenant_id", "name_key", name="not_ready_reasons_by_name"),
    )  # fmt: skip

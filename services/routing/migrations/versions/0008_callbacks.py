"""Callbacks, the contacts that wait for them, and how queues call back."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table
from chassis.sql import Json, Time

revision = "routing_0008"
down_revision = "routing_0007"
SCHEMA = "routing"


def upgrade() -> None:
    """Queues of before call back by the usual rules."""
    op.add_column("queues", sa.Column("callbacks", Json, nullable=False, server_default="{}"), schema=SCHEMA)
    op.add_column("contacts", sa.Column("callback_id", sa.Text, nullable=False, server_default=""), schema=SCHEMA)
    create_tenant_table(
        op, SCHEMA, "callbacks",
        sa.Column("callback_id", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("queue_id", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("caller_name", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("brand_id", sa.Text, nullable=False),
        sa.Column("dialed_number", sa.Text, nullable=False),
        sa.Column("required_skills", Json, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("attributes", Json, nullable=False),
        sa.Column("preferred_agent_id", sa.Text, nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("place_time", Time, nullable=False),
        sa.Column("due_time", Time, nullable=False),
        sa.Column("expire_time", Time, nullable=False),
        sa.Column("previous_contact_id", sa.Text, nullable=False),
        sa.Column("contact_id", sa.Text, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("release_time", Time),
        sa.Column("close_time", Time),
        sa.Column("dial_by_time", Time),
        sa.Column("next_time", Time),
        sa.Column("attempts", Json, nullable=False),
        sa.Column("end_time", Time),
        sa.Column("cancel_reason", sa.Text, nullable=False),
        sa.Column("traceparent", sa.Text, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Column("update_time", Time, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Index("callbacks_by_time", "tenant_id", "create_time", "callback_id"),
        sa.Index("callbacks_by_queue", "tenant_id", "queue_id", "create_time"),
        sa.Index("callbacks_due", "tenant_id", "next_time", postgresql_where=sa.text("next_time is not null")),
        sa.Index("callbacks_by_call", "tenant_id", "call_id", postgresql_where=sa.text("call_id <> ''")),
        sa.Index(
            "callbacks_one_open", "tenant_id", "queue_id", "number", unique=True,
            postgresql_where=sa.text("state in ('SCHEDULED', 'WAITING', 'CALLING')"),
        ),
    )  # fmt: skip

"""What is counted: contacts with their marks, holds, missed offers, counters, agents, queues and tenants' zones."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_standard_tables, create_tenant_table
from chassis.sql import Time

revision = "analytics_0001"
down_revision = None
SCHEMA = "analytics"
_COUNTERS = (
    "offered", "answered", "answered_within", "abandoned", "short_abandoned", "missed_offers", "wait", "talk", "hold",
    "acw", "handled", "handled_time",
)  # fmt: skip
_WAITING = sa.text("state IN ('QUEUED', 'OFFERED')")
_UNMEASURED = sa.text("threshold_seconds IS NULL")


def upgrade() -> None:
    create_standard_tables(op, SCHEMA)
    create_tenant_table(
        op, SCHEMA, "contacts",
        sa.Column("contact_id", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("queue_id", sa.Text, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("queue_time", Time, nullable=False),
        sa.Column("answer_time", Time),
        sa.Column("end_time", Time),
        sa.Column("wrap_up_end_time", Time),
        sa.Column("abandoned", sa.Boolean, nullable=False),
        sa.Column("short_abandon", sa.Boolean, nullable=False),
        sa.Column("threshold_seconds", sa.BigInteger),
        sa.Index("contacts_by_queue_time", "tenant_id", "queue_time"),
        sa.Index("contacts_by_call", "tenant_id", "call_id"),
        # Few contacts wait at any time, and few came before their queue was known.
        sa.Index("contacts_waiting", "tenant_id", "queue_id", "queue_time", postgresql_where=_WAITING),
        sa.Index("contacts_unmeasured", "tenant_id", "queue_id", postgresql_where=_UNMEASURED),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "hold_marks",
        sa.Column("call_id", sa.Text, primary_key=True),
        sa.Column("mark_time", Time, primary_key=True),
        sa.Column("held", sa.Boolean, primary_key=True),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "queue_intervals",
        sa.Column("queue_id", sa.Text, primary_key=True),
        sa.Column("start_time", Time, primary_key=True),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in _COUNTERS),
        sa.Index("queue_intervals_by_time", "tenant_id", "start_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "agent_intervals",
        sa.Column("agent_id", sa.Text, primary_key=True),
        sa.Column("start_time", Time, primary_key=True),
        sa.Column("handled", sa.BigInteger, nullable=False),
        sa.Index("agent_intervals_by_time", "tenant_id", "start_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "boards",
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("data_time", Time, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "missed_offers",
        sa.Column("offer_id", sa.Text, primary_key=True),
        sa.Column("queue_id", sa.Text, nullable=False),
        sa.Column("miss_time", Time, nullable=False),
        sa.Index("missed_offers_by_time", "tenant_id", "miss_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "agents",
        sa.Column("agent_id", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("state_time", Time, nullable=False),
        sa.Column("person_version", sa.BigInteger, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "queues",
        sa.Column("queue_id", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("threshold_seconds", sa.BigInteger, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
    )  # fmt: skip
    create_tenant_table(op, SCHEMA, "tenants", sa.Column("time_zone", sa.Text, nullable=False))

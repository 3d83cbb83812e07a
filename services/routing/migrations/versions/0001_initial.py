"""Queues, skills, hours, dispositions, agents, contacts, offers, decisions."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_standard_tables, create_tenant_table
from chassis.sql import Json, Time

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "routing"


def upgrade() -> None:
    """Create the tables of the first version."""
    create_standard_tables(op, SCHEMA)
    create_tenant_table(
        op, SCHEMA, "queues",
        sa.Column("queue_id", sa.Text, primary_key=True),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("required_skills", Json, nullable=False),
        sa.Column("offer_timeout_ms", sa.BigInteger, nullable=False),
        sa.Column("wrap_up_ms", sa.BigInteger, nullable=False),
        sa.Column("disposition_required", sa.Boolean, nullable=False),
        sa.Column("service_level_ms", sa.BigInteger, nullable=False),
        sa.Column("short_abandon_ms", sa.BigInteger, nullable=False),
        sa.Column("disposition_ids", Json, nullable=False),
        sa.Column("open_to_all", sa.Boolean, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Column("update_time", Time, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Index("queues_by_time", "tenant_id", "create_time", "queue_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "skills",
        sa.Column("skill_id", sa.Text, primary_key=True),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("name_key", sa.Text, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.UniqueConstraint("tenant_id", "name_key", name="skills_by_name"),
        sa.Index("skills_by_time", "tenant_id", "create_time", "skill_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "dispositions",
        sa.Column("disposition_id", sa.Text, primary_key=True),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Index("dispositions_by_time", "tenant_id", "create_time", "disposition_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "business_hours",
        sa.Column("business_hours_id", sa.Text, primary_key=True),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("intervals", Json, nullable=False),
        sa.Column("holidays", Json, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Column("update_time", Time, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Index("business_hours_by_time", "tenant_id", "create_time", "business_hours_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "agents",
        sa.Column("agent_id", sa.Text, primary_key=True),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("state_time", Time, nullable=False),
        sa.Column("idle_since", Time),
        sa.Column("skills", Json, nullable=False),
        sa.Column("queue_ids", Json, nullable=False),
        sa.Column("contact_id", sa.Text, nullable=False),
        sa.Column("next_state", sa.Text),
        sa.Column("next_reason", sa.Text, nullable=False),
        sa.Column("station_id", sa.Text, nullable=False),
        sa.Column("station_time", Time),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Column("update_time", Time, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Index("agents_by_name", "tenant_id", "display_name", "agent_id"),
        sa.Index("agents_by_state", "tenant_id", "state"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "contacts",
        sa.Column("contact_id", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("queue_id", sa.Text, nullable=False),
        sa.Column("queue_time", Time, nullable=False),
        sa.Column("brand_id", sa.Text, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("caller_number", sa.Text, nullable=False),
        sa.Column("caller_name", sa.Text, nullable=False),
        sa.Column("dialed_number", sa.Text, nullable=False),
        sa.Column("required_skills", Json, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("attributes", Json, nullable=False),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("answer_time", Time),
        sa.Column("end_time", Time),
        sa.Column("wrap_up_expire_time", Time),
        sa.Column("wrap_up_end_time", Time),
        sa.Column("disposition_id", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("offer_count", sa.Integer, nullable=False),
        sa.Column("traceparent", sa.Text, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Column("update_time", Time, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Index("contacts_by_time", "tenant_id", "create_time", "contact_id"),
        sa.Index("contacts_by_call", "tenant_id", "call_id"),
        sa.Index("contacts_by_queue", "tenant_id", "queue_id", "create_time"),
        sa.Index("contacts_by_customer", "tenant_id", "customer_id", "create_time"),
        sa.Index(
            "contacts_waiting", "tenant_id", "queue_id", "state",
            postgresql_where=sa.text("state in ('QUEUED', 'OFFERED')"),
        ),
        sa.Index(
            "contacts_handled", "tenant_id", "queue_id", "wrap_up_end_time",
            postgresql_where=sa.text("state = 'ENDED' and answer_time is not null"),
        ),
        sa.Index(
            "contacts_wrapping_up", "tenant_id", "wrap_up_expire_time", postgresql_where=sa.text("state = 'WRAP_UP'")
        ),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "offers",
        sa.Column("offer_id", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("contact_id", sa.Text, nullable=False),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("expire_time", Time, nullable=False),
        sa.Column("queue_id", sa.Text, nullable=False),
        sa.Column("queue_name", sa.Text, nullable=False),
        sa.Column("waited_ms", sa.BigInteger, nullable=False),
        sa.Column("answer_time", Time),
        sa.Column("create_time", Time, nullable=False),
        sa.Column("update_time", Time, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Index(
            "offers_one_per_agent", "tenant_id", "agent_id", unique=True,
            postgresql_where=sa.text("state = 'PENDING'"),
        ),
        sa.Index(
            "offers_one_per_contact", "tenant_id", "contact_id", unique=True,
            postgresql_where=sa.text("state = 'PENDING'"),
        ),
        sa.Index("offers_due", "tenant_id", "expire_time", postgresql_where=sa.text("state = 'PENDING'")),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "decisions",
        sa.Column("offer_id", sa.Text, primary_key=True),
        sa.Column("contact_id", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("candidates", Json, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Index("decisions_by_contact", "tenant_id", "contact_id", "create_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "ended_calls",
        sa.Column("call_id", sa.Text, primary_key=True),
        sa.Column("create_time", Time, nullable=False),
        sa.Index("ended_calls_by_time", "tenant_id", "create_time"),
    )  # fmt: skip

"""What callers answered to surveys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table
from chassis.tables import Time

revision = "flows_0007"
down_revision = "flows_0006"
branch_labels = None
depends_on = None

SCHEMA = "flows"


def upgrade() -> None:
    """Answers of before were told as facts alone."""
    create_tenant_table(
        op, SCHEMA, "survey_answers",
        sa.Column("answer_id", sa.Text, primary_key=True),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("question_id", sa.Text, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("flow_id", sa.Text, nullable=False),
        sa.Column("brand_id", sa.Text, nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.Column("lowest", sa.BigInteger, nullable=False),
        sa.Column("highest", sa.BigInteger, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("contact_id", sa.Text, nullable=False),
        sa.Column("queue_id", sa.Text, nullable=False),
        sa.Column("answer_time", Time, nullable=False),
        sa.Column("comment_ms", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("tenant_id", "run_id", "question_id", name="survey_answers_once"),
    )  # fmt: skip
    op.create_index(
        "survey_answers_by_time", "survey_answers", ["tenant_id", "answer_time", "answer_id"], schema=SCHEMA
    )

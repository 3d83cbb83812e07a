"""What numbers cost by, invoices that follow another of the same period, late usage no invoice can hold."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table
from chassis.sql import Time

revision = "billing_0006"
down_revision = "billing_0005"
SCHEMA = "billing"


def _text(table: str, name: str) -> None:
    op.add_column(table, sa.Column(name, sa.Text, nullable=False, server_default=""), schema=SCHEMA)


def upgrade() -> None:
    _text("level_changes", "price_class")
    for name in ("follows_invoice_id", "follows_number", "follow_kind", "followed_by_invoice_id"):
        _text("invoices", name)
    # A void invoice stays, and so does one that late usage is billed after: each has at most one that follows it.
    op.drop_constraint("one_invoice_a_period", "invoices", schema=SCHEMA)
    op.create_unique_constraint(
        "one_invoice_after_another", "invoices", ["tenant_id", "start_time", "follows_invoice_id"], schema=SCHEMA
    )
    create_tenant_table(
        op, SCHEMA, "left_out_usage",
        sa.Column("invoice_id", sa.Text, primary_key=True),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount", sa.Numeric, nullable=False),
        sa.Column("start_time", Time, nullable=False),
        sa.Column("end_time", Time, nullable=False),
        sa.Column("left_out_of", sa.Text, nullable=False),
        sa.Column("notice_time", Time, nullable=False),
        sa.Column("settle_time", Time),
        sa.Column("settled_by_invoice_id", sa.Text, nullable=False),
        sa.Index("left_out_usage_by_time", "tenant_id", "notice_time", "invoice_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "auto_top_ups",
        sa.Column("auto_top_up_id", sa.Text, primary_key=True),
        sa.Column("amount", sa.Numeric, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Column("next_time", Time),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("failure", sa.Text, nullable=False),
        sa.Index("auto_top_ups_by_time", "tenant_id", "next_time"),
    )  # fmt: skip

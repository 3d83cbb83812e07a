"""Invoices to resellers, their companies' periods, what brands and companies are called, bills to resold companies,
how far dialled numbers are erased."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table
from chassis.sql import Json, Time

revision = "billing_0009"
down_revision = "billing_0008"
SCHEMA = "billing"


def text(name: str, *, key: bool = False) -> sa.Column:
    return sa.Column(name, sa.Text, primary_key=True) if key else sa.Column(name, sa.Text, nullable=False)


def upgrade() -> None:
    create_tenant_table(
        op, SCHEMA, "resold_periods", sa.Column("start_time", Time, primary_key=True),
        sa.Column("end_time", Time, nullable=False), text("reseller_id"), text("wholesale_list_id"),
        sa.Column("record_time", Time, nullable=False), text("time_zone"),
        sa.Index("resold_periods_by_reseller", "tenant_id", "reseller_id"),
    )  # fmt: skip
    create_tenant_table(op, SCHEMA, "wholesale_accounts", sa.Column("last_end_time", Time, nullable=False))
    create_tenant_table(
        op, SCHEMA, "names", text("item_id", key=True), text("name"),
        sa.Column("version", sa.BigInteger, nullable=False),
    )  # fmt: skip
    create_tenant_table(op, SCHEMA, "number_erasures", sa.Column("until_time", Time, nullable=False), text("until_id"))
    for table in ("invoices", "client_bills"):
        op.add_column(table, sa.Column("names", Json, nullable=False, server_default="{}"), schema=SCHEMA)
    op.add_column("invoices", sa.Column("kind", sa.Text, nullable=False, server_default=""), schema=SCHEMA)
    # Beside its own invoice a reseller has one for its companies, in each currency they are owed in.
    op.drop_constraint("one_invoice_after_another", "invoices", schema=SCHEMA)
    op.create_unique_constraint(
        "one_invoice_of_a_kind", "invoices", ["tenant_id", "start_time", "kind", "currency", "follows_invoice_id"],
        schema=SCHEMA,
    )  # fmt: skip

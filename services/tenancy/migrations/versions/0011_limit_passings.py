"""Soft limits that companies went past."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table
from chassis.sql import Time

revision = "tenancy_0011"
down_revision = "tenancy_0010"
SCHEMA = "tenancy"


def _count(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger, nullable=False)


def upgrade() -> None:
    create_tenant_table(
        op, SCHEMA, "limit_passings", sa.Column("limit", sa.Text, primary_key=True), _count("allowed"), _count("used"),
        _count("count"), sa.Column("first_pass_time", Time, nullable=False),
        sa.Column("pass_time", Time, nullable=False),
    )  # fmt: skip

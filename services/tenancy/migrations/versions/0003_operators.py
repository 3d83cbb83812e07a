"""Operators are the people of the platform's own tenant, which holds nothing else; a tenant can be suspended."""

import sqlalchemy as sa
from alembic import op

revision = "tenancy_0003"
down_revision = "tenancy_0002"
SCHEMA = "tenancy"
PLATFORM = f"ten_{'0' * 26}"


def upgrade() -> None:
    op.add_column("tenants", sa.Column("suspend_reason", sa.Text, nullable=False, server_default=""), schema=SCHEMA)
    # An operator elsewhere would be let at every tenant, and anybody else here at none of their own.
    for table in ("users", "invitations"):
        operators_alone = f"(role = 'OPERATOR') = (tenant_id = '{PLATFORM}')"
        op.create_check_constraint(f"{table}_of_the_platform", table, operators_alone, schema=SCHEMA)
    for table in ("brands", "numbers", "api_keys"):
        op.create_check_constraint(f"{table}_of_companies", table, f"tenant_id <> '{PLATFORM}'", schema=SCHEMA)

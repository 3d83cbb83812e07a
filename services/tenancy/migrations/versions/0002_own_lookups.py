"""Lets a tenant's own transaction publish what leads to it and claim a number, so that neither can be lost half-way.

Also: sign-ins are counted by place, sign-in at an OpenID provider may accept an invitation, what is over can be found
to be swept, and the audit log can't be rewritten by whoever works with it.
"""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import TENANT_SETTING, app_role, system_role
from chassis.sql import Time

revision = "tenancy_0002"
down_revision = "tenancy_0001"
SCHEMA = "tenancy"
APP, SYSTEM = app_role(SCHEMA), system_role(SCHEMA)
TENANT = f"nullif(current_setting('{TENANT_SETTING}', true), '')"


def upgrade() -> None:
    _policies()
    _attempts()
    op.add_column("oidc_states", sa.Column("invitation", sa.Text, nullable=False, server_default=""), schema=SCHEMA)
    for table, column in (("oidc_states", "expire_time"), ("attempts", "expire_time")):
        op.create_index(f"{table}_by_{column}", table, [column], schema=SCHEMA)
    op.drop_index("refresh_tokens_by_session", "refresh_tokens", schema=SCHEMA)
    columns = ["tenant_id", "session_id", "use_time"]
    op.create_index("refresh_tokens_by_use", "refresh_tokens", columns, schema=SCHEMA)
    op.execute(f"REVOKE UPDATE, DELETE ON {SCHEMA}.audit_entries FROM {APP}, {SYSTEM}")


def _policies() -> None:
    own = f"tenant_id = {TENANT}"
    op.execute(f"CREATE POLICY own_tenant ON {SCHEMA}.lookups TO {APP} USING ({own}) WITH CHECK ({own})")
    op.execute(f"GRANT SELECT, INSERT, DELETE ON {SCHEMA}.lookups TO {APP}")
    mine = f"holder = '' OR holder = {TENANT}"
    op.execute(f"CREATE POLICY free_or_own ON {SCHEMA}.inventory TO {APP} USING ({mine}) WITH CHECK ({mine})")
    op.execute(f"GRANT SELECT, UPDATE ON {SCHEMA}.inventory TO {APP}")
    op.create_index("lookups_by_tenant", "lookups", ["tenant_id", "kind", "target"], schema=SCHEMA)
    op.create_index("inventory_by_holder", "inventory", ["holder", "number"], schema=SCHEMA)


def _attempts() -> None:
    op.add_column("attempts", sa.Column("known_until", Time), schema=SCHEMA)
    # A row of before lives on as if it had just begun.
    op.add_column(
        "attempts",
        sa.Column("expire_time", Time, nullable=False, server_default=sa.text("current_timestamp")),
        schema=SCHEMA,
    )

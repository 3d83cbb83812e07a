"""Usage by brand: what is kept of a day is kept by brand, and what lasts knows whose it is.

Rows of before have the brand '?': billing makes their days anew from the records when it starts.
"""

import sqlalchemy as sa
from alembic import op

revision = "billing_0007"
down_revision = "billing_0006"
SCHEMA = "billing"


def upgrade() -> None:
    op.add_column("level_changes", sa.Column("brand_id", sa.Text, nullable=False, server_default=""), schema=SCHEMA)
    for table, more in (("usage_days", ""), ("usage_values", ", value")):
        brand = sa.Column("brand_id", sa.Text, nullable=False, server_default="?")
        op.add_column(table, brand, schema=SCHEMA)
        key, named = f"(tenant_id, meter, day, properties, brand_id{more})", f"CONSTRAINT {table}_pkey"
        op.execute(f"ALTER TABLE {SCHEMA}.{table} DROP {named}, ADD {named} PRIMARY KEY {key}")
        op.alter_column(table, "brand_id", server_default=None, schema=SCHEMA)

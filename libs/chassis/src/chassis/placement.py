"""Where rows are kept when the database is a CockroachDB over several regions: at their tenant's home.

A tenant's id says its home region, so each row's region is computed from the row alone: no insert has to name it, and
the optimizer asks one region only where a statement names a tenant, also to see that a key is new. PostgreSQL has no
regions: nothing of this is said to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

COLUMN = "home_region"
_SURVIVES_A_REGION = 3
"""Regions it takes to lose one and go on; one of them may hold no tenants."""


def database_statements(database: str, regions: Sequence[str]) -> Iterable[str]:
    """What the administrator runs once, and again when a region is added. The first region is the primary one."""
    primary, *others = regions
    yield f'ALTER DATABASE "{database}" SET PRIMARY REGION "{primary}"'
    for region in others:
        yield f'ALTER DATABASE "{database}" ADD REGION IF NOT EXISTS "{region}"'
    if len(regions) >= _SURVIVES_A_REGION:
        yield f'ALTER DATABASE "{database}" SURVIVE REGION FAILURE'


def table_statements(schema: str, table: str, regions: Sequence[str]) -> Iterable[str]:
    """What places a tenant table's rows; may be repeated. Tenants whose id names no known region, such as those of
    before there were several, are at home in the primary one."""
    name = f'"{schema}"."{table}"'
    homes = " ".join(f"WHEN '{region}' THEN '{region}'" for region in regions[1:])
    home = f"CASE split_part(tenant_id, '_', 3) {homes} ELSE '{regions[0]}' END"
    yield f"ALTER TABLE {name} ADD COLUMN IF NOT EXISTS {COLUMN} crdb_internal_region NOT NULL AS ({home}) STORED"
    yield f"ALTER TABLE {name} SET LOCALITY REGIONAL BY ROW AS {COLUMN}"

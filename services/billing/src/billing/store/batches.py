"""Many rows in one statement: as arrays, so that it is compiled once whatever their number."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, Table, Text, cast, func, select
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert


def inserting_all(table: Table, rows: Sequence[Mapping[str, Any]]) -> Insert:
    """An insert of the rows, each of which has every column."""
    names = [column.name for column in table.columns]
    jsons = {column.name for column in table.columns if isinstance(column.type, JSONB)}
    arrays = [
        cast(
            [json.dumps(row[name]) if name in jsons else row[name] for row in rows],
            ARRAY(Text() if name in jsons else table.c[name].type),
        )
        for name in names
    ]
    given = func.unnest(*arrays).table_valued(*names).render_derived(name="given")
    chosen = [cast(given.c[name], JSONB) if name in jsons else given.c[name] for name in names]
    return insert(table).from_select(names, select(*chosen))

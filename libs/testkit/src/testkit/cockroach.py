"""Keeps what we say to the database within what CockroachDB understands too."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql import ClauseElement
from sqlalchemy_cockroachdb.asyncpg import CockroachDBDialect_asyncpg

DENIED = {
    r"\bLISTEN\b|\bNOTIFY\b": "LISTEN and NOTIFY",
    r"\bpg_(try_)?advisory": "advisory locks",
    r"\bCREATE\s+(OR\s+REPLACE\s+)?(CONSTRAINT\s+)?TRIGGER\b": "triggers",
    r"\bCREATE\s+SEQUENCE\b|\bnextval\s*\(|\b(BIG|SMALL)?SERIAL\b|\bGENERATED\b.*\bAS IDENTITY\b": "sequences as ids",
    r"\bEXCLUDE\s+(USING|\()": "exclusion constraints",
    r"\bsecurity_invoker\b": "security-invoker views",
    r"\bLOCK\s+TABLE\b": "table locks",
    r"\bUNLOGGED\b|\bINHERITS\b": "storage options of PostgreSQL",
    r"\bWITH\s+HOLD\b": "cursors that outlive a transaction",
    r"\bxmin\b|\bctid\b": "system columns of PostgreSQL",
}
"""What CockroachDB lacks or what we don't rely on: pattern -> name."""

_dialect = CockroachDBDialect_asyncpg()
_seen: set[Any] = set()
"""Keys of statements that were found good, of every engine of this process: compiling them anew for each test's engine
took a quarter of such a test's time."""


def denied_in(sql: str) -> list[str]:
    """Which denied features a piece of SQL uses."""
    return [name for pattern, name in DENIED.items() if re.search(pattern, sql, re.IGNORECASE | re.DOTALL)]


def check_statements(engine: AsyncEngine) -> None:
    """From now on each statement of this engine is compiled for CockroachDB as well, and held to the list: once in a
    process, where its key says that it reads the same."""

    def check(_: Any, statement: Any, *__: Any) -> None:
        if not isinstance(statement, ClauseElement):
            return
        key = statement._generate_cache_key()
        if key is not None and key.key in _seen:
            return
        found = denied_in(str(statement.compile(dialect=_dialect)))
        assert not found, f"CockroachDB would refuse this statement: {found}\n{statement}"
        if key is not None:
            _seen.add(key.key)

    event.listen(engine.sync_engine, "before_execute", check)

"""What a database error means: run the transaction again, the database is away, or a bug."""

from __future__ import annotations

from kernel.errors import Unavailable
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# serialization_failure (also CockroachDB's "restart transaction") and deadlock_detected.
_RUN_AGAIN = {"40001", "40P01"}
REFUSED = frozenset({"28P01", "28000"})
"""invalid_password and invalid_authorization_specification (PostgreSQL, appendix A)."""
# Class 08 connection exceptions; shutdown, crash, starting up, too many connections; CockroachDB's
# ambiguous result (40003) is treated as lost: it may have held. Who refuses our password may take it soon: it is
# changed in the database and in the secret one after the other.
_LOST = {"57P01", "57P02", "57P03", "53300", "40003", *REFUSED}


class DatabaseUnavailable(Unavailable):
    """The database can't be reached or is overloaded; the same request may succeed later."""

    reason = "DATABASE_UNAVAILABLE"


class TryAgain(Exception):
    """Raised inside a transaction to have it run again from the start."""


def sqlstate(error: BaseException) -> str:
    """The five-character SQLSTATE, or empty."""
    original = getattr(error, "orig", None)
    for candidate in (original, getattr(original, "__cause__", None), error):
        for name in ("sqlstate", "pgcode"):
            value = getattr(candidate, name, None)
            if isinstance(value, str):
                return value
    return ""


def must_run_again(error: BaseException) -> bool:
    """Whether the same closure may succeed when it is run again at once."""
    if isinstance(error, TryAgain) or sqlstate(error) in _RUN_AGAIN:
        return True
    # A migration on the live table changed what a prepared statement returns; it is prepared anew.
    return sqlstate(error) == "0A000" and "cached" in str(getattr(error, "orig", ""))


def connection_lost(error: BaseException) -> bool:
    """Whether the database (or the way to it) is away."""
    if isinstance(error, TryAgain):
        return False
    if isinstance(error, OSError | TimeoutError | PoolTimeout):
        return True
    code = sqlstate(error)
    if code in _LOST or code.startswith("08"):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    # asyncpg's own "connection is closed" carries no SQLSTATE.
    return isinstance(error, InterfaceError) and not code and "clos" in str(error.orig)

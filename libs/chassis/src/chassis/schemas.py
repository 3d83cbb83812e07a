"""A service's schema from outside: its roles, and the migrations that make it. Loads nothing heavy."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from pathlib import Path
from urllib.parse import quote, urlsplit

from chassis.settings import SERVICES

_HERE = Path(__file__).parent
_MAKERS = ("migrate.py", "migrations.py", "schemas.py", "steps.py", "tables.py")


def owner_role(schema: str) -> str:
    """Owns the service's tables; nobody logs in as it."""
    return f"merkez_{schema}_owner"


def app_role(schema: str) -> str:
    """What the service works as: one tenant at a time."""
    return f"merkez_{schema}"


def system_role(schema: str) -> str:
    """What the service's sweeps and relays work as: all tenants."""
    return f"merkez_{schema}_system"


def role_url(database_url: str, service: str, password: str, *, system: bool = False) -> str:
    """A database's URL, whoever it is for, turned into that of a service's login role."""
    role = system_role(service) if system else app_role(service)
    parts = urlsplit(database_url)
    where = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{role}:{quote(password, safe='')}@{where}").geturl()


def migrations_of(service: str) -> Path:
    """The folder of a service's migrations: beside its sources, or under MERKEZ_SERVICES_DIR."""
    if base := os.environ.get("MERKEZ_SERVICES_DIR"):
        return Path(base) / service / "migrations" / "versions"
    spec = importlib.util.find_spec(service)
    if spec is None or spec.origin is None:
        raise LookupError(f"there is no service {service!r}")
    return Path(spec.origin).parents[2] / "migrations" / "versions"


def services_with_migrations() -> list[str]:
    """The services that own a schema, in their start order."""
    return [name for name in SERVICES if any(migrations_of(name).glob("[0-9]*.py"))]


def fingerprint() -> str:
    """Changes whenever migrating could do something new: a digest of every migration and of what runs them."""
    digest = hashlib.sha256()
    makers = [_HERE / name for name in _MAKERS]
    for path in [*makers, *(path for name in SERVICES for path in sorted(migrations_of(name).glob("*.py")))]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()

"""Where the installation is that is looked at: the variables its services have, and a few more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chassis.settings import ProcessSettings, secret, url_wrong

_ADMINISTRATORS = ("postgresql+asyncpg", "cockroachdb+asyncpg")


@dataclass(frozen=True, kw_only=True)
class OpsSettings(ProcessSettings):
    """`MERKEZ_<FIELD>`; what isn't told isn't looked at, and `doctor` says so."""

    service: str = "ops"
    admin_database_url: str = secret("")
    """As for the migrations: who may read every schema's version."""
    gateway_url: str = ""
    """http(s) address of the gateway as it is reached from here."""
    public_url: str = ""
    """What browsers call it; its certificate is looked at when it is https."""
    turn_urls: str = ""
    """What browsers are told of, with commas."""
    certificates: tuple[str, ...] = ()
    """PEM files whose expiry is looked at beside those of mTLS."""

    def wrong(self) -> Iterator[str]:
        """As every process's."""
        yield from super().wrong()
        yield from url_wrong("admin_database_url", self.admin_database_url, _ADMINISTRATORS, "root@host:26257/merkez")
        for name in ("gateway_url", "public_url"):
            yield from url_wrong(name, getattr(self, name), ("http", "https"), "cc.example.com")

"""What tenancy reads from its environment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parseaddr

from chassis.settings import ProcessSettings, secret, url_wrong, variable


@dataclass(frozen=True, kw_only=True)
class Settings(ProcessSettings):
    """Signing, mail and OpenID Connect."""

    signing_keys: str = ""
    """Path of the JWKS that signs access tokens (the first key signs, all verify); empty keeps one in `data_dir`."""
    public_url: str = "http://localhost:8080"
    """Where people reach the web app; begins the links in e-mails."""
    smtp_url: str = secret("")
    """smtp://user:password@host:587 or smtps://…; empty sends no e-mail."""
    smtp_sender: str = "Merkez <no-reply@localhost>"
    oidc_issuer: str = ""
    """Issuer of the OpenID provider; empty switches sign-in by it off."""
    oidc_client_id: str = ""
    oidc_client_secret: str = secret("")
    oidc_display_name: str = "OpenID"

    def wrong(self) -> Iterator[str]:
        """As every process's, and addresses nobody could be reached at."""
        yield from super().wrong()
        yield from url_wrong("public_url", self.public_url, ("http", "https"), "host")
        yield from url_wrong("smtp_url", self.smtp_url, ("smtp", "smtps"), "user:password@host:587")
        if "@" not in parseaddr(self.smtp_sender)[1]:
            yield f"{variable('smtp_sender')} must be an address, such as Merkez <no-reply@example.com>"
        yield from url_wrong("oidc_issuer", self.oidc_issuer, ("https", "http"), "host")
        if self.oidc_issuer and not self.oidc_client_id:
            yield f"{variable('oidc_client_id')} is missing: {variable('oidc_issuer')} needs it"

"""What tenancy reads from its environment."""

from __future__ import annotations

from dataclasses import dataclass

from chassis.settings import ProcessSettings, secret


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

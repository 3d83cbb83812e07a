"""What tenancy reads from its environment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parseaddr

from chassis.settings import ProcessSettings, secret, url_wrong, variable

from tenancy.carriers.hooks import key_of
from tenancy.tokens import PROFILES


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
    password_profile: str = "rfc9106"
    """What a password's hash costs: rfc9106 (64 MiB, a tenth of a second of a core) or owasp (19 MiB, a fiftieth), the
    least that OWASP holds to be safe, for small machines. Passwords hashed by the other one still fit."""
    oidc_issuer: str = ""
    """Issuer of the OpenID provider; empty switches sign-in by it off."""
    oidc_client_id: str = ""
    oidc_client_secret: str = secret("")
    oidc_display_name: str = "OpenID"

    quarantine_days: int = 45
    """How long a number rests that a company gives back; 0: not at all. Operators may say otherwise of one number."""
    carrier: str = "none"
    """Who ports numbers: none, rest (the carrier at `carrier_url`), or simulated, for trying things out only: it ports
    whatever it is asked to."""
    carrier_url: str = ""
    carrier_token: str = secret("")
    carrier_webhook_secret: str = secret("")
    """As the carrier gave it, such as whsec_...; empty takes no webhooks: orders are asked for now and then anyway."""

    def wrong(self) -> Iterator[str]:
        """As every process's, and addresses nobody could be reached at."""
        yield from super().wrong()
        yield from url_wrong("public_url", self.public_url, ("http", "https"), "host")
        yield from url_wrong("smtp_url", self.smtp_url, ("smtp", "smtps"), "user:password@host:587")
        if "@" not in parseaddr(self.smtp_sender)[1]:
            yield f"{variable('smtp_sender')} must be an address, such as Merkez <no-reply@example.com>"
        if not 0 <= self.quarantine_days <= 731:
            yield f"{variable('quarantine_days')} must be 0 to 731"
        if self.password_profile not in PROFILES:
            yield f"{variable('password_profile')} must be one of {', '.join(PROFILES)}"
        yield from self._carrier_wrong()
        yield from url_wrong("oidc_issuer", self.oidc_issuer, ("https", "http"), "host")
        if self.oidc_issuer and not self.oidc_client_id:
            yield f"{variable('oidc_client_id')} is missing: {variable('oidc_issuer')} needs it"

    def _carrier_wrong(self) -> Iterator[str]:
        if self.carrier not in ("none", "rest", "simulated"):
            yield f"{variable('carrier')} must be none, rest or simulated"
        yield from url_wrong("carrier_url", self.carrier_url, ("https", "http"), "host")
        if self.carrier == "rest" and not (self.carrier_url and self.carrier_token):
            needed = f"{variable('carrier_url')} and {variable('carrier_token')}"
            yield f"{needed} are needed with {variable('carrier')}=rest"
        if self.carrier != "none" and not self.internal_key:
            yield f"{variable('internal_key')} is missing: it seals what port orders hold"
        if self.carrier_webhook_secret:
            try:
                key_of(self.carrier_webhook_secret)
            except ValueError as error:
                yield f"{variable('carrier_webhook_secret')} {error}"

"""What an OpenID provider must have said for somebody to be let in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from kernel.errors import InvalidInput, Unauthenticated, Unavailable

from tenancy.domain import fields

STATE_LIFE = timedelta(minutes=10)


class OidcSignInRefused(Unauthenticated):
    """The provider's answer doesn't hold, or nobody here has the address."""

    reason = "OIDC_SIGN_IN_REFUSED"


class OidcProviderUnavailable(Unavailable):
    """The OpenID provider doesn't answer."""

    reason = "OIDC_PROVIDER_UNAVAILABLE"


@dataclass(frozen=True)
class Identity:
    """Somebody the provider vouches for."""

    email: str
    name: str


def identity_of(claims: Mapping[str, Any]) -> Identity:
    """Who the claims of a checked ID token are about. Raises `OidcSignInRefused` without a verified e-mail address.

    `email_verified` is a JSON boolean (OpenID Connect Core 5.1); some providers send it as text.
    """
    email = fields.normal_email(str(claims.get("email") or ""))
    if email is None or claims.get("email_verified") not in (True, "true"):
        raise OidcSignInRefused("The provider doesn't vouch for an e-mail address.")
    try:
        name = fields.name(str(claims.get("name") or ""))
    except InvalidInput:
        name = email
    return Identity(email, name)


def check_redirect(redirect_uri: str, public_url: str) -> None:
    """Raises `FieldInvalid` for a place that isn't ours: a code must not be sent to strangers."""
    ours = f"{public_url.rstrip('/')}/"
    # A backslash or a blank is read differently by different parsers of addresses.
    if not redirect_uri.startswith(ours) or any(c in "\\#" or c.isspace() for c in redirect_uri):
        raise fields.FieldInvalid.of("redirect_uri", f"must begin with {ours}")

"""Talks to an OpenID provider: authorization code with PKCE, by authlib; the ID token's signature by joserfc."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from authlib.common.security import generate_token
from authlib.deprecate import AuthlibDeprecationWarning
from authlib.oidc.core import CodeIDToken
from chassis.given import given
from chassis.telemetry import log
from httpx import HTTPError
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from kernel.clock import Clock

from tenancy.domain.oidc import STATE_LIFE, Identity, OidcProviderUnavailable, OidcSignInRefused, identity_of
from tenancy.settings import Settings
from tenancy.store.oidc_states import Begun

with warnings.catch_warnings():
    # It would rather have httpx2 and says so to whoever reads the log; httpx is what the rest of Merkez speaks.
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuthError

_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
_LEEWAY_SECONDS = 60
_METADATA_SECONDS = 3600.0
_METADATA = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class OpenIdProvider:
    """The provider this installation is configured with."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.display_name = settings.oidc_display_name
        self.public_url = settings.public_url
        self._settings = settings
        self._secret = given(settings, "oidc_client_secret")
        self._clock = clock
        self._metadata: Mapping[str, Any] = {}
        self._read_at = 0.0

    async def begin(self, redirect_uri: str, invitation: str) -> tuple[str, Begun]:
        """The provider's address to open, and what to remember. Raises `OidcProviderUnavailable`."""
        nonce, verifier = generate_token(32), generate_token(64)
        metadata = await self._discover()
        async with self._client(redirect_uri) as client:
            uri, state = client.create_authorization_url(
                metadata["authorization_endpoint"], nonce=nonce, code_verifier=verifier
            )
        return uri, Begun(state, nonce, verifier, redirect_uri, invitation, self._clock.now() + STATE_LIFE)

    async def identify(self, code: str, begun: Begun) -> Identity:
        """Whom the provider vouches for. Raises `OidcSignInRefused`, `OidcProviderUnavailable`."""
        metadata = await self._discover()
        try:
            id_token, keys = await self._exchange(metadata, code, begun)
            # A key in the token's own header is never looked at: only those the provider publishes.
            found = jwt.decode(id_token, KeySet.import_key_set(keys), algorithms=_ALGORITHMS)
            self._check(found.header, found.claims, metadata["issuer"], begun.nonce)
        except HTTPError as error:
            raise _away() from error
        except (JoseError, OAuthError, LookupError, TypeError, ValueError) as error:
            # Signed wrongly, of somebody else, refused by the provider, or not of the shape the standard gives it.
            log.warning("an OpenID sign-in was refused", kind=type(error).__name__)
            raise OidcSignInRefused("The OpenID provider's answer doesn't hold: begin again.") from error
        return identity_of(found.claims)

    async def _exchange(self, metadata: Mapping[str, Any], code: str, begun: Begun) -> tuple[str, Any]:
        async with self._client(begun.redirect_uri) as client:
            token = await client.fetch_token(metadata["token_endpoint"], code=code, code_verifier=begun.code_verifier)
            answer = await client.request("GET", metadata["jwks_uri"], withhold_token=True)
            answer.raise_for_status()
            return str(token["id_token"]), answer.json()

    def _check(self, header: Any, claims: Any, issuer: str, nonce: str) -> None:
        # OpenID Connect Core 3.1.3.7
        client_id = self._settings.oidc_client_id
        options: dict[str, Any] = {
            "iss": {"essential": True, "value": issuer},
            "aud": {"essential": True, "value": client_id},
            "nonce": {"essential": True, "value": nonce},
        }
        CodeIDToken(claims, header, options, {"nonce": nonce, "client_id": client_id}).validate(
            now=int(self._clock.now().timestamp()), leeway=_LEEWAY_SECONDS
        )

    async def _discover(self) -> Mapping[str, Any]:
        if self._metadata and self._clock.monotonic() - self._read_at < _METADATA_SECONDS:
            return self._metadata
        issuer = self._settings.oidc_issuer.rstrip("/")
        try:
            async with self._client("") as client:
                answer = await client.request("GET", f"{issuer}/.well-known/openid-configuration", withhold_token=True)
                answer.raise_for_status()
                metadata = answer.json()
            complete = all(isinstance(metadata[name], str) for name in (*_METADATA, "issuer"))
        except (HTTPError, LookupError, TypeError, ValueError) as error:
            log.warning("the OpenID provider could not be read", kind=type(error).__name__)
            raise _away() from error
        if not complete or metadata["issuer"].rstrip("/") != issuer:
            log.error("the OpenID provider describes itself as another one than configured")
            raise _away()
        self._metadata, self._read_at = metadata, self._clock.monotonic()
        return self._metadata

    def _client(self, redirect_uri: str) -> Any:  # authlib ships no types
        secret = self._secret()
        return AsyncOAuth2Client(
            client_id=self._settings.oidc_client_id,
            client_secret=secret,
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
            redirect_uri=redirect_uri or None,
            scope="openid email profile",
            code_challenge_method="S256",
            timeout=5,
        )


def _away() -> OidcProviderUnavailable:
    return OidcProviderUnavailable("The OpenID provider doesn't answer: try again.")

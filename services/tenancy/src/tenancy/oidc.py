"""Sign-in at an OpenID provider: authorization code with PKCE, by authlib; the ID token is checked by joserfc.

A user signs in by the verified e-mail address of an account that exists or was invited; nobody is created out of
nothing. The state of a sign-in under way is a row, so that any replica can end it.
"""

from __future__ import annotations

import hmac
import time
from datetime import timedelta
from typing import Any

from authlib.common.security import generate_token
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from chassis.sql import Database, Tx
from chassis.telemetry import log
from httpx import HTTPError
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from kernel.errors import Unauthenticated, Unavailable
from sqlalchemy import delete, insert

from tenancy.domain.fields import invalid
from tenancy.ops import people, sessions
from tenancy.ops.sessions import OpenSession
from tenancy.settings import Settings
from tenancy.store.tables import oidc_states

_STATE_LIFE = timedelta(minutes=10)
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"]


class OidcSignInRefused(Unauthenticated):
    """The provider's answer doesn't hold, or nobody here has the address."""

    reason = "OIDC_SIGN_IN_REFUSED"


class ProviderUnavailable(Unavailable):
    """The OpenID provider doesn't answer."""

    reason = "OIDC_PROVIDER_UNAVAILABLE"


class OpenIdProvider:
    """The provider this installation is configured with."""

    def __init__(self, settings: Settings, db: Database) -> None:
        self.display_name = settings.oidc_display_name
        self._settings = settings
        self._db = db
        self._metadata: dict[str, Any] = {}

    async def start(self, redirect_uri: str) -> str:
        """The provider's address to open. Raises `ProviderUnavailable`, `FieldInvalid` for a foreign redirect."""
        if not redirect_uri.startswith(f"{self._settings.public_url}/"):
            raise invalid("redirect_uri", f"must begin with {self._settings.public_url}/")
        nonce, verifier = generate_token(32), generate_token(64)
        now = self._db.clock.now()
        metadata = await self._discover()
        async with self._client(redirect_uri) as client:
            uri, state = client.create_authorization_url(
                metadata["authorization_endpoint"], nonce=nonce, code_verifier=verifier
            )
        row = {
            "state": state, "nonce": nonce, "code_verifier": verifier, "redirect_uri": redirect_uri,
            "expire_time": now + _STATE_LIFE,
        }  # fmt: skip

        async def keep(tx: Tx) -> None:
            await tx.execute(delete(oidc_states).where(oidc_states.c.expire_time < now))
            await tx.execute(insert(oidc_states).values(**row))

        await self._db.system(keep)
        return uri

    async def finish(self, code: str, state: str, redirect_uri: str) -> OpenSession:
        """Code for session. Raises `OidcSignInRefused`, `ProviderUnavailable`."""
        begun = await self._db.system(lambda tx: _take_state(tx, state))
        if begun is None or begun["redirect_uri"] != redirect_uri or begun["expire_time"] < self._db.clock.now():
            raise OidcSignInRefused("This sign-in wasn't begun here, or is too old: begin again.")
        claims = await self._claims(code, begun, redirect_uri)
        if not claims.get("email") or not claims.get("email_verified"):
            raise OidcSignInRefused("The provider doesn't vouch for an e-mail address.")
        email, name = str(claims["email"]).lower(), str(claims.get("name") or claims["email"])
        return await self._db.system(lambda tx: _sign_in(tx, email, name, self._db.clock.now()))

    async def _claims(self, code: str, begun: Any, redirect_uri: str) -> CodeIDToken:
        metadata = await self._discover()
        try:
            async with self._client(redirect_uri) as client:
                token = await client.fetch_token(
                    metadata["token_endpoint"], code=code, code_verifier=begun["code_verifier"]
                )
                keys = (await client.get(metadata["jwks_uri"], withhold_token=True)).json()
            found = jwt.decode(token["id_token"], KeySet.import_key_set(keys), algorithms=_ALGORITHMS)
            options: dict[str, Any] = {
                "iss": {"essential": True, "value": metadata["issuer"]},
                "aud": {"essential": True, "value": self._settings.oidc_client_id},
            }
            params = {"nonce": begun["nonce"], "client_id": self._settings.oidc_client_id}
            claims = CodeIDToken(found.claims, found.header, options, params)
            claims.validate(now=int(time.time()), leeway=60)
        except HTTPError as error:
            raise ProviderUnavailable("The OpenID provider doesn't answer: try again.") from error
        except (JoseError, KeyError, ValueError, Exception) as error:
            log.warning("an OpenID sign-in was refused", kind=type(error).__name__)
            raise OidcSignInRefused("The OpenID provider's answer doesn't hold: begin again.") from error
        if not hmac.compare_digest(str(claims.get("nonce", "")), begun["nonce"]):
            raise OidcSignInRefused("The OpenID provider answered another sign-in: begin again.")
        return claims

    async def _discover(self) -> dict[str, Any]:
        if not self._metadata:
            issuer = self._settings.oidc_issuer.rstrip("/")
            try:
                async with self._client("") as client:
                    answer = await client.get(f"{issuer}/.well-known/openid-configuration", withhold_token=True)
                    answer.raise_for_status()
                    metadata = answer.json()
            except (HTTPError, ValueError) as error:
                raise ProviderUnavailable("The OpenID provider doesn't answer: try again.") from error
            if metadata.get("issuer", "").rstrip("/") != issuer:
                raise ProviderUnavailable("The OpenID provider calls itself by another issuer than configured.")
            self._metadata = metadata
        return self._metadata

    def _client(self, redirect_uri: str) -> Any:  # authlib ships no types
        return AsyncOAuth2Client(
            client_id=self._settings.oidc_client_id,
            client_secret=self._settings.oidc_client_secret,
            redirect_uri=redirect_uri or None,
            scope="openid email profile",
            code_challenge_method="S256",
            timeout=10,
        )


async def _take_state(tx: Tx, state: str) -> Any:
    rows = (
        (await tx.execute(delete(oidc_states).where(oidc_states.c.state == state).returning(*oidc_states.c)))
        .mappings()
        .all()
    )
    return rows[0] if rows else None


async def _sign_in(tx: Tx, email: str, name: str, now: Any) -> OpenSession:
    login = await sessions.login_of(tx, email)
    if login is not None:
        return await sessions.open_session(tx, login.tenant_id, login.user, now)
    opened = await people.accept_by_email(tx, email, name, now)
    if opened is None:
        raise OidcSignInRefused("Nobody here has this e-mail address: ask for an invitation.")
    return opened

"""Signing in and out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.sql import Database
from google.protobuf.empty_pb2 import Empty
from merkez.tenancy.v1 import session_pb2, session_service_pb2, session_service_pb2_grpc

from tenancy import convert
from tenancy.domain.secrets import SessionEnded, SignInRefused
from tenancy.oidc import OpenIdProvider
from tenancy.ops import sessions
from tenancy.ops.sessions import OpenSession
from tenancy.tokens import AccessTokenSigner, Passwords


@dataclass(frozen=True)
class SessionDesk:
    """What every way of signing in needs."""

    signer: AccessTokenSigner
    passwords: Passwords

    def session_out(self, opened: OpenSession, now: datetime) -> session_pb2.Session:
        """A session with a fresh access token."""
        token, expires = self.signer.sign(opened.user, opened.tenant_id, opened.session_id, now)
        return session_pb2.Session(
            session_id=opened.session_id,
            access_token=token,
            access_expire_time=convert.time(expires),
            refresh_token=opened.refresh_token,
            refresh_expire_time=convert.time(opened.expire_time),
            user=convert.user_out(opened.user),
            tenant_id=opened.tenant_id,
        )


class Sessions(session_service_pb2_grpc.SessionServiceServicer):
    """merkez.tenancy.v1.SessionService."""

    def __init__(self, db: Database, desk: SessionDesk, provider: OpenIdProvider | None) -> None:
        self._db = db
        self._desk = desk
        self._provider = provider

    async def SignIn(self, request: session_service_pb2.SignInRequest, context: Any) -> session_pb2.Session:
        now = self._db.clock.now()
        email, address = request.email.strip().lower()[:254], ""
        await self._db.system(lambda tx: sessions.read_attempts(tx, email, address, now))
        login = await self._db.system(lambda tx: sessions.login_of(tx, email))
        fits = await self._desk.passwords.verify(login.password_hash if login else "", request.password[:256])
        if login is None or not fits or login.user.state != "ACTIVE":
            await self._db.system(lambda tx: sessions.note_failure(tx, email, address, now))
            raise SignInRefused("The e-mail address or the password is wrong.")
        await self._db.system(lambda tx: sessions.forget_failures(tx, email, address))
        opened = await self._db.system(lambda tx: sessions.open_session(tx, login.tenant_id, login.user, now))
        return self._desk.session_out(opened, now)

    async def RefreshSession(
        self, request: session_service_pb2.RefreshSessionRequest, context: Any
    ) -> session_pb2.Session:
        now = self._db.clock.now()
        opened = await self._db.system(lambda tx: sessions.refresh(tx, request.refresh_token, now))
        if opened is None:
            raise SessionEnded("The session was ended, because its token was used twice: sign in again.")
        return self._desk.session_out(opened, now)

    async def SignOut(self, request: session_service_pb2.SignOutRequest, context: Any) -> Empty:
        await self._db.system(lambda tx: sessions.end_session(tx, request.refresh_token, self._db.clock.now()))
        return Empty()

    async def GetSignInOptions(
        self, request: session_service_pb2.GetSignInOptionsRequest, context: Any
    ) -> session_service_pb2.GetSignInOptionsResponse:
        return session_service_pb2.GetSignInOptionsResponse(
            oidc_enabled=self._provider is not None,
            oidc_display_name=self._provider.display_name if self._provider else "",
        )

    async def StartOidcSignIn(
        self, request: session_service_pb2.StartOidcSignInRequest, context: Any
    ) -> session_service_pb2.StartOidcSignInResponse:
        uri = await self._configured().start(request.redirect_uri)
        return session_service_pb2.StartOidcSignInResponse(authorization_uri=uri)

    async def FinishOidcSignIn(
        self, request: session_service_pb2.FinishOidcSignInRequest, context: Any
    ) -> session_pb2.Session:
        opened = await self._configured().finish(request.code, request.state, request.redirect_uri)
        return self._desk.session_out(opened, self._db.clock.now())

    async def GetSigningKeys(
        self, request: session_service_pb2.GetSigningKeysRequest, context: Any
    ) -> session_service_pb2.GetSigningKeysResponse:
        return session_service_pb2.GetSigningKeysResponse(jwks_json=self._desk.signer.public())

    def _configured(self) -> OpenIdProvider:
        if self._provider is None:
            raise SignInRefused("Sign-in by an OpenID provider isn't configured here.")
        return self._provider

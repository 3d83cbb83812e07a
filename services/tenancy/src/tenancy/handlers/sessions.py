"""Signing in and out."""

from __future__ import annotations

from typing import Any

from chassis.sql import Database
from google.protobuf.empty_pb2 import Empty
from kernel.features import Feature
from merkez.tenancy.v1 import session_pb2, session_service_pb2, session_service_pb2_grpc

from tenancy.desk import Desk, client_address
from tenancy.domain.oidc import OidcSignInRefused, check_redirect
from tenancy.domain.secrets import digest
from tenancy.domain.sessions import SessionEnded
from tenancy.oidc import OpenIdProvider
from tenancy.ops import oidc, people, sessions
from tenancy.ops.held import require_feature


class Sessions(session_service_pb2_grpc.SessionServiceServicer):
    """merkez.tenancy.v1.SessionService."""

    def __init__(self, db: Database, desk: Desk, provider: OpenIdProvider | None) -> None:
        self._db = db
        self._desk = desk
        self._provider = provider

    async def SignIn(self, request: session_service_pb2.SignInRequest, context: Any) -> session_pb2.Session:
        login = await self._desk.prove(request.email, request.password, client_address(context))
        return await self._desk.open(login)

    async def RefreshSession(
        self, request: session_service_pb2.RefreshSessionRequest, context: Any
    ) -> session_pb2.Session:
        now = self._db.clock.now()
        token = request.refresh_token
        tenant_id = await self._db.system(lambda tx: sessions.tenant_of_token(tx, token), read_only=True)
        opened = await self._db.run(tenant_id, lambda tx: sessions.refresh(tx, token, now))
        if opened is None:
            raise SessionEnded("The session was ended, because its token was used twice: sign in again.")
        return self._desk.session_out(opened)

    async def SignOut(self, request: session_service_pb2.SignOutRequest, context: Any) -> Empty:
        now, token = self._db.clock.now(), request.refresh_token
        try:
            tenant_id = await self._db.system(lambda tx: sessions.tenant_of_token(tx, token), read_only=True)
        except SessionEnded:
            return Empty()
        await self._db.run(tenant_id, lambda tx: sessions.end_session(tx, token, now))
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
        provider = self._configured()
        check_redirect(request.redirect_uri, provider.public_url)
        link = digest(request.invitation_secret) if request.invitation_secret else ""
        if link:
            found = await self._db.system(lambda tx: people.find_link(tx, link), read_only=True)
            # Before they go to the provider for nothing.
            await self._db.run(found.tenant_id, lambda tx: require_feature(tx, Feature.OIDC), read_only=True)
        uri, begun = await provider.begin(request.redirect_uri, link)
        await self._db.system(lambda tx: oidc.keep(tx, begun))
        return session_service_pb2.StartOidcSignInResponse(authorization_uri=uri)

    async def FinishOidcSignIn(
        self, request: session_service_pb2.FinishOidcSignInRequest, context: Any
    ) -> session_pb2.Session:
        provider, now = self._configured(), self._db.clock.now()
        begun = await self._db.system(lambda tx: oidc.take(tx, request.state, request.redirect_uri, now))
        if begun is None:
            raise OidcSignInRefused("This sign-in wasn't begun here, was ended already, or is too old: begin again.")
        who = await provider.identify(request.code, begun)
        login = await self._db.system(lambda tx: sessions.login_of(tx, who.email), read_only=True)
        if login is not None:
            if login.user.state != "ACTIVE":
                raise _nobody()
            opened = await self._db.run(login.tenant_id, lambda tx: oidc.sign_in(tx, login, now))
            return self._desk.session_out(opened)
        if not begun.invitation:
            raise _nobody()
        found = await self._db.system(lambda tx: people.find_link(tx, begun.invitation), read_only=True)
        opened = await self._db.run(found.tenant_id, lambda tx: oidc.join(tx, found.target, who, now))
        return self._desk.session_out(opened)

    async def GetSigningKeys(
        self, request: session_service_pb2.GetSigningKeysRequest, context: Any
    ) -> session_service_pb2.GetSigningKeysResponse:
        return session_service_pb2.GetSigningKeysResponse(jwks_json=self._desk.signer.public())

    def _configured(self) -> OpenIdProvider:
        if self._provider is None:
            raise OidcSignInRefused("Sign-in by an OpenID provider isn't configured here.")
        return self._provider


def _nobody() -> OidcSignInRefused:
    return OidcSignInRefused(
        "Nobody here signs in with this e-mail address. When you are invited, open the invitation's link first."
    )

"""Users and invitations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chassis.auth import principal
from chassis.paging import Page
from chassis.sql import Database, Tx
from kernel.features import Feature
from kernel.ids import require_id, require_request_id
from merkez.tenancy.v1 import session_pb2, session_service_pb2, session_service_pb2_grpc

from tenancy import convert
from tenancy.desk import Desk
from tenancy.domain import fields
from tenancy.domain.lookups import Found
from tenancy.domain.people import UserChange
from tenancy.domain.secrets import digest
from tenancy.ops import emails, people
from tenancy.ops.held import get_tenant, plan_of
from tenancy.ops.people import NewInvitation
from tenancy.ops.sessions import OpenSession


class Users(session_service_pb2_grpc.UserServiceServicer):
    """merkez.tenancy.v1.UserService."""

    def __init__(self, db: Database, desk: Desk, mailed_links: str) -> None:
        """`mailed_links` is what links in e-mails begin with; empty when no e-mail is sent."""
        self._db = db
        self._desk = desk
        self._mailed_links = mailed_links

    async def GetMe(self, request: session_service_pb2.GetMeRequest, context: Any) -> session_pb2.User:
        who = principal()
        return convert.user_out(
            await self._db.run(who.tenant_id, lambda tx: people.get_user(tx, who.subject), read_only=True)
        )

    async def ListUsers(
        self, request: session_service_pb2.ListUsersRequest, context: Any
    ) -> session_service_pb2.ListUsersResponse:
        page = Page(request.page_size, request.page_token)
        found, token = await self._db.run(principal().tenant_id, lambda tx: people.list_users(tx, page), read_only=True)
        return session_service_pb2.ListUsersResponse(
            users=[convert.user_out(each) for each in found], next_page_token=token
        )

    async def UpdateUser(self, request: session_service_pb2.UpdateUserRequest, context: Any) -> session_pb2.User:
        asked, who = request.user, principal()
        require_id("usr", asked.user_id, "user.user_id")
        paths = fields.mask(request.update_mask.paths, ("display_name", "role", "state", "language"))
        change = UserChange(
            display_name=fields.name(asked.display_name, "user.display_name") if "display_name" in paths else None,
            role=convert.role_in(asked.role, "user.role") if "role" in paths else None,
            state=convert.state_in(asked.state, "user.state") if "state" in paths else None,
            language=fields.language(asked.language, "en", "user.language") if "language" in paths else None,
        )
        changed = await self._db.run(
            who.tenant_id,
            lambda tx: people.update_user(tx, asked.user_id, change, request.version, who.role, self._db.clock.now()),
        )
        return convert.user_out(changed)

    async def CreateInvitation(
        self, request: session_service_pb2.CreateInvitationRequest, context: Any
    ) -> session_pb2.Invitation:
        who, asked, now = principal(), request.invitation, self._db.clock.now()
        request_id = require_request_id(request.request_id)
        wanted = NewInvitation(asked.email, asked.display_name, convert.role_in(asked.role, "invitation.role"))

        async def work(tx: Tx) -> session_pb2.Invitation:
            secret = ""

            async def create() -> session_pb2.Invitation:
                nonlocal secret
                made = await people.create_invitation(tx, wanted, who.role, now)
                if self._mailed_links:
                    made = await emails.queue_invitation(tx, made, self._mailed_links, now)
                secret = made.secret
                # Kept without the secret: it is told once.
                return convert.invitation_out(replace(made, secret=""), now)

            answer = await tx.once(request_id, "CreateInvitation", request, session_pb2.Invitation, create)
            answer.link_path = convert.link_path(secret)
            return answer

        return await self._db.run(who.tenant_id, work)

    async def ListInvitations(
        self, request: session_service_pb2.ListInvitationsRequest, context: Any
    ) -> session_service_pb2.ListInvitationsResponse:
        page, now = Page(request.page_size, request.page_token), self._db.clock.now()
        found, token = await self._db.run(
            principal().tenant_id, lambda tx: people.list_invitations(tx, page), read_only=True
        )
        return session_service_pb2.ListInvitationsResponse(
            invitations=[convert.invitation_out(each, now) for each in found], next_page_token=token
        )

    async def RevokeInvitation(
        self, request: session_service_pb2.RevokeInvitationRequest, context: Any
    ) -> session_pb2.Invitation:
        require_id("ivt", request.invitation_id, "invitation_id")
        now = self._db.clock.now()
        revoked = await self._db.run(
            principal().tenant_id, lambda tx: people.revoke_invitation(tx, request.invitation_id, now)
        )
        return convert.invitation_out(revoked, now)

    async def GetInvitation(
        self, request: session_service_pb2.GetInvitationRequest, context: Any
    ) -> session_service_pb2.GetInvitationResponse:
        now = self._db.clock.now()
        found = await self._find(request.secret)

        async def read(tx: Tx) -> session_service_pb2.GetInvitationResponse:
            invitation = await people.pending_invitation(tx, found.target, now)
            tenant = await get_tenant(tx)
            return session_service_pb2.GetInvitationResponse(
                invitation=convert.invitation_out(invitation, now),
                tenant_name=tenant.display_name,
                language=tenant.language,
                oidc_allowed=Feature.OIDC in (await plan_of(tx)).features,
            )

        return await self._db.run(found.tenant_id, read, read_only=True)

    async def AcceptInvitation(
        self, request: session_service_pb2.AcceptInvitationRequest, context: Any
    ) -> session_pb2.Session:
        now = self._db.clock.now()
        name, password = fields.name(request.display_name), fields.password(request.password)
        language = fields.language(request.language, "")
        found = await self._find(request.secret)
        # Asked before the hash is made: that costs something, and strangers can ask for it.
        await self._db.run(found.tenant_id, lambda tx: people.pending_invitation(tx, found.target, now), read_only=True)
        hashed = await self._desk.passwords.hash(password)

        async def accept(tx: Tx) -> OpenSession:
            own = language or (await get_tenant(tx)).language
            return await people.accept_invitation(tx, found.target, name, hashed, own, now)

        return self._desk.session_out(await self._db.run(found.tenant_id, accept))

    async def _find(self, secret: str) -> Found:
        return await self._db.system(lambda tx: people.find_link(tx, digest(secret)), read_only=True)

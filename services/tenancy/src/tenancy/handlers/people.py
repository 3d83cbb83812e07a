"""Users, invitations, API keys and the audit log."""

from __future__ import annotations

from typing import Any

from chassis.auth import principal
from chassis.paging import encode_token
from chassis.sql import Database, Tx
from google.protobuf.empty_pb2 import Empty
from kernel.ids import new_id, require_id
from merkez.tenancy.v1 import session_pb2, session_service_pb2, session_service_pb2_grpc

from tenancy import convert, mail
from tenancy.domain import fields
from tenancy.domain.people import ApiKey, AuditEntry, Invitation, User, UserChange
from tenancy.handlers.sessions import SessionDesk
from tenancy.ops import people
from tenancy.store import rows, tables


class Users(session_service_pb2_grpc.UserServiceServicer):
    """merkez.tenancy.v1.UserService."""

    def __init__(self, db: Database, desk: SessionDesk, mailer: mail.Mailer | None) -> None:
        self._db = db
        self._desk = desk
        self._mailer = mailer

    async def GetMe(self, request: session_service_pb2.GetMeRequest, context: Any) -> session_pb2.User:
        who = principal()
        return convert.user_out(
            await self._db.run(who.tenant_id, lambda tx: people.get_user(tx, who.subject), read_only=True)
        )

    async def ListUsers(
        self, request: session_service_pb2.ListUsersRequest, context: Any
    ) -> session_service_pb2.ListUsersResponse:
        found, after = await self._db.run(
            principal().tenant_id,
            lambda tx: rows.page(
                tx, tables.users, User, ("create_time", "user_id"), request.page_size, request.page_token
            ),
            read_only=True,
        )
        return session_service_pb2.ListUsersResponse(
            users=[convert.user_out(each) for each in found], next_page_token=encode_token(*after) if after else ""
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
            fields=paths,
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
        role = convert.role_in(asked.role, "invitation.role")
        made: list[Invitation] = []

        async def work(tx: Tx) -> session_pb2.Invitation:
            made.clear()

            async def create() -> session_pb2.Invitation:
                invitation = await people.create_invitation(tx, asked.email, asked.display_name, role, who.role, now)
                if self._mailer is not None:
                    invitation = await self._mailer.queue_invitation(tx, invitation, now)
                made.append(invitation)
                # Kept without the secret: it is told once.
                stored = convert.invitation_out(invitation, now)
                stored.ClearField("link_path")
                return stored

            return await tx.once(request.request_id, "CreateInvitation", request, session_pb2.Invitation, create)

        answer = await self._db.run(who.tenant_id, work)
        if made:
            await self._db.system(lambda tx: people.publish_invitation(tx, who.tenant_id, made[0]))
            answer.link_path = convert.link_path(made[0].secret)
        return answer

    async def ListInvitations(
        self, request: session_service_pb2.ListInvitationsRequest, context: Any
    ) -> session_service_pb2.ListInvitationsResponse:
        found, after = await self._db.run(
            principal().tenant_id,
            lambda tx: rows.page(
                tx, tables.invitations, Invitation, ("create_time", "invitation_id"), request.page_size,
                request.page_token,
            ),
            read_only=True,
        )  # fmt: skip
        now = self._db.clock.now()
        return session_service_pb2.ListInvitationsResponse(
            invitations=[convert.invitation_out(each, now) for each in found],
            next_page_token=encode_token(*after) if after else "",
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
        _, invitation, name, language = await self._db.system(
            lambda tx: people.find_invitation(tx, request.secret, now)
        )
        return session_service_pb2.GetInvitationResponse(
            invitation=convert.invitation_out(invitation, now), tenant_name=name, language=language
        )

    async def AcceptInvitation(
        self, request: session_service_pb2.AcceptInvitationRequest, context: Any
    ) -> session_pb2.Session:
        now = self._db.clock.now()
        name, password = fields.name(request.display_name), fields.password(request.password)
        language = fields.language(request.language, "")
        await self._db.system(lambda tx: people.find_invitation(tx, request.secret, now))
        hashed = await self._desk.passwords.hash(password)
        opened = await self._db.system(
            lambda tx: people.accept_invitation(tx, request.secret, name, hashed, language, now)
        )
        return self._desk.session_out(opened, now)


class ApiKeys(session_service_pb2_grpc.ApiKeyServiceServicer):
    """merkez.tenancy.v1.ApiKeyService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def CreateApiKey(
        self, request: session_service_pb2.CreateApiKeyRequest, context: Any
    ) -> session_service_pb2.CreateApiKeyResponse:
        tenant_id, asked, now = principal().tenant_id, request.api_key, self._db.clock.now()
        made: list[tuple[ApiKey, str]] = []

        async def work(tx: Tx) -> session_service_pb2.CreateApiKeyResponse:
            made.clear()

            async def create() -> session_service_pb2.CreateApiKeyResponse:
                made.append(await people.create_api_key(tx, asked.display_name, list(asked.scopes), now))
                return session_service_pb2.CreateApiKeyResponse(api_key=convert.api_key_out(made[0][0]))

            response = session_service_pb2.CreateApiKeyResponse
            return await tx.once(request.request_id, "CreateApiKey", request, response, create)

        answer = await self._db.run(tenant_id, work)
        if made:
            key, answer.secret = made[0]
            await self._db.system(lambda tx: people.publish_api_key(tx, tenant_id, key, answer.secret))
        return answer

    async def ListApiKeys(
        self, request: session_service_pb2.ListApiKeysRequest, context: Any
    ) -> session_service_pb2.ListApiKeysResponse:
        found, after = await self._db.run(
            principal().tenant_id,
            lambda tx: rows.page(
                tx, tables.api_keys, ApiKey, ("create_time", "api_key_id"), request.page_size, request.page_token
            ),
            read_only=True,
        )
        return session_service_pb2.ListApiKeysResponse(
            api_keys=[convert.api_key_out(each) for each in found],
            next_page_token=encode_token(*after) if after else "",
        )

    async def RevokeApiKey(self, request: session_service_pb2.RevokeApiKeyRequest, context: Any) -> session_pb2.ApiKey:
        require_id("key", request.api_key_id, "api_key_id")
        return convert.api_key_out(
            await self._db.run(
                principal().tenant_id,
                lambda tx: people.revoke_api_key(tx, request.api_key_id, self._db.clock.now()),
            )
        )

    async def VerifyApiKey(
        self, request: session_service_pb2.VerifyApiKeyRequest, context: Any
    ) -> session_service_pb2.VerifyApiKeyResponse:
        tenant_id, key = await self._db.system(
            lambda tx: people.verify_api_key(tx, request.secret, self._db.clock.now())
        )
        return session_service_pb2.VerifyApiKeyResponse(tenant_id=tenant_id, api_key=convert.api_key_out(key))


class Audit(session_service_pb2_grpc.AuditServiceServicer):
    """merkez.tenancy.v1.AuditService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def AppendAuditEntry(self, request: session_service_pb2.AppendAuditEntryRequest, context: Any) -> Empty:
        asked, now = request.entry, self._db.clock.now()
        entry = AuditEntry(
            audit_entry_id=new_id("aud", now),
            subject=asked.subject[:200],
            subject_name=asked.subject_name[:200],
            action=asked.action[:200],
            target=asked.target[:200],
            outcome=asked.outcome[:100],
            address=asked.address[:100],
            create_time=now,
        )
        await self._db.run(principal().tenant_id, lambda tx: people.append_audit(tx, entry))
        return Empty()

    async def ListAuditEntries(
        self, request: session_service_pb2.ListAuditEntriesRequest, context: Any
    ) -> session_service_pb2.ListAuditEntriesResponse:
        table = tables.audit_entries
        wanted = (table.c.target == request.target,) if request.target else ()
        found, after = await self._db.run(
            principal().tenant_id,
            lambda tx: rows.page(
                tx, table, AuditEntry, ("create_time", "audit_entry_id"), request.page_size, request.page_token,
                *wanted,
            ),
            read_only=True,
        )  # fmt: skip
        return session_service_pb2.ListAuditEntriesResponse(
            entries=[convert.audit_out(each) for each in found], next_page_token=encode_token(*after) if after else ""
        )

"""Users and invitations, as a caller sees them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from kernel.errors import AlreadyExists, DomainError, FailedPrecondition, InvalidInput, NotFound
from merkez.tenancy.v1 import session_pb2, session_service_pb2

ACTIVE, DISABLED = session_pb2.USER_STATE_ACTIVE, session_pb2.USER_STATE_DISABLED
STARTER_SEATS = 5


async def reason_of(call: Any) -> str:
    with pytest.raises(DomainError) as refused:
        await call
    return refused.value.reason


def secret_of(invitation: session_pb2.Invitation) -> str:
    return invitation.link_path.rpartition("/")[2]


async def change(firm: Any, user_id: str, by: str = "owner", version: int = 0, **news: Any) -> session_pb2.User:
    request = session_service_pb2.UpdateUserRequest(user=session_pb2.User(user_id=user_id, **news), version=version)
    request.update_mask.paths.extend(news)
    with firm.as_(by):
        return await firm.town.stubs.users.UpdateUser(request)


async def invitations(firm: Any) -> list[session_pb2.Invitation]:
    with firm.as_():
        return list((await firm.town.stubs.users.ListInvitations(session_service_pb2.ListInvitationsRequest()))
                    .invitations)  # fmt: skip


async def test_invited_person_sees_who_invites_and_joins_signed_in(town: Any, firm: Any) -> None:
    made = await firm.invite("Ayla@Acme.Example", "supervisor")
    shown = await town.show(secret_of(made))
    assert (shown.tenant_name, shown.language, shown.invitation.email) == ("Acme Contact", "tr", "ayla@acme.example")
    assert shown.invitation.link_path == ""
    joined = await town.accept(secret_of(made), display_name=" Ayla ")
    assert (joined.user.display_name, joined.user.role) == ("Ayla", session_pb2.ROLE_SUPERVISOR)
    assert joined.user.language == "tr" and joined.tenant_id == firm.tenant_id
    await town.sign_in("ayla@acme.example")


async def test_repeated_invitation_is_the_same_one_and_its_link_is_not_told_again(town: Any, firm: Any) -> None:
    asked = session_pb2.Invitation(email="twice@acme.example", role=session_pb2.ROLE_AGENT)
    request = session_service_pb2.CreateInvitationRequest(request_id="twice", invitation=asked)
    with firm.as_():
        first = await town.stubs.users.CreateInvitation(request)
        again = await town.stubs.users.CreateInvitation(request)
        assert (again.invitation_id, bool(first.link_path), again.link_path) == (first.invitation_id, True, "")
        request.invitation.email = "another@acme.example"
        assert await reason_of(town.stubs.users.CreateInvitation(request)) == "REQUEST_ID_REUSED"
    assert [each.link_path for each in await invitations(firm)] == [""]


async def test_link_works_once(town: Any, firm: Any) -> None:
    secret = secret_of(await firm.invite())
    await town.accept(secret)
    assert await reason_of(town.accept(secret)) == "INVITATION_NOT_FOUND"
    assert await reason_of(town.show(secret)) == "INVITATION_NOT_FOUND"
    assert [each.state for each in await invitations(firm)] == [session_pb2.INVITATION_STATE_ACCEPTED]


async def test_link_opened_twice_at_once_makes_one_user(town: Any, firm: Any) -> None:
    secret = secret_of(await firm.invite("once@once.example"))
    found = await asyncio.gather(town.accept(secret), town.accept(secret), return_exceptions=True)
    [lost] = [each for each in found if isinstance(each, BaseException)]
    assert isinstance(lost, NotFound | AlreadyExists)
    with firm.as_():
        users = (await town.stubs.users.ListUsers(session_service_pb2.ListUsersRequest())).users
    assert [user.email for user in users].count("once@once.example") == 1


async def test_link_expires_after_seven_days(town: Any, firm: Any) -> None:
    made = await firm.invite()
    town.clock.advance(timedelta(days=7))
    assert await reason_of(town.accept(secret_of(made))) == "INVITATION_NOT_FOUND"
    assert [each.state for each in await invitations(firm)] == [session_pb2.INVITATION_STATE_EXPIRED]


async def test_withdrawn_link_leads_nowhere_and_an_accepted_one_is_not_withdrawn(town: Any, firm: Any) -> None:
    made, other = await firm.invite(), await firm.invite()
    await town.accept(secret_of(other))
    with firm.as_("admin"):
        revoke = session_service_pb2.RevokeInvitationRequest(invitation_id=made.invitation_id)
        for _ in range(2):
            revoked = await town.stubs.users.RevokeInvitation(revoke)
            assert revoked.state == session_pb2.INVITATION_STATE_REVOKED
        late = session_service_pb2.RevokeInvitationRequest(invitation_id=other.invitation_id)
        assert await reason_of(town.stubs.users.RevokeInvitation(late)) == "INVITATION_NOT_PENDING"
    assert await reason_of(town.accept(secret_of(made))) == "INVITATION_NOT_FOUND"


@pytest.mark.parametrize("secret", ["", "nonsense", "x" * 4000, "' or 1=1 --"])
async def test_link_nobody_made_is_not_valid(town: Any, secret: str) -> None:
    assert await reason_of(town.show(secret)) == "INVITATION_NOT_FOUND"
    assert await reason_of(town.accept(secret)) == "INVITATION_NOT_FOUND"


async def test_weak_password_and_missing_name_are_named(town: Any, firm: Any) -> None:
    secret = secret_of(await firm.invite())
    for wrong in ({"password": "short"}, {"display_name": " "}, {"language": "xx"}):
        with pytest.raises(InvalidInput) as refused:
            await town.accept(secret, **wrong)
        assert [field.field for field in refused.value.fields] == list(wrong)
    await town.accept(secret)


async def test_pending_invitations_count_as_seats_until_they_expire(town: Any) -> None:
    firm = await town.sign_up(plan_id="starter")
    made = [await firm.invite() for _ in range(STARTER_SEATS - 1)]
    assert await reason_of(firm.invite()) == "PLAN_LIMIT_REACHED"
    await town.accept(secret_of(made[0]))
    assert await reason_of(firm.invite()) == "PLAN_LIMIT_REACHED"
    town.clock.advance(timedelta(days=7))
    await firm.invite()


async def test_two_who_invite_at_once_do_not_share_the_last_seat(town: Any) -> None:
    firm = await town.sign_up(plan_id="starter")
    for _ in range(STARTER_SEATS - 2):
        await firm.invite()
    found = await asyncio.gather(firm.invite(), firm.invite(), return_exceptions=True)
    assert sorted(getattr(each, "reason", "made") for each in found) == ["PLAN_LIMIT_REACHED", "made"]


async def test_disabled_user_frees_a_seat_and_comes_back_only_into_a_free_one(town: Any) -> None:
    firm = await town.sign_up(plan_id="starter")
    joined = [await firm.join() for _ in range(STARTER_SEATS - 1)]
    user_id = joined[0].user.user_id
    await change(firm, user_id, state=DISABLED)
    waiting = await firm.invite()
    assert await reason_of(change(firm, user_id, state=ACTIVE)) == "PLAN_LIMIT_REACHED"
    with firm.as_():
        await town.stubs.users.RevokeInvitation(
            session_service_pb2.RevokeInvitationRequest(invitation_id=waiting.invitation_id)
        )
    assert (await change(firm, user_id, state=ACTIVE)).state == ACTIVE


async def test_invitation_of_better_days_is_refused_when_the_plan_is_full(town: Any, firm: Any) -> None:
    late = secret_of(await firm.invite())
    for _ in range(STARTER_SEATS - 1):
        await firm.join()
    await firm.begin_anew("starter")
    assert await reason_of(town.accept(late)) == "PLAN_LIMIT_REACHED"


async def test_colleague_is_not_invited_twice_and_a_strangers_address_stays_secret(town: Any, firm: Any) -> None:
    elsewhere = await town.sign_up()
    assert await reason_of(firm.invite(firm.email)) == "EMAIL_TAKEN"
    made = await firm.invite(elsewhere.email)
    assert await reason_of(town.accept(secret_of(made))) == "EMAIL_TAKEN"


@pytest.mark.parametrize(("by", "role"), [("admin", "owner")])
async def test_nobody_invites_somebody_stronger(firm: Any, by: str, role: str) -> None:
    assert await reason_of(firm.invite(role=role, by=by)) == "ROLE_TOO_STRONG"


@pytest.mark.parametrize("role", [session_pb2.ROLE_OPERATOR, session_pb2.ROLE_API_CLIENT, 0, 77])
async def test_roles_outside_a_company_are_not_given(town: Any, firm: Any, role: int) -> None:
    asked = session_pb2.Invitation(email="a@b.example", role=role)  # type: ignore[arg-type]
    with firm.as_(), pytest.raises(InvalidInput) as refused:
        await town.stubs.users.CreateInvitation(
            session_service_pb2.CreateInvitationRequest(request_id="r", invitation=asked)
        )
    assert refused.value.fields[0].field == "invitation.role"


async def test_person_reads_themselves(town: Any, firm: Any) -> None:
    with firm.as_():
        assert await town.stubs.users.GetMe(session_service_pb2.GetMeRequest()) == firm.session.user


async def test_users_come_in_pages_newest_first(town: Any, firm: Any) -> None:
    made = [firm.session.user.user_id]
    for _ in range(2):
        town.clock.advance(1)
        made.append((await firm.join()).user.user_id)
    with firm.as_("supervisor"):
        page = await town.stubs.users.ListUsers(session_service_pb2.ListUsersRequest(page_size=2))
        rest = await town.stubs.users.ListUsers(
            session_service_pb2.ListUsersRequest(page_size=2, page_token=page.next_page_token)
        )
    assert [user.user_id for user in (*page.users, *rest.users)] == made[::-1] and not rest.next_page_token


async def test_only_named_fields_of_a_user_change(firm: Any) -> None:
    user = (await firm.join()).user
    changed = await change(firm, user.user_id, role=session_pb2.ROLE_SUPERVISOR, language="fa")
    assert (changed.role, changed.language, changed.display_name) == (session_pb2.ROLE_SUPERVISOR, "fa", "Aysel")
    assert changed.version == user.version + 1


async def test_change_on_an_old_version_is_refused(firm: Any) -> None:
    user = (await firm.join()).user
    await change(firm, user.user_id, version=user.version, display_name="Ayla")
    assert await reason_of(change(firm, user.user_id, version=user.version, display_name="X")) == "VERSION_CONFLICT"


async def test_admin_neither_touches_owners_nor_becomes_one(firm: Any) -> None:
    admin = (await firm.join("admin")).user
    owner_id = firm.session.user.user_id
    wanted: list[tuple[str, dict[str, Any]]] = [
        (owner_id, {"state": DISABLED}),
        (owner_id, {"display_name": "X"}),
        (admin.user_id, {"role": session_pb2.ROLE_OWNER}),
    ]
    for user_id, news in wanted:
        assert await reason_of(change(firm, user_id, "admin", **news)) == "ROLE_TOO_STRONG"


async def test_last_owner_stays_until_there_is_another(firm: Any) -> None:
    owner_id = firm.session.user.user_id
    second = (await firm.join("owner")).user
    await change(firm, owner_id, role=session_pb2.ROLE_ADMIN)
    with pytest.raises(FailedPrecondition) as refused:
        await change(firm, second.user_id, state=DISABLED)
    assert refused.value.reason == "LAST_OWNER"


async def test_two_owners_who_remove_each_other_at_once_leave_one(firm: Any) -> None:
    second = (await firm.join("owner")).user
    found = await asyncio.gather(
        change(firm, second.user_id, state=DISABLED),
        change(firm, firm.session.user.user_id, state=DISABLED),
        return_exceptions=True,
    )
    assert [each.reason for each in found if isinstance(each, DomainError)] == ["LAST_OWNER"]


@pytest.mark.parametrize(
    ("news", "field"),
    [
        ({"display_name": "\n"}, "user.display_name"),
        ({"role": session_pb2.ROLE_OPERATOR}, "user.role"),
        ({"state": session_pb2.USER_STATE_UNSPECIFIED}, "user.state"),
        ({"language": "de"}, "user.language"),
        ({"email": "other@acme.example"}, "update_mask"),
        ({}, "update_mask"),
    ],
)
async def test_wrong_change_of_a_user_is_named(firm: Any, news: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await change(firm, firm.session.user.user_id, **news)
    assert refused.value.fields[0].field == field

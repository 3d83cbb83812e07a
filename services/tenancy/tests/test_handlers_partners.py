"""API keys and the audit log, as a caller sees them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from chassis.auth import acting_as
from chassis.permissions import API_CLIENT_SCOPES
from kernel.errors import DomainError, FailedPrecondition, InvalidInput, Unauthenticated
from kernel.ids import new_id
from merkez.tenancy.v1 import session_pb2, session_service_pb2, tenant_service_pb2
from tenancy import catalogue
from tenancy.domain.people import AuditEntry
from tenancy.main import sow_catalogue
from tenancy.ops import audit
from testkit import someone

BARE: dict[str, Any] = {"plan_id": "bare", "tier": 0, "features": ()}


async def change_plan(firm: Any, plan_id: str) -> None:
    with firm.as_():
        await firm.town.stubs.tenants.ChangePlan(
            tenant_service_pb2.ChangePlanRequest(request_id=plan_id, plan_id=plan_id)
        )


async def reason_of(call: Any) -> str:
    with pytest.raises(DomainError) as refused:
        await call
    return refused.value.reason


async def create(firm: Any, scopes: list[str], by: str = "owner", request_id: str = "key") -> Any:
    asked = session_pb2.ApiKey(display_name="CRM", scopes=scopes)
    with firm.as_(by):
        return await firm.town.stubs.api_keys.CreateApiKey(
            session_service_pb2.CreateApiKeyRequest(request_id=request_id, api_key=asked)
        )


async def verify(town: Any, secret: str) -> session_service_pb2.VerifyApiKeyResponse:
    with town.as_service():
        return await town.stubs.api_keys.VerifyApiKey(session_service_pb2.VerifyApiKeyRequest(secret=secret))


async def list_keys(firm: Any) -> list[session_pb2.ApiKey]:
    with firm.as_():
        return list((await firm.town.stubs.api_keys.ListApiKeys(session_service_pb2.ListApiKeysRequest())).api_keys)


async def test_key_is_shown_once_and_stands_for_its_company(town: Any, firm: Any) -> None:
    made = await create(firm, ["queues.write", "queues.read", "queues.read"])
    assert made.secret.startswith(made.api_key.prefix) and made.api_key.scopes == ["queues.read", "queues.write"]
    again = await create(firm, ["queues.write", "queues.read", "queues.read"])
    assert (again.api_key, again.secret) == (made.api_key, "")
    [listed] = await list_keys(firm)
    assert made.secret not in str(listed)
    found = await verify(town, made.secret)
    assert (found.tenant_id, found.api_key.api_key_id) == (firm.tenant_id, made.api_key.api_key_id)


async def test_revoked_key_is_refused_at_once(town: Any, firm: Any) -> None:
    made = await create(firm, ["queues.read"])
    revoke = session_service_pb2.RevokeApiKeyRequest(api_key_id=made.api_key.api_key_id)
    with firm.as_("admin"):
        first = await town.stubs.api_keys.RevokeApiKey(revoke)
        town.clock.advance(60)
        assert await town.stubs.api_keys.RevokeApiKey(revoke) == first
    assert await reason_of(verify(town, made.secret)) == "API_KEY_REFUSED"


@pytest.mark.parametrize("secret", ["", "mrk_", "mrk_abcdefgh_nonsense", "x" * 4000])
async def test_unknown_key_is_refused_like_a_revoked_one(town: Any, secret: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        await verify(town, secret)
    assert refused.value.reason == "API_KEY_REFUSED"


async def test_last_use_is_written_once_a_minute(town: Any, firm: Any) -> None:
    secret = (await create(firm, ["queues.read"])).secret
    seen = []
    for seconds in (0, 30, 29, 1):
        town.clock.advance(seconds)
        await verify(town, secret)
        [key] = await list_keys(firm)
        seen.append(key.last_use_time.ToDatetime())
    assert seen[0] == seen[1] == seen[2] and seen[3] - seen[0] == timedelta(seconds=60)


@pytest.mark.parametrize("scopes", [[], ["tenant.write"], ["api_keys.write"], ["service"], ["queues.read", "nonsense"]])
async def test_scopes_no_key_has_are_refused_with_those_there_are(firm: Any, scopes: list[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        await create(firm, scopes)
    assert refused.value.fields[0].field == "api_key.scopes" and "queues.read" in refused.value.message


async def test_admin_makes_no_key_that_may_do_more_than_an_admin(firm: Any) -> None:
    await create(firm, ["queues.write"], "admin", "weaker")
    for scope in ("billing.read", "recordings.erase"):
        assert await reason_of(create(firm, [scope], "admin", scope)) == "SCOPE_TOO_STRONG"
    await create(firm, sorted(API_CLIENT_SCOPES), "owner", "all")


async def test_partners_key_invites_agents_but_no_admins(town: Any, firm: Any) -> None:
    key = someone("api_client", firm.tenant_id, subject="key_1", permissions={"users.write"})
    with acting_as(key):
        for role, outcome in ((session_pb2.ROLE_SUPERVISOR, ""), (session_pb2.ROLE_ADMIN, "ROLE_TOO_STRONG")):
            asked = session_pb2.Invitation(email="by-key@acme.example", role=role)
            request = session_service_pb2.CreateInvitationRequest(request_id=f"key {role}", invitation=asked)
            if outcome:
                assert await reason_of(town.stubs.users.CreateInvitation(request)) == outcome
            else:
                await town.stubs.users.CreateInvitation(request)
        assert await reason_of(town.stubs.users.GetMe(session_service_pb2.GetMeRequest())) == "USER_NOT_FOUND"


async def append(firm: Any, target: str = "que_1") -> None:
    now = firm.town.clock.now()
    entry = AuditEntry(
        new_id("aud", now), "usr_1", "Ali", "routing.v1.QueueService/CreateQueue", target, "OK", "127.0.0.1", now
    )  # fmt: skip
    await firm.town.db.run(firm.tenant_id, lambda tx: audit.append(tx, entry))


async def entries(firm: Any, target: str = "", by: str = "owner") -> list[session_pb2.AuditEntry]:
    request = session_service_pb2.ListAuditEntriesRequest(target=target)
    with firm.as_(by):
        return list((await firm.town.stubs.audit.ListAuditEntries(request)).entries)


async def test_audit_log_lists_newest_first_and_by_target(town: Any) -> None:
    firm = await town.sign_up(plan_id="scale")
    for target in ("que_1", "que_2", "que_1"):
        await append(firm, target)
        town.clock.advance(1)
    assert [each.target for each in await entries(firm)] == ["que_1", "que_2", "que_1"]
    assert len(await entries(firm, "que_2", "admin")) == 1
    assert await entries(await town.sign_up(plan_id="scale")) == []


async def test_audit_log_is_written_on_every_plan_and_read_on_those_that_have_it(town: Any) -> None:
    firm = await town.sign_up(plan_id="growth")
    await append(firm, "que_1")
    with pytest.raises(FailedPrecondition) as refused:
        await entries(firm)
    assert refused.value.reason == "FEATURE_NOT_IN_PLAN" and refused.value.metadata["lowest_plan_id"] == "scale"
    await change_plan(firm, "scale")
    assert [each.target for each in await entries(firm)] == ["que_1"]


async def test_keys_rest_while_the_plan_has_none_and_can_still_be_revoked(
    town: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "PLANS", (*catalogue.PLANS, replace(catalogue.seed().find("growth"), **BARE)))
    await sow_catalogue(town.db)
    firm = await town.sign_up(plan_id="growth")
    kept = await create(firm, ["queues.read"])
    given_up = await create(firm, ["queues.read"], request_id="other")
    await firm.begin_anew("bare")
    assert await reason_of(verify(town, kept.secret)) == "FEATURE_NOT_IN_PLAN"
    assert await reason_of(create(firm, ["queues.read"], request_id="new")) == "FEATURE_NOT_IN_PLAN"
    with firm.as_():
        await town.stubs.api_keys.RevokeApiKey(
            session_service_pb2.RevokeApiKeyRequest(api_key_id=given_up.api_key.api_key_id)
        )
    await change_plan(firm, "starter")
    assert (await verify(town, kept.secret)).tenant_id == firm.tenant_id
    assert await reason_of(verify(town, given_up.secret)) == "API_KEY_REFUSED"

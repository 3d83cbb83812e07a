"""Platform operators: how one comes to be, which companies they see, and letting a company in or not."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import pytest
from chassis.auth import acting_as, acting_for
from kernel.errors import DomainError, InvalidInput
from kernel.tenant import PLATFORM, Principal
from merkez.tenancy.v1 import (
    number_service_pb2,
    operator_service_pb2,
    session_pb2,
    session_service_pb2,
    tenant_pb2,
    tenant_service_pb2,
)
from sqlalchemy.exc import IntegrityError
from tenancy.store import rows, tables
from testkit import someone
from testkit.told import told

ACTIVE, SUSPENDED = tenant_pb2.TENANT_STATE_ACTIVE, tenant_pb2.TENANT_STATE_SUSPENDED
PASSWORD = "correct horse battery"


async def reason_of(call: Any) -> str:
    with pytest.raises(DomainError) as refused:
        await call
    return refused.value.reason


async def command(town: Any, *arguments: str) -> tuple[int, str, str]:
    """`python -m tenancy ...` beside the running service, as somebody at the machine types it."""

    def url(engine: Any) -> str:
        return engine.url.render_as_string(hide_password=False)

    environment = os.environ | {
        "MERKEZ_DATABASE_URL": url(town.db.engine), "MERKEZ_SYSTEM_DATABASE_URL": url(town.db.system_engine),
        "MERKEZ_PUBLIC_URL": "https://merkez.example/",
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tenancy", *arguments, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, out.decode().strip(), err.decode().strip()


async def suspend(town: Any, tenant_id: str, request_id: str = "s", version: int = 0, said: str = "unpaid") -> Any:
    request = operator_service_pb2.SuspendTenantRequest(
        request_id=request_id, tenant_id=tenant_id, reason=said, version=version
    )
    with town.as_operator():
        return await town.stubs.operators.SuspendTenant(request)


async def resume(town: Any, tenant_id: str, request_id: str = "r", version: int = 0) -> Any:
    request = operator_service_pb2.ResumeTenantRequest(request_id=request_id, tenant_id=tenant_id, version=version)
    with town.as_operator():
        return await town.stubs.operators.ResumeTenant(request)


async def listed(town: Any, **asked: Any) -> Any:
    with town.as_operator():
        return await town.stubs.operators.ListTenants(operator_service_pb2.ListTenantsRequest(**asked))


async def audit_of(town: Any, who: Principal) -> list[session_pb2.AuditEntry]:
    with acting_as(who):
        return list((await town.stubs.audit.ListAuditEntries(session_service_pb2.ListAuditEntriesRequest())).entries)


async def test_who_has_the_machine_makes_an_operator_who_signs_in_like_everybody(open_town: Any, clock: Any) -> None:
    town = await open_town(fresh=True)
    code, link, _ = await command(town, "operator", " Op@Platform.example ")
    assert code == 0 and link.startswith("https://merkez.example/invitation/")
    secret = link.rpartition("/")[2]
    shown = await town.show(secret)
    assert (shown.tenant_name, shown.invitation.role) == ("Merkez", session_pb2.ROLE_OPERATOR)
    with pytest.raises(InvalidInput):
        await town.accept(secret, password="short")
    session = await town.accept(secret)
    assert (session.tenant_id, session.user.role) == (PLATFORM, session_pb2.ROLE_OPERATOR)
    assert await reason_of(town.accept(secret)) == "INVITATION_NOT_FOUND"
    again = await town.sign_in("op@platform.example")
    rotated = await town.refresh(again.refresh_token)
    assert rotated.user.user_id == session.user.user_id
    assert await reason_of(town.sign_in("op@platform.example", "wrong password")) == "SIGN_IN_REFUSED"
    with town.as_operator(session.user.user_id):
        assert (await town.stubs.users.GetMe(session_service_pb2.GetMeRequest())).email == "op@platform.example"
    [entry] = await audit_of(town, someone("operator", PLATFORM))
    assert (entry.action, entry.subject_name, entry.outcome) == ("InviteOperator", "command on the machine", "OK")


async def test_operator_is_not_made_of_somebody_who_signs_in_already_or_of_no_address(town: Any, firm: Any) -> None:
    code, link, said = await command(town, "operator", firm.email)
    assert (code, link) == (1, "") and "already" in said
    code, link, said = await command(town, "operator", "nobody")
    assert (code, link) == (1, "") and "e-mail" in said
    assert (await command(town, "operator"))[0] == 2


async def test_operators_are_the_platforms_alone_and_the_platform_holds_nothing_else(town: Any, firm: Any) -> None:
    now = town.clock.now()
    user = {
        "user_id": "usr_x", "display_name": "X", "email": "x@x.example", "password_hash": "", "state": "ACTIVE",
        "language": "en", "create_time": now, "last_sign_in_time": None, "version": 1,
    }  # fmt: skip
    number = {
        "number": "+15550100", "country": "US", "test": True, "brand_id": "brd_x", "flow_id": "", "assign_time": now,
        "version": 1,
    }  # fmt: skip
    for tenant_id, table, row in (
        (firm.tenant_id, tables.users, user | {"role": "OPERATOR"}),
        (PLATFORM, tables.users, user | {"role": "AGENT"}),
        (PLATFORM, tables.numbers, number),
    ):
        with pytest.raises(IntegrityError):
            await town.db.run(tenant_id, lambda tx, t=table, r=row: rows.add(tx, t, **r))


async def test_operator_lists_companies_newest_first_with_plan_people_and_owner(open_town: Any) -> None:
    town = await open_town(fresh=True)
    await command(town, "operator", "op@platform.example")
    first = await town.sign_up(company_name="Ümit Çağrı", plan_id="growth")
    town.clock.advance(60)
    second = await town.sign_up(company_name="100% Service", plan_id="scale")
    await first.join("agent")
    found = list((await listed(town)).tenants)
    assert [each.tenant.display_name for each in found] == ["100% Service", "Ümit Çağrı"]
    assert (found[1].user_count, found[1].owner_email, found[1].tenant.plan_id) == (2, first.email, "growth")
    assert found[0].tenant.state == ACTIVE and found[0].tenant.HasField("create_time")
    page = await listed(town, page_size=1)
    rest = await listed(town, page_size=1, page_token=page.next_page_token)
    assert [page.tenants[0], rest.tenants[0]] == found and not rest.next_page_token
    for text, names in (("çağ", ["Ümit Çağrı"]), ("0%", ["100% Service"]), ("%", ["100% Service"]), ("_", [])):
        assert [each.tenant.display_name for each in (await listed(town, query=text)).tenants] == names
    await suspend(town, second.tenant_id)
    [away] = (await listed(town, state=SUSPENDED)).tenants
    assert (away.tenant.tenant_id, away.tenant.suspend_reason) == (second.tenant_id, "unpaid")
    assert [each.tenant.tenant_id for each in (await listed(town, state=ACTIVE)).tenants] == [first.tenant_id]
    with pytest.raises(InvalidInput):
        await listed(town, state=99)


async def test_suspended_company_is_let_in_nowhere_and_resumed_has_everything_back(town: Any, firm: Any) -> None:
    brand, invitation = await firm.brand(), await firm.invite()
    session = await town.sign_in(firm.email)
    with firm.as_():
        asked = session_pb2.ApiKey(display_name="CRM", scopes=["queues.read"])
        key = await town.stubs.api_keys.CreateApiKey(
            session_service_pb2.CreateApiKeyRequest(request_id="key", api_key=asked)
        )

    async def verify() -> Any:
        with acting_for(""):
            return await town.stubs.api_keys.VerifyApiKey(session_service_pb2.VerifyApiKeyRequest(secret=key.secret))

    async def state_of_calls() -> int:
        with acting_for(""):
            route = number_service_pb2.LookupRouteRequest(widget_key=brand.widget_key)
            return (await town.stubs.numbers.LookupRoute(route)).tenant_state

    assert await state_of_calls() == ACTIVE
    suspended = await suspend(town, firm.tenant_id, version=firm.tenant.version)
    assert (suspended.state, suspended.suspend_reason) == (SUSPENDED, "unpaid")
    for call in (
        town.sign_in(firm.email), town.refresh(session.refresh_token), verify(),
        town.accept(invitation.link_path.rpartition("/")[2]),
    ):  # fmt: skip
        assert await reason_of(call) == "TENANT_SUSPENDED"
    assert await reason_of(town.sign_in(firm.email, "wrong password")) == "SIGN_IN_REFUSED"
    assert await state_of_calls() == SUSPENDED
    resumed = await resume(town, firm.tenant_id, version=suspended.version)
    assert (resumed.state, resumed.suspend_reason, resumed.version) == (ACTIVE, "", suspended.version + 1)
    await town.sign_in(firm.email)
    await town.refresh(session.refresh_token)
    await town.accept(invitation.link_path.rpartition("/")[2])
    assert (await verify()).tenant_id == firm.tenant_id and await state_of_calls() == ACTIVE


async def test_owner_reads_why_and_the_companys_log_names_the_platform_operator(town: Any) -> None:
    firm = await town.sign_up(plan_id="scale")
    await suspend(town, firm.tenant_id, said=" Invoice 7 is unpaid. ")
    await resume(town, firm.tenant_id)
    with firm.as_():
        [notice] = (await town.stubs.tenants.ListNotices(tenant_service_pb2.ListNoticesRequest())).notices
    assert (notice.kind, dict(notice.parameters)) == ("TENANT_SUSPENDED", {"reason": "Invoice 7 is unpaid."})
    noted = [entry for entry in await audit_of(town, firm.someone("owner")) if entry.subject == "operator"]
    assert {(entry.action, entry.subject_name, entry.target, entry.outcome) for entry in noted} == {
        (f"tenancy.v1.OperatorService/{verb}Tenant", "platform operator", firm.tenant_id, "OK")
        for verb in ("Suspend", "Resume")
    }


async def test_suspending_and_resuming_are_told_once(town: Any, firm: Any) -> None:
    await suspend(town, firm.tenant_id)
    await suspend(town, firm.tenant_id)
    await resume(town, firm.tenant_id)
    suspended, resumed = await told(town.db, firm.tenant_id, "TenantSuspended", "TenantResumed")
    assert (suspended.DESCRIPTOR.name, resumed.DESCRIPTOR.name) == ("TenantSuspended", "TenantResumed")
    assert (suspended.tenant.tenant_id, suspended.tenant.suspend_reason) == (firm.tenant_id, "unpaid")


async def test_repeated_suspension_is_one_and_another_one_is_refused(town: Any, firm: Any) -> None:
    first = await suspend(town, firm.tenant_id, "once")
    assert await suspend(town, firm.tenant_id, "once") == first
    assert await reason_of(suspend(town, firm.tenant_id, "once", said="else")) == "REQUEST_ID_REUSED"
    assert await reason_of(suspend(town, firm.tenant_id, "again")) == "TENANT_NOT_ACTIVE"
    back = await resume(town, firm.tenant_id, "once")
    assert await resume(town, firm.tenant_id, "once") == back
    assert await reason_of(resume(town, firm.tenant_id, "again")) == "TENANT_NOT_SUSPENDED"


async def test_of_two_operators_at_once_one_suspends(town: Any, firm: Any) -> None:
    calls = [suspend(town, firm.tenant_id, name, firm.tenant.version) for name in ("one", "two")]
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert sorted(getattr(each, "reason", "done") for each in found) == ["VERSION_CONFLICT", "done"]


async def test_nobody_suspends_the_platform_or_a_company_that_is_not_there(open_town: Any) -> None:
    town = await open_town(fresh=True)
    await command(town, "operator", "op@platform.example")
    for tenant_id in (PLATFORM, town.other_tenant()):
        assert await reason_of(suspend(town, tenant_id)) == "TENANT_NOT_FOUND"
        assert await reason_of(resume(town, tenant_id)) == "TENANT_NOT_FOUND"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"said": " "}, "reason"), ({"said": "x" * 501}, "reason"), ({"request_id": ""}, "request_id")],
)
async def test_suspension_without_a_reason_or_a_request_id_is_named(
    town: Any, firm: Any, wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await suspend(town, firm.tenant_id, **wrong)
    assert refused.value.fields[0].field == field

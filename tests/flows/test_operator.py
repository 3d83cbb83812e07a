"""The platform's operator over the running system: what is in reach, and a company suspended in mid-call."""

from __future__ import annotations

import asyncio
import re

import pytest
from chassis.permissions import PERMISSIONS_BY_ROLE, PUBLIC, SELF
from gateway.contracts import methods
from gateway.rules import load_rules
from testkit.company import PASSWORD, Api, Company, Json, Problem, request_id
from testkit.people import AgentAtDesk, CallerOnWidget
from testkit.waiting import eventually

AGENT_HERTZ, CUSTOMER_HERTZ = 440, 620
SOMETHING = "x_01jd3v9k8r5x7m2p4q6s8t0w1y"


async def test_operator_reaches_nothing_that_is_a_companys(operator: Api) -> None:
    own = PERMISSIONS_BY_ROLE["operator"] | {SELF}
    refused = 0
    for route in load_rules(methods()):
        if route.method.permission == PUBLIC:
            continue
        path = re.sub(r"\{[^}]*\}", SOMETHING, route.template)
        body = {"content": b"{}", "headers": {"content-type": "application/json"}} if route.has_body else {}
        # Asked as fast as a quick machine can, a person is told to slow down.
        while (answer := await operator.http.request(route.verb, path, **body)).status_code == 429:
            assert answer.json()["reason"] == "RATE_LIMITED"
            await asyncio.sleep(answer.json()["retryAfter"])
        if own.intersection(route.method.permission.split("|")):  # of several, one is enough
            unknown = answer.status_code == 404 and answer.json().get("reason", "").endswith("_NOT_FOUND")
            assert answer.status_code in (200, 400) or unknown, (route.template, answer.text)
            continue
        said = (answer.status_code, answer.json().get("reason", ""))
        assert said == (403, "PERMISSION_DENIED"), (route.template, answer.text)
        refused += 1
    assert refused > 70


async def overview(operator: Api, company: Company) -> Json:
    """The company as the operator sees it."""
    for state in ("TENANT_STATE_ACTIVE", "TENANT_STATE_SUSPENDED"):
        token = ""
        while True:
            page = await operator.get("/v1/operator/tenants", state=state, pageToken=token)
            for each in page.get("tenants", []):
                if each["tenant"]["tenantId"] == company.tenant_id:
                    return each
            token = page.get("nextPageToken", "")
            if not token:
                break
    raise AssertionError("the operator doesn't see the company")


async def key_of(company: Company) -> Api:
    """A partner of the company."""
    asked = {"displayName": "CRM", "scopes": ["queues.read"]}
    made = await company.owner.post("/v1/apiKeys", {"requestId": request_id(), "apiKey": asked})
    partner = Api(company.url)
    partner.http.headers["x-api-key"] = made["secret"]
    return partner


async def test_company_suspended_in_mid_call_keeps_the_call_and_gets_no_other_until_it_is_resumed(
    operator: Api, company: Company, agent: AgentAtDesk, caller: CallerOnWidget
) -> None:
    await caller.dial()
    await caller.peer.hears_sound()
    await caller.press("1")
    await agent.answer(await agent.offered())
    await caller.peer.hears(AGENT_HERTZ)
    partner = await key_of(company)
    await partner.get("/v1/queues")
    found = await overview(operator, company)
    assert (found["ownerEmail"], found["userCount"]) == (company.email, 2)

    path = f"/v1/operator/tenants/{company.tenant_id}"
    body = {"requestId": request_id(), "reason": "Invoice 7 is unpaid.", "version": found["tenant"]["version"]}
    suspended = await operator.post(f"{path}:suspend", body)
    assert suspended["state"] == "TENANT_STATE_SUSPENDED"

    async def out() -> bool:
        answers = [await person.http.get("/v1/queues") for person in (company.owner, partner)]
        return all(each.json().get("reason") == "TENANT_SUSPENDED" for each in answers)

    await eventually(out)
    async with Api(company.url) as stranger:
        with pytest.raises(Problem) as refused:
            await stranger.post("/v1/sessions:signIn", {"email": company.email, "password": PASSWORD})
        assert (refused.value.status, refused.value.reason) == (403, "TENANT_SUSPENDED")

    second = CallerOnWidget(company)
    await second.dial()
    await second.peer.hears_sound()
    assert (await second.state("ended"))["reason"] == "TENANT_SUSPENDED"
    await second.leave()

    await caller.peer.hears(AGENT_HERTZ)
    await agent.peer.hears(CUSTOMER_HERTZ)
    call_id = caller.call["callId"]
    await agent.socket.request("telephony.v1.CallService/HoldCall", {"callId": call_id})
    await agent.socket.request("telephony.v1.CallService/ResumeCall", {"callId": call_id})

    await operator.post(f"{path}:resume", {"requestId": request_id()})

    async def back() -> bool:
        answers = [await person.http.get("/v1/queues") for person in (company.owner, partner)]
        return all(each.status_code == 200 for each in answers)

    await eventually(back)
    third = CallerOnWidget(company)
    await third.dial()
    await third.state("menu")
    await third.peer.hears_sound()
    await third.hang_up()
    await third.leave()
    await agent.socket.request("telephony.v1.CallService/HangUp", {"callId": call_id})
    await caller.state("ended")
    [notice] = (await company.owner.get("/v1/notices"))["notices"]
    assert (notice["kind"], notice["parameters"]) == ("TENANT_SUSPENDED", {"reason": "Invoice 7 is unpaid."})

    await company.subscribe("scale")

    async def noted(who: Api, subject: str) -> list[str]:
        entries = (await who.get("/v1/auditEntries", target=company.tenant_id)).get("entries", [])
        return sorted(each["action"].rpartition("/")[2] for each in entries if each["subjectName"] == subject)

    async def both_logs() -> bool:
        tenants, platforms = await noted(company.owner, "platform operator"), await noted(operator, "Opal Operator")
        return tenants == platforms == ["ResumeTenant", "SuspendTenant"]

    await eventually(both_logs)
    await partner.close()

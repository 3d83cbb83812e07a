"""A company that the platform's operators suspend: who goes at once, who may stay, and what is asked anew."""

from __future__ import annotations

from typing import Any

import gateway.socket.agent as agent_module
import pytest
from kernel.errors import Forbidden
from kernel.tenant import PLATFORM
from merkez.routing.v1 import contact_pb2
from merkez.tenancy.v1.tenancy_events_pb2 import TenantResumed, TenantSuspended
from testkit import eventually


class Suspended(Forbidden):
    """As tenancy says it."""

    reason = "TENANT_SUSPENDED"


async def status(house: Any, headers: dict[str, str]) -> tuple[int, str]:
    answer = await house.http.get("/v1/queues", headers=headers)
    return answer.status_code, answer.json().get("reason", "")


async def test_suspended_companys_people_are_out_at_once_and_back_when_it_is_resumed(house: Any) -> None:
    token = house.token("supervisor", "usr_a")
    headers = {"authorization": f"Bearer {token}"}
    socket = await house.signed_in("supervisor", "usr_a")
    await house.publish(TenantSuspended())
    assert (await socket.until("problem"))["problem"]["reason"] == "TENANT_SUSPENDED"
    assert await socket.closed() == 4401
    assert await status(house, headers) == (403, "TENANT_SUSPENDED")
    again = await house.socket()
    await again.send(type="hello", token=token)
    assert (await again.next())["problem"]["reason"] == "TENANT_SUSPENDED"
    assert await again.closed() == 4401
    await house.publish(TenantResumed())

    async def back() -> bool:
        return (await status(house, headers))[0] == 200

    await eventually(back)
    await (await house.signed_in("supervisor", "usr_a")).close()


async def test_other_companies_and_operators_notice_nothing(house: Any) -> None:
    socket = await house.signed_in("agent", "usr_b", tenant="ten_1")
    await house.publish(TenantSuspended())

    async def out() -> bool:
        return (await status(house, house.as_role("admin", iat=1)))[0] == 403

    await eventually(out)
    assert await status(house, house.as_role("admin", tenant="ten_1")) == (200, "")
    assert await socket.silent()
    await socket.close()


async def test_agent_in_a_call_stays_connected_until_it_is_over(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_module, "_ON_CALL_PAUSE", 0.1)
    house.world.desktop.agent.state = contact_pb2.AGENT_STATE_ON_CONTACT
    socket = await house.signed_in("agent", "usr_a")
    await house.publish(TenantSuspended())
    assert await socket.silent(0.6)
    refused = await socket.request("routing.v1.AgentService/GetMyDesktop")
    assert refused["problem"]["reason"] == "TENANT_SUSPENDED"
    of_the_call = await socket.request("telephony.v1.CallService/HoldCall", callId="call_1")
    assert of_the_call["problem"]["reason"] == "CALL_NOT_TALKING"
    house.world.desktop.agent.state = contact_pb2.AGENT_STATE_WRAP_UP
    assert await socket.closed() == 4401


async def test_agent_whose_company_is_resumed_in_mid_call_stays_afterwards(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_module, "_ON_CALL_PAUSE", 0.1)
    house.world.desktop.agent.state = contact_pb2.AGENT_STATE_ON_CONTACT
    socket = await house.signed_in("agent", "usr_a")
    await house.publish(TenantSuspended())
    assert await socket.silent()
    await house.publish(TenantResumed())
    assert await socket.silent()
    house.world.desktop.agent.state = contact_pb2.AGENT_STATE_AVAILABLE
    assert await socket.silent(0.6)
    await socket.close()


async def test_remembered_api_key_of_a_suspended_company_is_asked_about_anew(house: Any) -> None:
    house.world.add_key("mrk_abc", "queues.read", "events.read")
    headers = {"x-api-key": "mrk_abc"}
    assert await status(house, headers) == (200, "")
    socket = await house.socket()
    await socket.send(type="hello", token="mrk_abc")
    assert (await socket.next())["type"] == "welcome"
    house.world.fail = Suspended("as tenancy says it")
    await house.publish(TenantSuspended())
    assert await socket.closed() == 4401
    assert await status(house, headers) == (403, "TENANT_SUSPENDED")
    house.world.fail = None
    assert await status(house, headers) == (200, "")


async def test_operator_has_no_socket(house: Any) -> None:
    socket = await house.socket()
    await socket.send(type="hello", token=house.token("operator"))
    assert (await socket.next())["problem"]["reason"] == "MESSAGE_INVALID"


async def test_what_an_operator_does_stands_in_the_platforms_log(house: Any) -> None:
    tenant = "ten_01jd3v9k8r5x7m2p4q6s8t0w1y"
    body = {"requestId": "r", "reason": "unpaid"}
    await house.http.post(f"/v1/operator/tenants/{tenant}:suspend", headers=house.as_role("operator"), json=body)

    def noted() -> Any:
        return house.world.audit

    await eventually(noted)
    [(where, entry)] = house.world.audit
    assert (where, entry.subject, entry.target) == (PLATFORM, "usr_operator", tenant)
    assert entry.action == "tenancy.v1.OperatorService/SuspendTenant"

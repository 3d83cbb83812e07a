"""SIGKILL for the node that asks a customer after the agent, and for flows: it is asked again, and counts once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from merkez_local.console import Console
from merkez_local.system import Options, System
from testkit.company import Company, Json
from testkit.people import AgentAtDesk, CallerOnWidget, Socket
from testkit.waiting import eventually

from tests.faults.two_nodes import node_of
from tests.flows.test_after_agent import ANN_HERTZ, CUSTOMER_HERTZ, flow_of
from tests.flows.test_handing_on import contact_of
from tests.flows.test_inbound_call import cdrs_of


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """A running system of its own, with two telephony nodes."""
    options = Options(
        data_dir=tmp_path_factory.mktemp("asked", numbered=True), http_port=0, grpc_port=0, durable=False,
        telephony_nodes=2, web=False,
    )  # fmt: skip
    running = System(options, Console(quiet=True))
    await running.start()
    yield running
    await running.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def company(system: System) -> AsyncIterator[Company]:
    made = await (await Company.sign_up(system.url)).set_up()
    await made.publish(flow_of(made.queue["queueId"]))
    yield made
    await made.close()


@pytest.mark.parametrize("victim", ["the node", "flows"])
async def test_a_customer_whose_question_is_killed_is_asked_again_and_answers_once(
    system: System, company: Company, victim: str
) -> None:
    ann = AgentAtDesk(await company.hire(name="Ann"), tone=ANN_HERTZ)
    caller = CallerOnWidget(company, number="+15550144")
    watching = Socket(f"{company.url}/v1/socket")
    await watching.open()
    await watching.send({"type": "hello", "token": company.owner.token})
    await watching.wait(lambda frame: frame["type"] == "welcome")
    await ann.sit_down()
    await caller.dial()
    offer = await ann.offered()
    await ann.answer(offer)
    await caller.peer.hears(ANN_HERTZ)
    call_id = caller.call["callId"]
    await ann.api.post(f"/v1/calls/{call_id}:hangUp")
    await ann.event("WrapUpStarted")

    def back() -> bool:
        return [each["state"] for each in caller.socket.pushed if each["type"] == "state"][-1] == "menu"

    await eventually(back)
    caller.peer.forget()
    await caller.peer.hears_sound()
    dead = await node_of(system, call_id) if victim == "the node" else "flows"
    system.children[dead].kill()
    if victim == "the node":
        await caller.come_back(CUSTOMER_HERTZ)
        caller.peer.forget()
        await caller.peer.hears_sound()
    await caller.press("4")

    def answered() -> list[Json]:
        return [each["data"] for each in watching.pushed if each.get("fact") == "SurveyAnswered"]

    await eventually(answered, deadline=30)
    await caller.press("2")
    await caller.state("ended", deadline=30)
    (cdr,) = await eventually(lambda: cdrs_of(company.owner, call_id), deadline=30)
    assert (cdr["endCause"], cdr["contactId"]) == ("FLOW_ENDED", contact_of(offer)["contactId"])
    [answer] = answered()
    assert (answer["value"], answer["agentId"]) == (4, cdr["agentId"])
    await ann.leave()
    await caller.leave()
    await watching.close()

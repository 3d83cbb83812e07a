"""SIGKILL PostgreSQL or nats-server: it comes back where it was with what it knew, and everything works again."""

from __future__ import annotations

import contextlib
import os

import httpx
import pytest
from merkez_local.system import System
from testkit.company import PASSWORD, Api, Company, Problem
from testkit.people import AgentAtDesk, CallerOnWidget
from testkit.waiting import eventually
from websockets.exceptions import ConnectionClosed

from tests.flows.test_inbound_call import cdrs_of, missing_seconds, talk, the_recording, usage_of


@pytest.mark.parametrize("victim", ["PostgreSQL", "NATS"])
async def test_after_a_server_died_old_and_new_companies_sign_in_and_whole_calls_are_taken(
    system: System, company: Company, victim: str
) -> None:
    server = system.servers[victim]
    pid, restarts = server.pid, server.restarts
    server.kill()
    await eventually(lambda: server.pid not in (0, pid))
    assert server.restarts > restarts and not system.lost.is_set()

    async def signed_in() -> bool:
        with contextlib.suppress(Problem, httpx.HTTPError):
            async with Api(system.url) as stranger:
                await stranger.post("/v1/sessions:signIn", {"email": company.email, "password": PASSWORD})
                return (await stranger.http.get("/readyz")).status_code == 200
        return False

    await eventually(signed_in)
    await eventually(lambda: rings(company))
    await a_whole_call(company)
    newcomer = await (await Company.sign_up(system.url)).set_up()
    await a_whole_call(newcomer)
    await newcomer.close()


async def rings(company: Company) -> bool:
    """Whether a call is taken: the company's number was given its flow moments before the server died."""
    customer = CallerOnWidget(company)
    try:
        await customer.dial()
        await customer.hang_up()
    except (Problem, AssertionError):
        return False
    finally:
        await customer.leave()
    return True


async def a_whole_call(company: Company) -> None:
    """Dialled, queued, answered, heard both ways, ended; with its CDR, recording and bill."""
    desk = AgentAtDesk(await company.hire())

    async def sits_down() -> bool:
        # The edge takes no socket until it hears facts again.
        with contextlib.suppress(Problem, ConnectionClosed, AssertionError):
            await desk.sit_down()
            return True
        return False

    await eventually(sits_down)
    customer = CallerOnWidget(company)
    await talk(desk, customer)
    call_id = customer.call["callId"]
    await desk.api.post(f"/v1/calls/{call_id}:hangUp")
    await desk.event("WrapUpStarted")
    cdrs = await eventually(lambda: cdrs_of(company.owner, call_id))
    assert len(cdrs) == 1
    assert len(await eventually(lambda: usage_of(company.owner, call_id))) == 1
    assert missing_seconds(await the_recording(company.owner, call_id), desk, customer) < 0.3
    for person in (customer, desk):
        await person.leave()


async def test_a_call_goes_on_while_nats_is_away_and_its_books_are_whole_after(
    system: System, company: Company, agent: AgentAtDesk, caller: CallerOnWidget
) -> None:
    await talk(agent, caller)
    call_id = caller.call["callId"]
    server = system.servers["NATS"]
    pid = server.pid
    os.kill(pid, 9)
    await agent.api.post(f"/v1/calls/{call_id}:hangUp")
    await eventually(lambda: server.pid not in (0, pid))
    assert len(await eventually(lambda: cdrs_of(company.owner, call_id))) == 1
    assert len(await eventually(lambda: usage_of(company.owner, call_id))) == 1

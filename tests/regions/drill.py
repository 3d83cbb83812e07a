"""What a lost region costs, measured on two that run: seconds until a new call is taken and until live calls go on, and
what was lost or done twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol

import asyncpg
import httpx
from testkit.company import PASSWORD, Api, Company, Json, Problem
from testkit.people import AgentAtDesk, CallerOnWidget
from testkit.waiting import eventually

from tests.flows.test_inbound_call import AGENT_HERTZ, CUSTOMER_HERTZ, talk

_TWICE = {
    "detail records of a call": "SELECT count(*) - count(DISTINCT (tenant_id, call_id)) FROM telephony.cdrs",
    "usage of a call": "SELECT count(*) - count(DISTINCT (tenant_id, source_id, meter)) FROM billing.usage_records",
    "accepted offers of a contact": """
        SELECT count(*) - count(DISTINCT (tenant_id, contact_id)) FROM routing.offers WHERE state = 'ACCEPTED'""",
    "contacts of a call": "SELECT count(*) - count(DISTINCT (tenant_id, call_id)) FROM routing.contacts",
}
"""What must never be there twice, and how many are."""


class Running(Protocol):
    """Regions that run, here or in another process. `database_url` is the administrator's."""

    @property
    def database_url(self) -> str: ...

    def url(self, region: str, /) -> str:
        """Where people of a region go."""
        ...


@dataclass
class Office:
    """A company at home in a region, with a call that goes on."""

    region: str
    company: Company
    agent: AgentAtDesk
    caller: CallerOnWidget
    contact: Json = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    """Calls that were over before anything happened."""

    @property
    def call_id(self) -> str:
        """The call that goes on."""
        return str(self.caller.call["callId"])

    async def leave(self) -> None:
        """Everybody closes their pages."""
        await self.agent.leave()
        await self.caller.leave()
        await self.company.close()


@contextlib.asynccontextmanager
async def office(regions: Running, region: str, *, ended: int = 0) -> AsyncIterator[Office]:
    """Signs a company up in a region, ends some calls and begins one that goes on."""
    company = await (await Company.sign_up(regions.url(region))).set_up()
    agent, caller = AgentAtDesk(await company.hire()), CallerOnWidget(company, number="+15550142")
    made = Office(region, company, agent, caller)
    try:
        await agent.sit_down()
        for _ in range(ended):
            made.ended.append(await short_call(company))
        made.contact = (await talk(agent, caller))["contact"]
        yield made
    finally:
        await made.leave()


async def short_call(company: Company) -> str:
    """A customer calls, hears us and hangs up; the call's id."""
    caller = CallerOnWidget(company)
    try:
        await caller.dial()
        await caller.peer.hears_sound()
        await caller.hang_up()
        return str(caller.call["callId"])
    finally:
        await caller.leave()


async def new_call(company: Company, since: float) -> float:
    """Seconds from `since` until a customer who keeps trying hears us. Pages give up on one try after a second."""
    while True:
        caller = CallerOnWidget(company)
        try:
            async with asyncio.timeout(3):
                await caller.dial()
                await caller.peer.hears_sound()
                return time.monotonic() - since
        except Exception:  # refused, cut or unanswered in any way: pages try again
            await asyncio.sleep(0.05)
        finally:
            await caller.leave()


async def sign_in(company: Company, since: float) -> float:
    """Seconds from `since` until somebody who keeps trying is signed in."""
    while True:
        try:
            async with asyncio.timeout(3), Api(company.url) as stranger:
                await stranger.post("/v1/sessions:signIn", {"email": company.email, "password": PASSWORD})
                return time.monotonic() - since
        except (Problem, TimeoutError, httpx.HTTPError):
            await asyncio.sleep(0.05)


async def goes_on(office: Office, since: float) -> float:
    """Seconds from `since` until both sides of the live call hear each other again, doing what their pages do."""

    async def desk() -> None:
        await office.agent.reopen()
        await office.agent.come_back(AGENT_HERTZ)
        await office.agent.hears(CUSTOMER_HERTZ, deadline=60)

    async def widget() -> None:
        await office.caller.come_back(CUSTOMER_HERTZ)
        await office.caller.peer.hears(AGENT_HERTZ, timeout=60)

    await asyncio.gather(desk(), widget())
    return time.monotonic() - since


async def twice(regions: Running) -> dict[str, int]:
    """What is there more than once though it must not be, over all companies."""
    async with _database(regions) as database:
        found = {what: await database.fetchval(query) for what, query in _TWICE.items()}
    return {what: count for what, count in found.items() if count}


async def lost(regions: Running, call_ids: list[str], *, deadline: float = 40.0) -> list[str]:
    """Calls without a detail record or without usage once `deadline` seconds are over."""
    query = """
        SELECT id FROM unnest($1::text[]) AS id
        WHERE NOT EXISTS (SELECT 1 FROM telephony.cdrs c WHERE c.call_id = id)
           OR NOT EXISTS (SELECT 1 FROM billing.usage_records u WHERE u.source_id = id)"""

    async with _database(regions) as database:

        async def missing() -> list[str]:
            return [row["id"] for row in await database.fetch(query, call_ids)]

        async def whole() -> bool:
            return not await missing()

        with contextlib.suppress(AssertionError):
            await eventually(whole, deadline=deadline)
        return await missing()


async def node_of(regions: Running, call_id: str) -> str:
    """The node that owns a live call."""
    async with _database(regions) as database:
        return str(await database.fetchval("SELECT node_id FROM telephony.live_calls WHERE call_id = $1", call_id))


async def hang_up(office: Office, *, deadline: float = 30.0) -> None:
    """The agent ends the live call and its work after it."""
    await office.agent.api.post(f"/v1/calls/{office.call_id}:hangUp")
    contact_id = office.contact["contactId"]

    async def over() -> bool:
        with contextlib.suppress(Problem):
            await office.agent.api.post(f"/v1/contacts/{contact_id}:endWrapUp", {"note": "done"})
        contact = await office.company.owner.get(f"/v1/contacts/{contact_id}")
        return contact["state"] == "CONTACT_STATE_ENDED"

    await eventually(over, deadline=deadline)


async def left_the_outbox(regions: Running, call_ids: list[str]) -> bool:
    """Whether these calls have ended, and the stream has acknowledged what is to be told of them."""
    async with _database(regions) as database:
        ended = await database.fetchval("SELECT count(*) FROM telephony.cdrs WHERE call_id = ANY($1)", call_ids)
        waiting = await database.fetchval("SELECT count(*) FROM telephony.outbox")
    return ended == len(call_ids) and not waiting


@contextlib.asynccontextmanager
async def _database(regions: Running) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(regions.database_url.replace("+asyncpg", ""))
    try:
        yield connection
    finally:
        await connection.close()

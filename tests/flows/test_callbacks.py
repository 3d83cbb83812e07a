"""A caller hangs up and is called back by the first free agent, with all services as processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest_asyncio
from merkez_local.system import System
from telephony.sip import Invitation
from testkit.company import Company, Json, request_id
from testkit.people import AgentAtDesk, CallerOnWidget
from testkit.rtp_peer import RtpPeer
from testkit.waiting import eventually

from .test_find_me import Carrier

ANN_HERTZ, CUSTOMER_HERTZ = 1100, 1700
NUMBER = "+905321234567"
WORDS = {"text": {"en": "Press 1."}}


class MoodyCarrier(Carrier):
    """The telephone network: a customer is busy as often as is said, and then answers."""

    busy = 0

    async def _answer(self, invitation: Invitation) -> None:
        if self.busy:
            self.busy -= 1
            self.called.append(invitation.called)
            await invitation.refuse(486)
            return
        await super()._answer(invitation)


@dataclass
class Scene:
    """A company whose flow offers to call back, and nobody at work."""

    company: Company
    carrier: MoodyCarrier
    ann: AgentAtDesk

    async def callbacks(self) -> list[Json]:
        queue_id = self.company.queue["queueId"]
        return (await self.company.owner.get("/v1/callbacks", queueId=queue_id)).get("callbacks", [])

    async def reaches(self, state: str) -> Json:
        """The only callback, once it is so."""

        found: Json = {}

        async def there() -> bool:
            nonlocal found
            (found,) = await self.callbacks()
            return found["state"] == f"CALLBACK_STATE_{state}"

        try:
            await eventually(there)
        except AssertionError as error:
            raise AssertionError(f"the callback never was {state}; it is {found}") from error
        return found

    async def hires_ann(self) -> None:
        await self.ann.sit_down()


@pytest_asyncio.fixture(loop_scope="session")
async def scene(system: System) -> AsyncIterator[Scene]:
    async with a_scene(system) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def customer_first(system: System) -> AsyncIterator[Scene]:
    """Customers are rung before an agent is asked."""
    async with a_scene(system, order="CALLBACK_ORDER_CUSTOMER_FIRST") as made:
        yield made


@asynccontextmanager
async def a_scene(system: System, **changes: str) -> AsyncIterator[Scene]:
    rules = {"onMachine": "CALLBACK_MACHINE_ACTION_CONNECT", "retryAfter": "60s", "attempts": 2, **changes}
    company = await (await Company.sign_up(system.url)).set_up(queue={"callbacks": rules, "wrapUpDuration": "0s"})
    await offers_callbacks(company)
    carrier = MoodyCarrier(await RtpPeer.start(CUSTOMER_HERTZ))
    await carrier.agent.start()
    gateway = {"host": "127.0.0.1", "port": carrier.port, "transport": "SIP_TRANSPORT_UDP", "weight": 1}
    trunk = {"displayName": "Carrier", "gateways": [gateway], "enabled": True}
    await company.owner.post("/v1/trunks", {"requestId": request_id(), "trunk": trunk})
    ann = AgentAtDesk(await company.hire(name="Ann"), tone=ANN_HERTZ)
    yield Scene(company, carrier, ann)
    await ann.leave()
    await carrier.agent.close()
    await carrier.voice.close()
    await company.close()


async def offers_callbacks(company: Company) -> None:
    """The company's flow is an offer to call back, and nothing else."""
    offer = {"queueId": company.queue["queueId"], "utterance": WORDS, "confirmation": {"text": {"en": "Goodbye."}}}
    draft = {"start": "offer", "language": "en", "steps": [{"stepId": "offer", "callbackOffer": offer}]}
    await company.publish(draft)


async def calls_and_agrees(scene: Scene) -> None:
    """A customer calls, is offered to be called back as nobody is at work, presses 1, and the call ends."""
    caller = CallerOnWidget(scene.company, number=NUMBER)
    await caller.dial()
    await caller.peer.hears_sound()
    await caller.press("1")
    await caller.state("ended")
    await caller.leave()


async def test_caller_keeps_the_place_and_the_first_agent_calls_them_back(scene: Scene) -> None:
    await calls_and_agrees(scene)
    waiting = await scene.reaches("WAITING")
    assert waiting["number"] == NUMBER and not scene.carrier.called
    await calls_and_agrees(scene)
    assert [each["callbackId"] for each in await scene.callbacks()] == [waiting["callbackId"]]
    await scene.hires_ann()
    offer = await scene.ann.offered()
    contact = offer["data"]["offer"]["contact"]
    assert (contact["kind"], contact["callerNumber"]) == ("CONTACT_KIND_CALLBACK", NUMBER)
    assert not scene.carrier.called, "the customer is called once the agent has accepted"
    await scene.ann.answer(offer)
    await scene.carrier.voice.hears(ANN_HERTZ)
    await scene.ann.hears(CUSTOMER_HERTZ)
    assert scene.carrier.called == [NUMBER]
    desktop = await scene.ann.desktop()
    assert desktop["contact"]["callId"] == (await scene.reaches("CALLING"))["callId"]
    await scene.carrier.dialogs[0].bye()
    done = await scene.reaches("COMPLETED")
    assert [each["outcome"] for each in done["attempts"]] == ["CALLBACK_OUTCOME_ANSWERED"]
    (cdr,) = (await scene.company.owner.get("/v1/cdrs", callId=done["attempts"][0]["callId"]))["cdrs"]
    assert cdr["contactId"] == contact["contactId"]


async def test_busy_customer_is_called_again_later_and_the_agent_is_free_meanwhile(scene: Scene) -> None:
    scene.carrier.busy = 1
    await calls_and_agrees(scene)
    await scene.hires_ann()
    await scene.ann.answer(await scene.ann.offered())
    tried = await scene.reaches("SCHEDULED")
    assert [each["outcome"] for each in tried["attempts"]] == ["CALLBACK_OUTCOME_BUSY"]
    assert (await scene.ann.desktop())["agent"]["state"] == "AGENT_STATE_AVAILABLE"
    since = len(scene.ann.socket.pushed)
    again = f"/v1/callbacks/{tried['callbackId']}:reschedule"
    await scene.company.owner.post(again, {"version": tried["version"]})
    await scene.ann.answer(await scene.ann.offered(since=since))
    await scene.ann.hears(CUSTOMER_HERTZ)
    assert scene.carrier.called == [NUMBER, NUMBER]
    await scene.carrier.dialogs[0].bye()
    assert len((await scene.reaches("COMPLETED"))["attempts"]) == 2


async def test_customer_of_a_list_who_hangs_up_while_they_wait_is_called_back(scene: Scene) -> None:
    queue_id, owner = scene.company.queue["queueId"], scene.company.owner
    wanted = {"key": "vip", "displayName": "Best customers"}
    made = await owner.post("/v1/numberLists", {"requestId": request_id(), "numberList": wanted})
    numbers = {"requestId": request_id(), "text": f"{NUMBER[:6]}*,All of an operator"}
    await owner.post(f"/v1/numberLists/{made['numberListId']}/entries:import", numbers)
    vip = {"name": "VIP", "condition": "in_list(caller_number, 'vip')", "queueId": queue_id, "priority": 9}
    steps = [
        {"stepId": "rules", "entryRules": {"rules": [vip], "next": "wait"}},
        {"stepId": "wait", "queue": {"byRules": True, "abandoned": "call"}},
        {"stepId": "call", "callbackOffer": {"queueId": queue_id, "priority": 9}},
    ]
    await scene.company.publish({"start": "rules", "language": "en", "steps": steps})
    caller = CallerOnWidget(scene.company, number=NUMBER)
    await caller.dial()
    await caller.state("queued")
    await caller.hang_up()

    async def asked_for() -> bool:
        return bool(await scene.callbacks())

    await eventually(asked_for)
    waiting = await scene.reaches("WAITING")
    assert (waiting["number"], waiting["priority"]) == (NUMBER, 9)
    await caller.leave()


async def test_customer_is_rung_first_and_their_agent_is_asked_once_they_answer(customer_first: Scene) -> None:
    scene = customer_first
    await calls_and_agrees(scene)
    waiting = await scene.reaches("WAITING")
    await scene.hires_ann()
    offer = (await scene.ann.offered())["data"]["offer"]
    assert scene.carrier.called == [NUMBER], "the customer is rung before the agent is asked"
    calling = await scene.reaches("CALLING")
    assert (calling["order"], calling["placeTime"]) == ("CALLBACK_ORDER_CUSTOMER_FIRST", waiting["placeTime"])
    assert offer["contact"]["callId"] == calling["callId"] and calling["answerTime"]
    await scene.ann.answer({"data": {"offer": offer}})
    await scene.carrier.voice.hears(ANN_HERTZ)
    await scene.ann.hears(CUSTOMER_HERTZ)
    await scene.carrier.dialogs[0].bye()
    done = await scene.reaches("COMPLETED")
    assert [each["outcome"] for each in done["attempts"]] == ["CALLBACK_OUTCOME_ANSWERED"]
    assert scene.carrier.called == [NUMBER]


async def test_customer_whose_agent_refuses_stays_on_the_line_for_the_next_one(customer_first: Scene) -> None:
    scene = customer_first
    await calls_and_agrees(scene)
    await scene.hires_ann()
    refused = (await scene.ann.offered())["data"]["offer"]
    await scene.ann.socket.request("routing.v1.OfferService/DeclineOffer", {"offerId": refused["offerId"]})
    ben = AgentAtDesk(await scene.company.hire(name="Ben"), tone=1400)
    await ben.sit_down()
    offer = await ben.offered()
    assert offer["data"]["offer"]["contact"]["contactId"] == refused["contact"]["contactId"]
    await ben.answer(offer)
    await scene.carrier.voice.hears(1400)
    assert scene.carrier.called == [NUMBER], "nobody is rung twice"
    await scene.carrier.dialogs[0].bye()
    (attempt,) = (await scene.reaches("COMPLETED"))["attempts"]
    assert attempt["outcome"] == "CALLBACK_OUTCOME_ANSWERED"
    await ben.leave()


async def test_busy_customer_who_is_rung_first_costs_the_agent_nothing(customer_first: Scene) -> None:
    scene = customer_first
    scene.carrier.busy = 1
    await calls_and_agrees(scene)
    await scene.hires_ann()
    tried = await scene.reaches("SCHEDULED")
    assert [each["outcome"] for each in tried["attempts"]] == ["CALLBACK_OUTCOME_BUSY"]
    assert (await scene.ann.desktop())["agent"]["state"] == "AGENT_STATE_AVAILABLE"
    assert not [each for each in scene.ann.socket.pushed if each.get("fact") == "OfferMade"]

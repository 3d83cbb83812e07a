"""An agent who went home is found at the mobile, and a call nobody took goes on, with all services as processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest_asyncio
from merkez_local.system import System
from telephony.sip import AgentSettings, Invitation, ListenPoint, SipAgent, SipDialog
from testkit.company import Company, Json, request_id
from testkit.people import AgentAtDesk, CallerOnWidget, Socket
from testkit.rtp_peer import RtpPeer
from testkit.waiting import eventually

ANN_HERTZ, MOBILE_HERTZ, CUSTOMER_HERTZ = 1100, 1700, 620
MOBILE = "+905321234567"


class Carrier:
    """The telephone network: whoever is called answers at once."""

    def __init__(self, voice: RtpPeer) -> None:
        self.voice = voice
        self.called: list[str] = []
        self.dialogs: list[SipDialog] = []
        point = ListenPoint("UDP", "127.0.0.1", 0)
        self.agent = SipAgent(AgentSettings(points=[point], name="carrier", trusted=lambda _flow: True))
        self.agent.on_invite = lambda invitation: self.agent.stack.spawn(self._answer(invitation), "answer")

    @property
    def port(self) -> int:
        return self.agent.points[0].port

    async def _answer(self, invitation: Invitation) -> None:
        self.called.append(invitation.called)
        self.voice.accept(invitation.sdp_offer or "")
        self.dialogs.append(await invitation.answer(self.voice.describe()))


@dataclass
class Scene:
    """Ann talks with a customer; Ben has gone home."""

    company: Company
    carrier: Carrier
    ann: AgentAtDesk
    ben: AgentAtDesk
    ben_id: str
    caller: CallerOnWidget
    watching: Socket

    async def hand_to_ben(self) -> None:
        call_id = self.caller.call["callId"]
        await self.ann.api.post(f"/v1/calls/{call_id}:transfer", {"agentId": self.ben_id})

    async def state_of_ben(self) -> Json:
        return (await self.ben.api.get("/v1/desktop"))["agent"]


@pytest_asyncio.fixture(loop_scope="session")
async def scene(system: System) -> AsyncIterator[Scene]:
    company = await (await Company.sign_up(system.url)).set_up()
    carrier = Carrier(await RtpPeer.start(MOBILE_HERTZ))
    await carrier.agent.start()
    gateway = {"host": "127.0.0.1", "port": carrier.port, "transport": "SIP_TRANSPORT_UDP", "weight": 1}
    trunk = {"displayName": "Carrier", "gateways": [gateway], "enabled": True}
    await company.owner.post("/v1/trunks", {"requestId": request_id(), "trunk": trunk})
    ann = AgentAtDesk(await company.hire(name="Ann"), tone=ANN_HERTZ)
    ben = AgentAtDesk(await company.hire(name="Ben"))
    ben_id = (await ben.api.get("/v1/me"))["userId"]
    caller = CallerOnWidget(company, number="+15550142")
    watching = Socket(f"{company.url}/v1/socket")
    await watching.open()
    await watching.send({"type": "hello", "token": company.owner.token})
    await watching.wait(lambda frame: frame["type"] == "welcome")
    await ann.sit_down()
    await caller.dial()
    await caller.peer.hears_sound()
    await caller.press("1")
    await ann.answer(await ann.offered())
    await caller.peer.hears(ANN_HERTZ)
    yield Scene(company, carrier, ann, ben, ben_id, caller, watching)
    await ann.leave()
    await caller.leave()
    await watching.close()
    await carrier.agent.close()
    await carrier.voice.close()
    await company.close()


async def find_me(scene: Scene, **setting: object) -> None:
    """Ben sets it; routing has heard of it."""
    await scene.ben.api.patch("/v1/find-me", {"findMe": {"when": "FIND_ME_WHEN_AWAY", **setting}})
    await scene.watching.wait(lambda frame: frame.get("fact") == "FindMeChanged")
    await scene.watching.wait(
        lambda frame: frame.get("fact") == "AgentChanged" and frame["data"]["agent"]["agentId"] == scene.ben_id
    )


async def test_call_handed_to_somebody_who_went_home_is_taken_on_the_mobile_and_billed_once(scene: Scene) -> None:
    await find_me(scene, steps=[{"numbers": [MOBILE], "ringDuration": "30s"}])
    assert (await scene.state_of_ben())["state"] == "AGENT_STATE_OFFLINE"
    await scene.hand_to_ben()
    await eventually(lambda: scene.carrier.called)
    assert scene.carrier.called == [MOBILE]
    await scene.carrier.voice.hears_sound()
    await scene.carrier.voice.press("1")
    await scene.caller.peer.hears(MOBILE_HERTZ)
    await scene.carrier.voice.hears(CUSTOMER_HERTZ)
    assert (await scene.state_of_ben())["state"] == "AGENT_STATE_ON_CONTACT"
    call_id = scene.caller.call["callId"]
    await scene.carrier.dialogs[0].bye()

    async def cdrs() -> list[Json] | None:
        return (await scene.company.owner.get("/v1/cdrs", callId=call_id)).get("cdrs") or None

    (cdr,) = await eventually(cdrs)
    assert (cdr["agentId"], cdr["endParty"]) == (scene.ben_id, "END_PARTY_AGENT")

    async def wrapping_up() -> bool:
        return (await scene.state_of_ben())["state"] == "AGENT_STATE_WRAP_UP"

    await eventually(wrapping_up)
    contact_id = (await scene.state_of_ben())["contactId"]
    await scene.ben.api.post(f"/v1/contacts/{contact_id}:endWrapUp", {})
    assert (await scene.state_of_ben())["state"] == "AGENT_STATE_OFFLINE"


async def test_call_handed_to_somebody_who_went_home_goes_into_the_queue_that_is_their_last_resort(
    scene: Scene,
) -> None:
    await find_me(scene, forwardQueueId=scene.company.queue["queueId"])
    since = len(scene.ann.socket.pushed)
    await scene.hand_to_ben()
    told = await scene.watching.wait(lambda frame: frame.get("fact") == "CallForwarded")
    assert (told["data"]["agentId"], told["data"]["targetKind"]) == (scene.ben_id, "queue")
    await scene.ann.socket.wait(lambda frame: frame.get("fact") == "WrapUpStarted")
    first = next(frame for frame in scene.ann.socket.pushed if frame.get("fact") == "WrapUpStarted")
    await scene.ann.api.post(f"/v1/contacts/{first['data']['contact']['contactId']}:endWrapUp", {})
    offer = await scene.ann.offered(since=since)
    assert offer["data"]["offer"]["contact"]["queueId"] == scene.company.queue["queueId"]
    await scene.ann.answer(offer)
    scene.caller.peer.forget()
    await scene.caller.peer.hears(ANN_HERTZ)

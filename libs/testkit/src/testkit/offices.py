"""A company with calls of every kind at once, and how soon each party is back after something broke."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Protocol

from testkit.company import Company, request_id
from testkit.people import AgentAtDesk, CallerOnWidget
from testkit.waiting import eventually
from testkit.webrtc import Ears

EARSHOT = 0.2
"""Seconds of sound that are enough to tell a tone."""


class Person(Protocol):
    """Somebody who can be in a call."""

    @property
    def peer(self) -> Ears:
        """What they hear."""
        ...

    async def come_back(self, tone: float) -> None:
        """Do what their page does when it hears nothing any more."""
        ...

    async def leave(self) -> None: ...


@dataclass
class Party:
    """Somebody in a call: what they hear (Hz, any sound when empty, nothing at all when None), and how they come
    back."""

    name: str
    who: Person
    tone: float
    hears: tuple[float, ...] | None = ()

    @property
    def peer(self) -> Ears:
        return self.who.peer

    async def back(self, since: float) -> float:
        """Come back as the page does; seconds from `since` until they hear again what they should."""
        await self.who.come_back(self.tone)
        if self.hears is None:
            return time.monotonic() - since
        while not self._hears():
            await asyncio.sleep(0.02)
        return time.monotonic() - since

    def _hears(self) -> bool:
        if not self.hears:
            return self.peer.has_heard_sound()
        found = self.peer.frequencies(seconds=EARSHOT, count=len(self.hears))
        return all(any(abs(each - wanted) < 15 for each in found) for wanted in self.hears)


@dataclass
class Office:
    """Calls by what they are, and everybody in them. Every agent and customer has a tone of their own."""

    company: Company
    calls: dict[str, str] = field(default_factory=dict)
    """Kind -> call id."""
    agents: dict[str, AgentAtDesk] = field(default_factory=dict)
    """Kind -> the agent who has the call, of calls that have one."""
    parties: list[Party] = field(default_factory=list)
    _tones: list[float] = field(default_factory=lambda: [400.0 + 90 * n for n in range(24)])

    async def fill(self) -> Office:
        """Two conversations, one of them listened in on, one on hold, a conference, a consult, one parked, one that
        leaves a message, one in the queue and one in the menu."""
        await self.talk("talking", "listened in on", "held", "conference", "consult", "parked", "message")
        await asyncio.gather(
            self._hold(), self._confer(), self._consult(), self._park(), self._listen_in(), self._leave_message()
        )
        await self._press_one(await self._caller("queued"))
        menu = await self._caller("menu")
        await menu.peer.hears_sound()
        return self

    async def talk(self, *kinds: str) -> None:
        """A conversation of each kind, whoever of the agents gets it."""
        desks, _ = await asyncio.gather(asyncio.gather(*(self.agent() for _ in kinds)), self._dial(*kinds))
        await asyncio.gather(*(self._answer(desk) for desk in desks))

    async def dial(self, kind: str, number: str, telephone: Person, tone: float) -> None:
        """An agent rings a telephone, which answers with a tone."""
        desk = await self.agent(state="NOT_READY")
        call = await desk.api.post("/v1/calls:dial", {"requestId": request_id(), "number": number})
        self.calls[kind], self.agents[kind] = call["callId"], desk
        self.parties.append(Party(f"{kind}: agent", desk, desk.peer_tone, (tone,)))
        self.parties.append(Party(f"{kind}: telephone", telephone, tone, (desk.peer_tone,)))
        await desk.hears(tone)

    async def take(self, kind: str, telephone: Person, tone: float) -> None:
        """A telephone has called the company and waits in the queue: an agent answers."""
        desk = await self.agent()
        offer = await desk.offered()
        await desk.answer(offer)
        self.calls[kind], self.agents[kind] = offer["data"]["offer"]["contact"]["callId"], desk
        self.parties.append(Party(f"{kind}: agent", desk, desk.peer_tone, (tone,)))
        self.parties.append(Party(f"{kind}: telephone", telephone, tone, (desk.peer_tone,)))
        await asyncio.gather(desk.hears(tone), telephone.peer.hears(desk.peer_tone))

    async def talk_on_phone(self, kind: str, desk: AgentAtDesk, telephone: Person, tone: float) -> None:
        """A conversation that an agent who has no browser's station has on their desk phone."""
        await desk.sit_down(station=False)
        customer = await self._caller(kind)
        await self._press_one(customer)
        await desk.answer(await desk.offered())
        self.agents[kind], customer.hears = desk, (tone,)
        self.parties.append(Party(f"{kind}: telephone", telephone, tone, (customer.tone,)))
        await asyncio.gather(customer.peer.hears(tone), telephone.peer.hears(customer.tone))

    async def agent(self, *, state: str = "AVAILABLE") -> AgentAtDesk:
        """One more agent at a desk."""
        desk = AgentAtDesk(await self.company.hire(), tone=self._tones.pop(0))
        return await desk.sit_down(state=state)

    async def leave(self) -> None:
        """Everybody goes home."""
        people = {id(party.who): party.who for party in self.parties} | {id(who): who for who in self.agents.values()}
        await asyncio.gather(*(who.leave() for who in people.values()))

    async def back(self, since: float) -> dict[str, float]:
        """Everybody comes back; name -> after how many seconds, 60 when somebody doesn't."""

        async def one(party: Party) -> float:
            try:
                return await asyncio.wait_for(party.back(since), 60)
            except Exception:
                return 60.0

        seconds = await asyncio.gather(*(one(party) for party in self.parties))
        return {party.name: round(value, 2) for party, value in zip(self.parties, seconds, strict=True)}

    # -- kinds -------------------------------------------------------------------------------------------------

    async def _dial(self, *kinds: str) -> None:
        for customer in await asyncio.gather(*(self._caller(kind) for kind in kinds)):
            await self._press_one(customer)

    async def _answer(self, desk: AgentAtDesk) -> None:
        offer = await desk.offered()
        await desk.answer(offer)
        call_id = offer["data"]["offer"]["contact"]["callId"]
        kind = next(kind for kind, each in self.calls.items() if each == call_id)
        customer = self._party(f"{kind}: customer")
        agent = Party(f"{kind}: agent", desk, desk.peer_tone, (customer.tone,))
        customer.hears = (agent.tone,)
        self.parties.append(agent)
        self.agents[kind] = desk
        await asyncio.gather(desk.hears(customer.tone), customer.peer.hears(agent.tone))

    async def _hold(self) -> None:
        await self.agents["held"].api.post(f"/v1/calls/{self.calls['held']}:hold")
        self._party("held: customer").hears, self._party("held: agent").hears = (), None

    async def _consult(self, kind: str = "consult") -> Party:
        """The agent asks a colleague, while the customer hears music."""
        customer, agent, colleague = self._party(f"{kind}: customer"), self._party(f"{kind}: agent"), await self.agent()
        me = await colleague.api.get("/v1/me")
        await self.agents[kind].api.post(f"/v1/calls/{self.calls[kind]}:consult", {"agentId": me["userId"]})
        await colleague.answer(await colleague.offered())
        await colleague.hears(agent.tone)
        third = Party(f"{kind}: colleague", colleague, colleague.peer_tone, (agent.tone,))
        customer.hears, agent.hears = (), (third.tone,)
        self.parties.append(third)
        return third

    async def _confer(self) -> None:
        customer, agent = self._party("conference: customer"), self._party("conference: agent")
        third = await self._consult("conference")
        await self.agents["conference"].api.post(f"/v1/calls/{self.calls['conference']}:join")
        customer.hears, agent.hears = (agent.tone, third.tone), (customer.tone, third.tone)
        third.hears = (customer.tone, agent.tone)
        await customer.peer.hears_all(*customer.hears)

    async def _park(self) -> None:
        desk = self.agents.pop("parked")
        await desk.api.post(f"/v1/calls/{self.calls['parked']}:park")
        self.parties.remove(self._party("parked: agent"))
        self._party("parked: customer").hears = ()
        await desk.leave()

    async def _leave_message(self) -> None:
        """The agent sends the customer to a flow that takes a message; it goes on until they hang up."""
        owner, desk, queue_id = self.company.owner, self.agents.pop("message"), self.company.queue["queueId"]
        step = {"stepId": "message", "voicemail": {"utterance": {"text": {"en": "Speak."}}, "queueId": queue_id}}
        draft = {"start": "message", "language": "en", "steps": [step]}
        body = {"requestId": request_id(), "flow": {"displayName": "Messages", "draft": draft}, "publish": True}
        flow = await owner.post("/v1/flows", body)
        call_id = self.calls["message"]
        await desk.api.post(f"/v1/calls/{call_id}:transfer", {"flowId": flow["flowId"]})
        self.parties.remove(self._party("message: agent"))
        self._party("message: customer").hears = ()

        async def being_left() -> bool:
            found = (await owner.get("/v1/recordings", callId=call_id)).get("recordings", [])
            return any(each.get("kind") == "RECORDING_KIND_VOICEMAIL" for each in found)

        await eventually(being_left, every=0.2)
        await desk.leave()

    async def _listen_in(self) -> None:
        customer, agent = self._party("listened in on: customer"), self._party("listened in on: agent")
        eve = AgentAtDesk(await self.company.hire(role="SUPERVISOR"), tone=self._tones.pop(0))
        await eve.sit_down(state="")
        call = f"/v1/calls/{self.calls['listened in on']}"
        await eve.api.post(f"{call}:supervise", {"mode": "SUPERVISION_MODE_LISTEN"})
        self.parties.append(Party("listened in on: supervisor", eve, eve.peer_tone, (customer.tone, agent.tone)))
        await eve.hears(customer.tone)

    def _party(self, name: str) -> Party:
        return next(party for party in self.parties if party.name == name)

    async def _caller(self, kind: str) -> Party:
        tone = self._tones.pop(0)
        caller = await CallerOnWidget(self.company, tone=tone).dial()
        self.calls[kind] = caller.call["callId"]
        made = Party(f"{kind}: customer", caller, tone)
        self.parties.append(made)
        return made

    async def _press_one(self, party: Party) -> None:
        assert isinstance(party.who, CallerOnWidget)
        await party.peer.hears_sound()
        await party.who.press("1")

"""Agents hand calls on: contacts, recordings, bill and what everybody hears, with all services as processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest_asyncio
from testkit.company import Company, Json
from testkit.people import AgentAtDesk, CallerOnWidget, Socket
from testkit.sound import loudest_by_window
from testkit.waiting import eventually

ANN_HERTZ, BEN_HERTZ, CUSTOMER_HERTZ = 1100, 1700, 620
"""None of them is a tone of the hold music."""


@dataclass
class Scene:
    """Ann talks with a customer while her colleague Ben is free, and the owner watches."""

    company: Company
    ann: AgentAtDesk
    ben: AgentAtDesk
    ids: dict[str, str]
    caller: CallerOnWidget
    watching: Socket
    first_contact: str

    @property
    def call_id(self) -> str:
        return self.caller.call["callId"]

    async def do(self, who: AgentAtDesk, verb: str, **body: str) -> Json:
        return await who.api.post(f"/v1/calls/{self.call_id}:{verb}", dict(body))

    async def talk(self, who: AgentAtDesk, hertz: int) -> None:
        """This agent and the customer hear each other, from now on."""
        self.caller.peer.forget()
        who.peer.forget()
        await self.caller.peer.hears(hertz)
        await who.peer.hears(CUSTOMER_HERTZ)

    async def decline(self, who: AgentAtDesk, offer: Json) -> None:
        offer_id = offer["data"]["offer"]["offerId"]
        await who.socket.request("routing.v1.OfferService/DeclineOffer", {"offerId": offer_id})

    async def wrapped_up(self, who: AgentAtDesk, contact_id: str) -> None:
        await who.socket.wait(
            lambda frame: frame.get("fact") == "WrapUpStarted" and frame["data"]["contact"]["contactId"] == contact_id
        )
        await who.api.post(f"/v1/contacts/{contact_id}:endWrapUp", {})

    async def hang_up(self) -> Json:
        """The customer hangs up; the call's one CDR."""
        await self.caller.hang_up()
        call_id = self.call_id
        cdrs = await eventually(lambda: self._cdrs(call_id))
        await self.watching.wait(lambda frame: frame.get("fact") == "CallEnded")
        assert len(cdrs) == 1 and self.told("CallEnded") == 1
        return cdrs[0]

    async def _cdrs(self, call_id: str) -> list[Json] | None:
        return (await self.company.owner.get("/v1/cdrs", callId=call_id)).get("cdrs") or None

    def told(self, fact: str) -> int:
        """How often the owner was told of it."""
        return sum(frame.get("fact") == fact for frame in self.watching.pushed)

    async def ended_once(self, *contacts: str) -> None:
        """Each of these contacts, and no other, has ended, once."""
        for contact_id in contacts:
            await self.watching.wait(lambda frame, wanted=contact_id: _ended(frame) == wanted)
        assert sorted(filter(None, map(_ended, self.watching.pushed))) == sorted(contacts)

    async def recording(self, kind: str = "") -> Json:
        async def stored() -> Json | None:
            found = (await self.company.owner.get("/v1/recordings", callId=self.call_id)).get("recordings", [])
            fitting = [each for each in found if each.get("kind", "") == (kind or each.get("kind", ""))]
            return fitting[0] if fitting and fitting[0]["state"] == "RECORDING_STATE_STORED" else None

        return await eventually(stored)


def _ended(frame: Json) -> str:
    return frame["data"]["contact"]["contactId"] if frame.get("fact") == "ContactEnded" else ""


def contact_of(offer: Json) -> Json:
    return offer["data"]["offer"]["contact"]


@pytest_asyncio.fixture(loop_scope="session")
async def scene(company: Company) -> AsyncIterator[Scene]:
    ann = AgentAtDesk(await company.hire(name="Ann"), tone=ANN_HERTZ)
    ben = AgentAtDesk(await company.hire(name="Ben"), tone=BEN_HERTZ)
    caller = CallerOnWidget(company, number="+15550142")
    watching = Socket(f"{company.url}/v1/socket")
    await watching.open()
    await watching.send({"type": "hello", "token": company.owner.token})
    await watching.wait(lambda frame: frame["type"] == "welcome")
    await ann.sit_down()
    await ben.sit_down(state="")
    ids = {who: (await desk.api.get("/v1/me"))["userId"] for who, desk in (("ann", ann), ("ben", ben))}
    await caller.dial()
    await caller.peer.hears_sound()
    await caller.press("1")
    offer = await ann.offered()
    await ann.answer(offer)
    await ben.set_state("AVAILABLE")
    made = Scene(company, ann, ben, ids, caller, watching, contact_of(offer)["contactId"])
    await made.talk(ann, ANN_HERTZ)
    yield made
    for desk in (ann, ben):
        await desk.leave()
    await caller.leave()
    await watching.close()


async def test_call_sent_to_a_queue_is_a_colleagues_while_its_agent_wraps_up(scene: Scene) -> None:
    await scene.do(scene.ann, "transfer", queueId=scene.company.queue["queueId"])
    await scene.wrapped_up(scene.ann, scene.first_contact)
    await scene.ann.set_state("NOT_READY", "break")
    offer = await scene.ben.offered()
    contact = contact_of(offer)
    assert contact["kind"] == "CONTACT_KIND_TRANSFER" and contact["previousContactId"] == scene.first_contact
    await scene.ben.answer(offer)
    await scene.talk(scene.ben, BEN_HERTZ)
    await scene.ann.peer.hears_nothing()
    cdr = await scene.hang_up()
    await scene.wrapped_up(scene.ben, contact["contactId"])
    await scene.ended_once(scene.first_contact, contact["contactId"])
    assert (cdr["contactId"], cdr["agentId"]) == (contact["contactId"], scene.ids["ben"])
    told = [frame["fact"] for frame in scene.watching.pushed if frame.get("fact") in ORDERED]
    assert told == ["CallStarted", "CallAnswered", "CallTransferred", "CallAnswered", "CallEnded"]
    audio = await scene.company.owner.http.get(f"/v1/recordings/{(await scene.recording())['recordingId']}/audio")
    customer, agent = loudest_by_window(audio.content)
    assert in_turn(agent) == [ANN_HERTZ, BEN_HERTZ] and in_turn(customer) == [CUSTOMER_HERTZ]


ORDERED = ("CallStarted", "CallAnswered", "CallTransferred", "CallEnded")


def in_turn(heard: list[float]) -> list[int]:
    """The known tones in the order in which they begin; anything else as it is."""
    known = (ANN_HERTZ, BEN_HERTZ, CUSTOMER_HERTZ)
    turns: list[int] = []
    for frequency in heard:
        tone = next((each for each in known if abs(each - frequency) < 15), round(frequency))
        if not turns or turns[-1] != tone:
            turns.append(tone)
    return turns


async def test_colleague_who_was_asked_takes_the_call_and_what_the_two_said_is_not_recorded(scene: Scene) -> None:
    await scene.do(scene.ann, "consult", agentId=scene.ids["ben"])
    offer = await scene.ben.offered()
    contact = contact_of(offer)
    assert contact["kind"] == "CONTACT_KIND_CONSULT"
    await scene.ben.answer(offer)
    await scene.ben.peer.hears(ANN_HERTZ)
    await scene.ann.peer.hears(BEN_HERTZ)
    scene.caller.peer.forget()
    await scene.caller.peer.hears_sound()
    assert min(abs(scene.caller.peer.frequencies(seconds=0.2)[0] - tone) for tone in (ANN_HERTZ, BEN_HERTZ)) > 15
    await scene.do(scene.ann, "completeTransfer")
    await scene.wrapped_up(scene.ann, scene.first_contact)
    await scene.talk(scene.ben, BEN_HERTZ)
    await scene.ann.peer.hears_nothing()
    await scene.hang_up()
    await scene.wrapped_up(scene.ben, contact["contactId"])
    await scene.ended_once(scene.first_contact, contact["contactId"])
    (told,) = [frame["data"] for frame in scene.watching.pushed if frame.get("fact") == "CallTransferred"]
    assert not told.get("blind") and (told["agentId"], told["target"]) == (scene.ids["ann"], scene.ids["ben"])
    audio = await scene.company.owner.http.get(f"/v1/recordings/{(await scene.recording())['recordingId']}/audio")
    _, agent = loudest_by_window(audio.content)
    assert in_turn(agent) == [ANN_HERTZ, BEN_HERTZ]


async def test_colleague_who_declines_to_be_asked_leaves_the_call_with_its_agent(scene: Scene) -> None:
    await scene.do(scene.ann, "consult", agentId=scene.ids["ben"])
    await scene.decline(scene.ben, await scene.ben.offered())
    over = await scene.ann.event("ContactDequeued")
    assert over["data"]["reason"] == "offer_declined"

    async def alone() -> bool:
        legs = (await scene.company.owner.get(f"/v1/calls/{scene.call_id}"))["legs"]
        return sum(leg["state"] != "LEG_STATE_ENDED" for leg in legs) == 2

    await eventually(alone)
    await scene.do(scene.ann, "resume")
    await scene.talk(scene.ann, ANN_HERTZ)
    await scene.hang_up()
    await scene.wrapped_up(scene.ann, scene.first_contact)
    await scene.ended_once(scene.first_contact)


async def test_call_sent_to_a_colleague_who_declines_it_comes_back_to_who_sent_it(scene: Scene) -> None:
    await scene.do(scene.ann, "transfer", agentId=scene.ids["ben"])
    await scene.wrapped_up(scene.ann, scene.first_contact)
    refused = await scene.ben.offered()
    since = len(scene.ann.socket.pushed)
    await scene.decline(scene.ben, refused)
    offer = await scene.ann.offered(since=since)
    contact = contact_of(offer)
    assert contact["targetAgentId"] == scene.ids["ann"] and contact["contactId"] != contact_of(refused)["contactId"]
    await scene.ann.answer(offer)
    await scene.talk(scene.ann, ANN_HERTZ)
    cdr = await scene.hang_up()
    await scene.wrapped_up(scene.ann, contact["contactId"])
    await scene.ended_once(scene.first_contact, contact["contactId"])
    assert cdr["agentId"] == scene.ids["ann"]


async def test_call_nobody_wants_leaves_a_message_for_whom_it_was_sent_to(scene: Scene) -> None:
    await scene.do(scene.ann, "transfer", agentId=scene.ids["ben"])
    await scene.wrapped_up(scene.ann, scene.first_contact)
    since = len(scene.ann.socket.pushed)
    await scene.decline(scene.ben, await scene.ben.offered())
    await scene.decline(scene.ann, await scene.ann.offered(since=since))

    async def being_left() -> Json | None:
        found = (await scene.company.owner.get("/v1/recordings", callId=scene.call_id)).get("recordings", [])
        return next((each for each in found if each.get("kind") == "RECORDING_KIND_VOICEMAIL"), None)

    await eventually(being_left)
    await scene.hang_up()
    message = await scene.recording("RECORDING_KIND_VOICEMAIL")
    assert message["agentId"] == scene.ids["ben"]

    async def for_ben() -> bool:
        heard = (await scene.ben.api.get("/v1/voicemails")).get("voicemails", [])
        return [each["recordingId"] for each in heard] == [message["recordingId"]]

    await eventually(for_ben)
    await scene.ended_once(scene.first_contact)

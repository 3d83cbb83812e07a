"""A customer is asked after the agent hung up, with all services as processes: what they say is the agent's to be
measured by, the agent's time and the recording end before, and the bill has it all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest_asyncio
from testkit.company import Company, Json
from testkit.people import AgentAtDesk, CallerOnWidget, Socket
from testkit.waiting import eventually

from .test_handing_on import contact_of
from .test_inbound_call import cdrs_of, the_recording, usage_of

ANN_HERTZ, BEN_HERTZ, CUSTOMER_HERTZ = 1100, 1700, 620


def flow_of(queue_id: str) -> Json:
    """Wait, be asked how it was, and choose to talk again or to go."""
    return {
        "start": "wait",
        "language": "en",
        "steps": [
            {"stepId": "wait", "queue": {"queueId": queue_id, "announceInterval": "0s", "afterAgent": "rate"}},
            {
                "stepId": "rate",
                "survey": {
                    "questionId": "helped", "utterance": {"text": {"en": "How was it? One to five."}}, "lowest": 1,
                    "highest": 5, "timeout": "20s", "next": "again",
                },
            },
            {
                "stepId": "again",
                "menu": {
                    "utterance": {"text": {"en": "To speak with us again, press one."}}, "timeout": "20s",
                    "choices": [{"digit": "1", "next": "wait"}, {"digit": "2", "next": "bye"}],
                },
            },
            {"stepId": "bye", "hangUp": {"utterance": {"text": {"en": "Goodbye."}}}},
        ],
    }  # fmt: skip


@dataclass
class Scene:
    """Ann talks with a customer who is to be asked afterwards, and the owner watches."""

    company: Company
    ann: AgentAtDesk
    ann_id: str
    caller: CallerOnWidget
    watching: Socket
    contact: Json

    @property
    def call_id(self) -> str:
        return self.caller.call["callId"]

    async def talk(self, who: AgentAtDesk, hertz: int) -> None:
        self.caller.peer.forget()
        who.peer.forget()
        await self.caller.peer.hears(hertz)
        await who.peer.hears(CUSTOMER_HERTZ)

    async def is_asked(self) -> None:
        """The customer is back with the flow, and hears it."""

        async def back() -> bool:
            states = [frame["state"] for frame in self.caller.socket.pushed if frame["type"] == "state"]
            return states[-1] == "menu"

        await eventually(back)
        self.caller.peer.forget()
        await self.caller.peer.hears_sound()

    async def answered(self, times: int = 1) -> list[Json]:
        """The answers the owner's systems are told."""

        async def there() -> list[Json] | None:
            found = [frame["data"] for frame in self.watching.pushed if frame.get("fact") == "SurveyAnswered"]
            return found if len(found) >= times else None

        return await eventually(there)


@pytest_asyncio.fixture(loop_scope="session")
async def scene(company: Company) -> AsyncIterator[Scene]:
    await company.publish(flow_of(company.queue["queueId"]))
    ann = AgentAtDesk(await company.hire(name="Ann"), tone=ANN_HERTZ)
    caller = CallerOnWidget(company, number="+15550143")
    watching = Socket(f"{company.url}/v1/socket")
    await watching.open()
    await watching.send({"type": "hello", "token": company.owner.token})
    await watching.wait(lambda frame: frame["type"] == "welcome")
    await ann.sit_down()
    ann_id = (await ann.api.get("/v1/me"))["userId"]
    await caller.dial()
    offer = await ann.offered()
    await ann.answer(offer)
    made = Scene(company, ann, ann_id, caller, watching, contact_of(offer))
    await made.talk(ann, ANN_HERTZ)
    yield made
    await ann.leave()
    await caller.leave()
    await watching.close()


async def test_the_answer_is_kept_with_the_agent_whose_wrap_up_began_when_they_hung_up(scene: Scene) -> None:
    call = await scene.ann.api.post(f"/v1/calls/{scene.call_id}:hangUp")
    assert call["state"] == "CALL_STATE_IN_FLOW"
    await scene.ann.event("WrapUpStarted")
    await scene.is_asked()
    recording = await the_recording(scene.company.owner, scene.call_id)
    assert recording["agentId"] == scene.ann_id, "it is whole while the customer is still asked"
    await scene.caller.press("5")
    [answer] = await scene.answered()
    assert (answer["questionId"], answer["value"]) == ("helped", 5)
    assert (answer["agentId"], answer["contactId"], answer["queueId"]) == (
        scene.ann_id, scene.contact["contactId"], scene.company.queue["queueId"],
    )  # fmt: skip
    await scene.caller.press("2")
    await scene.caller.state("ended")
    (cdr,) = await eventually(lambda: cdrs_of(scene.company.owner, scene.call_id))
    assert (cdr["agentId"], cdr["contactId"]) == (scene.ann_id, scene.contact["contactId"])
    assert (cdr["endParty"], cdr["endCause"]) == ("END_PARTY_FLOW", "FLOW_ENDED")
    talk, after, whole = (float(cdr[f"{name}uration"][:-1]) for name in ("talkD", "afterAgentD", "d"))
    assert talk > 0 and after > 0 and talk + after <= whole + 0.1
    (usage,) = await eventually(lambda: usage_of(scene.company.owner, scene.call_id))
    assert whole <= int(usage["usedSeconds"]) < whole + 1, "the customer's line was used all the while"
    story = await scene.company.owner.get(f"/v1/calls/{scene.call_id}/moments")
    assert [each["happening"] for each in story["moments"]] == ["HAPPENING_AFTER_AGENT"]


async def test_who_wants_to_talk_again_has_another_contact_and_is_asked_about_that_agent(scene: Scene) -> None:
    await scene.ann.api.post(f"/v1/calls/{scene.call_id}:hangUp")
    await scene.is_asked()
    await scene.caller.press("3")
    await scene.answered()
    await scene.caller.press("1")
    ben = AgentAtDesk(await scene.company.hire(name="Ben"), tone=BEN_HERTZ)
    try:
        await ben.sit_down()
        offer = await ben.offered()
        contact = contact_of(offer)
        assert contact["kind"] == "CONTACT_KIND_TRANSFER"
        assert contact["previousContactId"] == scene.contact["contactId"]
        await ben.answer(offer)
        await scene.talk(ben, BEN_HERTZ)
        await ben.api.post(f"/v1/calls/{scene.call_id}:hangUp")
        await scene.is_asked()
        await scene.caller.press("4")
        answers = await scene.answered(2)
        ben_id = (await ben.api.get("/v1/me"))["userId"]
        assert [(each["agentId"], each["value"]) for each in answers] == [(scene.ann_id, 3), (ben_id, 4)]
        await scene.caller.hang_up()
        (cdr,) = await eventually(lambda: cdrs_of(scene.company.owner, scene.call_id))
        assert (cdr["agentId"], cdr["endParty"]) == (ben_id, "END_PARTY_CUSTOMER")
    finally:
        await ben.leave()


async def test_a_customer_who_hangs_up_first_is_asked_nothing(scene: Scene) -> None:
    await scene.caller.hang_up()
    await scene.ann.event("WrapUpStarted")
    (cdr,) = await eventually(lambda: cdrs_of(scene.company.owner, scene.call_id))
    assert cdr["endParty"] == "END_PARTY_CUSTOMER" and cdr.get("afterAgentDuration", "0s") == "0s"

"""A queue that rings several: three agents hear the same caller, and the first who answers has them."""

from __future__ import annotations

import asyncio

from testkit.company import Company, Json, Problem
from testkit.people import AgentAtDesk, CallerOnWidget
from testkit.waiting import eventually

TONES = (440.0, 500.0, 560.0)


async def ring_three(company: Company, **changes: object) -> list[AgentAtDesk]:
    """Three agents at their desks, before whom the queue's next contact rings together."""
    queue = company.queue
    await company.owner.patch(
        f"/v1/queues/{queue['queueId']}",
        {
            "queue": {"queueId": queue["queueId"], "rules": {"ringAgents": 3}, **changes},
            "updateMask": ",".join(["rules", *changes]),
        },
    )
    return [
        await AgentAtDesk(await company.hire(name=f"Agent {number}"), tone=tone).sit_down()
        for number, tone in enumerate(TONES)
    ]


async def state_of(desk: AgentAtDesk) -> tuple[str, str]:
    agent = (await desk.desktop())["agent"]
    return agent["state"].removeprefix("AGENT_STATE_"), agent.get("reason", "")


async def test_first_who_answers_talks_and_the_others_hear_who_was_faster(company: Company) -> None:
    desks = await ring_three(company)
    customer = CallerOnWidget(company)
    await customer.dial()
    await customer.press("1")
    offers = [await desk.offered() for desk in desks]
    assert len({each["data"]["offer"]["contact"]["contactId"] for each in offers}) == 1
    assert len({each["data"]["offer"]["offerId"] for each in offers}) == 3
    assert {each["data"]["offer"]["contact"]["ringingCount"] for each in offers} == {3}
    await desks[1].answer(offers[1])
    await customer.peer.hears(TONES[1])
    await desks[1].hears(620.0)
    for desk, offer in ((desks[0], offers[0]), (desks[2], offers[2])):
        gone = await desk.event("OfferRescinded")
        assert gone["data"]["offer"]["rescindReason"] == "RESCIND_REASON_TAKEN"
        assert await state_of(desk) == ("AVAILABLE", "")
        try:
            await desk.answer(offer)
        except Problem as problem:
            assert problem.reason == "OFFER_TAKEN"
        else:
            raise AssertionError("a second agent has it")
    contact_id = offers[0]["data"]["offer"]["contact"]["contactId"]
    decisions = (await company.owner.get(f"/v1/contacts/{contact_id}/decisions"))["decisions"]
    assert [each.get("rejection", "") for each in decisions[0]["candidates"]] == ["", "rings_too", "rings_too"]
    for person in (customer, *desks):
        await person.leave()


async def test_all_three_answer_at_once_and_one_has_the_caller(company: Company) -> None:
    desks = await ring_three(company)
    customer = CallerOnWidget(company)
    await customer.dial()
    await customer.press("1")
    offers = [await desk.offered() for desk in desks]
    answers = await asyncio.gather(
        *(desk.answer(offer) for desk, offer in zip(desks, offers, strict=True)), return_exceptions=True
    )
    won = [number for number, each in enumerate(answers) if not isinstance(each, BaseException)]
    assert len(won) == 1
    assert all(each.reason == "OFFER_TAKEN" for each in answers if isinstance(each, Problem))
    await customer.peer.hears(TONES[won[0]])
    for person in (customer, *desks):
        await person.leave()


async def test_one_declines_one_closes_the_browser_and_the_third_still_hears_it_ring(company: Company) -> None:
    desks = await ring_three(company)
    customer = CallerOnWidget(company)
    await customer.dial()
    await customer.press("1")
    offers = [await desk.offered() for desk in desks]
    await desks[0].socket.request(
        "routing.v1.OfferService/DeclineOffer", {"offerId": offers[0]["data"]["offer"]["offerId"]}
    )
    await desks[1].leave()
    assert await state_of(desks[0]) == ("NOT_READY", "declined")
    await desks[2].answer(offers[2])
    await customer.peer.hears(TONES[2])
    for person in (customer, desks[0], desks[2]):
        await person.leave()


async def test_nobody_answers_and_the_caller_keeps_their_place(company: Company) -> None:
    desks = await ring_three(company, offerTimeout="5s")
    customer = CallerOnWidget(company)
    await customer.dial()
    await customer.press("1")
    offers = [await desk.offered() for desk in desks]
    for desk in desks:
        await desk.event("OfferMissed", deadline=15)
        assert await state_of(desk) == ("NOT_READY", "missed_offer")
    contact_id = offers[0]["data"]["offer"]["contact"]["contactId"]

    async def waits() -> Json | None:
        contact = await company.owner.get(f"/v1/contacts/{contact_id}")
        return contact if contact["state"] == "CONTACT_STATE_QUEUED" else None

    contact = await eventually(waits, deadline=5)
    assert contact["queueTime"] == offers[0]["data"]["offer"]["contact"]["queueTime"]
    since = len(desks[1].socket.pushed)
    await desks[1].set_state("AVAILABLE")
    await desks[1].answer(await desks[1].offered(since=since))
    await customer.peer.hears(TONES[1])
    for person in (customer, *desks):
        await person.leave()

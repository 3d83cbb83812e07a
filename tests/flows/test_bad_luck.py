"""What happens when nobody answers, the caller leaves, it is closed, or the plan is full."""

from __future__ import annotations

from testkit.company import Company, Json
from testkit.people import AgentAtDesk, CallerOnWidget
from testkit.waiting import eventually


async def agent_state(desk: AgentAtDesk) -> tuple[str, str]:
    """State and reason as the desktop shows them."""
    agent = (await desk.desktop())["agent"]
    return agent["state"].removeprefix("AGENT_STATE_"), agent.get("reason", "")


async def queue_tile(company: Company) -> Json:
    """The queue's tile on the wallboard."""
    board = await company.owner.get("/v1/wallboard")
    return next((tile for tile in board["queues"] if tile["queueId"] == company.queue["queueId"]), {})


async def test_missed_offer_goes_to_the_next_agent_and_the_first_is_not_ready(company: Company) -> None:
    queue = company.queue
    await company.owner.patch(
        f"/v1/queues/{queue['queueId']}",
        {"queue": {"queueId": queue["queueId"], "offerTimeout": "5s"}, "updateMask": "offerTimeout"},
    )
    first = await AgentAtDesk(await company.hire(name="First"), tone=440).sit_down()
    second = await AgentAtDesk(await company.hire(name="Second"), tone=500).sit_down()
    customer = CallerOnWidget(company)
    await customer.dial()
    await customer.press("1")
    missed = await first.offered()
    await first.event("OfferMissed")
    offer = await second.offered()
    assert offer["data"]["offer"]["contact"]["contactId"] == missed["data"]["offer"]["contact"]["contactId"]
    assert await agent_state(first) == ("NOT_READY", "missed_offer")
    await second.answer(offer)
    await customer.peer.hears(500)
    for person in (customer, first, second):
        await person.leave()


async def test_caller_who_leaves_the_queue_is_counted_as_abandoned(company: Company, caller: CallerOnWidget) -> None:
    await caller.dial()
    await caller.press("1")
    await caller.state("queued")
    await caller.hang_up()

    async def counted() -> Json | None:
        tile = await queue_tile(company)
        return tile if int(tile.get("abandoned", 0)) == 1 else None

    tile = await eventually(counted)
    assert int(tile["offered"]) == 1 and int(tile["answered"]) == 0 and tile.get("depth", 0) == 0


async def test_caller_outside_business_hours_hears_so_and_never_waits(company: Company, caller: CallerOnWidget) -> None:
    hours = await company.owner.post(
        "/v1/businessHours",
        {"requestId": "closed", "businessHours": {"displayName": "Never", "timeZone": "UTC", "intervals": []}},
    )
    await company.publish(
        {
            "start": "open",
            "language": "en",
            "steps": [
                {
                    "stepId": "open",
                    "hours": {"businessHoursId": hours["businessHoursId"], "open": "wait", "closed": "bye"},
                },
                {"stepId": "wait", "queue": {"queueId": company.queue["queueId"]}},
                {"stepId": "bye", "hangUp": {"utterance": {"text": {"en": "We are closed. Please call again."}}}},
            ],
        }
    )
    await caller.dial()
    await caller.peer.hears_sound()
    await caller.state("ended")
    contacts = await company.owner.get("/v1/contacts")
    assert contacts.get("contacts", []) == []


async def test_call_over_the_plans_limit_is_refused_politely_and_the_owner_is_told(company: Company) -> None:
    limit = (await company.owner.get("/v1/entitlements"))["limits"]["maxConcurrentCalls"]
    callers = [CallerOnWidget(company) for _ in range(limit)]
    for customer in callers:
        await customer.dial()
    refused = CallerOnWidget(company)
    await refused.dial()
    await refused.peer.hears_sound()
    ended = await refused.state("ended")
    assert ended["reason"] == "CONCURRENT_CALL_LIMIT_REACHED"

    async def told() -> Json | None:
        notices = (await company.owner.get("/v1/notices"))["notices"]
        return next((n for n in notices if n["kind"] == "CONCURRENT_CALL_LIMIT_REACHED"), None)

    await eventually(told)
    for customer in [*callers, refused]:
        await customer.leave()


async def test_declined_offer_goes_back_to_the_head_of_the_queue(company: Company) -> None:
    first = await AgentAtDesk(await company.hire()).sit_down()
    customer = CallerOnWidget(company)
    await customer.dial()
    await customer.press("1")
    offer = await first.offered()
    await first.socket.request("routing.v1.OfferService/DeclineOffer", {"offerId": offer["data"]["offer"]["offerId"]})
    second = await AgentAtDesk(await company.hire(), tone=500).sit_down()
    again = await second.offered()
    assert again["data"]["offer"]["contact"]["queueTime"] == offer["data"]["offer"]["contact"]["queueTime"]
    assert (await agent_state(first))[0] == "NOT_READY"
    for person in (customer, first, second):
        await person.leave()

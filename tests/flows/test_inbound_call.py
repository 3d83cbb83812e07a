"""One inbound call from the widget's button to the invoice line, on real parts."""

from __future__ import annotations

from testkit.company import Api, Company, Json
from testkit.people import AgentAtDesk, CallerOnWidget
from testkit.sound import loudest_by_channel
from testkit.waiting import eventually

AGENT_HERTZ, CUSTOMER_HERTZ = 440, 620


async def talk(
    agent: AgentAtDesk, caller: CallerOnWidget, tones: tuple[float, float] = (AGENT_HERTZ, CUSTOMER_HERTZ)
) -> Json:
    """The customer dials, presses 1 and waits; the agent answers; both hear each other, by their tones. Returns the
    offer."""
    await caller.dial()
    await caller.peer.hears_sound()
    await caller.press("1")
    offer = await agent.offered()
    await agent.answer(offer)
    await agent.hears(tones[1])
    await caller.peer.hears(tones[0])
    return offer["data"]["offer"]


async def the_recording(api: Api, call_id: str) -> Json:
    async def stored() -> Json | None:
        found = (await api.get("/v1/recordings", callId=call_id)).get("recordings", [])
        return found[0] if found and found[0]["state"] == "RECORDING_STATE_STORED" else None

    return await eventually(stored)


def missing_seconds(recording: Json, *people: AgentAtDesk | CallerOnWidget) -> float:
    """What the longest gap of a recording lacks beyond what these people were late themselves, on a busy machine."""
    longest = max((float(gap["duration"].removesuffix("s")) for gap in recording.get("gaps", [])), default=0.0)
    return longest - max(each.peer.latest for each in people)


async def test_inbound_call_is_queued_answered_recorded_and_billed(
    company: Company, agent: AgentAtDesk, caller: CallerOnWidget
) -> None:
    offer = await talk(agent, caller)
    assert offer["contact"]["attributes"], "the menu's choice comes with the offer"
    call_id = caller.call["callId"]

    await agent.api.post(f"/v1/calls/{call_id}:hangUp")
    await caller.state("ended")
    await agent.event("WrapUpStarted")
    contact_id = offer["contact"]["contactId"]
    await agent.api.post(f"/v1/contacts/{contact_id}:endWrapUp", {"note": "Wants a refund."})

    cdrs = await eventually(lambda: cdrs_of(company.owner, call_id))
    assert len(cdrs) == 1
    assert cdrs[0]["agentId"] and cdrs[0]["endParty"] == "END_PARTY_AGENT"

    recording = await the_recording(company.owner, call_id)
    assert recording["queueId"] == offer["contact"]["queueId"]
    assert recording["customerId"] == offer["contact"]["customerId"]
    audio = await company.owner.http.get(f"/v1/recordings/{recording['recordingId']}/audio")
    left, right = loudest_by_channel(audio.content)
    assert abs(left - CUSTOMER_HERTZ) < 10 and abs(right - AGENT_HERTZ) < 10

    usage = await eventually(lambda: usage_of(company.owner, call_id))
    assert usage[0]["meter"] == "voice_inbound_minute" and int(usage[0]["billedSeconds"]) > 0
    preview = await company.owner.get("/v1/invoices:preview")
    assert {line["meter"] for line in preview["lines"]} >= {"seat_month", "voice_inbound_minute"}

    customer_id = offer["contact"]["customerId"]

    async def remembered() -> list[Json] | None:
        entries = (await agent.api.get(f"/v1/customers/{customer_id}/history"))["entries"]
        return [entry for entry in entries if entry["note"] == "Wants a refund."] or None

    assert len(await eventually(remembered)) == 1


async def cdrs_of(api: Api, call_id: str) -> list[Json] | None:
    """The call's CDRs once there are any."""
    return (await api.get("/v1/cdrs", callId=call_id)).get("cdrs") or None


async def usage_of(api: Api, call_id: str) -> list[Json] | None:
    """The call's usage records once there are any."""
    return (await api.get("/v1/usageRecords", sourceId=call_id)).get("usageRecords") or None


async def test_customer_on_hold_hears_music_and_is_taken_back(agent: AgentAtDesk, caller: CallerOnWidget) -> None:
    await talk(agent, caller)
    call_id = caller.call["callId"]
    await agent.api.post(f"/v1/calls/{call_id}:hold")
    await agent.peer.hears_nothing()
    caller.peer.forget()
    await caller.peer.hears_sound()
    assert abs(caller.peer.frequencies(seconds=0.2)[0] - AGENT_HERTZ) > 15
    await agent.api.post(f"/v1/calls/{call_id}:resume")
    await caller.peer.hears(AGENT_HERTZ)
    await agent.peer.hears(CUSTOMER_HERTZ)


async def test_muted_agent_is_not_heard_until_unmuted(agent: AgentAtDesk, caller: CallerOnWidget) -> None:
    await talk(agent, caller)
    call_id = caller.call["callId"]
    await agent.api.post(f"/v1/calls/{call_id}:setMute", {"muted": True})
    await caller.peer.hears_nothing()
    await agent.api.post(f"/v1/calls/{call_id}:setMute", {"muted": False})
    await caller.peer.hears(AGENT_HERTZ)


async def test_customer_hears_the_agents_keypad(agent: AgentAtDesk, caller: CallerOnWidget) -> None:
    await talk(agent, caller)
    await agent.api.post(f"/v1/calls/{caller.call['callId']}:sendDigits", {"digits": "42#"})

    async def arrived() -> bool:
        return caller.peer.digits == "42#"

    await eventually(arrived)


async def test_agent_who_reloads_goes_on_talking(agent: AgentAtDesk, caller: CallerOnWidget) -> None:
    await talk(agent, caller)
    again = AgentAtDesk(agent.api, tone=880)
    again.client_id = agent.client_id
    agent.peer.vanish()
    await again.attach()
    await caller.peer.hears(880)
    await again.peer.hears(CUSTOMER_HERTZ)
    await again.peer.close()


async def test_second_tab_neither_rings_nor_steals_the_call(agent: AgentAtDesk, caller: CallerOnWidget) -> None:
    await talk(agent, caller)
    second = AgentAtDesk(agent.api, tone=880)
    try:
        await second.attach()
    except Exception as problem:
        assert getattr(problem, "reason", "") == "STATION_HELD_BY_OTHER_TAB"
    else:
        raise AssertionError("a second tab took the station")
    finally:
        await second.peer.close()
    await caller.peer.hears(AGENT_HERTZ)

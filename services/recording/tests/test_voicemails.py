"""Messages left for agents and queues, as their agents, supervisors and strangers see them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from chassis.auth import acting_as, acting_for
from kernel.errors import FailedPrecondition, Forbidden, InvalidInput, NotFound, Unavailable
from merkez.recording.v1 import recording_pb2, recording_service_pb2, voicemail_service_pb2
from merkez.recording.v1.voicemail_service_pb2_grpc import VoicemailServiceStub
from recording.domain.recordings import Mailboxes, Recording, RecordingKind
from testkit import RpcHouse, someone

from .conftest import House
from .sounds import heard, opus_tone, pitch, placed

CALLER = "+905321112233"
ask = voicemail_service_pb2


@pytest.fixture
def voicemails(house: House, rpc: RpcHouse) -> Any:
    return rpc.stub(VoicemailServiceStub, "recording")


async def leave(house: House, tenant: str, **mailbox: str) -> recording_pb2.Recording:
    """A message of two seconds."""
    begun, sealer = await house.begin(tenant, caller_number=CALLER, **mailbox)
    for sequence, segment in enumerate(sealer.seal_track("customer", placed(opus_tone(440, 2)))):
        await house.append(sealer, "customer", sequence, segment)
    await house.finish(sealer, 2, customer=2, agent=0)
    await house.sweeps.make()
    house.clock.advance(1)
    return await house.get(tenant, begun.recording_id)


async def seen(voicemails: Any, who: Any, **more: Any) -> tuple[list[str], int]:
    with acting_as(who):
        found = await voicemails.ListVoicemails(ask.ListVoicemailsRequest(**more))
    return [item.recording_id for item in found.voicemails], found.unheard_count


async def test_agents_see_their_own_messages_and_those_of_queues_they_serve(house: House, voicemails: Any) -> None:
    tenant = house.tenant()
    for_ann = (await leave(house, tenant, agent_id="usr_ann")).recording_id
    for_bob = (await leave(house, tenant, agent_id="usr_bob", queue_id="que_sales")).recording_id
    for_sales = (await leave(house, tenant, queue_id="que_sales")).recording_id
    for_service = (await leave(house, tenant, queue_id="que_service")).recording_id
    await house.talk(tenant, agent_id="usr_ann")
    assert await seen(voicemails, someone("agent", tenant, "usr_ann")) == ([for_sales, for_ann], 2)
    assert await seen(voicemails, someone("agent", tenant, "usr_bob")) == ([for_bob], 1)
    everything = [for_service, for_sales, for_bob, for_ann]
    assert await seen(voicemails, someone("supervisor", tenant, "usr_sue")) == (everything, 4)
    assert await seen(voicemails, someone("owner", house.tenant())) == ([], 0)


async def test_message_is_played_on_both_sides_and_nothing_is_missing_from_it(house: House, voicemails: Any) -> None:
    tenant = house.tenant()
    made = await leave(house, tenant, agent_id="usr_ann")
    assert made.kind == recording_pb2.RECORDING_KIND_VOICEMAIL and made.caller_number == CALLER
    assert list(made.gaps) == [] and made.duration.seconds == 2
    with acting_as(someone("agent", tenant, "usr_ann")):
        request = ask.GetVoicemailAudioRequest(recording_id=made.recording_id)
        sound = heard(b"".join([chunk.data async for chunk in voicemails.GetVoicemailAudio(request)]))
    assert (pitch(sound[0], 1), pitch(sound[1], 1)) == (440, 440)


async def test_message_is_unheard_until_somebody_marks_it_and_may_be_marked_back(house: House, voicemails: Any) -> None:
    tenant = house.tenant()
    made = await leave(house, tenant, queue_id="que_sales")
    ann, sue = someone("agent", tenant, "usr_ann"), someone("supervisor", tenant, "usr_sue")

    async def mark(who: Any, heard: bool) -> recording_pb2.Recording:
        with acting_as(who):
            wish = ask.MarkVoicemailHeardRequest(recording_id=made.recording_id, heard=heard)
            return await voicemails.MarkVoicemailHeard(wish)

    first = await mark(ann, True)
    house.clock.advance(5)
    assert first.heard_by == "usr_ann" and first.version > made.version
    assert await mark(sue, True) == first
    assert await seen(voicemails, ann, unheard_only=True) == ([], 0)
    assert not (await mark(sue, False)).HasField("heard_time")
    assert await seen(voicemails, ann, unheard_only=True) == ([made.recording_id], 1)


async def test_message_of_others_and_a_recorded_call_are_not_found(house: House, voicemails: Any) -> None:
    tenant = house.tenant()
    message, call = await leave(house, tenant, agent_id="usr_ann"), await house.talk(tenant, agent_id="usr_bob")
    strangers = [
        (someone("agent", tenant, "usr_bob"), message), (someone("agent", tenant, "usr_bob"), call),
        (someone("owner", house.tenant()), message), (someone("supervisor", tenant), call),
    ]  # fmt: skip
    for who, value in strangers:
        with acting_as(who):
            with pytest.raises(NotFound) as refused:
                await voicemails.MarkVoicemailHeard(
                    ask.MarkVoicemailHeardRequest(recording_id=value.recording_id, heard=True)
                )
            assert refused.value.reason == "RECORDING_NOT_FOUND"
            with pytest.raises(NotFound):
                request = ask.GetVoicemailAudioRequest(recording_id=value.recording_id)
                _ = [chunk async for chunk in voicemails.GetVoicemailAudio(request)]


async def test_erased_message_is_gone_from_the_inbox_and_can_be_marked_by_nobody(house: House, voicemails: Any) -> None:
    tenant = house.tenant()
    made = await leave(house, tenant, agent_id="usr_ann")
    with acting_as(someone("owner", tenant)):
        await house.stub.EraseRecording(recording_service_pb2.EraseRecordingRequest(recording_id=made.recording_id))
    ann = someone("agent", tenant, "usr_ann")
    assert await seen(voicemails, ann) == ([], 0)
    with acting_as(ann), pytest.raises(FailedPrecondition) as refused:
        await voicemails.MarkVoicemailHeard(ask.MarkVoicemailHeardRequest(recording_id=made.recording_id, heard=True))
    assert refused.value.reason == "RECORDING_ERASED"


async def test_message_ends_with_its_retention_as_any_recording(house: House, voicemails: Any) -> None:
    tenant = house.tenant()
    made = await leave(house, tenant, agent_id="usr_ann")
    house.clock.advance(timedelta(days=91).total_seconds())
    await house.sweeps.expire()
    assert (await house.get(tenant, made.recording_id)).state == recording_pb2.RECORDING_STATE_ERASED


async def test_inbox_pages_newest_first(house: House, voicemails: Any) -> None:
    tenant = house.tenant()
    made = [(await leave(house, tenant, agent_id="usr_ann")).recording_id for _ in range(3)]
    with acting_as(someone("agent", tenant, "usr_ann")):
        first = await voicemails.ListVoicemails(ask.ListVoicemailsRequest(page_size=2))
        rest = await voicemails.ListVoicemails(ask.ListVoicemailsRequest(page_size=2, page_token=first.next_page_token))
    assert [item.recording_id for item in (*first.voicemails, *rest.voicemails)] == made[::-1]
    assert first.unheard_count == 3 and not rest.next_page_token


async def test_while_routing_is_away_agents_are_told_to_try_again_and_supervisors_see_all(
    house: House, voicemails: Any
) -> None:
    tenant = house.tenant()
    made = await leave(house, tenant, agent_id="usr_ann")
    await house.routing.close()
    with acting_as(someone("agent", tenant, "usr_ann")), pytest.raises(Unavailable):
        await voicemails.ListVoicemails(ask.ListVoicemailsRequest())
    assert await seen(voicemails, someone("supervisor", tenant)) == ([made.recording_id], 1)


async def test_recordings_are_listed_by_kind(house: House, voicemails: Any) -> None:
    tenant = house.tenant()
    message, call = await leave(house, tenant, agent_id="usr_ann"), await house.talk(tenant)
    listed = recording_service_pb2.ListRecordingsRequest
    with acting_as(someone("supervisor", tenant)):
        for kind, wanted in (
            (recording_pb2.RECORDING_KIND_VOICEMAIL, {message.recording_id}),
            (recording_pb2.RECORDING_KIND_CALL, {call.recording_id}),
            (recording_pb2.RECORDING_KIND_UNSPECIFIED, {message.recording_id, call.recording_id}),
        ):
            found = await house.stub.ListRecordings(listed(kind=kind))
            assert {item.recording_id for item in found.recordings} == wanted


@pytest.mark.parametrize(
    ("field", "change"),
    [("recording.agent_id", {"agent_id": "", "queue_id": ""}), ("recording.caller_number", {"caller_number": "0532"})],
)
async def test_message_for_nobody_or_from_a_number_that_is_none_is_refused(
    house: House, field: str, change: dict[str, str]
) -> None:
    tenant = house.tenant()
    request = house.request(**({"caller_number": CALLER, "agent_id": "usr_ann"} | change))
    with acting_for(tenant), pytest.raises(InvalidInput) as refused:
        await house.stub.StartRecording(request)
    assert [item.field for item in refused.value.fields] == [field]


async def test_who_has_no_permission_hears_no_message(house: House, voicemails: Any) -> None:
    with acting_as(someone("customer", house.tenant())), pytest.raises(Forbidden):
        await voicemails.ListVoicemails(ask.ListVoicemailsRequest())


def test_a_message_for_an_agent_is_not_that_of_the_queue_it_came_by(house: House) -> None:
    value = Recording(
        recording_id="rec_1", call_id="call_1", contact_id="", brand_id="", queue_id="que_sales", agent_id="usr_bob",
        customer_id="", start_time=house.clock.now(), create_time=house.clock.now(), kind=RecordingKind.VOICEMAIL,
    )  # fmt: skip
    assert not Mailboxes("usr_ann", frozenset({"que_sales"})).hold(value)
    assert Mailboxes("usr_bob").hold(value) and Mailboxes("", everything=True).hold(value)

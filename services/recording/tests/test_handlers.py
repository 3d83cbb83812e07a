"""The recordings' rpcs as telephony, a supervisor and an owner see them."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

import pytest
from chassis.auth import acting_as, acting_for
from kernel.errors import AlreadyExists, FailedPrecondition, Forbidden, InvalidInput, NotFound, Unavailable
from merkez.recording.v1 import recording_pb2, recording_service_pb2
from testkit import someone

from .conftest import House
from .sounds import heard, opus_tone, pitch, placed

STORED = recording_pb2.RECORDING_STATE_STORED


async def test_call_is_recorded_and_plays_with_customer_left_and_agent_right(house: House) -> None:
    tenant = house.tenant()
    made = await house.talk(tenant)
    assert made.state == STORED and made.duration.seconds == 2 and list(made.gaps) == []
    with acting_as(someone("supervisor", tenant)):
        request = recording_service_pb2.GetRecordingAudioRequest(recording_id=made.recording_id)
        chunks = [chunk async for chunk in house.stub.GetRecordingAudio(request)]
    file = b"".join(chunk.data for chunk in chunks)
    assert len(file) == chunks[0].total_bytes == made.size_bytes and chunks[0].content_type == "audio/ogg"
    sound = heard(file)
    assert (pitch(sound[0], 1), pitch(sound[1], 1)) == (440, 1000)


async def test_repeated_start_gives_the_same_recording_and_key(house: House) -> None:
    tenant, request = house.tenant(), house.request()
    with acting_for(tenant):
        first, again = await asyncio.gather(house.stub.StartRecording(request), house.stub.StartRecording(request))
    assert first == again and first.keyset


async def test_start_with_another_body_is_refused(house: House) -> None:
    tenant, request = house.tenant(), house.request()
    with acting_for(tenant):
        await house.stub.StartRecording(request)
        request.recording.agent_id = "usr_2"
        with pytest.raises(AlreadyExists) as refused:
            await house.stub.StartRecording(request)
    assert refused.value.reason == "REQUEST_ID_REUSED"


async def test_segment_a_full_disk_can_not_keep_is_to_be_sent_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    tenant = house.tenant()
    begun, sealer = await house.begin(tenant)
    sealed = sealer.seal("customer", 0, placed(opus_tone(440, 1)))
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(Unavailable) as refused:
            await house.append(sealer, "customer", 0, sealed)
    assert refused.value.reason == "OBJECT_STORE_UNAVAILABLE"
    await house.append(sealer, "customer", 0, sealed)
    assert (await house.finish(sealer, 1, customer=1, agent=0)).recording_id == begun.recording_id


async def test_repeated_segment_is_acknowledged_and_another_body_refused(house: House) -> None:
    _, sealer = await house.begin(house.tenant())
    packets = placed(opus_tone(440, 1))
    sealed = sealer.seal("customer", 0, packets)
    await house.append(sealer, "customer", 0, sealed)
    await house.append(sealer, "customer", 0, sealed)
    with pytest.raises(AlreadyExists) as refused:
        await house.append(sealer, "customer", 0, sealer.seal("customer", 0, packets[1:]))
    assert refused.value.reason == "SEGMENT_EXISTS"


async def test_segment_that_does_not_open_at_its_place_is_refused(house: House) -> None:
    _, sealer = await house.begin(house.tenant())
    _, other = await house.begin(house.tenant())
    packets = placed(opus_tone(440, 1))
    for sealed in (
        sealer.seal("agent", 0, packets),
        sealer.seal("customer", 1, packets),
        other.seal("customer", 0, packets),
        b"noise",
    ):
        with pytest.raises(InvalidInput) as refused:
            await house.append(sealer, "customer", 0, sealed)
        assert refused.value.reason == "SEGMENT_NOT_OPENED"
    assert house.objects(sealer.tenant_id) == []


async def test_recording_waits_for_its_late_segment_and_then_is_made(house: House) -> None:
    tenant = house.tenant()
    begun, sealer = await house.begin(tenant)
    late, *others = enumerate(sealer.seal_track("customer", placed(opus_tone(440, 3))))
    for sequence, sealed in others:
        await house.append(sealer, "customer", sequence, sealed)
    finished = await house.finish(sealer, 3, customer=3, agent=0)
    await house.sweeps.make()
    assert finished.state == recording_pb2.RECORDING_STATE_RECORDING
    with acting_for(tenant), pytest.raises(FailedPrecondition) as refused:
        await house.audio(tenant, begun.recording_id)
    assert refused.value.reason == "RECORDING_NOT_STORED"
    await house.append(sealer, "customer", *late)
    await house.sweeps.make()
    assert (await house.get(tenant, begun.recording_id)).state == STORED


async def test_lost_acknowledgement_after_the_file_was_made_is_answered_as_before(house: House) -> None:
    _, sealer = await house.begin(house.tenant())
    sealed = sealer.seal("customer", 0, placed(opus_tone(440, 1)))
    await house.append(sealer, "customer", 0, sealed)
    first = await house.finish(sealer, 1, customer=1)
    await house.sweeps.make()
    await house.append(sealer, "customer", 0, sealed)
    again = await house.finish(sealer, 1, customer=1)
    assert again.recording_id == first.recording_id and again.state == STORED
    with pytest.raises(FailedPrecondition) as refused:
        await house.append(sealer, "customer", 1, sealer.seal("customer", 1, []))
    assert refused.value.reason == "RECORDING_COMPLETE"


async def test_erased_recording_can_be_played_by_nobody(house: House) -> None:
    tenant = house.tenant()
    made = await house.talk(tenant)
    erase = recording_service_pb2.EraseRecordingRequest(recording_id=made.recording_id, reason="asked by the customer")
    with acting_as(someone("supervisor", tenant)), pytest.raises(Forbidden):
        await house.stub.EraseRecording(erase)
    with acting_as(someone("owner", tenant)):
        erased = await house.stub.EraseRecording(erase)
        assert erased == await house.stub.EraseRecording(erase)
    assert erased.state == recording_pb2.RECORDING_STATE_ERASED and erased.size_bytes == 0
    assert house.objects(tenant) == []
    with pytest.raises(FailedPrecondition) as refused:
        await house.audio(tenant, made.recording_id)
    assert refused.value.reason == "RECORDING_ERASED"


async def test_segment_of_an_erased_recording_is_refused(house: House) -> None:
    begun, sealer = await house.begin(house.tenant())
    with acting_for(sealer.tenant_id):
        await house.stub.EraseRecording(recording_service_pb2.EraseRecordingRequest(recording_id=begun.recording_id))
    for act in (
        house.append(sealer, "customer", 0, sealer.seal("customer", 0, [])),
        house.finish(sealer, 1, customer=1),
    ):
        with pytest.raises(FailedPrecondition) as refused:
            await act
        assert refused.value.reason == "RECORDING_ERASED"


async def test_recording_of_another_tenant_is_not_found(house: House) -> None:
    made, stranger = await house.talk(house.tenant()), house.tenant()
    ask = recording_service_pb2
    with acting_as(someone("owner", stranger)):
        for call in (
            house.stub.GetRecording(ask.GetRecordingRequest(recording_id=made.recording_id)),
            house.stub.EraseRecording(ask.EraseRecordingRequest(recording_id=made.recording_id)),
        ):
            with pytest.raises(NotFound):
                await call
        assert len((await house.stub.ListRecordings(ask.ListRecordingsRequest())).recordings) == 0
    with pytest.raises(NotFound):
        await house.audio(stranger, made.recording_id)
    with acting_for(stranger), pytest.raises(NotFound):
        await house.stub.AppendSegment(
            ask.AppendSegmentRequest(recording_id=made.recording_id, track="agent", sequence=0, sealed=b"x")
        )


async def test_list_pages_newest_first_and_by_agent(house: House) -> None:
    tenant, made = house.tenant(), []
    for agent in ("usr_1", "usr_2", "usr_1"):
        house.clock.advance(1)
        made.append((await house.begin(tenant, agent_id=agent))[0].recording_id)
    ask = recording_service_pb2.ListRecordingsRequest
    with acting_as(someone("supervisor", tenant)):
        first = await house.stub.ListRecordings(ask(page_size=2))
        rest = await house.stub.ListRecordings(ask(page_size=2, page_token=first.next_page_token))
        of_agent = await house.stub.ListRecordings(ask(agent_id="usr_2"))
    assert [item.recording_id for item in (*first.recordings, *rest.recordings)] == made[::-1]
    assert not rest.next_page_token and [item.recording_id for item in of_agent.recordings] == [made[1]]


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("recording_id", {"recording_id": "rec_x"}),
        ("track", {"track": "left"}),
        ("sequence", {"sequence": -1}),
        ("sealed", {"sealed": b""}),
        ("sealed", {"sealed": bytes(600_000)}),
    ],
)
async def test_bad_segment_is_refused_by_the_name_of_its_field(
    house: House, field: str, change: dict[str, Any]
) -> None:
    begun, sealer = await house.begin(house.tenant())
    good = {"recording_id": begun.recording_id, "track": "agent", "sequence": 0, "sealed": b"x"}
    with acting_for(sealer.tenant_id), pytest.raises(InvalidInput) as refused:
        await house.stub.AppendSegment(recording_service_pb2.AppendSegmentRequest(**(good | change)))
    assert [item.field for item in refused.value.fields] == [field]


async def test_agents_neither_list_nor_start_recordings(house: House) -> None:
    with acting_as(someone("agent", house.tenant())):
        with pytest.raises(Forbidden):
            await house.stub.ListRecordings(recording_service_pb2.ListRecordingsRequest())
        with pytest.raises(Forbidden):
            await house.stub.StartRecording(house.request())

"""One track per leg: conferences, transfers, old recordings of two tracks, and who is found on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from chassis.auth import acting_as
from google.protobuf.duration_pb2 import Duration
from kernel.clock import SystemClock
from kernel.errors import InvalidInput, NotFound
from kernel.ids import new_id
from merkez.recording.v1 import recording_pb2, recording_service_pb2
from recording import keys, ops, store
from recording.domain import ogg, opus, sharing, tracks, voices
from recording.domain.recordings import Recording, RecordingState, file_associated_data
from recording.library import _seal, file_name
from recording.muxing import Muxed, mux
from testkit import someone

from .conftest import House
from .sounds import heard, opus_tone, pitch, placed

SILK_60 = opus.build(opus.Frames(0x18, (b"sixty milliseconds",)))
GOLDEN = Path(__file__).parent / "golden"
ANN, BEN = "usr_ann", "usr_ben"


def leg() -> str:
    return new_id("leg", SystemClock().now())


@dataclass(frozen=True)
class Spoken:
    """One leg: whose it is, its tone, when it was there."""

    party: str
    hertz: float
    start: float
    end: float
    agent_id: str = ""
    address: str = ""


def duration(seconds: float) -> Duration:
    made = Duration()
    made.FromTimedelta(timedelta(seconds=seconds))
    return made


async def conversation(house: House, tenant: str, spoken: Sequence[Spoken], *, ends: bool = True):
    """A recorded call of these legs, and the name of each one's track."""
    begun, sealer = await house.begin(tenant, agent_id=ANN)
    names, told, counts = [leg() for _ in spoken], [], {}
    for name, each in zip(names, spoken, strict=True):
        source = recording_pb2.Track(
            track=name, party=each.party, agent_id=each.agent_id, address=each.address,
            start_offset=duration(each.start),
        )  # fmt: skip
        sealer.sources[name] = source
        packets = placed(opus_tone(each.hertz, each.end - each.start), start_ms=each.start * 1000)
        sealed = sealer.seal_track(name, packets)
        for sequence, segment in enumerate(sealed):
            await house.append(sealer, name, sequence, segment)
        counts[name] = len(sealed)
        told.append(recording_pb2.Track(track=name, party=each.party, agent_id=each.agent_id))
        told[-1].start_offset.CopyFrom(source.start_offset)
        told[-1].end_offset.CopyFrom(duration(each.end))
    seconds = max(each.end for each in spoken)
    await house.finish(sealer, seconds, told if ends else (), **counts)
    await house.sweeps.make()
    return await house.get(tenant, begun.recording_id), names


async def played(house: House, tenant: str, recording_id: str, track: str = ""):
    return heard(b"".join([chunk.data for chunk in await house.audio(tenant, recording_id, track)]))


CUSTOMER = Spoken("customer", 440, 0, 4)
TRANSFER = (CUSTOMER, Spoken("agent", 1000, 0, 2, ANN), Spoken("agent", 1500, 2.4, 4, BEN))
CONFERENCE = (
    CUSTOMER, Spoken("agent", 1000, 0, 3, ANN), Spoken("participant", 1500, 1, 4, address="+15550199"),
)  # fmt: skip


async def test_second_agent_of_a_transferred_call_has_a_track_and_the_right_ear(
    house: House,
) -> None:
    tenant = house.tenant()
    made, (_, ann, ben) = await conversation(house, tenant, TRANSFER)
    assert [(track.track, track.agent_id) for track in made.tracks][1:] == [(ann, ANN), (ben, BEN)]
    assert [track.start_offset.ToMilliseconds() for track in made.tracks] == [0, 0, 2400]
    assert [track.end_offset.ToMilliseconds() for track in made.tracks] == [4000, 2000, 4000]
    assert made.agent_id == ANN and list(made.gaps) == []
    sound = await played(house, tenant, made.recording_id)
    assert [pitch(sound[1], at) for at in (1, 3)] == [1000, 1500] and pitch(sound[1], 2.05, 0.3) == 0
    assert [pitch(sound[0], at) for at in (1, 3)] == [440, 440]


async def test_in_a_conference_the_right_ear_hears_everybody_and_each_can_be_heard_alone(house: House) -> None:
    tenant = house.tenant()
    made, (customer, ann, guest) = await conversation(house, tenant, CONFERENCE)
    sound = await played(house, tenant, made.recording_id)
    assert pitch(sound[1], 0.3) == 1000 and pitch(sound[1], 3.3) == 1500
    both = sound[1][int(1.5 * 48_000) : int(2.5 * 48_000)]
    spectrum = np.abs(np.fft.rfft(both * np.hanning(len(both))))
    loud = spectrum[[440, 1000, 1500]] / spectrum.max()
    assert loud[0] < 0.02 and min(loud[1:]) > 0.5
    assert made.tracks[2].address == "+15550199"
    for track, hertz in ((customer, 440), (ann, 1000), (guest, 1500)):
        [alone] = await played(house, tenant, made.recording_id, track)
        assert pitch(alone, 2) == hertz and len(alone) == 4 * 48_000
    [alone] = await played(house, tenant, made.recording_id, guest)
    assert pitch(alone, 0.3) == 0
    names = {name.rsplit("/", 1)[1].rsplit("-", 1)[0] for name in house.objects(tenant) if "segments" not in name}
    assert names == {"audio", ann, guest}


async def test_picture_shows_who_spoke_when(house: House) -> None:
    tenant = house.tenant()
    made, _ = await conversation(house, tenant, CONFERENCE)
    for track, (begin, end) in zip(made.tracks, ((0, 4), (0, 3), (1, 4)), strict=True):
        assert len(track.activity) == 240
        inside = track.activity[int(begin * 60) + 6 : int(end * 60) - 6]
        outside = track.activity[: max(0, int(begin * 60) - 6)] + track.activity[int(end * 60) + 6 :]
        assert min(inside) == 255 and max(outside, default=0) == 0


async def test_time_a_leg_was_not_there_is_no_gap_and_its_hold_is(house: House) -> None:
    tenant = house.tenant()
    begun, sealer = await house.begin(tenant)
    name = leg()
    sealer.sources[name] = recording_pb2.Track(track=name, party="agent", agent_id=BEN, start_offset=duration(1))
    packets = placed(opus_tone(1000, 3), start_ms=1000, skip=range(50, 100))
    for sequence, segment in enumerate(sealer.seal_track(name, packets)):
        await house.append(sealer, name, sequence, segment)
    told = recording_pb2.Track(
        track=name, party="agent", agent_id=BEN, start_offset=duration(1), end_offset=duration(4)
    )
    await house.finish(sealer, 6, [told], **{name: 2})
    await house.sweeps.make()
    made = await house.get(tenant, begun.recording_id)
    gaps = [(gap.track, gap.start_offset.ToMilliseconds(), gap.duration.ToMilliseconds()) for gap in made.gaps]
    assert gaps == [(name, 2000, 1000)]


async def test_leg_that_was_there_and_never_heard_is_a_track_that_is_missing(house: House) -> None:
    tenant = house.tenant()
    begun, sealer = await house.begin(tenant)
    told = recording_pb2.Track(
        track=leg(), party="agent", agent_id=BEN, start_offset=duration(0), end_offset=duration(2)
    )
    await house.finish(sealer, 2, [told])
    house.clock.advance(timedelta(minutes=10))
    await house.sweeps.make()
    made = await house.get(tenant, begun.recording_id)
    assert [track.agent_id for track in made.tracks] == [BEN]
    assert [(gap.track, gap.duration.seconds) for gap in made.gaps] == [(told.track, 2)]


async def test_tracks_of_a_killed_node_are_known_from_its_segments(house: House) -> None:
    tenant = house.tenant()
    made, (_, ann, ben) = await conversation(house, tenant, TRANSFER, ends=False)
    assert [(track.track, track.end_offset.ToMilliseconds()) for track in made.tracks][1:] == [(ann, 2000), (ben, 4000)]


async def test_recording_is_found_by_every_agent_on_it_page_by_page(house: House) -> None:
    tenant, wanted = house.tenant(), []
    for spoken in (TRANSFER, CONFERENCE, TRANSFER):
        made, _ = await conversation(house, tenant, spoken)
        wanted.insert(0, made.recording_id)
        house.clock.advance(timedelta(seconds=1))
    alone = (await house.talk(tenant, agent_id=BEN)).recording_id

    async def found(agent_id: str, size: int = 0) -> list[str]:
        ids, token = [], ""
        with acting_as(someone("supervisor", tenant)):
            while True:
                request = recording_service_pb2.ListRecordingsRequest(
                    agent_id=agent_id, page_size=size, page_token=token
                )
                page = await house.stub.ListRecordings(request)
                ids += [value.recording_id for value in page.recordings]
                token = page.next_page_token
                if not token:
                    return ids

    assert await found(ANN) == wanted
    assert await found(BEN) == await found(BEN, 1) == [alone, wanted[0], wanted[2]]
    assert await found("usr_eve") == []


async def test_track_that_the_recording_does_not_have_is_not_found(house: House) -> None:
    tenant = house.tenant()
    made = await house.talk(tenant)
    with pytest.raises(NotFound) as refused:
        await house.audio(tenant, made.recording_id, leg())
    assert refused.value.reason == "TRACK_NOT_FOUND"
    with pytest.raises(InvalidInput):
        await house.audio(tenant, made.recording_id, "../../key")


@pytest.mark.parametrize(
    "wrong",
    [
        recording_pb2.Track(track="other", party="agent"),
        recording_pb2.Track(track="agent", party="spy"),
        recording_pb2.Track(track="agent", party="agent", start_offset=duration(2), end_offset=duration(1)),
        recording_pb2.Track(track="agent", party="agent", address="two words"),
    ],
)
async def test_track_that_makes_no_sense_is_refused(house: House, wrong: recording_pb2.Track) -> None:
    _, sealer = await house.begin(house.tenant())
    with pytest.raises(InvalidInput):
        await house.finish(sealer, 2, [wrong])


async def test_erased_recording_says_no_more_who_was_on_it(house: House) -> None:
    tenant = house.tenant()
    made, _ = await conversation(house, tenant, CONFERENCE)
    with acting_as(someone("owner", tenant)):
        request = recording_service_pb2.EraseRecordingRequest(recording_id=made.recording_id)
        assert list((await house.stub.EraseRecording(request)).tracks) == []
    assert house.objects(tenant) == []


# -- recordings of before --------------------------------------------------------------------------------------


async def test_recording_stored_before_legs_had_tracks_plays_as_it_did_and_by_track(house: House) -> None:
    tenant, file = house.tenant(), (GOLDEN / "customer-and-agent.ogg").read_bytes()
    begun, _ = await house.begin(tenant, agent_id=ANN)
    recording_id = begun.recording_id
    value = await house.db.run(tenant, lambda tx: ops.get_recording(tx, recording_id))
    held = await house.db.run(tenant, lambda tx: ops.keys_of(tx, recording_id))
    primitive = keys.file_primitive(await house.library._tenant_key(tenant), tenant, recording_id, held)
    sealed = _seal(primitive, file, file_associated_data(tenant, recording_id, 1))
    await house.library.objects.put(file_name(tenant, recording_id, 1), sealed)
    before = replace(
        value, state=RecordingState.STORED, duration=timedelta(seconds=2), size_bytes=len(file), file_version=1,
        complete=True, segment_counts={"customer": 2, "agent": 1},
    )  # fmt: skip
    await house.db.run(tenant, lambda tx: store.save_recording(tx, before, house.clock.now()))
    assert b"".join([chunk.data for chunk in await house.audio(tenant, recording_id)]) == file
    made = await house.get(tenant, recording_id)
    told = [(track.track, track.party, track.agent_id, track.end_offset.seconds) for track in made.tracks]
    assert told == [("customer", "customer", "", 2), ("agent", "agent", ANN, 2)]
    sound = heard(file)
    for side, (track, hertz, at) in enumerate((("customer", 440, 1), ("agent", 1000, 0.8))):
        [alone] = await played(house, tenant, recording_id, track)
        assert pitch(alone, at) == hertz == pitch(sound[side], at) and len(alone) == len(sound[side])


def test_two_tracks_are_muxed_to_the_same_bytes_as_before() -> None:
    file, at = (GOLDEN / "customer-and-agent.ogg").read_bytes(), SystemClock().now().replace(2026, 3, 2, 9, 0, 0, 0)
    sides: dict[str, list[tracks.Packet]] = {}
    for name, left in (("customer", True), ("agent", False)):
        time, sides[name] = 0, []
        for unit in ogg.side(file, left=left):
            if unit != opus.SILENCE and not unit.concealed:
                sides[name].append(tracks.Packet(time, time * 1_000_000 // 48_000, opus.build(unit)))
            time += unit.samples
    origin = sides["agent"][0].timestamp
    sides["agent"] = [replace(packet, timestamp=packet.timestamp - origin) for packet in sides["agent"]]
    value = Recording(
        recording_id="rec_01jd3v9k8r5x7m2p4q6s8t0w1y", call_id="call_01jd3v9k8r5x7m2p4q6s8t0w1y", contact_id="con_1",
        brand_id="brd_1", queue_id="que_1", agent_id="usr_1", customer_id="cus_1", start_time=at, create_time=at,
        duration=timedelta(seconds=2),
    )  # fmt: skip
    made: Muxed = mux(value, sides)
    assert made.content == file and made.alone == {}


# -- several voices on one ear ---------------------------------------------------------------------------------


def laid(name: str, packets: Sequence[tracks.Packet]) -> tracks.Track:
    return tracks.lay(name, packets)


def test_one_voice_after_the_other_is_spliced_without_a_byte_changed() -> None:
    first, second = laid("a", placed(opus_tone(440, 1))), laid("b", placed(opus_tone(880, 1), start_ms=1000))
    ear = sharing.share("right", [first, second])
    assert ear.overlaps == ()
    assert ear.track.units == first.units | second.units


def test_overlap_is_told_whole_with_its_short_pauses_and_never_cuts_a_wide_packet() -> None:
    long = laid("a", placed(opus_tone(440, 3)))
    wide = laid("b", placed([SILK_60] * 10, frame_ms=60, start_ms=1000))
    later = laid("c", placed(opus_tone(880, 0.2), start_ms=1700))
    ear = sharing.share("right", [long, wide, later])
    assert ear.overlaps == (range(50, 95),)
    last = laid("d", placed([SILK_60] * 6, frame_ms=60, start_ms=2900))
    assert sharing.share("right", [long, last]).overlaps == (range(145, 151),)


def test_who_is_silent_beside_a_speaker_needs_no_mixing() -> None:
    quiet = laid("a", placed([opus.build(opus.SILENCE)] * 100))
    speaking = laid("b", placed(opus_tone(880, 1), start_ms=500))
    ear = sharing.share("right", [quiet, speaking])
    assert ear.overlaps == () and {slot: ear.track.units[slot] for slot in speaking.units} == speaking.units


def test_a_voice_keeps_what_was_known_of_it_and_learns_its_end() -> None:
    first = voices.Voice("leg_1", "participant", address="+15550199", start=5)
    [known] = voices.joined([first], [voices.Voice("leg_1", "participant", start=9, end=70)])
    assert known == replace(first, end=70)

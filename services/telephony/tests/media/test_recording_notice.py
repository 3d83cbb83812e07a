"""The tone that tells who is in a room that they are recorded."""

from __future__ import annotations

import asyncio

import pytest
from telephony.media.clips import Clip
from telephony.media.codecs import OPUS, PCMA, PCMU, OpusEncoder
from telephony.media.recording_notice import RecordingNotice
from testkit import eventually

from .parties import Party, level
from .test_room import House


@pytest.mark.parametrize("codecs", [(OPUS, OPUS), (PCMU, PCMU), (OPUS, PCMA)])
async def test_a_recordings_tone_is_mixed_in_while_it_sounds_and_forwarding_goes_on_after_it(codecs) -> None:
    house = House(*codecs)
    house.everybody()
    beeper, encoder = Party(house.beat, PCMU, 1400), OpusEncoder(8000)
    tone = Clip(tuple(encoder.encode(beeper.frame()) for _ in range(10)))
    notice = RecordingNotice(house.room, tone, None)
    house.talk(20)
    notice.follow({"a"})
    house.talk(40)
    notice.follow({"a"})
    house.talk(20)
    here, there = house.parties["a"], house.parties["b"]
    tenth, sound = here.rate // 10, here.heard()
    beeps = [level(sound[at : at + tenth], here.rate, 1400) > 0.1 for at in range(0, len(sound) - tenth, tenth)]
    assert sum(beeps) in (2, 3), "a fifth of a second, once"
    voice = [level(sound[at : at + tenth], here.rate, 700) > 0.1 for at in range(2 * tenth, len(sound) - tenth, tenth)]
    assert voice.count(False) <= 1, "the other one is heard all the time"
    assert there.tones() == [400], "who needn't know hears no tone"
    if codecs[0] is codecs[1]:
        assert there.forward_to is here.outbound and house.beat.ticks == []


@pytest.mark.parametrize("cut", [False, True])
async def test_a_recordings_tone_that_comes_once_sounds_whatever_is_said_just_then(cut) -> None:
    """An agent's sound isn't there yet, so the customer hears "one moment" as they are joined; it is cut short as soon
    as the agent is heard."""
    house = House(PCMU, PCMU)
    house.everybody()
    encoder, beeper, voice = OpusEncoder(8000), Party(house.beat, PCMU, 1400), Party(house.beat, PCMU, 2000)
    tone = Clip(tuple(encoder.encode(beeper.frame()) for _ in range(10)))
    moment = Clip(tuple(encoder.encode(voice.frame()) for _ in range(20)))
    house.room.announce("a", [moment])
    notice = RecordingNotice(house.room, tone, None)
    notice.follow({"a"})
    house.talk(5)
    if cut:
        house.room.stop_announcing("a")
        await asyncio.sleep(0)
    house.talk(60)
    await asyncio.sleep(0)
    house.talk(20)
    here = house.parties["a"]
    tenth, sound = here.rate // 10, here.heard()
    beeps = [level(sound[at : at + tenth], here.rate, 1400) > 0.1 for at in range(0, len(sound) - tenth, tenth)]
    assert sum(beeps) in (2, 3), "a fifth of a second, once"
    house.room.remove("a")
    await asyncio.sleep(0)
    assert not house.room.members["b"].announcements


async def test_a_recordings_tone_comes_again_and_whoever_joins_hears_it_at_once(monkeypatch) -> None:
    house = House(PCMU, PCMU, PCMU)
    house.everybody()
    announced: list[str] = []

    def announce(name: str, _clips: object) -> asyncio.Future[bool]:
        announced.append(name)
        return asyncio.get_running_loop().create_future()

    monkeypatch.setattr(house.room, "announce", announce)
    notice = RecordingNotice(house.room, Clip.silence(0.2), 0.05)
    notice.follow({"a", "b"})
    assert announced == ["a", "b"]
    notice.follow({"a", "b", "c"})
    assert announced == ["a", "b", "c"]
    await eventually(lambda: len(announced) >= 9)
    assert announced[3:9] == ["a", "b", "c"] * 2
    notice.follow(set())
    told = len(announced)
    await eventually(lambda: notice._timer is None)
    assert len(announced) == told, "nobody is recorded now"
    notice.follow({"a"})
    await eventually(lambda: len(announced) > told)
    notice.close()
    notice.close()
    assert notice._timer is None

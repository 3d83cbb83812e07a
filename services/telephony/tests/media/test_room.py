"""Who hears whom in a room, by frequency, through real codecs."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from itertools import cycle, pairwise

import numpy as np
import pytest
from telephony.media.clips import Clip
from telephony.media.codecs import OPUS, PCMA, PCMU, OpusDecoder, g711_encode, opus_carries_recovery
from telephony.media.room import Ear, Room
from telephony.media.ticker import Ticker
from testkit import eventually
from testkit.webrtc import tone_packets

from .parties import Beat, Party, level, talk, tones, voice

_TONES = (400, 700, 1000, 1300, 1600, 1900, 2200, 2500)


class House:
    """A room with parties in it."""

    def __init__(self, *codecs, loudness: float = 0.3) -> None:
        self.beat = Beat()
        self.room = Room(self.beat)
        self.parties = {
            name: Party(self.beat, codec, tone, loudness)
            for name, codec, tone in zip("abcdefgh", codecs, _TONES, strict=False)
        }
        for name, party in self.parties.items():
            self.room.attach(name, party)

    def everybody(self) -> None:
        names = frozenset(self.parties)
        self.room.arrange({name: Ear(names - {name}) for name in names})

    def talk(self, frames: int = 60) -> None:
        talk(self.beat, *self.parties.values(), frames=frames)

    def hear(self) -> dict[str, list[int]]:
        return {name: party.tones() for name, party in self.parties.items()}


@pytest.mark.parametrize("codecs", [(OPUS, OPUS), (OPUS, PCMU), (PCMA, PCMU), (PCMU, OPUS), (PCMA, PCMA)])
async def test_two_hear_each_other_whatever_they_speak(codecs) -> None:
    house = House(*codecs)
    house.everybody()
    house.talk()
    assert house.hear() == {"a": [700], "b": [400]}


async def test_same_codecs_are_forwarded_without_a_beat() -> None:
    house = House(PCMU, PCMU)
    house.everybody()
    assert house.parties["a"].forward_to is house.parties["b"].outbound
    assert house.beat.ticks == []


@pytest.mark.parametrize("codecs", [(OPUS, OPUS, OPUS), (OPUS, PCMU, PCMA), (PCMU, PCMU, PCMU), (OPUS, OPUS, PCMU)])
async def test_each_of_three_hears_exactly_the_two_others(codecs) -> None:
    house = House(*codecs)
    house.everybody()
    house.talk()
    assert house.hear() == {"a": [700, 1000], "b": [400, 1000], "c": [400, 700]}
    assert len(house.beat.ticks) == 1


async def test_each_of_eight_hears_exactly_the_seven_others() -> None:
    house = House(*[OPUS, PCMU, OPUS, PCMA, OPUS, OPUS, PCMU, OPUS], loudness=0.1)
    house.everybody()
    house.talk(100)
    for party in house.parties.values():
        sound = party.heard(20)
        levels = {tone: level(sound, party.rate, tone) for tone in _TONES}
        own = levels.pop(int(party.tone or 0))
        assert min(levels.values()) > 0.03 and own < 0.1 * min(levels.values())
    assert len(house.beat.ticks) == 1


async def test_a_whisper_is_heard_by_the_agent_alone() -> None:
    house = House(OPUS, OPUS, OPUS)
    house.room.arrange({"a": Ear(frozenset("bc")), "b": Ear(frozenset("a")), "c": Ear(frozenset("ab"))})
    house.talk()
    assert house.hear() == {"a": [700, 1000], "b": [400], "c": [400, 700]}
    # The customer hears the agent's own packets still.
    assert [payload for _, _, payload in house.parties["b"].sent] == [
        packet for packet in _said_by(house.parties["a"], 60)
    ]


def _said_by(party: Party, frames: int) -> list[bytes]:
    again = Party(Beat(), party.codec, party.tone, party.loudness)
    return [again.packet() for _ in range(frames)]


async def test_listeners_in_a_ring_hear_only_whom_they_shall() -> None:
    house = House(OPUS, PCMU, OPUS)
    house.room.arrange({"a": Ear(frozenset("bc")), "c": Ear(frozenset("b"))})
    house.talk()
    assert house.hear() == {"a": [700, 1000], "b": [], "c": [700]}


async def test_one_speaker_is_forwarded_to_two_listeners() -> None:
    house = House(PCMU, PCMU, PCMA)
    house.room.arrange({"b": Ear(frozenset("a")), "c": Ear(frozenset("a"))})
    house.talk()
    assert house.hear() == {"a": [], "b": [400], "c": [400]}
    assert house.beat.ticks == []


async def test_whoever_is_muted_is_silent_to_all_and_to_the_tap() -> None:
    house = House(OPUS, PCMU, OPUS)
    taped: list[bytes] = []
    house.room.member("b").tap = lambda _source, _timestamp, payload: taped.append(payload)
    house.everybody()
    house.room.mute("b", True)
    house.talk()
    assert house.hear() == {"a": [1000], "b": [400, 1000], "c": [400]}
    assert np.abs(_opus(taped)).max() < 0.001


def _opus(packets: list[bytes], rate: int = 16_000) -> np.ndarray:
    decoder = OpusDecoder(rate)
    return np.concatenate([decoder.decode(packet).copy() for packet in packets]) / 32768


@pytest.mark.parametrize("codecs", [(OPUS, OPUS), (PCMU, PCMU), (PCMU, OPUS), (PCMA, PCMU), (PCMA, OPUS, OPUS)])
async def test_a_tap_always_gets_opus_by_the_clock_of_opus(codecs) -> None:
    house = House(*codecs)
    taped: list[tuple[int, bytes]] = []
    house.room.member("a").tap = lambda _source, timestamp, payload: taped.append((timestamp, payload))
    house.everybody()
    house.talk()
    assert len(taped) >= 58
    assert {(b - a) & 0xFFFFFFFF for (a, _), (b, _) in pairwise(taped)} == {960}
    assert tones(_opus([payload for _, payload in taped])[3200:], 16_000) == [400]


async def test_a_tap_takes_nothing_while_nobody_shall_hear_it_unless_it_is_kept() -> None:
    house = House(OPUS, OPUS)
    taped: list[bytes] = []
    house.room.member("a").tap = lambda _source, _timestamp, payload: taped.append(payload)
    house.room.arrange({"a": Ear(frozenset("b"))})
    house.talk(5)
    assert not taped
    house.room.arrange({"b": Ear(frozenset("a"))})
    house.room.lose("b")
    house.talk(5)
    assert len(taped) == 5, "what is said to somebody whose media is lost belongs to the conversation"
    house.room.arrange({})
    house.room.member("a").keep_tap = True
    house.talk(5)
    assert len(taped) == 10


async def test_a_member_with_new_media_is_heard_in_place_of_the_old() -> None:
    house = House(OPUS, OPUS, OPUS)
    house.everybody()
    house.talk(20)
    old, new = house.parties["b"], Party(house.beat, PCMU, 3000)
    house.room.attach("b", new)
    house.parties["b"] = new
    house.parties["a"].forget()
    house.talk()
    assert house.hear()["a"] == [1000, 3000]
    assert new.tones() == [400, 1000]
    sent = len(old.sent)
    old.speak()
    house.talk(5)
    assert len(old.sent) == sent and old.forward_to is None


async def test_a_conference_that_two_are_left_of_is_forwarded_again() -> None:
    house = House(OPUS, OPUS, OPUS)
    house.everybody()
    house.talk(20)
    house.room.remove("c")
    assert house.beat.ticks == []
    assert house.parties["a"].forward_to is house.parties["b"].outbound


async def test_what_one_hears_is_one_stream_through_every_change() -> None:
    house = House(OPUS, PCMU, OPUS)
    listener = house.parties["a"]
    music = Clip(tuple(tone_packets(500)))
    for ear in (
        Ear(frozenset("b")), Ear(frozenset("bc")), Ear(sound=(music,)), Ear(frozenset("c")), Ear(frozenset("bc")),
    ):  # fmt: skip
        house.room.arrange({"a": ear})
        house.talk(10)
    sequences = [sequence for sequence, _, _ in listener.sent]
    assert all((b - a) & 0xFFFF == 1 for a, b in pairwise(sequences))
    assert all(960 <= (b - a) & 0xFFFFFFFF < 9600 for (_, a, _), (_, b, _) in pairwise(listener.sent))
    assert len(sequences) >= 47


async def test_music_plays_to_who_hears_nobody_and_goes_on_when_all_is_arranged_again() -> None:
    house = House(OPUS, PCMU)
    music = Clip(tuple(tone_packets(500)))
    ears = {"a": Ear(frozenset("b"), (music,)), "b": Ear(sound=(music,))}
    house.room.lose("b")
    house.room.arrange(ears)
    house.talk(20)
    house.room.arrange(dict(ears))
    house.talk(20)
    # The very packets of the clip, in order: nothing was decoded and nothing begun anew.
    assert [payload for _, _, payload in house.parties["a"].sent] == list(music.packets[:40])
    house.room.attach("b", house.parties["b"])
    house.parties["a"].forget()
    house.talk()
    assert house.hear() == {"a": [700], "b": [500]}


async def test_an_announcement_is_heard_over_music_that_is_turned_down_meanwhile() -> None:
    for codec in (OPUS, PCMU):
        house = House(codec)
        party = house.parties["a"]
        music, words = Clip(tuple(tone_packets(500))), Clip(tuple(tone_packets(1200)))
        house.room.arrange({"a": Ear(sound=(music,))})
        house.talk(30)
        loud = level(party.heard(10), party.rate, 500)
        finished = house.room.announce("a", [words])
        house.talk(20)
        party.forget()
        house.talk(25)
        assert party.tones() == [500, 1200]
        assert 0.1 < level(party.heard(10), party.rate, 500) / loud < 0.25
        assert not finished.done()
        house.talk(30)
        assert await asyncio.wait_for(finished, 30)
        house.talk(20)
        party.forget()
        house.talk(30)
        assert party.tones() == [500]
        assert level(party.heard(10), party.rate, 500) / loud == pytest.approx(1, abs=0.2)


async def test_announcements_come_one_after_the_other_to_people_who_talk_too() -> None:
    house = House(OPUS, OPUS)
    house.everybody()
    first, second = Clip(tuple(tone_packets(1500))), Clip(tuple(tone_packets(2100)))
    done = [house.room.announce("a", [first]), house.room.announce("a", [second])]
    house.talk(50)
    assert house.hear() == {"a": [700, 1500], "b": [400]}
    house.talk(5)
    house.parties["a"].forget()
    house.talk(40)
    assert house.parties["a"].tones() == [700, 2100]
    house.talk(6)
    assert all(future.result() for future in done)
    assert house.beat.ticks == [], "afterwards they are forwarded to each other again"


async def test_an_announcement_that_is_stopped_says_so() -> None:
    house = House(OPUS)
    finished = house.room.announce("a", [Clip.silence(1)])
    house.talk(5)
    house.room.stop_announcing("a")
    assert finished.result() is False
    again = house.room.announce("a", [Clip.silence(1)])
    house.room.close()
    assert again.result() is False and house.beat.ticks == []


async def test_loud_voices_together_do_not_clip() -> None:
    house = House(PCMU, PCMU, PCMU, PCMU, loudness=0.9)
    house.everybody()
    house.talk(80)
    for party in house.parties.values():
        sound = party.heard(20)
        assert np.abs(sound).max() < 0.95
        others = sorted(other.tone or 0.0 for other in house.parties.values() if other is not party)
        assert party.tones() == others, "clipping would add tones that nobody made"


async def test_members_who_send_nothing_leave_the_others_undisturbed() -> None:
    house = House(OPUS, PCMU, OPUS)
    house.everybody()
    talk(house.beat, house.parties["a"])
    assert house.hear() == {"a": [], "b": [400], "c": [400]}
    assert len(house.parties["a"].sent) >= 55, "silence is sent, so that nobody takes the line for dead"


@pytest.mark.parametrize("codecs", [(PCMU, OPUS), (PCMU, OPUS, PCMA)])
async def test_who_loses_packets_gets_each_of_them_twice(codecs) -> None:
    house = House(*codecs)
    house.everybody()
    listener = house.parties["b"]
    for speaker in house.parties.values():
        speaker.packet = _voice(speaker)
    house.talk(100)
    assert not any(opus_carries_recovery(payload) for _, _, payload in listener.sent)
    listener.loss = 0.1
    house.talk(250)
    listener.forget()
    house.talk(100)
    assert sum(opus_carries_recovery(payload) for _, _, payload in listener.sent) > 50


def _voice(party: Party) -> Callable[[], bytes]:
    frames = cycle(np.split(voice(8_000, 100), 100))
    return lambda: g711_encode(party.codec, next(frames)) if party.codec is not OPUS else OPUS.silence


@pytest.mark.parametrize("codecs", [(PCMU, OPUS), (OPUS, PCMA), (OPUS, PCMU, OPUS)])
async def test_a_lossy_speaker_is_heard_in_one_even_stream(codecs) -> None:
    house = House(*codecs)
    house.everybody()
    dice = random.Random(4)
    speaker, listener = house.parties["a"], house.parties["b"]
    for _ in range(300):
        for party in house.parties.values():
            party.speak(lost=party is speaker and dice.random() < 0.05)
        for tick in list(house.beat.ticks):
            tick()
    assert len(listener.sent) == 300
    assert {(b - a) & 0xFFFF for (a, _, _), (b, _, _) in pairwise(listener.sent)} == {1}
    steps = {(b - a) & 0xFFFFFFFF for (_, a, _), (_, b, _) in pairwise(listener.sent[1:])}
    assert steps == {listener.codec.frame_samples}
    assert 400 in listener.tones()


async def test_whoever_hears_nobody_hears_a_faint_noise_where_a_room_has_one() -> None:
    beat = Beat()
    quiet = Clip(tuple(tone_packets(440)))
    room, party = Room(beat, [quiet]), Party(beat, PCMU)
    room.attach("a", party)
    talk(beat, party, frames=5)
    assert not party.sent, "who isn't in the arrangement is left alone"
    room.arrange({"a": Ear()})
    talk(beat, party, frames=5)
    assert [payload for _, _, payload in party.sent] == list(quiet.packets_for(PCMU)[:5])


async def test_a_listener_that_is_negotiated_to_another_codec_goes_on_hearing() -> None:
    house = House(OPUS, PCMU, OPUS)
    house.room.arrange({"b": Ear(frozenset("ac"))})
    house.talk(20)
    listener = house.parties["b"]
    listener.codec = listener.outbound.codec = PCMA
    house.room.settle()
    listener.forget()
    house.talk()
    assert listener.tones() == [400, 1000]


async def test_an_announcement_waits_for_media_that_is_lost_and_goes_on_with_the_new() -> None:
    house = House(OPUS)
    words = Clip(tuple(tone_packets(1200)))
    finished = house.room.announce("a", [words])
    house.talk(10)
    house.room.lose("a")
    house.talk(100)
    assert not finished.done()
    newer = Party(house.beat, OPUS)
    house.room.attach("a", newer)
    talk(house.beat, newer, frames=45)
    assert [payload for _, _, payload in newer.sent] == list(words.packets[10:])
    assert finished.result() is True


async def test_music_on_hold_goes_on_where_it_was_left_and_words_begin_anew() -> None:
    house = House(PCMU, PCMU)
    music, words = Clip(tuple(tone_packets(500))), Clip(tuple(tone_packets(900)))
    for sound in ((music,), (words, music)):
        for _ in range(2):
            house.room.arrange({"a": Ear(sound=sound)})
            house.talk(20)
            house.room.arrange({"a": Ear(frozenset("b"))})
            house.talk(5)
    listener = house.parties["a"]
    payloads = [payload for _, _, payload in listener.sent if payload in set(words.packets_for(PCMU)[:20])]
    assert payloads == list(words.packets_for(PCMU)[:20]) * 2
    sounding = [
        at for at, payload in enumerate(p for _, _, p in listener.sent) if payload == music.packets_for(PCMU)[0]
    ]
    assert sounding == [0], "the second time it went on behind its twentieth packet"


async def test_a_room_whose_beat_failed_begins_again_at_its_next_change() -> None:
    troubles: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: troubles.append(context.get("exception")))
    ticker, beat = Ticker(), Beat()
    broken, whole = Room(ticker), Room(ticker)
    music = (Clip(tuple(tone_packets(500))),)
    parties = [Party(beat, OPUS), Party(beat, OPUS)]
    for room, party in zip((broken, whole), parties, strict=True):
        room.attach("a", party)
        room.arrange({"a": Ear(sound=music)})

    def broke(_length: int) -> None:
        raise ConnectionError

    transmit, parties[0].outbound._transmit = parties[0].outbound._transmit, broke
    await eventually(lambda: troubles and len(parties[1].sent) > 3)
    assert isinstance(troubles[0], ConnectionError) and not parties[0].sent
    parties[0].outbound._transmit = transmit
    broken.arrange({"a": Ear(sound=music)})
    await eventually(lambda: len(parties[0].sent) > 3)
    ticker.close()

"""Speech in four languages, music, uploads: made once, kept, and never fatal."""

from __future__ import annotations

import asyncio
import io
import os
import random
import signal
import struct
import wave
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
import pytest_asyncio
from chassis.lifecycle import Tasks
from telephony.media.clip_files import ClipFiles
from telephony.media.clips import Clip, ClipFailed, ClipStore, pieces
from telephony.media.loudness import TARGET, loudness
from telephony.media.speech_process import SpeechProcess
from testkit import eventually


@pytest_asyncio.fixture
async def clips(tmp_path: Path):
    store = ClipStore(tmp_path / "clips")
    yield store
    await store.close()


def _samples(clip: Clip) -> np.ndarray:
    decoder = av.CodecContext.create("libopus", "r")
    decoder.layout, decoder.format, decoder.sample_rate = "mono", "s16", 48_000
    frames = [frame for packet in clip.packets for frame in decoder.decode(av.Packet(packet))]
    return np.concatenate([frame.to_ndarray().reshape(-1).astype(np.float32) / 32768 for frame in frames])


def _kept(folder: Path) -> list[Path]:
    return list(folder.rglob("*.clip"))


def _wav(seconds: float, frequency: float = 500.0, peak: int = 12_000) -> bytes:
    rate = 16_000
    pcm = (peak * np.sin(2 * np.pi * frequency * np.arange(int(rate * seconds)) / rate)).astype(np.int16)
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.tobytes())
    return out.getvalue()


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Welcome. Press one for sales."),
        ("tr", "Hoş geldiniz. Satış için biri tuşlayın."),
        ("az", "Xoş gəlmisiniz. Satış üçün bir düyməsini basın."),
        ("fa", "خوش آمدید. برای فروش عدد یک را فشار دهید."),
    ],
)
async def test_speech_can_be_heard_in_every_language(clips: ClipStore, language: str, text: str) -> None:
    clip = await clips.speech(text, language)
    assert 1.0 < clip.seconds < 8.0
    assert np.abs(_samples(clip)).max() > 0.05
    assert max(map(len, clip.packets)) < 400


async def test_a_long_text_is_said_to_its_end(clips: ClipStore) -> None:
    sentence = "Your order is on its way. "
    shorter, longer = [await clips.speech(sentence * count, "en") for count in (70, 210)]
    assert len(sentence * 210) > 4000 and longer.seconds > 2.9 * shorter.seconds


def test_a_long_text_is_parted_between_sentences_or_words_and_nothing_of_it_is_lost() -> None:
    text = "Your order 1.5 is on its way, we think. " * 200
    parted = pieces(text)
    assert "".join(parted) == text and max(map(len, parted)) <= 2000
    assert all(piece.endswith(". ") for piece in parted)
    words = pieces("ümit var olsun " * 300)
    assert "".join(words) == "ümit var olsun " * 300 and all(piece.endswith(" ") for piece in words)
    assert pieces("x" * 4100) == ["x" * 2000, "x" * 2000, "x" * 100]
    assert pieces("") == [""] and pieces("x" * 2000) == ["x" * 2000]


async def test_of_a_text_without_end_only_so_much_is_said(clips: ClipStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telephony.media.clips.MAX_SPOKEN", 100)
    said = await clips.speech("Your order is on its way. " * 100, "en")
    assert said.seconds < 15


async def test_the_same_text_is_spoken_once_and_survives_a_restart(clips: ClipStore, tmp_path: Path) -> None:
    first, second = await asyncio.gather(clips.speech("Hello", "en"), clips.speech("Hello", "en"))
    assert first is second
    again = ClipStore(tmp_path / "clips")
    assert (await again.speech("Hello", "en")).packets == first.packets
    assert again._speech.worker is None


async def test_a_caller_who_hangs_up_silences_nobody_who_waits_for_the_same_words(clips: ClipStore) -> None:
    async with Tasks("callers") as callers:
        first, second = (callers.spawn(clips.speech("One moment", "en"), "caller") for _ in range(2))
        await eventually(lambda: clips._speech.worker)
        first.cancel()
        assert (await second).seconds > 0.3
        assert first.cancelled()


async def test_what_is_said_to_one_caller_alone_is_kept_nowhere(clips: ClipStore, tmp_path: Path) -> None:
    assert (await clips.speech("Hello Ada", "en", personal=True)).seconds > 0.3
    await clips.speech("Hello", "en")
    assert len(clips._memory) == len(_kept(tmp_path)) == 1


async def test_clips_take_no_more_memory_than_they_may(tmp_path: Path) -> None:
    store = ClipStore(tmp_path, memory_bytes=40_000)
    for text in ("Press one for sales.", "Press two for service.", "Press three for everything else."):
        await store.speech(text, "en")
        assert sum(clip.size_bytes for clip in store._memory.values()) == store._memory_bytes <= 40_000
    assert store._memory
    await store.close()


def test_the_folder_of_clips_keeps_its_bound_and_gives_up_what_was_not_used_for_longest(tmp_path: Path) -> None:
    files = ClipFiles(tmp_path, 10_000)
    for key in "abc":
        files.write(key, [b"x" * 2990])
        os.utime(tmp_path / "3" / f"{key}.clip", (1_000 + ord(key), 1_000 + ord(key)))
    assert files.read("a") == (b"x" * 2990,)
    files.write("d", [b"x" * 2990])
    assert [key for key in "abcd" if files.read(key)] == ["a", "c", "d"]
    again = ClipFiles(tmp_path, 10_000)
    again.write("e", [b"x" * 2990])
    assert sum(path.stat().st_size for path in _kept(tmp_path)) <= 10_000


def test_clips_of_another_version_are_removed(tmp_path: Path) -> None:
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "abcd.clip").write_bytes(b"MRKCLIP1")
    ClipFiles(tmp_path, 10_000)
    assert [path.name for path in tmp_path.iterdir()] == ["3"]


async def test_uploaded_music_fades_in_and_out_so_that_it_can_repeat(clips: ClipStore) -> None:
    samples = _samples(await clips.music(_wav(4)))
    loud = np.sqrt(np.mean(samples[48_000:96_000] ** 2))
    assert np.sqrt(np.mean(samples[:2400] ** 2)) < 0.1 * loud
    assert np.sqrt(np.mean(samples[188_000:] ** 2)) < 0.1 * loud
    assert np.sqrt(np.mean(samples[24_000:30_000] ** 2)) > 0.8 * loud


async def test_the_recording_beep_is_what_the_rules_ask_for(clips: ClipStore) -> None:
    clip = await clips.recording_beep()
    assert clip.seconds == pytest.approx(0.2, abs=0.03)
    samples = _samples(clip)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 48_000))
    assert 1260 <= np.argmax(spectrum) <= 1540


async def test_quiet_can_be_heard_by_those_who_listen_hard(clips: ClipStore) -> None:
    samples = _samples(await clips.quiet())[4800:]
    loudness = 20 * np.log10(np.sqrt(np.mean(samples.astype(float) ** 2)))
    assert -72 < loudness < -58


async def test_an_uploaded_prompt_is_played_as_it_sounds(clips: ClipStore) -> None:
    clip = await clips.file(_wav(1.5))
    assert abs(clip.seconds - 1.5) < 0.1
    spectrum = np.abs(np.fft.rfft(_samples(clip)[24_000:48_000]))
    assert abs(np.argmax(spectrum) * 48_000 / 24_000 - 500) < 10


async def test_soft_and_loud_uploads_and_speech_are_as_loud_as_each_other(clips: ClipStore) -> None:
    made = [await clips.file(_wav(1.5, peak=peak)) for peak in (600, 30_000)]
    made.append(await clips.speech("Press one for sales.", "en"))
    assert [loudness(_samples(clip)) for clip in made] == pytest.approx([TARGET] * 3, abs=1.5)


async def test_an_upload_in_which_nothing_is_heard_is_no_clip(clips: ClipStore) -> None:
    with pytest.raises(ClipFailed, match="nothing can be heard"):
        await clips.file(_wav(1.0, peak=0))


_NO_SOUND = {"empty": b"", "only a word": b"RIFF", "noise": random.Random(7).randbytes(5000), "cut": _wav(0.5)[:30]}


@pytest.mark.parametrize("data", _NO_SOUND.values(), ids=_NO_SOUND)
async def test_a_file_that_is_no_sound_is_refused(clips: ClipStore, data: bytes) -> None:
    with pytest.raises(ClipFailed):
        await clips.file(data)


def _encoded(kind: str, codec: str, seconds: float = 1.5) -> bytes:
    """A tone of 500 Hz."""
    out = io.BytesIO()
    with av.open(out, "w", format=kind) as file:
        stream = cast("av.AudioStream", file.add_stream(codec, rate=48_000))
        pcm = (12_000 * np.sin(2 * np.pi * 500 * np.arange(int(48_000 * seconds)) / 48_000)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48_000, 0
        of_codec = av.AudioResampler(stream.format, "mono", 48_000, stream.codec_context.frame_size or None)
        for piece in (*of_codec.resample(frame), *of_codec.resample(None), None):
            file.mux(stream.encode(piece))
    return out.getvalue()


_OTHER_SOURCES = {
    "a session description": b"v=0\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 32490 RTP/AVP 0\r\n",
    "a list of files": b"ffconcat version 1.0\nfile other.wav\n",
}


@pytest.mark.parametrize("other", _OTHER_SOURCES.values(), ids=_OTHER_SOURCES)
@pytest.mark.parametrize("head", [b"\xff\xfb\n", b"ID3\x04" + bytes(6)], ids=["a frame's head", "tags"])
async def test_an_upload_that_names_other_sources_is_the_sound_that_was_looked_at(
    clips: ClipStore, other: bytes, head: bytes
) -> None:
    clip = await asyncio.wait_for(clips.file(head + other + b"\n" * 20 + _encoded("mp3", "libmp3lame")), 30)
    assert abs(clip.seconds - 1.5) < 0.3


@pytest.mark.parametrize(("kind", "codec"), [("mp3", "libmp3lame"), ("ogg", "libopus"), ("opus", "libopus")])
async def test_prompts_of_every_kind_are_played_as_they_sound(clips: ClipStore, kind: str, codec: str) -> None:
    clip = await clips.file(_encoded(kind, codec))
    spectrum = np.abs(np.fft.rfft(_samples(clip)[24_000:48_000]))
    assert abs(clip.seconds - 1.5) < 0.1 and abs(np.argmax(spectrum) * 48_000 / 24_000 - 500) < 10


async def test_an_unknown_language_is_refused_and_the_next_one_still_spoken(clips: ClipStore) -> None:
    with pytest.raises(ClipFailed):
        await clips.speech("Hallo", "de")
    assert (await clips.speech("Hello", "en")).seconds > 0.3


async def test_a_speech_worker_that_dies_is_replaced(clips: ClipStore) -> None:
    await clips.speech("One", "en")
    worker = clips._speech.worker
    assert worker is not None
    os.kill(worker.pid, signal.SIGKILL)
    await eventually(lambda: not worker.alive)
    assert (await clips.speech("Two", "en")).seconds > 0.3


async def test_a_word_waits_for_one_long_text_and_not_for_all_that_came_before_it() -> None:
    speech, said = SpeechProcess(30.0), []

    async def say(name: str, text: str) -> None:
        await speech.make({"make": "speech", "text": text, "language": "en"}, b"")
        said.append(name)

    async with Tasks("callers") as callers:
        saying = [callers.spawn(say(f"long {n}", f"{n}, " + "and so on and so forth, " * 40), "say") for n in range(4)]
        given_up = callers.spawn(say("given up", "Never mind."), "say")
        saying.append(callers.spawn(say("word", "Hello."), "say"))
        await eventually(lambda: speech.worker)
        given_up.cancel()
        await asyncio.gather(*saying)
    await speech.close()
    assert said == ["long 0", "word", "long 1", "long 2", "long 3"]


async def test_a_long_upload_keeps_nobody_waiting_for_what_is_to_be_said(clips: ClipStore) -> None:
    async with Tasks("callers") as callers:
        upload = callers.spawn(clips.file(_wav(240)), "upload")
        await eventually(lambda: clips._files_maker.worker)
        await clips.speech("One moment", "en")
        assert not upload.done(), "it is still being made"
        upload.cancel()


async def test_samples_that_are_no_numbers_are_refused_and_nothing_of_them_is_played(clips: ClipStore) -> None:
    for value in (np.nan, np.inf, 1e30):
        sound = np.full(16_000, 0.1, "<f4")
        sound[8_000] = value
        head = b"fmt " + struct.pack("<IHHIIHH", 16, 3, 1, 16_000, 64_000, 4, 32)
        data = head + b"data" + struct.pack("<I", sound.nbytes) + sound.tobytes()
        with pytest.raises(ClipFailed, match="full scale"):
            await clips.file(b"RIFF" + struct.pack("<I", 4 + len(data)) + b"WAVE" + data)


async def test_a_clip_of_which_the_disk_kept_only_the_beginning_is_made_anew(tmp_path: Path) -> None:
    first = ClipStore(tmp_path)
    whole = await first.speech("Hello", "en")
    (kept,) = _kept(tmp_path)
    for left in (9, len(kept.read_bytes()) - 3):
        kept.write_bytes(kept.read_bytes()[:left])
        again = ClipStore(tmp_path)
        assert (await again.speech("Hello", "en")).packets == whole.packets
        await again.close()
    await first.close()


async def test_hold_music_is_half_a_minute_of_our_own(clips: ClipStore) -> None:
    music = await clips.hold_music()
    assert 30 < music.seconds < 35
    samples = _samples(music)
    assert 0.005 < float(np.sqrt(np.mean(samples**2))) < 0.2

"""Speech in four languages, music, uploads: made once, kept, and never fatal."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import wave
from pathlib import Path

import av
import numpy as np
import pytest
import pytest_asyncio
from telephony.media.clips import Clip, ClipFailed, ClipStore


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


def _wav(seconds: float, frequency: float = 500.0) -> bytes:
    rate = 16_000
    pcm = (12_000 * np.sin(2 * np.pi * frequency * np.arange(int(rate * seconds)) / rate)).astype(np.int16)
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


async def test_the_same_text_is_spoken_once_and_survives_a_restart(clips: ClipStore, tmp_path: Path) -> None:
    first, second = await asyncio.gather(clips.speech("Hello", "en"), clips.speech("Hello", "en"))
    assert first is second
    again = ClipStore(tmp_path / "clips")
    assert (await again.speech("Hello", "en")).packets == first.packets
    assert again._worker is None


async def test_an_uploaded_prompt_is_played_as_it_sounds(clips: ClipStore) -> None:
    clip = await clips.file(_wav(1.5))
    assert abs(clip.seconds - 1.5) < 0.1
    spectrum = np.abs(np.fft.rfft(_samples(clip)[24_000:48_000]))
    assert abs(np.argmax(spectrum) * 48_000 / 24_000 - 500) < 10


@pytest.mark.parametrize("data", [b"", b"RIFF", os.urandom(5000), _wav(0.5)[:30]])
async def test_a_file_that_is_no_sound_is_refused(clips: ClipStore, data: bytes) -> None:
    with pytest.raises(ClipFailed):
        await clips.file(data)


async def test_an_unknown_language_is_refused_and_the_next_one_still_spoken(clips: ClipStore) -> None:
    with pytest.raises(ClipFailed):
        await clips.speech("Hallo", "de")
    assert (await clips.speech("Hello", "en")).seconds > 0.3


async def test_a_speech_worker_that_dies_is_replaced(clips: ClipStore) -> None:
    await clips.speech("One", "en")
    worker = clips._worker
    assert worker is not None
    os.kill(worker.pid, signal.SIGKILL)
    await worker.wait()
    assert (await clips.speech("Two", "en")).seconds > 0.3


async def test_hold_music_is_half_a_minute_of_our_own(clips: ClipStore) -> None:
    music = await clips.hold_music()
    assert 30 < music.seconds < 35
    samples = _samples(music)
    assert 0.005 < float(np.sqrt(np.mean(samples**2))) < 0.2

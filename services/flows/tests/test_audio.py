"""Uploads by somebody who means harm, or whose program writes odd files: taken only when they can be played."""

from __future__ import annotations

import io
import struct
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from flows.audio import read_sound
from flows.domain.prompts import PromptSilent, PromptTooShort, PromptUnreadable

PCM, FLOAT, MU_LAW = 1, 3, 7


def a_wav(
    data: bytes, *, rate: int = 8_000, channels: int = 1, bits: int = 16, kind: int = PCM, said: int = -1
) -> bytes:
    """A WAV file written by hand; `said` is the length it claims to have."""
    block = channels * bits // 8
    head = struct.pack("<HHIIHH", kind, channels, rate, rate * block & 0xFFFFFFFF, block & 0xFFFF, bits)
    size = struct.pack("<I", len(data) if said < 0 else said)
    return b"RIFF" + struct.pack("<I", 36) + b"WAVEfmt " + struct.pack("<I", len(head)) + head + b"data" + size + data


def tone(seconds: float = 1.0, rate: int = 8_000, amplitude: float = 0.3) -> npt.NDArray[np.float64]:
    return amplitude * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)


def sixteen(sound: npt.NDArray[np.float64]) -> bytes:
    return (sound * 32_767).astype("<i2").tobytes()


def floats(*values: float) -> bytes:
    """A tone with these in its middle."""
    return np.concatenate([tone(0.5), values, tone(0.5)]).astype("<f4").tobytes()


@pytest.mark.parametrize(
    "audio",
    [
        a_wav(((tone() * 127) + 128).astype(np.uint8).tobytes(), bits=8),
        a_wav(sixteen(tone(rate=96_000)), rate=96_000),
        a_wav(sixteen(tone(rate=192_000)), rate=192_000),
        a_wav(sixteen(np.repeat(tone(), 8)), channels=8),
        a_wav(b"".join(int(v * 8_388_607).to_bytes(3, "little", signed=True) for v in tone()), bits=24),
        a_wav(floats(), bits=32, kind=FLOAT),
        a_wav(bytes(range(256)) * 32, bits=8, kind=MU_LAW),
        a_wav(sixteen(tone()), said=0xFFFF_FFFF),
    ],
    ids=["8 bits", "96 kHz", "192 kHz", "8 channels", "24 bits", "floating point", "mu-law", "claims 4 GB"],
)
def test_sound_in_any_usual_form_is_taken_at_its_true_length(audio: bytes) -> None:
    assert read_sound(audio).duration.total_seconds() == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize(
    ("audio", "why"),
    [
        (a_wav(sixteen(tone(0.02)), rate=1), "samples a second"),
        (a_wav(sixteen(tone()), rate=50), "samples a second"),
        (a_wav(sixteen(tone()), rate=2_000_000), "samples a second"),
        (a_wav(sixteen(tone()), rate=0), "decoded"),
        (a_wav(sixteen(np.repeat(tone(0.5), 255)), channels=255), "decoded"),
        (a_wav(sixteen(tone()), channels=0), "decoded"),
        (a_wav(floats(np.nan), bits=32, kind=FLOAT), "far beyond full scale"),
        (a_wav(floats(np.inf), bits=32, kind=FLOAT), "far beyond full scale"),
        (a_wav(floats(1e30), bits=32, kind=FLOAT), "far beyond full scale"),
        (a_wav(b""), "no sound"),
        (b"RIFF" + bytes(4) + b"WAVE" + b"MZ" * 5_000, "decoded"),
    ],
    ids=[
        "1 Hz", "50 Hz", "2 MHz", "0 Hz", "255 channels", "no channel", "no number", "infinite", "huge", "nothing",
        "a program",
    ],
)  # fmt: skip
def test_what_nobody_could_play_is_refused_and_said_why(audio: bytes, why: str) -> None:
    with pytest.raises(PromptUnreadable, match=why):
        read_sound(audio)


def test_a_file_of_one_constant_value_is_silent_however_great_it_is() -> None:
    with pytest.raises(PromptSilent):
        read_sound(a_wav(sixteen(np.full(8_000, 0.5))))


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_file_is_taken_or_refused_and_nothing_else(seed: int) -> None:
    chance: Any = np.random.default_rng(seed)
    audio = bytearray(a_wav(sixteen(tone(0.3))))
    for at in chance.integers(4, 80, size=6):
        audio[at] = chance.integers(256)
    try:
        assert read_sound(bytes(audio)).duration.total_seconds() < 301
    except (PromptUnreadable, PromptSilent, PromptTooShort) as refused:
        assert str(refused)


def encoded(container_format: str, codec: str, **options: str) -> bytes:
    """Three seconds of a tone, as a usual encoder writes it."""
    file = io.BytesIO()
    with av.open(file, "w", format=container_format) as container:
        stream: Any = container.add_stream(codec, rate=48_000, options=options)
        stream.layout = "mono"
        for block in np.split(tone(3.0, 48_000), 150):
            frame = av.AudioFrame.from_ndarray(block.astype(np.float32).reshape(1, -1), format="flt", layout="mono")
            frame.sample_rate = 48_000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize(
    ("container_format", "codec", "options"),
    [
        ("wav", "pcm_s16le", {}), ("ogg", "libopus", {}), 
        ("mp3", "libmp3lame", {}), ("mp3", "libmp3lame", {"q": "4"}),
    ],
)  # fmt: skip
def test_upload_that_broke_off_is_refused_wherever_it_is_cut(
    container_format: str, codec: str, options: dict[str, str]
) -> None:
    whole = encoded(container_format, codec, **options)
    assert read_sound(whole).duration.total_seconds() == pytest.approx(3.0, abs=0.1)
    for share in (0.35, 0.5, 0.75, 0.95):
        with pytest.raises(PromptUnreadable, match="end of the file is missing"):
            read_sound(whole[: int(len(whole) * share)])

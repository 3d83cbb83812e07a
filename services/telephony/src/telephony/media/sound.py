"""Sound as numpy arrays, and Opus from it: what the speech worker process does all day.

Mono float32 in -1..1 at 48 kHz throughout. Never imported by the process that forwards packets.
"""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
from av.error import FFmpegError
from kernel.sounds import only_sound, sound_format
from numpy.typing import NDArray

RATE = 48_000
FRAME = 960
MAX_SECONDS = 600
_HIGHEST_SAMPLE = 16.0
Samples = NDArray[np.float32]


def encode(samples: Samples, bit_rate: int = 24_000, application: str = "voip") -> list[bytes]:
    """Opus packets of 20 ms each; the last one is padded with silence."""
    codec = av.CodecContext.create("libopus", "w")
    codec.bit_rate = bit_rate
    codec.format = "s16"
    codec.layout = "mono"
    codec.sample_rate = RATE
    codec.time_base = Fraction(1, RATE)
    codec.options = {"application": application, "frame_duration": "20", "vbr": "on"}
    padded = np.concatenate([samples, np.zeros(-len(samples) % FRAME, np.float32)])
    pcm = (np.clip(padded, -1, 1) * 32767).astype(np.int16)
    packets: list[bytes] = []
    for start in range(0, len(pcm), FRAME):
        frame = av.AudioFrame.from_ndarray(pcm[start : start + FRAME].reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.pts = start
        packets += [bytes(packet) for packet in codec.encode(frame)]
    packets += [bytes(packet) for packet in codec.encode(None)]
    return packets


def decode_file(data: bytes) -> Samples:
    """The sound of an uploaded wav, mp3 or ogg file; ValueError when there is none in it."""
    container_format = sound_format(data)
    if container_format is None:
        raise ValueError("not wav, mp3 or ogg")
    pieces: list[Samples] = []
    total = 0
    try:
        with av.open(io.BytesIO(only_sound(data, container_format)), "r", format=container_format) as container:
            if not container.streams.audio:
                raise ValueError("no audio stream")
            resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
            for frame in container.decode(container.streams.audio[0]):
                for piece in resampler.resample(frame):
                    heard = piece.to_ndarray().reshape(-1).astype(np.float32)
                    if not np.all(np.abs(heard) <= _HIGHEST_SAMPLE):
                        raise ValueError("samples far beyond full scale, or no numbers")
                    pieces.append(heard)
                    total += len(pieces[-1])
                if total > MAX_SECONDS * RATE:
                    raise ValueError("longer than ten minutes")
    except (FFmpegError, OSError) as error:
        raise ValueError("not an audio file we can read") from error
    if not total:
        raise ValueError("no audio in it")
    return np.concatenate(pieces)


def resample(pcm: NDArray[np.int16], rate: int) -> Samples:
    """16-bit mono at `rate` to 48 kHz."""
    if not len(pcm):
        return np.zeros(0, np.float32)
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = rate
    out = [*resampler.resample(frame), *resampler.resample(None)]
    return np.concatenate([piece.to_ndarray().reshape(-1) for piece in out]).astype(np.float32)


def level(samples: Samples, target_db: float) -> Samples:
    """Scaled so that the loud part's RMS meets `target_db`, never clipping."""
    loud = samples[np.abs(samples) > 0.01]
    if not len(loud):
        return samples
    rms = float(np.sqrt(np.mean(loud.astype(np.float64) ** 2)))
    peak = float(np.max(np.abs(samples)))
    return (samples * min(10 ** (target_db / 20) / rms, 0.95 / peak)).astype(np.float32)


def message_beep() -> Samples:
    """1,000 Hz for 0.4 s: speak after it."""
    time = np.arange(int(0.4 * RATE)) / RATE
    edge = np.minimum(1, np.minimum(time, time[-1] - time) / 0.01)
    return (0.12 * np.sin(2 * np.pi * 1_000 * time) * edge).astype(np.float32)


def zip_tone() -> Samples:
    """1,400 Hz for 0.15 s: a call comes now, by itself."""
    time = np.arange(int(0.15 * RATE)) / RATE
    edge = np.minimum(1, np.minimum(time, time[-1] - time) / 0.01)
    return (0.12 * np.sin(2 * np.pi * 1_400 * time) * edge).astype(np.float32)


def ringback() -> Samples:
    """425 Hz, 1 s on and 4 s off (ITU-T E.180 supplement 2, most of Europe)."""
    time = np.arange(RATE) / RATE
    tone = 0.12 * np.sin(2 * np.pi * 425 * time)
    edge = np.minimum(1, np.minimum(time, 1 - time) / 0.02)
    return np.concatenate([tone * edge, np.zeros(4 * RATE)]).astype(np.float32)


def recording_beep() -> Samples:
    """1,400 Hz for 0.2 s: what tells the parties that they are recorded (47 CFR 64.501: 1,260 to 1,540 Hz)."""
    time = np.arange(RATE // 5) / RATE
    edge = np.minimum(1, np.minimum(time, 0.2 - time) / 0.005)
    return (0.1 * edge * np.sin(2 * np.pi * 1400 * time)).astype(np.float32)


def quiet() -> Samples:
    """4 s of the faint noise of a line (-64 dBFS, less and less of it above 1 kHz): silence nobody takes for a dead
    line.
    """
    length = 4 * RATE
    spectrum = np.fft.rfft(np.random.default_rng(4).normal(0, 1, length))
    frequency = np.fft.rfftfreq(length, 1 / RATE)
    noise = np.fft.irfft(spectrum * (frequency > 100) / (1 + (frequency / 1000) ** 2), length)
    return (10 ** (-64 / 20) * noise / np.sqrt(np.mean(noise**2))).astype(np.float32)


def faded(samples: Samples, seconds_in: float = 0.4, seconds_out: float = 1.0) -> Samples:
    """Rising from silence at its start and sinking into it at its end, so that music has no seam where it repeats."""
    out = samples.copy()
    rise, fall = (min(int(seconds * RATE), len(out) // 2) for seconds in (seconds_in, seconds_out))
    out[:rise] *= np.sin(np.linspace(0, np.pi / 2, rise, dtype=np.float32)) ** 2
    out[len(out) - fall :] *= np.cos(np.linspace(0, np.pi / 2, fall, dtype=np.float32)) ** 2
    return out


_CHORDS = ((220.0, 261.63, 329.63), (174.61, 220.0, 261.63), (130.81, 196.0, 329.63), (196.0, 246.94, 293.66))
_STEPS = (0, 2, 1, 2, 0, 2, 1, 2)


def hold_music() -> Samples:
    """Our own quiet loop of 32 s: four chords as plucked arpeggios over a soft pad; it ends as it began,
    silent.
    """
    beat = 0.5
    bar = beat * len(_STEPS) / 2
    length = int(len(_CHORDS) * bar * 4 * RATE)
    out = np.zeros(length + 2 * RATE)
    for index in range(len(_CHORDS) * 4):
        chord = _CHORDS[index % len(_CHORDS)]
        start = int(index * bar * RATE)
        _add(out, start, _pad(chord, bar))
        for step, note in enumerate(_STEPS):
            octave = 2.0 if index // len(_CHORDS) % 2 == 0 else 4.0
            _add(out, start + int(step * beat / 2 * RATE), 0.18 * _pluck(chord[note] * octave))
    # The last notes ring into the beginning, so the loop has no seam.
    out[: 2 * RATE] += out[length:]
    return level(out[:length].astype(np.float32), -27)


def _pluck(frequency: float) -> NDArray[np.float64]:
    time = np.arange(int(1.2 * RATE)) / RATE
    envelope = np.exp(-4 * time) * np.minimum(1, time / 0.008)
    return envelope * (
        np.sin(2 * np.pi * frequency * time) + 0.25 * np.sin(4 * np.pi * frequency * time) * np.exp(-3 * time)
    )


def _pad(chord: tuple[float, ...], seconds: float) -> NDArray[np.float64]:
    time = np.arange(int(seconds * RATE)) / RATE
    edge = np.minimum(1, np.minimum(time, seconds - time) / 0.3)
    tones = [np.sin(2 * np.pi * f * time) + np.sin(2 * np.pi * f * 1.003 * time) for f in chord]
    return 0.03 * edge * np.sum(tones, axis=0)


def _add(out: NDArray[np.float64], start: int, sound: NDArray[np.float64]) -> None:
    end = min(len(out), start + len(sound))
    out[start:end] += sound[: end - start]

"""The sounds that calls are made of which nobody speaks: tones, beeps, music, noises, and the line they come over."""

from __future__ import annotations

import random

import numpy as np
from amd_families import Family
from numpy.typing import NDArray
from telephony.media.codecs import PCMU, OpusDecoder, OpusEncoder, g711_decode, g711_encode

RATE = 8_000
FRAME = 160
Sound = NDArray[np.float64]
BUSY = (
    ((425,), 0.5, 0.5), ((480, 620), 0.5, 0.5), ((425,), 0.25, 0.25), ((400,), 0.375, 0.375),
    ((480, 620), 0.25, 0.25), ((450,), 0.35, 0.35),
)  # fmt: skip
"""ITU-T E.180: pitches, seconds on, seconds off."""


def silence(seconds: float) -> Sound:
    return np.zeros(int(seconds * RATE))


def tone(pitches: tuple[float, ...], seconds: float, edge: float = 0.004) -> Sound:
    """Sines of equal strength, 0.1 RMS together."""
    time = np.arange(int(seconds * RATE)) / RATE
    wave = np.sum([np.sin(2 * np.pi * pitch * time) for pitch in pitches], axis=0)
    return 0.1 * np.sqrt(2 / len(pitches)) * wave * np.minimum(1, np.minimum(time, time[-1] - time) / edge)


def beep(family: Family, chance: random.Random) -> Sound:
    """One of the beeps that machines make: a sine, two together, two in a row; loud or soft, sharp or swelling."""
    pitch = chance.choice(family.beeps) * chance.uniform(0.98, 1.02)
    strength = 10 ** (chance.uniform(-10, 6) / 20)
    seconds, edge = chance.uniform(*family.beep_seconds), chance.choice([0.002, 0.01, 0.03])
    kind = chance.choice(["one", "one", "one", "pair", "twice"])
    if kind == "pair":
        return strength * tone((pitch, pitch * chance.choice([1.2, 1.26, 1.33, 1.5])), seconds, edge)
    if kind == "twice":
        one = tone((pitch,), chance.uniform(0.12, 0.3), edge)
        return strength * np.concatenate([one, silence(chance.uniform(0.08, 0.2)), one])
    return strength * tone((pitch,), seconds, edge)


def music(family: Family, seconds: float, chance: random.Random) -> Sound:
    """Plucked chords with a beat: what a switchboard plays, or what a customer has in place of a ringing tone."""
    out = np.zeros(int((seconds + 1.5) * RATE))
    time = np.arange(int(1.2 * RATE)) / RATE
    for step in range(int(seconds / family.beat) + 1):
        root = chance.choice(family.roots)
        for ratio in (1.0, 1.25, 1.5):
            note = np.exp(-family.decay * time) * sum(
                np.sin(2 * np.pi * root * ratio * k * time) / k for k in (1, 2, 3, 4)
            )
            start = int(step * family.beat * RATE)
            out[start : start + len(note)] += note[: len(out) - start]
    out = out[: int(seconds * RATE)]
    return out * 0.1 / np.sqrt(np.mean(out**2))


def handling(chance: random.Random, noise: np.random.Generator) -> Sound:
    """A receiver that is taken up: a thump or two of dull noise, some hundredths of a second each."""
    thumps: list[Sound] = []
    for _ in range(chance.choice([1, 1, 2])):
        length = int(chance.uniform(0.03, 0.09) * RATE)
        dull = np.convolve(noise.standard_normal(length), np.ones(6) / 6, "same")
        thumps += [chance.uniform(0.04, 0.12) * dull * np.exp(-4 * np.arange(length) / length), silence(0.06)]
    return np.concatenate(thumps)


def coloured(kind: str, length: int, noise: np.random.Generator) -> Sound:
    """Noise of 1 RMS: white, pink (3 dB an octave less), brown (6 dB), or a mains hum over pink noise."""
    spectrum = np.fft.rfft(noise.standard_normal(length))
    bins = np.maximum(np.arange(len(spectrum)), length * 60 // RATE)
    spectrum /= {"white": 1.0, "pink": np.sqrt(bins), "hum": np.sqrt(bins), "brown": bins}[kind]
    made = np.fft.irfft(spectrum, length)
    made /= np.sqrt(np.mean(made**2))
    if kind == "hum":
        time = np.arange(length) / RATE
        made += 1.5 * sum(np.sin(2 * np.pi * 50 * k * time) / k for k in (1, 3, 5, 7, 9))
        made /= np.sqrt(np.mean(made**2))
    return made


def echoed(sound: Sound, family: Family, chance: random.Random) -> Sound:
    """With the line's echo of it, and the echo of the echo."""
    after = int(chance.uniform(*family.echo_after) * RATE)
    strength = 10 ** (chance.uniform(*family.echo_level) / 20)
    out = sound.copy()
    out[after:] += strength * sound[:-after]
    out[2 * after :] += strength**2 * sound[: -2 * after]
    return out


def comforted(sound: Sound, clean: Sound, level_db: float, noise: np.random.Generator) -> Sound:
    """A line that sends nothing while its party is silent, and makes a noise of its own instead."""
    frames = np.abs(clean[: len(clean) // FRAME * FRAME]).reshape(-1, FRAME).max(axis=1) > 0.003
    held = np.convolve(frames, np.ones(6))[: len(frames)] > 0
    keep = np.append(np.repeat(held, FRAME), np.zeros(len(sound) - len(held) * FRAME, bool))
    return np.where(keep, sound, 10 ** (level_db / 20) * noise.standard_normal(len(sound)))


def telephone(sound: Sound, family: Family, chance: random.Random, noise: np.random.Generator) -> NDArray[np.int16]:
    """300-3400 Hz, mu-law, Opus, and losses in bursts that one or the other conceals: what a tap is decoded to."""
    spectrum = np.fft.rfft(sound)
    pitch = np.fft.rfftfreq(len(sound), 1 / RATE)
    spectrum *= 1 / (1 + (300 / np.maximum(pitch, 1)) ** 8) / (1 + (pitch / 3500) ** 24)
    narrow = np.fft.irfft(spectrum, len(sound))
    pcm = (np.clip(narrow, -1, 1) * 32767).astype(np.int16)
    pcm = g711_decode(PCMU, g711_encode(PCMU, pcm))
    pcm = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME)
    loss = chance.choice(family.losses)
    if chance.random() < 0.3 and not loss:  # a carrier's leg that nobody lost anything of and that speaks G.711
        return pcm.reshape(-1)
    lost = _lost(len(pcm), loss, family.burst, noise)
    if chance.random() < 0.5:
        pcm, lost = _repeated(pcm, lost), np.zeros(len(pcm), bool)
    encoder, decoder = OpusEncoder(RATE, 5, 24_000), OpusDecoder(RATE)
    frames: list[NDArray[np.int16]] = []
    for frame, gone in zip(pcm, lost, strict=True):
        packet = encoder.encode(np.ascontiguousarray(frame))
        frames.append((decoder.conceal() if gone else decoder.decode(packet)).copy())
    return np.concatenate(frames)


def _lost(count: int, share: float, burst: float, noise: np.random.Generator) -> NDArray[np.bool_]:
    """Which packets are lost: a chain of two states (Gilbert 1960)."""
    out, gone = np.zeros(count, bool), False
    for index in range(count):
        gone = noise.random() < (1 - 1 / burst if gone else share / burst)
        out[index] = gone
    return out


def _repeated(pcm: NDArray[np.int16], lost: NDArray[np.bool_]) -> NDArray[np.int16]:
    """Lost packets of G.711 replaced by the last one, fainter each time (as ITU-T G.711 I does, more simply)."""
    out = pcm.copy()
    for index in np.flatnonzero(lost):
        if index:
            out[index] = out[index - 1] * 0.7
    return out

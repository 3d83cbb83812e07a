"""Sounds that somebody who answers makes, at 8 kHz: something like speech, tones, noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 8_000
Sound = NDArray[np.float64]


def talk(seconds: float, seed: int = 1, pitch: float = 140.0, rms: float = 0.1) -> Sound:
    """Syllables of a gliding, harmonic voice, five a second, with no pause longer than 60 ms."""
    chance = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    glide = pitch * (1 + 0.15 * np.sin(2 * np.pi * 0.9 * time + chance.random() * 6))
    phase = 2 * np.pi * np.cumsum(glide) / RATE
    formant = 500 + 250 * np.sin(2 * np.pi * 1.7 * time)
    voice = np.sum([np.sin(k * phase) / (1 + ((k * glide - formant) / 400) ** 2) for k in range(1, 20)], axis=0)
    voice *= 0.25 + 0.75 * np.abs(np.sin(2 * np.pi * 2.5 * time)) + 0.05 * chance.standard_normal(len(time))
    return voice * rms / np.sqrt(np.mean(voice**2))


def tone(*pitches: float, seconds: float, rms: float = 0.1) -> Sound:
    """Sines together, with edges of 4 ms."""
    time = np.arange(int(seconds * RATE)) / RATE
    wave = np.sum([np.sin(2 * np.pi * pitch * time) for pitch in pitches], axis=0)
    return rms * np.sqrt(2 / len(pitches)) * wave * np.minimum(1, np.minimum(time, time[-1] - time) / 0.004)


def gusts(seconds: float, rms: float = 0.1, seed: int = 5) -> Sound:
    """Noise of all pitches that swells and falls as often as syllables do, five times a second: no voice in it."""
    time = np.arange(int(seconds * RATE)) / RATE
    noise = np.random.default_rng(seed).standard_normal(len(time)) * (0.15 + 0.85 * np.abs(np.sin(5 * np.pi * time)))
    return noise * rms / np.sqrt(np.mean(noise**2))


def knocks(seconds: float, rms: float = 0.1, seed: int = 5) -> Sound:
    """Four a second, each dies away within a fifth of one: a hammer, steps, a drawer of cutlery."""
    chance = np.random.default_rng(seed)
    out = np.zeros(int(seconds * RATE))
    for at in np.arange(0, seconds, 0.25):
        start = int((at + chance.uniform(0, 0.08)) * RATE)
        knock = (chance.standard_normal(1_600) * np.exp(-np.arange(1_600) / 320))[: len(out) - start]
        out[start : start + len(knock)] += knock
    return out * rms / np.sqrt(np.mean(out**2))


def quiet(seconds: float) -> Sound:
    return np.zeros(int(seconds * RATE))


def line(*parts: Sound, noise_db: float = -62.0, seed: int = 7) -> NDArray[np.int16]:
    """All of it in a row on a line with white noise, as samples; whole frames of 20 ms."""
    sound = np.concatenate(parts)
    sound = sound[: len(sound) // 160 * 160]
    noise = 10 ** (noise_db / 20) * np.random.default_rng(seed).standard_normal(len(sound))
    return (np.clip(sound + noise, -1, 1) * 32_767).astype(np.int16)

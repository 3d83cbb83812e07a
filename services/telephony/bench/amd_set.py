"""The labelled calls that answering-machine detection is measured with: espeak-ng voices, tones, telephone noise.

Made from one seed, always the same. A sample is told by a `Plan`; `render` makes its sound as the detector would get
it. The two halves share no sentence and no voice, so that what was tuned on one is measured on the other.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from amd_texts import ANNOUNCEMENTS, HUMAN_LONG, HUMAN_NAMES, HUMAN_SHORT, MACHINE_LONG, MACHINE_OPENINGS, MACHINE_SHORT
from numpy.typing import NDArray
from telephony.media.codecs import PCMU, OpusDecoder, OpusEncoder, g711_decode, g711_encode
from telephony.media.espeak import Espeak

RATE = 8_000
Sound = NDArray[np.float64]
VOICES = (("m1", "m3", "m5", "m7", "f1", "f3"), ("m2", "m4", "m6", "f2", "f4", "f5"))
"""Of the half that is tuned on, and of the half that is held out."""
LANGUAGES = ("en", "tr", "az", "fa")
HUMANS = {"short": 92, "names": 60, "delayed": 24, "twice": 20, "noisy room": 30, "long": 14}
MACHINES = {
    "long": 62, "long, no beep yet": 16, "short": 36, "pauses": 30, "music first": 14, "only a beep": 10,
    "announcement": 16,
}  # fmt: skip
OTHERS = {"cng": 12, "ced": 12, "sit": 12, "busy": 14, "nothing": 10}


_BUSY = (
    ((425,), 0.5, 0.5), ((480, 620), 0.5, 0.5), ((425,), 0.25, 0.25), ((400,), 0.375, 0.375),
    ((480, 620), 0.25, 0.25), ((450,), 0.35, 0.35),
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """One call to be made: who answers, and what the line does to it."""

    number: int
    held_out: bool
    label: str
    """human, machine, fax, disconnected, unknown."""
    kind: str


@dataclass(frozen=True)
class Sample:
    """A call's sound from its answer on."""

    plan: Plan
    pcm: NDArray[np.int16]
    """8 kHz, mono, whole frames of 20 ms."""
    first_sound: float
    """Seconds from the answer to the first sound of the other end."""
    beep_end: float | None
    """Seconds from the answer to the end of the last beep; None when there is none."""


def plans() -> list[Plan]:
    """All calls, both halves, in a fixed order."""
    kinds = [
        (label, kind, count)
        for label, group in (("human", HUMANS), ("machine", MACHINES))
        for kind, count in group.items()
    ]
    of_others = {"cng": "fax", "ced": "fax", "sit": "disconnected", "busy": "disconnected", "nothing": "unknown"}
    kinds += [(of_others[kind], kind, count) for kind, count in OTHERS.items()]
    flat = [(label, kind, index % 2 == 1) for label, kind, count in kinds for index in range(count)]
    return [Plan(number, held_out, label, kind) for number, (label, kind, held_out) in enumerate(flat)]


class Studio:
    """Makes samples. One per process: the synthesizer's state is global."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._espeak = Espeak()
        self._spoken: dict[tuple[str, str, str, int, int], Sound] = {}
        self._babble: Sound | None = None

    def render(self, plan: Plan) -> Sample:
        """The sound of one call, the same whenever it is made."""
        chance = random.Random(f"{self._seed}/{plan.number}")
        noise = np.random.default_rng([self._seed, plan.number])
        sound, beep_end = _SCENES[plan.label](self, plan, chance)
        first = np.flatnonzero(np.abs(sound) > 0.01)
        sound = np.concatenate([sound, np.zeros(int(2.5 * RATE))])
        level = 10 ** (chance.uniform(-30, -16) / 20)
        sound = self._noisy(sound * level / 0.1, level, plan, chance, noise)
        pcm = telephone(sound, chance, noise)
        return Sample(plan, pcm, float(first[0]) / RATE if len(first) else 0.0, beep_end)

    # -- who answers ---------------------------------------------------------------------------------------

    def human(self, plan: Plan, chance: random.Random) -> tuple[Sound, float | None]:
        speak = self._speaker(plan, chance)
        wait = chance.uniform(0.1, 0.7)
        pieces: list[Sound] = []
        match plan.kind:
            case "names":
                pieces = [speak(HUMAN_NAMES)]
            case "long":
                pieces = [speak(HUMAN_LONG)]
            case "delayed":
                wait = chance.uniform(0.8, 2.4)
                pieces = [speak(HUMAN_SHORT)]
            case "twice":
                again = speak(HUMAN_SHORT)
                pieces = [again, silence(chance.uniform(0.3, 1.4)), again]
            case "noisy room":
                pieces = [speak(HUMAN_SHORT if chance.random() < 0.6 else HUMAN_NAMES)]
            case _:
                pieces = [speak(HUMAN_SHORT)]
        return np.concatenate([silence(wait), *pieces]), None

    def machine(self, plan: Plan, chance: random.Random) -> tuple[Sound, float | None]:
        speak = self._speaker(plan, chance)
        wait = chance.uniform(0.05, 0.9)
        beeps = True
        match plan.kind:
            case "long, no beep yet":
                pieces, beeps = [speak(MACHINE_LONG)], False
            case "short":
                pieces = [speak(MACHINE_SHORT)]
            case "pauses":
                pieces = [speak(MACHINE_OPENINGS), silence(chance.uniform(0.2, 0.65)), speak(MACHINE_LONG)]
            case "music first":
                wait = chance.uniform(0.05, 0.3)
                pieces = [music(chance.uniform(2.0, 5.0), chance), silence(0.3), speak(MACHINE_LONG)]
            case "only a beep":
                pieces = []
            case "announcement":
                pieces, beeps = [speak(ANNOUNCEMENTS)], False
            case _:
                pieces = [speak(MACHINE_LONG)]
        before = np.concatenate([silence(wait), *pieces])
        if not beeps:
            return before, None
        before = np.concatenate([before, silence(chance.uniform(0.15, 1.2))])
        whole = np.concatenate([before, beep(chance)])
        return whole, len(whole) / RATE

    def fax(self, plan: Plan, chance: random.Random) -> tuple[Sound, float | None]:
        wait = silence(chance.uniform(0.1, 1.5))
        if plan.kind == "cng":
            one = np.concatenate([tone((1100 + chance.uniform(-30, 30),), 0.5 * chance.uniform(0.9, 1.1)), silence(3)])
            return np.concatenate([wait, one, one]), None
        answer = tone((2100 + chance.uniform(-12, 12),), chance.uniform(2.6, 3.6))
        if chance.random() < 0.5:  # echo cancellers are told off by a turn of the phase every 450 ms (ITU-T V.8)
            answer *= np.where(np.arange(len(answer)) // int(0.45 * RATE) % 2, -1, 1)
        return np.concatenate([wait, answer]), None

    def disconnected(self, plan: Plan, chance: random.Random) -> tuple[Sound, float | None]:
        wait = silence(chance.uniform(0.1, 0.8))
        if plan.kind == "sit":
            # ITU-T E.180: 950, 1400, 1800 Hz, 330 ms each, gaps up to 30 ms; North America varies tone and length.
            low, middle = chance.choice([(950, 1400), (913.8, 1370.6), (985.2, 1428.5), (913.8, 1428.5)])
            lengths = [chance.choice([0.276, 0.33, 0.38]) for _ in range(3)]
            gap = silence(chance.choice([0, 0.01, 0.03]))
            parts = [tone((low,), lengths[0]), gap, tone((middle,), lengths[1]), gap, tone((1776.7,), lengths[2])]
            return np.concatenate([wait, *parts, silence(0.5), self._speaker(plan, chance)(ANNOUNCEMENTS)]), None
        pitch, on, off = chance.choice(_BUSY)
        return np.concatenate([wait, *[np.concatenate([tone(pitch, on), silence(off)]) for _ in range(8)]]), None

    def unknown(self, plan: Plan, chance: random.Random) -> tuple[Sound, float | None]:
        return silence(6.0), None

    # -- their voices and their rooms ------------------------------------------------------------------------

    def _speaker(self, plan: Plan, chance: random.Random) -> Callable[[dict[str, tuple[str, ...]]], Sound]:
        language = chance.choice(LANGUAGES)
        variant = chance.choice(VOICES[plan.held_out])
        rate, pitch = chance.randrange(135, 196, 15), chance.randrange(30, 71, 10)

        def speak(texts: dict[str, tuple[str, ...]]) -> Sound:
            text = chance.choice(texts[language][1 if plan.held_out else 0 :: 2])
            return self.say(text, language, variant, rate, pitch)

        return speak

    def say(self, text: str, language: str, variant: str, rate: int, pitch: int) -> Sound:
        """Speech at 8 kHz without the silence around it, its loud part at 0.1 RMS."""
        key = (text, language, variant, rate, pitch)
        if key not in self._spoken:
            pcm = self._espeak.speak(text, language, variant=variant, words_per_minute=rate, pitch=pitch)
            sound = _to_8k(pcm.astype(np.float64) / 32768, self._espeak.rate)
            loud = np.flatnonzero(np.abs(sound) > 0.01)
            sound = sound[loud[0] : loud[-1] + 1]
            self._spoken[key] = sound * 0.1 / np.sqrt(np.mean(sound[np.abs(sound) > 0.01] ** 2))
        return self._spoken[key]

    def babble(self, length: int, at: int) -> Sound:
        """Six people talking at once, from a loop of half a minute, at 1 RMS."""
        made = self._babble
        if made is None:
            chance = random.Random(f"{self._seed}/babble")
            crowd = np.zeros(30 * RATE)
            for person in range(6):
                language = LANGUAGES[person % 4]
                voice, rate, pitch = chance.choice(VOICES[person % 2]), chance.randrange(130, 190), 30 + 8 * person
                position = chance.randrange(RATE)
                while position < len(crowd):
                    text = chance.choice(MACHINE_LONG[language])
                    sound = self.say(text, language, voice, rate, pitch)[: len(crowd) - position]
                    crowd[position : position + len(sound)] += sound
                    position += len(sound) + chance.randrange(100, RATE // 2)
            made = self._babble = crowd / np.sqrt(np.mean(crowd**2))
        return np.take(made, np.arange(at, at + length), mode="wrap")

    def _noisy(
        self, sound: Sound, level: float, plan: Plan, chance: random.Random, noise: np.random.Generator
    ) -> Sound:
        kind = chance.choice(["none", "white", "pink", "babble"])
        ratio = chance.choice([30, 25, 20, 15, 10])
        if plan.kind == "noisy room":
            kind, ratio = chance.choice(["pink", "babble", "babble"]), chance.choice([12, 10, 8, 5])
        if kind == "none":
            return sound + 10 ** (-62 / 20) * noise.standard_normal(len(sound))
        made = {
            "white": lambda: noise.standard_normal(len(sound)),
            "pink": lambda: pink(len(sound), noise),
            "babble": lambda: self.babble(len(sound), chance.randrange(30 * RATE)),
        }[kind]()
        return sound + level * 10 ** (-ratio / 20) * made


_SCENES: dict[str, Callable[[Studio, Plan, random.Random], tuple[Sound, float | None]]] = {
    "human": Studio.human,
    "machine": Studio.machine,
    "fax": Studio.fax,
    "disconnected": Studio.disconnected,
    "unknown": Studio.unknown,
}


# -- sounds ------------------------------------------------------------------------------------------------------


def silence(seconds: float) -> Sound:
    return np.zeros(int(seconds * RATE))


def tone(pitches: tuple[float, ...], seconds: float, edge: float = 0.004) -> Sound:
    """Sines of equal strength, 0.1 RMS together."""
    time = np.arange(int(seconds * RATE)) / RATE
    wave = np.sum([np.sin(2 * np.pi * pitch * time) for pitch in pitches], axis=0)
    return 0.1 * np.sqrt(2 / len(pitches)) * wave * np.minimum(1, np.minimum(time, time[-1] - time) / edge)


def beep(chance: random.Random) -> Sound:
    """One of the beeps that machines make: a sine, two together, two in a row; loud or soft, sharp or swelling."""
    pitch = chance.choice([440, 500, 620, 800, 850, 950, 1000, 1000, 1400, 1750, 1850]) * chance.uniform(0.98, 1.02)
    strength = 10 ** (chance.uniform(-10, 6) / 20)
    seconds, edge = chance.uniform(0.15, 1.0), chance.choice([0.002, 0.01, 0.03])
    kind = chance.choice(["one", "one", "one", "pair", "twice"])
    if kind == "pair":
        return strength * tone((pitch, pitch * chance.choice([1.2, 1.26, 1.33, 1.5])), seconds, edge)
    if kind == "twice":
        one = tone((pitch,), chance.uniform(0.12, 0.3), edge)
        return strength * np.concatenate([one, silence(chance.uniform(0.08, 0.2)), one])
    return strength * tone((pitch,), seconds, edge)


def music(seconds: float, chance: random.Random) -> Sound:
    """Plucked chords with a beat: what a switchboard plays before a machine takes the call."""
    out = np.zeros(int((seconds + 1.5) * RATE))
    time = np.arange(int(1.2 * RATE)) / RATE
    for step in range(int(seconds / 0.25)):
        root = chance.choice([196.0, 220.0, 261.6, 293.7, 329.6])
        for ratio in (1.0, 1.25, 1.5):
            note = np.exp(-3 * time) * sum(np.sin(2 * np.pi * root * ratio * k * time) / k for k in (1, 2, 3, 4))
            start = int(step * 0.25 * RATE)
            out[start : start + len(note)] += note
    out = out[: int(seconds * RATE)]
    return out * 0.1 / np.sqrt(np.mean(out**2))


def pink(length: int, noise: np.random.Generator) -> Sound:
    """Noise that falls 3 dB an octave, 1 RMS."""
    spectrum = np.fft.rfft(noise.standard_normal(length))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    made = np.fft.irfft(spectrum, length)
    return made / np.sqrt(np.mean(made**2))


def _to_8k(sound: Sound, rate: int) -> Sound:
    length = int(len(sound) * RATE / rate)
    return np.fft.irfft(np.fft.rfft(sound)[: length // 2 + 1], length) * RATE / rate


# -- the line ----------------------------------------------------------------------------------------------------


def telephone(sound: Sound, chance: random.Random, noise: np.random.Generator) -> NDArray[np.int16]:
    """300-3400 Hz, mu-law, and Opus with its losses concealed: what a leg's tap would be decoded to."""
    spectrum = np.fft.rfft(sound)
    pitch = np.fft.rfftfreq(len(sound), 1 / RATE)
    spectrum *= 1 / (1 + (300 / np.maximum(pitch, 1)) ** 8) / (1 + (pitch / 3500) ** 24)
    narrow = np.fft.irfft(spectrum, len(sound))
    pcm = (np.clip(narrow, -1, 1) * 32767).astype(np.int16)
    pcm = g711_decode(PCMU, g711_encode(PCMU, pcm))
    pcm = pcm[: len(pcm) // 160 * 160].reshape(-1, 160)
    loss = chance.choice([0, 0, 0, 0.01, 0.03, 0.05])
    if chance.random() < 0.3 and not loss:  # a carrier's leg that nobody lost anything of and that speaks G.711
        return pcm.reshape(-1)
    encoder, decoder = OpusEncoder(RATE, 5, 24_000), OpusDecoder(RATE)
    frames = []
    for frame in pcm:
        packet = encoder.encode(np.ascontiguousarray(frame))
        heard = decoder.conceal() if noise.random() < loss else decoder.decode(packet)
        frames.append(heard.copy())
    return np.concatenate(frames)

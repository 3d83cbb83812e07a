"""The labelled calls that answering-machine detection is measured with: espeak-ng voices, tones, telephone lines.

Made from a family and its seed, always the same. A sample is told by a `Plan`; `Studio.render` makes its sound as the
detector would get it.
"""

from __future__ import annotations

import hashlib
import pickle
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from amd_families import SHARES, Family, Texts
from amd_sounds import (
    BUSY,
    RATE,
    Sound,
    beep,
    coloured,
    comforted,
    echoed,
    handling,
    music,
    silence,
    telephone,
    tone,
)
from numpy.typing import NDArray
from telephony.media.espeak import LANGUAGES, Espeak

CACHE = Path(__file__).parents[3] / ".cache" / "amd"
_OF_OTHERS = {"cng": "fax", "ced": "fax", "sit": "disconnected", "busy": "disconnected", "nothing": "unknown"}
_RINGS, _PLAYS, _ECHOES, _IS_SUPPRESSED, _IS_HANDLED, _IS_TOO_LOUD = 0.08, 0.04, 0.15, 0.2, 0.12, 0.05
"""Share of calls whose line or party does so."""


@dataclass(frozen=True)
class Plan:
    """One call to be made: who answers."""

    number: int
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
    """Seconds from the answer to the first sound of the other end, ringing not counted."""
    beep_end: float | None
    """Seconds from the answer to the end of the last beep; None when there is none."""


@dataclass(frozen=True)
class _Scene:
    wait: float
    sound: Sound
    beeps: bool = False
    """Whether it ends with one."""


def plans(family: Family) -> list[Plan]:
    """All calls in a fixed order."""
    kinds = [
        (label or _OF_OTHERS[kind], kind)
        for label, group in SHARES.items()
        for kind, count in group.items()
        for _ in range(count * family.size)
    ]
    return [Plan(number, label, kind) for number, (label, kind) in enumerate(kinds)]


def recipe(family: Family) -> str:
    """What its calls are made by, in 16 digits."""
    made_by = hashlib.sha256(repr(family).encode())
    for part in ("amd_set.py", "amd_sounds.py", "amd_families.py", "../src/telephony/media/espeak.py"):
        made_by.update((Path(__file__).parent / part).read_bytes())
    return made_by.hexdigest()[:16]


def samples(family: Family) -> list[Sample]:
    """All calls of a family, kept under .cache until the recipe changes."""
    kept = CACHE / f"{family.name.replace(' ', '-')}-{recipe(family)}.pickle"
    if not kept.exists():
        studio = Studio(family)
        made = [studio.render(plan) for plan in plans(family)]
        CACHE.mkdir(parents=True, exist_ok=True)
        unfinished = kept.with_suffix(".new")
        unfinished.write_bytes(pickle.dumps(made))
        unfinished.replace(kept)
    return pickle.loads(kept.read_bytes())


class Studio:
    """Makes samples. One per process: the synthesizer's state is global."""

    def __init__(self, family: Family) -> None:
        self._family = family
        self._espeak = Espeak()
        self._spoken: dict[tuple[str, str, str, int, int], Sound] = {}
        self._babble: Sound | None = None

    def render(self, plan: Plan) -> Sample:
        """The sound of one call, the same whenever it is made."""
        family = self._family
        chance = random.Random(f"{family.seed}/{plan.number}")
        noise = np.random.default_rng([family.seed, plan.number])
        scene = _SCENES[plan.label](self, plan, chance)
        before = self._before(plan, scene.wait, chance, noise)
        clean = np.concatenate([before, scene.sound, silence(2.5)])
        said = (len(before) + len(scene.sound)) / RATE
        if chance.random() < _ECHOES:
            clean = echoed(clean, family, chance)
        level = 10 ** (chance.uniform(*family.levels) / 20)
        sound = self._noisy(clean * level / 0.1, level, plan, chance, noise)
        if chance.random() < _IS_SUPPRESSED:
            sound = comforted(sound, clean, chance.uniform(*family.comfort_noise), noise)
        if chance.random() < _IS_TOO_LOUD:
            sound = np.clip(4 * sound, -6 * level, 6 * level)
        return Sample(
            plan,
            telephone(sound, family, chance, noise),
            len(before) / RATE if len(scene.sound) else 0.0,
            said if scene.beeps else None,
        )

    def _before(self, plan: Plan, wait: float, chance: random.Random, noise: np.random.Generator) -> Sound:
        """What is heard until they speak: mostly nothing, or what is left of the ringing, or a receiver taken up."""
        family, draw, rest = self._family, chance.random(), chance.uniform(*self._family.ringing_rest)
        if plan.kind in ("clipped", "nothing"):
            return silence(wait)
        if draw < _RINGS:
            rung = tone(chance.choice(family.ringing), rest)
            return np.concatenate([rung, silence(max(wait - rest, 0.05))])
        if draw < _RINGS + _PLAYS:
            return np.concatenate([music(family, 2 * rest, chance), silence(max(wait - 2 * rest, 0.05))])
        if draw < _RINGS + _PLAYS + _IS_HANDLED and plan.label == "human" and wait > 0.35:
            taken = handling(chance, noise)
            return np.concatenate([silence(wait - 0.3), taken, silence(max(0.3 - len(taken) / RATE, 0.02))])
        return silence(wait)

    # -- who answers ---------------------------------------------------------------------------------------

    def human(self, plan: Plan, chance: random.Random) -> _Scene:
        family = self._family
        speak = self._speaker(chance, child=plan.kind == "child")
        wait = 0.08 + chance.gammavariate(*family.person_waits)
        match plan.kind:
            case "name":
                return _Scene(wait, speak(family.name_said))
            case "sentence":
                return _Scene(wait, speak(family.sentence))
            case "silent first":
                return _Scene(chance.uniform(*family.silent_first), speak(family.hello))
            case "twice":
                again = speak(family.hello)
                return _Scene(wait, np.concatenate([again, silence(chance.uniform(0.3, 1.4)), again]))
            case "noisy room":
                return _Scene(wait, speak(family.hello if chance.random() < 0.6 else family.name_said))
            case "clipped":
                said = speak(family.hello if chance.random() < 0.6 else family.name_said)
                return _Scene(0.0, self._clipped(said, chance))
            case _:
                return _Scene(wait, speak(family.hello))

    def machine(self, plan: Plan, chance: random.Random) -> _Scene:
        family = self._family
        speak = self._speaker(chance)
        wait = 0.05 + chance.gammavariate(*family.machine_waits)
        beeps = True
        match plan.kind:
            case "greeting, no beep yet":
                pieces, beeps = [speak(family.greeting)], False
            case "short greeting":
                pieces = [speak(family.short_greeting)]
            case "pauses":
                pieces = [speak(family.opening), silence(chance.uniform(*family.pause)), speak(family.greeting)]
            case "music first":
                wait = chance.uniform(0.05, 0.3)
                pieces = [music(family, chance.uniform(2.0, 5.0), chance), silence(0.3), speak(family.greeting)]
            case "only a beep":
                pieces = []
            case "announcement":
                pieces, beeps = [speak(family.announcement)], False
            case "clipped":
                wait, pieces = 0.0, [self._clipped(speak(family.greeting), chance)]
            case _:
                pieces = [speak(family.greeting)]
        if beeps:
            pieces += [silence(chance.uniform(*family.before_beep)), beep(family, chance)]
        return _Scene(wait, np.concatenate(pieces), beeps)

    def fax(self, plan: Plan, chance: random.Random) -> _Scene:
        wait = chance.uniform(0.1, 1.5)
        if plan.kind == "cng":
            one = np.concatenate([tone((1100 + chance.uniform(-30, 30),), 0.5 * chance.uniform(0.9, 1.1)), silence(3)])
            return _Scene(wait, np.concatenate([one, one]))
        answer = tone((2100 + chance.uniform(-12, 12),), chance.uniform(2.6, 3.6))
        if chance.random() < 0.5:  # echo cancellers are told off by a turn of the phase every 450 ms (ITU-T V.8)
            answer *= np.where(np.arange(len(answer)) // int(0.45 * RATE) % 2, -1, 1)
        return _Scene(wait, answer)

    def disconnected(self, plan: Plan, chance: random.Random) -> _Scene:
        wait = chance.uniform(0.1, 0.8)
        if plan.kind == "sit":
            # ITU-T E.180: 950, 1400, 1800 Hz, 330 ms each, gaps up to 30 ms; North America varies tone and length.
            low, middle = chance.choice([(950, 1400), (913.8, 1370.6), (985.2, 1428.5), (913.8, 1428.5)])
            lengths = [chance.choice([0.276, 0.33, 0.38]) for _ in range(3)]
            gap = silence(chance.choice([0, 0.01, 0.03]))
            parts = [tone((low,), lengths[0]), gap, tone((middle,), lengths[1]), gap, tone((1776.7,), lengths[2])]
            said = self._speaker(chance)(self._family.announcement)
            return _Scene(wait, np.concatenate([*parts, silence(0.5), said]))
        pitch, on, off = chance.choice(BUSY)
        return _Scene(wait, np.concatenate([part for _ in range(8) for part in (tone(pitch, on), silence(off))]))

    def unknown(self, plan: Plan, chance: random.Random) -> _Scene:
        return _Scene(6.0, silence(0))

    # -- their voices and their rooms ------------------------------------------------------------------------

    def _speaker(self, chance: random.Random, *, child: bool = False) -> Callable[[Texts], Sound]:
        family = self._family
        language, variant = chance.choice(LANGUAGES), chance.choice(family.voices)
        rate, pitch = chance.choice(family.rates), chance.choice(family.pitches)
        higher = chance.uniform(*family.child) if child else 1.0

        def speak(texts: Texts) -> Sound:
            return self._say(chance.choice(texts[language]), language, variant, int(rate / higher), pitch, higher)

        return speak

    def _say(self, text: str, language: str, variant: str, rate: int, pitch: int, higher: float = 1.0) -> Sound:
        """Speech at 8 kHz without the silence around it, its loud part at 0.1 RMS."""
        key = (text, language, f"{variant}*{higher}", rate, pitch)
        if key not in self._spoken:
            pcm = self._espeak.speak(text, language, variant=variant, words_per_minute=rate, pitch=pitch)
            sound = _to_8k(pcm.astype(np.float64) / 32768, int(self._espeak.rate * higher))
            loud = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max())
            sound = sound[loud[0] : loud[-1] + 1]
            strong = np.abs(sound) > 0.05 * np.abs(sound).max()
            self._spoken[key] = sound * 0.1 / np.sqrt(np.mean(sound[strong] ** 2))
        return self._spoken[key]

    def _clipped(self, said: Sound, chance: random.Random) -> Sound:
        return said[int(chance.uniform(*self._family.clipped) * RATE) :]

    def _crowd(self, length: int, at: int) -> Sound:
        """Six people talking at once, from a loop of half a minute, at 1 RMS."""
        made = self._babble
        if made is None:
            family, chance = self._family, random.Random(f"{self._family.seed}/babble")
            crowd = np.zeros(30 * RATE)
            for person in range(6):
                language = LANGUAGES[person % 4]
                voice, rate, pitch = chance.choice(family.voices), chance.choice(family.rates), 30 + 8 * person
                position = chance.randrange(RATE)
                while position < len(crowd):
                    text = chance.choice(family.greeting[language])
                    sound = self._say(text, language, voice, rate, pitch)[: len(crowd) - position]
                    crowd[position : position + len(sound)] += sound
                    position += len(sound) + chance.randrange(100, RATE // 2)
            made = self._babble = crowd / np.sqrt(np.mean(crowd**2))
        return np.take(made, np.arange(at, at + length), mode="wrap")

    def _noisy(
        self, sound: Sound, level: float, plan: Plan, chance: random.Random, noise: np.random.Generator
    ) -> Sound:
        family = self._family
        kind, ratio = chance.choice(family.rooms), chance.choice(family.ratios)
        if plan.kind == "noisy room":
            kind, ratio = chance.choice([*family.rooms[2:], "babble"]), chance.choice(family.loud_ratios)
        if kind == "none":
            return sound + 10 ** (-62 / 20) * noise.standard_normal(len(sound))
        if kind == "babble":
            made = self._crowd(len(sound), chance.randrange(30 * RATE))
        else:
            made = coloured(kind, len(sound), noise)
        return sound + level * 10 ** (-ratio / 20) * made


def _to_8k(sound: Sound, rate: int) -> Sound:
    length = int(len(sound) * RATE / rate)
    return np.fft.irfft(np.fft.rfft(sound)[: length // 2 + 1], length) * RATE / rate


_SCENES: dict[str, Callable[[Studio, Plan, random.Random], _Scene]] = {
    "human": Studio.human,
    "machine": Studio.machine,
    "fax": Studio.fax,
    "disconnected": Studio.disconnected,
    "unknown": Studio.unknown,
}

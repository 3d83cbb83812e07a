"""What a set of labelled calls is drawn from: families, each a file of `families/`.

No two share a sentence, a voice or a seed. Numbers are chosen by the tuned ones. The held-out one is reported on: who
chooses refuses to where it was read. Once its figures have changed anything it is tuned, and another is written.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Texts = Mapping[str, tuple[str, ...]]
"""By language."""
Span = tuple[float, float]
"""From and to, even odds between."""


TUNED = ("first", "second", "third")
HELD_OUT = "fourth"
_HOME = Path(__file__).parent / "families"
_read: set[str] = set()


@dataclass(frozen=True)
class Family:
    """Everything that chance chooses from. Seconds, Hertz, decibels of full scale."""

    name: str
    seed: int
    size: int
    """How often each of `SHARES` is taken."""
    hello: Texts
    name_said: Texts
    sentence: Texts
    opening: Texts
    """How a machine begins that then pauses."""
    greeting: Texts
    short_greeting: Texts
    announcement: Texts
    voices: tuple[str, ...]
    rates: tuple[int, ...]
    """Words a minute."""
    pitches: tuple[int, ...]
    """eSpeak's 0..99."""
    person_waits: Span
    """Shape and scale of a gamma distribution: seconds from the answer to the first word, above 0.08 s."""
    machine_waits: Span
    silent_first: Span
    """The wait of people who say nothing at first."""
    pause: Span
    """Of machines that pause after their first words."""
    before_beep: Span
    levels: Span
    ratios: tuple[float, ...]
    """Speech above noise, decibels."""
    loud_ratios: tuple[float, ...]
    """The same in a noisy room."""
    rooms: tuple[str, ...]
    losses: tuple[float, ...]
    """Share of packets."""
    burst: float
    """Packets that are lost in a row, on average."""
    echo_after: Span
    echo_level: Span
    ringing: tuple[tuple[float, ...], ...]
    """Ringing tones whose rest is heard after the answer."""
    ringing_rest: Span
    comfort_noise: Span
    """Level of the noise that stands for quiet on a line that suppresses it."""
    beeps: tuple[float, ...]
    beep_seconds: Span
    roots: tuple[float, ...]
    """Of the music's chords."""
    beat: float
    decay: float
    clipped: Span
    """How much of the first word is lost because the path opens late."""
    child: Span
    """How many times higher than a grown-up's a child's voice is, formants and all."""


def family(name: str) -> Family:
    """The family of that name. TypeError names what its file lacks or has too much; OSError: there is no such file."""
    _read.add(name)
    told = tomllib.loads((_HOME / f"{name}.toml").read_text())
    return Family(name=name, **{what: _fixed(one) for what, one in told.items()})


def tuned() -> tuple[Family, ...]:
    """Those that numbers are chosen by."""
    return tuple(map(family, TUNED))


def refuse_where_held_out_was_read() -> None:
    """RuntimeError: what is chosen in a process that has read the held-out family is worth nothing."""
    if HELD_OUT in _read:
        raise RuntimeError(f"the held-out family, {HELD_OUT}, was read here: choose in a process that hasn't")


def _fixed(told: Any) -> Any:
    """Lists as tuples: a family never changes, and `recipe` is made of how it is shown."""
    if isinstance(told, dict):
        return {name: _fixed(one) for name, one in told.items()}
    return tuple(map(_fixed, told)) if isinstance(told, list) else told


PEOPLE = {
    "hello": 96, "name": 52, "sentence": 16, "silent first": 22, "twice": 18, "noisy room": 26, "child": 14,
    "clipped": 16,
}  # fmt: skip
MACHINES = {
    "greeting": 64, "greeting, no beep yet": 16, "short greeting": 34, "pauses": 32, "music first": 12,
    "only a beep": 12, "announcement": 16, "clipped": 14,
}  # fmt: skip
OTHERS = {"cng": 12, "ced": 12, "sit": 12, "busy": 14, "nothing": 10}
SHARES = {"human": PEOPLE, "machine": MACHINES, "": OTHERS}
"""How many calls of each kind: 260 people, 200 machines, 60 others. A guess, and every figure hangs on it."""

"""What telephony does next for a run, one thing at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Audio:
    """One thing to be heard: text in a language, or a prompt. A `personal` text holds values of this caller."""

    text: str = ""
    prompt_id: str = ""
    language: str = ""
    personal: bool = False


@dataclass(frozen=True)
class PlayAudio:
    """Play, then report FINISHED."""

    audio: tuple[Audio, ...]


@dataclass(frozen=True)
class SpokenChoice:
    """A phrase that may be said instead of pressing a digit."""

    phrase: str
    digit: str


@dataclass(frozen=True)
class Gather:
    """Play, then wait for digits. `language` is the run's, in which may be said what may."""

    audio: tuple[Audio, ...]
    max_digits: int
    terminator: str
    timeout: timedelta
    masked: bool = False
    spoken: tuple[SpokenChoice, ...] = ()
    language: str = ""


@dataclass(frozen=True)
class Wait:
    """Play the filler and report PROCEED at once."""

    filler: str


@dataclass(frozen=True)
class WaitInQueue:
    """Play `audio` once, then music; report QUEUE_TICK every interval. `goes_on`: the run does so after the agent."""

    contact_id: str
    music_prompt_id: str
    tick_interval: timedelta
    audio: tuple[Audio, ...] = ()
    goes_on: bool = False


@dataclass(frozen=True)
class Dial:
    """Call a number and join it to the caller; `audio` is heard while trying. `people_only` joins no machine."""

    number: str
    caller_number: str
    timeout: timedelta
    audio: tuple[Audio, ...] = ()
    people_only: bool = False


@dataclass(frozen=True)
class Record:
    """Take a message for the mailbox of an agent or of a queue."""

    audio: tuple[Audio, ...]
    beep: bool
    max_duration: timedelta
    silence_timeout: timedelta
    end_digit: str
    mailbox: str
    owner: str


@dataclass(frozen=True)
class EndCall:
    """Play, then end the call."""

    audio: tuple[Audio, ...] = ()
    cause: str = "FLOW_ENDED"


Order = PlayAudio | Gather | Wait | WaitInQueue | Dial | Record | EndCall

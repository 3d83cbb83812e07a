"""What Merkez asks of a carrier. Every call is idempotent: what has an id of ours may be sent again after a crash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from tenancy.domain.emergency import CivicAddress
from tenancy.domain.port_orders import Details, PortNumber
from tenancy.domain.porting import Standing


class CarrierAway(Exception):
    """It doesn't answer, or can't just now: to be asked again later."""


class CarrierRefused(Exception):
    """It says no, and would say no again."""

    def __init__(self, reason: str, note: str) -> None:
        super().__init__(f"{reason}: {note}")
        self.reason = reason
        """One of `porting.EXCEPTIONS`."""
        self.note = note
        """The carrier's own words."""


@dataclass(frozen=True)
class File:
    """A document that goes along."""

    kind: str
    file_name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Submission:
    """One channel of an order, as a carrier gets it. `key` is the same whenever the same submission is sent."""

    key: str
    channel: str
    numbers: tuple[str, ...]
    details: Details
    wanted_date: date
    files: tuple[File, ...] = ()
    replaces: str = ""
    """What the carrier called the submission that stopped, of one that was corrected."""


@dataclass(frozen=True)
class OutRequest:
    """Another carrier asks for numbers: REQUESTED, COMPLETED or WITHDRAWN."""

    carrier_ref: str
    numbers: tuple[str, ...]
    gaining_carrier: str
    state: str = "REQUESTED"
    answer_until: datetime | None = None


class Carrier(Protocol):
    """A carrier. Each method raises `CarrierAway`; those that ask for something also `CarrierRefused`."""

    async def check_portability(self, numbers: Sequence[str]) -> Sequence[PortNumber]:
        """Whether each number can come; in the order they were asked in."""
        ...

    async def submit(self, submission: Submission) -> str:
        """Sends an order off; what the carrier calls it, the same at each repeat."""
        ...

    async def status(self, carrier_ref: str) -> Standing:
        """How it stands."""
        ...

    async def cancel(self, carrier_ref: str) -> None:
        """Gives it up; again is fine. `CarrierRefused` when it is too late."""
        ...

    async def judge_address(self, address: CivicAddress) -> str:
        """What is wrong with an emergency address; empty: nothing, help would find it."""
        ...

    async def out_requests(self) -> Sequence[OutRequest]:
        """Requests of other carriers that are open, or were settled lately."""
        ...

    async def answer_out(self, carrier_ref: str, agreed: bool, reason: str) -> None:
        """Says whether the numbers may go; again is fine."""
        ...

    async def close(self) -> None:
        """Lets connections go."""
        ...

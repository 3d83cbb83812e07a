"""A carrier in this process, for tests and for trying things out: it goes through an order by the clock it is given.

It accepts a submission after `ANSWERS_AFTER`, with 10:00 (UTC) of the wanted day as the firm moment, and switches then.
Some numbers and details make it say no, so that every course can be seen:

* numbers ending in 0000 can't be ported, those ending in 1111 only for calls;
* an account number with "wrong" in it stops as ACCOUNT_NUMBER_WRONG, a PIN of 0000 as PIN_WRONG;
* an emergency address without a digit in its street can't be found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

from kernel.clock import Clock

from tenancy.carriers.port import CarrierAway, CarrierRefused, OutRequest, Submission
from tenancy.domain.emergency import CivicAddress
from tenancy.domain.port_orders import PortNumber
from tenancy.domain.porting import Standing

ANSWERS_AFTER = timedelta(seconds=30)
_SWITCHES_AT = time(10, 0, tzinfo=UTC)
_NOTES = {"ACCOUNT_NUMBER_WRONG": "no such account", "PIN_WRONG": "the transfer PIN doesn't match"}


@dataclass
class SimulatedCarrier:
    """The carrier; `away` makes every call fail until it is taken back.

    What it has to know of an order stands in the name it gives it, so that it forgets nothing when its process ends.
    """

    clock: Clock
    away: bool = False
    switches_now: bool = False
    """Switch as soon as an order was accepted, whatever its day."""
    names: dict[str, str] = field(default_factory=dict)
    """Key -> what it was called at first."""
    submissions: dict[str, Submission] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    outs: dict[str, OutRequest] = field(default_factory=dict)
    answers: dict[str, tuple[bool, str]] = field(default_factory=dict)
    asked: int = 0

    async def check_portability(self, numbers: Sequence[str]) -> Sequence[PortNumber]:
        self._here()
        return [_verdict(each) for each in numbers]

    async def submit(self, submission: Submission) -> str:
        self._here()
        details = submission.details
        objection = ""
        if "wrong" in details.account_number.lower():
            objection = "ACCOUNT_NUMBER_WRONG"
        elif details.account_pin == "0000":
            objection = "PIN_WRONG"
        taken = int(self.clock.now().timestamp())
        name = f"sim|{submission.key}|{taken}|{submission.wanted_date.isoformat()}|{objection}"
        self.submissions[submission.key] = submission
        return self.names.setdefault(submission.key, name)

    async def status(self, carrier_ref: str) -> Standing:
        self._here()
        if carrier_ref in self.cancelled:
            return Standing("CANCELLED")
        taken, moment, objection = self._read(carrier_ref)
        if self.clock.now() < taken + ANSWERS_AFTER:
            return Standing("SUBMITTED")
        if objection:
            return Standing("REFUSED", exception=objection, note=_NOTES[objection])
        if self.clock.now() < moment:
            return Standing("ACCEPTED", foc_time=moment)
        return Standing("ACTIVATED", foc_time=moment, port_time=moment)

    async def cancel(self, carrier_ref: str) -> None:
        self._here()
        _, moment, objection = self._read(carrier_ref)
        if not objection and self.clock.now() >= moment:
            raise CarrierRefused("OTHER", "the numbers have been switched already")
        self.cancelled.add(carrier_ref)

    async def judge_address(self, address: CivicAddress) -> str:
        self._here()
        return "" if any(each.isdigit() for each in address.street) else "the street has no house number"

    async def out_requests(self) -> Sequence[OutRequest]:
        self._here()
        return list(self.outs.values())

    async def answer_out(self, carrier_ref: str, agreed: bool, reason: str) -> None:
        self._here()
        self.answers[carrier_ref] = (agreed, reason)
        if not agreed:
            self.outs.pop(carrier_ref, None)

    async def close(self) -> None:
        """Nothing is open."""

    def settle_out(self, carrier_ref: str, state: str) -> None:
        """Lets a request be COMPLETED or WITHDRAWN by the other carrier."""
        self.outs[carrier_ref] = replace(self.outs[carrier_ref], state=state)

    def _read(self, carrier_ref: str) -> tuple[datetime, datetime, str]:
        try:
            _, _, taken_text, day, objection = carrier_ref.split("|")
            taken = datetime.fromtimestamp(int(taken_text), UTC)
            moment = datetime.combine(date.fromisoformat(day), _SWITCHES_AT)
        except ValueError as error:
            raise CarrierRefused("OTHER", "there is no such order") from error
        return taken, taken + ANSWERS_AFTER * 2 if self.switches_now else moment, objection

    def _here(self) -> None:
        self.asked += 1
        if self.away:
            raise CarrierAway("the carrier doesn't answer")


def _verdict(number: str) -> PortNumber:
    if number.endswith("0000"):
        return PortNumber(number, "NONE", "this range belongs to no carrier that ports", "Losing Telecom")
    return PortNumber(number, "VOICE_ONLY" if number.endswith("1111") else "FULL", "", "Losing Telecom")

"""Shifts that agents trade: what becomes of both schedules, and what speaks against it.

A shift keeps its times, its breaks and what it covers, whoever works it. So coverage is what it was where the one who
takes it serves the same queues, and that is a rule (SKILL). What breaks a rule more than before can't be done; what
leaves somebody less than their contract says, or coverage worse, is for a manager to decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from wfm.domain.shifts import Shift
from wfm.domain.violations import Rule, Violation


class TradeState(StrEnum):
    """Where a trade stands."""

    OPEN = "OPEN"
    ACCEPTED = "ACCEPTED"
    DONE = "DONE"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"


TRANSITIONS: Mapping[tuple[TradeState, str], TradeState] = {
    (TradeState.OPEN, "accept"): TradeState.ACCEPTED,
    (TradeState.OPEN, "withdraw"): TradeState.WITHDRAWN,
    (TradeState.ACCEPTED, "do"): TradeState.DONE,
    (TradeState.ACCEPTED, "refuse"): TradeState.REFUSED,
    (TradeState.ACCEPTED, "reopen"): TradeState.OPEN,
    (TradeState.ACCEPTED, "withdraw"): TradeState.WITHDRAWN,
}
"""Nothing else happens to a trade but its time running out."""

SOFT = frozenset({Rule.TOO_FEW_HOURS, Rule.TOO_FEW_DAYS})
"""Rules a manager may let somebody break: they have less work than their contract says."""
_WORSE = 0.01
"""Agent hours of coverage lost that are worth a manager's look."""


@dataclass(frozen=True)
class Trade:
    """A shift offered to colleagues. `first`: Monday of its week. Without `to_user` anybody may accept."""

    trade_id: str
    user_id: str
    first: date
    shift: Shift
    expire_time: datetime
    create_time: datetime
    to_user: str = ""
    swap: bool = False
    wanted: tuple[date, ...] = ()
    note: str = ""
    state: TradeState = TradeState.OPEN
    colleague_id: str = ""
    colleague_shift: Shift | None = None
    decide_time: datetime | None = None
    decided_by: str = ""
    reason: str = ""
    concerns: tuple[str, ...] = ()
    version: int = 1

    def at(self, now: datetime) -> Trade:
        """As it is by now: what wasn't done in time can't be done any more."""
        live = self.state in (TradeState.OPEN, TradeState.ACCEPTED)
        return replace(self, state=TradeState.EXPIRED) if live and now >= self.expire_time else self

    def offered_to(self, user_id: str) -> bool:
        """Whether somebody may accept."""
        return user_id != self.user_id and self.to_user in ("", user_id)


def taken(shift: Shift, user_id: str, zones: Mapping[str, str], zone: str) -> Shift:
    """The shift as somebody else's, who may be of another site: then it is of the day it is there. `zones`: of agents;
    of those who aren't in it `zone` holds."""
    there = zones.get(user_id, zone)
    if there == zones.get(shift.agent_id, zone):
        return replace(shift, agent_id=user_id)
    return replace(shift, agent_id=user_id, day=shift.start.astimezone(ZoneInfo(there)).date())


def moves(
    trade: Trade, zones: Mapping[str, str], zone: str, *, kept: bool = True
) -> tuple[list[Shift], list[Shift]]:  # fmt: skip
    """Shifts that go, and those that come in their place. They stay when the schedule is made anew, but for rules
    (`kept` False) they are what they were: a contract's patterns hold for whoever takes one. `zones`, `zone` as in
    `taken`."""
    gone, new = [trade.shift], [taken(trade.shift, trade.colleague_id, zones, zone)]
    if trade.colleague_shift is not None:
        gone.append(trade.colleague_shift)
        new.append(taken(trade.colleague_shift, trade.user_id, zones, zone))
    return gone, [replace(each, locked=True) for each in new] if kept else new


def applied(shifts: Sequence[Shift], gone: Sequence[Shift], new: Sequence[Shift]) -> list[Shift]:
    """Shifts with some gone and some new, by agent and day. A day that is taken keeps both: a rule says so."""
    keys = {(each.agent_id, each.day) for each in gone}
    return [*(each for each in shifts if (each.agent_id, each.day) not in keys), *new]


def same(one: Shift | None, other: Shift | None) -> bool:
    """Whether a shift is still what somebody saw: its times and breaks."""
    if one is None or other is None:
        return False
    return (one.agent_id, one.day, one.start, one.end, one.breaks) == (
        other.agent_id, other.day, other.start, other.end, other.breaks,
    )  # fmt: skip


def judged(
    broken: Sequence[Violation], under_before: float, under_after: float, *, automatic: bool
) -> tuple[list[Violation], list[str]]:
    """What of newly broken rules forbids it, and why a manager has to decide; `under`: agent hours uncovered."""
    hard = [each for each in broken if each.rule not in SOFT]
    concerns = sorted({each.rule.value for each in broken if each.rule in SOFT})
    if under_after > under_before + _WORSE:
        concerns.append("COVERAGE")
    if not automatic and not concerns:
        concerns.append("MANAGER_DECIDES")
    return hard, concerns

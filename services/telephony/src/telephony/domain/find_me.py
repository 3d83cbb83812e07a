"""Find-me: where an agent's calls ring besides the desk, and where one goes that nobody took. Pure.

Who may be offered a call is routing's business: it is told only for how long an offer may ring (`away_time`,
`desk_time`). Which telephone rings when is decided here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from kernel import hours as weeks
from kernel.errors import FailedPrecondition, FieldViolation, InvalidInput
from kernel.hours import Hours, OpenInterval

from telephony.domain.announcements import LANGUAGES

MAX_STEPS = 5
MAX_NUMBERS = 3
MIN_RING, MAX_RING = timedelta(seconds=5), timedelta(seconds=60)
CONFIRM = timedelta(seconds=20)
"""How long somebody who answered a number may take to press 1: who calls takes 9 to 13 s to say, and time to find the
key."""
SLACK = timedelta(seconds=5)
"""Setting up and taking down between steps: an offer must not end before its last telephone does."""
CONFIRM_DIGIT = "1"
MAX_FORWARDS = 5
"""Last resorts that one call goes by without anybody answering."""
_NOTHING = timedelta(0)


class FindMeOwnNumber(FailedPrecondition):
    """The number is one of the company's own: a call to it would come back in."""

    reason = "FIND_ME_OWN_NUMBER"


class When(Enum):
    """When telephones ring."""

    NEVER = "NEVER"
    AWAY = "AWAY"
    UNANSWERED = "UNANSWERED"
    ALWAYS = "ALWAYS"


class ResortKind(Enum):
    """Where a call goes that nobody took. Values are the kinds of `Call.sent_to`."""

    AGENT = "agent"
    QUEUE = "queue"
    VOICEMAIL = "voicemail"


@dataclass(frozen=True)
class Resort:
    """`target` is an agent's or a queue's id; of voicemail the agent's whose it is."""

    kind: ResortKind
    target: str

    @property
    def sent_to(self) -> str:
        """As `Call.sent_to` says it."""
        return f"{self.kind.value}:{self.target}"


@dataclass(frozen=True)
class Step:
    """Telephones that ring together, for `ring`; in `hours` only, when there are any, on the clock of the setting."""

    ring: timedelta
    desk_phones: bool = False
    numbers: tuple[str, ...] = ()
    hours: tuple[OpenInterval, ...] = ()

    @property
    def empty(self) -> bool:
        return not self.desk_phones and not self.numbers


@dataclass(frozen=True)
class FindMe:
    """One agent's setting as stored. `resort` None leaves a call that nobody took to the flow that led it here."""

    agent_id: str
    when: When = When.NEVER
    desk_ring: timedelta = _NOTHING
    steps: tuple[Step, ...] = ()
    queue_calls: bool = False
    resort: Resort | None = None
    language: str = ""
    """In which who answers a number is spoken to; empty for the brand's."""
    time_zone: str = ""
    update_time: datetime | None = None
    version: int = 0

    def at(self, now: datetime) -> FindMe:
        """The setting as it is at this moment: without the steps whose hours it is not."""
        ringing = (each for each in self.steps if not each.hours or self._opening(each, now).open)
        return replace(self, steps=tuple(ringing))

    def turn_time(self, now: datetime) -> datetime | None:
        """When other steps may ring than now; None while they always are the same. No later than hours can be seen
        ahead: then it is looked again."""
        limited = [each for each in self.steps if each.hours] if self.rings else []
        return min(
            (self._opening(each, now).change_time or now + weeks.HORIZON for each in limited), default=None
        )  # fmt: skip

    def _opening(self, step: Step, now: datetime) -> weeks.Opening:
        return weeks.opening(Hours(self.time_zone, step.hours), now)

    @property
    def rings(self) -> bool:
        """Whether any telephone ever rings."""
        return self.when is not When.NEVER and bool(self.steps)

    @property
    def forwards(self) -> bool:
        """Whether a call that nobody took goes on by it."""
        return self.when is not When.NEVER and self.resort is not None

    @property
    def away_time(self) -> timedelta:
        """How long an offer rings at most while the agent is away; 0 when it rings nowhere."""
        return self._steps_time if self.rings else _NOTHING

    @property
    def desk_time(self) -> timedelta:
        """The same at the desk; 0 when only the desk rings."""
        if not self.rings or self.when is When.AWAY:
            return _NOTHING
        return self.lead + self._steps_time

    @property
    def lead(self) -> timedelta:
        """How long the desk rings alone."""
        return self.desk_ring if self.when is When.UNANSWERED else _NOTHING

    @property
    def _steps_time(self) -> timedelta:
        # In each step somebody may answer in the last moment and still has the time to press the key.
        grace = sum((CONFIRM for step in self.steps if step.numbers), _NOTHING)
        return sum((step.ring for step in self.steps), _NOTHING) + grace + SLACK


def check(find_me: FindMe, own_numbers: Collection[str] = ()) -> FindMe:
    """The setting when it can be meant, numbers in E.164 already. InvalidInput naming every field that can't;
    FindMeOwnNumber for a number in `own_numbers`."""
    wrong: list[FieldViolation] = []
    if find_me.when is When.UNANSWERED and not MIN_RING <= find_me.desk_ring <= MAX_RING:
        wrong.append(FieldViolation("find_me.desk_duration", "must be 5 to 60 seconds"))
    if len(find_me.steps) > MAX_STEPS:
        wrong.append(FieldViolation("find_me.steps", f"are {MAX_STEPS} at most"))
    for place, step in enumerate(find_me.steps):
        field = f"find_me.steps[{place}]"
        if step.empty:
            wrong.append(FieldViolation(f"{field}.numbers", "or desk phones are required"))
        if len(step.numbers) > MAX_NUMBERS:
            wrong.append(FieldViolation(f"{field}.numbers", f"are {MAX_NUMBERS} at most"))
        if len(set(step.numbers)) < len(step.numbers):
            wrong.append(FieldViolation(f"{field}.numbers", "name a number twice"))
        if not MIN_RING <= step.ring <= MAX_RING:
            wrong.append(FieldViolation(f"{field}.ring_duration", "must be 5 to 60 seconds"))
        try:
            weeks.check_intervals(step.hours, f"{field}.hours", weekly=True)
        except InvalidInput as error:
            wrong += error.fields
    if any(step.hours for step in find_me.steps) and not weeks.is_zone(find_me.time_zone):
        wrong.append(FieldViolation("find_me.time_zone", "is not an IANA time zone such as Asia/Baku"))
    if find_me.language not in ("", *LANGUAGES):
        wrong.append(FieldViolation("find_me.language", f"must be one of {', '.join(LANGUAGES)}, or empty"))
    if find_me.resort == Resort(ResortKind.AGENT, find_me.agent_id):
        wrong.append(FieldViolation("find_me.forward_agent_id", "is the agent's own: choose somebody else"))
    if wrong:
        raise InvalidInput("the setting can't be kept as it is", fields=wrong)
    for number in (number for step in find_me.steps for number in step.numbers if number in own_numbers):
        raise FindMeOwnNumber(
            "this is one of your company's own numbers: a call to it would come back in", metadata={"number": number}
        )
    desk = find_me.desk_ring if find_me.when is When.UNANSWERED else _NOTHING
    steps = tuple(replace(step, hours=tuple(sorted(set(step.hours), key=_by_time))) for step in find_me.steps)
    zone = find_me.time_zone if any(step.hours for step in steps) else ""
    return replace(find_me, desk_ring=desk, steps=steps, time_zone=zone)


def _by_time(interval: OpenInterval) -> tuple[int, int, int]:
    return interval.weekday, interval.start_minute, interval.end_minute


def next_resort(find_me: FindMe, forwarded_by: Sequence[str]) -> Resort | None:
    """Where a call goes that nobody took for this agent, after the last resorts of `forwarded_by`, the eldest first;
    None when there is none. A chain that comes back to somebody, or is too long, ends in the voicemail of whom the
    call was for first."""
    if not find_me.forwards or find_me.resort is None:
        return None
    seen = (*forwarded_by, find_me.agent_id)
    if find_me.resort.kind is ResortKind.AGENT and (find_me.resort.target in seen or len(seen) > MAX_FORWARDS):
        return Resort(ResortKind.VOICEMAIL, seen[0])
    return find_me.resort


# -- one search ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Search:
    """An offer that rings at telephones. `step` is -1 while the desk rings alone; `step_time` is when it began;
    `taken_leg_id` the leg on which the agent took it. `away` says that no desk rings."""

    offer_id: str
    call_id: str
    contact_id: str
    agent_id: str
    steps: tuple[Step, ...]
    lead: timedelta
    step_time: datetime
    away: bool
    step: int = -1
    taken_leg_id: str = ""
    queue_id: str = ""
    """The queue whose call it is; empty for a call to the agent alone."""
    language: str = ""
    """As the agent's setting has it."""

    @property
    def until(self) -> datetime:
        """When the step at hand is over for who hasn't answered."""
        return self.step_time + (self.lead if self.step < 0 else self.steps[self.step].ring)

    @property
    def last(self) -> bool:
        """Whether no step follows."""
        return self.step >= len(self.steps) - 1


def begun(
    find_me: FindMe, offer_id: str, call_id: str, contact_id: str, *, away: bool, now: datetime, queue_id: str = ""
) -> Search | None:
    """The search for an offer that was made, in the steps whose hours it is; None when only the desk rings. Where no
    desk rings either it has no step: what routing believed of the agent is no longer so, and the offer is missed."""
    ringing = find_me.at(now)
    if not away and not ringing.desk_time:
        return None
    lead = _NOTHING if away else ringing.lead
    steps = ringing.steps if ringing.rings else ()
    return Search(
        offer_id, call_id, contact_id, find_me.agent_id, steps, lead, now, away, queue_id=queue_id,
        language=find_me.language,
    )  # fmt: skip


def next_step(search: Search, now: datetime) -> Search | None:
    """The search in its next step; None after the last one."""
    return None if search.last else replace(search, step=search.step + 1, step_time=now)


def takes(search: Search, leg_id: str, live: Collection[str]) -> bool:
    """Whether an agent may take the call on this leg: nobody has on another one of the legs that are `live`."""
    return search.taken_leg_id == leg_id or search.taken_leg_id not in live

"""Days to be simulated: made of contacts that were, or made up. Chance begins at a seed, so that a day is always the
same."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from kernel.errors import FailedPrecondition, InvalidInput

from routing.domain.agents import Agent
from routing.domain.contacts import Channel, Contact, ContactKind, ContactState
from routing.domain.hall import Arrival, Shift
from routing.domain.queues import SkillLevel
from routing.domain.simulating import MOST_AGENTS, MOST_CONTACTS, Day

NEVER = 1e9
"""The patience, in seconds, of callers none of whom ever left."""
NOBODY_KEPT: Mapping[str, float] = MappingProxyType({})
_HOUR = 3600.0
_HOURS = 24
_MOST_AN_HOUR = 10_000.0
_LONGEST_HANDLING = timedelta(hours=4)


class DayEmpty(FailedPrecondition):
    """No contact that agents could have been chosen for came on that day."""

    reason = "DAY_EMPTY"


@dataclass(frozen=True)
class Traffic:
    """A queue's contacts, hour by hour; handle time and patience are means of exponential times."""

    queue_id: str
    per_hour: tuple[float, ...]
    handle: timedelta
    patience: timedelta | None
    channel: Channel = Channel.VOICE


@dataclass(frozen=True)
class Crew:
    """Agents alike, at work from one hour to another."""

    count: int
    skills: tuple[SkillLevel, ...]
    queue_ids: tuple[str, ...]
    start_hour: float = 0.0
    end_hour: float = 24.0


def recorded_day(
    contacts: Sequence[Contact], agents: Mapping[str, Agent], begin: datetime, kept: Mapping[str, float] = NOBODY_KEPT
) -> Day:
    """A day that was: contacts that waited in a queue and are over, and who handled them, from their first answer to
    their last wrap-up, with the skills and queues they have now.

    A caller who was answered, or sent away by a queue, would have waited on for a time nobody knows: it is drawn from
    how long callers wait before they give up (exponential, with those others as censored), and never shorter than they
    waited. Who left by their flow does so after as long. A callback has all the time it had; whoever asked for one is
    the same customer, who waits from when they came. What is written is handled beside other contacts, as long as it
    was: the time it took holds what was beside it that day. `kept` says how long agents were kept for customers who
    were called first, by contact.
    """
    over = [each for each in contacts if each.end_time is not None]
    if not over:
        raise DayEmpty("nothing of that day waited in a queue")
    if len(over) > MOST_CONTACTS:
        raise InvalidInput.of("recorded_from_time", f"begins a day of more than {MOST_CONTACTS} contacts")
    askers = _askers(over)
    played = [each for each in over if each.contact_id not in askers]
    # Who writes waits otherwise than who calls, and takes another time.
    of = {channel: [each for each in played if each.channel is channel] for channel in Channel}
    patiences = {channel: _patience(each) for channel, each in of.items()}
    means = {channel: _mean_handled(each) for channel, each in of.items()}
    chance = random.Random(begin.isoformat())
    worked: dict[str, tuple[float, float]] = {}
    arrivals: list[Arrival] = []
    for contact in sorted(played, key=lambda each: (each.queue_time, each.contact_id)):
        waited, handle, patience = _waited(contact), _handled(contact), patiences[contact.channel]
        leaves = _is_callback(contact) or _left_by_flow(contact)
        time_kept, in_vain = kept.get(contact.contact_id, 0.0), contact.answer_time is None
        if _is_callback(contact):
            waited = waited if contact.answer_time is None and not time_kept else NEVER
        elif not leaves and not _gave_up(contact):
            waited += chance.expovariate(1 / patience) if patience < NEVER else NEVER
        if contact.answer_time is not None:
            came = (contact.answer_time - begin).total_seconds()
            first, last = worked.get(contact.agent_id, (came, came))
            worked[contact.agent_id] = (min(first, came - time_kept), max(last, came + handle))
        else:
            handle = chance.expovariate(1 / max(1.0, means[contact.channel]))
        asked = contact.previous_contact_id in askers
        came_at = contact.queue_time if asked or not _is_callback(contact) else contact.create_time
        arrivals.append(
            Arrival(
                contact.contact_id, _came_to(contact), (came_at - begin).total_seconds(), waited, handle,
                float(contact.priority), contact.asked, contact.preferred_agent_id, leaves,
                _is_callback(contact), (contact.queue_time - begin).total_seconds(), contact.channel, time_kept,
                bool(time_kept) and in_vain,
            )
        )  # fmt: skip
    shifts = [
        Shift(agent_id, begin_, end, _held(agents[agent_id].skills), frozenset(agents[agent_id].queue_ids),
              agents[agent_id].cost, agents[agent_id].capacities)
        for agent_id, (begin_, end) in sorted(worked.items())
        if agent_id in agents
    ]  # fmt: skip
    return Day(arrivals, shifts, begin=begin)


def made_up_day(traffic: Sequence[Traffic], crews: Sequence[Crew], seed: int, begin: datetime | None = None) -> Day:
    """A day with contacts at random, as many an hour as are said. InvalidInput names what can't be."""
    _check(traffic, crews)
    chance = random.Random(seed)
    arrivals: list[Arrival] = []
    for number, each in enumerate(traffic):
        for hour, rate in enumerate(each.per_hour):
            now = hour * _HOUR
            while rate > 0:
                now += chance.expovariate(rate / _HOUR)
                if now >= (hour + 1) * _HOUR:
                    break
                patience = chance.expovariate(1 / each.patience.total_seconds()) if each.patience else NEVER
                handle = chance.expovariate(1 / each.handle.total_seconds())
                arrivals.append(
                    Arrival(
                        f"{number}:{len(arrivals)}", each.queue_id, now, patience, handle, channel=each.channel
                    )
                )  # fmt: skip
    if not arrivals:
        raise DayEmpty("no contact comes on that day")
    shifts = [
        Shift(f"{number}:{index:04}", crew.start_hour * _HOUR, crew.end_hour * _HOUR, _held(crew.skills),
              frozenset(crew.queue_ids))
        for number, crew in enumerate(crews)
        for index in range(crew.count)
    ]  # fmt: skip
    return Day(arrivals, shifts, begin=begin)


def with_agents(day: Day, extra: int) -> Day:
    """The day with so many agents more, the first ones again, or fewer, without the last ones."""
    if extra <= 0:
        return replace(day, shifts=list(day.shifts)[: max(0, len(day.shifts) + extra)])
    again: list[Shift] = []
    for number in range(extra if day.shifts else 0):
        shift = day.shifts[number % len(day.shifts)]
        again.append(replace(shift, agent_id=f"{shift.agent_id}+{number}"))
    return replace(day, shifts=[*day.shifts, *again])


def _check(traffic: Sequence[Traffic], crews: Sequence[Crew]) -> None:
    if not traffic:
        raise InvalidInput.of("synthetic.traffic", "is required")
    if not crews:
        raise InvalidInput.of("synthetic.crews", "is required")
    for index, each in enumerate(traffic):
        place = f"synthetic.traffic[{index}]"
        if not 1 <= len(each.per_hour) <= _HOURS:
            raise InvalidInput.of(f"{place}.contacts_per_hour", f"must be 1 to {_HOURS} hours")
        if not all(0 <= rate <= _MOST_AN_HOUR for rate in each.per_hour):
            raise InvalidInput.of(f"{place}.contacts_per_hour", f"must be 0 to {_MOST_AN_HOUR:g} each")
        if not timedelta(seconds=1) <= each.handle <= _LONGEST_HANDLING:
            raise InvalidInput.of(f"{place}.handle_time", "must be 1 second to 4 hours")
        if each.patience is not None and each.patience < timedelta(seconds=1):
            raise InvalidInput.of(f"{place}.patience", "must be at least 1 second")
    if sum(sum(each.per_hour) for each in traffic) > MOST_CONTACTS:
        raise InvalidInput.of("synthetic.traffic", f"is more than {MOST_CONTACTS} contacts")
    for index, crew in enumerate(crews):
        place = f"synthetic.crews[{index}]"
        if not 1 <= crew.count <= MOST_AGENTS:
            raise InvalidInput.of(f"{place}.count", f"must be 1 to {MOST_AGENTS}")
        if not 0 <= crew.start_hour < crew.end_hour <= _HOURS:
            raise InvalidInput.of(f"{place}.start_hour", "must be before end_hour, both 0 to 24")
    if sum(crew.count for crew in crews) > MOST_AGENTS:
        raise InvalidInput.of("synthetic.crews", f"are more than {MOST_AGENTS} agents")


def _askers(contacts: Sequence[Contact]) -> set[str]:
    """Callers whose place a callback of the same day has, or who were led back into their queue and had it again: one
    customer, who waits once."""
    known = {each.contact_id: each for each in contacts}
    found: set[str] = set()
    for later in contacts:
        caller = known.get(later.previous_contact_id)
        if caller is None or _is_callback(caller) or caller.answer_time is not None:
            continue
        if caller.queue_time == later.queue_time and (_is_callback(later) or caller.call_id == later.call_id):
            found.add(caller.contact_id)
    return found


def _is_callback(contact: Contact) -> bool:
    return contact.kind is ContactKind.CALLBACK


def _patience(contacts: Sequence[Contact]) -> float:
    """The mean of an exponential patience, by maximum likelihood with the answered ones censored."""
    callers = [each for each in contacts if not _is_callback(each)]
    left = sum(map(_gave_up, callers))
    return max(1.0, math.fsum(map(_waited, callers)) / left) if left else NEVER


def _gave_up(contact: Contact) -> bool:
    return contact.state is ContactState.ABANDONED


def _left_by_flow(contact: Contact) -> bool:
    """Whether it went another way than its queue's overflow sends it: to be called back later, say."""
    return contact.state is ContactState.ENDED and contact.answer_time is None and contact.leave_reason is None


def _came_to(contact: Contact) -> str:
    """The queue it waited in first."""
    return contact.overflows[0].from_queue_id if contact.overflows else contact.queue_id


def _waited(contact: Contact) -> float:
    end = contact.answer_time or contact.end_time or contact.queue_time
    return max(0.0, (end - (contact.create_time if _is_callback(contact) else contact.queue_time)).total_seconds())


def _handled(contact: Contact) -> float:
    end = contact.wrap_up_end_time or contact.end_time
    if contact.answer_time is None or end is None:
        return 0.0
    return max(1.0, (end - contact.answer_time).total_seconds())


def _mean_handled(contacts: Sequence[Contact]) -> float:
    found = [_handled(each) for each in contacts if each.answer_time is not None]
    return math.fsum(found) / len(found) if found else 180.0


def _held(skills: Sequence[SkillLevel]) -> dict[str, int]:
    return {level.skill_id: level.proficiency for level in skills}

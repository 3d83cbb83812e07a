"""An agent: where they stand, what they can do, and what one contact does to them.

Every move goes through `TRANSITIONS`; a busy agent's wish is kept as the next state and applied when the contact is
over. Who has no station can't be AVAILABLE.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from kernel.errors import Conflict, FailedPrecondition, InvalidInput, NotFound

from routing.domain.capacity import USUAL_RULES, CapacityRules, Held
from routing.domain.contacts import Channel
from routing.domain.queues import SkillLevel

MAX_COST = 100
MISSED_OFFER, DECLINED, NO_STATION = "missed_offer", "declined", "no_station"
RETURNS_IN_ROW = 2
"""Who missed more offers than these one after the other isn't there, and comes back only by themselves."""
SHIFT_OVER = timedelta(hours=6)
"""Who was NOT_READY for so long begins a new shift: many close the browser when they go home, and say nothing more."""


class AgentNotFound(NotFound):
    """No such agent, or another tenant's."""

    reason = "AGENT_NOT_FOUND"


class AgentNotAvailable(FailedPrecondition):
    """The agent's state does not allow it."""

    reason = "AGENT_NOT_AVAILABLE"


class StationMissing(FailedPrecondition):
    """AVAILABLE needs a browser with its microphone connected."""

    reason = "STATION_MISSING"


class VersionConflict(Conflict):
    """Somebody else changed it first."""

    reason = "VERSION_CONFLICT"


class AgentState(StrEnum):
    """Where an agent stands."""

    OFFLINE = "OFFLINE"
    AVAILABLE = "AVAILABLE"
    OFFERED = "OFFERED"
    ON_CONTACT = "ON_CONTACT"
    WRAP_UP = "WRAP_UP"
    NOT_READY = "NOT_READY"


class AgentTrigger(StrEnum):
    """What moves an agent."""

    GO_AVAILABLE = "GO_AVAILABLE"
    GO_NOT_READY = "GO_NOT_READY"
    GO_OFFLINE = "GO_OFFLINE"
    OFFER = "OFFER"
    ACCEPT = "ACCEPT"
    TURN_AWAY = "TURN_AWAY"
    """The offer was missed or declined."""
    RESCIND = "RESCIND"
    TAKE = "TAKE"
    """They begin a contact by themselves: a call out, one picked up or taken over."""
    RESUME = "RESUME"
    """Back to a contact they held besides one that is over, or an offer that came to nothing."""
    TALK_END = "TALK_END"
    FINISH = "FINISH"


_S, _T = AgentState, AgentTrigger
TRANSITIONS: Mapping[tuple[AgentState, AgentTrigger], AgentState] = {
    **{(state, _T.GO_AVAILABLE): _S.AVAILABLE for state in (_S.OFFLINE, _S.AVAILABLE, _S.NOT_READY)},
    **{(state, _T.GO_NOT_READY): _S.NOT_READY for state in (_S.OFFLINE, _S.AVAILABLE, _S.NOT_READY)},
    **{(state, _T.GO_OFFLINE): _S.OFFLINE for state in (_S.OFFLINE, _S.AVAILABLE, _S.NOT_READY)},
    **{(state, _T.OFFER): _S.OFFERED for state in (_S.AVAILABLE, _S.OFFLINE, _S.NOT_READY)},
    **{(state, _T.OFFER): _S.OFFERED for state in (_S.ON_CONTACT, _S.WRAP_UP)},
    **{(state, _T.RESUME): _S.ON_CONTACT for state in (_S.OFFERED, _S.ON_CONTACT, _S.WRAP_UP)},
    (_S.OFFERED, _T.ACCEPT): _S.ON_CONTACT,
    (_S.OFFERED, _T.TURN_AWAY): _S.NOT_READY,
    (_S.OFFERED, _T.RESCIND): _S.AVAILABLE,
    (_S.AVAILABLE, _T.TAKE): _S.ON_CONTACT,
    (_S.NOT_READY, _T.TAKE): _S.ON_CONTACT,
    (_S.ON_CONTACT, _T.TALK_END): _S.WRAP_UP,
    (_S.ON_CONTACT, _T.FINISH): _S.AVAILABLE,
    (_S.WRAP_UP, _T.FINISH): _S.AVAILABLE,
}
BUSY = frozenset({_S.OFFERED, _S.ON_CONTACT, _S.WRAP_UP})
AWAY = frozenset({_S.OFFLINE, _S.NOT_READY})
AT_WORK = BUSY | {_S.AVAILABLE}
"""Agents in these states serve their queues now or soon."""
_WISHES = {
    _S.AVAILABLE: _T.GO_AVAILABLE, _S.NOT_READY: _T.GO_NOT_READY, _S.OFFLINE: _T.GO_OFFLINE,
}  # fmt: skip


@dataclass(frozen=True)
class Reach:
    """How an agent is reached by telephone besides the desk, as telephony told (FindMe): for how long an offer rings
    there while they are `away` and at the `desk`, 0 for not at all; whether calls of queues ring there too; whether a
    call for them alone that nobody took goes on elsewhere."""

    away: timedelta = timedelta(0)
    desk: timedelta = timedelta(0)
    queue_calls: bool = False
    forwards: bool = False
    version: int = 0


@dataclass(frozen=True)
class Agent:
    """One agent. `agent_id` is the user's id; `idle_since` is set while AVAILABLE or OFFERED and survives an offer
    that was taken back, so an OFFERED agent without it was found away from the desk; `next_state` is None for
    AVAILABLE; `station_time` is when the newest station known of was attached, also once it is gone; `user_version` is
    that of the newest news of the user. `passed_over`: away, they did not take an offer, and get no more
    of queues until they do something themselves. `reason_id` and `next_reason_id` are the tenant's own reasons, where
    `reason` and `next_reason` are what was picked. `channel` is that of `contact_id`, the contact their state is about;
    `others` they hold besides, the latest last; `capacities` are their own, where they differ from the tenant's."""

    agent_id: str
    display_name: str
    state: AgentState
    state_time: datetime
    create_time: datetime
    reason: str = ""
    idle_since: datetime | None = None
    skills: tuple[SkillLevel, ...] = ()
    queue_ids: tuple[str, ...] = ()
    contact_id: str = ""
    next_state: AgentState | None = None
    next_reason: str = ""
    station_id: str = ""
    station_time: datetime | None = None
    active: bool = True
    user_version: int = 0
    reach: Reach = Reach()
    passed_over: bool = False
    last_offer_time: datetime | None = None
    shift_contacts: int = 0
    """Contacts handled since the shift began: since they were last OFFLINE, or NOT_READY for `SHIFT_OVER`."""
    shift_talk: timedelta = timedelta(0)
    reason_id: str = ""
    next_reason_id: str = ""
    return_time: datetime | None = None
    """When they are AVAILABLE again by themselves, after a missed offer; kept while another rings at their telephones
    alone, and while they hold other contacts."""
    missed_offers: int = 0
    """Offers missed since the shift began."""
    missed_in_row: int = 0
    channel: Channel | None = None
    others: tuple[Held, ...] = ()
    capacities: Mapping[Channel, int] = field(default_factory=dict)
    cost: int = 0
    """What an hour of theirs costs in whatever unit, 0 to 100, for queues that weigh it."""
    auto_accept: bool = False
    """What they are offered is accepted by itself, after a tone, where their softphone is connected."""
    version: int = 1

    @property
    def findable(self) -> bool:
        """Whether an offer may ring at their telephones though they are not at the desk."""
        return self.state in AWAY and self.active and self.reach.away > timedelta(0)

    @property
    def found_away(self) -> bool:
        """Whether the offer at hand rings at their telephones alone."""
        return self.state is AgentState.OFFERED and self.idle_since is None and not self.others

    @property
    def held(self) -> tuple[Channel, ...]:
        """Channels of everything they hold or are offered, each as often as they do."""
        return (*(each.channel for each in self.others), *((self.channel,) if self.channel else ()))

    def holds(self, contact_id: str) -> bool:
        """Whether they hold this contact, or it is offered to them."""
        return contact_id in (self.contact_id, *(each.contact_id for each in self.others))

    @property
    def has_station(self) -> bool:
        """Whether voice can reach them."""
        return bool(self.station_id)


def newcomer(agent_id: str, display_name: str, now: datetime, user_version: int = 0) -> Agent:
    """An agent who never worked yet."""
    return Agent(agent_id, display_name[:200], AgentState.OFFLINE, now, now, user_version=user_version)


def moved(agent: Agent, trigger: AgentTrigger, now: datetime, **changes: Any) -> Agent:
    """The agent after the trigger; AgentNotAvailable when the table has no such move."""
    target = TRANSITIONS.get((agent.state, trigger))
    if target is None:
        raise AgentNotAvailable(
            f"{trigger} is not possible for an agent who is {agent.state}", metadata={"state": agent.state}
        )
    reason = changes.pop("reason", "")
    since = agent.state_time if (target, reason) == (agent.state, agent.reason) else now
    changes = {"reason_id": "", "return_time": None} | changes
    return replace(agent, state=target, reason=reason, state_time=since, version=agent.version + 1, **changes)


def wish(agent: Agent, state: AgentState, reason: str, now: datetime, reason_id: str = "") -> Agent:
    """Set the state the agent (or a supervisor) wants: at once, or after the contact at hand.

    InvalidInput for a state only work leads to, StationMissing for AVAILABLE without a station.
    """
    if state not in _WISHES:
        raise InvalidInput.of("state", "must be AVAILABLE, NOT_READY or OFFLINE")
    if len(reason) > 64:
        raise InvalidInput.of("reason", "is longer than 64 characters")
    if not agent.active:
        raise AgentNotFound("the agent's login is disabled")
    agent = replace(agent, passed_over=False)
    kept, kept_id = (reason, reason_id) if state is AgentState.NOT_READY else ("", "")
    if agent.state in BUSY:
        later = None if state is AgentState.AVAILABLE else state
        return replace(
            agent, next_state=later, next_reason=kept, next_reason_id=kept_id, return_time=None,
            version=agent.version + 1,
        )  # fmt: skip
    went_home = agent.state is AgentState.NOT_READY and now - agent.state_time >= SHIFT_OVER
    if state is not AgentState.OFFLINE and (went_home or agent.state is AgentState.OFFLINE):
        agent = replace(agent, shift_contacts=0, shift_talk=timedelta(0), missed_offers=0, missed_in_row=0)
    if state is AgentState.AVAILABLE:
        if not agent.has_station:
            raise StationMissing("connect your microphone first: no station is attached")
        idle = agent.idle_since if agent.state is AgentState.AVAILABLE else now
        return moved(agent, AgentTrigger.GO_AVAILABLE, now, idle_since=idle)
    return moved(agent, _WISHES[state], now, reason=kept, reason_id=kept_id, idle_since=None)


def offered(
    agent: Agent, contact_id: str, now: datetime, channel: Channel = Channel.VOICE, rules: CapacityRules = USUAL_RULES
) -> Agent:
    """Reserved for one contact. Who holds others must have room for it, and who is away must be findable
    (AgentNotAvailable); they are away again afterwards."""
    if agent.held:
        if not rules.has_room(channel, agent.held, agent.capacities):
            raise AgentNotAvailable("the agent has no room for it", metadata={"state": agent.state})
        aside = [Held(agent.contact_id, agent.channel, agent.state is AgentState.WRAP_UP)] if agent.channel else []
        agent = replace(agent, others=(*agent.others, *aside))
    agent = replace(agent, channel=channel)
    if agent.state not in AWAY:
        return moved(agent, AgentTrigger.OFFER, now, contact_id=contact_id, last_offer_time=now)
    if not agent.findable:
        raise AgentNotAvailable("the agent is not at work", metadata={"state": agent.state})
    return moved(
        agent, AgentTrigger.OFFER, now,
        contact_id=contact_id, idle_since=None, next_state=agent.state, next_reason=agent.reason,
        next_reason_id=agent.reason_id, last_offer_time=now, return_time=agent.return_time,
    )  # fmt: skip


def accepted(agent: Agent, now: datetime) -> Agent:
    """Talking."""
    count = agent.shift_contacts + 1
    return moved(
        agent, AgentTrigger.ACCEPT, now, idle_since=None, passed_over=False, shift_contacts=count, missed_in_row=0
    )


def taking(agent: Agent, contact_id: str, now: datetime, channel: Channel = Channel.VOICE) -> Agent:
    """Talking without having been offered anything. Whoever was NOT_READY will be so again: one call made in a break
    doesn't end the break."""
    away = agent.state is AgentState.NOT_READY
    return moved(
        agent, AgentTrigger.TAKE, now,
        contact_id=contact_id, channel=channel, idle_since=None, next_state=agent.state if away else None,
        next_reason=agent.reason if away else "", next_reason_id=agent.reason_id,
        shift_contacts=agent.shift_contacts + 1, missed_in_row=0,
    )  # fmt: skip


def turned_away(agent: Agent, reason: str, now: datetime, returns: timedelta = timedelta(0)) -> Agent:
    """NOT_READY after a missed or declined offer, so that the contact does not ring there again, or what was wanted
    next, with its reason. Who missed one `returns` by themselves after so long (0: never), unless they missed too many
    in a row or wanted to be away. Who was found away is as before, and passed over by queues. Who holds other contacts
    goes on with them, and is NOT_READY after the last, unless they returned before."""
    missed = reason == MISSED_OFFER
    again = missed and returns > timedelta(0) and agent.missed_in_row < RETURNS_IN_ROW and agent.next_state is None
    back = now + returns if again else None
    if agent.others:
        wanted = (agent.next_state, agent.next_reason, agent.next_reason_id)
        return replace(
            _resumed(agent, now, *(wanted if agent.next_state else (AgentState.NOT_READY, reason, ""))),
            missed_offers=agent.missed_offers + missed, missed_in_row=agent.missed_in_row + missed, return_time=back,
        )  # fmt: skip
    agent = replace(agent, channel=None)
    after = moved(
        agent, AgentTrigger.TURN_AWAY, now,
        reason=reason, contact_id="", idle_since=None, next_state=None, next_reason="", next_reason_id="",
    )  # fmt: skip
    if agent.found_away and agent.next_state is not None:
        return replace(
            after, state=agent.next_state, reason=agent.next_reason, reason_id=agent.next_reason_id, passed_over=True,
            return_time=agent.return_time,
        )  # fmt: skip
    if missed:
        after = replace(
            after, missed_offers=agent.missed_offers + 1, missed_in_row=agent.missed_in_row + 1, return_time=back
        )
    if agent.next_state is not None:
        return replace(after, state=agent.next_state, reason=agent.next_reason, reason_id=agent.next_reason_id)
    return after


def returned(agent: Agent, now: datetime) -> Agent:
    """The time after a missed offer is over: AVAILABLE, unless the station is gone meanwhile. Who holds something is
    offered more beside it again, and so free afterwards."""
    if agent.state in BUSY:
        kept = (None, "") if agent.has_station else (AgentState.NOT_READY, NO_STATION)
        return replace(
            agent, next_state=kept[0], next_reason=kept[1], next_reason_id="", return_time=None,
            version=agent.version + 1,
        )  # fmt: skip
    if agent.has_station:
        return moved(agent, AgentTrigger.GO_AVAILABLE, now, idle_since=now)
    return moved(agent, AgentTrigger.GO_NOT_READY, now, reason=NO_STATION, idle_since=None)


def released(agent: Agent, trigger: AgentTrigger, now: datetime) -> Agent:
    """Free again by RESCIND (idle time kept) or FINISH: AVAILABLE, unless another state was wanted or the station
    is gone. Who holds other contacts goes on with the latest."""
    if agent.others:
        return _resumed(agent, now, agent.next_state, agent.next_reason, agent.next_reason_id)
    agent = replace(agent, channel=None)
    idle = agent.idle_since if trigger is AgentTrigger.RESCIND else now
    free = moved(
        agent, trigger, now, contact_id="", idle_since=idle or now, next_state=None, next_reason="", next_reason_id=""
    )  # fmt: skip
    if agent.next_state is not None:
        return replace(
            free, state=agent.next_state, reason=agent.next_reason, reason_id=agent.next_reason_id, idle_since=None,
            return_time=agent.return_time,
        )  # fmt: skip
    if not agent.has_station:
        return replace(free, state=AgentState.NOT_READY, reason=NO_STATION, idle_since=None)
    return free


def _resumed(agent: Agent, now: datetime, state: AgentState | None, reason: str, reason_id: str) -> Agent:
    last = agent.others[-1]
    after = moved(
        agent, AgentTrigger.RESUME, now, contact_id=last.contact_id, channel=last.channel, others=agent.others[:-1],
        next_state=state, next_reason=reason, next_reason_id=reason_id, return_time=agent.return_time,
    )  # fmt: skip
    return replace(after, state=AgentState.WRAP_UP) if last.wrapping else after


def finished(agent: Agent, contact_id: str, now: datetime) -> Agent:
    """A contact they hold is over."""
    if contact_id == agent.contact_id:
        return released(agent, AgentTrigger.FINISH, now)
    kept = tuple(each for each in agent.others if each.contact_id != contact_id)
    # Who holds nothing else any more is idle but for the offer at hand, which found them at the desk.
    idle = now if agent.state is AgentState.OFFERED and not kept else agent.idle_since
    return replace(agent, others=kept, idle_since=idle, version=agent.version + 1)


def talked(agent: Agent, talk: timedelta) -> Agent:
    """The same, with one more talk of this length in the shift; to be moved on."""
    return replace(agent, shift_talk=agent.shift_talk + max(talk, timedelta(0)))


def wrapping_up(agent: Agent, now: datetime, contact_id: str) -> Agent:
    """Talking ended, wrap-up began, for a contact they hold."""
    if contact_id != agent.contact_id:
        marked = tuple(each._replace(wrapping=True) if each.contact_id == contact_id else each for each in agent.others)
        return replace(agent, others=marked, version=agent.version + 1)
    return moved(agent, AgentTrigger.TALK_END, now, return_time=agent.return_time)


def attached(agent: Agent, station_id: str, at: datetime) -> Agent:
    """A station came up at `at`. A NOT_READY that only its absence would have caused is no longer wanted. News that
    comes after that of a newer station, or of its own end, changes nothing."""
    if agent.station_time is not None and (
        at < agent.station_time or (at == agent.station_time and not agent.station_id)
    ):
        return agent
    wanted = (agent.next_state, agent.next_reason)
    if wanted == (AgentState.NOT_READY, NO_STATION):
        wanted = (None, "")
    return replace(
        agent, station_id=station_id, station_time=at, next_state=wanted[0], next_reason=wanted[1],
        version=agent.version + 1,
    )  # fmt: skip


def detached(agent: Agent, at: datetime, now: datetime) -> Agent:
    """The station attached at `at` is gone: AVAILABLE becomes NOT_READY, a busy agent becomes so next. News of one that
    was replaced since changes nothing. An OFFERED agent's offer is the caller's to take back."""
    if agent.station_time is not None and at < agent.station_time:
        return agent
    gone = replace(agent, station_id="", station_time=at, version=agent.version + 1)
    if gone.state is AgentState.AVAILABLE:
        return moved(gone, AgentTrigger.GO_NOT_READY, now, reason=NO_STATION, idle_since=None)
    if gone.state in BUSY and gone.next_state is None:
        return replace(gone, next_state=AgentState.NOT_READY, next_reason=NO_STATION)
    return gone


def disabled(agent: Agent, now: datetime) -> Agent:
    """The login was disabled: OFFLINE now, or after the contact at hand."""
    gone = replace(agent, active=False, version=agent.version + 1)
    if gone.state in BUSY:
        return replace(gone, next_state=AgentState.OFFLINE, next_reason="", next_reason_id="", return_time=None)
    return moved(gone, AgentTrigger.GO_OFFLINE, now, idle_since=None)


def reached(agent: Agent, reach: Reach) -> Agent:
    """Where their calls ring was set anew; news older than what is known changes nothing."""
    if reach.version <= agent.reach.version:
        return agent
    return replace(agent, reach=reach, passed_over=False, version=agent.version + 1)


class Directly(StrEnum):
    """What becomes of a contact for one agent alone when it comes."""

    WAITS = "WAITS"
    FORWARDED = "FORWARDED"
    """It goes on by the agent's last resort at once."""
    REFUSED = "REFUSED"


def directly(agent: Agent, *, free: bool = False, takes: bool = True) -> Directly:
    """Whether one contact for this agent alone waits for them; `free`: they have room for it now, `takes`: they ever
    have. Nobody waits for somebody who went home; whoever has a last resort doesn't let anybody wait
    while they talk or rest either. Wrap-up is short, so it is waited for."""
    if not takes:
        return Directly.FORWARDED if agent.reach.forwards else Directly.REFUSED
    if free or agent.state in (AgentState.AVAILABLE, AgentState.WRAP_UP) or agent.findable:
        return Directly.WAITS
    if agent.reach.forwards:
        return Directly.FORWARDED
    return Directly.REFUSED if agent.state is AgentState.OFFLINE else Directly.WAITS

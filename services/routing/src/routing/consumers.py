"""Facts of the others: users come and go, plans change, stations attach and detach, agents leave calls, calls end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chassis.bus import FactMeta
from chassis.instants import time_in
from chassis.sql import Tx
from kernel.features import PlanFeatures
from merkez.telephony.v1 import call_pb2
from merkez.telephony.v1.telephony_events_pb2 import (
    AgentLeft,
    AnswerDetected,
    CallEnded,
    FindMeChanged,
    StationAttached,
    StationDetached,
)
from merkez.tenancy.v1 import session_pb2
from merkez.tenancy.v1.tenancy_events_pb2 import PlanSubscribed, TenantSignedUp, UserChanged, UserJoined

from routing.domain.agents import Reach
from routing.ledger import Desk
from routing.ops import agents as agent_ops
from routing.ops import callbacks as callback_ops
from routing.ops import contacts as contact_ops
from routing.ops import plans as plan_ops

CONSUMER = "routing"
_NEVER_JOINED = "NEVER_JOINED"
_NO_PERSON = frozenset(
    {
        call_pb2.ANSWERED_BY_MACHINE, call_pb2.ANSWERED_BY_MACHINE_BEEP, call_pb2.ANSWERED_BY_FAX,
        call_pb2.ANSWERED_BY_DISCONNECTED,
    }
)  # fmt: skip
_HANDLES_CONTACTS = frozenset(
    {session_pb2.ROLE_OWNER, session_pb2.ROLE_ADMIN, session_pb2.ROLE_SUPERVISOR, session_pb2.ROLE_AGENT}
)


class Consumers:
    """What routing does about each."""

    def __init__(self, desk: Desk):
        self._desk = desk

    @property
    def handlers(self) -> Mapping[Any, Any]:
        """For `Bus.consume`."""
        return {
            TenantSignedUp: self.tenant_signed_up,
            PlanSubscribed: self.plan_subscribed,
            UserJoined: self.user_changed,
            UserChanged: self.user_changed,
            StationAttached: self.station_attached,
            StationDetached: self.station_detached,
            FindMeChanged: self.find_me_changed,
            AgentLeft: self.agent_left,
            AnswerDetected: self.answer_detected,
            CallEnded: self.call_ended,
        }

    async def tenant_signed_up(self, tx: Tx, fact: TenantSignedUp, meta: FactMeta) -> None:
        """The owner can answer calls from the first minute on."""
        if fact.owner_user_id:
            await agent_ops.ensure_agent(self._desk.on(tx), fact.owner_user_id, "", self._desk.clock.now())

    async def plan_subscribed(self, tx: Tx, fact: PlanSubscribed, meta: FactMeta) -> None:
        """The plan says whether there are skills."""
        plan = PlanFeatures(fact.plan.plan_id, frozenset(fact.plan.features), dict(fact.lowest_plan_ids))
        await plan_ops.hold_plan(self._desk.on(tx), plan, time_in(fact, "effective_time") or meta.time)

    async def user_changed(self, tx: Tx, fact: UserJoined | UserChanged, meta: FactMeta) -> None:
        """Whoever has a role that handles contacts is an agent, as long as the login is active."""
        user = fact.user
        active = user.role in _HANDLES_CONTACTS and user.state != session_pb2.USER_STATE_DISABLED
        ledger = self._desk.on(tx)
        # Whoever was changed may have been an agent before: news of that may still be under way, and must find it over.
        if active or user.version > 1 or await agent_ops.is_agent(ledger, user.user_id):
            now = self._desk.clock.now()
            await agent_ops.change_user(ledger, user.user_id, user.display_name, active, user.version, now)

    async def station_attached(self, tx: Tx, fact: StationAttached, meta: FactMeta) -> None:
        """Voice reaches the agent."""
        station = fact.station
        at = time_in(station, "attach_time") or meta.time
        await agent_ops.attach_station(
            self._desk.on(tx), station.agent_id, station.station_id, at, self._desk.clock.now()
        )

    async def station_detached(self, tx: Tx, fact: StationDetached, meta: FactMeta) -> None:
        """Voice reaches the agent no more."""
        station = fact.station
        at = time_in(station, "attach_time") or meta.time
        await agent_ops.detach_station(self._desk.on(tx), station.agent_id, at, self._desk.clock.now())

    async def find_me_changed(self, tx: Tx, fact: FindMeChanged, meta: FactMeta) -> None:
        """How long an offer rings at the agent's telephones."""
        reach = Reach(
            fact.away_duration.ToTimedelta(), fact.desk_duration.ToTimedelta(), fact.queue_calls, fact.forwards,
            fact.version,
        )  # fmt: skip
        await agent_ops.set_reach(self._desk.on(tx), fact.agent_id, reach, self._desk.clock.now())

    async def agent_left(self, tx: Tx, fact: AgentLeft, meta: FactMeta) -> None:
        """Wrap-up, while the call goes on; none for who was never in it."""
        if fact.reason == _NEVER_JOINED:
            await contact_ops.never_joined(self._desk.on(tx), fact.contact_id, fact.agent_id, self._desk.clock.now())
            return
        leave_time = time_in(fact, "leave_time") or meta.time
        await contact_ops.leave_call(
            self._desk.on(tx), fact.contact_id, fact.agent_id, leave_time, self._desk.clock.now()
        )

    async def answer_detected(self, tx: Tx, fact: AnswerDetected, meta: FactMeta) -> None:
        """No agent is kept for a machine that answered a callback."""
        if fact.leg.answered_by in _NO_PERSON:
            await callback_ops.no_person(self._desk.on(tx), fact.call.call_id, self._desk.clock.now())

    async def call_ended(self, tx: Tx, fact: CallEnded, meta: FactMeta) -> None:
        """Abandoned, or wrap-up; and what came of a callback."""
        end_time = time_in(fact.cdr, "end_time") or meta.time
        ledger, now = self._desk.on(tx), self._desk.clock.now()
        answered = fact.cdr.HasField("answer_time")
        await callback_ops.end_call(ledger, fact.cdr.call_id, fact.cdr.end_cause, now, answered=answered)
        await contact_ops.end_call(ledger, fact.cdr.call_id, end_time, now)

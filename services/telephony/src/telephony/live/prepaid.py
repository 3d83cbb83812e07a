"""Calls of companies that pay beforehand: talk is paid for in slices of a few seconds, a slice ahead, and a call whose
balance has ended ends with it.

Billing decides who pays how and holds the money (docs/mechanisms/wallets.md). Here is only asking it in time: once when
a call begins to count, then every other second, from whichever node the call lives on. A call counts from our answer, a
call out from the answer of the number that was called. What it came to is settled by its detail record, so that nothing
is to be done here when a call ends, and nothing is lost with a node.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from time import monotonic

from chassis.statuses import RemoteFailed
from chassis.telemetry import counter, log
from kernel.errors import DomainError

from telephony.domain.calls import Call, CallState, Direction, EndCause, EndParty
from telephony.domain.cdrs import connected
from telephony.domain.legs import Leg
from telephony.domain.prepaid import BalanceTooLowToCall, Credit, NumberHasNoRate
from telephony.live.billing import Billing
from telephony.live.call import LiveCall
from telephony.live.house import House
from telephony.live.switchboard import Switchboard

LOOK_SECONDS = 0.5
BEAT_SECONDS = 3.0
_RETRY_SECONDS = 1.0
_POSTPAID_SECONDS = 30.0
"""How long it is remembered of a company that its calls reserve nothing."""
_ended = counter("merkez.telephony.balance_ended", "Calls that ended with their balance")


class Prepaid:
    """Follows calls on this node; main runs `look`."""

    def __init__(self, house: House, switchboard: Switchboard, billing: Billing) -> None:
        self._house = house
        self._switchboard = switchboard
        self._billing = billing
        self._followed: dict[str, LiveCall] = {}
        self._postpaid: dict[str, float] = {}
        """Tenant id -> until when it is known to pay by invoice."""

    async def look(self) -> None:
        """Begin to follow calls that count now."""
        for live in self._switchboard.calls:
            if self._alive(live) and self._followed.get(live.call_id) is not live and counts_from(live.call, live.legs):
                self._followed[live.call_id] = live
                if self._postpaid.get(live.tenant_id, 0.0) < monotonic():
                    self._house.tasks.spawn(self._follow(live), "prepaid call")
        here = {live.call_id for live in self._switchboard.calls}
        self._followed = {call_id: live for call_id, live in self._followed.items() if call_id in here}

    async def check(self, tenant_id: str, number: str) -> None:
        """Refuses a number that is about to be rung and could not be paid for. While billing is away it is rung: the
        call is held to its balance from its answer on. Raises `BalanceTooLowToCall`, `NumberHasNoRate`."""
        if self._postpaid.get(tenant_id, 0.0) > monotonic():
            return
        try:
            prepaid, refusal = await self._billing.check(tenant_id, number)
        except (DomainError, RemoteFailed) as error:
            log.warning("billing can't be asked before a number is rung", tenant_id=tenant_id, exc_info=error)
            return
        if not prepaid:
            self._postpaid[tenant_id] = monotonic() + _POSTPAID_SECONDS
        elif refusal == "BALANCE_USED_UP":
            raise BalanceTooLowToCall("the wallet's balance doesn't pay for this call: top it up")
        elif refusal:
            raise NumberHasNoRate("there is no price for calls to this number", metadata={"refusal": refusal})

    def _alive(self, live: LiveCall) -> bool:
        return not live.ending and self._switchboard.find(live.call_id) is live

    async def _follow(self, live: LiveCall) -> None:
        begin = counts_from(live.call, live.legs)
        assert begin is not None
        talked = _measure(self._house.now() - begin - live.call.unheard)
        credit = Credit(timedelta(seconds=self._house.settings.prepaid_grace_seconds))
        warned = False
        while self._alive(live):
            try:
                credit = credit.told(await self._ask(live, begin, credit, talked()))
            except (DomainError, RemoteFailed) as error:
                if not credit.away:
                    log.warning("billing can't be asked about a call", call_id=live.call_id, exc_info=error)
                credit = credit.unanswered()
            if credit.known and not credit.prepaid:
                self._postpaid[live.tenant_id] = monotonic() + _POSTPAID_SECONDS
                return
            if credit.over(talked()):
                await self._end(live, credit)
                return
            if credit.last and not warned:
                warned = True
                self._house.tasks.spawn(self._warn(live), "balance ends")
            await asyncio.sleep(credit.pause(talked(), _RETRY_SECONDS if credit.away else BEAT_SECONDS))

    async def _ask(self, live: LiveCall, begin: datetime, credit: Credit, talked: timedelta) -> Credit:
        if credit.known:
            return await self._billing.extend(live.tenant_id, live.call_id, talked)
        return await self._billing.reserve(live.tenant_id, live.call, begin)

    async def _warn(self, live: LiveCall) -> None:
        """The parties hear that the call is about to end; a top-up may still let it go on."""
        clips = await self._house.phrase("balance", live.call.language)
        if self._alive(live) and clips:
            live.room.announce(live.customer_id, clips)
            for leg_id in live.room.members:
                if leg_id != live.customer_id:
                    live.room.announce(leg_id, clips)

    async def _end(self, live: LiveCall, credit: Credit) -> None:
        cause = EndCause.BILLING_AWAY if credit.away else EndCause.BALANCE
        log.info("a call ends with its balance", call_id=live.call_id, cause=cause, refusal=credit.refusal)
        _ended.add(1)
        await self._switchboard.end(live, EndParty.SYSTEM, cause)


def counts_from(call: Call, legs: Iterable[Leg]) -> datetime | None:
    """When a call began to be paid for; None while it hasn't."""
    if call.state is CallState.SETUP or not call.live:
        return None
    return connected(call, legs) if call.direction is Direction.OUTBOUND else call.start_time


def _measure(so_far: timedelta) -> Callable[[], timedelta]:
    """Talk since the begin by the monotonic clock, of which so much has passed."""
    since = monotonic()
    return lambda: max(timedelta(0), so_far) + timedelta(seconds=monotonic() - since)
